"""The process that does jobs, one at a time: take, keep the lease, transcribe, store, tell the end.

It ends when its standard input does: a service that is killed takes its workers with it. A line there wakes it up; it
may name a job whose message the service holds.
A job that was cancelled and is still at work a second later is inside a library that cannot be asked to stop; then the
process ends itself and the service starts another.
"""
from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from intake import TooLarge, audio, net
from s3_utils import MissingKey, StorageError, Store
from transcription import logs
from transcription.errors import ApiError
from transcription.jobs.parts import Parts, build
from transcription.jobs.record import (
    EXIT_STUCK,
    Job,
    JobStore,
    LeaseLost,
    Refused,
    audio_key,
    result_key,
)
from transcription.settings import Settings
from transcription.speech.engines import Engines
from transcription.speech.pipeline import Run, transcribe
from transcription.speech.recognise import RATE_HZ
from transcription.speech.requests import JobRequest

log = logs.logger(__name__)

PROGRESS_POLLS = 4
STOP_S = 1.0
FETCH_S = 300.0


class Stopped(Exception):
    """The worker is told to end; its job goes back to the queue."""


class JobTimeout(Exception):
    """The job took longer than `JOB_DEADLINE_S`."""


class Lease:
    """Keeps a job while it is worked on, by a thread. `check` raises when it is lost or the worker is to stop."""

    def __init__(self, jobs: JobStore, job: Job, settings: Settings, stopping: threading.Event) -> None:
        self._jobs, self._job, self._settings = jobs, job, settings
        self._stopping = stopping
        self._stage, self._progress = job.stage, 0.0
        self._lost = threading.Event()
        self._over = threading.Event()
        self._deadline = time.monotonic() + settings.job_deadline_s
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        if self._lost.is_set():
            raise LeaseLost
        if self._stopping.is_set():
            raise Stopped
        if time.monotonic() > self._deadline:
            raise JobTimeout

    def report(self, stage: str, progress: float) -> None:
        self._stage, self._progress = stage, max(self._progress, round(progress, 3))

    def let_go(self) -> None:
        self._over.set()
        self._thread.join()

    def _keep(self) -> None:
        renewed, written = time.monotonic(), (self._stage, self._progress)
        while not self._over.wait(self._jobs.poll_s):
            now, news = time.monotonic(), (self._stage, self._progress)
            try:
                if self._is_due(news, written, now - renewed):
                    self._renew(*news)
                    written, renewed = news, now
                elif not self._is_held():
                    raise LeaseLost
            except (LeaseLost, KeyError):
                self._lost.set()
                self._end_if_stuck()
                return
            except Exception as error:
                log.warning("lease_not_renewed", job_id=self._job.job_id, reason=type(error).__name__)

    def _is_due(self, news: tuple[str, float], written: tuple[str, float], age_s: float) -> bool:
        """A new stage is written at once, progress less often: a table may charge for each write."""
        return news[0] != written[0] or age_s > self._settings.lease_s / 4 or (
            news != written and age_s > PROGRESS_POLLS * self._jobs.poll_s)

    def _renew(self, stage: str, progress: float) -> None:
        self._jobs.update(self._job.job_id, lambda job: job.renewed(self._job.fence, stage, progress))

    def _is_held(self) -> bool:
        job = self._jobs.get(self._job.job_id)
        return job is not None and job.status == "in_progress" and job.fence == self._job.fence

    def _end_if_stuck(self) -> None:
        if not self._over.wait(STOP_S):
            log.warning("worker_replaced", job_id=self._job.job_id, stage=self._stage)
            os._exit(EXIT_STUCK)


