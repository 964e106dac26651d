"""What lies between the products in one launch each, by Triton: gate + residual + LayerNorm + modulation, and rotation.

Importing this raises ImportError where Triton is not installed. `tts.f5.checks` compares it with the reference on the
GPU at start; Triton's interpreter runs the same kernels on a CPU, where the tests compare them.
"""
from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from tts.f5.kernels import EPS, FlashAttention, Kernels, TorchVarlen
from tts.f5.layout import Layout


@triton.jit  # type: ignore[untyped-decorator]
def _add_modulate(h, y, gate, shift, scale, out, rows, gate_stride, stride, dim, eps,  # type: ignore[no-untyped-def]
                  ADDS: tl.constexpr, BLOCK: tl.constexpr):
    """One frame: `h += y * gate` where ADDS, then `out = layer_norm(h) * scale + shift`, all of the frame's row."""
    frame = tl.program_id(0).to(tl.int64)
    row = tl.load(rows + frame).to(tl.int64)
    at = tl.arange(0, BLOCK)
    inside = at < dim
    x = tl.load(h + frame * dim + at, mask=inside, other=0.0)
    if ADDS:
        added = tl.load(y + frame * dim + at, mask=inside, other=0.0).to(tl.float32)
        x += added * tl.load(gate + row * gate_stride + at, mask=inside, other=0.0)
        tl.store(h + frame * dim + at, x, mask=inside)
    centred = tl.where(inside, x - tl.sum(x, axis=0) / dim, 0.0)
    norm = centred * tl.rsqrt(tl.sum(centred * centred, axis=0) / dim + eps)
    found = norm * tl.load(scale + row * stride + at, mask=inside, other=0.0)
    found += tl.load(shift + row * stride + at, mask=inside, other=0.0)
    tl.store(out + frame * dim + at, found.to(out.dtype.element_ty), mask=inside)


@triton.jit  # type: ignore[untyped-decorator]
def _rotate(qkv, rotation, heads, n_heads, PAIRS: tl.constexpr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """One frame: q and k of the first `n_heads` of `heads`, in place; `rotation` [n_all, PAIRS, cosine and sine]."""
    frame = tl.program_id(0).to(tl.int64)
    at = tl.arange(0, BLOCK)
    inside = at < 2 * n_heads * PAIRS
    part, head, pair = at // (n_heads * PAIRS), at // PAIRS % n_heads, at % PAIRS
    even = qkv + ((frame * 3 + part) * heads + head) * (2 * PAIRS) + 2 * pair
    angle = rotation + (frame * PAIRS + pair) * 2
    cosine, sine = tl.load(angle, mask=inside, other=0.0), tl.load(angle + 1, mask=inside, other=0.0)
    a = tl.load(even, mask=inside, other=0.0).to(tl.float32)
    b = tl.load(even + 1, mask=inside, other=0.0).to(tl.float32)
    tl.store(even, (a * cosine - b * sine).to(qkv.dtype.element_ty), mask=inside)
    tl.store(even + 1, (a * sine + b * cosine).to(qkv.dtype.element_ty), mask=inside)


class Fused(Kernels):
    """Attention as `attention` has it, in half precision as well."""

    def __init__(self, attention: Kernels) -> None:
        super().__init__(attention.dtype)
        self._attention, self.name = attention, f"Triton, {attention.name}"
        self.capturable = isinstance(attention, (FlashAttention, TorchVarlen))

    def attend(self, qkv: Tensor, layout: Layout) -> Tensor:
        return self._attention.attend(qkv, layout)

    def modulate(self, h: Tensor, shift: Tensor, scale: Tensor, runs: tuple[tuple[int, int, int], ...],
                 layout: Layout) -> Tensor:
        return self._modulated(h, None, shift, shift, scale, layout)

    def add_modulate(self, h: Tensor, y: Tensor, gate: Tensor, shift: Tensor, scale: Tensor,
                     runs: tuple[tuple[int, int, int], ...], layout: Layout) -> Tensor:
        return self._modulated(h, y, gate, shift, scale, layout)

    def _modulated(self, h: Tensor, y: Tensor | None, gate: Tensor, shift: Tensor, scale: Tensor,
                   layout: Layout) -> Tensor:
        out = torch.empty_like(h, dtype=self.dtype)
        n_all, dim = h.shape
        self.launch(_add_modulate, n_all, h, out if y is None else y, gate, shift, scale, out, layout.row_of_frame,
                    gate.stride(0), shift.stride(0), dim, EPS, ADDS=y is not None, BLOCK=triton.next_power_of_2(dim))
        return out

    def rotate(self, qkv: Tensor, rotation: Tensor, n_heads: int) -> Tensor:
        n_all, _, heads, width = qkv.shape
        self.launch(_rotate, n_all, qkv, torch.view_as_real(rotation), heads, n_heads, PAIRS=width // 2,
                    BLOCK=triton.next_power_of_2(n_heads * width))
        return qkv

    def expand(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """The product's own epilogue; a GPU's is the GELU in the form of a tanh, a CPU's is the exact one."""
        return torch._addmm_activation(bias, x, weight.T, use_gelu=True)

    def launch(self, kernel: Any, n_frames: int, *arguments: Any, **sizes: Any) -> None:
        """A program for each frame."""
        kernel[(n_frames,)](*arguments, **sizes)
