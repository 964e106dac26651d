"""Speech with exactly known words, made on the spot."""
from __future__ import annotations

import io
from functools import cache

import soundfile

from tts import Line, Options
from tts.espeak import Espeak


@cache
def spoken_wav(text: str, language: str = "en") -> bytes:
    """A WAV file in which the embedded engine says `text`."""
    engine = Espeak()
    utterance, = engine.speak([Line(text, language)], Options(), check=lambda: None, progress=lambda share: None)
    buffer = io.BytesIO()
    soundfile.write(buffer, utterance.samples, engine.rate_hz, format="WAV", subtype="PCM_16")
    return buffer.getvalue()
