"""Display words survive, slice by slice; what is said and what an aligner hears belong to each."""
import re
import unicodedata

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from text.spoken import read, utterance

LANGUAGES = ("en", "en-GB", "de", "fr", "es", "ru", "tr", "pl", "ja", "zh", "zh-TW", "ko", "th", "ar", "hi", "xx", "")
PIECES = st.sampled_from([
    "word", "WORD", "don't", "$3.50", "1.2", "billion", "5", "km", "May", "12th,", "2024", "Dr.", "St.", "No.",
    "e.g.", "3:30", "pm", "p.m.", "1/2", "½", "10", "–", "-", "—", "…", "“quoted”", "😀", "👨‍👩‍👧",
    "1️⃣", "你好，世界。", "今日は", "วันนี้", "한국어", "привет", "हिन्दी", "#Tag", "@me", "a@b.co",
    "http://x.y/z", "5'10\"", "27\"", "'90s", "VIII", "Henry", "10 000", "1,000", "(555)", "123-4567", "+1",
    "x", "&", "%", "€", "e\u0301", "\u0301", "\u200d", "\u200b", "ﬁ", "²", "İ", "ǅ", "ﷺ",
])
TEXTS = st.one_of(
    st.lists(PIECES, max_size=12).map(" ".join), st.lists(PIECES, max_size=6).map("".join), st.text(max_size=60),
    st.text(st.sampled_from("aAbZ019.,:;-–—/'\"$€%&+=@#_()[] \n\t\u00a0\u202f\u3000^x~<>°²½"), max_size=40))


def words(text: str, language: str = "en") -> list[str]:
    return [token.text for token in read(text, language)]


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.sampled_from(LANGUAGES), st.integers(0, 10**6))
@example("a\u00a0b 10\u00a0000\u202f000 c", "en", 7)
def test_every_display_word_survives_as_its_slice_of_the_text(text: str, language: str, offset: int) -> None:
    tokens = read(text, language, char_offset=offset)
    end = offset
    for token in tokens:
        between = text[end - offset:token.char_start - offset]
        assert not between.strip(), f"{between!r} is lost"
        assert token.char_start >= end
        assert token.text == text[token.char_start - offset:token.char_end - offset] != ""
        end = token.char_end
    assert not text[end - offset:].strip()


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.sampled_from(LANGUAGES), st.booleans())
def test_spoken_words_are_small_letters_and_said_is_one_line(text: str, language: str, normalize: bool) -> None:
    for token in read(text, language, normalize=normalize):
        assert token.said == " ".join(token.said.split())
        for word in token.spoken:
            assert word.strip("'") == word != ""
            assert word == word.lower()
            assert all(c == "'" or c.isalpha() or unicodedata.category(c)[0] == "M" for c in word), word


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.sampled_from(LANGUAGES))
def test_the_spans_of_an_utterance_are_what_is_said_for_each_word(text: str, language: str) -> None:
    tokens = read(text, language)
    line = utterance(tokens)
    assert [line.text[start:end] for start, end in line.spans] == [token.said for token in tokens]
    edges = [edge for span in line.spans for edge in span]
    assert edges == sorted(edges)
    assert line.text == line.text.strip()
    assert "  " not in line.text


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.lists(PIECES.filter(str.isascii), max_size=12).map(" ".join),
                 st.text(st.characters(max_codepoint=0x7E), max_size=40)))
def test_spoken_words_read_again_are_themselves(text: str) -> None:
    assume(not re.search(r"[@#]\w", text))  # a handle's letters are nobody's title: #mr
    spoken = [word for token in read(text, "en") for word in token.spoken]
    assert [word for token in read(" ".join(spoken), "en") for word in token.spoken] == spoken
    assert read(text, "en") == read(text, "en")


@pytest.mark.parametrize(("text", "expected"), [
    ("$3.50, please!", [("three", "dollars", "fifty"), ("please",)]),
    ("the FBI's 2 CEOs", [("the",), ("f", "b", "i's"), ("two",), ("c", "e", "o's")]),
    ("twenty-five", [("twenty", "five")]),
    ("“Don’t,” 😀 – she said", [("don't",), (), (), ("she",), ("said",)]),
    ("'quoted' dogs' rock 'n' roll", [("quoted",), ("dogs",), ("rock",), ("n",), ("roll",)]),
    ("café Zürich Straße Łódź", [("cafe",), ("zurich",), ("strasse",), ("lodz",)]),
    ("$1.2 billion", [("one", "point", "two"), ("billion", "dollars")]),
])
def test_an_english_aligner_hears_plain_small_letters(text: str, expected: list[tuple[str, ...]]) -> None:
    assert [token.spoken for token in read(text, "en")] == expected


