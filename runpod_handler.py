"""The door: a RunPod job in, a result or one short error out.

ENDPOINTS says which request and which operation an endpoint means, ERRORS which code an exception has.
Parts are built once, before the first job; nothing here needs a GPU, torch or the SDK to be imported.
"""
from __future__ import annotations

from worker import drain

if __name__ == "__main__":
    drain.exit_on_sigterm()  # before the imports below, which take seconds on a cold volume

import asyncio
import atexit
import contextvars
import json
import logging
import random
import sys
import threading
import uuid
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
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
from worker import (
    VERSION,
    align,
    delivery,
    device,
    generate,
    health,
    journal,
    lexicons,
    logs,
    marking,
    metrics,
    pins,
    records,
    render,
    requests,
    scratch,
    voices,
)
from worker.jobs import DeadlineExceeded, Job
from worker.progress import Progress
from worker.settings import Settings, SettingsError
from worker.start import Report

log = logging.getLogger("runpod_handler")

Output = dict[str, Any]
Handler = Callable[[Mapping[str, Any]], Coroutine[Any, Any, Output]]
_THREADS, _QUICK_THREADS = 32, 8
_SETTLE_S = 3.0
"""How long the end waits for records that a storage out of reach has left open."""
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
    marking: marking.Marking = marking.Marking()

    def insistent(self, job: Job) -> Parts:
        """The same, with a store that is asked again until `job` must end."""
        return replace(self, store=s3_utils.Insistent(self.store, job.check, job.confirm))

    def leavable(self, job: Job) -> Parts:
        """The same, with a store that is left when `job` must end: for endpoints without a record of their own."""
        store = s3_utils.Leavable(self.store, job.check)
        return replace(self, store=store, records=records.Records(store, lease_s=self.settings.lease_s))

    @property
    def voices(self) -> voices.VoiceParts:
        sources = self.settings.allowed(self.sources, "auto")
        return voices.VoiceParts(self.store, self.settings, sources, self.transcriber)

    @property
    def speech(self) -> generate.SpeechParts:
        return generate.SpeechParts(self.store, self.settings, self.engine, self.sources, self.marking)


@dataclass(frozen=True)
class Endpoint:
    """`operation` runs in a thread; it may take as long as it likes but calls `job.check` on the way."""

    request: type[requests.Request]
    operation: Callable[[Any, Job, Parts], Output]


Work = Callable[[Any, Job, generate.SpeechParts, list[str]], Output]


def _recorded(name: str, work: Work) -> Callable[[Any, Job, Parts], Output]:
    """An operation that is done once per job id, whoever asks how often."""

    def operation(request: requests.Recorded, job: Job, parts: Parts) -> Output:
        seed = getattr(request, "seed", None) or random.SystemRandom().randint(1, 2_147_483_647)
        store = parts.insistent(job).store

        def is_to_be_done_again(record: records.Record) -> bool:
            return request.force or not delivery.is_whole(store, record.output or {})

        again: Callable[[records.Record], bool] | None = is_to_be_done_again
        while True:
            taken = parts.records.begin(
                job.job_id, name, request.fingerprint(name), seed, job.check, job.runpod_id, again)
            if isinstance(taken, records.Record):
                return delivery.stored_answer(store, taken.output or {}, request.url_expires_s, job.check)
            job.take(taken)
            with suppress(records.LeaseLost):  # who took the job over has the answer: it is waited for as by any other
                output = _done(work, request, job, taken, parts)
                return delivery.answer(parts.store, output, request.url_expires_s)
            job.take(None)
            again = None

    return operation


def _done(work: Work, request: requests.Recorded, job: Job, lease: records.Lease, parts: Parts) -> Output:
    """The output of a job under its lease. A failed job's files are taken back, and its record says why it failed."""
    written: list[str] = []
    try:
        output = work(request, job, parts.insistent(job).speech, written)
        output["warnings"] += [parts.store.warning] if parts.store.warning else []
        job.check()
        lease.complete(output)
    except records.LeaseLost:
        raise
    except BaseException as error:
        lease.fail("cancelled" if isinstance(error, Cancelled) else "failed", explain(error), written)
        if not isinstance(error, EngineLost):
            lease.check()
        raise
    return output


