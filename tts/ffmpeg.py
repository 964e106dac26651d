"""FFmpeg in a process of its own, fed with samples as they come."""
from __future__ import annotations

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import IO, cast

from tts import EngineError, Samples

_LOOK_S = 0.1
_PATIENCE_S = 60.0
"""Without any of its work done, FFmpeg is given up."""


class Ffmpeg:
    """Takes float32 samples by `feed` and is done at `finish`. It never keeps its caller longer than `check` allows,
    which is asked every tenth of a second and raises to stop; leaving the context kills it. Raises EngineError.
    """

    def __init__(self, rate_hz: int, arguments: list[str], check: Callable[[], None],
                 output: IO[bytes] | None = None) -> None:
        import imageio_ffmpeg

        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-nostats", "-y", "-f", "f32le",
                   "-ar", str(rate_hz), "-ac", "1", "-i", "pipe:0", *arguments]
        self._check = check
        self._log = tempfile.TemporaryFile(prefix="ffmpeg-")  # noqa: SIM115 - it is closed by __exit__
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output or subprocess.DEVNULL,
                                         stderr=self._log, env={})
        self._feed = cast(IO[bytes], self._process.stdin)
        os.set_blocking(self._feed.fileno(), False)

    def __enter__(self) -> Ffmpeg:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        self._feed.close()
        self._log.close()

    def feed(self, samples: Samples) -> None:
        left = memoryview(samples.astype("<f4", copy=False).tobytes())
        self._check()
        moved_at = time.monotonic()
        with suppress(BrokenPipeError):  # it has ended: `finish` says why
            while left:
                if select.select([], [self._feed], [], _LOOK_S)[1]:
                    left, moved_at = left[os.write(self._feed.fileno(), left):], time.monotonic()
                else:
                    self._wait_on(moved_at)

    def finish(self) -> str:
        """What it has said in all."""
        self._feed.close()
        closed_at = time.monotonic()
        while True:
            try:
                failed = self._process.wait(_LOOK_S)
            except subprocess.TimeoutExpired:
                self._wait_on(closed_at)
            else:
                break
        if failed:
            raise EngineError("FFmpeg failed on the audio; is the temporary disk full?")
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def _wait_on(self, since: float) -> None:
        self._check()
        if time.monotonic() - since > _PATIENCE_S:
            raise EngineError("FFmpeg does not go on with the audio")


def run(rate_hz: int, arguments: list[str], blocks: Iterable[Samples], check: Callable[[], None],
        output: IO[bytes] | None = None) -> str:
    """Feeds it all blocks; returns what it has said."""
    with Ffmpeg(rate_hz, arguments, check, output) as ffmpeg:
        for block in blocks:
            ffmpeg.feed(block)
        return ffmpeg.finish()
