"""`./run bench marking`: what the watermark costs, how much it changes the sound, and what it survives.

Speech: eSpeak in five voices, and the people of `shared/speech` cut into pieces of 4 s. Every clip is tried with the
mark and without; `found` is the share of marked clips in which it is found, `false_alarms` that of unmarked ones.
"""
from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from tts import Line, Options
from tts.espeak import Espeak
from tts.watermark import MIN_SCORE, Watermark

ROOT = Path(__file__).resolve().parents[1]
SPEECH = next((path for path in (ROOT / "shared/speech", ROOT.parent / "shared/speech") if path.is_dir()), None)
RATE_HZ = 24_000
VOICES = ("en-us", "en-gb-x-rp", "en-gb-scotland", "de", "fr-fr")
SENTENCES = ("The harbour was quiet, and the gulls slept on the warm stones.",
             "Nobody had told the baker that the bridge was closed again.",
             "Three of them went home early; the others stayed and sang.",
             "Bring a lamp, a long rope and something to eat.")
Samples = npt.NDArray[np.float32]
Change = Callable[[Samples], tuple[Samples, int]]


@dataclass(frozen=True)
class Row:
    """Scores from `MIN_SCORE` on count as found."""

    change: str
    clips: int
    found: float
    false_alarms: float


def ffmpeg(suffix: str, *options: str) -> Change:
    def change(samples: Samples) -> tuple[Samples, int]:
        with tempfile.TemporaryDirectory() as folder:
            plain, coded = Path(folder) / "plain.wav", Path(folder) / f"coded.{suffix}"
            soundfile.write(plain, samples, RATE_HZ)
            subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", plain, *options, coded], check=True)
            decoded, rate_hz = soundfile.read(coded, dtype="float32")
        return decoded, rate_hz

    return change


CHANGES: dict[str, Change] = {
    "none": lambda samples: (samples, RATE_HZ),
    "mp3 64 kb/s": ffmpeg("mp3", "-b:a", "64k"),
    "opus 32 kb/s": ffmpeg("ogg", "-c:a", "libopus", "-b:a", "32k"),
    "resampled to 16 kHz": ffmpeg("wav", "-ar", "16000"),
    "resampled to 8 kHz": ffmpeg("wav", "-ar", "8000"),
    "loudness -16 LUFS": ffmpeg("wav", "-af", "loudnorm=I=-16", "-ar", str(RATE_HZ)),
    "tempo 1.1": ffmpeg("wav", "-af", "atempo=1.1"),
    "noise 20 dB below": lambda samples: (noisy(samples), RATE_HZ),
    "cut to 1 s": lambda samples: (samples[RATE_HZ:2 * RATE_HZ], RATE_HZ),
}


def noisy(samples: Samples) -> Samples:
    noise = np.random.default_rng(len(samples)).standard_normal(len(samples))
    return (samples + noise * samples.std() * 10 ** (-20 / 20)).astype(np.float32)


def espeak_clips() -> list[Samples]:
    engine = Espeak()
    lines = [Line(sentence, voice) for voice in VOICES for sentence in SENTENCES]
    spoken = engine.speak(lines, Options(), check=lambda: None, progress=lambda share: None)
    return [soxr.resample(each.samples, engine.rate_hz, RATE_HZ).astype(np.float32) for each in spoken]


def human_clips(length_s: int = 4) -> list[Samples]:
    clips: list[Samples] = []
    for path in sorted(SPEECH.glob("*.wav")) if SPEECH else []:
        samples, rate_hz = soundfile.read(path, dtype="float32")
        resampled = soxr.resample(samples, rate_hz, RATE_HZ).astype(np.float32)
        clips += [resampled[start:start + length_s * RATE_HZ]
                  for start in range(0, len(resampled) - length_s * RATE_HZ + 1, length_s * RATE_HZ)]
    return [clip for clip in clips if clip.std() > 1e-3]


def level_db(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-20))


def survival(watermark: Watermark, clips: Sequence[Samples], marked: Sequence[Samples]) -> list[Row]:
    rows = []
    for name, change in CHANGES.items():
        found = [watermark.score(*change(clip)) >= MIN_SCORE for clip in marked]
        alarms = [watermark.score(*change(clip)) >= MIN_SCORE for clip in clips]
        rows.append(Row(name, len(clips), float(np.mean(found)), float(np.mean(alarms))))
    return rows


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench marking", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/marking.json")
    arguments = parser.parse_args(argv)
    watermark = Watermark()
    result: dict[str, object] = {}
    for name, clips in {"espeak": espeak_clips(), "people": human_clips()}.items():
        if not clips:
            continue
        watermark.mark(clips[0], RATE_HZ)
        started = time.process_time()
        marked = [watermark.mark(clip, RATE_HZ) for clip in clips]
        cpu_s = time.process_time() - started
        change_db = [level_db(after - before) - level_db(before)
                     for before, after in zip(clips, marked, strict=True)]
        rows = survival(watermark, clips, marked)
        audio_s = sum(map(len, clips)) / RATE_HZ
        result[name] = {"audio_s": round(audio_s, 1), "cpu_s_per_minute": round(cpu_s / audio_s * 60, 2),
                        "change_db_median": round(float(np.median(change_db)), 1),
                        "change_db_max": round(max(change_db), 1), "survival": [asdict(row) for row in rows]}
    print(json.dumps(result, indent=1))
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
