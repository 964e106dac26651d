"""Files into the store, and answers with fresh URLs out of it.

A finished job's record keeps keys; every answer (the first, a repeated job, `result`, `download`) is the
record's output with those keys turned into URLs, so that they cannot differ.
"""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from captions import WRITERS, ass
from captions.cues import Captions, cues
from s3_utils import MissingKey, Store, timing_key, words_key
from timing.words import Timeline, Word
from tts.encode import FORMATS
from worker.records import Conflict, NotFound, Record, Records
from worker.requests import Download, InvalidInput, Result
from worker.watch import watched

JSON = "application/json"
UNKNOWN = "application/octet-stream"
"""Of a file in a format that a newer worker has made and this one does not know: it is handed out as it is."""
VIDEO_TYPES = {"mp4": "video/mp4", "webm": "video/webm", "mov": "video/quicktime"}


Files = dict[str, bytes]
"""Timing files by their format."""


def timing_files(timeline: Timeline, captions: Captions, formats: tuple[str, ...], job_id: str,
                 check: Callable[[], None]) -> tuple[Files, list[str]]:
    """The files, and what whoever burns the ASS file has to know. An hour of speech takes seconds: `check` ends it."""
    def made(_: Callable[[], None]) -> tuple[Files, list[str]]:
        all_cues = cues(timeline, captions)
        files = {name: WRITERS[name].write(timeline, all_cues, captions, job_id).encode() for name in formats}
        return files, ass.warnings(all_cues, captions, timeline.language) if "ass" in formats else []

    return watched(made, check)


def put_timings(store: Store, job_id: str, timeline: Timeline, captions: Captions, files: Files,
                written: list[str]) -> dict[str, str]:
    """Stores the words and the files; returns {format: key} and notes each key in `written`."""
    words = {
        "text": timeline.text, "language": timeline.language, "method": timeline.method,
        "duration_ms": timeline.duration_ms, "captions": asdict(captions),
        "words": [[w.start_ms, w.end_ms, w.char_start, w.char_end, w.score, w.estimated] for w in timeline.words],
    }
    written.append(words_key(job_id))
    store.put(words_key(job_id), json.dumps(words, ensure_ascii=False, separators=(",", ":")).encode(), JSON)
    written += [timing_key(job_id, name) for name in files]
    _put(store, job_id, files)
    return {name: timing_key(job_id, name) for name in files}


def _put(store: Store, job_id: str, files: Files) -> None:
    for name, content in files.items():
        store.put(timing_key(job_id, name), content, WRITERS[name].content_type)


def _write_again(store: Store, job_id: str, formats: tuple[str, ...], check: Callable[[], None]) -> None:
    """Timing files from the stored words. Raises NotFound."""
    timeline, captions = stored_words(store, job_id)
    files, _ = timing_files(timeline, captions, formats, job_id, check)
    _put(store, job_id, files)


def stored_words(store: Store, job_id: str) -> tuple[Timeline, Captions]:
    """Raises NotFound when the job made no word times."""
    try:
        kept = json.loads(store.get(words_key(job_id)))
    except MissingKey:
        raise NotFound(f"job {job_id} made no word times; generate with return_word_timings: true") from None
    text = kept["text"]
    words = tuple(Word(text[a:b], start, end, a, b, score, estimated)
                  for start, end, a, b, score, estimated in kept["words"])
    timeline = Timeline(text, words, kept["duration_ms"], kept["language"], kept["method"])
    return timeline, Captions.of(kept["captions"])


def answer(store: Store, record_output: Mapping[str, Any], expires_s: int) -> dict[str, Any]:
    """The record's output as the caller gets it: `*_key` fields become `*_url`, `timing_keys` `timing_files`."""
    output = dict(record_output)
    job_id = output["job_id"]
    audio = output.pop("audio_key", None)
    if audio is not None:
        output["audio_url"] = _audio_url(store, audio, job_id, expires_s)
    video = output.pop("video_key", None)
    if video is not None:
        name = f"{job_id}.{output['video_format']}"
        output["video_url"] = store.presign(video, expires_s, name, VIDEO_TYPES.get(output["video_format"], UNKNOWN))
    if (keys := output.pop("timing_keys", None)) is not None:
        output["timing_files"] = {name: _timing_url(store, job_id, name, expires_s) for name in keys}
    return output


