"""Words found offline, without a GPU, by the English model in PocketSphinx' wheel or the French in SoundSwallower's.

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
from timing.acoustic import MODELS
from timing.align import RATE_HZ, NoEvidence, Samples
from timing.anchors import AHEAD_S, PHRASE, next_anchor
from timing.search import Found, Search
from timing.words import Span, to_ms

if TYPE_CHECKING:
    from text.spoken import Token

PIECE_S = 20
GOOD = 0.8
WORDS_PER_PIECE = 100
PAUSE_DB, FLOOR_DB = 35.0, 60.0
"""The model knows no digital silence: what is 35 dB below the voice is filled up with noise, and a trace of it
lies under everything."""
MAX_WORDS = 50_000
BREAK_S, BREAK_WORDS = 4.0, 8
"""More sound, or more words, between two good ones: text and audio no longer agree there."""
SHORTEST_S = 0.2
GAP_WORDS, TAIL_WORDS = 60, 2 * PHRASE
ROW_S, ROW_WORDS = 1.5, 2
"""So much sound, or so many words, may lie between two good words of a row."""


class PocketSphinx:
    """A `timing.align.Source`. Loads a language's model (0.1 s) at its first use; one call at a time."""

    name = "pocketsphinx"
    usd_per_minute = 0.0
    max_window_s = math.inf

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._searches: dict[str, Search] = {}

    def supports(self, language: str) -> str | None:
        model = MODELS.get(primary(language))
        if model is None:
            return "its acoustic models are English and French only"
        return None if model.is_installed() else f"{model.package} is not installed"

    def align(self, samples: Samples, tokens: Sequence[Token], language: str) -> list[Span | None]:
        places, found = self.find(samples, tokens, language)
        spans: list[Span | None] = [None] * len(tokens)
        for (index, start_ms, end_ms), score in zip(places, confidence.scores(found), strict=True):
            before = spans[index]
            worst = min(score, before.score or 0.0) if before else score
            spans[index] = Span(before.start_ms if before else start_ms, end_ms, worst)
        return spans

    def find(self, samples: Samples, tokens: Sequence[Token],
             language: str) -> tuple[list[tuple[int, int, int]], list[Found]]:
        """The spoken words that were found: whose they are, from when to when in ms; and what the search says of them.

        Raises NoEvidence when there are none.
        """
        audio = Sounding(samples)
        if not audio.parts:
            raise NoEvidence("the audio is silent")
        with self._lock:
            search = self._loaded(primary(language))
            words = [(i, word) for i, token in enumerate(tokens) for word in token.spoken if search.knows(word)]
            found = _align_pieces(search, audio, [word for _, word in words])
        if not found:
            raise NoEvidence("the words are not in this audio")
        places = [(words[each.index][0], to_ms(audio.start_s(each.start_s)), to_ms(audio.end_s(each.end_s)))
                  for each in found]
        return places, found

    def _loaded(self, language: str) -> Search:
        if language not in self._searches or self._searches[language].n_words > MAX_WORDS:
            self._searches[language] = Search(language)
        return self._searches[language]


def primary(language: str) -> str:
    """A language tag without its region."""
    return re.split("[-_]", language.lower())[0]


class Sounding:
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


def _align_pieces(search: Search, audio: Sounding, words: Sequence[str]) -> list[Found]:
    """What was found of the words, in order, in seconds of `audio`."""
    found: list[Found] = []
    at_s, first, misses, looked_s = 0.0, 0, 0, 0.0
    while first < len(words) and at_s < audio.length_s:
        offered = words[first : first + WORDS_PER_PIECE * (1 + misses)]
        is_last = audio.length_s - at_s <= 1.5 * PIECE_S
        piece = audio.cut(at_s, audio.length_s if is_last else at_s + PIECE_S)
        open_end = not is_last or first + len(offered) < len(words)
        placed = search.run(with_noise(piece), offered, open_end=open_end)
        next_s = math.inf
        if not is_last and not (placed and first + placed[-1].index + 1 == len(words)):
            placed, next_s = _settled(placed)
        sure = None if (is_last and not at_s) or at_s < looked_s else _before_a_break(
            placed, min(next_s, len(piece) / RATE_HZ))
        if sure is not None:
            start_s, start = (at_s + sure[-1].end_s, first + sure[-1].index + 1) if sure else (at_s, first)
            anchor = next_anchor(search, lambda a, b: with_noise(audio.cut(a, b)), start_s, audio.length_s, words[start:])
            if anchor:
                found += [each.moved(first, at_s) for each in sure]
                found += [each.moved(start, start_s) for each in _align_gap(
                    search, audio, words[start : start + anchor.index], start_s, anchor.start_s)]
                at_s, first, misses = anchor.start_s, start + anchor.index, 0
                continue
            looked_s = start_s + AHEAD_S
        found += [each.moved(first, at_s) for each in placed]
        misses = 0 if placed else min(misses + 1, 3)
        first += placed[-1].index + 1 if placed else 0
        at_s += next_s
    return found


