"""A number with its unit, currency or scale; rates."""
from __future__ import annotations

import re

from text.english.date import plain_number, read_decade
from text.english.decimal import NUMBER, number
from text.english.fraction import FRACTION_PATTERN, and_a_half, read_fraction
from text.english.money import sum_words
from text.english.ordinal import ordinal, read_ordinal
from text.english.place import Place, Style
from text.english.serial import mixed
from text.english.tables import (
    CURRENCIES,
    FUNCTION_WORDS,
    HUNDREDTHS,
    LETTER_UNITS,
    LETTERED,
    RATES,
    SCALES_APART,
    SCALES_BEHIND_MONEY,
    SCALES_TIGHT,
    STREET_NAMES,
    UNITS,
    UNITS_APART,
    WHITELIST,
)
from text.english.telephone import read_telephone
from text.english.time import read_clock
from text.written import FRACTION, share_out

_SIGNS = "|".join(re.escape(sign) for sign in sorted(CURRENCIES, key=len, reverse=True) if not sign.isalpha())
_AMOUNT = re.compile(
    rf"(?P<about>[<>]=|[~≈<>≤≥])?(?P<sign>[-−+±])?(?P<before>{_SIGNS})?(?P<low>{NUMBER})"
    rf"(?:[-–—](?P<again>{_SIGNS})?(?P<high>{NUMBER}))?(?P<unit>-?[^\d\s,.+-]{{1,9}}(?:\^?[23]|-(?:ft|lb))?)?(?P<plus>\+)?")
_ABOUT = {"~": "about ", "≈": "about ", "<": "less than ", ">": "more than ", "≤": "at most ", "≥": "at least "}
_ABOUT |= {"<=": _ABOUT["≤"], ">=": _ABOUT["≥"]}
_SIGN = {"-": "minus ", "−": "minus ", "+": "plus ", "±": "plus or minus "}
_RATE = re.compile(r"([^/]*\d[^/]*)/([A-Za-z]+|[$€£]?\d{1,6}[kKM]?)")
_AGE = re.compile(r"(\d{1,3})-(yr|mo|wk)-(olds?)")
_WORD_RATE = re.compile(r"([a-z]+)/(second|minute|hour|day|night|week|month|year|person)")
_SIZED = re.compile(r"(?!across|always|besides|equals|makes|means|minus|needs|plus|times|towards)[a-z]{2,}[^\Wsiu]s")
"""What stands behind a size that belongs to it: 9' ceilings."""
_NO_AMOUNTS = (read_telephone, read_clock, read_ordinal, read_decade)


def read_measure(core: str, style: Style) -> str | None:
    if age := _AGE.fullmatch(core):
        return f"{number(age[1])} {RATES[age[2]]} {age[3]}"
    match = _AMOUNT.fullmatch(core)
    phrases = match and amount(match, "", "", style.british, False)
    return phrases[0] if phrases else None


def measured_fraction(at: Place) -> list[str] | None:
    """1½ tsp · 3/4 lb · 4 1/2 lbs · 1/250 s"""
    tight = re.fullmatch(rf"(\d{{0,3}}{FRACTION}\d{{1,2}}/\d{{1,2}})([A-Za-z]{{1,4}}|\"|'')", at.core)
    if tight and tight[2] in UNITS:
        return [f"{read_fraction(tight[1], at.style)} {UNITS[tight[2]][tight[1][0].isdigit()]}"]
    whole = bool(re.fullmatch(r"\d{1,6}", at.core) and FRACTION_PATTERN.fullmatch(at.near(1)))
    if (shutter := re.fullmatch(r"1/(\d{2,4})", at.core)) and at.near(1) in ("s", "sec", "second"):
        return [f"one {ordinal(int(shutter[1]))}", "of a second"]
    unit = UNITS_APART.get(at.near(2 if whole else 1))
    words = and_a_half(at) if whole else [read_fraction(at.core, at.style) or ""]
    if unit is None or not words or not words[0] or not (whole or FRACTION_PATTERN.fullmatch(at.core)):
        return None
    return [*words, unit[whole or words[0][:4] not in ("one ", "thre", "two ") or " and " in words[0]]]


def _is_name_with_letter(match: re.Match[str], at: Place) -> bool:
    """iPhone 5s · apartment 4B · 221B Baker Street; but Eat 150g"""
    before, unit = at.near(-1), match["unit"]
    if unit in LETTER_UNITS:
        named = before != before.lower() and before.lower() not in FUNCTION_WORDS
        return named and (unit == "s" or len(match["low"]) < 3)
    if not unit or not unit.isupper() or len(unit) > 1 or match["before"] or "." in match["low"]:
        return False
    return before.lower() in LETTERED or (unit == "B" and at.near(1).istitle() and at.near(2).lower() in STREET_NAMES)


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
    if names and not (tight_scale or scale):
        sums = [_sum(part, names, british, one) for part in (low, high) if part]
        if any(sum_words(part, names, british, one) for part in (low, high) if part):
            return share_out(prefix + " to ".join(sums), 2 if apart else 1)
    if names in HUNDREDTHS and re.search(r"\.\d{3,}$", low):
        low = low.rstrip("0")
    read = number if names or tight_scale or scale else plain_number
    words = [prefix + read(low, british), read(high, british) if high else ""]
    single = one or (low == "1" and not (high or tight_scale or scale))
    name = names[not single] if names else ""
    phrases = [" to ".join(filter(None, words)) + f" {tight_scale}".rstrip(), *filter(None, [scale, apart])]
    phrases[-1] = name if apart else f"{phrases[-1]} {name}".rstrip()
    return [*phrases[:-1], phrases[-1] + " plus"] if match["plus"] else phrases


