"""Abbreviations and initials, written out."""
from __future__ import annotations

import re
from collections.abc import Sequence

from text.capitals import spelled
from text.english.address import is_direction, is_street
from text.english.bible import VERSE
from text.english.date import is_month
from text.english.decimal import NUMBER
from text.english.ordinal import ORDINAL
from text.english.place import Style
from text.english.tables import (
    ABBREVIATED_IN_CAPITALS,
    ABBREVIATIONS,
    BOOKS,
    DIRECTIONS,
    DOTTED_UNITS,
    MAY_END_SENTENCE,
    MONTHS,
    NUMBERED_BOOKS,
    SENTENCE_STARTS,
    STREETS,
    UNITS,
    UNITS_APART,
    WEEKDAYS,
)
from text.written import FRACTION, Written

_DAY = re.compile(r"\d{1,2}(?:st|nd|rd|th)?", re.IGNORECASE)
_WHOSE = ("my", "your", "his", "her", "our", "their", "phone", "account", "order", "serial")
_ATTACHED_UNIT = re.compile(r"\d[\d./]*-?([a-z]{1,4})")
_INITIALS = re.compile(r"((?:[A-Za-z]\.)+[A-Za-z]?\.?)('s)?")


def read_initials(core: str, style: Style) -> str | None:
    match = _INITIALS.fullmatch(core)
    return spelled(match[1].replace(".", "")) + (match[2] or "") if match else None


def written_out(words: Sequence[Written]) -> list[Written]:
    """Abbreviations in full, their dots gone unless they end the sentence too."""
    return [_expanded(words, index) for index in range(len(words))]


def _expanded(words: Sequence[Written], index: int) -> Written:
    word = words[index]
    if len(word.core) > 12 or not word.core:
        return word
    following = words[index + 1] if index + 1 < len(words) else Written("", "", "")
    dotted = word.tail[:1] == "."
    if word.tail == "." and following.core[:1].islower() and not following.lead and (
            unit := _ATTACHED_UNIT.fullmatch(word.core)) and unit[1] in DOTTED_UNITS:
        return Written(word.lead, word.core, "")
    full = _full_form(words, index, following, dotted)
    if full is None:
        return word
    tail = word.tail[1:] if dotted else word.tail
    ends = not following.core or following.core in SENTENCE_STARTS or bool(following.lead) or (
        word.core.lower() in DOTTED_UNITS and following.core[0].isupper())
    ends &= full != "married"
    if dotted and not tail and ends and (word.core.lower() in MAY_END_SENTENCE or "." in word.core):
        tail = "."
    return Written(word.lead, full, tail)


def _full_form(words: Sequence[Written], index: int, following: Written, dotted: bool) -> str | None:
    core = words[index].core
    key, before = core.lower(), words[index - 1].core if index and not words[index - 1].tail else ""
    named = following.core[:1].isupper() and not following.lead and words[index].tail in ("", ".")
    numbered = bool(re.match(r"\d|[IVX]{2,}$", following.core)) and not following.lead
    if dotted and key.endswith(("a.m", "p.m")):
        return core + "."
    if dotted and key in DOTTED_UNITS and index and words[index - 1].core.lower() in ("square", "sq", "cubic", "cu"):
        return UNITS[key][1]
    if core in _SHORT and (full := _counted(words, index, following, before)):
        return full
    if dotted and key in DOTTED_UNITS and re.fullmatch(rf"(?:{NUMBER}[-–])?{NUMBER}", before):
        return UNITS[key][before != "1"]
    if dotted and "." in core and key not in ABBREVIATIONS and _INITIALS.fullmatch(core):
        return spelled(core.replace(".", ""))
    if is_month(core) and MONTHS[key] != core and (numbered or _DAY.fullmatch(before)):
        return MONTHS[key]
    if core in BOOKS and _is_book(core, before, following):
        return BOOKS[core]
    if before.lower() == "per" and core in UNITS_APART:
        return UNITS[core][0]
    if key == "no" and dotted and before.lower() in _WHOSE and following.core[:1].islower():
        return "number"
    if key == "est" and dotted and before[-1:].isdigit():
        return "estimated"
    if key in STREETS and is_street(words, index, following):
        return STREETS[key]
    if core in DIRECTIONS and is_direction(words, index, following):
        return DIRECTIONS[core]
    if len(core) > 1 and core.isupper() and key not in ABBREVIATED_IN_CAPITALS:
        return None
    if key in ("c", "bn") and ORDINAL.fullmatch(before):
        return "century" if key == "c" else "battalion"
    if key in ("feat", "ft") and dotted and named and _is_behind_name(words, index):
        return "featuring" if following.core not in SENTENCE_STARTS else None
    if core == "St" and named:
        return "saint"
    goes_on = following.core[:1].islower() or numbered or words[index].tail[1:] == ","
    if dotted and len(core) == 1 and core.isupper() and (goes_on or named):
        return core if following.core not in SENTENCE_STARTS else None
    if dotted and core in WEEKDAYS and (goes_on or core not in ("Sat", "Sun")):
        return WEEKDAYS[core]
    return _abbreviated(core, dotted, named or len(words) == 1, numbered)


