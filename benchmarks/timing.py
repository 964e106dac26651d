"""`./run bench timing`: how far word times are from the truth, and how fast they are found.

Truth: four speakers with hand-placed boundaries (`shared/speech`), espeak-ng's own word times (clean and in
noise), and recordings joined from those with known silences. The peer is WhisperX's own `align`, on a model given
by `--models`; without one its rows stay empty. The limit is what two human labellers differ by.
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
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import soundfile
import soxr

from text import spoken
from timing.align import Method, Samples, Source, TimingError, align
from timing.pocketsphinx import PocketSphinx
from timing.words import to_ms
from tts import Line, Options
from tts.espeak import Espeak

ROOT = Path(__file__).resolve().parents[1]
SPEECH = next((path for path in (ROOT / "shared/speech", ROOT.parent / "shared/speech") if path.is_dir()), None)
LABELLERS_MS = 21.2
"""Mean distance of two independent labellers of acoustic_corpus, 91 % of boundaries within 50 ms."""
RATE_HZ = 16_000
VOICES = (("en-us", 1.0), ("en-gb-x-rp", 0.9), ("en-gb-scotland", 1.1), ("en-029", 1.0), ("en-gb-x-gbclan", 0.8))
SENTENCES = """The morning train left the station before anyone noticed the missing suitcase.
Please put the red apples on the kitchen table, and close the window.
She asked for a quiet room, but they gave her one above the street.
Nobody expected the small shop to survive the winter.
After the rain stopped, we walked along the river and counted the boats.
Good stories begin in the middle, and end a little too early.
He opened the heavy door, looked around, and said nothing at all.
Our teacher writes short notes on thin yellow paper.
When the music fades, take a slow breath and start again.
The captain pointed at the dark clouds, then turned the ship around.
I have never seen so many birds on a single roof.
Fresh bread, strong coffee, and a newspaper make a perfect Sunday.
They painted the old fence blue because green was sold out.
Could you tell me which bus goes to the northern market?
A good friend listens first, thinks twice, and speaks once.
The cat slept under the chair while the dog watched the door.
Most people forget the name, but remember the face.
Turn left at the bridge, go past the church, and stop at the gate.
My brother keeps his tools in a box under the stairs.
We finished the puzzle late at night, with one piece missing.""".splitlines()

Times = list[tuple[int, int]]


@dataclass(frozen=True)
class Recording:
    """16 kHz audio, its text and when each of its words sounds."""

    samples: Samples
    text: str
    truth_ms: Times


Aligner = Callable[[Recording], tuple[Times, int]]
"""The words' times, and how many words have none of their own."""


@dataclass
class Row:
    """One method on one set. Errors are over word starts and ends, in ms; positive bias is late."""

    set: str
    method: str
    words: int = 0
    mean_ms: float | None = None
    median_ms: float | None = None
    within_50_ms: float | None = None
    start_bias_ms: float | None = None
    end_bias_ms: float | None = None
    missing: int | None = None
    overlapping: int | None = None
    times_real_time: float | None = None
    times_labellers: float | None = None
    peak_mib: float | None = None
    note: str = ""


def human(folder: Path) -> list[Recording]:
    """Recordings with hand-placed boundaries; pauses are left out."""
    found = []
    for path in sorted(folder.glob("*.wav")):
        samples, rate_hz = soundfile.read(path, dtype="float32")
        words = [(a, b, w.strip().lower()) for a, b, w in word_tier(path.with_suffix(".TextGrid"))]
        words = [word for word in words if word[2] not in ("", "sil")]
        found.append(Recording(soxr.resample(samples, rate_hz, RATE_HZ), " ".join(word for *_, word in words),
                               [(to_ms(a), to_ms(b)) for a, b, _ in words]))
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


def espeak() -> list[Recording]:
    """Every sentence in every voice, with 300 ms of silence around it."""
    engine, found = Espeak(), []
    for voice, speed in VOICES:
        lines = [Line(sentence, voice) for sentence in SENTENCES]
        said = list(engine.speak(lines, Options(speed=speed), check=lambda: None, progress=lambda done: None))
        for sentence, utterance in zip(SENTENCES, said, strict=True):
            starts = {mark.char_start: (mark.start_ms + 300, mark.end_ms + 300) for mark in utterance.marks or ()}
            samples = np.pad(soxr.resample(utterance.samples, engine.rate_hz, RATE_HZ), RATE_HZ * 3 // 10)
            words = [match.start() for match in re.finditer(r"\S+", sentence)]
            if set(words) == set(starts):
                found.append(Recording(samples, sentence, [starts[word] for word in words]))
    return found


def noisy(recording: Recording, snr_db: float) -> Recording:
    """Pink noise under it, `snr_db` below the mean power of its sounding samples."""
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(len(recording.samples)))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 20)), len(recording.samples))
    power = np.square(recording.samples[np.abs(recording.samples) > 1e-3]).mean()
    gain = np.sqrt(power / np.square(noise).mean()) * 10 ** (-snr_db / 20)
    return Recording((recording.samples + gain * noise).astype(np.float32), recording.text, recording.truth_ms)


