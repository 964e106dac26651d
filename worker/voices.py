"""The voice endpoints, and a stored voice for the engine.

A voice is prepared once, at upload: decoded, cut to its best seconds with its text cut to match, trimmed, resampled
and measured.
"""
from __future__ import annotations

import base64
import binascii
import hashlib
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any, Protocol

import numpy as np

from intake import audio, net
from s3_utils import MissingKey, StorageError, Store, check_voice_name
from text import transcript
from timing.align import Source
from tts import Samples, Voice
from tts.encode import FORMATS, encode
from worker import reference, voice_store
from worker.reference import MAX_MS, RATE_HZ
from worker.refusals import Conflict, NotFound
from worker.requests import DeleteVoice, GetVoice, InvalidInput, ListVoices, Upload
from worker.settings import Settings
from worker.voice_store import BrokenVoice, Listed
from worker.watch import watched

MAX_UPLOAD_BYTES = 50_000_000
MAX_UPLOAD_S = 600.0
_FETCH_S = 60.0
_MAX_WARNINGS = 50
_SHOWN = ("duration", "sample_rate", "reference_text", "language", "quality", "warnings", "created_at", "consent")
"""What callers see of a stored description; a file placed by hand may hold anything."""


class Transcriber(Protocol):
    """Speech recognition, where a model for it is loaded."""

    def transcribe(self, samples_16k: Samples, language: str | None) -> tuple[str, str]: ...


@dataclass(frozen=True)
class VoiceParts:
    """What the voice endpoints work with."""

    store: Store
    settings: Settings
    sources: Mapping[str, Source]
    transcriber: Transcriber | None


def upload(request: Upload, parts: VoiceParts, check: Callable[[], None]) -> dict[str, Any]:
    """Endpoint `upload`. Raises Conflict for a name that is taken, unless `overwrite`."""
    if parts.settings.require_consent and request.consent is None:
        raise InvalidInput("consent: is needed here: {by, statement} of the person whose voice it is")
    name = request.voice_name
    if not request.overwrite and voice_store.exists(parts.store, name):
        raise Conflict(f"voice_name: {name} exists; send overwrite: true to replace it")
    recording = audio.decode(_bytes_of(request, parts, check), max_duration_s=MAX_UPLOAD_S, to_hz=RATE_HZ, check=check)
    samples = recording.samples
    text, warnings = watched(lambda stop: _reference_text(request, samples, parts, stop), check)
    try:
        clip = watched(partial(reference.prepare, samples, text, request.language, parts.sources), check)
    except reference.BadReference as error:
        raise InvalidInput(str(error)) from None
    quality = audio.measure(clip.samples, RATE_HZ)
    voice = {
        "name": name,
        "duration": round(len(clip.samples) / RATE_HZ, 3),
        "sample_rate": RATE_HZ,
        "reference_text": clip.text,
        "language": request.language,
        "quality": _rounded(quality),
        "warnings": [*recording.warnings, *warnings, *clip.warnings, *reference.advice(quality, clip.text)],
    }
    check()
    voice_store.save(parts.store, name, {
        **voice, "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "consent": request.consent.model_dump() if request.consent else None,
    }, encode(np.clip(clip.samples, -1.0, 1.0), RATE_HZ, FORMATS["wav"]).data, overwrite=request.overwrite)
    return {"status": "completed", "voice": voice}


def stored_name(name: str) -> str:
    """A voice as callers write it, with or without `.wav`. Raises InvalidInput."""
    name = name.removesuffix(".wav")
    try:
        check_voice_name(name)
    except ValueError as error:
        raise InvalidInput(f"voice: {error}") from None
    return name


def load(store: Store, name: str, check: Callable[[], None] = lambda: None) -> tuple[Voice, list[str]]:
    """The prepared voice, and what is to be said of its files.

    Raises NotFound, BrokenVoice, and InvalidInput for one that has no usable transcript or was never prepared.
    """
    about, data = voice_store.recording(store, name)
    text = str(about.get("reference_text") or "").strip()
    if not text:
        raise InvalidInput(f"local_voice: {name} has no transcript; upload it again with reference_text")
    try:
        samples = audio.decode(data, max_duration_s=MAX_MS / 1000 + 1, to_hz=RATE_HZ, check=check).samples
    except net.TooLarge:
        raise InvalidInput(f"local_voice: {name} is longer than {MAX_MS // 1000} s and was not prepared; "
                           "upload it through the upload endpoint") from None
    fingerprint = hashlib.sha256(f"{hashlib.sha256(data).hexdigest()}\n{text}".encode()).hexdigest()
    voice = Voice(name, samples, RATE_HZ, text, str(about.get("language") or "en"), fingerprint)
    return voice, voice_store.replaced_by_hand(store, name, about, data)


def get_voice(request: GetVoice, parts: VoiceParts) -> dict[str, Any]:
    """Endpoint `get_voice`: its description, and a URL of its recording. A voice placed by hand is measured now."""
    name = request.voice_name
    about, data = voice_store.recording(parts.store, name)
    if "duration" not in about or "quality" not in about:
        about = {**about, **_measured(data, about)}
    known, replaced = about.get("warnings"), voice_store.replaced_by_hand(parts.store, name, about, data)
    about["warnings"] = [*(known if isinstance(known, list) else ()), *replaced]
    _, key = voice_store.read(parts.store, name)
    url = parts.store.presign(key, request.url_expires_s, f"{name}.wav", "audio/wav")
    return {"status": "completed", "voice": {
        "name": name, "size": len(data), **{field: about[field] for field in _SHOWN if field in about},
        "preview_url": url}}


