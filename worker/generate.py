"""Endpoint `generate`: text to stored audio and timings."""
from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from s3_utils import Store, audio_key
from text import script, spoken
from timing.align import Alignment, Source, Window, align
from timing.words import Span, Timeline, Word, settle
from tts import Engine, Line, Options, Utterance, Voice, assemble, encode, loudness
from worker import delivery, lexicons, stream, voices
from worker.jobs import Job
from worker.marking import Marking
from worker.requests import Generate
from worker.settings import Settings
from worker.verification import Verification
from worker.watch import watched

HandOut = Callable[[Utterance, Sequence[assemble.Segment]], None]
"""Takes a line that has just been joined, and the lines' places so far."""


@dataclass(frozen=True)
class SpeechParts:
    """What `generate` and `align` work with."""

    store: Store
    settings: Settings
    engine: Engine
    sources: Mapping[str, Source]
    marking: Marking = Marking()


@dataclass(frozen=True)
class Plan:
    """What will be said: `lines[i]` says `groups[i]`; `parts` are the lines' indexes and the pauses, in order."""

    lines: list[Line]
    groups: list[tuple[spoken.Token, ...]]
    parts: list[int | assemble.Silence]
    language: str
    warnings: list[str]
    unsaid: list[spoken.Token] = field(default_factory=list)


def generate(request: Generate, job: Job, parts: SpeechParts, written: list[str]) -> dict[str, Any]:
    """Text in, stored audio and timing files out; returns the record's output. Notes every key it writes."""
    engine = parts.engine
    seed = job.lease.seed if job.lease else request.seed or 1
    with job.stage("prepare", 0.0):
        plan = watched(lambda check: _plan(request, parts, check), job.check)
    verification = _verification(request, plan, engine, seed, job)
    with loudness.Meter(engine.rate_hz, request.loudness_lufs, job.check) as meter, assemble.Waveform(
            engine.rate_hz, request.cross_fade_duration, meter.add) as waveform:
        with job.stage("speak", 0.05), closing(engine.speak(
                plan.lines, _options(request, seed), check=job.check,
                progress=lambda share: job.report("speak", 0.05 + 0.7 * share))) as spoken_lines:
            kept = verification.best(spoken_lines) if verification else spoken_lines
            utterances = _joined(plan, _marked_as_made(kept, parts), waveform, job.check,
                                 _streamed(request, plan, parts, job, written))
        with job.stage("assemble", 0.75):
            level = meter.level()
        timed = None
        if request.wants_timings:
            with job.stage("align", 0.8):
                timed = watched(partial(_times, request, plan, utterances, waveform, parts), job.check)
        with job.stage("store", 0.95):
            stored, levelled = _stored_audio(request, waveform, level, job, parts, written)
            timing, captioned = delivery.stored_timing(request, timed, job, parts.store, written)
    warnings = [*plan.warnings, *_spoken_warnings(utterances), *(verification.warnings() if verification else ()),
                *levelled, *(timed.warnings if timed else ()),
                *captioned]
    return {
        "status": "completed",
        "job_id": job.job_id,
        "duration": round(waveform.n_samples / engine.rate_hz, 3),
        **stored,
        "seed": seed,
        "text": request.text,
        **timing,
        **_verified_lines(request.text, plan, waveform, verification),
        "warnings": list(dict.fromkeys(warnings)),
        "engine": {"name": engine.name, "model": engine.model, "revision": engine.revision},
        "stages_ms": dict(job.stages_ms),
    }


def _plan(request: Generate, parts: SpeechParts, check: Callable[[], None]) -> Plan:
    engine = parts.engine
    pieces = script.read(request.text, round(request.paragraph_pause_s * 1000))
    known: dict[str | None, Voice | None] = {None: None}
    noted: list[str] = []
    voice_parts = voices.VoiceParts(parts.store, parts.settings, parts.settings.allowed(parts.sources, "auto"), None)
    for name in {request.local_voice, *(piece.voice for piece in pieces if isinstance(piece, script.Speech))} - {None}:
        known[name], warnings = voices.load(voice_parts, voices.stored_name(str(name)), check)
        noted += warnings
    own = known[request.local_voice]
    language, misread = _language(request, pieces, known)
    pronunciations = lexicons.pronunciations(request, parts.store)
    plan = Plan([], [], [], language, [*_cloning_warning(engine, any(known.values())), *noted, *misread,
                                       *_spoken_tags(request.text)])
    read: list[spoken.Token] = []
    for piece in pieces:
        check()
        if isinstance(piece, script.Pause):
            plan.parts.append(assemble.Silence(piece.duration_ms))
            continue
        voice = known[piece.voice] if piece.voice else own
        tokens = spoken.read(piece.text, language, char_offset=piece.char_start, normalize=request.normalize_text,
                             pronunciations=pronunciations)
        read.extend(tokens)
        first_bytes = stream.FIRST_LINE_BYTES if request.stream and not plan.lines else None
        words = [token.said for token in tokens]
        for group in script.split(words, engine.max_bytes(voice, request.speed), first_bytes):
            _add_line(plan, tokens[group.start:group.stop], voice if engine.clones else None)
    if not plan.lines:
        raise script.ScriptError("text has nothing to say")
    plan.warnings.extend(spoken.doubts(read) if request.normalize_text else ())
    return plan


