"""Numbers within Chinese."""
from __future__ import annotations

import re
from collections.abc import Sequence

from text.languages.electronic import CHAIN, VERSION
from text.languages.mathematics import operators
from text.number_names import MAX_DIGITS, han_cardinal, han_digits
from text.written import FRACTION, Written, next_core

_HAN_UNITS = {
    "℃": "摄氏度", "°C": "摄氏度", "°F": "华氏度", "°": "度", "km": "公里", "kg": "公斤", "cm": "厘米", "m": "米",
    "g": "克", "km/h": "公里每小时", "km^2": "平方公里", "m^2": "平方米", "m^3": "立方米", "mm": "毫米", "t": "吨",
    "ml": "毫升", "mL": "毫升", "ms": "毫秒", "mg": "毫克", "L": "升", "l": "升", "min": "分钟", "h": "小时", "s": "秒",
    "W": "瓦", "kW": "千瓦", "kWh": "千瓦时", "Hz": "赫兹", "GHz": "吉赫兹", "MHz": "兆赫兹", "V": "伏",
    "mAh": "毫安时",
    "ha": "公顷", "dB": "分贝", "kcal": "千卡", "m/s": "米每秒", "km/s": "公里每秒",
}
_HAN_MONEY = {"¥": "元", "￥": "元", "$": "美元", "€": "欧元", "£": "英镑", "₩": "韩元", "CNY": "元", "RMB": "元",
              "USD": "美元", "US$": "美元", "EUR": "欧元", "GBP": "英镑", "JPY": "日元", "HKD": "港元", "HK$": "港元",
              "KRW": "韩元", "NT$": "新台币"}
_CODES = "|".join(code for code in _HAN_MONEY if re.fullmatch("[A-Z]{3}", code))
_MONEY = "|".join(map(re.escape, sorted(_HAN_MONEY, key=len, reverse=True)))
_UNIT = "|".join(map(re.escape, sorted(_HAN_UNITS, key=len, reverse=True)))
_HAN_NUMBER = re.compile(
    rf"(?P<sign>[-−±]|(?<![A-Za-z\d+])\+)?(?P<money>(?<![A-Za-z])(?:{_MONEY}))?"
    r"(?P<number>\d{1,3}(?:,\d{3})+|\d+)(?:\.(?P<decimals>\d+))?"
    rf"(?P<scale>[百千万萬亿億]*)(?:(?P<unit>%|(?:{_UNIT}|{_CODES})(?![A-Za-z/])))?")
_HAN_DATE = re.compile(r"(?<!\d)(\d{4})[-/.·](\d{1,2})[-/.·](\d{1,2})(?!\d)")
_HAN_TIME = re.compile(r"(?<!\d)(\d{1,2}):(\d\d)(?::(\d\d))?(?!\d)")


_HAN_MONTH = re.compile(r"(?<![\d./-])(?:(\d{4})[-/.](0\d|1[0-2])|(0\d|1[0-2])[-/.](\d{4}))(?![\d./-])")
_HAN_TELEPHONE = re.compile(
    r"(?<![\d-])(?:\+\d{1,3}[- ])?(?:0\d{2,3}-\d{7,8}|\d{3,4}-\d{3,4}-\d{4}|1[3-9]\d{9}|400-\d{3}-\d{4})(?![\d-])")
_HAN_CODE = re.compile(r"(?:(?<=尾号)|(?<=尾号[是为])|(?<=[密房]码[是为])|(?<=验证码)|(?<=验证码[是为]))\d{3,6}(?!\d)"
                       r"|(?<=拨打)(?:1\d\d|\d{5})(?!\d)|(?<=公元前)\d{3}(?=年)")
_CODE_CUES = re.compile(r"(?:房间号|门牌号|车次|学号|编号|卡号|单号|航班号?|区号|邮编|号码|房号|工号)[是为：，]?"
                        r"(\d{3,})(?![\d.]|年)")
