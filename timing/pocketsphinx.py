"""English words found by pocketsphinx's forced alignment: offline, without a GPU, with its bundled model.

A stretch of some twenty seconds is aligned in one go. Longer audio is aligned piece by piece: each piece may end
after any word, and what it says of words before its clearest late pause is kept.
"""
from __future__ import annotations

import math
import re
import threading
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from timing import edges
from timing.align import RATE_HZ, NoEvidence, Samples
from timing.words import Span, to_ms

if TYPE_CHECKING:
    import pocketsphinx

    from text.spoken import Token

FRAMES_PER_S = 125
"""The model was made at 100; at 125 its boundaries are some 3 ms nearer to human ones (21 against 25 ms)."""
FRAME_MIDDLE_S = 0.0128
"""A frame is 25.6 ms of audio: a boundary lies between the middles of two frames."""

PIECE_S = 20
MAX_WORDS_PER_S = 5
PAUSE_DB, FLOOR_DB = 35.0, 60.0
"""The model knows no digital silence: what is 35 dB below the voice is filled up with noise, and a trace of it
lies under everything."""
MAX_NEW_WORDS = 10_000

_Times = list[tuple[float, float]]


class PocketSphinx:
    """A `timing.align.Source`. Loads its model (0.3 s) at the first use; one call at a time."""

    name = "pocketsphinx"
    usd_per_minute = 0.0
    max_window_s = math.inf

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._decoder: pocketsphinx.Decoder | None = None
        self._new_words = 0

    def supports(self, language: str) -> str | None:
        return None if re.match(r"en\b", language.replace("_", "-").lower()) else "its acoustic model is English only"

    def align(self, samples: Samples, tokens: Sequence[Token], language: str) -> list[Span | None]:
        audio = _Sounding(samples)
        if not audio.parts:
            raise NoEvidence("the audio is silent")
        with self._lock:
            decoder = self._loaded()
            words = [(i, word) for i, token in enumerate(tokens) for word in token.spoken if self._knows(decoder, word)]
            times = _align_pieces(decoder, audio, [word for _, word in words])
        if not times:
            raise NoEvidence("the words are not in this audio")
        spans: list[Span | None] = [None] * len(tokens)
        for (index, _), (start_s, end_s) in zip(words, times, strict=False):
            before = spans[index]
            start_ms = before.start_ms if before else to_ms(audio.start_s(start_s))
            spans[index] = Span(start_ms, to_ms(audio.end_s(end_s)))
        return spans

    def _loaded(self) -> pocketsphinx.Decoder:
        if self._decoder is None or self._new_words > MAX_NEW_WORDS:
            import pocketsphinx

            # The beams keep a path alive through long pauses; `topn` scores with twice the usual Gaussians.
            self._decoder, self._new_words = pocketsphinx.Decoder(
                samprate=RATE_HZ, frate=FRAMES_PER_S, topn=8, beam=1e-60, pbeam=1e-60, wbeam=1e-40,
                lm=None, bestpath=False, loglevel="FATAL",
            ), 0
        return self._decoder

    def _knows(self, decoder: pocketsphinx.Decoder, word: str) -> bool:
        """Whether the word has a pronunciation; one that the dictionary lacks is added."""
        if decoder.lookup_word(word) is not None:
            return True
        from text.phonemes import pronounce

        phones = pronounce(word)
        if phones:
            decoder.add_word(word, phones, False)
            self._new_words += 1
        return bool(phones)


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


def _align_pieces(decoder: pocketsphinx.Decoder, audio: _Sounding, words: Sequence[str]) -> _Times:
    """Start and end of the words in seconds; fewer than `words` where the last ones were not found."""
    found: _Times = []
    at_s = 0.0
    while len(found) < len(words) and audio.length_s - at_s > 1.5 * PIECE_S:
        rest = words[len(found) : len(found) + PIECE_S * MAX_WORDS_PER_S]
        aligned = _align_piece(decoder, audio.cut(at_s, at_s + PIECE_S), rest, open_end=True)
        next_s = 0.0
        if len(found) + len(aligned) < len(words):
            aligned, next_s = _settled(aligned)
        found += [(at_s + start_s, at_s + end_s) for start_s, end_s in aligned]
        at_s += next_s
    rest = words[len(found) :]
    if rest and at_s < audio.length_s:
        last = audio.cut(at_s, audio.length_s)
        aligned = _align_piece(decoder, last, rest, open_end=False) or _align_piece(decoder, last, rest, open_end=True)
        found += [(at_s + start_s, at_s + end_s) for start_s, end_s in aligned]
    return found


def _settled(aligned: _Times) -> tuple[_Times, float]:
    """The words of a piece up to its clearest late pause, and where in that pause the next piece begins."""
    pauses = [(after[0] - before[1], i) for i, (before, after) in enumerate(pairwise(aligned), start=1)
              if before[1] > 0.6 * PIECE_S and after[1] < PIECE_S - 1]
    if not pauses:
        return aligned, max([PIECE_S / 2, *(end_s for _, end_s in aligned[-1:])])
    _, count = max(pauses)
    return aligned[:count], (aligned[count - 1][1] + aligned[count][0]) / 2


def _align_piece(decoder: pocketsphinx.Decoder, audio: Samples, words: Sequence[str], *, open_end: bool) -> _Times:
    """All the words in the audio, [] when they do not fit; with `open_end` as many of the first ones as are in it."""
    if open_end:
        last = len(words) + 1
        steps = [(i, i + 1, 1.0, word) for i, word in enumerate(words)]
        decoder.add_fsg("piece", decoder.create_fsg("piece", 0, last, steps + [(i, last, 1.0) for i in range(last)]))
        decoder.activate_search("piece")
    else:
        decoder.set_align_text(" ".join(words))
    decoder.start_utt()
    decoder.process_raw((np.clip(_with_noise(audio), -1, 1) * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    offset_s = FRAME_MIDDLE_S - 0.5 / FRAMES_PER_S
    aligned = [(s.start_frame / FRAMES_PER_S + offset_s, (s.end_frame + 1) / FRAMES_PER_S + offset_s)
             for s in decoder.seg() or () if not re.match(r"[<\[(]", s.word)]
    return aligned if open_end or len(aligned) == len(words) else []


def _with_noise(audio: Samples) -> Samples:
    """Quiet hops filled up with noise, the same for the same audio."""
    power = 10 ** (edges.levels_db(audio) / 10)
    voice = np.percentile(power, 90)
    added = np.maximum(voice * 10 ** (-PAUSE_DB / 10) - power, voice * 10 ** (-FLOOR_DB / 10))
    gain = np.sqrt(added).astype(np.float32).repeat(edges.HOP)[: len(audio)]
    noise = np.random.default_rng(0).standard_normal(RATE_HZ, dtype=np.float32)
    noisy: Samples = audio + gain * np.resize(noise, len(audio))
    return noisy
