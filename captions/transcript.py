"""Plain text, as it would be read on a page: the words in paragraphs, without markup and without times."""
from __future__ import annotations

import re
from collections.abc import Sequence

from captions.cue import Cue
from captions.style.options import Captions
from timing.words import Timeline

_PARAGRAPH = re.compile(r"\n\s*\n|\[voice:[^\[\]\n]*\]", re.IGNORECASE)


def write(timeline: Timeline, cues: Sequence[Cue], captions: Captions, job_id: str) -> str:
    text, end = "", 0
    for word in timeline.words:
        between = timeline.text[end:word.char_start]
        if text:
            text += "\n\n" if _PARAGRAPH.search(between) else " " if between else ""
        text += word.text
        end = word.char_end
    return text + "\n" if text else ""
