"""A small F5-TTS and a small Vocos with random weights on disk, as the real ones lie there.

They say nothing, but every weight matters to what comes out: upstream's own initial weights would not do, since
they make the network answer nought to everything.
"""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from f5_tts.model import CFM, DiT
from f5_tts.model.modules import MelSpec
from f5_tts.model.utils import get_tokenizer
from safetensors.torch import save_file
from vocos import Vocos

from tts.f5.network import VOCABULARY

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


def make_f5(folder: Path, *, seed: int = 0, vocabulary: Path = VOCABULARY, **architecture: Any) -> Models:
    """Writes `f5/model.safetensors`, `f5/architecture.json`, `vocos/config.yaml`, `vocos/pytorch_model.bin`.

    `architecture` overrides fields of ARCHITECTURE; another `vocabulary` is put beside the checkpoint.
    """
    models = Models(folder / "f5", folder / "vocos", str(folder / "f5" / "architecture.json"))
    models.model_dir.mkdir(parents=True)
    models.vocos_dir.mkdir()
    shape = ARCHITECTURE | architecture
    Path(models.architecture).write_text(json.dumps(shape))
    if vocabulary != VOCABULARY:
        (models.model_dir / "vocab.txt").write_bytes(vocabulary.read_bytes())
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        save_file(_f5_weights(shape, vocabulary), models.model_dir / "model.safetensors")
        _write_vocos(models.vocos_dir)
    return models


def _f5_weights(shape: dict[str, Any], vocabulary: Path) -> dict[str, torch.Tensor]:
    _, n_tokens = get_tokenizer(str(vocabulary), "custom")
    network = CFM(transformer=DiT(**shape, text_num_embeds=n_tokens, mel_dim=100), mel_spec_module=MelSpec())
    for name, parameter in network.named_parameters():
        torch.nn.init.normal_(parameter, std=1.0 if "text_embed" in name else 0.15)
    weights = {f"ema_model.{name}": tensor.contiguous() for name, tensor in network.state_dict().items()}
    return weights | {"initted": torch.tensor(True), "step": torch.tensor(1)}


def _write_vocos(folder: Path) -> None:
    (folder / "config.yaml").write_text(yaml.safe_dump(VOCOS))
    torch.save(Vocos.from_hparams(str(folder / "config.yaml")).state_dict(), folder / "pytorch_model.bin")
