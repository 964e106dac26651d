"""How long phones usually last where they stand: a T less after an S, a vowel more before a pause.

The logarithm of a length is a sum of effects: of the phone, of those before and after it, of its place in its word, of
how many phones its word has. `./run bench verify --fit` fits them on lines without a fault, by ridge regression.
"""
from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from timing.reduced import VOWELS

PAUSE = "SIL"
"""What a word stands beside that no other word meets."""
MANY_PHONES = 5


def usual_s(phones: Sequence[str], before: str, after: str, effects: Mapping[str, float]) -> list[float]:
    """Of each phone of a word, which lies between two others or `PAUSE`. An effect that is not known has none."""
    return [math.exp(sum(effects.get(name, 0.0) for name in names)) for names in named(phones, before, after)]


def named(phones: Sequence[str], before: str, after: str) -> Iterator[list[str]]:
    """The names of the effects on each phone of a word."""
    last = len(phones) - 1
    for at, (phone, left, right) in enumerate(zip(phones, [before, *phones], [*phones[1:], after], strict=False)):
        names = [phone, f"after {left}", f"before {right}", f"of {min(len(phones), MANY_PHONES)}"]
        names += ["first"] * (at == 0) + ["last"] * (at == last)
        if after == PAUSE:
            names += ["last before a pause"] * (at == last)
            names += ["last vowel before a pause"] * (phone in VOWELS and not VOWELS.intersection(phones[at + 1 :]))
        yield names
