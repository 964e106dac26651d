"""What may break around a job without the job being lost, done twice or half reported."""
from __future__ import annotations

import asyncio
import hashlib
import io
import itertools
import json
import logging
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
import soundfile

import runpod_handler
import s3_utils
from benchmarks.kill import kill_workers
from tests.doubles.s3 import Fault, Outage, S3Server, start_s3
from tts import Engine, Line, Options, Utterance
from worker.records import Lease
from worker.settings import Settings

KEY_ID, SECRET = "AKIATESTTESTTESTTEST", "a-secret-that-must-not-be-seen/0123456789"
FIELDS = {"text": "Hello there, world.", "timing_format": ["srt", "json"], "seed": 5}


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    server = start_s3({KEY_ID: SECRET}, ["first"])  # The first request takes seconds, which later ones have not got.
    s3_utils.S3Store("first", endpoint_url=server.endpoint_url, region="us-east-1", access_key_id=KEY_ID,
                     secret_access_key=SECRET).check()
    yield server
    server.stop()


@pytest.fixture
def bucket(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of the test's own; a silent answer is given up soon."""
    monkeypatch.setattr("storage.s3.READ_TIMEOUT_S", 0.4)
    monkeypatch.setattr("worker.records._POLL_S", 0.05)
    name = f"b-{uuid.uuid4().hex}"
    s3.create_bucket(name)
    yield name
    s3.faults.clear()
    s3.outages.clear()
    s3.clock = lambda: datetime.now(UTC)


@pytest.fixture
def settings(settings: Settings, s3: S3Server, bucket: str) -> Settings:
    return replace(settings, s3_bucket=bucket, s3_endpoint_url=s3.endpoint_url, s3_access_key_id=KEY_ID,
                   s3_secret_access_key=SECRET, lease_s=1)


class Speaker:
    """An engine that does something else in the middle of a job: `meanwhile`, once."""

    def __init__(self, engine: Engine, meanwhile: Callable[[], object]) -> None:
        self.engine, self.meanwhile, self.calls = engine, meanwhile, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def speak(self, lines: Sequence[Line], options: Options, **hooks: Any) -> Iterable[Utterance]:
        self.calls += 1
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return self.engine.speak(lines, options, **hooks)


def worker(settings: Settings, meanwhile: Callable[[], object] = lambda: None) -> tuple[
        runpod_handler.Handler, Speaker]:
    """A worker of its own: its handler and its engine."""
    parts = runpod_handler.build_parts(settings)
    speaker = Speaker(parts.engine, meanwhile)
    return runpod_handler.make_handler(replace(parts, engine=speaker)), speaker


def ask(handler: runpod_handler.Handler, **fields: Any) -> dict[str, Any]:
    return asyncio.run(handler({"id": uuid.uuid4().hex, "input": fields}))


def generate(handler: runpod_handler.Handler, **fields: Any) -> dict[str, Any]:
    return ask(handler, **FIELDS | {"job_id": "job"} | fields)


@cache
def store_of(settings: Settings) -> s3_utils.Store:
    return s3_utils.S3Store(str(settings.s3_bucket), endpoint_url=settings.s3_endpoint_url, region="us-east-1",
                            access_key_id=KEY_ID, secret_access_key=SECRET)


def assert_whole(store: s3_utils.Store, job_id: str = "job") -> None:
    """The record says completed, and every file that it names is there and is what it says."""
    record = json.loads(store.get(f"jobs/{job_id}.json"))
    assert record["status"] == "completed"
    audio = store.get(record["output"]["audio_key"])
    assert hashlib.sha256(audio).hexdigest() == record["output"]["sha256"]
    assert soundfile.info(io.BytesIO(audio)).frames > 0
    assert set(record["output"]["timing_keys"]) == {"srt", "json"}
    assert b"-->" in store.get(record["output"]["timing_keys"]["srt"])
    assert [word["word"] for word in json.loads(store.get(record["output"]["timing_keys"]["json"]))["words"]] == [
        "Hello", "there,", "world."]


def assert_nothing_half_done(settings: Settings) -> None:
    """Whatever befell the job, its record names no file that is not there, and asking again gets it done."""
    store = store_of(settings)
    found = store.get("jobs/job.json") if store.head("jobs/job.json") else b'{"status": "none"}'
    if json.loads(found)["status"] == "completed":
        assert_whole(store)
    again = generate(worker(settings)[0])
    assert again.get("error") is None
    assert_whole(store)
    for url in (again["audio_url"], *again["timing_files"].values()):
        with urllib.request.urlopen(url) as answer:
            assert answer.read()


def assert_closed(settings: Settings) -> None:
    """Soon after the storage is back the record says failed, as RunPod does, and the job's files are gone."""
    store, deadline = store_of(settings), time.monotonic() + 10
    while json.loads(store.get("jobs/job.json"))["status"] == "in_progress" and time.monotonic() < deadline:
        time.sleep(0.1)
    record = json.loads(store.get("jobs/job.json"))
    assert (record["status"], record["error"][:15]) == ("failed", "STORAGE_FAILED:")
    assert [entry.key for entry in store.list("").entries] == ["jobs/job.json"]


WRITES = {"begin": "jobs/job.json", "audio": "output/job.wav", "timing": "timings/job.srt", "finish": "jobs/job.json"}
"""What a job writes, in order."""
BREAKDOWNS = {
    "500": Fault("error", status=500, code="InternalError"),
    "503 after it was done": Fault("error", status=503, code="SlowDown", after_work=True),
    "reset": Fault("reset"),
    "reset after it was done": Fault("reset", after_work=True),
    "silence": Fault("stall"),
    "clock skew": Fault("skew"),
    "wrong secret": Fault("error", status=403, code="SignatureDoesNotMatch"),
}
PASSING = ("500", "503 after it was done", "reset", "reset after it was done")


def plan(s3: S3Server, write: str, fault: Fault, times: int) -> Callable[[], object]:
    """Lets the write fail `times` times in a row: at once, or by what this returns in the middle of the job."""
    planned = replace(fault, method="PUT", key=WRITES[write], times=times)
    if write != "finish":
        s3.faults.append(planned)
        return lambda: None
    return lambda: s3.faults.append(planned)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("breakdown", PASSING)
def test_a_short_breakdown_of_the_storage_is_not_noticed(settings: Settings, s3: S3Server, write: str,
                                                         breakdown: str) -> None:
    handler, speaker = worker(settings)
    speaker.meanwhile = plan(s3, write, BREAKDOWNS[breakdown], times=2)
    assert generate(handler).get("error") is None
    assert not [fault for fault in s3.faults if fault.times], "the breakdown did not happen"
    assert_whole(store_of(settings))
    assert speaker.calls == 1


@pytest.mark.parametrize(("write", "breakdown"), [
    *((write, "500") for write in WRITES), ("finish", "wrong secret"),
    *(("audio", breakdown) for breakdown in BREAKDOWNS if breakdown != "500")])
def test_a_lasting_breakdown_fails_the_job_and_nothing_is_half_done(
        settings: Settings, s3: S3Server, write: str, breakdown: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "worker")
    handler, speaker = worker(replace(settings, job_deadline_s=3))
    speaker.meanwhile = plan(s3, write, BREAKDOWNS[breakdown], times=1000)
    error = generate(handler)["error"]
    assert error.startswith("STORAGE_FAILED: ")
    for secret in (KEY_ID, SECRET, s3.endpoint_url, str(settings.s3_bucket), "jobs/", "output/"):
        assert secret not in error
    assert SECRET not in caplog.text
    s3.faults.clear()
    assert_nothing_half_done(settings)


@pytest.mark.parametrize("breakdown", ["500", "reset after it was done", "silence", "wrong secret"])
def test_a_storage_that_is_gone_in_the_middle_of_a_job_loses_nothing(settings: Settings, s3: S3Server,
                                                                    breakdown: str) -> None:
    """Every request fails from the middle of the job on: also the ones that would take back or note the failure."""
    handler, speaker = worker(replace(settings, job_deadline_s=2))
    speaker.meanwhile = lambda: s3.faults.append(replace(BREAKDOWNS[breakdown], times=1000))
    assert generate(handler)["error"].startswith("STORAGE_FAILED: ")
    s3.faults.clear()
    if breakdown in (*PASSING, "silence"):
        assert_closed(settings)
    assert_nothing_half_done(settings)


@pytest.mark.parametrize("breakdown", ["503 after it was done", "reset", "silence", "clock skew", "wrong secret"])
def test_a_finished_job_survives_a_breakdown_while_it_is_read(settings: Settings, s3: S3Server,
                                                              breakdown: str) -> None:
    parts = runpod_handler.build_parts(settings)
    speaker = Speaker(parts.engine, lambda: None)
    parts = replace(parts, engine=speaker)
    patient = runpod_handler.make_handler(parts)
    hurried = runpod_handler.make_handler(replace(parts, settings=replace(settings, job_deadline_s=1)))
    first = generate(patient)
    for fields in ({"endpoint": "result", "job_id": "job"}, {"endpoint": "status", "job_id": "job"},
                   FIELDS | {"job_id": "job"}):
        s3.faults.append(replace(BREAKDOWNS[breakdown], method="GET", key="jobs/job.json", times=1000))
        assert ask(hurried, **fields)["error"].startswith("STORAGE_FAILED: ")
        s3.faults[:] = [replace(BREAKDOWNS[breakdown], method="GET", key="jobs/job.json", times=1)]
        if breakdown in (*PASSING, "silence"):
            assert ask(patient, **fields)["status"] == "completed"
        s3.faults.clear()
    assert ask(patient, endpoint="result", job_id="job")["sha256"] == first["sha256"]
    assert_whole(store_of(settings))
    assert speaker.calls == 1


def test_a_store_whose_clock_or_keys_are_wrong_stops_the_start_and_no_secret_is_shown(
        settings: Settings, s3: S3Server) -> None:
    s3.clock = lambda: datetime.now(UTC) + timedelta(hours=1)
    with pytest.raises(s3_utils.StorageError, match="clock"):
        runpod_handler.build_parts(settings)
    s3.clock = lambda: datetime.now(UTC)
    with pytest.raises(s3_utils.StorageError, match="AWS_SECRET_ACCESS_KEY") as refused:
        runpod_handler.build_parts(replace(settings, s3_secret_access_key="another"))
    assert "another" not in str(refused.value)


def test_a_completion_that_was_written_but_not_confirmed_stands_with_its_files(
        settings: Settings, s3: S3Server) -> None:
    """Written, and then the storage is gone until after the deadline: RunPod gets a failure, the record is right."""
    handler, speaker = worker(replace(settings, job_deadline_s=8))
    speaker.meanwhile = lambda: s3.outages.append(Outage("jobs/job.json", 1000, body=b'"completed"', after_work=True))
    assert generate(handler)["error"].startswith("STORAGE_FAILED: ")
    s3.outages.clear()
    time.sleep(1.5)
    assert_whole(store_of(settings))
    assert generate(handler)["status"] == "completed"
    assert speaker.calls == 1


OUTAGES = {"begin": ("jobs/{}.json", b""), "audio": ("output/{}.wav", b""), "words": ("timings/{}.words.json", b""),
           "timing": ("timings/{}.srt", b""), "finish": ("jobs/{}.json", b'"completed"')}


@pytest.mark.parametrize("lasts_s", [0.5, 4.0, 20.0])
def test_an_outage_at_any_write_of_a_job_is_outlived(settings: Settings, s3: S3Server, lasts_s: float) -> None:
    """Five jobs at a time, one for each write; from it on the job reaches nothing of the storage for a while."""
    handler, speaker = worker(replace(settings, lease_s=5, concurrency=8))
    s3.outages[:] = [Outage(key.format(write), lasts_s, f"*{write}.*", body, kind)
                     for (write, (key, body)), kind in zip(OUTAGES.items(), itertools.cycle(["error", "reset"]))]

    async def all_at_once() -> list[dict[str, Any]]:
        return await asyncio.gather(*(handler({"id": write, "input": FIELDS | {"job_id": write}}) for write in OUTAGES))

    started = time.monotonic()
    outputs = asyncio.run(all_at_once())
    assert [output.get("error") for output in outputs] == [None] * len(OUTAGES)
    assert all(outage.n_requests for outage in s3.outages)
    assert time.monotonic() - started < lasts_s + 60
    for write in OUTAGES:
        assert_whole(store_of(settings), write)
    assert speaker.calls == len(OUTAGES)


@pytest.mark.parametrize("write", ["begin", "finish"])
def test_a_storage_that_takes_requests_and_never_answers_holds_no_job_beyond_its_deadline(
        settings: Settings, s3: S3Server, monkeypatch: pytest.MonkeyPatch, write: str) -> None:
    monkeypatch.setattr("storage.s3.READ_TIMEOUT_S", 30.0)
    key, body = OUTAGES[write]
    silence = Outage(key.format("job"), 10.0, "*job.*", body, "silence")
    s3.outages.append(silence)
    handler, _ = worker(replace(settings, job_deadline_s=8, lease_s=6))
    started = time.monotonic()
    failed = generate(handler)
    assert failed["error"].startswith("STORAGE_FAILED: the storage did not answer in time")
    assert time.monotonic() - started < 8 + 3
    silence.lasts_s = 0.0
    if write != "begin":
        assert_closed(settings)
    assert_nothing_half_done(settings)


def test_a_silent_answer_costs_no_job_that_has_time(settings: Settings, s3: S3Server,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.s3.READ_TIMEOUT_S", 30.0)
    s3.outages.append(Outage("output/job.wav", 2.0, "*job.*", kind="silence"))
    handler, speaker = worker(replace(settings, job_deadline_s=30, lease_s=6))
    assert generate(handler).get("error") is None
    assert speaker.calls == 1
    assert_whole(store_of(settings))


def test_renewals_leave_a_storage_that_fails_alone(settings: Settings, s3: S3Server,
                                                   caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage("jobs/job.json", 8.0)

    def speak_through_it() -> None:
        s3.outages.append(outage)
        time.sleep(9)

    handler, _ = worker(settings, speak_through_it)
    assert generate(handler).get("error") is None
    assert 0 < outage.n_requests < 70
    assert len([line for line in caplog.records if line.name == "worker.records"]) <= 2


def test_a_worker_whose_renewals_were_not_confirmed_does_not_take_itself_for_another(
        settings: Settings, s3: S3Server) -> None:
    handler, speaker = worker(settings)

    def unconfirmed() -> None:
        s3.faults.append(Fault("reset", "PUT", "jobs/job.json", times=4, after_work=True))
        s3.faults.append(Fault("reset", "HEAD", "jobs/job.json", times=4))
        deadline = time.monotonic() + 20
        while any(fault.times for fault in s3.faults[:1]) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)
        s3.faults.clear()

    speaker.meanwhile = unconfirmed
    assert generate(handler).get("error") is None
    assert_whole(store_of(settings))


class Frozen:
    """A worker that stops in the middle of its job until another has done it: its lease is not renewed."""

    def __init__(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        self.settings, self.monkeypatch = settings, monkeypatch
        self.other: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}
        self.thawed = threading.Event()

    def stop_renewing(self) -> None:
        self.monkeypatch.setattr(Lease, "_pause", lambda lease, retry_in_s: self.thawed.wait(30))

    def meanwhile(self) -> None:
        self.monkeypatch.undo()
        self.other = generate(worker(self.settings)[0])
        self.thawed.set()
        store = store_of(self.settings)
        self.files = {entry.key: store.get(entry.key) for entry in store.list("").entries}


@pytest.fixture
def frozen(settings: Settings, bucket: str) -> Iterator[Frozen]:
    with pytest.MonkeyPatch.context() as patch:
        yield Frozen(settings, patch)


def test_a_worker_that_lost_its_lease_changes_nothing_and_answers_with_what_the_other_made(settings: Settings,
                                                                            frozen: Frozen) -> None:
    handler, _ = worker(settings, frozen.meanwhile)
    frozen.stop_renewing()
    late = generate(handler)
    assert late["status"] == frozen.other["status"] == "completed"
    assert (late["sha256"], late["stages_ms"]) == (frozen.other["sha256"], frozen.other["stages_ms"])
    store = store_of(settings)
    assert {entry.key: store.get(entry.key) for entry in store.list("").entries} == frozen.files
    assert_whole(store)


@pytest.mark.parametrize("fault", [Fault("error", "PUT", "timings/*", times=1000), None])
def test_a_worker_that_lost_its_lease_and_fails_takes_no_file_of_the_other_away(
        settings: Settings, frozen: Frozen, s3: S3Server, fault: Fault | None) -> None:
    """The lease runs out after the audio was written: the files that the late one would take back are the other's."""
    handler, _ = worker(settings)
    put, stuck = s3_utils.S3Store.put_if_absent, list[str]()

    def late(self: s3_utils.S3Store, key: str, *rest: Any) -> str | None:
        etag = put(self, key, *rest)
        if key == "output/job.wav" and not stuck:
            stuck.append(key)
            frozen.meanwhile()
            if fault is None:
                raise ZeroDivisionError
            s3.faults.append(fault)
        return etag

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3_utils.S3Store, "put_if_absent", late)
        frozen.stop_renewing()
        output = generate(handler)
    s3.faults.clear()
    assert output["status"] == frozen.other["status"] == "completed"
    assert output["stages_ms"] == frozen.other["stages_ms"]
    assert_whole(store_of(settings))


def test_a_job_is_cancelled_while_it_waits_for_another_worker(settings: Settings) -> None:
    outcome = stop_while_waiting(settings, cancel=True)
    assert outcome is None


def test_a_job_ends_at_its_deadline_while_it_waits_for_another_worker(settings: Settings) -> None:
    outcome = stop_while_waiting(replace(settings, job_deadline_s=1), cancel=False)
    assert outcome is not None
    assert outcome["error"].startswith("TIMEOUT: ")


def stop_while_waiting(settings: Settings, *, cancel: bool) -> dict[str, Any] | None:
    """What a second worker answers, None where it was cancelled, while a first holds the job and completes it."""
    go_on, holds = threading.Event(), threading.Event()

    def hold() -> None:
        holds.set()
        go_on.wait(30)

    first, _ = worker(replace(settings, job_deadline_s=60), hold)
    done: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: done.append(generate(first)))
    thread.start()
    assert holds.wait(20)
    second, speaker = worker(settings)

    async def wait() -> dict[str, Any] | None:
        waiting = asyncio.ensure_future(second({"id": "x", "input": FIELDS | {"job_id": "job"}}))
        await asyncio.sleep(0.3)
        if cancel:
            waiting.cancel()
        try:
            return await waiting
        except asyncio.CancelledError:
            return None

    outcome = asyncio.run(wait())
    assert ask(second, endpoint="status", job_id="job")["status"] == "in_progress"
    go_on.set()
    thread.join(30)
    assert done[0]["status"] == "completed"
    assert speaker.calls == 0
    assert_whole(store_of(settings))
    return outcome


