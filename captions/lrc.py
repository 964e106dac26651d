"""LRC for music players: one line for each cue, in its enhanced form with a time before every word.

LRC counts centiseconds and has no escaping: a word joiner (U+2060, no width) keeps brackets of a text from being read
as times.
"""
from __future__ import annotations

import re
from collections.abc import Sequence

from captions.cue import Cue
from captions.style.options import Captions
from timing.words import Timeline

JOINER = "\u2060"


def write(timeline: Timeline, cues: Sequence[Cue], captions: Captions, job_id: str) -> str:
    return "".join(f"[{_time(cue.start_ms)}]{_line(timeline, cue)}\n" for cue in cues)


def _line(timeline: Timeline, cue: Cue) -> str:
    text, index = "", cue.first
    for line in cue.pieces:
        for position, piece in enumerate(line):
            space = piece.space if position else " "
            text += (space if text else "") + f"<{_time(timeline.words[index].start_ms)}>{_plain(piece.text)}"
            index += 1
    return text


def _plain(text: str) -> str:
    return re.sub(r"[\[<](?=\d)", lambda found: found[0] + JOINER, text)


def _time(ms: int) -> str:
    minutes, rest = divmod((ms + 5) // 10, 6000)
    return f"{minutes:02d}:{rest // 100:02d}.{rest % 100:02d}"