_SHORT = frozenset(("Rs", "c", "cu", "m", "sq", *UNITS_APART))


def _counted(words: Sequence[Written], index: int, following: Written, before: str) -> str | None:
    """2,000 sq ft · Rs. 500 · 2 c. flour · John m. Mary"""
    core, dotted = words[index].core, words[index].tail[:1] == "."
    counted, goes_on = before[-1:].isdigit(), not following.lead
    if core in ("sq", "cu") and counted and following.core in UNITS:
        return {"sq": "square", "cu": "cubic"}[core]
    if core in UNITS_APART and before in ("sq", "cu") and index > 1 and words[index - 2].core[-1:].isdigit():
        return UNITS[core][1]
    if core == "Rs" and goes_on and following.core[:1].isdigit():
        return "INR"
    married = goes_on and (following.core[:1].isupper() or _YEAR.fullmatch(following.core))
    if core == "m" and dotted and married and _is_behind_person(words, index):
        return "married"
    if core != "c" or not dotted or not _CUPS.fullmatch(before):
        return None
    whole = index > 1 and words[index - 2].core.isdigit() and not words[index - 2].tail
    return "cup" if not whole and re.match(rf"1$|{FRACTION}?\d/", before) else "cups"


_YEAR = re.compile(r"1[5-9]\d\d|20\d\d")
_CUPS = re.compile(rf"\d{{1,2}}|(?:\d{{0,2}}{FRACTION})?\d/\d")


def _is_behind_person(words: Sequence[Written], index: int) -> bool:
    """John Smith m. Mary, (1845-1912) m. 1870"""
    before = words[index - 1] if index else Written("", "", "")
    return before.tail == ")" or (before.core[:1].isupper() and before.tail in ("", ","))


def _is_behind_name(words: Sequence[Written], index: int) -> bool:
    """"Song" feat. Drake, which is no great feat. Drake won"""
    before = words[index - 1] if index else Written("", "", "")
    return not before.core or before.core[:1].isupper() or before.tail[-1:] in tuple('",)')


def _is_book(core: str, before: str, following: Written) -> bool:
    """Rev. 21:4 · 1 Cor. 13"""
    numbered = BOOKS[core] in NUMBERED_BOOKS and before in ("1", "2", "3") and following.core.isdigit()
    return not following.lead and (numbered or VERSE.fullmatch(following.core) is not None)


def _abbreviated(core: str, dotted: bool, named: bool, numbered: bool) -> str | None:
    full, needs = ABBREVIATIONS.get(core.lower(), (None, frozenset()))
    met = {"dot": dotted, "name": named and core[0].isupper(), "number": numbered}
    return full if all(met[need] for need in needs) else None
