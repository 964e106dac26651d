"""How numbers are read in every language but English.

`speak` is given written words and returns for each what is said, punctuation kept. Numbers are `num2words`'s;
Chinese, which it lacks, is read in `chinese`. Of a language that neither knows the digits stay.
"""
from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from num2words import CONVERTER_CLASSES

from text.capitals import is_acronym, lowered, shouting
from text.languages.chinese import chinese_text
from text.number_names import MAX_DIGITS, digit_names, language_code, name
from text.written import MAX_CORE, Written, grouped, punctuated, share_out

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
    loud = shouting(words, is_acronym)
    said: list[str] = []
    while len(said) < len(words):
        at = len(said)
        if re.search(r"[\d%]", words[at].core):
            phrases = _numbers(words, at, language)
        else:
            phrases = [lowered(words[at].core, loud[at], language)]
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
