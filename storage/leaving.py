"""A request to the storage that its job need not wait for: it runs in a thread, which is left when the job must end.

What is left does nothing more. Its connection is cut, so that a body that was not sent whole is void; it is not tried
again, reads no further, and puts no file in its place.
"""
from __future__ import annotations

import contextvars
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")
CHECK: ContextVar[Callable[[], None]] = ContextVar("CHECK", default=lambda: None)
"""Called between the blocks of what is sent or read, wherever it is set; it raises when that is to stop."""
_LOOK_S = 0.1
_SILENT_S = 0.5
"""A request in which nothing has moved for so long when time is over is what the job failed of."""


class OutOfTime(Exception):
    """Raised by a `check`: there is no time for another attempt. The storage's own error is raised in its place."""


class Silent(OutOfTime):
    """Time is over, and it was the storage that let it pass."""


class Left(BaseException):
    """Raised in a request that nobody waits for; no library takes it for a failure that may pass."""


class _Request:
    """One request with all its attempts. `check` is its thread's CHECK."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._is_left = False
        self._moved_at = time.monotonic()
        self.has_failed = False

    def check(self) -> None:
        self._moved_at = time.monotonic()
        if self._is_left:
            raise Left

    def uses(self, connected: socket.socket) -> None:
        """When `leave` comes, either it sees this socket or we see that it came."""
        self._socket = connected
        self.check()

    def leave(self) -> None:
        self._is_left = True
        if self._socket is not None:
            with suppress(OSError):
                # Of the plain socket: that of a TLS one would take its state away under the thread that reads.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def is_what_failed(self) -> bool:
        return self.has_failed or time.monotonic() - self._moved_at > _SILENT_S


_REQUEST: ContextVar[_Request | None] = ContextVar("_REQUEST", default=None)


def leaving(work: Callable[[], T], check: Callable[[], None]) -> T:
    """What `work` returns, from a thread of its own. Where `check` raises first, that is raised within 0.1 s.

    Silent takes the place of an OutOfTime where nothing has moved any more.
    """
    request, result = _Request(), Future[T]()

    def run() -> None:
        _REQUEST.set(request)
        CHECK.set(request.check)
        try:
            result.set_result(work())
        except BaseException as error:
            result.set_exception(error)

    check()
    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), name="storage", daemon=True)
    thread.start()
    try:
        while not wait([result], _LOOK_S).done:
            check()
        return result.result()
    except OutOfTime:
        if not request.is_what_failed():
            raise
        raise Silent from None
    finally:
        if not result.done():
            request.leave()


def note_failure() -> None:
    """An attempt at this thread's request has failed, and another is thought of."""
    if (request := _REQUEST.get()) is not None:
        request.has_failed = True
        request.check()


def known(connection_class: Any) -> type:
    """A class of urllib3's connections whose socket is cut when the request that uses it is left."""

    class Known(connection_class):  # type: ignore[misc]
        def connect(self) -> None:
            super().connect()
            self._note()

        def request(self, *arguments: Any, **options: Any) -> None:
            if self.sock is not None:
                self._note()
            super().request(*arguments, **options)

        def _note(self) -> None:
            if (request := _REQUEST.get()) is not None:
                request.uses(self.sock)

    return Known
