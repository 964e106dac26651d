"""The door: a RunPod job in, a result or one short error out.

ENDPOINTS says which request and which operation an endpoint means, ERRORS which code an exception has.
Parts are built once, before the first job; nothing here needs a GPU, torch or the SDK to be imported.
"""
from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import random
import sys
import threading
import uuid
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import s3_utils
from captions.cues import CaptionError
from intake import audio, net
from text import transcript
from text.script import ScriptError
from timing.align import AUTO, Source, TimingError
from tts import Cancelled, Engine, EngineError, EngineLost
from worker import delivery, device, drain, generate, health, logs, pins, records, requests, voices
from worker.jobs import DeadlineExceeded, Job
from worker.progress import Progress
from worker.settings import Settings, SettingsError
from worker.start import Report

log = logging.getLogger("runpod_handler")

Output = dict[str, Any]
Handler = Callable[[Mapping[str, Any]], Coroutine[Any, Any, Output]]
_THREADS = 32
EPHEMERAL = "no bucket is configured: the files lie on this worker's disk alone and are lost with it"


@dataclass(frozen=True)
class Parts:
    """Everything that is built once and lives as long as the worker."""

    settings: Settings
    store: s3_utils.Store
    records: records.Records
    engine: Engine
    sources: Mapping[str, Source]
    transcriber: voices.Transcriber | None
    start: Report

    @property
    def voices(self) -> voices.VoiceParts:
        sources = generate.allowed(self.sources, "auto", self.settings)
        return voices.VoiceParts(self.store, self.settings, sources, self.transcriber)

    @property
    def speech(self) -> generate.SpeechParts:
        return generate.SpeechParts(self.store, self.settings, self.engine, self.sources)


@dataclass(frozen=True)
class Endpoint:
    """`operation` runs in a thread; it may take as long as it likes but calls `job.check` on the way."""

    request: type[requests.Request]
    operation: Callable[[Any, Job, Parts], Output]


def _recorded(name: str, work: Callable[[Any, Job, generate.SpeechParts, list[str]], Output]) -> Callable[
        [Any, Job, Parts], Output]:
    """An operation that is done once per job id, whoever asks how often."""

    def operation(request: requests.Generate | requests.Align, job: Job, parts: Parts) -> Output:
        seed = getattr(request, "seed", None) or random.SystemRandom().randint(1, 2_147_483_647)
        taken = parts.records.begin(job.job_id, name, request.fingerprint(name), seed, job.check)
        if isinstance(taken, records.Record):
            return delivery.answer(parts.store, taken.output or {}, request.url_expires_s)
        job.lease = taken
        written: list[str] = []
        try:
            output = work(request, job, parts.speech, written)
            output["warnings"] += [parts.store.warning] if parts.store.warning else []
            job.check()
            taken.complete(output)
        except records.LeaseLost:
            raise
        except BaseException as error:
            _give_up(parts.store, taken, written, error)
            raise
        finally:
            taken.let_go()
        return delivery.answer(parts.store, output, request.url_expires_s)

    return operation


def _give_up(store: s3_utils.Store, lease: records.Lease, written: list[str], error: BaseException) -> None:
    """Takes back what a failed job has written and notes why it failed, unless the files may be another worker's by
    now, or a completed record's whose write was done but not confirmed. The job's own error is the one that counts."""
    try:
        lease.renew()
    except (records.LeaseLost, s3_utils.StorageError) as cause:
        log.warning("the failed job is left as it stands: %s", type(cause).__name__)
        return
    _discard(store, written)
    lease.fail("cancelled" if isinstance(error, Cancelled) else "failed", explain(error))


def _discard(store: s3_utils.Store, keys: list[str]) -> None:
    for key in keys:
        try:
            store.delete(key)
        except s3_utils.StorageError as error:
            log.warning("a file of the failed job could not be removed: %s", error)


ENDPOINTS: dict[str, Endpoint] = {
    "generate": Endpoint(requests.Generate, _recorded("generate", generate.generate)),
    "align": Endpoint(requests.Align, _recorded("align", generate.align_recording)),
    "upload": Endpoint(requests.Upload, lambda request, job, parts: voices.upload(request, parts.voices, job.check)),
    "list_voices": Endpoint(requests.ListVoices, lambda request, job, parts: voices.list_voices(request, parts.voices)),
    "get_voice": Endpoint(requests.GetVoice, lambda request, job, parts: voices.get_voice(request, parts.voices)),
    "delete_voice": Endpoint(
        requests.DeleteVoice, lambda request, job, parts: voices.delete_voice(request, parts.voices)),
    "status": Endpoint(requests.Status, lambda request, job, parts: records.status(parts.records, request.job_id)),
    "result": Endpoint(
        requests.Result, lambda request, job, parts: delivery.result(request, parts.store, parts.records)),
    "download": Endpoint(
        requests.Download, lambda request, job, parts: delivery.download(request, parts.store, parts.records)),
    "health": Endpoint(requests.Health, lambda request, job, parts: health.report(
        parts.settings, parts.store, parts.engine, parts.sources, parts.start)),
}

