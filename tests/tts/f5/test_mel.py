from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tts.f5 import mel


def test_a_mel_is_upstreams() -> None:
    from f5_tts.model.modules import get_vocos_mel_spectrogram

    samples = np.random.default_rng(2).normal(scale=0.2, size=50_000).astype(np.float32)
    theirs = get_vocos_mel_spectrogram(torch.from_numpy(samples)[None])[0].T
    assert torch.allclose(mel.encode(samples, 24_000, 0.1)[0], theirs, atol=1e-5)


@pytest.mark.parametrize("n_samples", [24_000, 24_064, 24_063, 100_001])
def test_a_mel_has_a_frame_at_the_start_and_one_after_each_hop(n_samples: int) -> None:
    samples = np.random.default_rng(2).normal(scale=0.2, size=n_samples).astype(np.float32)
    frames, gain = mel.encode(samples, 24_000, 0.1)
    assert frames.shape == (1 + n_samples // 256, 100)
    assert gain == 1.0


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000])
def test_a_tone_is_the_same_tone_at_any_sampling_rate(rate_hz: int) -> None:
    def tone(rate: int) -> Any:
        return (0.3 * np.sin(2 * np.pi * 880 * np.arange(2 * rate) / rate)).astype(np.float32)

    wanted, _ = mel.encode(tone(24_000), 24_000, 0.1)
    found, _ = mel.encode(tone(rate_hz), rate_hz, 0.1)
    assert found.shape == wanted.shape
    assert torch.equal(found[5:-5].argmax(dim=1), wanted[5:-5].argmax(dim=1))
    assert torch.allclose(found[5:-5].amax(dim=1), wanted[5:-5].amax(dim=1), atol=0.05)
