"""Fractions: 1/2, ¾, 2½, 3 3/5, 1/16."""
from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from text import tables
from text.languages.amounts import lone_sign, units
from text.languages.dates import months
from text.languages.electronic import signs
from text.languages.grammar import DATA, Language, agree
from text.languages.polish import polish_parts
from text.languages.russian import russian_parts
from text.number_names import name
from text.written import FRACTION, Written, next_core

_FRACTION = re.compile(rf"(?P<sign>[-−])?(?:(?P<whole>\d{{1,6}})?{FRACTION})?(?P<above>\d{{1,4}})/(?P<below>\d{{1,4}})")
_PARTS = {(base, below): (one, many) for base, below, one, many in tables.rows(DATA / "fractions.tsv")}
_AND = {"de": "und", "nl": "en", "fr": "et", "it": "e", "pt": "e", "es": "y", "pl": "i", "ru": "и", "hi": "और"}
_OUT_OF = {"de": "von", "fr": "sur", "it": "di", "pt": "de", "es": "de"}
_COUNTED = frozenset("""teil folge tag schritt seite partie épisode jour étape page parte episodio día paso página
                     giorno passo pagina episódio dia etapa""".split())
"""Teil 1/3 is one of three."""
_HALF = {"fr": "demi", "es": "medio", "it": "mezzo", "pt": "meio"}


