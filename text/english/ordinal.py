"""first, twenty-first, one hundredth."""
from __future__ import annotations

import re
from functools import lru_cache

from text.english.cardinal import cardinal
from text.english.place import Style
from text.number_names import name

ORDINAL = re.compile(r"(\d{1,3}(?:,\d{3})+|\d{1,12})(?:st|nd|rd|th|ST|ND|RD|TH)('s)?")


@lru_cache(1024)
def ordinal(number: int, british: bool = False) -> str:
    words = name(str(number), "en", "ordinal") or cardinal(number, british)
    return words if british else words.replace(" and ", " ")


def read_ordinal(core: str, style: Style) -> str | None:
    match = ORDINAL.fullmatch(core)
    return ordinal(int(match[1].replace(",", "")), style.british) + (match[2] or "") if match else None
