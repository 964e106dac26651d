"""Russian ordinals, which days, years and numbers with an ending are: 2 марта, в 1999 году, 8-го, 1950-е."""
from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from num2words import num2words

from text.languages.dates import full_year, months
from text.languages.grammar import Language, Number, agree
from text.number_names import name
from text.written import Written, next_core

_DATE = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|(?<=[./])\d\d|(?<=\d\d-\d\d-)\d\d)")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_ENDED = re.compile(r"(\d{1,4})(?:-|(?=го|ого|ой|ый|ая|ое|ые|ых|му|х))"
                    r"(го|ой|ого|его|му|ому|ему|ым|им|м|ом|ем|й|ый|ий|я|ая|ья|ю|ую|е|ое|ые|ие|х|ых|их)")
_CASES = {"го": "g", "му": "d", "ым": "i", "им": "i", "м": "p", "й": "n", "я": "n", "ю": "a", "е": "n", "х": "g"}
_JOINED = re.compile("([1-9][0-9]{0,2}|1000)-([а-яё]{4,})")
_IN_COMPOUNDS = {"одного": "одно", "ста": "сто", "девяноста": "девяносто", "тысячи": "тысяче"}
_RANKED = dict.fromkeys("классе этаже месте сезоне курсе раунде туре выпуске уроке томе ряду веке квартале "
                        "этапе тайме периоде корпусе подъезде разделе пункте дивизионе созыве съезде акте блоке уровне "
                        "матче доме абзаце".split(), "m")
_RANKED |= dict.fromkeys("серии главе части минуте странице секунде неделе группе строке смене".split(), "f")
"""Singular nouns in the prepositional: the number before one is its rank, на 3 этаже."""
_COUNTS = {"2-х": "двух", "3-х": "трёх", "4-х": "четырёх"}
"""So written these are counts, no ordinals."""
_YEARS = {"год": "n", "года": "g", "году": "p", "годом": "i", "годы": "n", "годов": "g", "годах": "p", "годам": "d",
          "г": "", "гг": "", "г.": "", "гг.": ""}
_YEAR_CASES = {"в": "p", "во": "p", "о": "p", "к": "d", "ко": "d", "по": "n", "за": "n", "на": "n", "перед": "i"}
_YEAR_NAMES = {"г": {"n": "год", "g": "года", "p": "году", "d": "году", "i": "годом"},
               "гг": {"n": "годы", "g": "годов", "p": "годах", "d": "годам", "i": "годами"}}
DAY_CASES = {"к": "d", "ко": "d", "по": "n", "на": "n", "за": "n", "перед": "i", "между": "i"}


_PARTS = ("десят", "сот", "тысячн", "десятитысячн")
_PART_ENDINGS = {"g": ("ой", "ых"), "d": ("ой", "ым"), "i": ("ой", "ыми"), "p": ("ой", "ых")}
_MASCULINE_IN_A = ("мужчина", "судья", "дядя", "дедушка", "папа", "раза", "часа", "дня")


@lru_cache(4096)
def cardinal(number: int, case: str, gender: str) -> str | None:
    """Двадцати, двум тысячам пятистам; a thousand alone has no one before it."""
    if number >= 10**15:
        return None
    words: str = num2words(number, lang="ru", case=case, gender=gender)
    return re.sub("^одн[а-я]+ (?=тысяч)", "", words).replace("нол", "нул")


def decimals(number: Number, case: str) -> str | None:
    """Двух целых пяти десятых."""
    if len(number.decimals) > len(_PARTS):
        return None
    whole, part = (cardinal(int(digits), case, "f") for digits in (number.whole, number.decimals))
    whole_ending, part_ending = (_PART_ENDINGS[case][not _ends_in_one(int(digits))]
                                 for digits in (number.whole, number.decimals))
    return f"{whole} цел{whole_ending} {part} {_PARTS[len(number.decimals) - 1]}{part_ending}"


def minutes(minute: int, case: str = "n") -> str | None:
    """Ноль пять."""
    words = cardinal(minute, case, "m")
    return f"ноль {words}" if words and minute < 10 else words


def _ends_in_one(number: int) -> bool:
    return number % 10 == 1 and number % 100 != 11


def gender(number: int, noun: str) -> str:
    """Две кошки, одна неделя, одно место; одну (a) before минуту. The other numbers have no gender."""
    if not re.fullmatch("[а-яё]{3,}", noun):
        return ""
    if _ends_in_one(number) and noun not in _MASCULINE_IN_A:
        return {"а": "f", "я": "f", "о": "n", "е": "n", "у": "a", "ю": "a"}.get(noun[-1], "")
    return "f" if noun[-1] in "ыи" and noun not in ("пути", "дни") else ""


