"""Numbers within Chinese."""
from __future__ import annotations

import re
from collections.abc import Sequence

from text.languages.mathematics import operators
from text.number_names import MAX_DIGITS, han_cardinal, han_digits
from text.written import Written, next_core

_HAN_UNITS = {
    "℃": "摄氏度", "°C": "摄氏度", "°F": "华氏度", "°": "度", "km": "公里", "kg": "公斤", "cm": "厘米", "m": "米",
    "g": "克", "km/h": "公里每小时", "km^2": "平方公里", "m^2": "平方米", "m^3": "立方米", "mm": "毫米", "t": "吨",
    "ml": "毫升", "mL": "毫升", "ms": "毫秒", "mg": "毫克", "L": "升", "l": "升", "min": "分钟", "h": "小时", "s": "秒",
    "W": "瓦", "kW": "千瓦", "kWh": "千瓦时", "Hz": "赫兹", "GHz": "吉赫兹", "MHz": "兆赫兹", "V": "伏",
    "mAh": "毫安时",
    "ha": "公顷", "dB": "分贝", "kcal": "千卡", "m/s": "米每秒",
}
_HAN_MONEY = {"¥": "元", "￥": "元", "$": "美元", "€": "欧元", "£": "英镑", "₩": "韩元", "CNY": "元", "RMB": "元",
              "USD": "美元", "US$": "美元", "EUR": "欧元", "GBP": "英镑", "JPY": "日元", "HKD": "港元", "HK$": "港元",
              "KRW": "韩元", "NT$": "新台币"}
_MONEY = "|".join(map(re.escape, sorted(_HAN_MONEY, key=len, reverse=True)))
_UNIT = "|".join(map(re.escape, sorted(_HAN_UNITS, key=len, reverse=True)))
_HAN_NUMBER = re.compile(
    rf"(?P<sign>[-−±])?(?P<money>(?<![A-Za-z])(?:{_MONEY}))?"
    r"(?P<number>\d{1,3}(?:,\d{3})+|\d+)(?:\.(?P<decimals>\d+))?"
    rf"(?P<scale>[百千万萬亿億]*)(?:(?P<unit>%|(?:{_UNIT})(?![A-Za-z])))?")
_HAN_DATE = re.compile(r"(?<!\d)(\d{4})[-/.·](\d{1,2})[-/.·](\d{1,2})(?!\d)")
_HAN_TIME = re.compile(r"(?<!\d)(\d{1,2}):(\d\d)(?::(\d\d))?(?!\d)")


_HAN_MONTH = re.compile(r"(?<![\d./-])(?:(\d{4})[-/.](0\d|1[0-2])|(0\d|1[0-2])[-/.](\d{4}))(?![\d./-])")
_HAN_TELEPHONE = re.compile(
    r"(?<![\d-])(?:\+\d{1,3}[- ])?(?:0\d{2,3}-\d{7,8}|\d{3,4}-\d{3,4}-\d{4}|1[3-9]\d{9}|400-\d{3}-\d{4})(?![\d-])")
_HAN_CODE = re.compile(r"(?:(?<=尾号)|(?<=尾号[是为])|(?<=[密房]码[是为])|(?<=验证码)|(?<=验证码[是为]))\d{3,6}(?!\d)"
                       r"|(?<=拨打)(?:1\d\d|\d{5})(?!\d)|(?<=公元前)\d{3}(?=年)")
_COUNTED_BY_TWO = frozenset("个個位只条張张次年天块元本岁種种件名点倍米万千亿家部台辆间座句段节场篇颗支把杯瓶碗周小到")
"""What 两 and not 二 stands before."""


def _telephone(match: re.Match[str]) -> str:
    return ("加" if match[0][0] == "+" else "") + "".join(map(han_digits, re.findall(r"\d+", match[0])))


def _signs(text: str, before: str, following: str) -> str:
    """3:1, and 3-1, which is no range; 1+2=3"""
    text = re.sub(r"(?<![\d:])(\d{1,3}):(\d{1,3})(?![\d:])", r"\1比\2", text)
    text = re.sub(r"(?<![\d./-])(?![-\d+×÷]+=)(0|[1-9]\d?)-(0|[1-9]\d?)(?![\d./-])", lambda score: _score(
        score, text[:score.start()] or before, text[score.end():] or following), text)
    text = re.sub(r"(?<![\d./-])(\d)/\1(?![\d./-])", r"\1比\1", text)
    between = r"(?<=\d)[-+×÷*=](?=\d)" if "=" in text else r"(?<=\d)[+×÷*](?=\d)"
    return re.sub(rf"{between}|[<>≤≥](?=\d)", lambda sign: operators("zh")[sign[0]], text)


def _half_day(match: re.Match[str]) -> str:
    return ("上午" if match[2].lower() == "a" else "下午") + match[1]


def _time(match: re.Match[str]) -> str:
    """2:02 is 两点零二分."""
    hour, minute, second = int(match[1]), int(match[2]), match[3]
    if hour > 24 or minute > 59:
        return match[0]
    text = f"{'两' if hour == 2 else hour}点"
    if minute or second:
        text += f"{'零' if 0 < minute < 10 else ''}{minute}分"
    return text + (f"{int(second)}秒" if second else "")


