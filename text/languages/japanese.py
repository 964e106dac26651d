"""Numbers within Japanese: dates, times, telephone numbers, what is counted."""
from __future__ import annotations

import re
from collections.abc import Sequence

from text.languages.amounts import currencies, units
from text.languages.grammar import Language, Number, said, whole_words
from text.number_names import digit_names
from text.written import Written

_UNIT = "|".join(sorted(map(re.escape, ["%", *units("ja")]), key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?P<sign>(?<!\d)[-−])?(?P<money>[¥$€£])?(?P<whole>\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.(?P<decimals>\d+))?"
    rf"(?P<unit>{_UNIT})?(?![A-Za-z])")
_DATE = re.compile(r"(?<![\d/.-])(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?![\d/-])")
_TIME = re.compile(r"(?<!\d)(\d{1,2}):(\d\d)(?::(\d\d))?(?!\d)")
_TELEPHONE = re.compile(r"0\d{1,4}-\d{1,4}-\d{3,4}")
_FRACTION = re.compile(r"(?<![\d/])(\d{1,4})/(\d{1,4})(?![\d/])")


def japanese(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """2024/05/12 · 15:30 · 3,000円 · 1/2 · 第3回 · 55ページ"""
    if speech.base != "ja":
        return None
    text = _TELEPHONE.sub(lambda phone: "の".join(digit_names(part, "ja") or part for part in phone[0].split("-")),
                          words[at].core)
    text = _DATE.sub(lambda day: f"{day[1]}年{int(day[3])}月{int(day[4])}日", text)
    text = _TIME.sub(lambda time: f"{int(time[1])}時{int(time[2])}分".replace("時0分", "時")
                     + (f"{int(time[3])}秒" if time[3] else ""), text)
    text = _FRACTION.sub(r"\2分の\1", text)
    text = re.sub(r"(?<=\d)[-–~〜～](?=\d)", "から", text)
    return [_NUMBER.sub(lambda match: _read(match, speech), text)]


def _read(match: re.Match[str], speech: Language) -> str:
    whole, decimals = match["whole"].replace(",", ""), match["decimals"] or ""
    number = said(Number(whole, decimals), speech) if decimals else whole_words(whole, speech)
    if number is None:
        return match[0]
    unit = match["unit"] or ""
    noun = speech.percent if unit == "%" else units("ja").get(unit)
    money = currencies("ja").get(match["money"] or "")
    name = noun.forms[0] if noun else money[0].forms[0] if money else ""
    return ((speech.minus if match["sign"] else "") + number + name).replace(" ", "")
