"""`./run bench timing_fit`: chooses the weights of `timing.confidence`, with `french` the French ones, or with `prices`
what `timing.search` pays.

Both on the dev split alone, by cross-validation: what is chosen without one speaker, and without one condition, is
judged on it. For the weights a word is right when both of its boundaries lie within 100 ms. What it prints is what the
modules hold.
"""
from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from benchmarks import timing_prices
from benchmarks.timing_sets import (
    DEV,
    FRENCH_DEV,
    Recording,
    Split,
    casual,
    changed,
    conditions,
    joined,
    read_out,
    spoken,
    tempo,
)
from text.spoken import read
from timing import confidence, edges
from timing.align import DOUBT, GROW_MS, NoEvidence, Samples
from timing.pocketsphinx import PocketSphinx
from timing.search import Search
from timing.words import Span

SPEECH = Path(__file__).with_name("dev_speech")
RIGHT_MS, WRONG_MS = 100, 200
OTHER_SPEECH = ("another text", "another language")
Floats = npt.NDArray[np.float64]

_source: list[PocketSphinx] = []


def clips(folder: Path) -> list[Recording | None]:
    """The recordings of a folder, and where the search finds their words; None where it does not find all."""
    search, found = Search(), list[Recording | None]()
    for name, text in json.loads((folder / "texts.json").read_text()).items():
        samples: Samples = soundfile.read(folder / f"{name}.flac", dtype="float32")[0]
        assert all(map(search.knows, text.split()))
        words = search.run(samples, text.split(), open_end=False)
        found.append(Recording(samples, tuple(text.split()), [
            (round(each.start_s * 1000), round(each.end_s * 1000)) for each in words], name.partition("-")[0])
            if len(words) == len(text.split()) else None)
    return found


def human() -> list[Recording]:
    """Two clips of one speaker in each; the times are the search's of the clean clip."""
    found = [clip for clip in clips(SPEECH) if clip]
    chance = np.random.default_rng(DEV.seed)
    pairs = [(0, 1), (2, 3), (5, 7)]
    return [joined([found[a], found[b]], chance, (0.2, 0.8)) for a, b in pairs]


def sets(split: Split, names: Sequence[str] | None, every: int) -> dict[str, list[Recording]]:
    """The recordings of each condition: people's, and every so many of the voices'."""
    recordings = [*(human() if split is DEV else ()), *_voices(split, every)]
    found = {name: changed(recordings, change, split.seed) for name, change in conditions(split).items()
             if not names or name in names}
    factors = [factor for factor in (0.6, 1.5, 2.0) if not names or f"tempo {factor}" in names]
    return found | {f"tempo {factor}": _voices(tempo(split, factor), every) for factor in factors}


def _voices(split: Split, every: int) -> list[Recording]:
    return [*spoken(split)[::every], *read_out(split)[::every], *casual(split)[::every]]


def observed(recording: Recording) -> tuple[Floats, Floats]:
    """Features of the words that were found, and how far each is off in ms; infinite where it is not said."""
    if not _source:
        _source.append(PocketSphinx())
    tokens = read(recording.text, recording.language)
    try:
        places, found = _source[0].find(recording.samples, tokens, recording.language)
    except NoEvidence:
        return np.zeros((0, len(confidence.WEIGHTS["en"]))), np.zeros(0)
    spans: list[Span | None] = [None] * len(recording.words)
    for token, start_ms, end_ms in places:
        before = spans[token]
        spans[token] = Span(before.start_ms if before else start_ms, end_ms)
    spans = edges.refine(recording.samples, spans, GROW_MS[PocketSphinx.name])
    off = [max(abs(span.start_ms - truth[0]), abs(span.end_ms - truth[1])) if (truth := recording.truth_ms[token])
           and (span := spans[token]) else np.inf for token, *_ in places]
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


def left_out(features: Floats, right: Floats, groups: npt.NDArray[np.str_]) -> Floats:
    """Each word's chance by weights that were fitted without its group."""
    chance = np.zeros(len(right))
    for group in np.unique(groups):
        rest = groups != group
        chance[~rest] = 1 / (1 + np.exp(-features[~rest] @ fitted(features[rest], right[rest])))
    return chance


def weigh(recordings: Sequence[tuple[str, Recording]]) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        seen = list(pool.imap(observed, [recording for _, recording in recordings]))
    features, off = (np.concatenate(parts) for parts in zip(*seen, strict=True))
    right = (off <= RIGHT_MS).astype(float)
    of = {"speakers": np.concatenate([np.full(len(off), each.speaker) for (_, each), (_, off) in
                                      zip(recordings, seen, strict=True)]),
          "conditions": np.concatenate([np.full(len(off), name) for (name, _), (_, off) in
                                        zip(recordings, seen, strict=True)])}
    for kind, groups in of.items():
        _report(f"{kind} left out", left_out(features, right, groups), off, of["conditions"])
    print("weights:", tuple(round(float(weight), 3) for weight in fitted(features, right)))


def _report(title: str, chance: Floats, off: Floats, conditions: npt.NDArray[np.str_]) -> None:
    """How often words of a score are right, what a limit for doubts leaves unmarked, and in which conditions."""
    print(f"\n{title}: {len(off)} words\nscore     words   within {RIGHT_MS} ms")
    for low in np.arange(0, 1, 0.1):
        inside = (chance >= low) & (chance < low + 0.1 + (low > 0.85))
        if inside.any():
            print(f"{low:.1f}-{low + 0.1:.1f} {inside.sum():7} {(off[inside] <= RIGHT_MS).mean():10.3f}")
    for limit in (0.5, 0.6, 0.7, 0.75, 0.8, 0.85):
        print(f"below {limit}: {(chance < limit).mean():.3f} of words; wrong and not below: "
              f"{((off > WRONG_MS) & (chance >= limit)).mean():.4f}; right and below: "
              f"{((off <= RIGHT_MS) & (chance < limit)).mean():.4f}")
    for name in np.unique(conditions):
        inside = conditions == name
        wrong, marked = off[inside] > WRONG_MS, chance[inside] < DOUBT
        print(f"  {name:18}{wrong.mean():7.1%} wrong, {(wrong & ~marked).mean():6.1%} and unmarked, "
              f"{marked.mean():6.1%} marked")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench timing_fit", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("weights", "prices", "french"), default="weights")
    parser.add_argument("--conditions", nargs="*", help="all of them when absent")
    parser.add_argument("--every", type=int, default=3, help="one in so many of the voices' recordings is used")
    arguments = parser.parse_args(argv)
    split = FRENCH_DEV if arguments.what == "french" else DEV
    recordings = [(name, recording) for name, found in sets(split, arguments.conditions, arguments.every).items()
                  for recording in found]
    if arguments.what == "prices":
        timing_prices.choose([(name, each) for name, each in recordings if name not in OTHER_SPEECH])
    else:
        weigh(recordings)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
