"""How numbers are read in every language but English.

`speak` is given written words and returns for each what is said, punctuation kept. `grammar` has what a language
needs, `amounts` and `dates` the rules, `chinese`, `japanese` and `korean` what is read within a run of characters.
Of a language, or a number, that none of them is sure of the digits stay for the engine.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from text.capitals import is_acronym, lowered, shouting, spelled
from text.languages.abbreviations import joined, units_joined, written_out
from text.languages.amounts import amount, consumption, lone_sign, sign_apart, spaced_thousands
from text.languages.cases import (
    bare_year,
    bent,
    bent_clock,
    bent_fraction,
    dotted_day,
    is_bare_year,
    is_open,
    may_be_day,
    may_be_year,
    one_and_a_half,
)
from text.languages.chinese import apart as chinese_apart
from text.languages.chinese import chinese
from text.languages.compounds import compound
from text.languages.dates import DAY_CUES, date, months_in_full, ordinal, weekdays, year_words
from text.languages.electronic import electronic, signs
from text.languages.fractions import fraction, fraction_with_unit
from text.languages.german import german
from text.languages.grammar import Language, language, whole_words
from text.languages.hindi import hindi
from text.languages.japanese import japanese, unit_apart, wave, weekday
from text.languages.korean import currency_apart, korean
from text.languages.marks import own_marks
from text.languages.mathematics import equation, power, prefixed, sign_between, zone
from text.languages.one import one
from text.languages.polish import polish as polish_words
from text.languages.roman import may_be_letters, roman
from text.languages.russian import as_object
from text.languages.russian import russian as russian_words
from text.languages.scores import ratio, score
from text.languages.spanish import spanish as spanish_words
from text.languages.telephone import code, telephone
from text.languages.times import clock
from text.written import FRACTION, MAX_CORE, Written, next_core, peel, punctuated, with_commas

Rule = Callable[[Sequence[Written], int, Language], list[str] | None]


def speak(words: Sequence[Written], tag: str) -> list[str]:
    """What is said for each word of a language other than English; `tag` is its BCP 47 code."""
    speech = language(tag)
    if speech and speech.base in ("zh", "ja"):
        words = with_commas(words)
    words = months_in_full(words, speech) if speech else words
    words = written_out(own_marks(units_joined(words, speech), speech), speech)
    loud = shouting(words, is_acronym)
    said: list[str] = []
    while len(said) < len(words):
        at = len(said)
        phrases = (_numbers(words, at, speech) if speech else None) or [lowered(words[at].core, loud[at], tag)]
        if speech and speech.base == "ru":
            phrases = as_object(phrases, words, at)
        said += map(punctuated, words[at:at + len(phrases)], map(_unsigned, phrases))
    return said


def is_guessed(words: Sequence[Written], at: int, tag: str) -> bool:
    """A year that may be a number, a case that nothing shows: 1996, с 50%; 5/12, a day or a fraction; 1-2 and 45:32,
    which may be scores; $1,200 where a comma stands before decimals.
    """
    speech, core = language(tag), words[at].core
    if speech is None:
        return False
    if may_be_letters(words, at, speech):
        return True
    if is_bare_year(words, at, speech) or (is_open(words, at, speech) and not re.search(r"\d-[а-я]", core)):
        return True
    if may_be_year(words, at, speech) or may_be_day(core, speech):
        return True
    if speech.base in ("zh", "ja") and re.fullmatch(r"[1-9]\d?-[1-9]\d?", core) and not next_core(words, at):
        return True
    part = re.match(r"(\d{1,2})/(\d{1,2})[はの]", core) if speech.base == "ja" else None
    if part and int(part[1]) < int(part[2]) < 11:
        return True
    if speech.mark == "," and re.fullmatch(r"[$£]\d{1,3},\d{3}", core):
        return True
    if re.fullmatch(r"(?:2[5-9]|[3-5]\d):[0-5]\d", core):
        return True
    day = re.fullmatch(r"(\d{1,2})/(\d{1,2})", core)
    if day and int(day[1]) < int(day[2]) <= 12 and at and words[at - 1].core.lower() in DAY_CUES.get(speech.base, ()):
        return True
    return bool(day and int(day[1]) <= 12 and int(day[2]) in (5, 6, 7, 9, 11, 12) and day[1] != day[2])


def _unsigned(phrase: str) -> str:
    """Without the sign that stands before a vulgar fraction."""
    return " ".join(phrase.replace(FRACTION, " ").split())


def _numbers(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """Phrases for a word with a number or a sign, and for as many of its followers as are read with it."""
    core = words[at].core
    if stamp := _TIMESTAMP.fullmatch(core):
        return [", ".join(_alone(part, speech) for part in stamp.groups() if part and part != "Z")]
    if address := electronic(core, speech) if len(core) <= MAX_CORE else None:
        return [address]
    if numbered := joined(core, speech) if len(core) < 10 else None:
        return [numbered]
    if phrases := power(words, at, speech) or ratio(words, at, speech) or zone(words, at, speech):
        return phrases
    if core and not core.strip("#") and next_core(words, at):
        return [""]
    digits = re.search(r"[\d%]", core)
    if speech.base == "zh" and not code(words, at, speech):
        return chinese_apart(words, at) or (chinese(words, at) if digits else sign_between(words, at, speech))
    if len(core) <= MAX_CORE:
        for rule in RULES if digits else SIGN_RULES:
            phrases = rule(words, at, speech)
            if phrases is not None:
                return [_LOOSE.sub("", phrase) for phrase in phrases] if speech.base == "ja" else phrases
    parts = _BRACKETS.split(core) if len(core) <= MAX_CORE else [core]
    if digits and len(parts) > 1:
        return [" ".join(_alone(part, speech) for part in parts)]
    return [_runs(core, speech)] if digits else None


_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d(?::\d\d)?)(?:\.\d{1,9})?(Z|[+-]\d\d(?=:?00$))?(?::?00)?")
_BRACKETS = re.compile(r"(?<=[^\s(])(?=\()|(?<=\))(?=[^\s)])")


def _alone(part: str, speech: Language) -> str:
    """A piece of a word as if it stood by itself: 84㎡(25평)"""
    word = peel(part)
    phrases = _numbers([word], 0, speech) or [word.core]
    return punctuated(word, _unsigned(phrases[0]))


def _signed(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """~50: the number as it is behind about, which may bend it."""
    sign = prefixed(words[at], speech)
    if sign is None:
        return None
    about = Written("", sign[0].rpartition(" ")[2], "")
    phrases = _numbers([*words[:at], about, sign[1], *words[at + 1:]], at + 1, speech)
    return [f"{sign[0]} {phrases[0]}", *phrases[1:]] if phrases else None


def _years(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """1685-1750, 1990-95"""
    season = re.fullmatch(r"((?:19|20)\d\d)/((?:19|20)?\d\d)", words[at].core)
    if season and int(season[2]) % 100 == (int(season[1]) + 1) % 100:
        last = year_words(season[2], speech) if season[2][2:] else whole_words(season[2], speech)
        return [f"{year_words(season[1], speech)} {last}"]
    years = re.fullmatch(r"(1[1-9]\d\d|20\d\d)[-–](1[1-9]\d\d|20\d\d|\d\d)", words[at].core)
    if years is None or not speech.to or int(years[2]) <= int(years[1]) % (100 if len(years[2]) == 2 else 10**4):
        return None
    first, last = (year_words(year, speech) for year in years.groups())
    return [f"{first} {speech.to} {last}"] if first and last else None


def _year(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """1999, by hundreds where the language counts years so"""
    core = words[at].core
    if speech.base not in ("de", "nl", "da") or not re.fullmatch(r"1[1-9]\d\d|20[1-9]\d", core):
        return None
    if amount(words, at, speech) != [whole_words(core, speech)]:
        return None
    words_for = year_words(core, speech)
    return [words_for] if words_for else None


_LOOSE = re.compile("(?<![A-Za-z]) | (?![A-Za-z])")
"""Spaces that Japanese does not write."""
RULES: tuple[Rule, ...] = (
    code, consumption, japanese, telephone, _signed, korean, bent_clock, dotted_day, russian_words, polish_words,
    german, hindi, spanish_words, score, sign_apart, date, one, compound,
    _years, fraction_with_unit, bent_fraction, fraction, equation, bare_year, one_and_a_half, bent, spaced_thousands,
    ordinal, clock, _year, amount,
)
"""For a word with a digit: the first rule that knows it reads it."""
SIGN_RULES: tuple[Rule, ...] = (
    sign_apart, currency_apart, lone_sign, sign_between, roman, weekdays, weekday, wave, unit_apart,
)
"""For a word without one."""


_POINT = {"ko": "점", "hi": "दशमलव"}
"""Between the numbers of a version, where an address has another word."""


def _runs(core: str, speech: Language) -> str:
    """Letters as they are, every run of digits as a number."""
    core = re.sub(r"(?<=[^\W\d])-(?=\d)|(?<=\d)-(?=[^\W\d])|^'(?=\d)", " ", core)
    core = re.sub(r"[A-Z]{2,4}(?=\d)", lambda run: spelled(run[0]) if is_acronym(run[0]) else run[0], core)
    if point := _POINT.get(speech.base) or signs(speech.base).get("."):
        core = re.sub(r"(?<=\d)\.(?=\d)", f" {point} ", core)
    text = re.sub(r"\d+", lambda run: f" {whole_words(run[0], speech) or run[0]} ", core)
    return ("" if speech.base == "ja" else " ").join(text.split())
