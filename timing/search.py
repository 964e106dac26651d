"""One search for known words in audio: the best path through their states, and what else the audio may hold.

Words come in order. Between two of them, before the first and after the last there may be silence, or anything else:
a frame of that costs `REST` nats against its best phone (a filler model, Rose and Paul 1990). Words may be skipped at a
price. So a word that nobody says, music, and speech that the text lacks cost no other word.
"""
from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from timing import edges
from timing.acoustic import BEGIN, END, INTERNAL, SINGLE, STATES, Floats, Ints, Model
from timing.align import RATE_HZ, Samples
from timing.reduced import forms

FRAMES_PER_S = 100
"""What the model was made for. At 125 more words slip in noise: at 10 dB 22 % of boundaries are 50 ms off, not 15 %."""
FRAME_MIDDLE_S = 0.0128 - 0.5 / FRAMES_PER_S
"""A frame is 25.6 ms of audio: a boundary lies between the middles of two frames."""

# Prices in nats. `./run bench timing_fit prices` makes their choice again, on the dev split of its sets.
SILENCE_PRICE = 8.0
REST_PRICE, REST = 80.0, 3.5
SKIP_FIRST, SKIP = 60.0, 5.0
LONG_FRAMES, STRETCH = 8, 1.5
"""A state of a phone that lasts longer pays for each frame: else words are stretched over music."""
HESITATIONS = frozenset("ah eh er erm hm hmm mm oh uh um".split())
"""Words that people do draw out."""
BESIDE_S = 0.05
FAR_S = (0.1, 0.2)
"""A boundary that is so far away is another one."""


@dataclass(frozen=True, slots=True)
class Found:
    """Word `index` of the words that were searched for, and the evidence in nats a frame.

    `match` is its likelihood against the best phones in any order, 0 when nothing matches better; `worst` is that of
    its worst phone; `quiet` is that of silence in its place. `margins` is how much worse the best path is, in nats, on
    which it begins or ends farther away than each of `FAR_S`, `needed` that on which it is left out for nothing.
    `contrast_db` is how far the loud parts of the audio about it lie above the quiet ones.
    `beside` says that sounds which are no words of the text, or skipped words, lie next to it.
    """

    index: int
    start_s: float
    end_s: float
    match: float
    worst: float
    quiet: float
    n_phones: int
    margins: tuple[float, ...]
    needed: float
    contrast_db: float
    beside: bool = False

    def moved(self, by_words: int, by_s: float) -> Found:
        return replace(self, index=self.index + by_words, start_s=self.start_s + by_s, end_s=self.end_s + by_s)


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


class Search:
    """Not for two threads at once."""

    def __init__(self, *, reduced: bool = False) -> None:
        """With `reduced` a word may also be said as `timing.reduced` says."""
        self._model, self._reduced = Model(FRAMES_PER_S), reduced
        self._ways: dict[str, list[list[int]]] = {}

    @property
    def n_words(self) -> int:
        """How many different words it was asked for."""
        return len(self._ways)

    def knows(self, word: str) -> bool:
        """Whether the word has a pronunciation."""
        if word not in self._ways:
            self._ways[word] = self._model.pronunciations(word)
            if self._reduced:
                names = list(self._model.phones)
                dictionary = [[names[phone] for phone in way] for way in self._ways[word]]
                self._ways[word] += [[self._model.phones[name] for name in form] for form in forms(word, dictionary)]
        return bool(self._ways[word])

    def run(self, audio: Samples, words: Sequence[str], *, open_end: bool) -> list[Found]:
        """The words on the best path, in order; all are known. With `open_end` the audio may end after any word."""
        if not words or len(audio) < RATE_HZ // 10:
            return []
        graph = self.graph(words)
        return best_words(graph, *graph.evidence(audio), audio, open_end=open_end)

    def graph(self, words: Sequence[str]) -> Graph:
        """Of words that are known."""
        return Graph(self._model, [self._ways[word] for word in words], [word in HESITATIONS for word in words])


def best_words(graph: Graph, states: Floats, silence: Floats, audio: Samples, *, open_end: bool) -> list[Found]:
    """The words on the best path through the graph's evidence of this audio."""
    trellis = Trellis(graph, states, silence)
    rest = Trellis(graph.backwards(), states[::-1, ::-1], silence[::-1], open_start=open_end)
    parts = trellis.path(open_end=open_end)
    doubts = trellis.doubts(rest, parts)
    quiet_db, loud_db = np.percentile(edges.levels_db(audio), (10, 90))
    return [_found(part, graph.n_phones[part.index], silence, [*doubts[part.index], float(loud_db - quiet_db)],
                   _beside(before, part) or _beside(part, after))
            for before, part, after in zip([None, *parts], parts, [*parts[1:], None], strict=False)
            if part.index >= 0]


def seconds(frame: int) -> float:
    """When a frame begins, or the last one before it ends."""
    return frame / FRAMES_PER_S + FRAME_MIDDLE_S


