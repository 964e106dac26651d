"""Who speaks when, by pyannote, and whose a word is.

The pipeline lies in `<models>/diarization` (config.yaml and what it names). It is the operator's: such a file can name
any callable, so no request chooses it.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from timing.words import Word
from transcription.speech.recognise import RATE_HZ, Samples

NEAR_MS = 500
"""A word outside of all turns belongs to the nearest, if that is no further away."""


class Turn(NamedTuple):
    start_ms: int
    end_ms: int
    speaker: str


class Diarizer:
    """Loads the pipeline when made."""

    def __init__(self, models: Path, device: str) -> None:
        import torch
        from pyannote.audio import Pipeline

        pipeline: Any = Pipeline.from_pretrained(str(models / "diarization"))
        self._pipeline: Any = pipeline.to(torch.device(device))

    def turns(self, samples: Samples, min_speakers: int | None, max_speakers: int | None,
              check: Callable[[], None], progress: Callable[[float], None]) -> list[Turn]:
        """Turns in order, one speaker at a time: where two speak at once pyannote keeps the likelier one."""
        import torch

        def hook(step: str, artifact: Any, file: Any = None, total: int | None = None,
                 completed: int | None = None) -> None:
            check()
            if total and completed is not None:
                first, width = {"segmentation": (0.0, 0.5), "embeddings": (0.5, 0.49)}.get(step, (0.99, 0.01))
                progress(first + width * min(1.0, completed / total))

        output = self._pipeline({"waveform": torch.from_numpy(samples[None]), "sample_rate": RATE_HZ},
                                min_speakers=min_speakers, max_speakers=max_speakers, hook=hook)
        return [Turn(round(turn.start * 1000), round(turn.end * 1000), str(speaker)) for turn, _, speaker
                in output.exclusive_speaker_diarization.itertracks(yield_label=True) if turn.end > turn.start]


def speakers_of(words: Sequence[Word], turns: Sequence[Turn], samples: Samples) -> tuple[str | None, ...]:
    """The speaker of each word. A word across a change is the one's during whose share of it more sounds.

    None where nobody is found near; () when there are no turns at all.
    """
    if not turns:
        return ()
    ordered = sorted(turns)
    energy = np.concatenate(([0.0], np.cumsum(_energy(samples))))
    found: list[str | None] = []
    first = 0
    for word in words:
        while first + 1 < len(ordered) and ordered[first].end_ms <= word.start_ms - NEAR_MS:
            first += 1
        found.append(_speaker(word, ordered[first:first + 16], energy))
    return tuple(found)


def _energy(samples: Samples) -> Any:
    """Of each 10 ms; the square root keeps one loud syllable from outweighing a soft word."""
    steps = samples[:len(samples) // 160 * 160].reshape(-1, 160)
    return np.sqrt(np.mean(np.square(steps), axis=1)) + 1e-6


def _speaker(word: Word, near: Sequence[Turn], energy: Any) -> str | None:
    shares: dict[str, float] = {}
    for turn in near:
        start, end = max(word.start_ms, turn.start_ms), min(word.end_ms, turn.end_ms)
        if end > start:
            low, high = (min(-(-ms // 10), len(energy) - 1) for ms in (start, end))
            shares[turn.speaker] = shares.get(turn.speaker, 0.0) + float(energy[high] - energy[low]) + 1e-9
    if shares:
        return max(shares, key=lambda name: shares[name])
    away_ms = {turn: max(turn.start_ms - word.end_ms, word.start_ms - turn.end_ms) for turn in near}
    nearest = min(away_ms, key=lambda turn: away_ms[turn])
    return nearest.speaker if away_ms[nearest] <= NEAR_MS else None
