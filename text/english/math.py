"""Sizes, ratios, powers, signs between numbers."""
from __future__ import annotations

import re

from text.english.cardinal import cardinal, in_pairs
from text.english.decimal import NUMBER, number
from text.english.fraction import read_fraction
from text.english.place import Place, Style
from text.english.tables import ASPECT_RATIOS, UNITS, UNITS_APART

_HEIGHT = re.compile(r"(\d{1,3})'(\d{1,2})(?:''|\")?(\+)?")
_BY = re.compile(rf"({NUMBER})[x×]({NUMBER})(?:[x×]({NUMBER}))?")
_RATIO = re.compile(r"(\d{1,3}):(\d{1,3})")
_POWER = re.compile(r"(.+)\^([-−]?)(\d{1,3})")
_SCIENTIFIC = re.compile(rf"({NUMBER})[x×*·]10\^([-−]?)(\d{{1,3}})"
                         r"|(\d{1,9}\.\d{1,9}|\d{1,9}(?=[eE][-−+]))[eE]\+?([-−]?)(\d{1,3})")
_PLACE = re.compile(r"(\d{1,3}(?:\.\d{1,8})?)°(?:(\d{1,2})'?(?:(\d{1,2}(?:\.\d+)?)(?:\"|''))?)?([NSEW]?)")
_DEGREES = re.compile(r"\d{1,3}(?:\.\d{1,8})?°")
_QUARTERS = {"N": "north", "S": "south", "E": "east", "W": "west"}

_EQUATION = re.compile(rf"[-−]?{NUMBER}(?:[-−+×*÷/=<>]{{1,2}}{NUMBER}){{1,8}}")
_OPERATORS = {"-": "minus", "−": "minus", "+": "plus", "×": "times", "*": "times", "÷": "divided by", "/": "over",
              "=": "equals", "<": "is less than", ">": "is greater than"}


def read_equation(core: str, style: Style) -> str | None:
    """1-2=5: where something equals, a dash is a minus"""
    if "=" not in core or not _EQUATION.fullmatch(core):
        return None
    return " ".join(_OPERATORS.get(part) or number(part, style.british)
                    for part in re.findall(rf"{NUMBER}|[-−+×*÷/=<>]", core))


def read_size(core: str, style: Style) -> str | None:
    if match := _HEIGHT.fullmatch(core):
        return f"{cardinal(int(match[1]))} foot {cardinal(int(match[2]))}{' plus' if match[3] else ''}"
    if match := _BY.fullmatch(core):
        return " by ".join(_plain_size(side) for side in match.groups() if side)
    if sheet := re.fullmatch(rf"({NUMBER})[x×]({NUMBER})('|''|\")", core):
        return f"{number(sheet[1])} by {number(sheet[2])} {UNITS[sheet[3]][1]}"
    if inches := re.fullmatch(r"(\d+/\d+)(?:''|\")", core):
        return f"{read_fraction(inches[1], style)} inch"
    if core in ASPECT_RATIOS:
        return " by ".join(map(number, core.split(":")))
    if match := _RATIO.fullmatch(core) or re.fullmatch(rf"({NUMBER}):(1)", core):
        return f"{number(match[1])} to {number(match[2])}"
    return None


def ratio(at: Place) -> list[str] | None:
    """a ratio of 1:10 · a 1:12 scale model, which are no times of day"""
    match = _RATIO.fullmatch(at.core)
    if match is None or not any(at.near(k).lower() in _RATIOS for k in (-3, -2, -1, 1, 2)):
        return None
    return [f"{number(match[1])} to {number(match[2])}"]


_RATIOS = frozenset("ratio ratios scale scaled dilution diluted dilute odds proportion proportions".split())


def power_with_unit(at: Place) -> list[str] | None:
    """6 × 10²⁴ kg"""
    unit = UNITS.get(at.near(1)) if re.search(r"10\^[-−]?\d", at.core) else None
    power = read_power(at.core, at.style) if unit else None
    return [power, unit[1]] if unit and power else None


def size_with_unit(at: Place) -> list[str] | None:
    """2x8 m2: a unit that has a digit of its own"""
    unit = UNITS_APART.get(at.core)
    return [unit[1]] if unit and _BY.fullmatch(at.near(-1)) else None


