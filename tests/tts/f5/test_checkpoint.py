from __future__ import annotations

import json
import pickle
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from tests.doubles.f5 import ARCHITECTURE, Models, make_f5
from tests.tts.f5.conftest import Speak
from tts.f5 import checkpoint
from tts.f5.checkpoint import Architecture, LoadError
from tts.f5.engine import F5Engine


@pytest.fixture
def own(models: Models, tmp_path: Path) -> Models:
    """A copy of the models that a test may spoil."""
    shutil.copytree(models.model_dir.parent, tmp_path / "own")
    folder = tmp_path / "own"
    return Models(folder / "f5", folder / "vocos", str(folder / "f5" / "architecture.json"))


def load(models: Models, model: Path | None = None, architecture: str | None = None) -> F5Engine:
    return F5Engine.load(model or models.model_dir, models.vocos_dir, architecture or models.architecture, "cpu")


def weights_of(models: Models) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in load_file(models.model_dir / "model.safetensors").items()}


class Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return Path.touch, (self.marker,)


@pytest.mark.parametrize("name", sorted(checkpoint.ARCHITECTURES))
def test_the_table_is_what_upstream_publishes(name: str) -> None:
    published = str(files("f5_tts") / f"configs/{name}.yaml")
    assert checkpoint.read_architecture(name) == checkpoint.read_architecture(published)
    shape = yaml.safe_load(Path(published).read_text())["model"]["arch"]
    assert checkpoint.read_architecture(name).text_mask_padding is shape["text_mask_padding"]
    assert checkpoint.read_architecture(name).pe_attn_head == shape["pe_attn_head"]


def test_an_architecture_may_be_a_file(tmp_path: Path) -> None:
    for name, written in (("a.json", json.dumps(ARCHITECTURE)), ("a.yaml", yaml.safe_dump(ARCHITECTURE))):
        (tmp_path / name).write_text(written)
        assert checkpoint.read_architecture(str(tmp_path / name)) == Architecture(**ARCHITECTURE)


