"""Words found by the wav2vec2 models that WhisperX loads, aligned exactly; and WhisperX's own transcription.

Nothing is downloaded. Models lie in a folder: `align/<language>/`, a Hugging Face directory or a torchaudio
checkpoint under its own name, and `whisper/`, a CTranslate2 directory with its tokenizer.json.
"""
from __future__ import annotations

import contextlib
import json
import math
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import whisperx

from timing import ctc
from timing.align import RATE_HZ, NoEvidence, Samples, TimingError, unwatched
from timing.words import Span, to_ms

if TYPE_CHECKING:
    from text.spoken import Token

BLOCK_S, CONTEXT_S = 30, 2
"""A model gets 30 s at a time, with two more on each side that are thrown away: memory does not grow."""

SEPARATOR = "|"
RECEPTIVE_FIELD = 400
"""Samples that one frame of wav2vec2 sees: 25 ms (Baevski et al. 2020, section 2)."""


class WhisperX:
    """A `timing.align.Source`. Each language's model is loaded once, at its first use; one call at a time."""

    name = "whisperx"
    usd_per_minute = 0.0
    max_window_s = math.inf

    def __init__(self, models: Path, device: str = "cpu") -> None:
        self._folder, self._device = models / "align", device
        self._lock = threading.Lock()
        self._models: dict[str, _Model] = {}

    def supports(self, language: str) -> str | None:
        folder = self._folder / _primary(language)
        return None if _is_model(folder) else f"no alignment model for {_primary(language)!r} is installed"

    def align(self, samples: Samples, tokens: Sequence[Token], language: str,
              check: Callable[[], None] = unwatched) -> list[Span | None]:
        """Raises NoEvidence when no letter of the text is in the model's alphabet, or the audio is too short.

        Raises TimingError when the model cannot be loaded, or the device has no memory for it.
        """
        with self._lock:
            model = self._loaded(_primary(language))
            labels, owners = _labels(tokens, model.alphabet)
            if not labels:
                raise NoEvidence("no letter of the text is in the model's alphabet")
            optional = [owner is None for owner in owners]
            try:
                path = ctc.best_path(_emissions(model, samples, check), labels, model.blank, optional)
            except torch.OutOfMemoryError as error:
                raise TimingError("the device has no memory left for it") from error
        if path is None:
            raise NoEvidence("the audio is too short for its text")
        return _spans(path, owners, len(tokens), model.stride)

    def _loaded(self, language: str) -> _Model:
        if language not in self._models:
            try:
                with contextlib.redirect_stdout(sys.stderr):  # WhisperX prints what goes wrong
                    self._models[language] = _load(self._folder / language, language, self._device)
            except (OSError, ValueError, RuntimeError, KeyError) as error:
                raise TimingError(f"the alignment model for {language!r} cannot be loaded") from error
        return self._models[language]


class WhisperXTranscriber:
    """What is said in a recording, by the Whisper model in `<models>/whisper`; one call at a time."""

    def __init__(self, models: Path, device: str = "cpu") -> None:
        """Loads the model. Raises TimingError when it is not there."""
        folder = models / "whisper"
        # Without this file faster-whisper asks the hub for it, also when told to stay offline.
        if not (folder / "tokenizer.json").is_file():
            raise TimingError("no Whisper model with its tokenizer.json is installed")
        kind, _, index = device.partition(":")
        self._lock = threading.Lock()
        # More threads than one fight with torch's over the same cores in the voice activity detector.
        self._pipeline: Any = whisperx.load_model(
            str(folder), kind, device_index=int(index or 0), compute_type="float16" if kind == "cuda" else "int8",
            vad_method="pyannote", local_files_only=True, threads=1,
        )

    def transcribe(self, samples: Samples, language: str | None) -> tuple[str, str]:
        """The text of 16 kHz audio, "" where nobody speaks, and its language, detected when None."""
        with self._lock:
            result = self._pipeline.transcribe(samples, language=language and _primary(language), batch_size=8)
        return " ".join(segment["text"].strip() for segment in result["segments"]), str(result["language"])


