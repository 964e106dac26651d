"""What `./run` does with a job's files on this machine: a page to look at, copies in a folder, files to work from."""
from __future__ import annotations

import shutil
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from captions import WRITERS, preview
from intake import audio
from s3_utils import Store, audio_key, timing_key
from tts.encode import FORMATS
from worker import delivery
from worker.align import MAX_AUDIO_S

MAX_EMBEDDED_S = 600
"""The preview of longer audio links it: a page of more than some 30 MB opens slowly."""


class NotCopied(Exception):
    """A file could not be written where it was wanted; the message says which and why."""


@contextmanager
def uploaded(store: Store, path: Path) -> Iterator[str]:
    """The key under `uploads/` by which a job reads this file; it is gone afterwards."""
    path.open("rb").close()  # a file that is not there is the caller's mistake, not the store's
    key = f"uploads/local-{uuid.uuid4().hex[:12]}"
    store.put(key, path, "application/octet-stream")
    try:
        yield key
    finally:
        store.delete(key)


def write_preview(store: Store, output: dict[str, Any]) -> str:
    """Writes `output/<job_id>.preview.html`, for the eye of whoever ran this by hand; returns its URL.

    The page of a long job links the audio beside it and has no picture of its waveform.
    """
    job_id, extension = output["job_id"], _extension(output)
    content_type = FORMATS[extension].content_type
    timeline, captions = delivery.stored_words(store, job_id)
    files = {f"{job_id}.{WRITERS[name].extension}": store.get(timing_key(job_id, name)).decode()
             for name in output["timing_files"]}
    if output["duration"] > MAX_EMBEDDED_S or extension == "pcm":  # which no browser plays
        page = preview.page(f"{job_id}.{extension}", content_type, timeline, np.zeros(0, np.float32), 1, captions,
                            files)
    else:
        data = store.get(audio_key(job_id, extension))
        waveform = audio.decode(data, max_duration_s=MAX_AUDIO_S)
        page = preview.page(data, content_type, timeline, waveform.samples, waveform.rate_hz, captions, files)
    key, name = f"output/{job_id}.preview.html", f"{job_id}.preview.html"
    store.put(key, page.encode(), "text/html; charset=utf-8")
    return store.presign(key, 3600, name, "text/html; charset=utf-8")


def copy_all(output: dict[str, Any], folder: Path) -> None:
    """Every file of a finished `generate` job. Raises NotCopied."""
    job_id, extension = output["job_id"], _extension(output)
    urls = {f"{job_id}.{extension}": output["audio_url"], f"{job_id}.preview.html": output["preview_url"]}
    urls |= {f"{job_id}.{WRITERS[name].extension}": url for name, url in output["timing_files"].items()}
    for name, url in urls.items():
        copy(url, folder / name)


def copy(url: str, path: Path) -> None:
    """Whole under its name, or not at all: a full disk leaves no part of a file. Raises NotCopied."""
    draft = path.parent / f".{path.name}.part"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(url) as source, draft.open("wb") as target:  # noqa: S310 - the store's own
            shutil.copyfileobj(source, target)
        draft.replace(path)
    except OSError as error:
        reason = error.strerror or "the store does not hand it out"
        raise NotCopied(f"{path}: {reason}; the files of this run lie in the store") from None
    finally:
        with suppress(OSError):
            draft.unlink()
    print(f"wrote {path}", file=sys.stderr)


def _extension(output: dict[str, Any]) -> str:
    return str(output["audio_url"].partition("?")[0].rpartition(".")[2])
