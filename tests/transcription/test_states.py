"""The states of a job, and every store of them: one suite for each implementation of the ports."""
from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.doubles.emulators import Emulators
from transcription.jobs.firestore import FirestoreJobs
from transcription.jobs.pubsub import PubSubQueue
from transcription.jobs.record import Delivery, Job, JobStore, LeaseLost, Query, Queue, Refused
from transcription.jobs.sqlite import SqliteJobs, SqliteQueue
from transcription.settings import Settings

Ports = tuple[JobStore, Queue]
LEASE_S = 0.3


def sqlite_ports(request: pytest.FixtureRequest) -> Ports:
    jobs = SqliteJobs(request.getfixturevalue("tmp_path") / "jobs.sqlite3")
    return jobs, SqliteQueue(jobs, LEASE_S)


def google_ports(request: pytest.FixtureRequest) -> Ports:
    emulators: Emulators = request.getfixturevalue("emulators")
    project = emulators.project()
    jobs = FirestoreJobs(project, "(default)")
    return jobs, PubSubQueue(jobs, Settings(state="firestore", google_cloud_project=project, gcs_bucket="none",
                                            lease_s=1))


IMPLEMENTATIONS: dict[str, Callable[[pytest.FixtureRequest], Ports]] = {
    "sqlite": sqlite_ports, "firestore and pubsub": google_ports}


@pytest.fixture(params=IMPLEMENTATIONS)
def ports(request: pytest.FixtureRequest) -> Iterator[Ports]:
    made = IMPLEMENTATIONS[request.param](request)
    yield made
    made[1].close()


def given(queue: Queue, within_s: float = 10.0) -> Delivery:
    """What the queue hands out: at once from a table, when its message has come from Pub/Sub."""
    end = time.monotonic() + within_s
    while (delivery := queue.take()) is None:
        assert time.monotonic() < end, "nothing was handed out"
        time.sleep(0.02)
    return delivery


def job(name: str, **fields: object) -> Job:
    return Job(name, str(fields.pop("owner", "anna")), {"formats": ["srt"]}, **fields)  # type: ignore[arg-type]


def claim(jobs: JobStore, job_id: str, worker: str = "w", seen: tuple[int, int] | None = None) -> Job:
    return jobs.update(job_id, lambda current: current.claimed(worker, seen, 3))


def test_a_job_goes_from_queued_to_completed_and_what_is_read_is_what_was_written(ports: Ports) -> None:
    jobs, queue = ports
    made = jobs.create(job("a"))
    queue.put(made)
    assert jobs.get("a") == made
    taken = claim(jobs, given(queue).job_id)
    assert (taken.status, taken.fence, taken.attempts) == ("in_progress", 1, 1)
    jobs.update("a", lambda current: current.renewed(1, "align", 0.5))
    done = jobs.update("a", lambda current: current.completed(1, audio_s=2.0, warnings=("ü",)))
    assert queue.take() is None
    assert jobs.get("a") == done
    assert (done.status, done.progress, done.warnings) == ("completed", 1.0, ("ü",))
    assert jobs.counts().by_status["completed"] == 1
    assert jobs.counts().audio_s == 2.0


@pytest.mark.parametrize("change", [
    lambda job: job.renewed(1, "x", 0.5), lambda job: job.completed(1), lambda job: job.failed(1, {}),
    lambda job: job.put_back(1)])
def test_who_lost_the_lease_can_write_nothing(ports: Ports, change: Callable[[Job], Job]) -> None:
    jobs, _ = ports
    jobs.create(job("a"))
    first = claim(jobs, "a")
    claim(jobs, "a", "other", (first.fence, first.beat))
    before = jobs.get("a")
    with pytest.raises(LeaseLost):
        jobs.update("a", change)
    assert jobs.get("a") == before


def test_a_cancelled_job_stays_cancelled(ports: Ports) -> None:
    jobs, _ = ports
    jobs.create(job("a"))
    claim(jobs, "a")
    jobs.update("a", Job.cancelled)
    with pytest.raises(LeaseLost):
        jobs.update("a", lambda current: current.completed(1))
    with pytest.raises(Refused):
        jobs.update("a", Job.cancelled)
    with pytest.raises(Refused):
        claim(jobs, "a")


def test_an_unknown_job_is_neither_read_nor_written(ports: Ports) -> None:
    jobs, _ = ports
    assert jobs.get("none") is None
    with pytest.raises(KeyError):
        jobs.update("none", Job.cancelled)
    jobs.delete("none")


