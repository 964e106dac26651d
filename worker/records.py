"""What became of a job: its record in the store is the truth, whichever worker answers.

A job is taken with a conditional put, which gives a lease. The lease is renewed while the work goes on and carries the
progress. A worker that dies stops renewing: a record whose ETag has stood still for LEASE_S, on the observer's own
monotonic clock, is taken over. No wall clock is compared with another. Every write after the first names the version it
replaces, so a worker that lost its lease cannot write over its successor: that is the fence. docs/RELIABILITY.md says
what follows from it.
"""
from __future__ import annotations

import contextvars
import json
import logging
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal

from s3_utils import DEADLINE, Insistent, MissingKey, OutOfTime, StorageError, Store, delays, lines_key, record_key
from worker import VERSION, fingerprint
from worker.fingerprint import Fingerprint
from worker.refusals import Conflict as Conflict
from worker.refusals import NotFound as NotFound

log = logging.getLogger(__name__)

State = Literal["queued", "in_progress", "completed", "failed", "cancelled"]
_JSON = "application/json"
_LINES_EXPIRE_S = 3600
_POLL_S = 0.5
_LOOK_S = 0.1
_PROGRESS_S = 2.0
_NEWS_S = 1.0
"""A record is not rewritten sooner than this: a job of a second has a first and a last write alone."""
_CLOSE_S = 0.5
"""How long the answer of a failed job waits until its record says so too."""


class LeaseLost(Exception):
    """Another worker has taken the job over; what this one made is void."""

    def __init__(self) -> None:
        super().__init__("another worker has taken this job over; ask for its result")


