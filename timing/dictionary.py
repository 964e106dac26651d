"""How words are pronounced: a dictionary in the form of CMU's, with a line for each way to say a word, or by rules."""
from __future__ import annotations

from bisect import bisect_left
from itertools import chain, count, islice, product
from pathlib import Path

MOST_WAYS = 12


class Dictionary:
    """The file's lines, sorted: 20 ms to read, where the decoder that it belongs to takes 200."""

    def __init__(self, path: Path, language: str) -> None:
        self._lines = sorted(path.read_bytes().split(b"\n"))
        self._language = language

    def ways(self, word: str) -> list[list[str]]:
        """Its phones in each way to say it, the usual one first; by eSpeak NG's rules where no entry has it."""
        found = self[word]
        if self._language == "fr":
            found = found or self._without_ligature(word)
            found += self[f"{word}'"] if len(word) == 1 else []  # the t of "a-t-il"
        if found:
            return found
        from text.phonemes import pronounce

        phones = pronounce(word, self._language).split()
        return [phones] if phones else []

    def __getitem__(self, word: str) -> list[list[str]]:
        """The ways that the file has."""
        found: list[list[str]] = []
        for number in count(1):
            phones = self._phones(word if number == 1 else f"{word}({number})")
            if not phones:
                break
            found.append(phones)
        return found

    def _without_ligature(self, word: str) -> list[list[str]]:
        """A French word without œ, and of parts that are elided: the file has "l'" and "homme"."""
        plain = word.replace("œ", "oe")
        parts = [part for part in plain.replace("'", "' ").split() if part]
        ways = product(*(self[part] for part in parts))
        return [list(chain(*way)) for way in islice(ways, MOST_WAYS)]

    def _phones(self, entry: str) -> list[str]:
        start = f"{entry} ".encode()
        at = bisect_left(self._lines, start)
        line = self._lines[at] if at < len(self._lines) else b""
        return line[len(start) :].decode().split() if line.startswith(start) else []