_PHONE_IN_THREE = re.compile(r"1[3-9]\d")
_YEARS_BY_DIGITS = re.compile(r"(?<!\d)(?:1\d|20)\d\d(?=[-–~～至到](?:1\d|20)\d\d(?:年|赛季|学年|财年))"
                              r"|(?<=[-–~～至到])(?:1\d|20)\d\d(?=赛季|学年|财年)")
_TWO_OF = tuple("分钟 公斤 公里 厘米 毫米 毫升 平方 立方".split()) + tuple(
    "吨升克秒门项顿套双对艘首册米批款道幅群桌碗袋箱盒包块棵朵匹头趟")
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
    if tagged := re.fullmatch(r"(?:19|20)\d\d", core) if "#" in _stretch(words, at) else None:
        return [han_digits(tagged[0])]
    named = following in _HAN_UNITS or re.fullmatch(_CODES, following)
    if half or (re.search(r"\d[百千万亿]{0,2}$", core) and named and following not in ("h", "s", "t")):
        return [chinese_text(core + following, "", before), ""]
    part = re.match(r"([1-9]\d?)/([1-9]\d?)(?!\d)", following)
    if part and re.fullmatch(r"[1-9]\d*", core) and int(part[1]) < int(part[2]):
        return [han_cardinal(int(core)) + "又", chinese_text(following, next_core(words, at + 1))]
    return [chinese_text(core, following, before)]


def _stretch(words: Sequence[Written], at: int) -> str:
    """What stands before a word up to a space or a mark: #夏天2025"""
    found = ""
    for word in reversed(words[max(at - 4, 0):at]):
        if word.tail:
            break
        found = word.core + found
    return found


def apart(words: Sequence[Written], at: int) -> list[str] | None:
    """CNY 500 · 1 / 2: a sign that stands apart from its number"""
    core, following = words[at].core, next_core(words, at)
    if core in _HAN_MONEY and following[:1].isdigit():
        return ["", chinese_text(core + following, next_core(words, at + 1))]
    if phone := _telephone_apart(words, at):
        return phone
    last = next_core(words, at + 1) if following == "/" else ""
    if core.isdigit() and last.isdigit():
        return [chinese_text(f"{core}/{last}", ""), "", ""]
    return None


def _telephone_apart(words: Sequence[Written], at: int) -> list[str] | None:
    """+86 138 1234 5678 · 138 1234 5678"""
    groups = [words[at].core, *(next_core(words, at + k) if at + k < len(words) else "" for k in range(3))]
    plus = 1 if re.fullmatch(r"\+\d{1,3}", groups[0]) else 0
    count = plus
    while count < 4 and re.fullmatch(r"[\d-]{3,11}", groups[count]):
        count += 1
    n_digits = sum(c.isdigit() for group in groups[plus:count] for c in group)
    if (plus and n_digits > 6) or (not plus and n_digits == 11 and count == 3 and _PHONE_IN_THREE.fullmatch(groups[0])):
        return [("加" if group[0] == "+" else "") + han_digits(re.sub(r"\D", "", group)) for group in groups[:count]]
    return None


def _score(match: re.Match[str], before: str, after: str) -> str:
    """3-1 is a score, 1-2 where sides or what became of them are named; else it is from one to the other."""
    falls = int(match[1]) >= int(match[2])
    sides = _SIDES.search(before) is not None and not re.match(r"[^\W\d负输胜赢战不领落]", after)
    return f"{match[1]}比{match[2]}" if falls or sides or _OUTCOMES.match(after) else match[0]


_SIDES = re.compile("(?:[队国]|比分|比分是)$")
_OUTCOMES = re.compile("负于|输|惜败|战胜|不敌|击败|大胜|落后|领先|战平|落败")


