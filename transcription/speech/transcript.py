"""What a job makes: words with times and speakers, and the files that are written from them.

A transcript is kept as JSON; each format is written from it when it is asked for.
"""
from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

from captions import WRITERS, ass
from captions.breaks import Seam, seams
from captions.cues import Captions, Cue, cues
from timing.words import Timeline, Word

PAUSE_MS = 1000
"""A longer silence parts two segments."""
TEXT_FORMAT = "txt"
FORMATS: dict[str, str] = {**{name: writer.content_type for name, writer in WRITERS.items()},
                           TEXT_FORMAT: "text/plain; charset=utf-8"}
"""Format -> content type."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Words `first` to `last` (both included): one sentence, or one breath of it, of one speaker.

    `doubts` are the reasons for which the recogniser may have made it up.
    """

    first: int
    last: int
    speaker: str | None = None
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Transcript:
    """`speakers[i]` says word i; it is () where nobody was told apart. `confidence` is the mean score of the words that
    have one, None when none has."""

    timeline: Timeline
    segments: tuple[Segment, ...]
    speakers: tuple[str | None, ...]
    engine: dict[str, str]
    warnings: tuple[str, ...]
    stages_ms: dict[str, int]

    @property
    def confidence(self) -> float | None:
        scores = [word.score for word in self.timeline.words if word.score is not None]
        return round(sum(scores) / len(scores), 3) if scores else None

    def text_of(self, segment: Segment) -> str:
        words = self.timeline.words
        return self.timeline.text[words[segment.first].char_start:words[segment.last].char_end]

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Transcript:
        values = json.loads(text)
        line = values["timeline"]
        timeline = Timeline(**{**line, "words": tuple(Word(**word) for word in line["words"])})
        segments = tuple(Segment(**{**each, "doubts": tuple(each["doubts"])}) for each in values["segments"])
        return cls(timeline, segments, tuple(values["speakers"]), values["engine"], tuple(values["warnings"]),
                   values["stages_ms"])

    def answer(self) -> dict[str, Any]:
        """The `result` of a job, times in seconds."""
        return {
            "text": self.timeline.text, "language": self.timeline.language,
            "duration": self.timeline.duration_ms / 1000, "confidence": self.confidence,
            "engine": self.engine, "timing_method": self.timeline.method,
            "speaker_segments": [self._segment(segment) for segment in self.segments],
            "word_segments": [self._word(index) for index in range(len(self.timeline.words))],
            "speakers": sorted({name for name in self.speakers if name}),
            "stages_ms": self.stages_ms,
        }

    def _segment(self, segment: Segment) -> dict[str, Any]:
        words = self.timeline.words
        return {"start": words[segment.first].start_ms / 1000, "end": words[segment.last].end_ms / 1000,
                "text": self.text_of(segment), "speaker": segment.speaker, "doubts": list(segment.doubts)}

    def _word(self, index: int) -> dict[str, Any]:
        word = self.timeline.words[index]
        return {"word": word.text, "start": word.start_ms / 1000, "end": word.end_ms / 1000, "score": word.score,
                "estimated": word.estimated, "speaker": self.speaker(index)}

    def speaker(self, index: int) -> str | None:
        return self.speakers[index] if self.speakers else None

    def write(self, name: str, options: Mapping[str, Any], job_id: str) -> str:
        """The file of one format. `options` as `Captions.of` takes them."""
        if name == TEXT_FORMAT:
            return _plain(self)
        captions = Captions.of(options)
        content = WRITERS[name].write(self.timeline, self._cues(captions), captions, job_id)
        return _WITH_SPEAKERS[name](self, content) if self.speakers and name in _WITH_SPEAKERS else content

    def cautions(self, formats: Collection[str], options: Mapping[str, Any]) -> list[str]:
        """What whoever burns the ASS file has to know, where one is asked for."""
        captions = Captions.of(options)
        return ass.warnings(self._cues(captions), captions, self.timeline.language) if "ass" in formats else []

    def _cues(self, captions: Captions) -> tuple[Cue, ...]:
        """With a name before the first word of each speaker."""
        labels = {index: f"{name}: " for index, (before, name) in enumerate(pairwise([None, *self.speakers]))
                  if name and name != before}
        return cues(self.timeline, captions, labels)


def segments_of(timeline: Timeline, speakers: Sequence[str | None], begins: Sequence[int],
                doubts: Mapping[int, tuple[str, ...]]) -> tuple[Segment, ...]:
    """Parts the words at `begins` (where the recogniser began anew), sentence ends, pauses and changes of speaker.

    `doubts[i]` are about what the recogniser began with word i, up to the next of `begins`.
    """
    anew = set(begins)
    starts = anew | _parted(timeline, speakers) | {len(timeline.words)}
    found: list[Segment] = []
    doubt: tuple[str, ...] = ()
    first = 0
    for index in range(len(timeline.words)):
        doubt = doubts.get(index, () if index in anew else doubt)
        if index + 1 in starts:
            found.append(Segment(first, index, speakers[index] if speakers else None, doubt))
            first = index + 1
    return tuple(found)


def _parted(timeline: Timeline, speakers: Sequence[str | None]) -> set[int]:
    """The words that begin a sentence, follow a pause, or are another speaker's than the word before."""
    pairs = enumerate(zip(pairwise(timeline.words), seams(timeline), strict=True), 1)
    return {index for index, ((word, following), seam) in pairs
            if seam in (Seam.MUST, Seam.SENTENCE) or following.start_ms - word.end_ms > PAUSE_MS
            or (speakers and speakers[index - 1] != speakers[index])}


def with_paragraphs(timeline: Timeline, speakers: Sequence[str | None]) -> Timeline:
    """The same words; where the speaker changes an empty line stands between them, at which captions part too."""
    changes = {index + 1 for index, (one, other) in enumerate(pairwise(speakers)) if one != other}
    text, words, before = "", [], 0
    for index, word in enumerate(timeline.words):
        text += "\n\n" if index in changes else timeline.text[before:word.char_start]
        words.append(replace(word, char_start=len(text), char_end=len(text) + len(word.text)))
        text, before = text + word.text, word.char_end
    return replace(timeline, text=text, words=tuple(words))


def _plain(transcript: Transcript) -> str:
    """Speaker by speaker, each in a paragraph of its own."""
    lines: list[str] = []
    last: str | None = None
    for index, segment in enumerate(transcript.segments):
        text = transcript.text_of(segment)
        if index and segment.speaker == last:
            lines[-1] += " " + text
        else:
            lines.append(f"{segment.speaker}: {text}" if segment.speaker else text)
        last = segment.speaker
    return "\n\n".join(lines) + "\n"


def _csv_with_speakers(transcript: Transcript, content: str) -> str:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    header, *lines = csv.reader(io.StringIO(content, newline=""))
    rows.writerow([*header, "speaker"])
    rows.writerows([*line, transcript.speaker(index) or ""] for index, line in enumerate(lines))
    return out.getvalue()


def _json_with_speakers(transcript: Transcript, content: str) -> str:
    values = json.loads(content)
    for index, word in enumerate(values["words"]):
        word["speaker"] = transcript.speaker(index)
    return json.dumps(values, ensure_ascii=False) + "\n"


_WITH_SPEAKERS: dict[str, Callable[[Transcript, str], str]] = {
    "csv": _csv_with_speakers, "json": _json_with_speakers}
