"""OpenAI's interface, for clients that speak it: /v1/audio/transcriptions, /v1/audio/translations, /v1/models."""
from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from transcription.errors import ApiError, invalid
from transcription.http.access import Jobs, Reader, Submitter
from transcription.jobs.keys import Caller
from transcription.jobs.record import Job
from transcription.jobs.service import Service
from transcription.speech.requests import JobRequest
from transcription.speech.transcript import FORMATS, Transcript

router = APIRouter(prefix="/v1", tags=["openai"])

ALIASES = ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-transcribe-diarize")
"""OpenAI's names, which mean the model that is installed here."""
_POLLS = 0.4
"""Of the table's own interval: somebody waits."""
_PRIORITY = 10
"""Somebody waits for the answer: such a job goes before those that are only queued."""
_PER_STATUS = (400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503, 504)

ResponseFormat = Literal["json", "text", "srt", "vtt", "verbose_json", "diarized_json"]


class OpenAIError(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIErrorBody(BaseModel):
    error: OpenAIError


_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {}, "text/plain": {}, "text/vtt": {}, "application/x-subrip": {},
                      "text/event-stream": {}}, "description": "The transcription"},
    **{status: {"model": OpenAIErrorBody} for status in _PER_STATUS}}


@router.post("/audio/transcriptions", responses=_RESPONSES)
async def transcriptions(
    request: Request, jobs_service: Jobs, caller: Submitter,
    file: Annotated[UploadFile, File()], model: Annotated[str, Form(max_length=100)],
    language: Annotated[str | None, Form()] = None, prompt: Annotated[str | None, Form()] = None,
    response_format: Annotated[ResponseFormat, Form()] = "json",
    temperature: Annotated[float, Form(ge=0, le=1)] = 0.0,
    granularities: Annotated[list[Literal["word", "segment"]] | None, Form(alias="timestamp_granularities[]")] = None,
    include: Annotated[list[str] | None, Form(alias="include[]")] = None,
    stream: Annotated[bool, Form()] = False,
    chunking_strategy: Annotated[str | None, Form()] = None,
    speaker_names: Annotated[list[str] | None, Form(alias="known_speaker_names[]")] = None,
    speaker_references: Annotated[list[str] | None, Form(alias="known_speaker_references[]")] = None,
) -> Response:
    """Speech to text in one call. Long recordings are better sent to /api/v1/jobs."""
    if granularities and response_format != "verbose_json":
        raise invalid("timestamp_granularities", "needs response_format verbose_json")
    if include:
        raise invalid("include", "log probabilities are not to be had here", "unsupported")
    if speaker_names or speaker_references:
        raise invalid("known_speaker_names", "speakers are told apart here, not recognised by a sample", "unsupported")
    # Clients send an object as fields of their own, chunking_strategy[type] and so on.
    parts = [name for name in await request.form() if name.startswith("chunking_strategy[")]
    if parts or chunking_strategy not in (None, "", "auto", '"auto"'):
        raise invalid("chunking_strategy", "is auto: recordings are cut by this service's own voice activity detection",
                      "unsupported")
    wanted = JobRequest.of({
        "model_size": _size(jobs_service, model), "language": language or None, "prompt": prompt or None,
        "temperature": temperature, "enable_diarization": response_format == "diarized_json"})
    shape = _Shape(response_format, granularities or ["segment"])
    return await _answer(request, jobs_service, caller, wanted, file, shape, stream=stream)


@router.post("/audio/translations", responses=_RESPONSES)
async def translations(
    request: Request, jobs_service: Jobs, caller: Submitter,
    file: Annotated[UploadFile, File()], model: Annotated[str, Form(max_length=100)],
    prompt: Annotated[str | None, Form()] = None,
    response_format: Annotated[Literal["json", "text", "srt", "vtt", "verbose_json"], Form()] = "json",
    temperature: Annotated[float, Form(ge=0, le=1)] = 0.0,
) -> Response:
    """Speech in any language to English text, by Whisper."""
    wanted = JobRequest.of({"model_size": _size(jobs_service, model), "prompt": prompt or None,
                            "temperature": temperature, "task": "translate"})
    return await _answer(request, jobs_service, caller, wanted, file, _Shape(response_format, ["segment"]),
                         stream=False)


@router.get("/models", responses={status: {"model": OpenAIErrorBody} for status in (401, 403, 429, 500)})
def models(jobs_service: Jobs, caller: Reader) -> dict[str, Any]:
    names = [ALIASES[0], *(name for name in jobs_service.can.model_names if name != ALIASES[0])]
    return {"object": "list", "data": [{"id": name, "object": "model", "created": 0, "owned_by": "self"}
                                       for name in names]}


@router.get("/models/{model}", responses={status: {"model": OpenAIErrorBody} for status in (401, 403, 404, 429, 500)})
def one_model(model: str, jobs_service: Jobs, caller: Reader) -> dict[str, Any]:
    _size(jobs_service, model)
    return {"id": model, "object": "model", "created": 0, "owned_by": "self"}


