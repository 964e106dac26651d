"""The tables of English: in order, without doubles, and every row at work in a sentence made for its table."""
from pathlib import Path

import pytest

from text.english.tables import rows
from text.spoken import read

DATA = Path(__file__).parents[2] / "text" / "english" / "data"
TABLES = sorted(path.stem for path in DATA.glob("*.tsv"))
KEYS = {"context": 2, "endings": 2, "syllables": 2}
"""How many columns name a row, where it is not one."""


def said(text: str) -> str:
    return " ".join(token.said for token in read(text, "en") if token.said)


def test_there_are_tables() -> None:
    assert len(TABLES) > 10


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_sorted_has_no_doubles_and_as_many_columns_as_its_header(table: str) -> None:
    lines = (DATA / f"{table}.tsv").read_text(encoding="utf-8").splitlines()
    header, body = lines[0].split("\t"), [line.split("\t") for line in lines[1:]]
    assert body
    assert {len(row) for row in body} == {len(header)}
    keys = [row[:KEYS.get(table, 1)] for row in body]
    assert keys == sorted(keys)
    assert len({tuple(key) for key in keys}) == len(keys)
    assert all(cell == cell.strip() for row in body for cell in row)
    assert all(row[0] for row in body)


ABBREVIATION_SENTENCES = {"": "it is {} here", "dot": "it is {}. here", "dot name": "saw {}. Lee", "name": "saw {} Lee",
                          "dot number": "see {}. 5"}


@pytest.mark.parametrize(("key", "words", "needs"), rows("abbreviations"), ids=lambda cell: cell)
def test_an_abbreviation_is_written_out(key: str, words: str, needs: str) -> None:
    written = key.title() if "name" in needs else key
    assert words in said(ABBREVIATION_SENTENCES[needs].format(written))


@pytest.mark.parametrize(("letters", "reading"), rows("acronyms"))
def test_an_acronym_is_a_word_or_letters(letters: str, reading: str) -> None:
    expected = letters.lower() if reading == "word" else " ".join(letters)
    assert said(f"see the {letters} now") == f"see the {expected} now"
    if "unless shouted" in reading:
        assert letters.lower() in said(f"PLEASE STOP {letters} NOW!").split()


@pytest.mark.parametrize(("word",), rows("short_words"))
def test_a_short_word_is_no_acronym_in_a_shout(word: str) -> None:
    assert said(f"PLEASE STOP {word} NOW!") == f"please stop {'mister' if word == 'MR' else word.lower()} now!"


@pytest.mark.parametrize(("short", "name"), [*rows("months"), *rows("weekdays")])
def test_a_month_and_a_day_are_known_by_their_names(short: str, name: str) -> None:
    months = [month for _, month in rows("months")]
    expected = f"{name} fifth" if name in months else f"{name} morning,"
    assert said(f"{short.title()} 5" if name in months else f"{short}. morning,") == expected


@pytest.mark.parametrize(("symbol", "one", "many", "part", "parts"), rows("currencies"))
def test_a_currency_has_its_name_and_its_hundredth(symbol: str, one: str, many: str, part: str, parts: str) -> None:
    template = "{} " + symbol if symbol.isalpha() else symbol + "{}"
    assert said(template.format("1") + " is") == f"one {one} is"
    assert said(template.format("20") + " is") == f"twenty {many} is"
    if part and not symbol.isalpha():
        assert said(template.format("0.01") + " is").startswith(f"one {part}")
        assert said(template.format("2.05") + " is") == f"two {many} and five {parts} is"


@pytest.mark.parametrize(("symbol", "one", "many", "apart", "after_name"), rows("units"))
def test_a_unit_has_its_name_tight_and_apart(symbol: str, one: str, many: str, apart: str, after_name: str) -> None:
    assert said(f"is 5{symbol} there") == f"is five {many} there"
    assert said(f"is 1{symbol} there") == f"is one {one} there"
    assert (many in said(f"is 5 {symbol} there")) == bool(apart)
    assert (many in said(f"Nova 5{symbol} there")) != bool(after_name)


@pytest.mark.parametrize(("symbol", "word"), rows("rates"))
def test_a_rate_has_its_name(symbol: str, word: str) -> None:
    assert said(f"$5/{symbol} is") == f"five dollars per {word} is"


@pytest.mark.parametrize(("symbol", "words", "tight", "apart"), rows("scales"))
def test_a_scale_has_its_name_tight_and_apart(symbol: str, words: str, tight: str, apart: str) -> None:
    assert (said(f"is $5{symbol} now") == f"is five {words} dollars now") == bool(tight or len(symbol) > 3)
    assert said(f"is $5 {symbol} now") == f"is five {words} dollars now"
    assert (f"five {words}" in said(f"is 5 {symbol} now")) == bool(apart)


