"""Whatever falls silent, a job's cancel and its deadline are obeyed within a second: real servers, processes and pipes.

The limit here is twice that, for a loaded machine; docs/RELIABILITY.md has what a quiet one takes.
"""
from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import runpod_handler
import s3_utils
from intake import audio
from tests.doubles.google import Speech, serving
from tests.doubles.host import start_host
from tests.doubles.s3 import Fault, Outage, S3Server, start_s3
from tests.doubles.speech import spoken_wav
from timing.google import Google
from tts import Cancelled
from tts.encode import FORMATS, write
from worker.settings import Settings

KEY_ID, SECRET = "AKIATESTTESTTESTTEST", "a-secret-that-must-not-be-seen/0123456789"
TEXT, LIMIT_S, DEADLINE_S = "Hello there, all of you.", 2.0, 2
Record = Callable[[str, object], None]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    server = start_s3({KEY_ID: SECRET}, ["first-in-stalls"])
    s3_utils.S3Store("first-in-stalls", endpoint_url=server.endpoint_url, region="us-east-1", access_key_id=KEY_ID,
                     secret_access_key=SECRET).check()
    yield server
    server.stop()


@pytest.fixture
def in_bucket(settings: Settings, s3: S3Server) -> Iterator[Settings]:
    bucket = f"b-{uuid.uuid4().hex}"
    s3.create_bucket(bucket)
    yield replace(settings, s3_bucket=bucket, s3_endpoint_url=s3.endpoint_url, s3_access_key_id=KEY_ID,
                  s3_secret_access_key=SECRET, lease_s=30)
    s3.faults.clear()
    s3.outages.clear()


@pytest.fixture(scope="module")
def wav() -> bytes:
    return spoken_wav(TEXT)


def ended_after(parts: runpod_handler.Parts, fields: Mapping[str, Any],
                cancel: float | Callable[[], object] | None) -> tuple[float, dict[str, Any] | None]:
    """How long after its cancel (or its deadline) a job ended, and its answer; None where it was cancelled.

    It is cancelled after so many seconds, or as soon as something is the case.
    """
    handler = runpod_handler.make_handler(parts)

    async def run() -> tuple[float, dict[str, Any] | None]:
        began = time.monotonic()
        job = asyncio.ensure_future(handler({"id": "job", "input": dict(fields)}))
        if cancel is None:
            answer = await job
            return time.monotonic() - began - parts.settings.job_deadline_s, answer
        await (asyncio.to_thread(wait_until, cancel) if callable(cancel) else asyncio.sleep(cancel))
        assert not job.done(), job.result()
        began = time.monotonic()
        job.cancel()
        with suppress(asyncio.CancelledError):
            await job
        return time.monotonic() - began, None

    return asyncio.run(run())


def wait_until(holds: Callable[[], object], within_s: float = 30.0) -> None:
    end = time.monotonic() + within_s
    while not holds() and time.monotonic() < end:
        time.sleep(0.01)


def storage_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "storage"]


def none_left(within_s: float) -> bool:
    """Whether no thread is left that waits for the storage."""
    end = time.monotonic() + within_s
    while storage_threads() and time.monotonic() < end:
        time.sleep(0.05)
    return not storage_threads()


GENERATE = {"text": TEXT, "timing_format": ["srt", "json"], "return_word_timings": True, "seed": 5, "job_id": "job"}
SILENT: dict[str, tuple[dict[str, Any], Fault | Outage]] = {
    "begin": (GENERATE, Fault("silence", "PUT", "jobs/*", times=99)),
    "voice": (GENERATE | {"local_voice": "anna"}, Fault("silence", "GET", "voices/*", times=99)),
    "voice, half of it": (GENERATE | {"local_voice": "anna"}, Fault("stall", "GET", "voices/*", times=99)),
    "audio": (GENERATE, Fault("silence", "PUT", "output/*", times=99)),
    "words": (GENERATE, Fault("silence", "PUT", "timings/*.words.json", times=99)),
    "subtitles": (GENERATE, Fault("silence", "PUT", "timings/*.srt", times=99)),
    "completed record": (GENERATE, Outage("jobs/job.json", 60.0, "*", b'"completed"', "silence")),
    "upload": ({"endpoint": "upload", "voice_name": "bob", "reference_text": TEXT}, Fault(
        "silence", "PUT", "voices/*", times=99)),
    "status": ({"endpoint": "status", "job_id": "a"}, Fault("silence", "GET", times=99)),
    "list_voices": ({"endpoint": "list_voices"}, Fault("silence", "GET", times=99)),
    "health": ({"endpoint": "health"}, Fault("silence", "PUT", times=99)),
}


