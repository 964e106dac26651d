"""The case of a Russian or Polish number: около двадцати километров, w trzech miastach, z pięcioma osobami.

It is told by the ending of the noun behind the number, else by the word before it. What either would leave open
(`is_open`) is read as the likelier one.
"""
from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from text import tables
from text.languages import polish, russian
from text.languages.amounts import AMOUNT, SCALES, currencies, unit_behind, units
from text.languages.dates import months
from text.languages.grammar import DATA, Language, Noun, Number, parse, said
from text.written import Written, grouped, next_core, share_out

_ENDINGS = {
    "ru": (("p", re.compile("[а-яё]+[ая]х")), ("i", re.compile("[а-яё]+(?:[ая]|ь)ми")),
           ("d", re.compile("[а-яё]{2,}[ая]м"))),
    "pl": (("l", re.compile("[a-zà-ż]+ach")), ("i", re.compile("[a-zà-ż]+mi|laty")),
           ("d", re.compile("[a-zà-ż]{2,}om"))),
}
"""How the plural of a noun shows its case, whatever its gender."""
_NO_ENDING = frozenset("реклам панорам программ драм дам рам мам armii ziemi".split())
_OPEN = {"ru": ("с", "со"), "pl": ("z", "ze")}
"""From or with: only the noun tells which."""
_UNTIL = {"ru": ("до", "по"), "pl": ("do", "na")}
_AND = ("и", "или", "i", "lub", "oraz", "a")
_BEFORE_DISTANCES = {"ru": ("в", "p", "от"), "pl": ("w", "l", "od")}
"""в 20 км от Москвы"""


@cache
def _cases(base: str) -> dict[str, str]:
    return {word: case for code, word, case in tables.rows(DATA / "cases.tsv") if code == base}


def governed(words: Sequence[Written], at: int, speech: Language) -> str:
    """The case that the word before a number asks for; "" when it asks for none of its own."""
    if not at or words[at - 1].tail:
        return ""
    before = words[at - 1].core.lower()
    if before in _AND and at > 1 and words[at - 2].core[-1:].isdigit():
        return governed(words, at - 2, speech)
    if before in _OPEN.get(speech.base, ()):
        return "g"
    return _cases(speech.base).get(before, "")


def is_open(words: Sequence[Written], at: int, speech: Language) -> bool:
    """с 50%: of fifty or with fifty"""
    if not at or words[at - 1].core.lower() not in _OPEN.get(speech.base, ()) or words[at].tail[:1] == ".":
        return False
    behind = [word.core.lower() for word in words[at + 1:at + 4]]
    counted = words[at].core.isdigit() and re.fullmatch(r"[^\W\d]{3,}", next_core(words, at))
    return not counted and not any(word in _UNTIL[speech.base] for word in behind)


def _case_of_noun(words: Sequence[Written], at: int, speech: Language) -> str:
    """The case that the noun behind word `at` shows, also behind one adjective."""
    following = next_core(words, at)
    if re.fullmatch("[а-яё]+[ыи]х|[a-zà-ż]+ych", following):
        following = next_core(words, at + 1) or following
    if following in _NO_ENDING:
        return ""
    return next((case for case, ending in _ENDINGS[speech.base] if ending.fullmatch(following)), "")


