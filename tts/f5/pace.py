"""How long a line takes: as many times its phonemes as the reference takes for its own.

Letters stand in where eSpeak NG cannot read one of the two texts. Upstream counts bytes (infer/utils_infer.py).
"""
from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass

from tts.phonemes import PhonemeCounter

SHORT_PHONEMES = 8.0
SHORT_LETTERS = 12.0
"""A line of u units is given the time of sqrt(u² + short²): in letters "Yes." that of 12.6, 52 that of 53.4.

Without it a word alone is rushed. Upstream gives lines under ten bytes 3.3 times their share whatever the speed,
and those of ten bytes none of it, so that nine bytes last three times as long as ten. 12 letters are a choice, near
upstream's three to four bytes, 8 phonemes the same in English; neither was measured on listeners.
"""
WIDE_LETTERS = 3
"""A character of Chinese, Japanese or Korean against a letter of an alphabet: its bytes, as upstream has it."""
_BREATHS = frozenset(".,;:!?…—。，、；：！？।؟،")
"""Each counts as one phoneme more, about what it counts for among letters."""

_phonemes = PhonemeCounter()


@dataclass(frozen=True, slots=True)
class Length:
    """Of a text, as it is said. `phonemes` is None where nobody could count them."""

    letters: int
    phonemes: int | None


def measure(text: str, language: str) -> Length:
    found = _phonemes.count(text, language)
    return Length(letters(text), None if found is None else found + sum(sign in _BREATHS for sign in text))


def letters(text: str) -> int:
    """Letters of whatever alphabet, spaces and signs, and WIDE_LETTERS for a character of East Asia.

    Bytes would give a line in Cyrillic twice its time after a reference in English.
    """
    return sum(WIDE_LETTERS if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def share(line: Length, reference: Length) -> float:
    """The line's time, in those of the reference, at speed 1."""
    if line.phonemes is not None and reference.phonemes is not None:
        return math.hypot(line.phonemes, SHORT_PHONEMES) / reference.phonemes
    return share_by_letters(line, reference)


def share_by_letters(line: Length, reference: Length) -> float:
    return math.hypot(line.letters, SHORT_LETTERS) / reference.letters
