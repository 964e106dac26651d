"""The record of a job, its states, and the two ports behind which it is kept and handed out.

    queued -> in_progress -> completed | failed | cancelled
       |           |
       |           +-> queued       its worker is stopped in order
       +-> cancelled

`fence` counts who has had the job: a worker that lost its lease holds an old one, and whatever it writes is refused.
`beat` counts the renewals of the lease. That it stands still, on the observer's own clock, is how a lost worker is
noticed: clocks of two machines are never compared.
"""
from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, Protocol

State = Literal["queued", "in_progress", "completed", "failed", "cancelled"]
STATES: tuple[State, ...] = ("queued", "in_progress", "completed", "failed", "cancelled")
EXIT_STUCK = 75
"""With which a worker ends that cannot leave a cancelled job in another way."""
FINAL = frozenset({"completed", "failed", "cancelled"})


class Refused(Exception):
    """The job is not in a state from which this may happen; `status` is the one it is in."""

    def __init__(self, status: State) -> None:
        super().__init__(f"the job is {status}")
        self.status = status


class LeaseLost(Exception):
    """The job was cancelled, deleted or taken over; what this worker made of it is void."""


@dataclass(frozen=True)
class Job:
    """Times are seconds since 1970 and only shown. `request` is what the caller asked, as `requests.JobRequest` has it.

    `callback` is the state of the webhook: `url`, `attempts`, `due_at`; {} when there is none or it is over.
    """

    job_id: str
    owner: str
    request: dict[str, Any]
    status: State = "queued"
    created_at: float = field(default_factory=time.time)
    updated_at: float = field(default_factory=time.time)
    started_at: float | None = None
    finished_at: float | None = None
    idempotency_key: str | None = None
    fingerprint: str = ""
    priority: int = 0
    progress: float = 0.0
    stage: str = "queued"
    worker: str | None = None
    fence: int = 0
    beat: int = 0
    attempts: int = 0
    audio_bytes: int = 0
    audio_s: float | None = None
    engine: str | None = None
    error: dict[str, str] | None = None
    warnings: tuple[str, ...] = ()
    callback: dict[str, Any] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    def claimed(self, worker: str, seen: tuple[int, int] | None, max_attempts: int) -> Job:
        """Taken by `worker`: a queued job, or one whose lease stands still at `seen` (fence, beat). Raises Refused."""
        if self.status == "in_progress" and seen == (self.fence, self.beat):
            if self.attempts >= max_attempts:
                return self._final("failed", error={
                    "error_code": "PROCESSING_WORKER_LOST",
                    "error": f"the worker was lost {self.attempts} times while it did this job"})
        elif self.status != "queued":
            raise Refused(self.status)
        return self._changed(status="in_progress", worker=worker, fence=self.fence + 1, beat=0, progress=0.0,
                             stage="started", attempts=self.attempts + 1, started_at=self.started_at or time.time())

    def renewed(self, fence: int, stage: str, progress: float) -> Job:
        return self._held(fence)._changed(beat=self.beat + 1, stage=stage, progress=progress)

    def completed(self, fence: int, **facts: Any) -> Job:
        return self._held(fence)._final("completed", progress=1.0, stage="done", **facts)

    def failed(self, fence: int, error: dict[str, str], **facts: Any) -> Job:
        return self._held(fence)._final("failed", error=error, **facts)

    def put_back(self, fence: int) -> Job:
        """Back to the queue, where the worker is stopped in order: that is no failed attempt."""
        return self._held(fence)._changed(status="queued", stage="queued", progress=0.0, worker=None,
                                          attempts=self.attempts - 1)

    def cancelled(self) -> Job:
        if self.is_final:
            raise Refused(self.status)
        return self._final("cancelled")

    def with_callback(self, callback: dict[str, Any]) -> Job:
        return self._changed(callback=callback)

    def _held(self, fence: int) -> Job:
        if self.status != "in_progress" or self.fence != fence:
            raise LeaseLost
        return self

    def _final(self, status: State, **changes: Any) -> Job:
        due = {**self.callback, "due_at": 0.0} if self.callback else {}
        return self._changed(status=status, finished_at=time.time(), callback=due, **changes)

    def _changed(self, **changes: Any) -> Job:
        return replace(self, updated_at=time.time(), **changes)

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Job:
        """Fields that a newer version has added are left aside."""
        known = {each.name for each in fields(cls)}
        values = {name: value for name, value in json.loads(text).items() if name in known}
        return cls(**values | {"warnings": tuple(values.get("warnings", ()))})


