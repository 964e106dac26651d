"""Whether the service lives, can work, and what it has done so far."""
from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from transcription.http.access import Jobs, Reader
from transcription.http.jobs import errors
from transcription.jobs.record import JobStore
from transcription.jobs.service import Service
from transcription.jobs.workers import Workers

health = APIRouter(prefix="/health", tags=["health"])
metrics = APIRouter(prefix="/api/v1/metrics", tags=["metrics"])
prometheus = APIRouter(tags=["metrics"])

PACKAGES = ("fastapi", "uvicorn", "whisperx", "faster-whisper", "pyannote.audio", "torch", "pocketsphinx")
_PAGE_BYTES = 4096


@health.get("")
@health.get("/live")
def live() -> dict[str, str]:
    """This process answers."""
    return {"status": "ok"}


@health.get("/ready", responses={503: {"description": "Not ready"}})
def ready(request: Request, jobs_service: Jobs) -> Response:
    """Jobs can be taken and done: the table answers and a worker runs."""
    problems = _problems(jobs_service, request.app.state.workers)
    return JSONResponse({"status": "not_ready" if problems else "ok", "problems": problems}, 503 if problems else 200)


@health.get("/detailed", responses=errors())
def detailed(request: Request, jobs_service: Jobs, caller: Reader) -> dict[str, Any]:
    workers: Workers = request.app.state.workers
    problems = _problems(jobs_service, workers)
    can = jobs_service.can
    return {
        "status": "degraded" if problems else "ok", "problems": problems,
        "engine": can.engine, "models": can.model_names, "align_languages": list(can.align_languages),
        "diarization": can.diarization, "workers": workers.alive(),
        "jobs": jobs_service.parts.jobs.counts().by_status,
        "versions": {"python": platform.python_version(), **_versions()},
    }


@metrics.get("/", responses=errors())
def all_metrics(request: Request, jobs_service: Jobs, caller: Reader) -> dict[str, Any]:
    return {"jobs": _jobs(jobs_service), "performance": _performance(jobs_service), "system": _system(request)}


@metrics.get("/jobs", responses=errors())
def job_metrics(jobs_service: Jobs, caller: Reader) -> dict[str, Any]:
    """Jobs by status, and how long the oldest one waits."""
    return _jobs(jobs_service)


@metrics.get("/performance", responses=errors())
def performance_metrics(jobs_service: Jobs, caller: Reader) -> dict[str, Any]:
    """Audio completed, the time it took, and their ratio."""
    return _performance(jobs_service)


@metrics.get("/system", responses=errors())
def system_metrics(request: Request, caller: Reader) -> dict[str, Any]:
    """This process and its machine."""
    return _system(request)


@prometheus.get("/metrics", responses={200: {"content": {"text/plain": {}}}, **errors()})
def scrape(request: Request, caller: Reader) -> Response:
    """For Prometheus, with a key where keys are asked for."""
    return Response(generate_latest(request.app.state.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


class JobCollector:
    """What the table of jobs says, read at each scrape."""

    def __init__(self, jobs: JobStore, workers: Workers) -> None:
        self._jobs, self._workers = jobs, workers

    def register(self, registry: CollectorRegistry) -> None:
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        counts = self._jobs.counts()
        jobs = GaugeMetricFamily("transcription_jobs", "Jobs by status, as far as they are kept", labels=["status"])
        for status, count in counts.by_status.items():
            jobs.add_metric([status], count)
        waited = time.time() - counts.oldest_queued_at if counts.oldest_queued_at else 0.0
        yield jobs
        yield GaugeMetricFamily("transcription_oldest_queued_seconds", "How long the oldest job waits", waited)
        yield GaugeMetricFamily("transcription_workers", "Worker processes that run", self._workers.alive())
        yield GaugeMetricFamily("transcription_kept_audio_seconds", "Audio of the completed jobs that are kept",
                                counts.audio_s)
        yield GaugeMetricFamily("transcription_kept_processing_seconds", "What it took to do them", counts.took_s)
        yield CounterMetricFamily("transcription_process_cpu_seconds", "CPU time of this process", time.process_time())


def _problems(service: Service, workers: Workers) -> list[str]:
    problems = []
    try:
        service.parts.jobs.n_queued(1)
    except Exception as error:
        problems.append(f"the table of jobs does not answer ({type(error).__name__})")
    if service.parts.settings.workers and not workers.alive():
        problems.append("no worker runs")
    return problems


def _jobs(service: Service) -> dict[str, Any]:
    counts = service.parts.jobs.counts()
    waits = round(time.time() - counts.oldest_queued_at, 1) if counts.oldest_queued_at else 0.0
    return {"by_status": counts.by_status, "oldest_queued_s": waits}


def _performance(service: Service) -> dict[str, Any]:
    counts = service.parts.jobs.counts()
    return {"audio_s": round(counts.audio_s, 3), "processing_s": round(counts.took_s, 3),
            "real_time_factor": round(counts.took_s / counts.audio_s, 4) if counts.audio_s else None}


def _system(request: Request) -> dict[str, Any]:
    disk = shutil.disk_usage(request.app.state.service.parts.settings.data_dir)
    return {"resident_mb": _resident_mb(), "cpu_count": os.cpu_count(), "load_1min": os.getloadavg()[0],
            "disk_free_gb": round(disk.free / 1e9, 1), "workers": request.app.state.workers.alive()}


def _resident_mb() -> float | None:
    try:
        return round(int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES / 1e6, 1)
    except OSError:
        return None


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
