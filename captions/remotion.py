"""JSON for Remotion: the list of captions that `@remotion/captions` takes, one for each word.

Source: Remotion, "@remotion/captions", type Caption. Its text begins with the space that parts it from the word
before, so that the texts together are the text.
"""
from __future__ import annotations

import json
from collections.abc import Sequence

from captions.cue import Cue
from captions.style.options import Captions
from timing.words import Timeline


def write(timeline: Timeline, cues: Sequence[Cue], captions: Captions, job_id: str) -> str:
    found: list[dict[str, object]] = []
    end = 0
    for word in timeline.words:
        space = " " if found and word.char_start > end else ""
        end = word.char_end
        found.append({
            "text": space + word.text, "startMs": word.start_ms, "endMs": word.end_ms,
            "timestampMs": (word.start_ms + word.end_ms) // 2,
            "confidence": None if word.score is None or word.estimated else round(word.score, 3)})
    return json.dumps(found, ensure_ascii=False) + "\n"
