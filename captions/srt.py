"""SubRip: numbered cues, times with a comma, and no escaping of its own.

Players and parsers read `<b>`, `{\\an8}`, `\\N` and `-->` in a text as markup, FFmpeg also `a < b > c`. A word joiner
(U+2060, no width) in such a place lets the text command nothing and look as it was written. One thing cannot be
mended here: FFmpeg and mpv hide what stands between braces in SubRip; the ASS and VTT files show it.
"""
from __future__ import annotations

import re
from collections.abc import Sequence

from captions.cue import Cue
from captions.style.options import Captions
from timing.words import Timeline

JOINER = "\u2060"


def write(timeline: Timeline, cues: Sequence[Cue], captions: Captions, job_id: str) -> str:
    return "\n".join(
        f"{number}\n{_time(cue.start_ms)} --> {_time(cue.end_ms)}\n{_plain(chr(10).join(cue.lines))}\n"
        for number, cue in enumerate(cues, start=1)
    )


def write_words(timeline: Timeline, cues: Sequence[Cue], captions: Captions, job_id: str) -> str:
    """A cue for each word, from its own start to its own end."""
    pieces = [piece for cue in cues for line in cue.pieces for piece in line]
    words = [word for cue in cues for word in timeline.words[cue.first:cue.last + 1]]
    displayed = [(piece, word) for piece, word in zip(pieces, words, strict=True) if piece.text]
    return "\n".join(f"{number}\n{_time(word.start_ms)} --> {_time(word.end_ms)}\n{_plain(piece.text)}\n"
                     for number, (piece, word) in enumerate(displayed, start=1))


def _time(ms: int) -> str:
    hours, rest = divmod(ms, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d},{rest % 1000:03d}"


def _plain(text: str) -> str:
    return re.sub(r"\\|<(?=[A-Za-z/]|[^>]*>)|\{(?=\\|[A-Za-z]:)|--(?=>)", lambda found: found[0] + JOINER, text)
