"""Spanish ordinals: 3.º, 1er, 28ª, 1.000º."""
from __future__ import annotations

import re
from collections.abc import Sequence

from text.languages.grammar import Language
from text.written import Written

_ONES = ("", "primero", "segundo", "tercero", "cuarto", "quinto", "sexto", "séptimo", "octavo", "noveno")
_TENS = ("", "décimo", "vigésimo", "trigésimo", "cuadragésimo", "quincuagésimo", "sexagésimo", "septuagésimo",
         "octogésimo", "nonagésimo")
_HUNDREDS = ("", "centésimo", "ducentésimo", "tricentésimo", "cuadringentésimo", "quingentésimo", "sexcentésimo",
             "septingentésimo", "octingentésimo", "noningentésimo")
_JOINED = {1: "decimo", 2: "vigesimo"}
_ORDINAL = re.compile(r"(\d{1,4}|\d\.\d{3})\.?([ºª]|er|r[oa]|d[oa]|t[oa]|v[oa]|n[oa]|m[oa])")


def ordinal(number: int, feminine: bool = False, short: bool = False) -> str | None:
    """Below 2000. `short`: primer and tercer, as before a noun."""
    if not 0 < number < 2000:
        return None
    words = ["milésimo"] if number >= 1000 else []
    words.append(_HUNDREDS[number // 100 % 10])
    words += _below_hundred(number % 100, short)
    if short:
        words[-1] = re.sub("(?<=primer)o$|(?<=tercer)o$", "", words[-1])
    return " ".join(word[:-1] + "a" if feminine else word for word in words if word)


def _below_hundred(number: int, short: bool) -> list[str]:
    ten, one = divmod(number, 10)
    if number in (11, 12) and not short:
        return [{11: "undécimo", 12: "duodécimo"}[number]]
    if ten in _JOINED and one:
        return [(_JOINED[ten] + _ONES[one]).replace("oo", "o")]
    return [_TENS[ten], _ONES[one]] if one else [_TENS[ten]] if ten else []


def spanish(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """3.º · 1er · 2da · 1.000ª"""
    match = _ORDINAL.fullmatch(words[at].core) if speech.base == "es" else None
    if match is None:
        return None
    said = ordinal(int(match[1].replace(".", "")), match[2][-1] in "aª", match[2] == "er")
    return [said] if said else None
