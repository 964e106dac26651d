"""Signs that look like punctuation and belong to a number: the dot of an ordinal or a unit, the quote of inches."""
from __future__ import annotations

import re
from collections.abc import Sequence

from text.dots import GERMAN_STARTS
from text.languages.amounts import SCALES, currencies, units
from text.languages.dates import is_second, months, takes_ordinal, takes_rank
from text.languages.grammar import Language
from text.languages.roman import is_regnal, is_surely_roman
from text.languages.russian import is_before_year
from text.languages.scores import VERSIONED
from text.written import Written

_YEARS = {"ru": ("г", "гг"), "pl": ("r",)}
"""What stands for year and years behind one."""
_NONE = Written("", "", "")


def own_marks(words: Sequence[Written], speech: Language | None) -> Sequence[Written]:
    """Gives numbers and units their signs back."""
    if speech is None:
        return words
    own, opened = list(words), False
    for at, word in enumerate(words):
        after = words[at + 1] if at + 1 < len(words) else _NONE
        if word.core[-1:].isdigit() and (whole := re.match(",[-–—]|[.][-–]", word.tail)):
            own[at] = word._replace(tail=word.tail[whole.end():])
            if at and (speech.base, words[at - 1][1:]) == ("de", ("Fr", ".")):
                own[at - 1] = Written(words[at - 1].lead, "CHF", "")
        elif word.tail[:1] == ".":
            own[at] = _dotted(words, at, after, speech)
        elif not opened and _is_inches(word, speech):
            own[at] = Written("", word.core + '"', word.tail.removeprefix("'")[1:])
            continue
        opened ^= (word.lead.count('"') + word.tail.count('"')) % 2 == 1
    return own


def _is_inches(word: Written, speech: Language) -> bool:
    """27" where no quote is open"""
    length = r"\d+(?:[.,]\d+)?|\d'\d{1,2}" if speech.base == "hi" else r"\d+(?:[.,]\d+)?"
    quoted = re.match("\"|''", word.tail) and not word.lead
    return bool(quoted and re.fullmatch(length, word.core)) and '"' in units(speech.base)


def _dotted(words: Sequence[Written], at: int, after: Written, speech: Language) -> Written:
    word, before = words[at], words[at - 1] if at else _NONE
    if speech.base == "de" and re.fullmatch(r"\d{1,2}\.(?:[-–/]?\d{1,2}(?:\.\d{1,2})?)|\d{1,4}", word.core):
        if joins_days(words, at):
            return Written(word.lead, word.core + ".", word.tail[1:])
        if before.core.lower() in VERSIONED:
            return word
        if "." in word.core:
            return Written(word.lead, word.core + ".", word.tail[1:] if after.core else word.tail)
        named = len(after.core) > 2 and len(word.core) < 3 and any(
            month.startswith(after.core.capitalize()) for month in months("de"))
        counted = takes_ordinal(before.core.lower()) and not before.tail and after.core.isalpha()
        counted |= is_second(words, at) or (before.core == "als" and after.core[:1].islower())
        if not after.lead and (named or counted or takes_rank(after.core)):
            return Written(word.lead, word.core + ".", word.tail[1:])
    ranked = speech.base == "pl" and re.fullmatch(r"[1-9]\d{0,2}", word.core)
    if ranked and before.core.lower() not in ("lata", "lat", "latach") and re.fullmatch("[a-zà-ż]{3,}", after.core):
        return word if after.lead or word.tail[1:] else Written(word.lead, word.core + ".", "")
    ordered = speech.base == "de" and takes_ordinal(before.core.lower()) and after.core.isalpha()
    if ordered and is_surely_roman(word.core):
        return Written(word.lead, word.core + ".", word.tail[1:])
    if speech.base == "de" and is_regnal(words, at) and after.core:
        return word._replace(tail=word.tail[1:])
    if speech.base == "es" and (after.core.lower(), word.core.lower()) in (("m", "a"), ("m", "p")):
        return word._replace(tail=word.tail[1:])
    half_day = speech.base == "es" and (word.core.lower() in ("a.m", "p.m")
                                        or (word.core == "m" and before.core in ("a", "p")))
    if half_day and _goes_on(after):
        return word._replace(tail=word.tail[1:])
    if _is_short(word, before, speech) and after.core and not after.lead and after.core not in GERMAN_STARTS:
        return word._replace(tail=word.tail[1:])
    if speech.base == "ru" and word.core in ("г", "гг") and (
            re.fullmatch(r"\d{4}(?:[-–]\d{2,4})?", before.core)
            or (re.fullmatch(r"\d{3}", before.core) and is_before_year(words[at - 2].core.lower()))):
        return Written(word.lead, word.core + ".", word.tail[_goes_on(after):])
    names = word.core in units(speech.base) or word.core in currencies(speech.base)
    counted = before.core[-1:].isdigit() and not before.tail and names and word.core != "с"
    counted |= word.core in _YEARS.get(speech.base, ()) and re.fullmatch(r"[\d.–-]{3,10}", before.core) is not None
    if (counted or _with_number(word.core, speech)) and _goes_on(after):
        return word._replace(tail=word.tail[1:])
    return word


def joins_days(words: Sequence[Written], at: int) -> bool:
    """5. und 6. Mai; 1. und 2. Platz; 3.-5. Mai"""
    behind = [word.core for word in words[at + 1:at + 4]]
    if re.search("[-–/]", words[at].core):
        return bool(behind) and behind[0][:1].isupper()
    return len(behind) > 2 and behind[2][:1].isupper() and len(behind[2]) > 2 and is_second(words, at + 2)


def _is_short(word: Written, before: Written, speech: Language) -> bool:
    """Mo.-Fr. 9-18 Uhr, 1,2 Mio. Aufrufe, 10 Min. Pause: the dot never ends a sentence unless one begins behind it"""
    if re.fullmatch(r"[^\W\d]{2,3}\.?[-–][^\W\d]{2,3}", word.core):
        return True
    known = (speech.base, word.core) in SCALES or (speech.base == "de" and word.core in ("Min", "Std", "Sek"))
    return known and before.core[-1:].isdigit() and not before.tail


def _with_number(core: str, speech: Language) -> bool:
    """25min"""
    return bool(re.fullmatch(r"\d[\d.,]*\D+", core)) and core.lstrip("0123456789.,") in units(speech.base)


def _goes_on(after: Written) -> bool:
    return not after.lead and (after.core[:1].islower() or after.core[:1] in tuple("€$£"))
