"""Numbers said in every language offered, and read back by word lists of our own."""
import random
from pathlib import Path

import pytest

from tests.text import number_words
from text import english
from text.languages.grammar import DATA, Language, Number, language, parse, said
from text.spoken import doubts, read, unread
from text.tables import rows

LANGUAGES = sorted(number_words.WORDS)


def values(count: int, seed: int) -> list[int]:
    """Small ones, round ones and random ones of every length."""
    rng = random.Random(seed)
    round_ones = [a * 10**k for a in (1, 2, 5, 11, 18, 21, 99, 100, 101, 121, 200, 999) for k in range(12)]
    random_ones = [rng.randrange(10 ** rng.randint(2, 15)) for _ in range(count)]
    return [*range(130), *(10**k + 1 for k in range(15)), *round_ones, *random_ones]


def known(tag: str) -> Language:
    speech = language(tag.replace("_", "-"))
    assert speech
    return speech


@pytest.mark.parametrize("tag", LANGUAGES)
def test_a_number_read_back_is_the_number(tag: str) -> None:
    speech, named = known(tag), 0
    for value in values(250, seed=3):
        words = said(Number(str(value), ""), speech)
        assert words is None or number_words.number(words, tag) == value, (value, words)
        named += words is not None
    assert named > 300


@pytest.mark.parametrize("british", [False, True])
def test_an_english_number_read_back_is_the_number(british: bool) -> None:
    for value in [*range(2100), *values(500, seed=5)]:
        words = english.number(str(value), british)
        assert number_words.number(words, "en") == value, (value, words)
    assert number_words.number(english.number("124,444,234,854,823,834,553"), "en") == 124444234854823834553


@pytest.mark.parametrize("tag", LANGUAGES)
def test_decimals_read_back_are_the_decimals(tag: str) -> None:
    speech, rng = known(tag), random.Random(4)
    pairs = [("0", "007"), ("2", "75"), ("3", "5"), ("33", "32"), ("1", "0"), ("10", "01"), ("0", "50")]
    pairs += [(str(rng.randrange(10**rng.randint(1, 6))), f"{rng.randrange(10**4):04}"[:rng.randint(1, 4)])
              for _ in range(150)]
    for whole, decimals in pairs:
        words = said(Number(whole, decimals), speech)
        assert words
        assert number_words.decimal(words, tag, speech.point) == (int(whole), decimals), (whole, decimals, words)


@pytest.mark.parametrize(("tag", "written", "whole", "decimals"), [
    ("de", "1.234,5", "1234", "5"), ("de", "1.234", "1234", ""), ("de", "3.5", "3", "5"),
    ("de-CH", "1'234.5", "1234", "5"),
    ("de", "1,000,000", "1000000", ""), ("es", "1.500", "1500", ""), ("es-MX", "1,500.25", "1500", "25"),
    ("ja", "1,234.5", "1234", "5"), ("fr", "10\u202f000,5", "10000", "5"),
])
def test_a_number_is_taken_apart_as_its_language_writes_it(tag: str, written: str, whole: str, decimals: str) -> None:
    assert parse(written, known(tag)) == Number(whole, decimals)


def test_marks_that_fit_no_reading_are_no_number() -> None:
    assert parse("1.2.3", known("de")) is None
    assert parse("1,23,4", known("de")) is None


def test_what_has_no_certain_name_keeps_its_digits_and_says_so() -> None:
    tokens = read("אלף 5 و 4019059609888", "th")
    assert unread(tokens) == ["4019059609888"]
    assert unread(read("১২ and 3", "bn")) == ["১২", "3"]
    assert doubts(tokens) == [
        "text: no sure reading of these numbers in this language, the engine gets their digits: 4019059609888"]
    assert doubts(read(" ".join(map(str, range(9))), "bn"))[0].endswith("0, 1, 2, 3, 4 and 4 more")
    assert unread(read("twelve 12", "en")) == []


