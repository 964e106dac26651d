"""Whether a word's dot ends its sentence, or belongs to initials, to a rank (3. Mai) or to an abbreviation (Nr. 5).

For what is cut where sentences end without being said: captions.
"""
from __future__ import annotations

import re
from functools import cache

from text import tables

_INITIALS = re.compile(r"(?:[A-Za-zА-ЯЁ]|[A-Za-z](?:\.[A-Za-z])+)\.")
_RANK = re.compile(r"\d{1,2}\.")
_RANKS_DOTTED = frozenset("bs cs da de et fi hr hu is lb lv nb nn no pl sk sl sr tr".split())
"""Languages that write days and ranks with a dot."""
GERMAN_STARTS = frozenset("""Aber Am Anschließend Bei Da Danach Dann Das Der Die Ein Eine Er Es Hier Ich Im In Jetzt Mit
                           Nun Sie So Und Wenn Wir""".split())
"""What begins a German sentence, where any noun has a capital."""
_BEFORE_ANYTHING, _BEFORE_NAMES, _BEFORE_NUMBERS = "", "name", "number"


def is_within_sentence(word: str, following: str, before: str, language: str) -> bool:
    """Of a `word` that ends in a dot, without quotes and brackets: `following` belongs to its sentence.

    `language` is a code without a region.
    """
    if _INITIALS.fullmatch(word):
        return True
    if _RANK.fullmatch(word):
        ends = following in GERMAN_STARTS or _needs(before, language) == _BEFORE_NUMBERS
        return language in _RANKS_DOTTED and following[:1].isalpha() and not ends
    if before[-1:].isdigit():  # a unit or a year, 5 min. and 2024 г.: another sentence may follow
        return False
    needs = _needs(word, language)
    if needs == _BEFORE_NAMES:
        return following[:1].isupper()
    return needs == _BEFORE_ANYTHING or (needs == _BEFORE_NUMBERS and following[:1].isdigit())


def _needs(word: str, language: str) -> str | None:
    """What has to stand behind an abbreviation; None of what is none, or ends sentences."""
    short = tables.abbreviation_key(word)
    return _english().get(short) if language == "en" else tables.abbreviations(language).get(short, ("", None))[1]


@cache
def _english() -> dict[str, str]:
    from text.english.tables import ABBREVIATIONS, MAY_END_SENTENCE  # all of English comes with it

    found = {short: "".join(needs - {"dot"}) for short, (_, needs) in ABBREVIATIONS.items()}
    return {f"{short}.": needs for short, needs in found.items()
            if needs == _BEFORE_NAMES or short not in MAY_END_SENTENCE}
