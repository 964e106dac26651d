"""Mel -> waveform by Vocos (charactr/vocos-mel-24khz), read from its own files into plain PyTorch.

Its convolutions see CONTEXT frames to either side. A line follows its reference, so the reference's last frames
go before it and their sound is cut off again: without them the line's first 0.3 s would be made from zeros.
"""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
import yaml
from torch import Tensor

from tts import EngineError, Samples
from tts.f5.checkpoint import N_MELS, LoadError, read_tensors
from tts.f5.kernels import EPS
from tts.f5.mel import HOP, N_FFT, RATE_HZ

CONTEXT = 27
"""Frames to either side: 3 of each of nine convolutions of width 7."""
MAX_MAGNITUDE = 100.0
"""Upstream's guard (vocos/heads.py)."""
_FEATURES = {"sample_rate": RATE_HZ, "n_fft": N_FFT, "hop_length": HOP, "n_mels": N_MELS, "padding": "center"}
_CLASSES = {
    "feature_extractor": "vocos.feature_extractors.MelSpectrogramFeatures",
    "backbone": "vocos.models.VocosBackbone",
    "head": "vocos.heads.ISTFTHead",
}


class Vocos:
    """`weights` as `load` has checked them."""

    def __init__(self, weights: Mapping[str, Tensor], n_layers: int, device: torch.device) -> None:
        self.device = device

        def exact(name: str) -> Tensor:
            return weights[name].to(device, torch.float32, copy=True)

        def affine(name: str) -> tuple[Tensor, Tensor]:
            return exact(f"{name}.weight"), exact(f"{name}.bias")

        self._embed, self._norm = affine("backbone.embed"), affine("backbone.norm")
        self._layers = [
            (affine(f"{at}.dwconv"), affine(f"{at}.norm"), affine(f"{at}.pwconv1"), affine(f"{at}.pwconv2"),
             exact(f"{at}.gamma"))
            for at in (f"backbone.convnext.{index}" for index in range(n_layers))]
        self._final, self._out = affine("backbone.final_layer_norm"), affine("head.out")
        self._window = torch.hann_window(N_FFT, device=device)

    @torch.inference_mode()
    def decode(self, mel: Tensor, reference: Tensor) -> Samples:
        """float32 [(n - 1) * 256], from the centre of the first frame of `mel` [n, 100] to that of the last.

        `reference` [n_reference, 100] comes before it. Raises EngineError when the mel is no sound.
        """
        context = reference[-CONTEXT:].to(mel.device)
        wave = self.waveform(torch.cat([context, mel]))[len(context) * HOP:].cpu()
        if not torch.isfinite(wave).all():
            raise EngineError("the model lost its way and made no sound; try another seed or a lower cfg_strength")
        samples: Samples = wave.numpy()
        return samples

    @torch.inference_mode()
    def waveform(self, mel: Tensor) -> Tensor:
        """[n, 100] -> [(n - 1) * 256]"""
        x = self._normed(F.conv1d(mel.T[None], *self._embed, padding=3)[0].T, self._norm)
        for conv, norm, up, down, gamma in self._layers:
            y = self._normed(F.conv1d(x.T[None], *conv, padding=3, groups=x.shape[1])[0].T, norm)
            x = x + gamma * F.linear(F.gelu(F.linear(y, *up)), *down)
        magnitude, phase = F.linear(self._normed(x, self._final), *self._out).T.chunk(2)
        spectrum = torch.polar(magnitude.exp().clip(max=MAX_MAGNITUDE), phase)
        return torch.istft(spectrum, N_FFT, HOP, N_FFT, self._window)

    @staticmethod
    def _normed(x: Tensor, norm: tuple[Tensor, Tensor]) -> Tensor:
        return F.layer_norm(x, x.shape[1:], *norm, eps=EPS)


def load(folder: Path, device: torch.device) -> Vocos:
    """Vocos from `config.yaml` and its weights. Raises LoadError."""
    config = folder / "config.yaml"
    path = next((folder / name for name in ("model.safetensors", "pytorch_model.bin")
                 if (folder / name).is_file()), None)
    if path is None or not config.is_file():
        raise LoadError(f"no Vocos is at {folder}: put config.yaml and pytorch_model.bin (or model.safetensors) "
                        "of charactr/vocos-mel-24khz there")
    sizes = _read_config(config)
    weights = read_tensors(path)
    misfits = [f"{name} should be {list(shape)}" for name, shape in shapes(**sizes).items()
               if not isinstance(weights.get(name), Tensor) or weights[name].shape != shape]
    misfits += [f"{name} is not known" for name in weights
                if name not in shapes(**sizes) and name.startswith(("backbone.", "head.out"))]
    if misfits:
        raise LoadError(f"{path} and {config} are not a Vocos for mels: {'; '.join(misfits[:5])}")
    return Vocos(weights, sizes["num_layers"], device)


def _read_config(config: Path) -> dict[str, int]:
    """The backbone's sizes. Raises LoadError for a Vocos of another kind, rate or hop."""
    try:
        written: dict[str, Any] = yaml.safe_load(config.read_bytes())
        named = {part: str(written[part]["class_path"]) for part in _CLASSES}
        features, backbone, head = (dict(written[part]["init_args"]) for part in _CLASSES)
    except (yaml.YAMLError, TypeError, KeyError, ValueError) as error:
        raise LoadError(f"{config} is not a Vocos configuration: {error}") from None
    for part, path in named.items():
        if path != _CLASSES[part]:
            raise LoadError(f"{config} names {path}, where only {_CLASSES[part]} is read: refused")
    if features != _FEATURES:
        raise LoadError(f"{config} is not for {RATE_HZ} Hz and a hop of {HOP} samples: F5 needs vocos-mel-24khz")
    sizes = {name: backbone.get(name) for name in ("dim", "intermediate_dim", "num_layers")}
    fits = (all(isinstance(size, int) and size > 0 for size in sizes.values())
            and backbone == {**sizes, "input_channels": N_MELS}
            and head == {"dim": sizes["dim"], "n_fft": N_FFT, "hop_length": HOP, "padding": "center"})
    if not fits:
        raise LoadError(f"{config} is not a Vocos for mels: its backbone or head has other arguments")
    return {name: int(size) for name, size in sizes.items() if size}


def shapes(dim: int, intermediate_dim: int, num_layers: int) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor that is learned."""
    found: dict[str, tuple[int, ...]] = {}

    def affine(name: str, *weight: int) -> None:
        found.update({f"{name}.weight": weight, f"{name}.bias": weight[:1]})

    affine("backbone.embed", dim, N_MELS, 7)
    affine("backbone.norm", dim)
    for index in range(num_layers):
        at = f"backbone.convnext.{index}"
        affine(f"{at}.dwconv", dim, 1, 7)
        affine(f"{at}.norm", dim)
        affine(f"{at}.pwconv1", intermediate_dim, dim)
        affine(f"{at}.pwconv2", dim, intermediate_dim)
        found[f"{at}.gamma"] = (dim,)
    affine("backbone.final_layer_norm", dim)
    affine("head.out", N_FFT + 2, dim)
    return found