@dataclass(frozen=True)
class Record:
    """`jobs/<job_id>.json`. Times are seconds since 1970; `output` has keys where the answer has URLs.

    `renewals` makes each version of the content another one, so that its ETag changes. `lease_s` is the patience that
    the owner counts on. `lease_until` is for workers up to version 0.1, which compare it with their clock.
    """

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
    fingerprint_version: int = 1
    renewals: int = 0
    lease_s: float = 0.0
    runpod_id: str | None = None
    pod_id: str | None = None
    version: str | None = None
    streams: bool = False

    def to_bytes(self) -> bytes:
        return json.dumps(self.__dict__, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Record:
        """Fields that a newer worker has added are left aside: two versions share a bucket while one is rolled out."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in json.loads(data).items() if name in known})

    def changed(self, **changes: Any) -> Record:
        return Record(**{**self.__dict__, "updated_at": time.time(), "renewals": self.renewals + 1, **changes})

    def after(self, earlier: Record, same: bool) -> Record:
        """The next attempt at a job whose earlier one is over. Of the same input it keeps the seed."""
        return self.changed(attempt=earlier.attempt + 1, created_at=earlier.created_at,
                            seed=earlier.seed if same else self.seed, renewals=earlier.renewals + 1)


@dataclass(frozen=True)
class Ending:
    """How a job failed, and the files that it had written."""

    status: State
    error: str
    keys: Sequence[str]


class Lease:
    """The right to do one job, renewed by a thread until it is finished or lost.

    What the job waits for (`complete`, `hold`) is tried again until the job must end; a renewal that fails is tried
    again later by the thread, which also closes a failed job once the storage answers again.
    """

    def __init__(self, store: Store, record: Record, etag: str, asked_at: float, check: Callable[[], None]) -> None:
        self._store, self._patient, self._must_end = store, Insistent(store, check), check
        self._lease_s = record.lease_s
        self._record, self._etag = record, etag
        self._progress, self._stage = record.progress, record.stage
        self.streams = False
        self._renewed_at, self._written_at = asked_at, time.monotonic()
        self._lost = False
        self._ending: Ending | None = None
        self._mutex = threading.Lock()
        self._wake, self._over, self._stopped = threading.Event(), threading.Event(), threading.Event()
        self.thread = threading.Thread(target=contextvars.copy_context().run, args=(self._keep,),
                                       name=f"lease-{record.job_id}", daemon=True)
        self.thread.start()

    @property
    def seed(self) -> int:
        """The seed that the first attempt drew: a job that is done again sounds the same."""
        return self._record.seed

    @property
    def attempt(self) -> int:
        return self._record.attempt

    def check(self) -> None:
        """Raises LeaseLost when the job is known to be no longer ours."""
        if self._lost:
            raise LeaseLost

    def hold(self) -> None:
        """Makes sure of a lease that may have run out unrenewed (a frozen machine, a store out of reach).

        Raises LeaseLost when the job is another's or already completed, StorageError when that cannot be known.
        """
        if time.monotonic() - self._renewed_at > self._lease_s:
            self.confirm()
        self.check()

    def confirm(self) -> None:
        """Renews now: what is done next is done by the job's owner. Raises LeaseLost, StorageError."""
        self._insist()
        self.check()

    def report(self, stage: str, progress: float) -> None:
        """Notes where the work stands; a new stage is written within a second, else every few seconds."""
        news = stage != self._stage
        self._stage, self._progress = stage, max(self._progress, min(progress, 0.99))
        if news or time.monotonic() - self._written_at > _PROGRESS_S:
            self._wake.set()

    def complete(self, output: dict[str, Any]) -> None:
        """Raises LeaseLost when another worker's result stands; then ours must not be handed out."""
        self._insist(status="completed", progress=1.0, stage="done", output=output, error=None,
                     finished_at=time.time(), lease_until=0.0)
        self.check()

    def fail(self, status: State, error: str, keys: Sequence[str] = ()) -> None:
        """Removes the files that the job has written and notes why it failed, unless another worker has the job.

        Where the storage does not answer, the thread goes on trying for as long as the worker lives.
        """
        self._ending = Ending(status, error, keys)
        self._over.set()
        self._wake.set()
        self.thread.join(_CLOSE_S)
        if self.thread.is_alive():
            log.warning("the record of the failed job is closed when the storage answers again")

    def let_go(self) -> None:
        """No more renewals: a job that was not finished can be taken over."""
        self._stopped.set()
        self._over.set()
        self._wake.set()

    def _keep(self) -> None:
        """Renews until the job ends. A storage that fails is left alone for longer each time."""
        pauses: Iterator[float] | None = None
        while not (self._lost or self._stopped.is_set()):
            self._pause(next(pauses) if pauses else None)
            DEADLINE.set(time.monotonic() + self._lease_s * 2 / 3)  # A renewal that comes later is worth nothing.
            try:
                self._close(self._ending) if self._ending else self._renew()
                pauses = None
            except StorageError as error:
                if pauses is None:
                    log.warning("writing the job's record failed, it will be tried again: %s", error)
                pauses = pauses or delays(self._lease_s * 2 / 3)
                if self._ending and not error.transient:
                    self.let_go()

    def _pause(self, retry_in_s: float | None) -> None:
        if retry_in_s is not None:
            self._stopped.wait(retry_in_s)
        elif not self._over.is_set() and self._wake.wait(self._lease_s / 3):
            self._over.wait(self._written_at + min(_NEWS_S, self._lease_s / 3) - time.monotonic())
        self._wake.clear()

    def _insist(self, **changes: Any) -> None:
        """Writes for the job, which may have to end while a renewal that began before still waits for its answer."""
        while not self._mutex.acquire(timeout=_LOOK_S):
            try:
                self._must_end()
            except OutOfTime:
                raise StorageError("the storage did not answer in time; try again later", "Timeout",
                                   transient=True) from None
        try:
            self._write(self._patient, **changes)
        finally:
            self._mutex.release()

    def _renew(self) -> None:
        with self._mutex:
            self._write(self._store, progress=round(self._progress, 3), stage=self._stage)

    def _close(self, ending: Ending) -> None:
        """The lease is renewed first: files that may be a successor's by now are not removed."""
        self._renew()
        if self._lost:
            log.warning("the failed job is left as it stands: another worker has it")
            return
        for key in ending.keys:
            self._store.delete(key)
        with self._mutex:
            self._write(self._store, status=ending.status, error=ending.error, finished_at=time.time(), lease_until=0.0)

    def _write(self, store: Store, **changes: Any) -> None:
        """For whoever holds the mutex."""
        if self._stopped.is_set() or self._lost:
            return
        state = {"lease_until": time.time() + self._lease_s, "streams": self.streams}
        record = self._record.changed(**state | changes)
        asked_at = time.monotonic()
        etag = self._replace(store, self._etag, record)
        if etag is None and (ours := self._own_write(store)) is not None:
            etag = self._replace(store, ours, record)
        if etag is None:
            self._lost = True
            return
        self._record, self._etag = record, etag
        self._renewed_at, self._written_at = asked_at, time.monotonic()
        if record.status != "in_progress":
            self.let_go()

    @staticmethod
    def _replace(store: Store, etag: str, record: Record) -> str | None:
        return store.put_if_match(record_key(record.job_id), record.to_bytes(), _JSON, etag)

    def _own_write(self, store: Store) -> str | None:
        """The etag that stands, if this lease wrote it and all that got lost was the store's answer."""
        try:
            data, etag = store.get_with_etag(record_key(self._record.job_id))
        except MissingKey:
            return None
        seen = Record.from_bytes(data)
        mine = (self._record.owner, self._record.attempt, "in_progress")
        return etag if (seen.owner, seen.attempt, seen.status) == mine else None


class Watch:
    """For how long an observer has seen one ETag stand still.

    Only time between looks that follow one another counts: a gap (the observer frozen, the storage out of reach) may
    hide renewals, or hinder the owner from making them.
    """

    def __init__(self) -> None:
        self._etag, self._looked_at, self._stood_s = "", 0.0, 0.0

    def stood_s(self, etag: str) -> float:
        now = time.monotonic()
        self._stood_s = self._stood_s + min(now - self._looked_at, 4 * _POLL_S) if etag == self._etag else 0.0
        self._etag, self._looked_at = etag, now
        return self._stood_s


class Records:
    """The records of one store, as one worker sees them; `pod_id` is RunPod's name of this worker."""

    def __init__(self, store: Store, *, lease_s: float, pod_id: str | None = None) -> None:
        self._store, self._lease_s, self._pod_id = store, lease_s, pod_id
        self._leases: weakref.WeakSet[Lease] = weakref.WeakSet()

    def read(self, job_id: str) -> Record:
        """Raises NotFound."""
        try:
            return Record.from_bytes(self._store.get(record_key(job_id)))
        except MissingKey:
            raise NotFound(f"job {job_id} is not known here") from None

    def begin(self, job_id: str, endpoint: str, request: Fingerprint, seed: int, check: Callable[[], None],
              runpod_id: str | None = None, again: Callable[[Record], bool] | None = None) -> Lease | Record:
        """Takes the job, or returns the record of it as completed by whoever did it.

        While another worker holds the job this waits, calling `check` (which raises when the caller is to stop)
        between looks. A failed job may be tried again, also with another input; a completed one for which `again`
        holds is done anew, unless it was waited for. Raises Conflict when the id belongs to another input,
        StorageError when the storage refuses, or fails until the caller is to stop.
        """
        waited = False
        store, watch, key = Insistent(self._store, check), Watch(), record_key(job_id)
        record, asked_at = self._first(job_id, endpoint, request, seed, runpod_id), time.monotonic()
        etag = store.put_if_absent(key, record.to_bytes(), _JSON)
        while etag is None:
            asked_at, found = time.monotonic(), _found(store, key)
            if found is None:
                etag = store.put_if_absent(key, record.to_bytes(), _JSON)
                continue
            seen, seen_etag = found
            same = request.matches(seen.fingerprint, seen.fingerprint_version, seen.output)
            if not same and seen.status not in ("failed", "cancelled"):
                raise Conflict(f"job_id: {job_id} was used for another input; choose a new one")
            if seen.status == "completed" and (waited or again is None or not again(seen)):
                return seen
            if seen.status == "in_progress" and watch.stood_s(seen_etag) < max(self._lease_s, seen.lease_s):
                waited = True
                check()
                time.sleep(_POLL_S)
                continue
            record = record.after(seen, same)
            etag = store.put_if_match(key, record.to_bytes(), _JSON, seen_etag)
        lease = Lease(self._store, record, etag, asked_at, check)
        self._leases.add(lease)
        return lease

    def lines_url(self, job_id: str) -> str:
        """Of the lines that a job has streamed so far."""
        return self._store.presign(lines_key(job_id), _LINES_EXPIRE_S, f"{job_id}.lines.json", _JSON)

    def settle(self, timeout_s: float) -> None:
        """Waits for the records of failed jobs that could not be closed yet; called before the worker ends."""
        end = time.monotonic() + timeout_s
        for lease in list(self._leases):
            lease.thread.join(max(0.0, end - time.monotonic()))

    def _first(self, job_id: str, endpoint: str, request: Fingerprint, seed: int, runpod_id: str | None) -> Record:
        now = time.time()
        return Record(job_id, endpoint, request.digest, "in_progress", now, now, uuid.uuid4().hex, now + self._lease_s,
                      seed=seed, stage="started", fingerprint_version=fingerprint.VERSION, lease_s=self._lease_s,
                      runpod_id=runpod_id, pod_id=self._pod_id, version=VERSION)


def _found(store: Store, key: str) -> tuple[Record, str] | None:
    try:
        data, etag = store.get_with_etag(key)
    except MissingKey:
        return None
    return Record.from_bytes(data), etag


def status(records: Records, job_id: str) -> dict[str, Any]:
    """The answer of endpoint `status`.

    The job's error is `job_error`: the SDK takes a field named `error` out of every answer and calls the
    asking job itself failed (runpod 1.12 serverless/modules/rp_job.py, run_job).
    """
    record = records.read(job_id)
    streamed = record.streams and record.status in ("in_progress", "completed")
    return {
        "job_id": job_id,
        "status": record.status,
        "progress": record.progress,
        "stage": record.stage,
        "created_at": _iso(record.created_at),
        "updated_at": _iso(record.updated_at),
        "finished_at": _iso(record.finished_at),
        "job_error": record.error,
        **({"lines_url": records.lines_url(job_id)} if streamed else {}),
    }


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
