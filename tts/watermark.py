"""An inaudible mark in speech that a machine made: Resemble AI's Perth (MIT), whose weights come in its package.

Perth adds to the magnitudes below 2 kHz what its decoder finds again. Only what it adds is taken here and laid over
the waveform, which keeps its rate, its length and everything above.
"""
from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import soxr

from tts import EngineError, Samples

RATE_HZ = 32_000
"""The rate that Perth works at."""
MIN_SCORE = 0.5
"""A score from here on is a mark: the middle of a decoder that was trained to say 0 or 1."""
_BLOCK_S = 30
_SOUNDS = 0.05
"""Of the loudest moment: Perth's decoder leaves out what is weaker."""


class WatermarkError(EngineError):
    """The watermark is configured and cannot be made."""


class Watermark:
    """Loads Perth's network on `device`. Raises WatermarkError where the package is absent or broken."""

    def __init__(self, device: str = "cpu") -> None:
        try:
            # The package tells on standard output that it has loaded, and swallows its own failed imports.
            with contextlib.redirect_stdout(io.StringIO()):
                from perth.perth_net.perth_net_implicit.perth_watermarker import PerthImplicitWatermarker

                self._perth: Any = PerthImplicitWatermarker(device=device)
        except (ImportError, OSError, RuntimeError) as error:
            raise WatermarkError(f"the watermark cannot be made: {type(error).__name__} in resemble-perth; "
                                 "set MARKING without `watermark` or repair the environment") from error
        self._perth.perth_net.eval()

    def mark(self, samples: Samples, rate_hz: int) -> Samples:
        """The waveform with the mark: float32 [n_samples] as before. What is too short for a frame stays as it is."""
        resampled = soxr.resample(samples, rate_hz, RATE_HZ)
        blocks = [self._added(resampled[start:start + _BLOCK_S * RATE_HZ])
                  for start in range(0, len(resampled), _BLOCK_S * RATE_HZ)]
        added = soxr.resample(np.concatenate(blocks), RATE_HZ, rate_hz) if blocks else np.zeros(0, np.float32)
        marked = samples.astype(np.float32, copy=True)
        n_samples = min(len(marked), len(added))
        marked[:n_samples] += added[:n_samples]
        return marked

    def _added(self, block: Samples) -> Samples:
        """What Perth adds to this block at `RATE_HZ`, as long as the block."""
        import torch

        network = self._perth.perth_net
        added = np.zeros(len(block), np.float32)
        if len(block) <= network.hp.window_size:
            return added
        with torch.inference_mode():
            magnitudes, phase = network.ap.signal_to_magphase(
                torch.from_numpy(np.ascontiguousarray(block, dtype=np.float32)).to(network.device))
            marked, _ = network.encoder(magnitudes[None])
            difference = (network.ap.magphase_to_signal(marked[0], phase)
                          - network.ap.magphase_to_signal(magnitudes, phase)).cpu().numpy()
        added[:len(difference)] = difference[:len(block)]
        return added

    def score(self, samples: Samples, rate_hz: int, check: Callable[[], None] = lambda: None) -> float:
        """How sure the decoder is that the mark is there, 0-1; 0 for what is too short to say.

        It is the mean over what sounds, half a minute at a time: an hour at once would take 10 GB. `check` is called
        between them, and raises to stop.
        """
        n_block = _BLOCK_S * rate_hz
        blocks = [samples[start:start + n_block] for start in range(0, len(samples), n_block)]
        levels = [_levels(block, rate_hz) for block in blocks]
        limit = _SOUNDS * max((float(each.max()) for each in levels), default=0.0)
        found, total = 0.0, 0
        for block, level in zip(blocks, levels, strict=True):
            check()
            resampled = soxr.resample(block, rate_hz, RATE_HZ).astype(np.float32)
            n_sounding = int((level > limit).sum())
            if n_sounding and len(resampled) > self._perth.perth_net.hp.window_size:
                found, total = found + n_sounding * self._decoded(resampled), total + n_sounding
        return found / total if total else 0.0

    def _decoded(self, resampled: Samples) -> float:
        import torch

        with torch.inference_mode():
            return float(self._perth.get_watermark(resampled, RATE_HZ, round=False))


def _levels(block: Samples, rate_hz: int) -> Samples:
    """The mean magnitude of each 10 ms; the last may be shorter."""
    starts = np.arange(0, len(block), max(1, rate_hz // 100))
    means = np.add.reduceat(np.abs(block), starts) / np.diff(starts, append=len(block))
    return np.asarray(means, np.float32)
