"""Russian ordinals, which days, years and numbers with an ending are: 2 марта, в 1999 году, 8-го, 1950-е."""
from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from num2words import num2words

from text.languages.dates import months
from text.languages.grammar import Language, agree
from text.number_names import name
from text.written import Written, next_core

_DATE = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})")
_ENDED = re.compile(r"(\d{1,4})-(го|ого|его|му|ому|ему|ым|им|м|ом|ем|й|ый|ий|я|ая|ья|ю|ую|е|ое|ые|ие|х|ых|их)")
_CASES = {"го": "g", "му": "d", "ым": "i", "им": "i", "м": "p", "й": "n", "я": "n", "ю": "a", "е": "n", "х": "g"}
_COUNTS = {"2-х": "двух", "3-х": "трёх", "4-х": "четырёх"}
"""So written these are counts, no ordinals."""
_YEARS = {"год": "n", "года": "g", "году": "p", "годом": "i", "г": "g"}


@lru_cache(1024)
def ordinal(number: int, case: str, gender: str = "m", plural: bool = False) -> str | None:
    """Nominative, genitive, dative, accusative, instrumental or prepositional: n, g, d, a, i, p."""
    try:
        words: str = num2words(number, lang="ru", to="ordinal", case=case, gender=gender, plural=plural)
    except Exception:  # it fails in several ways on what it lacks
        return None
    return words


def russian(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """02.03.2003 · 2 марта · 1999 года · 8-го"""
    if speech.base != "ru":
        return None
    core, following = words[at].core, next_core(words, at).lower()
    if date := _DATE.fullmatch(core):
        return _date(int(date[1]), int(date[2]), int(date[3]))
    if re.fullmatch(r"\d{1,2}", core) and following in months("ru"):
        return _one(ordinal(int(core), "g"))
    if re.fullmatch(r"[1-9]\d{2,3}", core) and following in _YEARS:
        return _one(ordinal(int(core), _YEARS[following]))
    if core in _COUNTS:
        return [_COUNTS[core]]
    ended = _ENDED.fullmatch(core)
    return _one(_with_ending(int(ended[1]), ended[2])) if ended else None


def _date(day: int, month: int, year: int) -> list[str] | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    day_words, year_words = ordinal(day, "g"), ordinal(year, "g")
    return [f"{day_words} {months('ru')[month - 1]} {year_words} года"] if day_words and year_words else None


def _with_ending(number: int, ending: str) -> str | None:
    """The ending tells case and gender; -е is a decade where the number is round, else neuter."""
    case = next(_CASES[tail] for tail in (ending, ending[-2:], ending[-1:]) if tail in _CASES)
    plural = ending[-1] == "х" or ending in ("ые", "ие") or (ending == "е" and number > 99 and number % 10 == 0)
    gender = "f" if ending[-1] in "яю" else "n" if ending[-1] == "е" else "m"
    return ordinal(number, case, gender, plural)


def _one(words: str | None) -> list[str] | None:
    return [words] if words else None


def russian_parts(above: int, below: int, speech: Language) -> str | None:
    """Одна вторая, три четвёртых."""
    count = agree(name(str(above), "ru") or "", "f", speech)
    one = above % 10 == 1 and above % 100 != 11
    parts = ordinal(below, "n" if one else "g", "f", plural=not one)
    return f"{count} {parts}" if parts else None
