"""Abbreviations written out before anything is read: z. B., Sra., EE. UU., т. е."""
from __future__ import annotations

import re
from collections.abc import Sequence

from text.languages.amounts import units
from text.languages.dates import bent_day
from text.languages.grammar import Language, whole_words
from text.tables import abbreviation_key, abbreviations
from text.written import Written, share_out

_LONGEST = 3
"""Display words of one abbreviation."""
_RANK = re.compile(r"\d{1,3}(?:\.|e|er|re|ère|ème|[°ºª])")
_BEFORE_DAYS = {"de": ("am", "jeden", "ab", "bis", "vom", "diesen", "nächsten", "letzten"),
                "fr": ("le", "du", "au", "ce", "chaque"), "es": ("el", "los", "del", "al", "este", "cada"),
                "it": ("il", "ogni", "di", "dal", "al"), "pt": ("na", "nas", "no", "à", "toda", "cada")}
_BEFORE_DAYS |= {"nl": ("op", "elke", "van", "tot", "t/m", "vanaf", "met"),
                 "ru": ("в", "во", "с", "до", "по", "каждый", "и"),
                 "pl": ("w", "we", "do", "od", "każdy", "każdą", "i")}
_DAYS_TOO = {("de", "Fr."): "Freitag", ("pl", "pt."): "piątek"}
"""Short days that are short for something else where no day is meant."""
_STREETS = {"de": "traße", "nl": "traat"}
_NOTHING = Written("", "", "")


def written_out(words: Sequence[Written], speech: Language | None) -> list[Written]:
    """Abbreviations in full; the dot of one stays where it ends the sentence too."""
    own = list(words)
    if speech is None or not abbreviations(speech.base):
        return own
    at = 0
    while at < len(own):
        longest = min(_LONGEST, len(own) - at)
        count = next((count for count in range(longest, 0, -1) if _spoken(own, at, count, speech)), 1)
        if spoken := _spoken(own, at, count, speech):
            own[at:at + count] = _in_full(own, at, count, spoken, speech)
        at += count
    return own


def units_joined(words: Sequence[Written], speech: Language | None) -> Sequence[Written]:
    """A unit of several display words is one core, those behind it are empty: ч. л., c. à s., мм рт. ст."""
    if speech is None or not any("." in unit for unit in units(speech.base)):
        return words
    own = list(words)
    for at in range(len(own)):
        if count := _unit_of_several(own, at, speech):
            unit, last = _unit_written(own, at, count, speech), at + count - 1
            ends = unit[-1] != "." or at + count == len(own) or own[at + count].core[:1].isupper()
            tail = words[last].tail[not ends:]
            own[at:at + count] = [Written("", unit, ""), *[_NOTHING] * (count - 1)]
            own[last] = own[last]._replace(tail=tail)
    return own


def _unit_of_several(words: Sequence[Written], at: int, speech: Language) -> int:
    """How many words a unit such as ч. л. or мм рт. ст. has, 0 where none stands behind a number."""
    if not at or not words[at - 1].core[-1:].isdigit() or words[at - 1].tail or len(words[at].core) > 4:
        return 0
    counts = (count for count in (3, 2, 1) if at + count <= len(words))
    return next((count for count in counts if _unit_written(words, at, count, speech)), 0)


def _unit_written(words: Sequence[Written], at: int, count: int, speech: Language) -> str:
    """The dot of the last may be the sentence's: 20 кв. м."""
    written = _dotted(words, at, count) or ""
    symbols = (unit for unit in (written, written[:-1]) if " " in unit or "." in unit)
    return next((unit for unit in symbols if unit in units(speech.base)), "")


def joined(core: str, speech: Language) -> str | None:
    """Nr.1, n°1, S.5: an abbreviation and its number in one word"""
    match = re.fullmatch(r"([^\W\d]{1,5}[.°º])(\d{1,4})", core)
    if match is None:
        return None
    spoken, needs = abbreviations(speech.base).get(abbreviation_key(match[1]), ("", ""))
    number = whole_words(match[2], speech)
    return f"{spoken} {number}" if needs == "number" and number else None


