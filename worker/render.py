"""A job's audio and words over a background -> a video, or its captions alone over nothing.

FFmpeg runs in a folder of its own. A stranger's background reaches it as an open file of a format that was told by
its first bytes; no other protocol and no other decoder is to be had, so nothing in it can name a file or an address.
"""
from __future__ import annotations

import hashlib
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import imageio_ffmpeg

from captions import ass
from captions.cues import Captions, cues
from intake import net
from s3_utils import MissingKey, Store, audio_key, record_key
from timing.words import Timeline
from tts.encode import FORMATS
from worker import delivery
from worker.jobs import Job
from worker.records import Conflict, NotFound, Record
from worker.requests import InvalidInput, Render

if TYPE_CHECKING:
    from worker.generate import SpeechParts

MAX_BACKGROUND_BYTES = 500_000_000
MAX_PIXELS = 3840 * 2160
MAX_DURATION_S = 1800.0
_FETCH_S = 300.0
_POLL_S = 0.5
_MAX_ALLOC_BYTES = 1 << 29
_TRANSPARENT = "png_pipe", "webp_pipe"
"""What has an alpha channel, or may: the colour shows through."""
_DECODERS = "h264,hevc,vp8,vp9,libvpx,libvpx-vp9,av1,libdav1d,mpeg4,mjpeg,prores,png,webp"


@dataclass(frozen=True, slots=True)
class Target:
    """How a video format is encoded. `opaque`: over a background and with sound, else captions alone."""

    opaque: bool
    arguments: tuple[str, ...]


TARGETS = {
    "mp4": Target(True, ("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p",
                                      "-c:a", "aac", "-b:a", "160k", "-movflags", "+faststart")),
    "webm": Target(False, ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-b:v", "0", "-crf", "30",
                                         "-deadline", "realtime", "-cpu-used", "8", "-row-mt", "1")),
    "mov": Target(False, ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le",
                                             "-alpha_bits", "16", "-vendor", "apl0")),
}


def render(request: Render, job: Job, parts: SpeechParts, written: list[str]) -> dict[str, Any]:
    """Endpoint `render`: returns the record's output, and notes every key it writes."""
    target = TARGETS[request.video_format]
    with job.stage("fetch", 0.0):
        spoken, timeline, captions = _source(request, parts.store)
        _check_size(captions, timeline)
        sound, sound_form = _audio(parts.store, spoken) if target.opaque else (None, [])
        background = _background(request, parts, job.check) if target.opaque else None
    made = cues(timeline, captions)
    with tempfile.TemporaryDirectory() as name, ExitStack() as files:
        folder = Path(name)
        output = folder / f"video.{request.video_format}"
        with job.stage("render", 0.1):
            (folder / "captions.ass").write_text(ass.write(timeline, made, captions, job.job_id), encoding="utf-8")
            opened = [_opened(files, data) for data in (background, sound) if data is not None]
            command = _command(request, captions, background, [file.fileno() for file in opened], sound_form, timeline)
            _run(command, folder, opened, job, timeline.duration_ms, bool(background))
        with job.stage("store", 0.95):
            key = audio_key(job.job_id, request.video_format)
            written.append(key)
            parts.store.put(key, output, delivery.VIDEO_TYPES[request.video_format])
            n_bytes, digest = output.stat().st_size, _sha256(output)
    return {
        "status": "completed", "job_id": job.job_id, "source_job_id": request.source_job_id, "video_key": key,
        "video_format": request.video_format, "duration": timeline.duration_ms / 1000,
        "resolution": list(captions.resolution), "fps": request.fps, "size": n_bytes, "sha256": digest,
        "warnings": ass.warnings(made, captions, timeline.language), "stages_ms": dict(job.stages_ms),
    }


def _source(request: Render, store: Store) -> tuple[dict[str, Any], Timeline, Captions]:
    """The output, words and captions of a job that is completed. Raises NotFound, Conflict."""
    try:
        record = Record.from_bytes(store.get(record_key(request.source_job_id)))
    except MissingKey:
        raise NotFound(f"job {request.source_job_id} is not known here") from None
    if record.status != "completed" or record.output is None:
        raise Conflict(f"job {request.source_job_id} has no result; it is {record.status}")
    timeline, captions = delivery.stored_words(store, request.source_job_id)
    return record.output, timeline, request.captions or captions


def _check_size(captions: Captions, timeline: Timeline) -> None:
    width, height = captions.resolution
    if width % 2 or height % 2 or width * height > MAX_PIXELS:
        raise InvalidInput("captions.resolution: a video has even sides and at most 3840 x 2160 pixels")
    if timeline.duration_ms > MAX_DURATION_S * 1000:
        raise InvalidInput(f"source_job_id: a video lasts at most {MAX_DURATION_S:g} s")


def _audio(store: Store, output: Mapping[str, Any]) -> tuple[bytes, list[str]]:
    """The audio of a job, and what FFmpeg has to be told of it. Raises NotFound."""
    key = output.get("audio_key")
    if key is None:
        raise NotFound(f"job {output['job_id']} made no audio")
    try:
        return store.get(key), FORMATS[key.rpartition(".")[2]].as_input(output["sample_rate"])
    except MissingKey:
        raise NotFound(f"the audio of job {output['job_id']} has expired and was removed") from None


