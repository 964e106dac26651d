"""A decimal and what is made of it by a dash: 4,2-Liter-Motor, 2,5-литровый, 1,5-godzinny."""
from __future__ import annotations

import re
from collections.abc import Sequence

from text.languages import polish, russian
from text.languages.grammar import Language, parse, said
from text.written import Written

_COMPOUND = re.compile(r"(\d{1,6}[.,]\d{1,3})-([^\W\d][^\d]{2,})")


def compound(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """A half is no decimal in Russian and Polish: двух с половиной литровый, dwuipółlitrowy."""
    match = _COMPOUND.fullmatch(words[at].core)
    number = parse(match[1], speech) if match else None
    if match is None or number is None or not number.decimals:
        return None
    half, rest = number.decimals == "5", match[2]
    if half and speech.base == "ru":
        whole = russian.cardinal(number.value, "g", "m")
        return [f"полутора{rest}" if number.value == 1 else f"{whole} с половиной {rest}"]
    if half and speech.base == "pl":
        return [f"półtora{rest}" if number.value == 1 else f"{polish.in_compounds(number.value)}ipół{rest}"]
    words_for = said(number, speech)
    return [f"{words_for} {rest}"] if words_for else None
