"""Progress on its way to RunPod, in order, and never after the result."""
from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any


class Progress:
    """Tells RunPod the newest state of a job, one report at a time and none after `stop`.

    The SDK's own `progress_update` posts from a thread that nobody waits for, so a report can arrive
    after the result and undo it; this awaits the very call that thread makes (rp_http.send_result).
    """

    _INTERVAL_S = 1.0
    _PATIENCE_S = 5.0

    def __init__(self, job: Mapping[str, Any]) -> None:
        self._job = job
        self._loop = asyncio.get_running_loop()
        self._news, self._stop = asyncio.Event(), asyncio.Event()
        self._newest: dict[str, Any] = {}
        self._more: Mapping[str, Any] = {}
        self._task = self._loop.create_task(self._send())

    def report(self, stage: str, progress: float) -> None:
        """Called from the work's thread."""
        self._newest = {"stage": stage, "progress": round(progress, 3)}
        self._loop.call_soon_threadsafe(self._news.set)

    def publish(self, news: Mapping[str, Any]) -> None:
        """From now on a part of every report, the next one at once. Called from the work's thread."""
        self._more = news
        self._loop.call_soon_threadsafe(self._news.set)

    def break_off(self) -> None:
        """The job is cancelled: no result follows that a late report could undo."""
        self._task.cancel()

    async def stop(self) -> None:
        """Waits for a report that is on its way: one broken off may still be read, after the result."""
        self._stop.set()
        self._news.set()
        await asyncio.wait([self._task], timeout=self._PATIENCE_S)
        self._task.cancel()

    async def _send(self) -> None:
        from runpod.http_client import AsyncClientSession
        from runpod.serverless.modules.rp_http import send_result

        async with AsyncClientSession() as session:
            while await self._news.wait() and not self._stop.is_set():
                self._news.clear()
                output = {**self._newest, **self._more}
                await send_result(session, {"status": "IN_PROGRESS", "output": output}, self._job)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), self._INTERVAL_S)
