"""Numbers with separators and a decimal point."""
from __future__ import annotations

from text.english.cardinal import cardinal, digit_by_digit
from text.english.place import Place
from text.number_names import MAX_DIGITS
from text.written import grouped, share_out

NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,2}(?:,\d\d)+,\d{3}(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
_MAX_GROUPED = 21
"""Digits of a number whose commas show that it is a quantity."""


def number(text: str, british: bool = False) -> str:
    """Digits with separators and decimals, as a quantity; leading zeros and endless ones digit by digit."""
    whole, point, decimals = text.replace(",", "").partition(".")
    longest = _MAX_GROUPED if "," in text else MAX_DIGITS
    if len(whole) > longest or (len(whole) > 1 and whole[0] == "0"):
        words = digit_by_digit(whole)
    else:
        words = cardinal(int(whole), british) if whole else ""
    return f"{words} point {digit_by_digit(decimals)}".strip() if point else words


def spaced_thousands(at: Place) -> list[str] | None:
    """1 000 000"""
    count = grouped(at.words, at.index)
    if count < 2 or (count == 2 and not at.near(1).startswith("000")):
        return None
    digits = "".join(word.core for word in at.words[at.index:at.index + count])
    return share_out(at.style.say(digits), count)