@pytest.fixture
def on_s3(in_bucket: Settings, wav: bytes) -> runpod_handler.Parts:
    parts = runpod_handler.build_parts(in_bucket)
    about = {"reference_text": TEXT, "language": "en", "name": "anna"}
    parts.store.put("voices/anna.wav", wav, "audio/wav")
    parts.store.put("voices/anna.json", json.dumps(about).encode(), "application/json")
    return parts


@pytest.mark.parametrize("end", ["cancel", "deadline"])
@pytest.mark.parametrize("stage", SILENT)
def test_a_storage_that_falls_silent(on_s3: runpod_handler.Parts, s3: S3Server, wav: bytes, stage: str, end: str,
                                     record_property: Record) -> None:
    fields, fault = SILENT[stage]
    parts = replace(on_s3, settings=replace(on_s3.settings, job_deadline_s=DEADLINE_S if end == "deadline" else 600))
    with start_host({"/a.wav": wav}) as host:
        if stage == "upload":
            fields = fields | {"voice_file_url": f"{host.url}/a.wav"}
        if isinstance(fault, Outage):
            s3.outages.append(replace(fault))
        else:
            s3.faults.append(replace(fault))
        late_s, answer = ended_after(parts, fields, 1.0 if end == "cancel" else None)
    record_property("late_s", round(late_s, 2))
    assert late_s < LIMIT_S
    if end == "deadline" and stage != "health":
        assert answer and answer["error"].startswith(("STORAGE_FAILED: ", "TIMEOUT: "))
    assert none_left(2.0)


def test_a_storage_that_takes_half_of_a_body_and_falls_silent(on_s3: runpod_handler.Parts, s3: S3Server,
                                                               tmp_path: Path, record_property: Record) -> None:
    (tmp_path / "large").write_bytes(os.urandom(40_000_000))
    ends_at = time.monotonic() + 2.0

    def check() -> None:
        if time.monotonic() > ends_at:
            raise Cancelled("the job was cancelled")

    s3.faults.append(Fault("deaf", "PUT", "output/*", times=99))
    with pytest.raises(Cancelled):
        s3_utils.Insistent(on_s3.store, check).put("output/a.wav", tmp_path / "large", "audio/wav")
    record_property("late_s", round(time.monotonic() - ends_at, 2))
    assert time.monotonic() - ends_at < LIMIT_S
    assert none_left(2.0)
    assert on_s3.store.head("output/a.wav") is None


def test_a_write_that_was_left_does_no_harm_when_it_is_carried_out_after_all(
        on_s3: runpod_handler.Parts, s3: S3Server) -> None:
    """The storage had all of the cancelled job's audio, and puts it there when the id has been used anew."""
    late = Fault("late", "PUT", "output/*", late_s=4.0)
    s3.faults.append(late)
    s3.seen.clear()
    ended_after(on_s3, GENERATE, lambda: not late.times)
    handler = runpod_handler.make_handler(on_s3)
    corrected = asyncio.run(handler({"id": "again", "input": GENERATE | {"text": "Something else altogether."}}))
    assert corrected.get("error") is None
    kept, end = on_s3.store.get("output/job.wav"), time.monotonic() + 10
    while s3.attempts("PUT", "output/job.wav")[-1] == 200 and time.monotonic() < end:
        time.sleep(0.1)
    assert s3.attempts("PUT", "output/job.wav") == [200, 412]
    assert on_s3.store.get("output/job.wav") == kept
    assert soundfile.info(io.BytesIO(kept)).duration == pytest.approx(corrected["duration"], abs=0.001)


def test_a_worker_that_lost_its_job_does_not_write_over_its_successors_file(on_s3: runpod_handler.Parts) -> None:
    """Its lease is asked for before it replaces what it did not write."""
    asked: list[str] = []

    class Lost(Exception):
        pass

    def confirm() -> None:
        asked.append("asked")
        raise Lost

    on_s3.store.put("output/a.wav", b"the successor's", "audio/wav")
    with pytest.raises(Lost):
        s3_utils.Insistent(on_s3.store, lambda: None, confirm).put("output/a.wav", b"late", "audio/wav")
    assert asked == ["asked"]
    assert on_s3.store.get("output/a.wav") == b"the successor's"


def test_a_file_of_ones_own_is_replaced_again_and_again(on_s3: runpod_handler.Parts, s3: S3Server) -> None:
    s3.seen.clear()
    store = s3_utils.Insistent(on_s3.store, lambda: None, lambda: None)
    for content in (b"1", b"2", b"3"):
        store.put("output/a.json", content, "application/json")
    assert on_s3.store.get("output/a.json") == b"3"
    assert [(seen.method, seen.status) for seen in s3.seen if seen.key == "output/a.json"][:3] == [("PUT", 200)] * 3


