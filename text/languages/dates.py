"""Days, times of day and ordinals."""
from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from text import tables
from text.languages.grammar import DATA, Language
from text.number_names import name
from text.written import Written, next_core

_ORDINALS = {
    "de": re.compile(r"(\d{1,4})\."),
    "fr": re.compile(r"(\d{1,4})(?:er|ère|re|e|ème|eme|nd|nde|(?<=2)de?|°)"), "es": re.compile(r"(\d{1,4})\.?[ºª]"),
    "it": re.compile(r"(\d{1,4})[ºª°]"), "pt": re.compile(r"(\d{1,4})\.?[ºª]"),
    "nl": re.compile(r"(\d{1,4})(?:e|de|ste)"), "sv": re.compile(r"(\d{1,4}):[ae]"),
    "ca": re.compile(r"(\d{1,4})(?:r|n|t|è|a)"),
}
_DATE = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d\d)")
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_DATE_WORDS = {"de": "{0} {1} {2}", "fr": "{0} {1} {2}", "es": "{0} de {1} de {2}", "it": "{0} {1} {2}",
               "pt": "{0} de {1} de {2}", "nl": "{0} {1} {2}", "hi": "{0} {1} {2}"}
_FIRST = {"fr": "premier", "es": "uno", "it": "primo", "pt": "primeiro"}
_STRONG_E = frozenset("der die das eine meine deine seine ihre unsere eure jede diese jene keine welche".split())
_STRONG_N = frozenset("""am den dem des im vom zum zur beim ins bis seit ab einen einem einer meinen meinem meiner
deinen deinem deiner seinen seinem seiner ihren ihrem ihrer unseren unserem unserer jeden jedem jeder diesen diesem
dieser keinen keinem keiner""".split())
_DATIVE = frozenset("in an auf bei seit von mit nach zu aus vor hinter unter über neben zwischen während ab".split())
"""Before der: in der zweiten Minute."""
_STRONG = frozenset("ein mein dein sein ihr unser euer kein".split())
_NEUTER = frozenset("""Mal Video Jahr Buch Kind Album Spiel Lied Projekt Haus Auto Bild Kapitel Semester Quartal Tor
Konzert Date Interview Rennen Training Handy Studio Geschäft Team Leben Ziel Jahrhundert""".split())
_OF = frozenset("de des du d' di dei del della delle degli da do das dos van के".split())
"""Behind a fraction of something: el 3/4 de la gente."""
DAY_CUES = {"es": ("el", "al", "del"), "fr": ("le", "au", "du"), "it": ("il", "al", "dal", "del", "l"),
             "pt": ("em", "dia", "no"), "nl": ("op", "tot", "vanaf"), "hi": ("दिनांक", "तारीख")}


@cache
def months(base: str) -> tuple[str, ...]:
    return tuple(month for code, _, month in tables.rows(DATA / "months.tsv") if code == base)


_JOINED_DAY = re.compile(r"(\d{1,2})-([^\W\d]{3,5})\.?-(\d{4})")


def months_in_full(words: Sequence[Written], speech: Language) -> Sequence[Written]:
    """15 févr. 2024 · 15 фев 2024 · 12-feb-2024: a short month behind its day is written out"""
    own = list(words)
    for at, word in enumerate(words):
        if (joined := _JOINED_DAY.fullmatch(word.core)) and (number := _short_month(joined[2], speech)):
            own[at] = word._replace(core=f"{int(joined[1]):02}.{number:02}.{joined[3]}")
        elif at and (number := _short_month(word.core, speech)):
            day = words[at - 2] if words[at - 1].core == "de" and at > 1 else words[at - 1]
            behind = words[at + 1].core if at + 1 < len(words) else ""
            dated = word.tail[:1] == "." or re.fullmatch(r"\d{4}", behind) is not None
            if dated and re.fullmatch(r"\d{1,2}\.?", day.core) and day.tail in ("", ".") and not word.lead:
                tail = word.tail[1:] if word.tail[:1] == "." and (behind or word.tail[1:]) else word.tail
                own[at] = Written("", months(speech.base)[number - 1], tail)
    return own


