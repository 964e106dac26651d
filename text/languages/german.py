"""German compounds of a number: 20-jährig, 5%ige, 30-%-Rabatt, 80er-Jahre; days joined by a word: vom 3.-5. Mai."""
from __future__ import annotations

import re
from collections.abc import Sequence

from text.languages.amounts import units
from text.languages.dates import german_ordinal, months, takes_ordinal, year_words
from text.languages.grammar import Language, language, parse, said
from text.number_names import digit_names, name
from text.written import Written, next_core

_COMPOUND = re.compile(r"(\d[\d.,]*)-?(?:(?<=-)([^\W\d]{1,4}|%)-(?=[A-ZÄÖÜ])|(%)(?=ig)|(?<=-)(?=[a-zäöü]{3}))(.+)")
_DECADE = re.compile(r"(\d{1,4})er-(Jahren?n?)")
_GERMAN = language("de")
_DAYS = re.compile(r"(\d{1,2})\.([-–/])(\d{1,2})(?:\.(1[0-2]|0?[1-9]))?")


def german(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """20-jährig · 5%ige · 30-%-Rabatt · 80er-Jahre · vom 3.-5. Mai"""
    if speech.base != "de":
        return None
    core, before = words[at].core, words[at - 1] if at else Written("", "", "")
    house = before.tail == "," and re.fullmatch(r"\d{1,3}[a-z]?", before.core)
    if house and re.fullmatch(r"\d{5}", core) and next_core(words, at)[:1].isupper():
        return [digit_names(core, "de") or core]
    if days := _DAYS.fullmatch(core.removesuffix(".")):
        return _days(days, words, at)
    if added := re.fullmatch(r"(\d{1,3})\.\+(\d{1,2})", core):
        return [f"{german_ordinal(added[1], words, at)} plus {name(added[2], 'de')}"]
    if section := re.fullmatch(r"§(\d{1,4})([a-z]?)", core):
        return [f"Paragraf {name(section[1], 'de')} {section[2]}".rstrip()]
    if people := re.fullmatch(r"([1-9]\d{1,3})(ern?)", core):
        return [f"{_decade(people[1])}{people[2]}"]
    if final := re.fullmatch(r"1/([48]|16|32)-(Final[a-zäöüß]*)", core):
        return [f"{(name(final[1], 'de', 'ordinal') or '').capitalize()}l{final[2].lower()}"]
    if ratio := re.fullmatch(r"(\d{1,3}):(\d{1,3})-([^\W\d].*)", core):
        return [f"{name(ratio[1], 'de')} zu {name(ratio[2], 'de')} {ratio[3]}"]
    if decade := _DECADE.fullmatch(core):
        return [f"{_decade(decade[1])}er {decade[2]}"]
    match = _COMPOUND.fullmatch(core)
    number = parse(match[1], speech) if match else None
    words_for = said(number, speech) if number else None
    if match is None or words_for is None:
        return None
    if unit := match[2]:
        noun = speech.percent if unit == "%" else units("de").get(unit)
        return [f"{words_for} {noun.forms[2] if noun else unit} {match[4]}"]
    return [(f"{words_for.removesuffix('s') if words_for.endswith('eins') else words_for}"
            f"{'prozent' if match[3] else ''}{match[4]}")]


def _decade(digits: str) -> str:
    """Neunzehnhundertzwanzig, as years are counted"""
    by_hundreds = year_words(digits, _GERMAN) if _GERMAN and re.fullmatch(r"1[1-9]\d0", digits) else None
    return by_hundreds or name(digits, "de") or digits


def _days(days: re.Match[str], words: Sequence[Written], at: int) -> list[str] | None:
    """Dritten bis fünften, where a month or a noun follows; 24./25.12."""
    first, sign, last, month = days.groups()
    to = "und" if sign == "/" else "bis"
    before = words[at - 1].core.lower() if at and not words[at - 1].tail else ""
    if not month and not next_core(words, at)[:1].isupper() and words[at].core[-1] != ".":
        return None
    ending = "n" if takes_ordinal(before) or next_core(words, at) in months("de") else "r"
    behind = f" {months('de')[int(month) - 1]}" if month else ""
    return [f"{name(first, 'de', 'ordinal')}{ending} {to} {name(last, 'de', 'ordinal')}{ending}{behind}"]
