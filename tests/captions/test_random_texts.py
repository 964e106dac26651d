"""Random texts all the way: spoken form, words with times, every file, independent parsers, the same words.

RANDOM_TEXTS sets how many texts are tried (the suite tries 1000).
"""
from __future__ import annotations

import csv
import io
import json
import os
import re

import srt
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from captions import WRITERS
from captions.cues import Captions, cues
from captions.style.options import PRESETS
from tests.captions.test_writers import displayed_in_ass, ttml_cues, vtt_cues, words_of
from tests.captions.timelines import PIECES
from text import transcript
from text.spoken import read, utterance
from timing.words import Span, Timeline, Word, settle

SPOKEN = ["$3.50", "£1.2", "billion", "5/12/2024", "3:30pm", "1999", "'90s", "50%", "25kg", "5-10", "½", "Dr.", "NASA",
          "FBI", "a@b.co", "https://x.org/y", "#Tag", "@me", "COVID-19", "VIII", "isn’t", "—", "“Quoted”", "…", "٣",
          "1,234,567.89", "+44 20 7946 0958", "v2.0.1", "WOW!!!", "日本語のテキスト", "你好世界", "über", "naïve",
          "\u00a0", "\u2009", "\u3000", "0" * 40, "[voice:x]", "\t"]
letters = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)  # requests refuse control characters
texts = st.lists(st.one_of(st.sampled_from(SPOKEN), st.sampled_from(PIECES), letters),
                 min_size=1, max_size=12).map(" ".join)


def lrc_lines(content: str) -> list[str]:
    """What an enhanced LRC player shows: each line without its time, and without the times of its words."""
    return [re.sub(r"<\d+:\d{2}\.\d{2}>", "", re.sub(r"^\[\d+:\d{2}\.\d{2}\]", "", line))
            for line in content.split("\n") if line]


def timed(text: str, language: str) -> Timeline:
    """Every other token has evidence, 300 ms each; the others are for `settle` to place."""
    tokens = read(text, language)
    duration_ms = 400 * len(tokens) + 1000
    spans = [Span(400 * i, 400 * i + 300, 0.5) if i % 2 == 0 else None for i in range(len(tokens))]
    words = tuple(Word(token.text, span.start_ms, span.end_ms, token.char_start, token.char_end, span.score,
                       span.estimated)
                  for token, span in zip(tokens, settle(spans, duration_ms), strict=True))
    return Timeline(text, words, duration_ms, language, "test")


@given(texts, st.sampled_from(["en", "en", "en", "de", "fr", "ja", "zh", "ar"]))
@settings(max_examples=int(os.environ.get("RANDOM_TEXTS", "1000")), deadline=None,
          suppress_health_check=[HealthCheck.too_slow])
def test_no_word_is_lost_or_changed_on_the_way_from_text_to_file(text: str, language: str) -> None:
    timeline = timed(text, language)
    exact = [word.text for word in timeline.words]
    assert "".join(exact) == "".join(text.split())
    tokens = read(text, language)
    spoken = utterance(tokens)
    assert [spoken.text[a:b] for a, b in spoken.spans] == [token.said for token in tokens]

    captions = Captions.of({"preset": list(PRESETS)[len(text) % len(PRESETS)], "strip_punctuation": False,
                            "uppercase": False})
    captioned = cues(timeline, captions)
    files = {name: writer.write(timeline, captioned, captions, "job") for name, writer in WRITERS.items()}
    assert [word["word"] for word in json.loads(files["json"])["words"]] == exact
    assert [row["word"] for row in csv.DictReader(io.StringIO(files["csv"], newline=""), strict=True)] == exact
    expected = [words_of(*exact[cue.first:cue.last + 1]) for cue in captioned]
    # The srt package takes a number alone on its line, above one such as 1,234,567.89, for the head of another cue.
    assume(not re.search(r"(?m)^\d+\n(?!.* --> )\d+[,.:]\d+[,.:]\d+", files["srt"]))
    assert [words_of(cue.content) for cue in srt.parse(files["srt"])] == expected
    assert [words_of(content) for _, _, content in vtt_cues(files["vtt"])] == expected
    assert displayed_in_ass(files["ass"], captioned) == expected
    assert [words_of(content) for _, _, content in ttml_cues(files["ttml"])] == expected
    assert [words_of(line) for line in lrc_lines(files["lrc"])] == expected
    assert [words_of(cue.content) for cue in srt.parse(files["word_srt"])] == [words_of(word) for word in exact]
    assert [words_of(entry["text"]) for entry in json.loads(files["remotion"])] == [words_of(word) for word in exact]
    assert words_of(files["txt"]) == words_of(*exact)
    # Read back as a transcript, as `align` does: the same cues, in the same order, and no word lost.
    for name, keeps in (("vtt", True), ("srt", False)):
        again = transcript.cues(files[name].encode())
        assert len(again) == len(captioned)
        if keeps:
            assert [words_of(*cue.lines) for cue in again] == expected
