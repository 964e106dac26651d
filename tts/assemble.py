"""Spoken lines and pauses -> one waveform, and where each line lies in it, to the sample.

The waveform grows in a temporary file: hours of speech take no more memory than its longest line.
"""
from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from tts import EngineError, Samples

_CLICK_FADE_S = 0.005
_BLOCK_SAMPLES = 1 << 18
_DTYPE = np.dtype("<f4")


@dataclass(frozen=True, slots=True)
class Silence:
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Segment:
    """One line's place, in samples: its first lies at `offset`; it alone sounds in `[start, end)`.

    Where two lines are cross-faded the middle of the fade is the end of one and the start of the next.
    """

    offset: int
    start: int
    end: int


class Waveform:
    """A waveform that is written from its start to its end: `add` each line and pause, then `finish`.

    Neighbouring lines are cross-faded, over at most half of the shorter one; a silence is exact. A line that a silence
    or the end follows fades out over 5 ms, as one that nothing precedes fades in: a cut through a sound clicks.
    What may still fade is held back. `on_write` gets all that is final, in order. Raises EngineError where the
    temporary disk is full.
    """

    def __init__(self, rate_hz: int, cross_fade_s: float,
                 on_write: Callable[[Samples], None] = lambda samples: None) -> None:
        self.rate_hz, self.n_samples, self._on_write = rate_hz, 0, on_write
        self.segments: list[Segment] = []
        self._n_fade, self._n_click = int(cross_fade_s * rate_hz), int(_CLICK_FADE_S * rate_hz)
        self._tail: Samples = np.zeros(0, np.float32)
        self._n_previous = 0
        with _disk_errors():
            self._file = tempfile.TemporaryFile(prefix="waveform-")  # noqa: SIM115 - it is closed by __exit__

    def __enter__(self) -> Waveform:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._file.close()

    @property
    def duration_ms(self) -> int:
        return self.n_samples * 1000 // self.rate_hz

    def add(self, part: Samples | Silence) -> None:
        if isinstance(part, Silence):
            self._write_faded_out()
            self._write(np.zeros(part.duration_ms * self.rate_hz // 1000, np.float32))
            return
        n_fade = min(self._n_fade, len(part) // 2, self._n_previous // 2)
        body = self._faded_in(part, n_fade)
        self._write(self._tail[:len(self._tail) - n_fade])
        offset = self.n_samples
        if n_fade:
            before = self.segments[-1]
            self.segments[-1] = Segment(before.offset, before.start, offset + n_fade // 2)
            body[:n_fade] += self._tail[-n_fade:] * (1.0 - np.linspace(0.0, 1.0, n_fade, dtype=np.float32))
        self.segments.append(Segment(offset, offset + n_fade // 2, offset + len(part)))
        n_final = max(len(body) - max(self._n_fade, self._n_click), 0)
        self._write(body[:n_final])
        self._tail, self._n_previous = body[n_final:], len(part)

    def finish(self) -> None:
        self._write_faded_out()
        with _disk_errors():
            self._file.flush()

    def blocks(self) -> Iterator[Samples]:
        """The finished waveform from its start, some 10 s at a time."""
        for start in range(0, self.n_samples, _BLOCK_SAMPLES):
            self._file.seek(start * _DTYPE.itemsize)
            yield np.frombuffer(self._file.read(_BLOCK_SAMPLES * _DTYPE.itemsize), _DTYPE)

    def samples(self) -> Samples:
        """The finished waveform as one array, float32 [n_samples], which stays in its file."""
        if not self.n_samples:
            return np.zeros(0, np.float32)
        mapped: Samples = np.memmap(self._file, _DTYPE, "r")
        return mapped

    def _faded_in(self, part: Samples, n_fade: int) -> Samples:
        body = part.astype(np.float32, copy=True)
        n_ramp = n_fade or min(self._n_click, len(body) // 2)
        if n_ramp:
            body[:n_ramp] *= np.linspace(0.0, 1.0, n_ramp, dtype=np.float32)
        return body

    def _write_faded_out(self) -> None:
        n_ramp = min(self._n_click, self._n_previous // 2)
        if n_ramp:
            self._tail[-n_ramp:] *= np.linspace(1.0, 0.0, n_ramp, dtype=np.float32)
        self._write(self._tail)
        self._tail, self._n_previous = self._tail[:0], 0

    def _write(self, samples: Samples) -> None:
        self.n_samples += len(samples)
        self._on_write(samples)
        with _disk_errors():
            self._file.write(samples.astype(_DTYPE, copy=False).tobytes())


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EngineError(f"the worker's temporary disk failed or is full (errno {error.errno})") from None
