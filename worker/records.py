"""What became of a job: its record in the store is the truth, whichever worker answers.

A job is taken with a conditional put, which gives a lease; the lease is renewed while the work goes on
and carries the progress. A worker that dies stops renewing, and another takes the job over. Every write
after the first names the version it replaces (ETag), so a worker that lost its lease cannot write over
its successor: that is the fence. docs/RELIABILITY.md says what follows from it.
"""
from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

from s3_utils import MissingKey, StorageError, Store, record_key
from worker.refusals import Conflict as Conflict
from worker.refusals import NotFound as NotFound

log = logging.getLogger(__name__)

State = Literal["queued", "in_progress", "completed", "failed", "cancelled"]
_POLL_S = 0.5
_PROGRESS_S = 2.0
_NEWS_S = 1.0
"""A record is not rewritten sooner than this: a job of a second has a first and a last write alone."""


class LeaseLost(Exception):
    """Another worker has taken the job over; what this one made is void."""

    def __init__(self) -> None:
        super().__init__("another worker has taken this job over; ask for its result")


@dataclass(frozen=True)
class Record:
    """`jobs/<job_id>.json`. Times are seconds since 1970; `output` has keys where the answer has URLs."""

    job_id: str
    endpoint: str
    fingerprint: str
    status: State
    created_at: float
    updated_at: float
    owner: str
    lease_until: float
    attempt: int = 1
    progress: float = 0.0
    stage: str = "queued"
    seed: int = 0
    finished_at: float | None = None
    error: str | None = None
    output: dict[str, Any] | None = None

    def to_bytes(self) -> bytes:
        return json.dumps(self.__dict__, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Record:
        """Fields that a newer worker has added are left aside: two versions share a bucket while one is rolled out."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in json.loads(data).items() if name in known})

    def changed(self, **changes: Any) -> Record:
        return Record(**{**self.__dict__, "updated_at": time.time(), **changes})


class Lease:
    """The right to do one job, renewed by a thread until it is finished or lost."""

    def __init__(self, store: Store, record: Record, etag: str, lease_s: float) -> None:
        self._store, self._lease_s = store, lease_s
        self._record, self._etag = record, etag
        self._progress, self._stage = record.progress, record.stage
        self._written_at = time.monotonic()
        self._lost = False
        self._mutex = threading.Lock()
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._renew, name=f"lease-{record.job_id}", daemon=True)
        self._thread.start()

    @property
    def seed(self) -> int:
        """The seed that the first attempt drew: a job that is done again sounds the same."""
        return self._record.seed

    def check(self) -> None:
        """Raises LeaseLost when the job is known to be no longer ours."""
        if self._lost:
            raise LeaseLost

    def hold(self) -> None:
        """Makes sure of a lease that may have run out unrenewed (a frozen machine, a store out of reach)."""
        if time.time() > self._record.lease_until:
            self.renew()

    def renew(self) -> None:
        """Raises LeaseLost when the job is another's or already completed, StorageError when that cannot be known."""
        self.check()
        self._write(lease_until=time.time() + self._lease_s)
        self.check()

    def report(self, stage: str, progress: float) -> None:
        """Notes where the work stands; a new stage is written within a second, else every few seconds."""
        news = stage != self._stage
        self._stage, self._progress = stage, max(self._progress, min(progress, 0.99))
        if news or time.monotonic() - self._written_at > _PROGRESS_S:
            self._wake.set()

    def complete(self, output: dict[str, Any]) -> None:
        """Raises LeaseLost when another worker's result stands; then ours must not be handed out."""
        self._finish(status="completed", progress=1.0, stage="done", output=output, error=None)

    def fail(self, status: State, error: str) -> None:
        try:
            self._finish(status=status, error=error)
        except (LeaseLost, StorageError) as cause:
            log.warning("the end of the job could not be written: %s", type(cause).__name__)

    def let_go(self) -> None:
        """No more renewals: a job that was not finished can be taken over when the lease runs out."""
        self._stopped.set()
        self._wake.set()

    def _finish(self, **changes: Any) -> None:
        self.let_go()
        self._thread.join()
        self._write(finished_at=time.time(), lease_until=0.0, **changes)
        self.check()

    def _renew(self) -> None:
        while not self._stopped.is_set() and not self._lost:
            if self._wake.wait(self._lease_s / 3):
                self._stopped.wait(self._written_at + min(_NEWS_S, self._lease_s / 3) - time.monotonic())
            self._wake.clear()
            if self._stopped.is_set():
                return
            try:
                self._write(progress=round(self._progress, 3), stage=self._stage,
                            lease_until=time.time() + self._lease_s)
            except StorageError as error:
                log.warning("renewing the lease failed, it will be tried again: %s", error)

    def _write(self, **changes: Any) -> None:
        with self._mutex:
            record = self._record.changed(**changes)
            etag = self._replace(self._etag, record)
            if etag is None and (ours := self._own_write()) is not None:
                etag = self._replace(ours, record)
            if etag is None:
                self._lost = True
                return
            self._record, self._etag = record, etag
            self._written_at = time.monotonic()

    def _replace(self, etag: str, record: Record) -> str | None:
        return self._store.put_if_match(record_key(record.job_id), record.to_bytes(), "application/json", etag)

    def _own_write(self) -> str | None:
        """The etag that stands, if this lease wrote it and all that got lost was the store's answer."""
        try:
            data, etag = self._store.get_with_etag(record_key(self._record.job_id))
        except MissingKey:
            return None
        seen = Record.from_bytes(data)
        mine = (self._record.owner, self._record.attempt, "in_progress")
        return etag if (seen.owner, seen.attempt, seen.status) == mine else None


class Records:
    """The records of one store, as one worker sees them."""

    def __init__(self, store: Store, *, lease_s: float) -> None:
        self._store, self._lease_s = store, lease_s
        self._owner = uuid.uuid4().hex

    def read(self, job_id: str) -> Record:
        """Raises NotFound."""
        try:
            return Record.from_bytes(self._store.get(record_key(job_id)))
        except MissingKey:
            raise NotFound(f"job {job_id} is not known here") from None

    def begin(self, job_id: str, endpoint: str, fingerprint: str, seed: int,
              wait: Callable[[], None]) -> Lease | Record:
        """Takes the job, or returns the record of it as completed by whoever did it.

        While another worker holds the job this waits, calling `wait` (which raises when the caller
        is to stop) between looks. Raises Conflict when the id belongs to another input.
        """
        now = time.time()
        fresh = Record(job_id, endpoint, fingerprint, "in_progress", now, now, self._owner,
                       now + self._lease_s, seed=seed, stage="started")
        etag = self._store.put_if_absent(record_key(job_id), fresh.to_bytes(), "application/json")
        while etag is None:
            data, seen_etag = self._store.get_with_etag(record_key(job_id))
            seen = Record.from_bytes(data)
            if seen.fingerprint != fingerprint:
                raise Conflict(f"job_id: {job_id} was used for another input; choose a new one")
            if seen.status == "completed":
                return seen
            if seen.status == "in_progress" and seen.lease_until > time.time():
                wait()
                time.sleep(_POLL_S)
                continue
            fresh = seen.changed(status="in_progress", owner=self._owner, attempt=seen.attempt + 1, error=None,
                                 finished_at=None, stage="started", progress=0.0,
                                 lease_until=time.time() + self._lease_s)
            etag = self._store.put_if_match(record_key(job_id), fresh.to_bytes(), "application/json", seen_etag)
        return Lease(self._store, fresh, etag, self._lease_s)


def status(records: Records, job_id: str) -> dict[str, Any]:
    """The answer of endpoint `status`.

    The job's error is `job_error`: the SDK takes a field named `error` out of every answer and calls the
    asking job itself failed (runpod 1.12 serverless/modules/rp_job.py, run_job).
    """
    record = records.read(job_id)
    return {
        "job_id": job_id,
        "status": record.status,
        "progress": record.progress,
        "stage": record.stage,
        "created_at": _iso(record.created_at),
        "updated_at": _iso(record.updated_at),
        "finished_at": _iso(record.finished_at),
        "job_error": record.error,
    }


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
