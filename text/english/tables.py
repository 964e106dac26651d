"""The tables of English, read once from `data/`: tab-separated, sorted, with a header line."""
from __future__ import annotations

from pathlib import Path

from text import tables

_DATA = Path(__file__).parent / "data"


def rows(table: str) -> list[list[str]]:
    """The rows of `data/<table>.tsv` without its header."""
    return tables.rows(_DATA / f"{table}.tsv")


def _words(table: str) -> dict[str, frozenset[str]]:
    """Rows of (kind, word)."""
    kinds: dict[str, set[str]] = {}
    for kind, word in rows(table):
        kinds.setdefault(kind, set()).add(word)
    return {kind: frozenset(words) for kind, words in kinds.items()}


def _pairs(table: str) -> dict[str, str]:
    return {row[0]: row[1] for row in rows(table)}


MONTH_NAMES = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
               "November", "December")
MONTHS = _pairs("months")
WEEKDAYS = _pairs("weekdays")

ABBREVIATIONS = {key: (words, frozenset(needs.split())) for key, words, needs in rows("abbreviations")}
"""What is written out, and what it needs: its "dot", a "name" (a capital) or a "number" behind it."""
WHITELIST = _pairs("whitelist")
"""Words with a reading of their own."""

_CONTEXT = _words("context")
DOTTED_UNITS = _CONTEXT["dotted_unit"]
MAY_END_SENTENCE = _CONTEXT["may_end_sentence"]
ABBREVIATED_IN_CAPITALS = _CONTEXT["abbreviated_in_capitals"]
SENTENCE_STARTS = _CONTEXT["sentence_start"]
FUNCTION_WORDS = _CONTEXT["function_word"]
MONARCHS = _CONTEXT["monarch"]
TITLES = _CONTEXT["title"]
PARTS = _CONTEXT["part"]
READ_IN_PAIRS = _CONTEXT["read_in_pairs"]
VERSIONED = _CONTEXT["versioned"]
ERAS = _CONTEXT["era"]
BEFORE_DATES = _CONTEXT["before_date"]
BEFORE_CLOCKS = _CONTEXT["before_clock"]
BEFORE_SECONDS = _CONTEXT["before_seconds"]
BEFORE_COUNTS = _CONTEXT["before_count"]
BEFORE_YEARS = _CONTEXT["before_year"]
LETTERED = _CONTEXT["lettered"]
CODES = _CONTEXT["code"]
DIALLED = _CONTEXT["dialled"]
ASPECT_RATIOS = _CONTEXT["aspect_ratio"]

_ACRONYMS = _pairs("acronyms")
ACRONYM_WORDS = frozenset(letters for letters, reading in _ACRONYMS.items() if reading == "word")
SPELLED = frozenset(letters for letters, reading in _ACRONYMS.items() if reading == "letters")
SPELLED_UNLESS_SHOUTED = frozenset(_ACRONYMS) - ACRONYM_WORDS - SPELLED
SHORT_WORDS = frozenset(word for word, in rows("short_words"))
"""Words of up to four letters that people shout."""
ONSETS, CODAS = _words("syllables")["onset"], _words("syllables")["coda"]
"""What an English syllable begins and ends with."""

SCALES_TIGHT = {symbol: words for symbol, words, tight, _ in rows("scales") if tight}
SCALES_APART = {symbol: words for symbol, words, _, apart in rows("scales") if apart}
SCALES_BEHIND_MONEY = SCALES_APART | {symbol.lower(): words for symbol, words in SCALES_TIGHT.items()}
"""$30 b"""
CURRENCIES = {symbol: (one, many) for symbol, one, many, _, _ in rows("currencies")}
HUNDREDTHS = {(one, many): (part, parts) for _, one, many, part, parts in rows("currencies") if part}
"""A currency's names -> those of its hundredth part."""
UNITS = {symbol: (one, many) for symbol, one, many, _, _ in rows("units")}
UNITS_APART = {symbol: UNITS[symbol] for symbol, _, _, apart, _ in rows("units") if apart}
"""Units that are known as such also when a space stands before them."""
LETTER_UNITS = frozenset(symbol for symbol, *_, after_name in rows("units") if after_name)
"""Letters and words of their own: behind a name no units, as in iPhone 5s."""
RATES = _pairs("rates")
"""What may stand behind "per"."""
BOOKS = {short: name for short, name, _ in rows("books")}
"""Of the Bible."""
BOOK_NAMES = frozenset(BOOKS.values())
NUMBERED_BOOKS = frozenset(name for _, name, numbered in rows("books") if numbered)
STREETS = _pairs("streets")
STREET_NAMES = frozenset(STREETS) | frozenset(STREETS.values())
DIRECTIONS = _pairs("directions")
STATES = {code: name for code, name, _ in rows("states")}
STATES_NEEDING_ZIP = frozenset(code for code, _, needs_zip in rows("states") if needs_zip)
SEPARATORS = _pairs("separators")
"""How the signs of a web address are said."""
_ENDINGS = {kind: [ending for ending, of in rows("endings") if of == kind] for kind in ("domain", "file")}
DOMAIN_ENDINGS, FILE_ENDINGS = _ENDINGS["domain"], _ENDINGS["file"]
