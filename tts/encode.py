"""A waveform -> an audio file, at a wanted loudness. Both are done in blocks, however long it is.

FFmpeg encodes MP3 and Opus, in a process of its own: on the machine of docs/RELIABILITY.md Opus takes libsndfile a
second for 28 s of speech.
"""
from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np

from tts import EngineError, Samples

_CEILING = 10 ** (-1 / 20)
"""Peaks stay below -1 dBFS when the loudness is set (EBU R 128 asks for -1 dBTP)."""
_PATIENCE_S = 60.0

Blocks = Callable[[], Iterable[Samples]]
"""Reads a mono waveform from its start: float32 [n] each time."""


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """How it is written: `subtype` is libsndfile's, `codec` FFmpeg's arguments.

    Opus knows five sampling rates only (RFC 6716 section 2).
    """

    extension: str
    content_type: str
    container: str
    subtype: str = ""
    codec: tuple[str, ...] = ()
    rates_hz: tuple[int, ...] = ()


FORMATS = {
    "wav": AudioFormat("wav", "audio/wav", "WAV", "PCM_16"),
    "flac": AudioFormat("flac", "audio/flac", "FLAC", "PCM_16"),
    "mp3": AudioFormat("mp3", "audio/mpeg", "mp3", codec=("-c:a", "libmp3lame", "-q:a", "2")),
    "opus": AudioFormat("opus", "audio/ogg", "ogg", codec=("-c:a", "libopus", "-b:a", "48k", "-compression_level", "5"),
                        rates_hz=(8000, 12000, 16000, 24000, 48000)),
}
"""By the name in a request, which is the file's extension too."""


@dataclass(frozen=True, slots=True)
class Encoded:
    data: bytes
    rate_hz: int


def encode(samples: Samples, rate_hz: int, audio_format: AudioFormat) -> Encoded:
    """The file of a short waveform, as bytes."""
    with tempfile.TemporaryDirectory(prefix="encode-") as folder:
        path = Path(folder, f"audio.{audio_format.extension}")
        rate_hz = write(lambda: [samples], rate_hz, audio_format, path)
        return Encoded(path.read_bytes(), rate_hz)


def write(blocks: Blocks, rate_hz: int, audio_format: AudioFormat, path: Path) -> int:
    """Writes mono audio; a rate that the format lacks is raised to the next one it has. Returns the file's rate.

    Whatever `blocks` raises stops it at once. Raises EngineError.
    """
    out_hz = rate_hz
    if audio_format.rates_hz:
        out_hz = min(rate for rate in audio_format.rates_hz if rate >= rate_hz)
    if audio_format.codec:
        # Bit-exact: an Ogg stream gets a random number otherwise, and the same audio another hash.
        with _ffmpeg(rate_hz, [*audio_format.codec, "-ar", str(out_hz), "-fflags", "+bitexact", "-f",
                               audio_format.container, str(path)], blocks()):
            pass
    else:
        _write_sndfile(blocks(), rate_hz, audio_format, path)
    return out_hz


def level(blocks: Blocks, peak: float, rate_hz: int, target_lufs: float | None) -> tuple[float, list[str]]:
    """The gain that brings audio to `target_lufs` (ITU-R BS.1770 integrated) without clipping, and what stopped it.

    `peak` is its largest magnitude; audio over full scale is lowered in any case.
    """
    gain, warnings = 1.0, []
    if target_lufs is not None:
        measured_lufs = loudness_lufs(blocks, rate_hz)
        if measured_lufs is None:
            return 1.0, ["loudness: the audio is too quiet or too short to measure; left as it is"]
        gain = 10 ** ((target_lufs - measured_lufs) / 20)
        if peak * gain > _CEILING:
            gain = _CEILING / peak
            reached_lufs = measured_lufs + 20 * np.log10(gain)
            warnings.append(f"loudness: {reached_lufs:.1f} LUFS instead of {target_lufs:g}, more would clip")
    if peak * gain > 1.0:
        warnings.append(f"level: lowered by {20 * np.log10(peak * gain):.1f} dB, it would have clipped")
        gain = 1.0 / peak
    return gain, warnings


def loudness_lufs(blocks: Blocks, rate_hz: int) -> float | None:
    """Integrated loudness as FFmpeg's ebur128 filter measures it; None for silence."""
    with _ffmpeg(rate_hz, ["-af", "ebur128=framelog=quiet", "-f", "null", "-"], blocks()) as log:
        values = re.findall(r"I:\s+(-?[\d.]+|-?inf) LUFS", log.read().decode(errors="replace"))
    if not values:
        raise EngineError("measuring the loudness failed")
    value = float(values[-1])
    return value if value > -69.9 else None


def _write_sndfile(blocks: Iterable[Samples], rate_hz: int, audio_format: AudioFormat, path: Path) -> None:
    import soundfile

    try:
        with soundfile.SoundFile(path, "w", rate_hz, 1, audio_format.subtype, format=audio_format.container) as file:
            for block in blocks:
                file.write(block)
    except soundfile.LibsndfileError:
        raise EngineError(f"writing the {audio_format.extension} file failed; is the temporary disk full?") from None


@contextmanager
def _ffmpeg(rate_hz: int, arguments: list[str], blocks: Iterable[Samples]) -> Iterator[IO[bytes]]:
    """Feeds FFmpeg with float32 samples; its log is there when it has read them all and ended. Raises EngineError."""
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-nostats", "-y", "-f", "f32le",
               "-ar", str(rate_hz), "-ac", "1", "-i", "pipe:0", *arguments]
    with tempfile.TemporaryFile(prefix="ffmpeg-") as log, subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log, env={}) as process:
        try:
            with suppress(BrokenPipeError), cast(IO[bytes], process.stdin) as feed:
                for block in blocks:
                    feed.write(block.astype("<f4", copy=False).tobytes())
            failed = process.wait(_PATIENCE_S)
        finally:
            process.kill()
        if failed:
            raise EngineError("FFmpeg failed on the audio; is the temporary disk full?")
        log.seek(0)
        yield log
