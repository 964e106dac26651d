"""Stored voices: a short clean recording, the words it says, and what is known of both.

A voice is prepared once, at upload: decoded, clipped at a pause with its text clipped to match, trimmed,
resampled and measured. `voices/<name>.wav` and `.txt` are what people can put there by hand; `.json` is
written last and names the recording by its hash, so that a half-written voice is never spoken with.
"""
from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

import numpy as np

from intake import audio, net
from s3_utils import MissingKey, Store, check_voice_name, voice_key
from text import spoken, transcript
from timing.align import Source, TimingError, Window, align
from tts import Samples, Voice
from tts.encode import FORMATS, encode
from worker.records import Conflict, NotFound
from worker.requests import DeleteVoice, GetVoice, InvalidInput, ListVoices, Upload
from worker.settings import Settings

RATE_HZ = 24_000
"""What F5-TTS and Vocos work at (f5_tts/configs/F5TTS_v1_Base.yaml)."""
MAX_UPLOAD_BYTES = 50_000_000
MAX_UPLOAD_S = 600.0
MAX_REFERENCE_MS = 12_000
"""F5-TTS clips longer references and was trained on 30 s in all (f5_tts/infer/utils_infer.py:319-346)."""
MIN_REFERENCE_MS = 1_000
KINDS: tuple[Literal["wav", "txt", "json"], ...] = ("wav", "txt", "json")
_EDGE_MS = 50
_FETCH_S = 60.0


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
    if not request.overwrite and _exists(parts.store, name):
        raise Conflict(f"voice_name: {name} exists; send overwrite: true to replace it")
    recording = audio.decode(_bytes_of(request, parts), max_duration_s=MAX_UPLOAD_S)
    check()
    samples = audio.resample(recording.samples, recording.rate_hz, RATE_HZ)
    text, warnings = _reference_text(request, samples, parts)
    check()
    samples, text, more = _clip(samples, text, request.language, parts.sources)
    warnings += more
    quality = audio.measure(samples, RATE_HZ)
    warnings += _advice(quality, text)
    voice = {
        "name": name,
        "duration": round(len(samples) / RATE_HZ, 3),
        "sample_rate": RATE_HZ,
        "reference_text": text,
        "language": request.language,
        "quality": {key: _finite(value) for key, value in asdict(quality).items()},
        "warnings": warnings,
    }
    check()
    _save(parts.store, voice, samples, request)
    return {"status": "completed", "voice": voice}


def stored_name(name: str) -> str:
    """A voice as callers write it, with or without `.wav`. Raises InvalidInput."""
    name = name.removesuffix(".wav")
    try:
        check_voice_name(name)
    except ValueError as error:
        raise InvalidInput(f"voice: {error}") from None
    return name


def load(store: Store, name: str) -> Voice:
    """The prepared voice. Raises NotFound, and InvalidInput for one that has no usable transcript."""
    try:
        data = store.get(voice_key(name, "wav"), max_bytes=MAX_UPLOAD_BYTES)
    except MissingKey:
        raise NotFound(f"voice {name} is not stored here; upload it, or see list_voices") from None
    about = _about(store, name)
    digest = hashlib.sha256(data).hexdigest()
    if about.get("sha256", digest) != digest:
        raise Conflict(f"voice {name} is being replaced, or its upload was cut short; try again or upload it again")
    text = str(about.get("reference_text", ""))
    if not text:
        raise InvalidInput(f"local_voice: {name} has no transcript; upload it again with reference_text")
    recording = audio.decode(data, max_duration_s=MAX_UPLOAD_S)
    samples = audio.resample(recording.samples, recording.rate_hz, RATE_HZ)
    if len(samples) > (MAX_REFERENCE_MS + 1000) * RATE_HZ // 1000:
        raise InvalidInput(f"local_voice: {name} is longer than {MAX_REFERENCE_MS // 1000} s and was not prepared; "
                           "upload it through the upload endpoint")
    fingerprint = hashlib.sha256(f"{digest}\n{text}".encode()).hexdigest()
    return Voice(name, samples, RATE_HZ, text, str(about.get("language", "en")), fingerprint)


def get_voice(request: GetVoice, parts: VoiceParts) -> dict[str, Any]:
    """Endpoint `get_voice`: its description, and a URL of its recording."""
    name = request.voice_name
    head = parts.store.head(voice_key(name, "wav"))
    if head is None:
        raise NotFound(f"voice {name} is not stored here; see list_voices")
    about = {key: value for key, value in _about(parts.store, name).items() if key != "sha256"}
    url = parts.store.presign(voice_key(name, "wav"), request.url_expires_s, f"{name}.wav", "audio/wav")
    return {"status": "completed", "voice": {"name": name, "size": head.size, **about, "preview_url": url}}


