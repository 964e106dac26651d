"""Display words and what is said for them, both ways.

`read` cuts a text into display words and tells for each what an engine is given and what an aligner hears;
`utterance` joins them to the string that is said and tells where each lies in it.
"""
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from num2words import num2words


@dataclass(frozen=True, slots=True)
class Token:
    """One display word: `text` is the source's slice `[char_start:char_end]`, punctuation attached.

    `said` is what an engine is given for it, punctuation kept ("three dollars fifty,"; "" for an emoji).
    `spoken` are the words that an aligner hears, lower case, letters and apostrophes only; () when it has no sound.
    """

    text: str
    char_start: int
    char_end: int
    said: str
    spoken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Utterance:
    """`text[start:end]` of span i is what is said for token i."""

    text: str
    spans: tuple[tuple[int, int], ...]


def read(text: str, language: str, *, char_offset: int = 0, normalize: bool = True) -> tuple[Token, ...]:
    """The display words of `text` in order. `char_offset` is added to their places."""
    tokens = []
    for match in re.finditer(r"\S+", text):
        said = re.sub(r"\d{1,15}", lambda number: f" {num2words(int(number[0]))} ", match[0]).strip()
        said = re.sub(r"[‘’ʼ]", "'", said)
        words = tuple(word.strip("'") for word in re.findall(r"(?:[^\W\d_]|')+", said.lower()))
        tokens.append(Token(match[0], match.start() + char_offset, match.end() + char_offset,
                            said if normalize else match[0], tuple(filter(None, words))))
    return tuple(tokens)


def utterance(tokens: Sequence[Token]) -> Utterance:
    """What is said, words joined by single spaces; a token without sound takes no room."""
    text, spans = "", []
    for token in tokens:
        if token.said and text:
            text += " "
        spans.append((len(text), len(text) + len(token.said)))
        text += token.said
    return Utterance(text, tuple(spans))
