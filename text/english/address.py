"""Streets and states."""
from __future__ import annotations

import re
from collections.abc import Sequence

from text.english.cardinal import in_pairs
from text.english.ordinal import ORDINAL
from text.english.place import Place
from text.english.tables import SENTENCE_STARTS, STATES, STATES_NEEDING_ZIP, STREET_NAMES, STREETS
from text.written import Written

_ALSO_WORDS = ("pl", "ter", "cir")
"""Two or three letters that a name may end in: streets only behind a house number, or with a dot or comma."""


def is_street(words: Sequence[Written], index: int, following: Written) -> bool:
    """Behind a name and not before one, or behind a numbered name."""
    before, core = words[index - 1] if index else Written("", "", ""), words[index].core
    numbered = ORDINAL.fullmatch(before.core) is not None
    if not core[0].isupper() and not numbered:
        return core == "hwy" and before.core[:1].isupper()
    if core.lower() in _ALSO_WORDS and not (index > 1 and _house(words, index)) and not words[index].tail:
        return False
    if not before.core[:1].isalnum() or before.tail or not (before.core[0].isupper() or before.core[0].isdigit()):
        return False
    house = index > 1 and words[index - 2].core[:1].isdigit()
    named = following.core[:1].isupper() and following.core not in SENTENCE_STARTS
    ends = not named or bool(words[index].tail.strip("."))
    return house or (ends and before.core not in SENTENCE_STARTS)


def _house(words: Sequence[Written], index: int) -> bool:
    """Whether a house number stands up to four words before."""
    return any(words[k].core[:1].isdigit() for k in range(max(index - 5, 0), index))


def is_direction(words: Sequence[Written], index: int, following: Written) -> bool:
    """1211 E Arques Ave"""
    before = words[index - 1] if index else Written("", "", "")
    house = re.fullmatch(r"\d{1,5}", before.core) and not before.tail and not words[index].tail.strip(".")
    if index + 2 < len(words) and ORDINAL.fullmatch(following.core) and words[index + 2].core.lower() in STREETS:
        return True
    return bool(house) and (following.core[:1].isupper() or ORDINAL.fullmatch(following.core) is not None)


def house_number(at: Place) -> list[str] | None:
    """2788 San Tomas Expressway: as hundreds are read, if a street follows within four words"""
    if not re.fullmatch(r"[1-9]\d{2,3}", at.core):
        return None
    for steps in range(1, 6):
        word = at.near(steps)
        if steps > 1 and word.lower() in STREET_NAMES:
            return [in_pairs(at.core)]
        if not (word[:1].isupper() or ORDINAL.fullmatch(word)):
            return None
    return None


def state(at: Place) -> list[str] | None:
    """Austin, TX · TX 78701"""
    if at.core not in STATES or at.loud:
        return None
    zip_code = re.fullmatch(r"\d{5}(-\d{4})?", at.near(1))
    town = at.index > 0 and at.words[at.index - 1].tail == "," and at.words[at.index - 1].core[:1].isupper()
    if zip_code or (town and (at.core not in STATES_NEEDING_ZIP or _is_place(at))):
        return [STATES[at.core]]
    return None


_BEFORE_TOWNS = ("in", "from", "to", "near", "outside", "of", "at", "visit", "visiting")


def _is_place(at: Place) -> bool:
    """to Tulsa, OK · in Oklahoma City, OK; but Sure, OK"""
    for k in range(at.index - 2, max(at.index - 5, -1), -1):
        if at.words[k].tail or at.words[k].core.lower() in _BEFORE_TOWNS:
            return not at.words[k].tail
        if not at.words[k].core[:1].isupper():
            return False
    return False
