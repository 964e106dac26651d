"""Finished lines handed out while their job goes on: each a file of its own, with its word times.

What RunPod shows of a job in progress is its newest report alone, so a reader misses some. The lines of a report are
the newest few; all of them so far lie in one file, whose URL every report has.
"""
from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from s3_utils import Store, line_key, lines_key
from timing.words import Word
from tts import Samples, encode

FIRST_LINE_BYTES = 60
"""Of the first line, which the listener waits for: some four seconds of speech."""
LINES_IN_A_REPORT = 5
_JSON = "application/json"
REWRITE_S = 1.0
"""The file of all lines is not written again sooner than this, except for the last line."""


class LineStream:
    """The lines of one job. `mark` signs a file; every key is noted in `written` before it is stored."""

    def __init__(self, job_id: str, form: encode.AudioFormat, expires_s: int, store: Store,
                 mark: Callable[[Path], object], publish: Callable[[Mapping[str, Any]], None],
                 written: list[str]) -> None:
        self._job_id, self._form, self._expires_s, self._store = job_id, form, expires_s, store
        self._mark, self._publish, self._written = mark, publish, written
        self._lines: list[dict[str, Any]] = []
        self._rewritten_at = 0.0
        written.append(lines_key(job_id))

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
        self._publish({"n_lines": len(self._lines), "lines": self._lines[-LINES_IN_A_REPORT:],
                       "lines_url": self._url(lines_key(self._job_id), _JSON)})

    def _stored(self, samples: Samples, rate_hz: int) -> str:
        key = line_key(self._job_id, len(self._lines), self._form.extension)
        with tempfile.TemporaryDirectory(prefix="line-") as folder:
            path = Path(folder, f"line.{self._form.extension}")
            encode.write(lambda: iter([samples]), rate_hz, self._form, path)
            self._mark(path)
            self._written.append(key)
            self._store.put(key, path, self._form.content_type)
        return self._url(key, self._form.content_type)

    def _rewrite(self, complete: bool) -> None:
        content = {"job_id": self._job_id, "complete": complete, "lines": self._lines}
        self._store.put(lines_key(self._job_id), json.dumps(content, ensure_ascii=False).encode(), _JSON)
        self._rewritten_at = time.monotonic()

    def _url(self, key: str, content_type: str) -> str:
        return self._store.presign(key, self._expires_s, key.rpartition("/")[2], content_type)
