"""Capitals: emphasis, acronyms, small letters."""
from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

from text.written import MAX_CORE, Written

_SENTENCE_END = re.compile(r"[.!?。！？]")


def shouting(words: Sequence[Written], acronym: Callable[[str], bool]) -> list[bool]:
    """Which words stand in a stretch of capitals that is emphasis, not a row of acronyms."""
    loud = [False] * len(words)
    start = 0
    while start < len(words):
        stop = start
        while stop < len(words) and _is_loud(words[stop].core):
            stop += 1
            if _SENTENCE_END.search(words[stop - 1].tail):
                break
        if stop > start and _is_shout(words, start, stop, acronym):
            loud[start:stop] = [True] * (stop - start)
        start = max(stop, start + 1)
    return loud


def _is_loud(core: str) -> bool:
    """Nothing small; letters of a script without capitals are no shout."""
    return core.upper() == core and (core.lower() != core or not any(map(str.isalpha, core[:MAX_CORE])))


def _is_shout(words: Sequence[Written], start: int, stop: int, acronym: Callable[[str], bool]) -> bool:
    """Two words in capitals, one of them no acronym, and either a whole sentence or one that is long."""
    capitals = [w.core for w in words[start:stop] if sum(c.isupper() for c in w.core[:MAX_CORE]) > 1]
    certain = [core for core in capitals if not acronym(core)]
    if len(capitals) < 2 or not certain:
        return False
    first = words[start]
    opens = start == 0 or not first.core or first.lead or _SENTENCE_END.search(words[start - 1].tail)
    closes = stop == len(words) or _SENTENCE_END.search(words[stop - 1].tail)
    return bool(opens and closes) or any(len(core) > 4 for core in certain)


def spelled(letters: str) -> str:
    """Letter by letter, capital: an engine says "F B I" so, and would take "f b i" for syllables."""
    return " ".join(letters.upper())


def small(text: str, language: str) -> str:
    """Small letters, with Turkish's two i."""
    if language[:2].lower() in ("tr", "az"):
        text = text.replace("İ", "i").replace("I", "ı")
    return text.lower()


def lowered(core: str, loud: bool, language: str) -> str:
    if len(core) < 2 or len(core) > MAX_CORE or core.upper() != core or core.lower() == core:
        return core
    article, apostrophe, noun = core.rpartition("'")
    if article:
        return small(article, language) + apostrophe + lowered(noun, loud, language)
    return spelled(core) if not loud and core.isalpha() and is_acronym(core) else small(core, language)


def is_acronym(core: str) -> bool:
    """Letters without vowels, or two or three; an accent makes a word of them."""
    return not _has_vowel(core) or (len(core) < 4 and unicodedata.normalize("NFD", core) == core)


def _has_vowel(core: str) -> bool:
    letters = unicodedata.normalize("NFD", core.lower())
    return any(c in "aeiouyαεηιουωаеиоуыэюяєії" for c in letters) or not re.search("[a-zα-ωа-я]", letters)