@pytest.mark.parametrize(("code", "name", "needs_zip"), rows("states"))
def test_a_state_has_its_name(code: str, name: str, needs_zip: str) -> None:
    assert said(f"Reno, {code} 89501") == f"Reno, {name} eight nine five zero one"
    assert said(f"in Reno, {code} it is") == f"in Reno, {name} it is"
    assert (said(f"Reno, {code} it is") == f"Reno, {name} it is") != bool(needs_zip)


@pytest.mark.parametrize(("written", "spoken"), rows("whitelist"))
def test_a_word_with_a_reading_of_its_own_is_read_so(written: str, spoken: str) -> None:
    assert said(f"one {written} two") in (f"one {spoken} two", "one two")
    assert any(said(text) in (f"one {spoken} two", f"five {spoken} six", f"five meters {spoken} six")
               for text in (f"one {written} two", f"5 {written} 6", f"5m {written} 6"))


@pytest.mark.parametrize(("sign", "word"), rows("separators"))
def test_a_sign_of_an_address_is_named(sign: str, word: str) -> None:
    assert f" {word} " in said(f"https://tea.com/leaf{sign}cup is")


@pytest.mark.parametrize(("ending", "kind"), rows("endings"))
def test_an_address_and_a_file_end_so(ending: str, kind: str) -> None:
    assert said(f"see teapot.{ending} now").startswith("see teapot dot ")


@pytest.mark.parametrize(("part", "letters"), rows("syllables"))
def test_a_syllable_in_capitals_is_a_word(part: str, letters: str) -> None:
    word = f"{letters}obo" if part == "onset" else f"bobo{letters}"
    assert said(f"the {word.upper()} is") == f"the {word} is"


@pytest.mark.parametrize(("abbreviation", "name"), rows("streets"))
def test_a_street_has_its_name(abbreviation: str, name: str) -> None:
    assert said(f"at 12 Elm {abbreviation.title()}, Reno") == f"at twelve Elm {name}, Reno"


@pytest.mark.parametrize(("short", "name", "numbered"), rows("books"))
def test_a_book_of_the_bible_is_known_by_its_short_name(short: str, name: str, numbered: str) -> None:
    assert said(f"see {short}. 3:15-16 there") == f"see {name} three fifteen to sixteen there"
    assert (said(f"see 1 {short}. 13 there") == f"see first {name} thirteen there") == bool(numbered)


@pytest.mark.parametrize(("letter", "name"), rows("directions"))
def test_a_direction_stands_behind_a_house_number(letter: str, name: str) -> None:
    assert said(f"at 12 {letter} Elm St") == f"at twelve {name} Elm street"
    assert said(f"plan {letter} Elm") == f"plan {letter} Elm"


CONTEXT = {
    "abbreviated_in_capitals": lambda word: said(f"saw {word.upper()} LEE") != f"saw {word.upper()} LEE",
    "aspect_ratio": lambda word: " by " in said(f"is {word} wide"),
    "before_clock": lambda word: said(f"{word} 0645") == f"{word} zero six forty-five",
    "before_count": lambda word: said(f"{word} 2/3") == f"{word} two of three",
    "before_date": lambda word: said(f"{word} 5/12") == f"{word} May twelfth",
    "before_seconds": lambda word: said(f"{word} 30s") == f"{word} thirty seconds",
    "before_year": lambda word: said(f"{word} 1066") == f"{word} ten sixty-six",
    "code": lambda word: said(f"{word} 1984") == f"{word} one nine eight four",
    "dialled": lambda word: said(f"{word} 911") == f"{word} nine one one",
    "dotted_unit": lambda word: said(f"is 2 {word}. long") != said(f"is 2 zz{word}. long").replace("zz", ""),
    "era": lambda word: said(f"476 {word}").startswith("four seventy-six"),
    "function_word": lambda word: said(f"a $5 {word}") == f"a five dollars {word}",
    "lettered": lambda word: said(f"{word} 4B") == f"{word} four B",
    "may_end_sentence": lambda word: said(f"12 Main {word.title()}. The end").count(".") == 1,
    "monarch": lambda word: said(f"{word} IV") == f"{word} the fourth",
    "part": lambda word: said(f"{word.title()} L2 {word.title()} V").endswith("five"),
    "read_in_pairs": lambda word: said(f"{word} 101").endswith("one oh one"),
    "sentence_start": lambda word: said(f"on Baker St. {word} end").split()[2] == "street.",
    "title": lambda word: said(f"{word} Charles I was") == f"{word} Charles the first was",
    "versioned": lambda word: said(f"{word} 3.11").endswith("three point eleven"),
}


@pytest.mark.parametrize(("role", "word"), rows("context"))
def test_a_context_word_changes_how_its_neighbour_is_read(role: str, word: str) -> None:
    assert CONTEXT[role](word)
