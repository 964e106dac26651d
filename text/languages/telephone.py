"""Telephone numbers: where one is sure to stand, and its digits in the groups of the language."""
from __future__ import annotations

import re
from collections.abc import Sequence

from text.languages.electronic import signs
from text.languages.grammar import Language
from text.number_names import digit_names, name
from text.written import Written, next_core

_MAX_WORDS = 8
_INTERNATIONAL = r"\+\d{1,3}(?:[ ./-]?\(?\d{1,11}\)?){1,6}"
_AREA = r"\(\d{2,5}\)[ -]?\d{2,9}(?:[ .-]\d{2,5}){0,4}"
_TRUNK = r"0\d{1,4}[ /-]\d{3,8}(?:[ -]\d{2,5}){0,3}|0\d(?:[ .-]?\d\d){4}"
_GROUPS = r"\d{2,4}-\d{3,4}-\d{3,4}|\d{3}[.-]\d{3}[.-]\d{4}"
_ANYWHERE = f"{_INTERNATIONAL}|{_AREA}|{_TRUNK}|{_GROUPS}"
_OF_A_LANGUAGE = {
    "ru": r"8[ -]?\(?\d{3,5}\)?[ -]?\d{1,3}-\d\d-\d\d|\d{2,3}-\d\d-\d\d",
    "pt": r"(?:\d\d )?9?\d{4}-\d{4}", "hi": r"0?[6-9]\d{4} ?\d{5}|0\d{2,4} ?-?\d{6,8}",
    "fr": r"0 ?[89]\d\d \d{3} \d{3}",
    "pl": r"\d{2,3}-\d\d-\d\d", "es": r"\d{4}-\d{4}",
}
_CUED = r"\d{2,5}(?:[ .-]\d{2,5}){1,5}|\d{6,12}"
"""A number only behind a word such as these."""
_DATE = re.compile(r"(?:0?[1-9]|[12]\d|3[01])([./-])(?:0?[1-9]|1[0-2])\1(?:19|20)\d\d|(?:19|20)\d\d-\d\d-\d\d")
_CUE = re.compile(r"(?:tel|tél|fono|whatsapp|ll[aá]m|marca|móvil|movil|celular|appel|numéro|chiam|cellulare|numero"
                  r"|número|lig|bel$|mobiel|numer|dzwo|ruf|nummer|handy|звон|номер|тел|전화|번호|कॉल|नंबर|फ़ोन|फोन)")
_READ_BY_GROUP = {"fr": 2, "ru": 3}
"""Up to so many digits a group is said as a number."""
_FREE = ("fr", "pt")
"""Where the numbers that cost nothing are said by hundreds."""


def telephone(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """+49 170 1234567 · (11) 91234-5678 · 06 12 34 56 78 · 010-1234-5678"""
    if not re.match(r"\+?\d", words[at].core) or not signs(speech.base):
        return None
    raw = [word.lead[-1:].strip("\"'") + word.core + word.tail for word in words[at:at + _MAX_WORDS]]
    match = re.compile(rf"(?:{_pattern(words, at, speech)})(?![\d.,]?\d)").match(" ".join(raw))
    if match is None or not 6 < len(re.sub(r"\D", "", match[0])) < 16 or _is_range(match[0], next_core(words, at)):
        return None
    if any(map(_DATE.fullmatch, match[0].split(" "))):  # numer 48 z 14.03.2024
        return None
    count = match[0].count(" ") + 1
    if sum(map(len, raw[:count])) + count - 1 - len(words[at + count - 1].tail) > match.end():
        return None
    free = re.match(r"0 ?[89]\d\d ", match[0]) is not None and speech.base == "fr"
    return [_said(word, speech, 3 if free else _READ_BY_GROUP.get(speech.base, 0)) for word in match[0].split(" ")]


def code(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """DE89 3704 0044 0532 0130 00 · 4111 1111 1111 1111: groups of four digits of one long number"""
    if not re.fullmatch(r"[A-Z]{2}\d\d|\d{4}", words[at].core):
        return None
    groups = [words[at].core]
    while len(groups) < 9 and re.fullmatch(r"\d{4}", following := next_core(words, at + len(groups) - 1)):
        groups.append(following)
    if len(groups) < 4 or all(re.fullmatch("1[5-9]..|20..", group) for group in groups):
        return None
    if re.fullmatch(r"\d{1,3}", following) and groups[0][0].isalpha():
        groups.append(following)
    return [" ".join([*re.findall("[A-Z]", group), digit_names(re.sub("[A-Z]", "", group), speech.code) or group])
            for group in groups]


def _pattern(words: Sequence[Written], at: int, speech: Language) -> str:
    own = _OF_A_LANGUAGE.get(speech.base)
    cued = any(_CUE.match(word.core.lower()) for word in words[max(at - 3, 0):at])
    return "|".join(filter(None, (_ANYWHERE, own, _CUED if cued else "")))


def _is_range(text: str, following: str) -> bool:
    """1990-1995 · 2000-3000 · 2345-2399 km"""
    ends = re.fullmatch(r"(\d{4})-(\d{4})", text)
    if ends is None or re.fullmatch(r"(?:1\d|20)\d\d-(?:1\d|20)\d\d", text):
        return ends is not None
    low, high = map(int, ends.groups())
    return low < high and (low % 50 == high % 50 == 0 or bool(re.fullmatch(r"[^\W\d]{2,}", following)))


def _said(word: str, speech: Language, longest: int) -> str:
    groups = [_group(group, longest, speech) for group in re.findall(r"\d+", word)]
    return " ".join([signs(speech.base)["+"], *groups] if word[0] == "+" else groups)


def _group(digits: str, longest: int, speech: Language) -> str:
    zeros = len(digits) - len(digits.lstrip("0"))
    if speech.base in _FREE and re.fullmatch("0[389]00", digits):  # 0800: zéro huit cents
        longest = 4
    if len(digits) <= longest and zeros < len(digits):
        return f"{digit_names('0' * zeros, speech.code) or ''} {name(digits[zeros:], speech.code)}".strip()
    words = digit_names(digits, speech.code) or digits
    return words.replace("영", "공") if speech.base == "ko" else words
