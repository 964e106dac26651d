"""Words to captions: which words are shown together, on which lines, from when to when.

`Captions` is what the caller may choose. `cues` finds the cheapest way to cut the words: within the limits
of length and time, at sentence and phrase ends, at pauses, neither flashing by nor too fast to read.
No word is lost or put out of order, and a cue appears when its first word begins.
"""
from __future__ import annotations

import math
import operator
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice, pairwise
from typing import Any, Literal, NamedTuple

from captions.breaks import Seam, seams
from timing.words import Timeline

Preset = Literal["shorts", "karaoke", "sentence", "broadcast"]
Highlight = Literal["none", "word", "sweep", "box"]
Position = Literal["top", "middle", "bottom"]
JsonShape = Literal["openai", "elevenlabs", "polly"]


class CaptionError(ValueError):
    """A caption option that cannot be; the message begins with its name."""


@dataclass(frozen=True, slots=True)
class Captions:
    """How words become captions. Made by `of`; plain values only, so that it can be stored as JSON.

    `max_chars` counts columns of one line: a full-width character is two, a combining mark none.
    `size` is the font's height in pixels of `resolution` (width, height). Colours are "#RRGGBB".
    `json_shapes` names what the JSON file carries besides its own fields.
    """

    preset: Preset
    max_words: int
    max_chars: int
    max_lines: int
    highlight: Highlight
    font: str
    size: int
    color: str
    highlight_color: str
    position: Position
    uppercase: bool
    strip_punctuation: bool
    resolution: tuple[int, int]
    json_shapes: tuple[JsonShape, ...]

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Captions:
        """The preset with the given options over it. Raises CaptionError."""
        for name in options:
            if name not in CHECKS:
                raise CaptionError(f"{str(name)[:40]!r} is not a caption option; options are {', '.join(CHECKS)}")
        given = {name: CHECKS[name](name, value) for name, value in options.items()}
        chosen = DEFAULTS | PRESETS[given.get("preset", "sentence")] | given
        chosen.setdefault("highlight_color", HIGHLIGHT_COLORS[chosen["highlight"]])
        return cls(**chosen | _fitted(given, chosen))


def _fitted(given: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, int]:
    """`size` and `max_chars` so that a line fits the frame; what is given stays, and the other one gives way."""
    resolution = chosen["resolution"]
    size = given.get("size", round(min(resolution) * SIZES[chosen["preset"]]))
    room_chars = usable_width(resolution) / (CAPITAL_EM if chosen["uppercase"] else LETTER_EM)
    max_chars = chosen["max_chars"]
    if "max_chars" not in given:
        max_chars = min(max_chars, max(MIN_CHARS, int(room_chars / size)))
    if "size" not in given:
        size = min(size, max(1, int(room_chars / max_chars)))
    return {"size": size, "max_chars": max_chars}


def _whole(low: int, high: int) -> Callable[[str, Any], int]:
    def check(name: str, value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise CaptionError(f"{name} is a whole number from {low} to {high}")
        return value
    return check


def _one_of(*names: str) -> Callable[[str, Any], str]:
    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in names:
            raise CaptionError(f"{name} is one of {', '.join(names)}")
        return value
    return check


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise CaptionError(f"{name} is true or false")
    return value


def _color(name: str, value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"#[0-9A-Fa-f]{6}", value):
        raise CaptionError(f"{name} is a colour written #RRGGBB")
    return value.upper()


def _font(name: str, value: Any) -> str:
    # A comma ends a field of an ASS style; a leading @ asks for vertical writing.
    if not isinstance(value, str) or not re.fullmatch(r"[^\W_][\w .'&+-]{0,63}", value) or value != value.strip():
        raise CaptionError(f"{name} is a font's name: up to 64 letters, digits, spaces and . ' & + -")
    return value


def _resolution(name: str, value: Any) -> tuple[int, int]:
    if (not isinstance(value, list | tuple) or len(value) != 2
            or any(type(side) is not int or not 64 <= side <= 8192 for side in value)):
        raise CaptionError(f"{name} is [width, height], whole numbers from 64 to 8192")
    return value[0], value[1]


def _shapes(name: str, value: Any) -> tuple[str, ...]:
    shapes = ("openai", "elevenlabs", "polly")
    if not isinstance(value, list | tuple) or any(shape not in shapes for shape in value):
        raise CaptionError(f"{name} is a list of {', '.join(shapes)}")
    return tuple(dict.fromkeys(value))


CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "preset": _one_of("shorts", "karaoke", "sentence", "broadcast"),
    "max_words": _whole(1, 50),
    "max_chars": _whole(1, 200),
    "max_lines": _whole(1, 4),
    "highlight": _one_of("none", "word", "sweep", "box"),
    "font": _font,
    "size": _whole(4, 1000),
    "color": _color,
    "highlight_color": _color,
    "position": _one_of("top", "middle", "bottom"),
    "uppercase": _flag,
    "strip_punctuation": _flag,
    "resolution": _resolution,
    "json_shapes": _shapes,
}

