"""Words found by the wav2vec2 models that WhisperX loads, aligned exactly, and WhisperX's own transcription.

Nothing is downloaded: models lie in a folder, `align/<language>/` (a Hugging Face directory, or a torchaudio
checkpoint under its own name) and `whisper/` (a CTranslate2 directory).
"""
from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import whisperx

from timing import ctc
from timing.align import NoEvidence, Samples
from timing.words import Span, to_ms

if TYPE_CHECKING:
    from timing.spoken import Token

RATE_HZ = 16_000
SEPARATOR = "|"


def _code(language: str) -> str:
    return language.replace("_", "-").split("-")[0].lower()


@dataclass(frozen=True, slots=True)
class _Model:
    network: torch.nn.Module
    dictionary: dict[str, int]
    blank: int
    kind: str


class WhisperX:
    """A `timing.align.Source`. Each language's model is loaded once, at its first use; one call at a time."""

    name = "whisperx"
    max_window_s = math.inf

    def __init__(self, models: Path, device: str = "cpu") -> None:
        self._models, self._device = models / "align", device
        self._lock = threading.Lock()
        self._loaded: dict[str, _Model] = {}

    def supports(self, language: str) -> str | None:
        folder = self._models / _code(language)
        if folder.is_dir() and any(folder.iterdir()):
            return None
        return f"no alignment model for {_code(language)} is installed"

    def align(self, samples: Samples, tokens: Sequence[Token], language: str) -> list[Span | None]:
        with self._lock:
            model = self._model(_code(language))
            labels: list[int] = []
            owners: list[int] = []
            for index, token in enumerate(tokens):
                for word in token.spoken:
                    codes = [model.dictionary[c] for c in word if c in model.dictionary]
                    if not codes:
                        continue
                    if labels and SEPARATOR in model.dictionary:
                        labels.append(model.dictionary[SEPARATOR])
                        owners.append(-1)
                    labels += codes
                    owners += [index] * len(codes)
            if not labels:
                raise NoEvidence("no letter of the text is in the model's alphabet")
            emissions = list(self._emissions(model, samples))
        path = ctc.best_path(emissions, labels, model.blank)
        if path is None:
            raise NoEvidence("the audio is too short for its text")
        n_frames = sum(map(len, emissions))
        frame_s = len(samples) / RATE_HZ / n_frames
        spans: list[Span | None] = [None] * len(tokens)
        for owner, (first, last) in zip(owners, path, strict=True):
            if owner < 0:
                continue
            before = spans[owner]
            spans[owner] = Span(before.start_ms if before else to_ms(first * frame_s), to_ms((last + 1) * frame_s))
        return spans

    def _emissions(self, model: _Model, samples: Samples) -> Iterator[ctc.LogProbs]:
        with torch.inference_mode():
            audio = torch.from_numpy(np.pad(samples, (0, max(0, 400 - len(samples)))))[None].to(self._device)
            output = model.network(audio)
            logits = output.logits if model.kind == "huggingface" else output[0]
            yield torch.log_softmax(logits.float(), dim=-1)[0].cpu().numpy()

    def _model(self, language: str) -> _Model:
        if language not in self._loaded:
            folder = self._models / language
            name = str(folder) if (folder / "config.json").is_file() else None
            network, meta = whisperx.load_align_model(
                language, self._device, model_name=name, model_dir=str(folder), model_cache_only=True
            )
            dictionary: dict[str, int] = meta["dictionary"]
            blank = next((code for char, code in dictionary.items() if char in ("[pad]", "<pad>")), 0)
            letters = {char: code for char, code in dictionary.items() if len(char) == 1 and code != blank}
            self._loaded[language] = _Model(network.eval(), letters, blank, meta["type"])
        return self._loaded[language]


class WhisperXTranscriber:
    """What is said in a recording, by the Whisper model in `<models>/whisper`."""

    def __init__(self, models: Path, device: str = "cpu") -> None:
        self._lock = threading.Lock()
        self._pipeline: Any = whisperx.load_model(
            str(models / "whisper"), device, compute_type="float16" if device.startswith("cuda") else "int8",
            local_files_only=True, threads=1,
        )

    def transcribe(self, samples: Samples, language: str | None) -> tuple[str, str]:
        """The words of 16 kHz audio and their language (detected when None)."""
        with self._lock:
            result = self._pipeline.transcribe(samples, language=language, batch_size=8)
        return " ".join(s["text"].strip() for s in result["segments"]), str(result["language"])
