"""Spoken lines and pauses -> one waveform, and where each line lies in it, to the sample."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts import Samples

_CLICK_FADE_S = 0.005


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


@dataclass(frozen=True, slots=True)
class Waveform:
    samples: Samples
    rate_hz: int
    segments: tuple[Segment, ...]


def join(parts: Sequence[Samples | Silence], rate_hz: int, cross_fade_s: float) -> Waveform:
    """Lays the parts one after another: neighbouring lines are cross-faded, a silence is exact.

    A fade takes at most half of the shorter line. A line that a silence or the end follows fades out over 5 ms, as
    one that nothing precedes fades in: a cut through a sound clicks.
    """
    out = np.zeros(sum(_length(part, rate_hz) for part in parts), dtype=np.float32)
    segments: list[Segment] = []
    end, previous = 0, None
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        if isinstance(part, Silence):
            end += _length(part, rate_hz)
            previous = None
            continue
        n_fade = 0 if previous is None else min(int(cross_fade_s * rate_hz), len(part) // 2, len(previous) // 2)
        offset = end - n_fade
        _lay(out, part, offset, n_fade, rate_hz, last=following is None or isinstance(following, Silence))
        if n_fade:
            segments[-1] = Segment(segments[-1].offset, segments[-1].start, offset + n_fade // 2)
        segments.append(Segment(offset, offset + n_fade // 2, offset + len(part)))
        end, previous = offset + len(part), part
    return Waveform(out[:end], rate_hz, tuple(segments))


def _length(part: Samples | Silence, rate_hz: int) -> int:
    return part.duration_ms * rate_hz // 1000 if isinstance(part, Silence) else len(part)


def _lay(out: Samples, part: Samples, offset: int, n_fade: int, rate_hz: int, *, last: bool) -> None:
    """Adds `part` at `offset`, fading over the `n_fade` samples that are there already."""
    body = part.astype(np.float32, copy=True)
    n_click = min(int(_CLICK_FADE_S * rate_hz), len(body) // 2)
    if n_fade:
        ramp = np.linspace(0.0, 1.0, n_fade, dtype=np.float32)
        out[offset:offset + n_fade] *= 1.0 - ramp
        body[:n_fade] *= ramp
    elif n_click:
        body[:n_click] *= np.linspace(0.0, 1.0, n_click, dtype=np.float32)
    if last and n_click:
        body[-n_click:] *= np.linspace(1.0, 0.0, n_click, dtype=np.float32)
    out[offset:offset + len(body)] += body
