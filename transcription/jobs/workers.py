"""The worker processes of a service: started, woken, started again when they end, stopped with it."""
from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

from transcription import logs
from transcription.jobs.record import EXIT_STUCK
from transcription.settings import Settings

log = logs.logger(__name__)
_LOOK_S = 0.1
_GRACE_S = 8.0
_MAX_DELAY_S = 30.0


@dataclass
class _Place:
    """One worker's place; `failures` counts the processes that ended at once, one after the other."""

    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    next_at: float = 0.0
    failures: int = 0


class Workers:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._places = [_Place() for _ in range(settings.workers)]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="workers", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def alive(self) -> int:
        return sum(place.process is not None and place.process.poll() is None for place in self._places)

    def wake(self, job_id: str = "") -> None:
        """There is something to do; `job_id` where its message is held here until it is done."""
        for place in self._places:
            if place.process is not None and place.process.stdin is not None:
                with suppress(OSError, ValueError):
                    place.process.stdin.write(f"{job_id}\n".encode())
                    place.process.stdin.flush()

    def stop(self) -> None:
        """Lets each put its job back, and ends those that do not within some seconds."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        running = [place.process for place in self._places if place.process is not None]
        for process in running:
            process.terminate()
        end = time.monotonic() + _GRACE_S
        for process in running:
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin is not None:
                with suppress(OSError):
                    process.stdin.close()

    def _watch(self) -> None:
        while True:
            for place in self._places:
                self._look_after(place)
            if self._stopping.wait(_LOOK_S):
                return

    def _look_after(self, place: _Place) -> None:
        now = time.monotonic()
        if place.process is not None:
            code = place.process.poll()
            if code is None:
                return
            short = now - place.started_at < 5 and code != EXIT_STUCK
            place.failures = place.failures + 1 if short else 0
            place.next_at = now + (min(_MAX_DELAY_S, 2.0 ** place.failures / 2) if short else 0.0)
            place.process = None
            log.warning("worker_ended", code=code, again_in_s=round(place.next_at - now, 1) if short else 0)
        if now >= place.next_at:
            place.process = subprocess.Popen([sys.executable, "-m", "transcription.jobs.worker"], stdin=subprocess.PIPE,
                                             env=self._settings.child_environ())
            place.started_at = now
