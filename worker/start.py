"""What the start of a worker cost, stage by stage: seconds and the memory that stayed."""
from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

log = logging.getLogger(__name__)

_PAGE_MB = 4096 / 1e6


@dataclass(frozen=True, slots=True)
class Stage:
    """One part of the start; `resident_mb` is how much the process grew by it."""

    stage: str
    seconds: float
    resident_mb: float


@dataclass
class Report:
    """Filled while the parts are built; written to the log and returned by `health`."""

    stages: list[Stage] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started, before_mb = time.monotonic(), _resident_mb()
        yield
        done = Stage(name, round(time.monotonic() - started, 3), round(_resident_mb() - before_mb, 1))
        self.stages.append(done)
        log.info("start: %s took %.2f s and %.0f MB", name, done.seconds, done.resident_mb)

    def rows(self) -> list[dict[str, object]]:
        return [asdict(stage) for stage in self.stages]


def _resident_mb() -> float:
    """Of this process, from /proc; 0 where there is none."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_MB
    except OSError:
        return 0.0
