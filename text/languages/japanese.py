"""Numbers within Japanese: dates, times, telephone numbers, what is counted."""
from __future__ import annotations

import re
from collections.abc import Sequence

from text.languages.amounts import currencies, units
from text.languages.electronic import CHAIN, VERSION
from text.languages.grammar import Language, Number, said, whole_words
from text.languages.mathematics import operators
from text.languages.telephone import telephone
from text.number_names import digit_names
from text.written import FRACTION, Written, next_core

_CODES = [code for code in currencies("ja") if re.fullmatch("[A-Z]{3}", code)]
_UNIT = "|".join(sorted(map(re.escape, ["%", *_CODES, *units("ja")]), key=len, reverse=True))
_MONEY = f"(?:{'|'.join(sorted(map(re.escape, currencies('ja')), key=len, reverse=True))})"
_NUMBER = re.compile(
    rf"(?P<sign>(?<!\d)[-−+±])?(?P<money>(?<![A-Z]){_MONEY})?(?P<whole>\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.(?P<decimals>\d+))?"
    rf"(?:(?P<scale>[百千万億兆]{{0,2}})(?P<unit>%|(?:{_UNIT})(?![A-Za-z\d/])))?")
_FORMULA = re.compile(
    r"(?<![A-Za-z\d])(?=[A-Za-z]*\d)(?:(?:Al|Ca|Cl|Cu|Fe|Mg|Na|Si|Zn|[CFHKNOPS])[2-9]?){2,8}(?![A-Za-z\d])")
_ENGLISH_DIGITS = {"2": "ツー", "3": "スリー", "4": "フォー", "5": "ファイブ", "6": "シックス", "7": "セブン",
                   "8": "エイト", "9": "ナイン"}
"""So numbers in formulas and in names of a few capitals are said: CO2, PS5."""
_DATE = re.compile(r"(?:(?<![\d/.-])|(?<=\d[-–]))(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?![\d/]|-(?!\d{4}))")
_TIME = re.compile(r"(?<!\d)(\d{1,2}):(\d\d)(?::(\d\d))?(?!\d)")
_MONTH = re.compile(r"(?<![\d/.-])(?:(\d{4})([-/.])(0\d|1[0-2])|(0\d|1[0-2])([-/.])(\d{4}))(?![\d/.-])")
_DAY = re.compile(r"(?<![\d/.-])(0?[1-9]|1[0-2])/(0?[1-9]|[12]\d|3[01])(?![\d/.-])")
_PADDED_DAY = re.compile(r"(?<![\d/.-])0([1-9])-0?([1-9]|[12]\d|3[01])(?![\d/.-])")
_BEHIND_DAYS = ("まで", "から", "に", "は", "より", "の", "(", "頃", "発")
_TELEPHONE = re.compile(r"(?<![\d./-])(?:(?:\+\d{1,3}[- ])?0\d{1,4}-\d{1,4}-\d{3,4}|0\d0-?\d{8}|\d{3}-\d{4}-\d{4}"
                        r"|\+\d{1,3}(?:-\d{1,4}){2}-\d{3,4})(?![\d./-])")
_FRACTION = re.compile(r"(?<![\d/])(?!24/7|(\d\d+)/\1(?!\d))([1-9]\d{0,2})/([1-9]\d{0,8})(?![\d/])")
_SCORE = re.compile(r"(?<![\d:/.-])(0|[1-9]\d{0,2})([:-])(0|[1-9]\d{0,2})(?![\d:/.-])")
_ERAS = {"R": "令和", "H": "平成", "S": "昭和"}
_CODE = re.compile(r"(?:番号|コード|パスワード)[はがも]?$")
_BATTING = ("割", "分", "厘")
_WEEKDAYS = frozenset("月火水木金土日")


