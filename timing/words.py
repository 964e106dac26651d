"""Words with times: the values that every aligner makes and every writer reads.

Time is integer milliseconds, rounded once, by `to_ms`.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise


class TimelineError(ValueError):
    """Words that break the order `0 <= start < end <= next start`, or differ from their text."""


def to_ms(seconds: float) -> int:
    """Seconds to milliseconds, the one place where time is rounded."""
    return round(float(seconds) * 1000)


@dataclass(frozen=True, slots=True)
class Span:
    """Where one token is said. `score` is the source's own confidence in 0-1, None if it has none."""

    start_ms: int
    end_ms: int
    score: float | None = None
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """One displayed word: `text` is the source text's slice `[char_start:char_end]`, letter by letter.

    `estimated` means that no sound was found for it and that its time is a guess between neighbours.
    """

    text: str
    start_ms: int
    end_ms: int
    char_start: int
    char_end: int
    score: float | None = None
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Timeline:
    """The words of `text` in order, within audio of `duration_ms`.

    Raises TimelineError when made of words that overlap, run backwards, are empty, leave the audio,
    or are not the slices of `text` that they claim to be.
    """

    text: str
    words: tuple[Word, ...]
    duration_ms: int
    language: str
    method: str

    def __post_init__(self) -> None:
        previous_end_ms, previous_char_end = 0, 0
        for index, word in enumerate(self.words):
            if not previous_end_ms <= word.start_ms < word.end_ms <= self.duration_ms:
                raise TimelineError(
                    f"word {index} at {word.start_ms}-{word.end_ms} ms: after {previous_end_ms} ms, "
                    f"within {self.duration_ms} ms"
                )
            if word.char_start < previous_char_end or self.text[word.char_start:word.char_end] != word.text:
                raise TimelineError(f"word {index} is not its slice of the text")
            previous_end_ms, previous_char_end = word.end_ms, word.char_end


def settle(spans: Sequence[Span | None], duration_ms: int, weights: Sequence[float] | None = None) -> list[Span]:
    """Makes any spans keep `0 <= start < end <= next start`, end within the audio, and none missing.

    Evidence is moved as little as order demands. A None is placed in the gap between its neighbours,
    several share it by `weights` (spoken length; equal when absent), and are marked `estimated`.
    Raises TimelineError when the audio has fewer milliseconds than there are spans.
    """
    count = len(spans)
    if count > duration_ms:
        raise TimelineError(f"{count} words do not fit into {duration_ms} ms")
    # A word with k words behind it must leave at least k ms, one with k words before it likewise.
    placed: list[Span | None] = []
    floor_ms = 0
    for index, span in enumerate(spans):
        if span is None:
            placed.append(None)
            floor_ms += 1
            continue
        latest_start_ms = duration_ms - (count - index)
        start_ms = min(max(span.start_ms, floor_ms), latest_start_ms)
        end_ms = min(max(span.end_ms, start_ms + 1), duration_ms - (count - index - 1))
        placed.append(Span(start_ms, end_ms, span.score, span.estimated))
        floor_ms = start_ms + 1
    _trim_overlaps(placed)
    return _fill_gaps(placed, duration_ms, list(weights) if weights is not None else [1.0] * count)


def _trim_overlaps(spans: list[Span | None]) -> None:
    """Ends each span before the next known start, with a millisecond for every missing span between."""
    next_start_ms: int | None = None
    missing = 0
    for index in range(len(spans) - 1, -1, -1):
        span = spans[index]
        if span is None:
            missing += 1
            continue
        if next_start_ms is not None and span.end_ms > next_start_ms - missing:
            spans[index] = Span(span.start_ms, next_start_ms - missing, span.score, span.estimated)
        next_start_ms, missing = span.start_ms, 0


def _fill_gaps(spans: list[Span | None], duration_ms: int, weights: list[float]) -> list[Span]:
    result: list[Span] = []
    index = 0
    while index < len(spans):
        span = spans[index]
        if span is not None:
            result.append(span)
            index += 1
            continue
        stop = index
        while stop < len(spans) and spans[stop] is None:
            stop += 1
        start_ms = result[-1].end_ms if result else 0
        following = spans[stop] if stop < len(spans) else None
        end_ms = following.start_ms if following is not None else duration_ms
        result += share(start_ms, end_ms, weights[index:stop])
        index = stop
    return result


def share(start_ms: int, end_ms: int, weights: Sequence[float]) -> list[Span]:
    """Divides `[start_ms, end_ms)` by weight; every part is at least 1 ms long and `estimated`."""
    count = len(weights)
    spare_ms = end_ms - start_ms - count
    if spare_ms < 0:
        raise TimelineError(f"{count} words do not fit into {end_ms - start_ms} ms")
    shares = weights if any(weights) else [1.0] * count
    total = sum(shares)
    edges_ms = [start_ms + position + round(spare_ms * sum_so_far / total)
                for position, sum_so_far in enumerate(accumulate(shares, initial=0.0))]
    edges_ms[-1] = end_ms
    return [Span(a, b, None, True) for a, b in pairwise(edges_ms)]
