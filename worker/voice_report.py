"""What a recording is worth as a voice, in words that a person can act on, and a picture of it."""
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from intake import audio
from timing.words import Word
from tts import Samples
from tts.loudness import measure

MATCHES = 0.5
"""A text whose words are found with a lower mean score is likely another's."""
_WIDTH, _HEIGHT, _TEXT_PX = 1200, 220, 13


def report(samples: Samples, rate_hz: int, text: str, match: float | None) -> dict[str, Any]:
    """Every figure under its name; None for what cannot be told.

    `match` is how surely the words were found in the sound, 0 to 1, and `chars_per_s` the rate of speech without its
    pauses.
    """
    quality = audio.measure(samples, rate_hz)
    loudness = measure(lambda: [samples], rate_hz)
    sounding_s = quality.duration_s * (1 - quality.silence_share)
    figures = asdict(quality) | {
        "loudness_lufs": loudness.integrated_lufs if loudness else None,
        "chars_per_s": len(text) / sounding_s if sounding_s > 0 else None,
        "match": match,
    }
    return {name: round(value, 3) if value is not None and math.isfinite(value) else None
            for name, value in figures.items()}


def advice(figures: dict[str, Any]) -> list[str]:
    """What will be noticed in the cloned voice, and what to do about it."""
    peak_dbfs, snr_db, bandwidth_hz = (figures[name] or 0.0 for name in ("peak_dbfs", "snr_db", "bandwidth_hz"))
    rate, match, lufs = (figures[name] for name in ("chars_per_s", "match", "loudness_lufs"))
    quiet = peak_dbfs < -40 or (lufs is not None and lufs < -45)
    found = {
        "shorter than 3 s; 5 to 12 s clone better: send a longer recording": figures["duration_s"] < 3,
        f"very quiet, {peak_dbfs:.0f} dBFS at its loudest; its noise is raised with the voice: record it closer": quiet,
        "clipped (distorted by overload), and the voice will be: turn the input level down and record it again":
            figures["clipped_share"] > 0.001,
        f"noisy, {snr_db:.0f} dB between speech and background, and the voice will be: record it in a quiet room":
            snr_db < 20,
        f"dull, nothing above {bandwidth_hz / 1000:.1f} kHz, as on a telephone: send a recording of 16 kHz or more":
            bandwidth_hz < 6000,
        f"{figures['silence_share']:.0%} of it is silence, and the voice will pause as much: cut the pauses":
            figures["silence_share"] > 0.5,
        f"{rate or 0:.0f} characters per second of speech; does the text match the recording?":
            rate is not None and not 5 <= rate <= 40,
        f"its words are hardly found in the sound (match {match or 0:.2f}); does the text match the recording?":
            match is not None and match < MATCHES,
    }
    return [f"reference: {message}" for message, is_so in found.items() if is_so]


def picture(samples: Samples, rate_hz: int, words: Sequence[Word], title: str) -> bytes:
    """The waveform as SVG, with each word where it is said."""
    edges = np.linspace(0, len(samples), _WIDTH + 1).astype(int)[:-1]
    peaks = np.maximum.reduceat(np.abs(samples), edges)
    half, scale = (_HEIGHT - 3 * _TEXT_PX) / 2, 1 / max(float(peaks.max()), 1e-6)
    bars = "".join(f"M{x} {half - h:.1f}v{2 * h:.1f}" for x, h in enumerate(np.maximum(peaks * scale * half, 0.5)))
    pixels_per_ms = _WIDTH * rate_hz / (1000 * len(samples))
    labels = "".join(_label(word, index, pixels_per_ms) for index, word in enumerate(words))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
            f'font-size="{_TEXT_PX}"><title>{escape(title)}</title><rect width="100%" height="100%" fill="#fff"/>'
            f'<path d="{bars}" stroke="#2a6f97"/>{labels}</svg>').encode()


def _label(word: Word, index: int, pixels_per_ms: float) -> str:
    """On two rows in turn, so that short words do not cover each other."""
    x, y = word.start_ms * pixels_per_ms, _HEIGHT - 2 * _TEXT_PX + index % 2 * (_TEXT_PX + 3)
    return (f'<path d="M{x:.1f} 0V{y - _TEXT_PX + 2}" stroke="#bbb" stroke-width=".5"/>'
            f'<text x="{x:.1f}" y="{y}">{escape(word.text)}</text>')
