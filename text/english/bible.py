"""Books of the Bible, their chapters and verses."""
from __future__ import annotations

import re

from text.english.decimal import number
from text.english.ordinal import ordinal
from text.english.place import Place
from text.english.tables import BOOK_NAMES, NUMBERED_BOOKS

VERSE = re.compile(r"(\d{1,3}):(\d{1,3})(?:[-–](\d{1,3}))?")


def verse(at: Place) -> list[str] | None:
    """Genesis 3:5"""
    match = VERSE.fullmatch(at.core)
    return [verse_words(match)] if match and at.near(-1) in BOOK_NAMES else None


def verse_words(match: re.Match[str]) -> str:
    """Of a `VERSE`."""
    end = f" to {number(match[3])}" if match[3] else ""
    return f"{number(match[1])} {number(match[2])}{end}"


def book_number(at: Place) -> list[str] | None:
    """1 Corinthians 13"""
    if at.core not in ("1", "2", "3") or at.near(1) not in NUMBERED_BOOKS or not at.near(2)[:1].isdigit():
        return None
    return [ordinal(int(at.core))]
