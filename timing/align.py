"""Known text and its recording in, one `Timeline` out.

A `Source` gets one window of audio and returns the span of each token in it. `align` gives every window to
the sources in turn, puts word edges where the sound's energy has them, and lets `settle` keep the order.
What no source found is placed by its length and marked `estimated`.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import numpy.typing as npt
import soxr

from timing import edges
from timing.words import Span, Timeline, TimelineError, Word, settle, share, to_ms

if TYPE_CHECKING:
    from text.spoken import Token

Samples = npt.NDArray[np.float32]
Method = Literal["auto", "whisperx", "google", "pocketsphinx"]

RATE_HZ = 16_000
"""The sample rate of every source's input."""

AUTO: tuple[str, ...] = ("whisperx", "google", "pocketsphinx")
"""The order of `auto`; the caller leaves out of `sources` what its policy forbids."""

DOUBT = 0.9
"""A word with a lower score is named in a warning, where scores are calibrated."""
UNCALIBRATED_DOUBT = 0.5
CALIBRATED = frozenset({"pocketsphinx"})
GROW_MS = {"pocketsphinx": 30}
"""Over how much sound at a pause a source's words grow, where that was measured; others end words too early."""
BELIEVED = 0.5
LEAST_SHARE = 0.2
"""Where fewer of a line's words have a score of at least `BELIEVED`, it is not said at all (`timing.faults`)."""
LEAST_FOUND = 0.25
"""The same of a text, which is another's then. In the dev split the share is up to 0.24 of others, and above that of
nearly all of its own: three with 0 to 0.23 are in noise of 0 dB, or have 5 of 13 words misheard."""
MAX_WORDS_PER_S = 6
BILLING_STEP_S = 15
"""Google bills each request in steps of 15 s, as third parties quoted it in 2024-26 (bicov.pro)."""


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
    forces every token into the audio has none (`math.inf`). Short windows are laid together up to the limit.
    `usd_per_minute` is what a minute costs where the audio goes to another company, else 0.
    """

    name: str
    max_window_s: float
    usd_per_minute: float

    def supports(self, language: str) -> str | None:
        """None when it can time this language now, else the reason why not, as the end of "x: ...". """
        ...

    def align(self, samples: Samples, tokens: Sequence[Token], language: str) -> list[Span | None]:
        """One span for each token, relative to `samples` (16 kHz); None for a token it did not find.

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
    certain: bool = False,
) -> Alignment:
    """Times every token. Same audio and tokens: same times.

    `samples` is mono float32 [n]. `windows` are the known edges of what was said; none means that the
    tokens lie anywhere. `check` is called between windows and raises to stop. A named `method` times the
    words itself or TimingError is raised; `auto` steps down `AUTO` and warns of each step. A text of which the
    sources find next to nothing is refused with TimingError, unless it is `certain` that it is what is said.
    """
    duration_ms = to_ms(len(samples) / rate_hz)
    audio = for_sources(samples, rate_hz)
    windows = windows or [Window(0, duration_ms, 0, len(tokens))]
    pending = [window for window in windows if any(token.spoken for token in tokens[window.first : window.last])]
    spans: list[Span | None] = [None] * len(tokens)
    found, warnings = dict[str, int](), list[str]()
    for name in _order(method, sources, warnings):
        try:
            source = _usable(name, sources, language)
            asked = _together(pending, source.max_window_s)
            by_index, pending = _align_windows(source, audio, tokens, asked, language, check)
        except TimingError as error:
            if method != "auto":
                raise
            warnings.append(f"not timed by {name}: {error}")
            continue
        warnings += _bill(source, asked)
        found[name] = len(by_index)
        for index, span in by_index.items():
            spans[index] = span
        if not pending:
            break
        warnings.append(f"{name} found nothing of {_quote(tokens, pending)}")
    if pending and found and not any(found.values()) and not (certain and method == "auto"):
        raise _another_text(found)
    for window in pending:
        _estimate(audio, tokens, window, spans)
    used = max(found, key=lambda name: found[name]) if any(found.values()) else "estimate"
    warnings += word_warnings(tokens, spans, used)
    return Alignment(_timeline(tokens, spans, text, duration_ms, language, used), tuple(warnings))


def for_sources(samples: Samples, rate_hz: int) -> Samples:
    """The same sound at `RATE_HZ`. Where it is already there nothing is copied: 230 MB an hour."""
    return np.ascontiguousarray(
        samples if rate_hz == RATE_HZ else soxr.resample(samples, rate_hz, RATE_HZ), dtype=np.float32)


def _another_text(asked: Iterable[str]) -> TimingError:
    return TimingError(f"{' and '.join(asked)} found none of the words in this audio, or next to none; "
                       "check that the text is what is said")


def _order(method: Method, sources: Mapping[str, Source], warnings: list[str]) -> list[str]:
    """The sources to ask. That the first of `AUTO` is missing is a warning; the others are the operator's choice."""
    if method != "auto":
        return [method]
    if AUTO[0] not in sources:
        warnings.append(f"not timed by {AUTO[0]}: it is not installed on this worker")
    return [name for name in AUTO if name in sources]


def _usable(name: str, sources: Mapping[str, Source], language: str) -> Source:
    source = sources.get(name)
    if source is None:
        raise TimingError(f"{name} is not available on this worker")
    reason = source.supports(language)
    if reason is not None:
        raise TimingError(reason)
    return source


def _together(windows: Sequence[Window], max_window_s: float) -> list[Window]:
    """Fewer, longer windows for a source that has a limit: one that is asked by request is paid by request."""
    if math.isinf(max_window_s):
        return list(windows)
    joined: list[Window] = []
    for window in windows:
        if joined and window.end_ms - joined[-1].start_ms <= max_window_s * 1000:
            joined[-1] = replace(joined[-1], end_ms=window.end_ms, last=window.last)
        else:
            joined.append(window)
    return joined


