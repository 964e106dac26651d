"""Jobs in one SQLite file, for one machine: several processes may work on it.

The write-ahead log lets readers read while one writes; `synchronous=FULL` keeps what was acknowledged when the power
goes. Each update takes the write lock before it reads, so that two of them cannot miss each other.
"""
from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from transcription.jobs.record import STATES, Counts, Delivery, Job, Observer, Page, Query

_SCHEMA = """
create table if not exists jobs(
    seq integer primary key autoincrement,
    job_id text not null unique,
    owner text not null,
    status text not null,
    priority integer not null,
    created_at real not null,
    finished_at real,
    idempotency_key text,
    callback_due_at real,
    audio_s real,
    took_s real,
    record text not null);
create table if not exists usage(job_id text primary key, owner text not null, at real not null, audio_s real not null);
create unique index if not exists once on jobs(owner, idempotency_key) where idempotency_key is not null;
create index if not exists waiting on jobs(status, priority desc, seq);
create index if not exists owned on jobs(owner, seq);
create index if not exists ended on jobs(finished_at) where finished_at is not null;
create index if not exists used on usage(owner, at);
create index if not exists due on jobs(callback_due_at) where callback_due_at is not null;
"""
_BUSY_S = 30.0
_USAGE_KEPT_S = 2 * 86_400.0


class SqliteJobs:
    """A `JobStore`."""

    poll_s = 0.25

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._local = threading.local()
        with self._write() as database:
            for statement in filter(str.strip, _SCHEMA.split(";")):
                database.execute(statement)

    def create(self, job: Job) -> Job:
        with self._write() as database:
            if job.idempotency_key is not None:
                found = database.execute("select record from jobs where owner=? and idempotency_key=?",
                                         (job.owner, job.idempotency_key)).fetchone()
                if found:
                    return Job.from_json(found[0])
            database.execute(
                "insert into jobs(job_id, owner, idempotency_key, created_at, status, priority, finished_at,"
                " callback_due_at, audio_s, took_s, record) values(?,?,?,?,?,?,?,?,?,?,?)",
                (job.job_id, job.owner, job.idempotency_key, job.created_at, *_columns(job)))
        return job

    def get(self, job_id: str) -> Job | None:
        found = self._database().execute("select record from jobs where job_id=?", (job_id,)).fetchone()
        return Job.from_json(found[0]) if found else None

    def update(self, job_id: str, change: Callable[[Job], Job]) -> Job:
        with self._write() as database:
            found = database.execute("select record from jobs where job_id=?", (job_id,)).fetchone()
            if not found:
                raise KeyError(job_id)
            job = change(Job.from_json(found[0]))
            database.execute("update jobs set status=?, priority=?, finished_at=?, callback_due_at=?, audio_s=?,"
                             " took_s=?, record=? where job_id=?", (*_columns(job), job_id))
            if job.status == "completed" and job.audio_s:
                _count(database, job)
        return job

    def delete(self, job_id: str) -> None:
        with self._write() as database:
            database.execute("delete from jobs where job_id=?", (job_id,))

    def page(self, query: Query) -> Page:
        conditions = {"owner=?": query.owner, "status=?": query.status, "created_at>=?": query.created_after,
                      "created_at<?": query.created_before, "seq<?": query.cursor}
        given = {text: value for text, value in conditions.items() if value is not None}
        rows = self._database().execute(
            f"select seq, record from jobs where {' and '.join(given)} order by seq desc limit ?",  # noqa: S608
            (*given.values(), query.limit + 1)).fetchall()
        cursor = str(rows[query.limit - 1][0]) if len(rows) > query.limit else None
        return Page(tuple(Job.from_json(record) for _, record in rows[:query.limit]), cursor)

    def counts(self) -> Counts:
        database = self._database()
        by_status = dict(database.execute("select status, count(*) from jobs group by status").fetchall())
        oldest, = database.execute("select min(created_at) from jobs where status='queued'").fetchone()
        audio_s, took_s = database.execute(
            "select sum(audio_s), sum(took_s) from jobs where status='completed'").fetchone()
        return Counts({state: by_status.get(state, 0) for state in STATES}, oldest, audio_s or 0.0, took_s or 0.0)

    def n_queued(self, limit: int) -> int:
        found: int = self._database().execute("select count(*) from jobs where status='queued'").fetchone()[0]
        return min(found, limit)

    def used_s(self, owner: str, since: float) -> float:
        used, = self._database().execute("select sum(audio_s) from usage where owner=? and at>=?",
                                         (owner, since)).fetchone()
        return float(used or 0.0)

    def callbacks_due(self, now: float) -> Sequence[Job]:
        return self._records("where callback_due_at<=? order by callback_due_at limit 20", now)

    def finished_before(self, time_s: float) -> Sequence[Job]:
        return self._records("where finished_at<? limit 100", time_s)

    def first_queued(self) -> Job | None:
        return next(iter(self._records("where status=? order by priority desc, seq limit 1", "queued")), None)

    def in_progress(self) -> Sequence[Job]:
        return self._records("where status=?", "in_progress")

    def _records(self, condition: str, value: object) -> list[Job]:
        rows = self._database().execute(f"select record from jobs {condition}", (value,))  # noqa: S608
        return [Job.from_json(record) for record, in rows]

    def _database(self) -> sqlite3.Connection:
        """This thread's connection. Autocommit: transactions are begun by hand."""
        if not hasattr(self._local, "database"):
            database = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None)
            database.execute("pragma journal_mode=wal")
            database.execute("pragma synchronous=full")
            self._local.database = database
        found: sqlite3.Connection = self._local.database
        return found

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        database = self._database()
        database.execute("begin immediate")
        try:
            yield database
        except BaseException:
            database.execute("rollback")
            raise
        database.execute("commit")


class SqliteQueue:
    """A `Queue` over the same file: what waits there is the queue."""

    poll_s = 0.5

    def __init__(self, jobs: SqliteJobs, lease_s: float) -> None:
        self._jobs = jobs
        self._observer = Observer(lease_s)

    def put(self, job: Job) -> None:
        """Nothing to do: the record is in the queue since it was created."""

    def hold(self, job_id: str) -> None:
        """Nothing to do: whoever asks is given what waits."""

    def take(self) -> Delivery | None:
        running = self._jobs.in_progress()
        self._observer.forget_all_but({job.job_id for job in running})
        for job in running:
            if self._observer.stands_still(job):
                return Delivery(job.job_id, (job.fence, job.beat))
        waiting = self._jobs.first_queued()
        return Delivery(waiting.job_id) if waiting else None

    def mend(self) -> None:
        """Nothing falls out of a table."""

    def close(self) -> None:
        """Nothing is held."""


def _count(database: sqlite3.Connection, job: Job) -> None:
    """What a job used is counted once, and stays when the job is removed."""
    now = time.time()
    database.execute("delete from usage where at<?", (now - _USAGE_KEPT_S,))
    database.execute("insert or ignore into usage(job_id, owner, at, audio_s) values(?,?,?,?)",
                     (job.job_id, job.owner, now, job.audio_s))


def _columns(job: Job) -> tuple[object, ...]:
    due_at = job.callback.get("due_at") if job.is_final else None
    took_s = job.finished_at - job.started_at if job.finished_at and job.started_at else None
    return job.status, job.priority, job.finished_at, due_at, job.audio_s, took_s, job.to_json()
