"""Voices made from recordings of people: Flite (CMU; `apt install flite`), whose words the search places.

They lie between eSpeak's and people: each is a statistical or diphone model of one person. A voice is named
"flite/slt", or "flite/slt@1.1" for one whose throat is a tenth shorter.
"""
from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import soundfile
import soxr

from benchmarks.timing_sets import Recording
from text.spoken import read
from timing.align import RATE_HZ, Samples
from timing.search import Search

PREFIX = "flite/"


def available() -> bool:
    return shutil.which("flite") is not None


def say(sentence: str, voice: str, speed: float) -> Samples:
    name, _, warp = voice.removeprefix(PREFIX).partition("@")
    factor = float(warp or 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        subprocess.run(["flite", "-voice", name, "--setf", f"duration_stretch={factor / speed:.4f}", "-t", sentence,
                        "-o", str(path)], check=True, timeout=60, capture_output=True)
        samples, rate_hz = soundfile.read(path, dtype="float32")
    found: Samples = soxr.resample(samples, rate_hz * factor, RATE_HZ)
    return found


def utter(sentence: str, voice: str, speed: float) -> Recording | None:
    """With the times of its words; None where the search does not find them all."""
    samples = say(sentence, voice, speed)
    spoken = [word for token in read(sentence, "en") for word in token.spoken]
    written = sentence.split()
    if len(spoken) != len(written) or not all(map(_search().knows, spoken)):
        return None
    words = _search().run(samples, spoken, open_end=False)
    if len(words) != len(written):
        return None
    return Recording(samples, tuple(written), [(round(each.start_s * 1000), round(each.end_s * 1000))
                                               for each in words], voice)


@cache
def _search() -> Search:
    return Search()