DEFAULTS: dict[str, Any] = {
    "preset": "sentence", "max_words": 40, "max_chars": 42, "max_lines": 2, "highlight": "none", "font": "Arial",
    "color": "#FFFFFF", "position": "bottom", "uppercase": False, "strip_punctuation": False,
    "resolution": (1920, 1080), "json_shapes": (),
}
PRESETS: dict[str, dict[str, Any]] = {
    "shorts": {"max_words": 4, "max_chars": 18, "max_lines": 1, "highlight": "word", "resolution": (1080, 1920)},
    "karaoke": {"max_words": 12, "max_chars": 36, "highlight": "sweep"},
    "sentence": {},
    "broadcast": {},
}
HIGHLIGHT_COLORS = {"none": "#FFD60A", "word": "#FFD60A", "sweep": "#FFD60A", "box": "#7C3AED"}

SIZES = {"shorts": 0.074, "karaoke": 0.062, "sentence": 0.052, "broadcast": 0.052}
"""Font size as a share of the frame's shorter side."""

LETTER_EM, CAPITAL_EM = 0.5, 0.56
"""Room for one character of a line, as a share of the ASS font size. English in DejaVu Sans Bold, which is
wider than most, takes 0.49 and in capitals 0.55 (measured); a line that needs more is written smaller."""

MIN_CHARS = 8
"""A narrow frame makes the letters smaller sooner than lines shorter than this."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long cues stand, in ms, and how dear it is to run on over the end of a sentence or clause.

    A cue stands at least `min_ms` where the next leaves room. It may outlast its words by `lead_out_ms`; then it
    ends either `gap_ms` before the next or at least `apart_ms`, since anything between would flicker.
    A longer silence than `pause_ms` always parts two cues.
    """

    min_ms: int
    gap_ms: int
    lead_out_ms: int
    apart_ms: int
    pause_ms: int
    run_on_sentence: float
    run_on_clause: float


# Broadcast counts in frames; at 24 per second two are 84 ms, twelve 500 ms, its shortest cue (5/6 s) 834 ms.
PACES = {
    "shorts": Pace(300, 0, 250, 250, 700, 8.0, 2.0),
    "karaoke": Pace(700, 0, 300, 300, 1500, 6.0, 0.5),
    "sentence": Pace(834, 0, 400, 400, 1500, 8.0, 0.0),
    "broadcast": Pace(834, 84, 500, 500, 1500, 3.0, 0.0),
}
MAX_MS = 7000
MAX_CHARS_PER_S = 20.0
"""Netflix: no cue longer than 7 s; adult English is read at up to 20 characters a second."""

