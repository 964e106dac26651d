"""`/api/v1/jobs`: the service's own interface."""
from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Header, Query, UploadFile
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.datastructures import UploadFile as Attachment

from captions import WRITERS
from s3_utils import attachment
from text.transcript import MAX_BYTES
from transcription.errors import HTTP_STATUS, invalid
from transcription.http.access import Jobs, Reader, Submitter
from transcription.jobs import record
from transcription.jobs.service import view
from transcription.speech.requests import JobRequest, read_transcript
from transcription.speech.transcript import FORMATS

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])

FormatName = Literal["srt", "vtt", "csv", "json", "ass", "word_srt", "ttml", "lrc", "remotion", "txt"]
EXAMPLE_ID = "6f1e0d3c5b7a49d2a1c4e8f09b7d6a53"


class Details(BaseModel):
    field: str | None
    reason: str | None


class ErrorBody(BaseModel):
    """`error_code` is of one of four families: VALIDATION, PROCESSING, INFRASTRUCTURE, AUTHENTICATION."""

    error: str
    error_code: Literal[tuple(HTTP_STATUS)]  # type: ignore[valid-type]
    details: Details
    timestamp: datetime


class JobError(BaseModel):
    error: str
    error_code: Literal[tuple(HTTP_STATUS)]  # type: ignore[valid-type]


class WordSegment(BaseModel):
    word: str
    start: float
    end: float
    score: float | None = Field(description="0-1; null where the aligner gives none")
    estimated: bool = Field(description="no sound was found for it: its time is a guess between its neighbours")
    speaker: str | None


class SpeakerSegment(BaseModel):
    start: float
    end: float
    text: str
    speaker: str | None
    doubts: list[str] = Field(description="why the recogniser may have made this up")


class Result(BaseModel):
    text: str
    language: str
    duration: float
    confidence: float | None = Field(description="mean score of the words that have one")
    engine: dict[str, str]
    timing_method: str
    speaker_segments: list[SpeakerSegment]
    word_segments: list[WordSegment]
    speakers: list[str]
    stages_ms: dict[str, int]
    files: dict[str, str] = Field(description="format: where it is fetched")


class JobView(BaseModel):
    job_id: str
    status: Literal["queued", "in_progress", "completed", "failed", "cancelled"]
    progress: float = Field(ge=0, le=1)
    current_stage: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    engine: str | None
    audio_duration: float | None
    attempts: int
    warnings: list[str]
    job_error: JobError | None
    result: Result | None


class JobList(BaseModel):
    jobs: list[JobView]
    next_cursor: str | None


class Deleted(BaseModel):
    job_id: str
    status: Literal["cancelled", "deleted"]


def _attached(value: Any) -> Any:
    """The text of a field that was sent as a file, as curl does for `@`."""
    if not isinstance(value, Attachment):
        return value
    try:
        return value.file.read(MAX_BYTES + 1).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text; save it as UTF-8") from None


