"""Known text with cue times that may be wrong by seconds, as in anyone's subtitles: the hints bound the search.

Groups of cues are aligned each in its stretch of audio, with the cues around them, so that no word of a neighbour is
left over to be taken for one of theirs. A cue is believed when its words were found, and about as far from its hint as
those of the cues around it. The others are sought again between the believed ones; what is not there is estimated.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, islice
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import soxr

from timing.align import (
    DOUBT,
    RATE_HZ,
    Alignment,
    Method,
    Samples,
    Source,
    TimingError,
    Window,
    align,
    word_warnings,
)
from timing.words import Span, Timeline, TimelineError, Word, settle, share, to_ms

if TYPE_CHECKING:
    from text.spoken import Token

GROUP_MS = 45_000
MARGIN_MS = 6_000
"""How far a cue's words may lie from its hint, before or after."""
STRAY_MS = 4_000
"""How far from its hint a cue may lie once the shift of the cues around it is taken off."""
AROUND = 8
"""Cues on each side whose median tells how the hints are shifted here."""
GOOD_SHARE = 0.5
"""A cue of which fewer words are found without doubt is not believed."""
USABLE_SHARE = 0.3
"""Where fewer of the cues are believed the hints are of another cut, and are not used."""
FASTEST_MS_PER_CHAR = 25
"""Speech is slower than 40 letters a second: a shorter stretch cannot hold the words."""


def align_hinted(samples: Samples, rate_hz: int, tokens: Sequence[Token], cues: Sequence[Window], *, text: str,
                 language: str, method: Method, sources: Mapping[str, Source],
                 check: Callable[[], None]) -> Alignment:
    """Times every token. `cues` part the tokens among them, in order; their times are hints.

    A cue that is not in the audio gets estimated times near its hint, and a warning. Where the hints are of no use
    the whole audio is searched, as `timing.align.align` does. Raises TimingError as that does.
    """
    audio = np.ascontiguousarray(soxr.resample(samples, rate_hz, RATE_HZ), dtype=np.float32)
    film = _Film(audio, to_ms(len(samples) / rate_hz), tokens, cues, text, language, method, sources, check)
    for core, context in _groups(cues):
        film.seek(core, context, context[0].start_ms - MARGIN_MS, context[-1].end_ms + MARGIN_MS)
    if sum(film.believed()) < USABLE_SHARE * len(cues):
        whole = film.align(audio, tokens)
        if any(not word.estimated for word in whole.timeline.words):
            return replace(whole, warnings=(*whole.warnings, "the cues' times do not fit this audio; they were not used"))
        film.heard.append(whole)
    film.seek_again()
    return film.alignment()


