"""Whole numbers: in words, digit by digit, in pairs."""
from __future__ import annotations

from functools import lru_cache

from text.number_names import name

_THOUSANDS = ("", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion")


def cardinal(number: int, british: bool = False) -> str:
    """Below 10^21. One thousand two hundred thirty-four, British with an `and`."""
    words: list[str] = []
    for power in range(6, -1, -1):
        group = number // 1000**power % 1000
        if british and power == 0 and words and 0 < group < 100:
            words.append("and")
        if group or (power == 0 and not words):
            words += [_below_thousand(group, british), _THOUSANDS[power]]
    return " ".join(filter(None, words))


@lru_cache(2000)
def _below_thousand(number: int, british: bool) -> str:
    words = name(str(number), "en") or digit_by_digit(str(number))
    return words if british else words.replace(" and ", " ")
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def _digit(digit: str) -> str:
    return _DIGITS[int(digit)]


def digit_by_digit(digits: str) -> str:
    return " ".join(map(_digit, digits))


def in_pairs(digits: str) -> str:
    """Three or four digits as years, rooms and flights are read: seven forty-seven, nineteen oh five."""
    head, tail = int(digits[:-2]), int(digits[-2:])
    if head % 10 == 0 and tail < 10 and len(digits) == 4:
        return cardinal(int(digits))
    if tail == 0:
        return cardinal(head) + " hundred"
    return cardinal(head) + (" oh " if tail < 10 else " ") + cardinal(tail)
