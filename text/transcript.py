"""An untrusted transcript to its words: plain text, SRT, WebVTT, a CSV with a column of words, or JSON.

What it is, the content says. `read` gives the words alone; `cues` gives subtitles with their times, which are hints:
words are placed by alignment, from the sound itself.
"""
from __future__ import annotations

import codecs
import csv
import html
import io
import json
import re
from dataclasses import dataclass

MAX_BYTES = 1_000_000
COLUMNS = ("word", "text", "transcript")
"""The column of a CSV that is read, by its name in the first row; `word` is the name in the CSV written here."""

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# 00:01:02,345 --> 00:01:04.5, hours optional and cue settings behind, as in both formats.
_CUE_TIME = re.compile(r"\s*((?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3})\s*-->\s*((?:\d+:)?\d{1,2}:\d{2}[.,]\d{1,3})(\s.*)?")
_TAG = re.compile(r"</?[A-Za-z0-9][^<>]*>|\{\\[^{}]*\}")
_VTT_TAG = re.compile(r"</?[A-Za-z0-9][^<>]*>")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_COLUMN_NAME = re.compile(r"\w+")
_PAGE = re.compile(r"\s*<(!doctype|html|\?xml)", re.IGNORECASE)
_NOT_READ = tuple((re.compile(begin, re.IGNORECASE), name) for begin, name in (
    (r"\{\\rtf", "RTF"), (r"\[Script Info\]", "ASS"), (r"(<\?xml[^>]*>\s*)?<tt[\s:>]", "TTML"),
    (r"(\[[a-z#]+:[^\n]*\]\s*)*\[\d+:\d\d[.:]\d+\]", "LRC"),
    (r"\d+:\d\d:\d\d\.\d{3},\d+:\d\d:\d\d\.\d{3}\s*\n", "SBV")))
"""By how they begin."""
_ROLLING = re.compile(r"<\d+:\d\d:\d\d\.\d{3}><c>")
"""How YouTube writes what it has recognised: a line appears word by word, and again above the next one."""


class TranscriptError(Exception):
    """A transcript that cannot be read; the message is fit for the caller."""


