"""Days, months, years, decades."""
from __future__ import annotations

import re

from text.capitals import spelled
from text.english.cardinal import cardinal, digit_by_digit, in_pairs
from text.english.decimal import number
from text.english.ordinal import ordinal
from text.english.place import Place, Style
from text.english.tables import BEFORE_COUNTS, BEFORE_DATES, MONTH_NAMES, MONTHS, WHITELIST
from text.english.time import read_clock

_ISO_DATE = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:T(\d\d:\d\d)(?::\d\d)?(?:\.\d+)?(?:Z|([+-]\d\d):?00)?)?")
_SLASH_DATE = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|(?<!\.)\d\d)")
_NAMED_DATE = re.compile(r"(?:([A-Za-z]{3,9})-(\d{1,2})|(\d{1,2})-([A-Za-z]{3,9}))(?:-(\d{4}))?")
_QUARTER = re.compile(r"([1-4])(Q|(?<=[12])H)(\d\d)")
_DECADE = re.compile(r"'?(\d0|\d\d0|1\d\d0|20\d0)'?s")


def year(digits: str, british: bool = False) -> str:
    return cardinal(int(digits), british) if digits[:-1] in ("200", "100") else in_pairs(digits)


def looks_like_year(text: str) -> bool:
    return bool(re.fullmatch(r"1[1-9]\d\d|20[1-9]\d", text))


def plain_number(text: str, british: bool) -> str:
    """A number without unit: 1999 and 1500 by hundreds, as years and round counts are."""
    return year(text, british) if looks_like_year(text) else number(text, british)


def digit_run(run: str) -> str:
    if re.fullmatch(r"[1-9]\d{2,3}", run):
        return in_pairs(run)
    return number(run) if len(run) < 5 or "." in run else digit_by_digit(run)


def read_date(core: str, style: Style) -> str | None:
    if iso := _ISO_DATE.fullmatch(core):
        words = _date_words(iso[1], int(iso[2]), int(iso[3]), style.british)
        zone = f" {'minus' if iso[5][0] == '-' else 'plus'} {number(str(int(iso[5][1:])))}" if iso[5] else ""
        return f"{words}, {read_clock(iso[4], style)}{zone}" if words and iso[4] else words
    if slash := _SLASH_DATE.fullmatch(core):
        first, second = int(slash[1]), int(slash[3])
        day_first = style.british or slash[2] == "." or first > 12
        day, month = (first, second) if day_first and second <= 12 else (second, first)
        return _date_words(slash[4], month, day, style.british)
    if named := _NAMED_DATE.fullmatch(core):
        name, nth = named[1] or named[4], int(named[2] or named[3])
        if not is_month(name) or not 1 <= nth <= 31:
            return None
        month_name, rank = MONTHS[name.lower()], ordinal(nth)
        words = f"the {rank} of {month_name}" if named[3] and style.british else f"{month_name} {rank},"
        return f"{words} {year(named[5], style.british)}" if named[5] else words.rstrip(",")
    if part := _QUARTER.fullmatch(core):
        return f"the {ordinal(int(part[1]))} {'quarter' if part[2] == 'Q' else 'half'} of {number(part[3])}"
    return None


def _date_words(digits: str, month: int, day: int, british: bool) -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    if len(digits) == 2:
        digits = ("19" if int(digits) > 50 else "20") + digits
    if british:
        return f"the {ordinal(day)} of {MONTH_NAMES[month - 1]} {year(digits, british)}"
    return f"{MONTH_NAMES[month - 1]} {ordinal(day)}, {year(digits)}"


def read_decade(core: str, style: Style) -> str | None:
    match = _DECADE.fullmatch(core)
    if match:
        digits = match[1]
        words = in_pairs(digits) if len(digits) > 2 else cardinal(int(digits))
        return _plural(words.removeprefix("one ") if digits in ("100", "1000") else words)
    apart = re.fullmatch(r"'(\d)(\d)", core)
    if apart:
        return ("oh " if apart[1] == "0" else "") + cardinal(int(core[1:]))
    if person := re.fullmatch(r"(\d{1,3})(ers?)", core):
        return cardinal(int(person[1])) + person[2].removeprefix("e" if person[1][-1] in "1359" else "")
    if model := re.fullmatch(r"([A-Z]{1,3})-(\d{1,3})s", core):
        return f"{spelled(model[1])} {_plural(digit_run(model[2]))}"
    plural = re.fullmatch(r"(\d{3,4})s|(\d{1,4})'s", core)
    return _plural(digit_run(plural[1] or plural[2])) if plural else None


def decade(at: Place) -> list[str] | None:
    """1980 s, of two display words"""
    words = read_decade(at.core + "s", at.style) if re.fullmatch(r"\d{3}0", at.core) and at.near(1) == "s" else None
    return [words, ""] if words else None


def _plural(words: str) -> str:
    """nineties, hundreds, sevens, sixes."""
    if words.endswith("y"):
        return words[:-1] + "ies"
    return words + ("es" if words.endswith("x") else "s")


def month_day(at: Place) -> list[str] | None:
    """May 12 · May 5-10 · May 1+ · 12 May · 12th May"""
    span = re.fullmatch(r"(\d{1,2})(st|nd|rd|th)?(?:[-–](\d{1,2}))?(\+)?", at.core)
    if span is None or not all(1 <= int(day) <= 31 for day in (span[1], span[3]) if day):
        return None
    days = [ordinal(int(day)) for day in (span[1], span[3]) if day]
    if is_month(at.near(-1)):
        return [" to ".join(days) + (" plus" if span[4] else "")]
    year_behind = at.near(1).lower() in MONTHS and re.fullmatch(r"1\d{3}|20\d\d", at.near(2))
    if span[4] or not (is_month(at.near(1)) or year_behind):
        return None
    article = "" if at.near(-1).lower() == "the" else "the "
    return [article + " to the ".join(days) + " of"]


def _is_certain_day(month: int, day: int) -> bool:
    """12/31, which is no fraction that anybody writes."""
    return 1 < month <= 12 < day <= 31 and day not in (16, 20, 24)


_ALSO_WORDS = ("mar", "march", "may")


def is_month(core: str) -> bool:
    """May and march are months with a capital alone."""
    return core.lower() in MONTHS and (core[:1].isupper() or core not in _ALSO_WORDS)


def slash_day(at: Place) -> list[str] | None:
    """on 5/12 · part 2/3"""
    match = re.fullmatch(r"(\d{1,2})/(\d{1,2})", at.core)
    before = at.near(-1).lower()
    if not match or at.core in WHITELIST:
        return None
    if before not in BEFORE_DATES and before not in BEFORE_COUNTS and not _is_certain_day(int(match[1]), int(match[2])):
        return None
    if before in BEFORE_COUNTS:
        return [f"{number(match[1])} of {number(match[2])}"]
    first, second = int(match[1]), int(match[2])
    month, day = (second, first) if at.style.british or first > 12 else (first, second)
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return [f"{MONTH_NAMES[month - 1]} {ordinal(day)}"]
