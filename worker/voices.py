"""The voice endpoints, and a stored voice for the engine.

A voice is prepared once, at upload: decoded, cut to its best seconds with its text cut to match, trimmed, resampled
and measured.
"""
from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

import numpy as np

from intake import audio, net
from s3_utils import MissingKey, StorageError, Store, check_voice_name, picture_key
from text import transcript
from timing.align import Source
from tts import Samples, Voice
from tts.encode import FORMATS, encode
from worker import reference, voice_index, voice_report, voice_store
from worker.reference import MAX_MS, RATE_HZ
from worker.refusals import Conflict, NotFound
from worker.requests import DeleteVoice, GetVoice, InvalidInput, ListVoices, RenameVoice, Upload
from worker.settings import Settings
from worker.watch import watched

log = logging.getLogger(__name__)

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
        made = _prepared(samples, text, request.language, parts, check, [*recording.warnings, *warnings])
    except reference.BadReference as error:
        raise InvalidInput(str(error)) from None
    about = {"name": name, **made.about, "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
             "consent": request.consent.model_dump() if request.consent else None}
    check()
    voice_store.save(parts.store, name, about, made.data, overwrite=request.overwrite, picture=made.picture)
    voice_index.note(parts.store, name, {**about, "size": len(made.data)})
    return {"status": "completed", "voice": {key: about[key] for key in ("name", *_SHOWN[:6])}}


@dataclass(frozen=True)
class _Made:
    """A prepared voice: its description, its WAV file and its picture."""

    about: dict[str, Any]
    data: bytes
    picture: bytes


def _prepared(samples: Samples, text: str, language: str, parts: VoiceParts, check: Callable[[], None],
              warnings: Sequence[str]) -> _Made:
    """Raises BadReference."""
    clip = watched(partial(reference.prepare, samples, text, language, parts.sources), check)
    figures = voice_report.report(clip.samples, RATE_HZ, clip.text, clip.match)
    about = {
        "duration": round(len(clip.samples) / RATE_HZ, 3), "sample_rate": RATE_HZ, "reference_text": clip.text,
        "language": language, "quality": figures,
        "warnings": [*warnings, *clip.warnings, *voice_report.advice(figures)],
        "prepared": reference.VERSION, "picture": True,
    }
    return _Made(about, encode(np.clip(clip.samples, -1.0, 1.0), RATE_HZ, FORMATS["wav"]).data,
                 voice_report.picture(clip.samples, RATE_HZ, clip.words, clip.text))


def _up_to_date(parts: VoiceParts, name: str, about: dict[str, Any], data: bytes,
                check: Callable[[], None]) -> tuple[dict[str, Any], bytes]:
    """A voice that an older version prepared, prepared again and stored. Where that fails it is used as it is."""
    version = about.get("prepared", 1)
    if "quality" not in about or not isinstance(version, int) or version >= reference.VERSION:
        return about, data
    try:
        samples = audio.decode(data, max_duration_s=MAX_UPLOAD_S, to_hz=RATE_HZ, check=check).samples
        made = _prepared(samples, str(about["reference_text"]), str(about.get("language") or "en"), parts, check, ())
        about = {**about, **made.about}
        voice_store.save(parts.store, name, about, made.data, overwrite=True, picture=made.picture)
        voice_index.note(parts.store, name, {**about, "size": len(made.data)})
        return voice_store.recording(parts.store, name)
    except (reference.BadReference, audio.UnsupportedAudio, net.TooLarge, StorageError, Conflict) as error:
        log.warning("voice %s could not be prepared again: %s", name, error)
        return about, data


def stored_name(name: str) -> str:
    """A voice as callers write it, with or without `.wav`. Raises InvalidInput."""
    name = name.removesuffix(".wav")
    try:
        check_voice_name(name)
    except ValueError as error:
        raise InvalidInput(f"voice: {error}") from None
    return name


def load(parts: VoiceParts, name: str, check: Callable[[], None] = lambda: None) -> tuple[Voice, list[str]]:
    """The prepared voice, and what is to be said of its files.

    Raises NotFound, BrokenVoice, and InvalidInput for one that has no usable transcript or was never prepared.
    """
    about, data = voice_store.recording(parts.store, name)
    if not str(about.get("reference_text") or "").strip():
        raise InvalidInput(f"local_voice: {name} has no transcript; upload it again with reference_text")
    about, data = _up_to_date(parts, name, about, data, check)
    text = str(about["reference_text"]).strip()
    try:
        samples = audio.decode(data, max_duration_s=MAX_MS / 1000 + 1, to_hz=RATE_HZ, check=check).samples
    except net.TooLarge:
        raise InvalidInput(f"local_voice: {name} is longer than {MAX_MS // 1000} s and was not prepared; "
                           "upload it through the upload endpoint") from None
    fingerprint = hashlib.sha256(f"{hashlib.sha256(data).hexdigest()}\n{text}".encode()).hexdigest()
    voice = Voice(name, samples, RATE_HZ, text, str(about.get("language") or "en"), fingerprint)
    return voice, voice_store.replaced_by_hand(parts.store, name, about, data)


