"""Records that nobody works on and nobody will send again: found by standing still, and closed under the fence."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from s3_utils import MissingKey, Store
from worker.records import Record

ERROR = "INTERNAL: its worker ended before the job was done; send it again with its job_id"
_READERS = 16
Seen = tuple[Record, str]


def stuck(store: Store, lease_s: float, wait: Callable[[float], None] = time.sleep) -> dict[str, Seen]:
    """Records in progress, by their keys, that did not change between two looks that are a lease and more apart.

    Takes a lease's time, by this machine's own clock, and reads every record of the store once.
    """
    first = _in_progress(store, list(_keys(store)))
    if not first:
        return {}
    wait(max(lease_s, *(record.lease_s for record, _ in first.values())) * 1.5)
    second = _in_progress(store, list(first))
    return {key: seen for key, seen in second.items() if seen[1] == first[key][1]}


def close(store: Store, key: str, seen: Seen) -> bool:
    """Marks a stuck job as failed; False if a worker has taken it up since."""
    record, etag = seen
    closed = record.changed(status="failed", error=ERROR, finished_at=time.time(), lease_until=0.0)
    return store.put_if_match(key, closed.to_bytes(), "application/json", etag) is not None


def row(key: str, seen: Seen) -> dict[str, Any]:
    """What an operator is shown of a stuck job."""
    record = seen[0]
    return {"job_id": record.job_id, "key": key, "stage": record.stage, "attempt": record.attempt,
            "runpod_id": record.runpod_id, "pod_id": record.pod_id, "version": record.version,
            "updated_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.updated_at))}


def _keys(store: Store) -> Iterator[str]:
    cursor = None
    while True:
        page = store.list("jobs/", cursor=cursor)
        yield from (entry.key for entry in page.entries if entry.key.endswith(".json"))
        if page.next_cursor is None:
            return
        cursor = page.next_cursor


def _in_progress(store: Store, keys: list[str]) -> dict[str, Seen]:
    with ThreadPoolExecutor(_READERS) as readers:
        found = zip(keys, readers.map(lambda key: _read(store, key), keys), strict=True)
        return {key: seen for key, seen in found if seen is not None and seen[0].status == "in_progress"}


def _read(store: Store, key: str) -> Seen | None:
    """None where there is no record of a job (deleted meanwhile, or another file)."""
    try:
        data, etag = store.get_with_etag(key)
    except MissingKey:
        return None
    try:
        return Record.from_bytes(data), etag
    except (ValueError, TypeError, AttributeError):
        return None
