"""`./run bench verify`: how many lines with a fault `timing.faults` finds, at how many false alarms.

Lines are those of `verify_sets`. `--fit` fits on `FIT` what timing/faults.json holds; the limit is the one that 2 % of
lines without a fault pass in voices that a fit has not seen (four folds by voice). Figures are from `TEST`. The people
of `shared/speech`, with edits of their sound, show what becomes of it for voices of people.
"""
from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.timing_sets import REPORT
from benchmarks.verify_sets import CLEAN, FIT, TEST, TWO, Case, Split, cases, fit_people, people, test_people
from text.spoken import read
from timing import faults
from timing.align import RATE_HZ

ROOT = Path(__file__).resolve().parents[1]
MAX_FALSE_ALARMS = 0.02
ROC = (0.005, 0.01, 0.02, 0.05, 0.1)
"""Shares of false alarms."""
FUNCTION_WORDS = frozenset(
    "a an and are as at be but by can for from had has have he her him his i if in is it its me my of on or our she so "
    "than that the their them they this to us was we were what when which who will with would you your".split())
N_PARTS = 16
HIDDEN, EPOCHS, STEP, SHRINKAGE = 16, 250, 0.02, 1e-3
MOST, CONSTANT = 30.0, 1e-3
N_NETWORKS = 2
"""Their mean is the one that is used."""
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """A case, and what `faults.Checker` says of its words."""

    kind: str
    fault: int
    speaker: str
    words: tuple[str, ...]
    features: npt.NDArray[np.float32]

    @property
    def near(self) -> slice:
        """The words at which the fault may show."""
        return slice(max(0, self.fault - 1), self.fault + 2 + (self.kind in TWO))


def observed(found: Sequence[Case]) -> tuple[list[Row], float, float]:
    """Rows; seconds of CPU time, seconds of speech."""
    checker, rows = faults.Checker(), []
    started, speech_s = time.process_time(), 0.0
    for case in found:
        words = tuple(word for token in read(case.recording.text, "en") for word in token.spoken)
        assert len(words) == len(case.recording.words)
        features = checker.features(case.recording.samples, RATE_HZ, words, "en")
        assert features is not None
        rows.append(Row(case.kind, case.fault, case.recording.speaker, words, features))
        speech_s += len(case.recording.samples) / RATE_HZ
    return rows, time.process_time() - started, speech_s


def _part(split: Split, n_clean: int, n_each: int, seed: int) -> tuple[list[Row], float, float]:
    return observed(cases(split, n_clean, n_each, seed))