def test_accents_stay_where_the_language_has_them() -> None:
    assert [token.spoken for token in read("Größe, Café!", "de")] == [("größe",), ("café",)]


def test_an_offset_moves_the_places_of_the_words() -> None:
    token = read("  hello ", "en", char_offset=100)[0]
    assert (token.text, token.char_start, token.char_end) == ("hello", 102, 107)


def test_without_normalizing_the_words_are_said_as_written_and_still_heard_as_spoken() -> None:
    tokens = read("PAY  $5\nnow…", "en", normalize=False)
    assert [token.said for token in tokens] == ["PAY", "$5", "now…"]
    assert [token.spoken for token in tokens] == [("pay",), ("five", "dollars"), ("now",)]
    assert utterance(tokens).text == "PAY $5 now…"


def test_a_word_without_sound_takes_no_room_in_what_is_said() -> None:
    line = utterance(read("😀 Hello 🎉🎉 world ✨", "en"))
    assert line.text == "Hello world"
    assert line.spans == ((0, 0), (0, 5), (5, 5), (6, 11), (11, 11))


def test_an_empty_text_has_no_words() -> None:
    assert read("", "en") == read(" \n\u3000 ", "zh") == ()
    assert utterance(()).text == ""


def test_all_spaces_of_unicode_part_words_but_not_the_digits_of_one_number() -> None:
    assert words("a\u00a0b\u2003c\u3000d\te") == ["a", "b", "c", "d", "e"]
    assert words("10\u202f000\u00a0km in 5\u00a0000") == ["10\u202f000", "km", "in", "5\u00a0000"]
    assert [token.said for token in read("10\u202f000\u00a0km", "fr")] == ["dix mille", "kilomètres"]


def test_chinese_and_japanese_are_parted_into_words_with_their_punctuation() -> None:
    chinese = words("今天天气很好，我们去公园。他说：“你好”！", "zh")
    assert "".join(chinese) == "今天天气很好，我们去公园。他说：“你好”！"
    assert {"今天", "天气", "好，", "我们"} <= set(chinese)
    assert not [word for word in chinese if word[0] in "，。！：”" or word[-1] == "“"]
    assert words("「本当？」と聞いた。", "ja") == ["「本当？」", "と", "聞いた。"]
    assert words("コーヒーを飲む", "ja")[0].startswith("コーヒー")


def test_latin_words_and_numbers_within_chinese_stay_whole() -> None:
    assert words("我有iPhone 15和NBA门票", "zh") == ["我", "有", "iPhone", "15", "和", "NBA", "门票"]
    assert words("他说\"你好\"，走了", "zh") == ["他", "说", "\"你", "好\"，", "走", "了"]


def test_thai_vowel_signs_stay_with_their_letters() -> None:
    parts = words("วันนี้อากาศดีมาก", "th")
    assert len(parts) > 2
    assert not [part for part in parts if re.match("[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]", part)]


def test_chinese_is_said_without_spaces_and_its_latin_words_too() -> None:
    tokens = read("今天 很好，去NBA。", "zh")
    line = utterance(tokens)
    assert line.text == "今天 很好，去N B A。"
    assert [line.text[a:b] for a, b in line.spans] == [token.said for token in tokens]


ADVERSARIAL = ["a", "1", "A", "-", "'", '"', ".", "$", "😀", "我", "あ", "ก", "(", "1,", "1.", "1-", "a-", "A.", "@a.",
               "#", "1:", "a'", "\u200d", "1'", "½", "1/", "_", "://", "\u0301", "1\u00a0000", "1 000 ", "(555) ",
               "1.1-1.1 ",
               "1^" * 90 + " ", "A.B@" * 45 + " ", "-1:" * 60 + " ", "5 million ", "+1 1 "]


@pytest.mark.parametrize("piece", ADVERSARIAL, ids=[repr(piece[:8]) for piece in ADVERSARIAL])
def test_a_hundred_thousand_characters_of_anything_come_back(piece: str) -> None:
    """Quadratic time would take minutes here."""
    text = piece * (100_000 // len(piece))
    for language in ("en", "zh"):
        tokens = read(text, language)
        assert "".join(token.text for token in tokens) == "".join(text.split()) or "\u00a0" in text
        line = utterance(tokens)
        assert line.spans[-1][1] == len(line.text)