ENDPOINTS: dict[str, Endpoint] = {
    "generate": Endpoint(requests.Generate, _recorded("generate", generate.generate)),
    "align": Endpoint(requests.Align, _recorded("align", align.align_recording)),
    "render": Endpoint(requests.Render, _recorded("render", render.render)),
    "upload": Endpoint(requests.Upload, lambda request, job, parts: voices.upload(
        request, parts.insistent(job).voices, job.check)),
    "list_voices": Endpoint(requests.ListVoices, lambda request, job, parts: voices.list_voices(
        request, parts.voices, job.check)),
    "get_voice": Endpoint(requests.GetVoice, lambda request, job, parts: voices.get_voice(request, parts.voices)),
    "rename_voice": Endpoint(
        requests.RenameVoice, lambda request, job, parts: voices.rename_voice(request, parts.voices)),
    "delete_voice": Endpoint(
        requests.DeleteVoice, lambda request, job, parts: voices.delete_voice(request, parts.voices)),
    "set_lexicon": Endpoint(
        requests.SetLexicon, lambda request, job, parts: lexicons.set_lexicon(request, parts.insistent(job).store)),
    "get_lexicon": Endpoint(
        requests.GetLexicon, lambda request, job, parts: lexicons.get_lexicon(request, parts.store)),
    "list_lexicons": Endpoint(
        requests.ListLexicons, lambda request, job, parts: lexicons.list_lexicons(request, parts.store)),
    "delete_lexicon": Endpoint(
        requests.DeleteLexicon, lambda request, job, parts: lexicons.delete_lexicon(request, parts.store)),
    "status": Endpoint(requests.Status, lambda request, job, parts: records.status(parts.records, request.job_id)),
    "result": Endpoint(
        requests.Result, lambda request, job, parts: delivery.result(
            request, parts.store, parts.records, job.check)),
    "download": Endpoint(
        requests.Download, lambda request, job, parts: delivery.download(
            request, parts.store, parts.records, job.check)),
    "verify": Endpoint(
        requests.Verify, lambda request, job, parts: marking.verify(request, parts.settings, parts.marking, job)),
    "health": Endpoint(requests.Health, lambda request, job, parts: health.report(
        parts.settings, parts.store, parts.engine, parts.sources, parts.start)),
}

QUICK = frozenset({"list_voices", "get_voice", "rename_voice", "delete_voice", "set_lexicon", "get_lexicon",
                   "list_lexicons", "delete_lexicon", "status", "result", "download", "health"})
"""Endpoints that read the store and do no work: they never wait for a thread behind those that do."""

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
    reference = getattr(error, "reference", None)
    if reference is None:  # once for each error: the record and the answer name one entry of the log
        reference = uuid.uuid4().hex[:8]
        error.reference = reference  # type: ignore[attr-defined]
        log.error("unexpected error %s", reference, exc_info=error)
    return f"INTERNAL: the worker failed on this job; its log has the reason under {reference}"


def make_handler(parts: Parts, engine_lost: Callable[[], None] = lambda: None) -> Handler:
    """The function that RunPod's SDK calls for every job; `engine_lost` is called when no further one can be done."""
    # asyncio's own pool has cores + 4 threads: on a small machine jobs would wait for one another's.
    speech = ThreadPoolExecutor(max(_THREADS, parts.settings.concurrency or 0), thread_name_prefix="job")
    quick = ThreadPoolExecutor(_QUICK_THREADS, thread_name_prefix="quick")

    async def handler(job: Mapping[str, Any]) -> Output:
        entry, work = journal.Entry(_runpod_id(job), parts.settings.runpod_pod_id), None
        logs.runpod_id.set(entry.runpod_id)
        logs.job_id.set(entry.runpod_id)
        s3_utils.TALLY.set(entry.tally)
        progress = Progress(job) if parts.settings.runpod_post_output else None
        try:
            name, request = _read(job)
            entry.endpoint, entry.characters = name, len(getattr(request, "text", None) or "") or None
            work = Job(_job_id(request, job), parts.settings.job_deadline_s,
                       progress.report if progress else _unreported, entry.runpod_id,
                       progress.publish if progress else lambda news: None)
            logs.job_id.set(work.job_id)
            output = await _run(name, request, work, parts, quick if name in QUICK else speech)
            if parts.settings.ephemeral_store and not parts.settings.s3_bucket:
                output = {**output, "warnings": [*output.get("warnings", ()), EPHEMERAL]}
            size = len(json.dumps(output, ensure_ascii=False).encode())
            if size > parts.settings.max_payload_bytes:
                raise ResultTooLarge(f"the result has {size} bytes, the most is {parts.settings.max_payload_bytes}; "
                                     "its files are stored: use status and download")
            entry.completed(output)
        except Exception as error:
            output = {"error": explain(error)}
            entry.failed(output["error"])
            if isinstance(error, EngineLost):
                output["refresh_worker"] = True
                engine_lost()
            log.warning("job failed: %s", output["error"])
        except asyncio.CancelledError:
            if progress is not None:
                progress.break_off()
            raise
        finally:
            if progress is not None:
                await progress.stop()
            entry.write(work)
        return output

    return handler


