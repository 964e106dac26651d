"""Where a long text and its audio agree again, when it is not known where in either one is.

The text is cut into phrases of some words. Each is sought alone in a stretch of audio, with any sound before and after
it (keyword spotting, Rose and Paul 1990): what it scores above that sound are its odds. A phrase that is not said has
none; where several that are found follow each other in both, at the pace of speech, they are an anchor.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from timing.acoustic import Floats, Ints
from timing.align import Samples
from timing.graph import Graph
from timing.search import SILENCE_PRICE, STRETCH, Search, seconds

PHRASE = 8
"""Words."""
OTHER = 1.5
"""What any other sound costs in nats a frame: a phrase that is there is better than it, one that is not is worse."""
CHUNK = 512
"""Frames at a time: the likelihoods of a thousand words are 30 MB in each."""
HORIZON, AHEAD_S = 1000, 300.0
"""How far an anchor is sought, in words of the text and in audio."""
STRETCH_S, OVERLAP_S = 30.0, 5.0
BETWEEN = 24
"""So many words may lie between two hits of an anchor: a phrase that has a wrong word is not found."""
PAUSE_S, SLOWEST_S, FASTEST_S = 2.0, 0.8, 0.1
"""The longest pause, and what a word between two hits takes at most and at least."""
LEAST_ODDS, TRIES = -8.0, 3
HITS, WORDS_PER_HIT = 2, 300
"""Of how many hits an anchor is, and one more for so many words of the text that it skips: what is said twice in a
text is seldom longer."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Words `[first, last)` where they match best, in seconds of the audio; `odds` are nats a phone above other sound.
    """

    first: int
    last: int
    start_s: float
    end_s: float
    odds: float


@dataclass(frozen=True, slots=True)
class Anchor:
    """The first word of those that are sought that is surely said, and when, in seconds of the audio."""

    index: int
    start_s: float


def next_anchor(search: Search, cut: Callable[[float, float], Samples], start_s: float, stop_s: float,
                words: Sequence[str], confirmed: Callable[[Anchor], Anchor | None]) -> Anchor | None:
    """Where words and audio first agree, within `HORIZON` and `AHEAD_S`.

    `cut` makes a stretch of the audio; `confirmed` looks closely where the words from one on are said from there on.
    """
    words, hits, at_s, refused = words[:HORIZON], list[Hit](), start_s, set[Hit]()
    stop_s = min(stop_s, start_s + AHEAD_S) if len(words) >= PHRASE else start_s
    while stop_s - at_s > OVERLAP_S:
        end_s = min(stop_s, at_s + STRETCH_S)
        hits += [replace(hit, start_s=hit.start_s + at_s, end_s=hit.end_s + at_s)
                 for hit in spotted(search, cut(at_s, end_s), words) if hit.odds > LEAST_ODDS]
        for row in sorted(_rows(hits), key=_strength, reverse=True)[:TRIES]:
            if len(row) >= HITS + row[0].first // WORDS_PER_HIT and row[0] not in refused:
                if anchor := confirmed(Anchor(row[0].first, row[0].start_s)):
                    return anchor
                refused.add(row[0])
        at_s = end_s - OVERLAP_S if end_s < stop_s else stop_s
    return None


def _rows(hits: Sequence[Hit]) -> list[list[Hit]]:
    """For each hit with which a row begins the strongest one of hits that follow each other."""
    best = dict[Hit, list[Hit]]()
    for hit in sorted(hits, key=lambda hit: (hit.first, hit.start_s), reverse=True):
        after = max((row for row in best.values() if _follows(hit, row[0])), key=_strength, default=[])
        best[hit] = [hit, *after]
    followers = {row[1] for row in best.values() if len(row) > 1}
    return [row for first, row in best.items() if first not in followers]


def _strength(row: Sequence[Hit]) -> float:
    return sum(hit.odds - LEAST_ODDS for hit in row)


def _follows(before: Hit, after: Hit) -> bool:
    between, pause_s = after.first - before.last, after.start_s - before.end_s
    return 0 <= between <= BETWEEN and FASTEST_S * (between - 2) <= pause_s <= PAUSE_S + SLOWEST_S * between


def spotted(search: Search, audio: Samples, words: Sequence[str]) -> list[Hit]:
    """Each phrase of the words where it matches best."""
    words = words[: len(words) // PHRASE * PHRASE]
    if not words:
        return []
    graph = search.graph(words)
    cepstra = graph.model.cepstra(audio)
    spotter = _Spotter(graph)
    for start in range(0, len(cepstra), CHUNK):
        for states, silence in zip(*graph.likelihoods(cepstra[start : start + CHUNK]), strict=True):
            spotter.advance(states, silence)
    ends, starts, odds = spotter.ends.tolist(), spotter.starts.tolist(), spotter.odds
    n_phones = np.reshape(graph.n_phones, (-1, PHRASE)).sum(axis=1)
    return [Hit(PHRASE * k, PHRASE * (k + 1), seconds(starts[k]), seconds(ends[k]), float(odds[k] / n_phones[k]))
            for k in range(len(words) // PHRASE)]


class _Spotter:
    """Viterbi's search of many phrases side by side; `odds`, `starts` and `ends` are of each one's best path so far."""

    def __init__(self, graph: Graph) -> None:
        self._graph, self._entries = graph, graph.first - 1
        n, self._t = graph.n_words, 0
        self._is_first = np.arange(n) % PHRASE == 0
        self._score, self._silence = np.full(graph.n_states, -np.inf, np.float32), np.full(n, -np.inf, np.float32)
        self._begun, self._silence_begun = np.zeros(graph.n_states, np.int32), np.zeros(n, np.int32)
        self._age = np.zeros(graph.n_states, np.float32)
        self._word_ends, self._end_begun = np.full(n, -np.inf, np.float32), np.zeros(n, np.int32)
        self.odds = np.full(n // PHRASE, -np.inf, np.float32)
        self.starts, self.ends = np.zeros((2, n // PHRASE), np.int32)

    def advance(self, states: Floats, silence: float) -> None:
        nodes, begun = self._nodes(silence)
        self._score[self._entries], self._begun[self._entries] = nodes[self._graph.word], begun[self._graph.word]
        before, stayed = self._score, np.empty(len(self._score), np.bool_)
        stayed[0] = True
        np.greater_equal(before[1:], before[:-1], out=stayed[1:])
        self._score = np.where(stayed, before, np.roll(before, 1)) + states + OTHER
        self._begun = np.where(stayed, self._begun, np.roll(self._begun, 1))
        self._age = self._age * stayed + 1
        self._score -= STRETCH * (self._age > self._graph.long_frames)
        self._t += 1
        self._ended()

    def _nodes(self, silence: float) -> tuple[Floats, Ints]:
        before, begun = np.roll(self._word_ends, 1), np.roll(self._end_begun, 1)
        before[self._is_first], begun[self._is_first] = 0, self._t
        after_pause, pause_begun = self._silence, self._silence_begun
        nodes = np.maximum(before, after_pause)
        nodes_begun = np.where(before >= after_pause, begun, pause_begun)
        entered = before - SILENCE_PRICE
        self._silence_begun = np.where(entered > after_pause, begun, pause_begun)
        self._silence = np.maximum(entered, after_pause) + silence + OTHER
        self._silence[self._is_first] = -np.inf
        return nodes, nodes_begun

    def _ended(self) -> None:
        ends = self._score[self._graph.last]
        best = np.maximum.reduceat(ends, self._graph.ways[:-1])
        ways = np.flatnonzero(ends == best[self._graph.word])
        at = ways[np.searchsorted(self._graph.word[ways], np.arange(len(best)))]
        self._word_ends, self._end_begun = best, self._begun[self._graph.last[at]]
        said = best[PHRASE - 1 :: PHRASE]
        better = said > self.odds
        self.odds[better], self.ends[better] = said[better], self._t
        self.starts[better] = self._end_begun[PHRASE - 1 :: PHRASE][better]
