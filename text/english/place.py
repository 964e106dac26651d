"""What a rule is given: a word by itself with its style, or a place in the text with its neighbours."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from text.written import Written


@dataclass(frozen=True, slots=True)
class Style:
    """`say` reads a part of a word in the same style."""

    british: bool
    say: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Place:
    """A word among its neighbours; `loud` when it stands in a shout."""

    words: Sequence[Written]
    index: int
    style: Style
    loud: bool

    @property
    def core(self) -> str:
        return self.words[self.index].core

    def before(self, count: int) -> Sequence[Written]:
        """Up to so many words before it."""
        return self.words[max(self.index - count, 0):self.index]

    def near(self, steps: int) -> str:
        """The core so many words on (or back) when nothing but spaces stands between, else ""."""
        target = self.index + steps
        if not 0 <= target < len(self.words):
            return ""
        for k in range(min(self.index, target), max(self.index, target)):
            if self.words[k].tail or self.words[k + 1].lead:
                return ""
        return self.words[target].core


WordRule = Callable[[str, Style], str | None]
"""What is said for one word, None when the rule does not know it."""
PlaceRule = Callable[[Place], list[str] | None]
"""Phrases for the word and for as many of its followers as the rule reads."""
