"""Jobs in Firestore, for several machines.

Each change is one commit that Firestore carries out only if the record is still the version that was read: its own
`update_time` says so, no clock of ours. That is a transaction without locks: a machine that dies holding one holds
nobody up, and who lost the race reads again. `fence` in the record does the rest (see `record`).
"""
from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from transcription import logs
from transcription.errors import ApiError, invalid
from transcription.jobs.record import STATES, Counts, Job, Page, Query

log = logs.logger(__name__)

MAX_RECORD_BYTES = 900_000
"""A document of Firestore's has at most 1 MiB; what a job adds to its record as it goes needs room too."""
USAGE_KEPT = timedelta(days=2)
_TIMEOUT_S = 20.0
_CALL = {"timeout": _TIMEOUT_S, "retry": Retry(
    if_exception_type(exceptions.ServiceUnavailable, exceptions.InternalServerError, exceptions.ResourceExhausted),
    initial=0.1, maximum=2.0, timeout=_TIMEOUT_S)}
"""With the library's own retries a request would wait for minutes."""
_ATTEMPTS = 12
_PAUSE_S = 0.05
_LOST_RACE = (exceptions.FailedPrecondition, exceptions.Conflict, exceptions.NotFound)
"""How a commit is refused whose record is no longer what was read."""


class FirestoreJobs:
    """A `JobStore`. Collections: `jobs`, `idempotency` (key -> job) and `usage` (what each job used, kept two days)."""

    poll_s = 0.5

    def __init__(self, project: str, database: str) -> None:
        self._client: Any = firestore.Client(project=project, database=database)
        self._jobs = self._client.collection("jobs")

    def create(self, job: Job) -> Job:
        if len(job.to_json().encode("utf-8", "surrogatepass")) > MAX_RECORD_BYTES:
            raise invalid("initial_transcript", f"a job's fields are at most {MAX_RECORD_BYTES} bytes", "too_large")
        for attempt in range(_ATTEMPTS):
            earlier, option = self._made_before(job)
            if earlier is not None:
                return earlier
            batch = self._client.batch()
            batch.create(self._jobs.document(job.job_id), _fields(job))
            if job.idempotency_key is not None:
                key, target = self._once(job), {"job_id": job.job_id}
                batch.update(key, target, option=option) if option else batch.create(key, target)
            if self._committed(batch, attempt):
                return job
            if self.get(job.job_id) is not None:  # the answer to an earlier go was lost
                return job
        raise _unreachable()

    def get(self, job_id: str) -> Job | None:
        with _google_errors():
            found = self._jobs.document(job_id).get(**_CALL)
        return _job(found) if found.exists else None

    def update(self, job_id: str, change: Callable[[Job], Job]) -> Job:
        reference, written = self._jobs.document(job_id), ""
        for attempt in range(_ATTEMPTS):
            with _google_errors():
                found = reference.get(**_CALL)
            if not found.exists:
                raise KeyError(job_id)
            job = _job(found)
            if found.get("record") == written:  # it was we: only the answer was lost
                return job
            changed = change(job)
            written = changed.to_json()
            batch = self._client.batch()
            batch.update(reference, _fields(changed), option=self._client.write_option(
                last_update_time=found.update_time))
            if changed.status == "completed" and changed.audio_s:
                batch.set(self._client.collection("usage").document(job_id), _usage(changed))
            if self._committed(batch, attempt):
                return changed
        raise _unreachable()

    def delete(self, job_id: str) -> None:
        job = self.get(job_id)
        if job is not None:
            batch = self._client.batch()
            batch.delete(self._jobs.document(job_id))
            if job.idempotency_key is not None:
                batch.delete(self._once(job))
            with _google_errors():
                batch.commit(**_CALL)

    def page(self, query: Query) -> Page:
        found = self._jobs.where(filter=FieldFilter("owner", "==", query.owner))
        for field, operator, value in (("status", "==", query.status), ("created_us", ">=", _us(query.created_after)),
                                       ("created_us", "<", _us(query.created_before))):
            found = found if value is None else found.where(filter=FieldFilter(field, operator, value))
        found = found.order_by("created_us", direction="DESCENDING").order_by("__name__", direction="DESCENDING")
        if query.cursor is not None:
            created_us, _, job_id = query.cursor.partition("-")
            found = found.start_after({"created_us": int(created_us), "__name__": job_id or "\x01"})
        jobs = self._read(found.limit(query.limit + 1))
        last = jobs[query.limit - 1] if len(jobs) > query.limit else None
        return Page(tuple(jobs[:query.limit]), f"{_us(last.created_at)}-{last.job_id}" if last else None)

    def counts(self) -> Counts:
        by_status = {state: int(_value(self._with_status(state).count())) for state in STATES}
        oldest = self._read(self._with_status("queued").order_by("created_us").limit(1))
        return Counts(by_status, oldest[0].created_at if oldest else None,
                      _value(self._jobs.sum("audio_s")), _value(self._jobs.sum("took_s")))

    def n_queued(self, limit: int) -> int:
        return int(_value(self._with_status("queued").limit(limit).count()))

    def first_queued(self) -> Job | None:
        waiting = self._with_status("queued").order_by("priority", direction="DESCENDING").order_by("created_us")
        return next(iter(self._read(waiting.limit(1))), None)

    def used_s(self, owner: str, since: float) -> float:
        """`at` is Firestore's clock, `since` ours: a quota of a day does not mind the difference."""
        used = self._client.collection("usage").where(filter=FieldFilter("owner", "==", owner)).where(
            filter=FieldFilter("at", ">=", datetime.fromtimestamp(since, UTC)))
        return _value(used.sum("audio_s"))

    def callbacks_due(self, now: float) -> Sequence[Job]:
        due = self._jobs.where(filter=FieldFilter("callback_due_at", "<=", now))
        return self._read(due.order_by("callback_due_at").limit(20))

    def finished_before(self, time_s: float) -> Sequence[Job]:
        return self._read(self._jobs.where(filter=FieldFilter("finished_at", "<", time_s)).limit(100))

    def _with_status(self, status: str) -> Any:
        return self._jobs.where(filter=FieldFilter("status", "==", status))

    def _read(self, query: Any) -> list[Job]:
        with _google_errors():
            return [_job(found) for found in query.stream(**_CALL)]

    def _once(self, job: Job) -> Any:
        """The document that one key of one owner has; its name tells neither."""
        name = hashlib.sha256(f"{job.owner}\0{job.idempotency_key}".encode()).hexdigest()
        return self._client.collection("idempotency").document(name)

    def _made_before(self, job: Job) -> tuple[Job | None, Any]:
        """The job that this key made; else, where the key is known and its job gone, how to take it over."""
        if job.idempotency_key is None:
            return None, None
        with _google_errors():
            found = self._once(job).get(**_CALL)
        if not found.exists:
            return None, None
        return self.get(found.get("job_id")), self._client.write_option(last_update_time=found.update_time)

    def _committed(self, batch: Any, attempt: int) -> bool:
        """False, after a pause, when somebody else was first."""
        with _google_errors():
            try:
                batch.commit(**_CALL)
            except _LOST_RACE:
                time.sleep(random.random() * _PAUSE_S * 2 ** min(attempt, 5))
                return False
        return True


