"""`./run bench verify`: how many lines with a fault `timing.faults` finds, at how many false alarms.

Lines are those of `verify_sets`; the check knows some 8 s of each voice, with other words. `--fit` fits on `WIDE`,
Flite's voices and some of people what timing/faults.json holds; the limit is the one that 2 % of lines without a fault
pass in voices that a fit has not seen (four folds by voice), with a margin for other voices. Figures: `BLIND_3`.
A reader and the people of `shared/speech`, with edits of their sound, show what becomes of it for voices of people.
"""
from __future__ import annotations

import argparse
import json
import multiprocessing
import pickle
import sys
import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import flite
from benchmarks.timing_sets import Recording
from benchmarks.verify_sets import (
    BLIND_1,
    BLIND_2,
    BLIND_3,
    CLEAN,
    FLITE,
    FLITE_TEST,
    NEW_THROATS,
    TEST,
    TWO,
    UNUSED_THROATS,
    WIDE,
    Case,
    Part,
    fit_people,
    parts_by_voice,
    reader,
    talkers,
)
from text.spoken import read
from timing import faults
from timing.align import RATE_HZ, Samples

ROOT = Path(__file__).resolve().parents[1]
MAX_FALSE_ALARMS = 0.02
ROC = (0.005, 0.01, 0.02, 0.05, 0.1)
"""Shares of false alarms."""
FUNCTION_WORDS = frozenset(
    "a an and are as at be but by can for from had has have he her him his i if in is it its me my of on or our she so "
    "than that the their them they this to us was we were what when which who will with would you your".split())
RIDGE = 5.0
ESPEAK = "gmw/"
"""How the names of its English voices begin."""
CONFIDENCE, N_DRAWS = 0.9, 1000
HIDDEN, EPOCHS, STEP, SHRINKAGE = 24, 800, 0.02, 3e-3
MOST, CONSTANT = 30.0, 1e-3
N_NETWORKS = 3
"""Their mean is the one that is used."""
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Row:
    """A case, and what `faults.Checker` says of its words."""

    kind: str
    fault: int
    speaker: str
    words: tuple[str, ...]
    features: npt.NDArray[np.float32]

    @property
    def person(self) -> str:
        """Whose voice it is, however its throat was changed."""
        return self.speaker.partition("@")[0]

    @property
    def near(self) -> slice:
        """The words at which the fault may show."""
        return slice(max(0, self.fault - 1), self.fault + 2 + (self.kind in TWO))


class Observer:
    """Looks at lines with one `faults.Checker`; each clip of a voice is made use of once."""

    def __init__(self, effects: Mapping[str, float] | None = None) -> None:
        """See `faults.Checker`."""
        self.checker, self._known = faults.Checker(effects), dict[int, tuple[Recording, faults.Adaptation | None]]()

    def rows(self, found: Sequence[Case]) -> list[Row]:
        """Of the lines that are checked: those of which the voice's clip can be made use of."""
        rows = []
        for case in found:
            if (line := self.line(case)) is None:
                continue
            features = self.checker.features(*line)
            assert features is not None
            rows.append(Row(case.kind, case.fault, case.recording.speaker, spoken_words(case.recording), features))
        return rows

    def line(self, case: Case) -> tuple[Samples, int, tuple[str, ...], str, faults.Adaptation] | None:
        """What the checker is asked with."""
        clip = case.reference
        if id(clip) not in self._known:
            self._known[id(clip)] = clip, self.checker.adaptation(clip.samples, RATE_HZ, spoken_words(clip), "en")
        voice = self._known[id(clip)][1]
        return None if voice is None else (
            case.recording.samples, RATE_HZ, spoken_words(case.recording), "en", voice)

    def cpu_s(self, found: Sequence[Case]) -> tuple[float, float, float]:
        """Seconds of CPU time to check lines, seconds of speech in them, seconds of CPU time for each voice."""
        started = time.process_time()
        lines = [line for case in found if (line := self.line(case))]
        known = time.process_time()
        for line in lines:
            self.checker.score(*line)
        return (time.process_time() - known, sum(len(line[0]) for line in lines) / RATE_HZ,
                (known - started) / len({id(case.reference) for case in found}))


def spoken_words(recording: Recording) -> tuple[str, ...]:
    words = tuple(word for token in read(recording.text, "en") for word in token.spoken)
    assert len(words) == len(recording.words)
    return words


def measured(parts: Sequence[Part], effects: Mapping[str, float], n_processes: int,
             folder: Path | None = None) -> list[Row]:
    """Rows of the parts, the same ones by however many processes; what lies in `folder` is not measured again."""
    with multiprocessing.get_context("spawn").Pool(n_processes) as pool:
        found = pool.map(partial(_rows, effects, folder), parts, 1)
    return [row for rows in found for row in rows]


