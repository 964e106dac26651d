"""Words to captions: which words are shown together, on which lines, from when to when.

`cues` finds the cheapest way to cut the words: within the limits
of length and time, at sentence and phrase ends, at pauses, neither flashing by nor too fast to read.
No word is lost or put out of order, and a cue appears when its first word begins.
"""
from __future__ import annotations

import math
import operator
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate, islice, pairwise
from types import MappingProxyType
from typing import NamedTuple

from captions.breaks import Seam, seams
from captions.cue import Cue as Cue
from captions.cue import Piece
from captions.style import fonts, marks
from captions.style.options import CaptionError as CaptionError
from captions.style.options import Captions as Captions
from captions.style.options import line_room
from timing.words import Timeline

MAX_MS = 7000
MAX_CHARS_PER_S = 20.0
"""Netflix: no cue longer than 7 s; adult English is read at up to 20 characters a second."""

BREAK_COST = {Seam.MUST: 0.0, Seam.SENTENCE: 0.0, Seam.CLAUSE: 1.0, Seam.PHRASE: 2.0, Seam.PLAIN: 3.5, Seam.TIGHT: 12.0}
CUE_COST = 3.0
LINE_COST = 1000.0
"""More than all else of a layout together: a cue takes the fewest lines that hold it."""
LINE_BREAK = 0.5
"""A bad break between two lines weighs less than one between two cues."""


def cues(timeline: Timeline, captions: Captions, labels: Mapping[int, str] = MappingProxyType({})) -> tuple[Cue, ...]:
    """Every word in exactly one cue, in order; cues do not overlap and end within the audio.

    `labels` stand before words, by their index: who speaks. A cue whose words are all removed emoji (`emoji: false`)
    is left out.
    """
    measured = _Measured(timeline, captions, labels)
    if captions.keep_lines:
        found = [measured.kept(first, stop) for first, stop in measured.parts()]
    else:
        found = [measured.cue(first, stop) for first, stop in _cheapest(len(timeline.words), measured.cue_costs)]
    return tuple(cue for cue in found if cue.text)


def _cheapest(count: int, costs_from: Callable[[int], Iterator[float]]) -> list[tuple[int, int]]:
    """Cuts `range(count)` into the runs with the least total cost.

    `costs_from(start)` yields the costs of `start:start+1`, `start:start+2`, ... up to the longest run allowed.
    """
    total, came_from = [0.0] + [math.inf] * count, [0] * (count + 1)
    for start in range(count):
        for stop, cost in enumerate(costs_from(start), start + 1):
            if total[start] + cost < total[stop]:
                total[stop], came_from[stop] = total[start] + cost, start
    edges = [count]
    while edges[-1]:
        edges.append(came_from[edges[-1]])
    return list(pairwise(reversed(edges)))


class _Layout(NamedTuple):
    """Words on lines: the last line's first word, what the layout costs, and what of it are its breaks."""

    first: int
    cost: float
    breaks: float


