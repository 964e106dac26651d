"""Days, times of day and ordinals."""
from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import zip_longest

from text import tables
from text.languages.grammar import DATA, Language
from text.number_names import name
from text.written import Written, next_core

_ORDINALS = {
    "de": re.compile(r"(\d{1,4})\."),
    "fr": re.compile(r"(\d{1,4})(?:er|ère|re|e|ème|eme|nd|nde|°)"), "es": re.compile(r"(\d{1,4})\.?[ºª]"),
    "it": re.compile(r"(\d{1,4})[ºª°]"), "pt": re.compile(r"(\d{1,4})\.?[ºª]"),
    "nl": re.compile(r"(\d{1,4})(?:e|de|ste)"), "sv": re.compile(r"(\d{1,4}):[ae]"),
    "ca": re.compile(r"(\d{1,4})(?:r|n|t|è|a)"),
}
_HOUR = {"de": "Uhr", "fr": "heures", "nl": "uur"}
_DATE = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d\d)")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DATE_WORDS = {"de": "{0} {1} {2}", "fr": "{0} {1} {2}", "es": "{0} de {1} de {2}", "it": "{0} {1} {2}",
               "pt": "{0} de {1} de {2}", "nl": "{0} {1} {2}", "hi": "{0} {1} {2}"}
_FIRST = {"fr": "premier", "es": "uno", "it": "primo", "pt": "primeiro"}
_DATIVE = frozenset("am den dem vom zum bis seit ab beim".split())


@cache
def months(base: str) -> tuple[str, ...]:
    return tuple(month for code, _, month in tables.rows(DATA / "months.tsv") if code == base)


def ordinal(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """1er · 3º · 3e · der 3. Mai"""
    pattern = _ORDINALS.get(speech.base)
    match = pattern.fullmatch(words[at].core) if pattern else None
    if match is None:
        return None
    if speech.base == "de":
        return [_german_ordinal(match[1], words, at)]
    if speech.base == "fr" and words[at].core.endswith(("ère", "1re")):
        return ["première"]
    ordered = name(match[1], speech.code, "ordinal")
    if ordered and words[at].core.endswith("ª"):
        ordered = re.sub(r"o\b", "a", ordered)
    return [ordered] if ordered else None


def _german_ordinal(digits: str, words: Sequence[Written], at: int) -> str:
    """Der dritte Mai, am dritten Mai, dritter Mai."""
    ordered = name(digits, "de", "ordinal") or digits
    before = words[at - 1].core.lower() if at and not words[at - 1].tail else ""
    if before in ("der", "die", "das"):
        return ordered
    return ordered + ("n" if before in _DATIVE else "r")


def own_dots(words: Sequence[Written], speech: Language | None) -> Sequence[Written]:
    """The dot of a German day belongs to it: it ends no sentence."""
    if speech is None or speech.base != "de":
        return words
    return [word._replace(core=word.core + ".", tail="")
            if word.tail == "." and after.core in months("de") and re.fullmatch(r"\d{1,2}", word.core) else word
            for word, after in zip_longest(words, words[1:], fillvalue=Written("", "", ""))]


def date(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """02.03.2003 · 2003-03-02, and the day alone where its month follows: 1 de enero"""
    core = words[at].core
    if day := re.fullmatch(r"(\d{1,2})", core):
        return _day_before_month(int(day[1]), words, at, speech)
    if iso := _ISO.fullmatch(core):
        return _date_words(iso[1], int(iso[2]), int(iso[3]), words, at, speech)
    match = _DATE.fullmatch(core)
    if match is None or (match[2] == "-" and len(match[4]) == 2):
        return None
    return _date_words(match[4], int(match[3]), int(match[1]), words, at, speech)


def _day_before_month(day: int, words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    following = next_core(words, at)
    if following == "de" and at + 2 < len(words) and not words[at + 1].tail:
        following = words[at + 2].core
    if following.lower() not in months(speech.base) or not 1 <= day <= 31 or speech.base not in _FIRST:
        return None
    return [_day(day, words, at, speech)]


def _date_words(
    year: str, month: int, day: int, words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    if not (1 <= month <= 12 and 1 <= day <= 31) or speech.base not in _DATE_WORDS:
        return None
    century = ("19" if int(year) > 50 else "20") if len(year) == 2 else ""
    spoken_year = year_words(century + year, speech)
    names = months(speech.base)
    if spoken_year is None:
        return None
    return [_DATE_WORDS[speech.base].format(_day(day, words, at, speech), names[month - 1], spoken_year)]


def _day(day: int, words: Sequence[Written], at: int, speech: Language) -> str:
    if speech.base == "de":
        return _german_ordinal(str(day), words, at)
    if day == 1 and speech.base in _FIRST:
        return _FIRST[speech.base]
    return name(str(day), speech.code) or str(day)


def year_words(digits: str, speech: Language) -> str | None:
    """neunzehnhundertneunundneunzig"""
    if speech.base in ("de", "nl", "da") and re.fullmatch(r"1[1-9]\d\d|20[1-9]\d", digits):
        return name(digits, speech.code, "year") or name(digits, speech.code)
    if speech.base == "hi" and re.fullmatch(r"1[1-9]\d\d", digits):
        rest = name(digits[2:], "hi") if int(digits[2:]) else ""
        return f"{name(digits[:2], 'hi')} सौ {rest}".strip()
    return name(digits, speech.code)


def clock(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """15:45 · 15h45 · 15:45 Uhr, whose two display words share it as they are spoken"""
    match = re.fullmatch(r"(\d{1,2})[:hH](\d\d)?(?::(\d\d))?", words[at].core)
    if match is None or int(match[1]) > 24 or int(match[2] or 0) > 59:
        return None
    hours, minutes = _hours(int(match[1]), speech), _minutes(match[2] or "00", speech)
    if hours is None or minutes is None:
        return None
    if match[3] and int(match[3]):
        minutes = f"{minutes} {name(str(int(match[3])), speech.code)}"
    hour_name = _HOUR.get(speech.base, "")
    if hour_name and next_core(words, at) == hour_name:
        return [f"{hours} {hour_name}", minutes] if minutes else [hours, hour_name]
    if speech.base == "fr" and match[1] in ("1", "01"):
        hour_name = "heure"
    if speech.base == "pt":
        hour_name = ("hora" if int(match[1]) == 1 else "horas") + (" e" if minutes else "")
    return [" ".join(filter(None, (hours, hour_name, minutes)))]


def _hours(hour: int, speech: Language) -> str | None:
    words = name(str(hour), speech.code)
    feminine = {"fr": {1: "une", 21: "vingt et une"}, "es": {1: "la una", 21: "veintiuna"}, "it": {1: "una"},
                "pt": {1: "uma", 2: "duas", 21: "vinte e uma", 22: "vinte e duas"}, "de": {1: "ein"}}
    return feminine.get(speech.base, {}).get(hour, words)


def _minutes(digits: str, speech: Language) -> str | None:
    minutes = name(str(int(digits)), speech.code) if int(digits) else ""
    if speech.base == "it" and minutes:
        return f"e {minutes}"
    return f"zero {minutes}" if minutes and digits[0] == "0" and speech.base in ("pl",) else minutes
