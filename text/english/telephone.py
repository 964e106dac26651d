"""Telephone numbers, in groups."""
from __future__ import annotations

import re

from text.english.cardinal import digit_by_digit
from text.english.place import Place, Style

_PHONE = re.compile(r"(?:\+?\d{1,3}[-.])?(?:\d{3}[-.]|\(\d{3}\)[-.]?)\d{3}[-.]\d{4}|\d{3}-\d{4}|\+\d{7,15}"
                    r"|1-\d{3}-[A-Z\d]{3}-?[A-Z\d]{4}|\d+(?:-\d+){2,}")


def read_telephone(core: str, style: Style) -> str | None:
    if not _PHONE.fullmatch(core):
        return None
    groups = re.findall(r"\d+|[A-Z]+", core)
    said = ", ".join(_group(group) if group.isdigit() else group.lower() for group in groups)
    return "plus " + said if core[0] == "+" else said


def phone_groups(at: Place) -> list[str] | None:
    """(555) 123-4567 · +1 555 123 4567"""
    word = at.words[at.index]
    area = word.lead.endswith("(") and word.tail == ")" and re.fullmatch(r"\d{3,5}", word.core)
    if not area and not re.fullmatch(r"\+\d{1,3}(?:\(\d{3}\))?", word.core):
        return None
    groups = [word.core]
    for follower in at.words[at.index + 1:at.index + 7]:
        if not re.fullmatch(r"\(?\d[\d()-]{0,19}", follower.core):
            break
        groups.append(follower.core)
        if follower.tail not in ("", ")"):
            break
    if sum(map(len, groups[1:])) < 6:
        return None
    return [("plus " if group[0] == "+" else "") + digit_groups(group) for group in groups]


def digit_groups(text: str) -> str:
    return ", ".join(map(_group, re.findall(r"\d+", text)))


def _group(digits: str) -> str:
    return {"800": "eight hundred", "900": "nine hundred"}.get(digits) or digit_by_digit(digits)


def short_code(at: Place) -> list[str] | None:
    """text HOME to 741741 · dial 22828"""
    if not re.fullmatch(r"\d{5,6}", at.core):
        return None
    before = [word.core.lower() for word in at.before(5)]
    texted = before[-1:] == ["to"] and not {"text", "txt", "sms"}.isdisjoint(before)
    return [digit_by_digit(at.core)] if texted or at.near(-1).lower() in ("dial", "dialed", "dialing") else None
