"""`./run bench text`: how well written text is said, class by class, on the public cases of two text normalisers.

A case fits when the reading equals one of its references without spaces, punctuation, capitals and `and`, with oh for
zero. References are the case's own and those of `alternatives.tsv`, which count for every system alike. The peers are
`wetext` (English, Chinese, Japanese) and `num2words` alone, which reads each run of digits. Then every language's
numbers are read back.
"""
from __future__ import annotations

import argparse
import json
import random
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from num2words import num2words

from tests.text import number_words
from text.languages.grammar import Number, language, said
from text.spoken import read, utterance
from text.tables import rows

CASES = Path(__file__).resolve().parents[1] / "tests" / "text" / "cases"
ROUND_TRIPS = 20_000
N_KNOWN = 22
"""The first sentences were known to be wrong before rules were written for them."""
SPOKEN_FIRST = {("nemo", "de"), ("nemo", "ru")}
"""Files whose columns stand the other way round."""


@dataclass(frozen=True, slots=True)
class Case:
    language: str
    kind: str
    written: str
    references: tuple[str, ...]


def cases(tag: str) -> list[Case]:
    """The cases of a language from both sources, with our alternatives."""
    others: dict[str, list[str]] = {}
    for of, written, reading, _ in rows(CASES / "alternatives.tsv"):
        if of == tag:
            others.setdefault(written, []).append(reading)
    found = {}
    for source, kind, written, references in _lines(tag):
        if written.strip() and not re.fullmatch(r"\(incorrect normalization\).*", written):
            found[source, kind, written] = Case(tag, kind, written, (*references, *others.get(written, [])))
    return list(found.values())


def _lines(tag: str) -> Iterator[tuple[str, str, str, list[str]]]:
    for source, mark in (("nemo", "~"), ("wetext", " => ")):
        for path in sorted((CASES / source / tag).glob("*.txt")):
            for line in path.read_text(encoding="utf-8").splitlines():
                written, *references = line.split(mark)
                if not references:
                    continue
                if (source, tag) in SPOKEN_FIRST:
                    written, references = references[-1], [written]
                yield source, path.stem, written, references
    for number, line in enumerate(_creators(tag)):
        written, *references = line.split("~") if "~~" not in line else line.rsplit("~", 1)
        yield "creators", _half(number), written, references


def _creators(tag: str) -> list[str]:
    path = CASES / "creators" / f"{tag}.txt"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _half(number: int) -> str:
    """Rules were written while looking at the first half alone; the other is what is reported."""
    return "creators, fixed on" if number < N_KNOWN or number % 2 == 0 else "creators, held out"


def key(text: str) -> str:
    """What two readings must share."""
    small = re.sub(r"\b(?:and|und)\b", "", unicodedata.normalize("NFC", text).lower())
    small = re.sub(r"\boh\b", "zero", small)
    return "".join(c for c in small if c.isalnum() or unicodedata.category(c)[0] == "M")


def fits(case: Case, reading: str) -> bool:
    return key(reading) in {key(reference) for reference in case.references}


def ours(text: str, tag: str) -> str:
    return utterance(read(text, tag)).text


def number_names(text: str, tag: str) -> str:
    """`num2words` alone."""
    def name(run: re.Match[str]) -> str:
        try:
            return f" {num2words(run[0], lang=tag)} "
        except (NotImplementedError, OverflowError, ValueError):
            return run[0]
    return re.sub(r"\d+(?:\.\d+)?", name, text)


@cache
def _wetext(tag: str) -> Callable[[str], str]:
    from wetext import Normalizer

    normalizer = Normalizer(lang=tag, operator="tn")
    return lambda text: str(normalizer.normalize(text))


def score(tag: str, reader: Callable[[str, str], str]) -> dict[str, tuple[int, int]]:
    """How many of the cases of each class fit."""
    counts: dict[str, tuple[int, int]] = {}
    for case in cases(tag):
        try:
            fit = fits(case, reader(case.written, tag))
        except Exception:  # a peer that fails on a case has not read it
            fit = False
        right, total = counts.get(case.kind, (0, 0))
        counts[case.kind] = (right + fit, total + 1)
    return counts


def round_trips(tag: str, count: int) -> tuple[int, int]:
    """Wrong and named of so many numbers."""
    speech, rng = language(tag.replace("_", "-")), random.Random(1)
    wrong = named = 0
    for _ in range(count if speech else 0):
        value = rng.randrange(10 ** rng.randint(1, 15))
        words = said(Number(str(value), ""), speech) if speech else None
        named += words is not None
        wrong += words is not None and number_words.number(words, tag) != value
    return wrong, named


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench text", description="How well written text is said.")
    parser.add_argument("--failures", metavar="LANGUAGE", help="print the cases of a language that do not fit")
    parser.add_argument("--round-trips", type=int, default=ROUND_TRIPS, metavar="N")
    arguments = parser.parse_args(argv)
    if arguments.failures:
        for case in cases(arguments.failures):
            if case.kind == "creators, held out":
                continue
            reading = ours(case.written, case.language)
            if not fits(case, reading):
                print(f"{case.kind}\t{case.written}\t{reading}\t{case.references[0]}")
        return 0
    result: dict[str, object] = {"cases": {}, "round_trips": {}}
    tables: dict[str, object] = {}
    for tag in sorted(path.name for path in (CASES / "nemo").iterdir()):
        readers = {"ours": ours, "num2words": number_names}
        if tag in ("en", "zh", "ja"):
            readers["wetext"] = lambda text, tag: _wetext(tag)(text)
        tables[tag] = {name: score(tag, reader) for name, reader in readers.items()}
        print(f"cases {tag}: done", file=sys.stderr)
    trips = {tag: round_trips(tag, arguments.round_trips) for tag in sorted(number_words.WORDS)}
    result = {"cases": tables, "round_trips": trips}
    json.dump(result, sys.stdout, ensure_ascii=False, indent=1)
    return 0
