"""The reference sampler: upstream's `CFM.sample`, one line at a time, with noise of our own.

Letters as in the paper: x is the mel on its way from noise (t = 0) to speech (t = 1); one step of the network
(two rows of it under guidance) is one NFE.
"""
from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from f5_tts.model import CFM
from torch import Tensor
from torch.overrides import TorchFunctionMode

from tts import Options
from tts.f5.network import N_MELS
from tts.f5.prompt import MAX_FRAMES, Prompt


def draw_noise(seed: int, index: int, n_frames: int) -> Tensor:
    """Noise [n_frames, 100] for line `index` of a job: it depends on nothing else, on no device and no other line.

    The first line's is what `torch.manual_seed(seed)` gives upstream on a CPU. The generator has 32 bits of seed.
    """
    mixed = (seed ^ (index * 0x9E3779B9)) & 0xFFFFFFFF  # golden-ratio steps: no two lines of a job share a seed
    return torch.randn(n_frames, N_MELS, generator=torch.Generator().manual_seed(mixed))


def sample(network: CFM, prompt: Prompt, noise: Tensor, options: Options, before_step: Callable[[], None]) -> Tensor:
    """The line's own mel, float32 [1, n_frames - reference.n_frames, 100].

    `before_step` runs before each of the `nfe_step` steps; what it raises ends the work. 5, 6, 7, 10, 12 and 16
    steps take upstream's pruned schedule (arXiv 2505.19931), others an even one. On a GPU the matrix products are
    made in half precision, while x, the schedule, the norms and the rotary angles stay in float32, which upstream
    lets become half (up to 0.5 rad off at 16 s, steps up to 19 % off).

    All of the reference's frames are cut off. Upstream leaves its last one at the head of every chunk, because a
    mel has one frame more than `n_samples // 256`.
    """
    reference = prompt.reference
    device = reference.mel.device
    with ExitStack() as until_first_step, torch.autocast(device.type, torch.float16, enabled=device.type == "cuda"):
        def step(*_: Any) -> None:
            until_first_step.close()
            before_step()

        until_first_step.enter_context(_Noise(noise.to(device)))
        hook = network.transformer.register_forward_pre_hook(step)
        try:
            x, _ = network.sample(
                reference.mel, prompt.tokens.to(device), prompt.n_frames, steps=options.nfe_step,
                cfg_strength=options.cfg_strength, sway_sampling_coef=options.sway_sampling_coef,
                max_duration=MAX_FRAMES)
        finally:
            hook.remove()
            network.transformer.clear_cache()  # upstream leaves a broken-off line's text for the next
    line: Tensor = x[:, reference.n_frames:]
    return line


class _Noise(TorchFunctionMode):
    """`torch.randn` of this thread gives the line's noise: `CFM.sample` knows only the process-wide generator."""

    def __init__(self, noise: Tensor) -> None:
        super().__init__()
        self._noise = noise

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._noise if func is torch.randn else func(*args, **(kwargs or {}))
