"""Signs that look like punctuation and belong to a number: inches and feet, a dash between two numbers."""
from __future__ import annotations

import re
from collections.abc import Sequence

from text.english.date import is_month
from text.english.decimal import number
from text.written import Written

_INCHES = r"\d{1,3}(?:'\d{1,2}|\.\d{1,3}|/\d{1,3})?"
_LENGTH = re.compile(rf"(?:{_INCHES}\"?[-–—])?{_INCHES}|\d{{1,3}}(?:\.\d)?[x×]\d{{1,3}}(?:\.\d)?")
_FEET = re.compile(r"(?:\d{1,3}'?[-–—])?\d{1,3}")
_BY_SIGNS = re.compile(r"(\d{1,3})('|''|\")[x×](\d{1,3})\2")
_HALF_DAY = re.compile(r"[ap]\.?m$", re.IGNORECASE)
_TERM = re.compile(r"\d{0,9}(?:\.\d{1,9})?[A-Za-z%]?(?:\^\d)?(?<=.)")
_GRADES = ("A", "B", "C", "D", "AB", "O")
_BETWEEN_NUMBERS = {"-": "to", "–": "to", "<": "less than", ">": "greater than", "/": "divided by", "*": "times",
                    "→": "to", "->": "to", "<=": "less than or equal to", ">=": "greater than or equal to"}


def own_signs(words: Sequence[Written]) -> list[Written]:
    """Gives numbers their signs back that look like punctuation: inches and feet, a dash between two of them.

    A quote stands for inches only while none is open.
    """
    own, opened = [], False
    for index, word in enumerate(words):
        if by := _BY_SIGNS.fullmatch(word.core + word.tail[:2].rstrip(".,;:!?)")):
            word = word._replace(core=f"{by[1]}x{by[3]}{by[2]}", tail=word.tail[len(by[2]):])
        inches = word.tail[:1] == '"' and not opened and not word.lead and _LENGTH.fullmatch(word.core)
        feet = word.tail[:1] == "'" and not word.lead and _FEET.fullmatch(word.core)
        if inches or feet or word.tail[:2] == "''":
            width = 2 if word.tail[:2] == "''" else 1
            word = Written(word.lead, word.core + word.tail[:width], word.tail[width:])
        elif "(" in word.core or ")" in word.core:
            word = _bracketed(word)
        elif word.tail == "-" and word.core.isdigit() and "=" in _cores(words[index + 1:index + 3]):
            word = Written(word.lead, f"{number(word.core)} minus", "")
        elif word.core in _GRADES and word.tail[:1] == "-" and not word.tail.strip("-.,;:!?)"):
            word = Written(word.lead, " ".join(word.core) + " minus", word.tail[1:])
        elif "".join(word) in _BETWEEN_NUMBERS:
            word = _between_numbers(words, index) or word
        opened ^= (word.lead.count('"') + word.tail.count('"')) % 2 == 1
        own.append(word)
    return own


def _cores(words: Sequence[Written]) -> list[str]:
    return [word.core for word in words]


def _bracketed(word: Written) -> Written:
    """Brackets within a word belong to it: 401(k), (555)123-4567; file(s) is files."""
    lead, core, tail = word
    if core.endswith("(s") and tail[:1] == ")":
        return Written(lead, core[:-2] + "s", tail[1:])
    if core.count("(") > core.count(")") and tail[:1] == ")":
        core, tail = core + ")", tail[1:]
    elif core.count(")") > core.count("(") and lead[-1:] == "(":
        lead, core = lead[:-1], "(" + core
    return Written(lead, core, tail)


def _between_numbers(words: Sequence[Written], index: int) -> Written | None:
    """10 – 20 is a range, 10 - 5 = 5 is none."""
    around = [words[k] if 0 <= k < len(words) else Written("", "", "") for k in (index - 1, index + 1, index + 2)]
    sign = "".join(words[index])
    variable = sign[0] in "<>" and len(around[0].core) == 1 and around[0].core.isalpha()
    if around[0].tail.strip(".") or around[1].lead:
        return None
    if sign in ("-", "–") and _days(words, index):
        return Written("", "to", "")
    if sign in ("-", "–", "−") and "=" in _cores(words[max(index - 4, 0):index + 5]) and (
            _TERM.fullmatch(around[0].core) and _TERM.fullmatch(around[1].core)):
        return Written("", "minus", "")
    half_day = sign in ("-", "–") and _HALF_DAY.search(around[0].core)
    arrow = sign in ("→", "->") and around[0].core[-1:] in "%kKM" and around[0].core[:-1]
    counts = variable or half_day or arrow or around[0].core[-1:].isdigit()
    if not (counts and around[1].core.lstrip("$€£")[:1].isdigit()):
        return None
    return Written("", "minus" if sign == "-" and around[2].core == "=" else _BETWEEN_NUMBERS[sign], "")


def _days(words: Sequence[Written], index: int) -> bool:
    """June 1 – July 15"""
    if index + 2 >= len(words) or not words[index - 1].core.isdigit() or not is_month(words[index + 1].core):
        return False
    return words[index + 2].core[:1].isdigit() and any(map(is_month, _cores(words[max(index - 3, 0):index])))
