"""A small F5-TTS and a small Vocos with random weights on disk, as the real ones lie there.

They say nothing, but every weight matters to what comes out: upstream's own initial weights would not do, since
they make the network answer nought to everything. Larger ones would not either: they amplify rounding.
"""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save_file

from tts.f5 import checkpoint, mel, vocos

ARCHITECTURE: dict[str, Any] = {
    "dim": 64, "depth": 2, "heads": 1, "ff_mult": 2, "text_dim": 32, "conv_layers": 1,
    "text_mask_padding": True, "qk_norm": None, "pe_attn_head": None,
}
VOCOS: dict[str, Any] = {
    "feature_extractor": {"class_path": "vocos.feature_extractors.MelSpectrogramFeatures", "init_args": {
        "sample_rate": 24000, "n_fft": 1024, "hop_length": 256, "n_mels": 100, "padding": "center"}},
    "backbone": {"class_path": "vocos.models.VocosBackbone", "init_args": {
        "input_channels": 100, "dim": 32, "intermediate_dim": 64, "num_layers": 1}},
    "head": {"class_path": "vocos.heads.ISTFTHead", "init_args": {
        "dim": 32, "n_fft": 1024, "hop_length": 256, "padding": "center"}},
}


@dataclass(frozen=True)
class Models:
    """The arguments of `F5Engine.load`."""

    model_dir: Path
    vocos_dir: Path
    architecture: str


def make_f5(folder: Path, *, seed: int = 0, vocabulary: Path | None = None, **architecture: Any) -> Models:
    """Writes `f5/model.safetensors`, `f5/architecture.json`, `vocos/config.yaml`, `vocos/pytorch_model.bin`.

    `architecture` overrides fields of ARCHITECTURE; another `vocabulary` than the official is put beside the
    checkpoint.
    """
    models = Models(folder / "f5", folder / "vocos", str(folder / "f5" / "architecture.json"))
    models.model_dir.mkdir(parents=True)
    models.vocos_dir.mkdir()
    shape = ARCHITECTURE | architecture
    Path(models.architecture).write_text(json.dumps(shape))
    if vocabulary is not None:
        (models.model_dir / "vocab.txt").write_bytes(vocabulary.read_bytes())
    n_tokens = len(checkpoint.read_vocabulary(vocabulary or checkpoint.official_vocabulary()))
    generator = torch.Generator().manual_seed(seed)
    weights = f5_weights(checkpoint.Architecture(**shape), n_tokens, generator)
    weights = {f"ema_model.transformer.{name}": tensor for name, tensor in weights.items()}
    frequencies = 1.0 / 10000.0 ** (torch.arange(0, checkpoint.HEAD_DIM, 2).float() / checkpoint.HEAD_DIM)
    save_file({**weights, "ema_model.transformer.rotary_embed.inv_freq": frequencies,
               "initted": torch.tensor(True), "step": torch.tensor(1)}, models.model_dir / "model.safetensors")
    _write_vocos(models.vocos_dir, generator)
    return models


def f5_weights(shape: checkpoint.Architecture, n_tokens: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
    """By the names of `checkpoint.read_weights`."""
    spread = {2: 0.6 / shape.dim ** 0.5, 3: 0.06}
    weights = {name: torch.randn(size, generator=generator) * spread.get(len(size), 0.15)
               for name, size in checkpoint.shapes(shape, n_tokens).items()}
    weights["text_embed.text_embed.weight"] *= 0.5 / weights["text_embed.text_embed.weight"].std()
    return weights


def vocos_weights(dim: int, intermediate_dim: int, n_layers: int,
                  generator: torch.Generator) -> dict[str, torch.Tensor]:
    """By the names of `vocos.load`."""
    weights = {name: torch.randn(size, generator=generator) * (0.02 if len(size) > 1 else 0.1)
               for name, size in vocos.shapes(dim, intermediate_dim, n_layers).items()}
    for name in weights:
        if name.endswith(("norm.weight", "gamma")):
            weights[name] += 1.0
    return weights


def _write_vocos(folder: Path, generator: torch.Generator) -> None:
    (folder / "config.yaml").write_text(yaml.safe_dump(VOCOS))
    sizes = VOCOS["backbone"]["init_args"]
    weights = vocos_weights(sizes["dim"], sizes["intermediate_dim"], sizes["num_layers"], generator)
    window = torch.hann_window(1024)
    bank = {"feature_extractor.mel_spec.spectrogram.window": window, "head.istft.window": window.clone(),
            "feature_extractor.mel_spec.mel_scale.fb": mel.filters()}
    torch.save(weights | bank, folder / "pytorch_model.bin")
