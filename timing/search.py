"""One search for known words in audio: the best path through their states, and what else the audio may hold.

Words come in order. Between two of them, before the first and after the last there may be silence, or anything else:
a frame of that costs `REST` nats against its best phone (a filler model, Rose and Paul 1990). Words may be skipped at a
price. So a word that nobody says, music, and speech that the text lacks cost no other word.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from timing import drawn_out, edges
from timing.acoustic import STATES, Floats, Model
from timing.align import RATE_HZ, Samples
from timing.graph import Graph, Part
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
HESITATIONS = frozenset("ah eh er erm euh heu hm hmm hum mm oh uh um".split())
"""Words that people do draw out."""
NEVER = 255
BESIDE_S = 0.05
FAR_S = (0.1, 0.2)
"""A boundary that is so far away is another one."""
NEAR_FRAMES, ACOUSTIC_SCALE = 3, 0.2
"""A boundary is the mean of those so near to the best path's, by their likelihood. Frames beside each other say much
the same, so their scores count a fifth."""
HISSES = frozenset("CH F S SH TH Z ch ff ss zz".split())


@dataclass(frozen=True, slots=True)
class Found:
    """Word `index` of the words that were searched for, and the evidence in nats a frame.

    `match` is its likelihood against the best phones in any order, 0 when nothing matches better; `worst` is that of
    its worst phone; `quiet` is that of silence in its place. `margins` is how much worse the best path is, in nats, on
    which it begins or ends farther away than each of `FAR_S`, `needed` that on which it is left out for nothing.
    `contrast_db` is how far the loud parts of the audio about it lie above the quiet ones, `missing` the share of the
    model's bands that hold no speech there. `hissing` says that it ends in a fricative, which may be inaudible then.
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
    missing: float
    hissing: bool
    beside: bool = False

    def moved(self, by_words: int, by_s: float) -> Found:
        return replace(self, index=self.index + by_words, start_s=self.start_s + by_s, end_s=self.end_s + by_s)

    def over(self, wider: drawn_out.Stretch | None) -> Found:
        """The same word, which lasts so long."""
        return replace(self, start_s=min(self.start_s, seconds(wider.start)),
                       end_s=max(self.end_s, seconds(wider.stop)), beside=True) if wider else self


