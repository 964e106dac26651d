"""Roman numerals of centuries, rulers and parts: siglo XXI, Ludwig II., XIXe siècle, capítulo IV."""
from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from text import tables
from text.languages import polish, russian, spanish
from text.languages.dates import german_ordinal
from text.languages.grammar import DATA, Language
from text.languages.one import is_feminine
from text.number_names import name
from text.written import Written, next_core

_ROMAN = re.compile(r"(?=[IVXL])(?:XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_SPAN = re.compile(r"([IVXL]{1,7}e?)[-–—]([IVXL]{1,7}e?)")
_ARTICLES = frozenset("el la los las del al il lo le della nella dalla alla dal nel o a os as do da no na".split())
_ORDERED = frozenset(("es", "fr", "it", "pt", "pl", "ru"))
_NUMERAL = re.compile(rf"({_ROMAN.pattern})(er|re|e|ème|eme)?")
_CENTURY_BEFORE = {"es": ("siglo", "siglos"), "pt": ("século", "séculos"), "it": ("secolo", "secoli")}
_CENTURY_BEHIND = {
    "pl": {"wiek": "n", "wieku": "g", "wieków": "P", "w": "g"},
    "ru": {"век": "n", "века": "g", "веке": "p", "веком": "i", "веку": "d", "веков": "g", "веках": "p"},
    "it": {"secolo": "n"}, "fr": {"siècle": "n", "siècles": "n"},
}
_ARTICLE = {"de": ("der ", "die "), "nl": ("de ", "de ")}
_CARDINAL_FROM = {"fr": 2, "es": 11, "pt": 11}
"""From which number on a ruler's is said as a cardinal: Louis quatorze, Alfonso trece."""


@cache
def _rulers() -> dict[str, str]:
    """A ruler's name -> m or f."""
    return {row[0]: row[1] for row in tables.rows(DATA / "rulers.tsv")}


@cache
def _parts() -> frozenset[str]:
    """What is counted by Roman numerals: chapters, parts, volumes, acts."""
    return frozenset(word for word, in tables.rows(DATA / "parts.tsv"))


def roman(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """siglo XXI · XIXe siècle · w XIX wieku · Ludwig II. · Felipe VI · capítulo IV · Rocky II"""
    if (ends := _SPAN.fullmatch(words[at].core)) and speech.base in _ARTICLE.keys() | _ORDERED:
        return _span(ends, words, at, speech)
    if speech.base == "de" and words[at].core[-1:] == "." and is_surely_roman(words[at].core[:-1]):
        return [german_ordinal(str(value(words[at].core[:-1])), words, at)]
    century = at > 0 and words[at - 1].core.lower() in _CENTURY_BEFORE.get(speech.base, ())
    match = _NUMERAL.fullmatch(words[at].core.upper() if century else words[at].core)
    if match is None or not match[1] or speech.base not in ("de", "es", "fr", "it", "pt", "nl", "pl", "ru"):
        return None
    number = value(match[1])
    before = words[at - 1].core if at and not words[at - 1].tail else ""
    if match[2] and (speech.base != "fr" or "L" in match[1] or not (match[1][1:] or next_core(words, at) == "siècle"
                                                                    or match[2] == "er")):
        return None
    said = _century(number, before, words, at, speech) or (_french(number, match[2]) if match[2] else None)
    if said is None and not match[2]:
        said = _of_name(number, before, len(match[1]), speech)
    if said is None and not match[2] and is_surely_roman(match[1]):
        said = _of_noun(number, before, next_core(words, at), speech)
    return [said] if said else None


def is_surely_roman(core: str) -> bool:
    """II, VIII, XIV; a size or a name is XL, a letter I"""
    return len(core) > 1 and core not in ("XL", "XX", "XXX", "LI", "LV", "LL", "LX") and bool(_ROMAN.fullmatch(core))


def may_be_letters(words: Sequence[Written], at: int, speech: Language) -> bool:
    """MX IV: read as four where nothing says that it is a number"""
    core, before = words[at].core, words[at - 1].core if at and not words[at - 1].tail else ""
    if not is_surely_roman(core) or speech.base not in _ORDERED | _ARTICLE.keys():
        return False
    number = value(core)
    known = _century(number, before, words, at, speech) or _of_name(number, before, len(core), speech)
    return not known and _of_noun(number, before, next_core(words, at), speech) == name(str(number), speech.code)


def _span(ends: re.Match[str], words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """XIX–XX вв."""
    said = [roman([*words[:at], words[at]._replace(core=end), *words[at + 1:]], at, speech) for end in ends.groups()]
    to = {"ru": "", "pl": "", "de": "bis"}.get(speech.base, speech.to)
    return [" ".join(filter(None, (said[0][0], to, said[1][0])))] if said[0] and said[1] else None


def _of_noun(number: int, before: str, noun: str, speech: Language) -> str | None:
    """II Guerra Mundial · II wojna światowa · во II половине: its rank as a noun shows, else its number"""
    named = noun[:1].isupper() or before.lower() in _ARTICLES
    if speech.base in ("es", "it", "pt") and named and len(noun) > 3 and noun.isalpha():
        feminine = is_feminine(noun.lower(), speech)
        if speech.base == "es":
            return spanish.ordinal(number, feminine=feminine, short=not feminine)
        return ordinal(number, "n", "f" if feminine else "m", speech)
    if speech.base == "pl" and re.fullmatch("[A-ZĄĆĘŁŃÓŚŹŻ]?[a-zà-ż]{2,}", noun):
        return polish.ranked(number, before.lower(), noun.lower())
    if speech.base == "ru" and re.fullmatch("[А-ЯЁ]?[а-яё]{2,}", noun):
        return russian.ranked(number, before.lower(), noun.lower())
    return name(str(number), speech.code)


def value(numeral: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10, "L": 50}[letter] for letter in numeral]
    return sum(-number if number < max(values[k:]) else number for k, number in enumerate(values))


def _century(number: int, before: str, words: Sequence[Written], at: int, speech: Language) -> str | None:
    if before.lower() in _CENTURY_BEFORE.get(speech.base, ()):
        return ordinal(number, "n", "m", speech) if speech.base == "it" else name(str(number), speech.code)
    following = next_core(words, at).lower()
    case = _CENTURY_BEHIND.get(speech.base, {}).get(following)
    if case is None or (len(following) == 1 and words[at + 1].tail[:1] != "."):
        return None
    if speech.base == "pl" and case == "g" and before.lower() in ("w", "we", "o", "po"):
        case = "l"
    return ordinal(number, case, "m", speech)


def _of_name(number: int, before: str, length: int, speech: Language) -> str | None:
    if before in _rulers() and number < 30:
        gender = _rulers()[before]
        if number >= _CARDINAL_FROM.get(speech.base, 30):
            return name(str(number), speech.code)
        article = _ARTICLE.get(speech.base, ("", ""))[gender == "f"]
        said = ordinal(number, "n", gender, speech)
        return article + (said.capitalize() if article else said) if said else None
    if before.lower() in _parts() or (length > 1 and before[:1].isupper() and len(before) > 2):
        return name(str(number), speech.code)
    return None


def ordinal(number: int, case: str, gender: str, speech: Language) -> str | None:
    """In the case of a Slavic language, else as it stands before a noun."""
    if speech.base == "pl":
        return polish.ordinal(number, "f" if gender == "f" and case == "n" else case)
    if speech.base == "ru":
        return russian.ordinal(number, case, gender)
    if speech.base == "es":
        return spanish.ordinal(number, feminine=gender == "f")
    if speech.base == "fr":
        return _french(number, "re" if gender == "f" else "er" if number == 1 else "e")
    said = name(str(number), speech.code, "ordinal")
    return re.sub("o$", "a", said) if said and gender == "f" and speech.base in ("it", "pt") else said


def _french(number: int, ending: str) -> str | None:
    if number == 1:
        return "première" if ending == "re" else "premier"
    return name(str(number), "fr", "ordinal")


def is_regnal(words: Sequence[Written], at: int) -> bool:
    """Ludwig II."""
    before = words[at - 1] if at else Written("", "", "")
    return before.core in _rulers() and not before.tail and bool(_ROMAN.fullmatch(words[at].core))