def _dotted(words: Sequence[Written], at: int, count: int) -> str | None:
    """The words as they are written, the dot of the last with them."""
    parts = words[at:at + count]
    if any(part.lead for part in parts[1:]) or any(part.tail != "." for part in parts[:-1] if "." in part.tail):
        return None
    return " ".join(part.core + part.tail[:1].replace(",", "") if part is not parts[-1] else part.core
                    + ("." if part.tail[:1] == "." else "") for part in parts)


def _spoken(words: Sequence[Written], at: int, count: int, speech: Language) -> str | None:
    written = _dotted(words, at, count) if len(words[at].core) <= 10 else None
    article = re.match(r"(?:[ldLD]|[nNdD]ell|[aA]ll|[dD]all|[sS]ull)'(?=[^\W\d])", written or "")
    if article and (noun := abbreviations(speech.base).get(abbreviation_key((written or "")[article.end():]))):
        return article[0] + noun[0]
    street = re.fullmatch(r"([A-ZÄÖÜ][A-Za-zäöüßÄÖÜ-]{2,})([sS])tr\.", "".join(words[at][1:])[:40])
    if street and count == 1 and speech.base in _STREETS:
        return f"{street[1]}{street[2]}{_STREETS[speech.base]}"
    spoken, needs = abbreviations(speech.base).get(abbreviation_key(written or ""), ("", ""))
    if at and words[at - 1].core[-1:].isdigit() and not words[at - 1].tail and words[at].core in units(speech.base):
        return None
    following = words[at + count] if at + count < len(words) else Written("", "", "")
    day = _DAYS_TOO.get((speech.base, written or "")) or (spoken if needs in ("day", "goes") else "")
    if day and _is_day(words, at, count, needs or "day", speech):
        return bent_day(day, words[at - 1].core.lower() if at else "")
    if needs == "name" and not (following.core[:1].isupper() and not following.lead):
        return None
    if needs == "roman" and not re.fullmatch("[IVXL]+", following.core):
        return None
    if needs == "behind" and not (at and words[at - 1].core[-1:].isdigit() and not words[at - 1].tail):
        return None
    if needs == "number" and not (following.core[:1].isdigit() and not following.lead):
        return None
    if needs == "rank" and not (at and _RANK.fullmatch(words[at - 1].core) and not words[at - 1].tail):
        return None
    if needs == "century":
        return _century(words, at, spoken)
    if needs in ("day", "goes"):
        return None
    return spoken or None


def _century(words: Sequence[Written], at: int, spoken: str) -> str | None:
    """В XIX в. is в ... веке, XIX–XX вв. веков"""
    behind = words[at + 1].core if at + 1 < len(words) else ""
    numbered = at and not words[at - 1].tail and re.fullmatch("[IVXL–-]+(?:e|ème)?", words[at - 1].core)
    if not numbered and not re.fullmatch("[IVXL]+", behind):
        return None
    within = at > 1 and words[at - 2].core.lower() in ("в", "во")
    return {"века": "веке", "веков": "веках"}.get(spoken, spoken) if within else spoken


def _is_day(words: Sequence[Written], at: int, count: int, needs: str, speech: Language) -> bool:
    """le ven. à 20h; am Fr., 20 Uhr; at the end of a sentence only what is no other word: el mié."""
    tail, following = words[at + count - 1].tail, words[at + count] if at + count < len(words) else _NOTHING
    goes_on = tail[1:2] == "," or (tail == "." and (following.core[:1].islower() or following.core[:1].isdigit())
                                                 and not following.lead)
    before = words[at - 1].core.lower() if at and not words[at - 1].tail else ""
    goes_on &= (speech.base, words[at].core.lower()) != ("pl", "pt")
    return goes_on or (needs == "day" and before in _BEFORE_DAYS.get(speech.base, ()))


def _in_full(words: Sequence[Written], at: int, count: int, spoken: str, speech: Language) -> list[Written]:
    last = words[at + count - 1]
    tail = last.tail
    if tail[:1] == ".":
        _, needs = abbreviations(speech.base).get(abbreviation_key(_dotted(words, at, count) or ""), ("", ""))
        following = words[at + count].core[:1] if at + count < len(words) else ""
        ends = at + count == len(words) or (needs == "end" and following.isupper())
        tail = tail if ends and not tail[1:] else tail[1:]
    phrases = share_out(spoken, count)
    return [Written(word.lead, phrase, tail if word is last else "")
            for word, phrase in zip(words[at:at + count], phrases, strict=True)]
