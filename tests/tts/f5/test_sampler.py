from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from tests.doubles.f5 import ARCHITECTURE, Models, make_f5
from tests.tts.f5.conftest import load
from tts import Line, Options
from tts.f5 import prompt, sampler
from tts.f5.engine import F5Engine

TEXT = "I don't really care what you call me, as long as you call."


def mel_of(engine: F5Engine, text: str, options: Options) -> torch.Tensor:
    reference = prompt.hear(engine.own_voice, options.target_rms, engine.vocabulary, engine.device)
    told = prompt.compose(reference, text, engine.vocabulary, options.speed)
    return sampler.sample(engine.cfm, told, sampler.draw_noise(options.seed, 0, told.n_frames), options, lambda: None)


@pytest.fixture(scope="module")
def upstream_infer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What `F5TTS.infer` does after it has trimmed the reference, with upstream's own loading of the same files."""
    from f5_tts.infer import utils_infer
    from f5_tts.model import DiT
    from f5_tts.model.utils import seed_everything

    voice = prompt.own_voice()
    path = tmp_path_factory.mktemp("reference") / "reference.wav"
    soundfile.write(path, voice.samples, voice.rate_hz, subtype="PCM_16")

    def infer(models: Models, shape: dict[str, Any], options: Options, text: str = TEXT) -> tuple[Any, Any]:
        cfm = utils_infer.load_model(DiT, shape, str(models.model_dir / "model.safetensors"), device="cpu")
        vocos = utils_infer.load_vocoder("vocos", True, str(models.vocos_dir), device="cpu")
        seed_everything(options.seed)
        wave, _, mel = utils_infer.infer_process(
            str(path), voice.text + " ", text, cfm, vocos, show_info=lambda *_: None, progress=None,
            target_rms=options.target_rms, nfe_step=options.nfe_step, cfg_strength=options.cfg_strength,
            sway_sampling_coef=options.sway_sampling_coef, speed=options.speed, device="cpu")
        return wave, mel

    return infer


@pytest.mark.parametrize("options", [
    Options(seed=7, nfe_step=32),
    Options(seed=8, nfe_step=7),
    Options(seed=9, nfe_step=5, cfg_strength=0.0),
    Options(seed=10, nfe_step=6, cfg_strength=3.5, sway_sampling_coef=0.5, speed=1.3),
    Options(seed=11, nfe_step=4, speed=0.7, target_rms=0.5),
])
@pytest.mark.parametrize("version", [
    {},
    {"text_mask_padding": False, "pe_attn_head": 1, "heads": 2},
], ids=["v1", "v0"])
def test_a_line_is_upstreams_to_the_last_bit_but_for_the_frame_of_reference_that_it_leaves(
    tmp_path: Path, upstream_infer: Any, version: dict[str, Any], options: Options,
) -> None:
    models = make_f5(tmp_path / "models", **version)
    wave, theirs = upstream_infer(models, ARCHITECTURE | version, options)
    engine = load(models)
    ours = mel_of(engine, TEXT, options)[0].numpy().T
    assert np.array_equal(ours, theirs[:, 1:])

    reference = prompt.hear(engine.own_voice, options.target_rms, engine.vocabulary, engine.device)
    assert np.array_equal(theirs[:, 0], reference.mel[0, -1].numpy()), "what upstream leaves is the reference's last"
    spoken = engine.speak([Line(TEXT, "en")], options, check=lambda: None, progress=lambda _: None)[0].samples
    assert len(spoken) == len(wave) - 256
    # Vocos hears that frame and its neighbours; past them the sound is the same.
    assert np.abs(spoken[8192:] - wave[256 + 8192:]).max() < 1e-4 * np.abs(wave).max()


def test_a_short_line_is_given_as_much_time_as_upstream_gives_it(models: Models, engine: F5Engine,
                                                                 upstream_infer: Any) -> None:
    options = Options(nfe_step=4, seed=3)
    _, theirs = upstream_infer(models, ARCHITECTURE, options, "Yes, now.")
    ours = mel_of(engine, "Yes, now.", options)[0].numpy().T
    assert np.array_equal(ours, theirs[:, 1:])
    _, longer = upstream_infer(models, ARCHITECTURE, options, "Yes, now!!")
    assert longer.shape[1] < theirs.shape[1]


def test_noise_depends_on_the_seed_and_the_line_alone() -> None:
    rows = [sampler.draw_noise(seed, index, 50) for seed in (1, 2) for index in range(50)]
    assert len({row.numpy().tobytes() for row in rows}) == 100
    assert torch.equal(sampler.draw_noise(2, 3, 50), rows[53])
    torch.manual_seed(5)
    assert torch.equal(sampler.draw_noise(5, 0, 50), torch.randn(50, 100))


def test_steps_are_announced_one_by_one_and_what_stops_them_stops_the_work(engine: F5Engine) -> None:
    n_steps = 0

    def third() -> None:
        nonlocal n_steps
        n_steps += 1
        if n_steps == 3:
            raise KeyboardInterrupt

    reference = prompt.hear(engine.own_voice, 0.1, engine.vocabulary, engine.device)
    told = prompt.compose(reference, TEXT, engine.vocabulary, 1.0)
    noise = sampler.draw_noise(1, 0, told.n_frames)
    with pytest.raises(KeyboardInterrupt):
        sampler.sample(engine.cfm, told, noise, Options(nfe_step=8), third)
    assert n_steps == 3
    assert not torch.equal(torch.randn(3, 4), torch.randn(3, 4)), "torch.randn is its own again"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
def test_half_precision_on_a_gpu_stays_near_full_precision(models: Models) -> None:
    options = Options(nfe_step=16, seed=4)
    cpu = mel_of(load(models), TEXT, options)
    gpu = mel_of(F5Engine.load(models.model_dir, models.vocos_dir, models.architecture, "cuda"), TEXT, options).cpu()
    assert gpu.dtype == torch.float32
    assert (gpu - cpu).abs().mean() < 0.01 * cpu.abs().mean()
