"""Waveform -> mel: the front end that F5-TTS was trained on.

100 log-mel bins at 24 kHz, a frame every 256 samples (10.7 ms); frame k is centred on sample 256 k. The same
numbers as torchaudio's MelSpectrogram(power=1, norm=None), whose import a worker does without.
"""
from __future__ import annotations

from functools import cache

import soxr
import torch
from torch import Tensor

from tts import EngineError, Samples
from tts.f5.checkpoint import N_MELS

RATE_HZ = 24_000
HOP = 256
N_FFT = 1024
FRAMES_PER_S = RATE_HZ / HOP


@torch.inference_mode()
def encode(samples: Samples, rate_hz: int, target_rms: float) -> tuple[Tensor, float]:
    """The mel, float32 [1 + n_samples // 256, 100], and the gain that undoes what was done to a quiet voice.

    A voice below `target_rms` is raised to it first: the network makes noise after a quiet reference
    (upstream infer/utils_infer.py, infer_batch_process). Raises EngineError for silence.
    """
    wave = torch.tensor(samples, dtype=torch.float32)
    rms = float(wave.square().mean().sqrt())
    if not rms > 0:
        raise EngineError("the voice's recording is silent; upload it again")
    gain = min(1.0, rms / target_rms) if target_rms > 0 else 1.0
    if rate_hz != RATE_HZ:
        wave = torch.from_numpy(soxr.resample(wave.numpy(), rate_hz, RATE_HZ, quality="VHQ"))
    window = torch.hann_window(N_FFT)
    spectrum = torch.stft(wave / gain, N_FFT, HOP, window=window, center=True, return_complex=True).abs()
    return (spectrum.T @ filters()).clamp(min=1e-5).log(), gain


@cache
def filters() -> Tensor:
    """Triangles on the HTK mel scale, not normalised, [513, 100]."""
    hz = torch.linspace(0, RATE_HZ // 2, N_FFT // 2 + 1)
    top = 2595.0 * torch.log10(torch.tensor(1.0 + RATE_HZ / 2 / 700.0))
    edges = 700.0 * (10.0 ** (torch.linspace(0, float(top), N_MELS + 2) / 2595.0) - 1.0)
    width, slopes = edges.diff(), edges[None] - hz[:, None]
    return torch.clamp(torch.minimum(-slopes[:, :-2] / width[:-1], slopes[:, 2:] / width[1:]), min=0)