BREAK_COST = {Seam.MUST: 0.0, Seam.SENTENCE: 0.0, Seam.CLAUSE: 1.0, Seam.PHRASE: 2.0, Seam.PLAIN: 3.5, Seam.TIGHT: 12.0}
CUE_COST = 3.0
LINE_COST = 1000.0
"""More than all else of a layout together: a cue takes the fewest lines that hold it."""
LINE_BREAK = 0.5
"""A bad break between two lines weighs less than one between two cues."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One word as it is displayed, and the space that parts it from the word before ("" in Chinese or Japanese)."""

    space: str
    text: str


@dataclass(frozen=True, slots=True)
class Cue:
    """Words `first` to `last` (inclusive) on their lines. `pieces` has one Piece for each word, by line."""

    pieces: tuple[tuple[Piece, ...], ...]
    start_ms: int
    end_ms: int
    first: int
    last: int

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(joined(line) for line in self.pieces)

    @property
    def text(self) -> str:
        return joined([piece for line in self.pieces for piece in line])


def joined(pieces: Sequence[Piece]) -> str:
    return "".join(piece.space + piece.text for piece in pieces).removeprefix(pieces[0].space)


def cues(timeline: Timeline, captions: Captions) -> tuple[Cue, ...]:
    """Every word in exactly one cue, in order; cues do not overlap and end within the audio."""
    measured = _Measured(timeline, captions)
    return tuple(measured.cue(first, stop) for first, stop in _cheapest(len(timeline.words), measured.cue_costs))


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

    def __init__(self, timeline: Timeline, captions: Captions) -> None:
        self.timeline, self.captions, self.pace = timeline, captions, PACES[captions.preset]
        self.pieces = _pieces(timeline, captions)
        spaces = [columns(piece.space) for piece in self.pieces]
        widths = [columns(piece.text) for piece in self.pieces]
        self.ends = list(accumulate(map(operator.add, spaces, widths)))
        self.begins = list(map(operator.sub, self.ends, widths))
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
            if width > max_chars and last > start:
                best = _Layout(last, math.inf, 0.0)
                for first in range(last, start, -1):
                    width = ends[last] - begins[first]
                    if width > max_chars and first < last:
                        break
                    cost = costs[first - start] + cuts[first - 1] + line_costs[min(width, max_chars)]
                    if cost < best.cost:
                        best = _Layout(first, cost, breaks[first - start] + cuts[first - 1])
                if best.cost >= LINE_COST * (self.captions.max_lines + 1):
                    return
            costs.append(best.cost)
            breaks.append(best.breaks)
            yield best

    def cue(self, first: int, stop: int) -> Cue:
        layouts = list(islice(self.layouts(first), stop - first))
        lines: list[tuple[Piece, ...]] = []
        end = stop
        while end > first:
            begin = layouts[end - first - 1].first
            lines.insert(0, tuple(self.pieces[begin:end]))
            end = begin
        return Cue(tuple(lines), self.timeline.words[first].start_ms, self._end_ms(first, stop - 1), first, stop - 1)

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
        return min(max(end_ms, half_ms), start_ms + MAX_MS)


def _pieces(timeline: Timeline, captions: Captions) -> list[Piece]:
    found: list[Piece] = []
    previous_end = 0
    for word in timeline.words:
        space = " " if word.char_start > previous_end and found else ""
        found.append(Piece(space, displayed(word.text, captions, timeline.language)))
        previous_end = word.char_end
    return found


def displayed(text: str, captions: Captions, language: str) -> str:
    """A word as a caption shows it. Control characters are left out: no subtitle file can carry them."""
    text = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda found: " " if found[0].isspace() else "", text).strip()
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


def is_short_video(resolution: tuple[int, int]) -> bool:
    """9:16 and the like, which apps show with their own buttons and text over the picture."""
    return resolution[1] >= 1.5 * resolution[0]


def side_margin(resolution: tuple[int, int]) -> int:
    """Pixels kept free on the left and on the right; in short videos on both as much as the buttons take on one."""
    return round(resolution[0] / 6 if is_short_video(resolution) else resolution[0] * 0.06)


def usable_width(resolution: tuple[int, int]) -> int:
    return resolution[0] - 2 * side_margin(resolution)
