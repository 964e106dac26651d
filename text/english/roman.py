"""Roman numerals behind a name."""
from __future__ import annotations

import re

from text.english.cardinal import cardinal
from text.english.ordinal import ordinal
from text.english.place import Place
from text.english.tables import MONARCHS, PARTS, TITLES

_ROMAN = re.compile(r"(?=[IVXLC])(?:C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")


def roman(at: Place) -> list[str] | None:
    """Henry VIII · Chapter IV · Rocky II · IV by itself"""
    core = at.core.removesuffix("'s")
    if len(at.words) == 1 and re.fullmatch("[IVX]{2,}", core) and _ROMAN.fullmatch(core):
        return [cardinal(_roman_value(core))]
    before = at.near(-1)
    part = before.lower() in PARTS and (before[:1].isupper() or len(core) > 1)
    if not core or not _ROMAN.fullmatch(core) or not (part or (before[:1].isupper() and not at.loud)):
        return None
    value = _roman_value(core)
    own = "'s" if core != at.core else ""
    if part and core not in ("C", "L"):
        return [cardinal(value) + own]
    if before in MONARCHS and value < 40 and (len(core) > 1 or core == "V" or _is_regnal(at)):
        return [f"the {ordinal(value)}{own}"]
    return [cardinal(value) + own] if len(core) > 1 and re.fullmatch("[IVX]+", core) else None


def _is_regnal(at: Place) -> bool:
    """A lone I is a number behind a title and a name, or where the clause ends."""
    return at.near(-2) in TITLES or at.core.endswith("'s") or (
        bool(at.words[at.index].tail) or at.index + 1 == len(at.words))


def _roman_value(numeral: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}[letter] for letter in numeral]
    return sum(-value if value < max(values[k:]) else value for k, value in enumerate(values))