def delete_voice(request: DeleteVoice, parts: VoiceParts) -> dict[str, Any]:
    """Endpoint `delete_voice`. The recording goes first: without it there is no voice."""
    if not _exists(parts.store, request.voice_name):
        raise NotFound(f"voice {request.voice_name} is not stored here; see list_voices")
    for kind in KINDS:
        parts.store.delete(voice_key(request.voice_name, kind))
    return {"status": "deleted", "voice_name": request.voice_name}


def list_voices(request: ListVoices, parts: VoiceParts) -> dict[str, Any]:
    """Endpoint `list_voices`: a page of voices in the order of their names."""
    entries, cursor = [], request.cursor
    while True:
        page = parts.store.list("voices/", limit=1000, cursor=cursor)
        entries += [entry for entry in page.entries if entry.key.endswith(".wav")]
        cursor = page.next_cursor
        if cursor is None or len(entries) >= request.limit:
            break
    listed = entries[:request.limit]
    next_cursor = listed[-1].key if len(entries) > request.limit else cursor
    names = [entry.key.removeprefix("voices/").removesuffix(".wav") for entry in listed]
    with ThreadPoolExecutor(max_workers=16) as pool:
        about = list(pool.map(lambda name: _about(parts.store, name), names))
    voices = [
        {
            "name": name,
            "size": entry.size,
            "last_modified": entry.last_modified.astimezone(UTC).isoformat(timespec="seconds"),
            **{key: known.get(key) for key in ("duration", "language", "reference_text")},
        }
        for name, entry, known in zip(names, listed, about, strict=True)
    ]
    return {"voices": voices, "count": len(voices), "next_cursor": next_cursor, "status": "completed"}


def _exists(store: Store, name: str) -> bool:
    return store.head(voice_key(name, "wav")) is not None or store.head(voice_key(name, "json")) is not None


def _about(store: Store, name: str) -> dict[str, Any]:
    try:
        about: dict[str, Any] = json.loads(store.get(voice_key(name, "json"), max_bytes=1_000_000))
        return about
    except MissingKey:
        pass
    try:
        text = transcript.read(store.get(voice_key(name, "txt"), max_bytes=1_000_000))
    except MissingKey:
        return {}
    return {"reference_text": text}


def _bytes_of(request: Upload, parts: VoiceParts) -> bytes:
    if request.voice_file_url is not None:
        return net.fetch(request.voice_file_url, max_bytes=MAX_UPLOAD_BYTES, deadline_s=_FETCH_S,
                         allow_hosts=parts.settings.url_allow_hosts)
    if request.voice_file_base64 is not None:
        try:
            return base64.b64decode(request.voice_file_base64, validate=True)
        except (binascii.Error, ValueError):
            raise InvalidInput("voice_file_base64: is not base64") from None
    try:
        return parts.store.get(request.s3_key or "", max_bytes=MAX_UPLOAD_BYTES)
    except MissingKey:
        raise NotFound("s3_key: there is no such upload") from None


def _reference_text(request: Upload, samples: Samples, parts: VoiceParts) -> tuple[str, list[str]]:
    if request.reference_text is not None:
        return " ".join(request.reference_text.split()), []
    if request.reference_text_url is not None:
        data = net.fetch(request.reference_text_url, max_bytes=1_000_000, deadline_s=_FETCH_S,
                         allow_hosts=parts.settings.url_allow_hosts)
        return transcript.read(data), []
    if parts.transcriber is None:
        raise InvalidInput("reference_text: is needed, because this worker has no speech recognition loaded")
    text, _ = parts.transcriber.transcribe(audio.resample(samples, RATE_HZ, 16_000), request.language)
    if not text.strip():
        raise InvalidInput("reference_text: no speech was recognised in the recording; send its words")
    return text.strip(), ["reference_text: recognised by machine; check it, every mistake is heard in the voice"]


