"""How loud a waveform is, by ITU-R BS.1770-4, and what brings it to a wanted loudness.

A waveform is measured while it is made. Its gain and, where that would make peaks too high, a limiter are applied
while it is encoded, and what comes out of them is measured there: an hour of speech is read once.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from types import TracebackType

import numpy as np
import soxr

from tts import EngineError, Samples, ffmpeg

CEILING_DBTP = -1.0
"""The most that true peaks reach when the loudness is set (EBU R 128 s1)."""
MAX_LIMITING_DB = 9.0
"""Peaks are lowered by at most this much; a target that needs more is missed, and that is said. With it people's
voices come to -14 LUFS; a decibel more would bring less than half of itself (docs/SPEECH.md)."""
LIMITER_PASSES, CLOSE_DB = 4, 0.3
_LIMIT_DBTP = -1.2
"""What the limiter is set to: the way back from four times the rate adds a little."""
_EXCERPT_S, _LONG_S = 240, 480
"""Of a recording longer than `_LONG_S`, blocks from all over it, so many seconds in all."""
_OVERSAMPLING = 8
"""As FFmpeg's ebur128 filter looks for peaks between samples; BS.1770-4 asks for four at the least."""
_PIECE, _CONTEXT = 1024, 64
_MAX_OVER = 0.7
"""A piece of a waveform whose samples stay below this share of the highest peak has none that is higher."""

Blocks = Callable[[], Iterable[Samples]]
"""Reads a mono waveform from its start: float32 [n] each time."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """The integrated loudness, and the true peak (between samples too)."""

    integrated_lufs: float
    true_peak_dbtp: float


@dataclass(frozen=True, slots=True)
class Level:
    """What brings audio to its loudness: a gain, then a limiter where its peaks would pass the ceiling.

    `planned` is what the gain alone makes of it: the loudness that was asked for, with peaks that may be too high.
    None where none was asked for or it cannot be measured.
    """

    gain_db: float = 0.0
    planned: Loudness | None = None
    warnings: tuple[str, ...] = ()

    @property
    def limits(self) -> bool:
        return self.over_db > 0

    @property
    def over_db(self) -> float:
        """How far the gain alone takes the peaks over the ceiling; at most 0 where no limiter is needed."""
        return self.planned.true_peak_dbtp - CEILING_DBTP if self.planned else 0.0


UNCHANGED = Level()


def nothing() -> None:
    """The check of whoever has no job."""


class Meter:
    """Measures a waveform that is given piece by piece. Without a target, only whether it is over full scale."""

    def __init__(self, rate_hz: int, target_lufs: float | None, check: Callable[[], None] = nothing) -> None:
        self._target_lufs, self._peak, self._true_peak = target_lufs, 0.0, 0.0
        self._before = np.zeros(_CONTEXT, np.float32)
        self._ffmpeg = None if target_lufs is None else ffmpeg.Ffmpeg(rate_hz, _measuring("none"), check)

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._ffmpeg:
            self._ffmpeg.__exit__(kind, error, trace)

    def add(self, samples: Samples) -> None:
        self._peak = max(self._peak, float(np.max(np.abs(samples), initial=0.0)))
        if self._ffmpeg and len(samples):
            self._look_between(samples)
            self._ffmpeg.feed(samples)

    def level(self) -> Level:
        """How to bring all of it to the target. Called once, at its end."""
        if self._ffmpeg is None or self._target_lufs is None:
            over_db = 20 * float(np.log10(max(self._peak, 1.0)))
            return Level(-over_db, None,
                         (f"level: lowered by {over_db:.1f} dB, it would have clipped",) if over_db else ())
        self._look_between(np.zeros(_CONTEXT, np.float32))
        lufs, _ = _said(self._ffmpeg.finish())
        if not lufs > -69.9:
            return Level(warnings=("loudness: the audio is too quiet or too short to measure; left as it is",))
        peak_dbtp = 20 * float(np.log10(max(self._true_peak, 1e-6)))
        gain_db = self._target_lufs - lufs
        return Level(gain_db, Loudness(round(self._target_lufs, 1), round(peak_dbtp + gain_db, 1)))

    def _look_between(self, samples: Samples) -> None:
        """The peaks between the samples before these, whose neighbours are all known now."""
        known = np.concatenate([self._before, samples.astype(np.float32, copy=False)])
        starts = range(0, len(known) - 2 * _CONTEXT, _PIECE)
        highest = np.maximum.reduceat(np.abs(known), [*starts]) if starts else np.zeros(0)
        around = np.maximum(highest, np.append(highest[1:], 0.0))  # a piece reaches into the next one
        for start, high in zip(starts, around, strict=True):
            if high > _MAX_OVER * self._true_peak:
                piece = soxr.resample(known[start:start + _PIECE + 2 * _CONTEXT], 1, _OVERSAMPLING)
                inner = piece[_CONTEXT // 2 * _OVERSAMPLING:len(piece) - _CONTEXT // 2 * _OVERSAMPLING]
                self._true_peak = max(self._true_peak, float(np.abs(inner).max(initial=0.0)), float(high))
        self._before = known[-2 * _CONTEXT:]


def measure(blocks: Blocks, rate_hz: int, check: Callable[[], None] = nothing) -> Loudness | None:
    """As FFmpeg's ebur128 filter measures it, to a tenth of a decibel; None for silence."""
    found = Loudness(*_said(ffmpeg.run(rate_hz, _measuring("true"), blocks(), check)))
    return found if found.integrated_lufs > -69.9 else None


