"""Web and mail addresses, files, handles, hashtags."""
from __future__ import annotations

import re

from text.capitals import spelled
from text.english.cardinal import digit_by_digit
from text.english.date import looks_like_year, plain_number
from text.english.decimal import number
from text.english.letters import CAMEL, letters, readable
from text.english.place import Style
from text.english.tables import DOMAIN_ENDINGS, FILE_ENDINGS, SEPARATORS, SHORT_WORDS
from text.written import HEXADECIMAL

_MAIL = re.compile(r"[\w.+&-]{1,64}@[\w-]+(?:\.[\w-]+)+(?:/\S*)?")
_SITE = re.compile(rf"(?i:https?|ftp|file)://\S+|(?i:www)\.\S+|(?:[\w-]+\.)+(?:{'|'.join(DOMAIN_ENDINGS)})(?:[/:?#]\S*)?")
_FILE = re.compile(rf"[\w-]*(?:\.[\w-]+){{0,4}}\.(?:{'|'.join(FILE_ENDINGS)})")


def read_electronic(core: str, style: Style) -> str | None:
    if core[0] != "#" and HEXADECIMAL.fullmatch(core):
        return " ".join(digit_by_digit(c) if c.isdigit() else c.upper() for c in core if c.isalnum())
    if _SITE.fullmatch(core):
        return _site(re.sub(r"^[A-Za-z]+:/+|^(?=www)", "", core))
    if _MAIL.fullmatch(core) or _FILE.fullmatch(core):
        return _pieces(core)
    if re.fullmatch(r"\.[a-z][a-z\d]{1,14}", core):
        return "dot " + _pieces(core[1:])
    if core[0] == "@" and re.fullmatch(r"@[\w.-]+", core):
        return "at " + _pieces(core[1:])
    if core[0] == "#" and re.fullmatch(r"#\d+", core):
        return "number " + number(core[1:], style.british)
    if core[0] == "#" and re.fullmatch(r"#[\w'-]+", core):
        return "hashtag " + _camel(core[1:])
    return None


def _site(address: str) -> str:
    return _pieces(re.sub(r"^www\.", "", address).rstrip("/"))


def _pieces(address: str) -> str:
    """Names and separators of an address, in order."""
    said = []
    for piece in re.findall(r"[^\W_]+|[^\w\s]|_", address):
        said.append(SEPARATORS.get(piece, "") if not piece[0].isalnum() else _address_part(piece))
    return " ".join(filter(None, said))


def _address_part(part: str) -> str:
    if part.isalpha() and part.islower() and part.isascii():
        syllables = readable(part) if len(part) > 2 else part.upper() in SHORT_WORDS or part == "co"
        return part if syllables or (len(part) > 4 and re.search("[aeiouy]", part)) else spelled(part)
    return _camel(part)


def _camel(text: str) -> str:
    """ThrowbackThursday2024 in its words."""
    return " ".join(_run(run) for run in CAMEL.findall(text))


def _run(run: str) -> str:
    if run.isdigit():
        long = len(run) > 2 and run[-2:] != "00" and not looks_like_year(run)
        return digit_by_digit(run) if long or run[0] == "0" else plain_number(run, False)
    return letters(run) if len(run) > 2 or run.isupper() else run
