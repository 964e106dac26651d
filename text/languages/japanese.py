"""Numbers within Japanese: dates, times, telephone numbers, what is counted."""
from __future__ import annotations

import re
from collections.abc import Sequence

from text.languages.amounts import currencies, units
from text.languages.grammar import Language, Number, said, whole_words
from text.number_names import digit_names
from text.written import Written, next_core

_UNIT = "|".join(sorted(map(re.escape, ["%", *units("ja")]), key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?P<sign>(?<!\d)[-−+])?(?P<money>[¥$€£₩])?(?P<whole>\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.(?P<decimals>\d+))?"
    rf"(?:(?P<unit>%|(?:{_UNIT})(?![A-Za-z])))?")
_DATE = re.compile(r"(?<![\d/.-])(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?![\d/-])")
_TIME = re.compile(r"(?<!\d)(\d{1,2}):(\d\d)(?::(\d\d))?(?!\d)")
_MONTH = re.compile(r"(?<![\d/.-])(?:(\d{4})([-/.])(0\d|1[0-2])|(0\d|1[0-2])([-/.])(\d{4}))(?![\d/.-])")
_DAY = re.compile(r"(?<![\d/.-])(0?[1-9]|1[0-2])/(0?[1-9]|[12]\d|3[01])(?![\d/.-])")
_BEHIND_DAYS = ("まで", "から", "に", "は", "より", "の", "(", "頃", "発")
_TELEPHONE = re.compile(r"(?<![\d./-])(?:(?:\+\d{1,3}[- ])?0\d{1,4}-\d{1,4}-\d{3,4}|0\d0-?\d{8}"
                        r"|\+\d{1,3}(?:-\d{1,4}){2}-\d{3,4})(?![\d./-])")
_FRACTION = re.compile(r"(?<![\d/])(?!24/7|(\d\d+)/\1(?!\d))([1-9]\d{0,2})/([1-9]\d{0,2})(?![\d/])")
_SCORE = re.compile(r"(?<![\d:/.-])(0|[1-9]\d{0,2})([:-])(0|[1-9]\d{0,2})(?![\d:/.-])")
_OPERATORS = {"+": "プラス", "×": "カケル", "÷": "ワル", "=": "イコール", ">": "大なり", "<": "小なり", "-": "マイナス",
              "≥": "大なりイコール", "≤": "小なりイコール"}
_WEEKDAYS = frozenset("月火水木金土日")


def japanese(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """2024/05/12 · 15:30 · 3,000円 · 1/2 · 第3回 · 55ページ · 3:1 · 1+2=3"""
    if speech.base != "ja":
        return None
    following = next_core(words, at)
    text = _TELEPHONE.sub(_telephone, words[at].core)
    text = _DATE.sub(lambda day: f"{day[1]}年{int(day[3])}月{int(day[4])}日", text)
    text = _MONTH.sub(lambda m: f"{m[1] or m[6]}年{int(m[3] or m[4])}月", text)
    text = _TIME.sub(lambda time: f"{int(time[1])}時{int(time[2])}分".replace("時0分", "時")
                     + (f"{int(time[3])}秒" if time[3] else ""), text)
    text = _DAY.sub(lambda day: _month_and_day(day, text, following), text)
    text = re.sub(r"日\(([月火水木金土日])(?:\)|$)", r"日\1曜日", text)
    text = _FRACTION.sub(r"\3分の\2", text)
    text = re.sub(r"(?i)(\d{1,2}(?:時(?:\d{1,2}分)?)?)\s?([ap])\.?m\.?", _half_day, text)
    text = _SCORE.sub(_against, text)
    if re.search(r"\d[=<>≥≤+×÷]+[-\d]", text):
        text = re.sub(r"(?<=\d)[-+×÷=<>≥≤](?=[-\d])" if "=" in text else r"(?<=\d)[+×÷<>≥≤](?=\d)",
                      lambda sign: _OPERATORS[sign[0]], text)
    text = re.sub(r"(?<=[\d日月年時分秒代頃])[-–~〜～](?=\d)", "から", text)
    if at:
        text = re.sub(r"^[~〜～](?=\d)", "から", text)
    return [_NUMBER.sub(lambda match: _read(match, speech), text)]


def weekday(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """5月1日(月): the day of the week behind a day"""
    word = words[at]
    if speech.base != "ja" or word.core not in _WEEKDAYS:
        return None
    if until := _until_weekday(words, at):
        return [f"{word.core}曜", "から", until]
    if speech.base != "ja" or word.core not in _WEEKDAYS or not at or not words[at - 1].core.endswith("日"):
        return None
    return [f"{word.core}曜日"] if word.lead[-1:] == "(" and word.tail[:1] == ")" else None


def _until_weekday(words: Sequence[Written], at: int) -> str:
    """月～金の: 金曜の, of three display words"""
    if at + 2 >= len(words) or (words[at + 1].core or words[at + 1].lead) not in ("~", "〜"):
        return ""
    last = re.fullmatch("([月火水木金土日])(?:曜日?)?([ぁ-ん(].*)?", words[at + 2].core)
    return f"{last[1]}曜{last[2] or ''}" if last else ""


def _telephone(match: re.Match[str]) -> str:
    groups = [(digit_names(part, "ja") or part).replace("零", "ゼロ") for part in re.findall(r"\d+", match[0])]
    return ("プラス" if match[0][0] == "+" else "") + "の".join(groups)


def _month_and_day(match: re.Match[str], text: str, following: str) -> str:
    """12/31 is a day where it is written 08/08 or a word behind it says so."""
    after = text[match.end():] or following
    padded = match[1][0] == "0" or match[2][0] == "0" or match[2] == "1"
    return f"{int(match[1])}月{int(match[2])}日" if padded or after.startswith(_BEHIND_DAYS) else match[0]


def _against(match: re.Match[str]) -> str:
    """3:1, and 3-1, which is no range."""
    return f"{match[1]}対{match[3]}" if match[2] == ":" or int(match[1]) >= int(match[3]) else match[0]


def _half_day(match: re.Match[str]) -> str:
    time = match[1] if "時" in match[1] else f"{match[1]}時"
    return ("午前" if match[2].lower() == "a" else "午後") + time


def _read(match: re.Match[str], speech: Language) -> str:
    whole, decimals = match["whole"].replace(",", ""), match["decimals"] or ""
    number = said(Number(whole, decimals), speech) if decimals else whole_words(whole, speech)
    if number is None:
        return match[0]
    unit = match["unit"] or ""
    noun = speech.percent if unit == "%" else units("ja").get(unit)
    money = currencies("ja").get(match["money"] or "")
    name = noun.forms[0] if noun else money[0].forms[0] if money else ""
    return ({"": "", "+": _OPERATORS["+"]}.get(match["sign"] or "", speech.minus) + number + name).replace(" ", "")
