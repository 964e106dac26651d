from __future__ import annotations

import asyncio
import inspect
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from runpod.serverless.modules import rp_scale

from worker.drain import Drain


def test_the_sdk_still_looks_its_fetchers_up_where_they_are_replaced() -> None:
    made = inspect.getsource(rp_scale.JobScaler.__init__)
    assert "self.jobs_fetcher = get_job" in made
    assert "self.stop_signals_fetcher = get_stop_signals" in made
    assert "signal.signal(signal.SIGTERM, self.handle_shutdown)" in inspect.getsource(rp_scale.JobScaler.start)


def drained(*, job_comes: bool) -> tuple[list[Any], bool]:
    """What the loop gets from its polls around a SIGTERM, and whether the SDK was asked to shut down."""
    signals: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: signals.append(number))

    async def poll() -> list[Any]:
        asked, comes = asyncio.Event(), asyncio.Event()

        async def fetch() -> list[str]:
            asked.set()
            await comes.wait()
            return ["job"]

        drain = Drain(fetch, fetch)
        first = asyncio.ensure_future(drain.take())
        await asyncio.wait_for(asked.wait(), 5)
        if job_comes:
            comes.set()
            await asyncio.wait([first], timeout=5)
        os.kill(os.getpid(), signal.SIGTERM)
        return [await asyncio.wait_for(first, 5), await asyncio.wait_for(drain.take(), 5),
                await asyncio.wait_for(drain.stops(), 5)]

    try:
        return asyncio.run(poll()), bool(signals)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_an_idle_workers_poll_is_broken_off_and_the_worker_ends() -> None:
    assert drained(job_comes=False) == ([None, None, []], True)


def test_a_job_that_came_before_the_signal_is_run_before_the_worker_ends() -> None:
    assert drained(job_comes=True) == ([["job"], None, []], True)


def test_a_worker_without_its_engine_takes_no_other_job() -> None:
    async def poll() -> tuple[Any, bool]:
        drain = Drain(lambda: asyncio.sleep(60), lambda: asyncio.sleep(60))
        waiting = asyncio.ensure_future(drain.take())
        await asyncio.sleep(0.1)
        drain.give_up()
        return await asyncio.wait_for(waiting, 5), drain.broken

    before = signal.getsignal(signal.SIGTERM)
    assert asyncio.run(poll()) == (None, True)
    signal.signal(signal.SIGTERM, before)


IN_A_NAMESPACE = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]
HANG = "print('here', flush=True); import ctypes; ctypes.PyDLL(None).sleep(60)"
"""In C, and without letting another thread run: as the loading of a library does."""


def may_make_a_namespace() -> bool:
    return subprocess.run([*IN_A_NAMESPACE, "true"], capture_output=True).returncode == 0


@pytest.mark.parametrize("phase", ["imports", "model load"])
def test_process_1_ends_at_once_when_asked_to_during_its_start(phase: str, root: Path, tmp_path: Path) -> None:
    """Process 1 ignores signals that it has no handler for, and Python's own wait for the C call that runs."""
    if not may_make_a_namespace():
        pytest.skip("needs unshare --pid")
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "s3_utils.py").write_text(HANG)
    code = f"import runpy, sys; sys.path[:0] = [{str(tmp_path / 'slow')!r}, {str(root)!r}]"
    if phase == "model load":
        code = (f"import runpy, sys; sys.path.insert(0, {str(root)!r}); import worker.start; "
                f"worker.start.Report.stage = lambda *_: exec({HANG!r})")
    code += f"; runpy.run_path({str(root / 'runpod_handler.py')!r}, run_name='__main__')"
    process = subprocess.Popen([*IN_A_NAMESPACE, sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, env={**os.environ, "DATA_DIR": str(tmp_path / "data")})
    assert process.stdout is not None
    assert process.stdout.readline() == b"here\n"
    asked_at = time.monotonic()
    child = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
    os.kill(child, signal.SIGTERM)
    try:
        status = process.wait(5)
    finally:
        process.kill()
    assert status == signal.SIGTERM
    assert time.monotonic() - asked_at < 5