def _before_a_break(placed: Sequence[Found], length_s: float) -> list[Found] | None:
    """The words up to the first place where audio and text no longer agree; None where there is no such place."""
    score = confidence.scores(placed)
    good = [i for i in range(len(placed)) if score[i] > GOOD]
    last: int | None = None
    for i in [*good, None]:
        before_s, before = (placed[last].end_s, placed[last].index) if last is not None else (0.0, -1)
        after_s, after = (placed[i].start_s, placed[i].index) if i is not None else (length_s, before + 1)
        if after_s - before_s > BREAK_S or after - before > BREAK_WORDS + 1:
            return list(placed[: last + 1]) if last is not None else []
        last = i
    return None


def _align_gap(search: Search, audio: Sounding, words: Sequence[str], start_s: float, stop_s: float) -> list[Found]:
    """What is said of the words between two places that are known: at the beginning, and at the end."""
    if not words or stop_s - start_s < SHORTEST_S:
        return []
    end_s = min(stop_s, start_s + PIECE_S)
    run = search.run(with_noise(audio.cut(start_s, end_s)), words[:GAP_WORDS], open_end=True)
    head = _row(run, 0.0, -1)
    at_s, at = (head[-1].end_s, head[-1].index + 1) if head else (0.0, 0)
    length_s = stop_s - start_s
    from_s, first = max(at_s, length_s - PIECE_S / 2), max(at, len(words) - TAIL_WORDS)
    if length_s - from_s < SHORTEST_S or first >= len(words):
        return head
    run = search.run(with_noise(audio.cut(start_s + from_s, stop_s)), words[first:], open_end=False)
    back = [replace(each, index=len(words) - first - 1 - each.index, start_s=length_s - from_s - each.end_s,
                    end_s=length_s - from_s - each.start_s) for each in reversed(run)]
    n_tail = len(_row(back, 0.0, -1))
    return head + [each.moved(first, from_s) for each in run[len(run) - n_tail :]]


def _row(placed: Sequence[Found], start_s: float, index: int) -> list[Found]:
    """The words that follow each other from the beginning on, up to the last that is good."""
    score, count = confidence.scores(placed), 0
    for i, each in enumerate(placed):
        if each.start_s - start_s > ROW_S or each.index - index > ROW_WORDS + 1:
            break
        if score[i] > GOOD:
            count, start_s, index = i + 1, each.end_s, each.index
    return list(placed[:count])


def _settled(placed: Sequence[Found]) -> tuple[list[Found], float]:
    """The words of a piece up to its clearest late pause between good ones, and where the next piece begins."""
    good = [score > GOOD for score in confidence.scores(placed)]
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


def with_noise(audio: Samples) -> Samples:
    """Quiet hops filled up with noise, the same for the same audio."""
    power = 10 ** (edges.levels_db(audio) / 10)
    voice = np.percentile(power, 90)
    added = np.maximum(voice * 10 ** (-PAUSE_DB / 10) - power, voice * 10 ** (-FLOOR_DB / 10))
    gain = np.sqrt(added).astype(np.float32).repeat(edges.HOP)[: len(audio)]
    noise = np.random.default_rng(0).standard_normal(RATE_HZ, dtype=np.float32)
    noisy: Samples = audio + gain * np.resize(noise, len(audio))
    return noisy
