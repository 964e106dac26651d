"""The time of day."""
from __future__ import annotations

import re

from text.capitals import spelled
from text.english.cardinal import cardinal, in_pairs
from text.english.decimal import number
from text.english.place import Place, Style
from text.english.tables import BEFORE_CLOCKS, BEFORE_SECONDS, FUNCTION_WORDS

_TIME = re.compile(r"(\d{1,2})(?:[:.](\d\d))?(am|pm|AM|PM|a\.m\.?|p\.m\.?)")
_LAP = re.compile(r"(?:(\d{1,2}):)?(\d{1,2}):(\d\d)(\.\d{1,3})")
_ZONED = re.compile(r"([ap]\.?m\.?)([a-z]{2,3}t)", re.IGNORECASE)
_ZONES = re.compile(r"(\d{1,2})/(\d{1,2})c")
_OFFSET = re.compile(r"(UTC|GMT)([-−+])(\d{1,2})(?::(\d\d))?")
_HALF_SPAN = re.compile(r"([ap])\.?m\.?[-–](\d{1,2}(?:[:.][0-5]\d)?)", re.IGNORECASE)
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")


def read_clock(core: str, style: Style) -> str | None:
    if zone := _OFFSET.fullmatch(core):
        hours = [number(part) for part in zone.groups()[2:] if part]
        return " ".join([spelled(zone[1]), "plus" if zone[2] == "+" else "minus", *hours])
    if half := _TIME.fullmatch(core):
        if int(half[1]) > 24:
            return None
        minutes = f" {_minutes(half[2])}" if int(half[2] or 0) else ""
        return f"{cardinal(int(half[1]))}{minutes} {spelled(half[3][0] + 'm')}"
    if lap := _LAP.fullmatch(core):
        parts = [cardinal(int(lap[1] or lap[2])), *([_minutes(lap[2])] if lap[1] else []), _minutes(lap[3])]
        return " ".join(parts) + f" {number(lap[4])}"
    if zones := _ZONES.fullmatch(core):
        return f"{number(zones[1])} {number(zones[2])} central"
    clock = _CLOCK.fullmatch(core)
    if not clock or int(clock[2]) > 59:
        return None
    hour, minute = int(clock[1]), int(clock[2])
    if clock[3] == "00":
        return read_clock(core[:-3], style)
    if clock[3] and not minute:
        return f"{cardinal(hour)} o'clock and {cardinal(int(clock[3]))} {'second' if clock[3] == '01' else 'seconds'}"
    if clock[3]:
        return " ".join([cardinal(hour), _minutes(clock[2]), _minutes(clock[3])])
    if hour > 24:
        return f"{cardinal(hour)} {_minutes(clock[2])}"
    if minute:
        return f"{'zero' if clock[1] in ('0', '00') else cardinal(hour)} {_minutes(clock[2])}"
    return "midnight" if hour in (0, 24) else f"{cardinal(hour)} hundred" if hour > 12 else f"{cardinal(hour)} o'clock"


def _minutes(digits: str) -> str:
    return ("oh " if 0 < int(digits) < 10 else "zero " if digits == "00" else "") + cardinal(int(digits))


def military(at: Place) -> list[str] | None:
    """at 0645"""
    if at.near(-1).lower() not in BEFORE_CLOCKS or not re.fullmatch(r"0\d[0-5]\d", at.core):
        return None
    said = "zero " + ("hundred" if at.core == "0000" else in_pairs(at.core[1:]))
    return [said, "hours"] if at.near(1) in ("hrs", "hours", "h") else [said]


def half_day(at: Place) -> list[str] | None:
    """3 pm · 3:30 p.m. · 9 a.m.-5 p.m."""
    if (span := _HALF_SPAN.fullmatch(at.near(1))) and re.fullmatch(r"\d{1,2}(?:[:.][0-5]\d)?", at.core):
        start, end = [(read_clock(hour + "am", at.style) or "").removesuffix(" A M") for hour in (at.core, span[2])]
        return [start, f"{spelled(span[1] + 'm')} to {end}"] if start and end else None
    zoned = _ZONED.fullmatch(at.near(1))
    half = re.fullmatch(r"([ap])\.?m\.?", zoned[1] if zoned else at.near(1), re.IGNORECASE)
    if not half or not re.fullmatch(r"\d{1,2}(?:[:.][0-5]\d)?(?:[-–]\d{1,2}(?:[:.][0-5]\d)?|:00)?", at.core):
        return None
    hours = [read_clock(hour + "am", at.style) for hour in re.split("[-–]", re.sub(r"(:\d\d):00$", r"\1", at.core))]
    if not all(hours):
        return None
    zone = zoned[2] if zoned else ""
    return [" to ".join(str(hour).removesuffix(" A M") for hour in hours), spelled(half[1] + "m" + zone)]


def seconds(at: Place) -> list[str] | None:
    """rest 30s, which is no decade"""
    match = re.fullmatch(r"([1-6]0)s", at.core)
    if not match or at.near(-1).lower() not in BEFORE_SECONDS:
        return None
    following = at.near(1).lower()
    return [f"{number(match[1])} seconds"] if not following or following in FUNCTION_WORDS else None
