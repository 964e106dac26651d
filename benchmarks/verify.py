"""`./run bench verify`: how many lines with a fault `timing.faults` finds, at how many false alarms.

eSpeak says lines of 4 to 20 words in several voices and at several rates; one word is left out, doubled, swapped with
the next, cut in half or replaced by noise, in what is said or in the sound. Weights and threshold are fitted on the
dev split of `timing_sets`, figures are from the other: other voices, sentences, seeds. The people of `shared/speech`,
with the same edits of their sound, show what becomes of it for a voice on which nothing was fitted.
"""
from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks import timing_fit
from benchmarks.timing import SPEECH, human
from benchmarks.timing_sets import DEV, REPORT, Recording, Split, utter
from text.spoken import read
from timing import faults
from timing.align import RATE_HZ, Samples
from tts.espeak import Espeak

ROOT = Path(__file__).resolve().parents[1]
MAX_FALSE_ALARMS = 0.02
FADE = RATE_HZ // 200
ROC = (0.0, 0.005, 0.01, 0.02, 0.05, 0.1)
"""Shares of false alarms."""
Floats = npt.NDArray[np.float64]
Kinds = npt.NDArray[np.str_]
Chance = np.random.Generator
Edit = Callable[[Recording, int, Chance], Samples]


def word_at(line: Recording, index: int) -> tuple[int, int]:
    times = line.truth_ms[index]
    assert times
    return times[0] * RATE_HZ // 1000, times[1] * RATE_HZ // 1000


def laid(*parts: Samples) -> Samples:
    """One after the other, faded over 5 ms where they meet."""
    whole = parts[0]
    for part in parts[1:]:
        n_fade = min(FADE, len(whole), len(part))
        fade = np.linspace(0, 1, n_fade, dtype=np.float32)
        middle = whole[len(whole) - n_fade :] * (1 - fade) + part[:n_fade] * fade
        whole = np.concatenate([whole[: len(whole) - n_fade], middle, part[n_fade:]])
    return whole


def dropped(line: Recording, index: int, chance: Chance) -> Samples:
    start, stop = word_at(line, index)
    return laid(line.samples[:start], line.samples[stop:])


def doubled(line: Recording, index: int, chance: Chance) -> Samples:
    start, stop = word_at(line, index)
    return laid(line.samples[:stop], line.samples[start:])


def halved(line: Recording, index: int, chance: Chance) -> Samples:
    start, stop = word_at(line, index)
    middle = (start + stop) // 2
    first, last = (start, middle) if chance.random() < 0.5 else (middle, stop)
    return laid(line.samples[:first], line.samples[last:])


def replaced(line: Recording, index: int, chance: Chance) -> Samples:
    start, stop = word_at(line, index)
    hiss = chance.standard_normal(stop - start) * line.samples[start:stop].std()
    return laid(line.samples[:start], hiss.astype(np.float32), line.samples[stop:])


EDITS: dict[str, Edit] = {"dropped, cut out": dropped, "doubled, copied": doubled, "cut in half": halved,
                          "replaced by noise": replaced}
SAID: dict[str, Callable[[list[str], int], list[str]]] = {
    "dropped, not said": lambda words, i: [*words[:i], *words[i + 1 :]],
    "doubled, said twice": lambda words, i: [*words[: i + 1], *words[i:]],
    "swapped": lambda words, i: [*words[:i], words[i + 1], words[i], *words[i + 2 :]],
}


def clean_line(engine: Espeak, split: Split, chance: Chance) -> tuple[Recording, str, float]:
    voice, _ = split.voices[chance.integers(len(split.voices))]
    speed = float(chance.uniform(0.8, 1.3))
    while True:
        first = int(chance.integers(len(split.sentences) - 2))
        words = " ".join(split.sentences[first : first + 3]).split()[: int(chance.integers(4, 21))]
        line = utter(engine, " ".join(words), voice, speed)
        if line is not None:
            return line, voice, speed


