"""Numbers within Chinese."""
from __future__ import annotations

import re

from text.number_names import MAX_DIGITS, han_cardinal, han_digits

_HAN_NUMBER = re.compile(r"(?P<sign>[-−])?(?P<money>[¥￥$€£])?"
                         r"(?P<number>\d{1,3}(?:,\d{3})+|\d+)(?:\.(?P<decimals>\d+))?"
                         r"(?P<scale>[百千万萬亿億]*)(?P<unit>%|℃|°C|°|km|kg|cm|m|g)?")
_HAN_UNITS = {"℃": "摄氏度", "°C": "摄氏度", "°": "度", "km": "公里", "kg": "公斤", "cm": "厘米", "m": "米", "g": "克",
              "¥": "元", "￥": "元", "$": "美元", "€": "欧元", "£": "英镑"}
_HAN_DATE = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_HAN_TIME = re.compile(r"(?<!\d)(\d{1,2}):(\d\d)(?!\d)")


def chinese_text(core: str, following: str) -> str:
    """A stretch of Chinese with its numbers as characters. `following` decides how the last one is read."""
    core = _HAN_DATE.sub(lambda d: f"{d[1]}年{int(d[2])}月{int(d[3])}日", core)
    core = _HAN_TIME.sub(lambda t: f"{int(t[1])}点" + (f"{int(t[2])}分" if int(t[2]) else ""), core)
    core = re.sub(r"(?<=\d)[-–~～](?=\d)", "到", core)

    def read(match: re.Match[str]) -> str:
        after = core[match.end():match.end() + 1] or following[:1]
        number = _han_number(match["number"], after)
        if match["decimals"]:
            number += "点" + han_digits(match["decimals"])
        number += match["scale"]
        if match["unit"] == "%":
            number = "百分之" + number
        unit = _HAN_UNITS.get(match["unit"] or "", "")
        money = match["money"]
        return ("负" if match["sign"] else "") + number + unit + (_HAN_UNITS[money] if money else "")

    return _HAN_NUMBER.sub(read, core)


def _han_number(digits: str, after: str) -> str:
    number = digits.replace(",", "")
    year = len(number) == 4 and after == "年"
    if year or len(number) > MAX_DIGITS or (number[0] == "0" and len(number) > 1) or re.fullmatch(r"1\d{10}", digits):
        return han_digits(number)
    if number == "2" and after in tuple("个位只条张次年天块元本岁种件名"):
        return "两"
    return han_cardinal(int(number))
