"""Everything about CUDA graphs but the capture itself, for which a CPU calls the captured step again."""
from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.tts.f5.test_checks import ORACLE
from tests.tts.f5.test_network import PLANS, V0, V1, assert_same, network, row
from tts import EngineLost
from tts.f5 import checks, graphs, sampler
from tts.f5.batch import Batch, Row
from tts.f5.fused import Fused
from tts.f5.graphs import Graphs
from tts.f5.kernels import FlashAttention, Kernels, TorchVarlen
from tts.f5.layout import Layout
from tts.f5.network import Network

SIZES = [512, 640, 1024]


class ByTensors(Kernels):
    """As a captured form must: nothing about the rows is known but what the layout's tensors say."""

    capturable = True

    def modulate(self, h: Tensor, shift: Tensor, scale: Tensor, runs: tuple[tuple[int, int, int], ...],
                 layout: Layout) -> Tensor:
        rows = layout.row_of_frame
        return shift[rows] + torch.nn.functional.layer_norm(h, h.shape[1:], eps=1e-6) * scale[rows]

    def add_gated(self, h: Tensor, y: Tensor, gate: Tensor, runs: tuple[tuple[int, int, int], ...],
                  layout: Layout) -> None:
        h.addcmul_(y, gate[layout.row_of_frame])

    def attend(self, qkv: Tensor, layout: Layout) -> Tensor:
        out = torch.full((len(qkv), qkv.shape[2], qkv.shape[3]), torch.nan)
        for start, stop in pairwise(layout.bounds.tolist()):
            q, k, v = qkv[start:stop].permute(1, 2, 0, 3)
            out[start:stop] = torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(0, 1)
        return out.flatten(1)


def by_tensors(net: Network) -> Network:
    shape = net.architecture
    made = network(text_mask_padding=shape.text_mask_padding, pe_attn_head=shape.pe_attn_head)
    made.kernels = ByTensors(torch.float32)
    return made


def call_again(run: Callable[[], None]) -> Callable[[], None]:
    """Runs it as the warm-up does, on whatever the input holds."""
    run()
    return run


NETWORKS = {id(net): by_tensors(net) for net in (V1, V0)}