def _sum(text: str, names: tuple[str, str], british: bool, one: bool) -> str:
    """A part of $50.00-$100.00."""
    single = one or text.rstrip("0").rstrip(".") == "1"
    return sum_words(text, names, british, one) or f"{number(text, british)} {names[not single]}"


def _tight_scale(unit: str, money: bool) -> str:
    """The scale right behind a number: 3M and 3bn anywhere, $10k and £5m in money, 10k as ten thousand."""
    if unit.lower() in SCALES_APART and len(unit) > 3:
        return SCALES_APART[unit.lower()]
    if unit in SCALES_TIGHT and (money or unit in ("k", "M", "B", "bn", "mn", "tn", "mil")):
        return SCALES_TIGHT[unit]
    return ""


def read_rate(core: str, style: Style) -> str | None:
    units = core.split("/")
    if len(units) == 2 and len(core) > 3 and units[0] != units[1] and units[0] in UNITS_APART and units[1] in UNITS:
        return f"{UNITS[units[0]][1]} per {UNITS[units[1]][0]}"
    if _WORD_RATE.fullmatch(core):
        return core.replace("/", " per ")
    match = _RATE.fullmatch(core)
    amount = match and read_measure(match[1], style)
    if not match or not amount:
        return None
    if match[2][-1:] in "kKM" and match[2][0].isdigit():
        return f"{amount} per {number(match[2][:-1])} {SCALES_TIGHT[match[2][-1]]}"
    if match[2][0].isalpha():
        return f"{amount} per {RATES.get(match[2]) or style.say(match[2])}"
    return f"{amount} per {number(match[2])}" if match[1][0] in "$€£" and match[2].isdigit() else None


def code_before(at: Place) -> list[str] | None:
    """USD 3.50 · EUR 20 million"""
    match = _AMOUNT.fullmatch(at.near(1)) if at.core in CURRENCIES and re.fullmatch("[A-Z]{3}", at.core) else None
    if match is None or match["before"] or match["unit"]:
        return None
    scale = SCALES_BEHIND_MONEY.get(at.near(2).lower().removesuffix("s"), "")
    if not scale and re.fullmatch(r"(?:19|20)\d\d|\d+\.\d", match["low"]):  # CAD 3.0, a program
        return None
    phrases = amount(match, scale, at.core, at.style.british, False)
    return share_out(" ".join(phrases), 3 if scale else 2) if phrases else None


_NOT_COUNTED = frozenset("""always besides cameras displays films monitors movies perhaps races runners runs screens
                         sometimes streams textures towards tvs videos""".split())
"""A 4K video, a 10K race: a name, no thousands."""


def tally(at: Place) -> list[str] | None:
    """250K followers · 3M views · 10K+ new users"""
    match = re.fullmatch(rf"({NUMBER})([KMB])(\+?)", at.core)
    noun = at.near(2) if at.near(1) in ("active", "daily", "monthly", "more", "new", "paid", "unique") else at.near(1)
    if match is None or noun in _NOT_COUNTED or not re.fullmatch(r"[a-z]{2,}[^\Wsiu]s|people", noun):
        return None
    return [f"{number(match[1], at.style.british)} {SCALES_TIGHT[match[2]]}{' plus' if match[3] else ''}"]


def measure(at: Place) -> list[str] | None:
    """$3.50 · $1.2 billion · 5 km · 20-25 °C · a $20 bill"""
    match = _AMOUNT.fullmatch(at.core)
    if match is None or at.core in WHITELIST:
        return None
    if not at.core.isdigit() and any(read(at.core, at.style) for read in _NO_AMOUNTS):
        return None
    before = at.near(-1)
    if _is_name_with_letter(match, at):
        return [mixed(at.core)]
    scales = SCALES_BEHIND_MONEY if match["before"] else SCALES_APART
    scale = "" if match["unit"] else scales.get(at.near(1).lower().removesuffix("s"), "")
    behind = 2 if scale else 1
    apart = "" if match["unit"] or match["before"] else at.near(behind)
    if match["before"] == "$" and CURRENCIES.get(at.near(behind), ("",))[0].endswith(" dollar"):  # $3.50 CAD
        apart, match = at.near(behind), _AMOUNT.fullmatch(at.core.replace("$", "")) or match
    if apart == "in" and before in ("ft", "foot", "feet"):
        apart = "''"
    elif apart not in UNITS_APART and apart not in CURRENCIES:
        apart = ""
    if match["unit"] == "m" and re.fullmatch(r"\d{1,2}(?:h|hrs?)", before):
        match = _AMOUNT.fullmatch(at.core.replace("m", "min")) or match
    if at.near(behind) == "s" and "." in at.core:
        apart = "s"
    thing = at.near(behind + bool(apart))
    if match["unit"] == "L" and before.lower() in ("the", "a") and re.fullmatch(r"\d\.\d", match["low"]) and (
            thing and thing not in FUNCTION_WORDS):
        return [f"{number(match['low'])} liter"]
    one = before.lower() in ("a", "an", "another") and thing.islower() and thing not in FUNCTION_WORDS
    one |= match["unit"] in ("'", "''", '"') and _SIZED.fullmatch(thing) is not None
    return amount(match, scale, apart, at.style.british, one)