def test_of_many_claims_at_once_one_wins(ports: Ports) -> None:
    jobs, _ = ports
    jobs.create(job("a"))
    won: list[str] = []

    def run(name: str) -> None:
        try:
            claim(jobs, "a", name)
            won.append(name)
        except Refused:
            pass

    threads = [threading.Thread(target=run, args=(f"w{index}",)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_a_lease_that_stands_still_is_taken_over_and_one_that_beats_is_not(ports: Ports) -> None:
    jobs, queue = ports
    queue.put(jobs.create(job("a")))
    assert given(queue) == Delivery("a")
    claim(jobs, "a")
    beat_at = time.monotonic()
    end = beat_at + 3 * LEASE_S
    while time.monotonic() < end:
        delivery, stood_s = queue.take(), time.monotonic() - beat_at
        assert delivery is None or stood_s >= LEASE_S  # this machine itself may have stood still
        beat_at = time.monotonic()
        jobs.update("a", lambda current: current.renewed(1, "x", 0.1))
        time.sleep(LEASE_S / 5)
    seen = jobs.get("a")
    assert seen is not None
    assert given(queue) == Delivery("a", (seen.fence, seen.beat))
    assert claim(jobs, "a", "other", (seen.fence, seen.beat)).fence == 2


def test_what_waits_is_handed_out_in_order_and_the_urgent_first(ports: Ports) -> None:
    jobs, queue = ports
    for name, priority in (("a", 0), ("b", 0), ("c", 10)):
        queue.put(jobs.create(job(name, priority=priority)))
    order = []
    for _ in range(3):
        delivery = given(queue)
        claim(jobs, delivery.job_id)
        jobs.update(delivery.job_id, lambda current: current.completed(1))
        order.append(delivery.job_id)
    assert queue.take() is None
    assert order == ["c", "a", "b"]


def test_a_page_holds_the_owners_jobs_alone(ports: Ports) -> None:
    jobs, _ = ports
    for index in range(5):
        jobs.create(job(f"a{index}"))
    jobs.create(job("b", owner="ben"))
    first = jobs.page(Query("anna", limit=3))
    second = jobs.page(Query("anna", limit=3, cursor=first.next_cursor))
    assert [each.job_id for each in first.jobs + second.jobs] == ["a4", "a3", "a2", "a1", "a0"]
    assert second.next_cursor is None
    assert [each.job_id for each in jobs.page(Query("ben", status="queued")).jobs] == ["b"]
    assert jobs.page(Query("ben", status="failed")).jobs == ()


def test_an_idempotency_key_is_one_owners(ports: Ports) -> None:
    jobs, _ = ports
    jobs.create(job("a", idempotency_key="k"))
    assert jobs.create(job("b", idempotency_key="k")).job_id == "a"
    assert jobs.create(job("c", owner="ben", idempotency_key="k")).job_id == "c"
    assert jobs.get("b") is None
    jobs.delete("a")
    assert jobs.create(job("d", idempotency_key="k")).job_id == "d"


def test_what_is_over_is_found_by_its_age_and_its_callback(ports: Ports) -> None:
    jobs, _ = ports
    jobs.create(job("a", callback={"url": "https://example.com", "attempts": 0}))
    jobs.create(job("b"))
    assert list(jobs.callbacks_due(time.time())) == []
    for name in "ab":
        claim(jobs, name)
        jobs.update(name, lambda current: current.completed(1))
    assert [each.job_id for each in jobs.callbacks_due(time.time())] == ["a"]
    jobs.update("a", lambda current: current.with_callback({}))
    assert list(jobs.callbacks_due(time.time())) == []
    assert list(jobs.finished_before(time.time() - 60)) == []
    assert {each.job_id for each in jobs.finished_before(time.time() + 60)} == {"a", "b"}


def test_what_was_used_stays_known_when_the_job_is_removed(ports: Ports) -> None:
    jobs, _ = ports
    for name in ("a", "b"):
        jobs.create(job(name))
        claim(jobs, name)
        jobs.update(name, lambda current: current.completed(1, audio_s=30.0))
    jobs.delete("a")
    assert jobs.used_s("anna", time.time() - 60) == 60.0
    assert jobs.used_s("anna", time.time() + 60) == jobs.used_s("ben", 0) == 0.0


def test_waiting_jobs_are_counted_and_the_first_is_known(ports: Ports) -> None:
    jobs, _ = ports
    assert (jobs.n_queued(10), jobs.first_queued()) == (0, None)
    for name, priority in (("a", 0), ("b", 5), ("c", 5)):
        jobs.create(job(name, priority=priority))
    first = jobs.first_queued()
    assert first is not None
    assert (jobs.n_queued(10), jobs.n_queued(2), first.job_id) == (3, 2, "b")


def test_a_record_of_a_newer_version_is_read() -> None:
    made = job("a")
    assert Job.from_json(made.to_json()[:-1] + ',"colour":"red"}') == made
