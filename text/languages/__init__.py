"""How numbers are read in every language but English.

`speak` is given written words and returns for each what is said, punctuation kept. `grammar` has what a language
needs, `amounts` and `dates` the rules, `chinese`, `japanese` and `korean` what is read within a run of characters.
Of a language, or a number, that none of them is sure of the digits stay for the engine.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from text.capitals import is_acronym, lowered, shouting
from text.languages.amounts import amount, fraction, sign_apart, spaced_thousands
from text.languages.chinese import chinese_text
from text.languages.dates import clock, date, ordinal, own_dots, year_words
from text.languages.grammar import Language, language, whole_words
from text.languages.japanese import japanese
from text.languages.korean import korean
from text.languages.russian import russian
from text.written import FRACTION, MAX_CORE, Written, next_core, punctuated

Rule = Callable[[Sequence[Written], int, Language], list[str] | None]


def speak(words: Sequence[Written], tag: str) -> list[str]:
    """What is said for each word of a language other than English; `tag` is its BCP 47 code."""
    speech = language(tag)
    words = own_dots(words, speech)
    loud = shouting(words, is_acronym)
    said: list[str] = []
    while len(said) < len(words):
        at = len(said)
        if re.search(r"[\d%]", words[at].core) or words[at].core in _SIGNS:
            phrases = _numbers(words, at, speech)
        else:
            phrases = [lowered(words[at].core, loud[at], tag)]
        said += map(punctuated, words[at:at + len(phrases)], [" ".join(re.split(rf"[\s{FRACTION}]+", phrase)).strip()
                                                             for phrase in phrases])
    return said


def _numbers(words: Sequence[Written], at: int, speech: Language | None) -> list[str]:
    core = words[at].core
    if speech is None:
        return [core]
    if speech.base == "zh":
        return [chinese_text(core, next_core(words, at))]
    if len(core) <= MAX_CORE:
        for rule in RULES:
            phrases = rule(words, at, speech)
            if phrases is not None:
                return [phrase.replace(" ", "") for phrase in phrases] if speech.base == "ja" else phrases
    return [_runs(core, speech)]


def _year(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """1999, by hundreds where the language counts years so"""
    core = words[at].core
    if speech.base not in ("de", "nl", "da") or not re.fullmatch(r"1[1-9]\d\d|20[1-9]\d", core):
        return None
    if amount(words, at, speech) != [whole_words(core, speech)]:
        return None
    words_for = year_words(core, speech)
    return [words_for] if words_for else None


_SIGNS = ("€", "$", "£", "¥", "R$", "₩", "₹", "CHF", "USD", "EUR")
"""Currencies that may stand before their number with a space between."""
RULES: tuple[Rule, ...] = (
    japanese, korean, russian, sign_apart, fraction, spaced_thousands, date, ordinal, clock, _year, amount,
)
"""The first rule that knows a word reads it."""


def _runs(core: str, speech: Language) -> str:
    """Letters as they are, every run of digits as a number."""
    text = re.sub(r"\d+", lambda run: f" {whole_words(run[0], speech) or run[0]} ", core)
    return ("" if speech.base == "ja" else " ").join(text.split())
