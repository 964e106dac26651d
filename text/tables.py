"""Tables of words: tab-separated files with a header line."""
from __future__ import annotations

from functools import cache
from pathlib import Path

_ABBREVIATIONS = Path(__file__).parent / "languages/data/abbreviations.tsv"


def rows(table: Path) -> list[list[str]]:
    """The rows without the header."""
    return [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines()[1:]]


@cache
def abbreviations(base: str) -> dict[str, tuple[str, str]]:
    """Those of a language other than English, by `abbreviation_key` -> what is said, and what it needs behind it."""
    return {abbreviation_key(written): (spoken, needs) for language, written, spoken, needs in rows(_ABBREVIATIONS)
            if language == base}


def abbreviation_key(written: str) -> str:
    """One letter stays as it is: S. is a page, s. see."""
    return written.lower() if len(written.strip(".")) > 1 else written
