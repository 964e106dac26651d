from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text.script import MAX_CHARS, Pause, ScriptError, Speech, read, split


def test_tags_become_pauses_and_speakers_and_keep_the_place_of_the_text() -> None:
    script = "Hi. [pause:0.8s][voice:anna] Bye. [pause: 250 ms ]"
    assert read(script) == [
        Speech("Hi. ", 0, None), Pause(800), Speech(" Bye. ", 28, "anna"), Pause(250)]
    assert script[28:].startswith(" Bye.")


def test_an_empty_line_and_a_heading_are_pauses() -> None:
    script = "# One\nHello.\n \r\n\nNext\nline.\n## Two\nBye."
    assert [part.text.strip() if isinstance(part, Speech) else part.duration_ms for part in read(script)] == [
        "# One", 400, "Hello.", 400, "Next\nline.", 400, "## Two", 400, "Bye."]
    assert [script[part.char_start:][:len(part.text)] == part.text for part in read(script, 700)
            if isinstance(part, Speech)] == [True] * 5
    assert read(script, 700)[1] == Pause(700)
    assert read(script, 0) == [Speech(script, 0, None)]


def test_a_pause_that_the_script_has_is_the_only_one_at_its_place() -> None:
    script = "\n\nOne.\n\n[pause:1s]\n\nTwo.\n\n[voice:bob]\nThree.\n[voice:eve]\nFour.\n [voice:]\n\n"
    assert [part.text.strip() if isinstance(part, Speech) else part.duration_ms for part in read(script)] == [
        "One.", 1000, "Two.", 400, "Three.", "Four."]


def test_other_brackets_are_ordinary_text() -> None:
    assert read("See [1] and [pause].") == [Speech("See [1] and [pause].", 0, None)]


def test_a_tag_may_be_in_capitals() -> None:
    assert read("A. [PAUSE:1s] [Voice:anna] B.") == [Speech("A. ", 0, None), Pause(1000), Speech(" B.", 26, "anna")]


def test_an_empty_voice_tag_returns_to_the_jobs_own_voice() -> None:
    assert [part.voice for part in read("a[voice:x]b[voice:]c") if isinstance(part, Speech)] == [None, "x", None]


@pytest.mark.parametrize(("script", "said"), [
    ("", "nothing to say"),
    ("  [pause:1s] \n", "nothing to say"),
    ("a [pause:soon]", "[pause:0.8s]"),
    ("a [pause:-1s]", "is not a pause"),
    ("a [pause:61s]", "longer than 60 s"),
    ("a" + "[pause:60s]" * 11, "sum to 660 s"),
    ("a" + "[pause:1ms]" * 3000, "more than 2000"),
    ("a\n\n" * 2001, "2001 paragraphs, the most is 2000"),
    ("a" * (MAX_CHARS + 1), "the most is"),
])
def test_a_script_that_cannot_be_read_says_why(script: str, said: str) -> None:
    with pytest.raises(ScriptError, match=None) as raised:
        read(script)
    assert said in str(raised.value)


def test_lines_end_at_sentences_before_clauses_before_words() -> None:
    words = ["One", "two", "three.", "Four", "five,", "six", "seven", "eight", "nine", "ten.", "Eleven", "twelve."]
    assert [" ".join(words[i] for i in line) for line in split(words, 40)] == [
        "One two three.", "Four five, six seven eight nine ten.", "Eleven twelve."]


def test_lines_of_a_long_text_have_like_length() -> None:
    words = ["word"] * 100
    lengths = [len(line) for line in split(words, 60)]
    assert max(lengths) - min(lengths) <= 2


def test_a_word_longer_than_a_line_is_a_line_of_its_own_while_it_may_fit() -> None:
    assert split(["a", "b" * 60, "c"], 50) == [range(1), range(1, 2), range(2, 3)]
    with pytest.raises(ScriptError, match="one breath holds 50"):
        split(["a" * 71], 50)


@given(st.lists(st.text(min_size=1, max_size=12), max_size=60), st.integers(48, 200))
def test_every_word_is_in_one_line_and_no_line_is_too_long(words: list[str], max_bytes: int) -> None:
    lines = split(words, max_bytes)
    assert [index for line in lines for index in line] == list(range(len(words)))
    assert all(len(" ".join(words[i] for i in line).encode()) <= max_bytes for line in lines)


def test_a_line_is_filled_to_its_last_byte() -> None:
    assert split(["aaaa", "bbbb.", "cc"], 10) == [range(2), range(2, 3)]


def test_pauses_may_sum_to_exactly_what_is_allowed() -> None:
    assert len(read("Hello." + "[pause:60s]" * 10)) == 11
