"""A job's `input` -> a typed request, or an error that names the field.

One model for each endpoint; unknown fields, wrong types and values out of range are refused.
"""
from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    model_validator,
)

import s3_utils
from captions import WRITERS
from captions.cues import CaptionError, Captions
from text import transcript
from text.script import MAX_CHARS
from tts.encode import FORMATS
from worker.fingerprint import Fingerprint

MAX_BASE64_CHARS = 8_000_000
MAX_DEPTH = 8
"""No input needs more than half of it; much deeper ones exhaust the interpreter's stack."""
R = TypeVar("R", bound="Request")
QUALITY_STEPS = {"fast": 7, "balanced": 16, "best": 32}


class InvalidInput(ValueError):
    """The job's input is not what the endpoint takes; the message names the field."""


def _formats(value: object) -> object:
    if value == "all":
        return tuple(WRITERS)
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not names:
        raise ValueError(f"is a format, a list of them or 'all'; formats are {', '.join(WRITERS)}")
    for name in names:
        if not isinstance(name, str) or name not in WRITERS:
            raise ValueError(f"{str(name)[:20]!r} is not a format; formats are {', '.join(WRITERS)}, all")
    return tuple(dict.fromkeys(names))


def _text(value: str) -> str:
    """Subtitle formats have no way to write most control characters, and nobody can say them."""
    found = re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", value)
    if found:
        raise ValueError(f"has the control character U+{ord(found[0]):04X} at position {found.start()}")
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("is blank")
    return value


def _voice_name(value: str) -> str:
    name = value.removesuffix(".wav")
    s3_utils.check_voice_name(name)
    return name


def _lexicon_name(value: str) -> str:
    s3_utils.check_voice_name(value)
    return value


def _cursor(value: str) -> str:
    if not re.fullmatch(r"voices/[A-Za-z0-9_-]{1,64}\.(wav|txt|json)", value):
        raise ValueError("is not one that list_voices gave; begin again without it")
    return value


def _lexicon_cursor(value: str) -> str:
    if not (value.startswith(s3_utils.LEXICONS) and s3_utils.is_cursor(value)):
        raise ValueError("is not one that list_lexicons gave; begin again without it")
    return value


def _job_id(value: str) -> str:
    s3_utils.check_job_id(value)
    return value


def _language(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}", value):
        raise ValueError("is a language code such as en, en-GB or pt-BR")
    return value.replace("_", "-")


def _pronunciations(value: dict[str, str]) -> dict[str, str]:
    for written, spoken in value.items():
        if not written.strip() or not any(map(str.isalnum, written)):
            raise ValueError(f"has an entry without a letter or digit: {written[:20]!r}")
        if not any(map(str.isalpha, spoken)):
            raise ValueError(f"says nothing for {written[:20]!r}")
    return value


def _captions(value: object) -> object:
    if not isinstance(value, Mapping):
        raise ValueError("is an object of caption options")
    try:
        return Captions.of(value)
    except CaptionError as error:
        raise ValueError(str(error)) from None


Text = Annotated[str, Field(min_length=1, max_length=MAX_CHARS), AfterValidator(_text)]
Transcript = Annotated[str, Field(min_length=1, max_length=100_000), AfterValidator(_text), AfterValidator(_not_blank)]
JobId = Annotated[str, AfterValidator(_job_id)]
VoiceName = Annotated[str, Field(max_length=80), AfterValidator(_voice_name)]
Language = Annotated[str, Field(max_length=35), AfterValidator(_language)]
Respelling = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_text)]
Pronunciations = Annotated[dict[Respelling, Respelling], Field(max_length=200), AfterValidator(_pronunciations)]
StoredPronunciations = Annotated[dict[Respelling, Respelling], Field(min_length=1, max_length=1000),
                                 AfterValidator(_pronunciations)]
LexiconName = Annotated[str, Field(max_length=80), AfterValidator(_lexicon_name)]
Url = Annotated[str, Field(min_length=1, max_length=4096)]
Formats = Annotated[tuple[str, ...], BeforeValidator(_formats)]
CaptionOptions = Annotated[Captions, BeforeValidator(_captions)]
TimingMethod = Literal["auto", "whisperx", "google", "pocketsphinx"]
ExpiresS = Annotated[int, Field(ge=60, le=604_800)]


