"""The worker as production runs it: the SDK's own loop, in a process of its own, against a RunPod on loopback."""
from __future__ import annotations

import io
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.doubles.host import start_host
from tests.doubles.runpod import Platform, Worker
from tests.doubles.s3 import start_s3
from tests.doubles.speech import spoken_wav

NATURE = "Some call me nature, others call me mother nature."
LONG = {"text": "A rather long text. " * 4900, "timing_method": "pocketsphinx"}


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    server = start_s3({"test-key": "test-secret"}, ["loop"])
    yield server
    server.stop()


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Platform() as running:
        yield running


def start(platform: Platform, s3: Any, root: Path, **env: str) -> Worker:
    return platform.start_worker([sys.executable, root / "runpod_handler.py"], cwd=root, env={
        "TTS_ENGINE": "espeak", "S3_BUCKET": "loop", "AWS_ENDPOINT_URL": s3.endpoint_url,
        "AWS_ACCESS_KEY_ID": "test-key", "AWS_SECRET_ACCESS_KEY": "test-secret", "URL_ALLOW_HOSTS": "127.0.0.1", **env})


def test_the_main_job_runs_through_the_real_loop_and_its_urls_open(platform: Platform, s3: Any, root: Path) -> None:
    worker = start(platform, s3, root)
    with start_host({"/anna.wav": spoken_wav(NATURE)}) as host:
        stored = platform.run({"endpoint": "upload", "voice_name": "anna", "voice_file_url": f"{host.url}/anna.wav",
                               "reference_text": NATURE}, job_id="u1", timeout_s=60)
    assert stored["output"]["voice"]["name"] == "anna"
    output = platform.run({"text": "Hello world.", "local_voice": "anna", "timing_format": "ass", "seed": 3},
                          job_id="g1", timeout_s=60)["output"]
    assert output["job_id"] == "g1"
    with urllib.request.urlopen(output["audio_url"]) as answer:
        assert answer.headers["Content-Type"] == "audio/wav"
        assert "g1.wav" in answer.headers["Content-Disposition"]
        assert soundfile.info(io.BytesIO(answer.read())).duration == pytest.approx(output["duration"], abs=0.002)
    with urllib.request.urlopen(output["timing_files"]["ass"]) as answer:
        assert b"Hello" in answer.read()
    again = platform.run({"text": "Hello world.", "local_voice": "anna", "timing_format": "ass", "seed": 3,
                          "job_id": "g1"}, job_id="g2", timeout_s=60)["output"]
    assert again["sha256"] == output["sha256"]
    assert platform.run({"endpoint": "status", "job_id": "g1"}, job_id="s1")["output"]["status"] == "completed"
    assert platform.run({"text": "[voice:nobody] Hi."}, job_id="f1")["error"].startswith("NOT_FOUND: ")
    failed = platform.run({"endpoint": "status", "job_id": "f1"}, job_id="s2")
    assert "error" not in failed
    assert failed["output"]["job_error"].startswith("NOT_FOUND: ")
    assert platform.run({"text": ""}, job_id="bad")["error"].startswith("INVALID_INPUT: text: ")
    assert "test-secret" not in worker.log_text()
    assert "X-Amz-Signature=" not in worker.log_text()


def test_progress_comes_before_the_result_and_never_after(platform: Platform, s3: Any, root: Path) -> None:
    start(platform, s3, root)
    platform.run({"text": "Some words to say. " * 100, "timing_method": "pocketsphinx"}, job_id="p", timeout_s=120)
    time.sleep(1.5)  # a late report would arrive in this time
    kinds = [event.kind for event in platform.events if event.job_id == "p" and event.kind in ("progress", "result")]
    assert kinds[-1] == "result"
    assert kinds.count("result") == 1
    reports = [event.body["progress"] for event in platform.events if event.job_id == "p" and event.kind == "progress"]
    assert reports
    assert reports == sorted(reports)


def test_a_cancelled_job_stops_and_the_worker_takes_the_next(platform: Platform, s3: Any, root: Path) -> None:
    start(platform, s3, root)
    platform.submit(LONG, job_id="long")
    platform.until("progress", "long", timeout_s=60)
    platform.stop_job("long")
    output = platform.run({"text": "Next."}, job_id="next", timeout_s=60)["output"]
    assert output["status"] == "completed"
    assert platform.run({"endpoint": "status", "job_id": "long"}, job_id="s")["output"]["status"] == "cancelled"


