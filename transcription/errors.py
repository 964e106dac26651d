"""What can go wrong, in four families, and how a caller is told.

`error_code` is FAMILY_REASON. VALIDATION: the request must change. AUTHENTICATION: the key must. PROCESSING: this
recording cannot be done. INFRASTRUCTURE: try again later. Messages are fit for the caller: no path, no secret.
"""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

HTTP_STATUS = {
    "VALIDATION_FAILED": 422, "VALIDATION_NOT_FOUND": 404, "VALIDATION_CONFLICT": 409, "VALIDATION_TOO_LARGE": 413,
    "VALIDATION_UNSUPPORTED_AUDIO": 415, "VALIDATION_BLOCKED_URL": 422, "VALIDATION_NOT_READY": 409,
    "VALIDATION_METHOD": 405, "VALIDATION_MODEL_UNAVAILABLE": 422, "VALIDATION_RATE_LIMIT": 429,
    "VALIDATION_QUOTA": 429,
    "AUTHENTICATION_REQUIRED": 401, "AUTHENTICATION_INVALID": 403, "AUTHENTICATION_ADDRESS": 403,
    "PROCESSING_FAILED": 422, "PROCESSING_FETCH_FAILED": 422, "PROCESSING_ALIGNMENT_FAILED": 422,
    "PROCESSING_CANCELLED": 409, "PROCESSING_WORKER_LOST": 422, "PROCESSING_TIMEOUT": 422,
    "INFRASTRUCTURE_INTERNAL": 500, "INFRASTRUCTURE_STORAGE": 503, "INFRASTRUCTURE_STATE": 503,
    "INFRASTRUCTURE_BUSY": 503,
    "INFRASTRUCTURE_TIMEOUT": 504,
}
"""Every code there is, and the status with which a request that meets it is answered."""


class ApiError(Exception):
    """`field` names the part of the request that is meant, `reason` is a short name of what is wrong with it."""

    def __init__(self, code: str, message: str, *, field: str | None = None, reason: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.field, self.reason = code, message, field, reason
        self.retry_after_s: int | None = None

    @property
    def status(self) -> int:
        return HTTP_STATUS[self.code]

    def body(self) -> dict[str, Any]:
        return {"error": self.message, "error_code": self.code,
                "details": {"field": self.field, "reason": self.reason},
                "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds")}


def invalid(field: str, message: str, reason: str = "invalid") -> ApiError:
    return ApiError("VALIDATION_FAILED", f"{field}: {message}", field=field, reason=reason)


def not_found(job_id: str) -> ApiError:
    return ApiError("VALIDATION_NOT_FOUND", f"job {job_id[:80]} is not known here", field="job_id", reason="not_found")
