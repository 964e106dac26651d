"""Words of letters alone: acronyms, capitals, camel case."""
from __future__ import annotations

import re

from text.capitals import spelled
from text.english.tables import (
    ABBREVIATIONS,
    ACRONYM_WORDS,
    CODAS,
    ONSETS,
    SHORT_WORDS,
    SPELLED,
    SPELLED_UNLESS_SHOUTED,
)

_PRONOUNCEABLE = re.compile(
    rf"(?:{'|'.join(ONSETS)})?[aeiouy]{{1,3}}(?:[^aeiouy]{{1,4}}[aeiouy]{{1,3}})*(?:{'|'.join(CODAS)})?s?")
_STRETCHED = re.compile(r"(.)\1{2,}")
CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")
_ALWAYS_SHORT = frozenset(key for key, (_, needs) in ABBREVIATIONS.items() if not needs)
"""Abbreviations with or without a dot."""


def is_acronym(core: str) -> bool:
    """Whether capitals that nobody shouts are letters to be spelled."""
    short = _STRETCHED.sub(r"\1\1", core)
    if short in ACRONYM_WORDS or short in SHORT_WORDS - SPELLED_UNLESS_SHOUTED or "'" in core:
        return False
    return core in SPELLED or core in SPELLED_UNLESS_SHOUTED or len(core) < 4 or not readable(core)


def _is_acronym_among_shouts(core: str) -> bool:
    return is_acronym(core) and (core in SPELLED or not (core in SHORT_WORDS or readable(core)))


def readable(core: str) -> bool:
    """Whether the letters make syllables; NOOOO is read as NOO."""
    return len(core) > 30 or bool(_PRONOUNCEABLE.fullmatch(_STRETCHED.sub(r"\1\1", core.lower())))


def letters(core: str, loud: bool = False) -> str:
    """A word of letters and apostrophes. Capitals become small ones or single letters."""
    if len(core) < 2:
        return core
    if (not core.isupper() or core in SHORT_WORDS) and core.lower() in _ALWAYS_SHORT:
        return ABBREVIATIONS[core.lower()][0]
    base, own, ending = core.partition("'")
    if core.upper() == core:
        return _capital(base, loud) + own + ending.lower() if ending in ("S", "") else _contraction(core)
    if ending == "s" and len(base) > 1 and base.isupper():
        return _capital(base, loud) + "'s"
    if re.fullmatch(r"[A-Z]{2,}s", core):
        return spelled(core[:-1]) + "'s" if is_acronym(core[:-1]) else core.lower()
    if core.isascii() and re.search(r"[A-Z]{2}", core):
        return " ".join(map(letters, CAMEL.findall(base))) + own + ending.lower()
    return core


def _capital(core: str, loud: bool) -> str:
    spells = _is_acronym_among_shouts(core) if loud else is_acronym(core)
    return spelled(core) if spells and core.isascii() else core.lower()


def _contraction(core: str) -> str:
    return re.sub("^i'", "I'", core.lower())