@dataclass(frozen=True, slots=True)
class Cue:
    """One subtitle: its lines as they are shown, each with a word at least, and when it is shown."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


def cues(data: bytes) -> tuple[Cue, ...]:
    """The subtitles of an SRT or WebVTT file by their starts; none of any other transcript.

    Tags, notes and styles are left out, and cues without a word. Raises TranscriptError as `read` does.
    """
    text = _text(data)
    found = _cues(text) if _is_subtitles(text) else []
    with_words = [Cue(cue.start_ms, cue.end_ms, lines) for cue in found
             if (lines := tuple(" ".join(line.split()) for line in cue.lines if line.strip()))]
    return tuple(sorted(with_words, key=lambda cue: cue.start_ms))


def read(data: bytes) -> str:
    """The words of the transcript, one space between them. UTF-8, or UTF-16 with a byte order mark.

    Subtitle numbers, times, tags (`<i>`, `<v Anna>`, `{\\an8}`), notes and styles are left out.
    Raises TranscriptError for more than `MAX_BYTES`, for other encodings and files, and when no words are in it.
    """
    return " ".join(script(data).split())


def script(data: bytes) -> str:
    """As `read`, but a plain text keeps its lines and paragraphs, which are pauses where it is spoken."""
    text = _text(data)
    lines = _marked_up(text)
    said = "\n".join(text.splitlines()) if lines is None else " ".join(" ".join(lines).split())
    if not said.strip():
        raise TranscriptError("the transcript holds no words")
    return said


def _marked_up(text: str) -> list[str] | None:
    """What is said in subtitles, JSON or a table; None of a plain text."""
    if _is_subtitles(text):
        return [line for cue in _cues(text) for line in cue.lines]
    if text.lstrip().startswith(("{", "[")) and (written := _written_in(text)) is not None:
        return written
    return _column(text)


def _text(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise TranscriptError(f"the transcript is larger than {MAX_BYTES / 1e6:g} MB")
    text = _decoded(data)
    for begin, name in _NOT_READ:
        if begin.match(text.lstrip()):
            raise TranscriptError(f"the transcript is {name}; send plain text, SRT, VTT, CSV or JSON")
    if _PAGE.match(text):
        raise TranscriptError("the transcript is a web page; the link must lead to the file itself")
    return text


def _is_subtitles(text: str) -> bool:
    return text.startswith("WEBVTT") or any(map(_CUE_TIME.fullmatch, text.splitlines()))


def _decoded(data: bytes) -> str:
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise TranscriptError("the transcript is not UTF-8 text; save it as UTF-8") from None
    if _CONTROL.search(text):
        raise TranscriptError("the transcript holds control characters; send plain text, SRT, VTT or CSV")
    return text


def _cues(text: str) -> list[Cue]:
    """What stands between a line of times and the next empty line: all else in SRT and WebVTT is not said."""
    found: list[Cue] = []
    said: list[str] | None = None
    tag = _VTT_TAG if text.startswith("WEBVTT") else _TAG
    rolls = _ROLLING.search(text) is not None
    for line in text.splitlines():
        if times := _CUE_TIME.fullmatch(line):
            if said and said[-1].strip().isdecimal():
                said.pop()  # the number of this cue, where the empty line before it is missing
            _close(found, said)
            said = []
            found.append(Cue(_ms(times[1]), max(_ms(times[1]), _ms(times[2])), ()))
        elif not (line if rolls else line.strip()):
            _close(found, said)
            said = None
        elif said is not None:
            said.append(_CONTROL.sub("", html.unescape(tag.sub("", line))))
    _close(found, said)
    return _unrolled(found) if rolls else found


def _unrolled(cues: list[Cue]) -> list[Cue]:
    """Each line once, in the cue in which it appears."""
    found, above = [], ""
    for cue in cues:
        lines = [line for line in cue.lines if line.strip()]
        found.append(Cue(cue.start_ms, cue.end_ms, tuple(lines[1:] if lines[:1] == [above] else lines)))
        above = lines[-1] if lines else above
    return found


def _close(found: list[Cue], said: list[str] | None) -> None:
    if said is not None:
        found[-1] = Cue(found[-1].start_ms, found[-1].end_ms, tuple(said))


def _ms(clock: str) -> int:
    *hours, minutes, seconds = clock.replace(",", ".").split(":")
    whole, _, fraction = seconds.partition(".")
    return (int(hours[0]) * 3600 if hours else 0) * 1000 + int(minutes) * 60_000 + int(whole) * 1000 + int(
        fraction.ljust(3, "0"))


def _written_in(text: str) -> list[str] | None:
    """The words in the JSON of speech recognition: `text` of the whole, else of its parts. None when it is no JSON.

    Raises TranscriptError for other JSON.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, dict) and not isinstance(found.get("text"), str):
        found = next((found[name] for name in ("segments", "words") if isinstance(found.get(name), list)), found)
    parts = found if isinstance(found, list) else [found]
    lines = [next((part[name] for name in COLUMNS if isinstance(part.get(name), str)), None)
             for part in parts if isinstance(part, dict)]
    if len(lines) < len(parts) or None in lines:
        raise TranscriptError("the transcript is JSON without a text; send what Whisper or this program writes")
    return [line for line in lines if line is not None]


def _column(text: str) -> list[str] | None:
    """The words of a CSV, None when this is none: its first row must be names, and every row have as many cells.

    A single word is no table. Raises TranscriptError for a table that has no column of words.
    """
    delimiter = next((mark for mark in ",;\t" if mark in text.partition("\n")[0]), ",")
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    except csv.Error:
        return None
    if not rows or rows == [rows[0][:1]] or any(len(row) != len(rows[0]) for row in rows):
        return None
    if not all(map(_COLUMN_NAME.fullmatch, rows[0])):
        return None
    names = [name.lower() for name in rows[0]]
    column = next((names.index(name) for name in COLUMNS if name in names), None)
    if column is not None:
        return [row[column] for row in rows[1:]]
    if len(names) > 1 and len(rows) > 1:
        raise TranscriptError(f"the transcript is a table without a column {', '.join(COLUMNS[:-1])} or {COLUMNS[-1]}; "
                              f"its columns are {', '.join(rows[0])[:100]}")
    return None
