"""One search for known words in audio: PocketSphinx decodes a grammar that holds them in order.

An `elastic` grammar may skip words, at a price, so that a word of the text that nobody says costs no other word; and
between two words any sounds may stand, as a few phones in any order, so that speech and noise that are not in the
text are not laid under its words (a filler model, Rose and Paul 1990). It costs several times as much.
"""
from __future__ import annotations

import bisect
import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pocketsphinx

from timing.align import RATE_HZ, Samples

BEAM = 1e-200
"""Chosen on speech with long pauses, where a path that is the best one in the end is far from it for a while."""
N_GAUSSIANS = 4
SKIP, SKIP_MORE, MAX_SKIPPED = 1e-12, 0.9, 3
"""Any number of words may be skipped at the start and at the end."""
GARBAGE_PHONES = ("AH", "IY", "AA", "S", "T", "N")
GARBAGE = 1e-5
"""Prices are probabilities; the decoder raises them to its language weight of 6.5."""

FRAME_MIDDLE_S = 0.0128
"""A frame is 25.6 ms of audio: a boundary lies between the middles of two frames."""
ORDER_S, FITTING = 0.05, -4.5
_SCALE = 1024
"""What the decoder divides acoustic scores by (SENSCR_SHIFT)."""


_Arc = tuple[int, int, float] | tuple[int, int, float, str]


@dataclass(frozen=True, slots=True)
class Found:
    """Word `index` of the words that were searched for. `match` is its acoustic score in nats a frame, at most 0.

    `agreement` says whether a second search put the word there too: 1.0 if so, -1.0 if not, 0.0 when nobody asked.
    """

    index: int
    start_s: float
    end_s: float
    match: float
    n_phones: int
    agreement: float = 0.0

    def moved(self, by_words: int, by_s: float) -> Found:
        return replace(self, index=self.index + by_words, start_s=self.start_s + by_s, end_s=self.end_s + by_s)

    def overlaps(self, other: Found) -> bool:
        """Whether two places share half of what they cover."""
        shared = min(self.end_s, other.end_s) - max(self.start_s, other.start_s)
        return shared >= (max(self.end_s, other.end_s) - min(self.start_s, other.start_s)) / 2


def merged(first: Sequence[Found], second: Sequence[Found], compared: Collection[int]) -> list[Found]:
    """The first search, and what the second says of the words `compared`.

    Of two places that overlap the one that matches better is taken. A word that only the first search has stays where
    it matches and is in order.
    """
    by_index = {each.index: each for each in first}
    placed = [each for each in first if each.index not in compared]
    for each in second:
        other = by_index.get(each.index)
        alike = other is not None and each.overlaps(other)
        best = max(each, other, key=lambda word: word.match) if other and alike else each
        placed.append(replace(best, agreement=1.0 if alike else -1.0))
    placed.sort(key=lambda word: word.index)
    for index in set(compared) - {each.index for each in second}:
        at = bisect.bisect([word.index for word in placed], index)
        word = by_index.get(index)
        if word and word.match > FITTING and _fits(word, placed[:at], placed[at:]):
            placed.insert(at, replace(word, agreement=-1.0))
    return placed


def _fits(word: Found, before: Sequence[Found], after: Sequence[Found]) -> bool:
    return (not before or before[-1].end_s - ORDER_S <= word.start_s) and (
        not after or word.end_s - ORDER_S <= after[0].start_s)


class Search:
    """A decoder at one frame rate. Not for two threads at once."""

    def __init__(self, frames_per_s: int) -> None:
        self._frames_per_s = frames_per_s
        self._decoder = pocketsphinx.Decoder(
            samprate=RATE_HZ, frate=frames_per_s, topn=N_GAUSSIANS, beam=BEAM, pbeam=BEAM, wbeam=BEAM,
            lm=None, bestpath=False, loglevel="FATAL",
        )
        self.n_new_words = 0
        for phone in GARBAGE_PHONES:
            self._decoder.add_word(f"++{phone}", phone, False)

    def knows(self, word: str) -> bool:
        """Whether the word has a pronunciation; one that the dictionary lacks is added."""
        if self._decoder.lookup_word(word) is not None:
            return True
        from text.phonemes import pronounce

        phones = pronounce(word)
        if phones:
            self._decoder.add_word(word, phones, False)
            self.n_new_words += 1
        return bool(phones)

    def run(self, audio: Samples, words: Sequence[str], *, open_end: bool, elastic: bool) -> list[Found]:
        """The words on the best path, in order; [] when no path reaches the end.

        With `open_end` the audio may end after any word.
        """
        words = [word if self.knows(word) else "<sil>" for word in words]
        arcs = _arcs(words, open_end=open_end, elastic=elastic)
        self._decoder.add_fsg("piece", self._decoder.create_fsg("piece", 0, len(words) + 1, arcs))
        self._decoder.activate_search("piece")
        self._decoder.reinit_feat()  # else what the last audio taught it of noise and channel stays
        self._decoder.start_utt()
        self._decoder.process_raw((np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes(), full_utt=True)
        self._decoder.end_utt()
        return self._path(words)

    def _path(self, words: Sequence[str]) -> list[Found]:
        offset_s = FRAME_MIDDLE_S - 0.5 / self._frames_per_s
        found: list[Found] = []
        index = 0
        for segment in self._decoder.seg() or ():
            if re.match(r"[<\[(+]", segment.word):
                continue
            index = words.index(re.sub(r"\(\d+\)$", "", segment.word), index)
            n_frames = segment.end_frame + 1 - segment.start_frame
            found.append(Found(
                index, segment.start_frame / self._frames_per_s + offset_s,
                (segment.end_frame + 1) / self._frames_per_s + offset_s,
                math.log(max(segment.ascore, 1e-300)) * _SCALE / n_frames, self._n_phones(segment.word)))
            index += 1
        return found

    def _n_phones(self, word: str) -> int:
        return len((self._decoder.lookup_word(word) or "AH").split())


def _arcs(words: Sequence[str], *, open_end: bool, elastic: bool) -> list[_Arc]:
    """State i lies before word i. The decoder follows one empty arc at a time, so each skip is an arc of its own."""
    count = len(words)
    final = count + 1
    arcs: list[_Arc] = [(i, i + 1, 1.0, word) for i, word in enumerate(words)]
    arcs += [(i, final, 1.0) for i in (range(count + 1) if open_end else [count])]
    if not elastic:
        return arcs
    if not open_end:
        arcs += [(i, final, SKIP * SKIP_MORE ** (count - i)) for i in range(count)]
    arcs += [(i, j, SKIP * SKIP_MORE ** (j - i)) for i in range(count)
             for j in range(i + 1, count + 1) if not i or j - i <= MAX_SKIPPED]
    return arcs + [(i, i, GARBAGE, f"++{phone}") for i in range(count + 1) for phone in GARBAGE_PHONES]
