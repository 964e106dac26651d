"""Signs that a recogniser made a passage up: nobody speaks there, it repeats itself, the sound does not bear it out."""
from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

import numpy as np

from timing.words import Word
from transcription.speech.recognise import RATE_HZ, Passage, Samples

COMPRESSION = 2.4
"""Whisper's own limit: text that deflates better than this repeats itself (Radford et al. 2022, section 4.5)."""
SILENT_DB = 35.0
MIN_SCORE = 0.25
MAX_ESTIMATED = 0.5
_REPEATED = re.compile(r"(?:^|\s)(\S+(?:\s+\S+){0,7}?)(?:\s+\1){3,}(?=\s|$)", re.IGNORECASE)


def before_alignment(passages: Sequence[Passage], samples: Samples) -> list[tuple[str, ...]]:
    """For each passage its doubts, its own first."""
    loud = _level(samples)
    return [(*passage.doubts, *_doubts(passage, samples, loud)) for passage in passages]


def after_alignment(words: Sequence[Word]) -> tuple[str, ...]:
    """Doubts about the aligned words of one passage."""
    scores = [word.score for word in words if word.score is not None]
    if sum(word.estimated for word in words) > MAX_ESTIMATED * len(words):
        return ("most of its words were not found in the sound",)
    if scores and sum(scores) / len(scores) < MIN_SCORE:
        return ("the sound hardly bears it out",)
    return ()


def _doubts(passage: Passage, samples: Samples, loud: float) -> list[str]:
    found = []
    part = samples[passage.start_ms * RATE_HZ // 1000:passage.end_ms * RATE_HZ // 1000]
    if _level(part) < loud * 10 ** (-SILENT_DB / 20):
        found.append("it is silent there")
    text = passage.text.encode()
    deflates = len(text) > 100 and len(text) / len(zlib.compress(text)) > COMPRESSION
    if deflates or _REPEATED.search(passage.text[:2000]):
        found.append("it repeats itself")
    return found


def _level(samples: Samples) -> float:
    """The loud parts: the 95th percentile of the level of 10 ms each."""
    if len(samples) < 160:
        return 0.0
    steps = samples[:len(samples) // 160 * 160].reshape(-1, 160)
    return float(np.percentile(np.sqrt(np.mean(np.square(steps), axis=1)), 95))