@dataclass
class _Film:
    """`spans[i]` is where token i was found; of a cue that is not believed they mean nothing."""

    audio: Samples
    duration_ms: int
    tokens: Sequence[Token]
    cues: Sequence[Window]
    text: str
    language: str
    method: Method
    sources: Mapping[str, Source]
    check: Callable[[], None]
    heard: list[Alignment] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.spans: list[Span | None] = [None] * len(self.tokens)

    def align(self, audio: Samples, tokens: Sequence[Token]) -> Alignment:
        return align(audio, RATE_HZ, tokens, [], text=self.text, language=self.language, method=self.method,
                     sources=self.sources, check=self.check)

    def seek(self, core: Sequence[Window], context: Sequence[Window], start_ms: int, end_ms: int) -> None:
        """Aligns the cues of `context` in a stretch of audio and keeps what is found of `core`."""
        self.check()
        start_ms, end_ms = max(0, start_ms), min(self.duration_ms, end_ms)
        first, last = context[0].first, context[-1].last
        tokens, part = self.tokens[first:last], self.audio[_sample(start_ms):_sample(max(start_ms, end_ms))]
        n_chars = sum(len(word) for token in tokens for word in token.spoken)
        if not n_chars or end_ms - start_ms < FASTEST_MS_PER_CHAR * n_chars:
            return
        try:
            timed = self.align(part, tokens)
        except TimingError:
            return  # not there; where it is nowhere the whole audio is asked, and its error is raised
        self.heard.append(replace(timed, warnings=tuple(
            each for each in timed.warnings if each not in word_warnings(tokens, _spans(timed)))))
        found = [replace(span, start_ms=span.start_ms + start_ms, end_ms=span.end_ms + start_ms)
                 for span in _spans(timed)]
        self.spans[core[0].first:core[-1].last] = found[core[0].first - first:core[-1].last - first]

    def believed(self) -> list[bool]:
        """For each cue whether its words are where they were found."""
        shifts = [self._shift_ms(cue) for cue in self.cues]
        found = [shift is not None and abs(shift - _around(shifts, index)) <= STRAY_MS
                 for index, shift in enumerate(shifts)]
        reached_ms = 0
        for index, cue in enumerate(self.cues):
            if found[index]:
                start_ms, end_ms = self._extent(cue)
                found[index] = start_ms >= reached_ms
                reached_ms = max(reached_ms, end_ms)
        return found

    def _shift_ms(self, cue: Window) -> int | None:
        """How much later than its hint a cue was found; None where too few of its words were."""
        spoken = [self.spans[i] for i in range(cue.first, cue.last) if self.tokens[i].spoken]
        good = [span for span in spoken if span and not span.estimated and (span.score is None or span.score >= DOUBT)]
        return good[0].start_ms - cue.start_ms if good and len(good) >= GOOD_SHARE * len(spoken) else None

    def _extent(self, cue: Window) -> tuple[int, int]:
        spans = [span for span in self.spans[cue.first:cue.last] if span]
        return spans[0].start_ms, spans[-1].end_ms

    def seek_again(self) -> None:
        """The cues that are not believed, between those that are: together, then each by itself."""
        believed = self.believed()
        for is_found, run in groupby(range(len(self.cues)), key=believed.__getitem__):
            indexes = list(run)
            if is_found:
                continue
            for some in dict.fromkeys([tuple(indexes), *((index,) for index in indexes)]):
                if any(not self.believed()[index] for index in some):
                    cues = [self.cues[index] for index in some]
                    start_ms, end_ms, _ = self._room(some[0], some[-1])
                    self.seek(cues, cues, start_ms, end_ms)

    def _room(self, first: int, last: int) -> tuple[int, int, int]:
        """Between which ends these cues can be, and how their hints are shifted: between the believed cues beside
        them, and about their hints."""
        believed = self.believed()
        shifts = [self._shift_ms(cue) if here else None for cue, here in zip(self.cues, believed, strict=True)]
        before = next((self._extent(self.cues[i])[1] for i in range(first - 1, -1, -1) if believed[i]), 0)
        after = next((self._extent(self.cues[i])[0] for i in range(last + 1, len(self.cues)) if believed[i]),
                     self.duration_ms)
        shift_ms = _around(shifts, first)
        return (max(before, self.cues[first].start_ms + shift_ms - STRAY_MS),
                min(after, self.cues[last].end_ms + shift_ms + STRAY_MS), shift_ms)

    def alignment(self) -> Alignment:
        believed = self.believed()
        lost = [index for index, here in enumerate(believed) if not here]
        placed: list[Span | None] = list(self.spans)
        for index in lost:
            cue = self.cues[index]
            placed[cue.first:cue.last] = self._estimated(index)
        try:
            settled = settle(placed, self.duration_ms, [float(sum(map(len, token.spoken))) for token in self.tokens])
        except TimelineError as error:
            raise TimingError(f"the audio is too short for its text: {error}") from error
        words = tuple(Word(token.text, span.start_ms, span.end_ms, token.char_start, token.char_end, span.score,
                           span.estimated) for token, span in zip(self.tokens, settled, strict=True))
        methods = Counter(each.timeline.method for each in self.heard).most_common(1)
        timeline = Timeline(self.text, words, self.duration_ms, self.language, methods[0][0] if methods else "estimate")
        warnings = [warning for each in self.heard for warning in each.warnings]
        return Alignment(timeline, tuple(dict.fromkeys(
            [*warnings, *self._lost(lost), *word_warnings(self.tokens, settled)])))

    def _estimated(self, index: int) -> list[Span | None]:
        """The words of a cue that was not found, shared out over its hint as far as there is room."""
        cue = self.cues[index]
        weights = [float(sum(map(len, token.spoken))) for token in self.tokens[cue.first:cue.last]]
        start_ms, end_ms, shift_ms = self._room(index, index)
        try:
            return list(share(max(start_ms, cue.start_ms + shift_ms), min(end_ms, cue.end_ms + shift_ms), weights))
        except TimelineError:
            return [None] * len(weights)  # no room there: settle places them

    def _lost(self, lost: Sequence[int]) -> list[str]:
        if not lost:
            return []
        cue = self.cues[lost[0]]
        words = " ".join(token.text for token in self.tokens[cue.first:cue.last])
        return [(f"{len(lost)} of {len(self.cues)} cues were not found in the audio about their times, the first at "
                f"{cue.start_ms / 1000:.1f} s: {words[:60]!r}")]


def _groups(cues: Sequence[Window]) -> Iterator[tuple[Sequence[Window], Sequence[Window]]]:
    """Cues of some `GROUP_MS` in a row, and the same with those around them that their stretch of audio may hold."""
    first = 0
    while first < len(cues):
        last = first + 1
        while (last < len(cues) and cues[last].end_ms - cues[first].start_ms <= GROUP_MS
               and cues[last].start_ms - cues[last - 1].end_ms <= 2 * MARGIN_MS):
            last += 1
        before, after = first, last
        while before and cues[before - 1].end_ms >= cues[first].start_ms - MARGIN_MS:
            before -= 1
        while after < len(cues) and cues[after].start_ms <= cues[last - 1].end_ms + MARGIN_MS:
            after += 1
        yield cues[first:last], cues[before:after]
        first = last


def _around(shifts: Sequence[int | None], index: int) -> int:
    """The median shift of the nearest cues that have one, this one among them; 0 where none has."""
    before = islice((shifts[i] for i in range(index, -1, -1) if shifts[i] is not None), AROUND)
    after = islice((shifts[i] for i in range(index + 1, len(shifts)) if shifts[i] is not None), AROUND)
    near = [shift for shift in (*before, *after) if shift is not None]
    return round(median(near)) if near else 0


def _spans(timed: Alignment) -> list[Span]:
    return [Span(word.start_ms, word.end_ms, word.score, word.estimated) for word in timed.timeline.words]


def _sample(ms: int) -> int:
    return ms * RATE_HZ // 1000
