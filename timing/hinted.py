"""Known text with cue times that may be wrong by seconds, as in anyone's subtitles: the hints bound the search.

Groups of cues are aligned each in its stretch of audio, with the cues around them, so that no word of a neighbour is
left over to be taken for one of theirs. A cue is believed when its words were found, and about as far from its hint as
those of the cues around it. The others are sought again between the believed ones; what is not there is estimated.
A hint outside of the audio says nothing: its cue is sought wherever the others leave room.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import accumulate, groupby, islice
from statistics import median
from typing import TYPE_CHECKING

from timing.align import (
    RATE_HZ,
    Alignment,
    Method,
    Samples,
    Source,
    TimingError,
    Window,
    align,
    doubt,
    for_sources,
    to_sample,
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
MAX_RUN = 6
"""So many cues in a row that were not found are tried without each of them in turn: one that nobody says spoils the
search for those beside it."""
FASTEST_MS_PER_CHAR = 25
"""Speech is slower than 40 letters a second: a shorter stretch cannot hold the words."""


def align_hinted(samples: Samples, rate_hz: int, tokens: Sequence[Token], cues: Sequence[Window], *, text: str,
                 language: str, method: Method, sources: Mapping[str, Source],
                 check: Callable[[], None]) -> Alignment:
    """Times every token. `cues` part the tokens among them, in order; their times are hints.

    A cue that is not in the audio gets estimated times near its hint, and a warning. Where the hints are of no use
    the whole audio is searched, as `timing.align.align` does. Raises TimingError as that does.
    """
    audio = for_sources(samples, rate_hz)
    film = _Film(audio, to_ms(len(samples) / rate_hz), tokens, cues, text, language, method, sources, check)
    for core, context in _groups(cues):
        if not all(film.is_outside(cue) for cue in context):
            found = film.sought(context, context[0].start_ms - MARGIN_MS, context[-1].end_ms + MARGIN_MS)
            film.found |= {cue: found[cue] for cue in core if not film.is_cut(cue, found[cue])}
    if sum(film.believed()) < USABLE_SHARE * len(cues):
        whole = film.align(audio, tokens)
        if any(not word.estimated for word in whole.timeline.words):
            unfit = "the times of the cues do not fit this audio and were not used"
            return replace(whole, warnings=(*whole.warnings, unfit))
        film.asked.append(whole)
    film.seek_again()
    return film.alignment()


@dataclass
class _Film:
    """`found` has the spans of each cue's tokens; of a cue that is not believed they mean nothing."""

    audio: Samples
    duration_ms: int
    tokens: Sequence[Token]
    cues: Sequence[Window]
    text: str
    language: str
    method: Method
    sources: Mapping[str, Source]
    check: Callable[[], None]
    found: dict[Window, list[Span | None]] = field(default_factory=dict)
    asked: list[Alignment] = field(default_factory=list)

    def align(self, audio: Samples, tokens: Sequence[Token]) -> Alignment:
        return align(audio, RATE_HZ, tokens, [], text=self.text, language=self.language, method=self.method,
                     sources=self.sources, check=self.check)

    def sought(self, cues: Sequence[Window], start_ms: int, end_ms: int) -> dict[Window, list[Span | None]]:
        """These cues, one after the other, in a stretch of audio; None for words where they are not there."""
        self.check()
        start_ms, end_ms = max(0, start_ms), min(self.duration_ms, end_ms)
        tokens = [token for cue in cues for token in self.tokens[cue.first:cue.last]]
        n_chars = sum(len(word) for token in tokens for word in token.spoken)
        spans: list[Span | None] = [None] * len(tokens)
        if n_chars and end_ms - start_ms >= FASTEST_MS_PER_CHAR * n_chars:
            with suppress(TimingError):  # where they are nowhere the whole audio is asked, and its error is raised
                timed = self.align(self.audio[to_sample(start_ms):to_sample(end_ms)], tokens)
                found = [Span(w.start_ms, w.end_ms, w.score, w.estimated) for w in timed.timeline.words]
                doubts = word_warnings(tokens, found, timed.timeline.method)
                self.asked.append(replace(timed, warnings=tuple(w for w in timed.warnings if w not in doubts)))
                spans = [replace(span, start_ms=span.start_ms + start_ms, end_ms=span.end_ms + start_ms)
                         for span in found]
        ends = accumulate(cue.last - cue.first for cue in cues)
        return {cue: spans[end - cue.last + cue.first:end] for cue, end in zip(cues, ends, strict=True)}

    def is_outside(self, cue: Window, shift_ms: int = 0) -> bool:
        """Whether the audio has no such time: a hint that says nothing of where in it the words are."""
        return not 0 <= (cue.start_ms + cue.end_ms) / 2 + shift_ms < self.duration_ms

    def is_cut(self, cue: Window, spans: Sequence[Span | None]) -> bool:
        """Whether the words at an end were not found and may lie beyond the stretch: the others are near its edge."""
        here, least = [span for span, token in zip(spans, self.tokens[cue.first:cue.last], strict=True)
                       if token.spoken], doubt(self._used())
        good = _good(here, least)
        return bool(good) and (
            (here[0] is not good[0] and good[0].start_ms < cue.start_ms - STRAY_MS)
            or (here[-1] is not good[-1] and good[-1].end_ms > cue.end_ms + STRAY_MS))

    def believed(self) -> list[bool]:
        """For each cue whether its words are where they were found."""
        shifts = [self._shift_ms(cue) for cue in self.cues]
        hinted = [None if self.is_outside(cue) else shift for cue, shift in zip(self.cues, shifts, strict=True)]
        around = [_around(hinted, index) for index in range(len(shifts))]
        found = [shift is not None and (abs(shift - usual) <= STRAY_MS or self.is_outside(cue, usual))
                 for cue, shift, usual in zip(self.cues, shifts, around, strict=True)]
        reached_ms = 0
        for index, cue in enumerate(self.cues):
            if found[index]:
                start_ms, end_ms = self._extent(cue)
                found[index] = start_ms >= reached_ms
                reached_ms = max(reached_ms, end_ms)
        return found

    def _shift_ms(self, cue: Window) -> int | None:
        """How much later than its hint a cue was found; None where too few of its words were."""
        n_spoken = sum(bool(token.spoken) for token in self.tokens[cue.first:cue.last])
        good = _good(self.found.get(cue, []), doubt(self._used()))
        return good[0].start_ms - cue.start_ms if good and len(good) >= GOOD_SHARE * n_spoken else None

    def _extent(self, cue: Window) -> tuple[int, int]:
        spans = [span for span in self.found[cue] if span]
        return spans[0].start_ms, spans[-1].end_ms

    def seek_again(self) -> None:
        """The cues that are not believed, between those that are: together, without one of them, by themselves."""
        believed = self.believed()
        for is_found, run in groupby(range(len(self.cues)), key=believed.__getitem__):
            indexes = list(run)
            if is_found:
                continue
            cues = [self.cues[index] for index in indexes]
            start_ms, end_ms, _ = self._room(indexes[0], indexes[-1])
            self.found |= self.sought(cues, start_ms, end_ms)
            if not self._all_believed(indexes) and 1 < len(cues) <= MAX_RUN:
                tries = [self.sought([*cues[:i], *cues[i + 1:]], start_ms, end_ms) for i in range(len(cues))]
                best = max([{cue: self.found[cue] for cue in cues}, *tries],
                           key=lambda found: sum(len(_good(spans, doubt(self._used()))) for spans in found.values()))
                self.found |= {cue: best.get(cue, []) for cue in cues}
            for index, cue in zip(indexes, cues, strict=True):
                if not self._all_believed([index]):
                    start_ms, end_ms, _ = self._room(index, index)
                    self.found |= self.sought([cue], start_ms, end_ms)

    def _all_believed(self, indexes: Sequence[int]) -> bool:
        believed = self.believed()
        return all(believed[index] for index in indexes)

    def _room(self, first: int, last: int) -> tuple[int, int, int]:
        """Between which ends these cues can be, and how their hints are shifted: between the believed cues beside
        them, and about their hints where the audio has such a time."""
        believed = self.believed()
        shifts = [self._shift_ms(cue) if here and not self.is_outside(cue) else None
                  for cue, here in zip(self.cues, believed, strict=True)]
        before = next((self._extent(self.cues[i])[1] for i in range(first - 1, -1, -1) if believed[i]), 0)
        after = next((self._extent(self.cues[i])[0] for i in range(last + 1, len(self.cues)) if believed[i]),
                     self.duration_ms)
        shift_ms = _around(shifts, first)
        if not self.is_outside(self.cues[first], shift_ms):
            before = max(before, self.cues[first].start_ms + shift_ms - STRAY_MS)
        if not self.is_outside(self.cues[last], shift_ms):
            after = min(after, self.cues[last].end_ms + shift_ms + STRAY_MS)
        return before, after, shift_ms

    def alignment(self) -> Alignment:
        believed = self.believed()
        lost = [index for index, here in enumerate(believed) if not here]
        placed = [span for index, cue in enumerate(self.cues)
                  for span in (self.found[cue] if believed[index] else self._estimated(index))]
        try:
            settled = settle(placed, self.duration_ms, [float(sum(map(len, token.spoken))) for token in self.tokens])
        except TimelineError as error:
            raise TimingError(f"the audio is too short for its text: {error}") from error
        words = tuple(Word(token.text, span.start_ms, span.end_ms, token.char_start, token.char_end, span.score,
                           span.estimated) for token, span in zip(self.tokens, settled, strict=True))
        timeline = Timeline(self.text, words, self.duration_ms, self.language, self._used())
        warnings = [warning for each in self.asked for warning in each.warnings]
        return Alignment(timeline, tuple(dict.fromkeys(
            [*warnings, *self._lost(lost), *word_warnings(self.tokens, settled, timeline.method)])))

    def _used(self) -> str:
        """The method that timed most of the stretches."""
        methods = Counter(each.timeline.method for each in self.asked).most_common(1)
        return methods[0][0] if methods else "estimate"

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


def _good(spans: Sequence[Span | None], least: float) -> list[Span]:
    """Those that were found without doubt."""
    return [span for span in spans if span and not span.estimated and (span.score is None or span.score >= least)]
