"""English words found by PocketSphinx: offline, without a GPU, with the model that its wheel brings.

A stretch of some twenty seconds is searched in one go. Longer audio is searched piece by piece: what a piece says of
words up to its clearest late pause between well-matched words is kept, and the next piece begins there.
"""
from __future__ import annotations

import math
import re
import threading
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from timing import confidence, edges
from timing.align import RATE_HZ, NoEvidence, Samples
from timing.grammar import Found, Search, merged
from timing.words import Span, to_ms

if TYPE_CHECKING:
    from text.spoken import Token

FAST_FRAMES_PER_S, SLOW_FRAMES_PER_S = 125, 100
"""The model was made at 100, which holds out longer in noise; at 125 boundaries of clean speech are nearer."""

PIECE_S = 20
SHORTEST_S = 0.2
WORDS_PER_PIECE = 100
WORST_MATCH_GAIN = 1.0
"""An elastic search is believed where its worst word matches better than the strict one's by this much, in nats a
frame: 0, 1 and 2.5 were tried on the dev split of benchmarks/timing_sets.py."""
PAUSE_DB, FLOOR_DB = 35.0, 60.0
"""The model knows no digital silence: what is 35 dB below the voice is filled up with noise, and a trace of it
lies under everything."""
MAX_NEW_WORDS = 10_000


class PocketSphinx:
    """A `timing.align.Source`. Loads its model (0.3 s) at the first use; one call at a time."""

    name = "pocketsphinx"
    usd_per_minute = 0.0
    max_window_s = math.inf

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._searches: tuple[Search, Search] | None = None

    def supports(self, language: str) -> str | None:
        return None if re.match(r"en\b", language.replace("_", "-").lower()) else "its acoustic model is English only"

    def align(self, samples: Samples, tokens: Sequence[Token], language: str) -> list[Span | None]:
        places, found = self.find(samples, tokens)
        spans: list[Span | None] = [None] * len(tokens)
        for (index, start_ms, end_ms), score in zip(places, confidence.scores(found), strict=True):
            before = spans[index]
            worst = min(score, before.score or 0.0) if before else score
            spans[index] = Span(before.start_ms if before else start_ms, end_ms, worst)
        return spans

    def find(self, samples: Samples, tokens: Sequence[Token]) -> tuple[list[tuple[int, int, int]], list[Found]]:
        """The spoken words that were found: whose they are, from when to when in ms; and what the search says of them.

        Raises NoEvidence when there are none.
        """
        audio = _Sounding(samples)
        if not audio.parts:
            raise NoEvidence("the audio is silent")
        with self._lock:
            fast, slow = self._loaded()
            words = [(i, word) for i, token in enumerate(tokens) for word in token.spoken if fast.knows(word)]
            found = _align_pieces(fast, slow, audio, [word for _, word in words])
        if not found:
            raise NoEvidence("the words are not in this audio")
        places = [(words[each.index][0], to_ms(audio.start_s(each.start_s)), to_ms(audio.end_s(each.end_s)))
                  for each in found]
        return places, found

    def _loaded(self) -> tuple[Search, Search]:
        if self._searches is None or self._searches[0].n_new_words > MAX_NEW_WORDS:
            self._searches = Search(FAST_FRAMES_PER_S), Search(SLOW_FRAMES_PER_S)
        return self._searches


class _Sounding:
    """Audio without its long pauses, and the way back from its times to those of the whole."""

    def __init__(self, samples: Samples) -> None:
        self.samples = samples
        self.parts = edges.islands(samples)
        self.joins = np.array([0, *accumulate(stop - start for start, stop in self.parts)])
        self.length_s = float(self.joins[-1] / RATE_HZ)

    def cut(self, start_s: float, stop_s: float) -> Samples:
        first, last = int(start_s * RATE_HZ), int(stop_s * RATE_HZ)
        return np.concatenate([
            self.samples[start + max(0, first - join) : min(stop, start + last - join)]
            for (start, stop), join in zip(self.parts, self.joins[:-1], strict=True)
            if join < last and first < join + stop - start
        ])

    def start_s(self, time_s: float) -> float:
        return self._back(time_s, int(np.searchsorted(self.joins, time_s * RATE_HZ, "right")) - 1)

    def end_s(self, time_s: float) -> float:
        return self._back(time_s, int(np.searchsorted(self.joins, time_s * RATE_HZ)) - 1)

    def _back(self, time_s: float, part: int) -> float:
        part = min(max(0, part), len(self.parts) - 1)
        return time_s + (self.parts[part][0] - int(self.joins[part])) / RATE_HZ