def spoken(split: Split, n_clean: int, n_each: int, n_processes: int) -> tuple[list[Row], float]:
    """Rows, the same ones by however many processes; seconds of CPU time a minute of speech."""
    with multiprocessing.get_context("spawn").Pool(n_processes) as pool:
        parts = pool.map(partial(_part, split, n_clean // N_PARTS, n_each // N_PARTS), range(N_PARTS), 1)
    seconds = sum(part[1] for part in parts) / sum(part[2] for part in parts)
    return [row for part in parts for row in part[0]], 60 * seconds


def fitted(rows: Sequence[Row], n_ignored: int = 0) -> faults.Network:
    """By Adam, on the likelihood of bags of words: a line without a fault; the words about a fault, which together are
    suspicious; the other words of its line. The last `n_ignored` features count for nothing."""
    features = np.concatenate([row.features for row in rows]).astype(float)
    bag, wanted = _bags(rows)
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale[scale < CONSTANT] = 1.0
    scale[len(scale) - n_ignored :] = 1e9
    networks = [_descended((features - mean) / scale, bag, wanted, seed) for seed in range(N_NETWORKS)]
    hidden, bias, out = (np.concatenate(parts, axis=-1) for parts in zip(*networks, strict=True))
    return faults.Network(mean, scale, hidden, bias, out / N_NETWORKS)


def _descended(inputs: Floats, bag: npt.NDArray[np.int64], wanted: Floats, seed: int) -> list[Floats]:
    """One network's weights into its hidden layer, their biases, and the weights out of it."""
    chance = np.random.default_rng(seed)
    n_inputs = inputs.shape[1]
    weights = [chance.uniform(-1, 1, (n_inputs, HIDDEN)) / n_inputs**0.5, np.zeros(HIDDEN),
               chance.uniform(-1, 1, HIDDEN) / HIDDEN**0.5]
    moments = [(np.zeros_like(each), np.zeros_like(each)) for each in weights]
    for epoch in range(EPOCHS):
        step = STEP * (1 + np.cos(np.pi * epoch / EPOCHS)) / 2
        for each, slope, (first, second) in zip(weights, _slopes(weights, inputs, bag, wanted), moments, strict=True):
            first += 0.1 * (slope - first)
            second += 0.001 * (slope**2 - second)
            each -= step * (first / (1 - 0.9 ** (epoch + 1))) / (
                np.sqrt(second / (1 - 0.999 ** (epoch + 1))) + 1e-8)
    return weights


def _bags(rows: Sequence[Row]) -> tuple[npt.NDArray[np.int64], Floats]:
    """Each word's bag, and whether each bag has a fault."""
    bags, wanted = [], []
    for row in rows:
        bag = np.full(len(row.features), len(wanted))
        wanted.append(0.0)
        if row.fault >= 0:
            bag[row.near] = len(wanted)
            wanted.append(1.0)
        bags.append(bag)
    return np.concatenate(bags), np.array(wanted)


def _slopes(weights: Sequence[Floats], inputs: Floats, bag: npt.NDArray[np.int64], wanted: Floats) -> list[Floats]:
    hidden, bias, out = weights
    layer = np.tanh(inputs @ hidden + bias)
    share = np.exp(np.minimum(layer @ out, MOST))
    total = np.bincount(bag, share, len(wanted))
    known = total > 0
    off = np.where(known, total / (1 + total) - wanted, 0.0) / known.sum()
    by_word = off[bag] * share / total[bag]
    by_layer = by_word[:, None] * out * (1 - layer**2)
    return [inputs.T @ by_layer + 2 * SHRINKAGE * hidden, by_layer.sum(axis=0), layer.T @ by_word]


def limited(rows: Sequence[Row], n_ignored: int = 0) -> faults.Network:
    """Fitted on all, with the limit that `MAX_FALSE_ALARMS` of the lines pass whose voice a fit has not seen."""
    speakers = sorted({row.speaker for row in rows})
    np.random.default_rng(0).shuffle(speakers)
    clean: list[float] = []
    for fold in range(4):
        left_out = set(speakers[fold::4])
        network = fitted([row for row in rows if row.speaker not in left_out], n_ignored)
        clean += [network.line(row.features) for row in rows if row.speaker in left_out and row.kind == CLEAN]
    return replace(fitted(rows, n_ignored), limit=float(np.quantile(clean, 1 - MAX_FALSE_ALARMS)))


def figures(rows: Sequence[Row], network: faults.Network) -> dict[str, Any]:
    """Shares of lines found suspicious, by kind; and by kind what limits chosen on these very lines would find."""
    score = np.array([network.line(row.features) for row in rows])
    kinds = np.array([row.kind for row in rows])
    wanted = np.char.startswith(kinds, "d")
    function = np.array([row.fault >= 0 and row.words[row.fault] in FUNCTION_WORDS for row in rows])
    groups = {kind: kinds == kind for kind in dict.fromkeys(kinds.tolist())} | {
        "dropped or doubled": wanted, "dropped or doubled, a function word": wanted & function,
        "dropped or doubled, another word": wanted & ~function}
    limits = {alarms: np.quantile(score[kinds == CLEAN], 1 - alarms, method="higher") for alarms in ROC}
    return {name: {"lines": int(chosen.sum()), "suspicious": round(float((score[chosen] > 0).mean()), 4),
                   "roc": {str(alarms): round(float((score[chosen] > limit).mean()), 4)
                           for alarms, limit in limits.items() if name != CLEAN}}
            for name, chosen in groups.items()}


def by_voice(rows: Sequence[Row], network: faults.Network) -> dict[str, float]:
    """False alarms as a share of each voice's lines without a fault."""
    alarms: dict[str, list[bool]] = {}
    for row in rows:
        if row.kind == CLEAN:
            alarms.setdefault(row.speaker, []).append(network.line(row.features) > 0)
    return {speaker: round(float(np.mean(found)), 4) for speaker, found in sorted(alarms.items())}


def fit(n_processes: int) -> dict[str, faults.Network]:
    rows, _ = spoken(FIT, 800, 96, n_processes)
    rows += observed(people(fit_people(), FIT.seed, 4))[0]
    network = limited(rows)
    values = {name: np.round(getattr(network, name), 5).tolist() for name in (*network.ARRAYS, "limit")}
    faults.WEIGHTS.write_text(json.dumps(values, separators=(",", ":")) + "\n")
    return {"all features": network, "without lengths of words": limited(rows, faults.N_DURATIONS)}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench verify", description=__doc__)
    parser.add_argument("--fit", action="store_true", help="write timing/faults.json anew, first")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/verify.json")
    arguments = parser.parse_args(argv)
    networks = fit(arguments.processes) if arguments.fit else {"all features": faults.Network.read()}
    rows, cpu_s_per_minute = spoken(TEST, 512, 64, arguments.processes)
    result: dict[str, Any] = {"espeak": {name: figures(rows, network) for name, network in networks.items()},
                              "cpu_s_per_minute": round(cpu_s_per_minute, 2)}
    network, plain = networks["all features"], {voice for voice, _ in REPORT.voices}
    result["espeak, plain voices"] = figures([row for row in rows if row.speaker in plain], network)
    result["false_alarms_by_voice"] = by_voice(rows, network)
    if recordings := test_people():
        result["people"] = figures(observed(people(recordings, TEST.seed, 4))[0], network)
    print(json.dumps(result, indent=1))
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
