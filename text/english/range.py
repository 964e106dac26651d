"""From one to another: numbers, days, verses."""
from __future__ import annotations

import re

from text.english.bible import VERSE, verse_words
from text.english.place import Style
from text.english.tables import ABBREVIATIONS, MONTHS, WEEKDAYS

_RANGE = re.compile(r"(?!\d/[a-z]-)([$£€¥.~']*\d[^-–—?!;]*)[-–—]([\d$£€¥.][^-–—]*)")
_SPAN = re.compile(r"([A-Z][a-z]{2,4})\.?[-–]([A-Z][a-z]{2,4})")
_NUMBERED = re.compile(r"([A-Za-z]{1,4})\.(\d[\d.-]*)")


def read_range(core: str, style: Style) -> str | None:
    match = _RANGE.fullmatch(core)
    return f"{style.say(match[1])} to {style.say(match[2])}" if match else None


def read_span(core: str, style: Style) -> str | None:
    """Mon-Fri · Jan.–Mar. · No.1 · Psalm 23:1-3"""
    if match := _SPAN.fullmatch(core):
        ends = [WEEKDAYS.get(end) or MONTHS.get(end.lower()) for end in match.groups()]
        return " to ".join(map(str, ends)) if all(ends) else None
    if match := _NUMBERED.fullmatch(core):
        full, needs = ABBREVIATIONS.get(match[1].lower(), ("", frozenset()))
        return f"{full} {style.say(match[2])}" if needs == {"dot", "number"} else None
    verses = VERSE.fullmatch(core)
    return verse_words(verses) if verses and verses[3] else None
