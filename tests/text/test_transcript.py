"""Transcripts from strangers: each format as other programs write it, and what is refused."""
from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pysubs2
import pytest
import srt
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from text import transcript
from text.transcript import TranscriptError

SRT = """1
00:00:00,000 --> 00:00:01,500
Hello <i>there</i>,

2
00:00:01,500 --> 00:00:04,000 X1:10 X2:20
{\\an8}two lines
of   it.

3
00:00:05,000 --> 00:00:06,000
1984
"""
VTT = """WEBVTT - a title that is not said
Kind: captions

STYLE
::cue { color: lime }

NOTE
nobody says this

intro
00:00.000 --> 00:01.500 align:start position:0%
<v.loud Anna>Hello <00:00.700><c.yellow>there</c>,

NOTE nobody says
this either

outro
01:00:01.500 --> 01:00:04.000
two &amp; more &lt;lines&gt;
of it.&nbsp;Done
"""
OWN_CSV = "word,start_time,end_time,confidence\n\"Hello,\",0.000,0.400,0.98\nthere,0.400,0.900,\n"


def test_plain_text_becomes_one_line_of_words() -> None:
    assert transcript.read(b"  Hello there,\r\n\r\n\tis 3 < 4?  \xc2\xa0Yes.\n") == "Hello there, is 3 < 4? Yes."


def test_srt_keeps_what_is_said_alone() -> None:
    assert transcript.read(SRT.encode()) == "Hello there, two lines of it. 1984"
    assert transcript.read(SRT.replace("\n", "\r\n").encode()) == "Hello there, two lines of it. 1984"


def test_srt_without_empty_lines_between_is_read_too() -> None:
    crowded = "\n".join(line for line in SRT.splitlines() if line)
    assert transcript.read(crowded.encode()) == "Hello there, two lines of it. 1984"


def test_vtt_keeps_what_is_said_alone() -> None:
    assert transcript.read(VTT.encode()) == "Hello there, two & more <lines> of it. Done"


def test_vtt_without_a_cue_holds_no_words() -> None:
    with pytest.raises(TranscriptError, match="no words"):
        transcript.read(b"WEBVTT\n\nNOTE nothing is said\n")


def test_our_own_csv_gives_its_words() -> None:
    assert transcript.read(OWN_CSV.encode()) == "Hello, there"


@pytest.mark.parametrize("data", [
    "id;Speaker;Text\n1;Anna;Hello there\n2;Ben;\"how; are\nyou?\"\n",
    "Transcript\tstart\r\nHello there\t0\r\nhow; are you?\t1\r\n",
    "text\nHello there\nhow; are you?\n",
])
def test_other_tables_give_their_column_of_text(data: str) -> None:
    assert transcript.read(data.encode()) == "Hello there how; are you?"


@pytest.mark.parametrize("data", [
    {"text": "Hello there\nhow are you?", "segments": [{"text": "no"}]},
    {"segments": [{"start": 0, "text": " Hello there"}, {"text": "how are you?"}], "language": "en"},
    {"words": [{"word": "Hello"}, {"word": "there"}, {"word": "how are you?"}]},
    [{"text": "Hello there", "startMs": 0}, {"text": "how are you?"}],
])
def test_the_json_of_speech_recognition_gives_its_words(data: object) -> None:
    assert transcript.read(json.dumps(data).encode()) == "Hello there how are you?"


@pytest.mark.parametrize("data", ['{"a": 1}', "[1, 2]", "[[]]", '{"segments": [{"start": 1}]}'])
def test_json_without_a_text_is_refused(data: str) -> None:
    with pytest.raises(TranscriptError, match="JSON without a text"):
        transcript.read(data.encode())


def test_a_folder_of_transcripts_is_converted(root: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    (source / "more").mkdir(parents=True)
    files = {"anna.srt": SRT, "ben.vtt": VTT, "more/cleo.csv": "end,text,start\n1,Hello there,0\n",
             "dora.json": json.dumps({"text": "Hello."}), "empty.txt": "", "more/anna.txt": "Twice."}
    for name, content in files.items():
        (source / name).write_text(content)
    command = [sys.executable, root / "examples/convert_transcriptions.py", source, out]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert {path.name: path.read_text() for path in out.iterdir()} == {
        "anna.txt": transcript.read(SRT.encode()) + "\n", "ben.txt": transcript.read(VTT.encode()) + "\n",
        "cleo.txt": "Hello there\n", "dora.txt": "Hello.\n"}
    assert sorted(line.partition(":")[0] for line in done.stderr.splitlines()) == ["empty.txt", "more/anna.txt"]
    assert len(done.stdout.splitlines()) == 4
    (source / "empty.txt").unlink()
    (source / "more/anna.txt").unlink()
    assert subprocess.run([*command[:3], tmp_path / "again"], capture_output=True).returncode == 0


@pytest.mark.parametrize("text", [
    "Word, I never said that.\nWell, yes, I did.", "text, she said\nagain and again", "Word", "Word, text",
    "text,text\nof,three,cells", '"Text is all we have," he said.', "a --> b is an arrow",
    "word,start\n\"open",
])
def test_plain_text_is_not_taken_for_a_table(text: str) -> None:
    assert transcript.read(text.encode()) == " ".join(text.split())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["Grüße, 世界 🎉", "WEBVTT\n\n00:00.000 --> 00:01.000\nGrüße, 世界 🎉",
                                  "word,start_time\n\"Grüße,\",0\n世界,1\n🎉,2"])
