"""Every format read back by a parser that is not ours."""
from __future__ import annotations

import csv
import html
import io
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import ass
import imageio_ffmpeg
import pysubs2
import pytest
import srt  # type: ignore[import-untyped]
import webvtt
from hypothesis import example, given, settings

from captions import WRITERS
from captions.ass.hyphens import HYPHEN
from captions.cue import Cue
from captions.cues import Captions, cues
from captions.style import fonts
from captions.style.options import PRESETS
from tests.captions.timelines import STORY, caption_options, english, said, timed, timelines
from timing.words import Timeline

JOINER = "\u2060"


def written(name: str, timeline: Timeline, **options: Any) -> str:
    captions = Captions.of(options)
    return WRITERS[name].write(timeline, cues(timeline, captions), captions, "job-1")


def ms(time: timedelta) -> int:
    return round(time / timedelta(milliseconds=1))


def words_of(*texts: str) -> str:
    """What is left of a text when spaces, line breaks, hyphens and invisible joiners are not counted."""
    return re.sub(rf"[\s{JOINER}{HYPHEN}\u180e]", "", "".join(texts))


def rendered_text(text: str) -> str:
    """A dialogue's text as libass reads it: override blocks leave nothing, `\\N` a line break, `\\{` a brace."""
    return re.sub(r"\\([{}])|\{[^}]*\}|\\N", lambda found: found[1] or ("\n" if found[0] == r"\N" else ""), text)


def vtt_cues(content: str) -> list[tuple[int, int, str]]:
    """webvtt-py leaves out the times within a cue; what is left is HTML's references."""
    return [(ms_of(cue.start), ms_of(cue.end), html.unescape(cue.text))
            for cue in webvtt.from_buffer(io.StringIO(content)).captions]


def ttml_cues(content: str) -> list[tuple[int, int, str]]:
    """By the standard library's XML reader."""
    name = "{http://www.w3.org/ns/ttml}"
    return [(ms_of(p.attrib["begin"]), ms_of(p.attrib["end"]), "\n".join(p.itertext()))
            for p in ElementTree.fromstring(content).iter(f"{name}p")]


