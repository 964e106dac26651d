"""The Triton kernels by Triton's own interpreter on a CPU, against the plain forms; and what they save.

`test_fused` runs these in a process in which Triton was told to interpret before it was first imported.
"""
from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.doubles.launches import Launches
from tests.tts.f5.test_graphs import ByTensors
from tests.tts.f5.test_network import V0, V1, network
from tts.f5 import graphs
from tts.f5.batch import Batch, Row
from tts.f5.checkpoint import ARCHITECTURES, shapes
from tts.f5.fused import Fused
from tts.f5.kernels import Kernels
from tts.f5.layout import Layout
from tts.f5.network import Network


def with_kernels(net: Network, kernels: Kernels) -> Network:
    made = network(kernels.dtype, text_mask_padding=net.architecture.text_mask_padding,
                   pe_attn_head=net.architecture.pe_attn_head)
    made.kernels = kernels
    return made


@pytest.mark.parametrize("net", [V1, V0], ids=["v1", "v0"])
def test_the_fused_network_is_the_plain_one(net: Network) -> None:
    """But for the GELU, whose epilogue is the exact one on a CPU: the two differ by 5e-4 at most."""
    made = with_kernels(net, Fused(Kernels(torch.float32)))
    found = []
    for each in (net, made):
        batch = Batch(each)
        rows = [short_row(each, 9, 2.0), short_row(each, 14, 0.0)]
        batch.arrange(rows)
        batch.step()
        batch.arrange([])
        found.append(torch.cat([row.x for row in rows]))
    assert 0 < (found[0] - found[1]).abs().max() < 2e-4 * found[0].abs().max()


def test_the_fused_network_fills_up_to_the_size_of_a_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their rows are read from tensors, the last of which belongs to the frames left over."""
    monkeypatch.setattr(graphs, "FRAMES_PER_SEQUENCE", 5)
    made = with_kernels(V1, Fused(ByTensors(torch.float32)))
    found = []
    for each in (None, graphs.Graphs(made, [20], lambda run: run)):
        rows = [short_row(V1, 5, 2.0), short_row(V1, 7, 0.0)]
        batch = Batch(made, each)
        batch.arrange(rows)
        batch.step()
        batch.arrange([])
        found.append(torch.cat([row.x for row in rows]))
    assert (found[0] - found[1]).abs().max() <= 2e-6 * found[0].abs().max()


def short_row(net: Network, n_frames: int, guidance: float) -> Row:
    """A frame takes the interpreter a millisecond for each kernel."""
    noise = torch.randn(n_frames, 100, generator=torch.Generator().manual_seed(n_frames))
    return Row(noise, net.condition(noise[:5], torch.arange(6), n_frames, guidance), net.plan(4, -1.0), guidance)


def test_each_kernel_is_its_plain_form_in_both_precisions() -> None:
    layout = Layout.of([(5, 2), (7, 1)], torch.device("cpu"))
    runs = ((0, 10, 0), (10, 17, 1))
    table = torch.randn(2, 3, 6, 100)
    gate, shift, scale = table[:, 1, 2], table[:, 1, 3], table[:, 1, 4]
    rotation = torch.polar(torch.ones(17, 32), torch.randn(17, 32))
    for dtype in (torch.float32, torch.float16):
        plain, quick = Kernels(dtype), Fused(Kernels(dtype))
        h, y, qkv = torch.randn(17, 100), torch.randn(17, 100).to(dtype), torch.randn(17, 3, 4, 64).to(dtype)
        hs = [h.clone(), h.clone()]
        outs = [kernels.add_modulate(each, y, gate, shift, scale, runs, layout)
                for kernels, each in zip((plain, quick), hs, strict=True)]
        rounding = 1e-5 if dtype == torch.float32 else 5e-3
        assert outs[1].dtype == dtype
        assert torch.allclose(*hs, atol=1e-5) and torch.allclose(*outs, atol=rounding, rtol=rounding)
        turned = [kernels.rotate(qkv.clone(), rotation, 3) for kernels in (plain, quick)]
        assert torch.allclose(*turned, atol=rounding) and not torch.equal(turned[1], qkv)


def test_an_evaluation_takes_at_most_200_launches() -> None:
    """The full network, one guided line of 1 000 frames, on the meta device; a kernel of ours counts as one."""
    full, meta = ARCHITECTURES["F5TTS_v1_Base"], torch.device("meta")

    class Attention(Kernels):
        def attend(self, qkv: Tensor, layout: Layout) -> Tensor:
            return qkv[:, 0].flatten(1).abs()  # one launch, as flash attention's

    class Counted(Fused):
        n_launches = 0

        def launch(self, kernel: Any, n_frames: int, *arguments: Any, **sizes: Any) -> None:
            self.n_launches += 1

    kernels = Counted(Attention(torch.float16))
    weights = {name: torch.empty(size, device=meta) for name, size in shapes(full, 2545).items()}
    net = Network(weights, full, meta, kernels)
    batch = Batch(net)
    batch.arrange([Row(torch.empty(1000, 100, device=meta), torch.empty(2, 1000, 1024, device=meta),
                       net.plan(4, -1.0), 2.0)])
    with Launches() as counted:
        batch.step()
    assert kernels.n_launches == 1 + 3 * full.depth
    assert sum(counted.names.values()) + kernels.n_launches <= 200, counted.names.most_common()
