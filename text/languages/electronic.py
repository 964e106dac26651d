"""Web and mail addresses, files, handles, hashtags: their names and the signs between."""
from __future__ import annotations

import re
from functools import cache

from text import tables
from text.capitals import is_acronym, spelled
from text.languages.grammar import DATA, Language, whole_words
from text.number_names import digit_names
from text.written import HEXADECIMAL

_DOMAINS = ("com|net|org|info|io|ai|app|dev|edu|gov|eu|tv|me|co|biz|shop|store|online|xyz|de|at|ch|es|mx|ar|cl|fr|be|it"
            "|pt|br|nl|pl|ru|ua|jp|cn|tw|hk|kr|in|uk|us|ca|sg")
_FILES = ("pdf|jpe?g|png|gif|svg|webp|mp[34]|wav|flac|mov|avi|mkv|docx?|xlsx?|pptx?|csv|txt|html?|css|js|ts|py|json"
          "|ya?ml|toml|xml|zip|rar|exe|apk|srt|vtt|psd|md")
_SITE = re.compile(rf"(?:https?://|www\.)[!-~]+|(?:[a-z0-9-]+\.)+(?:{_DOMAINS})(?:[/:?#][!-~]*)?", re.IGNORECASE)
_MAIL = re.compile(r"[A-Za-z0-9_.+&-]{1,64}@[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")
_FILE = re.compile(rf"[\w-]+(?:\.[\w-]+){{0,4}}\.(?:{_FILES})", re.IGNORECASE)
_ADDRESS = re.compile(r"(?!\d{1,3}(?:\.\d{3})+$)\d{1,3}(?:\.\d{1,3}){3}")
_CAMEL = re.compile(r"(?<=[^\W\d_A-ZÀ-ÞА-ЯЁ])(?=[A-ZÀ-ÞА-ЯЁ])")
_VOWEL = re.compile("[aeiouyà-öø-ÿœ]|[^\x00-\xff]", re.IGNORECASE)
_ENDINGS_SAID = ("es", "eu", "it", "us", "ai")
"""Endings of two letters that are said as a word."""
CHAIN = re.compile(r"(?<![\d.-])\d{1,5}(?:-\d{1,7}){2,5}(?![\d-])")
VERSION = re.compile(r"(?<![\d.])\d{1,4}(?:\.\d{1,4}){2,4}(?![\d.])")
"""2-21-1, a house or a code, and 3.11.2, within a run of characters."""


@cache
def signs(base: str) -> dict[str, str]:
    """How a sign is said; `to` is what stands between the goals of two sides."""
    return {sign: name for code, sign, name in tables.rows(DATA / "signs.tsv") if code == base}


def electronic(core: str, speech: Language) -> str | None:
    """www.beispiel.de/shop · info@firma.com · @anna_kocht · #Rezepte · bild_01.jpg; a particle may follow at once"""
    if not re.search("[@#./:-]", core) or not signs(speech.base):
        return None
    if HEXADECIMAL.fullmatch(core):
        name = f"{signs(speech.base)['#']} " if core[0] == "#" else ""
        return name + " ".join((c.isdigit() and digit_names(c, speech.code)) or c.upper() for c in core if c.isalnum())
    if number := re.fullmatch(r"(?:#|No\.)(\d{1,4})", core):
        return f"{signs(speech.base)['№']} {whole_words(number[1], speech)}"
    if re.fullmatch(r"[@#][\w.'·\u0900-\u0963-]*[^\W\d][\w.'·\u0900-\u0963-]*", core):
        tag = _pieces(core, speech)
        return re.sub("(?<=[^\x00-\x7f]) (?=[^\x00-\x7f])", "", tag) if speech.base in ("ja", "zh") else tag
    if _ADDRESS.fullmatch(core):
        return f" {signs(speech.base)['.']} ".join(digit_names(part, speech.code) or part for part in core.split("."))
    for pattern in (_SITE, _MAIL, _FILE):
        match = pattern.match(core)
        if match and re.fullmatch(r"[^\x00-\x7f]*", core[match.end():]):
            address = re.sub(r"(?i)^https?://|/$", "", match[0])
            return _pieces(address, speech) + core[match.end():]
    return None


def _pieces(address: str, speech: Language) -> str:
    """Names and signs in order; a sign that has no name parts silently."""
    pieces = re.findall(r"(?:[^\W\d_]|[\u0900-\u0963])+|\d+|[^\w\s]|_", _CAMEL.sub("\x00", address))
    said = []
    for index, piece in enumerate(pieces):
        if piece.isdigit():
            said.append(_digits(piece, speech))
        elif piece[0].isalpha():
            said.append(_name(piece, index > 0 and pieces[index - 1] == "." and index + 1 == len(pieces)))
        else:
            said.append(signs(speech.base).get(piece, ""))
    return " ".join(filter(None, said))


def _name(word: str, ending: bool) -> str:
    """Letters without a vowel are spelled, and the two of a country."""
    if not word.isascii() or len(word) == 1:
        return word
    spells = not _VOWEL.search(word) or (ending and len(word) == 2 and word.lower() not in _ENDINGS_SAID)
    return spelled(word) if spells or (word.isupper() and is_acronym(word)) else word


def _digits(digits: str, speech: Language) -> str:
    """Years and round or short numbers as such, anything else digit by digit."""
    short = len(digits) < 3 or digits[-2:] == "00" or re.fullmatch(r"19\d\d|20[0-3]\d", digits)
    words = whole_words(digits, speech) if short and digits[0] != "0" else digit_names(digits, speech.code)
    return words or digits