def displayed_in_ass(content: str, captioned: Sequence[Cue]) -> list[str]:
    """What stands on the screen in the last centisecond of each cue, drawings left out."""
    events = [(ms(event.start) // 10, ms(event.end) // 10, event.text)
              for event in ass.Document.parse_string(content).events if "\\p1}" not in event.text]
    found, free_cs = [], 0
    for cue in captioned:
        free_cs = max(max(free_cs, (cue.start_ms + 5) // 10) + 1, (cue.end_ms + 5) // 10)
        found.append(words_of(*(rendered_text(text) for start, end, text in events if start < free_cs <= end)))
    return found


def ms_of(clock: str) -> int:
    hours, minutes, seconds = clock.split(":")
    return int(hours) * 3_600_000 + int(minutes) * 60_000 + int(seconds.replace(".", ""))


# No word is lost or changed.

@given(timelines(), caption_options)
@example(timed(("1", 0, 500), ("00:00:00,000", 500, 900), ("-->", 900, 1200), ("00:00:05,000", 1200, 1500)),
         {"preset": "sentence", "max_chars": 12, "max_lines": 4})
@settings(max_examples=200, deadline=None)
def test_no_format_loses_or_changes_a_word(timeline: Timeline, options: dict[str, Any]) -> None:
    captions = Captions.of(options)
    captioned = cues(timeline, captions)
    files = {name: writer.write(timeline, captioned, captions, "job-1") for name, writer in WRITERS.items()}
    exact = [word.text for word in timeline.words]
    assert [word["word"] for word in json.loads(files["json"])["words"]] == exact
    assert [row["word"] for row in csv.DictReader(io.StringIO(files["csv"]), strict=True)] == exact

    expected = [(cue.start_ms, cue.end_ms, words_of(*exact[cue.first:cue.last + 1])) for cue in captioned]
    assert [(ms(s.start), ms(s.end), words_of(s.content)) for s in srt.parse(files["srt"])] == expected
    assert [(a, b, words_of(text)) for a, b, text in vtt_cues(files["vtt"])] == expected
    assert displayed_in_ass(files["ass"], captioned) == [text for _, _, text in expected]
    assert [(start, end, words_of(text)) for start, end, text in ttml_cues(files["ttml"])] == expected
    assert [words_of(entry["text"]) for entry in json.loads(files["remotion"])] == [words_of(word) for word in exact]
    assert words_of(files["txt"]) == words_of(*exact)
    assert [words_of(s.content) for s in srt.parse(files["word_srt"])] == [words_of(word) for word in exact]


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_a_text_without_words_is_still_a_valid_file(name: str) -> None:
    content = written(name, Timeline("", (), 500, "en", "test"))
    if name in ("srt", "csv", "word_srt", "lrc", "txt", "remotion"):
        assert content in ("", "word,start_time,end_time,confidence\n", "[]\n")
    elif name == "ttml":
        assert ttml_cues(content) == []
    elif name == "json":
        assert json.loads(content)["words"] == []
    else:
        assert list(pysubs2.SSAFile.from_string(content, format_=name)) == []


@pytest.mark.parametrize("name", ["srt", "vtt"])
def test_pysubs2_reads_the_same_cues(name: str) -> None:
    timeline = said(STORY)
    events = pysubs2.SSAFile.from_string(written(name, timeline, preset="broadcast"), format_=name)
    captioned = cues(timeline, Captions.of({"preset": "broadcast"}))
    assert [event.plaintext for event in events] == ["\n".join(cue.lines) for cue in captioned]
    for event, cue in zip(events, captioned, strict=True):
        assert abs(event.start - cue.start_ms) <= 5 and abs(event.end - cue.end_ms) <= 5


def test_importing_the_writers_loads_neither_torch_nor_the_ass_package() -> None:
    loaded = subprocess.run([sys.executable, "-c", "import sys, captions; print(*sys.modules)"],
                            capture_output=True, text=True, check=True).stdout.split()
    assert "captions.ass" in loaded
    assert not {"torch", "ass", "numpy", "soxr"} & set(loaded)


# SubRip and WebVTT.

def test_srt_is_numbered_and_timed_to_the_millisecond() -> None:
    timeline = timed(("Hi.", 3_723_004, 3_723_999), tail_ms=1)
    assert written("srt", timeline) == "1\n01:02:03,004 --> 01:02:04,000\nHi.\n"


def test_markup_in_a_text_is_plain_text_in_srt() -> None:
    content = written("srt", timed(("<b>{\\an8}\\Nx-->", 0, 900)))
    assert content.replace(JOINER, "").splitlines()[2] == "<b>{\\an8}\\Nx-->"
    # What pysubs2 takes for a tag it turns into one of its own; here it finds none.
    event = pysubs2.SSAFile.from_string(content, format_="srt")[0]
    assert "{\\b1}" not in event.text and not re.search(r"\{\\an8|\\N", event.text)
    assert "-->" not in content.splitlines()[2]


@pytest.mark.parametrize("text", [
    "a < b > c", "1 <2> 3", "if a<b and c>d", "<3 you > me", "a <> b", "x << y >> z", "<!-- c -->", "< / b > c"])
def test_ffmpeg_shows_the_text_of_an_srt_as_it_is_written(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text(written("srt", said(text)))
    shown = subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", tmp_path / "a.srt",
                            "-f", "ass", "-"], capture_output=True, text=True, check=True).stdout
    lines = [line.split(",", 9)[9] for line in shown.splitlines() if line.startswith("Dialogue")]
    assert " ".join(lines).replace(JOINER, "").replace("\\N", " ") == text


def test_an_ordinary_text_gets_no_joiner() -> None:
    assert JOINER not in "".join(written(name, said("5>3 & {x} <3 -- c-d, a < b.")) for name in ("srt", "vtt", "ass"))


def test_vtt_escapes_what_html_would_read() -> None:
    assert written("vtt", timed(("<b>&amp;-->", 0, 900))).splitlines()[3] == "&lt;b&gt;&amp;amp;--&gt;"


def test_vtt_tells_each_word_s_time_when_words_are_highlighted() -> None:
    timeline = timed(("One", 0, 400), ("two", 500, 900), ("three.", 1000, 1400))
    assert written("vtt", timeline, highlight="word").splitlines()[3] == (
        "One <00:00:00.500>two <00:00:01.000>three.")
    assert written("vtt", timeline, highlight="word", max_chars=7).splitlines()[3:] == [
        "One <00:00:00.500>two", "<00:00:01.000>three."]
    assert written("vtt", timeline).splitlines()[3] == "One two three."


def test_vtt_puts_captions_where_they_are_wanted() -> None:
    timeline = timed(("Hi.", 0, 900))
    assert written("vtt", timeline, position="top").splitlines()[2].endswith(" line:10%")
    assert written("vtt", timeline).splitlines()[2] == "00:00:00.000 --> 00:00:01.300"


# CSV and JSON.

def test_csv_has_the_documented_columns() -> None:
    content = written("csv", timed(("time,", 120, 480), ('say"', 500, 1000)))
    assert content == 'word,start_time,end_time,confidence\n"time,",0.120,0.480,\n"say""",0.500,1.000,\n'
    assert written("csv", said("Hi."))[36:] == "Hi.,0.120,0.360,0.900\n"


def test_csv_keeps_a_word_that_looks_like_a_formula() -> None:
    assert written("csv", timed(("=1+1", 0, 900))).splitlines()[1] == "=1+1,0.000,0.900,"


def test_json_is_as_documented() -> None:
    timeline = timed(("Hello", 120, 480), ("world", 500, 900), tail_ms=0)
    assert json.loads(written("json", timeline)) == {
        "job_id": "job-1", "text": "Hello world", "language": "en", "method": "test", "duration": 0.9,
        "words": [
            {"word": "Hello", "start": 0.12, "end": 0.48, "score": None, "estimated": False,
             "char_start": 0, "char_end": 5},
            {"word": "world", "start": 0.5, "end": 0.9, "score": None, "estimated": False,
             "char_start": 6, "char_end": 11},
        ],
        "cues": [{"text": "Hello world", "start": 0.12, "end": 0.9, "words": [0, 1]}],
    }


def test_a_cue_of_two_lines_is_one_text_in_json() -> None:
    timeline = said("The captain of the ship saw the lighthouse and the crew began to cheer")
    assert json.loads(written("json", timeline))["cues"][0]["text"] == timeline.text


def test_json_takes_the_shape_of_openai_s_transcription() -> None:
    shape = json.loads(written("json", said("Hi there. Bye."), json_shapes=["openai"]))["openai"]
    assert shape["words"][0] == {"word": "Hi", "start": 0.12, "end": 0.293}
    assert [segment["text"] for segment in shape["segments"]] == ["Hi there.", "Bye."]
    assert set(shape["segments"][0]) == {"id", "seek", "start", "end", "text", "tokens", "temperature", "avg_logprob",
                                         "compression_ratio", "no_speech_prob"}
    assert [segment["seek"] for segment in shape["segments"]] == [0, 0]


def test_json_takes_the_shape_of_elevenlabs_characters() -> None:
    timeline = timed(("Hi", 100, 300), ("yo", 400, 600), tail_ms=400)
    alignment = json.loads(written("json", timeline, json_shapes=["elevenlabs"]))["elevenlabs"]["alignment"]
    assert alignment == {
        "characters": ["H", "i", " ", "y", "o"],
        "character_start_times_seconds": [0.1, 0.2, 0.3, 0.4, 0.5],
        "character_end_times_seconds": [0.2, 0.3, 0.4, 0.5, 0.6],
    }


@given(timelines())
@settings(deadline=None)
def test_elevenlabs_characters_are_the_whole_text_in_time(timeline: Timeline) -> None:
    alignment = json.loads(written("json", timeline, json_shapes=["elevenlabs"]))["elevenlabs"]["alignment"]
    starts, ends = alignment["character_start_times_seconds"], alignment["character_end_times_seconds"]
    assert "".join(alignment["characters"]) == timeline.text
    assert len(starts) == len(ends) == len(timeline.text)
    assert all(a <= b for a, b in zip(starts, ends, strict=True)) and all(a <= b for a, b in pairwise(starts))
    for word in timeline.words:
        assert (starts[word.char_start], ends[word.char_end - 1]) == (word.start_ms / 1000, word.end_ms / 1000)


def test_polly_marks_count_bytes() -> None:
    marks = json.loads(written("json", timed(("Grüß", 0, 400), ("Gott", 450, 900)), json_shapes=["polly"]))["polly"]
    assert marks == [{"time": 0, "type": "word", "start": 0, "end": 6, "value": "Grüß"},
                     {"time": 450, "type": "word", "start": 7, "end": 11, "value": "Gott"}]


# For other tools.

def test_ffmpeg_reads_the_lyrics(tmp_path: Path) -> None:
    timeline = said("Hello there. [5] <3 we go!")
    (tmp_path / "a.lrc").write_text(written("lrc", timeline), encoding="utf-8")
    converted = subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-f", "lrc", "-i", "a.lrc", "-f",
                                "srt", "-"], cwd=tmp_path, capture_output=True, check=True).stdout.decode()
    captioned = cues(timeline, Captions.of({}))
    lines = list(srt.parse(converted))
    assert [abs(ms(line.start) - cue.start_ms) <= 5 for line, cue in zip(lines, captioned, strict=True)] == [True] * 2
    bare = [words_of(re.sub(r"<\d\d:\d\d\.\d\d>", "", line.content)) for line in lines]
    assert bare == [words_of(cue.text) for cue in captioned]