def _found(part: Part, n_phones: int, silence: Floats, doubts: Sequence[float], beside: bool) -> Found:
    start_s, end_s = seconds(part.start), seconds(part.stop)
    quiet = float(silence[part.start : part.stop].mean())
    *margins, needed, contrast_db = doubts
    return Found(part.index, start_s, end_s, part.match, part.worst, quiet, n_phones, tuple(margins), needed,
                 contrast_db, beside)


def _beside(before: Part | None, after: Part | None) -> bool:
    if before is None or after is None:
        return False
    other = before.index < 0 or after.index < 0
    near = after.start - before.stop <= BESIDE_S * FRAMES_PER_S
    return (other and near) or (not other and after.index - before.index > 1)


class Graph:
    """The states of words in a row; each way to say a word has its own, one after the other.

    At its edges a word may have its neighbour or a pause as context: each state there has two senones.
    """

    def __init__(self, model: Model, words: Sequence[Sequence[Sequence[int]]], drawn_out: Sequence[bool]) -> None:
        self._model = model
        silence = model.phones["SIL"]
        firsts = [*(ways[0][0] for ways in words), silence]
        lasts = [silence, *(ways[0][-1] for ways in words)]
        joined: list[Ints] = []
        alone: list[Ints] = []
        for ways, before, after in zip(words, lasts, firsts[1:], strict=False):
            for phones in ways:
                joined += _senones(model, phones, before, after)
                alone += _senones(model, phones, silence, silence)
        self._joined, self._alone = np.concatenate(joined), np.concatenate(alone)
        self._phones = [phones for ways in words for phones in ways]
        lengths = STATES * np.array([len(phones) for ways in words for phones in ways])
        self.last = np.cumsum(lengths) - 1
        self.first = self.last - lengths + 1
        self.word = np.repeat(np.arange(len(words)), [len(ways) for ways in words])
        self.ways = np.append(np.searchsorted(self.word, np.arange(len(words))), len(lengths))
        self.long_frames = np.repeat(np.where(np.array(drawn_out)[self.word], np.inf, LONG_FRAMES), lengths)
        self.n_words, self.n_states = len(words), len(self._joined)
        self.n_phones = [len(ways[0]) for ways in words]

    def phones_of(self, way: int) -> list[str]:
        """The names of the phones of one way to say a word."""
        names = list(self._model.phones)
        return [names[phone] for phone in self._phones[way]]

    def backwards(self) -> Graph:
        """The same states from the last to the first."""
        other = copy(self)
        other.first, other.last = self.n_states - 1 - self.last[::-1], self.n_states - 1 - self.first[::-1]
        other.word = self.n_words - 1 - self.word[::-1]
        other.ways = len(self.last) - self.ways[::-1]
        other.long_frames, other.n_phones = self.long_frames[::-1], self.n_phones[::-1]
        return other

    def evidence(self, audio: Samples) -> tuple[Floats, Floats]:
        """Log likelihoods of states, [n_frames, n_states], and silence, [n_frames], against the best phone's."""
        cepstra = self._model.cepstra(audio)
        every = self._model.ci_senones.ravel()
        senones, at = np.unique(np.concatenate([every, self._joined, self._alone]), return_inverse=True)
        phones, joined, alone = np.split(at, np.cumsum([len(every), self.n_states]))
        quiet = at[STATES * self._model.phones["SIL"] :][:STATES]
        states = np.empty((len(cepstra), self.n_states), np.float32)
        silence = np.empty(len(cepstra), np.float32)
        start = 0
        for scores in self._model.scores(cepstra, senones):
            scores -= scores[phones].max(axis=0)
            stop = start + scores.shape[1]
            states[start:stop] = np.maximum(scores[joined], scores[alone]).T
            silence[start:stop] = scores[quiet].max(axis=0)
            start = stop
        return states, silence


def _senones(model: Model, phones: Sequence[int], before: int, after: int) -> list[Ints]:
    around = [before, *phones, after]
    last = len(phones) - 1
    places = [SINGLE] if not last else [BEGIN, *[INTERNAL] * (last - 1), END]
    return [model.senones(phone, left, right, place)
            for left, phone, right, place in zip(around, phones, around[2:], places, strict=False)]


