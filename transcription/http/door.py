"""What every request passes: an id, a limit to its size, a line in the log, a count; and how errors are answered."""
from __future__ import annotations

import json
import re
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import Histogram
from starlette.exceptions import HTTPException

from transcription import logs
from transcription.errors import ApiError
from transcription.speech.requests import first_problem

log = logs.logger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


class _TooLong(Exception):
    """More body came than is accepted."""


class Door:
    """ASGI middleware, outermost."""

    def __init__(self, app: Any, *, max_bytes: int, durations: Histogram) -> None:
        self._app, self._max_bytes, self._durations = app, max_bytes, durations

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _Passage(self, scope, receive, send).go(self._app)

    def count(self, scope: Message, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unknown")
        self._durations.labels(scope["method"], route, str(status)).observe(seconds)

    @property
    def max_bytes(self) -> int:
        return self._max_bytes


class _Passage:
    """One request."""

    def __init__(self, door: Door, scope: Message, receive: Receive, send: Send) -> None:
        self.door, self.scope, self._receive, self._send = door, scope, receive, send
        headers = {name.lower(): value for name, value in scope["headers"]}
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        self.request_id = given if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given) else uuid.uuid4().hex
        declared = headers.get(b"content-length", b"0")
        self.too_long = declared.isdigit() and int(declared[:20]) > door.max_bytes
        self.n_bytes, self.status = 0, 0

    async def go(self, app: Any) -> None:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=self.request_id)
        started = time.monotonic()
        try:
            if not self.too_long:
                await app(self.scope, self.receive, self.send)
        except Exception as problem:
            if not self.too_long:
                log.error("request_crashed", kind=type(problem).__name__,
                          frames=traceback.format_tb(problem.__traceback__)[-5:])
                await self.answer(ApiError("INFRASTRUCTURE_INTERNAL", "something went wrong here; it was logged"))
        if self.too_long:
            await self.answer(ApiError("VALIDATION_TOO_LARGE", "the request is larger than "
                                       f"{self.door.max_bytes / 1e6:g} MB", field="body", reason="too_large"))
        seconds = time.monotonic() - started
        self.door.count(self.scope, self.status, seconds)
        log.info("request", method=self.scope["method"], path=self.scope["path"], status=self.status,
                 took_ms=round(seconds * 1000, 1))

    async def receive(self) -> Message:
        message = await self._receive()
        self.n_bytes += len(message.get("body", b""))
        if self.n_bytes > self.door.max_bytes:
            self.too_long = True
            raise _TooLong
        return message

    async def send(self, message: Message) -> None:
        if self.too_long and not self.status:
            return  # what the app makes of a body that was cut off
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (b"x-request-id", self.request_id.encode()),
                                  (b"x-content-type-options", b"nosniff")]
        await self._send(message)

    async def answer(self, error: ApiError) -> None:
        """An error that no handler of the app could answer."""
        if self.status:
            return
        self.status = error.status
        body = json.dumps(error_body(self.scope["path"], error)).encode()
        await self._send({"type": "http.response.start", "status": error.status, "headers": [
            (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()),
            (b"x-request-id", self.request_id.encode()), (b"connection", b"close")]})
        await self._send({"type": "http.response.body", "body": body})


def error_body(path: str, error: ApiError) -> dict[str, Any]:
    """An error as the callers of this path know errors: OpenAI's below /v1."""
    if not path.startswith("/v1/"):
        return error.body()
    kind = _OPENAI_TYPES.get(error.status, "server_error" if error.status >= 500 else "invalid_request_error")
    return {"error": {"message": error.message, "type": kind, "param": error.field, "code": error.code}}


def answered(request: Request, error: ApiError) -> JSONResponse:
    headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s else None
    if error.status == 401:
        headers = {"WWW-Authenticate": "Bearer"}
    return JSONResponse(error_body(request.url.path, error), error.status, headers)


def install_handlers(app: FastAPI) -> None:
    @app.exception_handler(ApiError)
    async def refused(request: Request, error: ApiError) -> JSONResponse:
        return answered(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid_request(request: Request, error: RequestValidationError) -> JSONResponse:
        return answered(request, first_problem(error.errors()))

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        code = {404: "VALIDATION_NOT_FOUND", 405: "VALIDATION_METHOD"}.get(error.status_code, "VALIDATION_FAILED")
        response = answered(request, ApiError(code, str(error.detail)))
        response.headers.update({name: value for name, value in (error.headers or {}).items()
                                 if name.lower() == "allow"})
        return response
