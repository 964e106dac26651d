"""How a written word is taken apart, and how numbers are read in every language but English.

A reader (`speak` here, `english.speak`) is given written words and tells for each what is said, punctuation
kept. Numbers are `num2words`'s; Chinese, which it lacks, is read here. Of a language that neither knows the
digits stay.
"""
from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise, zip_longest
from typing import Any, NamedTuple

from num2words import CONVERTER_CLASSES, num2words

MAX_DIGITS = 15
"""A longer number has no name that anybody says; it is read digit by digit."""
MAX_CORE = 200
"""A longer word is no number, name or address: it is read run by run."""


class Written(NamedTuple):
    """A display word in plain characters: `core` without the punctuation before and after it."""

    lead: str
    core: str
    tail: str


# Characters

FRACTION = "\u2064"
"""Stands before a fraction that is one character, so that 2½ is not 21/2. Unicode calls it invisible plus."""

_CHARACTERS = {
    **dict.fromkeys("‘’‚‛ʼʻ′`´＇", "'"),
    **dict.fromkeys("“”„‟«»＂", '"'),
    **dict.fromkeys("‹›", "'"),
    **dict.fromkeys("‐‑﹣－", "-"),
    **dict.fromkeys("‒–", "–"),
    **dict.fromkeys("—―", "—"),
    **dict.fromkeys("：；", "，"),
    **dict.fromkeys("™®©℠\u20e3\u00ad", ""),
    "″": "''", "…": "...", "№": "No.", "〇": "零", "（": "(", "）": ")", "％": "%",
}
_KEPT = frozenset("ªº°\u0e33\u0eb3\u200c\u200d^+=<>|~$£€¥%×÷±−≈≤≥≠\u00a0\u202f\u2009\u2007 ")
_SUPERSCRIPTS = re.compile("[⁰¹²³⁴-⁻]+")
_LONE_JOINER = re.compile("(?<![^\\W\\d_])[\u200c\u200d]+|[\u200c\u200d]+(?![^\\W\\d_])")


@lru_cache(4096)
def plain(text: str) -> str:
    """Quotes, dashes, digits and letters of one kind each; emoji and marks without sound are gone."""
    if text.isascii():
        return text.replace("---", "—").replace("--", "—")
    text = _SUPERSCRIPTS.sub(lambda raised: "^" + unicodedata.normalize("NFKC", raised[0]), text)
    text = "".join(map(_plain_character, text)).replace("---", "—").replace("--", "—")
    return unicodedata.normalize("NFC", _LONE_JOINER.sub("", text))


@lru_cache(4096)
def _plain_character(character: str) -> str:
    if character in _CHARACTERS:
        return _CHARACTERS[character]
    if character in _KEPT:
        return character
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.digit(character))
    if unicodedata.decomposition(character).startswith("<fraction>"):
        return FRACTION + unicodedata.normalize("NFKC", character).replace("⁄", "/")
    if category in ("Cf", "Cc", "Cn", "Co", "Cs", "So", "Sk") or "\ufe00" <= character <= "\ufe0f":
        folded = unicodedata.normalize("NFKC", character)
        return folded if (folded != character and folded.isalnum()) or character in "℃℉" else ""
    if unicodedata.decomposition(character).startswith("<") and not category.startswith("P"):
        return unicodedata.normalize("NFKC", character)
    if category in ("No", "Nl"):
        value = unicodedata.numeric(character)
        return str(int(value)) if value == int(value) else ""
    return character


_OPENING = "\"'([{<*_~`|¿¡「『《【〈"
_CLOSING = "\"')]}>*_~`|.,;:!?—–-。、，！？」』》】〉·"
_LEAD = re.compile(r"""(?:["'(\[{*_`|¿¡「『《【〈—–,;:!?。、，！？·]|\.(?!\d|[^\W\d_])|[<>~](?!\d)|-(?![\d$£€¥.]))*""")


@lru_cache(8192)
def peel(text: str) -> Written:
    """Takes the punctuation off. `'` before a decade, `-` before a number and `.` before decimals stay."""
    if text.isalpha():
        return Written("", text, "")
    lead = _LEAD.match(text)
    start = lead.end() if lead else 0
    if text[start - 1:start] == "'" and re.match(r"\d\ds?\b", text[start:start + 4]):
        start -= 1
    core = text[start:].rstrip(_CLOSING)
    return Written(text[:start], core, text[start + len(core):])


