"""SIGTERM: no job is taken any more, what was taken is finished, and then the worker ends.

The SDK (1.12) sets its shutdown flag at once but leaves the open long poll for a job running; a job that
is handed out on that poll is acknowledged, queued and never run, and the exit waits for both of its polls.
Here the polls are broken off first, and the SDK shuts down only when no job can arrive any more.
The names that this relies on are guarded by tests/worker/test_drain.py.
"""
from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

log = logging.getLogger(__name__)

Fetch = Callable[..., Awaitable[Any]]


class Drain:
    """Stands between the SDK's loop and its two fetchers, for jobs (`take`) and for cancels (`stops`)."""

    def __init__(self, take: Fetch, stops: Fetch) -> None:
        self._take, self._stops = take, stops
        self._stopping: asyncio.Event | None = None
        self._shut_down: Callable[[], object] = lambda: None

    async def take(self, *arguments: Any) -> Any:
        """A job if one comes before the worker is asked to stop. What did come is still run."""
        jobs = await self._unless_stopping(self._take, *arguments)
        if not jobs and self._event().is_set():
            self._shut_down()
        return jobs

    async def stops(self, *arguments: Any) -> Any:
        return await self._unless_stopping(self._stops, *arguments) or []

    async def _unless_stopping(self, fetch: Fetch, *arguments: Any) -> Any:
        stopping = self._event()
        if stopping.is_set():
            return None
        poll = asyncio.ensure_future(fetch(*arguments))
        stop = asyncio.ensure_future(stopping.wait())
        try:
            await asyncio.wait({poll, stop}, return_when=asyncio.FIRST_COMPLETED)
            return poll.result() if poll.done() else None
        finally:
            poll.cancel()
            stop.cancel()

    def _event(self) -> asyncio.Event:
        """Made at the first poll, in the SDK's own loop, when its signal handlers are in place."""
        if self._stopping is None:
            self._stopping = asyncio.Event()
            handler = signal.getsignal(signal.SIGTERM)
            if callable(handler):
                self._shut_down = partial(handler, signal.SIGTERM, None)
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, self._stop)
        return self._stopping

    def _stop(self) -> None:
        log.info("asked to stop: the running job is finished, no other is taken")
        self._event().set()


def install() -> None:
    """Puts a Drain into the SDK, whose loop looks both fetchers up when it is made."""
    from runpod.serverless.modules import rp_scale

    drain = Drain(rp_scale.get_job, rp_scale.get_stop_signals)
    rp_scale.get_job = drain.take
    rp_scale.get_stop_signals = drain.stops
