"""Polish ordinals, which days, years and hours are: 1 maja 1998 r., w 2024 roku, o 18:30."""
from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache

from text import tables
from text.languages.dates import full_year, months
from text.languages.grammar import DATA, Language, agree
from text.number_names import name
from text.written import Written, next_core

_DATE = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|(?<=[./])\d\d)")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_YEARS = {"rok": "n", "roku": "g", "rokiem": "i", "r": "g"}
_CASES = {"n": ("y", "i"), "g": ("ego", "iego"), "l": ("ym", "im"), "i": ("ym", "im"), "f": ("a", "ia"),
          "A": ("ą", "ią"), "F": ("ej", "iej"), "p": ("e", "ie"), "P": ("ych", "ich")}
"""Masculine nominative, genitive, locative, instrumental; feminine nominative (f), accusative (A) and other cases (F);
plural nominative and genitive; behind a hard stem and behind a soft one."""
_LOCATIVE = ("w", "we", "o", "po", "przy")
DAY_CASES = {"przed": "i", "między": "i", "po": "l", "przy": "l"}
_STREETS = frozenset("ulica ulicy ulicę aleja alei aleje osiedle osiedlu osiedla plac placu".split())
_OBLIQUE_HOURS = ("o", "od", "do", "po", "przed", "około", "ok", "koło")


_BEFORE_HOURS = (*_OBLIQUE_HOURS, "godzina", "godziny", "godzinie", "godzinach")
_ONE = {"g": ("jednego", "jednej"), "d": ("jednemu", "jednej"), "i": ("jednym", "jedną"), "l": ("jednym", "jednej")}
_BENT = {nominative: dict(zip("gdil", cases, strict=True))
         for nominative, *cases in tables.rows(DATA / "polish.tsv")}


@lru_cache(4096)
def cardinal(number: int, case: str, gender: str) -> str | None:
    """Dwudziestu pięciu, trzem tysiącom; behind a ten, jeden does not bend."""
    if number == 1:
        return _ONE[case][gender == "f"]
    words = name(str(number), "pl")
    return " ".join(_BENT[word][case] for word in words.split()) if words else None


@cache
def _counted(kind: str) -> frozenset[str]:
    return frozenset(noun for code, noun, of in tables.rows(DATA / "counted.tsv") if (code, of) == ("pl", kind))


def is_personal(noun: str) -> bool:
    """Men, who are counted in the genitive: pięciu uczniów."""
    return noun in _counted("p")


def gender(number: int, noun: str) -> str:
    """Jedna osoba, jedno miejsce, jedną (a) before osobę; dwie osoby, where the noun is known."""
    if number != 1:
        return "f" if noun in _counted("f") or re.fullmatch("[a-zà-ż]+(?:cje|sje|zje|ości)", noun) else ""
    if noun in ("imię", "mężczyzna", "kolega", "artysta", "turysta", "poeta", "sportowca") or len(noun) < 3:
        return "n" if noun == "imię" else ""
    return {"a": "f", "o": "n", "e": "n", "ę": "a"}.get(noun[-1], "") if noun.islower() else ""


def ordinal(number: int, case: str) -> str | None:
    """Nominative, genitive, locative: n, g, l, i; feminine f and F; plural p and P."""
    if number == 2000:
        return f"dwutysięczn{_CASES[case][0]}"
    words = name(str(number), "pl", "ordinal")
    if words is None:
        return None
    return " ".join(_bent(word, case) for word in words.split())


def _bent(word: str, case: str) -> str:
    """Every part of an ordinal that is one bends: dwudziesty piąty. Drugi and trzeci have stems of their own."""
    hard, soft = _CASES[case]
    if word.endswith("y"):
        return word[:-1] + hard
    if word == "drugi":
        return "drug" + (hard if case in "fA" else soft)
    if word == "trzeci":
        return "trzec" + soft
    return word


