"""What lies between the network's matrix products: modulation, gates, rotation, attention.

`Kernels` is the plain form in PyTorch, which runs everywhere and in float32 is the reference. Faster forms
override single operations; `tts.f5.checks` lets none be used that has not been seen equal on its device.
"""
from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from tts.f5.layout import Layout

EPS = 1e-6


@dataclass(frozen=True, slots=True)
class Modulation:
    """One step's scales, shifts and gates, float32: `blocks` [n_rows, depth, 6, dim] and `final` [n_rows, 2, dim].

    Of a block: shift, 1 + scale and gate of the attention, then of the feed-forward; of the end: 1 + scale, shift.
    `runs` are (first frame, one past the last, row) of frames that share them, so that one operation serves all.
    """

    blocks: Tensor
    final: Tensor
    runs: tuple[tuple[int, int, int], ...]


class Kernels:
    """`h` is the residual, float32 [n_all, dim]; `dtype` that of the matrix products.

    `capturable` forms learn where the rows lie from tensors alone: a CUDA graph of them serves any rows.
    """

    capturable = False
    name = "plain"

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype

    def modulate(self, h: Tensor, shift: Tensor, scale: Tensor, runs: tuple[tuple[int, int, int], ...],
                 layout: Layout) -> Tensor:
        """LayerNorm, then `shift + norm * scale` with each row's own: `shift` and `scale` [n_rows, dim]."""
        norm = F.layer_norm(h, h.shape[1:], eps=EPS)
        out = norm if self.dtype == norm.dtype else torch.empty_like(norm, dtype=self.dtype)
        for start, stop, row in runs:
            torch.addcmul(shift[row], norm[start:stop], scale[row], out=out[start:stop])
        return out

    def add_gated(self, h: Tensor, y: Tensor, gate: Tensor, runs: tuple[tuple[int, int, int], ...],
                  layout: Layout) -> None:
        """`h += y * gate`, in place, with each row's own gate [n_rows, dim]."""
        for start, stop, row in runs:
            h[start:stop].addcmul_(y[start:stop], gate[row])

    def add_modulate(self, h: Tensor, y: Tensor, gate: Tensor, shift: Tensor, scale: Tensor,
                     runs: tuple[tuple[int, int, int], ...], layout: Layout) -> Tensor:
        """`add_gated`, then `modulate`."""
        self.add_gated(h, y, gate, runs, layout)
        return self.modulate(h, shift, scale, runs, layout)

    def expand(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """The feed-forward's first product, and its GELU in the form of a tanh."""
        return F.gelu(F.linear(x, weight, bias), approximate="tanh")

    def rotate(self, qkv: Tensor, rotation: Tensor, n_heads: int) -> Tensor:
        """Rotary angles on the first `n_heads` of q and k, in float32. `qkv` [n_all, 3, heads, 64], in place."""
        turned = qkv[:, :2, :n_heads]
        exact = turned.float()
        torch.view_as_complex(exact.view(*exact.shape[:-1], -1, 2)).mul_(rotation[:, None, None])
        if self.dtype != torch.float32:
            turned.copy_(exact)
        return qkv

    def attend(self, qkv: Tensor, layout: Layout) -> Tensor:
        """Each sequence sees itself alone: one call a row. [n_all, 3, heads, 64] -> [n_all, heads * 64]."""
        n_all, _, heads, width = qkv.shape
        out = qkv.new_empty(n_all, heads, width)
        for (start, stop), count in zip(layout.spans, layout.n_sequences, strict=True):
            q, k, v = qkv[start:stop].view(count, -1, 3, heads, width).permute(2, 0, 3, 1, 4)
            y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2)
            out[start:stop].view(count, -1, heads, width).copy_(y)
        return out.view(n_all, heads * width)


class FlashAttention(Kernels):
    """All sequences in one call of flash-attn, in half precision. Raises ImportError where it is not installed."""

    name = "flash-attn"

    def __init__(self) -> None:
        super().__init__(torch.float16)
        from flash_attn import flash_attn_varlen_qkvpacked_func

        self._attend = flash_attn_varlen_qkvpacked_func

    def attend(self, qkv: Tensor, layout: Layout) -> Tensor:
        out: Tensor = self._attend(qkv, layout.bounds, layout.longest)
        return out.flatten(1)


class TorchVarlen(Kernels):
    """All sequences in one call of the flash kernel that PyTorch ships and has no public name for."""

    name = "PyTorch's flash attention"

    def __init__(self) -> None:
        super().__init__(torch.float16)

    def attend(self, qkv: Tensor, layout: Layout) -> Tensor:
        q, k, v = qkv.unbind(1)
        out: Tensor = torch.ops.aten._flash_attention_forward(
            q, k, v, layout.bounds, layout.bounds, layout.longest, layout.longest, 0.0, False, False)[0]
        return out.flatten(1)