def _language(request: Generate, pieces: Sequence[script.Speech | script.Pause],
              known: Mapping[str | None, Voice | None]) -> tuple[str, list[str]]:
    """What the text is read as: the one asked for, else that of the job's voice, else that of its first speaker."""
    if request.language:
        return request.language, []
    first = next((known[piece.voice] for piece in pieces if isinstance(piece, script.Speech)), None)
    voice = known[request.local_voice] or first
    language = voice.language if voice else "en"
    others = sorted({f"{each.name} ({each.language})" for each in known.values()
                     if each and each.language.partition("-")[0] != language.partition("-")[0]})
    warning = (f"voice: all of the text is read as {language}, also by {', '.join(others)}; set language, or make a "
               "job for each language")
    return language, [warning] if others else []


def _spoken_tags(text: str) -> list[str]:
    found = dict.fromkeys(script.spoken_tags(text))
    return [f"text: said as it is written: {', '.join(list(found)[:5])}; a tag is [pause:0.8s] or [voice:name]"
            ] if found else []


def _add_line(plan: Plan, tokens: tuple[spoken.Token, ...], voice: Voice | None) -> None:
    """Tokens without sound (an emoji alone) make no line; they go with the one before, where there is one."""
    text = spoken.utterance(tokens).text
    if any(token.spoken for token in tokens):
        plan.parts.append(len(plan.lines))
        plan.groups.append((*plan.unsaid, *tokens))
        plan.lines.append(Line(text, plan.language, voice))
        plan.unsaid.clear()
    elif plan.groups:
        plan.groups[-1] += tokens
    else:
        plan.unsaid.extend(tokens)


def _cloning_warning(engine: Engine, wants_voice: bool) -> list[str]:
    if wants_voice and not engine.clones:
        return [f"voice: the {engine.name} engine cannot clone; the text is spoken in its own voice"]
    return []


def _options(request: Generate, seed: int) -> Options:
    return Options(speed=request.speed, seed=seed, nfe_step=request.steps, cfg_strength=request.cfg_strength,
                   sway_sampling_coef=request.sway_sampling_coef, target_rms=request.target_rms)


def _verification(request: Generate, plan: Plan, engine: Engine, seed: int, job: Job) -> Verification | None:
    if request.verify == "off" or not engine.fallible:
        return None
    words = [[word for token in group for word in token.spoken] for group in plan.groups]
    return Verification(plan.lines, words, engine, _options(request, seed),
                        request.max_retries if request.verify == "retry" else 0, job.check)


def _verified_lines(text: str, plan: Plan, waveform: assemble.Waveform,
                    verification: Verification | None) -> dict[str, Any]:
    """Where each line lies, and what its check says; nothing where none was made."""
    if verification is None:
        return {}
    rate_hz = waveform.rate_hz
    return {"lines": [{"text": text[group[0].char_start:group[-1].char_end], "start": round(place.start / rate_hz, 3),
                       "end": round(place.end / rate_hz, 3), "score": each.score, "tries": each.tries}
                      for group, place, each in zip(plan.groups, waveform.segments, verification.verified,
                                                    strict=True)]}


def _spoken_warnings(utterances: Sequence[Utterance]) -> list[str]:
    return [warning for utterance in utterances for warning in utterance.warnings]


def _joined(plan: Plan, spoken_lines: Iterable[Utterance], waveform: assemble.Waveform,
            check: Callable[[], None], hand_out: HandOut | None) -> list[Utterance]:
    """Writes the lines and pauses as they come; returns what the engine says of each line, without its samples."""
    utterances: list[Utterance] = []
    lines = iter(spoken_lines)
    for part in plan.parts:
        check()
        if isinstance(part, assemble.Silence):
            waveform.add(part)
            continue
        utterance = next(lines)
        waveform.add(utterance.samples)
        if hand_out is not None:
            hand_out(utterance, waveform.segments)
        utterances.append(replace(utterance, samples=utterance.samples[:0].copy()))
    waveform.finish()
    return utterances


