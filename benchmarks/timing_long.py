"""`./run bench timing_long`: words of long recordings whose text lacks what is said, or has what nobody says.

Talks of some ten minutes, in eSpeak's voices and in those of flite, whose phones have known lengths; see
`timing_long_sets`. A word is right within 200 ms of a place where it is said.
"""
from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.timing import RATE_HZ, WRONG_MS, Placed, ours
from benchmarks.timing_long_sets import Talk, talks
from tests.doubles.processes import memory_kib
from timing.align import Source, TimingError
from timing.pocketsphinx import PocketSphinx

ROOT = Path(__file__).resolve().parents[1]
RIGHT_AGAIN = 8
"""So many words in a row that are right and unmarked say that the aligner knows where it is."""


@dataclass
class Row:
    """`mean_ms` and `wrong` are over words that are said, outside of sections whose order is not the text's; `unmarked`
    and `marked` over all words. `again_s` is how long after a mismatch ends the words are right again, at worst.
    """

    set: str
    words: int
    said: int
    mean_ms: float
    wrong: float
    unmarked: float
    marked: float
    right_marked: float
    again_s: float | None
    times_real_time: float
    peak_mib: int


def measure(name: str, source: Source, talk: Talk) -> Row:
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before_kib, started = memory_kib("VmRSS"), time.process_time()
    try:
        placed = ours(source, talk.recording)
    except TimingError:
        placed = [Placed(0, 0, True)] * len(talk.places_ms)
    spent_s = time.process_time() - started
    off = [min((max(abs(word.start_ms - a), abs(word.end_ms - b)) for a, b in places), default=np.inf)
           for word, places in zip(placed, talk.places_ms, strict=True)]
    boundaries = [min((abs(word.start_ms - a) + abs(word.end_ms - b)) / 2 for a, b in talk.places_ms[i])
                  for i, word in enumerate(placed) if talk.places_ms[i] and i in talk.outside]
    counted = [i for i in sorted(talk.outside) if talk.places_ms[i]]
    n = len(placed)
    return Row(
        name, n, len(counted), round(float(np.mean(boundaries)), 1),
        round(sum(off[i] > WRONG_MS for i in counted) / len(counted), 4),
        round(sum(each > WRONG_MS and not word.marked for each, word in zip(off, placed, strict=True)) / n, 4),
        round(sum(word.marked for word in placed) / n, 4),
        round(sum(each <= WRONG_MS and word.marked for each, word in zip(off, placed, strict=True)) / n, 4),
        _right_again_s(talk, placed, off), round(len(talk.recording.samples) / RATE_HZ / spent_s, 1),
        round((memory_kib("VmHWM") - before_kib) / 1024))


def _right_again_s(talk: Talk, placed: Sequence[Placed], off: Sequence[float]) -> float | None:
    latest = []
    for _, end_ms in talk.breaks_ms:
        after = [i for i, places in enumerate(talk.places_ms)
                 if places and i in talk.outside and places[0][0] >= end_ms]
        good = [off[i] <= WRONG_MS and not placed[i].marked for i in after]
        again = [i for at, i in enumerate(after) if all(good[at : at + RIGHT_AGAIN]) and at + RIGHT_AGAIN <= len(after)]
        if after:
            here_ms = talk.places_ms[again[0]][0][0] if again else len(talk.recording.samples) * 1000 // RATE_HZ
            latest.append((here_ms - end_ms) / 1000)
    return round(max(latest), 1) if latest else None


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench timing_long", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--only", action="append", default=[], help="sets whose name has this; may be given again")
    parser.add_argument("--dev", action="store_true", help="the sentences and voices on which parameters are chosen")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/timing_long.json")
    arguments = parser.parse_args(argv)
    source, rows = PocketSphinx(), []
    for name, talk in talks(arguments.dev, arguments.minutes, arguments.only).items():
        rows.append(measure(name, source, talk))
        print(line(rows[-1]), file=sys.stderr, flush=True)
    if not arguments.dev:
        arguments.out.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    return 0


def line(row: Row) -> str:
    cells = "".join(f"{key} {value}  " for key, value in asdict(row).items() if key != "set")
    return f"{row.set:32}{cells}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
