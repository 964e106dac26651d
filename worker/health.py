"""Endpoint `health`: what this worker is made of and whether it can do its work."""
from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from s3_utils import StorageError, Store
from timing.align import Source
from tts import Engine
from worker import device
from worker.settings import Settings
from worker.start import Report

PACKAGES = ("runpod", "boto3", "torch", "torchaudio", "f5-tts", "vocos", "whisperx", "faster-whisper", "pocketsphinx",
            "espeakng-loader", "google-cloud-speech", "ass", "flash-attn")


def report(settings: Settings, store: Store, engine: Engine, sources: Mapping[str, Source],
           start: Report) -> dict[str, Any]:
    """The endpoint's answer; `degraded` where the store cannot be written."""
    try:
        store.check()
        storage = "ok"
    except StorageError as error:
        storage = str(error)
    where = str(getattr(engine, "device", "cpu"))
    return {
        "status": "ok" if storage == "ok" else "degraded",
        "versions": {"python": platform.python_version(), **_versions()},
        "engine": {"name": engine.name, "model": engine.model, "revision": engine.revision, "clones": engine.clones,
                   "sample_rate": engine.rate_hz, "form": getattr(engine, "form", None)},
        "device": where,
        "gpu": device.report(where),
        "models": sorted(path.name for path in settings.models_dir.iterdir()) if settings.models_dir.is_dir() else [],
        "storage": {"kind": "s3" if settings.s3_bucket else "folder", "state": storage},
        "timing_methods": {name: _method_state(name, source, settings) for name, source in sources.items()},
        "start": start.rows(),
    }


def _method_state(name: str, source: Source, settings: Settings) -> str:
    configured = settings.google_credentials_json or settings.google_application_credentials
    if name == "google" and not configured:
        return "no credentials configured; the machine's own are tried"
    return source.supports("en") or "ok"


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
