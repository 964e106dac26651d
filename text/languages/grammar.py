"""What a language has: its decimal mark, the words around numbers, plural forms, agreement."""
from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from text import tables
from text.number_names import MAX_DIGITS, digit_names, language_code, name

DATA = Path(__file__).parent / "data"
Forms = tuple[str, str, str, str]
"""A noun behind 1, behind 2, behind 5 and behind a number with decimals."""
_DOT_REGIONS = {"es": ("MX", "US", "PR", "DO", "GT", "HN", "NI", "PA", "SV", "PE"), "de": ("CH", "LI")}
"""Where a dot stands before decimals, unlike in the rest of the language."""


@dataclass(frozen=True, slots=True)
class Noun:
    gender: str
    forms: Forms


@dataclass(frozen=True, slots=True)
class Language:
    """`code` is what number names are asked for (pt_BR), `base` what the tables are (pt)."""

    code: str
    base: str
    point: str
    decimals: str
    mark: str
    minus: str
    percent: Noun | None
    to: str
    """What is said between the ends of a range, "" where the language bends its numbers for it."""


@cache
def language(tag: str) -> Language | None:
    """The language of a BCP 47 code; None when no number names of it are known."""
    code = language_code(tag)
    row = _rows().get(code.partition("_")[0])
    if row is None:
        return None
    base, _, point, decimals, mark, minus, *forms, to = row
    regions = {part.upper() for part in re.split("[-_]", tag)[1:]}
    if regions & set(_DOT_REGIONS.get(base, ())):
        mark = "."
    percent = Noun("m", (forms[0], forms[1], forms[2], forms[3])) if forms[0] else None
    return Language(code, base, point, decimals, mark, minus, percent, to)


@cache
def _rows() -> dict[str, list[str]]:
    return {row[0]: row for row in tables.rows(DATA / "languages.tsv")}


@dataclass(frozen=True, slots=True)
class Number:
    """Digits of the whole part, and of the decimals if it has any."""

    whole: str
    decimals: str

    @property
    def value(self) -> int:
        return int(self.whole)


def parse(text: str, speech: Language) -> Number | None:
    """A number as the language writes it; None when the marks fit no reading of it."""
    digits = re.sub(r"(?<=\d)[' \u00a0\u202f\u2009](?=\d{3}(?!\d))", "", text.strip())
    other = "." if speech.mark == "," else ","
    mark, thousands = re.escape(speech.mark), re.escape(other)
    if re.fullmatch(rf"\d{{1,3}}(?:{thousands}\d{{3}})+(?:{mark}\d+)?", digits):
        digits = digits.replace(other, "")
    elif re.fullmatch(rf"\d{{1,3}}(?:{mark}\d{{3}}){{2,}}|\d{{1,3}}(?:{mark}\d{{3}})+{thousands}\d+", digits):
        digits = digits.replace(speech.mark, "")
    elif speech.base == "hi" and re.fullmatch(r"\d{1,2}(?:,\d\d)+,\d{3}(?:\.\d+)?", digits):
        digits = digits.replace(",", "")
    match = re.fullmatch(rf"(\d+)(?:(?:{mark}|{thousands})(\d+))?", digits)
    return Number(match[1], match[2] or "") if match else None


@lru_cache(4096)
def said(number: Number, speech: Language) -> str | None:
    """The words of a number; None when the language has none for it that are known to be right."""
    whole = whole_words(number.whole, speech)
    if whole is None or not number.decimals:
        return whole
    if speech.decimals == "fraction" and len(number.decimals) <= len(_RUSSIAN_PARTS):
        return _russian_fraction(number, speech)
    decimals = _decimals(number.decimals, speech)
    point = "запятая" if speech.decimals == "fraction" else speech.point
    return f"{whole} {point} {decimals}" if decimals else None


def whole_words(digits: str, speech: Language) -> str | None:
    if len(digits) > MAX_DIGITS or (digits[0] == "0" and len(digits) > 1):
        return digit_names(digits, speech.code)
    return name(digits, speech.code)


def _decimals(digits: str, speech: Language) -> str | None:
    """As one number where the language says 3,14 so, zeros before it by themselves; else digit by digit."""
    rest = digits.lstrip("0")
    if speech.decimals != "number" or len(rest) > 3 or not rest:
        return digit_names(digits, speech.code)
    parts = [digit_names(digits[:-len(rest)], speech.code) if rest != digits else "", name(rest, speech.code)]
    return None if None in parts else " ".join(filter(None, parts))


_RUSSIAN_PARTS = ("десят", "сот", "тысячн", "десятитысячн")


def _russian_fraction(number: Number, speech: Language) -> str | None:
    """Две целых пять десятых."""
    whole, part = name(number.whole, speech.code), name(str(int(number.decimals)), speech.code)
    if whole is None or part is None:
        return None
    whole_one, part_one = (form(int(digits), ("one", "", "", ""), speech) for digits in (number.whole, number.decimals))
    stem = _RUSSIAN_PARTS[len(number.decimals) - 1]
    return (f"{agree(whole, 'f', speech)} {'целая' if whole_one else 'целых'} "
            f"{agree(part, 'f', speech)} {stem}{'ая' if part_one else 'ых'}")


def form(number: int, forms: Forms, speech: Language, decimals: bool = False) -> str:
    """The form of a noun behind a number."""
    one, few, many, part = forms
    if speech.base in ("fr", "pt") and number < 2 and (decimals or speech.base == "fr"):
        return one
    if decimals:
        return part
    if speech.base in ("ru", "uk"):
        if number % 10 == 1 and number % 100 != 11:
            return one
        return few if 2 <= number % 10 <= 4 and not 12 <= number % 100 <= 14 else many
    if speech.base == "pl":
        return one if number == 1 else few if 2 <= number % 10 <= 4 and not 12 <= number % 100 <= 14 else many
    if speech.base in ("cs", "sk"):
        return one if number == 1 else few if 2 <= number <= 4 else many
    return one if number == 1 else many


@cache
def _agreements() -> dict[tuple[str, str, str], str]:
    return {(base, word, gender): changed for base, word, gender, changed in tables.rows(DATA / "agreement.tsv")}


def agree(words: str, gender: str, speech: Language) -> str:
    """A number bends to the noun behind it: ein Euro, una hora, doscientas horas, две минуты."""
    if gender == "f" and speech.base in ("es", "pt") and not re.search("mill|milh|bilh", words):
        words = re.sub(r"(?<=ie|.e)nt(o)s\b", "ntas", words)
    head, _, last = words.rpartition(" ")
    changed = _agreements().get((speech.base, last, gender))
    return f"{head} {changed}".strip() if changed else words
