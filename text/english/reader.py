"""One word, and a whole text, read by the first rule that knows it."""
from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache, partial

from text.capitals import shouting
from text.english.cardinal import digit_by_digit
from text.english.letters import is_acronym, letters
from text.english.order import LETTER_RULES, NUMBER_RULES, WORD_RULES
from text.english.place import Place, Style
from text.english.serial import mixed
from text.english.signs import own_signs
from text.english.tables import WHITELIST
from text.english.whitelist import written_out
from text.written import MAX_CORE, Written, punctuated, with_commas

_FINE = re.compile("([\x00-&(-/:-@\\[-`{-\xbf×÷\u2010-\u2bff\u3000-\u3004\u3008-\u303f]+)")
_SPLITTERS = (
    re.compile("([()\\[\\]{}!?;]+|(?<![<>])=|(?<=\\w)[<>](?!=)|,(?!\\d{3}(?!\\d))|(?<!\\d),)"),
    re.compile("([-–—…]+|\\.{2,})"), re.compile("([/_&=]+)"), _FINE,
)
_BETWEEN = {
    "&": " and ", "+": " plus ", "=": " equals ", "@": " at ", "—": " — ", "%": " percent ", ".": ". ", ",": ", ",
    ":": ": ", ";": "; ", "!": "! ", "?": "? ", "…": "... ", "...": "... ",
    "×": " by ", "÷": " divided by ", "°": " degrees ",
}
"""What stands inside a word that no rule knows; anything else parts it silently."""
_CONTRACTION = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)+")
_DIGIT = re.compile(r"\d")


@lru_cache(4096)
def say(core: str, british: bool = False, loud: bool = False) -> str:
    """One word without its neighbours."""
    if core.isalpha():
        return WHITELIST.get(core) or letters(core, loud)
    if len(core) > MAX_CORE:
        return _compound(core, british, loud)
    if core in WHITELIST:
        return WHITELIST[core]
    style = _STYLES[british]
    for read in WORD_RULES:
        phrase = read(core, style)
        if phrase is not None:
            return phrase
    if _CONTRACTION.fullmatch(core):
        return letters(core, loud)
    return _compound(core, british, loud)


def _compound(core: str, british: bool, loud: bool) -> str:
    """The parts of a word that is several: well-known, COVID-19, either/or, wait...what."""
    splitters = _SPLITTERS if len(core) <= MAX_CORE else _SPLITTERS[-1:]
    parts = next((parts for splitter in splitters if len(parts := splitter.split(core)) > 1), [core])
    if "/" in core:
        parts = [digit_by_digit(part) if re.fullmatch(r"\d{5,}", part) else part for part in parts]
    said = [_part(part, british, loud) if index % 2 == 0 else _between(part, parts[index - 1], parts[index + 1])
            for index, part in enumerate(parts)]
    return " ".join("".join(said).split())


def _between(sign: str, before: str, after: str) -> str:
    if sign == "." and before[-1:].islower() and after[:1].islower():
        return " dot "
    if sign in ("<", ">") and after[:1].isdigit() and (before.isdigit() or len(before) == 1):
        return " less than " if sign == "<" else " greater than "
    if sign == "*" and before[-1:].isdigit() and after[:1].isdigit():
        return " times "
    if sign == "-" and before[-1:].isalpha() and after[:1].isalpha():
        return "-"
    return _BETWEEN.get(sign, " ")


def _part(part: str, british: bool, loud: bool) -> str:
    part = part.strip("'")
    if len(part) > MAX_CORE:
        return " ".join(digit_by_digit(run) if run.isdecimal() else run for run in re.findall(r"\d+|\D+", part))
    if part.isalnum() or _FINE.search(part):
        return say(part, british, loud)
    return mixed(part.replace("'", "")) if re.search(r"\d", part) else letters(part, loud)


def speak(words: Sequence[Written], *, british: bool) -> list[str]:
    """What is said for each word."""
    words = written_out(own_signs(with_commas(words)))
    loud = shouting(words, is_acronym)
    said: list[str] = []
    while len(said) < len(words):
        index = len(said)
        core = words[index].core
        if core.isalpha() and not core.isupper() and core.lower() not in _HEEDED:
            phrases = [say(core)]
        else:
            phrases = _read(Place(words, index, _STYLES[british], loud[index]))
        said += map(punctuated, words[index:index + len(phrases)], phrases)
    return said


def _read(at: Place) -> list[str]:
    if not at.core or " " in at.core:
        return [at.core]
    if len(at.core) <= MAX_CORE:
        for rule in NUMBER_RULES if _DIGIT.search(at.core) else LETTER_RULES:
            phrases = rule(at)
            if phrases is not None:
                return phrases
    return [say(at.core, at.style.british, at.loud)]


_STYLES = {british: Style(british, partial(say, british=british)) for british in (False, True)}
_HEEDED = frozenset(("x", "ft", "cm", "mm", "m", "px", "yo"))
"""Small words that a rule may read otherwise."""
