"""One job as the work sees it: whether to go on, how far it is, and how long each stage took."""
from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from s3_utils import DEADLINE, OutOfTime
from tts import Cancelled
from worker.records import Lease


class DeadlineExceeded(OutOfTime):
    """The job ran longer than JOB_DEADLINE_S."""

    def __init__(self, deadline_s: float) -> None:
        super().__init__(f"the job was stopped after {deadline_s:g} s; send a shorter text or raise JOB_DEADLINE_S")


class Job:
    """`check` is called between the steps of the work and raises when it must stop."""

    def __init__(self, job_id: str, deadline_s: float, on_progress: Callable[[str, float], None],
                 runpod_id: str | None = None,
                 on_news: Callable[[Mapping[str, Any]], None] = lambda news: None) -> None:
        self.job_id, self.runpod_id = job_id, runpod_id
        self.lease: Lease | None = None
        self.stages_ms: dict[str, int] = {}
        self.wait_ms = 0
        self._deadline_s, self._started = deadline_s, time.monotonic()
        self._on_progress, self._on_news = on_progress, on_news
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        self._cancelled.set()

    def begin(self) -> None:
        """Called by the job's thread, first of all: its requests to the storage wait no longer than the job may."""
        DEADLINE.set(self._started + self._deadline_s)
        self.wait_ms = int((time.monotonic() - self._started) * 1000)

    def take(self, lease: Lease | None) -> None:
        """From here on the job is done under `lease`, from its beginning."""
        self.lease = lease
        self.stages_ms.clear()

    def check(self) -> None:
        """Raises Cancelled, DeadlineExceeded or LeaseLost."""
        if self._cancelled.is_set():
            raise Cancelled("the job was cancelled")
        if time.monotonic() - self._started > self._deadline_s:
            raise DeadlineExceeded(self._deadline_s)
        if self.lease is not None:
            self.lease.check()

    def confirm(self) -> None:
        """Called before something that lies there is replaced. Raises as `check` does, LeaseLost for certain."""
        self.check()
        if self.lease is not None:
            self.lease.confirm()

    def report(self, stage: str, progress: float) -> None:
        if self.lease is not None:
            self.lease.report(stage, progress)
        self._on_progress(stage, progress)

    def publish(self, news: Mapping[str, Any]) -> None:
        """What the job shows before its end; it stands in every report from now on."""
        if self.lease is not None:
            self.lease.streams = True
        self._on_news(news)

    @contextmanager
    def stage(self, name: str, progress: float) -> Iterator[None]:
        """A named part of the work that begins at `progress` (0-1) of the whole, if the job is still ours."""
        self.check()
        if self.lease is not None:
            self.lease.hold()
        self.report(name, progress)
        started = time.monotonic()
        try:
            yield
        finally:
            spent_ms = int((time.monotonic() - started) * 1000)
            self.stages_ms[name] = self.stages_ms.get(name, 0) + spent_ms