class Request(BaseModel):
    """What every endpoint's input has in common."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Recorded(Request):
    """The fields of the endpoints whose jobs are done once and kept."""

    job_id: JobId | None = None
    force: bool = False
    url_expires_s: ExpiresS = 3600

    _sent: Mapping[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _keep_what_was_sent(cls, given: Any, validated: ModelWrapValidatorHandler[Self]) -> Self:
        request = validated(given)
        request._sent = given if isinstance(given, Mapping) else {}
        return request

    def fingerprint(self, endpoint: str) -> Fingerprint:
        """What must be the same for two jobs to be one: everything that was sent but the id and the URLs' life."""
        return Fingerprint.of(endpoint, self._canonical(), getattr(self, "text", None) or "")

    def _canonical(self) -> dict[str, Any]:
        """What was sent, field by field. `all` and caption presets stay as they are: what they mean may grow."""
        fields = {name: getattr(self, name) for name in self.model_fields_set}
        if "timing_format" in fields:
            every = self._sent.get("timing_format") == "all"
            fields["timing_format"] = "all" if every else sorted(fields["timing_format"])
        if "captions" in fields:
            fields["captions"] = self._sent.get("captions")
        return fields


class Timed(Recorded):
    """The fields of the endpoints that make word times."""

    timing_format: Formats = ("srt",)
    timing_method: TimingMethod = "auto"
    language: Language | None = None
    pronunciations: Pronunciations = Field(default_factory=dict)
    lexicon: LexiconName | None = None
    captions: CaptionOptions = Field(default_factory=lambda: Captions.of({}))


class Generate(Timed):
    """A text to be spoken, and how. `steps` and `wants_timings` say what the fields together mean."""

    text: Text
    local_voice: VoiceName | None = None
    speed: float = Field(1.0, ge=0.5, le=2.0)
    seed: int | None = Field(None, ge=1, le=2_147_483_647)
    return_word_timings: bool | None = None
    normalize_text: bool = True
    quality: Literal["fast", "balanced", "best"] | None = None
    nfe_step: int = Field(16, ge=4, le=64)
    cfg_strength: float = Field(2.0, ge=0.0, le=10.0)
    sway_sampling_coef: float = Field(-1.0, ge=-1.0, le=1.0)
    target_rms: float = Field(0.1, ge=0.01, le=0.5)
    cross_fade_duration: float = Field(0.15, ge=0.0, le=1.0)
    paragraph_pause_s: float = Field(0.4, ge=0.0, le=5.0)
    audio_format: Literal["wav", "flac", "mp3", "opus", "m4a", "aac", "pcm"] = "wav"
    loudness_lufs: float | None = Field(None, ge=-40.0, le=-5.0)
    stream: bool = False
    verify: Literal["off", "warn", "retry"] = "off"
    max_retries: int = Field(2, ge=0, le=5)

    @model_validator(mode="after")
    def _one_way_to_say_steps(self) -> Generate:
        if self.quality is not None and "nfe_step" in self.model_fields_set:
            raise ValueError("quality and nfe_step both set the number of steps; send one of them")
        return self

    def _canonical(self) -> dict[str, Any]:
        fields = super()._canonical()
        if fields.pop("quality", None) is not None:
            fields["nfe_step"] = self.steps
        if self.wants_timings:  # naming a format asks for them, and asking for them means SRT
            fields |= {"return_word_timings": True, "timing_format": fields.get("timing_format", ["srt"])}
        return fields

    @property
    def steps(self) -> int:
        return QUALITY_STEPS[self.quality] if self.quality else self.nfe_step

    @property
    def wants_timings(self) -> bool:
        """Set by `return_word_timings`, or by naming a format, a method or captions."""
        if self.return_word_timings is not None:
            return self.return_word_timings
        return bool(self.model_fields_set & {"timing_format", "timing_method", "captions"})


class Align(Timed):
    """A recording and the words that are said in it: a text, or a transcript whose cue times are hints."""

    audio_url: Url
    text: Text | None = None
    transcript_text: Annotated[str, Field(min_length=1, max_length=transcript.MAX_BYTES)] | None = None
    transcript_url: Url | None = None
    keep_cues: bool = False
    normalize_text: bool = True

    @model_validator(mode="after")
    def _one_text(self) -> Align:
        given = [self.text, self.transcript_text, self.transcript_url]
        if given.count(None) != 2:
            raise ValueError("text: is needed, or one of transcript_text and transcript_url in its place")
        if self.keep_cues and self.text is not None:
            raise ValueError("keep_cues needs subtitles: send them as transcript_text or transcript_url")
        return self


class Render(Recorded):
    """A finished job's audio and words, to be made a video. Without a picture or video the background is a colour."""

    source_job_id: JobId
    video_format: Literal["mp4", "webm", "mov"] = "mp4"
    background_color: str = Field("#101018", pattern="^#[0-9A-Fa-f]{6}$")
    background_url: Url | None = None
    background_key: str | None = Field(None, min_length=1, max_length=1000)
    fps: int = Field(30, ge=10, le=60)
    captions: CaptionOptions | None = None

    @model_validator(mode="after")
    def _one_background(self) -> Render:
        if self.background_url is not None and self.background_key is not None:
            raise ValueError("background_url and background_key exclude each other")
        if self.background_key is not None and not s3_utils.is_upload_key(self.background_key):
            raise ValueError("background_key is a key under uploads/")
        return self


