"""Untrusted bytes to mono samples, and what can be measured of them.

What a file is, its first bytes say, never its name: lists of other files (HLS, concat scripts), pages and images
match nothing here. WAV and AIFF are read by libsndfile. Compressed formats go to FFmpeg in a process of its own
that is told the format, holds one open file and no name of any, and is killed when it takes too long; libsndfile
1.2.2 cannot read FLAC whose length is unknown (as FFmpeg pipes it) nor FLAC in Ogg.
Both are read in blocks, and stopped when more comes out than is accepted, whatever the header said.
"""
from __future__ import annotations

import io
import os
import re
import select
import signal
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count, takewhile
from threading import Timer
from typing import IO, Literal, cast

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from intake import TooLarge as TooLarge
from intake import lengths

Samples = npt.NDArray[np.float32]
Levels = npt.NDArray[np.float64]

MAX_CHANNELS = 8
MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 192_000
MAX_FRAMES = 100_000_000
"""400 MB as mono float32: 35 minutes at 48 kHz."""
MAX_PEAK = 10.0
"""Full scale is 1.0. Float files go somewhat over; far over, the numbers are of another scale."""
SILENCE_DBFS = -120.0
"""What digital silence is measured as."""
_DECODE_S, _LOOK_S = 60.0, 0.1
_MAX_ALLOC_BYTES = 1 << 28
_BLOCK_FRAMES = 1 << 16
_FFT_SAMPLES, _MAX_SPECTRA = 1024, 2000
_CLIPPED = 0.999
_CANCELLED = 0.05
"""A mean with less than this share of the channels' own power is what two of them in opposite phase leave."""
_STEP_MS = 10

_DECODERS = ("aac,alac,flac,mp2,mp2float,mp3,mp3float,opus,vorbis,"
             "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_f32le")
_AU = struct.Struct(">4s5I")
_LOG_BYTES = 1 << 16
_TRACK = re.compile(r"^\[info\]\s+Stream #0:\d+[^:]*: (Audio|Video): (\w+)", re.MULTILINE)
_OFFSET, _MUCH_OFFSET = 0.003, 0.02


class UnsupportedAudio(Exception):
    """Not audio, not of a format that is read here, or audio that nothing can be done with."""


