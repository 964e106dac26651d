"""How a written word is taken apart and put together again."""
from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

MAX_CORE = 200
"""A longer word is no number, name or address: it is read run by run."""


class Written(NamedTuple):
    """A display word in plain characters: `core` without the punctuation before and after it."""

    lead: str
    core: str
    tail: str


HEXADECIMAL = re.compile(r"#(?=.*\d)[0-9A-Fa-f]{6}|(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}"
                         r"|(?=.*[a-fA-F])(?=.*\d)[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){3,7}")
"""A colour, the address of a network card, an IPv6 address."""

FRACTION = "\u2064"
"""Stands before a fraction that is one character, so that 2½ is not 21/2. Unicode calls it invisible plus."""

_CHARACTERS = {
    **dict.fromkeys("‘’‚‛ʼʻ′`´＇", "'"),
    **dict.fromkeys("“”„‟«»＂", '"'),
    **dict.fromkeys("‹›", "'"),
    **dict.fromkeys("‐‑﹣－", "-"),
    **dict.fromkeys("‒–", "–"),
    **dict.fromkeys("—―", "—"),
    **dict.fromkeys("：；", "，"),
    **dict.fromkeys("™®©℠\u20e3\u00ad", ""),
    "㎡": "m^2", "㎥": "m^3", "㎢": "km^2", "㎠": "cm^2",
    "″": "''", "…": "...", "№": "No.", "🔟": "10", "〇": "零", "（": "(", "）": ")", "％": "%",
}
_KEPT = frozenset("ªº°\u0e33\u0eb3\u200c\u200d^+=<>|~$£€¥%×÷±−≈≤≥≠〒\u00a0\u202f\u2009\u2007 ")
_ENTITY = re.compile(r"&(?:#\d{1,6}|#x[0-9a-fA-F]{1,5}|[a-zA-Z]{2,8}[0-9]{0,2});")
"""As pasted from a web page: &amp; &#39; &nbsp;"""
_ENCIRCLED = re.compile("[①-⓿❶-➓㉈-㊿]")
_WIDE_MARK = re.compile("(?<=[０-９])(?:，(?=[０-９]{3}(?![０-９]))|．(?=[０-９]))")
_SUPERSCRIPTS = re.compile("[⁰¹²³⁴-⁻]+")
_WIDE_COLON = re.compile("(?<=\\d)：(?=\\d)")
_LONE_JOINER = re.compile("(?<![^\\W\\d_])[\u200c\u200d]+|[\u200c\u200d]+(?![^\\W\\d_])")


@lru_cache(4096)
def plain(text: str) -> str:
    """Quotes, dashes, digits and letters of one kind each; emoji and marks without sound are gone."""
    if "&" in text:
        text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    if text.isascii():
        return text.replace("---", "—").replace("--", "—")
    text = _SUPERSCRIPTS.sub(lambda raised: "^" + unicodedata.normalize("NFKC", raised[0]), text)
    text = _WIDE_COLON.sub(":", text)
    text = _WIDE_MARK.sub(lambda mark: unicodedata.normalize("NFKC", mark[0]), text)
    text = _ENCIRCLED.sub(lambda sign: sign[0] + "、" * text[sign.end():sign.end() + 1].isalnum(), text)
    text = "".join(map(_plain_character, text)).replace("---", "—").replace("--", "—")
    return unicodedata.normalize("NFC", _LONE_JOINER.sub("", text))


@lru_cache(4096)
def _plain_character(character: str) -> str:
    if character in _CHARACTERS:
        return _CHARACTERS[character]
    if character in _KEPT:
        return character
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.digit(character))
    if unicodedata.decomposition(character).startswith("<fraction>"):
        return FRACTION + unicodedata.normalize("NFKC", character).replace("⁄", "/")
    if category in ("Cf", "Cc", "Cn", "Co", "Cs", "So", "Sk") or "\ufe00" <= character <= "\ufe0f":
        folded = unicodedata.normalize("NFKC", character)
        return folded if (folded != character and folded.isalnum()) or character in "℃℉" else ""
    if unicodedata.decomposition(character).startswith("<") and not category.startswith("P"):
        return unicodedata.normalize("NFKC", character)
    if category in ("No", "Nl"):
        value = unicodedata.numeric(character)
        return str(int(value)) if value == int(value) else ""
    return character