def _streamed(request: Generate, plan: Plan, parts: SpeechParts, job: Job, written: list[str]) -> HandOut | None:
    """Hands out the newest line, at its place in the whole, with the word times that it has by itself."""
    if not request.stream:
        return None
    rate_hz = parts.engine.rate_hz
    lines = stream.LineStream(job.job_id, encode.FORMATS[request.audio_format], request.url_expires_s, parts.store,
                              parts.marking.file if parts.engine.clones else lambda path: None, job.publish, written)

    def hand_out(utterance: Utterance, segments: Sequence[assemble.Segment]) -> None:
        group = plan.groups[len(segments) - 1]
        words: Sequence[Word] = ()
        if request.wants_timings:
            with assemble.Waveform(rate_hz, 0.0) as alone:
                alone.add(utterance.samples)
                alone.finish()
                timed = watched(partial(_times, request, replace(plan, groups=[group]), [utterance], alone, parts),
                                job.check)
                words = timed.timeline.words
        text = request.text[group[0].char_start:group[-1].char_end]
        lines.add(text, utterance.samples, rate_hz, segments[-1].offset / rate_hz, words,
                  last=len(segments) == len(plan.lines))

    return hand_out


def _marked_as_made(utterances: Iterable[Utterance], parts: SpeechParts) -> Iterator[Utterance]:
    """Lines in a cloned voice carry the watermark, where it is on, before they are joined and levelled."""
    for utterance in utterances:
        if parts.engine.clones:
            samples = parts.marking.waveform(utterance.samples, parts.engine.rate_hz)
            utterance = replace(utterance, samples=samples)
        yield utterance


def _stored_audio(request: Generate, waveform: assemble.Waveform, level: loudness.Level, job: Job, parts: SpeechParts,
                  written: list[str]) -> tuple[dict[str, Any], list[str]]:
    """The audio fields of the output, and warnings."""
    form = encode.FORMATS[request.audio_format]
    key = audio_key(job.job_id, form.extension)
    with tempfile.TemporaryDirectory(prefix="audio-") as folder:
        path = Path(folder, f"audio.{form.extension}")
        made = encode.write(waveform.blocks, waveform.rate_hz, form, path, level, job.check)
        marks, unmarked = parts.marking.file(path) if parts.engine.clones else ([], [])
        written.append(key)
        parts.store.put(key, path, form.content_type)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"audio_key": key, "sample_rate": made.rate_hz, "sha256": digest, "marked": marks,
            "loudness": asdict(made.loudness) if made.loudness else None}, [*made.warnings, *unmarked]


def _times(request: Generate, plan: Plan, utterances: Sequence[Utterance], waveform: assemble.Waveform,
           parts: SpeechParts, check: Callable[[], None]) -> Alignment:
    """The engine's own word times where it has them and no method is named, else the aligner's."""
    tokens = [token for group in plan.groups for token in group]
    if request.timing_method == "auto" and all(utterance.marks is not None for utterance in utterances):
        return Alignment(_marked(request.text, plan, utterances, waveform, parts.engine.name), ())
    windows, first = [], 0
    for group, segment in zip(plan.groups, waveform.segments, strict=True):
        windows.append(Window(segment.start * 1000 // waveform.rate_hz, segment.end * 1000 // waveform.rate_hz,
                              first, first + len(group)))
        first += len(group)
    return align(waveform.samples(), waveform.rate_hz, tokens, windows, text=request.text, language=plan.language,
                 method=request.timing_method,
                 sources=parts.settings.allowed(parts.sources, request.timing_method), check=check,
                 certain=True)


def _marked(text: str, plan: Plan, utterances: Sequence[Utterance], waveform: assemble.Waveform,
            method: str) -> Timeline:
    """Gathers the engine's marks by the token whose spoken letters they cover."""
    tokens: list[spoken.Token] = []
    spans: list[Span | None] = []
    for group, utterance, segment in zip(plan.groups, utterances, waveform.segments, strict=True):
        offset_ms = round(segment.offset * 1000 / waveform.rate_hz)
        for token, (start, end) in zip(group, spoken.utterance(group).spans, strict=True):
            marks = [mark for mark in utterance.marks or () if start <= mark.char_start < end]
            tokens.append(token)
            spans.append(Span(offset_ms + marks[0].start_ms, offset_ms + marks[-1].end_ms, 1.0) if marks else None)
    duration_ms = waveform.duration_ms
    settled = settle(spans, duration_ms, [float(len(token.said)) for token in tokens])
    words = tuple(Word(token.text, span.start_ms, span.end_ms, token.char_start, token.char_end, span.score,
                       span.estimated) for token, span in zip(tokens, settled, strict=True))
    return Timeline(text, words, duration_ms, plan.language, method)
