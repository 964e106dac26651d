"""Who asks, and whether it may: the dependencies that every route has one of."""
from __future__ import annotations

import math
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from transcription.errors import ApiError
from transcription.jobs.keys import ANONYMOUS, Caller, Keyring, RateLimit
from transcription.jobs.service import Service

_bearer = HTTPBearer(auto_error=False, description="`Authorization: Bearer KEY`")
_header = APIKeyHeader(name="X-API-Key", auto_error=False)


def service_of(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


def _caller(request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
            header: Annotated[str | None, Security(_header)]) -> Caller:
    keyring: Keyring = request.app.state.keyring
    return keyring.caller(bearer.credentials if bearer else header, _address(request))


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _limit(request: Request, caller: Caller, kind: str, per_minute: int) -> None:
    limiter: RateLimit = request.app.state.limiter
    name = f"{kind} {caller.owner if caller.owner != ANONYMOUS else _address(request)}"
    wait_s = limiter.take(name, per_minute)
    if wait_s:
        error = ApiError("VALIDATION_RATE_LIMIT", f"more than {per_minute} requests a minute; try again in "
                         f"{math.ceil(wait_s)} s", reason="rate")
        error.retry_after_s = math.ceil(wait_s)
        raise error


def _reader(request: Request, caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    _limit(request, caller, "read", service_of(request).parts.settings.poll_limit_per_minute)
    return caller


def _submitter(request: Request, caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    own = caller.rate_per_minute
    _limit(request, caller, "submit",
           service_of(request).parts.settings.rate_limit_per_minute if own is None else own)
    return caller


Reader = Annotated[Caller, Depends(_reader)]
Submitter = Annotated[Caller, Depends(_submitter)]
Jobs = Annotated[Service, Depends(service_of)]