_OPENING = "\"'([{<*_~`|¿¡「『《【〈"
_CLOSING = "\"')]}>*_~`|.,;:!?—–-。、，！？」』》】〉·।॥؟،؛۔"
_LEAD = re.compile(
    r"""(?:["'(\[{*_`|¿¡「『《【〈—–,;:!?。、，！？·।॥؟،؛۔]|\.(?!\d|[^\W\d_])|[<>~](?!=?\d)|-(?![\d$£€¥.√]))*""")


@lru_cache(8192)
def peel(text: str) -> Written:
    """Takes the punctuation off. `'` before a decade, `-` before a number and `.` before decimals stay."""
    if text.isalpha():
        return Written("", text, "")
    lead = _LEAD.match(text)
    start = lead.end() if lead else 0
    if text[start - 1:start] == "'" and re.match(r"\d\ds?\b", text[start:start + 4]):
        start -= 1
    core = text[start:].rstrip(_CLOSING)
    return Written(text[:start], core, text[start + len(core):])


def punctuated(word: Written, phrase: str) -> str:
    """The phrase with the punctuation that an engine can make sense of; of a lone sign only the pause."""
    if phrase := " ".join(phrase.split()):
        return _unmarked(word.lead) + phrase + _unmarked(word.tail) if word.core else phrase
    rest = _unmarked(word.lead + word.tail)
    return ("—" if rest in ("-", "–") else rest) if re.search(r"[-.,;:!?—–。、，！？]", rest) else ""


def _unmarked(signs: str) -> str:
    """Without Markdown and bars; ten marks are as good as a thousand."""
    return re.sub(r"[*_~`|<>{}]", "", signs)[:10] if signs else ""


def share_out(phrase: str, count: int) -> list[str]:
    """The words of a phrase over `count` display words in order, the earlier ones first served."""
    words = phrase.split()
    edges = [max(round(len(words) * k / count), min(k, len(words))) for k in range(count + 1)]
    return [" ".join(words[a:b]) for a, b in pairwise(edges)]


_THOUSANDS = r"\d{3}(?:[.,]\d{1,9})?[%€$£¥₹₽+]?"


def grouped(words: Sequence[Written], start: int) -> int:
    """How many words from `start` are one number whose thousands are set apart by spaces, as in -10 000,5."""
    if not re.fullmatch(r"[-−+]?[€$£¥₹₽]?[1-9]\d{0,2}", words[start].core):
        return 1
    stop = start + 1
    while (stop < len(words) and stop < start + 5 and not words[stop - 1].tail and not words[stop].lead
           and re.fullmatch(_THOUSANDS, words[stop].core)):
        stop += 1
        if not words[stop - 1].core.isdigit():
            break
    return stop - start


_APART = re.compile("(?<=\\d)[\u00a0\u202f\u2009](?=\\d{3}(?!\\d))")


def with_commas(words: Sequence[Written]) -> Sequence[Written]:
    """10 000 whose space forbids a break, for languages that write 10,000."""
    if not any(_APART.search(word.core) for word in words):
        return words
    return [word._replace(core=_APART.sub(",", word.core)) for word in words]


def signed(words: Sequence[Written]) -> Sequence[Written]:
    """–5 °C: a dash that is the minus of what is surely below zero, or of a number that nothing is counted by"""
    found = {at for at, word in enumerate(words) if word.lead[-1:] == "–" and word.core[:1].isdigit()}
    own = list(words)
    for at in found:
        before = words[at - 1] if at else Written("", "", "")
        following = next_core(words, at)
        if before.core[-1:].isdigit() or before.tail[-1:] in tuple(".!?:;"):
            continue
        goes_on = not found.isdisjoint((at - 3, at - 2, at - 1, at + 1, at + 2, at + 3))
        if re.search("[°%℃℉€$]", words[at].core + following[:1]) or not following or goes_on:
            own[at] = Written(words[at].lead[:-1], "-" + words[at].core, words[at].tail)
    return own if found else words


def next_core(words: Sequence[Written], at: int) -> str:
    """The core after this one when nothing stands between, else "", also beyond the end."""
    if at + 1 >= len(words) or words[at].tail or words[at + 1].lead:
        return ""
    return words[at + 1].core