class Worker:
    """Takes jobs from the queue until `stopping` is set."""

    def __init__(self, parts: Parts, engines: Engines) -> None:
        self._parts, self._engines = parts, engines
        self._name = uuid.uuid4().hex[:12]
        self.stopping = threading.Event()
        self.wake = threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                busy = self.run_one()
            except Exception:
                log.exception("worker_failed")
                busy = False
            if not busy:
                self._engines.release_idle()
                self.wake.wait(self._parts.queue.poll_s)
                self.wake.clear()
        self._parts.queue.close()

    def run_one(self) -> bool:
        """Does one job; False when there is none to take."""
        delivery = self._parts.queue.take()
        if delivery is None:
            return False
        try:
            job = self._parts.jobs.update(delivery.job_id, lambda job: job.claimed(
                self._name, delivery.seen, self._parts.settings.max_attempts))
        except (Refused, KeyError):
            return True
        if job.is_final:
            _forget_audio(self._parts.store, job)
        else:
            self._do(job)
        return True

    def _do(self, job: Job) -> None:
        jobs = self._parts.jobs
        lease = Lease(jobs, job, self._parts.settings, self.stopping)
        started = time.monotonic()
        try:
            facts = self._work(job, lease)
            lease.let_go()
            self._end(job, lambda current: current.completed(job.fence, **facts), started)
        except LeaseLost:
            lease.let_go()
            self._parts.store.delete(result_key(job.job_id, job.fence))
            log.info(logs.AUDIT, action="job_abandoned", job_id=job.job_id)
        except Stopped:
            lease.let_go()
            with suppress(LeaseLost, KeyError):
                jobs.update(job.job_id, lambda current: current.put_back(job.fence))
        except Exception as problem:
            lease.let_go()
            error = _failure_of(problem, self._parts.settings)
            self._end(job, lambda current: current.failed(job.fence, error), started)

    def _work(self, job: Job, lease: Lease) -> dict[str, Any]:
        request = JobRequest.model_validate(job.request)
        run = Run(lease.check, lease.report)
        recording = self._recording(job, request, run)
        transcript = transcribe(request, recording.samples, self._engines, run)
        transcript = replace(transcript, warnings=(*recording.warnings, *transcript.warnings))
        with run.stage("store"):
            self._parts.store.put(result_key(job.job_id, job.fence), transcript.to_json().encode("utf-8",
                                  "surrogatepass"), "application/json")
        lease.check()
        return {"warnings": transcript.warnings, "engine": transcript.engine["name"],
                "audio_s": round(len(recording.samples) / RATE_HZ, 3)}

    def _recording(self, job: Job, request: JobRequest, run: Run) -> audio.Audio:
        """At 16 kHz."""
        settings = self._parts.settings
        with run.stage("fetch"):
            if request.audio_url is None:
                data = self._parts.store.get(audio_key(job.job_id))
            elif request.audio_url.startswith(("s3://", "gs://")):
                data = self._parts.store.get(request.audio_url.split("/", 3)[3], settings.max_upload_bytes)
            else:
                data = net.fetch(request.audio_url, max_bytes=settings.max_upload_bytes, deadline_s=FETCH_S,
                                 allow_hosts=settings.url_allow_hosts, check=run.check)
        with run.stage("decode"):
            return audio.decode(data, max_duration_s=settings.max_audio_duration, to_hz=RATE_HZ, check=run.check)

    def _end(self, job: Job, change: Callable[[Job], Job], started: float) -> None:
        """Writes the end of a job. What a worker makes of a job that is no longer its own is thrown away."""
        try:
            ended = self._parts.jobs.update(job.job_id, change)
        except (LeaseLost, KeyError):
            self._parts.store.delete(result_key(job.job_id, job.fence))
            log.info(logs.AUDIT, action="job_abandoned", job_id=job.job_id)
            return
        _forget_audio(self._parts.store, job)
        log.info(logs.AUDIT, action=f"job_{ended.status}", job_id=job.job_id, owner=job.owner, engine=ended.engine,
                 audio_s=ended.audio_s, attempt=ended.attempts, took_s=round(time.monotonic() - started, 3),
                 error_code=(ended.error or {}).get("error_code"))


def _forget_audio(store: Store, job: Job) -> None:
    try:
        store.delete(audio_key(job.job_id))
    except StorageError as error:
        log.warning("audio_not_removed", job_id=job.job_id, reason=error.code)


_CODES: tuple[tuple[type[Exception], str], ...] = (
    (TooLarge, "VALIDATION_TOO_LARGE"), (audio.UnsupportedAudio, "VALIDATION_UNSUPPORTED_AUDIO"),
    (net.BlockedUrl, "VALIDATION_BLOCKED_URL"), (net.FetchFailed, "PROCESSING_FETCH_FAILED"))


def _failure_of(problem: Exception, settings: Settings) -> dict[str, str]:
    """What the caller is told; the cause of what is nobody's mistake goes to the log, by its kind alone."""
    if isinstance(problem, ApiError):
        return {"error_code": problem.code, "error": problem.message}
    for kind, code in _CODES:
        if isinstance(problem, kind):
            return {"error_code": code, "error": str(problem)}
    if isinstance(problem, JobTimeout):
        return {"error_code": "PROCESSING_TIMEOUT", "error": f"the job took longer than {settings.job_deadline_s:g} s"}
    if isinstance(problem, MissingKey):
        return {"error_code": "VALIDATION_NOT_FOUND", "error": "the audio of this job is not in the store"}
    # Not the message: it may hold words of the recording.
    log.error("job_crashed", kind=type(problem).__name__, frames=traceback.format_tb(problem.__traceback__)[-5:])
    if isinstance(problem, StorageError):
        return {"error_code": "INFRASTRUCTURE_STORAGE", "error": "the store could not be reached; try again"}
    return {"error_code": "INFRASTRUCTURE_INTERNAL", "error": "something went wrong here; it was logged"}


def main() -> int:
    settings = Settings.from_env()
    logs.configure(settings.log_level)
    parts = build(settings)
    worker = Worker(parts, Engines(settings))

    def stop(number: int, frame: object) -> None:
        worker.stopping.set()
        worker.wake.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def follow() -> None:
        for line in sys.stdin:
            if job_id := line.strip():
                parts.queue.hold(job_id)
            worker.wake.set()
        os._exit(0)

    threading.Thread(target=follow, name="parent", daemon=True).start()
    worker.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