def _measured(data: bytes, about: Mapping[str, Any]) -> dict[str, Any]:
    recording = audio.decode(data, max_duration_s=MAX_UPLOAD_S)
    quality = audio.measure(recording.samples, recording.rate_hz)
    text = str(about.get("reference_text") or "")
    missing = [] if text else ["reference: it has no transcript and cannot be spoken with"]
    return {"duration": round(quality.duration_s, 3), "sample_rate": recording.rate_hz, "quality": _rounded(quality),
            "warnings": [*recording.warnings, *missing, *reference.advice(quality, text)]}


def delete_voice(request: DeleteVoice, parts: VoiceParts) -> dict[str, Any]:
    """Endpoint `delete_voice`."""
    voice_store.remove(parts.store, request.voice_name)
    return {"status": "deleted", "voice_name": request.voice_name}


def list_voices(request: ListVoices, parts: VoiceParts) -> dict[str, Any]:
    """Endpoint `list_voices`: a page of voices in the order of their names. What is no voice is named in `warnings`."""
    odd: list[str] = []
    found = _voices_only(voice_store.listing(parts.store, request.cursor), odd)
    listed = list(islice(found, request.limit))
    more = len(listed) == request.limit and next(found, None) is not None
    with ThreadPoolExecutor(max_workers=16) as pool:
        answers = list(pool.map(lambda each: _summary(parts.store, each), listed))
    voices = [answer for answer in answers if isinstance(answer, dict)]
    warnings = [*odd, *(answer for answer in answers if isinstance(answer, str))]
    if len(warnings) > _MAX_WARNINGS:
        warnings[_MAX_WARNINGS:] = [f"and {len(warnings) - _MAX_WARNINGS} more files that are no voice"]
    return {"voices": voices, "count": len(voices), "next_cursor": listed[-1].last_key if more else None,
            "warnings": warnings, "status": "completed"}


def _voices_only(listing: Iterable[Listed | str], odd: list[str]) -> Iterator[Listed]:
    for each in listing:
        if isinstance(each, Listed):
            yield each
        else:
            odd.append(f"{each[:120]}: is not named as a voice is, <name>.wav, .txt or .json with a name of letters, "
                       "digits, - and _")


def _summary(store: Store, listed: Listed) -> dict[str, Any] | str:
    """A voice of the list, or why it is none."""
    try:
        about = voice_store.describe(store, listed)
    except (BrokenVoice, NotFound, StorageError) as error:
        return f"{listed.name}: {error}"
    entry = listed.entries.get("wav") or listed.entries["json"]
    return {
        "name": listed.name,
        "size": about["size"] if isinstance(about.get("size"), int) else entry.size,
        "last_modified": entry.last_modified.astimezone(UTC).isoformat(timespec="seconds"),
        **{key: about.get(key) for key in ("duration", "language", "reference_text")},
    }


def _bytes_of(request: Upload, parts: VoiceParts, check: Callable[[], None]) -> bytes:
    if request.voice_file_url is not None:
        return net.fetch(request.voice_file_url, max_bytes=MAX_UPLOAD_BYTES, deadline_s=_FETCH_S,
                         allow_hosts=parts.settings.url_allow_hosts, check=check)
    if request.voice_file_base64 is not None:
        return _from_base64(request.voice_file_base64)
    try:
        return parts.store.get(request.s3_key or "", max_bytes=MAX_UPLOAD_BYTES)
    except MissingKey:
        raise NotFound("s3_key: there is no such upload") from None


def _from_base64(text: str) -> bytes:
    """With line ends and as data URI too: that is how `base64`, e-mail programs and browsers write it."""
    body = re.sub(r"\s+", "", re.sub(r"^\s*data:[^,]{0,100};base64,", "", text))
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("voice_file_base64: is not base64") from None


def _reference_text(request: Upload, samples: Samples, parts: VoiceParts,
                    check: Callable[[], None]) -> tuple[str, list[str]]:
    if request.reference_text is not None:
        return transcript.read(request.reference_text.encode()), []
    if request.reference_text_url is not None:
        data = net.fetch(request.reference_text_url, max_bytes=1_000_000, deadline_s=_FETCH_S,
                         allow_hosts=parts.settings.url_allow_hosts, check=check)
        return transcript.read(data), []
    if parts.transcriber is None:
        raise InvalidInput("reference_text: is needed, because this worker has no speech recognition loaded")
    text, _ = parts.transcriber.transcribe(audio.resample(samples, RATE_HZ, 16_000), request.language)
    if not text.strip():
        raise InvalidInput("reference_text: no speech was recognised in the recording; send its words")
    text = "".join(letter for letter in text if letter.isprintable())
    return text.strip(), ["reference_text: recognised by machine; check it, every mistake is heard in the voice"]


def _rounded(quality: audio.Quality) -> dict[str, Any]:
    return {key: round(value, 3) if math.isfinite(value) else None for key, value in asdict(quality).items()}