def punctuated(word: Written, phrase: str) -> str:
    """The phrase with the punctuation that an engine can make sense of; of a lone sign only the pause."""
    if phrase := " ".join(phrase.split()):
        return _unmarked(word.lead) + phrase + _unmarked(word.tail)
    rest = _unmarked(word.lead + word.tail)
    return ("—" if rest in ("-", "–") else rest) if re.search(r"[-.,;:!?—–。、，！？]", rest) else ""


def _unmarked(signs: str) -> str:
    """Without Markdown and bars; ten marks are as good as a thousand."""
    return re.sub(r"[*_~`|<>{}]", "", signs)[:10] if signs else ""


# Capitals

_SENTENCE_END = re.compile(r"[.!?。！？]")


def shouting(words: Sequence[Written], acronym: Callable[[str], bool]) -> list[bool]:
    """Which words stand in a stretch of capitals that is emphasis, not a row of acronyms."""
    loud = [False] * len(words)
    start = 0
    while start < len(words):
        stop = start
        while stop < len(words) and words[stop].core.upper() == words[stop].core:
            stop += 1
            if _SENTENCE_END.search(words[stop - 1].tail):
                break
        if stop > start and _is_shout(words, start, stop, acronym):
            loud[start:stop] = [True] * (stop - start)
        start = max(stop, start + 1)
    return loud


def _is_shout(words: Sequence[Written], start: int, stop: int, acronym: Callable[[str], bool]) -> bool:
    """Two words in capitals, one of them no acronym, and either a whole sentence or one that is long."""
    capitals = [w.core for w in words[start:stop] if sum(map(str.isalpha, w.core[:MAX_CORE])) > 1]
    certain = [core for core in capitals if not acronym(core)]
    if len(capitals) < 2 or not certain:
        return False
    first = words[start]
    opens = start == 0 or not first.core or first.lead or _SENTENCE_END.search(words[start - 1].tail)
    closes = stop == len(words) or _SENTENCE_END.search(words[stop - 1].tail)
    return bool(opens and closes) or any(len(core) > 4 for core in certain)


def spelled(letters: str) -> str:
    """Letter by letter, capital: an engine says "F B I" so, and would take "f b i" for syllables."""
    return " ".join(letters.upper())


# Numbers


def language_code(language: str) -> str:
    """The name of `num2words` for a BCP 47 code; "" when it does not know the language."""
    base, _, region = language.replace("-", "_").partition("_")
    base = {"nb": "no", "nn": "no", "iw": "he", "in": "id", "kk": "kz"}.get(base.lower(), base.lower())
    whole = f"{base}_{region.upper()}"
    return whole if whole in CONVERTER_CLASSES else base if base in CONVERTER_CLASSES else ""


@lru_cache(4096)
def name(number: str, language: str, to: str = "cardinal") -> str | None:
    """The words for digits with or without a decimal point; None when `num2words` has none."""
    try:
        words: str = num2words(Decimal(number) if "." in number else int(number), lang=language, to=to)
    except Exception:  # each of its sixty converters fails in its own way on what it lacks
        return None
    return re.sub(r"\s*,\s*", " ", words)


def digit_names(digits: str, language: str) -> str | None:
    names = [name(digit, language) for digit in digits]
    return " ".join(filter(None, names)) if all(names) else None


def share_out(phrase: str, count: int) -> list[str]:
    """The words of a phrase over `count` display words in order, the earlier ones first served."""
    words = phrase.split()
    edges = [max(round(len(words) * k / count), min(k, len(words))) for k in range(count + 1)]
    return [" ".join(words[a:b]) for a, b in pairwise(edges)]


def grouped(words: Sequence[Written], start: int) -> int:
    """How many words from `start` are one number whose thousands are set apart by spaces, as in 10 000."""
    if not re.fullmatch(r"[1-9]\d{0,2}", words[start].core):
        return 1
    stop = start + 1
    while (stop < len(words) and stop < start + 5 and not words[stop - 1].tail and not words[stop].lead
           and re.fullmatch(r"\d{3}", words[stop].core)):
        stop += 1
    return stop - start


