from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from s3_utils import FolderStore, record_key
from worker.records import Conflict, Lease, LeaseLost, NotFound, Record, Records, status


def never() -> None:
    raise AssertionError("did not expect to wait")


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def begin(records: Records, job_id: str = "a", fingerprint: str = "f", wait: object = never) -> Lease | Record:
    return records.begin(job_id, "generate", fingerprint, 7, wait)  # type: ignore[arg-type]


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
        begin(Records(store, lease_s=30), fingerprint="other")


def test_a_failed_job_may_be_tried_again_with_the_seed_it_drew(store: FolderStore) -> None:
    first = begin(Records(store, lease_s=30))
    assert isinstance(first, Lease)
    first.fail("failed", "ENGINE_FAILED: x")
    assert status(Records(store, lease_s=30), "a")["job_error"] == "ENGINE_FAILED: x"
    second = Records(store, lease_s=30).begin("a", "generate", "f", 99, never)
    assert isinstance(second, Lease)
    assert second.seed == 7
    second.complete({})
    assert status(Records(store, lease_s=30), "a")["status"] == "completed"


def test_a_second_worker_waits_for_the_first_and_gets_its_result(store: FolderStore) -> None:
    first = begin(Records(store, lease_s=30))
    assert isinstance(first, Lease)
    waited = threading.Event()
    results: list[object] = []
    other = threading.Thread(target=lambda: results.append(begin(Records(store, lease_s=30), wait=waited.set)))
    other.start()
    assert waited.wait(10)
    first.complete({"duration": 2.0})
    other.join(10)
    assert isinstance(results[0], Record)
    assert results[0].output == {"duration": 2.0}


def test_a_dead_workers_job_is_taken_over_and_its_ghost_cannot_finish(store: FolderStore,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lease, "_renew", lambda self: None)  # the first worker hangs: it renews nothing
    ghost = begin(Records(store, lease_s=0.2))
    monkeypatch.undo()
    assert isinstance(ghost, Lease)
    heir = begin(Records(store, lease_s=30), wait=lambda: None)
    assert isinstance(heir, Lease)
    heir.complete({"by": "heir"})
    with pytest.raises(LeaseLost):
        ghost.complete({"by": "ghost"})
    assert Records(store, lease_s=30).read("a").output == {"by": "heir"}


def test_a_lease_is_renewed_for_as_long_as_the_work_goes_on(store: FolderStore) -> None:
    lease = begin(Records(store, lease_s=0.6))
    assert isinstance(lease, Lease)
    first_until = Records(store, lease_s=1).read("a").lease_until
    time.sleep(1.0)
    assert Records(store, lease_s=1).read("a").lease_until > first_until
    lease.check()
    lease.complete({})


def test_one_of_many_workers_gets_the_job(store: FolderStore) -> None:
    taken: list[Lease] = []

    class Stop(Exception):
        pass

    def stop() -> None:
        raise Stop

    def compete() -> None:
        try:
            lease = begin(Records(store, lease_s=30), wait=stop)
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