def fraction(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """1/2 · ¾ · 2½ · 3 3/5"""
    match = _FRACTION.fullmatch(words[at].core)
    if next_core(words, at).lower() in months(speech.base):
        return None
    if re.fullmatch(r"[-−]?\d{1,4}", words[at].core) and "/" in next_core(words, at):
        return _mixed_number(words, at, speech)
    if match and speech.base != "hi" and not match["whole"] and int(match["above"]) > max(int(match["below"]), 31):
        parts = [name(match[side], speech.code) for side in ("above", "below")]
        slash = signs(speech.base).get("/")
        return [f" {slash} ".join(map(str, parts))] if slash and all(parts) else None
    if match and at and words[at - 1].core.lower() in _COUNTED and speech.base in _OUT_OF and not match["whole"]:
        return [f" {_OUT_OF[speech.base]} ".join(name(match[side], speech.code) or "" for side in ("above", "below"))]
    if match is None or not (int(match["below"]) or speech.base == "hi"):
        return None
    part = _part(match["above"], match["below"], speech)
    if part is None:
        return None
    minus = f"{speech.minus} " if match["sign"] else ""
    if not match["whole"]:
        before = words[at - 1].core if at else ""
        return [minus + (_of_noun(match["above"], match["below"], next_core(words, at), before, speech) or part)]
    if speech.base not in _AND:
        return None
    return [minus + _with_whole(name(match["whole"], speech.code) or "", part, match["below"] == "2", speech)]


def fraction_with_unit(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """½kg · 2½h: as if the unit stood apart"""
    match = re.fullmatch(r"([-−]?[\d\u2064]{1,6}/\d{1,3})([^\W\d]{1,4}|[°\"])", words[at].core)
    if match is None or match[2] not in units(speech.base) or speech.base in ("zh", "ja"):
        return None
    apart = [*words[:at], Written("", match[1], ""), Written("", match[2], ""), *words[at + 1:]]
    number, unit = fraction(apart, at, speech), lone_sign(apart, at + 1, speech)
    return [f"{number[0]} {unit[0]}"] if number and unit else None


def _of_noun(above: str, below: str, noun: str, before: str, speech: Language) -> str:
    """Media taza, medio kilo, pół szklanki, आधा कप: half of what is named behind it, where it has a form of its own."""
    unit = units(speech.base).get(noun)
    if not unit and not re.fullmatch(r"(?!de$|di$|do$|da$|из$|от$|z$|के$)(?:[^\W\d_]|[\u0900-\u0963])+", noun):
        return ""
    if speech.base == "hi":
        return {"1/2": "आधा", "3/4": "तीन चौथाई", "1/4": "चौथाई"}.get(f"{above}/{below}", "")
    if speech.base == "fr" and unit and (above, below) == ("1", "2"):
        return "une demi" if unit.gender == "f" else "un demi"
    halves = _HALVES.get(speech.base)
    if (above, below) != ("1", "2") or halves is None:
        return ""
    if speech.base == "ru" and before.endswith("те"):
        return "половину"
    return halves[unit.gender == "f" if unit else _is_feminine(noun)]


_FEMININE = re.compile(".*(?:as?|ção|são|dade|ción|sión|dad|zione|sione|ità)|(?:colher|noite|tarde|parte|dose|fase|base"
                       "|vez|noche|clase|fuente|llave|notte|chiave|classe)s?")


def _is_feminine(noun: str) -> bool:
    """Meia colher, media noche; a few in -a aside."""
    return _FEMININE.fullmatch(noun) is not None and noun not in ("día", "dia", "mapa", "quilograma", "planeta")


_HALVES = {"es": ("medio", "media"), "it": ("mezzo", "mezza"), "pt": ("meio", "meia"), "pl": ("pół", "pół"),
           "ru": ("половина", "половина")}


def _with_whole(whole: str, part: str, half: bool, speech: Language) -> str:
    """Zwei und drei Viertel, but zweieinhalb, deux et demi."""
    if half and speech.base == "de":
        return f"{whole.removesuffix('s')}einhalb"
    return f"{whole} {_AND[speech.base]} {_HALF.get(speech.base, part) if half else part}"


def _mixed_number(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """3 3/5 · 3 ¾"""
    match = _FRACTION.fullmatch(words[at + 1].core)
    if match is None or match["whole"] or match["sign"] or int(match["above"]) >= int(match["below"]):
        return None
    digits, minus = words[at].core.lstrip("-−"), f"{speech.minus} " if words[at].core[0] in "-−" else ""
    part, whole = fraction(words, at + 1, speech), name(digits, speech.code)
    if not part or not whole or speech.base not in _AND:
        return None
    half = (match["above"], match["below"]) == ("1", "2")
    noun = next_core(words, at + 1)
    unit = units(speech.base).get(noun)
    if speech.base in ("es", "it", "pt") and half and (unit.gender == "f" if unit else noun.endswith(("a", "as"))):
        return [minus + agree(whole, "f", speech), f"{_AND[speech.base]} {_HALF[speech.base][:-1]}a"]
    first, _, rest = _with_whole(whole, part[0], half, speech).partition(" ")
    return [minus + first, rest] if rest else [minus + whole.removesuffix("s"), "einhalb"]


def _part(above: str, below: str, speech: Language) -> str | None:
    count, size = name(above, speech.code), name(below, speech.code)
    if count is None or size is None:
        return None
    if speech.base == "ko":
        return f"{size}분의 {count}"
    if speech.base == "hi":
        return f"{count} बटा {size}"
    if speech.base == "pl":
        return polish_parts(int(above), int(below), speech)
    if speech.base == "ru":
        return russian_parts(int(above), int(below), speech)
    one, many = _PARTS.get((speech.base, below)) or _composed(below, size, speech) or ("", "")
    if not one:
        return None
    return one if above == "1" else f"{agree(count, 'm', speech)} {many}"


def _composed(below: str, size: str, speech: Language) -> tuple[str, str] | None:
    """Elftel, onceavo, onze avos, undicesimo, onzième: made of the number's name."""
    if speech.base == "es" and int(below) > 100:
        return f"uno sobre {size}", f"sobre {size}"
    if not 10 < int(below) < 100:
        return None
    ordered = name(below, speech.code, "ordinal") or ""
    if speech.base == "de":
        return f"ein {ordered.capitalize()}l", f"{ordered.capitalize()}l"
    if speech.base == "fr":
        return f"un {ordered}", f"{ordered}s"
    if speech.base == "it":
        return f"un {ordered}", f"{ordered[:-1]}i"
    if speech.base == "nl":
        return f"een {ordered}", ordered
    if speech.base == "pt":
        return f"um {size} avos", f"{size} avos"
    if speech.base == "es":
        plain = unicodedata.normalize("NFD", size.replace(" y ", "i")).replace("\u0301", "")
        part = re.sub("[oa]$", "", plain) + "avo"
        return f"un {part}", f"{part}s"
    return None
