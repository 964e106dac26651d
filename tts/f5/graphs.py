"""Steps of a batch as CUDA graphs: the two hundred launches of one step become one.

A graph repeats the same launches on the same memory, so it is captured for a number of frames, its bucket, and rows
of any number and length up to that are copied into its input. The frames that are left over are a sequence of their
own. Graphs are captured at start, largest first, and share one pool of memory, since only one runs at a time.
"""
from __future__ import annotations

import gc
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import fields, replace

import torch
from torch import Tensor

from tts.f5.checkpoint import N_MELS
from tts.f5.kernels import Modulation
from tts.f5.layout import Layout
from tts.f5.network import MAX_FRAMES, Network, Pack

Capture = Callable[[Callable[[], None]], Callable[[], None]]
"""Takes what is to be captured, which it may run first; returns what repeats it."""

FIRST_BUCKET = 512
"""Frames of the smallest graph."""
LAST_BUCKET = 16_384
"""Frames of the largest. The frames left over in it are at most 2 048, no more than one line has."""
FRAMES_PER_SEQUENCE = 256
"""A graph has room for one sequence each so many frames, 2.7 s of reference and line together; packs of shorter ones
are stepped without a graph. Each costs an empty block of attention and GAP frames of convolution."""
_WARM_UPS = 2


class Graph:
    """One captured step, for packs of up to `n_frames` frames. `inputs` are shared with the other graphs."""

    def __init__(self, n_frames: int, inputs: _Inputs, network: Network) -> None:
        self.n_frames, self.n_sequences = n_frames, n_frames // FRAMES_PER_SEQUENCE
        self._inputs, self._network = inputs, network
        self._layout = self._padded(Layout.of([(1, 1)], network.device))
        self._pack = Pack(self._layout, inputs.x[:n_frames], inputs.condition[:n_frames], inputs.guidance[:n_frames])
        self.replay: Callable[[], None] = self._run

    def fits(self, layout: Layout) -> bool:
        return len(layout.source) <= self.n_frames and sum(layout.n_sequences) <= self.n_sequences

    def load(self, pack: Pack) -> Pack:
        """Copies the pack in; the one returned is the same, with an x that `step` changes."""
        padded = self._padded(pack.layout)
        for field in fields(Layout):
            into = getattr(self._layout, field.name)
            if isinstance(into, Tensor):
                into.copy_(getattr(padded, field.name))
        for into, found in ((self._pack.x, pack.x), (self._pack.condition, pack.condition),
                            (self._pack.guidance, pack.guidance)):
            into[:len(found)] = found
            into[len(found):] = 0
        return replace(pack, x=self._pack.x[:len(pack.x)])

    def step(self, modulation: Modulation, dts: Tensor) -> None:
        """`Network.step` of what is loaded."""
        inputs, n_rows = self._inputs, len(dts)
        inputs.blocks[:n_rows] = modulation.blocks
        inputs.final[:n_rows] = modulation.final
        inputs.dts[:n_rows] = dts
        self.replay()

    def _run(self) -> None:
        inputs = self._inputs
        self._network.step(self._pack, Modulation(inputs.blocks, inputs.final, ()), inputs.dts)

    def _padded(self, layout: Layout) -> Layout:
        return layout.padded(self.n_frames, self.n_sequences, len(self._inputs.dts) - 1,
                             min(self.n_frames, MAX_FRAMES))


class _Inputs:
    """What all graphs read, as large as the largest needs. The last row belongs to the frames left over: its steps
    are nought, so that they stay where they are."""

    def __init__(self, network: Network, n_frames: int) -> None:
        shape, n_rows = network.architecture, n_frames // FRAMES_PER_SEQUENCE + 1

        def zeros(*size: int) -> Tensor:
            return torch.zeros(size, device=network.device)

        self.x, self.condition, self.guidance = zeros(n_frames, N_MELS), zeros(n_frames, shape.dim), zeros(n_frames, 1)
        self.blocks, self.final = zeros(n_rows, shape.depth, 6, shape.dim), zeros(n_rows, 2, shape.dim)
        self.dts = zeros(n_rows)


class Graphs:
    """The graphs of a network whose kernels are `capturable`, for packs of up to the largest of `buckets`."""

    @torch.inference_mode()
    def __init__(self, network: Network, buckets: Sequence[int], capture: Capture) -> None:
        inputs = _Inputs(network, max(buckets))
        graphs = [Graph(n_frames, inputs, network) for n_frames in sorted(buckets)]
        for graph in reversed(graphs):
            graph.replay = capture(graph.replay)
        self.graphs = tuple(graphs)

    def fitting(self, layout: Layout) -> Graph | None:
        """The smallest with room for the frames, unless there are too many sequences for it."""
        index = bisect_left(self.graphs, len(layout.source), key=lambda graph: graph.n_frames)
        found = self.graphs[index] if index < len(self.graphs) else None
        return found if found and found.fits(layout) else None


def buckets(most: int) -> list[int]:
    """Numbers of frames up to `most` and LAST_BUCKET, at most an eighth apart: eight for each doubling."""
    found, n_frames = [], FIRST_BUCKET
    while n_frames <= min(most, LAST_BUCKET):
        found.append(n_frames)
        n_frames += (1 << n_frames.bit_length() - 1) // 8
    return found


class CudaCapture:
    """As PyTorch's notes on CUDA graphs have it: a warm-up on a side stream, then the same once more, recorded.

    All that are captured by one of these share their memory.
    """

    def __init__(self, device: torch.device) -> None:
        self._device, self._stream = device, torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()  # type: ignore[no-untyped-call]

    def __call__(self, run: Callable[[], None]) -> Callable[[], None]:
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            for _ in range(_WARM_UPS):
                run()
        current.wait_stream(self._stream)
        graph = torch.cuda.CUDAGraph()  # type: ignore[no-untyped-call]
        gc.freeze()  # `torch.cuda.graph` collects garbage first, a tenth of a second each time
        try:
            with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
                run()
        finally:
            gc.unfreeze()
            torch.cuda.set_stream(current)  # `torch.cuda.graph` leaves its own where a capture fails
        return graph.replay
