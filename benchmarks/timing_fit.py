"""`./run bench timing_fit`: chooses the weights of `timing.confidence`, with `prices` what `timing.search` pays, or
with `anchors` what makes an anchor of long audio.

All on the dev split alone, by cross-validation: what is chosen without one speaker, and without one condition, is
judged on it. For the weights a word is right when both of its boundaries lie within 100 ms; all recordings of both
languages take part, and how far weights are shrunk is what judges speakers best that are left out. What it prints is
what the modules hold; the weights are in benchmarks/results/timing_fit.json too.
"""
from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from benchmarks import timing_anchors, timing_prices
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
SHRINKAGES = (0.1, 10.0, 100.0, 300.0, 1000.0)
"""Of weights of features in units of their own spread."""
OUT = Path(__file__).with_name("results") / "timing_fit.json"
Floats = npt.NDArray[np.float64]
Names = npt.NDArray[np.str_]

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


def recordings_of(split: Split, names: Sequence[str] | None, every: int) -> Iterator[tuple[str, Recording]]:
    """Those of each condition: people's, and every so many of the voices', one condition in memory at a time."""
    plain = _voices(split, every) + casual(split)[::every]
    people = human() if split is DEV else []
    for name, change in conditions(split).items():
        if not names or name in names:
            yield from ((name, each) for each in changed([*people, *plain], change, split.seed))
    for factor in (0.6, 1.5, 2.0):
        if not names or f"tempo {factor}" in names:
            yield from ((f"tempo {factor}", each) for each in _voices(tempo(split, factor), every))


def _voices(split: Split, every: int) -> list[Recording]:
    return [*spoken(split)[::every], *read_out(split)[::every]]


def observed(recording: Recording) -> tuple[Floats, Floats]:
    """Features of the words that were found, and how far each is off in ms; infinite where it is not said."""
    if not _source:
        _source.append(PocketSphinx())
    tokens = read(recording.text, recording.language)
    try:
        places, found = _source[0].find(recording.samples, tokens, recording.language)
    except NoEvidence:
        return np.zeros((0, len(confidence.WEIGHTS))), np.zeros(0)
    spans: list[Span | None] = [None] * len(recording.words)
    for token, start_ms, end_ms in places:
        before = spans[token]
        spans[token] = Span(before.start_ms if before else start_ms, end_ms)
    spans = edges.refine(recording.samples, spans, GROW_MS[PocketSphinx.name])
    off = [max(abs(span.start_ms - truth[0]), abs(span.end_ms - truth[1])) if (truth := recording.truth_ms[token])
           and (span := spans[token]) else np.inf for token, *_ in places]
    return confidence.features(found), np.array(off)


def even(groups: Names) -> Floats:
    """How much each word counts, 1 in the mean: groups the same, however many words are found in them. In another text
    few are, and they would hardly count."""
    _, at, counts = np.unique(groups, return_inverse=True, return_counts=True)
    counted: Floats = len(groups) / len(counts) / counts[at]
    return counted


def fitted(features: Floats, right: Floats, counted: Floats, shrinkage: float) -> Floats:
    """Ridge logistic regression by Newton's method; the first feature is one, and its weight is not shrunk."""
    mean = np.average(features, axis=0, weights=counted)
    mean[0] = 0
    spread = np.sqrt(np.average((features - mean) ** 2, axis=0, weights=counted))
    spread[spread == 0] = 1
    scaled, penalty = (features - mean) / spread, np.diag([1e-6, *[shrinkage] * (features.shape[1] - 1)])
    weights = np.zeros(features.shape[1])
    for _ in range(15):
        chance = 1 / (1 + np.exp(-scaled @ weights))
        slope = scaled.T @ (counted * (right - chance)) - penalty @ weights
        weights += np.linalg.solve((scaled.T * (counted * chance * (1 - chance))) @ scaled + penalty, slope)
    weights /= spread
    weights[0] -= mean @ weights
    return weights


