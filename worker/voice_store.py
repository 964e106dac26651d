"""Where voices lie: a voice is one version, and one small file says which.

`voices/<name>.json` describes the voice and names its version; it is written last, conditionally. The recording of
a version has a key of its own that is never written twice, so nobody reads half of one upload and half of another.
`voices/<name>.wav` and `.txt` are copies for other programs, and what people may put there by hand: without a
`.json`, or with one that names no version, they are the voice.
"""
from __future__ import annotations

import hashlib
import json
import logging
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from s3_utils import (
    Entry,
    MissingKey,
    StorageError,
    Store,
    check_voice_name,
    picture_key,
    version_key,
    versions_prefix,
    voice_key,
)
from text import transcript
from worker.refusals import Conflict, NotFound

log = logging.getLogger(__name__)

KINDS: tuple[Literal["txt", "wav", "json"], ...] = ("txt", "wav", "json")
"""In the order of their removal: as long as the description is there, so is the voice, and can be removed again."""
MAX_BYTES = 50_000_000
_MAX_TEXT_BYTES = 1_000_000
_WAV, _TEXT, _JSON = "audio/wav", "text/plain; charset=utf-8", "application/json"
SVG = "image/svg+xml"
_VERSION = re.compile(r"[0-9a-f-]{1,80}")
_TRIES = 5


class BrokenVoice(Conflict):
    """The files of a stored voice cannot be used; the message names the file."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A voice in a listing: its files by extension. `last_key` is where the next page begins."""

    name: str
    entries: dict[str, Entry]
    last_key: str


def read(store: Store, name: str) -> tuple[dict[str, Any], str]:
    """A voice's description, and the key of its recording. Raises NotFound, BrokenVoice."""
    found = _pointer(store, name)
    if found is not None:
        about = found[0]
        return about, version_key(name, about["version"]) if "version" in about else voice_key(name, "wav")
    if store.head(voice_key(name, "wav")) is None:
        raise NotFound(f"voice {name} is not stored here; upload it, or see list_voices")
    return _placed_by_hand(store, name), voice_key(name, "wav")


def recording(store: Store, name: str) -> tuple[dict[str, Any], bytes]:
    """A voice's description and its recording, of one version. Raises NotFound, BrokenVoice."""
    for _ in range(_TRIES):
        about, key = read(store, name)
        try:
            data = store.get(key, max_bytes=MAX_BYTES)
        except MissingKey:
            continue  # replaced between the two reads: the description names another version now
        if about.get("sha256") in (None, hashlib.sha256(data).hexdigest()):
            return about, data
    if store.head(key) is None and "version" not in about:
        raise NotFound(f"voice {name} has no recording here; upload it again")
    raise BrokenVoice(f"voice {name} is being replaced, or its upload was cut short; try again or upload it again")


def replaced_by_hand(store: Store, name: str, about: dict[str, Any], data: bytes) -> list[str]:
    """Warnings of files that somebody put over the copies of an uploaded voice: they are not used.

    `about` and `data` are the voice's own. A copy that is missing is nobody's wish.
    """
    if "version" not in about:
        return []
    text = str(about.get("reference_text", "")).encode()
    copies: tuple[tuple[Literal["wav", "txt"], bytes], ...] = (("wav", data), ("txt", text))
    return [f"voice: voices/{name}.{kind} was replaced by hand and is not used; upload it with overwrite: true, or "
            f"remove voices/{name}.json to have the voice that lies there"
            for kind, content in copies if _differs(store, voice_key(name, kind), content)]


def _differs(store: Store, key: str, content: bytes) -> bool:
    """Whether something else lies there. An etag is no MD5 where a bucket encrypts by keys of its own."""
    found = store.head(key)
    if found is None or found.etag == hashlib.md5(content, usedforsecurity=False).hexdigest():
        return False
    if found.size != len(content):
        return True
    try:
        return store.get(key, max_bytes=MAX_BYTES) != content
    except MissingKey:
        return False


def exists(store: Store, name: str) -> bool:
    return store.head(voice_key(name, "wav")) is not None or store.head(voice_key(name, "json")) is not None


def save(store: Store, name: str, about: dict[str, Any], data: bytes, *, overwrite: bool,
         picture: bytes | None = None) -> None:
    """Makes `data` and its description the voice. Of several uploads at once the last is the voice, whole.

    Raises Conflict for a name that is taken, unless `overwrite`, and for a voice deleted meanwhile. Whatever fails
    before the description is written leaves the voice as it was.
    """
    digest = hashlib.sha256(data).hexdigest()
    version = f"{digest[:16]}-{uuid.uuid4().hex[:8]}"
    about = {**about, "size": len(data), "sha256": digest, "version": version}
    store.put(version_key(name, version), data, _WAV)
    if picture is not None:
        store.put(picture_key(name, version), picture, SVG)
    try:
        replaced = _point(store, name, about, overwrite)
    except Conflict:
        _remove_version(store, name, version)
        raise
    if replaced is not None:
        _remove_version(store, name, replaced)
    try:
        _copy(store, name)
    except (NotFound, BrokenVoice):
        for key in (voice_key(name, "wav"), voice_key(name, "txt")):
            store.delete(key)
        _remove_version(store, name, version)
        raise Conflict(f"voice {name} was deleted while it was uploaded") from None