def polish(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """14.03.2025 · 1 maja · 1998 r. · w 2024 roku · w latach 90. · o 18:30"""
    if speech.base != "pl":
        return None
    core, following = words[at].core, next_core(words, at).lower()
    before = words[at - 1].core.lower() if at and not words[at - 1].tail else ""
    if date := _DATE.fullmatch(core):
        return _date(int(date[1]), int(date[3]), full_year(date[4]), before, following)
    if date := _ISO.fullmatch(core):
        return _date(int(date[3]), int(date[2]), int(date[1]), before, following)
    house = re.fullmatch(r"(\d{1,3})([A-Za-z]?)/(\d{1,3})", core)
    if house and not _STREETS.isdisjoint(word.core.lower() for word in words[max(at - 3, 0):at]):
        return [" ".join(f"{name(house[1], 'pl')} {house[2]} przez {name(house[3], 'pl')}".split())]
    behind = [word.core.lower() for word in words[at + 1:at + 4]]
    joined = len(behind) > 2 and behind[0] in ("do", "i", "lub") and behind[1].isdigit() and behind[2] in months("pl")
    if re.fullmatch(r"\d{1,2}", core) and (following in months("pl") or joined):
        return _one(ordinal(int(core), DAY_CASES.get(before, "g")))
    if re.fullmatch(r"\d{2,3}0", core + "0") and before in ("lata", "latach", "lat"):
        return _one(ordinal(int(core), "p" if before == "lata" else "P"))
    if re.fullmatch(r"[1-9]\d{2,3}", core):
        if following in _YEARS:
            year = ordinal(int(core), "l" if before in _LOCATIVE and following in ("r", "roku") else _YEARS[following])
            return [year, "roku"] if year and following == "r" else _one(year)
        if at and words[at - 1].core in months("pl"):
            return _one(ordinal(int(core), "g"))
    if hours := re.fullmatch(r"(\d|1\d|2[0-4])[-–](\d|1\d|2[0-4])", core if before[:7] == "godzina" else ""):
        return [" do ".join(ordinal(int(hour), "F") or hour for hour in hours.groups())]
    if ends := re.fullmatch(r"(\d{1,2}[:.]\d\d)[-–](\d{1,2}[:.]\d\d)", core):
        first, last = _clock(ends[1].replace(".", ":"), before), _clock(ends[2].replace(".", ":"), "do")
        return [f"{first[0]} do {last[0]}"] if first and last else None
    if compound := re.fullmatch(r"([1-9]\d{0,3})-([a-zà-ż]{1,20})", core):
        return _one(_with_ending(int(compound[1]), compound[2]))
    if following == "dzieci" and core in _CHILDREN:
        return [_CHILDREN[core]]
    if re.fullmatch(r"1?\d|2[0-4]", core) and before in ("godzina", "godziny", "godzinie", "godzinach"):
        return _one(ordinal(int(core), "f" if before == "godzina" else "F"))
    if re.fullmatch(r"1[0-2]", core) and before in _OBLIQUE_HOURS and behind[:2] in (["w", "południe"], ["w", "nocy"]):
        return _one(ordinal(int(core), "F"))
    if (dotted := _DOTTED.fullmatch(core)) and following.isalpha():
        return _one(ranked(int(dotted[1]), before, following))
    if re.fullmatch(r"1?\d|2[0-4]", core) and following in ("rano", "wieczorem"):
        return _one(ordinal(int(core), "F" if before in _OBLIQUE_HOURS else "f"))
    if "." in core and re.match(MEASURES, following):
        return None
    return _clock(core, before)


MEASURES = "złot|procent|tys|milion|mili|kilo|metr|litr|gram|stop|punkt|raz|sekund|minut|godzin|wersj|euro|dolar"
"""Before these 2.10 is neither a day nor a time."""
_CHILDREN = {"2": "dwoje", "3": "troje", "4": "czworo", "5": "pięcioro", "6": "sześcioro", "7": "siedmioro",
             "8": "ośmioro", "9": "dziewięcioro", "10": "dziesięcioro"}
_ORDINAL_ENDINGS = (("go", "g"), ("mu", "d"), ("ych", "P"), ("ym", "l"), ("im", "l"), ("ą", "A"), ("ej", "F"),
                    ("a", "f"), ("e", "p"), ("y", "n"), ("i", "n"))
_COUNT_ENDINGS = ("ciu", "u", "tu", "mi", "ma", "ch", "iu")


def _with_ending(number: int, ending: str) -> str | None:
    """1-go, 5-ty and 10-ciu, which grammars frown upon; 2-osobowy, 60-latek"""
    if ending in _COUNT_ENDINGS:
        return cardinal(number, {"mi": "i", "ma": "i"}.get(ending, "g"), "m")
    if len(ending) < 4:
        case = next((case for tail, case in _ORDINAL_ENDINGS if ending.endswith(tail)), "")
        return ordinal(number, case) if case and case != "d" else None
    return in_compounds(number) + ending


def in_compounds(number: int) -> str:
    """Dwu, pięcio: before a noun or an adjective in one word with it."""
    parts = (cardinal(number, "g", "m") or "").split()
    return "".join(_IN_COMPOUNDS.get(part) or re.sub("u$", "o", part) for part in parts)


_IN_COMPOUNDS = {"jednego": "jedno", "dwóch": "dwu", "trzech": "trzy", "czterech": "cztero", "stu": "stu",
                 "tysiąca": "tysiąc", "pięciuset": "pięćset"}
_DOTTED = re.compile(r"([1-9]\d{0,2})\.")
_MASCULINE_IN_E = frozenset("sezonie etapie kwartale rozdziale tomie poziomie piętrze semestrze teście".split())
_GENITIVE_BEFORE = ("z", "ze", "do", "od", "dla", "bez", "podczas", "trakcie", "koniec", "początek", "około", "powyżej",
                    "poniżej", "wobec", "wokół")


def ranked(number: int, before: str, noun: str) -> str | None:
    """1. edycja, w 2. części, na 3. miejscu: bent as the noun behind it shows."""
    last = noun[-1]
    if last in "ąę":
        case = "A"
    elif last == "a":
        case = "g" if before in _GENITIVE_BEFORE else "f"
    elif last == "u":
        case = "g" if before in _GENITIVE_BEFORE else "l"
    elif last in "iy":
        case = "F"
    elif last in "oe":
        oblique = "l" if noun in _MASCULINE_IN_E else "F"
        case = oblique if last == "e" and before in (*_LOCATIVE, "na") else "p"
    elif noun.endswith("em"):
        case = "i"
    else:
        case = "f" if noun in ("część", "noc", "rzecz", "powieść", "odpowiedź", "miłość") else "n"
    return ordinal(number, case)


def _date(day: int, month: int, year: int, before: str, following: str) -> list[str] | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    day_words, year_words = ordinal(day, DAY_CASES.get(before, "g")), ordinal(year, "g")
    words = f"{day_words} {months('pl')[month - 1]} {year_words}"
    if not day_words or not year_words:
        return None
    return [words, "roku"] if following in ("r", "roku") else [f"{words} roku"]


def _clock(core: str, before: str) -> list[str] | None:
    match = re.fullmatch(r"(\d{1,2})[:.](\d\d)", core)
    if match is None or int(match[1]) > 24 or int(match[2]) > 59 or ("." in core and before not in _BEFORE_HOURS):
        return None
    case = "F" if before in (*_OBLIQUE_HOURS, "godzinie", "godzinach", "godziny") else "f"
    hour = ordinal(int(match[1]), case) if int(match[1]) else {"f": "zerowa", "F": "zerowej"}[case]
    minutes = name(str(int(match[2])), "pl") if int(match[2]) else ""
    return [" ".join(filter(None, (hour, "zero" if minutes and match[2][0] == "0" else "", minutes)))]


def polish_parts(above: int, below: int, speech: Language) -> str | None:
    """Jedna druga, dwie trzecie, pięć szóstych."""
    count = agree(name(str(above), "pl") or "", "f", speech)
    few = 2 <= above % 10 <= 4 and not 12 <= above % 100 <= 14
    parts = ordinal(below, "f" if above == 1 else "p" if few else "P")
    return f"{count} {parts}" if parts else None


def _one(words: str | None) -> list[str] | None:
    return [words] if words else None