@dataclass(frozen=True, slots=True)
class _Model:
    network: torch.nn.Module
    device: str
    alphabet: dict[str, int]
    blank: int
    stride: int
    normalize: bool


def _primary(language: str) -> str:
    return language.replace("_", "-").split("-")[0].lower()


def _is_model(folder: Path) -> bool:
    return (folder / "config.json").is_file() or any(folder.glob("*.pt*"))


def _load(folder: Path, language: str, device: str) -> _Model:
    """WhisperX's loader takes a Hugging Face directory by name, and torchaudio's checkpoint from its folder."""
    hugging = (folder / "config.json").is_file()
    network, metadata = whisperx.load_align_model(
        language, device, model_name=str(folder) if hugging else None, model_dir=str(folder), model_cache_only=True)
    dictionary: dict[str, int] = metadata["dictionary"]
    blank = next((code for entry, code in dictionary.items() if entry in ("[pad]", "<pad>")), 0)
    alphabet = {entry: code for entry, code in dictionary.items() if len(entry) == 1 and code != blank}
    preprocessor = folder / "preprocessor_config.json"
    normalize = hugging and preprocessor.is_file() and json.loads(preprocessor.read_text()).get("do_normalize", False)
    stride = int(network.config.inputs_to_logits_ratio) if hugging else 320
    return _Model(network.eval(), device, alphabet, blank, stride, bool(normalize))


def _labels(tokens: Sequence[Token], alphabet: dict[str, int]) -> tuple[list[int], list[int | None]]:
    """The letters of the spoken words that the model knows, and whose they are; a separator is nobody's."""
    labels: list[int] = []
    owners: list[int | None] = []
    for index, token in enumerate(tokens):
        for word in token.spoken:
            codes = [alphabet[letter] for letter in word if letter in alphabet and letter != SEPARATOR]
            if codes and labels and SEPARATOR in alphabet:
                labels.append(alphabet[SEPARATOR])
                owners.append(None)
            labels += codes
            owners += [index] * len(codes)
    return labels, owners


def _emissions(model: _Model, samples: Samples, check: Callable[[], None]) -> Iterator[ctc.LogProbs]:
    """Log-probabilities of the labels, one block after the other, each frame once."""
    block, context = (seconds * RATE_HZ // model.stride * model.stride for seconds in (BLOCK_S, CONTEXT_S))
    for start in range(0, len(samples), block):
        check()
        first = max(0, start - context)
        audio = samples[first : start + block + context]
        log_probs = _log_probs(model, audio)
        skipped = (start - first) // model.stride
        yield log_probs[skipped : skipped + block // model.stride]


def _log_probs(model: _Model, audio: Samples) -> ctc.LogProbs:
    """[n_frames, n_labels] for one stretch; a stretch shorter than one frame is padded to it."""
    if model.normalize:
        audio = (audio - audio.mean()) / np.sqrt(audio.var() + 1e-7)
    audio = np.pad(audio, (0, max(0, RECEPTIVE_FIELD - len(audio))))
    with torch.inference_mode():
        output = model.network(torch.from_numpy(audio)[None].to(model.device))
        logits = output.logits if hasattr(output, "logits") else output[0]
        log_probs: ctc.LogProbs = torch.log_softmax(logits[0].float(), dim=-1).cpu().numpy()
    return log_probs


def _spans(
    path: Sequence[ctc.Segment | None], owners: Sequence[int | None], count: int, stride: int
) -> list[Span | None]:
    """From a token's first letter to its last; a frame is placed by the middle of its receptive field."""
    found: list[list[ctc.Segment]] = [[] for _ in range(count)]
    for label, owner in zip(path, owners, strict=True):
        if label is not None and owner is not None:
            found[owner].append(label)
    offset = (RECEPTIVE_FIELD - stride) / 2
    return [
        Span(
            to_ms((letters[0].first * stride + offset) / RATE_HZ),
            to_ms((letters[-1].stop * stride + offset) / RATE_HZ),
            round(sum(letter.score for letter in letters) / len(letters), 3),
        ) if letters else None
        for letters in found
    ]
