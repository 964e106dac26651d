"""A storage that fails for a while costs no job its work: what may pass is tried again until the job must end."""
from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from storage.contract import Head, MissingKey, Page, StorageError, Store
from storage.leaving import OutOfTime, Silent, leaving

log = logging.getLogger(__name__)

T = TypeVar("T")
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
_LOOK_S = 0.25


def delays(longest_s: float = LONGEST_PAUSE_S) -> Iterator[float]:
    """Pauses in seconds, twice as long each time. A part of each is drawn, so that many workers do not come at once."""
    pause_s = min(FIRST_PAUSE_S, longest_s)
    while True:
        yield random.uniform(pause_s / 2, pause_s)
        pause_s = min(2 * pause_s, longest_s)


def insist(request: Callable[[], T], check: Callable[[], None]) -> T:
    """What `request` returns, once the storage lets it.

    Between attempts `check` is called, which raises when the job must end. Where it raises OutOfTime the storage's own
    error is raised, because that is what the job failed of.
    """
    began, pauses = time.monotonic(), delays()
    failure: StorageError | None = None
    while True:
        try:
            answer = request()
        except StorageError as error:
            if not error.transient:
                raise
            failure = error
        except OutOfTime as late:
            raise failure or late from None
        else:
            if time.monotonic() - began > LONGEST_PAUSE_S:
                log.info("the storage answers again after %.1f s", time.monotonic() - began)
            return answer
        try:
            _pause(next(pauses), check)
        except OutOfTime:
            raise failure from None


def _pause(seconds: float, check: Callable[[], None]) -> None:
    end = time.monotonic() + seconds
    check()
    while (left_s := end - time.monotonic()) > 0:
        time.sleep(min(left_s, _LOOK_S))
        check()


class Leavable:
    """A store as one job uses it: a request that does not end is left when the job must, as `check` says by raising.

    A request that was left may still be carried out, by a storage that had it whole. So a file is only put where there
    is none, or over the version that was seen there, once `confirm` has not raised: late, it is refused.
    """

    def __init__(self, store: Store, check: Callable[[], None], confirm: Callable[[], None] | None = None) -> None:
        self._store, self._check, self._confirm = store, check, confirm or check
        self._etags: dict[str, str] = {}
        self.warning = store.warning

    def put(self, key: str, data: bytes | Path, content_type: str) -> str:
        if self._store.warning:
            return self._made(lambda: self._store.put(key, data, content_type))
        etag, seen = None, self._etags.get(key)
        while etag is None:
            etag = self._made(partial(self._put_over, seen, key, data, content_type))
            if etag is None:
                self._confirm()
                found = self.head(key)
                seen = found.etag if found else None
        self._etags[key] = etag
        return etag

    def put_if_absent(self, key: str, data: bytes | Path, content_type: str) -> str | None:
        return self._put_if(lambda: self._store.put_if_absent(key, data, content_type), key, data)

    def put_if_match(self, key: str, data: bytes | Path, content_type: str, etag: str) -> str | None:
        return self._put_if(lambda: self._store.put_if_match(key, data, content_type, etag), key, data)

    def get(self, key: str, max_bytes: int | None = None) -> bytes:
        return self._made(lambda: self._store.get(key, max_bytes))

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        return self._made(lambda: self._store.get_with_etag(key))

    def head(self, key: str) -> Head | None:
        return self._made(lambda: self._store.head(key))

    def list(self, prefix: str, limit: int = 1000, cursor: str | None = None) -> Page:
        return self._made(lambda: self._store.list(prefix, limit, cursor))

    def delete(self, key: str) -> None:
        self._made(lambda: self._store.delete(key))

    def presign(self, key: str, expires_s: int, filename: str, content_type: str) -> str:
        return self._store.presign(key, expires_s, filename, content_type)

    def check(self) -> None:
        self._made(self._store.check)

    def _put_over(self, seen: str | None, key: str, data: bytes | Path, content_type: str) -> str | None:
        if seen is None:
            return self._store.put_if_absent(key, data, content_type)
        return self._store.put_if_match(key, data, content_type, seen)

    def _put_if(self, write: Callable[[], str | None], key: str, data: bytes | Path) -> str | None:
        """A write that was done but not confirmed refuses its own repetition; its author knows the content again."""
        n_attempts = 0

        def attempt() -> str | None:
            nonlocal n_attempts
            n_attempts += 1
            etag = write()
            return self._same(key, data) if etag is None and n_attempts > 1 else etag

        return self._made(attempt)

    def _made(self, request: Callable[[], T]) -> T:
        try:
            return leaving(request, self._check)
        except Silent:
            raise StorageError("the storage did not answer in time; try again later", "Timeout",
                               transient=True) from None

    def _same(self, key: str, data: bytes | Path) -> str | None:
        try:
            found, etag = self._store.get_with_etag(key)
        except MissingKey:
            return None
        return etag if found == (data.read_bytes() if isinstance(data, Path) else data) else None


class Insistent(Leavable):
    """The same, and every request is made by `insist`."""

    def _made(self, request: Callable[[], T]) -> T:
        return insist(partial(super()._made, request), self._check)
