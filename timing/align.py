"""Known text and its recording in, one `Timeline` out.

A `Source` hears one window of audio and says where each token lies in it. `align` gives every window to
the sources in turn, puts word edges where the sound's energy has them, and lets `settle` keep the order.
What no source heard is placed by its length and marked `estimated`.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import numpy.typing as npt
import soxr

from timing import edges
from timing.words import Span, Timeline, TimelineError, Word, settle, share, to_ms

if TYPE_CHECKING:
    from timing.spoken import Token

Samples = npt.NDArray[np.float32]
Method = Literal["auto", "whisperx", "google", "pocketsphinx"]

RATE_HZ = 16_000
"""What every source hears."""

AUTO: tuple[str, ...] = ("whisperx", "google", "pocketsphinx")
"""The order of `auto`; the caller leaves out of `sources` what its policy forbids."""


class TimingError(Exception):
    """The method cannot time these words; the message is fit for the caller."""


class NoEvidence(TimingError):
    """The source works, but these words are not to be found in this audio."""


@dataclass(frozen=True, slots=True)
class Window:
    """`tokens[first:last]` are said within `[start_ms, end_ms)`. Windows come in order."""

    start_ms: int
    end_ms: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Alignment:
    timeline: Timeline
    warnings: tuple[str, ...]


class Source(Protocol):
    """One way to find words in audio.

    `max_window_s` is the longest audio of one call. Longer windows are given piece by piece, each with all
    the tokens that are still to come: only a source that *recognises* words can have a limit, one that
    forces every token into the audio has none (`math.inf`).
    """

    name: str
    max_window_s: float

    def supports(self, language: str) -> str | None:
        """None when it can time this language now, else the reason why not, as the end of "x: ...". """
        ...

    def align(self, samples: Samples, tokens: Sequence[Token], language: str) -> list[Span | None]:
        """One span for each token, relative to `samples` (16 kHz); None for a token it did not hear.

        Raises NoEvidence or another TimingError.
        """
        ...


def align(
    samples: Samples,
    rate_hz: int,
    tokens: Sequence[Token],
    windows: Sequence[Window],
    *,
    text: str,
    language: str,
    method: Method,
    sources: Mapping[str, Source],
    check: Callable[[], None],
) -> Alignment:
    """Times every token. Same audio and tokens: same times.

    `samples` is mono float32 [n]. `windows` are the known edges of what was said; none means that the
    tokens lie anywhere. `check` is called between windows and raises to stop. A named `method` times the
    words itself or TimingError is raised; `auto` steps down `AUTO` and warns of each step.
    """
    duration_ms = to_ms(len(samples) / rate_hz)
    heard = np.ascontiguousarray(soxr.resample(samples, rate_hz, RATE_HZ), dtype=np.float32)
    pending = [w for w in windows or [Window(0, duration_ms, 0, len(tokens))] if _sounding(tokens, w)]
    spans: list[Span | None] = [None] * len(tokens)
    warnings: list[str] = []
    counts: dict[str, int] = {}
    for name in AUTO if method == "auto" else (method,):
        if not pending:
            break
        try:
            source = _usable(name, sources, language)
            found, pending = _listen(source, heard, tokens, pending, language, check)
        except TimingError as error:
            if method != "auto":
                raise
            warnings.append(f"not timed by {name}: {error}")
            continue
        counts[name] = len(found)
        for index, span in found.items():
            spans[index] = span
        if pending:
            warnings.append(f"{name} heard nothing of {_quote(tokens, pending)}")
    if method != "auto" and pending and not counts.get(method):
        raise TimingError(f"{method} found none of the words in this audio; check that the text is what is said")
    for window in pending:
        _estimate(heard, tokens, window, spans)
    if pending:
        warnings.append(f"times are estimated for {_quote(tokens, pending)}")
    used = max(counts, key=lambda name: counts[name]) if any(counts.values()) else "estimate"
    return Alignment(_timeline(tokens, spans, text, duration_ms, language, used), tuple(warnings))


def _usable(name: str, sources: Mapping[str, Source], language: str) -> Source:
    source = sources.get(name)
    if source is None:
        raise TimingError("it is not available on this worker")
    reason = source.supports(language)
    if reason is not None:
        raise TimingError(reason)
    return source


def _listen(
    source: Source,
    heard: Samples,
    tokens: Sequence[Token],
    windows: Sequence[Window],
    language: str,
    check: Callable[[], None],
) -> tuple[dict[int, Span], list[Window]]:
    """The spans that a source found by token index, and the windows in which it found none."""
    found: dict[int, Span] = {}
    silent: list[Window] = []
    for window in windows:
        check()
        try:
            spans = _hear(source, heard, tokens, window, language, check)
        except NoEvidence:
            spans = {}
        found |= spans
        if not spans:
            silent.append(window)
    return found, silent


def _hear(
    source: Source,
    heard: Samples,
    tokens: Sequence[Token],
    window: Window,
    language: str,
    check: Callable[[], None],
) -> dict[int, Span]:
    """One window, in pieces cut at pauses where it is longer than the source can take."""
    indexes = [i for i in range(window.first, window.last) if tokens[i].spoken]
    start, stop = _sample(window.start_ms), min(_sample(window.end_ms), len(heard))
    found: dict[int, Span] = {}
    for piece_start, piece_stop in edges.pieces(heard, start, stop, source.max_window_s):
        check()
        if not indexes:
            break
        piece = heard[piece_start:piece_stop]
        spans = source.align(piece, [tokens[i] for i in indexes], language)
        spans = edges.refine(piece, spans)
        offset_ms = to_ms(piece_start / RATE_HZ)
        heard_here = {i: _moved(span, offset_ms) for i, span in zip(indexes, spans, strict=True) if span is not None}
        found |= heard_here
        indexes = [i for i in indexes if i > max(heard_here, default=-1)]
    return found


def _moved(span: Span, by_ms: int) -> Span:
    return replace(span, start_ms=span.start_ms + by_ms, end_ms=span.end_ms + by_ms)


def _sample(ms: int) -> int:
    return ms * RATE_HZ // 1000


def _sounding(tokens: Sequence[Token], window: Window) -> bool:
    return any(token.spoken for token in tokens[window.first : window.last])


def _estimate(heard: Samples, tokens: Sequence[Token], window: Window, spans: list[Span | None]) -> None:
    """Shares the sounding part of a window among its tokens by their spoken letters."""
    start, stop = edges.sounding(heard, _sample(window.start_ms), _sample(window.end_ms))
    try:
        spans[window.first : window.last] = share(
            to_ms(start / RATE_HZ), to_ms(stop / RATE_HZ), _weights(tokens[window.first : window.last])
        )
    except TimelineError:
        return  # more words than milliseconds there: settle places them


def _weights(tokens: Sequence[Token]) -> list[float]:
    return [float(sum(map(len, token.spoken))) for token in tokens]


def _quote(tokens: Sequence[Token], windows: Sequence[Window]) -> str:
    first = " ".join(token.text for token in tokens[windows[0].first : windows[0].last][:6])
    return f'"{first[:60]}"' + (f" and {len(windows) - 1} more passages" if len(windows) > 1 else "")


def _timeline(
    tokens: Sequence[Token],
    spans: Sequence[Span | None],
    text: str,
    duration_ms: int,
    language: str,
    method: str,
) -> Timeline:
    try:
        settled = settle(spans, duration_ms, _weights(tokens))
    except TimelineError as error:
        raise TimingError(f"the audio is too short for its text: {error}") from error
    words = tuple(
        Word(token.text, span.start_ms, span.end_ms, token.char_start, token.char_end, span.score, span.estimated)
        for token, span in zip(tokens, settled, strict=True)
    )
    return Timeline(text, words, duration_ms, language, method)
