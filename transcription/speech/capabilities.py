"""What this machine can do, by what lies in the models' folder. Nothing is loaded."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from transcription.errors import ApiError, invalid
from transcription.settings import Settings, SettingsError
from transcription.speech.requests import JobRequest

EMBEDDED = "pocketsphinx"


@dataclass(frozen=True)
class Capabilities:
    """`whisper`: model size -> folder; "" is the default."""

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
