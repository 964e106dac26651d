"""Times of day: 15:45, 15h45, 20.15 Uhr, las 7:05."""
from __future__ import annotations

import re
from collections.abc import Sequence

from text.languages.amounts import units
from text.languages.grammar import Language, agree, form
from text.number_names import name
from text.written import Written, next_core

_HOUR = {"de": "Uhr", "fr": "heures", "nl": "uur"}
_CLOCK = re.compile(r"(\d{1,2})[:hH](\d\d)?(?::(\d\d))?")
_DOTTED = re.compile(r"(\d{1,2})[.u](\d\d)")
_DOTTED_BEHIND = {"de": ("Uhr",), "nl": ("uur", "u"), "es": ("h", "horas", "am", "pm", "a.m", "p.m")}
_DOTTED_BEFORE = {"it": ("alle", "dalle", "ore", "le"), "es": ("las", "la"), "pt": ("às", "das")}
"""What says that 20.15 is a time."""
_UNTIL = {"de": ("bis", "und"), "nl": ("tot", "en", "t/m")}
_FEMININE = {"fr": {1: "une", 21: "vingt et une"}, "es": {1: "una", 21: "veintiuna"}, "it": {1: "una"},
             "pt": {1: "uma", 2: "duas", 21: "vinte e uma", 22: "vinte e duas"}, "de": {1: "ein"}}
_RUSSIAN_HOUR = ("час", "часа", "часов", "часа")


