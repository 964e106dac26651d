"""Numbers within Korean: hours and things are counted in native words, minutes, money and dates in Chinese ones."""
from __future__ import annotations

import re
from collections.abc import Sequence

from text.languages.grammar import Language, whole_words
from text.written import Written

_ONES = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
_COUNTED = re.compile(
    r"(?P<number>\d{1,2})(?P<thing>시간|시|명|개|살|번째|마리|권|잔|병|대|장|가지|사람|달)(?P<rest>\D*)")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")
_DATE = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
_MONTHS = {6: "유월", 10: "시월"}


def native(number: int) -> str:
    """1 to 99 as things are counted: 한, 스무, 스물한."""
    if number == 20:
        return "스무"
    return _TENS[number // 10] + _ONES[number % 10]


def korean(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """3시 · 5명 · 2번째 · 15:30 · 2024-05-12 · 6월"""
    if speech.base != "ko":
        return None
    core = words[at].core
    if counted := _COUNTED.fullmatch(core):
        number = int(counted["number"])
        if counted["thing"] == "번째" and number == 1:
            return ["첫 번째" + counted["rest"]]
        if number and (counted["thing"] != "시" or number <= 12):
            return [f"{native(number)} {counted['thing']}{counted['rest']}"]
    if clock := _CLOCK.fullmatch(core):
        return _time(int(clock[1]), int(clock[2]), int(clock[3] or 0), speech)
    if date := _DATE.fullmatch(core):
        month, day = int(date[3]), int(date[4])
        return [f"{whole_words(date[1], speech)}년 {_month(month, speech)} {whole_words(str(day), speech)}일"]
    if month_alone := re.fullmatch(r"(6|06|10)월(\D*)", core):
        return [_MONTHS[int(month_alone[1])] + month_alone[2]]
    return None


def _month(month: int, speech: Language) -> str:
    return _MONTHS.get(month) or f"{whole_words(str(month), speech)}월"


def _time(hour: int, minute: int, second: int, speech: Language) -> list[str] | None:
    if hour > 24 or minute > 59 or second > 59:
        return None
    hours = native(hour) if 0 < hour <= 12 else whole_words(str(hour), speech)
    parts = [f"{hours}시", f"{whole_words(str(minute), speech)}분" if minute else "",
             f"{whole_words(str(second), speech)}초" if second else ""]
    return [" ".join(filter(None, parts))]
