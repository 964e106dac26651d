"""Work that does not look up while it works, in a thread that can be left."""
from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from tts import Cancelled

T = TypeVar("T")
_LOOK_S = 0.1


def watched(work: Callable[[Callable[[], None]], T], check: Callable[[], None]) -> T:
    """What `work` returns. Where `check` raises first, that is raised within a tenth of a second.

    Work that was left goes on to the next call of the function it is given, which ends it. It must write nothing.
    """
    left = threading.Event()
    result: Future[T] = Future()

    def stop_if_left() -> None:
        if left.is_set():
            raise Cancelled("the job has ended")

    def run() -> None:
        try:
            result.set_result(work(stop_if_left))
        except BaseException as error:
            result.set_exception(error)

    threading.Thread(target=contextvars.copy_context().run, args=(run,), name="watched", daemon=True).start()
    try:
        while True:
            check()
            if wait([result], _LOOK_S).done:
                return result.result()
    finally:
        left.set()
