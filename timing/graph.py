"""The states of the words that a search looks for, and how well each of them matches each frame."""
from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np

from timing import drawn_out
from timing.acoustic import BEGIN, END, INTERNAL, SINGLE, STATES, Floats, Ints, Model
from timing.edges import Samples


@dataclass(frozen=True, slots=True)
class Part:
    """Frames `[start, stop)` of the best path: a word, or with `index` -1 sounds that are no words of the text.

    `states` are a word's in the graph, one for each frame.
    """

    index: int
    start: int
    stop: int
    match: float = 0.0
    worst: float = 0.0
    states: tuple[int, ...] = ()


class Graph:
    """The states of words in a row; each way to say a word has its own, one after the other.

    At its edges a word may have its neighbour or a pause as context: each state there has two senones. Before the
    first, between ways and behind the last there is a place that is no state: a search puts there what enters.
    """

    def __init__(self, model: Model, words: Sequence[Sequence[Sequence[int]]], long_frames: Sequence[float]) -> None:
        """The phones of each way to say each word, and for each word from how many frames on a state is drawn out."""
        self.model = model
        silence = model.phones["SIL"]
        firsts = [*(ways[0][0] for ways in words), silence]
        lasts = [silence, *(ways[0][-1] for ways in words)]
        self._phones = [phones for ways in words for phones in ways]
        around = [(before, after) for ways, before, after in zip(words, lasts, firsts[1:], strict=False) for _ in ways]
        self._joined = _senones(model, self._phones, around)
        self._alone = _senones(model, self._phones, [(silence, silence)] * len(around))
        lengths = STATES * np.array([len(phones) for phones in self._phones])
        self.last = np.cumsum(lengths + 1) - 1
        self.first = self.last - lengths + 1
        self.word = np.repeat(np.arange(len(words)), [len(ways) for ways in words])
        self.ways = np.append(np.searchsorted(self.word, np.arange(len(words))), len(lengths))
        self.long_frames = np.append(np.inf, np.repeat(np.array(long_frames)[self.word], lengths + 1))
        self.n_words, self.n_states = len(words), len(self._joined)
        self.n_phones = [len(ways[0]) for ways in words]

    def aligned(self, parts: Sequence[Part]) -> tuple[Ints, Ints]:
        """The frames of the words of a path, and the senone of each."""
        spoken = [part for part in parts if part.index >= 0]
        return (np.concatenate([np.arange(part.start, part.stop) for part in spoken]),
                self._joined[np.concatenate([part.states for part in spoken])])

    def phones_of(self, way: int) -> list[str]:
        """The names of the phones of one way to say a word."""
        names = list(self.model.phones)
        return [names[phone] for phone in self._phones[way]]

    def way_of(self, part: Part) -> int:
        """In which a part of a path says its word."""
        return int(np.searchsorted(self.last, part.states[0]))

    def matched(self, part: Part, states: Floats) -> Floats:
        """How well the sounds of a part's word that can be drawn out match each frame, by their best state."""
        way = self.way_of(part)
        drawable = np.repeat([phone not in drawn_out.OBSTRUENTS for phone in self.phones_of(way)], STATES)
        return np.asarray(states[:, self.first[way] : self.last[way] + 1].max(axis=1, initial=-np.inf, where=drawable))

    def backwards(self) -> Graph:
        """The same states from the last to the first."""
        other = copy(self)
        other.first, other.last = self.n_states - 1 - self.last[::-1], self.n_states - 1 - self.first[::-1]
        other.word = self.n_words - 1 - self.word[::-1]
        other.ways = len(self.last) - self.ways[::-1]
        other.long_frames, other.n_phones = self.long_frames[::-1], self.n_phones[::-1]
        return other

    def cepstra(self, audio: Samples, transform: Floats) -> Floats:
        """[n_frames, 13]; `transform` is of `timing.adaptation`."""
        return self.model.cepstra(audio) @ transform[:, :-1].T + transform[:, -1]

    def likelihoods(self, cepstra: Floats, shifts: Floats | None = None) -> tuple[Floats, Floats]:
        """Log likelihoods of states, [n_frames, n_states], and silence, [n_frames], against the best phone's; `shifts`
        are of `timing.adaptation`."""
        every = self.model.ci_senones.ravel()
        senones, at = self.model.in_order(np.concatenate([every, self._joined, self._alone]))
        phones, joined, alone = np.split(at, np.cumsum([len(every), self.n_states]))
        quiet = at[STATES * self.model.phones["SIL"] :][:STATES]
        states = np.empty((len(cepstra), self.n_states), np.float32)
        silence = np.empty(len(cepstra), np.float32)
        start = 0
        gaussians = None if shifts is None else self.model.shifted(shifts)
        for scores in self.model.scores(cepstra, senones, gaussians):
            stop = start + len(scores)
            scores -= scores[:, phones].max(axis=1, keepdims=True)
            np.maximum(scores.take(joined, axis=1), scores.take(alone, axis=1), out=states[start:stop])
            silence[start:stop] = scores[:, quiet].max(axis=1)
            start = stop
        return states, silence


def _senones(model: Model, ways: Sequence[Sequence[int]], around: Sequence[tuple[int, int]]) -> Ints:
    """Of each state, and senone 0 of each place that is no state."""
    rows = [(phone, left, right, place) for phones, (before, after) in zip(ways, around, strict=True)
            for phone, left, right, place in zip(phones, [before, *phones], [*phones[1:], after], _places(len(phones)),
                                                 strict=False)]
    lengths = np.array([len(phones) for phones in ways])
    senones = model.senones(*np.array(rows).T).ravel()
    return np.insert(senones, np.cumsum(np.append(0, STATES * lengths)), 0)


def _places(n_phones: int) -> list[int]:
    """Of each phone in its word."""
    return [BEGIN, *[INTERNAL] * (n_phones - 2), END] if n_phones > 1 else [SINGLE]