def _read(job: Mapping[str, Any]) -> tuple[str, requests.Request]:
    """The endpoint and its request. Raises InvalidInput."""
    given = job.get("input")
    if not isinstance(given, Mapping):
        raise requests.InvalidInput("input: is an object with the endpoint's fields")
    fields = {str(key): value for key, value in given.items()}
    name = fields.pop("endpoint", None)
    name = "generate" if name is None else name
    if not isinstance(name, str) or name not in ENDPOINTS:
        raise requests.InvalidInput(f"endpoint: {str(name)[:40]!r} is none of {', '.join(ENDPOINTS)}")
    return name, requests.parse(ENDPOINTS[name].request, fields)


async def _run(name: str, request: requests.Request, job: Job, parts: Parts, pool: Executor) -> Output:
    """Runs the operation in a thread, which a cancel stops at its next check."""
    def operation() -> Output:
        job.begin()
        return ENDPOINTS[name].operation(request, job, parts.leavable(job) if name in QUICK else parts)

    thread = asyncio.get_running_loop().run_in_executor(pool, contextvars.copy_context().run, operation)
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        job.cancel()
        await asyncio.wait([thread])
        thread.exception()  # it is known; asyncio would print the traceback of one that nobody took
        raise


def _runpod_id(job: Mapping[str, Any]) -> str | None:
    return str(job["id"])[:128] if job.get("id") else None


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
        store = open_store(settings)
        store.check()
    with start.stage("engine"):
        engine = _engine(settings)
    with start.stage("timing"):
        sources = timing_sources(settings)
    with start.stage("transcriber"):
        transcriber = _transcriber(settings)
    with start.stage("marking"):
        marks = marking.of(settings, "cpu") if engine.clones else marking.Marking()
    return Parts(settings, store, records.Records(store, lease_s=settings.lease_s, pod_id=settings.runpod_pod_id),
                 engine, sources, transcriber, start, marks)


def open_store(settings: Settings) -> s3_utils.Store:
    """The bucket, or the folder where none is set."""
    if settings.s3_bucket is None:
        return s3_utils.FolderStore(settings.data_dir)
    return s3_utils.S3Store(
        settings.s3_bucket, endpoint_url=settings.s3_endpoint_url, region=settings.s3_region,
        access_key_id=settings.s3_access_key_id or "", secret_access_key=settings.s3_secret_access_key or "",
        session_token=settings.s3_session_token)


def _engine(settings: Settings) -> Engine:
    if settings.tts_engine == "espeak":
        from tts.espeak import Espeak

        return Espeak()
    from tts.f5.engine import F5Engine

    engine = F5Engine.load(settings.models_dir / "f5", settings.models_dir / "vocos", settings.f5_architecture,
                           device.usable(settings.device), cache_bytes=settings.line_cache_mb * 1_000_000)
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


def _made_of(parts: Parts) -> Output:
    """The start line: what an operator compares when one worker behaves unlike another."""
    engine = parts.engine
    return {"pod_id": parts.settings.runpod_pod_id, "version": VERSION,
            "engine": {"name": engine.name, "model": engine.model, "revision": engine.revision},
            "device": str(getattr(engine, "device", "cpu")), "timing_methods": list(parts.sources),
            "storage_warning": parts.store.warning, "settings": parts.settings.public()}


def main() -> int:
    """Builds the parts and hands the handler to RunPod's SDK, which reads the command line itself."""
    # The SDK's import mostly waits for a program that it starts: meanwhile the models are loaded.
    threading.Thread(target=import_module, args=["runpod"], daemon=True).start()
    try:
        settings = Settings.from_env()
        logs.configure(settings.log_level, settings.secrets())
        atexit.register(scratch.give_back, scratch.take())
        parts = build_parts(settings)
        metrics.publish(settings.metrics_port)
    except (SettingsError, EngineError, TimingError, s3_utils.StorageError, OSError) as error:
        if isinstance(error, OSError) and str(error.filename or "").startswith(sys.prefix):
            raise  # A package lacks a file: deploy/launch.py has it repaired.
        print(f"the worker cannot start: {error}", file=sys.stderr)
        return 1
    log.info("worker ready", extra={"fields": _made_of(parts)})
    import runpod

    stopping = drain.install()
    # At DEBUG, its default, the SDK logs whole results, signed URLs among them.
    runpod.RunPodLogger().set_level(SDK_LOG_LEVELS[settings.log_level.upper()])
    runpod.serverless.start({"handler": make_handler(parts, stopping.give_up),
                             "concurrency_modifier": lambda current: settings.concurrency or parts.engine.concurrency})
    parts.records.settle(_SETTLE_S)
    return 1 if stopping.broken else 0


if __name__ == "__main__":
    sys.exit(main())