class Trellis:
    """Viterbi's search. Node i lies before word i; `nodes[t]` holds the best path to each after t frames."""

    def __init__(self, graph: Graph, states: Floats, silence: Floats, *, open_start: bool = False) -> None:
        self._graph, self._states = graph, states
        n_frames, n_nodes = len(states), graph.n_words + 1
        self._steps = SKIP * np.arange(n_nodes, dtype=np.float32)
        self._stays = np.empty(states.shape, np.bool_)
        self._silences, self._rests, self._arrivals, self.nodes = (
            np.full((n_frames + 1, n_nodes), -np.inf, np.float32) for _ in range(4))
        self._ends = np.full((n_frames + 1, len(graph.last)), -np.inf, np.float32)
        self._arrivals[0, : None if open_start else 1] = 0
        self._skip(0)
        self._fill(silence)

    def _fill(self, silence: Floats) -> None:
        graph = self._graph
        state = np.full(graph.n_states, -np.inf, np.float32)
        entered, age = np.empty_like(state), np.zeros_like(state)
        for t, (scores, quiet, stays) in enumerate(zip(self._states, silence, self._stays, strict=True)):
            nodes = self.nodes[t]
            entered[1:] = state[:-1]
            entered[graph.first] = nodes[graph.word]
            np.greater_equal(state, entered, out=stays)
            np.maximum(state, entered, out=state)
            age *= stays
            age += 1
            state += scores
            state -= STRETCH * (age > graph.long_frames)
            self._ends[t + 1] = state[graph.last]
            self._silences[t + 1] = np.maximum(self._silences[t], nodes - SILENCE_PRICE) + quiet
            self._rests[t + 1] = np.maximum(self._rests[t], nodes - REST_PRICE) - REST
            arrivals = np.maximum(self._silences[t + 1], self._rests[t + 1], out=self._arrivals[t + 1])
            np.maximum(arrivals[1:], np.maximum.reduceat(self._ends[t + 1], graph.ways[:-1]), out=arrivals[1:])
            self._skip(t + 1)

    def _skip(self, t: int) -> None:
        arrivals, nodes = self._arrivals[t], self.nodes[t]
        reach = np.maximum.accumulate(arrivals + self._steps)
        nodes[0] = arrivals[0]
        np.maximum(arrivals[1:], reach[:-1] - self._steps[1:] - SKIP_FIRST, out=nodes[1:])

    def doubts(self, rest: Trellis, parts: Sequence[Part]) -> dict[int, list[float]]:
        """For each word of a path how much worse the best other one is: one for each of `FAR_S`, and without the word.

        `rest` is of the same graph backwards.
        """
        after = rest.nodes[::-1, ::-1]
        starts = self.nodes[:, :-1] + rest.word_ends()[::-1, ::-1]
        ends = self.word_ends() + after[:, 1:]
        without = (self.nodes[:, :-1] + after[:, 1:]).max(axis=0)
        found = {}
        for part in parts:
            if part.index >= 0:
                start, end = starts[:, part.index], ends[:, part.index]
                margins = [min(_margin(start, part.start, far_s), _margin(end, part.stop, far_s)) for far_s in FAR_S]
                found[part.index] = [*margins, float(start.max() - without[part.index])]
        return found

    def word_ends(self) -> Floats:
        """The best path through t frames that has just ended each word, [n_frames + 1, n_words]."""
        return np.maximum.reduceat(self._ends, self._graph.ways[:-1], axis=1)

    def path(self, *, open_end: bool) -> list[Part]:
        """The words and the other sounds on the best path."""
        t = len(self._states)
        node = int(self._arrivals[t].argmax()) if open_end else self._graph.n_words
        parts: list[Part] = []
        while t:
            if self._arrivals[t, node] < self.nodes[t, node]:
                node = int((self._arrivals[t, :node] + self._steps[:node]).argmax())
            stop, best = t, self._arrivals[t, node]
            if self._silences[t, node] == best:
                t = self._entry(self._silences, SILENCE_PRICE, t, node)
            elif self._rests[t, node] == best:
                t = self._entry(self._rests, REST_PRICE, t, node)
                parts.append(Part(-1, t, stop))
            else:
                parts.append(self._word(t, node - 1))
                node, t = node - 1, parts[-1].start
        return parts[::-1]

    def _entry(self, table: Floats, price: float, t: int, node: int) -> int:
        """When a silence or another sound that is there at `t` began."""
        t -= 1
        while table[t, node] >= self.nodes[t, node] - price:
            t -= 1
        return t

    def _word(self, stop: int, index: int) -> Part:
        """The word that ends with frame `stop`."""
        first, last = self._graph.ways[index : index + 2]
        way = first + int(self._ends[stop, first:last].argmax())
        state, t = int(self._graph.last[way]), stop
        totals = np.zeros((state - self._graph.first[way] + 1, 2))
        walked: list[int] = []
        while True:
            t -= 1
            walked.append(state)
            totals[state - self._graph.first[way]] += self._states[t, state], 1
            if not self._stays[t, state]:
                if state == self._graph.first[way]:
                    break
                state -= 1
        phones = totals.reshape(-1, STATES, 2).sum(axis=1)
        return Part(index, t, stop, float(totals[:, 0].sum() / (stop - t)), float((phones[:, 0] / phones[:, 1]).min()),
                    tuple(reversed(walked)))


def _margin(scores: Floats, at: int, far_s: float) -> float:
    """By how much the best score of those near `at` exceeds that of the others."""
    far = round(far_s * FRAMES_PER_S)
    first, stop = max(0, at - far), at + far + 1
    others = max(scores[:first].max(initial=-np.inf), scores[stop:].max(initial=-np.inf))
    return float(scores[first:stop].max() - others)
