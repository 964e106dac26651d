"""The F5-TTS network: the architectures there are, and a checkpoint read from local files into one of them.

Nothing is downloaded and nothing is guessed. The tensors of v0 and v1 have the same shapes, so a checkpoint
that is read as the wrong one sounds wrong without any error: the architecture is always named.
"""
from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

import safetensors
import torch
import yaml
from f5_tts.model import CFM, DiT
from f5_tts.model.modules import MelSpec, precompute_freqs_cis
from safetensors.torch import load_file
from x_transformers.x_transformers import RotaryEmbedding

from tts import EngineError

N_MELS = 100
HEAD_DIM = 64
VOCABULARY = Path(str(files("f5_tts") / "infer/examples/vocab.txt"))
"""The vocabulary of the official checkpoints, which ships in the package."""


class LoadError(EngineError):
    """A model cannot be loaded. Raised at start, before any job: the message is the operator's and names files."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """What shapes the network: the fields of upstream's `model.arch` (f5_tts/configs/*.yaml)."""

    dim: int
    depth: int
    heads: int
    ff_mult: int
    text_dim: int
    conv_layers: int
    text_mask_padding: bool
    pe_attn_head: int | None
    qk_norm: str | None = None


ARCHITECTURES = {
    "F5TTS_v1_Base": Architecture(1024, 22, 16, 2, 512, 4, text_mask_padding=True, pe_attn_head=None),
    "F5TTS_Base": Architecture(1024, 22, 16, 2, 512, 4, text_mask_padding=False, pe_attn_head=1),
    "F5TTS_v1_Small": Architecture(768, 18, 12, 2, 512, 4, text_mask_padding=True, pe_attn_head=None),
    "F5TTS_Small": Architecture(768, 18, 12, 2, 512, 4, text_mask_padding=False, pe_attn_head=1),
}
_HOW_IT_RUNS = {"attn_backend", "attn_mask_enabled", "checkpoint_activations"}
"""Fields of `model.arch` that do not shape the network; one row at a time needs none of them."""


def read_architecture(name: str) -> Architecture:
    """One of ARCHITECTURES, or a .json or .yaml file with its fields, bare or as upstream's `model.arch`.

    Raises LoadError.
    """
    if name in ARCHITECTURES:
        return ARCHITECTURES[name]
    path = Path(name)
    if path.suffix not in (".json", ".yaml", ".yml") or not path.is_file():
        raise LoadError(f"the F5 architecture {name!r} is not known: name one of {', '.join(ARCHITECTURES)}, "
                        "or an existing .json or .yaml file with its fields")
    try:
        written = yaml.safe_load(path.read_bytes())  # JSON is YAML too
        return Architecture(**_architecture_fields(written, path))
    except (yaml.YAMLError, AttributeError, TypeError, KeyError) as error:
        raise LoadError(f"{path} is not an F5 architecture: {error}") from None


def _architecture_fields(written: Any, path: Path) -> dict[str, Any]:
    model = written.get("model")
    if model and model.get("backbone", "DiT") != "DiT":
        raise LoadError(f"{path} describes a {model['backbone']}; only DiT networks are supported")
    shape = {key: value for key, value in (model["arch"] if model else written).items() if key not in _HOW_IT_RUNS}
    unknown = sorted(set(shape) - {field.name for field in fields(Architecture)})
    if unknown:
        raise LoadError(f"{path} has fields that are not known: {', '.join(unknown)}")
    return shape


