"""The models of a worker: loaded when they are needed, let go when they are not."""
from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from timing.align import Source
from transcription.settings import Settings, SettingsError
from transcription.speech.capabilities import EMBEDDED, capabilities
from transcription.speech.diarize import Diarizer
from transcription.speech.recognise import PocketSphinx, Recogniser

_T = TypeVar("_T")


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
            from transcription.speech.whisper import Whisper

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