def test_two_jobs_with_one_id_in_one_worker_are_done_once(settings: Settings) -> None:
    handler, speaker = worker(settings)

    async def both() -> list[dict[str, Any]]:
        jobs = [{"id": name, "input": FIELDS | {"job_id": "job"}} for name in ("one", "two")]
        return await asyncio.gather(*(handler(job) for job in jobs))

    one, two = asyncio.run(both())
    assert one.get("error") is None
    assert (one["sha256"], one["stages_ms"]) == (two["sha256"], two["stages_ms"])
    assert speaker.calls == 1


def test_jobs_that_wait_do_not_keep_others_from_running(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """More jobs wait for one id than there are threads for speech; who asks how it stands is answered all the same."""
    monkeypatch.setattr("runpod_handler._THREADS", 4)
    go_on, holds = threading.Event(), threading.Event()

    def hold() -> None:
        holds.set()
        go_on.wait(30)

    handler, speaker = worker(replace(settings, concurrency=4), hold)

    async def ask_meanwhile() -> tuple[dict[str, Any], list[dict[str, Any]]]:
        jobs = [asyncio.ensure_future(handler({"id": f"x{index}", "input": FIELDS | {"job_id": "job"}}))
                for index in range(20)]
        assert await asyncio.to_thread(holds.wait, 20)
        try:
            status = await asyncio.wait_for(handler({"id": "s", "input": {"endpoint": "status", "job_id": "job"}}), 15)
        finally:
            go_on.set()
        return status, await asyncio.gather(*jobs)

    status, outputs = asyncio.run(ask_meanwhile())
    assert status["status"] == "in_progress"
    assert {output["sha256"] for output in outputs} == {outputs[0]["sha256"]}
    assert speaker.calls == 1


def test_two_inputs_under_one_id_in_one_worker_do_not_mix(settings: Settings) -> None:
    handler, _ = worker(settings)

    async def both() -> list[dict[str, Any]]:
        return await asyncio.gather(*(handler({"id": text, "input": {"text": text, "job_id": "job"}})
                                      for text in ("One.", "Another thing.")))

    errors = [output.get("error") for output in asyncio.run(both())]
    assert errors.count(None) == 1
    assert next(error for error in errors if error).startswith("CONFLICT: ")


def test_an_oversized_result_is_an_error_and_the_files_are_there(settings: Settings) -> None:
    handler, speaker = worker(replace(settings, max_payload_bytes=600))
    assert generate(handler)["error"].startswith("TOO_LARGE: ")
    assert_whole(store_of(settings))
    assert ask(handler, endpoint="status", job_id="job")["status"] == "completed"
    with urllib.request.urlopen(ask(handler, endpoint="download", job_id="job")["audio_url"]) as answer:
        assert answer.read()[:4] == b"RIFF"
    assert generate(worker(settings)[0])["status"] == "completed"
    assert speaker.calls == 1


def test_what_a_newer_version_made_is_handed_out_by_an_older_one_that_does_not_know_its_formats(
        settings: Settings) -> None:
    handler, _ = worker(settings)
    generate(handler)
    store = store_of(settings)
    record = json.loads(store.get("jobs/job.json"))
    record["output"] |= {"audio_key": "output/job.aac",
                         "timing_keys": {"newer": "timings/job.newer", **record["output"]["timing_keys"]}}
    store.put("output/job.aac", b"sound", "audio/aac")
    store.put("timings/job.newer", b"captions", "text/plain")
    store.put("jobs/job.json", json.dumps(record).encode(), "application/json")
    for fields in (FIELDS, {"endpoint": "result"}):
        answer = ask(handler, **fields, job_id="job")
        assert set(answer["timing_files"]) == {"newer", "srt", "json"}
        for url, content in ((answer["timing_files"]["newer"], b"captions"), (answer["audio_url"], b"sound")):
            with urllib.request.urlopen(url) as body:
                assert body.read() == content
    assert ask(handler, endpoint="download", job_id="job", type="timing")["filename"] == "job.newer"
    store.delete("timings/job.newer")
    assert ask(handler, endpoint="result", job_id="job")["error"].startswith("NOT_FOUND: a file of job job has expired")


def test_workers_killed_at_random_instants_lose_nothing_and_do_nothing_twice() -> None:
    outcome = kill_workers(4, seed=3)
    assert outcome.problems == []
    assert outcome.jobs >= 4
