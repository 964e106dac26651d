"""An F5-TTS checkpoint on disk: the architectures there are, the vocabulary, and the tensors, strictly checked.

Nothing is downloaded and nothing is guessed. The tensors of v0 and v1 have the same shapes, so a checkpoint
that is read as the wrong one sounds wrong without any error: the architecture is always named.
"""
from __future__ import annotations

import pickle
from dataclasses import dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import safetensors
import torch
import yaml
from safetensors.torch import load_file
from torch import Tensor

from tts import EngineError

N_MELS = 100
HEAD_DIM = 64
CONV_GROUPS = 16
CONV_KERNEL = 31
TIME_DIM = 256


class LoadError(EngineError):
    """A model cannot be loaded. Raised at start, before any job: the message is the operator's and names files."""


def package_file(name: str) -> Path:
    """A file of upstream's package, found without importing it: its import costs seconds and 500 MB."""
    spec = find_spec("f5_tts")
    if spec is None or not spec.submodule_search_locations:
        raise LoadError("the package f5-tts, whose vocabulary and clip are used, is not installed")
    return Path(spec.submodule_search_locations[0]) / name


def official_vocabulary() -> Path:
    """The vocabulary of the official checkpoints, which ships in upstream's package."""
    return package_file("infer/examples/vocab.txt")


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


def read_tensors(path: Path) -> dict[str, Any]:
    """Tensors by name, from safetensors, or from a pickle that holds nothing but tensors. Raises LoadError."""
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except pickle.UnpicklingError:
        raise LoadError(f"{path} holds more than tensors and is not opened: convert it to safetensors") from None
    except (safetensors.SafetensorError, RuntimeError, EOFError, TypeError, ValueError) as error:
        raise LoadError(f"{path} is damaged or not complete: {error}") from None


def read_weights(checkpoint: Path, architecture: Architecture, n_tokens: int) -> dict[str, Tensor]:
    """The checkpoint's (EMA) tensors by upstream's names below `transformer.`, exactly those of `shapes`.

    Raises LoadError.
    """
    wanted = shapes(architecture, n_tokens)
    found = _ema_weights(read_tensors(checkpoint))
    misfits = [f"{name} is missing" for name in wanted if name not in found]
    misfits += [f"{name} is not known" for name in found if name not in wanted]
    misfits += [f"{name} is {list(found[name].shape)}, not {list(shape)}" for name, shape in wanted.items()
                if name in found and found[name].shape != shape]
    if misfits:
        raise LoadError(f"{checkpoint} does not fit {architecture} with {n_tokens} vocabulary entries: "
                        f"{'; '.join(misfits[:5])}{' …' if len(misfits) > 5 else ''}")
    return found


def _ema_weights(weights: dict[str, Any]) -> dict[str, Tensor]:
    """Trainer checkpoints nest the averaged weights and count steps; the names carry the averager's prefix.

    Two things that are computed, not learned, are left out: early checkpoints store the mel front end (upstream
    305e3ea), all store the rotary frequencies, which in half precision are up to 0.5 rad off at 16 s.
    """
    for nested in ("ema_model_state_dict", "model_state_dict"):
        weights = weights.get(nested, weights)
    bare = {name.removeprefix("ema_model."): tensor for name, tensor in weights.items()}
    return {name.removeprefix("transformer."): tensor for name, tensor in bare.items()
            if isinstance(tensor, Tensor) and name not in ("initted", "step", "transformer.rotary_embed.inv_freq")
            and not name.startswith("mel_spec.")}


def shapes(architecture: Architecture, n_tokens: int) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor of the network. Raises LoadError where no network can be built."""
    a = architecture
    _check(a)
    inner, conv = a.heads * HEAD_DIM, (a.dim, a.dim // CONV_GROUPS, CONV_KERNEL)
    found: dict[str, tuple[int, ...]] = {"text_embed.text_embed.weight": (n_tokens + 1, a.text_dim)}

    def affine(name: str, *weight: int) -> None:
        found.update({f"{name}.weight": weight, f"{name}.bias": weight[:1]})

    affine("time_embed.time_mlp.0", a.dim, TIME_DIM)
    affine("time_embed.time_mlp.2", a.dim, a.dim)
    for index in range(a.conv_layers):
        at = f"text_embed.text_blocks.{index}"
        affine(f"{at}.dwconv", a.text_dim, 1, 7)
        affine(f"{at}.norm", a.text_dim)
        affine(f"{at}.pwconv1", 2 * a.text_dim, a.text_dim)
        found |= {f"{at}.grn.gamma": (1, 1, 2 * a.text_dim), f"{at}.grn.beta": (1, 1, 2 * a.text_dim)}
        affine(f"{at}.pwconv2", a.text_dim, 2 * a.text_dim)
    affine("input_embed.proj", a.dim, 2 * N_MELS + a.text_dim)
    for index in (0, 2):
        affine(f"input_embed.conv_pos_embed.conv1d.{index}", *conv)
    for index in range(a.depth):
        at = f"transformer_blocks.{index}"
        affine(f"{at}.attn_norm.linear", 6 * a.dim, a.dim)
        for part in "qkv":
            affine(f"{at}.attn.to_{part}", inner, a.dim)
        affine(f"{at}.attn.to_out.0", a.dim, inner)
        affine(f"{at}.ff.ff.0.0", a.ff_mult * a.dim, a.dim)
        affine(f"{at}.ff.ff.2", a.dim, a.ff_mult * a.dim)
    affine("norm_out.linear", 2 * a.dim, a.dim)
    affine("proj_out", N_MELS, a.dim)
    return found


def _check(architecture: Architecture) -> None:
    sizes = {name: getattr(architecture, name) for name in ("dim", "depth", "heads", "ff_mult", "text_dim")}
    wrong = [f"{name} is {value!r}" for name, value in sizes.items() if not isinstance(value, int) or value < 1]
    if not wrong and architecture.dim % CONV_GROUPS:
        wrong = [f"dim is no multiple of {CONV_GROUPS}"]
    if not wrong and architecture.text_dim % 2:
        wrong = ["text_dim is odd"]
    if architecture.qk_norm is not None:
        wrong.append(f"qk_norm is {architecture.qk_norm!r}, and no published checkpoint has one")
    if wrong:
        raise LoadError(f"this is no network that can be built: {architecture}: {'; '.join(wrong)}")
