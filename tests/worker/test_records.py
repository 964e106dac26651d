from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from s3_utils import FolderStore, record_key
from worker.fingerprint import Fingerprint
from worker.records import Conflict, Lease, LeaseLost, NotFound, Record, Records, Watch, status


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def begin(records: Records, job_id: str = "a", text: str = "f", check: Callable[[], None] | None = None,
          seed: int = 7) -> Lease | Record:
    """Without a `check` of its own it must not wait for anybody."""
    began, taken = time.monotonic(), threading.Event()

    def impatient() -> None:
        assert taken.is_set() or time.monotonic() - began < 3, "did not expect to wait"

    lease = records.begin(job_id, "generate", Fingerprint.of("generate", {"text": text}, text), seed,
                          check or impatient)
    taken.set()
    return lease


def test_a_finished_job_is_not_done_again(store: FolderStore) -> None:
    lease = begin(Records(store, lease_s=30))
    assert isinstance(lease, Lease)
    lease.complete({"duration": 1.5})
    again = begin(Records(store, lease_s=30))
    assert isinstance(again, Record)
    assert again.output == {"duration": 1.5}


def test_an_id_belongs_to_its_first_input(store: FolderStore) -> None:
    lease = begin(Records(store, lease_s=30))
    assert isinstance(lease, Lease)
    lease.complete({})
    with pytest.raises(Conflict, match="choose a new one"):
        begin(Records(store, lease_s=30), text="other")


def test_a_failed_job_may_be_tried_again_with_the_seed_it_drew(store: FolderStore) -> None:
    first = begin(Records(store, lease_s=30))
    assert isinstance(first, Lease)
    first.fail("failed", "ENGINE_FAILED: x")
    assert status(Records(store, lease_s=30), "a")["job_error"] == "ENGINE_FAILED: x"
    second = begin(Records(store, lease_s=30), seed=99)
    assert isinstance(second, Lease)
    assert (second.seed, second.attempt) == (7, 2)
    second.complete({})
    assert status(Records(store, lease_s=30), "a")["status"] == "completed"


def test_a_second_worker_waits_for_the_first_and_gets_its_result(store: FolderStore) -> None:
    first = begin(Records(store, lease_s=30))
    assert isinstance(first, Lease)
    waited = threading.Event()
    results: list[object] = []
    other = threading.Thread(target=lambda: results.append(begin(Records(store, lease_s=30), check=waited.set)))
    other.start()
    assert waited.wait(10)
    first.complete({"duration": 2.0})
    other.join(10)
    assert isinstance(results[0], Record)
    assert results[0].output == {"duration": 2.0}


@pytest.mark.parametrize("ahead_s", [0, 600, -600])
def test_a_dead_workers_job_is_taken_over_and_its_ghost_cannot_finish(
        store: FolderStore, monkeypatch: pytest.MonkeyPatch, ahead_s: int) -> None:
    """Whatever its clock said: only how long the record stands still counts."""
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + ahead_s)
    monkeypatch.setattr(Lease, "_keep", lambda self: None)  # the first worker hangs: it renews nothing
    ghost = begin(Records(store, lease_s=0.6))
    monkeypatch.undo()
    assert isinstance(ghost, Lease)
    started = time.monotonic()
    heir = begin(Records(store, lease_s=0.6), check=lambda: None)
    assert 0.6 <= time.monotonic() - started < 30
    assert isinstance(heir, Lease)
    heir.complete({"by": "heir"})
    with pytest.raises(LeaseLost):
        ghost.complete({"by": "ghost"})
    assert Records(store, lease_s=30).read("a").output == {"by": "heir"}


@pytest.mark.parametrize("ahead_s", [600, -600])
def test_a_worker_whose_clock_is_wrong_is_not_robbed_and_robs_nobody(
        store: FolderStore, monkeypatch: pytest.MonkeyPatch, ahead_s: int) -> None:
    now, waited = time.time, threading.Event()
    owner = begin(Records(store, lease_s=0.6))
    assert isinstance(owner, Lease)
    monkeypatch.setattr(time, "time", lambda: now() + ahead_s)
    answers: list[Lease | Record] = []
    other = threading.Thread(target=lambda: answers.append(begin(Records(store, lease_s=0.6), check=waited.set)))
    other.start()
    time.sleep(2.5)
    assert waited.is_set()
    owner.check()
    owner.complete({"by": "owner"})
    other.join(10)
    assert isinstance(answers[0], Record)
    assert (answers[0].output, answers[0].attempt) == ({"by": "owner"}, 1)