class _Measured:
    """The words of a timeline with their widths, and what it costs to cut after each of them."""

    def __init__(self, timeline: Timeline, captions: Captions, labels: Mapping[int, str]) -> None:
        self.timeline, self.captions, self.pace = timeline, captions, captions.style.pace
        self.pieces = _pieces(timeline, captions, labels)
        spaces = [columns(piece.space) for piece in self.pieces]
        widths = [columns(piece.text) for piece in self.pieces]
        self.ends = list(accumulate(map(operator.add, spaces, widths)))
        self.begins = list(map(operator.sub, self.ends, widths))
        self.room = line_room(captions, captions.size)
        font = captions.family, timeline.language, captions.style.spacing
        widths_px = [captions.size * fonts.width(piece.text, *font) for piece in self.pieces]
        spaces_px = [captions.size * fonts.space(before.text, *font) if piece.space else 0.0
                     for before, piece in pairwise([Piece("", ""), *self.pieces])]
        self.ends_px = list(accumulate(map(operator.add, spaces_px, widths_px)))
        self.begins_px = list(map(operator.sub, self.ends_px, widths_px))
        self.pauses_ms = [after.start_ms - before.end_ms for before, after in pairwise(timeline.words)]
        self.seams = seams(timeline)
        self.breaks = [BREAK_COST[seam] for seam in self.seams]
        self.line_costs = [LINE_COST + 8 * (1 - width / captions.max_chars) ** 2
                           for width in range(captions.max_chars + 1)]
        run_on = {Seam.SENTENCE: self.pace.run_on_sentence, Seam.CLAUSE: self.pace.run_on_clause}
        self.run_ons = [run_on.get(seam, 0.0) for seam in self.seams]

    def cue_costs(self, start: int) -> Iterator[float]:
        words, run_ons = self.timeline.words, 0.0
        layouts = islice(self.layouts(start), self.captions.max_words)
        for last, layout in enumerate(layouts, start):
            if last > start:
                if (self.seams[last - 1] is Seam.MUST or self.pauses_ms[last - 1] > self.pace.pause_ms
                        or words[last].end_ms - words[start].start_ms > MAX_MS):
                    return
                run_ons += self.run_ons[last - 1]
            yield CUE_COST + self._cut(last) + run_ons + LINE_BREAK * layout.breaks + self._unread(start, last)

    def _cut(self, last: int) -> float:
        """What it costs to end a cue with word `last`: less at a pause."""
        return self.breaks[last] - min(self.pauses_ms[last], 800) / 200 if last < len(self.breaks) else 0.0

    def _unread(self, first: int, last: int) -> float:
        """How badly a cue is read: too empty, on screen too short, to be read too fast."""
        n_chars: int = self.ends[last] - self.begins[first]
        time_ms: int = max(1, self._limit_ms(last) - self.timeline.words[first].start_ms)
        empty = max(0.0, 1 - n_chars / (self.captions.max_chars * self.captions.max_lines))
        short_ms = max(0, self.pace.min_ms - time_ms)
        rush = max(0.0, n_chars * 1000 / (MAX_CHARS_PER_S * time_ms) - 1)
        return 2 * empty * empty + short_ms / 60 + 5 * rush

    def _limit_ms(self, last: int) -> int:
        """Until when a cue that ends with word `last` may stand."""
        words = self.timeline.words
        return words[last + 1].start_ms - self.pace.gap_ms if last + 1 < len(words) else self.timeline.duration_ms

    def layouts(self, start: int) -> Iterator[_Layout]:
        """The best lines for `start:start+1`, `start:start+2`, ... as long as `max_lines` hold them.

        The fewest lines win, then well broken ones of like width. A word wider than a line has one of its own.
        """
        ends, begins, cuts, line_costs = self.ends, self.begins, self.breaks, self.line_costs
        max_chars = self.captions.max_chars
        costs, breaks = [0.0], [0.0]
        for last in range(start, len(self.pieces)):
            width = ends[last] - begins[start]
            best = _Layout(start, line_costs[min(width, max_chars)], 0.0)
            if last > start and not self._fits(start, last):
                best = _Layout(last, math.inf, 0.0)
                for first in range(last, start, -1):
                    width = ends[last] - begins[first]
                    if first < last and not self._fits(first, last):
                        break
                    cost = costs[first - start] + cuts[first - 1] + line_costs[min(width, max_chars)]
                    if cost < best.cost:
                        best = _Layout(first, cost, breaks[first - start] + cuts[first - 1])
                if best.cost >= LINE_COST * (self.captions.max_lines + 1):
                    return
            costs.append(best.cost)
            breaks.append(best.breaks)
            yield best

    def _fits(self, first: int, last: int) -> bool:
        """Whether these words go on one line: by the characters asked for, and by the pixels there are."""
        return bool(self.ends[last] - self.begins[first] <= self.captions.max_chars
                    and self.ends_px[last] - self.begins_px[first] <= self.room)

    def cue(self, first: int, stop: int) -> Cue:
        layouts = list(islice(self.layouts(first), stop - first))
        lines: list[tuple[Piece, ...]] = []
        end = stop
        while end > first:
            begin = layouts[end - first - 1].first
            lines.insert(0, tuple(self.pieces[begin:end]))
            end = begin
        end_ms = min(self._end_ms(first, stop - 1), self.timeline.words[first].start_ms + MAX_MS)
        return Cue(tuple(lines), self.timeline.words[first].start_ms, end_ms, first, stop - 1)

    def parts(self) -> list[tuple[int, int]]:
        """The cues that the text itself makes: `first` and `stop` of the words between what must part two cues."""
        edges = [0, *(i + 1 for i, seam in enumerate(self.seams) if seam is Seam.MUST), len(self.pieces)]
        return [(first, stop) for first, stop in pairwise(edges) if stop > first]

    def kept(self, first: int, stop: int) -> Cue:
        """A cue with the line breaks of its text, and more only where a line is wider than its room."""
        text, words = self.timeline.text, self.timeline.words
        lines, begin = [], first
        for index in range(first + 1, stop + 1):
            if (index == stop or "\n" in text[words[index - 1].char_end:words[index].char_start]
                    or self.ends_px[index] - self.begins_px[begin] > self.room):
                lines.append(tuple(self.pieces[begin:index]))
                begin = index
        return Cue(tuple(lines), words[first].start_ms, self._end_ms(first, stop - 1), first, stop - 1)

    def _end_ms(self, first: int, last: int) -> int:
        words, pace = self.timeline.words, self.pace
        start_ms, word = words[first].start_ms, words[last]
        limit_ms = self._limit_ms(last)
        apart_ms = words[last + 1].start_ms - pace.apart_ms if last + 1 < len(words) else limit_ms
        end_ms = max(word.end_ms + pace.lead_out_ms, start_ms + pace.min_ms)
        if end_ms > apart_ms:
            reaches_next = limit_ms - word.end_ms <= pace.lead_out_ms or apart_ms < start_ms + pace.min_ms
            end_ms = limit_ms if reaches_next else max(word.end_ms, apart_ms)
        # Where no other room is left the gap is taken from the last word, but half of that word stays.
        half_ms = word.start_ms + (word.end_ms - word.start_ms + 1) // 2
        return max(end_ms, half_ms)


