"""`./run bench subtitles`: word times from subtitles whose cue times are wrong, and from their text alone.

A film of eSpeak voices with exact word times: sentences crossed from two of the report's (`timing_sets`), pauses, some
speech that no cue has. Its cues are moved by 3 s, and each by up to 2 s more; some of them nobody says.
"""
from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.timing import RATE_HZ, Placed, measure
from benchmarks.timing_sets import DEV, REPORT, Recording, Split, tone, utter
from intake.audio import Audio
from timing.align import DOUBT
from timing.pocketsphinx import PocketSphinx
from tts.espeak import Espeak
from worker.align import Said, align_whole

ROOT = Path(__file__).resolve().parents[1]
SHIFT_MS, JITTER_MS = 3000, 2000
UNSAID, UNWRITTEN = 0.1, 0.05
"""Shares of the cues that nobody says, and that are said but stand nowhere."""


@dataclass(frozen=True)
class Film:
    """`recording` has every word of the cues, None as the time of one that nobody says."""

    recording: Recording
    cues: tuple[tuple[int, int, str], ...]

    def srt(self) -> bytes:
        return "\n".join(f"{number}\n{_clock(start)} --> {_clock(end)}\n{text}\n"
                         for number, (start, end, text) in enumerate(self.cues, start=1)).encode()

    def unhinted(self) -> bytes:
        return "\n".join(text for _, _, text in self.cues).encode()


def _clock(ms: int) -> str:
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d},{ms % 1000:03d}"


def film(split: Split, minutes: float, seed: int) -> Film:
    chance, engine = np.random.default_rng(seed), Espeak()
    parts, words, truth_ms, cues = [tone(2.0, chance)], [], [], []
    while sum(map(len, parts)) < minutes * 60 * RATE_HZ:
        voice, speed = split.voices[chance.integers(len(split.voices))]
        clip = utter(engine, _crossed(split, chance), voice, speed)
        if clip is None:
            continue
        at_ms, fate = sum(map(len, parts)) * 1000 // RATE_HZ, chance.random()
        length_ms = len(clip.samples) * 1000 // RATE_HZ
        if fate >= UNWRITTEN:
            said = fate >= UNWRITTEN + UNSAID
            words += clip.words
            truth_ms += [(a + at_ms, b + at_ms) if said else None for a, b in filter(None, clip.truth_ms)]
            off_ms = SHIFT_MS + round(chance.uniform(-JITTER_MS, JITTER_MS))
            cues.append((max(0, at_ms + off_ms), at_ms + off_ms + length_ms, " ".join(clip.words)))
        if fate < UNWRITTEN or fate >= UNWRITTEN + UNSAID:
            parts.append(clip.samples)
        parts.append(tone(chance.uniform(5, 20) if chance.random() < 0.08 else chance.uniform(0.15, 1.5), chance))
    return Film(Recording(np.concatenate(parts), tuple(words), truth_ms), _in_order(cues))


def _in_order(cues: Sequence[tuple[int, int, str]]) -> tuple[tuple[int, int, str], ...]:
    """Subtitles come in order: one that its error would put before another begins just after it."""
    found = list(cues)
    for index in range(1, len(found)):
        start, end, text = found[index]
        start = max(start, found[index - 1][0] + 100)
        found[index] = (start, max(end, start + 500), text)
    return tuple(found)


def _crossed(split: Split, chance: np.random.Generator) -> str:
    first, second = (split.sentences[i].rstrip(".?!").split() for i in chance.integers(len(split.sentences), size=2))
    head = " ".join(first[:int(chance.integers(1, len(first) + 1))]).rstrip(",")
    return head + " " + " ".join(second[int(chance.integers(0, len(second))):]) + "."


def placed(transcript: bytes, recording: Recording, source: PocketSphinx) -> list[Placed]:
    timed = align_whole(Audio(recording.samples, RATE_HZ, 1), Said.read(transcript, False), "en", "pocketsphinx",
                        {"pocketsphinx": source}, lambda: None)
    for warning in timed.warnings:
        print(f"  {warning}", file=sys.stderr)
    return [Placed(word.start_ms, word.end_ms, word.estimated or (word.score or 0.0) < DOUBT)
            for word in timed.timeline.words]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench subtitles", description=__doc__)
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--dev", action="store_true", help="the sentences and voices on which parameters are chosen")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/subtitles.json")
    arguments = parser.parse_args(argv)
    split, source, rows = DEV if arguments.dev else REPORT, PocketSphinx(), []
    made = film(split, arguments.minutes, split.seed + 7)
    for name, data in (("with cue times", made.srt()), ("text alone", made.unhinted())):
        row = measure(name, "pocketsphinx", lambda recording, data=data: placed(data, recording, source),
                      [made.recording])
        row.note = f"{len(made.cues)} cues, {made.recording.truth_ms.count(None)} of the words are not said"
        rows.append(row)
        print(row, file=sys.stderr, flush=True)
        if not arguments.dev:
            arguments.out.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
