"""CSV: one row for each word, exactly as it is in the text, times in seconds.

Quoted where CSV needs it and nowhere else. A word such as `=SUM(A1)` stays as it is, because a changed word
would be wrong for every program that reads the file: whoever opens it in a spreadsheet imports the column as text.
"""
from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from captions.cue import Cue
from captions.style.options import Captions
from timing.words import Timeline


def write(timeline: Timeline, cues: Sequence[Cue], captions: Captions, job_id: str) -> str:
    """`confidence` is empty for a word whose source gives none."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["word", "start_time", "end_time", "confidence"])
    for word in timeline.words:
        confidence = "" if word.score is None else f"{word.score:.3f}"
        rows.writerow([word.text, f"{word.start_ms / 1000:.3f}", f"{word.end_ms / 1000:.3f}", confidence])
    return out.getvalue()
