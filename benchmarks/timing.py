"""`./run bench timing`: how far word times are from the truth, how fast they are found, and what is wrong unmarked.

Truth: four speakers with word boundaries (`shared/speech`) and espeak-ng's own word times, clean and changed as
`timing_sets` does, on voices, sentences and seeds on which nothing was chosen; `reader` and `casual` are a voice of
Festival Lite that was made from a reader's speech, with care and without. The peer is WhisperX's own `align`, on a
model given by `--models`; without one its rows stay empty.
"""
from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import soundfile
import soxr

from benchmarks import reader_voices
from benchmarks.timing_sets import (
    FRENCH_REPORT,
    REPORT,
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
from tests.doubles.processes import memory_kib
from text.spoken import read
from timing.align import UNCALIBRATED_DOUBT, Method, Source, TimingError, align, doubt
from timing.pocketsphinx import PocketSphinx
from timing.words import to_ms

ROOT = Path(__file__).resolve().parents[1]
SPEECH = next((path for path in (ROOT / "shared/speech", ROOT.parent / "shared/speech") if path.is_dir()), None)
RATE_HZ = 16_000
WRONG_MS = 200
PEOPLE = frozenset(
    ("noise 10 dB", "telephone", "music before", "long pauses", "drawn out", "5 missing", "5 extra", "another text"))
"""What is done to the speech of people, and of the voices that were made from theirs, too."""


@dataclass(frozen=True)
class Placed:
    """One word's time; `marked` when it is estimated or its score is low."""

    start_ms: int
    end_ms: int
    marked: bool


Aligner = Callable[[Recording], list[Placed]]


@dataclass
class Row:
    """One method on one set. Errors are over word starts and ends of words that are said, marked or not.

    `f1_20` is the share of boundaries within 20 ms: with the text given, as many are placed as there are.
    `wrong` are words more than 200 ms off or not said at all, `unmarked` those of them that look sure.
    """

    set: str
    method: str
    words: int = 0
    mean_ms: float | None = None
    median_ms: float | None = None
    f1_20: float | None = None
    within_50_ms: float | None = None
    wrong: float | None = None
    unmarked: float | None = None
    marked: float | None = None
    refused: int | None = None
    times_real_time: float | None = None
    peak_mib: float | None = None
    note: str = ""


def human(folder: Path) -> list[Recording]:
    """Recordings with labelled boundaries; pauses are left out."""
    found = []
    for path in sorted(folder.glob("*.wav")):
        samples, rate_hz = soundfile.read(path, dtype="float32")
        words = [(a, b, w.strip().lower()) for a, b, w in word_tier(path.with_suffix(".TextGrid"))]
        words = [word for word in words if word[2] not in ("", "sil")]
        found.append(Recording(soxr.resample(samples, rate_hz, RATE_HZ), tuple(word for *_, word in words),
                               [(to_ms(a), to_ms(b)) for a, b, _ in words], path.stem))
    return found


def word_tier(path: Path) -> list[tuple[float, float, str]]:
    """The tier named "word" of a Praat TextGrid, long or short form."""
    text = path.read_text(encoding="utf-8")
    tier = re.search(r'"word"(.*?)(?:"IntervalTier"|"TextTier"|\Z)', text, re.DOTALL)
    if tier is None:
        raise ValueError(f"{path.name} has no word tier")
    number = r"(?:xm\w+ = )?(\d[\d.e-]*)\s+"
    return [(float(a), float(b), label)
            for a, b, label in re.findall(number + number + r'(?:text = )?"([^"]*)"', tier[1])]


def ours(source: Source, recording: Recording) -> list[Placed]:
    """The words' times by our `align`."""
    timed = align(recording.samples, RATE_HZ, read(recording.text, recording.language), [], text=recording.text,
                  language=recording.language, method=cast(Method, source.name), sources={source.name: source},
                  check=lambda: None)
    return [Placed(word.start_ms, word.end_ms, word.estimated or (word.score or 0.0) < doubt(source.name))
            for word in timed.timeline.words]


def theirs(model: Any, metadata: Any, recording: Recording) -> list[Placed]:
    """The words' times by WhisperX's own `align`; a word that it leaves without a time is marked."""
    import whisperx

    segment = {"text": recording.text, "start": 0.0, "end": len(recording.samples) / RATE_HZ}
    words = whisperx.align([segment], model, metadata, recording.samples, "cpu")["word_segments"]
    return [Placed(to_ms(w["start"]), to_ms(w["end"]), w.get("score", 0.0) < UNCALIBRATED_DOUBT) if "start" in w
            else Placed(0, 0, True) for w in words]


def measure(name: str, method: str, aligner: Aligner, recordings: Sequence[Recording]) -> Row:
    row = Row(name, method, sum(len(recording.truth_ms) for recording in recordings), refused=0)
    off: list[float] = []
    wrong = unmarked = marked = 0
    started = time.process_time()
    for recording in recordings:
        try:
            placed = aligner(recording)
        except TimingError:
            row.refused = (row.refused or 0) + 1
            marked += len(recording.truth_ms)
            continue
        for word, truth in zip(placed, recording.truth_ms, strict=True):
            errors = [abs(word.start_ms - truth[0]), abs(word.end_ms - truth[1])] if truth else []
            off += errors
            is_wrong = not errors or max(errors) > WRONG_MS
            wrong, unmarked, marked = wrong + is_wrong, unmarked + (is_wrong and not word.marked), marked + word.marked
    spent_s = time.process_time() - started
    row.times_real_time = round(sum(len(r.samples) for r in recordings) / RATE_HZ / spent_s, 1)
    row.wrong, row.unmarked, row.marked = (round(count / row.words, 4) for count in (wrong, unmarked, marked))
    if off:
        errors_ms = np.array(off)
        row.mean_ms, row.median_ms = round(float(errors_ms.mean()), 1), round(float(np.median(errors_ms)), 1)
        row.f1_20, row.within_50_ms = (round(float((errors_ms <= limit).mean()), 3) for limit in (20, 50))
    return row


def long_recording(recording: Recording, make: Callable[[], Source]) -> Row:
    """A long recording in a process of its own, with the most memory that it took above what it started with."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_long_recording, (recording, make))


def _long_recording(recording: Recording, make: Callable[[], Source]) -> Row:
    source = make()
    ours(source, long(10))
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before_kib = memory_kib("VmRSS")
    minutes = len(recording.samples) / RATE_HZ / 60
    row = measure(f"{minutes:.0f} minutes", source.name, partial(ours, source), [recording])
    row.peak_mib = round((memory_kib("VmHWM") - before_kib) / 1024)
    row.note = f"the audio itself takes {len(recording.samples) * 4 >> 20} MiB"
    return row


def sets(split: Split, count: int) -> dict[str, list[Recording]]:
    synthetic = spoken(split)
    synthetic = synthetic[:: max(1, len(synthetic) // count)]
    people = human(SPEECH) if SPEECH and split is REPORT else []
    found = {"people": people} if split is REPORT else {}
    readers = {"reader": read_out(split)[::3], "casual": casual(split)[::3]} if split.speakers else {}
    for name, change in conditions(split).items():
        found[name] = changed(synthetic, change, split.seed)
        if people and name in PEOPLE:
            found[f"people, {name}"] = changed(people[:1], change, split.seed)
        for reader, recordings in readers.items():
            if name in PEOPLE | {"clean"}:
                found[f"{reader}, {name}"] = changed(recordings, change, split.seed)
    for factor in (0.6, 1.5, 2.0):
        faster = spoken(tempo(split, factor))
        found[f"tempo {factor}"] = faster[:: max(1, len(faster) // count)]
    return found


def long(length_s: float) -> Recording:
    """The clean sentences with pauses of up to 2 s, over again until they are so long."""
    clips = spoken(REPORT, 1, (0.0, 2.0))
    each_s = sum(len(clip.samples) for clip in clips) / RATE_HZ / len(clips)
    count = max(1, round(length_s / each_s))
    return joined((clips * (count // len(clips) + 1))[:count], np.random.default_rng(REPORT.seed), (0.0, 0.0))


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench timing", description=__doc__)
    parser.add_argument("--models", type=Path, help="a folder with align/en: a model for WhisperX and for ours with it")
    parser.add_argument("--recordings", type=int, default=5, help="how many of some 9 s there are in each set")
    parser.add_argument("--minutes", type=float, default=60, help="length of the long recording, 0 for none")
    parser.add_argument("--language", choices=("en", "fr"), default="en", help="French has voices of eSpeak's alone")
    parser.add_argument("--out", type=Path, help="benchmarks/results/timing.json or timing_fr.json")
    arguments = parser.parse_args(argv)
    is_english = arguments.language == "en"
    methods = _methods(arguments.models)
    rows = []
    for name, recordings in sets(REPORT if is_english else FRENCH_REPORT, arguments.recordings).items():
        rows += [_measured(name, method, aligner, recordings) for method, aligner in methods.items()]
        print(name, file=sys.stderr, flush=True)
    if arguments.minutes and is_english:
        rows.append(long_recording(long(arguments.minutes * 60), PocketSphinx))
    _report(rows, arguments.out or ROOT / f"benchmarks/results/timing{'' if is_english else '_fr'}.json")
    return 0


def _measured(name: str, method: str, aligner: Aligner | None, recordings: Sequence[Recording]) -> Row:
    if aligner is None:
        return Row(name, method, note="no acoustic model; give --models")
    if not recordings:
        is_flite = name.startswith(("reader", "casual"))
        return Row(name, method, note=(reader_voices.missing() or "") if is_flite else "shared/speech is absent")
    return measure(name, method, aligner, recordings)


def _methods(models: Path | None) -> dict[str, Aligner | None]:
    methods: dict[str, Aligner | None] = {
        "pocketsphinx": partial(ours, PocketSphinx()), "whisperx": None, "WhisperX's align": None}
    if models is not None:
        import whisperx

        from timing.whisperx import WhisperX

        folder = models / "align" / "en"
        network, metadata = whisperx.load_align_model(
            "en", "cpu", model_name=str(folder) if (folder / "config.json").is_file() else None,
            model_dir=str(folder), model_cache_only=True)
        methods |= {"whisperx": partial(ours, WhisperX(models)), "WhisperX's align": partial(theirs, network, metadata)}
    return methods


def _report(rows: Sequence[Row], out: Path) -> None:
    columns = ("words", "mean_ms", "median_ms", "f1_20", "within_50_ms", "wrong", "unmarked", "marked", "refused",
               "times_real_time", "peak_mib")
    print(f"{'set':24}{'method':18}" + "".join(f"{column:>16}" for column in columns))
    for row in rows:
        cells = ["" if (value := getattr(row, column)) is None else str(value) for column in columns]
        print(f"{row.set:24}{row.method:18}" + "".join(f"{cell:>16}" for cell in cells) + f"  {row.note}".rstrip())
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    print(f"written to {out}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
