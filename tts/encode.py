"""A waveform -> an audio file, at a wanted loudness, in blocks, however long it is.

FFmpeg encodes MP3, Opus and AAC, in a process of its own: on the machine of docs/RELIABILITY.md Opus takes libsndfile a
second for 28 s of speech.
"""
from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from tts import EngineError, Samples, ffmpeg
from tts.loudness import (
    CLOSE_DB,
    LIMITER_PASSES,
    MAX_LIMITING_DB,
    UNCHANGED,
    Blocks,
    Level,
    Loudness,
    Search,
    limited,
    limiter,
    missing_db,
    nothing,
    raised,
)

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """How it is written: `subtype` is libsndfile's, `codec` FFmpeg's arguments.

    Opus knows five sampling rates only (RFC 6716 section 2). `as_input` tells FFmpeg what a file does not.
    """

    extension: str
    content_type: str
    container: str
    subtype: str = ""
    codec: tuple[str, ...] = ()
    rates_hz: tuple[int, ...] = ()

    def as_input(self, rate_hz: int) -> list[str]:
        """FFmpeg's arguments for reading such a file again, where its first bytes do not say what it is."""
        return ["-f", "s16le", "-ar", str(rate_hz), "-ac", "1"] if self.container == "RAW" else []


FORMATS = {
    "wav": AudioFormat("wav", "audio/wav", "WAV", "PCM_16"),
    "flac": AudioFormat("flac", "audio/flac", "FLAC", "PCM_16"),
    "mp3": AudioFormat("mp3", "audio/mpeg", "mp3", codec=("-c:a", "libmp3lame", "-q:a", "2")),
    # 60 ms to a frame: the same speech at the same size as 20 ms at 48k, whose bit rate runs over, in 3/4 of the time.
    "opus": AudioFormat("opus", "audio/ogg", "ogg", codec=("-c:a", "libopus", "-b:a", "58k", "-frame_duration", "60",
                                                           "-compression_level", "5"),
                        rates_hz=(8000, 12000, 16000, 24000, 48000)),
    "m4a": AudioFormat("m4a", "audio/mp4", "ipod", codec=("-c:a", "aac", "-b:a", "80k", "-movflags", "+faststart")),
    "aac": AudioFormat("aac", "audio/aac", "adts", codec=("-c:a", "aac", "-b:a", "80k")),
    "pcm": AudioFormat("pcm", "audio/pcm", "RAW", "PCM_16"),
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
        rate_hz = write(lambda: [samples], rate_hz, audio_format, path).rate_hz
        return Encoded(path.read_bytes(), rate_hz)


@dataclass(frozen=True, slots=True)
class Written:
    """A file: its rate, what was measured of it where a loudness was asked for, and what had to be done to it."""

    rate_hz: int
    loudness: Loudness | None = None
    warnings: tuple[str, ...] = ()


def write(blocks: Blocks, rate_hz: int, audio_format: AudioFormat, path: Path, level: Level = UNCHANGED,
          check: Callable[[], None] = nothing) -> Written:
    """Writes mono audio at its level; a rate that the format lacks is raised to the next one it has.

    Whatever `blocks` or `check` raises stops it at once. Raises EngineError.
    """
    out_hz = rate_hz
    if audio_format.rates_hz:
        out_hz = min(rate for rate in audio_format.rates_hz if rate >= rate_hz)
    file = _File(rate_hz, out_hz, audio_format, path, check)
    if not level.limits or level.planned is None:
        file.write(raised(blocks, level.gain_db))
        return Written(out_hz, level.planned, level.warnings)
    asked_lufs = level.planned.integrated_lufs
    search = Search(level, missing_db(blocks, rate_hz, level, check))
    for _ in range(LIMITER_PASSES):
        limited_db = level.over_db + search.more_db
        found = file.write_limited(raised(blocks, level.gain_db + search.more_db))
        if search.is_close(asked_lufs - found.integrated_lufs, CLOSE_DB):
            break
    warnings = [*level.warnings, f"loudness: the highest peaks are lowered, by up to {limited_db:.1f} dB"]
    if found.integrated_lufs < asked_lufs - CLOSE_DB:
        warnings.append(f"loudness: {asked_lufs:g} LUFS were asked for, and {found.integrated_lufs:.1f} reached: "
                        f"peaks are lowered by at most {MAX_LIMITING_DB:g} dB")
    return Written(out_hz, found, tuple(warnings))


@dataclass(frozen=True, slots=True)
class _File:
    """What is written, each time from its start."""

    rate_hz: int
    out_hz: int
    form: AudioFormat
    path: Path
    check: Callable[[], None]

    def write(self, blocks: Iterable[Samples]) -> None:
        if self.form.codec:
            self._feed(blocks, self._encoder())
        else:
            self._write_sndfile(blocks)

    def write_limited(self, blocks: Iterable[Samples]) -> Loudness:
        filters = ["-af", limiter(self.rate_hz, self.out_hz)]
        if self.form.codec:
            return limited(self._feed(blocks, [*filters, *self._encoder()]))
        with tempfile.TemporaryFile(prefix="limited-") as file:
            found = limited(self._feed(blocks, [*filters, "-f", "f32le", "pipe:1"], file))
            self._write_sndfile(_stored(file))
        return found

    def _encoder(self) -> list[str]:
        # Bit-exact: an Ogg stream gets a random number otherwise, and the same audio another hash.
        return [*self.form.codec, "-ar", str(self.out_hz), "-fflags", "+bitexact", "-f", self.form.container,
                str(self.path)]

    def _feed(self, blocks: Iterable[Samples], arguments: list[str], output: IO[bytes] | None = None) -> str:
        return ffmpeg.run(self.rate_hz, arguments, blocks, self.check, output)

    def _write_sndfile(self, blocks: Iterable[Samples]) -> None:
        import soundfile

        try:
            with soundfile.SoundFile(self.path, "w", self.rate_hz, 1, self.form.subtype,
                                     format=self.form.container) as file:
                for block in blocks:
                    self.check()
                    file.write(block)
        except soundfile.LibsndfileError:
            raise EngineError(f"writing the {self.form.extension} file failed; is the temporary disk full?") from None


def _stored(file: IO[bytes]) -> Iterator[Samples]:
    file.seek(0)
    while block := file.read(_BLOCK_BYTES):
        yield np.frombuffer(block, "<f4")
