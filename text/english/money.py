"""Sums with their hundredth parts."""
from __future__ import annotations

import re

from text.english.cardinal import cardinal
from text.english.decimal import number
from text.english.tables import HUNDREDTHS

_CENTS = re.compile(r"([\d,]*)\.(\d{1,2})0*")


def sum_words(text: str, names: tuple[str, str], british: bool, one: bool) -> str | None:
    """A sum with hundredths in digits, $20.5 as $20.50; None when it has none or finer parts."""
    cents = _CENTS.fullmatch(text) if names in HUNDREDTHS else None
    return _money(cents, names, british, one) if cents else None


def _money(cents: re.Match[str], names: tuple[str, str], british: bool, one: bool) -> str:
    """Three dollars fifty, three dollars and five cents, fifty cents."""
    whole, part = int(cents[1].replace(",", "") or 0), int(cents[2].ljust(2, "0"))
    part_words = f"{cardinal(part)} {HUNDREDTHS[names][part != 1]}"
    if whole == 0:
        return part_words
    money = f"{number(cents[1], british)} {names[whole != 1 and not one]}"
    if part == 0:
        return money
    return f"{money} {cardinal(part)}" if part > 9 else f"{money} and {part_words}"