def bent(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """около 20 км · до 70% · из 50 штатов · до 99,99 zł · в 3 городах"""
    if speech.base not in _ENDINGS:
        return None
    count = grouped(words, at)
    match = AMOUNT.fullmatch("".join(word.core for word in words[at:at + count]))
    number = parse(match["low"], speech) if match else None
    if match is None or number is None or (number.whole[0] == "0" and len(number.whole) > 1):
        return None
    high = parse(match["high"], speech) if match["high"] else None
    last, following = at + count - 1, unit_behind(words, at + count - 1, speech)
    symbol = match["before"] or match["unit"]
    noun = _noun(symbol or following, speech)
    if (symbol and noun is None) or (match["high"] and (high is None or high.decimals)):
        return None
    case = _case(words, at, last, number, noun, speech)
    if not case:
        return None
    scale = _noun(following, speech) if match["before"] and (speech.base, following) in SCALES else None
    first = scale or noun
    gender = first.gender if first else counted_gender(high or number, following, speech)
    quantity = _declined(number, noun, case, gender, speech)
    upper = _declined(high, None, case, gender, speech) if high else ""
    if quantity is None or upper is None:
        return None
    phrase = " ".join(filter(None, (speech.minus if match["sign"] else "", quantity, upper)))
    if noun and match["before"] and not scale and (speech.base, following) in SCALES:
        return [*share_out(phrase, count), f"{following} {noun.forms[2]}"]
    return _with_noun(share_out(phrase, count), high or number, noun, scale, symbol, case, speech)


_IS_DEGREE = re.compile("stop|procent")
"""What one is in and not within: w 200°C"""


def _case(words: Sequence[Written], at: int, last: int, number: Number, noun: Noun | None, speech: Language) -> str:
    asked = governed(words, at, speech)
    if noun is not None:
        before, case, behind = _BEFORE_DISTANCES[speech.base]
        if at and speech.base == "pl" and words[at - 1].core.lower() in ("w", "we") and _IS_DEGREE.match(noun.forms[2]):
            return "l"
        if at and words[at - 1].core.lower() == before and behind in [word.core for word in words[last + 1:last + 3]]:
            return case
        return asked
    sure = "" if ends_in_one(number.value, speech) and not number.decimals else _case_of_noun(words, last, speech)
    if not sure and not asked and speech.base == "pl" and polish.is_personal(next_core(words, last)):
        return "g" if 1 < number.value < 1000 and not number.decimals else ""
    return sure or asked


def ends_in_one(number: int, speech: Language) -> bool:
    return number == 1 if speech.base == "pl" else number % 10 == 1 and number % 100 != 11


def counted_gender(number: Number, following: str, speech: Language) -> str:
    """The gender of 1 and 2 by the noun behind them where a case other than the nominative is asked for."""
    if not ends_in_one(number.value, speech):
        return "m"
    return "f" if re.fullmatch("[а-яё]{2,}(?:[ыиюу]|ой|ей)|[a-zà-ż]{2,}[yi]", following) else "m"


def _noun(symbol: str, speech: Language) -> Noun | None:
    if symbol in ("%", "％"):
        return speech.percent
    money = currencies(speech.base).get(symbol)
    return money[0] if money else units(speech.base).get(symbol)


def _declined(number: Number, noun: Noun | None, case: str, gender: str, speech: Language) -> str | None:
    """The words of a number in its case; Polish decimals stay as they are."""
    cardinal = russian.cardinal if speech.base == "ru" else polish.cardinal
    money = noun and next((both for both in currencies(speech.base).values() if both[0] is noun), None)
    if not number.decimals:
        return cardinal(number.value, case, gender)
    plural = _formed(noun, number, case, speech) if noun and money else None
    if money and money[1] and plural and re.fullmatch(r"\d\d", number.decimals):
        part = Number(str(int(number.decimals)), "")
        cents = cardinal(part.value, case, money[1].gender) if part.value else ""
        return " ".join(filter(None, (cardinal(number.value, case, gender), plural, cents)))
    return russian.decimals(number, case) if speech.base == "ru" else said(number, speech)


def _formed(noun: Noun, number: Number, case: str, speech: Language) -> str | None:
    """The noun in the case of its number; None for what the tables do not know."""
    one, few, many, part = noun.forms
    single = ends_in_one(number.value, speech)
    if case == "g":
        return part if single else many
    return None if single else plural(one if speech.base == "ru" else few, case, speech)


_PLURALS = {
    "ru": {"d": ("ам", "ям", "ым"), "i": ("ами", "ями", "ыми"), "p": ("ах", "ях", "ых")},
    "pl": {"d": ("om", "om", "ym"), "i": ("ami", "ami", "ymi"), "l": ("ach", "ach", "ych")},
}


def plural(phrase: str, case: str, speech: Language) -> str:
    """Километрах of километр, stopniach Celsjusza of stopnie Celsjusza."""
    hard, soft, adjective = _PLURALS[speech.base][case]
    first, *rest = phrase.split()
    if speech.base == "ru" and re.fullmatch(".+[ыи]й", first):
        return " ".join([first[:-2] + adjective, plural(rest[0], case, speech), *rest[1:]])
    if first in ("евро", "euro"):
        return phrase
    if first == "złote":
        return "złot" + adjective
    rest = [re.sub("[ey]$", adjective, word) if re.search("(?:ow|enn)e$", word) else word for word in rest]
    return " ".join([re.sub("[аяьyie]$", "", first) + (soft if first[-1] in "ья" else hard), *rest])


def _with_noun(
        phrases: list[str], number: Number, noun: Noun | None, scale: Noun | None, symbol: str, case: str,
        speech: Language) -> list[str] | None:
    if noun is None:
        return phrases
    if scale:
        scaled = scale.forms[3] if number.decimals else _formed(scale, number, case, speech)
        return [*phrases, f"{scaled} {noun.forms[2]}"]
    parts = next((both[1] for both in currencies(speech.base).values() if both[0] is noun), None)
    if number.decimals and parts and len(number.decimals) == 2:
        cents = Number(str(int(number.decimals)), "")
        formed = _formed(parts, cents, case, speech) if cents.value else ""
    else:
        formed = noun.forms[3] if number.decimals else _formed(noun, number, case, speech)
    if formed is None:
        return None
    return [*phrases[:-1], f"{phrases[-1]} {formed}".strip()] if symbol else [*phrases, formed]


def bent_fraction(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """около 3/4 · do 2/3: the case that the word before it asks for"""
    match = re.fullmatch(r"([1-9]\d?)/([1-9]\d{0,2})", words[at].core) if speech.base in _ENDINGS else None
    case = governed(words, at, speech) if match else ""
    if match is None or case in ("", "n") or int(match[1]) >= int(match[2]):
        return None
    above, below = int(match[1]), int(match[2])
    if speech.base == "pl":
        parts = polish.ordinal(below, "F" if above == 1 else "P") if case in "gl" else None
        return [f"{polish.cardinal(above, case, 'f')} {parts}"] if parts else None
    single = ends_in_one(above, speech)
    if below in _NAMED_PARTS:
        ends = _NAMED_ENDINGS[single].get(case)
        return [f"{russian.cardinal(above, case, 'f')} {_NAMED_PARTS[below]}{ends}"] if ends else None
    parts = russian.ordinal(below, case, "f", plural=not single)
    return [f"{russian.cardinal(above, case, 'f')} {parts}"] if parts else None


_NAMED_PARTS = {3: "трет", 4: "четверт"}
_NAMED_ENDINGS = ({"g": "ей", "d": "ям", "i": "ями", "p": "ях"}, {"g": "и", "d": "и", "i": "ью", "p": "и"})
_DOTTED_DAY = re.compile(r"(0?[1-9]|[12]\d|3[01])\.(0[1-9]|1[0-2])")
_MEASURES = re.compile("рубл|доллар|евро|процент|тыс|миллион|милли|кило|метр|литр|грамм|градус|балл|раз|секунд|минут"
                       f"|час|верси|{polish.MEASURES}")
_BEFORE_DAYS = {"ru": ("до", "с", "со", "по", "к", "на", "от", "после"),
                "pl": ("do", "od", "dnia", "dniu", "po", "przed", "na", "między")}


def dotted_day(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """до 31.12 · 25.12 в 19:00: a dot stands in no number where a comma stands before decimals"""
    match, following = _DOTTED_DAY.fullmatch(words[at].core), next_core(words, at)
    measured = _noun(following, speech) or _MEASURES.match(following)
    if match is None or speech.base not in _BEFORE_DAYS or measured:
        return None
    before = words[at - 1].core.lower() if at and not words[at - 1].tail else ""
    if before in _AND and at > 2 and dotted_day(words, at - 2, speech):  # między 5.09 a 10.09
        before = words[at - 3].core.lower()
    timed = following in ("в", "o") and re.match(r"\d{1,2}:\d\d", next_core(words, at + 1))
    padded = words[at].core[0] == "0" and before not in ("в", "о", "o", "w", "godzina", "godzinie", "godziny")
    if before not in _BEFORE_DAYS[speech.base] and not timed and not padded:
        return None
    day = int(match[1])
    said = russian.ordinal(day, russian.DAY_CASES.get(before, "g"), "n") if speech.base == "ru" else (
        polish.ordinal(day, polish.DAY_CASES.get(before, "g")))
    return [f"{said} {months(speech.base)[int(match[2]) - 1]}"] if said else None


def may_be_day(core: str, speech: Language) -> bool:
    return speech.base in _BEFORE_DAYS and _DOTTED_DAY.fullmatch(core) is not None


_ONE_AND_A_HALF = {"ru": (("полтора", "полутора"), ("полторы", "полутора")),
                   "pl": (("półtora", "półtora"), ("półtorej", "półtorej"))}
"""Before a masculine or neuter noun, before a feminine one; nominative and any other case."""


def one_and_a_half(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """1,5 часа · 1,5 минуты · 1,5 roku"""
    noun = next_core(words, at)
    if words[at].core != "1,5" or speech.base not in _ONE_AND_A_HALF or not re.fullmatch(
            "[а-яё]{3,}[аяыи]|[a-zà-ż]{3,}[auyi]", noun):
        return None
    forms = _ONE_AND_A_HALF[speech.base][noun[-1] in "ыиyi"]
    return [forms[governed(words, at, speech) not in ("", "n")]]


_BEFORE_YEARS = {
    "ru": {"в": "p", "во": "p", "с": "g", "со": "g", "до": "g", "от": "g", "после": "g", "к": "d", "ко": "d",
           "по": "n"},
    "pl": {"w": "l", "we": "l", "od": "g", "do": "g", "z": "g", "ze": "g", "sprzed": "g", "przed": "i", "po": "l"},
}
_YEAR_NOUNS = re.compile(r"год|лет|г+\.?$|r$|ro[kc]|lat")
_BEHIND_YEARS = frozenset("""по до и а но или я мы он она они это в во на у с был была было были do i a ale lub w na z
to był była było były są się""".split())
_COUNTED_BEHIND = re.compile("[а-яё]*(?:ов|ев|ей|ах|ях|раз|лет|штук|тонн|человек|минут|секунд|страниц|копий|слов)"
                             "|[a-zà-ż]*(?:ów|ach|osób|złotych|razy|lat|minut|sekund|stron|sztuk|tys|mln)")
"""What in 2000 is a number of, and no year."""


def is_bare_year(words: Sequence[Written], at: int, speech: Language) -> bool:
    """в 2019, до 1999: a year without its noun, as far as its neighbours show"""
    if speech.base not in _BEFORE_YEARS or not at or not re.fullmatch(r"1[5-9]\d\d|20[0-4]\d", words[at].core):
        return False
    following, before = next_core(words, at), words[at - 1].core.lower()
    if before not in _BEFORE_YEARS[speech.base] or words[at - 1].tail:
        return False
    if _YEAR_NOUNS.match(following):
        return False
    if before in ("в", "во", "w", "we") and following[:1].islower() and not _noun(following, speech):
        return not _COUNTED_BEHIND.fullmatch(following)
    return not following or following in _BEHIND_YEARS or following[:1].isupper()


def may_be_year(words: Sequence[Written], at: int, speech: Language) -> bool:
    """1996 with nothing that says whether it is a year"""
    if speech.base not in _BEFORE_YEARS or not re.fullmatch(r"1[5-9]\d\d|20[0-4]\d", words[at].core):
        return False
    following = next_core(words, at)
    if at and any(month.startswith(words[at - 1].core.lower()[:5] or "-") for month in months(speech.base)):
        return False
    return not _COUNTED_BEHIND.fullmatch(following) and not _YEAR_NOUNS.match(following) and (
        _noun(following, speech) is None and (speech.base, following) not in SCALES)


def bare_year(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """с 2010 по 2015 год: every year of it is an ordinal"""
    if not is_bare_year(words, at, speech):
        return None
    ordinal = russian.ordinal if speech.base == "ru" else polish.ordinal
    said = ordinal(int(words[at].core), _BEFORE_YEARS[speech.base][words[at - 1].core.lower()])
    return [said] if said else None


def bent_clock(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """с 9:00 до 18:30"""
    ends = re.fullmatch(r"(\d{1,2}:[0-5]\d)[-–](\d{1,2}:[0-5]\d)", words[at].core) if speech.base == "ru" else None
    if ends:
        first, last = (bent_clock([Written("", "до", ""), Written("", end, "")], 1, speech) for end in ends.groups())
        start = "" if at and words[at - 1].core.lower() == "с" else "с "
        return [f"{start}{first[0]} до {last[0]}"] if first and last else None
    match = re.fullmatch(r"(\d{1,2}):([0-5]\d)", words[at].core) if speech.base == "ru" else None
    case = governed(words, at, speech) if match else ""
    if match is None or not case or int(match[1]) > 24:
        return None
    hour, minute = Number(match[1], ""), int(match[2])
    if minute:
        return [f"{russian.cardinal(hour.value, case, 'm')} {russian.minutes(minute, case)}"]
    hours = Noun("m", ("час", "часа", "часов", "часа"))
    return [f"{russian.cardinal(hour.value, case, 'm')} {_formed(hours, hour, case, speech) or 'часу'}"]