def chinese(words: Sequence[Written], at: int) -> list[str]:
    """A word with its number, and with the unit or the half of the day that stands apart behind it."""
    core, following = words[at].core, next_core(words, at)
    before, back = "", at
    while len(before) < 8 and back and not (words[back - 1].tail or words[back].lead):
        back -= 1
        before = words[back].core + before
    half = re.fullmatch(r"(?i)[ap]\.?m\.?", following)
    if half or (core[-1].isdigit() and following in _HAN_UNITS and following not in ("h", "s", "t")):
        return [chinese_text(core + following, "", before), ""]
    part = re.match(r"([1-9]\d?)/([1-9]\d?)(?!\d)", following)
    if part and re.fullmatch(r"[1-9]\d*", core) and int(part[1]) < int(part[2]):
        return [han_cardinal(int(core)) + "又", chinese_text(following, next_core(words, at + 1))]
    return [chinese_text(core, following, before)]


def apart(words: Sequence[Written], at: int) -> list[str] | None:
    """CNY 500 · 1 / 2: a sign that stands apart from its number"""
    core, following = words[at].core, next_core(words, at)
    if core in _HAN_MONEY and following[:1].isdigit():
        return ["", chinese_text(core + following, next_core(words, at + 1))]
    last = next_core(words, at + 1) if following == "/" else ""
    if core.isdigit() and last.isdigit():
        return [chinese_text(f"{core}/{last}", ""), "", ""]
    return None


def _score(match: re.Match[str], before: str, after: str) -> str:
    """3-1 is a score, 1-2 where sides or what became of them are named; else it is from one to the other."""
    falls = int(match[1]) >= int(match[2])
    sides = _SIDES.search(before) is not None and not re.match(r"[^\W\d负输胜赢战不领落]", after)
    return f"{match[1]}比{match[2]}" if falls or sides or _OUTCOMES.match(after) else match[0]


_SIDES = re.compile("(?:[队国]|比分|比分是)$")
_OUTCOMES = re.compile("负于|输|惜败|战胜|不敌|击败|大胜|落后|领先|战平|落败")


def _in_context(pattern: re.Pattern[str], core: str, before: str) -> str:
    """Digit by digit what the pattern finds in `core`, which stands behind `before`."""
    if before[-1:].isdigit():
        before = ""
    return pattern.sub(lambda found: han_digits(found[0]) if found.start() >= len(before) else found[0],
                       before + core)[len(before):]


def chinese_text(core: str, following: str, before: str = "") -> str:
    """A stretch of Chinese with its numbers as characters. `following` decides how the last one is read, `before`,
    what stands before it, whether the first is a code and a dash one of from and to.
    """
    if before and before[-1] in "年月日号点分":
        core = re.sub(r"^[-–~～](?=\d)", "到", core)
    core = re.sub("([A-Z])2([A-Z])(?![A-Za-z])", r"\1 to \2", core)
    core = core.replace("<=", "≤").replace(">=", "≥")
    core = re.sub(r"(?<!\d)((?:1\d|20)\d\d)(?=[-–~～至到](?:1\d|20)\d\d年)", lambda year: han_digits(year[1]), core)
    core = _HAN_TELEPHONE.sub(_telephone, core)
    core = _in_context(_HAN_CODE, core, before)
    if re.fullmatch(r"\d0", core) and re.match("后(?![来面续退])", following):
        return han_digits(core)
    core = re.sub(r"(?<!\d)(\d0)后", lambda born: han_digits(born[1]) + "后", core)
    core = re.sub(r"(?i)(?<![\d:])((?:0?\d|1[0-2]):\d\d(?::\d\d)?)([ap])\.?m\.?(?![a-z])", _half_day, core)
    core = _HAN_DATE.sub(lambda d: f"{d[1]}年{int(d[2])}月{int(d[3])}日", core)
    core = re.sub(r"(?<!\d)0(\d)(?=[月日号])", r"\1", core)
    core = _HAN_TIME.sub(_time, core)
    core = _HAN_MONTH.sub(lambda d: f"{d[1] or d[4]}年{int(d[2] or d[3])}月", core)
    core = re.sub(r"(?<![\d./-])(0[1-9]|1[0-2])[-/](0[1-9])(?![\d./-])", lambda d: f"{int(d[1])}月{int(d[2])}日", core)
    core = _signs(core, before, following)
    core = re.sub(r"(?<![\d/.])(?!24/7|(\d\d+)/\1(?!\d))([1-9]\d{0,2})/([1-9]\d{0,2})(?![\d/.])", r"\3分之\2", core)
    core = re.sub(r"(?<=[%\d点分年月日号零一二三四五六七八九])[-–~～](?=\d)", "到", core)

    def read(match: re.Match[str]) -> str:
        after = core[match.end():match.end() + 2] or following[:2]
        ordinal = core.endswith("第", 0, match.start()) if match.start() else before.endswith("第")
        counted = not match["decimals"] and not ordinal
        number = _han_number(match["number"], after if counted else "")
        if match["decimals"]:
            number += "点" + han_digits(match["decimals"])
        number += match["scale"]
        if match["unit"] == "%":
            number = "百分之" + number
        unit = _HAN_UNITS.get(match["unit"] or "", "")
        sign = {"": "", "±": "正负"}.get(match["sign"] or "", "负")
        return sign + number + unit + _HAN_MONEY.get(match["money"] or "", "")

    return _HAN_NUMBER.sub(read, core)


def _han_number(digits: str, after: str) -> str:
    number = digits.replace(",", "")
    year = len(number) == 4 and after[:1] == "年"
    if year or len(number) > MAX_DIGITS or (number[0] == "0" and len(number) > 1):
        return han_digits(number)
    if number == "2" and after[:1] in _COUNTED_BY_TWO and after[:2] != "小于":
        return "两"
    return han_cardinal(int(number))