@pytest.mark.parametrize("path", ["/silence", "/drip", "/drip-headers"])
@pytest.mark.parametrize("fields", [
    {"endpoint": "align", "text": TEXT}, {"endpoint": "verify"},
    {"endpoint": "upload", "voice_name": "bob", "reference_text": TEXT}], ids=lambda fields: str(fields["endpoint"]))
def test_a_host_that_falls_silent(parts: runpod_handler.Parts, fields: dict[str, Any], path: str,
                                  record_property: Record) -> None:
    name = "voice_file_url" if fields["endpoint"] == "upload" else "audio_url"
    with start_host() as host:
        late_s, _ = ended_after(parts, fields | {name: f"{host.url}{path}"}, 0.7)
    record_property("late_s", round(late_s, 2))
    assert late_s < LIMIT_S


class _SilentSpeech(Speech):
    def _recognize(self, request: Any, context: Any) -> Any:
        time.sleep(8)
        context.abort(14, "gone")


def test_google_that_falls_silent(parts: runpod_handler.Parts, record_property: Record) -> None:
    with serving(_SilentSpeech([])) as client:
        with_google = replace(parts, sources={"google": Google(lambda: client)})
        late_s, _ = ended_after(with_google, GENERATE | {"timing_method": "google"}, 2.0)
        record_property("late_s", round(late_s, 2))
        assert late_s < LIMIT_S


def test_an_alignment_model_that_takes_long_to_load(parts: runpod_handler.Parts, tmp_path: Path,
                                                     record_property: Record) -> None:
    """Its file is a pipe into which nobody writes."""
    from timing.whisperx import WhisperX

    folder = tmp_path / "align" / "en"
    folder.mkdir(parents=True)
    model = folder / "wav2vec2_fairseq_base_ls960_asr_ls960.pth"
    os.mkfifo(model)
    with_model = replace(parts, sources={"whisperx": WhisperX(tmp_path)})
    late_s, _ = ended_after(with_model, GENERATE | {"timing_method": "whisperx"}, 3.0)
    record_property("late_s", round(late_s, 2))
    with suppress(OSError):
        os.close(os.open(model, os.O_WRONLY | os.O_NONBLOCK))  # lets the thread go
    assert late_s < LIMIT_S


@contextmanager
def stopped_ffmpeg() -> Iterator[list[int]]:
    """Every FFmpeg of this process is halted as soon as it is seen."""
    over, halted = threading.Event(), list[int]()

    def halt() -> None:
        while not over.wait(0.005):
            for stat in Path("/proc").glob("[0-9]*/stat"):
                with suppress(OSError):
                    name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
                    if "ffmpeg" in name and int(rest.split()[1]) == os.getpid():
                        os.kill(int(stat.parent.name), signal.SIGSTOP)
                        halted.append(int(stat.parent.name))

    thread = threading.Thread(target=halt)
    thread.start()
    try:
        yield halted
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("work", ["encode", "limit", "decode"])
def test_an_ffmpeg_that_stands_still(work: str, tmp_path: Path, record_property: Record) -> None:
    from tts.loudness import Level, Loudness

    samples = np.random.default_rng(1).uniform(-0.3, 0.3, 24_000 * 60).astype(np.float32)
    level = Level(6.0, Loudness(-10.0, 0.5)) if work == "limit" else Level()
    form = FORMATS["wav" if work == "limit" else "mp3"]
    write(lambda: [samples], 24_000, FORMATS["mp3"], tmp_path / "a.mp3")
    ends_at = time.monotonic() + 1.0

    def check() -> None:
        if time.monotonic() > ends_at:
            raise Cancelled("the job was cancelled")

    with stopped_ffmpeg() as halted, pytest.raises(Cancelled):
        if work == "decode":
            audio.decode((tmp_path / "a.mp3").read_bytes(), max_duration_s=100, check=check)
        write(lambda: [samples] * 20, 24_000, form, tmp_path / "b", level, check)
    record_property("late_s", round(time.monotonic() - ends_at, 2))
    assert time.monotonic() - ends_at < LIMIT_S
    assert halted and not any(Path(f"/proc/{pid}").exists() for pid in halted)


def test_a_folder_whose_turn_does_not_come(parts: runpod_handler.Parts, record_property: Record) -> None:
    """Another process holds the lock of the folder; when it lets go, the job that was cancelled writes nothing."""
    lock = parts.settings.data_dir / ".lock"
    program = ("import fcntl, sys, time; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); "
               "time.sleep(60)")
    holder = subprocess.Popen([sys.executable, "-c", program, lock], stdout=subprocess.PIPE)
    try:
        assert holder.stdout
        holder.stdout.readline()
        late_s, _ = ended_after(parts, GENERATE, 0.7)
        record_property("late_s", round(late_s, 2))
        assert late_s < LIMIT_S
    finally:
        holder.kill()
        holder.communicate()
    assert none_left(2.0)
    assert parts.store.list("").entries == ()
