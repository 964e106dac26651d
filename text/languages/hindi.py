"""Hindi years by hundreds, times of day, ordinals."""
from __future__ import annotations

import re
from collections.abc import Sequence

from text.languages.dates import months, year_words
from text.languages.grammar import Language
from text.number_names import digit_names, name
from text.written import FRACTION, Written, next_core

_AFTER_YEARS = ("में", "का", "की", "के", "से", "तक", "को", "ई", "ईस्वी")
_BEFORE_YEARS = ("सन", "सन्", "साल", "वर्ष", "ईस्वी")
_ORDINALS = {"1": "पहल", "2": "दूसर", "3": "तीसर", "4": "चौथ", "6": "छठ"}
_ENDED = re.compile(r"(\d{1,6})-?(?:(ला|ली|ले|रा|री|रे|था|थी|थे|ठा|ठी|ठे)|(वां|वाँ|वीं|वें|वे|वी))")
_ENGLISH = "फ़र्स्ट सेकंड थर्ड फ़ोर्थ फ़िफ्थ सिक्स्थ सेवंथ एटथ नाइंथ टेंथ".split()
_AND_A_HALF = {"1.5": "डेढ़", "2.5": "ढाई"}
_HALVED = frozenset("लाख करोड़ करोड़ अरब घंटा घंटे साल महीने किलो लीटर गुना मिनट".split())
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")


def hindi(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """1990 के दशक · 21वीं · 3री · शाम 6:30 बजे · 7:05"""
    if speech.base != "hi":
        return None
    core = words[at].core
    if address := _address(words, at):
        return [address]
    if re.fullmatch(r"1[1-9]\d\d", core) and _is_year(words, at):
        return _one(year_words(core, speech))
    if core in _AND_A_HALF and next_core(words, at) in _HALVED:
        return [_AND_A_HALF[core]]
    if half := _HALF.fullmatch(core):
        return _one(_and_a_half(half[1]))
    if re.fullmatch(r"\d{1,3}", core) and next_core(words, at) == "1/2":
        return [_and_a_half(core), ""]
    if length := re.fullmatch(r"(\d)'(\d{1,2})(?:\"|'')?", core + words[at].tail[:1].strip(",.;:!?")):
        return [f"{name(length[1], 'hi')} फ़ुट {name(length[2], 'hi')} इंच"]
    if english := re.fullmatch(r"(1st|2nd|3rd|[4-9]th|10th)", core):
        return [_ENGLISH[int(english[1][:-2]) - 1]]
    if ended := _ENDED.fullmatch(core):
        return _one(_ordinal(ended, speech))
    if clock := _CLOCK.fullmatch(core):
        return _time(clock, next_core(words, at))
    return None


_STATES = frozenset("""प्रदेश महाराष्ट्र गुजरात राजस्थान बिहार झारखंड कर्नाटक केरल तमिलनाडु पंजाब हरियाणा गोवा असम ओडिशा बंगाल
                       तेलंगाना उत्तराखंड छत्तीसगढ़ कश्मीर दिल्ली मणिपुर मेघालय मिज़ोरम नागालैंड सिक्किम त्रिपुरा""".split())
_BEFORE_CODES = ("पिन", "पिनकोड", "कोड", "ओटीपी")
_STREETS = frozenset("रोड स्ट्रीट मार्ग नगर गली फ्लोर सेक्टर कॉलोनी एवेन्यू मोहल्ला".split())


def _address(words: Sequence[Written], at: int) -> str | None:
    """भोपाल, मध्य प्रदेश 462001 · पिन कोड 110023 · 14/3, मथुरा रोड"""
    core, before = words[at].core, words[at - 1].core if at else ""
    if re.fullmatch(r"[1-9]\d{5}", core) and (before in _BEFORE_CODES or before in _STATES):
        return digit_names(core, "hi")
    house = re.fullmatch(r"([1-9]\d{0,2})/([1-9]\d{0,2})", core)
    if house is None or _STREETS.isdisjoint(word.core for word in words[at + 1:at + 5]):
        return None
    return " बटा ".join(name(part, "hi") or part for part in house.groups())


_HALF = re.compile(rf"(\d{{1,3}}){FRACTION}1/2")


def _and_a_half(whole: str) -> str:
    return _AND_A_HALF.get(f"{whole}.5") or f"साढ़े {name(whole, 'hi')}"


def _is_year(words: Sequence[Written], at: int) -> bool:
    before = words[at - 1].core if at else ""
    return (next_core(words, at) in _AFTER_YEARS or before in _BEFORE_YEARS or before in months("hi")
            or before.replace("\u093c", "") in {month.replace("\u093c", "") for month in months("hi")})


def _ordinal(match: re.Match[str], speech: Language) -> str | None:
    if match[2]:
        stem = _ORDINALS.get(match[1])
        return stem + match[2][-1] if stem else None
    words = year_words(match[1], speech)
    return words + match[3] if words else None


def _time(match: re.Match[str], following: str) -> list[str] | None:
    """साढ़े छह बजे where an hour follows; else बजकर and the minutes."""
    hour, minute = int(match[1]), int(match[2])
    if hour > 24 or minute > 59 or int(match[3] or 0) > 59:
        return None
    said = following == "बजे"
    if minute == 0 and not int(match[3] or 0):
        return [f"{name(str(hour), 'hi')}" if said else f"{name(str(hour), 'hi')} बजे"]
    if said and minute in _QUARTERS and not match[3] and 0 < hour < 13:
        return [_quarter(hour, minute)]
    seconds = f" {name(str(int(match[3])), 'hi')} सेकंड" if match[3] and int(match[3]) else ""
    words = f"{name(str(hour), 'hi')} बजकर {name(str(minute), 'hi')} मिनट{seconds}"
    return [words, "पर"] if said else [words]


_QUARTERS = {15: "सवा", 30: "साढ़े", 45: "पौने"}


def _quarter(hour: int, minute: int) -> str:
    """Half past one and two have names of their own, a quarter to one is पौन."""
    if minute == 30 and hour in (1, 2):
        return {1: "डेढ़", 2: "ढाई"}[hour]
    return f"{_QUARTERS[minute]} {name(str(hour % 12 + 1 if minute == 45 else hour), 'hi')}"


def _one(words: str | None) -> list[str] | None:
    return [words] if words else None
