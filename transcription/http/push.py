"""Where Pub/Sub pushes a job's message to: the request is held open while the job is done.

The answer acknowledges the message; a request that ends in another way gives it back. Cloud Run lets no one but
Pub/Sub's service account in, and sees in the open request that the instance is at work.
"""
from __future__ import annotations

import asyncio
import time

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from transcription.http.access import Jobs

router = APIRouter(include_in_schema=False)

WATCH_S = 1.0
MARGIN_S = 20.0
"""Pub/Sub waits at most 600 s for the answer; the job's own deadline comes before, and this is for what follows it."""


class Message(BaseModel):
    attributes: dict[str, str] = Field(default_factory=dict)


class Envelope(BaseModel):
    """What Pub/Sub posts: https://cloud.google.com/pubsub/docs/push#receive_push."""

    message: Message


@router.post("/pubsub/push")
async def push(envelope: Envelope, request: Request, jobs_service: Jobs) -> Response:
    job_id = envelope.message.attributes.get("job_id", "")
    end = time.monotonic() + jobs_service.parts.settings.job_deadline_s + MARGIN_S
    while time.monotonic() < end and not await request.is_disconnected():
        job = await run_in_threadpool(jobs_service.parts.jobs.get, job_id) if job_id else None
        if job is None or job.is_final:
            return Response(status_code=204)
        request.app.state.workers.wake(job_id)
        await asyncio.sleep(WATCH_S)
    return Response(status_code=503, headers={"Retry-After": "10"})
