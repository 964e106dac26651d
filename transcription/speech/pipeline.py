"""Audio to transcript: recognise, align, diarize. A given transcript is not recognised: its words stay as they are."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from text import spoken
from timing.align import Alignment, TimingError, Window, align
from timing.words import Timeline
from transcription.errors import ApiError
from transcription.speech import guards
from transcription.speech.diarize import speakers_of
from transcription.speech.engines import Engines
from transcription.speech.recognise import RATE_HZ, Passage, Recognition, Samples, Wish
from transcription.speech.requests import JobRequest
from transcription.speech.transcript import Transcript, segments_of, with_paragraphs

SHARES = {"fetch": (0.0, 0.03), "decode": (0.03, 0.05), "recognise": (0.05, 0.6), "align": (0.6, 0.85),
          "diarize": (0.85, 0.97), "store": (0.97, 0.99)}
"""Which part of a job's progress a stage is."""
LOW_CONFIDENCE = 0.5


@dataclass
class Run:
    """One go at a job. `check` raises when it is to stop; `report` takes a stage and the progress of the whole, 0-1."""

    check: Callable[[], None]
    report: Callable[[str, float], None]
    stages_ms: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[float], None]]:
        """Yields what takes the stage's own share, 0-1."""
        first, last = SHARES[name]
        self.check()
        self.report(name, first)
        started = time.monotonic()
        yield lambda share: self.report(name, first + (last - first) * min(1.0, max(0.0, share)))
        self.stages_ms[name] = round((time.monotonic() - started) * 1000)


def transcribe(request: JobRequest, samples: Samples, engines: Engines, run: Run) -> Transcript:
    """`samples` are 16 kHz. Raises ApiError for a recording that cannot be done, and whatever `run.check` raises."""
    recognition, engine = _recognised(request, samples, engines, run)
    if not recognition.passages:
        return _nothing(recognition, engine, len(samples) * 1000 // RATE_HZ, run)
    text, begins_at = _joined(recognition.passages)
    tokens = spoken.read(text, recognition.language)
    begins = [next(i for i, token in enumerate(tokens) if token.char_start >= at) for at in begins_at]
    aligned = _aligned(request, samples, text, tokens, _windows(recognition.passages, begins, len(tokens)),
                       recognition.language, engines, run)
    timeline, words = aligned.timeline, aligned.timeline.words
    doubts = {}
    if request.initial_transcript is None:
        for index, early in enumerate(guards.before_alignment(recognition.passages, samples)):
            stop = begins[index + 1] if index + 1 < len(begins) else len(words)
            late = guards.after_alignment(words[begins[index]:stop]) if request.enable_alignment else ()
            doubts[begins[index]] = (*early, *late)
    speakers = _speakers(request, samples, timeline, engines, run)
    timeline = with_paragraphs(timeline, speakers) if speakers else timeline
    segments = segments_of(timeline, speakers, begins, doubts)
    transcript = Transcript(timeline, segments, speakers, engine, (), run.stages_ms)
    warnings = [*recognition.warnings, *aligned.warnings, *_doubtful(transcript, begins, doubts),
                *transcript.cautions(request.formats, request.captions)]
    if request.enable_diarization and not speakers:
        warnings.append("no speaker was found in this recording")
    return Transcript(**{**transcript.__dict__, "warnings": tuple(dict.fromkeys(warnings))})


def _recognised(request: JobRequest, samples: Samples, engines: Engines,
                run: Run) -> tuple[Recognition, dict[str, str]]:
    length_ms = len(samples) * 1000 // RATE_HZ
    if request.initial_transcript is not None:
        warnings = () if request.language else ("the language was not given: English is assumed",)
        passage = Passage(0, length_ms, request.initial_transcript)
        return Recognition((passage,), request.language or "en", warnings), {"name": "none", "model": ""}
    with run.stage("recognise") as progress:
        recogniser = engines.recogniser(request.model_size)
        recognition = recogniser.recognise(samples, Wish(request.language, request.task, request.prompt,
                                                         request.temperature, run.check, progress))
    return recognition, {"name": recogniser.name, "model": recogniser.model}


def _joined(passages: Sequence[Passage]) -> tuple[str, list[int]]:
    """The whole text, and where each passage begins in it."""
    text, begins = "", []
    for passage in passages:
        text += " " if text else ""
        begins.append(len(text))
        text += passage.text
    return text, begins


def _windows(passages: Sequence[Passage], begins: Sequence[int], count: int) -> list[Window]:
    stops = [*begins[1:], count]
    return [Window(passage.start_ms, passage.end_ms, first, stop)
            for passage, first, stop in zip(passages, begins, stops, strict=True)]


def _aligned(request: JobRequest, samples: Samples, text: str, tokens: Sequence[spoken.Token],
             windows: Sequence[Window], language: str, engines: Engines, run: Run) -> Alignment:
    """Raises ApiError where the words cannot be laid over this audio."""
    wanted = request.enable_alignment and request.task == "transcribe"
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        progress(calls / (len(windows) + calls / 2))
        run.check()

    with run.stage("align") as progress:
        try:
            # What was recognised comes from this audio, however badly its words match; a given transcript may not.
            timed = align(samples, RATE_HZ, tokens, windows, text=text, language=language, method="auto",
                          sources=engines.sources() if wanted else {}, check=check,
                          certain=request.initial_transcript is None)
        except TimingError as error:
            raise ApiError("PROCESSING_ALIGNMENT_FAILED", str(error)) from None
    if wanted:
        return timed
    reason = ("a translation is not what is said: the times of its words are estimated" if request.enable_alignment
              else "alignment was not asked for: the times of words are estimated")
    return Alignment(timed.timeline, (reason,))


def _speakers(request: JobRequest, samples: Samples, timeline: Timeline, engines: Engines,
              run: Run) -> tuple[str | None, ...]:
    if not request.enable_diarization:
        return ()
    with run.stage("diarize") as progress:
        turns = engines.diarizer().turns(samples, request.min_speakers, request.max_speakers, run.check, progress)
    return speakers_of(timeline.words, turns, samples)


def _doubtful(transcript: Transcript, begins: Sequence[int], doubts: dict[int, tuple[str, ...]]) -> list[str]:
    """One line for each passage that may be made up, and one for low scores."""
    words = transcript.timeline.words
    found = [f"from {words[first].start_ms / 1000:.1f} s: this may be made up: {'; '.join(doubts[first])}"
             for first in begins if doubts.get(first)]
    if transcript.confidence is not None and transcript.confidence < LOW_CONFIDENCE:
        found.append(f"the words score low, {transcript.confidence} of 1 in the mean: check the text")
    return found


def _nothing(recognition: Recognition, engine: dict[str, str], length_ms: int, run: Run) -> Transcript:
    timeline = Timeline("", (), length_ms, recognition.language, "none")
    return Transcript(timeline, (), (), engine, (*recognition.warnings, "nobody was heard to speak in this recording"),
                      run.stages_ms)
