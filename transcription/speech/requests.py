"""What a caller may ask of a job, and what is made of the transcript that came with it."""
from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from captions.cues import CaptionError, Captions
from text import transcript as transcripts
from transcription.errors import ApiError, invalid
from transcription.speech.transcript import FORMATS

ModelSize = Literal["tiny", "tiny.en", "base", "base.en", "small", "small.en", "medium", "medium.en", "large-v1",
                    "large-v2", "large-v3", "large-v3-turbo"]
MAX_SPEAKERS = 32
MAX_PROMPT_CHARS = 2000


class JobRequest(BaseModel):
    """Everything of a job but its audio. `initial_transcript` is plain text here, whatever it came as."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    audio_url: str | None = Field(None, max_length=8192)
    model_size: ModelSize | None = None
    language: str | None = Field(None, pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")
    task: Literal["transcribe", "translate"] = "transcribe"
    prompt: str | None = Field(None, max_length=MAX_PROMPT_CHARS)
    temperature: float = Field(0.0, ge=0, le=1)
    enable_alignment: bool = True
    enable_diarization: bool = False
    min_speakers: int | None = Field(None, ge=1, le=MAX_SPEAKERS)
    max_speakers: int | None = Field(None, ge=1, le=MAX_SPEAKERS)
    initial_transcript: str | None = None
    formats: tuple[str, ...] = ("srt",)
    captions: dict[str, Any] = Field(default_factory=dict)
    callback_url: str | None = Field(None, max_length=8192)

    @classmethod
    def of(cls, values: dict[str, Any]) -> JobRequest:
        """Raises ApiError that names the field."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise first_problem(error.errors(include_input=False, include_url=False)) from None

    @field_validator("formats")
    @classmethod
    def _known_formats(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names or any(name not in FORMATS for name in names):
            raise ValueError(f"is one or several of {', '.join(FORMATS)}")
        return tuple(dict.fromkeys(names))

    @field_validator("captions")
    @classmethod
    def _known_captions(cls, options: dict[str, Any]) -> dict[str, Any]:
        try:
            Captions.of(options)
        except CaptionError as error:
            raise ValueError(str(error)) from None
        return options

    @model_validator(mode="after")
    def _agrees(self) -> JobRequest:
        if self.min_speakers and self.max_speakers and self.min_speakers > self.max_speakers:
            raise ValueError("min_speakers is larger than max_speakers")
        if (self.min_speakers or self.max_speakers) and not self.enable_diarization:
            raise ValueError("min_speakers and max_speakers need enable_diarization")
        if self.initial_transcript is not None and (self.task == "translate" or self.prompt or self.model_size):
            raise ValueError("initial_transcript leaves nothing to recognise: task, prompt and model_size do not go "
                             "with it")
        return self

    def fingerprint(self, audio_sha256: str) -> str:
        """The same for the same job, whatever the order in which it was written."""
        canonical = json.dumps([self.model_dump(mode="json"), audio_sha256], sort_keys=True)
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def first_problem(problems: Any) -> ApiError:
    """Pydantic's first complaint as one of ours."""
    first = problems[0]
    places = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "header")]
    message = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        return invalid(places[-1][:80], "is not a field of this request", "unknown_field")
    return invalid(".".join(places)[:80] or "request", message, str(first["type"]))


def read_transcript(given: str) -> str:
    """The words of `initial_transcript`: plain text, SRT, VTT, CSV, or JSON with `text` or `segments`. Raises ApiError.

    Times in it are not used: words are placed by the sound itself.
    """
    field = "initial_transcript"
    if given.lstrip()[:1] in ("{", "["):
        given = _from_json(given)
    try:
        return transcripts.read(given.encode("utf-8", "surrogatepass"))
    except transcripts.TranscriptError as error:
        raise invalid(field, str(error)) from None


def _from_json(given: str) -> str:
    try:
        values = json.loads(given)
    except (ValueError, RecursionError):
        return given  # a text that happens to begin with a bracket
    segments = values.get("segments") if isinstance(values, dict) else values
    if isinstance(values, dict) and isinstance(values.get("text"), str):
        return str(values["text"])
    if (isinstance(segments, list) and segments
            and all(isinstance(each, dict) and isinstance(each.get("text"), str) for each in segments)):
        return " ".join(each["text"] for each in segments)
    raise invalid("initial_transcript", "as JSON is an object with text, or with segments that have text each")
