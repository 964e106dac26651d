"""A waveform -> the bytes of an audio file, at a wanted loudness."""
from __future__ import annotations

import io
import re
import subprocess
from dataclasses import dataclass

import numpy as np

from tts import EngineError, Samples

_CEILING = 10 ** (-1 / 20)
"""Peaks stay below -1 dBFS when the loudness is set (EBU R 128 asks for -1 dBTP)."""


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """How libsndfile writes it. Opus knows five sampling rates only (RFC 6716 section 2)."""

    extension: str
    content_type: str
    container: str
    subtype: str
    rates_hz: tuple[int, ...] = ()


FORMATS = {
    "wav": AudioFormat("wav", "audio/wav", "WAV", "PCM_16"),
    "flac": AudioFormat("flac", "audio/flac", "FLAC", "PCM_16"),
    "mp3": AudioFormat("mp3", "audio/mpeg", "MP3", "MPEG_LAYER_III"),
    "opus": AudioFormat("opus", "audio/ogg", "OGG", "OPUS", (8000, 12000, 16000, 24000, 48000)),
}
"""By the name in a request, which is the file's extension too."""


@dataclass(frozen=True, slots=True)
class Encoded:
    data: bytes
    rate_hz: int


def encode(samples: Samples, rate_hz: int, audio_format: AudioFormat) -> Encoded:
    """Writes mono audio; a rate that the format lacks is raised to the next one it has."""
    import soundfile

    if audio_format.rates_hz and rate_hz not in audio_format.rates_hz:
        import soxr

        wanted_hz = min(rate for rate in audio_format.rates_hz if rate >= rate_hz)
        samples, rate_hz = soxr.resample(samples, rate_hz, wanted_hz), wanted_hz
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format=audio_format.container, subtype=audio_format.subtype)
    return Encoded(buffer.getvalue(), rate_hz)


def level(samples: Samples, rate_hz: int, target_lufs: float | None) -> tuple[Samples, list[str]]:
    """Brings the audio to `target_lufs` (ITU-R BS.1770 integrated) without clipping, and says what stopped it."""
    warnings: list[str] = []
    if target_lufs is not None:
        measured_lufs = loudness_lufs(samples, rate_hz)
        if measured_lufs is None:
            return samples, ["loudness: the audio is too quiet or too short to measure; left as it is"]
        gain = 10 ** ((target_lufs - measured_lufs) / 20)
        peak = float(np.max(np.abs(samples)))
        if peak * gain > _CEILING:
            gain = _CEILING / peak
            reached_lufs = measured_lufs + 20 * np.log10(gain)
            warnings.append(f"loudness: {reached_lufs:.1f} LUFS instead of {target_lufs:g}, more would clip")
        samples = (samples * gain).astype(np.float32)
    peak = float(np.max(np.abs(samples), initial=0.0))
    if peak > 1.0:
        samples = (samples / peak).astype(np.float32)
        warnings.append(f"level: lowered by {20 * np.log10(peak):.1f} dB, it would have clipped")
    return samples, warnings


def loudness_lufs(samples: Samples, rate_hz: int) -> float | None:
    """Integrated loudness as FFmpeg's ebur128 filter measures it; None for silence."""
    import imageio_ffmpeg

    measured = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-f", "f32le", "-ar", str(rate_hz), "-ac", "1",
         "-i", "pipe:0", "-af", "ebur128=framelog=quiet", "-f", "null", "-"],
        input=samples.astype("<f4").tobytes(), capture_output=True, timeout=120, check=False,
    )
    values = re.findall(r"I:\s+(-?[\d.]+|-?inf) LUFS", measured.stderr.decode(errors="replace"))
    if measured.returncode or not values:
        raise EngineError("measuring the loudness failed")
    value = float(values[-1])
    return value if value > -69.9 else None