SDK_LOG_LEVELS = {"DEBUG": "INFO", "INFO": "INFO", "WARNING": "WARN", "ERROR": "ERROR"}

ERRORS: tuple[tuple[type[BaseException], str], ...] = (
    (requests.InvalidInput, "INVALID_INPUT"),
    (ScriptError, "INVALID_INPUT"),
    (CaptionError, "INVALID_INPUT"),
    (transcript.TranscriptError, "INVALID_INPUT"),
    (records.NotFound, "NOT_FOUND"),
    (records.Conflict, "CONFLICT"),
    (records.LeaseLost, "CONFLICT"),
    (net.TooLarge, "TOO_LARGE"),
    (s3_utils.TooLarge, "TOO_LARGE"),
    (audio.UnsupportedAudio, "UNSUPPORTED_AUDIO"),
    (net.BlockedUrl, "BLOCKED_URL"),
    (net.FetchFailed, "FETCH_FAILED"),
    (s3_utils.StorageError, "STORAGE_FAILED"),
    (TimingError, "TIMING_FAILED"),
    (EngineError, "ENGINE_FAILED"),
    (DeadlineExceeded, "TIMEOUT"),
    (Cancelled, "CANCELLED"),
)
"""First match wins; anything else is INTERNAL, logged in full, answered in brief."""


class ResultTooLarge(net.TooLarge):
    """The answer is over RunPod's payload limit, beyond which the SDK loses it without a word."""


def explain(error: BaseException) -> str:
    """`CODE: message` in one line: no traceback, no path, no secret (RunPod loses error objects)."""
    for kind, code in ERRORS:
        if isinstance(error, kind):
            return f"{code}: {' '.join(str(error).split())[:500]}"
    reference = uuid.uuid4().hex[:8]
    log.error("unexpected error %s", reference, exc_info=error)
    return f"INTERNAL: the worker failed on this job; its log has the reason under {reference}"


def make_handler(parts: Parts) -> Handler:
    """The function that RunPod's SDK calls for every job."""
    # asyncio's own pool has cores + 4 threads: on a small machine jobs would wait for one another's.
    pool = ThreadPoolExecutor(max(_THREADS, parts.settings.concurrency or 0), thread_name_prefix="job")

    async def handler(job: Mapping[str, Any]) -> Output:
        logs.job_id.set(str(job.get("id"))[:128])
        progress = Progress(job) if parts.settings.runpod_post_output else None
        try:
            output = await _run(job, parts, progress, pool)
            if parts.settings.ephemeral_store and not parts.settings.s3_bucket:
                output = {**output, "warnings": [*output.get("warnings", ()), EPHEMERAL]}
            size = len(json.dumps(output, ensure_ascii=False).encode())
            if size > parts.settings.max_payload_bytes:
                raise ResultTooLarge(f"the result has {size} bytes, the most is {parts.settings.max_payload_bytes}; "
                                     "its files are stored: use status and download")
        except Exception as error:
            output = {"error": explain(error)}
            if isinstance(error, EngineLost):
                output["refresh_worker"] = True
            log.warning("job failed: %s", output["error"])
        finally:
            if progress is not None:
                await progress.stop()
        return output

    return handler


async def _run(job: Mapping[str, Any], parts: Parts, progress: Progress | None, pool: Executor) -> Output:
    """Reads the job's input and runs its operation in a thread, which a cancel stops at its next check."""
    given = job.get("input")
    if not isinstance(given, Mapping):
        raise requests.InvalidInput("input: is an object with the endpoint's fields")
    fields = {str(key): value for key, value in given.items()}
    name = fields.pop("endpoint", "generate")
    if not isinstance(name, str) or name not in ENDPOINTS:
        raise requests.InvalidInput(f"endpoint: {str(name)[:40]!r} is none of {', '.join(ENDPOINTS)}")
    endpoint = ENDPOINTS[name]
    request = requests.parse(endpoint.request, fields)
    work = Job(_job_id(request, job), parts.settings.job_deadline_s, progress.report if progress else _unreported)
    thread = asyncio.get_running_loop().run_in_executor(
        pool, contextvars.copy_context().run, endpoint.operation, request, work, parts)
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        work.cancel()
        await asyncio.wait([thread])
        raise


