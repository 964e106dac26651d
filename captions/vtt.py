"""WebVTT. Where a word is to be highlighted, each carries its time (`<00:00:01.000>`), which players style
with `::cue(:past)` and `::cue(:future)`.

Source: W3C WebVTT, "WebVTT cue text": & and < are written as references, and `-->` may not stand in a text.
"""
from __future__ import annotations

from collections.abc import Sequence

from captions.cue import Cue
from captions.style.options import Captions
from timing.words import Timeline

LINES = {"top": " line:10%", "middle": " line:45%", "bottom": ""}


def write(timeline: Timeline, cues: Sequence[Cue], captions: Captions, job_id: str) -> str:
    blocks = ["WEBVTT\n"]
    for cue in cues:
        text = _timed_text(timeline, cue) if captions.highlight != "none" else _escaped("\n".join(cue.lines))
        blocks.append(f"{_time(cue.start_ms)} --> {_time(cue.end_ms)}{LINES[captions.position]}\n{text}\n")
    return "\n".join(blocks)


def _timed_text(timeline: Timeline, cue: Cue) -> str:
    """A time before every word but the first, which appears with the cue."""
    lines, index = [], cue.first
    for line in cue.pieces:
        text = ""
        for position, piece in enumerate(line):
            time = f"<{_time(timeline.words[index].start_ms)}>" if index > cue.first else ""
            text += (piece.space if position else "") + time + _escaped(piece.text)
            index += 1
        lines.append(text)
    return "\n".join(lines)


def _time(ms: int) -> str:
    hours, rest = divmod(ms, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