_DOT_DECIMALS = ("ja", "ko", "th", "he", "ar", "fa", "bn", "te", "kn")
_SPACED_THOUSANDS = ("fr", "ru", "uk", "pl", "cs", "sk", "sv", "no", "fi", "hu", "lv", "lt", "be")
_SYMBOLS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY"}
_PERCENT = {
    "de": "Prozent", "fr": "pour cent", "es": "por ciento", "it": "per cento", "pt": "por cento", "nl": "procent",
    "sv": "procent", "da": "procent", "no": "prosent", "fi": "prosenttia", "pl": "procent", "cs": "procent",
    "sk": "percent", "ru": "процентов", "uk": "відсотків", "ro": "la sută", "hu": "százalék", "ja": "パーセント",
    "ko": "퍼센트", "id": "persen", "vi": "phần trăm", "th": "เปอร์เซ็นต์", "he": "אחוז", "ar": "بالمئة",
    "ca": "per cent", "tr": "yüzde",
}
_UNITS = {
    "de": "km Kilometer|m Meter|cm Zentimeter|mm Millimeter|kg Kilogramm|g Gramm|l Liter|km/h Kilometer pro Stunde"
          "|°C Grad Celsius|° Grad|h Stunden|min Minuten|s Sekunden",
    "fr": "km kilomètres|m mètres|cm centimètres|mm millimètres|kg kilos|g grammes|l litres|km/h kilomètres heure"
          "|°C degrés|° degrés|h heures|min minutes|s secondes",
    "es": "km kilómetros|m metros|cm centímetros|mm milímetros|kg kilos|g gramos|l litros|km/h kilómetros por hora"
          "|°C grados|° grados|h horas|min minutos|s segundos",
    "it": "km chilometri|m metri|cm centimetri|mm millimetri|kg chili|g grammi|l litri|km/h chilometri all'ora"
          "|°C gradi|° gradi|h ore|min minuti|s secondi",
    "pt": "km quilômetros|m metros|cm centímetros|mm milímetros|kg quilos|g gramas|l litros|km/h quilômetros por hora"
          "|°C graus|° graus|h horas|min minutos|s segundos",
    "nl": "km kilometer|m meter|cm centimeter|mm millimeter|kg kilo|g gram|l liter|km/h kilometer per uur"
          "|°C graden|° graden|h uur|min minuten|s seconden",
}
UNIT_NAMES = {code: dict(pair.split(" ", 1) for pair in units.split("|")) for code, units in _UNITS.items()}
_CLOCK = {"de": "Uhr", "fr": "heures", "nl": "uur"}
_ORDINALS = {
    "de": re.compile(r"(\d{1,2})\."),
    "fr": re.compile(r"(\d{1,4})(?:er|re|e|ème|eme|nd|nde)"), "es": re.compile(r"(\d{1,4})\.?[ºª]"),
    "it": re.compile(r"(\d{1,4})[ºª°]"), "pt": re.compile(r"(\d{1,4})\.?[ºª]"),
    "nl": re.compile(r"(\d{1,4})(?:e|de|ste)"), "sv": re.compile(r"(\d{1,4}):[ae]"),
    "ca": re.compile(r"(\d{1,4})(?:r|n|t|è|a)"),
}
_GERMAN_MONTHS = ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober",
                  "November", "Dezember")
_AMOUNT = re.compile(
    r"(?P<sign>[-−])?(?P<before>[€$£¥%])?(?P<low>\d[\d.,' \u00a0\u202f\u2009]*)"
    r"(?:[-–](?P<high>\d[\d.,]*))?(?P<unit>\D{0,8})"
)


def speak(words: Sequence[Written], language: str) -> list[str]:
    """What is said for each word of a language other than English."""
    words = _own_dots(words, language_code(language))
    loud = shouting(words, _is_acronym)
    said: list[str] = []
    while len(said) < len(words):
        at = len(said)
        if re.search(r"[\d%]", words[at].core):
            phrases = _numbers(words, at, language)
        else:
            phrases = [_capitals(words[at].core, loud[at], language)]
        said += map(punctuated, words[at:at + len(phrases)], phrases)
    return said


def _numbers(words: Sequence[Written], at: int, language: str) -> list[str]:
    code = language_code(language)
    if language[:3].lower().rstrip("-_") in ("zh", "yue", "cmn"):
        return [chinese_text(words[at].core, _next_core(words, at))]
    if not code:
        return [words[at].core]
    phrases = _read(words, at, code)
    return [phrase.replace(" ", "") for phrase in phrases] if code == "ja" else phrases


