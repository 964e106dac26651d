"""Versions, models, numbered names: what is read digit by digit or in pairs."""
from __future__ import annotations

import re

from text.capitals import spelled
from text.english.cardinal import digit_by_digit, in_pairs
from text.english.date import digit_run, is_month
from text.english.decimal import number
from text.english.letters import letters, readable
from text.english.place import Place, Style
from text.english.tables import BEFORE_YEARS, CODES, CURRENCIES, DIALLED, ERAS, READ_IN_PAIRS, STATES, VERSIONED
from text.english.telephone import digit_groups
from text.written import Written

_DOTTED_NUMBERS = re.compile(r"\d{1,5}(?:\.\d{1,5}){2,5}")
_MIXED = re.compile(r"(?:[^\W_]|(?<=\d)\.(?=\d))+")


def read_version(core: str, style: Style) -> str | None:
    if _DOTTED_NUMBERS.fullmatch(core):
        parts = core.split(".")
        if len(parts) == 4 and all(len(part) < 4 for part in parts) and len(parts[0]) > 1:
            return " dot ".join(map(digit_by_digit, parts))
        return " point ".join(number(part) for part in parts)
    if open_end := re.fullmatch(r"(\d{1,3}(?:\.\d{1,3})?)\.x", core):
        return " point ".join([*map(number, open_end[1].split(".")), "X"])
    match = re.fullmatch(r"[vV](\d{1,5}(?:\.\d{1,5}){0,4})", core) if re.match(r"v|V\d+\.", core) else None
    return "version " + " point ".join(number(part) for part in match[1].split(".")) if match else None


def read_serial(core: str, style: Style) -> str | None:
    if re.fullmatch(r"[A-Za-z]+\+\+", core):
        return letters(core[:-2]) + " plus plus"
    if processor := re.fullmatch(r"i([3579])-(\d\d)(\d0{1,2}|\d{3})([A-Z]{0,2})", core):
        series = [in_pairs(processor[2] + processor[3])] if len(processor[3]) == 2 else [
            number(processor[2]), in_pairs(processor[3])]
        return " ".join(["I", number(processor[1]), *series, spelled(processor[4])]).rstrip()
    if re.fullmatch(r"[A-Z]-[1-9]\d\d", core):
        return f"{core[0]} {in_pairs(core[2:])}"
    if part := re.fullmatch(r"[sS](\d{1,2})[eE](\d{1,3})", core):
        return f"season {number(str(int(part[1])))} episode {number(str(int(part[2])))}"
    if len(core) > 1 and _MIXED.fullmatch(core):
        return mixed(core)
    return mixed(core[:-1]) + " plus" if core[-1] == "+" and core[:-1].isalnum() else None


def mixed(core: str) -> str:
    """Letters and digits in one: MP3, A4, 4K, H2O."""
    return " ".join(_letter_run(run) if run.isalpha() else digit_run(run)
                    for run in re.findall(r"[^\W\d_]+|\d+(?:\.\d+)?", core))


def _letter_run(run: str) -> str:
    if len(run) == 1:
        return run.upper() if run.isascii() else run
    if run.islower():
        return run if not run.isascii() or (len(run) > 2 and readable(run)) else spelled(run)
    return letters(run)


def _behind_state(at: Place) -> bool:
    """CA 90210 · Miami, FL, 33101"""
    before = at.words[at.index - 1] if at.index else Written("", "", "")
    return before.tail in ("", ",") and (before.core in STATES or before.core in STATES.values())


def _is_code(at: Place) -> bool:
    """PIN 1234 · your OTP is ab9453"""
    back = 2 if at.near(-1).lower() in ("is", "was", "number") else 1
    return at.near(-back).lower() in CODES


def named_number(at: Place) -> list[str] | None:
    """a 70-30 split · 787-9 · Flight 370 · Python 3.11 · call 911 · 5W-30 · PIN 1234 · 476 AD · in 1066 · CA 90210"""
    core, before = at.core, at.near(-1)
    name = before.lower()
    halves = re.fullmatch(r"(\d\d)-(\d\d)", core)
    if halves and int(halves[1]) >= int(halves[2]) == 100 - int(halves[1]):
        return [f"{number(halves[1])} {number(halves[2])}"]
    if jet := re.fullmatch(r"(7[0-8]7)-([89]|10)", core):
        return [f"{in_pairs(jet[1])} {number(jet[2])}"]
    if oil := re.fullmatch(r"(\d{1,2})W-(\d\d)", core):
        return [f"{number(oil[1])} W {number(oil[2])}"]
    if re.fullmatch(r"\d{3}", core) and name in DIALLED:
        return [digit_by_digit(core)]
    if (tax := re.fullmatch(r"(10\d\d)((?:-[A-Z]{1,4})?)", core)) and (tax[2] or name in ("form", "forms")):
        return [f"{in_pairs(tax[1])} {spelled(tax[2][1:])}".rstrip()]
    if re.fullmatch(r"\d{1,3}\.[1-9]\d", core) and name in VERSIONED:
        return [" point ".join(map(number, core.split(".")))]
    if re.fullmatch(r"\d{5}(?:-\d{4})?", core) and _behind_state(at):
        return [digit_groups(core)]
    if (code := re.fullmatch(r"([A-Za-z]{0,6})(\d{4,})", core)) and _is_code(at):
        return [f"{_letter_run(code[1])} {digit_by_digit(code[2])}".strip()]
    if (liner := re.fullmatch(r"([1-9]\d\d)-(\d{3})", core)) and name in READ_IN_PAIRS:
        return [" ".join(map(in_pairs, liner.groups()))]
    if re.fullmatch(r"\d{4}", core) and name == "in" and at.near(-2) == "ending":
        return [digit_by_digit(core)]
    model = before.isupper() and 1 < len(before) < 5 and before not in CURRENCIES
    paired = ((name in READ_IN_PAIRS or at.near(1) in ERAS, r"[1-9]\d\d"), (model, r"[1-9]\d[1-9]\d"),
              (name in BEFORE_YEARS or is_month(before), r"10[1-9]\d"))
    return [in_pairs(core)] if any(fits and re.fullmatch(digits, core) for fits, digits in paired) else None
