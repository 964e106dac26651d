"""Every environment variable of the worker, read once.

CONFIG.md is this class, printed: a test compares the two.
"""
from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

S = TypeVar("S")


class SettingsError(ValueError):
    """A variable is missing or makes no sense; the message names it and what it may be."""


def setting(*names: str, default: Any = MISSING, doc: str, secret: bool = False) -> Any:
    """A field read from the first of `names` that is set and not empty."""
    return field(default=default, metadata={"names": names, "doc": doc, "secret": secret})


@dataclass(frozen=True)
class Settings:
    """See each field's `doc`. Made by `from_env`; tests may make it by hand."""

    tts_engine: str = setting(
        "TTS_ENGINE", default="espeak",
        doc="Voice engine: `f5` (cloned voices; set in the image) or `espeak` (embedded, no model, no cloning).")
    models_dir: Path = setting(
        "MODELS_DIR", default=Path("models"),
        doc="Folder of the models: `f5/`, `vocos/`, `align/<language>/`, `whisper/`.")
    f5_architecture: str = setting(
        "F5_ARCHITECTURE", default="F5TTS_v1_Base",
        doc="Architecture of the F5 checkpoint: a name of the table in tts/f5/checkpoint.py or a YAML/JSON file. "
            "Never guessed from the weights, whose shapes are the same for v0 and v1.")
    line_cache_mb: int = setting(
        "LINE_CACHE_MB", default=128,
        doc="Memory for lines that this worker has spoken with `f5`, 22 minutes of speech in 128 MB: a script that is "
            "sent again with the same `seed` costs its edited lines alone. Gone when the worker stops; 0: none.")
    device: str = setting(
        "DEVICE", default="auto",
        doc="`auto` (CUDA where it works), `cpu`, or `cuda` (set in the image): the start fails where CUDA cannot be "
            "used.")
    s3_bucket: str | None = setting(
        "S3_BUCKET", "BUCKET_NAME", default=None,
        doc="Bucket of voices, audio, timings and job records. Absent: the folder DATA_DIR, except on RunPod, "
            "where the start fails.")
    s3_access_key_id: str | None = setting(
        "AWS_ACCESS_KEY_ID", "BUCKET_ACCESS_KEY_ID", default=None, secret=True, doc="Access key of the bucket.")
    s3_secret_access_key: str | None = setting(
        "AWS_SECRET_ACCESS_KEY", "BUCKET_SECRET_ACCESS_KEY", default=None, secret=True, doc="Its secret.")
    s3_session_token: str | None = setting(
        "AWS_SESSION_TOKEN", default=None, secret=True, doc="Session token of temporary credentials.")
    s3_region: str = setting("AWS_REGION", "AWS_DEFAULT_REGION", default="us-east-1", doc="Region of the bucket.")
    s3_endpoint_url: str | None = setting(
        "AWS_ENDPOINT_URL", "BUCKET_ENDPOINT_URL", default=None,
        doc="Endpoint of Backblaze B2, Cloudflare R2, MinIO or Spaces; absent for AWS.")
    data_dir: Path = setting("DATA_DIR", default=Path("data"), doc="The local store, used when no bucket is set.")
    ephemeral_store: bool = setting(
        "EPHEMERAL_STORE", default=False,
        doc="`true`: on RunPod without a bucket, files stay on the worker's disk, no other worker sees them, and they "
            "are lost with it; every result says so. For a first look.")
    timing_fallback: str = setting(
        "TIMING_FALLBACK", default="google",
        doc="What `timing_method: auto` may do when WhisperX cannot: `google` (only with Google credentials "
            "configured; audio then leaves the worker and costs money) or `offline` (never).")
    google_credentials_json: str | None = setting(
        "GOOGLE_CREDENTIALS_JSON", default=None, secret=True,
        doc="The service account's key file, its content (not its path).")
    google_application_credentials: str | None = setting(
        "GOOGLE_APPLICATION_CREDENTIALS", default=None, doc="Path of a service account's key file.")
    require_consent: bool = setting(
        "REQUIRE_CONSENT", default=False, doc="`true`: an upload without `consent` is refused.")
    marking: frozenset[str] = setting(
        "MARKING", default=frozenset({"c2pa"}),
        doc="How cloned speech is marked as made by a machine: `c2pa` (signed provenance in wav and mp3, where a "
            "certificate is set), `watermark` (in the sound), both with a comma, or `off`. Results name their marks.")
    c2pa_certificate: str | None = setting(
        "C2PA_CERTIFICATE", default=None, doc="Certificate chain for `c2pa`, PEM, leaf first: the content, not a path.")
    c2pa_private_key: str | None = setting(
        "C2PA_PRIVATE_KEY", default=None, secret=True, doc="Its unencrypted PKCS 8 key, PEM.")
    url_allow_hosts: frozenset[str] = setting(
        "URL_ALLOW_HOSTS", default=frozenset(),
        doc="Comma-separated `host` or `host:port` entries that jobs may fetch from although their address is "
            "private. For tests and private networks.")
    job_deadline_s: int = setting(
        "JOB_DEADLINE_S", default=570,
        doc="A job is stopped with TIMEOUT after this many seconds. Keep it below the endpoint's execution "
            "timeout (RunPod's default is 600), so that the record says what happened.")
    concurrency: int | None = setting(
        "CONCURRENCY", default=None,
        doc="Jobs that one worker takes at a time. Absent: as many as the engine gains from, which is 1 on a CPU and "
            "for `espeak` (more would hold jobs back from idle workers), and on a GPU as many of the longest F5 lines "
            "as are stepped together: up to 8, since lines of several jobs then share one pass of the network.")
    lease_s: int = setting(
        "LEASE_S", default=30, doc="A job whose worker has not renewed its lease for this long may be taken over.")
    max_payload_bytes: int = setting(
        "MAX_PAYLOAD_BYTES", default=10_000_000, doc="Largest result; RunPod's limit is 10 MB for /run.")
    log_level: str = setting("LOG_LEVEL", default="INFO", doc="DEBUG, INFO, WARNING or ERROR.")
    metrics_port: int | None = setting(
        "METRICS_PORT", default=None,
        doc="Port of `/metrics` for Prometheus. Absent: one line with all totals in the log each minute.")
    runpod_pod_id: str | None = setting(
        "RUNPOD_POD_ID", default=None, doc="Set by RunPod; its presence makes a bucket mandatory.")
    runpod_post_output: str | None = setting(
        "RUNPOD_WEBHOOK_POST_OUTPUT", default=None, doc="Set by RunPod; its presence turns progress reports on.")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Reads the process's environment (or `environ`). Raises SettingsError."""
        source = os.environ if environ is None else environ
        values = {}
        for each in fields(cls):
            # A secret that was pasted often ends in a line end.
            given = (source.get(name, "").strip() for name in each.metadata["names"])
            text = next(filter(None, given), None)
            if text is not None:
                values[each.name] = _convert(each.metadata["names"][0], str(each.type), text)
        settings = cls(**values)
        settings._check()
        return settings

    def _check(self) -> None:
        _one_of("TTS_ENGINE", self.tts_engine, ("f5", "espeak"))
        _one_of("TIMING_FALLBACK", self.timing_fallback, ("google", "offline"))
        _one_of("DEVICE", self.device, ("auto", "cuda", "cpu"))
        _one_of("LOG_LEVEL", self.log_level.upper(), ("DEBUG", "INFO", "WARNING", "ERROR"))
        if min(self.lease_s, self.job_deadline_s, 1 if self.concurrency is None else self.concurrency) < 1:
            raise SettingsError("LEASE_S, JOB_DEADLINE_S and CONCURRENCY are whole numbers from 1")
        if self.metrics_port is not None and not 1 <= self.metrics_port <= 65_535:
            raise SettingsError(f"METRICS_PORT is {self.metrics_port}; a port is 1 to 65535")
        if not self.marking <= {"c2pa", "watermark"} and self.marking != {"off"}:
            raise SettingsError(f"MARKING is {sorted(self.marking)}; it may be c2pa, watermark, both, or off")
        if (self.c2pa_certificate is None) != (self.c2pa_private_key is None):
            raise SettingsError("C2PA_CERTIFICATE and C2PA_PRIVATE_KEY go together; one of them is not set")
        if self.runpod_pod_id and not self.s3_bucket and not self.ephemeral_store:
            raise SettingsError("S3_BUCKET is not set: on RunPod results can only be handed out from a bucket "
                                "(EPHEMERAL_STORE=true starts without one, and loses every file with the worker)")
        if self.s3_bucket and not (self.s3_access_key_id and self.s3_secret_access_key):
            raise SettingsError("S3_BUCKET is set, so AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are needed")

    @property
    def google_may_step_in(self) -> bool:
        """Whether `auto` may send audio to Google: the operator gave credentials and did not forbid it."""
        configured = self.google_credentials_json or self.google_application_credentials
        return bool(configured) and self.timing_fallback == "google"

    def allowed(self, sources: Mapping[str, S], method: str) -> Mapping[str, S]:
        """The timing sources that a job may use: audio goes to Google only by the caller's word or the operator's."""
        if method != "auto" or self.google_may_step_in:
            return sources
        return {name: source for name, source in sources.items() if name != "google"}

    def public(self) -> dict[str, Any]:
        """Every setting that was given another value than its default, without the secret ones."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)
                if not each.metadata["secret"] and getattr(self, each.name) != each.default}

    def secrets(self) -> tuple[str, ...]:
        """The values that must never be written anywhere."""
        values = (getattr(self, each.name) for each in fields(self) if each.metadata["secret"])
        return tuple(value for value in values if value)


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else str(value) if isinstance(value, Path) else value


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise SettingsError(f"{name} is {value!r}; it may be {', '.join(allowed)}")


def _convert(name: str, kind: str, text: str) -> Any:
    match kind:
        case "Path":
            return Path(text)
        case "int" | "int | None":
            if not (text.isascii() and text.isdigit()):
                raise SettingsError(f"{name} is {text!r}; it is a whole number from 0")
            return int(text)
        case "bool":
            _one_of(name, text.lower(), ("true", "false", "1", "0"))
            return text.lower() in ("true", "1")
        case "frozenset[str]":
            return frozenset(part.strip().lower() for part in text.split(",") if part.strip())
    return text