def get_voice(request: GetVoice, parts: VoiceParts) -> dict[str, Any]:
    """Endpoint `get_voice`: its description, and a URL of its recording. A voice placed by hand is measured now."""
    name = request.voice_name
    about, data = voice_store.recording(parts.store, name)
    if "duration" not in about or "quality" not in about:
        about = {**about, **_measured(data, about)}
    known, replaced = about.get("warnings"), voice_store.replaced_by_hand(parts.store, name, about, data)
    about["warnings"] = [*(known if isinstance(known, list) else ()), *replaced]
    _, key = voice_store.read(parts.store, name)
    urls = {"preview_url": parts.store.presign(key, request.url_expires_s, f"{name}.wav", "audio/wav")}
    if about.get("picture") is True and "version" in about:
        urls["picture_url"] = parts.store.presign(picture_key(name, about["version"]), request.url_expires_s,
                                                  f"{name}.svg", voice_store.SVG)
    return {"status": "completed", "voice": {
        "name": name, "size": len(data), **{field: about[field] for field in _SHOWN if field in about}, **urls}}


def _measured(data: bytes, about: Mapping[str, Any]) -> dict[str, Any]:
    recording = audio.decode(data, max_duration_s=MAX_UPLOAD_S)
    text = str(about.get("reference_text") or "")
    figures = voice_report.report(recording.samples, recording.rate_hz, text, None)
    missing = [] if text else ["reference: it has no transcript and cannot be spoken with"]
    return {"duration": figures["duration_s"], "sample_rate": recording.rate_hz, "quality": figures,
            "warnings": [*recording.warnings, *missing, *voice_report.advice(figures)]}


def delete_voice(request: DeleteVoice, parts: VoiceParts) -> dict[str, Any]:
    """Endpoint `delete_voice`."""
    voice_store.remove(parts.store, request.voice_name)
    voice_index.forget(parts.store, request.voice_name)
    return {"status": "deleted", "voice_name": request.voice_name}


def rename_voice(request: RenameVoice, parts: VoiceParts) -> dict[str, Any]:
    """Endpoint `rename_voice`: the voice is there under its new name before the old one goes. Raises Conflict."""
    name, new_name = request.voice_name, request.new_name
    about, data = voice_store.recording(parts.store, name)
    drawn = about.get("picture") is True and "version" in about
    picture = parts.store.get(picture_key(name, about["version"])) if drawn else None
    about = {key: value for key, value in about.items() if key not in ("version", "sha256", "size")}
    voice_store.save(parts.store, new_name, {**about, "name": new_name}, data, overwrite=False, picture=picture)
    voice_store.remove(parts.store, name)
    voice_index.forget(parts.store, name)
    voice_index.note(parts.store, new_name, {**about, "size": len(data)})
    return {"status": "renamed", "voice_name": new_name, "old_name": name}


def list_voices(request: ListVoices, parts: VoiceParts, check: Callable[[], None]) -> dict[str, Any]:
    """Endpoint `list_voices`: a page of voices in the order of their names. What is no voice is named in `warnings`."""
    index = voice_index.current(parts.store, request.refresh, check)
    after = request.cursor.removeprefix("voices/").rpartition(".")[0] if request.cursor else ""
    found = [name for name in sorted(index.voices) if name > after and _is_wanted(request, name, index.voices[name])]
    page = found[:request.limit]
    voices = [{"name": name, **{key: value for key, value in index.voices[name].items() if key != "stamp"}}
              for name in page]
    warnings = index.warnings[:_MAX_WARNINGS]
    if len(index.warnings) > _MAX_WARNINGS:
        warnings.append(f"and {len(index.warnings) - _MAX_WARNINGS} more files that are no voice")
    return {"voices": voices, "count": len(voices), "warnings": warnings, "status": "completed",
            "next_cursor": f"voices/{page[-1]}.wav" if len(found) > len(page) else None}


def _is_wanted(request: ListVoices, name: str, voice: Mapping[str, Any]) -> bool:
    """Whether a voice passes the filters: a language finds its regions too."""
    if request.name_contains is not None and request.name_contains.casefold() not in name.casefold():
        return False
    language = str(voice.get("language") or "").casefold().replace("_", "-")
    wanted = (request.language or language).casefold()
    return language == wanted or language.startswith(wanted + "-")


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
