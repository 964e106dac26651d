"""Sounds that `timing_sets` makes or changes: a room's quiet, music, a breath, a vowel that goes on."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from timing.align import RATE_HZ, Samples

DRAWN_SHARE, DRAWN_S = 0.125, (0.2, 0.8)
PITCH_HZ = (70, 350)
VOICED = 0.5
"""Of a sound's power, what comes back after a period, where it has one."""
FALL = 10 ** (-6 / 20)


def tone(length_s: float, chance: np.random.Generator, level_db: float = -70.0) -> Samples:
    """The quiet of a room."""
    noise: Samples = (chance.standard_normal(int(length_s * 1000) * RATE_HZ // 1000) * 10 ** (level_db / 20)).astype(
        np.float32)
    return noise


def music(length: int, chance: np.random.Generator) -> np.ndarray:
    """Chords of decaying harmonics and a drum, two beats a second."""
    time = np.arange(length) / RATE_HZ
    sound = np.zeros(length)
    for beat in range(int(length / RATE_HZ * 2) + 1):
        start = beat * RATE_HZ // 2
        since = time[: length - start]
        for note in chance.choice([0, 3, 5, 7, 10, 12], 3, replace=False):
            pitch = 110 * 2 ** (note / 12)
            sound[start:] += sum(np.sin(2 * np.pi * pitch * k * since) / k for k in range(1, 6)) * np.exp(-3 * since)
        sound[start:] += chance.standard_normal(length - start) * np.exp(-40 * since) * 2
    return sound


def breath(chance: np.random.Generator, level: float) -> np.ndarray:
    length = RATE_HZ // 2
    rough = np.convolve(chance.standard_normal(length), np.ones(4) / 2, mode="same")
    return rough * np.hanning(length) * level


def drawn_out(samples: Samples, times_ms: Sequence[tuple[int, int] | None],
              chance: np.random.Generator) -> tuple[Samples, list[tuple[int, int] | None]]:
    """Some of the words last longer, in the loudest of their voiced sounds; with all words' times then."""
    parts, moved, at, added_ms = list[Samples](), list[tuple[int, int] | None](), 0, 0
    for time_ms in times_ms:
        more: Samples | None = None
        if time_ms and chance.random() < DRAWN_SHARE:
            place = loudest(samples, *time_ms)
            more = sustained(samples, place, int(chance.uniform(*DRAWN_S) * RATE_HZ), chance)
            if more is not None:
                parts += [samples[at:place], more]
                at = place
        more_ms = 0 if more is None else len(more) * 1000 // RATE_HZ
        moved.append(time_ms and (time_ms[0] + added_ms, time_ms[1] + added_ms + more_ms))
        added_ms += more_ms
    return np.concatenate([*parts, samples[at:]]), moved


def loudest(samples: Samples, start_ms: int, end_ms: int) -> int:
    """The sample in the middle of a word's loudest 10 ms."""
    hop, start = RATE_HZ // 100, start_ms * RATE_HZ // 1000
    hops = range(max(1, (end_ms - start_ms) // 10))
    return start + hop // 2 + hop * max(hops, key=lambda i: float(np.square(samples[start + i * hop :][:hop]).sum()))


def sustained(samples: Samples, at: int, length: int, chance: np.random.Generator) -> Samples | None:
    """The voiced sound about `at` goes on, softer and lower by and by: periods of it, two at a time, from places that
    wander (PSOLA, Moulines and Charpentier 1990). None where it has no pitch."""
    reach = RATE_HZ // 25
    around = samples[max(0, at - reach) : at + reach].astype(float)
    echo = np.correlate(around, around, "full")[len(around) - 1 :]
    low, high = (RATE_HZ // hz for hz in reversed(PITCH_HZ))
    if len(echo) <= high or echo[low:high].max() < VOICED * echo[0]:
        return None
    period = low + int(echo[low:high].argmax())
    window, most = np.hanning(2 * period), reach // 2 // period
    sound, place, step = np.zeros(length + 4 * period), 0.0, 0
    while place < length + period:
        middle = int(np.clip(at + step * period, period, len(samples) - period))
        sound[int(place) : int(place) + 2 * period] += samples[middle - period : middle + period] * window
        place += period * (1 + 0.1 * place / length + 0.01 * chance.standard_normal())
        step = int(np.clip(step + chance.choice([-1, 0, 1]), -most, most))
    return (sound[period : period + length] * np.linspace(1, FALL, length)).astype(np.float32)
