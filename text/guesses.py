"""Which words are said by a guess in any language and in English: their writing leaves open what is said."""
from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from text.written import Written, next_core

_SLASH_DATE = re.compile(r"(\d{1,2})[-/](\d{1,2})[-/](?:\d{4}|\d\d)")
_YEAR_LIKE = re.compile(r"(?:1[1-9]|20)(?!00)\d\d")
_SIGNS = re.compile(r"[§%°*\\@#^]")
_UNIT_LIKE = re.compile(r"(?![aeiouyAEIOUY])[A-Za-zµμ](?:[b-df-hj-np-tv-zµμ]|(?<=[a-z])[A-Z]){0,3}")
_WORDS = {"pl": ("w", "z"), "cs": ("v", "s", "k", "z"), "sk": ("v", "s", "k", "z")}
"""Words of one letter: o 12 w nocy."""
_ATTACHED = re.compile(r"\d[\d.,]*([A-Za-zµμ]{1,4})")


def is_guessed(words: Sequence[Written], at: int, said: str, tag: str) -> bool:
    """03/04/2025 in English of no region, 1850 people, 155 d: what is `said` may be wrong."""
    core = words[at].core
    if not re.search(r"\d", core):
        return _is_unknown_unit(words, at, said, tag)
    attached = _ATTACHED.fullmatch(core)
    if attached and _UNIT_LIKE.fullmatch(attached[1]) and attached[1].islower() and said.rstrip(".,!?").endswith(
            " " + attached[1]):
        return True
    return re.match(r"en(?![a-z])", tag.lower()) is not None and _is_english_guess(words, at, tag)


def _is_unknown_unit(words: Sequence[Written], at: int, said: str, tag: str) -> bool:
    """155 d: said as it is written"""
    word = words[at]
    if word.core in _WORDS.get(tag[:2].lower(), ()):
        return False
    if not at or not words[at - 1].core[-1:].isdigit() or words[at - 1].tail or word.lead:
        return False
    return _UNIT_LIKE.fullmatch(word.core) is not None and not word.core.isupper() and (
        said.rstrip(".,!?").lower() == word.core.lower())


def _is_english_guess(words: Sequence[Written], at: int, tag: str) -> bool:
    core = words[at].core
    if (date := _SLASH_DATE.fullmatch(core)) and not re.search("[-_]", tag):
        return 1 <= int(date[1]) <= 12 >= int(date[2]) and date[1] != date[2]
    return bool(_YEAR_LIKE.fullmatch(core) and re.fullmatch(r"[a-z]{3,}(?<!s)s|people|men|women", next_core(words, at)))


def has_unnamed_sign(written: str, said: str) -> bool:
    """A sign that is left to the engine, or one of mathematics that is said by nothing."""
    if said.isalnum():
        return False
    if _SIGNS.search(said) or any(unicodedata.category(c) in ("Sm", "Sc") for c in said):
        return True
    if "/" in said and re.search(r"\d", written):
        return True
    return not said and any(unicodedata.category(c) == "Sm" and c not in "|~<>" for c in written)