def _remove_version(store: Store, name: str, version: str) -> None:
    store.delete(version_key(name, version))
    store.delete(picture_key(name, version))


def remove(store: Store, name: str) -> None:
    """Removes every file of the voice, and again what an upload at the same time has written. Raises NotFound."""
    if not exists(store, name):
        raise NotFound(f"voice {name} is not stored here; see list_voices")
    while exists(store, name):
        for kind in KINDS:
            store.delete(voice_key(name, kind))
        for entry in store.list(versions_prefix(name)).entries:
            store.delete(entry.key)


def listing(store: Store, cursor: str | None) -> Iterator[Listed | str]:
    """Every voice after `cursor`, in the order of names; a key under `voices/` that is no voice's comes as text."""
    name, last_key = "", ""
    entries: dict[str, Entry] = {}
    for entry in _entries(store, cursor):
        stem, _, kind = entry.key.removeprefix("voices/").rpartition(".")
        if kind not in KINDS or not _is_name(stem):
            yield entry.key
            continue
        if stem != name and entries:
            yield Listed(name, entries, last_key)
            entries = {}
        name, last_key = stem, entry.key
        entries[kind] = entry
    if entries:
        yield Listed(name, entries, last_key)


def describe(store: Store, listed: Listed) -> dict[str, Any]:
    """The description of a listed voice, by one request. Raises NotFound, BrokenVoice."""
    if "json" in listed.entries and (found := _pointer(store, listed.name)) is not None:
        return found[0]
    if "wav" not in listed.entries:
        raise NotFound(f"voices/{listed.name}.txt has no recording beside it")
    return _placed_by_hand(store, listed.name) if "txt" in listed.entries else {}


def _is_name(stem: str) -> bool:
    try:
        check_voice_name(stem)
    except ValueError:
        return False
    return True


def _entries(store: Store, cursor: str | None) -> Iterator[Entry]:
    while True:
        page = store.list("voices/", limit=1000, cursor=cursor)
        yield from page.entries
        cursor = page.next_cursor
        if cursor is None:
            return


def _pointer(store: Store, name: str) -> tuple[dict[str, Any], str] | None:
    """The description and its etag; None where there is none. Raises BrokenVoice."""
    try:
        data, etag = store.get_with_etag(voice_key(name, "json"))
    except MissingKey:
        return None
    try:
        about = json.loads(data)
    except ValueError:
        about = None
    if not isinstance(about, dict) or not _VERSION.fullmatch(str(about.get("version", "0"))):
        raise BrokenVoice(f"voices/{name}.json is not the description of a voice; remove it or upload the voice again")
    return about, etag


def _placed_by_hand(store: Store, name: str) -> dict[str, Any]:
    try:
        return {"reference_text": transcript.read(store.get(voice_key(name, "txt"), max_bytes=_MAX_TEXT_BYTES))}
    except MissingKey:
        return {}
    except transcript.TranscriptError as error:
        raise BrokenVoice(f"voices/{name}.txt: {error}") from None


def _point(store: Store, name: str, about: dict[str, Any], overwrite: bool) -> str | None:
    """Writes the description over exactly the one that was read; returns the version that it replaced."""
    content = json.dumps(about, ensure_ascii=False).encode()
    key = voice_key(name, "json")
    taken = Conflict(f"a voice {name} exists; upload replaces it with overwrite: true, delete_voice removes it")
    while True:
        if not overwrite and exists(store, name):
            raise taken
        try:
            data, etag = store.get_with_etag(key)
        except MissingKey:
            if store.put_if_absent(key, content, _JSON) is not None:
                return None
            continue
        if store.put_if_match(key, content, _JSON, etag) is not None:
            return _version_in(data)


def _version_in(description: bytes) -> str | None:
    """Also a broken description may be replaced; it names no version."""
    try:
        version = json.loads(description)["version"]
    except (ValueError, TypeError, KeyError):
        return None
    return version if isinstance(version, str) and _VERSION.fullmatch(version) else None


def _copy(store: Store, name: str) -> None:
    """Writes the copies for other programs, until they are those of the version that stands.

    Of two uploads at once, the one that looks last makes good what the other has written over. The voice does not
    depend on its copies, so a store that fails here is only logged. Raises NotFound, BrokenVoice.
    """
    written = None
    try:
        for _ in range(_TRIES):
            about, data = recording(store, name)
            if "version" not in about:
                raise NotFound(f"voice {name} is not stored here any more")
            if about["version"] == written:
                return
            store.put(voice_key(name, "wav"), data, _WAV)
            store.put(voice_key(name, "txt"), str(about.get("reference_text", "")).encode(), _TEXT)
            written = about["version"]
    except StorageError as error:
        log.warning("the copies of voice %s could not be brought up to date: %s", name, error)
