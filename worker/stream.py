"""Finished lines handed out while their job goes on: each a file of its own, with its word times.

What RunPod shows of a job in progress is its newest report alone, so a reader misses some. The lines of a report are
the newest few; all of them so far lie in one file, whose URL every report has.
"""
from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from s3_utils import Store, audio_key
from timing.words import Word
from tts import Samples, encode
from worker.jobs import Job
from worker.marking import Marking
from worker.records import LINES
from worker.requests import Generate

FIRST_LINE_BYTES = 60
"""Of the first line, which the listener waits for: some four seconds of speech."""
LINES_IN_A_REPORT = 5
REWRITE_S = 1.0
"""The file of all lines is not written again sooner than this, except for the last line."""


class LineStream:
    """The lines of one job. Every key is noted in `written` before it is stored."""

    def __init__(self, request: Generate, job: Job, store: Store, marking: Marking | None, written: list[str]) -> None:
        self._request, self._job, self._store, self._marking = request, job, store, marking
        self._written = written
        self._lines: list[dict[str, Any]] = []
        self._rewritten_at = 0.0
        self._index_key = audio_key(job.job_id, LINES)
        written.append(self._index_key)

    def add(self, text: str, samples: Samples, rate_hz: int, start_s: float, words: Sequence[Word], *,
            last: bool) -> None:
        """`start_s` is the line's place in the whole recording, whose clock its words keep, too."""
        line = {"index": len(self._lines), "text": text, "start": round(start_s, 3),
                "duration": round(len(samples) / rate_hz, 3), "audio_url": self._stored(samples, rate_hz)}
        if words:
            line["words"] = [{"word": word.text, "start": round(start_s + word.start_ms / 1000, 3),
                              "end": round(start_s + word.end_ms / 1000, 3)} for word in words]
        self._lines.append(line)
        if last or len(self._lines) == 1 or time.monotonic() - self._rewritten_at > REWRITE_S:
            self._rewrite(last)
        self._job.publish({"n_lines": len(self._lines), "lines": self._lines[-LINES_IN_A_REPORT:],
                           "lines_url": self._url(self._index_key, LINES, "application/json")})

    def _stored(self, samples: Samples, rate_hz: int) -> str:
        form = encode.FORMATS[self._request.audio_format]
        name = f"line-{len(self._lines):04}.{form.extension}"
        key = audio_key(self._job.job_id, name)
        with tempfile.TemporaryDirectory(prefix="line-") as folder:
            path = Path(folder, name)
            encode.write(lambda: iter([samples]), rate_hz, form, path)
            if self._marking is not None:
                self._marking.file(path)
            self._written.append(key)
            self._store.put(key, path, form.content_type)
        return self._url(key, name, form.content_type)

    def _rewrite(self, complete: bool) -> None:
        content = {"job_id": self._job.job_id, "complete": complete, "lines": self._lines}
        self._store.put(self._index_key, json.dumps(content, ensure_ascii=False).encode(), "application/json")
        self._rewritten_at = time.monotonic()

    def _url(self, key: str, name: str, content_type: str) -> str:
        return self._store.presign(key, self._request.url_expires_s, f"{self._job.job_id}.{name}", content_type)
