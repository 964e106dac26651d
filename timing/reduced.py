"""Ways to say a word that the dictionary lacks: weak forms, no R before a consonant, a T between vowels as D."""
from __future__ import annotations

from collections.abc import Sequence

VOWELS = frozenset("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW".split())
WEAK = {word: [form.split() for form in said.split(", ")] for word, said in {
    "a": "AH", "an": "AH N, N", "and": "AH N, N, AE N, AH N D", "are": "ER, AH", "as": "AH Z", "at": "AH T",
    "been": "B IH N", "but": "B AH T", "by": "B AY", "can": "K AH N", "could": "K AH D", "do": "D AH",
    "for": "F ER, F AH, F AO", "from": "F R AH M", "had": "AH D, HH AH D", "has": "AH Z, HH AH Z",
    "have": "AH V, HH AH V", "he": "IY", "her": "ER, AH", "him": "IH M", "his": "IH Z", "i": "AH", "is": "Z, S",
    "just": "JH AH S, JH AH S T", "must": "M AH S", "my": "M IH", "not": "N AA", "of": "AH, AH V, AA V, AO V",
    "on": "AO N", "or": "ER, AO", "our": "AA, AA R", "shall": "SH AH L", "she": "SH IH", "should": "SH AH D",
    "so": "S AH", "some": "S AH M", "than": "DH AH N", "that": "DH AH T, DH AE", "the": "DH AH, DH IH, AH",
    "their": "DH ER, DH EH", "them": "AH M, DH AH M", "there": "DH ER, DH EH", "they": "DH EH",
    "to": "T AH, T IH, D AH, T UH", "us": "AH S", "was": "W AH Z, W AA Z", "we": "W IH", "were": "W AH",
    "will": "AH L", "with": "W IH DH", "would": "AH D, W AH D", "you": "Y AH, Y UH", "your": "Y ER, Y AO",
}.items()}


def forms(word: str, dictionary: Sequence[Sequence[str]]) -> list[list[str]]:
    """The phones of each further way to say the word."""
    found = list(WEAK.get(word, []))
    for phones in dictionary:
        found += [_without_r(phones), _with_flap(phones)]
    return [form for at, form in enumerate(found)
            if form and form not in [list(phones) for phones in dictionary] and form not in found[:at]]


def _without_r(phones: Sequence[str]) -> list[str]:
    after = [*phones[1:], ""]
    kept = [phone for at, (phone, then) in enumerate(zip(phones, after, strict=True))
            if phone != "R" or then in VOWELS or not at]
    return ["AH" if phone == "ER" else phone for phone in kept]


def _with_flap(phones: Sequence[str]) -> list[str]:
    said = list(phones)
    for at, (before, then) in enumerate(zip(phones, phones[2:], strict=False)):
        if phones[at + 1] == "T" and before in VOWELS | {"R"} and then in VOWELS:
            said[at + 1] = "D"
    return said