def find_checkpoint(model: Path, architecture: str) -> Path:
    """The weights at `model`: itself when it is a file, else the only .safetensors (or .pt) file in it.

    A folder with a subfolder named like the architecture, as a snapshot of SWivid/F5-TTS has, is entered.
    Raises LoadError.
    """
    if model.is_file():
        return model
    folder = model / architecture if (model / architecture).is_dir() else model
    for suffix in (".safetensors", ".pt"):
        found = sorted(folder.glob(f"*{suffix}"))
        if len(found) > 1:
            raise LoadError(f"{folder} holds several checkpoints ({', '.join(path.name for path in found)}): "
                            "leave one, or name the file")
        if found:
            return found[0]
    raise LoadError(f"no F5 model is at {folder}: put one .safetensors file there, and the vocab.txt that belongs "
                    "to it (for F5TTS_v1_Base, model_1250000.safetensors of SWivid/F5-TTS)")


def read_vocabulary(path: Path) -> dict[str, int]:
    """Token -> number, one token a line. Upstream's reader loses the last token where the last line is not ended.

    Raises LoadError.
    """
    try:
        entries = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise LoadError(f"{path} is no vocabulary: {error}") from None
    if not entries[-1]:
        entries.pop()
    vocabulary = {entry: number for number, entry in enumerate(entries)}
    if len(vocabulary) < len(entries):
        twice = next(entry for number, entry in enumerate(entries) if vocabulary[entry] != number)
        raise LoadError(f"{path} has the entry {twice!r} twice, so its numbers cannot be those of a checkpoint")
    return vocabulary


def read_weights(path: Path) -> dict[str, Any]:
    """Tensors by name, from safetensors, or from a pickle that holds nothing but tensors. Raises LoadError."""
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except pickle.UnpicklingError:
        raise LoadError(f"{path} holds more than tensors and is not opened: convert it to safetensors") from None
    except (safetensors.SafetensorError, RuntimeError, EOFError, TypeError, ValueError) as error:
        raise LoadError(f"{path} is damaged or not complete: {error}") from None


def load_network(checkpoint: Path, architecture: Architecture, vocabulary: Mapping[str, int],
                 device: torch.device) -> CFM:
    """The network with the checkpoint's (EMA) weights in float32, ready to sample. Raises LoadError."""
    try:
        with torch.device("meta"):  # drawing 337 million random weights takes 4 s; these are never drawn
            transformer = DiT(**asdict(architecture), text_num_embeds=len(vocabulary), mel_dim=N_MELS)
    except (TypeError, ValueError, RuntimeError) as error:
        raise LoadError(f"this is no network that can be built: {architecture}: {error}") from None
    network = CFM(transformer=transformer, mel_spec_module=MelSpec(), odeint_kwargs={"method": "euler"})
    try:
        # Copied, since safetensors maps the file: on a CPU its alignment would change the rounding, and a file that
        # is replaced would change the voice.
        weights = {name: tensor.to(device=device, dtype=torch.float32, copy=True)
                   for name, tensor in _ema_weights(read_weights(checkpoint)).items()}
        network.load_state_dict(weights, strict=True, assign=True)
    except (RuntimeError, AttributeError) as error:
        raise LoadError(f"{checkpoint} does not fit {architecture} with {len(vocabulary)} vocabulary entries: "
                        f"{str(error)[:600]}") from None
    _compute_tables(transformer)
    return network.to(device).eval()


def _ema_weights(weights: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Trainer checkpoints nest the averaged weights and count steps; the names carry the averager's prefix."""
    for nested in ("ema_model_state_dict", "model_state_dict"):
        weights = weights.get(nested, weights)
    return {
        key.removeprefix("ema_model."): tensor
        for key, tensor in weights.items()
        # Early checkpoints also store the mel front end, which has no weights (upstream 305e3ea).
        if key not in ("initted", "step") and not key.removeprefix("ema_model.").startswith("mel_spec.")
    }


def _compute_tables(transformer: DiT) -> None:
    """The position tables are computed, not learned: a checkpoint stored in half precision has bad angles."""
    transformer.rotary_embed = RotaryEmbedding(HEAD_DIM)
    text = transformer.text_embed
    if text.extra_modeling:
        text.freqs_cis = precompute_freqs_cis(text.text_embed.embedding_dim, text.precompute_max_pos)