def _next_core(words: Sequence[Written], at: int) -> str:
    """The core after this one when nothing stands between."""
    if words[at].tail or at + 1 == len(words) or words[at + 1].lead:
        return ""
    return words[at + 1].core


def _capitals(core: str, loud: bool, language: str) -> str:
    if len(core) < 2 or len(core) > MAX_CORE or core.upper() != core or core.lower() == core:
        return core
    article, apostrophe, noun = core.rpartition("'")
    if article:
        return small(article, language) + apostrophe + _capitals(noun, loud, language)
    return spelled(core) if not loud and core.isalpha() and _is_acronym(core) else small(core, language)


def _is_acronym(core: str) -> bool:
    """Letters without vowels, or two or three; an accent makes a word of them."""
    return not _has_vowel(core) or (len(core) < 4 and unicodedata.normalize("NFD", core) == core)


def small(text: str, language: str) -> str:
    """Small letters, with Turkish's two i."""
    if language[:2].lower() in ("tr", "az"):
        text = text.replace("İ", "i").replace("I", "ı")
    return text.lower()


def _has_vowel(core: str) -> bool:
    letters = unicodedata.normalize("NFD", core.lower())
    return any(c in "aeiouyαεηιουωаеиоуыэюяєії" for c in letters) or not re.search("[a-zα-ωа-я]", letters)


def _read(words: Sequence[Written], at: int, code: str) -> list[str]:
    """Phrases for one or more words from `at`, by the first rule that knows them."""
    core = words[at].core
    if len(core) <= MAX_CORE:
        for rule in (_spaced_thousands, _ordinal, _clock, _amount):
            phrases = rule(words, at, code)
            if phrases is not None:
                return phrases
    return [_runs(core, code)]


def _base(code: str) -> str:
    return code.split("_")[0]


def _spaced_thousands(words: Sequence[Written], at: int, code: str) -> list[str] | None:
    """10 000"""
    count = grouped(words, at) if _base(code) in _SPACED_THOUSANDS else 1
    number = name("".join(word.core for word in words[at:at + count]), code) if count > 1 else None
    return share_out(number, count) if number else None


def _ordinal(words: Sequence[Written], at: int, code: str) -> list[str] | None:
    """1er · 3º · 3e · der 3. Mai"""
    pattern = _ORDINALS.get(_base(code))
    match = pattern.fullmatch(words[at].core) if pattern else None
    words_for = name(match[1], code, "ordinal") if match else None
    if words_for is None or _base(code) != "de":
        return [words_for] if words_for else None
    article = at > 0 and words[at - 1].core.lower() in ("der", "die", "das")
    return [words_for if article else words_for + "n"]


def _own_dots(words: Sequence[Written], code: str) -> Sequence[Written]:
    """The dot of a German day belongs to it: it ends no sentence."""
    if _base(code) != "de":
        return words
    return [word._replace(core=word.core + ".", tail="")
            if word.tail == "." and after.core in _GERMAN_MONTHS and re.fullmatch(r"\d{1,2}", word.core) else word
            for word, after in zip_longest(words, words[1:], fillvalue=Written("", "", ""))]


def _clock(words: Sequence[Written], at: int, code: str) -> list[str] | None:
    """15:45 · 15h45 · 15:45 Uhr, whose two display words share it as they are heard"""
    clock = re.fullmatch(r"(\d{1,2})[:hH](\d\d)?", words[at].core)
    if clock is None:
        return None
    hour_name = _CLOCK.get(_base(code), "")
    hours = name(str(int(clock[1])), code) or clock[1]
    minutes = name(str(int(clock[2])), code) or "" if int(clock[2] or 0) else ""
    if not hour_name or _next_core(words, at) != hour_name:
        return [" ".join(filter(None, (hours, hour_name, minutes)))]
    return [f"{hours} {hour_name}", minutes] if minutes else [hours, hour_name]


