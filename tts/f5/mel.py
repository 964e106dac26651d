"""Waveform <-> mel: the front end that F5-TTS was trained on, and Vocos back.

100 log-mel bins at 24 kHz, a frame every 256 samples (10.7 ms); frame k is centred on sample 256 k.
"""
from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torchaudio
import yaml
from f5_tts.model.modules import get_vocos_mel_spectrogram
from torch import Tensor
from vocos import Vocos

from tts import EngineError, Samples
from tts.f5.network import LoadError, read_weights

RATE_HZ = 24_000
HOP = 256
FRAMES_PER_S = RATE_HZ / HOP


def encode(samples: Samples, rate_hz: int, target_rms: float, device: torch.device) -> tuple[Tensor, float]:
    """The mel, float32 [1, 1 + n_samples // 256, 100], and the gain that undoes what was done to a quiet voice.

    A voice below `target_rms` is raised to it first: the network makes noise after a quiet reference
    (upstream infer/utils_infer.py, infer_batch_process). Raises EngineError for silence.
    """
    wave = torch.tensor(samples, dtype=torch.float32)[None]
    rms = float(wave.square().mean().sqrt())
    if not rms > 0:
        raise EngineError("the voice's recording is silent; upload it again")
    gain = min(1.0, rms / target_rms) if target_rms > 0 else 1.0
    if rate_hz != RATE_HZ:
        wave = torchaudio.functional.resample(wave, rate_hz, RATE_HZ)
    return get_vocos_mel_spectrogram((wave / gain).to(device)).transpose(1, 2), gain


def decode(vocos: Vocos, mel: Tensor) -> Samples:
    """float32 [(n_frames - 1) * 256], the sound from the first frame's centre to the last's.

    Raises EngineError when the mel, [1, n_frames, 100], is no sound.
    """
    wave: Samples = vocos.decode(mel.float().transpose(1, 2))[0].cpu().numpy()
    if not torch.isfinite(torch.from_numpy(wave)).all():
        raise EngineError("the model lost its way and made no sound; try another seed or a lower cfg_strength")
    return wave


def load_vocos(folder: Path, device: torch.device) -> Vocos:
    """Vocos from `config.yaml` and its weights (charactr/vocos-mel-24khz). Raises LoadError."""
    config = folder / "config.yaml"
    weights = next((folder / name for name in ("model.safetensors", "pytorch_model.bin")
                    if (folder / name).is_file()), None)
    if weights is None or not config.is_file():
        raise LoadError(f"no Vocos is at {folder}: put config.yaml and pytorch_model.bin (or model.safetensors) "
                        "of charactr/vocos-mel-24khz there")
    _check_classes(config)
    try:
        vocos = Vocos.from_hparams(str(config))
        vocos.load_state_dict(read_weights(weights), strict=True)
        fits = (vocos.feature_extractor.mel_spec.sample_rate, vocos.head.istft.hop_length) == (RATE_HZ, HOP)
    except (TypeError, KeyError, AttributeError, ValueError, RuntimeError) as error:
        raise LoadError(f"{weights} and {config} are not a Vocos for mels: {str(error)[:600]}") from None
    if not fits:
        raise LoadError(f"{config} is not for {RATE_HZ} Hz and a hop of {HOP} samples: F5 needs vocos-mel-24khz")
    return vocos.to(device).eval()


def _check_classes(config: Path) -> None:
    """Vocos makes instances of whatever classes its file names; only its own may be named."""
    try:
        written: dict[str, Any] = yaml.safe_load(config.read_bytes())
        named = [written[part]["class_path"] for part in ("feature_extractor", "backbone", "head")]
    except (yaml.YAMLError, TypeError, KeyError) as error:
        raise LoadError(f"{config} is not a Vocos configuration: {error}") from None
    for path in named:
        if not str(path).startswith("vocos."):
            raise LoadError(f"{config} names {path}, which is not a class of vocos: refused")
