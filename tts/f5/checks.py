"""The fastest form of the network that has been seen equal to the reference on this very device.

What only a GPU can run is compared at start with the plain loop in float32 on the same GPU and the same weights;
where it fails or differs it is not used, and the log says so.
"""
from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import cached_property

import torch
from torch import Tensor

from tts import EngineLost
from tts.f5 import sampler
from tts.f5.batch import Batch, Row
from tts.f5.checkpoint import N_MELS
from tts.f5.graphs import Capture, Graph, Graphs, buckets
from tts.f5.kernels import FlashAttention, Kernels, TorchVarlen
from tts.f5.network import BYTES_PER_CHANNEL, Network

log = logging.getLogger(__name__)

TOLERANCE = 5e-3
"""Largest difference of a mel's norm: above what half precision products were seen to cost in an emulation on a CPU
over 7 steps (8e-4), below what bfloat16 (6e-3) and upstream's network wholly in half precision (3e-2) did."""

_TRIES = 3


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


class Oracle:
    """What the plain loop in float32, `reference`, makes of lines after `mel` [n, 100]: strangers to one another."""

    def __init__(self, reference: Network, mel: Tensor) -> None:
        self.reference, self._mel = reference, mel

    @cached_property
    def _wanted(self) -> list[Tensor]:
        return [sampler.sample(self.reference, row) for row in _rows(self.reference, self._mel)]

    def difference(self, network: Network, graphs: Graphs | None = None) -> float:
        """The largest of a batch's lines from their own."""
        return max(map(difference, _batched(Batch(network, graphs), _rows(network, self._mel)), self._wanted))


def fastest(oracle: Oracle, build: Callable[[Kernels], Network], makers: Sequence[Callable[[], Kernels]]) -> Network:
    """The oracle's own network, or the first of `makers` whose batch equals it.

    Raises EngineLost when a candidate leaves the GPU unusable.
    """
    if not makers:
        return oracle.reference
    for make in makers:
        name = getattr(make, "__name__", "a faster form").replace("_", " ")
        try:
            network = build(make())
            off = oracle.difference(network)
        except ImportError:
            continue
        except Exception as error:
            if "CUDA error" in str(error):
                raise EngineLost(f"{name} broke the GPU; this worker is replaced") from error
            log.warning("%s does not run here and is not used: %s", name, _in_brief(error))
            continue
        if off <= TOLERANCE:
            log.info("%s differs by %.1e from float32 and is used", name, off)
            return network
        log.warning("%s differs by %.1e from float32, more than %.0e, and is not used", name, off, TOLERANCE)
    log.warning("no half precision is right on this device: products run in float32, at a fraction of the speed")
    return oracle.reference


def graphed(network: Network, oracle: Oracle, sizes: Callable[[Network], Sequence[int]],
            capture: Capture) -> Graphs | None:
    """Graphs of the network's steps, each seen equal to the step that was captured, and all of them to the oracle.

    None where one differs or fails, or where none is worth it. Raises EngineLost when the GPU is unusable after that.
    """
    try:
        found = sizes(network)
        if not found:
            log.info("no CUDA graph is worth capturing on this GPU")
            return None
        graphs = Graphs(network, found, capture)
        off = max(oracle.difference(network, graphs), *(_off(network, graphs, graph) for graph in graphs.graphs))
    except Exception as error:  # an error within a capture is one of CUDA too, and is survived
        _check_alive(network.device, error)
        log.warning("CUDA graphs do not run here and are not used: %s", _in_brief(error))
        return None
    if off <= TOLERANCE:
        log.info("%d CUDA graphs, up to %d frames, differ by %.1e at most and are used", len(found), max(found), off)
        return graphs
    log.warning("CUDA graphs differ by %.1e, more than %.0e, and are not used", off, TOLERANCE)
    return None


def worth_capturing(network: Network) -> list[int]:
    """The sizes of graphs that a GPU gains from, smallest first: those at which it would wait for the host.

    A quarter of the free memory is for them at most.
    """
    free, _ = torch.cuda.mem_get_info(network.device)
    sizes = buckets(free // 4 // (BYTES_PER_CHANNEL * network.architecture.dim))
    if not sizes:
        log.warning("CUDA graphs are not used: only %d MB of the GPU's memory are free", free >> 20)
    found = []
    for n_frames in sizes:
        batch = Batch(network)
        batch.arrange(_filling(network, n_frames, 1 + _TRIES))
        if not _waits_for_the_host(network.device, batch.step):
            break
        found.append(n_frames)
    return found


def _waits_for_the_host(device: torch.device, step: Callable[[], None]) -> bool:
    """Whether the host takes more than half of a step's time to launch it: it has other work too.

    One try of several suffices: a GPU that has idled is slow at first. `step` is called once more than that.
    """
    step()
    for _ in range(_TRIES):
        torch.cuda.synchronize(device)
        started = time.perf_counter()
        step()
        launched = time.perf_counter()
        torch.cuda.synchronize(device)
        if time.perf_counter() - started < 2 * (launched - started):
            return True
    return False


def _off(network: Network, graphs: Graphs, graph: Graph) -> float:
    """What the graph makes of lines that nearly fill it, against the same step without one."""
    found = []
    for each in (graphs, None):
        batch = Batch(network, each)
        rows = _filling(network, graph.n_frames - 7, 1)
        batch.arrange(rows)
        batch.step()
        batch.arrange([])
        found.append(torch.cat([row.x for row in rows]))
    return difference(*found)


def _filling(network: Network, n_all: int, n_steps: int) -> list[Row]:
    """Guided lines of 400 frames, and one without guidance of what is left."""
    device, plan = network.device, network.plan(n_steps, -1.0)
    draw = torch.Generator(device).manual_seed(n_all)

    def noise(*size: int) -> Tensor:
        return torch.randn(size, generator=draw, device=device)

    sizes = [(400, 2, 2.0)] * (n_all // 800) + [(n_all % 800, 1, 0.0)] * (n_all % 800 > 0)
    return [Row(noise(n_frames, N_MELS), noise(count, n_frames, network.architecture.dim), plan, guidance)
            for n_frames, count, guidance in sizes]


def _check_alive(device: torch.device, error: Exception) -> None:
    """Raises EngineLost where a CUDA context did not survive."""
    try:
        torch.zeros(1, device=device).item()
    except RuntimeError:
        raise EngineLost("CUDA graphs broke the GPU; this worker is replaced") from error


def _in_brief(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


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


def _batched(batch: Batch, rows: list[Row]) -> list[Tensor]:
    batch.arrange(rows)
    while batch.rows:
        batch.step()
        if any(row.done for row in batch.rows):
            batch.arrange([row for row in batch.rows if not row.done])
    return [row.x for row in rows]