def _pieces(timeline: Timeline, captions: Captions, labels: Mapping[int, str]) -> list[Piece]:
    found: list[Piece] = []
    previous_end = 0
    for index, word in enumerate(timeline.words):
        space = " " if word.char_start > previous_end and found else ""
        found.append(Piece(space, labels.get(index, "") + displayed(word.text, captions, timeline.language)))
        previous_end = word.char_end
    return found


_APART = re.compile("[\u1100-\u115f][\u1160-\u11a7][\u11a8-\u11ff]?")
"""A Korean syllable in its parts, as macOS writes names: fonts have it whole."""


def displayed(text: str, captions: Captions, language: str) -> str:
    """A word as a caption shows it. Control characters are left out: no subtitle file can carry them."""
    text = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda found: " " if found[0].isspace() else "", text).strip()
    text = _APART.sub(lambda found: unicodedata.normalize("NFC", found[0]), text)
    if captions.emphasis == ("*",):
        text = marks.without_stars(text)
    if not captions.emoji and (text := fonts.without_emoji(text)) == "":
        return ""
    if captions.strip_punctuation:
        text = _without_punctuation(text)
    if captions.uppercase:
        text = _upper(text, language)
    return text or "\ufffd"


def _upper(text: str, language: str) -> str:
    if language.partition("-")[0].lower() in ("tr", "az"):
        text = text.replace("i", "İ")
    return text.upper()


def _without_punctuation(text: str) -> str:
    """Without marks at either end; "-5", "100%", "#1", "@anna" keep theirs, and a lone mark stays."""
    start, end = 0, len(text)
    while start < end and _is_mark(text[start]) and not re.match(r"[-.,]\d", text[start:]):
        start += 1
    while end > start and _is_mark(text[end - 1]):
        end -= 1
    return text[start:end] or text


def _is_mark(char: str) -> bool:
    return unicodedata.category(char).startswith("P") and char not in "%‰&@#*"


def columns(text: str) -> int:
    """Width in columns: two for a full-width character or emoji, none for a combining mark."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 2 if unicodedata.east_asian_width(c) in "WF"
               else 1 for c in text)
