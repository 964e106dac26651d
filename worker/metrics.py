"""Counters and histograms for Prometheus: served on a port when one is set, else summed up in the log once a minute."""
from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

log = logging.getLogger("metrics")

EVERY_S = 60.0
FAULTS = ("INTERNAL", "ENGINE_FAILED", "STORAGE_FAILED", "TIMING_FAILED", "TIMEOUT")
"""Codes of failures that are no fault of the caller: deploy/alerts.yml counts them."""
_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class _Series:
    """Made at the first job, so that a command that does none imports no client."""

    def __init__(self) -> None:
        from prometheus_client import Counter, Histogram

        self.jobs = Counter("voice_jobs", "Jobs answered.", ["endpoint", "outcome", "code"])
        self.job_s = Histogram("voice_job_seconds", "Time inside the handler.", ["endpoint"], buckets=_SECONDS)
        self.stage_s = Histogram("voice_stage_seconds", "Time of one stage of a job.", ["stage"], buckets=_SECONDS)
        self.characters = Counter("voice_characters", "Characters of the texts of completed jobs.")
        self.audio_s = Counter("voice_audio_seconds", "Audio of completed jobs.")
        self.requests = Counter("voice_store_requests", "Requests to the storage, retries among them.")
        for endpoint in ("generate", "align", "render", "upload"):
            for code in FAULTS:  # An increase is seen only of a series that was there before.
                self.jobs.labels(endpoint, "failed", code)


_lock = threading.Lock()
_made: list[_Series] = []


def _series() -> _Series:
    with _lock:
        if not _made:
            _made.append(_Series())
    return _made[0]


def count(endpoint: str, outcome: str, code: str, total_s: float, stages_s: Mapping[str, float], characters: int,
          audio_s: float, store_requests: int) -> None:
    """Adds one answered job."""
    series = _series()
    series.jobs.labels(endpoint, outcome, code).inc()
    series.job_s.labels(endpoint).observe(total_s)
    for stage, spent_s in stages_s.items():
        series.stage_s.labels(stage).observe(spent_s)
    series.requests.inc(store_requests)
    if outcome == "completed":
        series.characters.inc(characters)
        series.audio_s.inc(audio_s)


def publish(port: int | None, stopped: threading.Event | None = None) -> None:
    """Serves `/metrics` on `port`; without one a thread writes one line a minute, until `stopped`.

    Raises OSError when the port is taken.
    """
    _series()
    if port is not None:
        from prometheus_client import start_http_server

        try:
            start_http_server(port)
        except OSError as error:
            raise OSError(f"METRICS_PORT {port}: {error.strerror}") from None
        return
    threading.Thread(target=_write_lines, args=(stopped or threading.Event(),), name="metrics", daemon=True).start()


def _write_lines(stopped: threading.Event) -> None:
    while not stopped.wait(EVERY_S):
        log.info("totals since the start", extra={"fields": totals()})


def totals() -> dict[str, Any]:
    """Every counter by its name and labels, and count and sum of every histogram; what is still 0 is left out."""
    series = _series()
    found: dict[str, Any] = {}
    for metric in (series.jobs, series.job_s, series.stage_s, series.characters, series.audio_s, series.requests):
        for sample in next(iter(metric.collect())).samples:
            if sample.name.endswith(("_created", "_bucket")) or not sample.value:
                continue
            labels = ",".join(value for value in sample.labels.values() if value)
            found[f"{sample.name}({labels})" if labels else sample.name] = round(sample.value, 3)
    return found
