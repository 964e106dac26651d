"""Where a word that is too wide for its line may be broken: at a blank in it, web addresses at their joints, words by
pyphen's dictionaries, anything else between two characters.
"""
from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from captions.style.fonts import clusters

HYPHEN = "\u2010"
_JOINTS = re.compile(r"(?<=[/?&=_.@:;,|+\-\u2010-\u2015])(?=[^\s/?&=_.@:;,|+\-\u2010-\u2015])")
_ADDRESS = re.compile(r"^\W*(?:https?://|www\.)|^[^\s@]+@[^\s@]+\.\w+$|^[\w-]+(?:\.[\w-]+)+/|^[@#]\w", re.IGNORECASE)
_LONGEST_WORD = 200
"""Beyond this it is no word of a dictionary."""


def broken(text: str, language: str, fits: Callable[[str], bool]) -> list[str]:
    """`text` cut into the fewest parts that fit; each but the last ends in HYPHEN where the cut is not a joint."""
    parts: list[str] = []
    rest = text
    while rest and not fits(rest):
        part = _longest(rest, language, fits)
        parts.append(part)
        rest = rest[len(part.removesuffix(HYPHEN) if not rest.startswith(part) else part):].lstrip()
    return [*parts, rest] if rest else parts


def _longest(text: str, language: str, fits: Callable[[str], bool]) -> str:
    for candidates in (_blanks(text), _joints(text), _syllables(text, language)):
        fitting = [part for part in candidates if fits(part)]
        if fitting and len(fitting[-1]) > 2:
            return fitting[-1]
    return _any(text, fits)


def _blanks(text: str) -> list[str]:
    return [text[:found.start()] for found in re.finditer(r"\s", text) if found.start()]


def _joints(text: str) -> list[str]:
    return [text[:found.start()] for found in _JOINTS.finditer(text) if found.start()]


def _syllables(text: str, language: str) -> list[str]:
    dictionary = _dictionary(language.partition("-")[0].lower())
    if dictionary is None or len(text) > _LONGEST_WORD or _ADDRESS.search(text) or not _hyphenates(text):
        return []
    return [text[:position] + HYPHEN for position in dictionary.positions(text)]


def _any(text: str, fits: Callable[[str], bool]) -> str:
    """As many characters as fit, one at least."""
    found = clusters(text)
    low, high = 1, len(found)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(_cut(found, middle)):
            low = middle
        else:
            high = middle - 1
    return _cut(found, low)


def _cut(found: list[str], count: int) -> str:
    hyphen = 0 < count < len(found) and all(each.isalpha() and _hyphenates(each) for each in found[count - 1:count + 1])
    return "".join(found[:count]) + (HYPHEN if hyphen else "")


def _hyphenates(text: str) -> bool:
    """Whether the script knows hyphens: Latin, Greek, Cyrillic, Armenian and their extensions."""
    return all(char < "\u0590" or "\u1e00" <= char <= "\u2fff" for char in text)


@cache
def _dictionary(language: str) -> Any:
    import pyphen

    name = pyphen.language_fallback(language)
    return pyphen.Pyphen(lang=name, left=3, right=3) if name else None
