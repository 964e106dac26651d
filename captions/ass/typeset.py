"""Where every word of every cue stands, in pixels.

One size for a whole file: the size asked for, if every cue fits at it. Lines come from `captions.cues`; a word that is
wider than a line is broken over several. Only where a cue would then be higher than its zone do all letters shrink.
"""
from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from captions.ass.hyphens import broken
from captions.cue import Cue
from captions.style import fonts
from captions.style.options import Captions, line_room, zone
from timing.words import Timeline


@dataclass(frozen=True, slots=True)
class Fragment:
    """A word, or the part of a broken one that stands on this row. `left` and `width` in pixels."""

    word: int
    space: str
    text: str
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Row:
    """One line of letters; `fragments` in the order of reading, `baseline` in pixels from the top."""

    fragments: tuple[Fragment, ...]
    baseline: float


@dataclass(frozen=True, slots=True)
class Block:
    cue: Cue
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """All cues at one `size` (em, pixels). `top` and `bottom`: how far letters reach from the baseline, in em."""

    size: int
    top: float
    bottom: float
    blocks: tuple[Block, ...]


_Piece = tuple[int, str, str]
"""(word, space before, text)."""


def typeset(cues: Sequence[Cue], timeline: Timeline, captions: Captions) -> Page:
    measure = _Measure(captions.family, timeline.language, captions.style.spacing)
    size, lines = captions.size, [list(_lines(cue)) for cue in cues]
    top, bottom = measure.reach(lines)
    found = [measure.broken(each, line_room(captions, size) / size) for each in lines]
    while size > 1 and _too_high(found, size, top + bottom, captions):
        size = max(1, int(size * 0.94))
        found = [measure.broken(each, max(line_room(captions, size) / size, 0.1)) for each in lines]
    blocks = []
    for cue, rows in zip(cues, found, strict=True):
        first = _first_baseline(len(rows), size, top, bottom, captions)
        blocks.append(Block(cue, tuple(
            Row(tuple(measure.placed(row, size, captions.resolution[0])), first + number * captions.style.line * size)
            for number, row in enumerate(rows))))
    return Page(size, top, bottom, tuple(blocks))


def _lines(cue: Cue) -> Iterator[list[_Piece]]:
    index = cue.first
    for line in cue.pieces:
        pieces: list[_Piece] = []
        for piece in line:
            if piece.text:
                pieces.append((index, piece.space if pieces else "", piece.text))
            index += 1
        if pieces:
            yield pieces


def _too_high(found: Sequence[Sequence[object]], size: int, reach: float, captions: Captions) -> bool:
    top, bottom = zone(captions)
    rows = max(map(len, found), default=1)
    return size * (captions.style.line * (rows - 1) + reach + 2 * rim(captions)) > bottom - top


def rim(captions: Captions) -> float:
    """What stands around the letters above and below, in em: outline and shadow, or the box behind them."""
    return max(captions.style.outline + captions.style.shadow, RIMS.get(captions.highlight, 0.0))


RIMS = {"box": 0.08, "pill": 0.14, "pop": 0.26, "stack": 0.12}


def _first_baseline(n_rows: int, size: int, top: float, bottom: float, captions: Captions) -> float:
    highest, lowest = zone(captions)
    height = captions.style.line * size * (n_rows - 1)
    first = highest + size * (top + rim(captions))
    last = lowest - size * (bottom + rim(captions)) - height
    middle = captions.resolution[1] / 2 - height / 2 + size * (top - bottom) / 2
    return {"top": first, "bottom": last, "middle": max(first, min(middle, last))}[captions.position]


class _Measure:
    """Widths in one font and language."""

    def __init__(self, family: str, language: str, spacing: float) -> None:
        self.family, self.language, self.spacing = family, language, spacing

    def width(self, text: str) -> float:
        return fonts.width(text, self.family, self.language, self.spacing)

    def reach(self, lines: Sequence[Sequence[Sequence[_Piece]]]) -> tuple[float, float]:
        """The highest and lowest letters of the file, so that baselines stand still from cue to cue."""
        extents = [fonts.extent(text, self.family, self.language)
                   for each in lines for line in each for _, _, text in line]
        top = max((extent.top for extent in extents), default=0.0)
        bottom = max((extent.bottom for extent in extents), default=0.0)
        return min(max(top, 0.75), MAX_TOP), min(max(bottom, 0.22), MAX_BOTTOM)

    def broken(self, lines: Sequence[Sequence[_Piece]], room: float) -> list[list[_Piece]]:
        """The lines, with a word that is wider than `room` (em) on rows of its own."""
        rows: list[list[_Piece]] = []
        for line in lines:
            if len(line) > 1 or self.width(line[0][2]) <= room:
                rows.append(list(line))
            else:
                word, _, text = line[0]
                parts = broken(text, self.language, lambda part: self.width(part) <= room)
                rows += [[(word, "", part)] for part in parts]
        return rows

    def placed(self, row: Sequence[_Piece], size: int, frame_width: int) -> Iterator[Fragment]:
        widths = [size * self.width(text) for _, _, text in row]
        spaces = [size * fonts.space(before, self.family, self.language, self.spacing) if space else 0.0
                  for before, (_, space, _) in zip(["", *(text for _, _, text in row)], row, strict=False)]
        left = (frame_width - sum(widths) - sum(spaces[1:])) / 2
        lefts, previous = [0.0] * len(row), -1
        for index in visual_order([text for _, _, text in row]):
            left += spaces[max(index, previous)] if previous >= 0 else 0.0
            lefts[index] = left
            left += widths[index]
            previous = index
        for (word, space, text), at, width in zip(row, lefts, widths, strict=True):
            yield Fragment(word, space, text, at, width)


MAX_TOP, MAX_BOTTOM = 1.6, 0.9
"""Letters with towers of marks may reach further; the clip is not laid out for them."""


def is_right_to_left(text: str) -> bool:
    return not text.isascii() and any(unicodedata.bidirectional(char) in ("R", "AL") for char in text)


def visual_order(words: Sequence[str]) -> list[int]:
    """The words of a line from left to right (Unicode's bidirectional algorithm, for whole words)."""
    if not any(map(is_right_to_left, words)):
        return list(range(len(words)))
    directions = [_direction(word) for word in words]
    base = next((direction for direction in directions if direction), "R")
    for index, direction in enumerate(directions):
        if not direction:
            before = directions[index - 1] if index else base
            after = next((each for each in directions[index + 1:] if each), base)
            directions[index] = before if before == after else base
    found: list[int] = []
    runs: list[list[int]] = []
    for index, direction in enumerate(directions):
        if runs and directions[runs[-1][-1]] == direction:
            runs[-1].append(index)
        else:
            runs.append([index])
    for run in runs if base == "L" else reversed(runs):
        found += run if directions[run[0]] == "L" else reversed(run)
    return found


def _direction(word: str) -> str:
    """L, R, or "" where no letter says."""
    for char in word:
        kind = unicodedata.bidirectional(char)
        if kind in ("L", "R", "AL"):
            return "L" if kind == "L" else "R"
    return ""