def _rows(effects: Mapping[str, float], folder: Path | None, part: Part) -> list[Row]:
    kept = folder and folder / f"{part.split.name}-{part.split.seed}-{part.seed}.pickle"
    if kept and kept.exists():
        rows: list[Row] = pickle.loads(kept.read_bytes())
        return rows
    rows = Observer(effects).rows(part.cases())
    if kept:
        kept.with_suffix(".part").write_bytes(pickle.dumps(rows))
        kept.with_suffix(".part").rename(kept)
    return rows


def fitted_effects(found: Sequence[Case]) -> dict[str, float]:
    """See `timing.lengths`: of lines without a fault, each at a pace of its own."""
    observer, lines = Observer(), list[list[tuple[list[str], float]]]()
    for case in found:
        if line := observer.line(case):
            lines.append(observer.checker.phones(*line))
    at = {name: number for number, name in enumerate(sorted({name for line in lines for each, _ in line
                                                             for name in each}))}
    marks, logs, paces = [], [], []
    for line in lines:
        own = np.zeros((len(line), len(at)))
        for row, (names, _) in zip(own, line, strict=True):
            row[[at[name] for name in names]] = 1
        log_s = np.log([seconds for _, seconds in line])
        marks.append(own - own.mean(axis=0))
        logs.append(log_s - log_s.mean())
        paces.append((own.mean(axis=0), log_s.mean()))
    of_all, wanted = np.concatenate(marks), np.concatenate(logs)
    effects = np.linalg.solve(of_all.T @ of_all + RIDGE * np.eye(len(at)), of_all.T @ wanted)
    pace = float(np.mean([log_s - own @ effects for own, log_s in paces]))
    return {name: round(float(effects[number]) + pace * name.startswith("of "), 4) for name, number in at.items()}


def fitted(rows: Sequence[Row], effects: Mapping[str, float]) -> faults.Network:
    """By Adam, on the likelihood of bags of words: a line without a fault; the words about a fault, which together are
    suspicious; the other words of its line."""
    features = np.concatenate([row.features for row in rows]).astype(float)
    bag, wanted = _bags(rows)
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale[scale < CONSTANT] = 1.0
    inputs = ((features - mean) / scale).astype(np.float32)
    networks = [_descended(inputs, bag, wanted, seed) for seed in range(N_NETWORKS)]
    hidden, bias, out = (np.concatenate(parts, axis=-1).astype(float) for parts in zip(*networks, strict=True))
    return faults.Network(mean, scale, hidden, bias, out / N_NETWORKS, effects)


def _descended(inputs: Singles, bag: npt.NDArray[np.int64], wanted: Singles, seed: int) -> list[Singles]:
    """One network's weights into its hidden layer, their biases, and the weights out of it."""
    chance = np.random.default_rng(seed)
    n_inputs = inputs.shape[1]
    weights = [each.astype(np.float32) for each in (
        chance.uniform(-1, 1, (n_inputs, HIDDEN)) / n_inputs**0.5, np.zeros(HIDDEN),
        chance.uniform(-1, 1, HIDDEN) / HIDDEN**0.5)]
    moments = [(np.zeros_like(each), np.zeros_like(each)) for each in weights]
    for epoch in range(EPOCHS):
        step = STEP * (1 + np.cos(np.pi * epoch / EPOCHS)) / 2
        for each, slope, (first, second) in zip(weights, _slopes(weights, inputs, bag, wanted), moments, strict=True):
            first += np.float32(0.1) * (slope - first)
            second += np.float32(0.001) * (slope**2 - second)
            each -= np.float32(step) * (first / np.float32(1 - 0.9 ** (epoch + 1))) / (
                np.sqrt(second / np.float32(1 - 0.999 ** (epoch + 1))) + np.float32(1e-8))
    return weights


def _bags(rows: Sequence[Row]) -> tuple[npt.NDArray[np.int64], Singles]:
    """Each word's bag, and whether each bag has a fault."""
    bags, wanted = [], []
    for row in rows:
        bag = np.full(len(row.features), len(wanted))
        wanted.append(0.0)
        if row.fault >= 0:
            bag[row.near] = len(wanted)
            wanted.append(1.0)
        bags.append(bag)
    return np.concatenate(bags), np.array(wanted, np.float32)


def _slopes(weights: Sequence[Singles], inputs: Singles, bag: npt.NDArray[np.int64], wanted: Singles) -> list[Singles]:
    hidden, bias, out = weights
    layer = np.tanh(inputs @ hidden + bias)
    share = np.exp(np.minimum(layer @ out, np.float32(MOST)))
    total = np.bincount(bag, share, len(wanted)).astype(np.float32)
    known = total > 0
    off = np.where(known, total / (1 + total) - wanted, np.float32(0)) / np.float32(known.sum())
    by_word = off[bag] * share / total[bag]
    by_layer = by_word[:, None] * out * (1 - layer**2)
    return [inputs.T @ by_layer + np.float32(2 * SHRINKAGE) * hidden, by_layer.sum(axis=0), layer.T @ by_word]