def clock(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """15:45 · 15h45 · 15:45 Uhr, whose two display words share it as they are spoken · 7 h 05"""
    if phrases := _spaced(words, at, speech) or _whole_hour(words, at, speech) or _from_to(words, at, speech):
        return phrases
    if lasting := re.fullmatch(r"(?:())(\d{1,3})'([0-5]\d)(?:''|\")?", words[at].core):
        return _with_seconds(lasting, words, at, speech)
    if whole := re.fullmatch(r"(\d{1,3})[hH](\d{1,2})m(?:in|n)?", words[at].core):
        return _counted_parts(whole, speech)
    if words[at].core[-1] in "hH" and re.match(r"\d{1,2} ?mi?n?", f"{next_core(words, at)} {next_core(words, at + 1)}"):
        return None
    match = _CLOCK.fullmatch(words[at].core) or _dotted(words, at, speech)
    if match is None or int(match[1]) > 24 or int(match[2] or 0) > 59:
        return None
    if match.re is _CLOCK and match[3] and (full := _with_seconds(match, words, at, speech)):
        return full
    hours, minutes = _hours(int(match[1]), speech), _minutes(int(match[1]), match[2] or "00", speech)
    if hours is None or minutes is None:
        return None
    if match.re is _CLOCK and match[3] and int(match[3]):
        minutes = f"{minutes} {name(str(int(match[3])), speech.code)}"
    if speech.base == "it" and words[at].core[-1] in "hH":
        return [f"{hours} {'ora' if int(match[1]) == 1 else 'ore'}"]
    hour_name = _HOUR.get(speech.base, "")
    if speech.base == "nl" and next_core(words, at) == "u":
        return [f"{hours} {hour_name}", minutes] if minutes else [hours, hour_name]
    if hour_name and next_core(words, at) == hour_name:
        return [f"{hours} {hour_name}", minutes] if minutes else [hours, hour_name]
    if speech.base == "es" and next_core(words, at) == "h":
        return [f"{hours} {minutes}", ""] if minutes else [hours, "horas" if int(match[1]) > 1 else "hora"]
    if speech.base == "es" and (half := _half_day(int(match[1]), words, at)):
        return [f"{hours} {minutes}".strip(), *half]
    return [" ".join(filter(None, (hours, _hour_name(int(match[1]), minutes, speech), minutes)))]


def _with_seconds(
        match: re.Match[str], words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """2:30:05 · 52'30": hours, minutes and seconds by their names"""
    conjunction = {"es": "y", "it": "e", "pt": "e", "de": "und", "fr": "et"}.get(speech.base)
    if conjunction is None or not int(match[3] or 0) or next_core(words, at) == "Uhr":
        return None
    named = zip(match.groups(), ("h", "min", "s"), strict=True)
    counts = [(int(digits or 0), units(speech.base)[unit]) for digits, unit in named]
    parts = [f"{agree(name(str(count), speech.code) or '', noun.gender, speech)} {form(count, noun.forms, speech)}"
             for count, noun in counts if count]
    first = f" {conjunction} " if speech.base == "pt" else " "
    return [f" {conjunction} ".join([first.join(parts[:-1]), parts[-1]])] if len(parts) > 1 else None


def _counted_parts(match: re.Match[str], speech: Language) -> list[str] | None:
    """1h30min: hours and minutes by their names"""
    if not {"h", "min"} <= units(speech.base).keys():
        return None
    nouns = (units(speech.base)["h"], units(speech.base)["min"])
    counts = zip(map(int, match.groups()[:2]), nouns, strict=True)
    words = [(agree(name(str(count), speech.code) or "", noun.gender, speech), form(count, noun.forms, speech))
             for count, noun in counts]
    return [" ".join(map(" ".join, words))]


def _from_to(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """10:00-12:30"""
    core, before = words[at].core, words[at - 1].core.lower() if at else ""
    if next_core(words, at) in ("Uhr", "uur", "u") or before in _DOTTED_BEFORE.get(speech.base, ()):
        core = core.replace(".", ":")
    ends = re.fullmatch(r"(\d{1,2}[:hH]\d\d|\d{1,2}[hH])[-–](\d{1,2}[:hH]\d\d|\d{1,2}[hH])", core)
    if ends is None:
        return None
    said = [clock([words[at]._replace(core=end)], 0, speech) for end in ends.groups()]
    if not all(said):
        return None
    phrase = f" {speech.to or '—'} ".join(phrases[0] for phrases in said if phrases)
    hour_name = _HOUR.get(speech.base, "")
    if not hour_name or next_core(words, at) != hour_name:
        return [phrase]
    if words[at].core.count("00") == 2:
        return [phrase.replace(f" {hour_name}", "")]
    return [phrase.removesuffix(f" {hour_name}"), hour_name if phrase.endswith(hour_name) else ""]


def _dotted(words: Sequence[Written], at: int, speech: Language) -> re.Match[str] | None:
    behind = next_core(words, at) in _DOTTED_BEHIND.get(speech.base, ()) or (
        speech.base == "es" and _half_day(1, words, at) is not None)
    behind |= speech.base == "nl" and "u" in words[at].core
    if speech.base in _UNTIL and next_core(words, at) in _UNTIL[speech.base]:  # von 9.00 bis 17.30 Uhr
        behind |= _DOTTED.fullmatch(next_core(words, at + 1)) is not None and (
            next_core(words, at + 2) in _DOTTED_BEHIND[speech.base])
    before = at > 0 and words[at - 1].core.lower().rpartition("'")[2] in _DOTTED_BEFORE.get(speech.base, ())
    return _DOTTED.fullmatch(words[at].core) if behind or before else None


def _spaced(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """7 h 05"""
    if speech.base != "fr" or next_core(words, at) != "h" or not re.fullmatch(r"\d{1,2}", words[at].core):
        return None
    minutes = next_core(words, at + 1)
    lasts = next_core(words, at + 2) in ("min", "mn") if minutes else False
    if lasts or not re.fullmatch(r"[0-5]\d", minutes) or int(words[at].core) > 24:
        return None
    hour = int(words[at].core)
    return [_hours(hour, speech) or "", _hour_name(hour, "", speech), _minutes(hour, minutes, speech) or ""]


def _whole_hour(words: Sequence[Written], at: int, speech: Language) -> list[str] | None:
    """9 p. m."""
    if speech.base != "es" or not re.fullmatch(r"[1-9]|1[0-2]", words[at].core):
        return None
    half = _half_day(int(words[at].core), words, at)
    return [_hours(int(words[at].core), speech) or "", *half] if half else None


def _half_day(hour: int, words: Sequence[Written], at: int) -> list[str] | None:
    """What is said for p. m., one display word or two: de la tarde."""
    following = [word.core.lower() for word in words[at + 1:at + 3]]
    if words[at].tail or not following or not 0 < hour <= 12:
        return None
    apart = following[0] in ("a", "p") and following[1:] == ["m"] and words[at + 1].tail in ("", ".")
    if not apart and following[0] not in ("am", "pm", "a.m", "p.m"):
        return None
    if following[0][0] == "a":
        part = "noche" if hour == 12 else "mañana"
    else:
        part = "mediodía" if hour == 12 else "tarde" if hour < 8 else "noche"
    phrase = ["del", part] if part == "mediodía" else ["de la", part]
    return phrase if apart else [" ".join(phrase)]


def _hour_name(hour: int, minutes: str, speech: Language) -> str:
    if speech.base == "fr":
        return "heure" if hour < 2 else "heures"
    if speech.base == "pt":
        return ("hora" if hour == 1 else "horas") + (" e" if minutes else "")
    if speech.base == "ru":
        return "" if minutes else form(hour, _RUSSIAN_HOUR, speech)
    return _HOUR.get(speech.base, "")


def _hours(hour: int, speech: Language) -> str | None:
    words = name(str(hour), speech.code)
    return _FEMININE.get(speech.base, {}).get(hour, words)


def _minutes(hour: int, digits: str, speech: Language) -> str | None:
    """Spanish has y, cuarto and media on a clock of twelve hours."""
    minutes = name(str(int(digits)), speech.code) if int(digits) else ""
    if speech.base == "ru" and minutes:
        return f"ноль {minutes}" if digits[0] == "0" else minutes
    if speech.base == "it" and minutes:
        return f"e {minutes}"
    if speech.base == "es" and minutes and hour < 13:
        return "y " + {"15": "cuarto", "30": "media"}.get(digits, minutes)
    return minutes
