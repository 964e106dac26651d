"""What a store promises, whichever it is: the operations, their values and their errors."""
from __future__ import annotations

import re
import uuid
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

MIN_EXPIRES_S, MAX_EXPIRES_S = 60, 604_800
"""A signed URL lives at most a week: the limit of Signature Version 4."""
MAX_KEY_BYTES = 1024


class StorageError(Exception):
    """The store refused or failed, after retries where they can help.

    The message says what to do and holds no key, path, host or secret. `code` is the service's own
    error code, the errno's name, or the name of the transport's error. `transient` failures may pass by
    themselves (an overload, a broken connection); others last until somebody mends something.
    """

    def __init__(self, message: str, code: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.code, self.transient = code, transient


class MissingKey(StorageError):
    """Nothing is stored under this key."""

    def __init__(self) -> None:
        super().__init__("the store has no such object", "NoSuchKey")


class TooLarge(StorageError):
    """The object has more bytes than the caller is willing to read."""

    def __init__(self, size: int, max_bytes: int) -> None:
        super().__init__(f"the stored object has {size} bytes, the most is {max_bytes}", "EntityTooLarge")


@dataclass
class Tally:
    """Counts the requests that one job makes, wherever it runs with `TALLY` set to this."""

    n_requests: int = 0


TALLY: ContextVar[Tally | None] = ContextVar("TALLY", default=None)


DEADLINE: ContextVar[float | None] = ContextVar("DEADLINE", default=None)
"""The second of time.monotonic() by which what runs here must have ended: no request waits beyond it for an answer."""


def count_request(**_: object) -> None:
    if (tally := TALLY.get()) is not None:
        tally.n_requests += 1


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of an object without reading it. `FolderStore` takes `content_type` from the name."""

    size: int
    last_modified: datetime
    etag: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Entry:
    key: str
    size: int
    last_modified: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a listing; `next_cursor` is None on the last one."""

    entries: tuple[Entry, ...]
    next_cursor: str | None


class Store(Protocol):
    """Objects by key. Safe to use from several threads; every failure is a StorageError.

    A write is there for all readers once it returns, whole or not at all. An etag changes with the
    content and means nothing else.
    """

    warning: str | None
    """What this store cannot promise, fit for the caller; None when it keeps all that is said here."""

    def put(self, key: str, data: bytes | Path, content_type: str) -> str:
        """Writes or replaces, and returns the etag."""
        ...

    def put_if_absent(self, key: str, data: bytes | Path, content_type: str) -> str | None:
        """Writes if nothing is there, whoever else tries, and returns the etag; None if something is."""
        ...

    def put_if_match(self, key: str, data: bytes | Path, content_type: str, etag: str) -> str | None:
        """Replaces exactly the content that has `etag`; None if it has changed or is gone."""
        ...

    def get(self, key: str, max_bytes: int | None = None) -> bytes:
        """Raises MissingKey, and TooLarge before it reads more than `max_bytes`."""
        ...

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        """The content and its etag, of one and the same version. Raises MissingKey."""
        ...

    def head(self, key: str) -> Head | None:
        """None if nothing is there."""
        ...

    def list(self, prefix: str, limit: int = 1000, cursor: str | None = None) -> Page:
        """At most `limit` objects in the byte order of their keys, those after the key `cursor`."""
        ...

    def delete(self, key: str) -> None:
        """Removes the object; nothing happens if there is none."""
        ...

    def presign(self, key: str, expires_s: int, filename: str, content_type: str) -> str:
        """A URL that downloads the object as `filename` for `expires_s` (60-604800), without other rights."""
        ...

    def check(self) -> None:
        """Writes, reads, lists and deletes a probe; raises StorageError that says what is wrong, sets `warning`."""
        ...


def is_key(key: str) -> bool:
    """One rule for both stores: no way out of a folder, nothing that a URL or a disk would rewrite.

    A segment may not begin with a dot: `..` climbs, HTTP clients drop `.`, and the folder store's own
    files have such names.
    """
    segments = key.split("/")
    return (key.isprintable() and "\\" not in key and len(key.encode("utf-8", "replace")) <= MAX_KEY_BYTES
            and all(segment and not segment.startswith(".") for segment in segments))


def checked_key(key: str) -> str:
    if not is_key(key):
        raise StorageError("a storage key is up to 1024 bytes of printable names joined by /, none of which is "
                           "empty or begins with a dot", "InvalidKey")
    return key


def is_cursor(cursor: str) -> bool:
    """Whether a page may have given it: some key of the bucket, whoever wrote that."""
    return not re.search("[\0\ud800-\udfff]", cursor) and len(cursor.encode("utf-8", "replace")) <= MAX_KEY_BYTES


def checked_cursor(cursor: str) -> str:
    if not is_cursor(cursor):
        raise StorageError("the cursor is not one that a page gave; begin again without it", "InvalidCursor")
    return cursor


def checked_expiry(expires_s: int) -> int:
    if not MIN_EXPIRES_S <= expires_s <= MAX_EXPIRES_S:
        raise StorageError(f"a URL expires after {MIN_EXPIRES_S} to {MAX_EXPIRES_S} s", "InvalidExpiry")
    return expires_s


NO_CONDITIONS = ("storage: it lacks conditional writes (PutObject with If-None-Match and If-Match), so two workers "
                  "that are given one job at the same time may both do it; Amazon S3, R2 and MinIO have them")


def probe(store: Store) -> None:
    key, kind = f"jobs/probe-{uuid.uuid4().hex}.txt", "text/plain"
    first = store.put_if_absent(key, b"1", kind)
    try:
        again = store.put_if_absent(key, b"2", kind)
        stale = store.put_if_match(key, b"3", kind, "0" * 32)
        fresh = store.put_if_match(key, b"4", kind, first or "")
        seen = store.get(key)
        listed = [entry.key for entry in store.list(key).entries]
    finally:
        store.delete(key)
    if first is None or fresh is None or again is not None or stale is not None:
        raise StorageError(NO_CONDITIONS, "NotImplemented")
    if seen != b"4" or listed != [key] or store.head(key) is not None:
        raise StorageError("the storage does not show at once what was written; it must be strongly consistent",
                           "Inconsistent")
