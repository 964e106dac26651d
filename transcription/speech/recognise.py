"""What a recogniser is, and the embedded one: PocketSphinx with its bundled English model, no download, no GPU."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from intake import audio

if TYPE_CHECKING:
    import pocketsphinx

Samples = audio.Samples
RATE_HZ = 16_000
"""What every model here is given."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What was recognised between two times. `doubts`: why it may be made up."""

    start_ms: int
    end_ms: int
    text: str
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recognition:
    passages: tuple[Passage, ...]
    language: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wish:
    """What is asked of a recogniser. `check` raises to stop; `progress` takes a share from 0 to 1."""

    language: str | None
    task: str = "transcribe"
    prompt: str | None = None
    temperature: float = 0.0
    check: Callable[[], None] = lambda: None
    progress: Callable[[float], None] = field(default=lambda share: None)


class Recogniser(Protocol):
    name: str
    model: str

    def recognise(self, samples: Samples, wish: Wish) -> Recognition:
        """`samples`: float32 [n] at 16 kHz."""
        ...


WINDOW_S = 10.0
"""A window is decoded in one call, whose end a cancelled job waits for."""
_MIN_PAUSE_MS = 200
_MARGIN_MS = 150


class PocketSphinx:
    """A `Recogniser`. Loads its model at the first use."""

    name, model = "pocketsphinx", "en-us"

    def __init__(self) -> None:
        self._decoder: pocketsphinx.Decoder | None = None

    def recognise(self, samples: Samples, wish: Wish) -> Recognition:
        warnings = ["recognised by PocketSphinx's bundled English model, whose accuracy is modest: check the text"]
        if wish.language is None:
            warnings.append("the language was not given and this recogniser knows English only: English is assumed")
        if wish.prompt or wish.temperature:
            warnings.append("prompt and temperature are for Whisper: this recogniser does not use them")
        passages = []
        for start_ms, end_ms in windows_ms(samples):
            wish.check()
            text = self._decode(samples[start_ms * RATE_HZ // 1000:end_ms * RATE_HZ // 1000])
            if text:
                passages.append(Passage(start_ms, end_ms, text))
            wish.progress(end_ms * RATE_HZ / 1000 / len(samples))
        return Recognition(tuple(passages), wish.language or "en", tuple(warnings))

    def _decode(self, samples: Samples) -> str:
        decoder = self._loaded()
        # The estimates of noise and of the cepstral mean begin anew: what was said before, by whomever, has no part.
        decoder.reinit_feat()
        decoder.start_utt()
        decoder.process_raw((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        words = (re.sub(r"\(\d+\)$", "", each.word) for each in decoder.seg() or ())
        return " ".join(word for word in words if not re.match(r"[<\[+]", word))

    def _loaded(self) -> pocketsphinx.Decoder:
        if self._decoder is None:
            import pocketsphinx

            self._decoder = pocketsphinx.Decoder(samprate=RATE_HZ, cmn="batch", loglevel="FATAL")
        return self._decoder


def windows_ms(samples: Samples) -> list[tuple[int, int]]:
    """Where somebody may be speaking: stretches of at most `WINDOW_S`, cut where it is quietest."""
    quality = audio.measure(samples, RATE_HZ)
    quiet_db = min(max(quality.rms_dbfs - 25, quality.noise_floor_dbfs + 6), quality.rms_dbfs - 10)
    length_ms = len(samples) * 1000 // RATE_HZ
    silences = audio.silences(samples, RATE_HZ, min_ms=_MIN_PAUSE_MS, threshold_db=quiet_db)
    edges = [0, *(ms for silence in silences for ms in silence), length_ms]
    islands = [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if end > start]
    found: list[tuple[int, int]] = []
    for start, end in (piece for island in islands for piece in _short(samples, *island)):
        start, end = max(found[-1][1] if found else 0, start - _MARGIN_MS), min(length_ms, end + _MARGIN_MS)
        if found and end - found[-1][0] <= WINDOW_S * 1000:
            start = found.pop()[0]
        found.append((start, end))
    return found


def _short(samples: Samples, start_ms: int, end_ms: int) -> Iterator[tuple[int, int]]:
    """A stretch cut into pieces of at most `WINDOW_S`, each at the quietest 10 ms of its later half."""
    while end_ms - start_ms > WINDOW_S * 1000:
        middle_ms = start_ms + int(WINDOW_S * 500)
        late = samples[middle_ms * RATE_HZ // 1000:(start_ms + int(WINDOW_S * 1000)) * RATE_HZ // 1000]
        steps = np.square(late[:len(late) // 160 * 160]).reshape(-1, 160).sum(axis=1)
        cut_ms = middle_ms + int(np.argmin(np.convolve(steps, np.ones(5), "same"))) * 10
        yield start_ms, cut_ms
        start_ms = cut_ms
    yield start_ms, end_ms
