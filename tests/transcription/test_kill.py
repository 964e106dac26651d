"""Jobs outlive whoever does them: kill -9 of the whole service, of a worker, and two workers on one table."""
from __future__ import annotations

import json
import os
import signal
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.doubles.processes import running_in_group
from tests.transcription.serving import NATURE, Served, finished, long_wav, nature, serve, submit, wait_until

N_JOBS = 10


def ended(folder: Path, action: str = "job_completed") -> Counter[str]:
    """How often each job was completed, by the logs of all processes."""
    lines = [json.loads(line) for log in folder.glob("*.log") for line in log.read_text().splitlines()
             if line.startswith("{")]
    return Counter(line["job_id"] for line in lines if line.get("action") == action)


def by_status(client: httpx.Client) -> dict[str, int]:
    return dict(client.get("/api/v1/metrics/jobs").json()["by_status"])


def workers_of(served: Served) -> list[int]:
    """Process ids of the service's workers."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == served.process.pid:
                found.append(int(stat.parent.name))
        except (OSError, ValueError):
            continue
    return found


def test_after_kill_9_every_job_is_done_once(tmp_path: Path) -> None:
    with serve(tmp_path) as served, served.client() as client:
        ids = [submit(client, nature(), initial_transcript=NATURE)["job_id"] for _ in range(N_JOBS)]
        running = submit(client, long_wav(8))["job_id"]
        wait_until(lambda: by_status(client)["completed"] >= 2)
        workers = workers_of(served)
        assert workers
        served.kill()
        wait_until(lambda: not any(Path(f"/proc/{each}").exists() for each in workers), 5)
    with serve(tmp_path) as served, served.client() as client:
        assert {finished(client, job_id)["status"] for job_id in [*ids, running]} == {"completed"}
        wait_until(lambda: not list((served.data / "audio").iterdir()), 10)
    times = ended(tmp_path)
    assert set(times) <= {*ids, running}  # one that was killed right after it had completed a job did not say so
    assert len(times) >= N_JOBS
    assert set(times.values()) == {1}


def test_the_job_of_a_killed_worker_is_taken_up_by_the_next(tmp_path: Path) -> None:
    with serve(tmp_path) as served, served.client() as client:
        job_id = submit(client, long_wav(8))["job_id"]
        wait_until(lambda: client.get(f"/api/v1/jobs/{job_id}").json()["status"] == "in_progress")
        os.kill(workers_of(served)[0], signal.SIGKILL)
        job = finished(client, job_id)
        assert (job["status"], job["attempts"]) == ("completed", 2)


def test_a_job_that_kills_its_workers_fails_at_last_and_holds_nobody_up(tmp_path: Path) -> None:
    with serve(tmp_path, MAX_ATTEMPTS="1", LEASE_S="1") as served, served.client() as client:
        job_id = submit(client, long_wav(20))["job_id"]
        wait_until(lambda: client.get(f"/api/v1/jobs/{job_id}").json()["status"] == "in_progress")
        os.kill(workers_of(served)[0], signal.SIGKILL)
        job = finished(client, job_id)
        assert (job["status"], job["job_error"]["error_code"]) == ("failed", "PROCESSING_WORKER_LOST")
        assert finished(client, submit(client, nature(), initial_transcript=NATURE)["job_id"])["status"] == "completed"


@pytest.mark.parametrize("n_workers", ["2"])
def test_two_workers_share_one_table_and_do_no_job_twice(tmp_path: Path, n_workers: str) -> None:
    with serve(tmp_path, WORKERS=n_workers, LEASE_S="20") as served, served.client() as client:
        ids = [submit(client, nature(), initial_transcript=NATURE)["job_id"] for _ in range(N_JOBS)]
        assert {finished(client, job_id)["attempts"] for job_id in ids} == {1}
    assert set(ended(tmp_path).values()) == {1}


def test_a_stop_in_order_puts_the_running_job_back_and_counts_no_attempt(tmp_path: Path) -> None:
    with serve(tmp_path) as served, served.client() as client:
        job_id = submit(client, long_wav(30))["job_id"]
        wait_until(lambda: client.get(f"/api/v1/jobs/{job_id}").json()["current_stage"] == "recognise")
    assert not running_in_group(served.process.pid)
    with serve(tmp_path, WORKERS="0") as served, served.client() as client:
        job = client.get(f"/api/v1/jobs/{job_id}").json()
        assert (job["status"], job["attempts"]) == ("queued", 0)
