"""`./run bench timing_fit`: chooses the weights of `timing.confidence` on the dev split, by cross-validation.

A word is right when both of its boundaries lie within 100 ms. Every fold leaves out one speaker with all conditions;
the table is what weights say of speakers that they were not fitted on. What it prints is what the module holds.
"""
from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from benchmarks.timing_sets import DEV, Recording, changed, conditions, joined, spoken, tempo
from text.spoken import read
from timing import confidence
from timing.align import NoEvidence, Samples
from timing.pocketsphinx import PocketSphinx
from timing.search import Search

SPEECH = Path(__file__).with_name("dev_speech")
RIGHT_MS, WRONG_MS = 100, 200
Floats = npt.NDArray[np.float64]


def human() -> list[Recording]:
    """Two clips of one speaker in each; the times are the search's of the clean clip."""
    search, clips = Search(), []
    for name, text in json.loads((SPEECH / "texts.json").read_text()).items():
        samples: Samples = soundfile.read(SPEECH / f"{name}.flac", dtype="float32")[0]
        assert all(map(search.knows, text.split()))
        found = search.run(samples, text.split(), open_end=False)
        assert len(found) == len(text.split())
        clips.append(Recording(samples, tuple(text.split()), [
            (round(each.start_s * 1000), round(each.end_s * 1000)) for each in found], name.partition("-")[0]))
    chance = np.random.default_rng(DEV.seed)
    pairs = [(0, 1), (2, 3), (5, 7)]
    return [joined([clips[a], clips[b]], chance, (0.2, 0.8)) for a, b in pairs]


def sets(names: Sequence[str] | None) -> dict[str, list[Recording]]:
    recordings = [*human(), *spoken(DEV)[::3]]
    found = {name: changed(recordings, change, DEV.seed) for name, change in conditions(DEV).items()
             if not names or name in names}
    factors = [factor for factor in (0.6, 1.5, 2.0) if not names or f"tempo {factor}" in names]
    return found | {f"tempo {factor}": spoken(tempo(DEV, factor))[::3] for factor in factors}


def observed(source: PocketSphinx, recording: Recording) -> tuple[Floats, Floats]:
    """Features of the words that were found, and how far each is off in ms; infinite where it is not said."""
    try:
        places, found = source.find(recording.samples, read(recording.text, recording.language))
    except NoEvidence:
        return np.zeros((0, len(confidence.WEIGHTS))), np.zeros(0)
    off = [max(abs(start - truth[0]), abs(end - truth[1])) if (truth := recording.truth_ms[token]) else np.inf
           for token, start, end in places]
    return confidence.features(found), np.array(off)


def fitted(features: Floats, right: Floats) -> Floats:
    """Logistic regression by Newton's method, with a little shrinkage."""
    weights = np.zeros(features.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-features @ weights))
        slope = features.T @ (right - chance) - 0.1 * weights
        curve = (features.T * (chance * (1 - chance))) @ features + 0.1 * np.eye(len(weights))
        weights += np.linalg.solve(curve, slope)
    return weights


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench timing_fit", description=__doc__)
    parser.add_argument("--conditions", nargs="*", help="all of them when absent")
    arguments = parser.parse_args(argv)
    source = PocketSphinx()
    rows: list[tuple[str, str, Floats, Floats]] = []
    for name, recordings in sets(arguments.conditions).items():
        rows += [(recording.speaker, name, *observed(source, recording)) for recording in recordings]
        print(name, file=sys.stderr, flush=True)
    features, off = (np.concatenate([row[i] for row in rows]) for i in (2, 3))
    speaker = np.concatenate([np.full(len(row[3]), hash(row[0])) for row in rows])
    right = (off <= RIGHT_MS).astype(float)
    chance = np.zeros(len(off))
    for held_out in np.unique(speaker):
        rest = speaker != held_out
        chance[~rest] = 1 / (1 + np.exp(-features[~rest] @ fitted(features[rest], right[rest])))
    print("score     words   within 100 ms   (speakers left out)")
    for low in np.arange(0, 1, 0.1):
        inside = (chance >= low) & (chance < low + 0.1 + (low > 0.85))
        if inside.any():
            print(f"{low:.1f}-{low + 0.1:.1f} {inside.sum():7} {right[inside].mean():10.3f}")
    for limit in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8):
        print(f"below {limit}: {(chance < limit).mean():.3f} of words; wrong and not below: "
              f"{((off > WRONG_MS) & (chance >= limit)).mean():.4f}; right and below: "
              f"{((off <= RIGHT_MS) & (chance < limit)).mean():.4f}")
    at = 0
    for who, name, _, errors in rows:
        part = slice(at, at := at + len(errors))
        bad = ((errors > WRONG_MS) & (chance[part] >= 0.5)).sum()
        if bad:
            print(f"  {who} {name}: {bad} of {len(errors)} wrong and above 0.5")
    print("WEIGHTS =", tuple(round(float(weight), 3) for weight in fitted(features, right)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
