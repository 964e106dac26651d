"""English words found by pocketsphinx's forced alignment: offline, without a GPU, with its bundled model."""
from __future__ import annotations

import math
import re
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from timing.align import NoEvidence, Samples
from timing.words import Span

if TYPE_CHECKING:
    import pocketsphinx

    from timing.spoken import Token

FRAME_MS = 10


class PocketSphinx:
    """A `timing.align.Source`. Loads its model (0.3 s) at the first use; one call at a time."""

    name = "pocketsphinx"
    max_window_s = math.inf

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._decoder: pocketsphinx.Decoder | None = None

    def supports(self, language: str) -> str | None:
        return None if re.match(r"en\b", language.replace("_", "-").lower()) else "its acoustic model is English only"

    def align(self, samples: Samples, tokens: Sequence[Token], language: str) -> list[Span | None]:
        with self._lock:
            decoder = self._loaded()
            words = [(i, word) for i, token in enumerate(tokens) for word in token.spoken]
            known = [(i, word) for i, word in words if decoder.lookup_word(word) is not None]
            if not known:
                raise NoEvidence("none of the words is in its dictionary")
            decoder.set_align_text(" ".join(word for _, word in known))
            decoder.start_utt()
            decoder.process_raw((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes(), full_utt=True)
            decoder.end_utt()
            segments = [s for s in decoder.seg() or () if not re.match(r"[<\[(]", s.word)]
            if len(segments) != len(known):
                raise NoEvidence("the words are not in this audio")
        spans: list[Span | None] = [None] * len(tokens)
        for (index, _), segment in zip(known, segments, strict=True):
            start_ms, end_ms = segment.start_frame * FRAME_MS, (segment.end_frame + 1) * FRAME_MS
            before = spans[index]
            spans[index] = Span(before.start_ms if before else start_ms, end_ms)
        return spans

    def _loaded(self) -> pocketsphinx.Decoder:
        if self._decoder is None:
            import pocketsphinx

            self._decoder = pocketsphinx.Decoder(
                samprate=16000, loglevel="FATAL", bestpath=False, beam=1e-100, pbeam=1e-100, wbeam=1e-80
            )
        return self._decoder
