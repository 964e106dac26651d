"""Numbers within Chinese."""
from __future__ import annotations

import re

from text.number_names import MAX_DIGITS, han_cardinal, han_digits

_HAN_UNITS = {
    "℃": "摄氏度", "°C": "摄氏度", "°F": "华氏度", "°": "度", "km": "公里", "kg": "公斤", "cm": "厘米", "m": "米",
    "g": "克", "km/h": "公里每小时", "km^2": "平方公里", "m^2": "平方米", "m^3": "立方米", "mm": "毫米", "t": "吨",
    "ml": "毫升", "mL": "毫升", "ms": "毫秒", "mg": "毫克", "L": "升", "l": "升", "min": "分钟", "h": "小时", "s": "秒",
    "W": "瓦", "kW": "千瓦", "kWh": "千瓦时", "Hz": "赫兹", "GHz": "吉赫兹", "MHz": "兆赫兹", "V": "伏",
    "mAh": "毫安时",
    "ha": "公顷", "dB": "分贝", "kcal": "千卡", "m/s": "米每秒",
}
_HAN_MONEY = {"¥": "元", "￥": "元", "$": "美元", "€": "欧元", "£": "英镑", "₩": "韩元"}
_UNIT = "|".join(map(re.escape, sorted(_HAN_UNITS, key=len, reverse=True)))
_HAN_NUMBER = re.compile(
    r"(?P<sign>[-−])?(?P<money>[¥￥$€£₩])?"
    r"(?P<number>\d{1,3}(?:,\d{3})+|\d+)(?:\.(?P<decimals>\d+))?"
    rf"(?P<scale>[百千万萬亿億]*)(?:(?P<unit>%|(?:{_UNIT})(?![A-Za-z])))?")
_HAN_DATE = re.compile(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_HAN_TIME = re.compile(r"(?<!\d)(\d{1,2}):(\d\d)(?::(\d\d))?(?!\d)")


_HAN_MONTH = re.compile(r"(?<![\d./-])(?:(\d{4})[-/.](0\d|1[0-2])|(0\d|1[0-2])[-/.](\d{4}))(?![\d./-])")
_HAN_TELEPHONE = re.compile(
    r"(?<![\d-])(?:\+\d{1,3}[- ])?(?:0\d{2,3}-\d{7,8}|\d{3,4}-\d{3,4}-\d{4}|1[3-9]\d{9}|400-\d{3}-\d{4})(?![\d-])")
_HAN_CODE = re.compile(r"(?<=尾号)([是为]?)(\d{3,6})(?!\d)|(?<=拨打)()(1\d\d)(?!\d)")
_COUNTED_BY_TWO = frozenset("个個位只条張张次年天块元本岁種种件名点倍米万千亿家部台辆间座句段节场篇颗支把杯瓶碗周小到")
"""What 两 and not 二 stands before."""
_OPERATORS = {"+": "加", "-": "减", "×": "乘", "÷": "除以", "=": "等于", "<": "小于", ">": "大于", "≤": "小于等于",
              "≥": "大于等于"}


def _telephone(match: re.Match[str]) -> str:
    return ("加" if match[0][0] == "+" else "") + "".join(map(han_digits, re.findall(r"\d+", match[0])))


def _signs(text: str) -> str:
    """3:1, and 3-1, which is no range; 1+2=3"""
    text = re.sub(r"(?<![\d:])(\d{1,3}):(\d{1,3})(?![\d:])", r"\1比\2", text)
    text = re.sub(r"(?<![\d./-])(0|[1-9]\d?)-(0|[1-9]\d?)(?![\d./-])",
                  lambda m: f"{m[1]}比{m[2]}" if int(m[1]) >= int(m[2]) else m[0], text)
    if re.search(r"\d[+×÷=<>≤≥]", text):
        between = r"(?<=\d)[-+×÷=<>≤≥](?=\d)" if "=" in text else r"(?<=\d)[+×÷<>≤≥](?=\d)"
        text = re.sub(between, lambda sign: _OPERATORS[sign[0]], text)
    return text


def _half_day(match: re.Match[str]) -> str:
    return ("上午" if match[2].lower() == "a" else "下午") + match[1]


def _time(match: re.Match[str]) -> str:
    """2:02 is 两点零二分."""
    hour, minute, second = int(match[1]), int(match[2]), match[3]
    if hour > 24 or minute > 59:
        return match[0]
    text = f"{'两' if hour == 2 else hour}点"
    if minute or second:
        text += f"{'零' if 0 < minute < 10 and not second else ''}{minute}分"
    return text + (f"{int(second)}秒" if second else "")


def chinese_text(core: str, following: str, before: str = "") -> str:
    """A stretch of Chinese with its numbers as characters. `following` decides how the last one is read, `before`,
    the character before it, whether a dash is one of from and to.
    """
    if before and before in "年月日号点分":
        core = re.sub(r"^[-–~～](?=\d)", "到", core)
    core = re.sub(r"(?<!\d)((?:1\d|20)\d\d)(?=[-–~～至到](?:1\d|20)\d\d年)", lambda year: han_digits(year[1]), core)
    core = _HAN_TELEPHONE.sub(_telephone, core)
    core = _HAN_CODE.sub(lambda code: (code[1] or "") + han_digits(code[2] or code[4]), core)
    core = re.sub(r"(?<!\d)(\d0)后", lambda born: han_digits(born[1]) + "后", core)
    core = re.sub(r"(?i)(?<![\d:])((?:0?\d|1[0-2]):\d\d(?::\d\d)?)([ap])\.?m\.?(?![a-z])", _half_day, core)
    core = _HAN_DATE.sub(lambda d: f"{d[1]}年{int(d[2])}月{int(d[3])}日", core)
    core = re.sub(r"(?<!\d)0(\d)(?=[月日号])", r"\1", core)
    core = _HAN_TIME.sub(_time, core)
    core = _HAN_MONTH.sub(lambda d: f"{d[1] or d[4]}年{int(d[2] or d[3])}月", core)
    core = re.sub(r"(?<![\d./-])(0[1-9]|1[0-2])[-/](0[1-9])(?![\d./-])", lambda d: f"{int(d[1])}月{int(d[2])}日", core)
    core = _signs(core)
    core = re.sub(r"(?<![\d/.])(?!24/7|(\d\d+)/\1(?!\d))([1-9]\d{0,2})/([1-9]\d{0,2})(?![\d/.])", r"\3分之\2", core)
    core = re.sub(r"(?<=[\d点分年月日号零一二三四五六七八九])[-–~～](?=\d)", "到", core)

    def read(match: re.Match[str]) -> str:
        after = core[match.end():match.end() + 1] or following[:1]
        counted = not match["decimals"] and (core[:match.start()] or before)[-1:] != "第"
        number = _han_number(match["number"], after if counted else "")
        if match["decimals"]:
            number += "点" + han_digits(match["decimals"])
        number += match["scale"]
        if match["unit"] == "%":
            number = "百分之" + number
        unit = _HAN_UNITS.get(match["unit"] or "", "")
        money = match["money"]
        return ("负" if match["sign"] else "") + number + unit + (_HAN_MONEY[money] if money else "")

    return _HAN_NUMBER.sub(read, core)


def _han_number(digits: str, after: str) -> str:
    number = digits.replace(",", "")
    year = len(number) == 4 and after == "年"
    if year or len(number) > MAX_DIGITS or (number[0] == "0" and len(number) > 1):
        return han_digits(number)
    if number == "2" and after and after in _COUNTED_BY_TWO:
        return "两"
    return han_cardinal(int(number))