def _audio_url(store: Store, key: str, job_id: str, expires_s: int) -> str:
    extension = key.rpartition(".")[2]
    return store.presign(key, expires_s, f"{job_id}.{extension}", _audio_type(extension))


def _audio_type(extension: str) -> str:
    return FORMATS[extension].content_type if extension in FORMATS else UNKNOWN


def _timing_url(store: Store, job_id: str, name: str, expires_s: int) -> str:
    filename, content_type = _timing_file(job_id, name)
    return store.presign(timing_key(job_id, name), expires_s, filename, content_type)


def _timing_file(job_id: str, name: str) -> tuple[str, str]:
    """Name and type of a timing file as it is downloaded."""
    writer = WRITERS.get(name)
    return (f"{job_id}.{writer.extension}", writer.content_type) if writer else (f"{job_id}.{name}", UNKNOWN)


def is_whole(store: Store, output: Mapping[str, Any]) -> bool:
    """Whether the files that cannot be written again from others are all there; a lifecycle rule removes old ones."""
    keys = [output["audio_key"]] if "audio_key" in output else []
    keys += [words_key(output["job_id"])] if output.get("timing_keys") else []
    return all(store.head(key) is not None for key in keys)


def _with_files(store: Store, output: Mapping[str, Any], check: Callable[[], None]) -> None:
    """Makes sure that what is going to be signed is there: timing files are written again from the stored words.

    Raises NotFound for audio or words that have been removed.
    """
    job_id = output["job_id"]
    if not is_whole(store, output):
        raise _expired(f"a file of job {job_id}")
    missing = tuple(name for name, key in (output.get("timing_keys") or {}).items() if store.head(key) is None)
    if not set(missing) <= set(WRITERS):
        raise _expired(f"a file of job {job_id}")
    if missing:
        _write_again(store, job_id, missing, check)


def stored_answer(store: Store, output: Mapping[str, Any], expires_s: int, check: Callable[[], None]) -> dict[str, Any]:
    """The answer of a job that ended before: its files are looked for first. Raises NotFound."""
    _with_files(store, output, check)
    return answer(store, output, expires_s)


def result(request: Result, store: Store, records: Records, check: Callable[[], None]) -> dict[str, Any]:
    """Endpoint `result`: the whole output of a finished job, with fresh URLs."""
    return stored_answer(store, _finished(records, request.job_id), request.url_expires_s, check)


def download(request: Download, store: Store, records: Records, check: Callable[[], None]) -> dict[str, Any]:
    """Endpoint `download`. Only what the job's own record names can be had; a new timing format is written now."""
    job_id, output = request.job_id, _finished(records, request.job_id)
    if request.type == "audio":
        key = output.get("audio_key")
        if key is None:
            raise NotFound(f"job {job_id} made no audio")
        if store.head(key) is None:
            raise _expired(f"the audio of job {job_id}")
        extension = key.rpartition(".")[2]
        if request.format not in (None, extension):
            raise InvalidInput(f"format: the audio of this job is {extension}")
        return {"audio_url": _audio_url(store, key, job_id, request.url_expires_s),
                "content_type": _audio_type(extension), "filename": f"{job_id}.{extension}",
                "status": "ready"}
    name = request.format or next(iter(output.get("timing_keys") or ()), "srt")
    if store.head(timing_key(job_id, name)) is None:
        if name not in WRITERS or (output.get("timing_keys") and store.head(words_key(job_id)) is None):
            raise _expired(f"the word times of job {job_id}")
        _write_again(store, job_id, (name,), check)
    filename, content_type = _timing_file(job_id, name)
    return {"timing_url": _timing_url(store, job_id, name, request.url_expires_s),
            "content_type": content_type, "filename": filename, "status": "ready"}


def _expired(what: str) -> NotFound:
    return NotFound(f"{what} has expired and was removed; the same job_id and input make it again")


def _finished(records: Records, job_id: str) -> dict[str, Any]:
    record: Record = records.read(job_id)
    if record.status == "completed" and record.output is not None:
        return record.output
    state = f"{record.status}: {record.error}" if record.error else record.status
    raise Conflict(f"job {job_id} has no result; it is {state}")


