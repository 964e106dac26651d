"""What this machine can do, and the models that do it, loaded when they are needed and let go when they are not."""
from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from timing.align import Source
from transcription.diarize import Diarizer
from transcription.errors import ApiError, invalid
from transcription.recognise import PocketSphinx, Recogniser
from transcription.requests import JobRequest
from transcription.settings import Settings, SettingsError

EMBEDDED = "pocketsphinx"
_T = TypeVar("_T")


@dataclass(frozen=True)
class Capabilities:
    """Told from the models' folder alone: nothing is loaded. `whisper`: model size -> folder; "" is the default."""

    whisper: Mapping[str, Path]
    align_languages: tuple[str, ...]
    diarization: bool

    @property
    def engine(self) -> str:
        return "whisper" if self.whisper else EMBEDDED

    @property
    def model_names(self) -> list[str]:
        return sorted(name or "whisper" for name in self.whisper) or [EMBEDDED]

    def check(self, request: JobRequest) -> None:
        """Raises ApiError for what cannot be done here, before anything is stored."""
        english = request.language is None or request.language.lower().split("-")[0].split("_")[0] == "en"
        if request.model_size and request.model_size not in self.whisper:
            raise ApiError("VALIDATION_MODEL_UNAVAILABLE", f"model_size: {request.model_size} is not installed here; "
                           f"installed: {', '.join(self.model_names)}", field="model_size", reason="not_installed")
        if request.task == "translate" and not self.whisper:
            raise ApiError("VALIDATION_MODEL_UNAVAILABLE", "task: only Whisper translates, and no Whisper is installed "
                           "here", field="task", reason="not_installed")
        if request.enable_diarization and not self.diarization:
            raise ApiError("VALIDATION_MODEL_UNAVAILABLE", "enable_diarization: no diarization model is installed here",
                           field="enable_diarization", reason="not_installed")
        if not self.whisper and request.initial_transcript is None and not english:
            raise invalid("language", f"the recogniser installed here ({EMBEDDED}) knows English only", "not_installed")


def capabilities(settings: Settings) -> Capabilities:
    """Raises SettingsError where a model is demanded that is not there."""
    models = settings.models_dir
    torch = find_spec("whisperx") is not None
    whisper = _whisper_folders(models / "whisper") if torch and settings.asr_engine != EMBEDDED else {}
    if settings.asr_engine == "whisper" and not whisper:
        raise SettingsError("ASR_ENGINE is whisper, but MODELS_DIR holds no whisper/model.bin with its tokenizer.json, "
                            "or WhisperX is not installed")
    aligners = sorted(path.name for path in (models / "align").glob("*") if path.is_dir()) if torch else []
    diarization = torch and (models / "diarization" / "config.yaml").is_file()
    return Capabilities(whisper, tuple(aligners), diarization)


def _whisper_folders(folder: Path) -> dict[str, Path]:
    """Without tokenizer.json faster-whisper would ask the hub for it, also when told to stay offline."""
    found = {path.parent.name: path.parent for path in sorted(folder.glob("*/model.bin"))
             if (path.parent / "tokenizer.json").is_file()}
    if (folder / "model.bin").is_file() and (folder / "tokenizer.json").is_file():
        found[""] = folder
    elif found:
        found[""] = found.get("large-v3-turbo") or next(iter(found.values()))
    return found


class Engines:
    """The models of one worker process, which uses them from one thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.can = capabilities(settings)
        self.device = _device(settings.device) if self._needs_torch else "cpu"
        self._loaded: dict[str, tuple[Any, float]] = {}
        if settings.model_load == "start":
            self.recogniser(None)
            self.sources()
            if self.can.diarization:
                self.diarizer()

    @property
    def _needs_torch(self) -> bool:
        return bool(self.can.whisper or self.can.align_languages or self.can.diarization)

    def recogniser(self, model_size: str | None) -> Recogniser:
        if not self.can.whisper:
            return self._kept(EMBEDDED, PocketSphinx)

        def load() -> Recogniser:
            from transcription.whisper import Whisper

            folder = self.can.whisper[model_size or ""]
            return Whisper(folder, model_size or folder.name, self.device, self._settings.batch_size)

        return self._kept(f"whisper {model_size or ''}", load)

    def sources(self) -> Mapping[str, Source]:
        """Aligners by name. Audio never leaves the service: Google is not among them."""
        from timing.pocketsphinx import PocketSphinx as Embedded

        found: dict[str, Source] = {}
        if self.can.align_languages:
            def load() -> Source:
                from timing.whisperx import WhisperX

                return WhisperX(self._settings.models_dir, self.device)

            found["whisperx"] = self._kept("align", load)
        return found | {"pocketsphinx": self._kept("align pocketsphinx", Embedded)}

    def diarizer(self) -> Diarizer:
        return self._kept("diarization", lambda: Diarizer(self._settings.models_dir, self.device))

    def release_idle(self) -> list[str]:
        """Lets go of what was not used for `MODEL_IDLE_S`; returns the names. Called between jobs."""
        idle_s, now = self._settings.model_idle_s, time.monotonic()
        idle = [name for name, (_, used) in self._loaded.items() if idle_s and now - used > idle_s]
        for name in idle:
            del self._loaded[name]
        if idle:
            gc.collect()
            if self.device.startswith("cuda"):
                import torch

                torch.cuda.empty_cache()
        return idle

    def _kept(self, name: str, load: Callable[[], _T]) -> _T:
        model: _T = self._loaded[name][0] if name in self._loaded else load()
        self._loaded[name] = (model, time.monotonic())
        return model


def _device(wanted: str) -> str:
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise SettingsError(f"DEVICE is {wanted}, but no CUDA device is to be had")
    return wanted