def limited(rows: Sequence[Row], effects: Mapping[str, float]) -> faults.Network:
    """Fitted on all, with the limit that `MAX_FALSE_ALARMS` of eSpeak's lines pass whose voice a fit has not seen."""
    clean = [(row.person, line) for row, line in zip(rows, left_out(rows, effects), strict=True)
             if row.kind == CLEAN and row.speaker.startswith(ESPEAK)]
    return replace(fitted(rows, effects), limit=safe_limit(clean))


def left_out(rows: Sequence[Row], effects: Mapping[str, float]) -> Floats:
    """What a network says of each line that was fitted without its voice: four folds."""
    speakers = sorted({row.person for row in rows})
    np.random.default_rng(0).shuffle(speakers)
    found = np.empty(len(rows))
    for fold in range(4):
        out = set(speakers[fold::4])
        network = fitted([row for row in rows if row.person not in out], effects)
        for at, row in enumerate(rows):
            if row.person in out:
                found[at] = network.line(row.features)
    return found


def safe_limit(clean: Sequence[tuple[str, float]]) -> float:
    """The limit that keeps to `MAX_FALSE_ALARMS` for `CONFIDENCE` of all draws of as many voices (bootstrap)."""
    voices: dict[str, list[float]] = {}
    for speaker, line in clean:
        voices.setdefault(speaker, []).append(line)
    lines, chance = [np.array(each) for each in voices.values()], np.random.default_rng(0)
    draws = [np.quantile(np.concatenate([lines[at] for at in chance.integers(len(lines), size=len(lines))]),
                         1 - MAX_FALSE_ALARMS) for _ in range(N_DRAWS)]
    return float(np.quantile(draws, CONFIDENCE))


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


def reported(rows: Sequence[Row], network: faults.Network, some: str, voices: Set[str]) -> dict[str, Any]:
    """Of all voices, and of some of them."""
    return {"lines_checked": len(rows), "espeak": figures(rows, network),
            f"espeak, {some}": figures([row for row in rows if row.speaker in voices], network),
            "false_alarms_by_voice": by_voice(rows, network)}


def fit(n_processes: int, folder: Path | None) -> faults.Network:
    effects = fitted_effects([case for part in parts_by_voice(WIDE, 40, 80, 0)[::3] for case in part.cases()])
    parts = [Part(FLITE, 0, 50, 6, n_doubled=4), *parts_by_voice(WIDE, 40, 80, 12, n_doubled=12)]
    rows = [*measured(parts, effects, n_processes, folder), *Observer(effects).rows(fit_people())]
    network = limited(rows, effects)
    write(network)
    return network


def write(network: faults.Network) -> None:
    values = {name: np.round(getattr(network, name), 5).tolist() for name in (*network.ARRAYS, "limit")}
    faults.WEIGHTS.write_text(json.dumps({**values, "effects": network.effects}, separators=(",", ":")) + "\n")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench verify", description=__doc__)
    parser.add_argument("--fit", action="store_true", help="write timing/faults.json anew, first")
    parser.add_argument("--rows", type=Path, metavar="FOLDER",
                        help="keeps what is measured there, part by part, and goes on from it; to be emptied when "
                             "timing/ or the sets change")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/verify.json")
    arguments = parser.parse_args(argv)
    if arguments.fit and not flite.available():
        parser.error("a fit needs Flite's voices: apt install flite")
    network = fit(arguments.processes, arguments.rows) if arguments.fit else faults.Network.read()
    ask = partial(measured, effects=network.effects, n_processes=arguments.processes, folder=arguments.rows)
    blind, new = (BLIND_3, BLIND_2, BLIND_1), {*NEW_THROATS, *UNUSED_THROATS}
    voices = {voice for split in blind for voice, _ in split.voices if voice.partition("+")[2] in new}
    result: dict[str, Any] = {
        split.name: reported(ask(parts_by_voice(split, 12, 40, 5)), network, "new throats", voices) for split in blind}
    check_s, speech_s, voice_s = Observer().cpu_s(Part(TEST, 0, 40).cases())
    result["cpu_s_per_minute"], result["cpu_s_per_voice"] = round(60 * check_s / speech_s, 2), round(voice_s, 2)
    others = {"a reader": reader(), "talkers": talkers()}
    if flite.available():
        others["flite"] = Part(FLITE_TEST, 0, 30, 4).cases()
    else:
        print("no row for Flite: it is not installed (apt install flite)", file=sys.stderr)
    for name, found in others.items():
        if found:
            result[name] = figures(Observer(network.effects).rows(found), network)
    print(json.dumps(result, indent=1))
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