def limiter(rate_hz: int, out_hz: int, oversampling: int = 4) -> str:
    """FFmpeg's filters: it sees the peaks between samples at four times the rate. What it leaves is measured: the peak
    there, the loudness at `out_hz`, where that costs a quarter.

    `limited` reads what they found.
    """
    return (f"aresample={oversampling * rate_hz},alimiter=limit={10 ** (_LIMIT_DBTP / 20):.4f}:level=0:latency=1,"
            f"astats=measure_overall=Peak_level:measure_perchannel=none,aresample={out_hz}:tsf=fltp,"
            "ebur128=framelog=quiet")


def limited(log: str) -> Loudness:
    """What came out of `limiter`, by FFmpeg's log."""
    lufs, _ = _said(log)
    peaks = re.findall(r"Peak level dB: (-?[\d.]+|-?inf)", log)
    if not peaks:
        raise EngineError("measuring the peaks failed")
    return Loudness(lufs, round(float(peaks[-1]), 1))


def missing_db(blocks: Blocks, rate_hz: int, level: Level, check: Callable[[], None]) -> float:
    """What the limiter takes from the loudness and has to be added before it; of a long recording by an excerpt."""
    search = Search(level)
    n_samples = sum(map(len, blocks()))
    if n_samples < _LONG_S * rate_hz:
        return search.more_db
    excerpt = partial(_excerpt, blocks, -(-n_samples // (_EXCERPT_S * rate_hz)))
    wanted = measure(partial(raised, excerpt, level.gain_db), rate_hz, check)
    for _ in range(LIMITER_PASSES if wanted else 0):
        found = limited(ffmpeg.run(rate_hz, ["-af", limiter(rate_hz, rate_hz, 2), "-f", "null", "-"],
                                   raised(excerpt, level.gain_db + search.more_db), check))
        if wanted and search.is_close(wanted.integrated_lufs - found.integrated_lufs, CLOSE_DB / 3):
            break
    return search.more_db


class Search:
    """For what has to be added before the limiter. A decibel more does not come out whole: the rest is limited too.

    `more_db` is below zero where the gain alone would lower the peaks by more than they may be.
    """

    def __init__(self, level: Level, more_db: float = 0.0) -> None:
        self._most_db = MAX_LIMITING_DB - level.over_db
        self.more_db = min(more_db, self._most_db)
        self._before: tuple[float, float] | None = None

    def is_close(self, taken_db: float, close_db: float) -> bool:
        """Whether `more_db` leaves no more than this missing, or is the most; else it is the next to be tried (by the
        secant)."""
        if abs(taken_db) <= close_db or (taken_db > 0 and self.more_db == self._most_db):
            return True
        share = 1.0
        if self._before and abs(self.more_db - self._before[0]) > 0.01:
            share = (self._before[1] - taken_db) / (self.more_db - self._before[0])
        self._before = self.more_db, taken_db
        self.more_db = min(self.more_db + taken_db / min(max(share, 0.2), 1.0), self._most_db)
        return False


def raised(blocks: Blocks, gain_db: float) -> Iterator[Samples]:
    gain = 10 ** (gain_db / 20)
    for block in blocks():
        yield block if gain == 1.0 else (block * gain).astype(np.float32)


def _excerpt(blocks: Blocks, step: int) -> Iterator[Samples]:
    return islice(blocks(), 0, None, step)


def _measuring(peak: str) -> list[str]:
    return ["-af", f"ebur128=framelog=quiet:peak={peak}", "-f", "null", "-"]


def _said(log: str) -> tuple[float, float]:
    """LUFS, and the peak in dBFS where it was measured."""
    lufs = re.findall(r"I:\s+(-?[\d.]+|-?inf) LUFS", log)
    peaks = re.findall(r"Peak:\s+(-?[\d.]+|-?inf) dBFS", log)
    if not lufs:
        raise EngineError("measuring the loudness failed")
    return float(lufs[-1]), float(peaks[-1]) if peaks else -float("inf")