def _align_pieces(fast: Search, slow: Search, audio: _Sounding, words: Sequence[str]) -> list[Found]:
    """What was found of the words, in order, in seconds of `audio`."""
    found: list[Found] = []
    at_s, first, misses = 0.0, 0, 0
    while first < len(words) and at_s < audio.length_s:
        offered = words[first : first + WORDS_PER_PIECE * (1 + misses)]
        is_last = audio.length_s - at_s <= 1.5 * PIECE_S
        piece = audio.cut(at_s, audio.length_s if is_last else at_s + PIECE_S)
        open_end = not is_last or first + len(offered) < len(words)
        placed = _align_piece(fast, slow, _with_noise(piece), offered, open_end=open_end)
        next_s = math.inf
        if not is_last and not (placed and first + placed[-1].index + 1 == len(words)):
            placed, next_s = _settled(placed)
        found += [each.moved(first, at_s) for each in placed]
        misses = 0 if placed else min(misses + 1, 5)
        first += placed[-1].index + 1 if placed else 0
        at_s += next_s
    return found


def _align_piece(fast: Search, slow: Search, audio: Samples, words: Sequence[str], *, open_end: bool) -> list[Found]:
    """One search for all the words; where they match badly, an elastic one at another frame rate."""
    first = fast.run(audio, words, open_end=open_end, elastic=False)
    if not first:
        kept = slow.run(audio, words, open_end=open_end, elastic=True)
        again = fast.run(audio, [words[each.index] for each in kept], open_end=False, elastic=False) if kept else []
        strict = [replace(each, index=kept[each.index].index) for each in again]
        return merged(strict, kept, range(len(words)))
    count = first[-1].index + 1 if open_end else len(words)
    second: list[Found] = []
    compared: list[int] = []
    for start, stop in confidence.doubtful(first, count):
        before = max((each.end_s for each in first if each.index < start), default=0.0)
        after = min((each.start_s for each in first if each.index >= stop), default=len(audio) / RATE_HZ)
        part = audio[int(before * RATE_HZ) : int(after * RATE_HZ)]
        if len(part) > SHORTEST_S * RATE_HZ:
            is_open = open_end and stop == count
            other = [each.moved(start, before)
                     for each in slow.run(part, words[start:stop], open_end=is_open, elastic=True)]
            if other and _worst_match(other) > _worst_match(first, start, stop) + WORST_MATCH_GAIN:
                second += other
                compared += range(start, stop)
    return merged(first, second, compared)


def _worst_match(found: Sequence[Found], start: int = 0, stop: float = math.inf) -> float:
    return min((each.match for each in found if start <= each.index < stop), default=-math.inf)


def _settled(placed: Sequence[Found]) -> tuple[list[Found], float]:
    """The words of a piece up to its clearest late pause between good ones, and where the next piece begins."""
    good = [confidence.is_good(each) for each in placed]
    pauses = [(after.start_s - before.end_s, i) for i, (before, after) in enumerate(pairwise(placed), start=1)
              if good[i - 1] and good[i] and before.end_s > 0.5 * PIECE_S and after.end_s < PIECE_S - 1]
    if pauses:
        _, count = max(pauses)
        return list(placed[:count]), (placed[count - 1].end_s + placed[count].start_s) / 2
    certain = [i for i, each in enumerate(placed) if good[i] and each.end_s < PIECE_S - 1]
    if not certain:
        return [], PIECE_S / 2
    kept = list(placed[: certain[-1] + 1])
    return kept, max(kept[-1].end_s, PIECE_S / 2)


def _with_noise(audio: Samples) -> Samples:
    """Quiet hops filled up with noise, the same for the same audio."""
    power = 10 ** (edges.levels_db(audio) / 10)
    voice = np.percentile(power, 90)
    added = np.maximum(voice * 10 ** (-PAUSE_DB / 10) - power, voice * 10 ** (-FLOOR_DB / 10))
    gain = np.sqrt(added).astype(np.float32).repeat(edges.HOP)[: len(audio)]
    noise = np.random.default_rng(0).standard_normal(RATE_HZ, dtype=np.float32)
    noisy: Samples = audio + gain * np.resize(noise, len(audio))
    return noisy