def lines(split: Split, n_clean: int, n_each: int) -> list[tuple[str, Recording]]:
    """Kind of fault, and the recording with the words that it should say."""
    engine, chance = Espeak(), np.random.default_rng(split.seed + 77)
    found = [("clean", clean_line(engine, split, chance)[0]) for _ in range(n_clean)]
    for kind in [*EDITS, *SAID]:
        while sum(name == kind for name, _ in found) < n_each:
            line, voice, speed = clean_line(engine, split, chance)
            index = int(chance.integers(len(line.words) - (kind == "swapped")))
            if kind in EDITS:
                found.append((kind, replace(line, samples=EDITS[kind](line, index, chance))))
                continue
            said = utter(engine, " ".join(SAID[kind](list(line.words), index)), voice, speed)
            if said is not None:
                found.append((kind, replace(line, samples=said.samples)))
    return found


def people(n_each: int) -> list[tuple[str, Recording]]:
    """Eight words of a person at a time, as they are and edited."""
    whole = [*timing_fit.human(), *(human(SPEECH) if SPEECH else ())]
    clean = [part(line, first, min(first + 8, len(line.words)))
             for line in whole for first in range(0, max(len(line.words) - 7, 1), 8)]
    chance = np.random.default_rng(REPORT.seed)
    edited = [(kind, replace(line, samples=edit(line, int(chance.integers(len(line.words))), chance)))
              for kind, edit in EDITS.items() for line in clean for _ in range(n_each)]
    return [*(("clean", line) for line in clean), *edited]


def part(line: Recording, first: int, last: int) -> Recording:
    """`words[first:last]`, cut in the middle of what lies between them and their neighbours."""
    start = (word_at(line, first - 1)[1] + word_at(line, first)[0]) // 2 if first else 0
    stop = (word_at(line, last - 1)[1] + word_at(line, last)[0]) // 2 if last < len(line.words) else len(line.samples)
    by_ms = start * 1000 // RATE_HZ
    return Recording(line.samples[start:stop], line.words[first:last],
                     [time and (time[0] - by_ms, time[1] - by_ms) for time in line.truth_ms[first:last]])


def observed(recordings: Sequence[tuple[str, Recording]]) -> tuple[Kinds, Floats]:
    """The kinds, and the features of each line."""
    checker = faults.Checker()
    found = [checker.evidence(line.samples, RATE_HZ, spoken_words(line), "en") for _, line in recordings]
    assert all(each is not None for each in found)
    return np.array([kind for kind, _ in recordings]), np.array([faults.features(e) for e in found if e is not None])


def spoken_words(line: Recording) -> list[str]:
    return [word for token in read(line.text, "en") for word in token.spoken]


def fit() -> Floats:
    """The weights that `timing.faults` holds: `MAX_FALSE_ALARMS` of the dev split's clean lines score below 0.5."""
    kinds, features = observed(lines(DEV, 300, 40))
    clean = kinds == "clean"
    weights = timing_fit.fitted(features, clean.astype(float))
    weights[0] -= np.quantile((features @ weights)[clean], MAX_FALSE_ALARMS)
    return weights


def figures(kinds: Kinds, features: Floats) -> dict[str, Any]:
    """Shares of lines found to be suspicious, by kind; and the ROC over all lines with a dropped or doubled word."""
    score = features @ np.array(faults.WEIGHTS)
    clean, wanted = score[kinds == "clean"], score[np.char.startswith(kinds, "d")]
    limits = {alarms: np.quantile(clean, alarms, method="lower") for alarms in ROC}
    return {"lines": {kind: int((kinds == kind).sum()) for kind in dict.fromkeys(kinds.tolist())},
            "suspicious": {kind: round(float((score[kinds == kind] < 0).mean()), 4)
                           for kind in dict.fromkeys(kinds.tolist())},
            "dropped_or_doubled": round(float((wanted < 0).mean()), 4),
            "roc_dropped_or_doubled": {str(alarms): round(float((wanted < limit).mean()), 4)
                                       for alarms, limit in limits.items()}}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench verify", description=__doc__)
    parser.add_argument("--fit", action="store_true", help="print the weights that timing/faults.py holds")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/verify.json")
    arguments = parser.parse_args(argv)
    if arguments.fit:
        print("WEIGHTS =", tuple(round(float(weight), 3) for weight in fit()))
        return 0
    recordings = lines(REPORT, 400, 50)
    started = time.process_time()
    result: dict[str, Any] = {"espeak": figures(*observed(recordings))}
    audio_s = sum(len(line.samples) for _, line in recordings) / RATE_HZ
    result["cpu_s_per_minute"] = round(60 * (time.process_time() - started) / audio_s, 2)
    result["people"] = figures(*observed(people(1)))
    print(json.dumps(result, indent=1))
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