def test_unicode_with_and_without_a_mark_is_read(text: str, encoding: str) -> None:
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    assert transcript.read(mark + text.encode(encoding)) == "Grüße, 世界 🎉"


@pytest.mark.parametrize(("data", "said"), [
    (b"", "no words"), (b" \n\t ", "no words"), (b"\xef\xbb\xbf", "no words"), (b"word,start_time\n", "no words"),
    ("Grüße".encode("latin-1"), "UTF-8"), (b"\xff\xfea", "UTF-8"), ("hello".encode("utf-32"), "control"),
    (b"RIFF\x24\0\0\0WAVEfmt ", "control"), (b"a\x1b[31mred", "control"), (b"a\xc2\x9bb", "control"),
    (b"\n <!DOCTYPE html><p>Sign in</p>", "web page"), (b"<HTML>", "web page"), (b"<?xml version='1.0'?>", "web page"),
    (b"a " * 500_001, "larger than 1 MB"),
])
def test_what_is_no_transcript_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(TranscriptError, match=said):
        transcript.read(data)


WORDS = st.lists(st.text(st.characters(categories=["L", "N"], include_characters=",.!?'-$"), min_size=1, max_size=8)
                 .filter(lambda word: not word.isdecimal()), min_size=1, max_size=12)


@given(lines=st.lists(WORDS, min_size=1, max_size=5))
def test_what_other_programs_write_is_read_word_by_word(lines: list[list[str]]) -> None:
    expected = " ".join(word for line in lines for word in line)
    cues = [srt.Subtitle(n, timedelta(seconds=n), timedelta(seconds=n + 1), " ".join(line))
            for n, line in enumerate(lines, 1)]
    assert transcript.read(srt.compose(cues).encode()) == expected
    vtt = webvtt.WebVTT()
    for line in lines:
        vtt.captions.append(webvtt.Caption("00:00:00.000", "00:00:01.000", " ".join(line)))
    assert transcript.read(vtt.content.encode()) == expected
    subtitles = pysubs2.SSAFile()
    for line in lines:
        subtitles.append(pysubs2.SSAEvent(text=" ".join(line)))
    for form in ("srt", "vtt"):
        assert transcript.read(subtitles.to_string(form).encode()) == expected
    table = io.StringIO()
    csv.writer(table).writerows([["start", "word"], *([n, " ".join(line)] for n, line in enumerate(lines))])
    assert transcript.read(table.getvalue().encode()) == expected


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_one_line_of_text_or_our_error(data: bytes) -> None:
    try:
        text = transcript.read(data)
    except TranscriptError:
        return
    assert text == " ".join(text.split()) != ""


def test_a_table_without_a_column_of_words_is_refused_by_its_columns() -> None:
    for table, columns in ((b"Speaker,Line\nA,Hello\n", "Speaker, Line"), (b"start,end\n1,2", "start, end")):
        with pytest.raises(TranscriptError, match=f"its columns are {columns}"):
            transcript.read(table)
    assert transcript.read(b"Yes,no") == "Yes,no"
    assert transcript.read(b"Well, hello,\nmy friend, goodbye.\n") == "Well, hello, my friend, goodbye."


@pytest.mark.parametrize(("text", "name"), [
    (r"{\rtf1\ansi Hello there}", "RTF"), ("[Script Info]\nTitle: x\n", "ASS"), ("[ar:x]\n[00:01.20]Hello\n", "LRC"),
    ("0:00:00.000,0:00:02.500\nHello there\n", "SBV"), ("<?xml version='1.0'?>\n<tt xmlns='x'>Hello</tt>", "TTML")])
def test_a_format_that_is_not_read_is_refused_by_its_name(text: str, name: str) -> None:
    for ask in (transcript.read, transcript.cues):
        with pytest.raises(TranscriptError, match=f"the transcript is {name}; send plain text"):
            ask(text.encode())


def test_captions_that_roll_up_are_said_once() -> None:
    """As YouTube writes them. No line of others is left out: they may say the same twice."""
    rolling = ("WEBVTT\nKind: captions\n\n00:00:00.000 --> 00:00:02.500 align:start\n \n"
               "Hello<00:00:00.500><c> there,</c>\n\n00:00:02.500 --> 00:00:02.600\nHello there,\n \n\n"
               "00:00:02.600 --> 00:00:05.000\nHello there,\nhow<00:00:03.000><c> are you?</c>\n\n")
    assert transcript.read(rolling.encode()) == "Hello there, how are you?"
    assert [(cue.start_ms, cue.lines) for cue in transcript.cues(rolling.encode())] == [
        (0, ("Hello there,",)), (2600, ("how are you?",))]
    again = "WEBVTT\n\n00:00.000 --> 00:01.000\nNo.\n\n01:01.000 --> 01:02.000\nNo.\n"
    assert transcript.read(again.encode()) == "No. No."
    assert [cue.start_ms for cue in transcript.cues(again.encode())] == [0, 61_000]  # hours are left out
