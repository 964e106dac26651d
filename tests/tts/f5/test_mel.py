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
from tests.tts.f5.test_network import Bomb
from tts.f5 import mel
from tts.f5.network import LoadError

CPU = torch.device("cpu")


@pytest.fixture
def folder(models: Models, tmp_path: Path) -> Path:
    return Path(shutil.copytree(models.vocos_dir, tmp_path / "vocos"))


def changed(part: str, **arguments: Any) -> dict[str, Any]:
    return VOCOS | {part: VOCOS[part] | {"init_args": VOCOS[part]["init_args"] | arguments}}


@pytest.mark.parametrize("n_samples", [24_000, 24_064, 24_063, 100_001])
def test_a_mel_has_a_frame_at_the_start_and_one_after_each_hop(n_samples: int) -> None:
    samples = np.random.default_rng(2).normal(scale=0.2, size=n_samples).astype(np.float32)
    sound, gain = mel.encode(samples, 24_000, 0.1, CPU)
    assert sound.shape == (1, 1 + n_samples // 256, 100)
    assert gain == 1.0


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000])
def test_a_tone_is_the_same_tone_at_any_sampling_rate(rate_hz: int) -> None:
    def tone(rate: int) -> Any:
        return (0.3 * np.sin(2 * np.pi * 880 * np.arange(2 * rate) / rate)).astype(np.float32)

    wanted, _ = mel.encode(tone(24_000), 24_000, 0.1, CPU)
    heard, _ = mel.encode(tone(rate_hz), rate_hz, 0.1, CPU)
    assert heard.shape == wanted.shape
    assert torch.equal(heard[0, 5:-5].argmax(dim=1), wanted[0, 5:-5].argmax(dim=1))
    assert torch.allclose(heard[0, 5:-5].amax(dim=1), wanted[0, 5:-5].amax(dim=1), atol=0.05)


def test_sound_lasts_from_the_first_frame_to_the_last(folder: Path) -> None:
    vocos = mel.load_vocos(folder, CPU)
    for n_frames in (2, 3, 100):
        assert mel.decode(vocos, torch.zeros(1, n_frames, 100)).shape == ((n_frames - 1) * 256,)


def test_vocos_in_safetensors_sounds_as_in_a_pickle(folder: Path) -> None:
    frames = torch.linspace(-3, 1, 2000).reshape(1, 20, 100)
    wanted = mel.decode(mel.load_vocos(folder, CPU), frames)
    weights = torch.load(folder / "pytorch_model.bin", weights_only=True)
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, folder / "model.safetensors")
    (folder / "pytorch_model.bin").unlink()
    assert np.array_equal(mel.decode(mel.load_vocos(folder, CPU), frames), wanted)


@pytest.mark.parametrize("missing", ["config.yaml", "pytorch_model.bin"])
def test_a_missing_vocoder_is_told_with_the_place_where_it_belongs(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(LoadError, match=r"put config\.yaml and pytorch_model\.bin") as told:
        mel.load_vocos(folder, CPU)
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
        mel.load_vocos(folder, CPU)


def test_a_vocoder_with_code_in_it_is_refused_and_not_run(folder: Path, tmp_path: Path) -> None:
    torch.save(Bomb(tmp_path / "boom"), folder / "pytorch_model.bin")
    with pytest.raises(LoadError, match="convert it to safetensors"):
        mel.load_vocos(folder, CPU)
    assert not (tmp_path / "boom").exists()