def test_time_in_which_the_storage_could_not_be_read_does_not_count_against_the_owner(
        monkeypatch: pytest.MonkeyPatch) -> None:
    watch, clock = Watch(), [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    watch.stood_s("a")
    clock[0] += 60
    assert watch.stood_s("a") <= 2
    for _ in range(10):
        clock[0] += 0.5
        stood_s = watch.stood_s("a")
    assert stood_s == pytest.approx(7.0)
    assert watch.stood_s("b") == 0


def test_a_record_of_the_version_before_is_one_with_its_job_sent_again(store: FolderStore) -> None:
    """`record_v1.json` was written by the code as it was before fingerprints had a version."""
    kept = (Path(__file__).parent / "record_v1.json").read_bytes()
    text = json.loads(kept)["output"]["text"]
    store.put(record_key("a"), kept, "application/json")
    done = begin(Records(store, lease_s=0.3), text=text)
    assert isinstance(done, Record)
    with pytest.raises(Conflict):
        begin(Records(store, lease_s=0.3), text="another")
    halfway = {**json.loads(kept), "status": "in_progress", "output": None, "lease_until": time.time() + 600}
    store.put(record_key("a"), json.dumps(halfway).encode(), "application/json")
    lease = begin(Records(store, lease_s=0.3), text=text, check=lambda: None)
    assert isinstance(lease, Lease)
    assert (lease.seed, lease.attempt) == (halfway["seed"], halfway["attempt"] + 1)
    lease.complete({})


def test_a_job_that_fails_right_after_a_new_stage_is_closed_before_it_is_answered(
        store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.records._NEWS_S", 9.0)
    monkeypatch.setattr("worker.records._CLOSE_S", 9.0)
    lease = begin(Records(store, lease_s=30))
    assert isinstance(lease, Lease)
    lease.report("speak", 0.1)
    time.sleep(0.1)  # the new stage waits for its turn: a record is not rewritten at once
    started = time.monotonic()
    lease.fail("failed", "ENGINE_FAILED: x")
    assert time.monotonic() - started < 5
    assert status(Records(store, lease_s=30), "a")["status"] == "failed"


def test_a_failed_id_may_be_used_for_a_corrected_input(store: FolderStore) -> None:
    first = begin(Records(store, lease_s=30), text="wrong")
    assert isinstance(first, Lease)
    first.fail("failed", "INVALID_INPUT: x")
    second = begin(Records(store, lease_s=30), text="right", seed=9)
    assert isinstance(second, Lease)
    assert second.seed == 9
    second.complete({"text": "right"})
    with pytest.raises(Conflict):
        begin(Records(store, lease_s=30), text="wrong")


def test_a_lease_is_renewed_for_as_long_as_the_work_goes_on(store: FolderStore) -> None:
    lease = begin(Records(store, lease_s=0.6))
    assert isinstance(lease, Lease)
    first = Records(store, lease_s=1).read("a").renewals
    deadline = time.monotonic() + 10
    while Records(store, lease_s=1).read("a").renewals < first + 5 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert Records(store, lease_s=1).read("a").renewals >= first + 5
    lease.check()
    lease.complete({})


def test_one_of_many_workers_gets_the_job(store: FolderStore) -> None:
    taken: list[Lease] = []

    class Stop(Exception):
        pass

    def stop() -> None:
        if taken and threading.current_thread() in threads:
            raise Stop

    def compete() -> None:
        try:
            lease = begin(Records(store, lease_s=30), check=stop)
        except Stop:
            return
        assert isinstance(lease, Lease)
        taken.append(lease)

    threads = [threading.Thread(target=compete) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 1
    taken[0].complete({})


def test_progress_is_in_the_record_and_never_runs_backwards(store: FolderStore) -> None:
    records = Records(store, lease_s=30)
    lease = begin(records)
    assert isinstance(lease, Lease)
    lease.report("speak", 0.5)
    deadline = time.monotonic() + 10
    while status(records, "a")["stage"] != "speak" and time.monotonic() < deadline:
        time.sleep(0.02)
    lease.report("align", 0.2)
    while status(records, "a")["stage"] != "align" and time.monotonic() < deadline:
        time.sleep(0.02)
    seen = status(records, "a")
    assert (seen["status"], seen["progress"], seen["stage"]) == ("in_progress", 0.5, "align")
    lease.complete({})
    assert status(records, "a")["progress"] == 1.0


def test_an_unknown_job_is_not_found(store: FolderStore) -> None:
    with pytest.raises(NotFound):
        Records(store, lease_s=30).read("nothing")
    assert store.head(record_key("nothing")) is None


def test_a_record_of_a_newer_worker_is_read(store: FolderStore) -> None:
    lease = begin(Records(store, lease_s=30))
    assert isinstance(lease, Lease)
    lease.complete({"duration": 1.0})
    kept = json.loads(store.get(record_key("a")))
    store.put(record_key("a"), json.dumps({**kept, "gpu_seconds": 3}).encode(), "application/json")
    assert Records(store, lease_s=30).read("a").output == {"duration": 1.0}
