"""The platform double against the real SDK: what it promises to the tests that stand on it."""
from __future__ import annotations

import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.processes import running_in_group
from tests.doubles.runpod import CANCELLED, COMPLETED, FAILED, IN_PROGRESS, Platform, Worker

HANDLER = """
import asyncio, os, sys
import runpod

async def handler(job):
    wanted = job["input"]
    for percent in wanted.get("progress", []):
        runpod.serverless.progress_update(job, percent)
        await asyncio.sleep(0.3)
    await asyncio.sleep(wanted.get("sleep", 0))
    if wanted.get("die"):
        os.kill(0, 9)
    if wanted.get("error"):
        return {"error": wanted["error"]}
    return {"said": wanted.get("say"), "padding": "x" * wanted.get("n_bytes", 0), "worker": os.environ["RUNPOD_POD_ID"]}

async def stream(job):
    for number in range(3):
        yield {"part": number}

config = {"handler": stream if os.environ.get("STREAM") else handler, "return_aggregate_stream": True}
if os.environ.get("JOBS_AT_ONCE"):
    config["concurrency_modifier"] = lambda now: int(os.environ["JOBS_AT_ONCE"])
print("hello from the worker")
runpod.serverless.start(config)
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("worker") / "handler.py"
    path.write_text(HANDLER)
    return path


def start(platform: Platform, script: Path, **env: str) -> Worker:
    return platform.start_worker([sys.executable, script], env=env, cwd=script.parent)


@pytest.fixture(scope="module")
def served(script: Path) -> Iterator[Platform]:
    """One platform with one warm worker, for tests that leave both as they were."""
    with Platform() as platform:
        start(platform, script)
        platform.run({"say": "warm"}, job_id="warm")
        yield platform


def test_a_job_comes_back_with_what_the_handler_returned(served: Platform) -> None:
    result = served.run({"say": "hello"}, job_id="plain")
    assert result["output"]["said"] == "hello"
    assert served.status("plain") == COMPLETED
    assert served.history("plain") == ["handed", "result"]


def test_an_error_makes_the_job_failed(served: Platform) -> None:
    assert served.run({"error": "NOT_FOUND: no such voice"}, job_id="bad")["error"] == "NOT_FOUND: no such voice"
    assert served.status("bad") == FAILED


def test_progress_is_kept_apart_from_the_result_and_in_order(served: Platform) -> None:
    served.run({"progress": [10, 90]}, job_id="slow")
    assert served.progress["slow"] == [10, 90]
    assert served.history("slow") == ["handed", "progress", "progress", "result"]


def test_a_stopped_job_posts_nothing_and_the_worker_takes_the_next(served: Platform) -> None:
    # The SDK loses a stop that comes before it has begun with the job (rp_scale.stop_job).
    served.submit({"progress": [1], "sleep": 60}, "stopped")
    served.until("progress", "stopped")
    served.stop_job("stopped")
    served.until("stop", "stopped")
    assert served.run({"say": "next"}, job_id="after-stop")["output"]["said"] == "next"
    assert served.status("stopped") == CANCELLED
    assert "stopped" not in served.results


def test_a_job_stopped_while_it_waits_is_never_handed_out(served: Platform) -> None:
    served.submit({"sleep": 0.5}, "first")
    served.until("handed", "first")
    served.submit({}, "second")
    served.stop_job("second")
    served.run({}, job_id="third")
    assert served.history("second") == []


def test_the_heartbeat_names_the_running_job(served: Platform) -> None:
    served.run({"sleep": 1.5}, job_id="long")
    assert "long" in {event.body for event in served.events if event.kind == "ping"}


def test_failed_dropped_and_slow_answers_lose_no_job(served: Platform) -> None:
    for status in (500, 400, 204):
        served.fail_next("job-take", status)
    served.drop_next("job-take")
    served.delay_next("job-take", 0.5)
    assert served.run({"say": "still here"}, job_id="storm")["output"]["said"] == "still here"
    assert [event.kind for event in served.events].count("!job-take") == 4


def test_a_result_met_by_500_is_posted_again_and_the_first_that_arrived_counts(served: Platform) -> None:
    served.fail_next("job-done", 500)
    served.fail_next("job-done", 500, after_receipt=True)
    assert served.run({"say": "twice"}, job_id="lost")["output"]["said"] == "twice"
    served.until("result", "lost", count=2)
    assert served.history("lost") == ["handed", "!job-done", "result", "result"]
    assert served.status("lost") == COMPLETED


def test_a_result_met_by_a_closed_connection_is_lost_until_the_job_is_handed_out_again(served: Platform) -> None:
    served.drop_next("job-done")
    served.submit({"say": "gone"}, "dropped")
    served.until("!job-done", "dropped")
    served.run({}, job_id="meanwhile")
    assert served.status("dropped") == IN_PROGRESS
    served.requeue("dropped")
    assert served.wait("dropped")["output"]["said"] == "gone"


def test_no_key_no_answer(served: Platform) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{served.url}/job-take/stranger?gpu=NONE", timeout=5)


def test_a_job_that_never_ends_is_a_timeout_that_shows_the_worker_s_log(served: Platform) -> None:
    with pytest.raises(TimeoutError, match=r"(?s)endless is IN_PROGRESS.*running.*Started"):
        served.run({"sleep": 60}, job_id="endless", timeout_s=3)
    served.stop_job("endless")
    served.until("stop", "endless")


def test_a_result_over_the_limit_is_refused_and_the_job_never_completes(script: Path) -> None:
    with Platform(max_result_bytes=1000) as platform:
        start(platform, script)
        platform.submit({"n_bytes": 2000}, "big")
        platform.until("result", "big")
        platform.run({}, job_id="small")
        assert platform.status("big") == IN_PROGRESS


def test_the_job_of_a_killed_worker_goes_to_the_next_one(script: Path) -> None:
    with Platform() as platform:
        first = start(platform, script)
        platform.submit({"sleep": 1.5, "say": "again"}, "orphan")
        platform.until("handed", "orphan")
        first.kill()
        second = start(platform, script)
        assert platform.wait("orphan")["output"]["worker"] == second.id
        assert platform.history("orphan") == ["handed", "requeued", "handed", "result"]


def test_a_job_that_kills_every_worker_fails_after_the_last_attempt(script: Path) -> None:
    with Platform(max_attempts=2) as platform:
        platform.submit({"die": True}, "poison")
        for _ in range(2):
            start(platform, script).wait()
        assert platform.wait("poison") == {"error": "worker exited"}
        assert platform.history("poison") == ["handed", "requeued", "handed"]


def test_a_worker_that_wants_three_jobs_gets_them_in_one_answer(script: Path) -> None:
    with Platform() as platform:
        for number in range(3):
            platform.submit({"sleep": 0.5}, f"job{number}")
        start(platform, script, JOBS_AT_ONCE="3")
        for number in range(3):
            platform.wait(f"job{number}")
        first_four = [event.kind for event in platform.events if event.kind != "ping"][:4]
        assert first_four == ["take", "handed", "handed", "handed"]


def test_a_generator_s_parts_arrive_as_a_stream_and_together(script: Path) -> None:
    with Platform() as platform:
        start(platform, script, STREAM="1")
        parts = [{"part": 0}, {"part": 1}, {"part": 2}]
        assert platform.run({}, job_id="parts")["output"] == parts
        assert platform.streams["parts"] == [{"output": part} for part in parts]


def test_sigterm_lets_the_running_job_finish_and_the_platform_leaves_no_process(script: Path) -> None:
    with Platform() as platform:
        worker = start(platform, script)
        platform.submit({"sleep": 1.5, "say": "done"}, "last")
        platform.until("handed", "last")
        time.sleep(0.3)
        worker.terminate()
        assert platform.wait("last")["output"]["said"] == "done"
        assert worker.wait() == 0
        hung = start(platform, script)
        platform.until("take", count=2)
    assert running_in_group(hung.process.pid) == []