@dataclass(frozen=True, slots=True)
class Audio:
    """`samples`: float32 [n_samples], the mean of the `n_channels` that the file has; finite, not all zero.

    Channels in opposite phase cancel each other in a mean: then it is the loudest one. A constant offset is taken off.
    `warnings` tell of that, of a file that is cut short, and of more tracks than the one that is used.
    """

    samples: Samples
    rate_hz: int
    n_channels: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a recording is.

    `clipped_share`: samples at full scale, 0-1. `noise_floor_dbfs`: the level that a twentieth of its 10 ms steps
    stay below. `snr_db`: the mean power of what is not silent, over that floor. Silent is what lies 40 dB under the
    loud parts, or under 6 dB over the floor if that is more; `silence_share` is its share of the time, 0-1.
    `bandwidth_hz`: above it the spectrum stays 60 dB under its highest part.
    """

    duration_s: float
    peak_dbfs: float
    clipped_share: float
    rms_dbfs: float
    noise_floor_dbfs: float
    snr_db: float
    leading_silence_ms: int
    trailing_silence_ms: int
    silence_share: float
    bandwidth_hz: float


@dataclass(frozen=True, slots=True)
class _Stream:
    """Audio that is being read: what its header says (`n_frames` is 0 where it does not), and its blocks.

    A block is float32 [n_frames, n_channels]. `warnings` are whole when all blocks were read.
    """

    rate_hz: int
    n_channels: int
    n_frames: int
    blocks: Iterator[Samples]
    warnings: list[str] = field(default_factory=list)


def decode(data: bytes, *, max_duration_s: float, to_hz: int | None = None,
           check: Callable[[], None] = lambda: None) -> Audio:
    """Reads wav, aiff, flac, mp3, ogg (Vorbis, Opus, FLAC), m4a/mp4, aac and webm/matroska.

    With `to_hz` it is resampled block by block, so that only the result is held, and `MAX_FRAMES` is counted in it.
    `check` is called between blocks, and raises to stop.

    Raises UnsupportedAudio, and TooLarge for what lasts longer than `max_duration_s`, holds more than `MAX_FRAMES`
    or takes a minute to decode.
    """
    kind = _sniff(data)
    reader = _sndfile if kind in ("wav", "aiff") else _ffmpeg
    with reader(data, kind, check) as stream:
        mix = _mono(stream, max_duration_s, to_hz or stream.rate_hz, check)
    warnings = list(stream.warnings)
    if stream.n_channels > 1 and mix.energy < _CANCELLED * mix.channel_energy.mean():
        loudest = int(np.argmax(mix.channel_energy))
        with reader(data, kind, check) as stream:
            mix = _mono(stream, max_duration_s, to_hz or stream.rate_hz, check, loudest)
        warnings.append(f"the channels of the recording are in opposite phase; channel {loudest + 1} alone is used")
    samples, rate_hz = _centred(mix.samples, warnings), to_hz or stream.rate_hz
    if len(samples) < rate_hz // 100 or not samples.any():
        raise UnsupportedAudio("there is no sound in this audio")
    if not (samples.min() >= -MAX_PEAK and samples.max() <= MAX_PEAK):  # nor is NaN
        raise UnsupportedAudio("the samples of this audio are not numbers around -1 to 1; save it as 16-bit WAV")
    return Audio(samples, rate_hz, stream.n_channels, tuple(warnings))


def _centred(samples: Samples, warnings: list[str]) -> Samples:
    """Without what a poor sound card adds to every sample: it would be taken for noise."""
    offset = float(samples.mean(dtype=np.float64)) if len(samples) else 0.0
    if not _OFFSET < abs(offset) < MAX_PEAK:
        return samples
    if abs(offset) > _MUCH_OFFSET:
        warnings.append(f"the recording had a constant offset of {abs(offset):.0%} of full scale, which was taken off")
    return samples - np.float32(offset)


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """The same sound at another rate: soxr, HQ (20 bit). Float32 [about n_samples * to_hz / from_hz]."""
    if from_hz == to_hz:
        return samples
    result: Samples = soxr.resample(samples, from_hz, to_hz, quality="HQ")
    return result


def measure(samples: Samples, rate_hz: int) -> Quality:
    """What a sound engineer would say of the recording, of at least one sample, before hearing its words."""
    levels_db = _levels_db(samples, rate_hz)
    floor_db, loud_db = (float(level) for level in np.percentile(levels_db, (5, 95)))
    silent_db = max(min(max(loud_db - 40, floor_db + 6), loud_db - 6), SILENCE_DBFS)
    quiet = silences(samples, rate_hz, min_ms=1, threshold_db=silent_db)
    duration_ms = len(samples) * 1000 // rate_hz
    magnitude = np.abs(samples)
    speech = 10 ** (levels_db[levels_db > silent_db] / 10)
    powers = [magnitude.max() ** 2, np.mean(np.square(samples), dtype=np.float64), speech.mean() if len(speech) else 0]
    peak_db, rms_db, speech_db = (float(level) for level in _db(np.array(powers)))
    return Quality(
        duration_s=len(samples) / rate_hz,
        peak_dbfs=peak_db,
        clipped_share=float(np.mean(magnitude >= _CLIPPED)),
        rms_dbfs=rms_db,
        noise_floor_dbfs=floor_db,
        snr_db=max(0.0, speech_db - floor_db),
        leading_silence_ms=quiet[0][1] if quiet and quiet[0][0] == 0 else 0,
        trailing_silence_ms=duration_ms - quiet[-1][0] if quiet and quiet[-1][1] == duration_ms else 0,
        silence_share=float(np.mean(levels_db <= silent_db)),
        bandwidth_hz=_bandwidth_hz(samples, rate_hz),
    )


def _bandwidth_hz(samples: Samples, rate_hz: int) -> float:
    power = np.zeros(_FFT_SAMPLES // 2 + 1)
    padded = np.pad(samples, (0, _FFT_SAMPLES))
    step = max(_FFT_SAMPLES // 2, len(samples) // _MAX_SPECTRA)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT_SAMPLES)[::step]
    for first in range(0, len(frames), 256):
        spectra = np.fft.rfft(frames[first:first + 256] * np.hanning(_FFT_SAMPLES))
        power += np.square(np.abs(spectra)).sum(axis=0)
    smooth = np.convolve(power, np.ones(9) / 9, "same")
    return float(np.flatnonzero(smooth >= smooth.max() * 1e-6)[-1] * rate_hz / _FFT_SAMPLES)


def silences(samples: Samples, rate_hz: int, *, min_ms: int, threshold_db: float) -> list[tuple[int, int]]:
    """Where the level stays at or under `threshold_db` (dBFS, RMS over 10 ms) for at least `min_ms`.

    `[(start_ms, end_ms)]` in order, on a grid of 10 ms; the last may end with the recording.
    """
    quiet = np.concatenate(([False], _levels_db(samples, rate_hz) <= threshold_db, [False]))
    edges_ms = np.flatnonzero(quiet[1:] != quiet[:-1]) * _STEP_MS
    spans_ms = np.minimum(edges_ms, len(samples) * 1000 // rate_hz).reshape(-1, 2)
    return [(int(start), int(end)) for start, end in spans_ms if end - start >= max(min_ms, 1)]


def _levels_db(samples: Samples, rate_hz: int) -> Levels:
    """RMS level in dBFS of each 10 ms; the last may be shorter. Full scale is 1.0, not a full-scale sine."""
    starts = np.arange(-(-len(samples) * 100 // rate_hz)) * rate_hz // 100
    sums = np.add.reduceat(np.square(samples), starts, dtype=np.float64)
    return _db(sums / np.diff(starts, append=len(samples)))


def _db(power: Levels) -> Levels:
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (SILENCE_DBFS / 10))), np.float64)


def _sniff(data: bytes) -> str:
    """The format that the first bytes belong to. Raises UnsupportedAudio."""
    start = _id3_bytes(data)
    head = (data[start:start + _LOG_BYTES].lstrip(b"\0") if start else data)[:12]  # some pad behind the tag
    if head[:4] in (b"RIFF", b"RF64") and head[8:] == b"WAVE":
        return "wav"
    if head[:4] == b"FORM" and head[8:] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[4:8] == b"ftyp":
        return "mov"
    for magic, kind in ((b"fLaC", "flac"), (b"OggS", "ogg"), (b"\x1a\x45\xdf\xa3", "matroska")):
        if head.startswith(magic):
            return kind
    # Frames of both begin with eleven set bits; where MPEG then names its layer, ADTS has two zeros.
    if head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xE0 == 0xE0:
        return "mp3" if head[1] & 0x06 else "aac"
    if data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise UnsupportedAudio("this is a web page, not audio; the link must lead to the file itself")
    raise UnsupportedAudio("this is not audio in a known format; send wav, flac, mp3, m4a, ogg, opus, webm or aiff")


def _id3_bytes(data: bytes) -> int:
    """The length of the ID3v2 tag that may stand before MP3 and AAC (id3.org, ID3v2.4.0 structure, section 3.1)."""
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    return 10 + sum((byte & 0x7F) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))


class _Seekable(io.BytesIO):
    """libsndfile looks before the start of some broken files; the error of a callback would be printed."""

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return super().seek(offset, whence)
        except ValueError:
            return super().seek(0)


@contextmanager
def _sndfile(data: bytes, kind: str, check: Callable[[], None]) -> Iterator[_Stream]:
    data, warnings = lengths.wav(data) if kind == "wav" else (data, lengths.aiff(data))
    try:
        with soundfile.SoundFile(_Seekable(data)) as file:
            blocks = (file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True) for _ in count())
            yield _Stream(file.samplerate, file.channels, file.frames, takewhile(len, blocks), warnings)
    except soundfile.LibsndfileError:
        raise _unreadable(kind) from None


@contextmanager
def _ffmpeg(data: bytes, kind: str, check: Callable[[], None]) -> Iterator[_Stream]:
    """Has FFmpeg write Sun audio, whose header is plain (FFmpeg's libavformat/au.c), into a pipe."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        with subprocess.Popen(_command(kind), stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env={}) as process:
            timer = Timer(_DECODE_S, process.kill)
            timer.start()
            try:
                stream = _au(process, kind, check)
                yield replace(stream, blocks=_counted(stream, data, kind))
            finally:
                timer.cancel()
                process.kill()


def _command(kind: str) -> list[str]:
    """The input is standard input, as an open file to seek in (`fd:`). No other protocol is allowed, so nothing in the
    data can name a file or an address. Decoders of pictures and subtitles are not to be had.
    """
    return [
        imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info",
        "-threads", "1", "-max_alloc", str(_MAX_ALLOC_BYTES), "-protocol_whitelist", "fd",
        "-codec_whitelist", _DECODERS, "-f", kind, "-i", "fd:",
        "-map", "0:a:0", "-map_metadata", "-1", "-c:a", "pcm_f32be", "-f", "au", "pipe:1",
    ]


def _au(process: subprocess.Popen[bytes], kind: str, check: Callable[[], None]) -> _Stream:
    decoder = _Decoder(process, check)
    header = decoder.read(_AU.size)
    if len(header) < _AU.size:
        raise decoder.failure(kind)
    _, offset, _, _, rate_hz, n_channels = _AU.unpack(header)
    decoder.read(offset - _AU.size)
    warnings: list[str] = []

    def blocks() -> Iterator[Samples]:
        while block := decoder.read(_BLOCK_FRAMES * n_channels * 4):
            n_frames = len(block) // (4 * n_channels)
            yield np.frombuffer(block, ">f4", n_frames * n_channels).reshape(-1, n_channels).astype(np.float32)
        if process.wait():
            raise decoder.failure(kind)
        warnings.extend(decoder.warnings())

    return _Stream(rate_hz, n_channels, 0, blocks(), warnings)


def _counted(stream: _Stream, data: bytes, kind: str) -> Iterator[Samples]:
    """The blocks; at their end a warning where the file is cut short and FFmpeg saw nothing of it."""
    n_frames = 0
    for block in stream.blocks:
        n_frames += len(block)
        yield block
    if not any("cut short" in warning for warning in stream.warnings):
        cut = {"mp3": partial(lengths.mp3, data, _id3_bytes(data), n_frames), "ogg": partial(lengths.ogg, data)}
        stream.warnings.extend(cut[kind]() if kind in cut else ())


class _Decoder:
    """What FFmpeg writes, and the beginning of what it says meanwhile."""

    def __init__(self, process: subprocess.Popen[bytes], check: Callable[[], None]) -> None:
        self._process, self._check, self._log = process, check, bytearray()
        self._output, self._said = cast(IO[bytes], process.stdout), cast(IO[bytes], process.stderr)
        self._open = [self._output, self._said]

    def read(self, n_bytes: int) -> bytes:
        """So many bytes, fewer at the end. A decoder that gives none is waited for as long as `check` allows."""
        found = bytearray()
        while len(found) < n_bytes and self._output in self._open:
            ready = select.select(self._open, [], [], _LOOK_S)[0]
            if not ready:
                self._check()
            for pipe in ready:
                block = os.read(pipe.fileno(), n_bytes - len(found) if pipe is self._output else _LOG_BYTES)
                if not block:
                    self._open.remove(pipe)
                elif pipe is self._output:
                    found += block
                else:
                    self._log += block[:_LOG_BYTES - len(self._log)]
        return bytes(found)

    def warnings(self) -> Iterator[str]:
        n_tracks = len(self._tracks()["Audio"])
        if n_tracks > 1:
            yield f"the file has {n_tracks} sound tracks; the first is used"
        if "[error]" in self._said_while("decoding"):
            yield "parts of the file cannot be decoded: it is damaged or cut short, and what could be read is used"

    def failure(self, kind: str) -> Exception:
        if self._process.wait() == -signal.SIGKILL:
            return TooLarge(f"the audio takes longer than {_DECODE_S:g} s to decode")
        tracks = self._tracks()
        if tracks["Video"] and not tracks["Audio"]:
            return UnsupportedAudio("this video has no sound track")
        if tracks["Audio"] and tracks["Audio"][0] not in _DECODERS.split(","):
            return UnsupportedAudio(f"its sound is coded as {tracks['Audio'][0]}, which is not read here, or protected "
                                    "against copies; send wav, flac, mp3, m4a (AAC), ogg or opus")
        return _unreadable(kind)

    def _tracks(self) -> dict[str, list[str]]:
        """The codecs of the file's tracks."""
        found = _TRACK.findall(self._said_while("opening"))
        return {kind: [codec for each, codec in found if each == kind] for kind in ("Audio", "Video")}

    def _said_while(self, stage: Literal["opening", "decoding"]) -> str:
        if self._said in self._open:  # it has ended, or closed its output: what is left is at hand
            while len(self._log) < _LOG_BYTES and (block := os.read(self._said.fileno(), _LOG_BYTES)):
                self._log += block
            self._open.remove(self._said)
        opening, _, decoding = self._log.decode(errors="replace").partition("Stream mapping")
        return opening if stage == "opening" else decoding


@dataclass(frozen=True, slots=True)
class _Mix:
    """One channel made of all, and the sums of squares of it and of each, before resampling."""

    samples: Samples
    energy: float
    channel_energy: Levels


def _mono(stream: _Stream, max_duration_s: float, to_hz: int, check: Callable[[], None],
          channel: int | None = None) -> _Mix:
    """The mean of the channels, or the one asked for.

    Takes the header at its word first, then counts what comes. Raises UnsupportedAudio, TooLarge.
    """
    if not 1 <= stream.n_channels <= MAX_CHANNELS:
        raise UnsupportedAudio(f"the audio has {stream.n_channels} channels; send at most {MAX_CHANNELS}")
    if not MIN_RATE_HZ <= stream.rate_hz <= MAX_RATE_HZ:
        raise UnsupportedAudio(f"the audio is sampled at {stream.rate_hz} Hz; send {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz")
    max_frames = min(int(max_duration_s * stream.rate_hz), MAX_FRAMES * stream.rate_hz // to_hz)
    too_long = TooLarge(f"the audio lasts longer than {max_frames / stream.rate_hz:g} s")
    if stream.n_frames > max_frames:
        raise too_long
    mixed, n_frames = bytearray(), 0  # grows in place: a list of blocks would be held twice when it is joined
    energy, channel_energy = 0.0, np.zeros(stream.n_channels)
    resampled = _resampler(stream.rate_hz, to_hz)
    for block in stream.blocks:
        check()
        n_frames += len(block)
        if n_frames > max_frames:
            raise too_long
        with np.errstate(invalid="ignore", over="ignore"):
            mono = block.mean(axis=1) if channel is None else block[:, channel].copy()
            energy += float(np.dot(mono, mono))
            channel_energy += np.square(block, dtype=np.float64).sum(axis=0)
            mixed += resampled(mono, False).data
    mixed += resampled(np.zeros(0, np.float32), True).data
    return _Mix(np.frombuffer(mixed, np.float32), energy, channel_energy)


def _resampler(from_hz: int, to_hz: int) -> Callable[[Samples, bool], Samples]:
    """Takes one block after the other and says which is the last."""
    if from_hz == to_hz:
        return lambda block, last: block
    stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")
    return lambda block, last: stream.resample_chunk(block, last=last)


def _unreadable(kind: str) -> UnsupportedAudio:
    return UnsupportedAudio(f"this looks like {kind} audio, but it cannot be decoded; is the file complete?")