@dataclass(frozen=True, slots=True)
class Query:
    """Which jobs of `owner` are listed, the newest first; `cursor` is the `next_cursor` of the page before."""

    owner: str
    status: State | None = None
    created_after: float | None = None
    created_before: float | None = None
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    jobs: tuple[Job, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """Of all owners. `oldest_queued_at` is seconds since 1970; `audio_s` is what was completed, and took `took_s`."""

    by_status: dict[State, int]
    oldest_queued_at: float | None
    audio_s: float
    took_s: float


class JobStore(Protocol):
    """Where records lie. Safe for several threads and processes; what is written is there after a crash."""

    poll_s: float
    """How often one record may be looked at: a cancelled job is noticed so soon."""

    def create(self, job: Job) -> Job:
        """Writes a new job; or returns the one that `owner` made before with the same `idempotency_key`."""
        ...

    def get(self, job_id: str) -> Job | None: ...

    def update(self, job_id: str, change: Callable[[Job], Job]) -> Job:
        """Replaces the job by `change(job)`, as one step; nothing is written when it raises. KeyError when unknown."""
        ...

    def delete(self, job_id: str) -> None: ...

    def page(self, query: Query) -> Page: ...

    def counts(self) -> Counts: ...

    def n_queued(self, limit: int) -> int:
        """How many jobs wait; at most `limit` are counted."""
        ...

    def first_queued(self) -> Job | None:
        """Of the jobs that wait the most urgent one, and of those the oldest."""
        ...

    def used_s(self, owner: str, since: float) -> float:
        """Seconds of audio that `owner` had done since then, those of removed jobs too."""
        ...

    def callbacks_due(self, now: float) -> Sequence[Job]: ...

    def finished_before(self, time_s: float) -> Sequence[Job]: ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """A job that may be done now. `seen` is the lease that stood still, None for a queued job."""

    job_id: str
    seen: tuple[int, int] | None = None


class Queue(Protocol):
    """Hands jobs out, each at least once. Only `Job.claimed` decides who does one."""

    @property
    def poll_s(self) -> float:
        """How long a worker that was given nothing waits until it asks again, if nobody wakes it."""
        ...

    def put(self, job: Job) -> None: ...

    def hold(self, job_id: str) -> None:
        """Somebody else was given this job's message and waits until the job is over."""
        ...

    def take(self) -> Delivery | None:
        """A job that waits, or one that was left behind; None when there is none just now."""
        ...

    def mend(self) -> None:
        """Puts back what fell out of the queue. Called now and then."""
        ...

    def close(self) -> None:
        """Gives back what was handed out and is not over."""
        ...


class Observer:
    """Notices, by its own clock, that the lease of a job stands still for `lease_s`."""

    def __init__(self, lease_s: float) -> None:
        self._lease_s = lease_s
        self._seen: dict[str, tuple[tuple[int, int], float]] = {}

    def stands_still(self, job: Job) -> bool:
        lease, now = (job.fence, job.beat), time.monotonic()
        before, since = self._seen.get(job.job_id, (None, now))
        if before != lease:
            self._seen[job.job_id] = (lease, now)
            return False
        return now - since >= self._lease_s

    def forget_all_but(self, job_ids: set[str]) -> None:
        self._seen = {job_id: seen for job_id, seen in self._seen.items() if job_id in job_ids}


def audio_key(job_id: str) -> str:
    return f"audio/{job_id}"


def result_key(job_id: str, fence: int) -> str:
    """Each attempt writes its own: a worker that lost its lease cannot write over its successor's."""
    return f"results/{job_id}/{fence}.json"