class Verify(Request):
    """A recording whose marks are looked for."""

    audio_url: Url


class Consent(Request):
    """Who agreed to the use of their voice, in their words."""

    by: str = Field(min_length=1, max_length=200)
    statement: str = Field(min_length=1, max_length=2000)


class Upload(Request):
    """A voice to store: its name, one source of its recording, and the words that are said."""

    voice_name: VoiceName
    voice_file_url: Url | None = None
    voice_file_base64: str | None = Field(None, min_length=1, max_length=MAX_BASE64_CHARS)
    s3_key: str | None = Field(None, min_length=1, max_length=1000)
    reference_text: Transcript | None = None
    reference_text_url: Url | None = None
    language: Language = "en"
    overwrite: bool = False
    consent: Consent | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Upload:
        given = [self.voice_file_url, self.voice_file_base64, self.s3_key]
        if sum(value is not None for value in given) != 1:
            raise ValueError("exactly one of voice_file_url, voice_file_base64 and s3_key is needed")
        if self.reference_text is not None and self.reference_text_url is not None:
            raise ValueError("reference_text and reference_text_url exclude each other")
        if self.s3_key is not None and not s3_utils.is_upload_key(self.s3_key):
            raise ValueError("s3_key is a key under uploads/")
        return self


class ListVoices(Request):
    """A page of voices; `cursor` is the `next_cursor` of the page before."""

    limit: int = Field(100, ge=1, le=1000)
    cursor: Annotated[str, AfterValidator(_cursor)] | None = None
    language: Language | None = None
    name_contains: str | None = Field(None, min_length=1, max_length=64)
    refresh: bool = False


class GetVoice(Request):
    """One voice, with a URL of its recording."""

    voice_name: VoiceName
    url_expires_s: ExpiresS = 3600


class RenameVoice(Request):
    """One voice, and the name that it gets."""

    voice_name: VoiceName
    new_name: VoiceName

    @model_validator(mode="after")
    def _another_name(self) -> Self:
        if self.new_name == self.voice_name:
            raise ValueError("new_name is the name that the voice has")
        return self


class DeleteVoice(Request):
    """One voice, to be removed."""

    voice_name: VoiceName


class SetLexicon(Request):
    """A list of pronunciations to store; it replaces the one of that name."""

    lexicon_name: LexiconName
    pronunciations: StoredPronunciations


class GetLexicon(Request):
    """One stored list."""

    lexicon_name: LexiconName


class DeleteLexicon(Request):
    """One stored list, to be removed."""

    lexicon_name: LexiconName


class ListLexicons(Request):
    """A page of lists; `cursor` is the `next_cursor` of the page before."""

    limit: int = Field(100, ge=1, le=1000)
    cursor: Annotated[str, AfterValidator(_lexicon_cursor)] | None = None


class Status(Request):
    """Where a job stands."""

    job_id: JobId


class Result(Request):
    """A finished job's output again, with fresh URLs."""

    job_id: JobId
    url_expires_s: ExpiresS = 3600


class Download(Request):
    """One file of a finished job; a timing format may be one beyond those of the job."""

    job_id: JobId
    type: Literal["audio", "timing"] = "audio"
    format: str | None = Field(None, max_length=10)
    url_expires_s: ExpiresS = 3600

    @model_validator(mode="after")
    def _format_fits_type(self) -> Download:
        known = WRITERS if self.type == "timing" else FORMATS
        if self.format is not None and self.format not in known:
            raise ValueError(f"format of {self.type} is one of {', '.join(known)}")
        return self


class Health(Request):
    """No fields."""


def parse(model: type[R], given: Mapping[str, Any]) -> R:
    """Raises InvalidInput with every fault, the field's name first."""
    try:
        return model.model_validate(_without_nulls(given))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise InvalidInput("; ".join(_fault(each["loc"], each["type"], each["msg"]) for each in faults[:5])) from None


def _without_nulls(value: Any, depth: int = 0) -> Any:
    """A field that is null is one that was not sent, on every level. Raises InvalidInput."""
    if depth > MAX_DEPTH:
        raise InvalidInput(f"input: is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        return {name: _without_nulls(each, depth + 1) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each, depth + 1) for each in value]
    return value


def _fault(location: tuple[int | str, ...], kind: str, message: str) -> str:
    name = ".".join(str(part)[:60] for part in location)
    if kind == "extra_forbidden":
        return f"{name}: unknown field"
    if kind == "missing":
        return f"{name}: is needed"
    message = message.removeprefix("Value error, ")
    return f"{name}: {message}" if name else message
