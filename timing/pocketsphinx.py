"""Words found offline, without a GPU, by the English model in PocketSphinx' wheel or the French in SoundSwallower's.

A stretch of some twenty seconds is searched in one go. Longer audio is searched piece by piece: what a piece says of
words up to its clearest late pause between well-matched words is kept, and the next piece begins there. Where text and
audio part, the way goes on at the next place where they agree (`timing.anchors`).
"""
from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from timing import confidence, edges
from timing.acoustic import MODELS
from timing.align import RATE_HZ, NoEvidence, Samples, unwatched
from timing.anchors import AHEAD_S, Anchor, next_anchor
from timing.search import Found, Search
from timing.words import Span, to_ms

if TYPE_CHECKING:
    from text.spoken import Token

PIECE_S = 20
GOOD = 0.8
WORDS_PER_S = 4
"""So many words are offered; where they are all found and more are left the next piece begins earlier."""
WORDS_PER_PIECE = WORDS_PER_S * PIECE_S
PAUSE_DB, FLOOR_DB = 35.0, 60.0
"""The model knows no digital silence: what is 35 dB below the voice is filled up with noise, and a trace of it
lies under everything."""
MAX_WORDS = 50_000
LAST_PIECE_S = 1.5 * PIECE_S
SHORT_S = 60.0
"""In sound as short as that no anchor is sought: what would be looked through is nearly all of it."""
WITH_FORMS = frozenset({"en"})
"""Languages whose words may also be said as `timing.reduced` says."""

# In seconds of sound and in words, between two good words: more of either, and text and audio do not agree there, or,
# where it is known that they soon will not, the words behind are not believed.
BREAK, NEAR = (4.0, 8), (1.5, 2)
ANCHOR_WORDS = 12
FEW_WORDS, FEW_S, FAR_S = 24, 10.0, 12.0
"""So many good words make an anchor; where it skips more than a few words or seconds they go on for so long."""
LEAST_ROW = 3
"""Fewer good words in a row may be chance."""
TAIL_S, TAIL_WORDS = 10.0, 24
SHORTEST_S = 0.2


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

    def align(self, samples: Samples, tokens: Sequence[Token], language: str,
              check: Callable[[], None] = unwatched) -> list[Span | None]:
        places, found = self.find(samples, tokens, language, check)
        spans: list[Span | None] = [None] * len(tokens)
        for (index, start_ms, end_ms), score in zip(places, confidence.scores(found), strict=True):
            before = spans[index]
            worst = min(score, before.score or 0.0) if before else score
            spans[index] = Span(before.start_ms if before else start_ms, end_ms, worst)
        return spans

    def find(self, samples: Samples, tokens: Sequence[Token], language: str,
             check: Callable[[], None] = unwatched) -> tuple[list[tuple[int, int, int]], list[Found]]:
        """The spoken words that were found: whose they are, from when to when in ms; and what the search says of them.

        Raises NoEvidence when there are none.
        """
        audio = Sounding(samples)
        if not audio.parts:
            raise NoEvidence("the audio is silent")
        with self._lock:
            search = self._loaded(primary(language))
            words = [(i, word) for i, token in enumerate(tokens) for word in token.spoken if search.knows(word)]
            found = _Walk(search, audio, [word for _, word in words], check).found()
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


