"""Signs that look like punctuation and belong to a number: inches and feet, a dash between two numbers."""
from __future__ import annotations

import re
from collections.abc import Sequence

from text.written import Written

_LENGTH = re.compile(r"\d{1,3}(?:'\d{1,2}|\.\d{1,3}|/\d{1,3})?")
_BETWEEN_NUMBERS = {"-": "to", "–": "to", "<": "less than", ">": "greater than", "/": "divided by"}


def own_signs(words: Sequence[Written]) -> list[Written]:
    """Gives numbers their signs back that look like punctuation: inches and feet, a dash between two of them.

    A quote stands for inches only while none is open.
    """
    own, opened = [], False
    for index, word in enumerate(words):
        inches = word.tail[:1] == '"' and not opened and not word.lead and _LENGTH.fullmatch(word.core)
        feet = word.tail[:1] == "'" and not word.lead and re.fullmatch(r"\d{1,3}", word.core)
        if inches or feet or word.tail[:2] == "''":
            width = 2 if word.tail[:2] == "''" else 1
            word = Written(word.lead, word.core + word.tail[:width], word.tail[width:])
        elif word.core.endswith("(s") and word.tail[:1] == ")":
            word = Written(word.lead, word.core[:-2] + "s", word.tail[1:])
        elif "".join(word) in _BETWEEN_NUMBERS:
            word = _between_numbers(words, index) or word
        opened ^= (word.lead.count('"') + word.tail.count('"')) % 2 == 1
        own.append(word)
    return own


def _between_numbers(words: Sequence[Written], index: int) -> Written | None:
    """10 – 20 is a range, 10 - 5 = 5 is none."""
    around = [words[k] if 0 <= k < len(words) else Written("", "", "") for k in (index - 1, index + 1, index + 2)]
    if around[0].tail or around[1].lead or not (around[0].core[-1:].isdigit() and around[1].core[:1].isdigit()):
        return None
    sign = "".join(words[index])
    return Written("", "minus" if sign == "-" and around[2].core == "=" else _BETWEEN_NUMBERS[sign], "")
