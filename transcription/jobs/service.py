"""What a caller may do with jobs, whichever door was used: submit, look, cancel, fetch."""
from __future__ import annotations

import hashlib
import re
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from intake import net
from s3_utils import MissingKey, StorageError
from transcription import logs
from transcription.errors import ApiError, invalid, not_found
from transcription.jobs.keys import Caller
from transcription.jobs.parts import Parts
from transcription.jobs.record import Job, Page, Query, Refused, audio_key, result_key
from transcription.settings import Settings
from transcription.speech.capabilities import Capabilities
from transcription.speech.requests import JobRequest
from transcription.speech.transcript import Transcript

log = logs.logger(__name__)
_BLOCK = 1 << 20
_DAY_S = 86_400.0
_ORPHAN_S = 3600.0
"""An upload may take so long until its job is written."""


class Service:
    """`wake` tells the workers that there is something to do."""

    def __init__(self, parts: Parts, can: Capabilities, wake: Callable[[], None]) -> None:
        self.parts, self.can, self._wake = parts, can, wake

    def submit(self, request: JobRequest, file: IO[bytes] | None, caller: Caller, *, priority: int = 0,
               idempotency_key: str | None = None) -> tuple[Job, bool]:
        """The job, and whether it is new. What is not stored when this returns is not accepted. Raises ApiError."""
        self._check(request, file, caller, idempotency_key)
        job_id = uuid.uuid4().hex
        digest, size = "", 0
        if file is not None:
            digest, size = self._store_audio(job_id, file)
        fingerprint = request.fingerprint(digest)
        callback = {"url": request.callback_url, "attempts": 0} if request.callback_url else {}
        job = self.parts.jobs.create(Job(
            job_id, caller.owner, request.model_dump(mode="json"), idempotency_key=idempotency_key,
            fingerprint=fingerprint, priority=priority, audio_bytes=size, callback=callback))
        if job.job_id == job_id:
            self._enqueue(job)
            log.info(logs.AUDIT, action="job_created", job_id=job_id, owner=caller.owner, audio_bytes=size)
            return job, True
        self._remove(audio_key(job_id))
        if job.fingerprint != fingerprint:
            raise ApiError("VALIDATION_CONFLICT", "Idempotency-Key: it was used for another request",
                           field="Idempotency-Key", reason="conflict")
        return job, False

    def _enqueue(self, job: Job) -> None:
        """A job that cannot be queued is not accepted, and nothing of it is left."""
        try:
            self.parts.queue.put(job)
        except ApiError:
            self.forget(job)
            raise
        self._wake()

    def job(self, job_id: str, caller: Caller) -> Job:
        """Another's job is not known: that it exists is not told either."""
        job = self.parts.jobs.get(job_id) if re.fullmatch(r"[0-9a-f]{32}", job_id) else None
        if job is None or job.owner != caller.owner:
            raise not_found(job_id)
        return job

    def page(self, query: Query) -> Page:
        return self.parts.jobs.page(query)

    def cancel(self, job_id: str, caller: Caller) -> Job | None:
        """A job that is not over is cancelled, at once; one that is over is removed with all that is known of it."""
        job = self.job(job_id, caller)
        try:
            cancelled = self.parts.jobs.update(job_id, Job.cancelled)
        except KeyError:
            raise not_found(job_id) from None
        except Refused:
            self.forget(job)
            log.info(logs.AUDIT, action="job_deleted", job_id=job_id, owner=caller.owner)
            return None
        self._remove(audio_key(job_id))
        log.info(logs.AUDIT, action="job_cancelled", job_id=job_id, owner=caller.owner)
        return cancelled

    def forget(self, job: Job) -> None:
        for key in (audio_key(job.job_id), *(result_key(job.job_id, fence) for fence in range(1, job.fence + 1))):
            self._remove(key)
        self.parts.jobs.delete(job.job_id)

    def transcript(self, job: Job) -> Transcript:
        if job.status != "completed":
            raise ApiError("VALIDATION_NOT_READY", f"job {job.job_id} is {job.status}: there is no result",
                           field="job_id", reason=job.status)
        try:
            return Transcript.from_json(self.parts.store.get(result_key(job.job_id, job.fence)))
        except MissingKey:
            raise not_found(job.job_id) from None
        except StorageError as error:
            raise ApiError("INFRASTRUCTURE_STORAGE", str(error)) from None

    def expire(self) -> int:
        """Removes what was finished longer ago than `RETENTION_DAYS`; returns how many jobs."""
        limit = time.time() - self.parts.settings.retention_days * _DAY_S
        old = self.parts.jobs.finished_before(limit)
        for job in old:
            self.forget(job)
        if old:
            log.info(logs.AUDIT, action="jobs_expired", count=len(old))
        return len(old)

    def sweep(self) -> None:
        """Removes the audio that a process left when it was killed: of jobs that are over, or never came to be."""
        cursor = None
        while True:
            page = self.parts.store.list("audio/", cursor=cursor)
            for entry in page.entries:
                job = self.parts.jobs.get(entry.key.removeprefix("audio/"))
                old = time.time() - entry.last_modified.timestamp() > _ORPHAN_S
                if (job.is_final if job else old):
                    self._remove(entry.key)
            cursor = page.next_cursor
            if cursor is None:
                return

    def _check(self, request: JobRequest, file: IO[bytes] | None, caller: Caller, idempotency_key: str | None) -> None:
        settings = self.parts.settings
        if (file is None) == (request.audio_url is None):
            raise invalid("audio_file", "send either audio_file or audio_url", "missing" if file is None else "both")
        self.can.check(request)
        if request.audio_url is not None:
            _check_source(request.audio_url, settings, caller)
        if request.callback_url is not None:
            _check_callback(request.callback_url, settings)
        if idempotency_key is not None and not re.fullmatch(r"[\x21-\x7e]{1,255}", idempotency_key):
            raise invalid("Idempotency-Key", "is 1 to 255 visible ASCII characters")
        if self.parts.jobs.n_queued(settings.max_queued) >= settings.max_queued:
            raise ApiError("INFRASTRUCTURE_BUSY", "too many jobs wait already; try again later")
        hours = caller.hours_per_day
        if hours is not None and self.parts.jobs.used_s(caller.owner, time.time() - _DAY_S) >= hours * 3600:
            raise ApiError("VALIDATION_QUOTA", f"this key's {hours:g} hours of audio a day are used up")

    def _store_audio(self, job_id: str, file: IO[bytes]) -> tuple[str, int]:
        """SHA-256 and size of what was stored, block by block."""
        digest, size = hashlib.sha256(), 0
        with tempfile.NamedTemporaryFile() as copy:
            while block := file.read(_BLOCK):
                digest.update(block)
                size += len(block)
                copy.write(block)
            copy.flush()
            if not size:
                raise ApiError("VALIDATION_UNSUPPORTED_AUDIO", "the file is empty", field="audio_file",
                               reason="empty")
            try:
                self.parts.store.put(audio_key(job_id), Path(copy.name), "application/octet-stream")
            except StorageError as error:
                raise ApiError("INFRASTRUCTURE_STORAGE", str(error)) from None
        return digest.hexdigest(), size

    def _remove(self, key: str) -> None:
        try:
            self.parts.store.delete(key)
        except StorageError as error:
            log.warning("not_removed", reason=error.code)