class JobForm(BaseModel):
    """Either `audio_file` or `audio_url`."""

    model_config = ConfigDict(extra="forbid")

    audio_file: UploadFile | None = Field(None, description="wav, flac, mp3, m4a, ogg, opus, webm, aac or aiff")
    audio_url: str | None = Field(None, description="https:// or http:// of a public host, or s3:// or gs:// "
                                  "below the caller's uploads")
    model_size: str | None = Field(None, description="a Whisper that is installed here: tiny ... large-v3-turbo")
    language: str | None = Field(None, description="BCP 47 code; detected when absent")
    task: str = Field("transcribe", description="transcribe, or translate into English (Whisper only)")
    prompt: str | None = None
    temperature: float = 0.0
    enable_alignment: bool = True
    enable_diarization: bool = False
    min_speakers: int | None = None
    max_speakers: int | None = None
    initial_transcript: Annotated[str | None, BeforeValidator(_attached)] = Field(
        None, description="what is said, word for word, as a field or a file: plain text, SRT, VTT, or JSON with text "
                          "or segments. Nothing is recognised then")
    formats: str = Field("srt", description=f"files named in the result, several with commas: {', '.join(FORMATS)}")
    captions: str | None = Field(None, description="JSON object of caption options: preset, max_words, ...")
    callback_url: str | None = Field(None, description="is called, signed, when the job is over")


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, for its documentation."""
    return {status: {"model": ErrorBody} for status in (401, 403, 429, 500, 503, *statuses)}


@router.post("/upload", status_code=202, responses={202: {"model": JobView}, 200: {"model": JobView,
             "description": "The Idempotency-Key was used before for the same request: that job"},
             **errors(409, 413, 415, 422)})
def upload(form: Annotated[JobForm, Form(media_type="multipart/form-data")], jobs_service: Jobs, caller: Submitter,
           idempotency_key: Annotated[str | None, Header(max_length=255)] = None) -> Response:
    """Accepts a recording. The job waits, is done, and is asked for by its `job_id`."""
    request = _request(form)
    job, is_new = jobs_service.submit(request, form.audio_file.file if form.audio_file else None, caller,
                                      idempotency_key=idempotency_key)
    return JSONResponse(view(job), 202 if is_new else 200, {"Location": f"/api/v1/jobs/{job.job_id}"})


def _request(form: JobForm) -> JobRequest:
    values = form.model_dump(exclude={"audio_file"}, exclude_none=True)
    values["formats"] = tuple(part.strip() for part in form.formats.split(",") if part.strip())
    if form.captions is not None:
        values["captions"] = _options(form.captions)
    if form.initial_transcript is not None:
        values["initial_transcript"] = read_transcript(form.initial_transcript)
    return JobRequest.of(values)


def _options(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise invalid("captions", "is a JSON object of caption options", "json") from None


@router.get("/", responses={200: {"model": JobList}, **errors(422)})
def list_jobs(jobs_service: Jobs, caller: Reader, status: record.State | None = None,
              created_after: datetime | None = None, created_before: datetime | None = None,
              limit: Annotated[int, Query(ge=1, le=500)] = 50,
              cursor: Annotated[str | None, Query(pattern=r"^[0-9]{1,18}(-[0-9a-f]{32})?$")] = None) -> Response:
    """The caller's jobs, the newest first, without their results."""
    after, before = (each.timestamp() if each else None for each in (created_after, created_before))
    page = jobs_service.page(record.Query(caller.owner, status, after, before, limit, cursor))
    return JSONResponse({"jobs": [view(job) for job in page.jobs], "next_cursor": page.next_cursor})


@router.get("/{job_id}", responses={200: {"model": JobView}, **errors(404)})
def get_job(job_id: str, jobs_service: Jobs, caller: Reader) -> Response:
    """How far a job is; with its `result` when it is completed."""
    job = jobs_service.job(job_id, caller)
    transcript = jobs_service.transcript(job) if job.status == "completed" else None
    return JSONResponse(view(job, transcript, f"/api/v1/jobs/{job_id}/result"))


@router.delete("/{job_id}", responses={200: {"model": Deleted}, **errors(404)})
def delete_job(job_id: str, jobs_service: Jobs, caller: Reader) -> Response:
    """Cancels a job that waits or runs. Of one that is over, all that is known is removed."""
    cancelled = jobs_service.cancel(job_id, caller)
    return JSONResponse({"job_id": job_id, "status": "cancelled" if cancelled else "deleted"})


@router.get("/{job_id}/result", responses={
    200: {"content": {kind.partition(";")[0]: {} for kind in FORMATS.values()}, "description": "The file"},
    **errors(404, 409, 422)})
def get_result(job_id: str, jobs_service: Jobs, caller: Reader, format: FormatName = "srt") -> Response:
    """The words of a completed job as a file, also in a format that was not named at first."""
    job = jobs_service.job(job_id, caller)
    content = jobs_service.transcript(job).write(format, job.request["captions"], job_id)
    return Response(content.encode("utf-8", "replace"), media_type=FORMATS[format],
                    headers={"Content-Disposition": attachment(f"{job_id}.{WRITERS[format].extension}")})