@pytest.mark.parametrize("path", sorted(DATA.glob("*.tsv")), ids=lambda path: path.stem)
def test_a_table_of_languages_is_sorted_and_has_no_doubles(path: Path) -> None:
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    header, body = lines[0], lines[1:]
    keys = [row[:2] for row in body] if path.stem != "agreement" else [row[:3] for row in body]
    assert body
    assert {len(row) for row in body} == {len(header)}
    assert keys == sorted(keys)
    assert len({tuple(key) for key in keys}) == len(keys)


@pytest.mark.parametrize(("base", "symbol", "gender", "one", "few", "many", "part"), rows(DATA / "units.tsv"))
def test_a_unit_is_said_in_its_language(
        base: str, symbol: str, gender: str, one: str, few: str, many: str, part: str) -> None:
    gap = "" if base == "ja" or symbol == '"' else " "
    spoken = " ".join(token.said for token in read(f"5{gap}{symbol}", base))
    assert many in spoken or many.lower() in spoken
    assert not unread(read(f"1 {symbol}", base))


@pytest.mark.parametrize("row", rows(DATA / "currencies.tsv"), ids=lambda row: f"{row[0]} {row[1]}")
def test_a_currency_and_its_hundredth_are_said_in_their_language(row: list[str]) -> None:
    base, symbol, _, _, _, many, _, _, hundredth, *_ = row
    written = f"{symbol}5" if base == "ja" else f"5 {symbol}"
    assert many in " ".join(token.said for token in read(written, base))
    if hundredth:
        mark = known(base).mark
        assert hundredth in " ".join(token.said for token in read(f"0{mark}01 {symbol}", base))


@pytest.mark.parametrize(("base", "written", "spoken", "needs"), rows(DATA / "abbreviations.tsv"))
def test_an_abbreviation_is_said_in_full_where_what_it_needs_stands_behind_it(
        base: str, written: str, spoken: str, needs: str) -> None:
    behind = {"number": "5", "name": "Xaver", "roman": "XVI"}.get(needs, "xyz")
    before = {"behind": "12 ", "century": "XIX ", "rank": {"de": "12. ", "it": "12° "}.get(base, "12e ")}.get(needs, "")
    tokens = read(f"{before}{written} {behind}", base)
    assert " ".join(token.said for token in tokens[bool(before):-1]) == spoken
    if needs in ("number", "name", "roman", "behind"):
        assert " ".join(token.said for token in read(f"{written} xyz", base)[:-1]) != spoken


@pytest.mark.parametrize(("base", "sign", "said"), rows(DATA / "signs.tsv"))
def test_a_sign_is_said_in_an_address_or_between_numbers(base: str, sign: str, said: str) -> None:
    written = {"to": "7:5", "x": "20x10", "#": "#abc", "№": "#5", "@": "@abc", "%": "www.abc.com/a%b"}.get(
        sign, f"www.abc.com/a{sign}b")
    if (base, sign) not in (("ja", "x"), ("zh", "x"), ("ko", "x")):
        assert said in " ".join(token.said for token in read(written, base))


@pytest.mark.parametrize(("ruler", "gender"), rows(DATA / "rulers.tsv"))
def test_a_ruler_has_an_ordinal(ruler: str, gender: str) -> None:
    assert read(f"{ruler} II", "es")[1].said == ("segunda" if gender == "f" else "segundo")


@pytest.mark.parametrize("row", rows(DATA / "parts.tsv"), ids=lambda row: row[0])
def test_a_part_has_a_cardinal(row: list[str]) -> None:
    assert read(f"{row[0]} V", "es")[1].said == "cinco"


@pytest.mark.parametrize(("base", "number", "month"), rows(DATA / "months.tsv"))
def test_a_month_is_said_in_a_date(base: str, number: str, month: str) -> None:
    spoken = " ".join(token.said for token in read(f"02.{number}.2003", base))
    assert month in spoken


@pytest.mark.parametrize(("base", "below", "one", "many"), rows(DATA / "fractions.tsv"))
def test_a_fraction_is_said_in_its_language(base: str, below: str, one: str, many: str) -> None:
    assert read(f"1/{below}", base)[0].said == one
    assert read(f"3/{below}", base)[0].said.endswith(" " + many)
