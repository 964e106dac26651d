"""The number one before the noun that it counts, whose gender it takes: una silla, eine Tasse, uma mesa."""
from __future__ import annotations

import re
from collections.abc import Sequence

from text import tables
from text.languages.amounts import currencies, units
from text.languages.grammar import DATA, Language, agree, whole_words
from text.written import Written, next_core

_FEMININE = {
    "de": re.compile(".*(?:[^aeiouäöü]e|ung|heit|keit|schaft|ion|tät|ik|ur|anz|enz)|Frau|Nacht|Stadt|Zahl|Mark|Hand|"
                     "Wand|Tür|Person|Million|Milliarde|Regel|Tafel|Prise|Zutat|Wahl|Art|Bank|Fahrt|Antwort|App|Mail|E-Mail"),
    "es": re.compile(".{2,}a|.*(?:[cstx]ión|dad|tad|tud|umbre)|mujer|foto|moto|mano|clase|noche|tarde|parte|vez|calle|"
                     "flor|imagen|madre|red|serie|llave|ley|voz"),
    "fr": re.compile(".*(?:tion|sion|euse|trice|ette|elle|ance|ence|ité|ée|ure|ise|ille|asse|esse|ade|onne|aine|erie)|"
                     "femme|minute|heure|seconde|page|étape|photo|fois|place|chanson|chaise|table|chambre|porte|vidéo|"
                     "cuillère|maison|nuit|main|route|rue|équipe|carte|ligne|boîte|pièce|partie|chose|vie|pomme|tranche"),
    "it": re.compile(".{2,}a|.*(?:zione|sione|tà|tù|udine)|mano|foto|moto|notte|parte|voce|madre|chiave|legge"),
    "pt": re.compile(".{2,}a|.*(?:ção|são|dade|tude|gem)|mulher|noite|tarde|parte|vez|foto|moto|mão|flor|mãe|rede|"
                     "série|chave|lei|voz"),
}
_MASCULINE = {
    "de": re.compile("Name|Auge|Ende|Käse|Junge|Kunde|Gedanke|Interesse|Kollege|Experte|Getränk|Abitur|Ohr|Tor"),
    "es": re.compile(".*(?:[eéoó]ma|[aá]ma|grama)|día|mapa|planeta|poeta|cometa|.*ista|clima"),
    "it": re.compile(".*(?:[eo]ma|amma)|pianeta|poeta|cinema|.*ista|clima|sosia"),
    "pt": re.compile(".*(?:[eo]ma|grama)|dia|mapa|planeta|poeta|cometa|.*ista|clima"),
}
"""Endings that deceive."""
_ROLES = {(base, word): role for base, word, role in tables.rows(DATA / "one.tsv")}
"""`uncounted` words stand behind a number that does not count them; a `label` has the number for its name."""


def one(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """1 silla · 1 Tasse"""
    noun = next_core(words, at)
    if words[at].core != "1" or speech.base not in _FEMININE or not noun.isalpha() or len(noun) < 3:
        return None
    counted = noun in units(speech.base) or noun in currencies(speech.base)
    if counted or (speech.base, noun.lower()) in _ROLES or _is_named(words, at, speech):
        return None
    german = speech.base == "de"
    if german != noun[0].isupper():
        return None
    return [agree(whole_words("1", speech) or "", "f" if is_feminine(noun, speech) else "m", speech)]


def is_feminine(noun: str, speech: Language) -> bool:
    """As far as its ending shows."""
    deceives = speech.base in _MASCULINE and _MASCULINE[speech.base].fullmatch(noun)
    return not deceives and _FEMININE[speech.base].fullmatch(noun) is not None


def _is_named(words: Sequence[Written], at: int, speech: Language) -> bool:
    """Kapitel 1, la fase 1, Fórmula 1"""
    before = words[at - 1] if at else Written("", "", "")
    if before.tail or not before.core:
        return False
    starts = at == 1 or words[at - 2].tail[-1:] in tuple(".!?:")
    return _ROLES.get((speech.base, before.core.lower())) == "label" or (before.core[0].isupper() and not starts)