class _Walk:
    """Through long audio piece by piece: `at_s` and `first` are how far audio and words are placed, `sought_s` is from
    where on an anchor is sought again."""

    def __init__(self, search: Search, audio: Sounding, words: Sequence[str], check: Callable[[], None]) -> None:
        self._search, self._audio, self._words, self._check = search, audio, words, check
        self._at_s, self._first, self._misses, self._sought_s = 0.0, 0, 0, 0.0

    def found(self) -> list[Found]:
        """What was found of the words, in order, in seconds of the audio."""
        found: list[Found] = []
        while self._first < len(self._words) and self._at_s < self._audio.length_s:
            placed, next_s = self._piece()
            sure = _good_row(placed, *NEAR)
            anchor = None if self._agrees(placed, next_s) else self._anchor(sure)
            if anchor is None:
                found += self._kept(placed, next_s)
            else:
                found += self._kept(sure, sure[-1].end_s if sure else 0.0)
                found += self._between(anchor)
                self._at_s, self._first, self._misses = anchor.start_s, self._first + anchor.index, 0
        return found

    def _piece(self) -> tuple[list[Found], float]:
        """What the next piece says of the words to come, and where the one behind it begins."""
        rest_s = self._audio.length_s - self._at_s
        is_last = rest_s <= LAST_PIECE_S
        n_offered = math.ceil(WORDS_PER_S * max(PIECE_S, rest_s if is_last else 0)) * (1 + self._misses)
        offered = self._words[self._first :][:n_offered]
        are_all = self._first + len(offered) == len(self._words)
        placed = self._run(self._at_s, math.inf if is_last else self._at_s + PIECE_S, offered,
                           open_end=not (is_last and are_all))
        is_through = bool(placed) and placed[-1].index + 1 == len(offered)
        if are_all if is_through else is_last:
            return placed, math.inf
        return _settled(placed)

    def _run(self, start_s: float, stop_s: float, words: Sequence[str], *, open_end: bool) -> list[Found]:
        return self._search.run(self._cut(start_s, stop_s), words, open_end=open_end)

    def _cut(self, start_s: float, stop_s: float) -> Samples:
        """What the next search is given."""
        self._check()
        return with_noise(self._audio.cut(start_s, min(stop_s, self._audio.length_s)))

    def _kept(self, placed: Sequence[Found], next_s: float) -> list[Found]:
        """These words of a piece, and on to the next."""
        kept = [each.moved(self._first, self._at_s) for each in placed]
        self._misses = 0 if placed else min(self._misses + 1, 3)
        self._first += placed[-1].index + 1 if placed else 0
        self._at_s += next_s
        return kept

    def _agrees(self, placed: Sequence[Found], next_s: float) -> bool:
        """Whether there is no place in the piece from which on it says something else than the words."""
        if self._audio.length_s <= SHORT_S:
            return True
        row, good = _good_row(placed, *BREAK), _good(placed)
        length_s = min(next_s, self._audio.length_s - self._at_s, LAST_PIECE_S)
        return bool(row) and row[-1] is good[-1] and length_s - row[-1].end_s <= BREAK[0]

    def _anchor(self, sure: Sequence[Found]) -> Anchor | None:
        """Where text and audio agree again behind these words; its index counts from the first word behind them."""
        at_s = self._at_s + (sure[-1].end_s if sure else 0.0)
        words = self._words[self._first + (sure[-1].index + 1 if sure else 0) :]
        if at_s < self._sought_s:
            return None
        anchor = next_anchor(self._search, self._cut, at_s, self._audio.length_s, words,
                             lambda near: self._confirmed(near, at_s, words))
        self._sought_s = anchor.start_s + SHORTEST_S if anchor else at_s + AHEAD_S
        return anchor

    def _confirmed(self, near: Anchor, earliest_s: float, words: Sequence[str]) -> Anchor | None:
        """The first good words in a row about there. A sentence may come again later, and a like one: where more than
        a little is skipped more must follow."""
        at_s = max(earliest_s, near.start_s - SHORTEST_S)
        run = self._run(at_s, at_s + PIECE_S, words[near.index :][:WORDS_PER_PIECE], open_end=True)
        good = _good(run)
        first = next((a for a, b in zip(good, good[2:], strict=False) if b.index - a.index == 2), None)
        if first is None:
            return None
        row = _good(_good_row(run[run.index(first) :], *BREAK, first))
        index = near.index + first.index
        is_near = index <= FEW_WORDS and at_s + first.start_s - earliest_s <= FEW_S
        far_s = min(FAR_S, self._audio.length_s - at_s - first.start_s - BREAK[0])
        goes_on = len(row) >= ANCHOR_WORDS and (is_near or row[-1].end_s - first.start_s >= far_s)
        return Anchor(index, at_s + first.start_s) if goes_on else None

    def _between(self, anchor: Anchor) -> list[Found]:
        """What is said of the words up to an anchor: right behind those before, and right before those behind."""
        words, length_s = self._words[self._first :][: anchor.index], anchor.start_s - self._at_s
        head, tail = list[Found](), list[Found]()
        if words and length_s > SHORTEST_S:
            end_s = min(anchor.start_s, self._at_s + PIECE_S)
            head = _good_row(self._run(self._at_s, end_s, words[:WORDS_PER_PIECE], open_end=True), *NEAR)
        first, from_s = (head[-1].index + 1, head[-1].end_s) if head else (0, 0.0)
        last, to_s = len(words), length_s
        while last > first and to_s - from_s > SHORTEST_S:
            at, at_s = max(first, last - TAIL_WORDS), max(from_s, to_s - TAIL_S)
            run = self._run(self._at_s + at_s, self._at_s + to_s, words[at:last], open_end=False)
            more = _good_tail([each.moved(at, at_s) for each in run], *NEAR, last, to_s)
            if not more:
                break
            tail[:0], last, to_s = more, more[0].index, more[0].start_s
        return [each.moved(self._first, self._at_s) for each in [*head, *tail]]


def _good(placed: Sequence[Found]) -> list[Found]:
    return [each for each, score in zip(placed, confidence.scores(placed), strict=True) if score > GOOD]


def _good_row(placed: Sequence[Found], most_s: float, most_words: int, after: Found | None = None) -> list[Found]:
    """The words from the beginning on, up to the last good one before more sound or words than that without any."""
    at_s, index = (after.end_s, after.index) if after else (0.0, -1)
    row: list[Found] = []
    for each in _good(placed):
        if each.start_s - at_s > most_s or each.index - index > most_words + 1:
            break
        at_s, index = each.end_s, each.index
        row.append(each)
    return list(placed[: placed.index(row[-1]) + 1]) if len(row) >= LEAST_ROW else []


def _good_tail(placed: Sequence[Found], most_s: float, most_words: int, n_words: int, length_s: float) -> list[Found]:
    """The same from the end."""
    mirrored = [replace(each, index=n_words - 1 - each.index, start_s=length_s - each.end_s,
                        end_s=length_s - each.start_s) for each in reversed(placed)]
    return list(placed[len(placed) - len(_good_row(mirrored, most_s, most_words)) :])


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
