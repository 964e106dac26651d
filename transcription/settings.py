"""Every environment variable of the service, read once. docs/WHISPERX.md prints this class: a test compares them."""
from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator

MAX_PUSHED_S = 570


class SettingsError(ValueError):
    """A variable makes no sense; the message names it and what it may be."""


def _names(value: Any) -> Any:
    """`a, b` -> {"a", "b"}."""
    return frozenset(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Names = Annotated[frozenset[str], BeforeValidator(_names)]


class Settings(BaseModel):
    """See each field's description. Made by `from_env`; tests may make it by hand, by field names."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="ignore")

    data_dir: Path = Field(Path("data"), alias="DATA_DIR", description="Folder of the job table (`jobs.sqlite3`), "
                           "and of audio and results where no bucket is set.")
    models_dir: Path = Field(Path("models"), alias="MODELS_DIR", description="Folder of the models: `whisper/` or "
                             "`whisper/<size>/`, `align/<language>/`, `diarization/`.")
    asr_engine: Literal["auto", "whisper", "pocketsphinx"] = Field(
        "auto", alias="ASR_ENGINE", description="Recogniser: `whisper`, `pocketsphinx` (embedded, English, modest "
        "accuracy) or `auto`, which is `whisper` where its model is in MODELS_DIR.")
    device: str = Field("auto", alias="DEVICE", pattern=r"^(auto|cpu|cuda(:\d+)?)$",
                        description="`auto` (CUDA where there is one), `cuda` or `cpu`.")
    model_load: Literal["lazy", "start"] = Field(
        "lazy", alias="MODEL_LOAD", description="When models are loaded: at their first job or at the `start`.")
    model_idle_s: float = Field(0, alias="MODEL_IDLE_S", ge=0, description="Models not used for so long are "
                                "released; 0 keeps them.")
    batch_size: int = Field(8, alias="BATCH_SIZE", ge=1, le=256, description="Windows of 30 s that Whisper is given "
                            "at once.")
    workers: int = Field(1, alias="WORKERS", ge=0, le=64, description="Worker processes that the service starts. 0: "
                         "it only answers, workers run elsewhere on the same table.")
    lease_s: float = Field(10, alias="LEASE_S", ge=0.5, description="A job whose worker has not been heard of for so "
                           "long is taken over by another.")
    max_attempts: int = Field(3, alias="MAX_ATTEMPTS", ge=1, description="A job whose worker is lost so often fails.")
    job_deadline_s: float = Field(3600, alias="JOB_DEADLINE_S", gt=0, description="A job is stopped after so long.")
    max_queued: int = Field(1000, alias="MAX_QUEUED", ge=1, description="Jobs that may wait; one more is answered "
                            "503.")
    max_upload_mb: float = Field(500, alias="MAX_UPLOAD_MB", gt=0, description="Largest request body, and largest "
                                 "file behind a URL.")
    max_audio_duration: float = Field(7200, alias="MAX_AUDIO_DURATION", gt=0, description="Longest recording, in "
                                      "seconds.")
    retention_days: float = Field(7, alias="RETENTION_DAYS", gt=0, description="A finished job and its results are "
                                  "removed after so many days. Audio is removed when the job ends.")
    api_keys_file: Path | None = Field(None, alias="API_KEYS_FILE", description="JSON file of hashed API keys, made "
                                       "by `./run whisperx-api add-key NAME`. Absent: no key is asked for, and the "
                                       "service binds to this machine only.")
    allow_anonymous: bool = Field(False, alias="ALLOW_ANONYMOUS", description="`true`: serve without keys on any "
                                  "address (behind a gateway that checks callers).")
    rate_limit_per_minute: int = Field(120, alias="RATE_LIMIT_PER_MINUTE", ge=0, description="Submissions a key may "
                                       "make per minute; 0 is no limit. A key's own value goes before.")
    poll_limit_per_minute: int = Field(12000, alias="POLL_LIMIT_PER_MINUTE", ge=0, description="All other requests "
                                       "a key may make per minute; 0 is no limit.")
    cors_origins: Names = Field(frozenset(), alias="CORS_ORIGINS", description="Comma-separated origins whose pages "
                                "may call the service.")
    url_allow_hosts: Names = Field(frozenset(), alias="URL_ALLOW_HOSTS", description="Comma-separated `host` or "
                                   "`host:port` entries that may be fetched from and called back although their "
                                   "address is private.")
    webhook_secret: SecretStr | None = Field(None, alias="WEBHOOK_SECRET", description="Secret with which webhooks "
                                             "are signed (Standard Webhooks): `whsec_` and base64 of 24 to 64 bytes. "
                                             "Absent: `callback_url` is refused.")
    state: Literal["sqlite", "firestore"] = Field(
        "sqlite", alias="STATE", description="Where jobs are kept: `sqlite`, a file in DATA_DIR for one machine, or "
        "`firestore`, with Pub/Sub as the queue, for several.")
    google_cloud_project: str | None = Field(None, alias="GOOGLE_CLOUD_PROJECT", description="Project of Firestore, "
                                             "Pub/Sub and Cloud Storage.")
    firestore_database: str = Field("(default)", alias="FIRESTORE_DATABASE", description="Database of the jobs.")
    pubsub_topic: str = Field("transcription-jobs", alias="PUBSUB_TOPIC", description="Topic to which jobs are "
                              "published.")
    pubsub_subscription: str = Field("transcription-jobs", alias="PUBSUB_SUBSCRIPTION", description="Its subscription, "
                                     "from which workers pull.")
    pubsub_dead_letter: str | None = Field(None, alias="PUBSUB_DEAD_LETTER", description="Subscription to the dead "
                                           "letters: their jobs are queued anew. Absent: it is not looked at.")
    pubsub_delivery: Literal["pull", "push"] = Field(
        "pull", alias="PUBSUB_DELIVERY", description="`pull`: workers ask Pub/Sub for jobs. `push`: Pub/Sub posts them "
        "to `/pubsub/push`, which can start an instance that was scaled to zero.")
    gcs_bucket: str | None = Field(None, alias="GCS_BUCKET", description="Bucket of audio and results in Cloud "
                                   "Storage; with the credentials of the machine.")
    s3_bucket: str | None = Field(None, alias="S3_BUCKET", description="Bucket of audio and results. Absent: "
                                  "DATA_DIR.")
    s3_access_key_id: SecretStr | None = Field(None, alias="AWS_ACCESS_KEY_ID", description="Its access key.")
    s3_secret_access_key: SecretStr | None = Field(None, alias="AWS_SECRET_ACCESS_KEY", description="Its secret.")
    s3_region: str = Field("us-east-1", alias="AWS_REGION", description="Region of the bucket.")
    s3_endpoint_url: str | None = Field(None, alias="AWS_ENDPOINT_URL", description="Endpoint of Backblaze B2, "
                                        "Cloudflare R2, MinIO or Spaces; absent for AWS.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", alias="LOG_LEVEL",
                                                                    description="What is logged.")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Reads the process's environment (or `environ`). Raises SettingsError."""
        source = os.environ if environ is None else environ
        names = (str(each.alias) for each in cls.model_fields.values())
        given = {name: source.get(name, "").strip() for name in names}  # a pasted secret ends in a line end
        try:
            return cls.model_validate({name: value for name, value in given.items() if value})
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            name = ".".join(map(str, first["loc"]))
            raise SettingsError(f"{name}: {first['msg']}" if name else first["msg"]) from None

    @model_validator(mode="after")
    def _whole(self) -> Settings:
        if self.s3_bucket and not (self.s3_access_key_id and self.s3_secret_access_key):
            raise ValueError("S3_BUCKET is set, so AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are needed")
        if self.s3_bucket and self.gcs_bucket:
            raise ValueError("S3_BUCKET and GCS_BUCKET are both set: audio and results lie in one of them")
        if self.state == "firestore" and not (self.google_cloud_project and (self.gcs_bucket or self.s3_bucket)):
            raise ValueError("STATE is firestore, so GOOGLE_CLOUD_PROJECT is needed, and GCS_BUCKET or S3_BUCKET")
        if self.state == "firestore" and self.pubsub_delivery == "push" and self.job_deadline_s > MAX_PUSHED_S:
            raise ValueError(f"PUBSUB_DELIVERY is push, so JOB_DEADLINE_S is at most {MAX_PUSHED_S}: Pub/Sub waits no "
                             "longer than 600 s")
        return self

    def child_environ(self) -> dict[str, str]:
        """The environment of a worker process: this one's, with these settings in it."""
        values = {str(each.alias): getattr(self, name) for name, each in type(self).model_fields.items()}
        return {**{name: value for name, value in os.environ.items() if name not in values},
                **{name: _written(value) for name, value in values.items() if value is not None},
                "PYTHONPATH": str(Path(__file__).resolve().parents[1])}

    @property
    def max_upload_bytes(self) -> int:
        return int(self.max_upload_mb * 1e6)


def _written(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return ",".join(sorted(value)) if isinstance(value, frozenset) else str(value).lower() if isinstance(
        value, bool) else str(value)