def japanese(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """2024/05/12 · 15:30 · 3,000円 · 1/2 · 第3回 · 55ページ · 3:1 · 1+2=3"""
    if speech.base != "ja":
        return None
    following = next_core(words, at)
    abroad = re.fullmatch(r"\+\d{1,3}", words[at].core)
    if phrases := _apart(words, at, speech) or (telephone(words, at, speech) if abroad else None):
        return phrases
    text = re.sub(r"([cdkm]?m)([23])(?![\d^])", r"\1^\2", words[at].core)
    text = re.sub("(?<![A-Za-z])(?!H2[OS]|[NK]2O)([A-Z])2([A-Z])(?![A-Za-z])", r"\1 to \2",
                  _TELEPHONE.sub(_telephone, text))
    text = _FORMULA.sub(lambda formula: re.sub(r"\d", lambda d: _ENGLISH_DIGITS[d[0]], formula[0]), text)
    text = re.sub(rf"(?<=\d){FRACTION}(?=\d)", "と", text).replace(FRACTION, "")
    text = text.replace("<=", "≤").replace(">=", "≥")
    text = re.sub(r"(?<![A-Za-z])([A-Z])-(?=\d)", r"\1", text)
    text = re.sub(r"(?<![A-Za-z])([RHS])(\d{1,2})年", lambda year: f"{_ERAS[year[1]]}{year[2]}年", text)
    text = _DATE.sub(lambda day: f"{day[1]}年{int(day[3])}月{int(day[4])}日", text)
    text = _MONTH.sub(lambda m: f"{m[1] or m[6]}年{int(m[3] or m[4])}月", text)
    text = _signs_of_codes(text, speech)
    text = _TIME.sub(lambda time: f"{int(time[1])}時{int(time[2])}分".replace("時0分", "時")
                     + (f"{int(time[3])}秒" if time[3] else ""), text)
    text = _PADDED_DAY.sub(r"\1月\2日", text)
    following = following or _weekday_behind(words, at)
    text = _DAY.sub(lambda day: _month_and_day(day, text, following, following), text)
    text = re.sub(r"日\(([月火水木金土日])(?:・(祝))?(?:\)|$)", lambda d: f"日{d[1]}曜日{'祝日' if d[2] else ''}", text)
    text = re.sub(r"√(\d{1,3})/(\d{1,3})(?![\d/])", r"\2分の√\1", text)
    text = _FRACTION.sub(r"\3分の\2", text)
    text = re.sub(r"(?i)(\d{1,2}(?:時(?:\d{1,2}分)?)?)\s?([ap])\.?m\.?", _half_day, text)
    compared = re.search(r"\d[=<>≥≤]-?\d", text) or re.search(r"\d[+×÷*]+[-\d]", text)
    if len(words) == 1 and re.fullmatch(r"\d{1,3}-\d{1,3}", text):
        text = text.replace("-", "マイナス")
    text = text if compared else _SCORE.sub(_against, text)
    between = r"(?<=\d)[-+×÷*=](?=[-\d])|" if compared else ""
    text = re.sub(between + r"[<>≥≤](?=-?\d)", lambda sign: operators("ja")[sign[0]], text)
    text = _until(text, words, at)
    text = re.sub(r"-(?=√)", "マイナス", text.replace("No.", "ナンバー"))
    text = re.sub(r"√(?=\d)", "ルート", text)
    return [_NUMBER.sub(lambda match: _read(match, speech), text)]


def _signs_of_codes(text: str, speech: Language) -> str:
    """〒150-0002, 渋谷2-21-1, 3.1.4, 打率.310, 2h30m, 30cm×20cm"""
    text = re.sub(r"〒(\d{3}-?\d{4})", lambda code: _telephone(code), text)
    text = CHAIN.sub(lambda chain: _chain(chain[0].split("-"), speech), text)
    text = VERSION.sub(lambda version: "点".join(whole_words(part, speech) or part for part in version[0].split(".")),
                        text)
    text = re.sub(r"(?<=打率)\.(\d)(\d)(\d)(?!\d)", lambda rate: "".join(
        (whole_words(digit, speech) or digit) + place for digit, place in zip(rate.groups(), _BATTING, strict=True)
        if digit != "0"), text)
    text = re.sub(r"(?<![\d.])\.(?=\d+(?!\d))", "0.", text) if re.search(r"(?<![\d.A-Za-z])\.\d", text) else text
    text = re.sub(r"(?<![\dA-Za-z])(\d{1,2})h(\d{1,2})m(?:in)?(?![A-Za-z])", r"\1時間\2分", text)
    return re.sub(r"(?<=[A-Za-z])×(?=\d)", "かける", text)


def _chain(parts: Sequence[str], speech: Language) -> str:
    """Numbers of an address by の, the digits of a longer code one by one."""
    long = sum(map(len, parts)) > 8
    return "の".join((digit_names(part, "ja") if long or part[0] == "0" else whole_words(part, speech)) or part
                    for part in parts).replace(" ", "")


def _weekday_behind(words: Sequence[Written], at: int) -> str:
    """12/25（月）, whose bracket is a display word"""
    if at + 1 < len(words) and words[at + 1].lead == "(" and words[at + 1].core[:1] in _WEEKDAYS:
        return "("
    return ""


def _until(text: str, words: Sequence[Written], at: int) -> str:
    """9時〜5時, 平成17年〜平成18年: what a wave means between two ends"""
    text = re.sub(r"(?<=[\d日月年時分秒代頃度円%])[-–~〜～](?=\d)", "から", text)
    text = re.sub(r"(?<=[日月年紀代頃])[~〜～](?=[一-龥]|$)", "から", text)
    return re.sub(r"^[~〜～](?=[\d一-龥])", "から", text) if at else text


def unit_apart(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """30万 km · 50 USD: a unit in a display word of its own"""
    match = _UNIT_APART.fullmatch(words[at].core) if speech.base == "ja" and at else None
    counted = match and re.search(r"\d[百千万億兆]{0,2}$", words[at - 1].core) and not words[at - 1].tail
    if match is None or not counted:
        return None
    money = currencies("ja").get(match[1])
    noun = money[0] if money else units("ja").get(match[1], speech.percent)
    return [noun.forms[0] + match[2]] if noun else None


_UNIT_APART = re.compile(rf"({_UNIT})([ぁ-んァ-ヴー一-龥]*)")


def wave(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """平成17年〜平成18年: a wave that is a display word"""
    before = words[at - 1] if at else Written("", "", "")
    lone = speech.base == "ja" and "".join(words[at]) in ("~", "〜", "～") and at + 1 < len(words)
    return ["から"] if lone and not before.tail and before.core[-1:] in tuple("日月年紀代頃度円") else None


def _apart(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """1 / 2 · 1 1/2人前 · +81 90-1234-5678: numbers in several display words"""
    core, following = words[at].core, next_core(words, at)
    last = next_core(words, at + 1) if following == "/" else ""
    if core.isdigit() and (below := re.match(r"[1-9]\d{0,8}", last)):
        parts = [whole_words(part, speech) or part for part in (below[0], core)]
        return ["の".join([f"{parts[0]}分", parts[1]]), "", last[below.end():]]
    if following == "M" and re.fullmatch(r"\d{1,2}:\d\d[AP]", core):
        return [*(japanese([words[at]._replace(core=core + "M")], 0, speech) or [core]), ""]
    part = re.match(r"([1-9]\d?)/([1-9]\d?)(?!\d)", following)
    if part and re.fullmatch(r"[1-9]\d*", core) and int(part[1]) < int(part[2]):
        return [f"{whole_words(core, speech)}と"]
    if re.fullmatch(r"\+\d{1,3}", core) and re.match(r"\d[\d-]{7,}", following):
        return [f"プラス{digit_names(core[1:], 'ja')}"]
    before = words[at - 1] if at else Written("", "", "")
    before_that = words[at - 2].core if at > 1 and len(before.core) == 1 else ""
    if re.match(r"\d{4,8}(?!\d)", core) and not before.tail and _CODE.search(before_that + before.core):
        return [re.sub(r"^\d+", lambda code: digit_names(code[0], "ja") or code[0], core)]
    return None


def weekday(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """5月1日(月): the day of the week behind a day"""
    word = words[at]
    if speech.base == "ja" and (holiday := re.fullmatch("([月火水木金土日])・祝", word.core)) and word.lead == "(":
        return [f"{holiday[1]}曜日祝日"]
    if speech.base != "ja" or word.core not in _WEEKDAYS:
        return None
    if until := _until_weekday(words, at):
        return [f"{word.core}曜日", "から", until]
    if not at or not re.search(r"日$|\d/\d{1,2}$", words[at - 1].core):
        return None
    return [f"{word.core}曜日"] if word.lead[-1:] == "(" and word.tail[:1] == ")" else None


def _until_weekday(words: Sequence[Written], at: int) -> str:
    """月～金の: 金曜の, of three display words"""
    if at + 2 >= len(words) or (words[at + 1].core or words[at + 1].lead) not in ("~", "〜"):
        return ""
    last = re.fullmatch("([月火水木金土日])(?:曜日?)?([ぁ-ん(].*)?", words[at + 2].core)
    return f"{last[1]}曜日{last[2] or ''}" if last else ""


def _telephone(match: re.Match[str]) -> str:
    groups = [(digit_names(part, "ja") or part).replace("零", "ゼロ") for part in re.findall(r"\d+", match[0])]
    return ("プラス" if match[0][0] == "+" else "") + "の".join(groups)


def _month_and_day(match: re.Match[str], text: str, following: str, behind: str) -> str:
    """12/31 is a day where it is written 08/08 or a word behind it says so."""
    after = text[match.end():] or following
    share = after.startswith("の") and (text[:match.start()][-1:] == "約" or re.match("の[人割量力]", after + behind))
    if share and int(match[1]) < int(match[2]):
        return match[0]
    late = int(match[1]) > 1 and int(match[2]) > 12 and not re.match("カップ|杯|本|個|の", after)
    padded = late or match[1][0] == "0" or match[2][0] == "0" or match[2] == "1" or int(match[1]) > int(match[2]) > 4
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
    money = currencies("ja").get(match["money"] or unit)
    name = noun.forms[0] if noun else money[0].forms[0] if money else ""
    sign = operators("ja").get(match["sign"], speech.minus) if match["sign"] else ""
    return (sign + number + (match["scale"] or "") + name).replace(" ", "")
