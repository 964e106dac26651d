"""The names of numbers, as `num2words` has them."""
from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

from num2words import CONVERTER_CLASSES, num2words

MAX_DIGITS = 15
"""A longer number has no name that anybody says; it is read digit by digit."""


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
