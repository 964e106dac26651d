"""The names of numbers in each language: `num2words`'s, Chinese and Hindi by tables.

A language is offered up to the power of ten to which its names were read back without error
(`tests/text/number_words.py`); of any other the digits stay.
"""
from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from num2words import CONVERTER_CLASSES, num2words

from text import tables

MAX_DIGITS = 15
"""A longer number has no name that anybody says; it is read digit by digit."""
_POWERS = {row[0]: int(row[1]) for row in tables.rows(Path(__file__).parent / "languages/data/languages.tsv")}
_POWERS["en"] = MAX_DIGITS
_MISSPELLED = {"it": ("dicotto", "diciotto"), "no": ("millard", "milliard"), "sv": ("förtio", "fyrtio")}


def language_code(language: str) -> str:
    """The language whose number names are used for a BCP 47 code, as `pt_BR`; "" when there are none."""
    base, _, region = language.replace("-", "_").partition("_")
    base = base.lower()
    base = {"nb": "no", "nn": "no", "iw": "he", "in": "id", "cmn": "zh", "yue": "zh"}.get(base, base)
    if base not in _POWERS:
        return ""
    whole = f"{base}_{region.upper()}"
    return whole if whole in CONVERTER_CLASSES else base


@lru_cache(4096)
def name(digits: str, code: str, to: str = "cardinal") -> str | None:
    """The words for a whole number; None when there are none that are known to be right."""
    base = code.partition("_")[0]
    if base not in _POWERS or int(digits) >= 10 ** _POWERS[base]:
        return None
    if base in _OWN:
        return _OWN[base](int(digits)) if to == "cardinal" else None
    try:
        words: str = num2words(int(digits), lang=code, to=to)
    except Exception:  # each of its sixty converters fails in its own way on what it lacks
        return None
    wrong, right = _MISSPELLED.get(base, ("", ""))
    return re.sub(r"\s*,\s*", " ", words.replace(wrong, right) if wrong else words)


def digit_names(digits: str, code: str) -> str | None:
    names = [name(digit, code) for digit in digits]
    return " ".join(filter(None, names)) if all(names) else None


def _turkish(number: int) -> str:
    """By groups: `num2words` loses the one of 121 403."""
    groups = []
    for power, scale in ((4, "trilyon"), (3, "milyar"), (2, "milyon"), (1, "bin"), (0, "")):
        group = number // 1000**power % 1000
        if group:
            words = "" if scale == "bin" and group == 1 else str(num2words(group, lang="tr"))
            groups.append(" ".join(filter(None, (words, scale))))
    return " ".join(groups) or "sıfır"


_HINDI = (
    "शून्य एक दो तीन चार पाँच छह सात आठ नौ दस ग्यारह बारह तेरह चौदह पंद्रह सोलह सत्रह अठारह उन्नीस बीस इक्कीस बाईस तेईस चौबीस "
    "पच्चीस छब्बीस सत्ताईस अट्ठाईस उनतीस तीस इकतीस बत्तीस तैंतीस चौंतीस पैंतीस छत्तीस सैंतीस अड़तीस उनतालीस चालीस इकतालीस "
    "बयालीस तैंतालीस चौवालीस पैंतालीस छियालीस सैंतालीस अड़तालीस उनचास पचास इक्यावन बावन तिरेपन चौवन पचपन छप्पन सत्तावन "
    "अट्ठावन उनसठ साठ इकसठ बासठ तिरेसठ चौंसठ पैंसठ छियासठ सड़सठ अड़सठ उनहत्तर सत्तर इकहत्तर बहत्तर तिहत्तर चौहत्तर पचहत्तर "
    "छिहत्तर सतहत्तर अठहत्तर उनासी अस्सी इक्यासी बयासी तिरासी चौरासी पचासी छियासी सत्तासी अट्ठासी नवासी नब्बे इक्यानबे बानबे "
    "तिरानबे चौरानबे पंचानबे छियानबे सत्तानबे अट्ठानबे निन्यानबे").split()

_HINDI_SCALES = ((10**11, "खरब"), (10**9, "अरब"), (10**7, "करोड़"), (10**5, "लाख"), (1000, "हज़ार"), (100, "सौ"))


def _hindi(number: int) -> str:
    if number == 0:
        return _HINDI[0]
    words: list[str] = []
    for scale, name_of in _HINDI_SCALES:
        count, number = divmod(number, scale)
        if count:
            words += [_HINDI[count], name_of]
    return " ".join([*words, _HINDI[number]] if number else words)


_HAN_DIGITS = "零一二三四五六七八九"


def han_digits(digits: str) -> str:
    return "".join(_HAN_DIGITS[int(digit)] for digit in digits)


def han_cardinal(number: int) -> str:
    """Below 10^16, in groups of four digits."""
    if number == 0:
        return "零"
    text, groups = "", []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    for power in range(len(groups) - 1, -1, -1):
        group = groups[power]
        if group:
            gap = text and (group < 1000 or not groups[power + 1])
            text += ("零" if gap else "") + _han_group(group) + ("", "万", "亿", "万亿")[power]
    return text[1:] if text.startswith("一十") else text


def _han_group(group: int) -> str:
    text, zero = "", False
    for place, unit in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = group // place % 10
        if digit:
            text += ("零" if zero and text else "") + _HAN_DIGITS[digit] + unit
        zero = digit == 0
    return text


_OWN: dict[str, Callable[[int], str]] = {"hi": _hindi, "tr": _turkish, "zh": han_cardinal}