@lru_cache(1024)
def ordinal(number: int, case: str, gender: str = "m", plural: bool = False) -> str | None:
    """Nominative, genitive, dative, accusative, instrumental or prepositional: n, g, d, a, i, p."""
    try:
        words: str = num2words(number, lang="ru", to="ordinal", case=case, gender=gender, plural=plural)
    except Exception:  # it fails in several ways on what it lacks
        return None
    return words


_BEFORE_OBJECTS = frozenset("""
    за через на в во про под спустя стоит стоят весит весят платит платят тратит тратят имеет имеют даёт дают
    берёт берут теряет теряют содержит содержат вмещает вмещают занимает занимают превышает превышают составляет
    составляют насчитывает насчитывают зарабатывает зарабатывают получает получают экономит экономят длится
    длятся плачу заплачу трачу зарабатываю получаю куплю
""".split())
_VERB = re.compile("[а-яё]*[аеёиоуыя]л[аи]?|[а-яё]+[аеиоуыя]ть|[а-яё]+(?:йте|ите|ьте)")
"""Past, infinitive and imperative. What counts things in the past as a subject is neuter: прошло 1000 лет."""
_NO_VERBS = re.compile("(?:.*ость|зал|канал|журнал|материал|сигнал|капитал|персонал|филиал|отдел|раздел|предел|стол|"
                       "пол|футбол|сила|дела|тела|скала|шкала|школа|цели|недели|модели|мили|доли|роли|печать|кровать|"
                       "автомобили|сеть)")
_BETWEEN = "\x1f"
_ONE = re.compile(rf"\bодна([ {_BETWEEN}])(тысяча|целая)\b")
_ONE_AS_OBJECT = {"тысяча": "тысячу", "целая": "целую"}
_ADVERBS = frozenset("ещё уже почти ровно всего примерно аж целых только".split())


def as_object(phrases: list[str], words: Sequence[Written], at: int) -> list[str]:
    """Заплатил тысячу, через двадцать одну тысячу: of all numbers that are counted things only these differ."""
    joined = _BETWEEN.join(phrases)
    if not _ONE.search(joined):
        return phrases
    place = at - 1
    while place > 0 and words[place].core.lower() in _ADVERBS and not words[place].tail:
        place -= 1
    before = words[place].core.lower() if place >= 0 and not words[place].tail else ""
    if before not in _BEFORE_OBJECTS and (not _VERB.fullmatch(before) or _NO_VERBS.fullmatch(before)):
        return phrases
    joined = re.sub("^одна тысяча", "тысячу", joined)
    return _ONE.sub(lambda one: f"одну{one[1]}{_ONE_AS_OBJECT[one[2]]}", joined).split(_BETWEEN)