def _job_id(request: requests.Request, job: Mapping[str, Any]) -> str:
    """The caller's idempotency key, else RunPod's id."""
    job_id = getattr(request, "job_id", None) or str(job.get("id") or uuid.uuid4())
    try:
        s3_utils.check_job_id(job_id)
    except ValueError as error:
        raise requests.InvalidInput(f"job_id: {error}") from None
    return job_id


def _unreported(stage: str, progress: float) -> None:
    """Where there is no RunPod, the record in the store is all the progress there is."""


def build_parts(settings: Settings) -> Parts:
    """Loads everything a job may need. Raises SettingsError, EngineError or StorageError: then do not start."""
    start = Report()
    with start.stage("store"):
        store = _store(settings)
        store.check()
    with start.stage("engine"):
        engine = _engine(settings)
    with start.stage("timing"):
        sources = timing_sources(settings)
    with start.stage("transcriber"):
        transcriber = _transcriber(settings)
    return Parts(settings, store, records.Records(store, lease_s=settings.lease_s), engine, sources, transcriber,
                 start)


def _store(settings: Settings) -> s3_utils.Store:
    if settings.s3_bucket is None:
        return s3_utils.FolderStore(settings.data_dir)
    return s3_utils.S3Store(
        settings.s3_bucket, endpoint_url=settings.s3_endpoint_url, region=settings.s3_region,
        access_key_id=settings.s3_access_key_id or "", secret_access_key=settings.s3_secret_access_key or "")


def _engine(settings: Settings) -> Engine:
    if settings.tts_engine == "espeak":
        from tts.espeak import Espeak

        return Espeak()
    from tts.f5.engine import F5Engine

    engine = F5Engine.load(settings.models_dir / "f5", settings.models_dir / "vocos", settings.f5_architecture,
                           device.usable(settings.device))
    pins.check(settings.models_dir / "f5", engine.revision)
    engine.warm_up()
    return engine


def timing_sources(settings: Settings) -> dict[str, Source]:
    """The timing methods of this worker; AUTO in timing.align has their order."""
    from timing.pocketsphinx import PocketSphinx

    sources: dict[str, Source] = {"pocketsphinx": PocketSphinx()}
    if (settings.models_dir / "align").is_dir():
        from timing.whisperx import WhisperX

        sources["whisperx"] = WhisperX(settings.models_dir, device.usable(settings.device))
    if find_spec("google") and find_spec("google.cloud") and find_spec("google.cloud.speech_v1"):
        from timing.google import Google, connector

        sources["google"] = Google(connector(settings.google_credentials_json,
                                             settings.google_application_credentials))
    return {name: sources[name] for name in AUTO if name in sources}


def _transcriber(settings: Settings) -> voices.Transcriber | None:
    if not (settings.models_dir / "whisper").is_dir():
        return None
    from timing.whisperx import WhisperXTranscriber

    return WhisperXTranscriber(settings.models_dir, device.usable(settings.device))


def main() -> int:
    """Builds the parts and hands the handler to RunPod's SDK, which reads the command line itself."""
    # The SDK's import mostly waits for a program that it starts: meanwhile the models are loaded.
    threading.Thread(target=import_module, args=["runpod"], daemon=True).start()
    try:
        settings = Settings.from_env()
        logs.configure(settings.log_level, settings.secrets())
        parts = build_parts(settings)
    except (SettingsError, EngineError, TimingError, s3_utils.StorageError, OSError) as error:
        if isinstance(error, OSError) and str(error.filename or "").startswith(sys.prefix):
            raise  # A package lacks a file: deploy/launch.py has it repaired.
        print(f"the worker cannot start: {error}", file=sys.stderr)
        return 1
    import runpod

    drain.install()
    runpod.serverless.register_fitness_check(parts.store.check)
    # At DEBUG, its default, the SDK logs whole results, signed URLs among them.
    runpod.RunPodLogger().set_level(SDK_LOG_LEVELS[settings.log_level.upper()])
    runpod.serverless.start({"handler": make_handler(parts),
                             "concurrency_modifier": lambda current: settings.concurrency or parts.engine.concurrency})
    return 0


if __name__ == "__main__":
    sys.exit(main())
