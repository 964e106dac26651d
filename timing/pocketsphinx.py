"""Words found offline, without a GPU, by the English model in PocketSphinx' wheel or the French in SoundSwallower's.

A stretch of some twenty seconds is searched in one go. Longer audio is searched piece by piece: what a piece says of
words up to its clearest late pause between well-matched words is kept, and the next piece begins there.
"""
from __future__ import annotations

import math
import re
import threading
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from timing import confidence, edges
from timing.acoustic import MODELS
from timing.align import RATE_HZ, NoEvidence, Samples
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
WITH_FORMS = frozenset({"en"})
"""Languages whose words may also be said as `timing.reduced` says."""


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
        scores = confidence.scores(found, primary(language))
        spans: list[Span | None] = [None] * len(tokens)
        for (index, start_ms, end_ms), score in zip(places, scores, strict=True):
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
            self._searches[language] = Search(language, reduced=language in WITH_FORMS)
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
    at_s, first, misses = 0.0, 0, 0
    while first < len(words) and at_s < audio.length_s:
        offered = words[first : first + WORDS_PER_PIECE * (1 + misses)]
        is_last = audio.length_s - at_s <= 1.5 * PIECE_S
        piece = audio.cut(at_s, audio.length_s if is_last else at_s + PIECE_S)
        open_end = not is_last or first + len(offered) < len(words)
        placed = search.run(with_noise(piece), offered, open_end=open_end)
        next_s = math.inf
        if not is_last and not (placed and first + placed[-1].index + 1 == len(words)):
            placed, next_s = _settled(placed, search.language)
        found += [each.moved(first, at_s) for each in placed]
        misses = 0 if placed else min(misses + 1, 3)
        first += placed[-1].index + 1 if placed else 0
        at_s += next_s
    return found


def _settled(placed: Sequence[Found], language: str) -> tuple[list[Found], float]:
    """The words of a piece up to its clearest late pause between good ones, and where the next piece begins."""
    good = [score > GOOD for score in confidence.scores(placed, language)]
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
