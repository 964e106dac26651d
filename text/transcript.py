"""An untrusted transcript to one line of text: plain text, SRT, WebVTT, a CSV with a column of words, or JSON.

What it is, the content says. Times are not read: words are placed by alignment, from the sound itself.
"""
from __future__ import annotations

import codecs
import csv
import html
import io
import json
import re

MAX_BYTES = 1_000_000
COLUMNS = ("word", "text", "transcript")
"""The column of a CSV that is read, by its name in the first row; `word` is the name in the CSV written here."""

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# 00:01:02,345 --> 00:01:04.5, hours optional and cue settings behind, as in both formats.
_CUE_TIME = re.compile(r"\s*(\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}\s*-->\s*(\d+:)?\d{1,2}:\d{2}[.,]\d{1,3}(\s.*)?")
_TAG = re.compile(r"</?[A-Za-z0-9][^<>]*>|\{\\[^{}]*\}")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_COLUMN_NAME = re.compile(r"\w+")
_PAGE = re.compile(r"\s*<(!doctype|html|\?xml)", re.IGNORECASE)


class TranscriptError(Exception):
    """A transcript that cannot be read; the message is fit for the caller."""


def read(data: bytes) -> str:
    """The words of the transcript, one space between them. UTF-8, or UTF-16 with a byte order mark.

    Subtitle numbers, times, tags (`<i>`, `<v Anna>`, `{\\an8}`), notes and styles are left out.
    Raises TranscriptError for more than `MAX_BYTES`, for other encodings and files, and when no words are in it.
    """
    if len(data) > MAX_BYTES:
        raise TranscriptError(f"the transcript is larger than {MAX_BYTES / 1e6:g} MB")
    text = _decoded(data)
    if _PAGE.match(text):
        raise TranscriptError("the transcript is a web page; the link must lead to the file itself")
    lines = text.splitlines()
    if text.startswith("WEBVTT") or any(map(_CUE_TIME.fullmatch, lines)):
        lines = _spoken_lines(lines)
    elif text.lstrip().startswith(("{", "[")) and (written := _written_in(text)) is not None:
        lines = written
    elif (column := _column(text)) is not None:
        lines = column
    words = " ".join(lines).split()
    if not words:
        raise TranscriptError("the transcript holds no words")
    return " ".join(words)


def _decoded(data: bytes) -> str:
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise TranscriptError("the transcript is not UTF-8 text; save it as UTF-8") from None
    if _CONTROL.search(text):
        raise TranscriptError("the transcript holds control characters; send plain text, SRT, VTT or CSV")
    return text


def _spoken_lines(lines: list[str]) -> list[str]:
    """What stands between a line of times and the next empty line: all else in SRT and WebVTT is not said."""
    spoken: list[str] = []
    in_cue = False
    for line in lines:
        if _CUE_TIME.fullmatch(line):
            if in_cue and spoken and spoken[-1].strip().isdecimal():
                spoken.pop()  # the number of this cue, where the empty line before it is missing
            in_cue = True
        elif not line.strip():
            in_cue = False
        elif in_cue:
            spoken.append(html.unescape(_TAG.sub("", line)))
    return spoken


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

    A single word is no table.
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
    return None if column is None else [row[column] for row in rows[1:]]