@pytest.mark.parametrize(("written", "complaint"), [
    (ARCHITECTURE | {"deep": 3}, "not known: deep"),
    ({"dim": 64}, "missing"),
    ([1, 2], "not an F5 architecture"),
    ({"model": {"backbone": "UNetT", "arch": {}}}, "UNetT; only DiT"),
    ("{", "not an F5 architecture"),
])
def test_a_file_that_is_no_architecture_is_refused(tmp_path: Path, written: Any, complaint: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(written if isinstance(written, str) else json.dumps(written))
    with pytest.raises(LoadError, match=complaint):
        checkpoint.read_architecture(str(path))


@pytest.mark.parametrize("name", ["F5TTS_v2_Base", "", "missing.json", "E2TTS_Base"])
def test_an_unknown_architecture_is_refused_with_the_names_that_are_known(name: str) -> None:
    with pytest.raises(LoadError, match="F5TTS_v1_Base, F5TTS_Base, F5TTS_v1_Small, F5TTS_Small"):
        checkpoint.read_architecture(name)


def test_a_missing_model_is_told_with_the_place_where_it_belongs(own: Models, tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", own.vocos_dir.parent):
        with pytest.raises(LoadError, match=r"put one \.safetensors file there") as told:
            load(own, model=folder)
        assert str(folder) in str(told.value)


def test_of_several_checkpoints_none_is_guessed_and_one_can_be_named(own: Models, speak: Speak) -> None:
    other = own.model_dir / "older.safetensors"
    save_file({name: tensor * 2 if tensor.is_floating_point() else tensor for name, tensor in weights_of(own).items()},
              other)
    with pytest.raises(LoadError, match=r"several checkpoints \(model.safetensors, older.safetensors\)"):
        load(own)
    named = load(own, model=own.model_dir / "model.safetensors")
    assert np.array_equal(speak("Good evening to all.", by=named)[0].samples, speak("Good evening to all.")[0].samples)
    assert load(own, model=other).revision != named.revision


def test_a_snapshot_of_the_hub_with_its_links_and_subfolders_is_read(own: Models, tmp_path: Path) -> None:
    blob = tmp_path / "hub" / "blobs" / "670900fd"
    snapshot = tmp_path / "hub" / "snapshots" / "84e5a410"
    blob.parent.mkdir(parents=True)
    shutil.move(own.model_dir / "model.safetensors", blob)
    for name in ("F5TTS_v1_Base", "F5TTS_Base"):
        (snapshot / name).mkdir(parents=True)
    (snapshot / "F5TTS_v1_Base" / "model_1250000.safetensors").symlink_to(blob)
    assert checkpoint.find_checkpoint(snapshot, "F5TTS_v1_Base").samefile(blob)
    assert load(own, model=snapshot / "F5TTS_v1_Base").vocabulary
    with pytest.raises(LoadError, match="no F5 model"):
        checkpoint.find_checkpoint(snapshot, "F5TTS_Base")


@pytest.mark.parametrize("nesting", [
    lambda weights: weights,
    lambda weights: {"ema_model_state_dict": weights, "model_state_dict": {}, "update": 3},
    lambda weights: {"model_state_dict": {name.removeprefix("ema_model."): weights[name] for name in weights}},
    lambda weights: weights | {"ema_model.mel_spec.mel_stft.spectrogram.window": torch.ones(1024)},
], ids=["flat", "trainer", "bare", "early"])
def test_a_pickle_of_tensors_says_the_same_as_safetensors(own: Models, speak: Speak, nesting: Any) -> None:
    torch.save(nesting(weights_of(own)), own.model_dir / "model.pt")
    (own.model_dir / "model.safetensors").unlink()
    said = speak("Good evening to all.", by=load(own))[0].samples
    assert np.array_equal(said, speak("Good evening to all.")[0].samples)


@pytest.mark.parametrize("write", [torch.save, lambda bomb, path: path.write_bytes(pickle.dumps(bomb))],
                         ids=["torch", "plain"])
def test_a_pickle_with_code_is_refused_and_not_run(own: Models, tmp_path: Path, write: Any) -> None:
    (own.model_dir / "model.safetensors").unlink()
    write({"ema_model_state_dict": Bomb(tmp_path / "boom")}, own.model_dir / "model.pt")
    with pytest.raises(LoadError, match="convert it to safetensors"):
        load(own)
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_a_download_that_was_cut_short_is_refused(own: Models, suffix: str) -> None:
    path = own.model_dir / f"model{suffix}"
    if suffix == ".pt":
        torch.save(weights_of(own), path)
        (own.model_dir / "model.safetensors").unlink()
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(LoadError, match="damaged or not complete"):
        load(own)


def test_weights_of_another_architecture_are_refused(own: Models) -> None:
    with pytest.raises(LoadError, match="does not fit"):
        load(own, architecture="F5TTS_v1_Base")
    Path(own.architecture).write_text(json.dumps(ARCHITECTURE | {"depth": 3}))
    with pytest.raises(LoadError, match="does not fit"):
        load(own)
    for field in ({"dim": "wide"}, {"dim": 40}, {"depth": 0}, {"qk_norm": "rms_norm"}):
        Path(own.architecture).write_text(json.dumps(ARCHITECTURE | field))
        with pytest.raises(LoadError, match="no network that can be built"):
            load(own)


def test_a_tensor_too_few_or_too_many_is_refused(own: Models) -> None:
    weights = weights_of(own)
    bias = weights.pop("ema_model.transformer.proj_out.bias")
    save_file(weights, own.model_dir / "model.safetensors")
    with pytest.raises(LoadError, match=r"proj_out\.bias"):
        load(own)
    weights |= {"ema_model.transformer.proj_out.bias": bias, "lora": torch.ones(3)}
    save_file(weights, own.model_dir / "model.safetensors")
    with pytest.raises(LoadError, match="lora"):
        load(own)


def test_a_vocabulary_that_is_not_the_checkpoints_is_refused(own: Models) -> None:
    (own.model_dir / "vocab.txt").write_text(" \na\nb\n")
    with pytest.raises(LoadError, match="with 3 vocabulary entries"):
        load(own)


def test_a_vocabulary_beside_the_checkpoint_is_the_one_that_is_used(tmp_path: Path, speak: Speak) -> None:
    (tmp_path / "few.txt").write_text("".join(f"{letter}\n" for letter in " ,.abcdefghijklmnopqrstuvwxyzS"))
    engine = load(make_f5(tmp_path / "models", vocabulary=tmp_path / "few.txt"))
    said = speak("good evening to all 你好!", by=engine)[0]
    left_out = ", ".join(f"{character!r} was left out" for character in "你好!")
    assert said.warnings == (f"the text has characters that the model does not know: {left_out}",)


def test_a_vocabulary_with_an_entry_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text(" \na\nb\na\n")
    with pytest.raises(LoadError, match="'a' twice"):
        checkpoint.read_vocabulary(tmp_path / "vocab.txt")


def test_a_vocabulary_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text(" \né\n", encoding="latin-1")
    with pytest.raises(LoadError, match="no vocabulary"):
        checkpoint.read_vocabulary(tmp_path / "vocab.txt")


def test_the_last_entry_counts_though_its_line_is_not_ended(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_bytes(b" \r\na\r\n\xc3\xa9")
    assert checkpoint.read_vocabulary(tmp_path / "vocab.txt") == {" ": 0, "a": 1, "é": 2}


def test_a_checkpoint_in_half_precision_keeps_exact_rotary_angles(own: Models, speak: Speak) -> None:
    """The stored angles are not read at all: zeros in their place change nothing."""
    weights = weights_of(own)
    weights["ema_model.transformer.rotary_embed.inv_freq"] *= 0
    save_file(weights, own.model_dir / "model.safetensors")
    said = speak("Good evening to all.", by=load(own))[0].samples
    assert np.array_equal(said, speak("Good evening to all.")[0].samples)


def test_replacing_the_file_does_not_change_the_loaded_voice(own: Models, speak: Speak) -> None:
    engine = load(own)
    wanted = speak("Good evening to all.", by=engine)[0].samples
    with (own.model_dir / "model.safetensors").open("r+b") as file:
        file.seek(-500_000, 2)
        file.write(b"\0" * 500_000)
    assert np.array_equal(speak("Good evening to all.", by=engine)[0].samples, wanted)
