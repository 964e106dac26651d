"""Whether a word's dot ends its sentence, or belongs to initials, to a rank (3. Mai) or to an abbreviation (Nr. 5).

For what is cut where sentences end without being said: captions.
"""
from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from text import tables

_HERE = Path(__file__).parent
_INITIALS = re.compile(r"(?:[A-Za-zА-ЯЁ]|[A-Za-z](?:\.[A-Za-z])+)\.")
_RANK = re.compile(r"\d{1,2}\.")
_RANKS_DOTTED = frozenset("bs cs da de et fi hr hu is lb lv nb nn no pl sk sl sr tr".split())
"""Languages that write days and ranks with a dot."""
_BEFORE_ANYTHING, _BEFORE_NAMES, _BEFORE_NUMBERS = "", "name", "number"


def is_within_sentence(word: str, following: str, before: str, language: str) -> bool:
    """Of a `word` that ends in a dot, without quotes and brackets: `following` belongs to its sentence.

    `language` is a code without a region.
    """
    if _INITIALS.fullmatch(word):
        return True
    if _RANK.fullmatch(word):
        is_counted = _abbreviations(language).get(_key(before)) == _BEFORE_NUMBERS
        return language in _RANKS_DOTTED and not is_counted and following[:1].isalpha()
    if before[-1:].isdigit():  # a unit or a year, 5 min. and 2024 г.: another sentence may follow
        return False
    needs = _abbreviations(language).get(_key(word))
    if needs == _BEFORE_NAMES:
        return following[:1].isupper()
    return needs == _BEFORE_ANYTHING or (needs == _BEFORE_NUMBERS and following[:1].isdigit())


def _key(word: str) -> str:
    """One letter stays as it is: S. is a page, s. see."""
    return word.lower() if len(word) > 2 else word


@cache
def _abbreviations(language: str) -> dict[str, str]:
    """With their dot -> what stands behind them. Without those that end sentences."""
    if language == "en":
        return _english()
    rows = tables.rows(_HERE / "languages/data/abbreviations.tsv")
    return {_key(written): needs for base, written, _, needs in rows
            if base == language and written.endswith(".")}


def _english() -> dict[str, str]:
    rows = tables.rows(_HERE / "english/data/abbreviations.tsv")
    context = tables.rows(_HERE / "english/data/context.tsv")
    ends = {word for kind, word in context if kind == "may_end_sentence"}
    found = {f"{short}.": needs.removeprefix("dot").strip() for short, _, needs in rows}
    return {word: needs for word, needs in found.items() if needs == _BEFORE_NAMES or word[:-1] not in ends}