def _background(request: Render, parts: SpeechParts, check: Callable[[], None]) -> bytes | None:
    if request.background_url is not None:
        return net.fetch(request.background_url, max_bytes=MAX_BACKGROUND_BYTES, deadline_s=_FETCH_S,
                         allow_hosts=parts.settings.url_allow_hosts, check=check)
    if request.background_key is not None:
        try:
            return parts.store.get(request.background_key, MAX_BACKGROUND_BYTES)
        except MissingKey:
            raise NotFound(f"background_key: nothing is stored at {request.background_key}") from None
    return None


def _sniff(data: bytes) -> str:
    """FFmpeg's name of the format that the first bytes belong to. Raises InvalidInput."""
    if data[4:8] == b"ftyp":
        return "mov"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp_pipe"
    for magic, kind in ((b"\x1a\x45\xdf\xa3", "matroska"), (b"\x89PNG\r\n\x1a\n", "png_pipe"),
                        (b"\xff\xd8\xff", "jpeg_pipe")):
        if data.startswith(magic):
            return kind
    raise InvalidInput("background: is neither a picture (PNG, JPEG, WebP) nor a video (MP4, MOV, WebM, MKV)")


def _opened(files: ExitStack, data: bytes) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 (`files` closes it)
    files.enter_context(file)
    file.write(data)
    file.seek(0)
    return file


def _command(request: Render, captions: Captions, background: bytes | None, descriptors: Sequence[int],
             sound_form: Sequence[str], timeline: Timeline) -> list[str]:
    target, (width, height) = TARGETS[request.video_format], captions.resolution
    size, inputs = f"{width}x{height}", list(descriptors)
    source = f"color=c=0x{request.background_color[1:]}:s={size}:r={request.fps}"
    filters = "format=yuv420p:color_spaces=bt709:color_ranges=tv,ass=captions.ass"
    if not target.opaque:
        source, filters = f"color=c=black@0.0:s={size}:r={request.fps},format=rgba", "ass=captions.ass:alpha=1"
    arguments = ["-f", "lavfi", "-i", source]
    if background is not None:
        kind = _sniff(background)
        picture = kind.endswith("_pipe")
        again = ["-framerate", str(request.fps)] if picture else ["-stream_loop", "-1"]
        arguments = [*_CLOSED, "-codec_whitelist", _DECODERS, *again,
                     "-f", kind, "-fd", str(inputs.pop(0)), "-i", "fd:"]
        still = f"loop=loop=-1:size=1:start=0,setpts=N/({request.fps}*TB)," if picture else ""
        if kind in _TRANSPARENT:
            still = f"format=rgba[picture];{source}[color];[color][picture]overlay=format=gbrp:shortest=1,{still}"
        filters = (f"scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height},setsar=1,"
                   f"{still}fps={request.fps},{filters}")
    if inputs:
        arguments += [*_CLOSED, *sound_form, "-fd", str(inputs[0]), "-i", "fd:", "-map", "1:a:0"]
    return [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-loglevel", "quiet", "-nostats",
            "-stats_period", str(_POLL_S), "-progress", "pipe:1", *arguments, "-map", "0:v:0", "-filter:v", filters,
            "-t", f"{timeline.duration_ms / 1000:.3f}", "-map_metadata", "-1", "-sn", "-dn", *target.arguments,
            f"video.{request.video_format}"]


_CLOSED = ["-protocol_whitelist", "fd", "-max_alloc", str(_MAX_ALLOC_BYTES), "-max_pixels", "67108864"]
"""What every input is bound by."""


def _run(command: list[str], folder: Path, opened: Sequence[IO[bytes]], job: Job, duration_ms: int,
         strange: bool) -> None:
    """Until FFmpeg is done, or the job is cancelled, past its deadline or no longer ours."""
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={},
                          pass_fds=[file.fileno() for file in opened]) as process:
        try:
            for done_ms in _progress(process, job):
                job.report("render", 0.1 + 0.85 * min(1.0, done_ms / max(1, duration_ms)))
            code = process.wait()
        finally:
            process.kill()
    if code and strange:
        raise InvalidInput("background: cannot be decoded as the picture or video that it begins as")
    if code:
        raise RuntimeError(f"FFmpeg ended with {code}")


def _progress(process: subprocess.Popen[bytes], job: Job) -> Iterator[int]:
    """Milliseconds of video that are done, as FFmpeg reports them; asks the job on the way."""
    output = cast(IO[bytes], process.stdout)
    pending, last = b"", time.monotonic()
    while True:
        if time.monotonic() - last > _POLL_S / 2:
            job.check()
            last = time.monotonic()
        if not select.select([output], [], [], _POLL_S)[0]:
            continue
        block = os.read(output.fileno(), 1 << 16)
        if not block:
            return
        *lines, pending = (pending + block).split(b"\n")
        for line in lines:
            name, _, value = line.partition(b"=")
            if name == b"out_time_us" and value.strip().isdigit():
                yield int(value) // 1000


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
