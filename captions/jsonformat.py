"""JSON: all that is known of the words, and the cues; on request in the shapes of other services too.

Times are seconds with three decimals. `captions.json_shapes` adds one key for each shape it names.
"""
from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Any

from captions.cue import Cue
from captions.style.options import Captions
from timing.words import Timeline


def write(timeline: Timeline, cues: Sequence[Cue], captions: Captions, job_id: str) -> str:
    content: dict[str, Any] = {
        "job_id": job_id,
        "text": timeline.text,
        "language": timeline.language,
        "method": timeline.method,
        "duration": timeline.duration_ms / 1000,
        "words": [
            {"word": word.text, "start": word.start_ms / 1000, "end": word.end_ms / 1000,
             "score": None if word.score is None else round(word.score, 3), "estimated": word.estimated,
             "char_start": word.char_start, "char_end": word.char_end}
            for word in timeline.words
        ],
        "cues": [
            {"text": cue.text, "start": cue.start_ms / 1000, "end": cue.end_ms / 1000, "words": [cue.first, cue.last]}
            for cue in cues
        ],
    }
    content |= {shape: SHAPES[shape](timeline, cues) for shape in captions.json_shapes}
    return json.dumps(content, ensure_ascii=False) + "\n"


def openai(timeline: Timeline, cues: Sequence[Cue]) -> dict[str, Any]:
    """OpenAI's `verbose_json` of a transcription, with the cues as its segments.

    What a recogniser alone can know (tokens, log probabilities) is there, because its client demands it, as 0.
    """
    unknown = {"seek": 0, "tokens": [], "temperature": 0.0, "avg_logprob": 0.0, "compression_ratio": 0.0,
               "no_speech_prob": 0.0}
    return {
        "task": "transcribe", "language": timeline.language, "duration": timeline.duration_ms / 1000,
        "text": timeline.text,
        "words": [{"word": word.text, "start": word.start_ms / 1000, "end": word.end_ms / 1000}
                  for word in timeline.words],
        "segments": [{"id": number, "start": cue.start_ms / 1000, "end": cue.end_ms / 1000, "text": cue.text} | unknown
                     for number, cue in enumerate(cues)],
    }


def elevenlabs(timeline: Timeline, cues: Sequence[Cue]) -> dict[str, Any]:
    """ElevenLabs' `alignment` of text-to-speech with timestamps: every character of the text, in order.

    A word's time is shared evenly by its characters, the time between two words by what stands between them.
    """
    edges = [(0, 0)] + [edge for word in timeline.words
                        for edge in ((word.char_start, word.start_ms), (word.char_end, word.end_ms))]
    starts: list[float] = []
    ends: list[float] = []
    for (char, ms), (next_char, next_ms) in pairwise([*edges, (len(timeline.text), timeline.duration_ms)]):
        count = max(1, next_char - char)
        times = [round((ms + (next_ms - ms) * k / count) / 1000, 3) for k in range(next_char - char + 1)]
        starts += times[:-1]
        ends += times[1:]
    return {"alignment": {
        "characters": list(timeline.text),
        "character_start_times_seconds": starts,
        "character_end_times_seconds": ends,
    }}


def polly(timeline: Timeline, cues: Sequence[Cue]) -> list[dict[str, Any]]:
    """AWS Polly's word speech marks: `time` in ms, `start` and `end` in bytes of the text's UTF-8."""
    bytes_before = [0, *accumulate(len(char.encode("utf-8", "surrogatepass")) for char in timeline.text)]
    return [{"time": word.start_ms, "type": "word", "start": bytes_before[word.char_start],
             "end": bytes_before[word.char_end], "value": word.text} for word in timeline.words]


SHAPES: dict[str, Callable[[Timeline, Sequence[Cue]], Any]] = {
    "openai": openai, "elevenlabs": elevenlabs, "polly": polly,
}
