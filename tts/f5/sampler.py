"""The reference sampler: what upstream's `CFM.sample` does, one row at a time, in a plain loop.

Everything faster is compared with it. Letters as in the paper: x is the mel on its way from noise (t = 0) to
speech (t = 1); one evaluation of the flow, two sequences of it under guidance, is one NFE.
"""
from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from tts.f5.batch import Row
from tts.f5.checkpoint import N_MELS
from tts.f5.kernels import Modulation
from tts.f5.layout import Layout
from tts.f5.network import Network


def draw_noise(seed: int, text: str, occurrence: int, n_frames: int) -> Tensor:
    """Noise [n_frames, 100] of a line that is said for the `occurrence`-th time (from 0) in its job.

    It depends on nothing else, on no device and no other line: an edited script changes the edited lines alone.
    PyTorch's CPU generator has 32 bits of seed; two lines of a thousand share one in one job of 8 000.
    """
    key = hashlib.sha256(f"{seed} {occurrence} {text}".encode()).digest()
    return torch.randn(n_frames, N_MELS, generator=torch.Generator().manual_seed(int.from_bytes(key[:4])))


@torch.inference_mode()
def sample(network: Network, row: Row) -> Tensor:
    """The row's mel, float32 [n, 100], the reference's frames included as they were denoised. `row` is left as it is.

    Equal to upstream within rounding: float32 products, the schedule in float64 on the host.
    """
    (n_sequences, n_frames, _), plan = row.condition.shape, row.plan
    layout = Layout.of([(n_frames, n_sequences)], network.device)
    x = row.x.clone()
    for step in range(plan.n_steps):
        modulation = Modulation(plan.blocks[step:step + 1], plan.final[step:step + 1],
                                ((0, n_sequences * n_frames, 0),))
        flow = network.flow(x, row.condition.flatten(0, 1), layout, modulation).view(n_sequences, n_frames, N_MELS)
        v = flow[0] if n_sequences == 1 else flow[0] + (flow[0] - flow[1]) * row.guidance
        x = x + plan.dts[step] * v
    return x
