"""Tables of words: tab-separated files with a header line."""
from __future__ import annotations

from pathlib import Path


def rows(table: Path) -> list[list[str]]:
    """The rows without the header."""
    return [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines()[1:]]
