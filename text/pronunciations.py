"""Words that a caller wants said in a way of their own: written "Kubernetes", said "koo ber NET eez".

An entry is found as whole words, the longest first, with any white space between its words. A small letter of an
entry also matches its capital, a capital only itself: "nginx" finds NGINX, "Polish" does not find polish. Letters with
marks are found in either of Unicode's forms, apostrophes and hyphens in each of theirs.
"""
from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from text.written import share_out

_UNSPACED = re.compile("[\u0e00-\u0e7f\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_GENITIVE = re.compile("['’]s?(?!\\w)")


class Found(NamedTuple):
    """`text[start:end]` is to be said as `pronunciation`."""

    start: int
    end: int
    pronunciation: str


def find(text: str, entries: Mapping[str, str]) -> list[Found]:
    """Where the entries stand, in order, none over another."""
    entries = _occurring(text, entries)
    if not entries:
        return []
    ordered = sorted(entries, key=lambda entry: (-len(entry), sum(map(str.islower, entry)), entry))
    pattern = re.compile("|".join(f"({_pattern(entry)})" for entry in ordered))
    return [Found(match.start(), match.end(), entries[ordered[match.lastindex - 1]])
            for match in pattern.finditer(text) if match.lastindex]


def _occurring(text: str, entries: Mapping[str, str]) -> dict[str, str]:
    """The entries whose first word stands in the text: the pattern tries each of its entries at every letter."""
    folded = _folded(text)
    return {entry: said for entry, said in entries.items() if _folded(entry.split()[0]) in folded}


_ALIKE = {"'": "'’", "-": "-\u2010\u2011"}
_PLAIN = str.maketrans({other: char for char, others in _ALIKE.items() for other in others})
_MARKS = "[\u0300-\u036f]"


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold().translate(_PLAIN)


def _pattern(entry: str) -> str:
    entry = re.sub(f".{_MARKS}+", lambda found: unicodedata.normalize("NFC", found[0]), entry).translate(_PLAIN)
    begins = r"(?<!\w)" if re.match(r"\w", entry) and not _UNSPACED.match(entry[0]) else ""
    ends = rf"(?!\w|{_MARKS})" if re.match(r"\w", entry[-1]) and not _UNSPACED.match(entry[-1]) else ""
    return begins + r"\s+".join("".join(map(_any_of, word)) for word in entry.split()) + ends


def _any_of(char: str) -> str:
    """The character, its capital, and both with their marks apart."""
    forms = _ALIKE.get(char, char + char.upper() if char.islower() and len(char.upper()) == 1 else char)
    apart = [form for form in (unicodedata.normalize("NFD", each) for each in forms) if len(form) > 1]
    return f"(?:{'|'.join(map(re.escape, [*forms, *apart]))})" if apart else f"[{re.escape(forms)}]"


def respelled(
    text: str, places: Sequence[tuple[int, int]], said: Sequence[str], found: Sequence[Found],
    read: Callable[[str], str],
) -> list[str]:
    """What is said for each display word, with what was found in it as its caller wants it.

    What else stands in a word goes through `read`. A pronunciation of several display words is shared out over them.
    """
    result, first = list(said), 0
    parts: dict[Found, list[str]] = {}
    for index, (start, end) in enumerate(places):
        while first < len(found) and found[first].end <= start:
            first += 1
        here = []
        for match in found[first:]:
            if match.start >= end:
                break
            here.append(match)
        if here:
            for match in here:
                if match not in parts:
                    covered = sum(a < match.end and match.start < b for a, b in places[index:index + 50])
                    parts[match] = share_out(match.pronunciation, covered)
            result[index] = _word(text, start, end, [(match, parts[match].pop(0)) for match in here], read)
    return result


def _word(text: str, start: int, end: int, here: Sequence[tuple[Found, str]], read: Callable[[str], str]) -> str:
    pieces, position = [], start
    for match, phrase in here:
        pieces.append(_rest(text[position:max(match.start, position)], read))
        pieces.append(phrase)
        position = min(match.end, end)
    rest = text[position:end]
    if genitive := _GENITIVE.match(rest):
        pieces[-1] += genitive[0].replace("’", "'")
        rest = rest[genitive.end():]
    pieces.append(_rest(rest, read))
    joined = ""
    for piece in filter(None, pieces):
        apart = joined and joined[-1].isalnum() and piece[0].isalnum()
        joined += " " + piece if apart else piece
    return " ".join(joined.split())


def _rest(piece: str, read: Callable[[str], str]) -> str:
    """Punctuation stays as it is, words are read."""
    return read(piece) if re.search(r"\w", piece) else "" if piece.strip("-–_/") == "" else piece
