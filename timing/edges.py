"""Where sound begins and ends: the level of 16 kHz speech, hop by hop.

An aligner knows the order of words but is some frames off at their edges. Next to a pause a word begins where
the level rises out of the room's noise and ends where it falls back into it.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from timing.words import Span

Samples = npt.NDArray[np.float32]
Levels = npt.NDArray[np.float64]

RATE_HZ = 16_000
HOP_MS = 5
HOP = RATE_HZ * HOP_MS // 1000

# Measured on espeak speech with exact times and on shared/speech: within these reaches and a third of the way
# from noise to voice, edges at pauses get better; below 20 dB of contrast the level says less than the aligner.
CONTRAST_DB = 20.0
SHARE = 0.35
SHRINK_MS, GROW_MS = 60, 150
# A pause's own noise is measured in its first or last 100 ms, 30 ms away from the word.
SKIRT_MS, BESIDE_HOPS = 30, 20
SILENCE_DB = -85.0
# No sound of speech is silent for so long: a word that is was laid over a pause.
MAX_SILENCE_MS = 250

PAUSE_MS = 1500
MARGIN_MS = 500
GROUP = 60


def levels_db(samples: Samples) -> Levels:
    """The level of 15 ms around each 5 ms hop, dB below full scale, [ceil(n / HOP)]."""
    whole = len(samples) // HOP * HOP
    hops = samples[:whole].reshape(-1, HOP)
    power = np.append(np.einsum("ij,ij->i", hops, hops), np.square(samples[whole:]).sum())
    around = np.convolve(power, np.ones(3), mode="same")[: -(-len(samples) // HOP)]
    level_db: Levels = 10 * np.log10(around.astype(np.float64) / (3 * HOP) + 1e-10)
    return level_db


def islands(samples: Samples) -> list[tuple[int, int]]:
    """The parts `[start, stop)` that are left when pauses longer than 1.5 s are cut down to half a second a side.

    Empty when there is no sound at all.
    """
    level_db = _smooth(levels_db(samples))
    sounding = np.flatnonzero(level_db > _threshold_db(level_db))
    if not len(sounding):
        return []
    breaks = np.flatnonzero(np.diff(sounding) * HOP_MS > PAUSE_MS)
    firsts = sounding[np.append(0, breaks + 1)] * HOP - MARGIN_MS * RATE_HZ // 1000
    lasts = (sounding[np.append(breaks, -1)] + 1) * HOP + MARGIN_MS * RATE_HZ // 1000
    return [(max(0, int(a)), min(len(samples), int(b))) for a, b in zip(firsts, lasts, strict=True)]


def sounding(samples: Samples, start: int, stop: int) -> tuple[int, int]:
    """The part of `samples[start:stop]` from its first to its last sound, as sample indexes."""
    level_db = levels_db(samples[start:stop])
    loud = np.flatnonzero(level_db > _threshold_db(level_db))
    if not len(loud):
        return start, stop
    return start + int(loud[0]) * HOP, min(stop, start + (int(loud[-1]) + 1) * HOP)


def pieces(samples: Samples, start: int, stop: int, max_s: float) -> Iterator[tuple[int, int]]:
    """Cuts `[start, stop)` into parts of at most `max_s` seconds, at the quietest 200 ms of each last third."""
    while stop - start > max_s * RATE_HZ:
        limit = int(max_s * RATE_HZ)
        earliest = start + limit * 2 // 3
        quiet = np.convolve(levels_db(samples[earliest : start + limit]), np.ones(40), mode="valid")
        cut = earliest + (int(quiet.argmin()) + 20) * HOP
        yield start, cut
        start = cut
    yield start, stop


def refine(samples: Samples, spans: Sequence[Span | None], grow_ms: int = GROW_MS) -> list[Span | None]:
    """Moves word edges at pauses to where the sound begins and ends; where there is no pause, words meet.

    A word grows over at most `grow_ms` of sound: what lies farther away is a breath, or a word that the text lacks.
    Noise and voice are measured among some sixty words at a time. Spans stay in order and do not overlap if
    they did not before. Next to a token that was not found (None) edges stay: its sound may lie there.
    """
    result: list[Span | None] = []
    for first in range(0, len(spans), GROUP):
        before = next((s for s in reversed(result) if s), None)
        after = _following(spans, first + GROUP)
        result += _refine_group(samples, spans[first : first + GROUP], before, after, grow_ms)
    return result


def _following(spans: Sequence[Span | None], index: int) -> Span | None:
    return next((span for span in spans[index:] if span), None)


def _refine_group(
    samples: Samples, spans: Sequence[Span | None], before: Span | None, after: Span | None, grow_ms: int
) -> list[Span | None]:
    known = [span for span in spans if span is not None]
    if not known:
        return list(spans)
    duration_ms = len(samples) * 1000 // RATE_HZ
    low_ms = max(before.end_ms if before else 0, known[0].start_ms - 1000)
    high_ms = min(after.start_ms if after else duration_ms, known[-1].end_ms + 1000)
    low_ms -= low_ms % HOP_MS
    level_db = levels_db(samples[low_ms * RATE_HZ // 1000 : high_ms * RATE_HZ // 1000])
    levels = _noise_and_voice_db(level_db, [(s.start_ms - low_ms, s.end_ms - low_ms) for s in known])
    if levels is None:
        return list(spans)
    gap = _Gap(level_db, *levels, low_ms, high_ms)
    result = [span and _without_pause(span, gap) for span in spans]
    for index in range(len(result) + 1):
        _refine_gap(result, index, gap, grow_ms)
    return result


class _Gap:
    """Levels from `low_ms` to `high_ms`, and which of them are voice.

    A level is that of its hop and one on each side: sound begins one hop behind where it rises, and ends one before it
    falls.
    """

    def __init__(self, level_db: Levels, noise_db: float, voice_db: float, low_ms: int, high_ms: int) -> None:
        self.level_db, self.voice_db, self.low_ms, self.high_ms = level_db, voice_db, low_ms, high_ms
        self.threshold_db = max(noise_db + SHARE * (voice_db - noise_db), voice_db - 45)
        self.loud: npt.NDArray[np.bool_] = level_db > self.threshold_db

    def hop(self, ms: int) -> int:
        return min(max(0, (ms - self.low_ms) // HOP_MS), len(self.loud) - 1)

    def ms(self, hop: int) -> int:
        return self.low_ms + hop * HOP_MS

    def _loud_beside(self, start_ms: int, stop_ms: int) -> npt.NDArray[np.bool_]:
        """Which hops are voice next to a pause whose first or last moments are `[start_ms, stop_ms)`.

        The room may sound there although other pauses are cut to silence: its level counts, not theirs.
        """
        beside_db = self.level_db[self.hop(start_ms) : self.hop(stop_ms)]
        if len(beside_db) < BESIDE_HOPS // 2:
            return self.loud
        noise_db = float(np.median(beside_db))
        if self.voice_db - noise_db < CONTRAST_DB:
            return self.loud
        loud: npt.NDArray[np.bool_] = self.level_db > max(
            self.threshold_db, noise_db + SHARE * (self.voice_db - noise_db))
        return loud

    def end(self, end_ms: int, shortest_ms: int, longest_ms: int, close_ms: int) -> int:
        """Where the sound that is there at `end_ms` ends, or the last sound before it ended."""
        loud = self._loud_beside(end_ms + SKIRT_MS, min(close_ms, end_ms + SKIRT_MS + BESIDE_HOPS * HOP_MS))
        last = self.hop(end_ms - 1)
        if loud[last]:
            quiet = np.flatnonzero(~loud[last : self.hop(longest_ms)])
            return self.ms(last + int(quiet[0]) - 1) if len(quiet) else longest_ms
        voiced = np.flatnonzero(loud[self.hop(shortest_ms) : last])
        return self.ms(self.hop(shortest_ms) + int(voiced[-1])) if len(voiced) else end_ms

    def start(self, start_ms: int, earliest_ms: int, latest_ms: int, open_ms: int) -> int:
        """Where the sound that is there at `start_ms` begins, or the next sound after it does."""
        loud = self._loud_beside(max(open_ms, start_ms - SKIRT_MS - BESIDE_HOPS * HOP_MS), start_ms - SKIRT_MS)
        first = self.hop(start_ms)
        if loud[first]:
            quiet = np.flatnonzero(~loud[self.hop(earliest_ms) : first])
            return self.ms(self.hop(earliest_ms) + int(quiet[-1]) + 2) if len(quiet) else earliest_ms
        voiced = np.flatnonzero(loud[first : self.hop(latest_ms)])
        return self.ms(first + int(voiced[0]) + 1) if len(voiced) else start_ms

    def quietest(self, start_ms: int, stop_ms: int) -> int:
        first = self.hop(start_ms)
        return self.ms(first + int(self.level_db[first : self.hop(stop_ms) + 1].argmin()))


def _without_pause(span: Span, gap: _Gap) -> Span:
    """The louder side of a word that has a pause in it."""
    first, last = gap.hop(span.start_ms), gap.hop(span.end_ms - 1)
    sounding = first + np.flatnonzero(gap.loud[first : last + 1])
    if not len(sounding):
        return span
    at = np.concatenate(([first - 1], sounding, [last + 1]))
    before = int(np.diff(at).argmax())
    if (at[before + 1] - at[before] - 1) * HOP_MS < MAX_SILENCE_MS:
        return span
    if before > len(sounding) - before:
        return replace(span, end_ms=max(gap.ms(int(at[before]) + 1), span.start_ms + 1))
    return replace(span, start_ms=min(gap.ms(int(at[before + 1])), span.end_ms - 1))


def _refine_gap(spans: list[Span | None], index: int, gap: _Gap, grow_ms: int) -> None:
    """Refines the end of word `index - 1` and the start of word `index`, which share the gap between them."""
    left = spans[index - 1] if index else None
    right = spans[index] if index < len(spans) else None
    if (index and left is None) or (index < len(spans) and right is None):
        return
    open_ms = left.end_ms if left else gap.low_ms
    close_ms = right.start_ms if right else gap.high_ms
    if left and right and close_ms - open_ms < 4 * HOP_MS:
        return
    end_ms, start_ms = open_ms, close_ms
    if left:
        half_ms = (left.end_ms - left.start_ms) // 2
        end_ms = gap.end(open_ms, open_ms - min(SHRINK_MS, half_ms), min(close_ms, open_ms + grow_ms), close_ms)
    if right:
        half_ms = (right.end_ms - right.start_ms) // 2
        start_ms = gap.start(close_ms, max(open_ms, close_ms - grow_ms), close_ms + min(SHRINK_MS, half_ms), open_ms)
    if left and right and end_ms >= start_ms:
        end_ms = start_ms = gap.quietest(open_ms, close_ms)
    if left:
        spans[index - 1] = replace(left, end_ms=max(end_ms, left.start_ms + 1))
    if right:
        spans[index] = replace(right, start_ms=min(start_ms, right.end_ms - 1))


def _noise_and_voice_db(level_db: Levels, words_ms: Sequence[tuple[int, int]]) -> tuple[float, float] | None:
    """Two levels, or None when they are too near to each other. Digital silence is no noise where there is any."""
    inside, outside = np.zeros(len(level_db), dtype=bool), np.ones(len(level_db), dtype=bool)
    for start_ms, end_ms in words_ms:
        inside[max(0, start_ms // HOP_MS) : max(0, end_ms // HOP_MS)] = True
        outside[max(0, start_ms // HOP_MS - 6) : max(0, end_ms // HOP_MS + 6)] = False
    if not inside.any():
        return None
    noise_db = float(np.percentile(level_db, 5))
    if (outside & (level_db > SILENCE_DB)).sum() >= 20:
        outside &= level_db > SILENCE_DB
    if outside.sum() >= 20:
        noise_db = max(noise_db, float(np.median(level_db[outside])))
    voice_db = float(np.percentile(level_db[inside], 60))
    return (noise_db, voice_db) if voice_db - noise_db >= CONTRAST_DB else None


def _smooth(level_db: Levels) -> Levels:
    """Means over 100 ms; at the ends the first and the last level go on."""
    smooth: Levels = np.convolve(np.pad(level_db, (10, 9), mode="edge"), np.full(20, 1 / 20), mode="valid")
    return smooth


def _threshold_db(level_db: Levels) -> float:
    """A third of the way from noise to voice; infinite when nothing is louder than -70 dB."""
    noise_db, voice_db = np.percentile(level_db, (5, 95))
    return float(max(noise_db + SHARE * (voice_db - noise_db), voice_db - 40)) if voice_db > -70 else float("inf")