def _bill(source: Source, windows: Sequence[Window]) -> list[str]:
    """What went to another company, and about what it costs."""
    if not source.usd_per_minute:
        return []
    lengths_s = [(window.end_ms - window.start_ms) / 1000 for window in windows]
    billed_s = sum(math.ceil(length_s / BILLING_STEP_S) * BILLING_STEP_S for length_s in lengths_s)
    usd = billed_s / 60 * source.usd_per_minute
    return [f"{source.name}: {sum(lengths_s):.0f} s of audio were sent to it, about ${usd:.3f}"]


def _align_windows(
    source: Source,
    audio: Samples,
    tokens: Sequence[Token],
    windows: Sequence[Window],
    language: str,
    check: Callable[[], None],
) -> tuple[dict[int, Span], list[Window]]:
    """The spans that a source found, by token index, and the windows in which it found none."""
    found: dict[int, Span] = {}
    silent: list[Window] = []
    for window in windows:
        spans = _align_window(source, audio, tokens, window, language, check)
        if _is_there(tokens, window, spans):
            found |= spans
        else:
            silent.append(window)
    return found, silent


def _is_there(tokens: Sequence[Token], window: Window, spans: Mapping[int, Span]) -> bool:
    """Whether enough of the window's words were found to believe that it holds this text."""
    good = sum(span.score is None or span.score >= BELIEVED for span in spans.values())
    return good > LEAST_FOUND * sum(bool(token.spoken) for token in tokens[window.first : window.last])


def _align_window(
    source: Source,
    audio: Samples,
    tokens: Sequence[Token],
    window: Window,
    language: str,
    check: Callable[[], None],
) -> dict[int, Span]:
    """One window, in pieces cut at pauses where it is longer than the source can take.

    A piece is offered the words that are still to come, as many as can have been said since the last that was
    found: a common word must not be found an hour ahead.
    """
    indexes = [i for i in range(window.first, window.last) if tokens[i].spoken]
    start, stop = to_sample(window.start_ms), min(to_sample(window.end_ms), len(audio))
    found: dict[int, Span] = {}
    last_stop = start
    for piece_start, piece_stop in edges.pieces(audio, start, stop, source.max_window_s):
        check()
        whole = (piece_start, piece_stop) == (start, stop)
        offered = indexes if whole else indexes[: 10 + (piece_stop - last_stop) * MAX_WORDS_PER_S // RATE_HZ]
        spans = _piece(source, audio[piece_start:piece_stop], [tokens[i] for i in offered], language)
        offset_ms = to_ms(piece_start / RATE_HZ)
        for index, span in zip(offered, spans, strict=True):
            if span is not None:
                found[index] = _moved(span, offset_ms)
                last_stop = piece_stop
        indexes = [i for i in indexes if i > max(found, default=-1)]
    return found


def _piece(source: Source, piece: Samples, tokens: Sequence[Token], language: str) -> list[Span | None]:
    """The spans of one call, refined; all None when the words are not there, or none are left to be found."""
    if tokens and len(piece):
        try:
            spans = source.align(piece, tokens, language)
            return edges.refine(piece, spans, GROW_MS.get(source.name, edges.GROW_MS))
        except NoEvidence:
            pass
    return [None] * len(tokens)


def _moved(span: Span, by_ms: int) -> Span:
    return replace(span, start_ms=span.start_ms + by_ms, end_ms=span.end_ms + by_ms)


def to_sample(ms: int) -> int:
    """Where a time lies in the audio of a source."""
    return ms * RATE_HZ // 1000


def _estimate(audio: Samples, tokens: Sequence[Token], window: Window, spans: list[Span | None]) -> None:
    """Shares the sounding part of a window among its tokens by their spoken letters."""
    start, stop = edges.sounding(audio, to_sample(window.start_ms), to_sample(window.end_ms))
    try:
        spans[window.first : window.last] = share(
            to_ms(start / RATE_HZ), to_ms(stop / RATE_HZ), _weights(tokens[window.first : window.last])
        )
    except TimelineError:
        return  # more words than milliseconds there: settle places them


def _weights(tokens: Sequence[Token]) -> list[float]:
    return [float(sum(map(len, token.spoken))) for token in tokens]


def doubt(method: str) -> float:
    """The score below which a word's time by this method is doubtful."""
    return DOUBT if method in CALIBRATED else UNCALIBRATED_DOUBT


def word_warnings(tokens: Sequence[Token], spans: Sequence[Span | None], method: str) -> list[str]:
    """Which words are estimated, and which times are doubtful."""
    return [*_estimated(tokens, spans), *_doubtful(tokens, spans, doubt(method))]


def _estimated(tokens: Sequence[Token], spans: Sequence[Span | None]) -> list[str]:
    lost = [t for t, span in zip(tokens, spans, strict=True) if t.spoken and (span is None or span.estimated)]
    if not lost:
        return []
    return [f"times are estimated for {len(lost)} of {len(tokens)} words, the first is {lost[0].text[:60]!r}"]


def _doubtful(tokens: Sequence[Token], spans: Sequence[Span | None], least: float) -> list[str]:
    words = [token.text[:60] for token, span in zip(tokens, spans, strict=True)
             if span and not span.estimated and span.score is not None and span.score < least]
    if not words:
        return []
    return [f"the times of {len(words)} of {len(tokens)} words are doubtful (score below {least}), first "
            + ", ".join(map(repr, words[:5]))]


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
