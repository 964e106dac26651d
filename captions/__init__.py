"""Words with times in, captions and files out.

`cues` groups words into captions, and `WRITERS` has one writer for each file format.

A new format takes two steps: a module `captions/<name>format.py` with one function
`write(timeline, cues, captions, job_id) -> str`, whose text is stored as UTF-8, and one row in `WRITERS`.
Requests, storage keys and `download` read the table; `tests/captions/test_writers.py` runs its rows.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from captions import ass, csvformat, jsonformat, lrc, remotion, srt, transcript, ttml, vtt
from captions.cue import Cue
from captions.style.options import Captions
from timing.words import Timeline


@dataclass(frozen=True, slots=True)
class Writer:
    extension: str
    content_type: str
    write: Callable[[Timeline, Sequence[Cue], Captions, str], str]


WRITERS: dict[str, Writer] = {
    "srt": Writer("srt", "application/x-subrip; charset=utf-8", srt.write),
    "vtt": Writer("vtt", "text/vtt; charset=utf-8", vtt.write),
    "csv": Writer("csv", "text/csv; charset=utf-8", csvformat.write),
    "json": Writer("json", "application/json", jsonformat.write),
    "ass": Writer("ass", "text/x-ssa; charset=utf-8", ass.write),
    "word_srt": Writer("words.srt", "application/x-subrip; charset=utf-8", srt.write_words),
    "ttml": Writer("ttml", "application/ttml+xml; charset=utf-8", ttml.write),
    "lrc": Writer("lrc", "text/plain; charset=utf-8", lrc.write),
    "remotion": Writer("remotion.json", "application/json", remotion.write),
    "txt": Writer("txt", "text/plain; charset=utf-8", transcript.write),
}
"""Format, as a request names it -> how its file is written."""
