"""Webhooks, signed as standardwebhooks.com has it, tried again until they are taken.

The id of a webhook is its job's: a receiver that has seen it may pass over a second one. The body names the job and
its state, and never the text: whoever holds the key asks for that.
"""
from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from intake import TooLarge, net
from transcription import logs
from transcription.jobs.record import Job, JobStore
from transcription.settings import Settings, SettingsError

log = logs.logger(__name__)

DELAYS_S = (5, 30, 120, 600, 3600, 4 * 3600, 12 * 3600)
"""Until the next try after each failed one; after the last it is given up."""
TIMEOUT_S = 15.0
_CLAIM_S = 60.0
_AT_ONCE = 20
"""As many as the store names at a time: a receiver that does not answer holds up none but its own."""


def secret_of(settings: Settings) -> bytes | None:
    """Raises SettingsError."""
    if settings.webhook_secret is None:
        return None
    try:
        secret = base64.b64decode(settings.webhook_secret.get_secret_value().removeprefix("whsec_"), validate=True)
    except binascii.Error:
        secret = b""
    if not 24 <= len(secret) <= 64:
        raise SettingsError("WEBHOOK_SECRET is whsec_ and base64 of 24 to 64 bytes")
    return secret


def sign(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def deliver_due(jobs: JobStore, settings: Settings, secret: bytes) -> int:
    """Sends what is due; returns how many were tried. Several processes may do this: each claims before it sends."""
    due = jobs.callbacks_due(time.time())
    if due:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda job: _deliver(job.job_id, jobs, settings, secret), due))
    return len(due)


def _deliver(job_id: str, jobs: JobStore, settings: Settings, secret: bytes) -> None:
    with suppress(_Claimed, KeyError):
        claimed = jobs.update(job_id, lambda current: _claimed(current, time.time()))
        taken = _send(claimed, settings, secret)
        jobs.update(job_id, lambda current: _settled(current, taken))


class _Claimed(Exception):
    """Another process sends it."""


def _claimed(job: Job, now: float) -> Job:
    if job.callback.get("due_at", now + 1) > now:
        raise _Claimed
    return job.with_callback({**job.callback, "attempts": job.callback["attempts"] + 1, "due_at": now + _CLAIM_S})


def _settled(job: Job, taken: bool) -> Job:
    attempts = job.callback.get("attempts", 0)
    if taken or attempts > len(DELAYS_S):
        return job.with_callback({})
    return job.with_callback({**job.callback, "due_at": time.time() + DELAYS_S[attempts - 1]})


def _send(job: Job, settings: Settings, secret: bytes) -> bool:
    """Whether the receiver took it, which a status of 2xx says."""
    body = json.dumps(_event(job), separators=(",", ":")).encode()
    timestamp = int(time.time())
    headers = {"webhook-id": f"msg_{job.job_id}", "webhook-timestamp": str(timestamp),
               "webhook-signature": sign(secret, f"msg_{job.job_id}", timestamp, body),
               "Content-Type": "application/json"}
    try:
        net.post(job.callback["url"], body, headers, deadline_s=TIMEOUT_S, allow_hosts=settings.url_allow_hosts)
    except (net.BlockedUrl, net.FetchFailed, TooLarge) as error:
        log.warning("webhook_failed", job_id=job.job_id, attempt=job.callback["attempts"], reason=str(error))
        return False
    log.info(logs.AUDIT, action="webhook_delivered", job_id=job.job_id, attempt=job.callback["attempts"])
    return True


def _event(job: Job) -> dict[str, Any]:
    return {"type": f"job.{job.status}", "timestamp": job.finished_at,
            "data": {"job_id": job.job_id, "status": job.status, "error_code": (job.error or {}).get("error_code")}}