def joined(recordings: Sequence[Recording], longest_s: float = float("inf")) -> Recording:
    """One recording after the other with 0-2 s of silence between, over again until `longest_s` is reached."""
    chance = np.random.default_rng(0)
    parts: list[Samples] = []
    texts: list[str] = []
    truth_ms: Times = []
    length, index = 0, 0
    while index < len(recordings) if longest_s == float("inf") else length < longest_s * RATE_HZ:
        recording = recordings[index % len(recordings)]
        silence = np.zeros(int(chance.uniform(0, 2) * 1000) * RATE_HZ // 1000, dtype=np.float32)
        truth_ms += [(a + length * 1000 // RATE_HZ, b + length * 1000 // RATE_HZ) for a, b in recording.truth_ms]
        texts.append(recording.text)
        parts += [recording.samples, silence]
        length += len(recording.samples) + len(silence)
        index += 1
    return Recording(np.concatenate(parts), " ".join(texts), truth_ms)


def ours(source: Source, recording: Recording) -> tuple[Times, int]:
    """The words' times by our `align`, and how many are estimated."""
    tokens = spoken.read(recording.text, "en")
    timed = align(recording.samples, RATE_HZ, tokens, [], text=recording.text, language="en",
                  method=cast(Method, source.name), sources={source.name: source}, check=lambda: None)
    words = timed.timeline.words
    return [(word.start_ms, word.end_ms) for word in words], sum(word.estimated for word in words)


def theirs(model: Any, metadata: Any, recording: Recording) -> tuple[Times, int]:
    """The words' times by WhisperX's own `align`; a word that it leaves without a time counts as missing."""
    import whisperx

    segment = {"text": recording.text, "start": 0.0, "end": len(recording.samples) / RATE_HZ}
    words = whisperx.align([segment], model, metadata, recording.samples, "cpu")["word_segments"]
    timed = [(to_ms(w["start"]), to_ms(w["end"])) if "start" in w else None for w in words]
    missing = timed.count(None) + max(0, len(recording.truth_ms) - len(timed))
    return [time_ms or (0, 0) for time_ms in timed], missing


def measure(name: str, method: str, aligner: Aligner, recordings: Sequence[Recording]) -> Row:
    row = Row(name, method, sum(len(recording.truth_ms) for recording in recordings))
    errors: list[np.ndarray[Any, Any]] = []
    row.missing = row.overlapping = 0
    started = time.process_time()
    for recording in recordings:
        try:
            times, missing = aligner(recording)
        except TimingError as error:
            row.note, times, missing = str(error), [], len(recording.truth_ms)
        row.missing += missing
        row.overlapping += sum(after[0] < before[1] for before, after in pairwise(times))
        if len(times) == len(recording.truth_ms):
            errors.append(np.array(times) - np.array(recording.truth_ms))
    spent_s = time.process_time() - started
    row.times_real_time = round(sum(len(r.samples) for r in recordings) / RATE_HZ / spent_s, 1)
    if errors:
        off = np.concatenate(errors)
        row.mean_ms, row.median_ms = round(float(np.abs(off).mean()), 1), round(float(np.median(np.abs(off))), 1)
        row.within_50_ms = round(float((np.abs(off) <= 50).mean()), 3)
        row.start_bias_ms, row.end_bias_ms = (round(float(bias), 1) for bias in off.mean(axis=0))
        row.times_labellers = round(row.mean_ms / LABELLERS_MS, 2)
    return row


def one_hour(recording: Recording, make: Callable[[], Source]) -> Row:
    """A long recording in a process of its own, with the most memory that it took above what it started with."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_one_hour, (recording, make))


def _one_hour(recording: Recording, make: Callable[[], Source]) -> Row:
    source = make()
    ours(source, Recording(recording.samples[: RATE_HZ * 5], "Please put the red apples on the kitchen table", []))
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before_kib = _memory_kib("VmRSS")
    row = measure("one hour", source.name, partial(ours, source), [recording])
    row.peak_mib = round((_memory_kib("VmHWM") - before_kib) / 1024)
    row.note = f"the audio itself takes {len(recording.samples) * 4 >> 20} MiB"
    return row


def _memory_kib(name: str) -> int:
    """VmRSS is what the process holds now, VmHWM the most that it has held."""
    return int(re.findall(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())[0])


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench timing", description=__doc__)
    parser.add_argument("--models", type=Path, help="a folder with align/en: a model for WhisperX and for ours with it")
    parser.add_argument("--minutes", type=float, default=60, help="length of the long recording, 0 for none")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/timing.json")
    arguments = parser.parse_args(argv)
    synthetic = espeak()
    sets = {
        "human": human(SPEECH) if SPEECH else [],
        "espeak": synthetic,
        "espeak 20 dB": [noisy(recording, 20) for recording in synthetic],
        "espeak 10 dB": [noisy(recording, 10) for recording in synthetic],
        "joined": [joined(synthetic[i::5]) for i in range(5)],
    }
    rows = [_measured(name, method, aligner, recordings)
            for name, recordings in sets.items() for method, aligner in _methods(arguments.models).items()]
    if arguments.minutes:
        rows.append(one_hour(joined(synthetic, arguments.minutes * 60), PocketSphinx))
    _report(rows, arguments.out)
    return 0


def _measured(name: str, method: str, aligner: Aligner | None, recordings: Sequence[Recording]) -> Row:
    if aligner is None:
        return Row(name, method, note="no acoustic model; give --models")
    if not recordings:
        return Row(name, method, note="shared/speech is absent")
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
    columns = ("words", "mean_ms", "median_ms", "within_50_ms", "start_bias_ms", "end_bias_ms", "missing",
               "overlapping", "times_real_time", "times_labellers", "peak_mib")
    print(f"{'set':14}{'method':18}" + "".join(f"{column:>16}" for column in columns))
    for row in rows:
        cells = ["" if (value := getattr(row, column)) is None else str(value) for column in columns]
        print(f"{row.set:14}{row.method:18}" + "".join(f"{cell:>16}" for cell in cells) + f"  {row.note}".rstrip())
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    print(f"written to {out}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
