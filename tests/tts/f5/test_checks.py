"""What is faster is used only when it equals the reference; here half precision on a CPU stands for it."""
from __future__ import annotations

import logging
import random

import pytest
import torch
from torch import Tensor

from tests.tts.f5.test_network import V1, network
from tts import EngineLost
from tts.f5 import checks
from tts.f5.kernels import Kernels
from tts.f5.layout import Layout
from tts.f5.network import Network

MEL = torch.randn(60, 100, generator=torch.Generator().manual_seed(random.Random(1).randrange(100))) - 3
ORACLE = checks.Oracle(V1, MEL)


class Half(Kernels):
    def __init__(self) -> None:
        super().__init__(torch.float16)


class PaddingSeen(Half):
    """What upstream's batch does: every sequence attends to the whole pack."""

    def attend(self, qkv: Tensor, layout: Layout) -> Tensor:
        q, k, v = qkv[None].permute(2, 0, 3, 1, 4)
        return torch.nn.functional.scaled_dot_product_attention(q, k, v)[0].transpose(0, 1).flatten(1)


class Missing(Half):
    def __init__(self) -> None:
        import flash_attn_that_is_not_there  # noqa: F401


class Raising(Half):
    def attend(self, qkv: Tensor, layout: Layout) -> Tensor:
        raise RuntimeError("no kernel image is available")


class Breaking(Half):
    def attend(self, qkv: Tensor, layout: Layout) -> Tensor:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")


class NoGate(Half):
    """A fused kernel that forgets one of its parts."""

    def add_modulate(self, h: Tensor, y: Tensor, gate: Tensor, shift: Tensor, scale: Tensor,
                     runs: tuple[tuple[int, int, int], ...], layout: Layout) -> Tensor:
        return self.modulate(h.add_(y), shift, scale, runs, layout)


class WrongAngle(Half):
    def rotate(self, qkv: Tensor, rotation: Tensor, n_heads: int) -> Tensor:
        return super().rotate(qkv, rotation * rotation, n_heads)


class NotANumber(Half):
    def attend(self, qkv: Tensor, layout: Layout) -> Tensor:
        return super().attend(qkv, layout) * torch.nan


def build(kernels: Kernels) -> Network:
    made = network(kernels.dtype)
    made.kernels = kernels
    return made


def test_the_first_that_equals_the_reference_is_used_without_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    chosen = checks.fastest(ORACLE, build, [Missing, Half, PaddingSeen])
    assert type(chosen.kernels) is Half
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(("wrong", "reason"), [
    (PaddingSeen, "differs by"), (NoGate, "differs by"), (WrongAngle, "differs by"),
    (Raising, "no kernel image"), (NotANumber, "differs by inf")])
def test_what_differs_or_fails_is_not_used_and_warned_of_once(
    caplog: pytest.LogCaptureFixture, wrong: type[Half], reason: str,
) -> None:
    chosen = checks.fastest(ORACLE, build, [wrong, Half])
    assert type(chosen.kernels) is Half
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1 and wrong.__name__ in warnings[0] and reason in warnings[0]


def test_where_nothing_equals_the_reference_it_is_the_reference(caplog: pytest.LogCaptureFixture) -> None:
    assert checks.fastest(ORACLE, build, [PaddingSeen]) is V1
    assert "products run in float32" in caplog.messages[-1]


def test_a_candidate_that_breaks_the_gpu_ends_the_start() -> None:
    with pytest.raises(EngineLost, match="Breaking broke the GPU"):
        checks.fastest(ORACLE, build, [Breaking, Half])


def test_a_cpu_runs_the_reference() -> None:
    assert checks.candidates(torch.device("cpu")) == ()
