"""A caption: the words that are displayed together, on their lines, from when to when."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
    """The pieces as one line; a piece of which nothing is displayed leaves no space."""
    text = ""
    for piece in pieces:
        text += (piece.space if text and piece.text else "") + piece.text
    return text