_AS_MUCH = frozenset("a an as the per more less daily weekly monthly yearly every each this that my your his her our "
                     "their what faster bigger smaller cheaper longer higher lower better".split())


def multiple(at: Place) -> list[str] | None:
    """3x a day · 11x Earth's · a 5x great-grandfather; but a 10x engineer"""
    match, following = re.fullmatch(rf"({NUMBER})(?:[-–]({NUMBER}))?[xX×]", at.core), at.near(1)
    if match is None or not (following.lower() in _AS_MUCH or following.startswith("great-") or (
            following[:1].isupper() and following.endswith("'s"))):
        return None
    return [f"{' to '.join(number(end) for end in match.groups() if end)} times"]


def over(at: Place) -> list[str] | None:
    """6/8 time · a blood pressure of 120/80"""
    match = re.fullmatch(r"(\d{1,3})/(\d{1,3})", at.core)
    if match is None:
        return None
    if at.near(1) in ("time", "beat", "meter", "groove") and int(match[2]) in (2, 4, 8, 16):
        return [f"{number(match[1])} {number(match[2])}"]
    unit = [UNITS_APART["mmHg"][1]] if at.near(1) == "mmHg" else []
    pressed = unit or any(at.near(-k).lower() in ("pressure", "bp") for k in range(1, 4))
    return [f"{_plain_size(match[1])} over {_plain_size(match[2])}", *unit] if pressed and len(match[1]) > 1 else None


def _plain_size(digits: str) -> str:
    return in_pairs(digits) if re.fullmatch(r"[1-9]\d{2,3}", digits) else number(digits)


def read_place(core: str, style: Style) -> str | None:
    """40°42'46"N, a place on the map"""
    match = _PLACE.fullmatch(core)
    if match is None or not (match[2] or match[4]):
        return None
    parts = [f"{number(part)} {unit}{'' if part == '1' else 's'}"
             for part, unit in zip(match.groups(), ("degree", "minute", "second"), strict=False) if part]
    return " ".join([*parts, _QUARTERS.get(match[4], "")]).strip()


def quarter(at: Place) -> list[str] | None:
    """48.86° N"""
    return [_QUARTERS[at.core]] if at.core in _QUARTERS and _DEGREES.fullmatch(at.near(-1)) else None


def read_power(core: str, style: Style) -> str | None:
    if scientific := _SCIENTIFIC.fullmatch(core):
        base, minus, power = scientific.groups()[:3] if scientific[1] else scientific.groups()[3:]
        return f"{number(base)} times ten to the power of {'minus ' if minus else ''}{number(power)}"
    if root := re.fullmatch(rf"({NUMBER})?√({NUMBER}|[a-z])", core):
        return f"{number(root[1]) + ' times' if root[1] else ''} the square root of {style.say(root[2])}".lstrip()
    match = _POWER.fullmatch(core)
    if not match:
        return None
    base, minus = style.say(match[1]), "minus " if match[2] else ""
    if not minus and match[3] in ("2", "3"):
        return f"{base} {'squared' if match[3] == '2' else 'cubed'}"
    return f"{base} to the power of {minus}{number(match[3])}" if match[1][-1].isdigit() else base


_ENDS_NUMBER = re.compile(r"\d(?:'|''|\"|m|cm|mm|ft|in|px)?$")
_STARTS_NUMBER = frozenset("0123456789.")
_UNIT_NAMES = frozenset(name for names in UNITS_APART.values() for name in names) | frozenset(UNITS_APART)


def sign(at: Place) -> list[str] | None:
    """A sign that stands alone: between numbers it is said, else most are not."""
    before, after = at.near(-1), at.near(1)
    variable = len(before) == 1 and before.isalpha() and at.core in ("≤", "≥")
    measured = before in _UNIT_NAMES and at.near(-2)[-1:].isdigit()
    between = (variable or measured or _ENDS_NUMBER.search(before)) and after[:1] in _STARTS_NUMBER
    if at.core in ("x", "X") and between:
        return ["by"]
    if at.core in UNITS_APART and _BY.fullmatch(before):
        return [UNITS_APART[at.core][1]]
    if at.core == "≈" and before and after:
        return ["approximately"]
    if at.core in ("/", "<", ">", "÷", "×", "≈", "$", "€", "£", "¥", "°") and not between:
        return [""]
    return None