def test_remotion_gets_its_captions() -> None:
    assert json.loads(written("remotion", timed(("Hi", 100, 300), ("yo", 400, 600)))) == [
        {"text": "Hi", "startMs": 100, "endMs": 300, "timestampMs": 200, "confidence": None},
        {"text": " yo", "startMs": 400, "endMs": 600, "timestampMs": 500, "confidence": None}]


def test_plain_text_has_the_paragraphs() -> None:
    assert written("txt", timed(("one", 0, 300), ("two", 300, 600), space="\n\n")) == "one\n\ntwo\n"
    assert written("txt", timed(("one", 0, 300), ("two", 300, 600), space=" [pause:1s] ")) == "one two\n"


def test_words_of_the_word_level_file_have_their_own_times() -> None:
    entries = list(srt.parse(written("word_srt", timed(("one", 0, 300), ("two", 450, 600)))))
    assert [(ms(entry.start), ms(entry.end), entry.content) for entry in entries] == [
        (0, 300, "one"), (450, 600, "two")]


# Advanced SubStation Alpha.

def events_of(timeline: Timeline, **options: Any) -> list[tuple[int, int, str]]:
    """(start, end, text) in centiseconds, without the place that each begins with."""
    return [(ms(event.start) // 10, ms(event.end) // 10, re.sub(r"^\{\\an2\\pos\([\d.,-]+\)\}", "", event.text))
            for event in ass.Document.parse_string(written("ass", timeline, **options)).events]


@given(timelines(), caption_options)
@settings(max_examples=100, deadline=None)
def test_lines_of_dialogue_have_a_duration_and_never_show_a_word_twice(
        timeline: Timeline, options: dict[str, Any]) -> None:
    events = [(start, end, text) for start, end, text in events_of(timeline, **options) if "\\p1}" not in text]
    assert all(start < end for start, end, _ in events)
    captioned = cues(timeline, Captions.of(options))
    longest = max((len(words_of(cue.text)) for cue in captioned), default=0)
    for at_cs in {start for start, _, _ in events}:
        displayed = words_of(*(rendered_text(text) for start, end, text in events if start <= at_cs < end))
        assert len(displayed) <= longest


@given(timelines(english, min_ms=20))
@settings(max_examples=100, deadline=None)
def test_karaoke_tags_add_up_to_the_line_and_start_each_word_on_its_centisecond(timeline: Timeline) -> None:
    starts_cs = []
    for start_cs, end_cs, text in events_of(timeline, highlight="sweep"):
        reached_cs = start_cs
        for tag, duration_cs in re.findall(r"\{\\(kf?)(\d+)\}", text):
            starts_cs += [reached_cs] if tag == "kf" else []
            reached_cs += int(duration_cs)
        assert reached_cs == end_cs
    assert starts_cs == [(word.start_ms + 5) // 10 for word in timeline.words]


def test_a_pause_does_not_move_later_highlights() -> None:
    timeline = timed(("one", 104, 504), ("two", 1496, 1996), ("three", 2000, 2404), tail_ms=0)
    assert events_of(timeline, preset="karaoke") == [
        (10, 240, "{\\kf40}one{\\k100} {\\kf50}two {\\kf40}three")]


def test_rounding_does_not_add_up_over_many_words() -> None:
    timeline = timed(*[("ab", i * 104, i * 104 + 104) for i in range(60)])
    for start_cs, _, text in events_of(timeline, preset="karaoke", max_words=50, max_chars=200):
        first = round(start_cs / 10.4)
        durations = [int(d) for d in re.findall(r"\\k[f]?(\d+)", text)]
        for count in range(1, text.count("ab")):
            true_cs = (first + count) * 10.4
            assert abs(start_cs + sum(durations[:count]) - true_cs) <= 0.5


def test_each_state_shows_the_whole_line_and_lights_one_word() -> None:
    timeline = timed(("one", 0, 400), ("two", 400, 700), ("three", 900, 1400), tail_ms=0)
    lit = "{\\1c&H0AD6FF&}"
    assert events_of(timeline, preset="shorts") == [
        (0, 40, f"{lit}one{{\\1c}} two three"),
        (40, 90, f"one {lit}two{{\\1c}} three"),
        (90, 140, f"one two {lit}three{{\\1c}}"),
    ]


def test_no_word_is_lit_in_a_long_pause() -> None:
    timeline = timed(("one", 0, 400), ("two", 1000, 1400), tail_ms=0)
    assert [text for _, _, text in events_of(timeline, preset="shorts")][1] == "one two"
    assert [(a, b) for a, b, _ in events_of(timeline, preset="shorts")] == [(0, 40), (40, 100), (100, 140)]


def test_letters_on_a_box_can_be_read_and_the_box_lies_behind_them() -> None:
    timeline = timed(("one", 0, 400), ("two", 400, 700))
    for highlight in ("box", "pill"):
        for colour, letters in (("#FFFF00", "{\\1c&H000000&}one{\\1c} two"), ("#101080", "one two")):
            document = ass.Document.parse_string(
                written("ass", timeline, highlight=highlight, highlight_color=colour))
            assert document.events[0].text.partition("}")[2] == letters
            drawings = [event for event in document.events if "\\p1}" in event.text]
            assert {event.layer for event in drawings} == {0} and document.events[0].layer == 1


@pytest.mark.parametrize(("highlight", "roundness"), [("box", 0.12), ("pill", 0.5)])
def test_a_box_has_round_corners_and_a_pill_round_ends_that_stay_round_on_its_way(
        highlight: str, roundness: float) -> None:
    document = ass.Document.parse_string(written("ass", timed(("one", 0, 400), ("another", 400, 700)),
                                                 highlight=highlight))
    drawings = [event.text.partition("}")[2] for event in document.events if "\\p1" in event.text]
    round_ends = [text for text in drawings if " b " in text]
    assert len(round_ends) == (2 if highlight == "box" else 4)
    for text in round_ends:
        places = [(int(x), int(y)) for x, y in re.findall(r"(-?\d+) (-?\d+)", text)]
        width, height = (max(place[axis] for place in places) for axis in (0, 1))
        radius = places[0][0]
        assert radius == pytest.approx(roundness * min(width, height), abs=1)
        assert {min(place[axis] for place in places) for axis in (0, 1)} == {0}
        for end in ((width - radius, 0), (width, radius), (width, height - radius), (width - radius, height),
                    (radius, height), (0, height - radius), (0, radius)):
            assert any(abs(x - end[0]) <= 1 and abs(y - end[1]) <= 1 for x, y in places)


def test_the_style_says_what_was_asked_for() -> None:
    """ASS counts the height of a line; of a font that does not ship it is taken to be 1.2 em."""
    style = pysubs2.SSAFile.from_string(written(
        "ass", said("Hi."), preset="shorts", font="Baloo 2", size=90, color="#112233", position="top",
        resolution=[720, 1280])).styles["Default"]
    assert (style.fontname, style.fontsize, style.bold) == ("Baloo 2", 108, True)
    assert (style.primarycolor.r, style.primarycolor.g, style.primarycolor.b) == (0x11, 0x22, 0x33)


@pytest.mark.parametrize("resolution", [(1920, 1080), (1080, 1080), (1080, 1920)])
def test_ordinary_text_keeps_its_size_from_cue_to_cue(resolution: tuple[int, int]) -> None:
    for preset in PRESETS:
        captions = Captions.of({"resolution": resolution, "preset": preset})
        content = WRITERS["ass"].write(said(STORY), cues(said(STORY), captions), captions, "job-1")
        assert not re.search(r"\\fs\d", content)
        size = fonts.chain(captions.family, "en")[0].ass_size(captions.size)
        assert pysubs2.SSAFile.from_string(content).styles["Default"].fontsize == size


def test_a_text_cannot_command_the_renderer() -> None:
    (_, _, text), = events_of(timed(("{\\pos(0,0)}\\N\\h{b\\}", 0, 900)))
    assert not re.search(r"(?<!\\)\{|\\[^{}" + JOINER + "]", text)
    assert words_of(rendered_text(text)) == "{\\pos(0,0)}\\N\\h{b\\}"


def test_a_right_to_left_text_asks_libass_for_its_direction() -> None:
    def encoding(timeline: Timeline) -> int:
        number: int = ass.Document.parse_string(written("ass", timeline)).styles[0].encoding
        return number

    assert encoding(timed(("שלום", 0, 500), language="he")) == -1
    assert encoding(timed(("hello", 0, 500))) == 1


def test_a_right_to_left_word_lights_up_at_once_since_libass_would_sweep_it_backwards() -> None:
    timeline = timed(("שלום", 0, 500), ("ok", 500, 900), language="he", tail_ms=0)
    text = re.sub(r"\{\\fn[^}]*\}", "", events_of(timeline, preset="karaoke")[0][2])
    assert text == "{\\k50}שלום {\\kf40}ok"