def _clip(samples: Samples, text: str, language: str,
          sources: Mapping[str, Source]) -> tuple[Samples, str, list[str]]:
    """Cuts a long recording at a pause, and its text after the last word before that pause."""
    samples = _trim(samples)
    duration_ms = len(samples) * 1000 // RATE_HZ
    if duration_ms < MIN_REFERENCE_MS:
        raise InvalidInput(f"the recording holds {duration_ms / 1000:.1f} s of sound; send 3 to 12 s of speech")
    if duration_ms <= MAX_REFERENCE_MS:
        return samples, text, []
    tokens = spoken.read(text, language)
    try:
        timeline = align(samples, RATE_HZ, tokens, [Window(0, duration_ms, 0, len(tokens))], text=text,
                      language=language, method="auto", sources=sources, check=lambda: None).timeline
    except TimingError:
        timeline = None
    if timeline is None or timeline.method == "estimate":
        raise InvalidInput(
            f"the recording is {duration_ms / 1000:.0f} s long and its text cannot be placed in it on this worker; "
            f"send at most {MAX_REFERENCE_MS // 1000} s and exactly the words that are said")
    gaps = [(before, after) for before, after in zip(timeline.words, timeline.words[1:], strict=False)
            if before.end_ms <= MAX_REFERENCE_MS - _EDGE_MS]
    if not gaps:
        raise InvalidInput("no pause was found in the first 12 s of the recording; send a shorter one")
    before, after = max(gaps, key=lambda gap: _cut_value(gap[1].start_ms - gap[0].end_ms, gap[0].end_ms))
    cut_ms = min((before.end_ms + after.start_ms) // 2, before.end_ms + 500, MAX_REFERENCE_MS)
    warning = (f"reference: clipped from {duration_ms / 1000:.1f} s to {cut_ms / 1000:.1f} s at a pause, "
               "its text likewise")
    return samples[:cut_ms * RATE_HZ // 1000], text[:before.char_end], [warning]


def _cut_value(pause_ms: int, end_ms: int) -> float:
    """A real pause first, then the later the better: more voice to learn from."""
    return min(pause_ms, 400) / 400 + end_ms / MAX_REFERENCE_MS


def _trim(samples: Samples) -> Samples:
    """Takes leading and trailing silence off, but for 50 ms (f5_tts/infer/utils_infer.py:348)."""
    quality = audio.measure(samples, RATE_HZ)
    n_edge = _EDGE_MS * RATE_HZ // 1000
    start = max(0, quality.leading_silence_ms * RATE_HZ // 1000 - n_edge)
    end = min(len(samples), len(samples) - quality.trailing_silence_ms * RATE_HZ // 1000 + n_edge)
    return samples[start:end] if end > start else samples


def _advice(quality: audio.Quality, text: str) -> list[str]:
    """What a listener will notice in the cloned voice."""
    rate = len(text) / max(quality.duration_s, 0.1)
    found = [
        (quality.duration_s < 3, "reference: shorter than 3 s; 5 to 12 s clone better"),
        (quality.clipped_share > 0.001, "reference: the recording is clipped (distorted by overload)"),
        (quality.snr_db < 20, f"reference: noisy, {quality.snr_db:.0f} dB between speech and background"),
        (not 4 <= rate <= 30, f"reference: {rate:.0f} characters per second; does the text match the recording?"),
    ]
    return [message for is_so, message in found if is_so]


def _finite(value: object) -> object:
    return round(value, 3) if isinstance(value, float) and math.isfinite(value) else (
        None if isinstance(value, float) else value)


def _save(store: Store, voice: dict[str, Any], samples: Samples, request: Upload) -> None:
    """Writes the recording, the text and, last, the description. What failed half-way is taken back."""
    name = str(voice["name"])
    data = encode(np.clip(samples, -1.0, 1.0), RATE_HZ, FORMATS["wav"]).data
    about = {
        **voice,
        "sha256": hashlib.sha256(data).hexdigest(),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "consent": request.consent.model_dump() if request.consent else None,
    }
    files: list[tuple[Literal["wav", "txt", "json"], bytes, str]] = [
        ("wav", data, "audio/wav"),
        ("txt", str(voice["reference_text"]).encode(), "text/plain; charset=utf-8"),
        ("json", json.dumps(about, ensure_ascii=False).encode(), "application/json"),
    ]
    written: list[str] = []
    try:
        for kind, content, content_type in files:
            key = voice_key(name, kind)
            if request.overwrite:
                store.put(key, content, content_type)
            elif store.put_if_absent(key, content, content_type) is None:
                raise Conflict(f"voice_name: {name} exists; send overwrite: true to replace it")
            written.append(key)
    except BaseException:
        if not request.overwrite:
            for key in written:
                store.delete(key)
        raise
