"""The fastest form of the network that has been seen equal to the reference on this very device.

What only a GPU can run is compared at start with the plain loop in float32 on the same GPU and the same weights;
where it fails or differs it is not used, and the log says so.
"""
from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from tts import EngineLost
from tts.f5 import sampler
from tts.f5.batch import Batch, Row
from tts.f5.kernels import FlashAttention, Kernels, TorchVarlen
from tts.f5.network import Network

log = logging.getLogger(__name__)

TOLERANCE = 5e-3
"""Largest difference of a mel's norm: above what half precision products were seen to cost in an emulation on a CPU
over 7 steps (8e-4), below what bfloat16 (6e-3) and upstream's network wholly in half precision (3e-2) did."""


def candidates(device: torch.device) -> tuple[Callable[[], Kernels], ...]:
    """Fastest first. One whose package is missing raises ImportError. A CPU has nothing faster than the reference."""
    if device.type != "cuda":
        return ()
    return fused_flash_attention, fused_torch_varlen, FlashAttention, TorchVarlen, half_precision


def fused_flash_attention() -> Kernels:
    from tts.f5.fused import Fused

    return Fused(FlashAttention())


def fused_torch_varlen() -> Kernels:
    from tts.f5.fused import Fused

    return Fused(TorchVarlen())


def half_precision() -> Kernels:
    return Kernels(torch.float16)


def fastest(reference: Network, build: Callable[[Kernels], Network], makers: Sequence[Callable[[], Kernels]],
            mel: Tensor) -> Network:
    """`reference` in float32, or the first of `makers` whose batch equals it on lines after `mel` [n, 100].

    Raises EngineLost when a candidate leaves the GPU unusable.
    """
    if not makers:
        return reference
    wanted = [sampler.sample(reference, row) for row in _rows(reference, mel)]
    for make in makers:
        name = getattr(make, "__name__", "a faster form").replace("_", " ")
        try:
            network = build(make())
            off = max(map(difference, _batched(network, _rows(network, mel)), wanted))
        except ImportError:
            continue
        except Exception as error:
            if "CUDA error" in str(error):
                raise EngineLost(f"{name} broke the GPU; this worker is replaced") from error
            log.warning("%s does not run here and is not used: %s", name, " ".join(str(error).split())[:200])
            continue
        if off <= TOLERANCE:
            log.info("%s differs by %.1e from float32 and is used", name, off)
            return network
        log.warning("%s differs by %.1e from float32, more than %.0e, and is not used", name, off, TOLERANCE)
    log.warning("no half precision is right on this device: products run in float32, at a fraction of the speed")
    return reference


def difference(found: Tensor, wanted: Tensor) -> float:
    """Of the norms, relative; infinite for what is no number."""
    off = float((found - wanted).norm() / wanted.norm())
    return off if off == off else float("inf")


def _rows(network: Network, mel: Tensor) -> list[Row]:
    """Strangers in length, schedule and guidance. Any tokens do: every vocabulary has the first few."""
    rows = []
    for n_line, n_steps, guidance in ((80, 7, 2.0), (333, 7, 0.0), (200, 5, 3.5)):
        n_frames, tokens = len(mel) + n_line, torch.arange(40) % 20
        noise = torch.randn(n_frames, mel.shape[1], generator=torch.Generator().manual_seed(n_line))
        rows.append(Row(noise.to(network.device), network.condition(mel, tokens, n_frames, guidance),
                        network.plan(n_steps, -1.0), guidance))
    return rows


def _batched(network: Network, rows: list[Row]) -> list[Tensor]:
    batch = Batch(network)
    batch.arrange(rows)
    while batch.rows:
        batch.step()
        if any(row.done for row in batch.rows):
            batch.arrange([row for row in batch.rows if not row.done])
    return [row.x for row in rows]