def _short_month(core: str, speech: Language) -> int:
    """The number of the month that alone begins so; 0 of a full name and of anything else."""
    names = [month.lower() for month in months(speech.base)] if 3 <= len(core) <= 5 else []
    spoken, _ = tables.abbreviations(speech.base).get(f"{core.lower()}.", ("", ""))
    if spoken and spoken.lower() not in names:  # sett.
        return 0
    found = [number for number, month in enumerate(names, 1) if month.startswith(core.lower())]
    return found[0] if len(found) == 1 and core.lower() not in names else 0


@cache
def _weekdays(base: str) -> dict[str, str]:
    return {short.lower(): full for code, short, full in tables.rows(DATA / "weekdays.tsv") if code == base}


def weekdays(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """Mo.-Fr. · lun–vie: only in a span, where a short name is nothing else"""
    span = re.fullmatch(r"([^\W\d]{2,3})\.?[-–]([^\W\d]{2,3})", words[at].core)
    first, last = (_weekdays(speech.base).get(end.lower()) for end in span.groups()) if span else (None, None)
    if first and last and speech.base in _FROM_DAYS:
        start, to = _FROM_DAYS[speech.base]
        cued = at and words[at - 1].core.lower() == start
        start += "о" * (start == "с" and first.startswith("вт"))
        return [f"{'' if cued else start + ' '}{bent_day(first, start)} {to} {bent_day(last, to)}"]
    return [f"{first} {'bis' if speech.base == 'de' else speech.to or '—'} {last}"] if first and last else None


_FROM_DAYS = {"pl": ("od", "do"), "ru": ("с", "по")}
_BEFORE_GENITIVE = ("do", "od", "z", "с", "со", "до", "от", "после", "кроме", "oprócz")
_BEFORE_ACCUSATIVE = ("w", "we", "na", "в", "во", "на", "по", "za", "за")


@cache
def _bent_days() -> dict[str, tuple[str, str]]:
    return {day: (genitive, accusative) for _, day, genitive, accusative in tables.rows(DATA / "days.tsv")}


def bent_day(day: str, before: str) -> str:
    """Do piątku, w środę, по пятницу."""
    genitive, accusative = _bent_days().get(day, (day, day))
    return genitive if before in _BEFORE_GENITIVE else accusative if before in _BEFORE_ACCUSATIVE else day


def ordinal(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """1er · 3º · 3e · der 3. Mai"""
    pattern = _ORDINALS.get(speech.base)
    added = re.fullmatch(r"(\d{1,3}(?:e|ème|º|ª|°))\+(\d{1,2})", words[at].core)
    if added and (minute := ordinal([*words[:at], words[at]._replace(core=added[1])], at, speech)):
        return [f"{minute[0]} plus {name(added[2], speech.code)}"]
    match = pattern.fullmatch(words[at].core) if pattern else None
    if match is None:
        return None
    if speech.base == "de":
        return [german_ordinal(match[1], words, at)]
    if speech.base == "fr" and words[at].core.endswith(("ère", "1re")):
        return ["première"]
    ordered = name(match[1], speech.code, "ordinal")
    if ordered and words[at].core.endswith("ª"):
        ordered = re.sub(r"o\b", "a", ordered)
    return [ordered] if ordered else None


def german_ordinal(digits: str, words: Sequence[Written], at: int) -> str:
    """Der dritte Mai, am dritten Mai, dritter Mai."""
    ordered = name(digits, "de", "ordinal") or digits
    if is_second(words, at):
        at -= 2
    before = words[at - 1].core.lower() if at and not words[at - 1].tail else ""
    if before == "der" and at > 1 and words[at - 2].core.lower() in _DATIVE:
        return ordered + "n"
    if before in _STRONG_E:
        return ordered
    if before in _STRONG and next_core(words, at) in _NEUTER:
        return ordered + "s"
    if not takes_ordinal(before) and (gender := takes_rank(next_core(words, at))):
        return ordered + {"m": "r", "f": "", "n": "s"}[gender]
    return ordered + ("n" if before in _STRONG_N else "r")


@cache
def _ranked() -> dict[str, str]:
    return {word: kind for code, word, kind in tables.rows(DATA / "counted.tsv") if code == "de"}


def takes_rank(noun: str) -> str:
    """The gender of a German noun before which a number with a dot is its rank: 2. Platz"""
    return _ranked().get(noun, "")


def is_second(words: Sequence[Written], at: int) -> bool:
    """The second number of 1. und 2. Platz"""
    joined = at > 1 and words[at - 1].core in ("und", "oder", "bis") and words[at].core.rstrip(".").isdigit()
    first = "".join(words[at - 2][1:]) if joined else ""
    named = at + 1 < len(words) and words[at + 1].core[:1].isupper()
    return named and re.fullmatch(r"\d{1,2}\.", first) is not None


def takes_ordinal(before: str) -> bool:
    """Whether what stands before 3. makes an ordinal of it: das 3. Mal"""
    return before in _STRONG_E or before in _STRONG_N or before in _STRONG


def date(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """02.03.2003 · 2003-03-02 · 31/12, and the day alone where its month follows: 1 de enero"""
    core = words[at].core
    if short := re.fullmatch(r"(\d{1,2})([/.])(\d{1,2})\.?", core):
        return _day_and_month(int(short[1]), short[2], int(short[3]), words, at, speech)
    if day := re.fullmatch(r"(\d{1,2})", core):
        return _day_before_month(int(day[1]), words, at, speech)
    if iso := _ISO.fullmatch(core):
        return _date_words(iso[1], int(iso[2]), int(iso[3]), words, at, speech)
    match = _DATE.fullmatch(core)
    if match is None or (match[2] == "-" and len(match[4]) == 2):
        return None
    return _date_words(match[4], int(match[3]), int(match[1]), words, at, speech)


def _day_and_month(
    day: int, mark: str, month: int, words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """31/12, which is no fraction, or 5/12 behind a word that says so; in German 31.12. with its dot"""
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    if speech.base == "de" and mark == ".":
        before = words[at - 1].core.lower() if at else ""
        timed = before == "um" or next_core(words, at) == "Uhr"
        padded = re.match(r"0\d\.|\d\d\.0" if before in _STRONG_N else r"0\d\.", words[at].core) and not timed
        dotted = words[at].core[-1] == "." or padded
        return [f"{_day(day, words, at, speech)} {months('de')[month - 1]}"] if dotted else None
    if mark != "/" or speech.base not in _DATE_WORDS:
        return None
    cued = at > 0 and words[at - 1].core.lower() in DAY_CUES.get(speech.base, ())
    if (day <= 12 and not cued) or (cued and day < month <= 10 and next_core(words, at).lower() in _OF):
        return None
    return [_DATE_WORDS[speech.base].format(_day(day, words, at, speech), months(speech.base)[month - 1], "").strip()
            .removesuffix(" de")]


def _day_before_month(day: int, words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    following = next_core(words, at)
    if following == "de" and at + 2 < len(words) and not words[at + 1].tail:
        following = words[at + 2].core
    if following.lower() not in months(speech.base) or not 1 <= day <= 31 or speech.base not in _FIRST:
        return None
    if speech.base in ("es", "pt") and following == next_core(words, at):
        return [("primero" if day == 1 else _day(day, words, at, speech)) + " de"]
    return [_day(day, words, at, speech)]


def _date_words(
    year: str, month: int, day: int, words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    if not (1 <= month <= 12 and 1 <= day <= 31) or speech.base not in _DATE_WORDS:
        return None
    spoken_year = year_words(str(full_year(year)), speech)
    names = months(speech.base)
    if spoken_year is None:
        return None
    return [_DATE_WORDS[speech.base].format(_day(day, words, at, speech), names[month - 1], spoken_year)]


def full_year(digits: str) -> int:
    """2006 of 06, 1986 of 86."""
    return int((("19" if int(digits) > 50 else "20") if len(digits) == 2 else "") + digits)


def _day(day: int, words: Sequence[Written], at: int, speech: Language) -> str:
    if speech.base == "de":
        return german_ordinal(str(day), words, at)
    if day == 1 and speech.base in _FIRST:
        return _FIRST[speech.base]
    return name(str(day), speech.code) or str(day)


def year_words(digits: str, speech: Language) -> str | None:
    """neunzehnhundertneunundneunzig"""
    if speech.base in ("de", "nl", "da") and re.fullmatch(r"1[1-9]\d\d|20[1-9]\d", digits):
        words = name(digits, speech.code, "year") or name(digits, speech.code)
        return words.replace(" ", "") if words and speech.base == "nl" else words
    if speech.base == "hi" and re.fullmatch(r"1[1-9]\d\d", digits):
        rest = name(digits[2:], "hi") if int(digits[2:]) else ""
        return f"{name(digits[:2], 'hi')} सौ {rest}".strip()
    return name(digits, speech.code)
