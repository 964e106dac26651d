"""A waveform -> an audio file, at a wanted loudness. Both are done in blocks, however long it is.

FFmpeg encodes MP3, Opus and AAC, in a process of its own: on the machine of docs/RELIABILITY.md Opus takes libsndfile a
second for 28 s of speech.
"""
from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, cast

import numpy as np

from tts import EngineError, Samples

CEILING_DBTP = -1.0
"""The most that true peaks reach when the loudness is set (EBU R 128 s1)."""
MAX_LIMITING_DB = 6.0
"""Peaks are lowered by at most this much; more would be heard, so the target is missed instead, and that is said."""
_LIMIT_DBTP = -1.2
"""What the limiter is set to: the way back from four times the rate adds a little."""
_LIMITER_PASSES, _CLOSE_DB = 4, 0.3
_EXCERPT_STEP, _MIN_EXCERPT_BLOCKS = 12, 4
_PATIENCE_S = 60.0
_BLOCK_BYTES = 1 << 20

Blocks = Callable[[], Iterable[Samples]]
"""Reads a mono waveform from its start: float32 [n] each time."""


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
    "opus": AudioFormat("opus", "audio/ogg", "ogg", codec=("-c:a", "libopus", "-b:a", "48k", "-compression_level", "5"),
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


@dataclass(frozen=True, slots=True)
class Loudness:
    """By ITU-R BS.1770-4: the integrated loudness, and the true peak (between samples too)."""

    integrated_lufs: float
    true_peak_dbtp: float


@dataclass(frozen=True, slots=True)
class Level:
    """What brings audio to its loudness: a gain, then a limiter where its peaks would pass the ceiling.

    `planned` is what the gain alone makes of it; None where no loudness was asked for or it cannot be measured.
    """

    gain_db: float = 0.0
    planned: Loudness | None = None
    warnings: tuple[str, ...] = ()

    @property
    def limits(self) -> bool:
        return self.planned is not None and self.planned.true_peak_dbtp > CEILING_DBTP


@dataclass(frozen=True, slots=True)
class Levelled:
    """Audio at its level, to be read as often as wanted: as many samples as before, and what was measured of it."""

    blocks: Blocks
    loudness: Loudness | None
    warnings: tuple[str, ...]


def level(blocks: Blocks, peak: float, rate_hz: int, target_lufs: float | None) -> Level:
    """How to bring audio to `target_lufs` (integrated). `peak` is its largest magnitude.

    Without a target, only audio over full scale is lowered.
    """
    if target_lufs is None:
        over_db = 20 * float(np.log10(max(peak, 1.0)))
        return Level(-over_db, None, (f"level: lowered by {over_db:.1f} dB, it would have clipped",) if over_db else ())
    before = measure(blocks, rate_hz)
    if before is None:
        return Level(warnings=("loudness: the audio is too quiet or too short to measure; left as it is",))
    wanted_db = target_lufs - before.integrated_lufs
    gain_db = min(wanted_db, max(0.0, CEILING_DBTP + MAX_LIMITING_DB - before.true_peak_dbtp))
    planned = Loudness(round(before.integrated_lufs + gain_db, 1), round(before.true_peak_dbtp + gain_db, 1))
    missed = f"loudness: {target_lufs:g} LUFS were asked for; more than {planned.integrated_lufs:.0f} would distort"
    return Level(gain_db, planned, (missed,) if gain_db < wanted_db - 0.1 else ())


@contextmanager
def at_level(blocks: Blocks, rate_hz: int, level: Level) -> Iterator[Levelled]:
    """Raises EngineError."""
    if level.planned is None or not level.limits:
        yield Levelled(partial(_raised, blocks, level.gain_db), level.planned, level.warnings)
        return
    with tempfile.TemporaryFile(prefix="limited-") as file:
        more_db, found = 0.0, level.planned
        excerpt = partial(_excerpt, blocks)
        is_long = sum(1 for _ in excerpt()) >= _MIN_EXCERPT_BLOCKS
        if is_long and (before := measure(partial(_raised, excerpt, level.gain_db), rate_hz)):
            more_db, _ = _limited(excerpt, rate_hz, level.gain_db, before, 0.0, file, _CLOSE_DB / 3)
        more_db, found = _limited(blocks, rate_hz, level.gain_db, level.planned, more_db, file)
        lowered_db = level.planned.true_peak_dbtp + more_db - CEILING_DBTP
        yield Levelled(partial(_stored, file), found, (
            *level.warnings, f"loudness: the highest peaks are lowered, by up to {lowered_db:.1f} dB"))


def _excerpt(blocks: Blocks) -> Iterator[Samples]:
    """Enough of a long recording to find out what its limiter takes."""
    return islice(blocks(), 0, None, _EXCERPT_STEP)


def _limited(blocks: Blocks, rate_hz: int, gain_db: float, planned: Loudness, more_db: float,
             file: IO[bytes], close_db: float = _CLOSE_DB) -> tuple[float, Loudness]:
    """Into `file`, as loud as planned: what is taken from the peaks is missing in the whole, and is added before.

    Begins with `more_db`; returns what was added at last, and what was measured then.
    """
    found = planned
    for _ in range(_LIMITER_PASSES):
        _limit(partial(_raised, blocks, gain_db + more_db), rate_hz, file)
        found = measure(partial(_stored, file), rate_hz) or found
        missing_db = planned.integrated_lufs - found.integrated_lufs
        if abs(missing_db) <= close_db:
            break
        more_db += missing_db
    return more_db, found


def _raised(blocks: Blocks, gain_db: float) -> Iterator[Samples]:
    gain = 10 ** (gain_db / 20)
    for block in blocks():
        yield block if gain == 1.0 else (block * gain).astype(np.float32)


def _limit(blocks: Blocks, rate_hz: int, file: IO[bytes]) -> None:
    """Into `file` as float32. FFmpeg's limiter sees the peaks between samples at four times the rate."""
    limiter = (f"aresample={4 * rate_hz},alimiter=limit={10 ** (_LIMIT_DBTP / 20):.4f}:level=0:latency=1,"
               f"aresample={rate_hz}")
    file.seek(0)
    with _ffmpeg(rate_hz, ["-af", limiter, "-f", "f32le", "pipe:1"], blocks(), file):
        pass


def _stored(file: IO[bytes]) -> Iterator[Samples]:
    file.seek(0)
    while block := file.read(_BLOCK_BYTES):
        yield np.frombuffer(block, "<f4")


def measure(blocks: Blocks, rate_hz: int) -> Loudness | None:
    """As FFmpeg's ebur128 filter measures it, to a tenth of a decibel; None for silence."""
    with _ffmpeg(rate_hz, ["-af", "ebur128=framelog=quiet:peak=true", "-f", "null", "-"], blocks()) as log:
        said = log.read().decode(errors="replace")
    lufs = re.findall(r"I:\s+(-?[\d.]+|-?inf) LUFS", said)
    peaks = re.findall(r"Peak:\s+(-?[\d.]+|-?inf) dBFS", said)
    if not lufs or not peaks:
        raise EngineError("measuring the loudness failed")
    found = Loudness(float(lufs[-1]), float(peaks[-1]))
    return found if found.integrated_lufs > -69.9 else None


def _write_sndfile(blocks: Iterable[Samples], rate_hz: int, audio_format: AudioFormat, path: Path) -> None:
    import soundfile

    try:
        with soundfile.SoundFile(path, "w", rate_hz, 1, audio_format.subtype, format=audio_format.container) as file:
            for block in blocks:
                file.write(block)
    except soundfile.LibsndfileError:
        raise EngineError(f"writing the {audio_format.extension} file failed; is the temporary disk full?") from None


@contextmanager
def _ffmpeg(rate_hz: int, arguments: list[str], blocks: Iterable[Samples],
            output: IO[bytes] | None = None) -> Iterator[IO[bytes]]:
    """Feeds FFmpeg with float32 samples; its log is there when it has read them all and ended. Raises EngineError."""
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-nostats", "-y", "-f", "f32le",
               "-ar", str(rate_hz), "-ac", "1", "-i", "pipe:0", *arguments]
    with tempfile.TemporaryFile(prefix="ffmpeg-") as log, subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=output or subprocess.DEVNULL, stderr=log, env={}) as process:
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