class Search:
    """Not for two threads at once."""

    def __init__(self, language: str = "en", *, reduced: bool = False) -> None:
        """With `reduced` an English word may also be said as `timing.reduced` says."""
        self._model, self._reduced = Model(FRAMES_PER_S, language), reduced
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
        graph, cepstra = self.graph(words), self._model.cepstra(audio)
        states, silence = graph.likelihoods(cepstra)
        trellis = Trellis(graph, states, silence, open_end=open_end)
        parts = trellis.path()
        stretches = [drawn_out.Stretch(part.index, part.start, part.stop) for part in parts]
        sounds = drawn_out.widened(stretches, cepstra)
        level_db = edges.levels_db(audio)[:: 1000 // FRAMES_PER_S // edges.HOP_MS]
        pauses = drawn_out.into_pauses(stretches, cepstra, level_db,
                                       lambda i: graph.matched(parts[i], states) - silence)
        return [each.over(sounds.get(each.index)).over(pauses.get(each.index))
                for each in best_words(graph, trellis, parts, silence, audio)]

    def graph(self, words: Sequence[str]) -> Graph:
        """Of words that are known."""
        long_frames = [np.inf if word in HESITATIONS else LONG_FRAMES for word in words]
        return Graph(self._model, [self._ways[word] for word in words], long_frames)


def best_words(graph: Graph, trellis: Trellis, parts: Sequence[Part], silence: Floats, audio: Samples) -> list[Found]:
    """The words on the best path through the graph's evidence of this audio, `parts`."""
    starts, ends = trellis.boundaries()
    frames = _mean_boundaries([part for part in parts if part.index >= 0], starts, ends)
    doubts = trellis.doubts(parts, starts, ends)
    quiet_db, loud_db = np.percentile(edges.levels_db(audio), (10, 90))
    missing = graph.model.missing_bands(audio)
    found = []
    for before, part, after in zip([None, *parts], parts, [*parts[1:], None], strict=False):
        if part.index >= 0:
            start_s, end_s = map(seconds, frames[part.index])
            quiet = float(silence[part.start : part.stop].mean())
            *margins, needed = doubts[part.index]
            found.append(Found(
                part.index, start_s, end_s, part.match, part.worst, quiet, graph.n_phones[part.index], tuple(margins),
                needed, float(loud_db - quiet_db), missing, graph.phones_of(graph.way_of(part))[-1] in HISSES,
                _beside(before, part) or _beside(part, after)))
    return found


def seconds(frame: float) -> float:
    """When a frame begins, or the last one before it ends."""
    return frame / FRAMES_PER_S + FRAME_MIDDLE_S


def _mean_boundaries(words: Sequence[Part], starts: Floats, ends: Floats) -> dict[int, tuple[float, float]]:
    """From which frame to which each word of a path is said, in parts of a frame; words that met meet."""
    reaches = [min(NEAR_FRAMES, (word.stop - word.start - 1) // 2) for word in words]  # so that something is left
    frames = [
        (_mean_frame(starts[:, word.index], word.start, reach), _mean_frame(ends[:, word.index], word.stop, reach))
        for word, reach in zip(words, reaches, strict=True)
    ]
    for right, (before, after) in enumerate(pairwise(words), 1):
        (first, stop), (start, last) = frames[right - 1 : right + 1]
        if before.stop == after.start or start < stop:
            middle = (start + stop) / 2
            met = min(max(middle, before.stop - reaches[right - 1]), after.start + reaches[right])
            frames[right - 1 : right + 1] = (first, met), (met, last)
    return {word.index: times for word, times in zip(words, frames, strict=True)}


def _mean_frame(scores: Floats, at: int, reach: int) -> float:
    first = max(0, at - reach)
    near = scores[first : at + reach + 1]
    return first + float(np.average(np.arange(len(near)), weights=np.exp(ACOUSTIC_SCALE * (near - near.max()))))


def _beside(before: Part | None, after: Part | None) -> bool:
    if before is None or after is None:
        return False
    other = before.index < 0 or after.index < 0
    near = after.start - before.stop <= BESIDE_S * FRAMES_PER_S
    return (other and near) or (not other and after.index - before.index > 1)


class Trellis:
    """Viterbi's search. Node i lies before word i: `nodes[t, i]` is the best path to it through t frames, `after[t, i]`
    the best one from there to the end, and with `open_end` the audio may end after any word.

    The second is a search too, from the last word to the first. Both are done in one go, [.., 2, ..], since it is the
    number of operations that a frame costs, and hardly their size.
    """

    def __init__(self, graph: Graph, states: Floats, silence: Floats, *, open_end: bool = False) -> None:
        self._graph, self._states, self._open_end = graph, states, open_end
        n_frames, n_nodes = len(states), graph.n_words + 1
        self._steps = SKIP * np.arange(n_nodes, dtype=np.float32)
        self._prices = self._steps[1:] + np.float32(SKIP_FIRST)
        self._arrivals, nodes = np.full((2, n_frames + 1, 2, n_nodes), -np.inf, np.float32)
        self._sounds = np.full((n_frames + 1, 2, 2, n_nodes), -np.inf, np.float32)  # [.., silence and rest, ..]
        self._word_ends = np.full((n_frames + 1, 2, graph.n_words), -np.inf, np.float32)
        self._inside = _Inside(graph, states)
        self._arrivals[0, :, 0] = 0
        if open_end:
            self._arrivals[0, 1] = 0
        self._fill(nodes, silence)
        self.nodes, self.after = nodes[:, 0], nodes[::-1, 1, ::-1]

    def _fill(self, nodes: Floats, silence: Floats) -> None:
        prices = np.array([SILENCE_PRICE, REST_PRICE], np.float32)[:, None, None]
        gains = np.full((len(silence), 2, 2, 1), -REST, np.float32)
        gains[:, 0, 0, 0], gains[:, 0, 1, 0] = silence, silence[::-1]
        _skip(self._arrivals[0], nodes[0], self._steps, self._prices)
        for t, gain in enumerate(gains):
            ends = self._inside.advance(t, nodes[t], self._word_ends[t + 1])
            sounds = np.subtract(nodes[t], prices, out=self._sounds[t + 1])
            np.maximum(sounds, self._sounds[t], out=sounds)
            sounds += gain
            arrivals = np.maximum(sounds[0], sounds[1], out=self._arrivals[t + 1])
            np.maximum(arrivals[:, 1:], ends, out=arrivals[:, 1:])
            _skip(arrivals, nodes[t + 1], self._steps, self._prices)

    def boundaries(self) -> tuple[Floats, Floats]:
        """The best paths on which each word begins, and on which it ends, after t frames, [n_frames + 1, n_words]."""
        return self.nodes[:, :-1] + self._word_ends[::-1, 1, ::-1], self._word_ends[:, 0] + self.after[:, 1:]

    def doubts(self, parts: Sequence[Part], starts: Floats, ends: Floats) -> dict[int, list[float]]:
        """For each word of a path how much worse the best other one is: one for each of `FAR_S`, and without the word.
        `starts` and `ends` are its `boundaries`.
        """
        without = (self.nodes[:, :-1] + self.after[:, 1:]).max(axis=0)
        found = {}
        for part in parts:
            if part.index >= 0:
                start, end = starts[:, part.index], ends[:, part.index]
                margins = [min(_margin(start, part.start, far_s), _margin(end, part.stop, far_s)) for far_s in FAR_S]
                found[part.index] = [*margins, float(start.max() - without[part.index])]
        return found

    def path(self) -> list[Part]:
        """The words and the other sounds on the best path."""
        arrivals, sounds = self._arrivals[:, 0], self._sounds[:, :, 0]
        t = len(self._states)
        node = int(arrivals[t].argmax()) if self._open_end else self._graph.n_words
        parts: list[Part] = []
        while t:
            if arrivals[t, node] < self.nodes[t, node]:
                node = int((arrivals[t, :node] + self._steps[:node]).argmax())
            stop, best = t, arrivals[t, node]
            if sounds[t, 0, node] == best:
                t = self._entry(sounds[:, 0], SILENCE_PRICE, t, node)
            elif sounds[t, 1, node] == best:
                t = self._entry(sounds[:, 1], REST_PRICE, t, node)
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
        way = first + int(self._inside.ends[stop - 1, first:last].argmax())
        state, t = int(self._graph.last[way]), stop
        totals = np.zeros((state - self._graph.first[way] + 1, 2))
        walked: list[int] = []
        while True:
            t -= 1
            walked.append(state)
            totals[state - self._graph.first[way]] += self._states[t, state], 1
            if not self._inside.stays[t, state]:
                if state == self._graph.first[way]:
                    break
                state -= 1
        phones = totals.reshape(-1, STATES, 2).sum(axis=1)
        return Part(index, t, stop, float(totals[:, 0].sum() / (stop - t)), float((phones[:, 0] / phones[:, 1]).min()),
                    tuple(reversed(walked)))


class _Inside:
    """The best paths that are inside of words, those of both directions in one row.

    `stays[t]` says of each state whether its best path was there before; `ends[t]` are the best paths that end each way
    to say a word after frame t. Both of the way there alone.
    """

    def __init__(self, graph: Graph, states: Floats) -> None:
        back = graph.backwards()
        size, n_ways, n_nodes = graph.n_states, len(graph.last), graph.n_words + 1
        self._size, self._n_ways, self._states = size, n_ways, states
        self._entries = np.concatenate([graph.first, back.first + size]) - 1
        self._last = np.concatenate([graph.last, back.last + size])
        self._nodes = np.concatenate([graph.word, back.word + n_nodes])
        firsts = np.stack([graph.ways[:-1], back.ways[:-1] + n_ways])
        counts = np.stack([np.diff(graph.ways), np.diff(back.ways)])
        self._ways_of = firsts + np.minimum(np.arange(counts.max())[:, None, None], counts - 1)
        self._row, self._next = np.full((2, 2 * size), -np.inf, np.float32)
        self._long = np.minimum(np.concatenate([graph.long_frames, back.long_frames]), NEVER).astype(np.uint8)[1:]
        self._stayed, self._ones, self._most = (np.full(2 * size - 1, value, np.uint8) for value in (0, 1, NEVER - 1))
        self._stays, self._is_long = np.empty((2, 2 * size - 1), np.bool_)
        self._price = np.empty(2 * size - 1, np.float32)
        self.stays = np.empty((len(states), size), np.bool_)
        self.ends = np.empty((len(states), n_ways), np.float32)

    def advance(self, t: int, nodes: Floats, word_ends: Floats) -> Floats:
        """Takes frame t; fills `word_ends` [2, n_words] with the best paths that end each word there."""
        row, self._row, size = self._row, self._next, self._size
        self._next, now = row, self._row[1:]
        row[self._entries] = nodes.take(self._nodes)
        np.maximum(row[1:], row[:-1], out=now)
        np.greater_equal(row[1:], row[:-1], out=self._stays)
        self.stays[t, 1:] = self._stays[: size - 1]
        self._row[:size] += self._states[t]
        self._row[size:] += self._states[-1 - t, ::-1]
        now -= self._long_stays()
        ends = self._row.take(self._last)
        self.ends[t] = ends[: self._n_ways]
        return np.maximum.reduce(ends.take(self._ways_of), axis=0, out=word_ends)

    def _long_stays(self) -> Floats:
        """What each state pays for this frame. Steps of one byte for each state, and a cast of all: four times faster
        than any mask."""
        stayed = self._stayed
        stayed += self._ones
        np.minimum(stayed, self._most, out=stayed)
        stayed *= self._stays.view(np.uint8)
        np.copyto(self._price, np.greater_equal(stayed, self._long, out=self._is_long))
        self._price *= STRETCH
        return self._price


def _skip(arrivals: Floats, nodes: Floats, steps: Floats, prices: Floats) -> None:
    """Fills `nodes` [2, n_nodes] with what arrives there, or before a word and skips it and all up to there."""
    reach = np.maximum.accumulate(arrivals + steps, axis=1)[:, :-1]
    reach -= prices
    nodes[:, 0] = arrivals[:, 0]
    np.maximum(arrivals[:, 1:], reach, out=nodes[:, 1:])


def _margin(scores: Floats, at: int, far_s: float) -> float:
    """By how much the best score of those near `at` exceeds that of the others."""
    far = round(far_s * FRAMES_PER_S)
    first, stop = max(0, at - far), at + far + 1
    others = max(scores[:first].max(initial=-np.inf), scores[stop:].max(initial=-np.inf))
    return float(scores[first:stop].max() - others)