def russian(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """02.03.2003 · 2 марта · 1999 года · 8-го"""
    if speech.base != "ru":
        return None
    core, following = words[at].core, next_core(words, at).lower()
    before = words[at - 1].core.lower() if at and not words[at - 1].tail else ""
    if date := _DATE.fullmatch(core):
        return _date(int(date[1]), int(date[3]), full_year(date[4]), DAY_CASES.get(before, "g"), following)
    if date := _ISO.fullmatch(core):
        return _date(int(date[3]), int(date[2]), int(date[1]), DAY_CASES.get(before, "g"), following)
    if re.fullmatch(r"\d{1,2}", core) and (following in months("ru") or _goes_on_to_a_month(words, at)):
        return _one(ordinal(int(core), DAY_CASES.get(before, "g"), "n"))
    if re.fullmatch(r"1[5-9]\d\d|20\d\d", core) and before in months("ru") and following not in _YEARS:
        return _one(ordinal(int(core), "g"))
    if _is_year(before, following) and (years := re.fullmatch(r"([1-9]\d{2,3})(?:[-–]([1-9]\d{2,3}))?", core)):
        return _years(years[1], years[2], before, following)
    if share := re.fullmatch(r"([1-9]\d{0,2})%-н?([а-я]{1,3})", core):
        return _one(_compound(int(share[1]), "процентн" + {"й": "ый", "я": "ая", "е": "ое"}.get(share[2], share[2])))
    if joined := _JOINED.fullmatch(core):
        return _one(_compound(int(joined[1]), joined[2]))
    if following in _RANKED and core.isdigit() and before in ("в", "во", "на", "о"):
        return _one(ordinal(int(core), "p", _RANKED[following]))
    if re.sub("(?<=\\d)х", "-х", core) in _COUNTS:
        return [_COUNTS[re.sub("(?<=\\d)х", "-х", core)]]
    if count := re.fullmatch(r"([1-9]\d{0,3})-?(?:ти|ми)", core):
        return _one(cardinal(int(count[1]), "g", "m"))
    ended = _ENDED.fullmatch(core)
    return _one(_with_ending(int(ended[1]), ended[2], following)) if ended else None


def _is_year(before: str, following: str) -> bool:
    """1999 г., в 988 г.; 100 г муки are grams, and 1500 г too where nothing says in or since"""
    if following not in ("г", "гг"):
        return following in _YEARS
    return before in months("ru") or is_before_year(before)


def is_before_year(before: str) -> bool:
    return before in _YEAR_CASES or before in ("с", "со", "до", "от", "после")


_ENDINGS = (("ой", "f", "i"), ("ей", "f", "i"), ("ая", "f", "n"), ("ом", "m", "i"), ("ем", "m", "i"), ("ия", "f", "n"),
            ("ии", "f", "p"), ("ие", "n", "n"), ("а", "f", "n"), ("я", "f", "n"), ("у", "f", "a"), ("ю", "f", "a"),
            ("ы", "f", "g"), ("и", "f", "g"), ("о", "n", "n"), ("е", "f", "p"))
_GENITIVE = ("до", "после", "с", "из", "от", "для", "участник", "участники", "начало", "начала", "конец", "конца")


def ranked(number: int, before: str, noun: str) -> str | None:
    """II мировая, во II половине, до II тура: bent as the noun behind it shows"""
    if noun in _RANKED:
        return ordinal(number, "p", _RANKED[noun])
    gender, case = next(((gender, case) for ending, gender, case in _ENDINGS if noun.endswith(ending)), ("m", "n"))
    if before in _GENITIVE and noun[-1] in "ая":
        gender, case = "m", "g"
    return ordinal(number, case, gender)


def _goes_on_to_a_month(words: Sequence[Written], at: int) -> bool:
    """С 1 по 5 мая, 5 и 6 мая"""
    behind = [word.core.lower() for word in words[at + 1:at + 4]]
    joined = len(behind) > 2 and behind[0] in ("по", "до", "и", "или")
    return joined and behind[1].isdigit() and behind[2] in months("ru")


def _years(first: str, last: str | None, before: str, noun: str) -> list[str] | None:
    """В 1990 г. is в ... году; 1941–1945 гг."""
    noun = noun.rstrip(".")
    case = _YEARS[noun] or _YEAR_CASES.get(before, "g" if noun == "г" or before in ("с", "до", "от") else "n")
    if noun == "году" and before in ("к", "ко"):
        case = "d"
    said = [ordinal(int(year), case) for year in (first, last) if year]
    if None in said:
        return None
    phrase = " ".join(filter(None, said))
    return [phrase, _YEAR_NAMES[noun][case]] if noun in _YEAR_NAMES else [phrase]


def _compound(number: int, rest: str) -> str:
    """Двадцатилетний, стопроцентный."""
    words = (cardinal(number, "g", "m") or "").split()
    parts = [_IN_COMPOUNDS.get(word, word) for word in words]
    return "".join(parts) + rest


def _date(day: int, month: int, year: int, case: str, following: str) -> list[str] | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    day_words, year_words = ordinal(day, case, "n"), ordinal(year, "g")
    words = f"{day_words} {months('ru')[month - 1]} {year_words}"
    if not day_words or not year_words:
        return None
    return [words, "года"] if following in ("г", "г.", "года") else [f"{words} года"]


def _with_ending(number: int, ending: str, noun: str) -> str | None:
    """The ending tells case and gender, -й части and -м годом with the noun; -е is plural where the noun is or in
    a decade, else neuter.
    """
    if ending in ("й", "ой") and re.fullmatch("[а-яё]{2,}(?:[ыие]|ью)", noun):
        return ordinal(number, "p", "f")
    if ending == "м" and re.fullmatch("[а-яё]{2,}[ое]м", noun):
        return ordinal(number, "i")
    if ending == "е" and re.fullmatch("[а-яё]{3,}[ыи]", noun):
        return ordinal(number, "n", plural=True)
    case = next(_CASES[tail] for tail in (ending, ending[-2:], ending[-1:]) if tail in _CASES)
    decade = ending == "е" and number > 19 and number % 10 == 0 and noun[-1:] not in tuple("ое")
    plural = ending[-1] == "х" or ending in ("ые", "ие") or decade
    gender = "f" if ending[-1] in "яю" else "n" if ending[-1] == "е" else "m"
    return ordinal(number, case, gender, plural)


def _one(words: str | None) -> list[str] | None:
    return [words] if words else None


_NAMED_PARTS = {3: ("треть", "трети", "третей"), 4: ("четверть", "четверти", "четвертей")}


def russian_parts(above: int, below: int, speech: Language) -> str | None:
    """Одна вторая, три четверти."""
    count = agree(name(str(above), "ru") or "", "f", speech)
    one = above % 10 == 1 and above % 100 != 11
    if below in _NAMED_PARTS:
        return f"{count} {_NAMED_PARTS[below][0 if one else 1 if 1 < above % 10 < 5 else 2]}"
    parts = ordinal(below, "n" if one else "g", "f", plural=not one)
    return f"{count} {parts}" if parts else None
