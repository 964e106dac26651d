"""All voices in one object, so that a page of the list costs one request.

Uploads, renames and deletions bring it up to date. What people place by hand is found when it is built again: after
`MAX_AGE_S`, or when a caller asks. Then the bucket is listed, and only what changed since is read. It is a copy of what
the bucket holds: whoever removes it loses nothing, and a write of it that fails is only logged.
"""
from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from s3_utils import MissingKey, StorageError, Store, voice_index_key
from worker import voice_store
from worker.refusals import NotFound
from worker.voice_store import BrokenVoice, Listed

log = logging.getLogger(__name__)

MAX_AGE_S = 60.0
_FORMAT = 1
_AT_ONCE = 16
_TRIES = 4
_JSON = "application/json"
_KEPT = ("duration", "language", "reference_text")


@dataclass
class Index:
    """`voices` by name, each with what `list_voices` shows and a `stamp` that changes with its files."""

    voices: dict[str, dict[str, Any]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    built_at: float = 0.0

    @property
    def is_stale(self) -> bool:
        return not 0 <= time.time() - self.built_at < MAX_AGE_S

    def to_bytes(self) -> bytes:
        fields = {"format": _FORMAT, "built_at": self.built_at, "voices": self.voices, "warnings": self.warnings}
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def of(cls, data: bytes) -> Index:
        """An empty, stale one for bytes that are none."""
        try:
            found = json.loads(data)
            if found["format"] == _FORMAT and all(isinstance(each, dict) for each in found["voices"].values()):
                return cls(found["voices"], [str(each) for each in found["warnings"]], float(found["built_at"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
        return cls()


def current(store: Store, refresh: bool, check: Callable[[], None]) -> Index:
    """The index, built again where it is stale. Raises StorageError."""
    index, etag = _read(store)
    if not refresh and not index.is_stale:
        return index
    built = _built(store, index, check)
    _write(store, built, etag)
    return built


def note(store: Store, name: str, about: dict[str, Any]) -> None:
    """A voice was stored."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    _change(store, lambda voices: voices.update({name: _entry(about, about.get("size"), now, "")}))


def forget(store: Store, name: str) -> None:
    """A voice was removed."""
    _change(store, lambda voices: voices.pop(name, None))


def _change(store: Store, change: Callable[[dict[str, Any]], object]) -> None:
    """Where there is no index yet it is built when somebody asks for a list."""
    try:
        for _ in range(_TRIES):
            index, etag = _read(store)
            if etag is None:
                return
            change(index.voices)
            if _write(store, index, etag):
                return
        store.delete(voice_index_key())  # many at once: the next list builds it
    except StorageError as error:
        log.warning("the list of voices could not be brought up to date: %s", error)


def _read(store: Store) -> tuple[Index, str | None]:
    try:
        data, etag = store.get_with_etag(voice_index_key())
    except MissingKey:
        return Index(), None
    return Index.of(data), etag


def _write(store: Store, index: Index, etag: str | None) -> bool:
    """Whether it was written: another's newer one stays."""
    data = index.to_bytes()
    try:
        if etag is None:
            return store.put_if_absent(voice_index_key(), data, _JSON) is not None
        return store.put_if_match(voice_index_key(), data, _JSON, etag) is not None
    except StorageError as error:
        log.warning("the list of voices could not be stored: %s", error)
        return False


def _built(store: Store, before: Index, check: Callable[[], None]) -> Index:
    index = Index(built_at=time.time())
    changed: list[Listed] = []
    for each in _listed(store, index.warnings, check):
        known = before.voices.get(each.name)
        if known and known.get("stamp") == _stamp(each):
            index.voices[each.name] = known
        else:
            changed.append(each)

    def described(each: Listed) -> tuple[Listed, dict[str, Any] | str]:
        check()
        return each, _described(store, each)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for each, found in pool.map(described, changed):
            if isinstance(found, str):
                index.warnings.append(found)
            else:
                index.voices[each.name] = found
    return index


def _listed(store: Store, odd: list[str], check: Callable[[], None]) -> Iterator[Listed]:
    for each in voice_store.listing(store, None):
        check()
        if isinstance(each, Listed):
            yield each
        else:
            odd.append(f"{each[:120]}: is not named as a voice is, <name>.wav, .txt or .json with a name of letters, "
                       "digits, - and _")


def _described(store: Store, listed: Listed) -> dict[str, Any] | str:
    """A voice of the list, or why it is none."""
    try:
        about = voice_store.describe(store, listed)
    except (BrokenVoice, NotFound, StorageError) as error:
        return f"{listed.name}: {error}"
    file = listed.entries.get("wav") or listed.entries["json"]
    changed = file.last_modified.astimezone(UTC).isoformat(timespec="seconds")
    return _entry(about, about.get("size") if isinstance(about.get("size"), int) else file.size, changed,
                  _stamp(listed))


def _entry(about: dict[str, Any], size: Any, last_modified: str, stamp: str) -> dict[str, Any]:
    return {"size": size, "last_modified": last_modified, **{name: about.get(name) for name in _KEPT}, "stamp": stamp}


def _stamp(listed: Listed) -> str:
    return " ".join(f"{kind}:{entry.size}:{entry.last_modified.timestamp():.3f}"
                    for kind, entry in sorted(listed.entries.items()))
