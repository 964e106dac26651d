"""Speech whose word times are known: spoken on the spot by the embedded engine, at 16 kHz."""
from __future__ import annotations

import re
from functools import cache

import numpy as np
import soxr

from text.spoken import Token, read
from timing.align import RATE_HZ, Samples
from tts import Line, Options
from tts.espeak import Espeak

FIRST = "The morning train left the station before anyone noticed the missing suitcase."
SECOND = "He opened the heavy door, looked around, and said nothing at all."
THIRD = "My brother keeps his tools in a box under the stairs."


@cache
def say(text: str) -> tuple[Samples, list[tuple[int, int]]]:
    """The sound and when each of its words is said, in ms."""
    engine = Espeak()
    said, = engine.speak([Line(text, "en")], Options(), check=lambda: None, progress=lambda done: None)
    marks = {mark.char_start: (mark.start_ms, mark.end_ms) for mark in said.marks or ()}
    samples: Samples = soxr.resample(said.samples, engine.rate_hz, RATE_HZ)
    return samples, [marks[match.start()] for match in re.finditer(r"\S+", text)]


def silence(length_s: float) -> Samples:
    return np.zeros(int(length_s * RATE_HZ), dtype=np.float32)


def passage(*parts: str | float) -> tuple[Samples, str, tuple[Token, ...], list[tuple[int, int]]]:
    """Sentences, and silences in seconds, one after the other: sound, text, tokens, true times in ms."""
    sounds: list[Samples] = []
    texts: list[str] = []
    truth_ms: list[tuple[int, int]] = []
    for part in parts:
        if isinstance(part, str):
            at_ms = sum(map(len, sounds)) * 1000 // RATE_HZ
            sound, times_ms = say(part)
            truth_ms += [(start + at_ms, end + at_ms) for start, end in times_ms]
            texts.append(part)
            sounds.append(sound)
        else:
            sounds.append(silence(part))
    text = " ".join(texts)
    return np.concatenate(sounds), text, read(text, "en"), truth_ms
