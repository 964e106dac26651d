from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file

from tests.doubles.f5 import VOCOS, Models
from tests.tts.f5.test_checkpoint import Bomb
from tts.f5 import vocos
from tts.f5.checkpoint import LoadError

CPU = torch.device("cpu")


@pytest.fixture
def folder(models: Models, tmp_path: Path) -> Path:
    return Path(shutil.copytree(models.vocos_dir, tmp_path / "vocos"))


def changed(part: str, **arguments: Any) -> dict[str, Any]:
    return VOCOS | {part: VOCOS[part] | {"init_args": VOCOS[part]["init_args"] | arguments}}


def test_the_sound_is_upstreams(folder: Path) -> None:
    from vocos import Vocos

    theirs = Vocos.from_hparams(str(folder / "config.yaml"))
    theirs.load_state_dict(torch.load(folder / "pytorch_model.bin", weights_only=True))
    frames = torch.randn(80, 100, generator=torch.Generator().manual_seed(1)) - 3
    wanted = theirs.eval().decode(frames.T[None])[0].detach()
    found = vocos.load(folder, CPU).waveform(frames)
    assert (found - wanted).abs().max() < 1e-5 * wanted.abs().max()


def test_a_line_begins_as_it_sounds_after_its_reference_and_not_as_after_nothing(folder: Path) -> None:
    """Eight layers, as the real one has, see 27 frames: what lies before them changes nothing."""
    deep = VOCOS | {"backbone": VOCOS["backbone"] | {"init_args": VOCOS["backbone"]["init_args"] | {"num_layers": 8}}}
    generator = torch.Generator().manual_seed(1)
    (folder / "config.yaml").write_text(yaml.safe_dump(deep))
    sizes = vocos.shapes(32, 64, 8)
    torch.save({name: torch.randn(size, generator=generator) * 0.1 for name, size in sizes.items()},
               folder / "pytorch_model.bin")
    vocoder = vocos.load(folder, CPU)
    reference, line = torch.randn(60, 100, generator=generator) - 3, torch.randn(50, 100, generator=generator) - 3
    whole = vocoder.waveform(torch.cat([reference, line]))[60 * 256:].numpy()
    found = vocoder.decode(line, reference)
    assert found.shape == (49 * 256,) == whole.shape
    assert np.abs(found - whole).max() < 1e-5 * np.abs(whole).max()
    alone = vocoder.waveform(line).numpy()
    assert np.abs(alone[:2000] - whole[:2000]).max() > 1e-2 * np.abs(whole).max()


def test_sound_lasts_from_the_first_frame_to_the_last(folder: Path) -> None:
    vocoder = vocos.load(folder, CPU)
    for n_frames in (2, 3, 100):
        assert vocoder.decode(torch.zeros(n_frames, 100), torch.zeros(5, 100)).shape == ((n_frames - 1) * 256,)


def test_vocos_in_safetensors_sounds_as_in_a_pickle(folder: Path) -> None:
    frames = torch.linspace(-3, 1, 2000).reshape(20, 100)
    wanted = vocos.load(folder, CPU).decode(frames, frames)
    weights = torch.load(folder / "pytorch_model.bin", weights_only=True)
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, folder / "model.safetensors")
    (folder / "pytorch_model.bin").unlink()
    assert np.array_equal(vocos.load(folder, CPU).decode(frames, frames), wanted)


@pytest.mark.parametrize("missing", ["config.yaml", "pytorch_model.bin"])
def test_a_missing_vocoder_is_told_with_the_place_where_it_belongs(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(LoadError, match=r"put config\.yaml and pytorch_model\.bin") as told:
        vocos.load(folder, CPU)
    assert str(folder) in str(told.value)


@pytest.mark.parametrize(("config", "complaint"), [
    (VOCOS | {"head": {"class_path": "subprocess.Popen", "init_args": {"args": "true"}}}, "subprocess.Popen"),
    (changed("backbone", dim=48), "not a Vocos for mels"),
    (changed("feature_extractor", sample_rate=44_100), "needs vocos-mel-24khz"),
    (changed("head", size=3), "not a Vocos for mels"),
    ({"head": 3}, "not a Vocos configuration"),
    ("[", "not a Vocos configuration"),
], ids=["foreign class", "other size", "other rate", "unknown argument", "no parts", "no yaml"])
def test_a_vocoder_of_another_kind_is_refused(folder: Path, config: Any, complaint: str) -> None:
    (folder / "config.yaml").write_text(config if isinstance(config, str) else yaml.safe_dump(config))
    with pytest.raises(LoadError, match=complaint):
        vocos.load(folder, CPU)


def test_a_vocoder_with_code_in_it_is_refused_and_not_run(folder: Path, tmp_path: Path) -> None:
    torch.save(Bomb(tmp_path / "boom"), folder / "pytorch_model.bin")
    with pytest.raises(LoadError, match="convert it to safetensors"):
        vocos.load(folder, CPU)
    assert not (tmp_path / "boom").exists()