def _check_source(url: str, settings: Settings, caller: Caller) -> None:
    """http(s) URLs are guarded when they are fetched; a key of the bucket must be one of the caller's own uploads."""
    buckets = {"s3": settings.s3_bucket, "gs": settings.gcs_bucket}
    scheme = url.partition("://")[0].lower()
    if scheme in buckets:
        place = f"{scheme}://{buckets[scheme]}/uploads/{caller.owner}/"
        if buckets[scheme] is None:
            raise invalid("audio_url", f"no such bucket is configured here, so {scheme}:// names nothing",
                          "not_configured")
        if not url.startswith(place) or "/../" in url or not url.isprintable():
            raise invalid("audio_url", f"a key of this caller begins with {place}", "not_allowed")
    elif scheme not in ("http", "https"):
        raise invalid("audio_url", "begins with https://, http:// or, where a bucket is configured, s3:// or gs://",
                      "scheme")


def _check_callback(url: str, settings: Settings) -> None:
    if settings.webhook_secret is None:
        raise invalid("callback_url", "webhooks are not configured here (WEBHOOK_SECRET)", "not_configured")
    if not re.match(r"(?i)https?://", url) or not url.isprintable():
        raise invalid("callback_url", "begins with https:// or http://", "scheme")
    try:
        net.check(url, settings.url_allow_hosts)
    except net.BlockedUrl as error:
        raise invalid("callback_url", str(error), "blocked") from None


def view(job: Job, transcript: Transcript | None = None, file_url: str = "") -> dict[str, Any]:
    """What a caller sees of a job."""
    formats = job.request.get("formats", ())
    result = None if transcript is None else transcript.answer() | {
        "files": {name: f"{file_url}?format={name}" for name in formats}}
    return {
        "job_id": job.job_id, "status": job.status, "progress": job.progress, "current_stage": job.stage,
        "created_at": _iso(job.created_at), "started_at": _iso(job.started_at), "finished_at": _iso(job.finished_at),
        "engine": job.engine, "audio_duration": job.audio_s, "attempts": job.attempts,
        "warnings": list(job.warnings), "job_error": job.error, "result": result,
    }


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
