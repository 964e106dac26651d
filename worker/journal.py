"""One line in the log for each job, from which an operator finds worker, attempt, cost and cause in one search."""
from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from s3_utils import Tally
from worker import VERSION, metrics
from worker.jobs import Job

log = logging.getLogger("job")

Outcome = Literal["completed", "failed", "cancelled"]


@dataclass
class Entry:
    """What is known of one job once it is answered. `wait_ms` is the wait for a thread; RunPod's queue is its own."""

    runpod_id: str | None
    pod_id: str | None
    version: str = VERSION
    job_id: str | None = None
    endpoint: str | None = None
    attempt: int | None = None
    outcome: Outcome = "cancelled"
    code: str | None = None
    characters: int | None = None
    audio_s: float | None = None
    wait_ms: int = 0
    total_ms: int = 0
    store_requests: int = 0
    stages_ms: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._began, self.tally = time.monotonic(), Tally()

    def completed(self, output: Mapping[str, Any]) -> None:
        self.outcome, self.audio_s = "completed", output.get("duration")

    def failed(self, error: str) -> None:
        """`error` is `CODE: message`; the message has its own line."""
        self.outcome, self.code = "failed", error.partition(":")[0]

    def write(self, job: Job | None) -> None:
        """`job` is None where the input could not be read."""
        if job is not None:
            self.job_id, self.wait_ms, self.stages_ms = job.job_id, job.wait_ms, dict(job.stages_ms)
            self.attempt = job.lease.attempt if job.lease else None
        self.total_ms = int((time.monotonic() - self._began) * 1000)
        self.store_requests = self.tally.n_requests
        log.info("job %s", self.outcome, extra={"fields": asdict(self)})
        metrics.count(self.endpoint or "unknown", self.outcome, self.code or "", self.total_ms / 1000,
                      {name: spent / 1000 for name, spent in self.stages_ms.items()}, self.characters or 0,
                      self.audio_s or 0.0, self.store_requests)