@contextmanager
def _google_errors() -> Iterator[None]:
    """Google's own words may hold names and are left out of the answer. (A missing index is a FailedPrecondition.)"""
    try:
        yield
    except exceptions.GoogleAPIError as error:
        log.warning("firestore_failed", kind=type(error).__name__)
        raise _unreachable() from None


def _unreachable() -> ApiError:
    return ApiError("INFRASTRUCTURE_STATE", "the table of jobs could not be reached; try again")


def _fields(job: Job) -> dict[str, Any]:
    """The record, and beside it what is asked for."""
    done = job.status == "completed" and job.finished_at is not None and job.started_at is not None
    return {"owner": job.owner, "status": job.status, "priority": job.priority, "created_us": _us(job.created_at),
            "finished_at": job.finished_at, "audio_s": job.audio_s,
            "callback_due_at": job.callback.get("due_at") if job.is_final else None,
            "took_s": (job.finished_at or 0.0) - (job.started_at or 0.0) if done else None, "record": job.to_json()}


def _usage(job: Job) -> dict[str, Any]:
    return {"owner": job.owner, "audio_s": job.audio_s, "at": firestore.SERVER_TIMESTAMP,
            "expires_at": datetime.now(UTC) + USAGE_KEPT}


def _job(found: Any) -> Job:
    return Job.from_json(found.get("record"))


def _us(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1e6)


def _value(aggregation: Any) -> float:
    with _google_errors():
        return float(aggregation.get(**_CALL)[0][0].value or 0.0)
