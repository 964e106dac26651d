"""One JSON object per log line, with the job's ids and without secrets."""
from __future__ import annotations

import contextvars
import json
import logging
import re
import sys
from datetime import UTC, datetime

runpod_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("runpod_id", default=None)
job_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("job_id", default=None)
"""Of the job that the thread works for: RunPod's id, and the one under which it is stored."""

_SIGNED = re.compile(r"(https?://[^\s?\"']+)\?[^\s\"']+")


def configure(level: str, secrets: tuple[str, ...]) -> None:
    """Sends every log line of the process to standard error through `JsonLines`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(secrets))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("botocore", "boto3", "urllib3", "s3transfer", "numba", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class JsonLines(logging.Formatter):
    """Removes the given secrets, and the query of every URL, which may be a signature."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "runpod_id": runpod_id.get(),
            "job_id": job_id.get(),
            "message": self.redact(record.getMessage()),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)

    def redact(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return _SIGNED.sub(r"\1?[query]", text)
