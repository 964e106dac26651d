"""The reference sampler against upstream's CFM.sample, on the same files."""
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
from tts.f5.batch import Row
from tts.f5.engine import F5Engine
from tts.f5.network import schedule

TEXT = "I don't really care what you call me, as long as you call."
TOLERANCE = 2e-6
"""Of the largest value of a mel: float32's rounding over all steps."""


def mel_of(engine: F5Engine, text: str, options: Options) -> torch.Tensor:
    """The line alone. Upstream draws its noise from the process-wide generator."""
    reference = prompt.prepare(engine.own_voice, options.target_rms, engine.vocabulary)
    asked = prompt.compose(reference, text, "en", engine.vocabulary, options.speed)
    torch.manual_seed(options.seed)
    row = Row(torch.randn(asked.n_frames, 100),
              engine.network.condition(reference.mel, asked.tokens, asked.n_frames, options.cfg_strength),
              engine.network.plan(options.nfe_step, options.sway_sampling_coef), options.cfg_strength)
    return sampler.sample(engine.network, row)[len(reference.mel):]


@pytest.fixture(scope="module")
def upstream_infer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What `F5TTS.infer` does after it has trimmed the reference, with upstream's own loading of the same files.

    The line is given the time that we give it: upstream counts bytes, and short lines otherwise.
    """
    from f5_tts.infer import utils_infer
    from f5_tts.model import DiT
    from f5_tts.model.utils import seed_everything

    voice = prompt.own_voice()
    path = tmp_path_factory.mktemp("reference") / "reference.wav"
    soundfile.write(path, voice.samples, voice.rate_hz, subtype="PCM_16")

    def infer(models: Models, shape: dict[str, Any], options: Options, n_frames: int) -> tuple[Any, Any]:
        cfm = utils_infer.load_model(DiT, shape, str(models.model_dir / "model.safetensors"), device="cpu")
        vocos = utils_infer.load_vocoder("vocos", True, str(models.vocos_dir), device="cpu")
        seed_everything(options.seed)
        wave, _, mel = utils_infer.infer_process(
            str(path), voice.text + " ", TEXT, cfm, vocos, show_info=lambda *_: None, progress=None,
            target_rms=options.target_rms, nfe_step=options.nfe_step, cfg_strength=options.cfg_strength,
            sway_sampling_coef=options.sway_sampling_coef, fix_duration=(n_frames + 0.5) * 256 / 24_000, device="cpu")
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
    {"text_mask_padding": False, "pe_attn_head": 1, "heads": 2, "depth": 3},
], ids=["v1", "v0"])
def test_a_line_is_upstreams_but_for_the_frame_of_reference_that_it_leaves(
    tmp_path: Path, upstream_infer: Any, version: dict[str, Any], options: Options,
) -> None:
    models = make_f5(tmp_path / "models", **version)
    engine = load(models)
    reference = prompt.prepare(engine.own_voice, options.target_rms, engine.vocabulary)
    asked = prompt.compose(reference, TEXT, "en", engine.vocabulary, options.speed)
    wave, theirs = upstream_infer(models, ARCHITECTURE | version, options, asked.n_frames)
    ours = mel_of(engine, TEXT, options).numpy()
    largest = np.abs(theirs).max()
    assert ours.shape == theirs.T[1:].shape
    assert np.abs(ours - theirs.T[1:]).max() <= TOLERANCE * largest
    assert np.abs(theirs[:, 0] - reference.mel[-1].numpy()).max() < 1e-5, "what upstream leaves is the reference's last"
    spoken = engine.submit(Line(TEXT, "en"), options).result().samples
    assert len(spoken) == len(wave) - 256


def test_noise_depends_on_the_seed_the_text_and_its_occurrence_alone() -> None:
    rows = {(seed, text, occurrence): sampler.draw_noise(seed, text, occurrence, 50)
            for seed in (1, 2) for text in ("One.", "Two.", "1 Two.") for occurrence in range(20)}
    assert len({noise.numpy().tobytes() for noise in rows.values()}) == 120
    torch.manual_seed(5)
    assert torch.equal(sampler.draw_noise(2, "Two.", 3, 50), rows[2, "Two.", 3])
    noise = sampler.draw_noise(3, "One.", 0, 2000)
    assert abs(float(noise.mean())) < 0.01 and abs(float(noise.std()) - 1) < 0.01


@pytest.mark.parametrize(("n_steps", "sway"), [(4, -1.0), (7, -1.0), (16, -1.0), (16, 0.3), (32, 0.0), (64, -1.0)])
def test_a_schedule_is_upstreams(n_steps: int, sway: float) -> None:
    from f5_tts.model.utils import get_epss_timesteps

    t = get_epss_timesteps(n_steps, device="cpu", dtype=torch.float64)
    assert torch.allclose(schedule(n_steps, sway), t + sway * (torch.cos(torch.pi / 2 * t) - 1 + t), atol=1e-12)
    assert schedule(n_steps, sway)[0] == 0 and abs(schedule(n_steps, sway)[-1] - 1) < 1e-12
