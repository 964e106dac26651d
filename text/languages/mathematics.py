"""Signs among numbers: 5 + 3 = 8, ~50, >10 km, 100+, 18+; and & between names."""
from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from text import tables
from text.capitals import spelled
from text.languages.amounts import units
from text.languages.electronic import signs
from text.languages.grammar import DATA, Language, parse, said
from text.written import Written, next_core

_PREFIXED = re.compile(r"([~≈<>≤≥±+])(?=[-−]?[\d€$£¥₹₽])(.+)")
_EQUATION = re.compile(r"\d[\d.,]*(?:[-−+×÷*/=<>]\d[\d.,]*)+")
_PLUS = re.compile(r"(\d[\d.,]*)\+")
_NAMES = re.compile(r"[^\W\d_]{1,12}(?:&[^\W\d_]{1,12})+")
_SAME = {"≈": "~", "−": "-", "–": "-", "·": "×", "<=": "≤", ">=": "≥"}


@cache
def operators(base: str) -> dict[str, str]:
    """What the signs between numbers are called, none where the language has no table."""
    own = {sign: name for code, sign, name in tables.rows(DATA / "mathematics.tsv") if code == base}
    return {sign: signs(base)[sign] for sign in "+=&" if own} | own


_ARITHMETIC = {"·": "×", ":": "÷", "x": "×"}
"""Signs that are something else where nothing equals."""
_COMPARED = ("<", ">", "≤", "≥", "<=", ">=")


def name(sign: str, speech: Language) -> str:
    """What a sign is called between numbers; "" where the language says it behind them."""
    sign = _SAME.get(sign, sign)
    return operators(speech.base).get(sign, speech.minus if sign == "-" else "")


def prefixed(word: Written, speech: Language) -> tuple[str, Written] | None:
    """~50 is about and 50."""
    match = _PREFIXED.fullmatch(word.core)
    if match is None or not name(match[1], speech):
        return None
    return name(match[1], speech), word._replace(core=match[2])


def equation(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """5+3=8 · 10×4 · 100+"""
    core = words[at].core
    plus = _PLUS.fullmatch(core)
    if plus and name("+", speech):
        number = parse(plus[1], speech)
        words_for = said(number, speech) if number else None
        return [f"{words_for} {name('+', speech)}"] if words_for else None
    if not _EQUATION.fullmatch(core) or not re.search("[+×÷*=]", core) or not name("+", speech):
        return None
    pieces = [_piece(piece, speech) for piece in re.findall(r"\d[\d.,]*|[^\d]", core)]
    return [" ".join(pieces)] if all(pieces) else None


def _piece(piece: str, speech: Language) -> str:
    if not piece[0].isdigit():
        return name("÷" if piece == "/" else piece, speech)
    number = parse(piece, speech)
    return (said(number, speech) if number else None) or ""


_ZONE = re.compile(r"(UTC|GMT)([-−+])(\d{1,2})(?::([0-5]\d))?(\D*)")


def zone(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """UTC+2 · GMT-3"""
    match = _ZONE.fullmatch(words[at].core)
    sign = name(match[2].replace("−", "-"), speech) if match else ""
    if match is None or not sign:
        return None
    hours = [_piece(str(int(digits)), speech) for digits in match.groups()[2:4] if digits and int(digits)]
    return [" ".join([spelled(match[1]), sign, *hours]) + match[5]]


_POWER = re.compile(r"([^\W\d_]{1,3}|\d[\d.,]*)\^([-−]?\d{1,3})")


def power(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """x² · 10⁻³ · m³ without a number"""
    core = words[at].core
    match, names = _POWER.fullmatch(core), operators(speech.base)
    if match is None or "^" not in names:
        return None
    if core in units(speech.base):
        counted = at and words[at - 1].core[-1:].isdigit() and not words[at - 1].tail
        return None if counted else [units(speech.base)[core].forms[0]]
    number = parse(match[2].lstrip("-−"), speech)
    exponent = said(number, speech) if number else None
    base = _piece(match[1], speech) if match[1][0].isdigit() else match[1]
    if not exponent or not base:
        return None
    if match[2][0] in "-−":
        exponent = f"{speech.minus} {exponent}"
    named = names.get("^" + match[2]) if match[1].isalpha() or speech.base != "de" else None
    raised = named or names["^"].replace("{}", exponent)
    return [f"{base}{'' if speech.base in ('zh', 'ja') or raised[0] == '의' else ' '}{raised}"]


def sign_between(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """+ and = between numbers, + de 100, & between any two words, & within one name: H&M"""
    core = words[at].core
    if _NAMES.fullmatch(core) and name("&", speech):
        parts = [spelled(part) if part.isupper() else part for part in core.split("&")]
        return [f" {name('&', speech)} ".join(parts)]
    sign = words[at].lead + core
    if sign in ("+", "-", "−") and at + 1 < len(words) and words[at + 1].core in ("de", "di"):
        return [name(sign, speech)] if speech.base in ("fr", "es", "it", "pt") else None
    equals = "=" in [word.lead + word.core for word in words[at:at + 6]]
    if sign in _ARITHMETIC and equals:
        sign = _ARITHMETIC[sign]
    if len(sign) not in (1, 2) or not at or words[at - 1].tail or at + 1 == len(words) or words[at + 1].lead:
        return None
    before, after = words[at - 1].core, words[at + 1].core
    if sign == "&":
        return [name("&", speech)] if name("&", speech) and after else None
    variable = sign in _COMPARED and re.fullmatch("[^\\W\\d_]", before)
    if not (variable or before[-1:].isdigit()) or not re.match(r"[-−]?\d", after):
        return None
    if sign in "-−–" and not equals:
        return None
    if sign in ("x", "X", "х") and speech.base == "pt" and len(before + after) == 2 and not next_core(words, at + 1):
        return [signs("pt")["to"]]
    if sign in ("x", "X", "х"):
        return [signs(speech.base)["x"]] if "x" in signs(speech.base) else None
    said_for = name(sign, speech) if sign in _COMPARED or sign in tuple("+=×÷*±-−–") else ""
    return [said_for] if said_for else None
