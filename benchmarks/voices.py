"""`./run bench voices`: which seconds of a long recording become the voice, and whether its text is what is said then.

Recordings of about 40 s with their whole text: eSpeak reading (five voices), and the people of `shared/speech` one
after another. Noise lies under each, 40 dB weaker in one stretch of 12 s than elsewhere (SNR 6 dB). Where each word
sounds is known, so the stored clip can be judged: `exact` (its text is the words that sound in it, none cut by an
edge), `cut_words` (words of which the clip has more than 60 ms, and lacks more than 60 ms that sound: within 35 dB of
the speech's mean, since eSpeak's times count its silence behind a phrase to the word before), `in_clean_share` (of its
length, in the clean stretch), `regret_db` (its noise, over that of the least noisy 6 to 12 s between two pauses of
0.12 s; what a recording's power falls to within a second before noise is added counts as noise too).
"""
from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soxr

from benchmarks.marking import SPEECH
from benchmarks.timing import human
from benchmarks.timing_sets import RATE_HZ, REPORT, Recording, joined, spoken
from timing.pocketsphinx import PocketSphinx
from worker import reference

ROOT = Path(__file__).resolve().parents[1]
CLEAN_S, NOISY_SNR_DB, CLEAN_SNR_DB = 12.0, 6.0, 46.0
EDGE_MS, SOUNDING_DB = 60, -35.0


@dataclass(frozen=True)
class Row:
    kind: str
    recording_s: float
    clip_s: float
    exact: bool
    cut_words: int
    in_clean_share: float
    regret_db: float


def recordings(per_kind: int) -> Iterator[tuple[str, Recording]]:
    for recording in spoken(REPORT, per_recording=10)[:per_kind]:
        yield "espeak", recording
    people = human(SPEECH) if SPEECH else []
    for turn in range(per_kind if people else 0):
        order = people[turn % len(people):] + people[:turn % len(people)]
        yield "people", joined(order, np.random.default_rng(turn), (0.4, 0.8))


def noise_gain(n_samples: int, chance: np.random.Generator) -> tuple[np.ndarray, float]:
    """The noise's power at each sample, relative to the speech's, and where its clean stretch begins (s)."""
    power = np.full(n_samples, 10 ** (-NOISY_SNR_DB / 10))
    start = int(chance.uniform(0, max(0.0, n_samples / RATE_HZ - CLEAN_S)) * RATE_HZ)
    power[start:start + int(CLEAN_S * RATE_HZ)] = 10 ** (-CLEAN_SNR_DB / 10)
    return power, start / RATE_HZ


def own_noise(samples: np.ndarray) -> np.ndarray:
    steps = np.square(samples[:len(samples) // 160 * 160].reshape(-1, 160)).mean(axis=1)
    around = np.pad(steps, 50, mode="edge")[:len(steps) + 99]
    floor = np.percentile(np.lib.stride_tricks.sliding_window_view(around, 100), 10, axis=1)
    return np.resize(np.repeat(floor, 160), len(samples))


def place(clip: np.ndarray, samples: np.ndarray) -> int:
    """Where the clip was cut out: it is a slice of what was sent."""
    size = 2000
    windows = np.lib.stride_tricks.sliding_window_view(samples, size)[:, ::100]
    return int(np.flatnonzero((windows == clip[:size:100]).all(axis=1))[0])


def sounding_ms(recording: Recording, start_ms: int, end_ms: int, loud: float) -> int:
    """How much of this stretch is not silent, in steps of 10 ms; `loud` is the power of the speech."""
    steps = recording.samples[start_ms * RATE_HZ // 1000:max(start_ms, end_ms) * RATE_HZ // 1000]
    steps = steps[:len(steps) // 160 * 160].reshape(-1, 160)
    return 10 * int(np.count_nonzero(np.square(steps).mean(axis=1) > loud * 10 ** (SOUNDING_DB / 10)))


def between_pauses(recording: Recording) -> Iterator[tuple[int, int]]:
    """The stretches that could have been taken, in ms, by the true times of the words."""
    times = [time for time in recording.truth_ms if time is not None]
    cuts = [0, *(i for i in range(1, len(times)) if times[i][0] - times[i - 1][1] >= 120), len(times)]
    for index, first in enumerate(cuts):
        for last in cuts[index + 1:]:
            start_ms, end_ms = times[first][0], times[last - 1][1]
            if 6000 <= end_ms - start_ms <= 12_000:
                yield start_ms, end_ms


def judged(kind: str, recording: Recording, seed: int) -> Row:
    chance = np.random.default_rng(seed)
    power, clean_s = noise_gain(len(recording.samples), chance)
    loud = float(np.mean(np.square(recording.samples[np.abs(recording.samples) > 0.01])))
    noisy = recording.samples + np.sqrt(loud * power) * chance.standard_normal(len(power))
    samples = soxr.resample(noisy.astype(np.float32) * 0.5, RATE_HZ, reference.RATE_HZ)
    made = reference.prepare(samples, recording.text, "en", {"pocketsphinx": PocketSphinx()}, lambda: None)
    start_ms = place(made.samples, samples) * 1000 / reference.RATE_HZ
    end_ms = start_ms + len(made.samples) * 1000 / reference.RATE_HZ
    within, across = [], 0
    for word, time in zip(recording.words, recording.truth_ms, strict=True):
        assert time is not None
        inside = min(time[1], end_ms) - max(time[0], start_ms)
        outside = sounding_ms(recording, time[0], min(time[1], int(start_ms)), loud) + sounding_ms(
            recording, max(time[0], int(end_ms)), time[1], loud)
        if min(outside, inside) > EDGE_MS:
            across += 1
        if inside > (time[1] - time[0]) / 2:
            within.append(word)
    overlap = max(0.0, min(end_ms, (clean_s + CLEAN_S) * 1000) - max(start_ms, clean_s * 1000))
    power = power * loud + own_noise(recording.samples)
    noise = float(power[int(start_ms * RATE_HZ / 1000):int(end_ms * RATE_HZ / 1000)].mean())
    least = min(float(power[a * RATE_HZ // 1000:b * RATE_HZ // 1000].mean()) for a, b in between_pauses(recording))
    return Row(kind, round(len(recording.samples) / RATE_HZ, 1), round(len(made.samples) / reference.RATE_HZ, 2),
               within == made.text.split() and not across, across,
               round(overlap / (end_ms - start_ms), 3), round(float(10 * np.log10(noise / least)), 1))


def summary(rows: list[Row]) -> dict[str, object]:
    return {"recordings": len(rows), "longest_clip_s": max(row.clip_s for row in rows),
            "exact": sum(row.exact for row in rows), "cut_words": sum(row.cut_words for row in rows),
            "in_clean_share": round(float(np.mean([row.in_clean_share for row in rows])), 3),
            "regret_db_median": float(np.median([row.regret_db for row in rows])),
            "regret_db_max": max(row.regret_db for row in rows)}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench voices", description=__doc__)
    parser.add_argument("--per-kind", type=int, default=10)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/voices.json")
    arguments = parser.parse_args(argv)
    rows = [judged(kind, recording, seed)
            for seed, (kind, recording) in enumerate(recordings(arguments.per_kind), start=1)]
    result = {kind: summary([row for row in rows if row.kind == kind]) for kind in sorted({row.kind for row in rows})}
    print(json.dumps(result, indent=1))
    arguments.out.write_text(json.dumps({"summary": result, "rows": [asdict(row) for row in rows]}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
