from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from s3_utils import FolderStore, record_key
from worker import sweep
from worker.fingerprint import Fingerprint
from worker.records import Lease, Records


def begin(store: FolderStore, job_id: str) -> Lease:
    lease = Records(store, lease_s=0.6).begin(job_id, "generate", Fingerprint("f", "text"), 7, lambda: None)
    assert isinstance(lease, Lease)
    return lease


def test_what_stands_still_is_listed_and_closed_and_nothing_else(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    store = FolderStore(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Lease, "_keep", lambda lease: None)
        dead, revived = begin(store, "dead"), begin(store, "revived")
    alive, done = begin(store, "alive"), begin(store, "done")
    done.complete({"text": "text"})
    store.put("jobs/note.json", b"[]", "application/json")
    found = sweep.stuck(store, 0.6)
    assert set(found) == {record_key("dead"), record_key("revived")}
    again = begin(store, "revived")
    command = [sys.executable, "cli.py", "sweep", "--close"]
    env = {**os.environ, "DATA_DIR": str(tmp_path), "LEASE_S": "1"}
    lines = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [(row["job_id"], row["closed"]) for row in map(json.loads, lines)] == [("dead", True)]
    assert not sweep.close(store, record_key("revived"), found[record_key("revived")])
    record = Records(store, lease_s=1).read("dead")
    assert (record.status, record.error) == ("failed", sweep.ERROR)
    for lease in (alive, again):
        lease.complete({"text": "text"})
    for lease in (dead, revived):
        lease.let_go()
