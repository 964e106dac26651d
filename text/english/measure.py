"""A number with its unit, currency or scale; rates."""
from __future__ import annotations

import re

from text.english.date import plain_number, read_decade
from text.english.decimal import NUMBER, number
from text.english.money import money
from text.english.ordinal import read_ordinal
from text.english.place import Place, Style
from text.english.serial import mixed
from text.english.tables import (
    CURRENCIES,
    FUNCTION_WORDS,
    HUNDREDTHS,
    LETTER_UNITS,
    RATES,
    SCALES_APART,
    SCALES_TIGHT,
    UNITS,
    UNITS_APART,
    WHITELIST,
)
from text.english.telephone import read_telephone
from text.english.time import read_clock

_SIGNS = "|".join(re.escape(sign) for sign in sorted(CURRENCIES, key=len, reverse=True) if not sign.isalpha())
_AMOUNT = re.compile(
    rf"(?P<about>~|≈|<|>|≤|≥)?(?P<sign>[-−+±])?(?P<before>{_SIGNS})?(?P<low>{NUMBER})"
    rf"(?:[-–—](?P<again>{_SIGNS})?(?P<high>{NUMBER}))?(?P<unit>-?[^\d\s,.+-]{{1,9}}(?:\^?[23])?)?(?P<plus>\+)?")
_ABOUT = {"~": "about ", "≈": "about ", "<": "less than ", ">": "more than ", "≤": "at most ", "≥": "at least "}
_SIGN = {"-": "minus ", "−": "minus ", "+": "plus ", "±": "plus or minus "}
_RATE = re.compile(r"([^/]*\d[^/]*)/([A-Za-z]+)")
_WORD_RATE = re.compile(r"([a-z]+)/(second|minute|hour|day|night|week|month|year|person)")
_NO_AMOUNTS = (read_telephone, read_clock, read_ordinal, read_decade)


def read_measure(core: str, style: Style) -> str | None:
    match = _AMOUNT.fullmatch(core)
    phrases = match and amount(match, "", "", style.british, False)
    return phrases[0] if phrases else None


def amount(match: re.Match[str], scale: str, apart: str, british: bool, one: bool) -> list[str] | None:
    """Phrases for the number, for the scale and the unit if they are words of their own. `one`: a 5-kilometer run."""
    sign, unit = match["before"] or match["again"], (match["unit"] or "").removeprefix("-")
    one |= unit != (match["unit"] or "")
    tight_scale = _tight_scale(unit, bool(sign))
    unit = apart or ("" if tight_scale else unit)
    names = CURRENCIES.get(sign or unit) or UNITS.get(unit)
    if unit and ((sign and unit != "s") or names is None):
        return None
    prefix = _ABOUT.get(match["about"], "") + _SIGN.get(match["sign"], "")
    low, high = match["low"], match["high"]
    cents = re.fullmatch(r"([\d,]*)\.(\d\d)", low)
    if cents and names in HUNDREDTHS and not (high or tight_scale or scale):
        return [prefix + money(cents, names, british, one)]
    read = number if names or tight_scale or scale else plain_number
    words = [prefix + read(low, british), read(high, british) if high else ""]
    single = one or (low == "1" and not (high or tight_scale or scale))
    name = names[not single] if names else ""
    phrases = [" to ".join(filter(None, words)) + f" {tight_scale}".rstrip(), *filter(None, [scale, apart])]
    phrases[-1] = name if apart else f"{phrases[-1]} {name}".rstrip()
    return [*phrases[:-1], phrases[-1] + " plus"] if match["plus"] else phrases


def _tight_scale(unit: str, money: bool) -> str:
    """The scale right behind a number: 3M and 3bn anywhere, $10k and £5m in money, 10k as ten thousand."""
    if unit.lower() in SCALES_APART and len(unit) > 3:
        return SCALES_APART[unit.lower()]
    if unit in SCALES_TIGHT and (money or unit in ("k", "M", "B", "bn", "mn", "tn", "mil")):
        return SCALES_TIGHT[unit]
    return ""


def read_rate(core: str, style: Style) -> str | None:
    if _WORD_RATE.fullmatch(core):
        return core.replace("/", " per ")
    match = _RATE.fullmatch(core)
    amount = match and read_measure(match[1], style)
    return f"{amount} per {RATES.get(match[2], match[2])}" if match and amount else None


def measure(at: Place) -> list[str] | None:
    """$3.50 · $1.2 billion · 5 km · 20-25 °C · a $20 bill"""
    match = _AMOUNT.fullmatch(at.core)
    if match is None or at.core in WHITELIST:
        return None
    if not at.core.isdigit() and any(read(at.core, at.style) for read in _NO_AMOUNTS):
        return None
    before = at.near(-1)
    if match["unit"] in LETTER_UNITS and before != before.lower() and before.lower() not in FUNCTION_WORDS:
        return [mixed(at.core)]  # iPhone 5s
    scale = "" if match["unit"] else SCALES_APART.get(at.near(1).lower().removesuffix("s"), "")
    behind = 2 if scale else 1
    apart = "" if match["unit"] or match["before"] else at.near(behind)
    if apart == "in" and before in ("ft", "foot", "feet"):
        apart = "''"
    elif apart not in UNITS_APART and apart not in CURRENCIES:
        apart = ""
    thing = at.near(behind + bool(apart))
    one = before.lower() in ("a", "an", "another") and thing.islower() and thing not in FUNCTION_WORDS
    return amount(match, scale, apart, at.style.british, one)