class _Shape:
    """How a transcript is written for OpenAI's clients."""

    def __init__(self, response_format: str, granularities: list[Any]) -> None:
        self.format, self.granularities = response_format, granularities

    def response(self, transcript: Transcript, job: Job) -> Response:
        if self.format in ("text", "srt", "vtt"):
            name = "txt" if self.format == "text" else self.format
            content = transcript.timeline.text + "\n" if name == "txt" else transcript.write(name, {}, job.job_id)
            return PlainTextResponse(content, media_type=FORMATS[name])
        return JSONResponse(self.content(transcript, job))

    def content(self, transcript: Transcript, job: Job) -> dict[str, Any]:
        """`warnings` and `engine` are ours; OpenAI's clients pass over what they do not know."""
        duration_s = transcript.timeline.duration_ms / 1000
        ours = {"warnings": list(transcript.warnings), "engine": transcript.engine,
                "usage": {"type": "duration", "seconds": duration_s}}
        if self.format == "json":
            return {"text": transcript.timeline.text, **ours}
        head = {"task": job.request["task"], "language": transcript.timeline.language, "duration": duration_s,
                "text": transcript.timeline.text}
        if self.format == "diarized_json":
            return {**head, "segments": _segments(transcript), **ours}
        answer = transcript.answer()
        if "word" in self.granularities:
            head["words"] = [{"word": each["word"], "start": each["start"], "end": each["end"]}
                             for each in answer["word_segments"]]
        if "segment" in self.granularities:
            head["segments"] = [_verbose(index, each) for index, each in enumerate(answer["speaker_segments"])]
        return {**head, **ours}

    async def events(self, transcript: Transcript) -> AsyncIterator[str]:
        if self.format == "diarized_json":
            for whole in _segments(transcript):
                yield _event(whole)
        for index, segment in enumerate(transcript.segments):
            yield _event({"type": "transcript.text.delta",
                          "delta": (" " if index else "") + transcript.text_of(segment)})
        yield _event({"type": "transcript.text.done", "text": transcript.timeline.text,
                      "usage": {"type": "duration", "seconds": transcript.timeline.duration_ms / 1000}})


def _verbose(index: int, segment: dict[str, Any]) -> dict[str, Any]:
    """What a recogniser alone can know is there, because the client demands it, as 0."""
    return {"id": index, "seek": 0, "start": segment["start"], "end": segment["end"], "text": segment["text"],
            "tokens": [], "temperature": 0.0, "avg_logprob": 0.0, "compression_ratio": 0.0, "no_speech_prob": 0.0}


def _segments(transcript: Transcript) -> list[dict[str, Any]]:
    words = transcript.timeline.words
    return [{"type": "transcript.text.segment", "id": f"seg_{index}", "start": words[each.first].start_ms / 1000,
             "end": words[each.last].end_ms / 1000, "text": transcript.text_of(each),
             "speaker": each.speaker or "unknown"} for index, each in enumerate(transcript.segments)]


def _event(content: dict[str, Any]) -> str:
    return f"data: {json.dumps(content, ensure_ascii=False)}\n\n"


def _size(service: Service, model: str) -> str | None:
    """The installed Whisper that is meant; None for the default. Raises ApiError."""
    if model in ALIASES or model in ("whisper", service.can.engine):
        return None
    if model not in service.can.whisper:
        raise ApiError("VALIDATION_NOT_FOUND", f"model: {model[:80]} is not installed here; installed: "
                       f"{', '.join(service.can.model_names)}", field="model", reason="not_installed")
    return model


async def _answer(request: Request, service: Service, caller: Caller, wanted: JobRequest, file: UploadFile,
                  shape: _Shape, *, stream: bool) -> Response:
    try:
        job, _ = await run_in_threadpool(service.submit, wanted, file.file, caller, priority=_PRIORITY)
    except ApiError as error:
        error.field = "file" if error.field == "audio_file" else error.field
        raise
    if stream:
        return StreamingResponse(_streamed(request, service, job, caller, shape), media_type="text/event-stream",
                                 headers={"Cache-Control": "no-store"})
    transcript = await _finished(request, service, job, caller)
    return shape.response(transcript, job)


async def _streamed(request: Request, service: Service, job: Job, caller: Caller, shape: _Shape) -> AsyncIterator[str]:
    try:
        transcript = await _finished(request, service, job, caller)
    except ApiError as error:
        yield _event({"error": {"message": error.message, "type": "invalid_request_error", "param": error.field,
                                "code": error.code}})
        return
    async for event in shape.events(transcript):
        yield event
    yield "data: [DONE]\n\n"


async def _finished(request: Request, service: Service, job: Job, caller: Caller) -> Transcript:
    """Waits for the job, then removes it: it was the caller's alone. A caller who goes takes it with it."""
    current: Job | None = job
    try:
        while current is not None and not current.is_final:
            if await request.is_disconnected():
                raise ApiError("PROCESSING_CANCELLED", "the caller went away")
            await asyncio.sleep(_POLLS * service.parts.jobs.poll_s)
            current = await run_in_threadpool(service.parts.jobs.get, job.job_id)
        if current is None or current.status == "cancelled":
            raise ApiError("PROCESSING_CANCELLED", "the job was cancelled")
        if current.status == "failed":
            failure = current.error or {}
            raise ApiError(failure["error_code"], failure["error"], field="file")
        return await run_in_threadpool(service.transcript, current)
    finally:
        await asyncio.shield(run_in_threadpool(_remove, service, job, caller))


def _remove(service: Service, job: Job, caller: Caller) -> None:
    try:
        if service.cancel(job.job_id, caller) is not None:
            service.cancel(job.job_id, caller)
    except ApiError:
        return