def test_a_worker_without_a_bucket_does_not_start_on_runpod(platform: Platform, s3: Any, root: Path) -> None:
    worker = start(platform, s3, root, S3_BUCKET="")
    assert worker.wait(60) == 1
    assert "S3_BUCKET is not set" in worker.log_text()
    assert "Traceback" not in worker.log_text()


def test_one_job_from_the_command_line(root: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, root / "runpod_handler.py", "--test_input", '{"input": {"text": "Hello."}}'],
        cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "data" / "output").glob("*.wav"))) == 1
    failed = subprocess.run(
        [sys.executable, root / "runpod_handler.py", "--test_input", '{"input": {"text": 5}}'],
        cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert failed.returncode == 1


def test_a_worker_that_is_asked_to_stop_while_idle_takes_no_job_and_ends_at_once(platform: Platform, s3: Any,
                                                                               root: Path) -> None:
    platform.poll_s = 30.0  # the SDK alone would hold its polls this long, and lose a job that comes on one
    worker = start(platform, s3, root)
    platform.until("take", timeout_s=60)
    worker.terminate()
    assert worker.wait(10) == 0
    platform.submit({"text": "Hello."}, job_id="after")
    start(platform, s3, root)
    assert platform.wait("after", 60)["output"]["status"] == "completed"


def test_a_worker_that_is_asked_to_stop_finishes_its_job_first(platform: Platform, s3: Any, root: Path) -> None:
    worker = start(platform, s3, root)
    platform.submit({"text": "Some words to say. " * 60, "timing_method": "pocketsphinx"}, job_id="last")
    platform.until("progress", "last", timeout_s=60)
    worker.terminate()
    assert platform.wait("last", 60)["output"]["status"] == "completed"
    assert worker.wait(20) == 0


def test_a_killed_workers_job_is_done_by_the_next_with_the_seed_it_drew(platform: Platform, s3: Any, root: Path,
                                                                       ) -> None:
    first = start(platform, s3, root, LEASE_S="1")
    platform.submit({"text": "Some words to say. " * 60, "timing_method": "pocketsphinx"}, job_id="orphan")
    platform.until("progress", "orphan", timeout_s=60)
    first.kill()
    start(platform, s3, root, LEASE_S="1")
    output = platform.wait("orphan", 90)["output"]
    assert output["status"] == "completed"
    assert platform.run({"endpoint": "result", "job_id": "orphan"}, job_id="r")["output"]["seed"] == output["seed"]


def test_one_job_given_to_two_workers_is_done_by_one(platform: Platform, s3: Any, root: Path) -> None:
    for _ in range(2):
        start(platform, s3, root)
    platform.until("take", timeout_s=60, count=2)
    platform.submit({"text": "Some words to say. " * 60, "timing_method": "pocketsphinx", "job_id": "shared"}, "one")
    platform.submit({"text": "Some words to say. " * 60, "timing_method": "pocketsphinx", "job_id": "shared"}, "two")
    one, two = (platform.wait(job_id, 90)["output"] for job_id in ("one", "two"))
    assert one["seed"] == two["seed"]
    assert one["stages_ms"] == two["stages_ms"]


def test_a_job_past_its_deadline_and_a_result_over_the_limit_reach_runpod(platform: Platform, s3: Any, root: Path,
                                                                              ) -> None:
    start(platform, s3, root, JOB_DEADLINE_S="2", MAX_PAYLOAD_BYTES="700")
    late = platform.run(LONG, job_id="late", timeout_s=60)
    assert late["error"].startswith("TIMEOUT: ")
    large = platform.run({"text": "Hello. " * 60}, job_id="large", timeout_s=60)
    assert large["error"].startswith("TOO_LARGE: ")
    status = platform.run({"endpoint": "status", "job_id": "large"}, job_id="s")["output"]
    assert status["status"] == "completed"
    assert platform.run({"endpoint": "download", "job_id": "large"}, job_id="d")["output"]["status"] == "ready"
