"""Formulas, and units that are one capital: CaCO3, 0.1 M NaOH, 373.15 K."""
from __future__ import annotations

import re

from text.english.decimal import NUMBER, number
from text.english.place import Place, Style

_ELEMENTS = ("Ag Al Ar Au B Ba Be Br C Ca Cd Cl Co Cr Cu F Fe H He Hg I K Li Mg Mn N Na Ne Ni O P Pb Pt S Si Sn Sr Ti "
             "U V W Zn").split()
_FORMULA = re.compile(rf"(?:(?:{'|'.join(sorted(_ELEMENTS, key=len, reverse=True))})\d{{0,2}}){{2,12}}")
_DISSOLVED = ("solution", "solutions", "acid", "buffer")
_HEAT = frozenset("""temperature temperatures boil boils boiling melt melts melting freeze freezes freezing cool cools
                  cooled heat heated kelvin absolute superconducts at""".split())
"""What K behind a number stands for kelvin near."""
_NEAR = 6


def read_formula(core: str, style: Style) -> str | None:
    """CaCO3 and C2H5OH, letter by letter; capitals with one number may be a name, which others read."""
    if not _FORMULA.fullmatch(core) or not (
            re.search(r"[a-z].*\d|\d.*[a-z]", core) or len(re.findall(r"\d+", core)) > 1):
        return None
    return " ".join(part.upper() if part.isalpha() else number(part) for part in re.findall(r"[A-Za-z]|\d+", core))


def molar(at: Place) -> list[str] | None:
    """0.1 M NaOH · a 2 M solution"""
    dissolved = at.near(2) in _DISSOLVED or (_FORMULA.fullmatch(at.near(2)) and re.search(r"[a-z\d]", at.near(2)))
    if at.near(1) != "M" or not dissolved or not re.fullmatch(NUMBER, at.core):
        return None
    return [number(at.core), "molar"]


def kelvin(at: Place) -> list[str] | None:
    """Boils at 373.15 K; but 300 K followers"""
    if at.near(1) != "K" or not re.fullmatch(NUMBER, at.core) or re.fullmatch("[a-z]{3,}s|people|a|per", at.near(2)):
        return None
    return [number(at.core), "kelvin"] if any(word.core.lower() in _HEAT for word in at.before(_NEAR)) else None