def _codes(core: str, before: str) -> str:
    """5·1, 1080p, CA1234, 502室, 房间号是1208"""
    core = re.sub(r"(?<![\d·])(\d{1,2})·(\d{1,2})(?![\d·])", lambda day: (
        "十" if day[1] == "10" else han_digits(day[1])) + han_digits(day[2]), core)
    core = re.sub(r"(?<!\d)(\d{3,4})(?=[pP](?![A-Za-z]))", lambda lines: han_digits(lines[1]), core)
    core = re.sub(r"(?<=[A-Z])\d{4,6}(?![\d.])(?!年)", lambda code: han_digits(code[0]), core)
    core = re.sub(r"(?<![\d-])\d{3,4}(?=室|号房)", lambda room: han_digits(room[0]), core)
    cue = before if not before[-1:].isdigit() else ""
    return _CODE_CUES.sub(lambda code: code[0].replace(code[1], han_digits(code[1])), cue + core)[len(cue):]


def _chain(match: re.Match[str]) -> str:
    """2-1-501: house, entrance and flat; the digits of a longer code one by one"""
    return "杠".join(map(han_digits, match[0].split("-")))


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
    core = re.sub("(?!H2[OS]|[NK]2O)([A-Z])2([A-Z])(?![A-Za-z])", r"\1 to \2", core)
    core = re.sub(rf"(?<=\d){FRACTION}(?=\d)", "又", core).replace(FRACTION, "")
    core = core.replace("<=", "≤").replace(">=", "≥")
    core = _YEARS_BY_DIGITS.sub(lambda year: han_digits(year[0]), core + following[:2])[:len(core)]
    core = re.sub(r"([cdkm]?m)([23])(?![\d^])", r"\1^\2", core)
    core = _codes(core, before)
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
    core = CHAIN.sub(_chain, core)
    core = VERSION.sub(lambda v: "点".join(_han_number(part, "") for part in v[0].split(".")), core)
    core = _signs(core, before, following)
    core = re.sub(r"(?<=[\dA-Za-z])[×x](?=\d)", "乘", core)
    core = re.sub(r"(?<![\d.])(\d+(?:\.\d+)?)‰", r"千分之\1", core)
    per = "[一-龥]|$" if re.match("[一-龥]", following) else "[一-龥]"
    core = re.sub(rf"(?<=\d)({_UNIT}|[元次])/(?={per})", r"\1每", core)
    core = re.sub(r"√(?=\d)", "根号", core)
    core = re.sub(r"(?<![\d/.])(?!24/7|(\d\d+)/\1(?!\d))([1-9]\d{0,2})/([1-9]\d{0,2})(?![\d/.])", r"\3分之\2", core)
    core = re.sub(r"(?<=[%\d点分年月日号零一二三四五六七八九])[-–~～](?=\d)", "到", core)
    core = re.sub(r"(?<=[零一二三四五六七八九])[-–~～](?=[零一二三四五六七八九])", "到", core)

    def read(match: re.Match[str]) -> str:
        after = core[match.end():match.end() + 2] or following[:2]
        ordinal = core.endswith("第", 0, match.start()) if match.start() else before.endswith("第")
        counted = not match["decimals"] and not ordinal
        unit = _HAN_UNITS.get(match["unit"] or "", _HAN_MONEY.get(match["unit"] or "", ""))
        number = _han_number(match["number"], (match["scale"] or unit or after) if counted else "")
        if match["decimals"]:
            number += "点" + han_digits(match["decimals"])
        number += match["scale"]
        if match["unit"] == "%":
            number = "百分之" + number
        sign = {"": "", "±": "正负", "+": "正"}.get(match["sign"] or "", "负")
        return sign + number + unit + _HAN_MONEY.get(match["money"] or "", "")

    return _HAN_NUMBER.sub(read, core)


def _han_number(digits: str, after: str) -> str:
    number = digits.replace(",", "")
    year = len(number) == 4 and after[:1] == "年"
    if year or len(number) > MAX_DIGITS or (number[0] == "0" and len(number) > 1):
        return han_digits(number)
    if number == "2" and ((after[:1] in _COUNTED_BY_TWO and after[:2] != "小于") or after.startswith(_TWO_OF)):
        return "两"
    return han_cardinal(int(number))