def _amount(words: Sequence[Written], at: int, code: str) -> list[str] | None:
    """3,14 · 5 km · 50 % · 3,50 € · 10-15 kg; the unit may be a display word of its own."""
    amount = _AMOUNT.fullmatch(words[at].core)
    value = _value(amount["low"], _base(code)) if amount else None
    if amount is None or value is None:
        return None
    low, high = _number(amount["low"], code), _number(amount["high"] or "", code)
    if low is None or (amount["high"] and high is None):
        return None
    minus = getattr(CONVERTER_CLASSES[code], "negword", "minus").strip() if amount["sign"] else ""
    quantity = " ".join(filter(None, (minus, low, high)))
    unit = amount["before"] or amount["unit"]
    if unit:
        phrases = _with_unit(quantity, value, unit, code)
        return [" ".join(phrases)] if phrases else None if amount["before"] else [f"{quantity} {unit}"]
    return _with_unit(quantity, value, _next_core(words, at), code) or [quantity]


def _with_unit(quantity: str, value: Decimal, unit: str, code: str) -> list[str] | None:
    """Phrases for the number and for its unit, None when the unit is none."""
    base = _base(code)
    if unit in _SYMBOLS:
        money = _money(value, _SYMBOLS[unit], code)
        return _two_parts(money) if money else None
    if unit == "%" and base in _PERCENT:
        return [f"{_PERCENT[base]}", quantity] if base == "tr" else [quantity, _PERCENT[base]]
    return [quantity, UNIT_NAMES[base][unit]] if unit in UNIT_NAMES.get(base, {}) else None


def _two_parts(money: str) -> list[str]:
    first, _, last = money.rpartition(" ")
    return [first, last]


def _value(text: str, base: str) -> Decimal | None:
    text = re.sub(r"[' \u00a0\u202f\u2009]", "", text)
    if base in _DOT_DECIMALS:
        text = text.replace(",", "")
    elif re.fullmatch(r"\d{1,3}(?:\.\d{3})+(?:,\d+)?", text) or "," in text:
        text = text.replace(".", "").replace(",", ".")
    return Decimal(text) if re.fullmatch(r"\d+(?:\.\d+)?", text) else None


def _number(text: str, code: str) -> str | None:
    value = _value(text, _base(code))
    if value is None:
        return None
    digits = str(value)
    if len(digits) > MAX_DIGITS or (text[0] == "0" and len(text) > 1 and "." not in digits):
        return digit_names(re.sub(r"\D", "", text), code)
    if re.fullmatch(r"1[1-9]\d\d|20[1-9]\d", text) and _base(code) in ("de", "nl", "da"):
        return name(digits, code, "year") or name(digits, code)
    return name(digits, code)


def _money(value: Decimal, currency: str, code: str) -> str | None:
    """As people say it: three euros fifty, not three euros and fifty cents."""
    whole, cents = int(value), int(value * 100) % 100
    unit = _currency_name(whole, currency, code)
    one = {"de": "ein", "fr": "un", "es": "un", "it": "un", "pt": "um"}.get(_base(code))
    number = one if whole == 1 and one else name(str(whole), code)
    if unit is None or number is None:
        return None
    return f"{number} {unit} {name(str(cents), code) or ''}" if cents else f"{number} {unit}"


def _currency_name(whole: int, currency: str, code: str) -> str | None:
    """`num2words` knows the forms of a currency's name and which of them a number takes."""
    converter: Any = CONVERTER_CLASSES[code]
    forms = getattr(converter, "CURRENCY_FORMS", {}).get(currency)
    if not forms or not isinstance(forms[0], tuple):
        return None
    try:
        unit: str = converter.pluralize(whole, forms[0])
    except NotImplementedError:
        unit = forms[0][0 if whole == 1 else -1]
    return unit


def _runs(core: str, code: str) -> str:
    """Letters as they are, every run of digits as a number."""
    def read(run: re.Match[str]) -> str:
        short = len(run[0]) <= MAX_DIGITS and (run[0][0] != "0" or len(run[0]) == 1)
        return f" {(name(run[0], code) if short else digit_names(run[0], code)) or run[0]} "
    return " ".join(re.sub(r"\d+", read, core).split())


# Chinese

_HAN_DIGITS = "零一二三四五六七八九"
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
            number += "点" + _han_digits(match["decimals"])
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
        return _han_digits(number)
    if number == "2" and after in tuple("个位只条张次年天块元本岁种件名"):
        return "两"
    return han_cardinal(int(number))


def _han_digits(digits: str) -> str:
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
