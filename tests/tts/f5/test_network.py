"""The packed network: rows of strangers against each row alone, and what one evaluation costs."""
from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.doubles.f5 import ARCHITECTURE, f5_weights
from tests.doubles.launches import Launches
from tts.f5 import sampler
from tts.f5.batch import Batch, Row, modulation
from tts.f5.checkpoint import ARCHITECTURES, Architecture, shapes
from tts.f5.kernels import Kernels
from tts.f5.layout import Layout
from tts.f5.network import Network

CPU = torch.device("cpu")


def network(dtype: torch.dtype = torch.float32, **changes: Any) -> Network:
    shape = Architecture(**ARCHITECTURE | {"depth": 3, "heads": 2, "conv_layers": 2} | changes)
    return Network(f5_weights(shape, 200, torch.Generator().manual_seed(3)), shape, CPU, Kernels(dtype))


V1, V0 = network(), network(text_mask_padding=False, pe_attn_head=1)
PLANS = {(id(net), n, sway): net.plan(n, sway) for net in (V1, V0) for n in (1, 3, 4) for sway in (-1.0, 0.4)}


def row(net: Network, draw: random.Random) -> Row:
    """A stranger: its own length, reference, text, steps, guidance and sway."""
    generator = torch.Generator().manual_seed(draw.randrange(10**6))
    n_frames = draw.randrange(20, 120)
    mel = torch.randn(draw.randrange(4, n_frames - 2), 100, generator=generator) * 2 - 3
    tokens = torch.randint(0, 200, (draw.randrange(1, n_frames),), generator=generator)
    guidance = draw.choice([0.0, 1.0, 2.0, 3.5])
    plan = PLANS[id(net), draw.choice([1, 3, 4]), draw.choice([-1.0, 0.4])]
    return Row(torch.randn(n_frames, 100, generator=generator), net.condition(mel, tokens, n_frames, guidance), plan,
               guidance)


def assert_same(found: Tensor, wanted: Tensor, tolerance: float = 2e-6) -> None:
    assert (found - wanted).abs().max() <= tolerance * wanted.abs().max()


@pytest.mark.parametrize("net", [V1, V0], ids=["v1", "v0"])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_row_is_the_same_whoever_joins_and_leaves(net: Network, seed: int) -> None:
    draw = random.Random(seed)
    waiting = [row(net, draw) for _ in range(draw.randrange(2, 7))]
    wanted = [(each, sampler.sample(net, each)) for each in waiting]
    batch, away = Batch(net), []
    while waiting or away or batch.rows:
        joining = [waiting.pop() for _ in range(draw.randrange(len(waiting) + 1))] + away
        staying = [each for each in batch.rows if not each.done]
        away = [each for each in staying if draw.random() < 0.1]  # sent back to wait, as after running out of memory
        batch.arrange([each for each in staying if each not in away] + joining)
        if batch.rows:
            batch.step()
    for each, mel in wanted:
        assert each.done
        assert_same(each.x, mel)


def test_a_row_alone_twice_is_the_same_to_the_last_bit() -> None:
    first, again = row(V1, random.Random(1)), row(V1, random.Random(1))
    for each in (first, again):
        batch = Batch(V1)
        batch.arrange([each])
        while not each.done:
            batch.step()
        batch.arrange([])
    assert torch.equal(first.x, again.x)
    assert torch.equal(sampler.sample(V1, row(V1, random.Random(1))), sampler.sample(V1, row(V1, random.Random(1))))


def test_a_step_that_fails_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [row(V1, random.Random(seed)) for seed in (1, 2)]
    for each in rows:
        each.plan = PLANS[id(V1), 4, -1.0]
    wanted = [sampler.sample(V1, each) for each in rows]
    batch = Batch(V1)
    batch.arrange(rows)
    attend = V1.kernels.attend
    calls = iter(range(10**6))

    def sometimes(qkv: Tensor, layout: Layout) -> Tensor:
        if next(calls) == 4:
            raise torch.OutOfMemoryError
        return attend(qkv, layout)

    monkeypatch.setattr(V1.kernels, "attend", sometimes)
    batch.step()
    with pytest.raises(torch.OutOfMemoryError):
        batch.step()
    while batch.rows:
        batch.step()
        batch.arrange([each for each in batch.rows if not each.done])
    for each, mel in zip(rows, wanted, strict=True):
        assert_same(each.x, mel)


def test_half_precision_products_stay_near_float32() -> None:
    half = network(torch.float16)
    exact, near = (sampler.sample(net, row(V1, random.Random(5))) for net in (V1, half))
    off = float((near - exact).norm() / exact.norm())
    assert 0 < off < 2e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=["float32", "half"])
@pytest.mark.parametrize("n_rows", [1, 2])
def test_an_evaluation_of_the_full_network_takes_at_most_400_launches(dtype: torch.dtype, n_rows: int) -> None:
    """Rows of one job at one step. Upstream takes 991 in half precision for one row."""
    full = ARCHITECTURES["F5TTS_v1_Base"]
    meta = torch.device("meta")
    weights = {name: torch.empty(size, device=meta) for name, size in shapes(full, 2545).items()}
    net = Network(weights, full, meta, Kernels(dtype))
    plan = net.plan(4, -1.0)
    rows = [Row(torch.empty(1000, 100, device=meta), torch.empty(2, 1000, 1024, device=meta), plan, 2.0)] * n_rows
    batch = Batch(net)
    batch.arrange(rows)
    with Launches() as counted:
        batch.step()
    extra_rows = full.depth * 2 * (n_rows - 1)  # plain attention is a call a row, and a copy
    assert sum(counted.names.values()) - extra_rows <= 400, counted.names.most_common()


def test_runs_gather_neighbours_at_the_same_step_of_the_same_plan() -> None:
    one, other = V1.plan(4, -1.0), V1.plan(3, -1.0)
    rows = [Row(torch.zeros(n, 100), torch.zeros(2, n, 64), plan, 2.0, step)
            for n, plan, step in ((5, one, 0), (6, one, 0), (7, one, 1), (8, other, 1))]
    layout = Layout.of([(len(each.x), 2) for each in rows], CPU)
    assert modulation(rows, layout).runs == ((0, 22, 0), (22, 36, 2), (36, 52, 3))