def left_out(features: Floats, right: Floats, counted: Floats, groups: Names,
             shrinkage: float) -> Floats:
    """Each word's chance by weights that were fitted without its group."""
    chance = np.zeros(len(right))
    for group in np.unique(groups):
        rest = groups != group
        weights = fitted(features[rest], right[rest], counted[rest], shrinkage)
        chance[~rest] = 1 / (1 + np.exp(-features[~rest] @ weights))
    return chance


def surprise(chance: Floats, right: Floats, counted: Floats, groups: Names) -> float:
    """Nats a word; each group counts the same."""
    nats = -np.log(np.clip(np.where(right > 0, chance, 1 - chance), 1e-4, 1))
    return float(np.mean([np.average(nats[groups == group], weights=counted[groups == group])
                          for group in np.unique(groups)]))


def weigh(recordings: Iterator[tuple[str, Recording]]) -> None:
    """What is found in the recordings, and the weights that say best how much of it is right."""
    kinds, parts = list[tuple[str, str, str]](), list[tuple[Floats, Floats]]()
    with multiprocessing.get_context("spawn").Pool(len(os.sched_getaffinity(0))) as pool:
        for kind, seen in pool.imap(_seen, recordings):
            kinds += [kind] * len(seen[1])
            parts.append(seen)
    features, off = (np.concatenate(each) for each in zip(*parts, strict=True))
    choose(features, off, *np.array(kinds).T)


def choose(features: Floats, off: Floats, conditions: Names, speakers: Names, languages: Names) -> None:
    """How far weights are shrunk, what they promise, and the weights, printed and written."""
    right, counted = (off <= RIGHT_MS).astype(float), even(conditions)
    by_shrinkage = {each: left_out(features, right, counted, speakers, each) for each in SHRINKAGES}
    judged = {each: round(surprise(chance, right, counted, speakers), 4) for each, chance in by_shrinkage.items()}
    shrinkage = min(judged, key=lambda each: judged[each])
    print("nats a word by shrinkage, speakers left out:", judged)
    for language in np.unique(languages):
        inside = languages == language
        report(f"{language}, speakers left out", by_shrinkage[shrinkage][inside], off[inside], conditions[inside])
    report("conditions left out", left_out(features, right, counted, conditions, shrinkage), off, conditions)
    weights = [round(float(weight), 3) for weight in fitted(features, right, counted, shrinkage)]
    print("weights:", tuple(weights))
    OUT.write_text(json.dumps({"words": len(off), "speakers": len(np.unique(speakers)), "shrinkage": shrinkage,
                               "nats_by_shrinkage": judged, "weights": weights}, indent=1) + "\n")


def _seen(named: tuple[str, Recording]) -> tuple[tuple[str, str, str], tuple[Floats, Floats]]:
    name, recording = named
    return (name, recording.speaker, recording.language), observed(recording)


def report(title: str, chance: Floats, off: Floats, conditions: Names) -> None:
    """How often words of a score are right, what a limit for doubts leaves unmarked, and in which conditions."""
    print(f"\n{title}: {len(off)} words\nscore     words   within {RIGHT_MS} ms")
    for low, high in pairwise((0, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0001)):
        inside = (chance >= low) & (chance < high)
        if inside.any():
            print(f"{low:.1f}-{high:.1f} {inside.sum():7} {(off[inside] <= RIGHT_MS).mean():10.3f}")
    for limit in (0.7, 0.75, 0.8, 0.85, 0.9):
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
    parser.add_argument("what", nargs="?", choices=("weights", "prices", "anchors"), default="weights")
    parser.add_argument("--conditions", nargs="*", help="all of them when absent")
    parser.add_argument("--every", type=int, default=1, help="one in so many of the voices' recordings is used")
    arguments = parser.parse_args(argv)
    english, french = (recordings_of(split, arguments.conditions, arguments.every) for split in (DEV, FRENCH_DEV))
    if arguments.what == "prices":
        timing_prices.choose([(name, each) for name, each in english if name not in OTHER_SPEECH])
    elif arguments.what == "anchors":
        timing_anchors.choose()
    else:
        weigh(chain(english, french))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
