"""Samples and known text in, words with times out, and files made of them.

`align` times the words, `cues` groups them into captions, and `WRITERS` has one writer for each file format.

A sixth format takes two steps: a module `timing/<name>format.py` with one function
`write(timeline, cues, captions, job_id) -> str`, whose text is stored as UTF-8, and one row in `WRITERS`.
Requests, storage keys and `download` read the table; `tests/timing/test_writers.py` runs its rows.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from timing import ass, csvformat, jsonformat, srt, vtt
from timing.cues import Captions, Cue
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
}
"""Format, as a request names it -> how its file is written."""
