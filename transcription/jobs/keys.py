"""API keys: who calls, from where, how often. The file holds the SHA-256 of each, never the key itself.

A key is 256 random bits, so a plain hash of it cannot be reversed by guessing. `owner` is the key's name: two keys of
one name see the same jobs, which is how a key is rotated: add the new one, change the callers, take the old one out.
"""
from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import secrets
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, TypeAdapter, ValidationError

from transcription.errors import ApiError
from transcription.settings import SettingsError

PREFIX = "wx_"
ANONYMOUS = "anonymous"


class Key(BaseModel):
    """One line of the file. `addresses`: networks it may be used from; none means anywhere."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    rate_per_minute: int | None = Field(None, ge=0)
    hours_per_day: float | None = Field(None, gt=0)
    addresses: tuple[IPvAnyNetwork, ...] = ()


_KEYS = TypeAdapter(tuple[Key, ...])


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose jobs a request may see, and what it may use."""

    owner: str
    rate_per_minute: int | None = None
    hours_per_day: float | None = None


class Keyring:
    """The keys of a file, read again when it changes. Without a file everybody is one caller."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._mutex = threading.Lock()
        self._read_at: tuple[int, int] | None = None
        self._keys: tuple[Key, ...] = ()
        if path is not None:
            self._current(path)

    def caller(self, header: str | None, address: str) -> Caller:
        """`header` is that of `Authorization: Bearer ...` or `X-API-Key`. Raises ApiError."""
        if self._path is None:
            return Caller(ANONYMOUS)
        if not header:
            raise ApiError("AUTHENTICATION_REQUIRED", "an API key is needed: Authorization: Bearer KEY, or X-API-Key",
                           field="Authorization", reason="missing")
        digest = hash_of(header.removeprefix("Bearer ").strip())
        # All are compared, so that the time taken does not tell which one came near.
        found = [key for key in self._current(self._path) if hmac.compare_digest(key.sha256, digest)]
        if not found:
            raise ApiError("AUTHENTICATION_INVALID", "this API key is not known here", field="Authorization",
                           reason="unknown")
        if found[0].addresses and not _is_within(address, found[0].addresses):
            raise ApiError("AUTHENTICATION_ADDRESS", "this API key may not be used from this address",
                           field="Authorization", reason="address")
        return Caller(found[0].name, found[0].rate_per_minute, found[0].hours_per_day)

    def _current(self, path: Path) -> tuple[Key, ...]:
        """A file that cannot be read any more lets nobody in by the old one: the request fails."""
        with self._mutex:
            try:
                stat = path.stat()
                if (stat.st_mtime_ns, stat.st_ino) != self._read_at:
                    self._keys = read(path)
                    self._read_at = (stat.st_mtime_ns, stat.st_ino)
            except OSError as error:
                raise SettingsError(f"API_KEYS_FILE cannot be read: {error.strerror}") from None
            return self._keys


class RateLimit:
    """A bucket of tokens for each caller: `per_minute` in a burst, then evenly."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, name: str, per_minute: int) -> float:
        """0.0 when one more may come, else the seconds until one may."""
        if not per_minute:
            return 0.0
        with self._mutex:
            now = time.monotonic()
            tokens, since = self._buckets.get(name, (float(per_minute), now))
            tokens = min(float(per_minute), tokens + (now - since) * per_minute / 60)
            if tokens < 1:
                return (1 - tokens) * 60 / per_minute
            self._buckets[name] = (tokens - 1, now)
            return 0.0


def hash_of(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def read(path: Path) -> tuple[Key, ...]:
    """Raises SettingsError, which holds nothing of the file, and OSError."""
    try:
        return _KEYS.validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise SettingsError(f"API_KEYS_FILE: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def add(path: Path, name: str, **limits: Any) -> str:
    """Makes a key and writes its hash; returns the key, which is nowhere else. Raises SettingsError."""
    key = PREFIX + secrets.token_urlsafe(32)
    keys = read(path) if path.exists() else ()
    try:
        new = Key(name=name, sha256=hash_of(key), **limits)
    except ValidationError as error:
        raise SettingsError(f"{error.errors()[0]['loc'][0]}: {error.errors()[0]['msg']}") from None
    _write(path, [*keys, new])
    return key


def remove(path: Path, prefix: str) -> int:
    """Takes the keys whose hash begins with `prefix` (8 or more digits) out; returns how many."""
    keys = read(path)
    kept = [key for key in keys if len(prefix) < 8 or not key.sha256.startswith(prefix)]
    _write(path, kept)
    return len(keys) - len(kept)


def _write(path: Path, keys: list[Key]) -> None:
    content = json.dumps([key.model_dump(mode="json", exclude_defaults=True) for key in keys], indent=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as draft:
        draft.write(content + "\n")
    Path(draft.name).replace(path)


def _is_within(address: str, networks: tuple[Any, ...]) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None) or ip
    return any(mapped in network for network in networks)
