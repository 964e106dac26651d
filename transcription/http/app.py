"""The service, composed: settings in, an ASGI application out."""
from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse
from prometheus_client import CollectorRegistry, Histogram

from transcription import logs
from transcription.http import health, jobs, openai, push
from transcription.http.door import Door, install_handlers
from transcription.http.health import JobCollector
from transcription.jobs import webhooks
from transcription.jobs.keys import Keyring, RateLimit
from transcription.jobs.parts import build
from transcription.jobs.service import Service
from transcription.jobs.workers import Workers
from transcription.settings import Settings
from transcription.speech.capabilities import capabilities

log = logs.logger(__name__)
PAGE = Path(__file__).with_name("page.html")
_EXPIRE_S = 60.0
_SWEEP_S = 3600.0


def create_app(settings: Settings) -> FastAPI:
    """Workers start with the application and end with it. Raises SettingsError."""
    secret = webhooks.secret_of(settings)
    parts, workers = build(settings), Workers(settings)
    service = Service(parts, capabilities(settings), workers.wake)
    stopping = threading.Event()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        workers.start()
        keeper = threading.Thread(target=_keep_house, args=(service, secret, stopping), name="keeper", daemon=True)
        keeper.start()
        yield
        stopping.set()
        workers.stop()
        keeper.join(2)

    app = FastAPI(title="Transcription", version="1.0.0", lifespan=lifespan, redoc_url=None,
                  description="Speech in; words with times, speakers and subtitles out.")
    registry = CollectorRegistry()
    durations = Histogram("http_request_duration_seconds", "Time to answer, by route", ["method", "route", "status"],
                          registry=registry)
    JobCollector(parts.jobs, workers).register(registry)
    app.state.service, app.state.workers, app.state.registry = service, workers, registry
    keyring = Keyring(settings.api_keys_file)
    app.state.keyring, app.state.limiter = keyring, RateLimit()
    install_handlers(app)
    if settings.cors_origins:
        app.add_middleware(CORSMiddleware, allow_origins=sorted(settings.cors_origins), allow_methods=["*"],
                           allow_headers=["Authorization", "X-API-Key", "Idempotency-Key", "Content-Type"],
                           expose_headers=["X-Request-ID", "Content-Disposition"])
    app.add_middleware(Door, max_bytes=settings.max_upload_bytes, durations=durations, keyring=keyring)
    for router in (jobs.router, openai.router, health.health, health.metrics, health.prometheus):
        app.include_router(router)
    if settings.state == "firestore" and settings.pubsub_delivery == "push":
        app.include_router(push.router)
    app.add_api_route("/", lambda: FileResponse(PAGE, media_type="text/html; charset=utf-8"), methods=["GET"],
                      include_in_schema=False)
    return app


def _keep_house(service: Service, secret: bytes | None, stopping: threading.Event) -> None:
    """Sends the webhooks that are due, and removes what is too old."""
    expired_at = swept_at = -_SWEEP_S
    while not stopping.wait(1.0):
        try:
            if secret is not None:
                webhooks.deliver_due(service.parts.jobs, service.parts.settings, secret)
            now = time.monotonic()
            if now - expired_at > _EXPIRE_S:
                service.expire()
                service.parts.queue.mend()
                expired_at = now
            if now - swept_at > _SWEEP_S:
                service.sweep()
                swept_at = now
        except Exception as error:
            log.error("keeper_failed", kind=type(error).__name__)
