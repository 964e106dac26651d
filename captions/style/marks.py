"""What sets single words apart: emphasis, the stars that ask for it, and who speaks."""
from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from captions.style.options import Captions

if TYPE_CHECKING:
    from timing.words import Timeline

_VOICE = re.compile(r"\[voice:([^\[\]\n]{0,100})\]", re.IGNORECASE)
_OPENS = re.compile(r"^([^\w*]*)\*{1,3}(?=[^*\s])")
_CLOSES = re.compile(r"(?<=[^*\s])\*{1,3}([^\w*]*)$")


def emphasised(timeline: Timeline, captions: Captions) -> frozenset[int]:
    """The words in the second colour: named in `emphasis`, or between stars (`*never ever*`, `**never**`)."""
    if captions.emphasis == ("*",):
        return _starred(timeline)
    wanted = frozenset(captions.emphasis)
    if not wanted:
        return frozenset()
    return frozenset(index for index, word in enumerate(timeline.words)
                     if word.text.casefold() in wanted or _bare(word.text) in wanted)


def _bare(text: str) -> str:
    marked = [not unicodedata.category(char).startswith("P") for char in text]
    first = next((i for i, letter in enumerate(marked) if letter), 0)
    last = next((i for i in range(len(text) - 1, -1, -1) if marked[i]), len(text) - 1)
    return text[first:last + 1].casefold()


def _starred(timeline: Timeline) -> frozenset[int]:
    """A star that is never closed marks nothing but its own word."""
    found: set[int] = set()
    opened: int | None = None
    for index, word in enumerate(timeline.words):
        if opened is None and _OPENS.search(word.text):
            opened = index
            found.add(index)
        if opened is not None and _CLOSES.search(word.text):
            found.update(range(opened, index + 1))
            opened = None
    return frozenset(found)


def without_stars(text: str) -> str:
    return _CLOSES.sub(r"\1", _OPENS.sub(r"\1", text)) or text


def speakers(timeline: Timeline) -> list[str | None]:
    """The voice that `[voice:name]` gave each word; None for the job's own."""
    found: list[str | None] = []
    voice, end = None, 0
    for word in timeline.words:
        for tag in _VOICE.finditer(timeline.text, end, word.char_start):
            voice = tag[1].strip().removesuffix(".wav")
        found.append(voice)
        end = word.char_end
    return found
