"""faster-whisper through WhisperX: voice activity first, then windows of up to 30 s in batches."""
from __future__ import annotations

import contextlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import whisperx

from transcription.speech.recognise import RATE_HZ, Passage, Recognition, Samples, Wish

PIECE_S = 600
"""Longer audio is recognised piece by piece, so that memory does not grow with it."""


class Whisper:
    """A `Recogniser`. Loads the CTranslate2 model in `folder` when made; one call at a time."""

    name = "whisper"

    def __init__(self, folder: Path, model: str, device: str, batch_size: int) -> None:
        self.model, self._batch_size = model, batch_size
        kind, _, index = device.partition(":")
        # More threads than one fight with torch's over the same cores in the voice activity detector.
        with contextlib.redirect_stdout(sys.stderr):
            self._pipeline: Any = whisperx.load_model(
                str(folder), kind, device_index=int(index or 0), vad_method="pyannote", local_files_only=True,
                compute_type="float16" if kind == "cuda" else "int8", threads=1)

    def recognise(self, samples: Samples, wish: Wish) -> Recognition:
        self._set(wish)
        language = wish.language and wish.language.replace("_", "-").split("-")[0].lower()
        warnings: list[str] = []
        passages: list[Passage] = []
        for start, stop in _pieces(samples):
            wish.check()
            share = (stop - start) / len(samples)
            result = self._piece(samples[start:stop], language, wish, start / len(samples), share)
            if language is None:
                language = str(result["language"])
                if len(samples) < 30 * RATE_HZ:
                    warnings.append(f"the language, {language}, was detected from less than 30 s of sound")
            passages += _passages(result["segments"], start * 1000 // RATE_HZ, len(samples) * 1000 // RATE_HZ)
        return Recognition(tuple(passages), "en" if wish.task == "translate" else wish.language or language or "en",
                           tuple(warnings))

    def _set(self, wish: Wish) -> None:
        """The options lie on the pipeline, which is why only one call may run at a time."""
        self._pipeline.options = replace(self._pipeline.options, initial_prompt=wish.prompt,
                                         temperatures=[wish.temperature])

    def _piece(self, samples: Samples, language: str | None, wish: Wish, done: float, share: float) -> dict[str, Any]:
        def progress(percent: float) -> None:
            wish.check()
            wish.progress(done + share * percent / 100)

        with contextlib.redirect_stdout(sys.stderr):
            result: dict[str, Any] = self._pipeline.transcribe(
                samples, batch_size=self._batch_size, language=language, task=wish.task, progress_callback=progress)
        return result


def _pieces(samples: Samples) -> list[tuple[int, int]]:
    """Cut at the quietest tenth of a second of the last half minute of each piece."""
    found, start, size = [], 0, PIECE_S * RATE_HZ
    while len(samples) - start > size:
        late = start + size - 30 * RATE_HZ
        steps = [float(abs(samples[at:at + 1600]).mean()) for at in range(late, start + size, 1600)]
        cut = late + steps.index(min(steps)) * 1600 + 800
        found.append((start, cut))
        start = cut
    return [*found, (start, len(samples))]


def _passages(segments: list[dict[str, Any]], offset_ms: int, length_ms: int) -> list[Passage]:
    return [Passage(offset_ms + round(segment["start"] * 1000),
                    min(length_ms, offset_ms + round(segment["end"] * 1000)), segment["text"].strip(),
                    ("Whisper itself gives it little chance",) if _unlikely(segment) else ())
            for segment in segments if segment["text"].strip()]


def _unlikely(segment: dict[str, Any]) -> bool:
    """Whisper's own limit of the mean log probability, at which it would try again warmer."""
    return float(segment.get("avg_logprob") or 0.0) < -1.0
