"""1/2, 2½, 1 1/2, 8/10."""
from __future__ import annotations

import re

from text.english.cardinal import cardinal
from text.english.date import plain_number
from text.english.decimal import number
from text.english.ordinal import ordinal
from text.english.place import Place, Style
from text.written import FRACTION

FRACTION_PATTERN = re.compile(rf"(?:(\d{{1,6}})?{FRACTION})?(\d{{1,5}})/(\d{{1,5}})(?:st|nd|rd|th|ST|ND|RD|TH)?")
_DENOMINATORS = {2: "half", 4: "quarter"}
_SHUTTER = re.compile(r"1/(\d{2,4})(?:s|sec)")
_SCORE = re.compile(r"(\d{1,3}\.\d{1,2})/(5|10|100)")


def read_fraction(core: str, style: Style) -> str | None:
    if score := _SCORE.fullmatch(core):
        return f"{number(score[1])} out of {number(score[2])}"
    if shutter := _SHUTTER.fullmatch(core):
        return f"one {ordinal(int(shutter[1]))} of a second"
    match = FRACTION_PATTERN.fullmatch(core)
    if not match:
        return None
    above, below = int(match[2]), int(match[3])
    if match[1]:
        return f"{cardinal(int(match[1]))} and {fraction_words(above, below, 'a')}"
    if above <= below == 10 or above == below in range(3, 10):
        return f"{cardinal(above)} out of {cardinal(below)}"
    named = above == 1 or below <= 12 or below in (16, 20, 32, 64) or (above < 10 and below in (100, 1000))
    if 0 < above < below and named:
        return fraction_words(above, below, "one")
    if below < above and below in range(3, 10) and above != 24:
        return fraction_words(above, below, "one")
    between = "out of " if above < below or above == below == 100 else ""
    return f"{plain_number(match[2], style.british)} {between}{plain_number(match[3], style.british)}"


def fraction_words(above: int, below: int, one: str) -> str:
    if below < 2:
        return f"{cardinal(above)} over {cardinal(below)}"
    part = _DENOMINATORS.get(below) or ordinal(below)
    part = part.removeprefix("one ")
    many = "halves" if below == 2 else part + "s"
    return f"{one} {part}" if above == 1 else f"{cardinal(above)} {many}"


def and_a_half(at: Place) -> list[str] | None:
    """2 1/2"""
    match = FRACTION_PATTERN.fullmatch(at.near(1))
    if not match or not re.fullmatch(r"\d{1,6}", at.core):
        return None
    if not (0 < int(match[2]) < int(match[3]) or match[3] in ("1", "2", "3", "4")):
        return None
    return [number(at.core), f"and {fraction_words(int(match[2]), int(match[3]), 'a')}"]