@pytest.fixture(scope="module")
def small() -> Any:
    """Graphs with room for many short sequences, so that a test need not step thousands of frames."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graphs, "FRAMES_PER_SEQUENCE", 40)
        return {key: Graphs(net, [64, 200, 512, 640], call_again) for key, net in NETWORKS.items()}


@pytest.mark.parametrize("net", [V1, V0], ids=["v1", "v0"])
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_row_in_a_graph_is_the_row_alone_whoever_joins_and_leaves(small: Any, net: Network, seed: int) -> None:
    draw = random.Random(seed)
    waiting = [row(net, draw) for _ in range(draw.randrange(1, 6))]
    wanted = [(each, sampler.sample(net, each)) for each in waiting]
    batch = Batch(NETWORKS[id(net)], small[id(net)])
    while waiting or batch.rows:
        joining = [waiting.pop() for _ in range(draw.randrange(len(waiting) + 1))]
        batch.arrange([each for each in batch.rows if not each.done] + joining)
        if batch.rows:
            batch.step()
    for each, mel in wanted:
        assert_same(each.x, mel)


def lines(*shapes: tuple[int, float]) -> list[Row]:
    """Of (n_frames, guidance), all of four steps."""
    made = []
    for n_frames, guidance in shapes:
        draw = torch.Generator().manual_seed(n_frames)
        made.append(Row(torch.randn(n_frames, 100, generator=draw),
                        V1.condition(torch.randn(10, 100, generator=draw), torch.arange(8), n_frames, guidance),
                        PLANS[id(V1), 4, -1.0], guidance))
    return made


@pytest.mark.parametrize(("shapes", "n_frames"), [
    ([(256, 2.0)], 512),  # to the last frame
    ([(257, 2.0)], 640),
    ([(100, 0.0), (200, 2.0)], None),  # three sequences, room for two
    ([(300, 2.0), (400, 0.0)], 1024),
    ([(513, 2.0)], None),  # larger than any
])
def test_rows_step_in_the_smallest_graph_with_room_else_without_one(
    shapes: list[tuple[int, float]], n_frames: int | None,
) -> None:
    replayed: list[int] = []

    def noting(run: Callable[[], None]) -> Callable[[], None]:
        run()
        size = run.__self__.n_frames  # type: ignore[attr-defined]
        return lambda: (replayed.append(size), run())[1]

    batch = Batch(NETWORKS[id(V1)], Graphs(NETWORKS[id(V1)], SIZES, noting))
    rows = lines(*shapes)
    wanted = [sampler.sample(V1, each) for each in rows]
    batch.arrange(rows)
    for _ in range(4):
        batch.step()
    batch.arrange([])
    for each, mel in zip(rows, wanted, strict=True):
        assert_same(each.x, mel)
    assert replayed == [n_frames] * (4 if n_frames else 0)


def test_the_frames_left_over_touch_no_row_whatever_is_in_them() -> None:
    rows = lines((300, 2.0), (120, 0.0))
    wanted = [sampler.sample(V1, each) for each in rows]
    found = Graphs(NETWORKS[id(V1)], SIZES, call_again)
    batch = Batch(NETWORKS[id(V1)], found)
    batch.arrange(rows)
    used = found.graphs[-1]
    for _ in range(4):
        with torch.inference_mode():
            for into, n_used in ((used._pack.x, 420), (used._pack.condition, 720), (used._inputs.blocks, 2)):
                into[n_used:] = torch.nan
        batch.step()
    batch.arrange([])
    for each, mel in zip(rows, wanted, strict=True):
        assert_same(each.x, mel)


def test_graphs_are_captured_once_each_at_the_start_the_largest_first() -> None:
    captured: list[int] = []

    def noting(run: Callable[[], None]) -> Callable[[], None]:
        captured.append(run.__self__.n_frames)  # type: ignore[attr-defined]
        return run

    Graphs(NETWORKS[id(V1)], SIZES, noting)
    assert captured == [1024, 640, 512]


@pytest.mark.parametrize("most", [100, 512, 5000, 10**6])
def test_sizes_are_at_most_an_eighth_apart(most: int) -> None:
    found = graphs.buckets(most)
    assert found == sorted(found) and all(512 <= size <= min(most, 16_384) for size in found)
    assert all(after - before <= before / 8 for before, after in pairwise(found))
    assert bool(found) == (most >= 512) and len(found) <= 41


def frozen(run: Callable[[], None]) -> Callable[[], None]:
    """Repeats the first result: what a capture does whose input is not read again."""
    run()
    return lambda: None


def failing(run: Callable[[], None]) -> Callable[[], None]:
    raise RuntimeError("CUDA error: operation not permitted when stream is capturing")


def too_large(run: Callable[[], None]) -> Callable[[], None]:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


@pytest.mark.parametrize(("capture", "reason"), [
    (frozen, "differ by"), (failing, "not permitted"), (too_large, "out of memory")])
def test_graphs_that_differ_fail_or_lack_memory_are_not_used_and_warned_of_once(
    caplog: pytest.LogCaptureFixture, capture: graphs.Capture, reason: str,
) -> None:
    assert checks.graphed(NETWORKS[id(V1)], ORACLE, lambda net: SIZES, capture) is None
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1 and "CUDA graphs" in warnings[0] and reason in warnings[0]


def test_one_graph_of_many_that_differs_is_enough(caplog: pytest.LogCaptureFixture) -> None:
    def one_frozen(run: Callable[[], None]) -> Callable[[], None]:
        return (frozen if run.__self__.n_frames == 640 else call_again)(run)  # type: ignore[attr-defined]

    assert checks.graphed(NETWORKS[id(V1)], ORACLE, lambda net: SIZES, one_frozen) is None
    assert "differ by" in caplog.messages[-1]


def test_a_form_that_learns_of_the_rows_from_python_is_seen_to_differ(caplog: pytest.LogCaptureFixture) -> None:
    assert checks.graphed(V1, ORACLE, lambda net: SIZES, call_again) is None
    assert "differ by" in caplog.messages[-1]


def test_graphs_that_equal_the_plain_step_are_used_without_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    found = checks.graphed(NETWORKS[id(V1)], ORACLE, lambda net: SIZES, call_again)
    assert found and [each.n_frames for each in found.graphs] == SIZES
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert checks.graphed(NETWORKS[id(V1)], ORACLE, lambda net: [], call_again) is None


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_did_not_survive_the_capture_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = by_tensors(V1)
    lost.device = torch.device("cuda")
    with pytest.raises(EngineLost, match="CUDA graphs broke the GPU"):
        checks.graphed(lost, ORACLE, lambda net: SIZES, call_again)


def test_only_forms_that_read_tensors_alone_are_captured() -> None:
    flash = FlashAttention.__new__(FlashAttention)
    assert Fused(TorchVarlen()).capturable and not TorchVarlen().capturable
    assert not Fused(Kernels(torch.float16)).capturable and not Kernels(torch.float32).capturable
    assert not flash.capturable


@pytest.mark.parametrize(("device_s", "waits"), [(0.0, True), (0.3, False)])
def test_a_graph_pays_where_the_device_has_less_to_do_than_the_host(
    monkeypatch: pytest.MonkeyPatch, device_s: float, waits: bool,
) -> None:
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: time.sleep(device_s))
    assert checks._waits_for_the_host(torch.device("cpu"), lambda: time.sleep(0.05)) is waits


def test_a_device_that_is_slow_only_at_first_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = iter([0.0, 0.3, 0.0, 0.0, 0.0, 0.0])
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: time.sleep(next(pauses)))
    assert checks._waits_for_the_host(torch.device("cpu"), lambda: time.sleep(0.05))


def test_graphs_take_a_quarter_of_the_free_memory_and_without_it_there_are_none(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:
    n_bytes = 64 * V1.architecture.dim
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (4 * 600 * n_bytes, 0))
    assert checks.worth_capturing(V1) == [512, 576]
    assert not caplog.records
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (4 * 500 * n_bytes, 0))
    assert checks.worth_capturing(V1) == [] and "memory" in caplog.messages[-1]
