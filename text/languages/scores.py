"""Two numbers against each other: goals, sizes, ratios, versions."""
from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from text import tables
from text.languages import polish, russian
from text.languages.electronic import signs
from text.languages.grammar import DATA, Language, whole_words
from text.number_names import digit_names
from text.written import Written, next_core

_RATIO = re.compile(r"(\d{1,3}):(\d{1,3})")
_SIZE = re.compile(r"(\d{1,5})[x×](\d{1,5})(?:[x×](\d{1,5}))?")
_VERSION = re.compile(r"(\d{1,2})\.(\d{1,2})(?:\.(\d{1,3}))?")
VERSIONED = frozenset("android chrome cuda debian django docker firefox ios java kubernetes macos node node.js php "
                      "python pytorch react ruby rust swift typescript ubuntu windows".split())
"""What has versions, where a comma stands before decimals."""
_ASPECTS = ("16:9", "9:16", "4:3", "3:4", "21:9", "4:5")
_BARE_ASPECTS = ("fr", "es", "it", "pt")
"""Where the sides of a picture are said without a word between."""


@cache
def _cues(base: str) -> tuple[str, ...]:
    """How words begin that a ratio stands beside."""
    return tuple(word for code, word in tables.rows(DATA / "ratios.tsv") if code == base)


_BETWEEN_PARTS = {"fr": "pour", "nl": "op", "pt": "para"}
"""Between parts of a mixture, where goals have another word."""


def ratio(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """im Verhältnis 1:10 · escala 1:50 · 1:10の割合, which are no times of day"""
    match, cues = re.fullmatch(r"(\d{1,4}):(\d{1,6})(\D*)", words[at].core), _cues(speech.base)
    if match is None or not cues:
        return None
    unspaced, back = speech.base in ("ja", "zh"), at
    while back and at - back < 3 and not words[back - 1].tail:
        back -= 1
    around = [word.core.lower().rpartition("'")[2] for word in words[back:at]]
    around += [match[3], next_core(words, at).lower()]
    found = re.search("|".join(cues), "".join(around)) if unspaced else any(word.startswith(cues) for word in around)
    if not found:
        return None
    if speech.base == "ru":
        return [f"{whole_words(match[1], speech)} к {russian.cardinal(int(match[2]), 'd', 'm')}"]
    between = _BETWEEN_PARTS.get(speech.base) or signs(speech.base)["to"]
    said = _joined([match[1], match[2]], between, speech)
    return [(said.replace(" ", "") if unspaced else said) + match[3]]


def score(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """3:1 · 16:9 · 1920x1080 · 3-1 · 2.0 · 50/50"""
    core, names = words[at].core, signs(speech.base)
    if not names:
        return None
    if match := _RATIO.fullmatch(core):
        if len(match[2]) == 2 and int(match[1]) <= 24 and int(match[2]) < 60 and core not in _ASPECTS:
            return None
        between = "" if core in _ASPECTS and speech.base in _BARE_ASPECTS else names.get("to", "")
        return [_joined([match[1], match[2]], between, speech)]
    wickets = re.fullmatch(r"([1-6]\d\d)/(\d|10)", core) if speech.base == "hi" else None
    if wickets:
        return [_joined([wickets[1], wickets[2]], "पर", speech)]
    if match := _SIZE.fullmatch(core):
        return [_joined([side for side in match.groups() if side], names["x"], speech)]
    if speech.mark == "," and (match := _VERSION.fullmatch(core)) and not words[at].tail.startswith("%"):
        return _version(match, words, at, speech)
    if core == "24/7" or re.fullmatch(r"([1-9]\d{1,2})/\1", core):
        return [_joined(core.split("/"), "", speech)]
    if halves := re.fullmatch(r"([1-9]\d)/\1-([^\W\d].*)", core):
        return [f"{_joined([halves[1], halves[1]], '', speech)} {halves[2]}"]
    falling = re.fullmatch(r"(\d{1,2})[-–](\d{1,2})", core)
    if falling and int(falling[1]) >= int(falling[2]) and names.get("to") and speech.base != "ru":
        return [_joined([falling[1], falling[2]], names["to"], speech)]
    return None


def _version(match: re.Match[str], words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """A dot where the language writes a comma: 2.0 is a version."""
    following = words[at + 1].core if at + 1 < len(words) and not words[at].tail else ""
    before = words[at - 1].core.lower() if at else ""
    named = re.match("vers|wersj|верси", before) is not None or before in VERSIONED
    if not (named or (len(match[2]) == 1 and (match[3] or match[2] == "0"))):
        return None
    if following in ("uur", "Uhr", "h", "%", "€", "$", "km", "kg"):
        return None
    parts = [digit_names(part, speech.code) if part[0] == "0" else whole_words(part, speech)
             for part in match.groups() if part]
    return [f" {signs(speech.base)['.']} ".join(filter(None, parts))]


def _joined(parts: Sequence[str], between: str, speech: Language) -> str:
    if speech.base == "pl" and between == "do":
        first, *others = parts
        bent = [polish.cardinal(int(part), "g", "m") or part for part in others]
        return f" {between} ".join([whole_words(first, speech) or first, *bent])
    return " ".join(f" {between} ".join(whole_words(part, speech) or part for part in parts).split())
