"""Words with times for the tests of captions: said at an even pace, or drawn at random."""
from __future__ import annotations

import unicodedata

from hypothesis import strategies as st

from captions.ass.animations import ANIMATIONS
from captions.style.options import PRESETS
from timing.words import Timeline, Word

STORY = (
    "Hello! This voice needs no graphics card and no download. Every word you hear has its time, so captions can "
    "light up exactly when it is spoken. In the middle of the night, Mr. John Smith opened the door of the old "
    "house, because the dogs of the neighbour had been barking for two hours. He looked at the garden, but there "
    "was nothing to be seen except a small cat on the wall. It cost $3.50, which was far too much for a cup of tea; "
    "nobody complained. What would you have done if the train had left without you and your luggage?"
)

# What some format or renderer would take for markup, and scripts that join or run the other way.
PIECES = [
    "{", "}", "\\", "\\N", "\\h", "{\\b1}", "{\\an8}", "{y:i}", "-->", "--", ">", "<", "<b>", "</i>", "<00:00:01.000>",
    "&", "&amp;", "&lt;", '"', "'", ",", ";", "=SUM(A1)", "+1", "@x", "00:00:01,000", "1", "WEBVTT", "NOTE", "[Events]",
    "שלום", "مرحبا", "日本語", "안녕", "สวัสดี", "नमस्ते", "😀", "👩‍🚀", "é", "e\u0301", "ß", "İ", "\u200b", "\u202e",
]


def said(text: str, chars_per_s: float = 15.0, language: str = "en", pause_ms: int = 350) -> Timeline:
    """Every word of `text` as long as its letters, with a pause after each sentence."""
    words, char, ms = [], 0, 120
    for token in text.split():
        char = text.index(token, char)
        length_ms = 40 + round(len(token) * 1000 / chars_per_s)
        words.append(Word(token, ms, ms + length_ms, char, char + len(token), 0.9))
        char += len(token)
        ms += length_ms + (pause_ms if token[-1] in ".!?;" else 0)
    return Timeline(text, tuple(words), ms + 1000, language, "test")


def timed(*words: tuple[str, int, int], space: str = " ", language: str = "en", tail_ms: int = 1000) -> Timeline:
    """`(text, start_ms, end_ms)` as they are given."""
    made, char = [], 0
    for text, start_ms, end_ms in words:
        made.append(Word(text, start_ms, end_ms, char, char + len(text)))
        char += len(text) + len(space)
    return Timeline(space.join(text for text, _, _ in words), tuple(made), words[-1][2] + tail_ms, language, "test")


letters = st.characters(exclude_categories=("C", "Z")).filter(lambda char: unicodedata.category(char) != "Cn")
word_texts = st.lists(st.one_of(st.sampled_from(PIECES), letters, st.text(st.sampled_from("abcxyz.,!?"), min_size=1)),
                      min_size=1, max_size=5).map("".join)
english = st.sampled_from(STORY.split())


@st.composite
def timelines(draw: st.DrawFn, texts: st.SearchStrategy[str] = word_texts, max_words: int = 25,
              min_ms: int = 1) -> Timeline:
    """Words of any script, close together or far apart, parted by spaces, by line breaks, by markup or by nothing."""
    text, ms = "", draw(st.integers(0, 3000))
    words: list[Word] = []
    for word in draw(st.lists(texts, max_size=max_words)):
        text += draw(st.sampled_from([" ", " ", " ", "", "\n", "\n\n", " [pause:1s] "])) if words else ""
        end_ms = ms + draw(st.integers(min_ms, 900))
        words.append(Word(word, ms, end_ms, len(text), len(text) + len(word),
                          draw(st.none() | st.floats(0, 1)), draw(st.booleans())))
        text += word
        ms = end_ms + draw(st.sampled_from([0, 0, 0, 1, 37, 300, 2000]))
    language = draw(st.sampled_from(["en", "de", "pt-BR", "he", "ja", "xx"]))
    return Timeline(text, tuple(words), ms + draw(st.integers(0, 2000)) + 1, language, "test")


preset_names = st.sampled_from(list(PRESETS))
caption_options = st.fixed_dictionaries({
    "preset": preset_names, "uppercase": st.just(False), "strip_punctuation": st.just(False)}, optional={
    "max_words": st.integers(1, 50), "max_chars": st.integers(1, 200), "max_lines": st.integers(1, 4),
    "highlight": st.sampled_from(list(ANIMATIONS)),
    "position": st.sampled_from(["top", "middle", "bottom"]),
    "resolution": st.tuples(st.integers(64, 8192), st.integers(64, 8192)),
    "size": st.integers(4, 1000),
})
