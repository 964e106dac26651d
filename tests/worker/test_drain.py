from __future__ import annotations

import asyncio
import inspect
import os
import signal
from typing import Any

from runpod.serverless.modules import rp_scale

from worker.drain import Drain


def test_the_sdk_still_looks_its_fetchers_up_where_they_are_replaced() -> None:
    made = inspect.getsource(rp_scale.JobScaler.__init__)
    assert "self.jobs_fetcher = get_job" in made
    assert "self.stop_signals_fetcher = get_stop_signals" in made
    assert "signal.signal(signal.SIGTERM, self.handle_shutdown)" in inspect.getsource(rp_scale.JobScaler.start)


def drained(job_comes_after_s: float | None) -> tuple[list[Any], bool]:
    """What the loop gets from its polls around a SIGTERM, and whether the SDK was asked to shut down."""
    signals: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: signals.append(number))

    async def fetch() -> list[str]:
        await asyncio.sleep(60 if job_comes_after_s is None else job_comes_after_s)
        return ["job"]

    async def poll() -> list[Any]:
        drain = Drain(fetch, fetch)
        first = asyncio.ensure_future(drain.take())
        await asyncio.sleep(0.1)
        os.kill(os.getpid(), signal.SIGTERM)
        return [await asyncio.wait_for(first, 5), await asyncio.wait_for(drain.take(), 5),
                await asyncio.wait_for(drain.stops(), 5)]

    try:
        return asyncio.run(poll()), bool(signals)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_an_idle_workers_poll_is_broken_off_and_the_worker_ends() -> None:
    assert drained(None) == ([None, None, []], True)


def test_a_job_that_came_before_the_signal_is_run_before_the_worker_ends() -> None:
    assert drained(0.05) == ([["job"], None, []], True)
