"""Endpoint `align`: a recording, and its text or its subtitles, to the times of the words."""
from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from intake import audio, net
from text import script, spoken, transcript
from timing.align import RATE_HZ, Alignment, Method, Source, Window, align
from timing.hinted import align_hinted
from worker import delivery, lexicons
from worker.jobs import Job
from worker.requests import Align, InvalidInput
from worker.watch import watched

if TYPE_CHECKING:
    from worker.generate import SpeechParts

MAX_AUDIO_BYTES, MAX_AUDIO_S = 500_000_000, 4 * 3600.0
_FETCH_S = 300.0


@dataclass(frozen=True, slots=True)
class Said:
    """The text of a recording. Subtitles have `cues`: (start_ms, end_ms, first character) of each, as hints."""

    text: str
    cues: tuple[tuple[int, int, int], ...] = ()

    @classmethod
    def read(cls, data: bytes, keep_cues: bool) -> Said:
        """Of a transcript: plain text, CSV, SRT or VTT. Kept cues are parted by empty lines, and have their lines.

        Raises TranscriptError, and InvalidInput where there are no cues to keep or the text is too long.
        """
        found = transcript.cues(data)
        if keep_cues and not found:
            raise InvalidInput("keep_cues: the transcript has no cues with times; send SRT or VTT")
        between, within = ("\n\n", "\n") if keep_cues else (" ", " ")
        texts = [within.join(cue.lines) for cue in found]
        starts = accumulate((len(text) + len(between) for text in texts[:-1]), initial=0)
        said = cls(between.join(texts) if found else transcript.read(data), tuple(
            (cue.start_ms, cue.end_ms, start) for cue, start in zip(found, starts, strict=False)))
        if len(said.text) > script.MAX_CHARS:
            raise InvalidInput(f"the transcript has {len(said.text)} characters, the most is {script.MAX_CHARS}")
        return said


def align_recording(request: Align, job: Job, parts: SpeechParts, written: list[str]) -> dict[str, Any]:
    """The record's output; notes every key it writes."""
    with job.stage("fetch", 0.0):
        said = _said(request, parts, job)
        data = net.fetch(request.audio_url, max_bytes=MAX_AUDIO_BYTES, deadline_s=_FETCH_S,
                         allow_hosts=parts.settings.url_allow_hosts, check=job.check)
        recording = audio.decode(data, max_duration_s=MAX_AUDIO_S, to_hz=RATE_HZ, check=job.check)
    with job.stage("align", 0.2):
        sources = parts.settings.allowed(parts.sources, request.timing_method)
        pronunciations = lexicons.pronunciations(request, parts.store)
        timed = watched(lambda check: align_whole(recording, said, request.language or "en", request.timing_method,
                                                  sources, check, pronunciations), job.check)
    if request.keep_cues:
        request = request.model_copy(update={"captions": replace(request.captions, keep_lines=True)})
    with job.stage("store", 0.95):
        timing, captioned = delivery.stored_timing(request, timed, job, parts.store, written)
    return {
        "status": "completed",
        "job_id": job.job_id,
        "duration": round(len(recording.samples) / recording.rate_hz, 3),
        "text": said.text,
        **timing,
        "warnings": [*recording.warnings, *timed.warnings, *captioned],
        "stages_ms": dict(job.stages_ms),
    }


def _said(request: Align, parts: SpeechParts, job: Job) -> Said:
    if request.text is not None:
        return Said(request.text)
    data = (request.transcript_text or "").encode()
    if request.transcript_url is not None:
        data = net.fetch(request.transcript_url, max_bytes=transcript.MAX_BYTES, deadline_s=_FETCH_S,
                         allow_hosts=parts.settings.url_allow_hosts, check=job.check)
    return Said.read(data, request.keep_cues)


def align_whole(recording: audio.Audio, said: Said, language: str, method: Method, sources: Mapping[str, Source],
                check: Callable[[], None], pronunciations: Mapping[str, str] | None = None) -> Alignment:
    """The words of a whole recording: about where its cues have them, or anywhere. Raises TimingError."""
    tokens = _tokens(said.text, language, pronunciations)
    if not any(token.spoken for token in tokens):
        raise script.ScriptError("text has nothing to say")
    cues = _windows(said, tokens)
    if cues:
        timed = align_hinted(recording.samples, recording.rate_hz, tokens, cues, text=said.text, language=language,
                             method=method, sources=sources, check=check)
    else:
        timed = align(recording.samples, recording.rate_hz, tokens, [], text=said.text, language=language,
                      method=method, sources=sources, check=check)
    return replace(timed, warnings=(*spoken.doubts(tokens), *timed.warnings))


def _tokens(text: str, language: str, pronunciations: Mapping[str, str] | None) -> tuple[spoken.Token, ...]:
    """The words of the text; the tags of a script, `[pause:1s]` and `[voice:anna]`, are none."""
    return tuple(token for piece in script.read(text, 0) if isinstance(piece, script.Speech)
                 for token in spoken.read(piece.text, language, char_offset=piece.char_start,
                                          pronunciations=pronunciations))


def _windows(said: Said, tokens: tuple[spoken.Token, ...]) -> list[Window]:
    """The cues as windows over the tokens."""
    owner = [bisect_right(said.cues, token.char_start, key=lambda cue: cue[2]) - 1 for token in tokens]
    found = []
    for index, (start_ms, end_ms, _) in enumerate(said.cues):
        first, last = bisect_right(owner, index - 1), bisect_right(owner, index)
        if last > first:
            found.append(Window(start_ms, end_ms, first, last))
    return found
