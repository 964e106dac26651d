"""Text and a voice in, samples out.

`script` reads what the caller wrote, an engine (`espeak`, `f5.engine`) speaks its lines,
`assemble` joins the lines. An engine has the attributes and the one verb of `Engine`.
"""
from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
"""Mono audio, float32 [n_samples], in -1..1."""


class EngineError(Exception):
    """The engine cannot speak this; the message is fit for the caller."""


class EngineLost(EngineError):
    """The device is in a state from which this process cannot recover; the worker must be replaced."""


class Cancelled(Exception):
    """The job was cancelled, or ran out of time, between two steps of the work."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A prepared reference: `samples` (mono, at `rate_hz`) say exactly `text`.

    `fingerprint` changes when the recording or its text does: engines cache by it.
    """

    name: str
    samples: Samples
    rate_hz: int
    text: str
    language: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Line:
    """What is said in one breath of the engine: at most `Engine.max_bytes` of UTF-8."""

    text: str
    language: str
    voice: Voice | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """How it is said. Engines ignore what has no meaning for them."""

    speed: float = 1.0
    seed: int = 1
    nfe_step: int = 16
    cfg_strength: float = 2.0
    sway_sampling_coef: float = -1.0
    target_rms: float = 0.1


@dataclass(frozen=True, slots=True)
class Mark:
    """The engine's own word time: `text[char_start:char_end]` of the line sounds in `[start_ms, end_ms)`."""

    char_start: int
    char_end: int
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Utterance:
    """One spoken line. `marks` is None when the engine does not know its word times."""

    samples: Samples
    marks: tuple[Mark, ...] | None = None
    warnings: tuple[str, ...] = field(default=())


class Engine(Protocol):
    """What `worker.generate` needs of an engine."""

    name: str
    model: str
    revision: str
    rate_hz: int
    clones: bool
    fallible: bool
    """Whether it may leave out, repeat or garble words, so that its lines are checked."""
    concurrency: int
    """Jobs at a time that gain from being spoken together."""

    @property
    def own_voice(self) -> Voice | None:
        """Says the lines that name no voice; None where that is no recording."""
        ...

    def max_bytes(self, voice: Voice | None, speed: float) -> int:
        """The longest line, in bytes of UTF-8, that one pass can speak in this voice."""
        ...

    def speak(
        self,
        lines: Sequence[Line],
        options: Options,
        *,
        check: Callable[[], None],
        progress: Callable[[float], None],
    ) -> Generator[Utterance, None, None]:
        """Speaks every line, in order, a few ahead of those taken. Same lines, options and model: same samples.

        Calls `check` (it raises Cancelled) and `progress` with the share done (0-1) from the calling thread, as steps
        are done. Closed before its end, it does no further work. Raises EngineError. Safe to call from several
        threads, whose lines may be made together.
        """
        ...
