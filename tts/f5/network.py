"""F5-TTS's diffusion transformer (DiT) for sampling alone: rows of any length, text and schedule in one exact pass.

Frames of all rows are packed (`layout`). What depends on the schedule alone is computed once (`plan`), what
depends on the reference and the text alone once a row (`condition`); `flow` is one function evaluation (NFE).
Products run in `kernels.dtype`; residual, norms, gates, rotary angles, guidance and state stay in float32.
"""
from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from tts.f5.checkpoint import CONV_GROUPS, CONV_KERNEL, HEAD_DIM, N_MELS, TIME_DIM, Architecture
from tts.f5.kernels import EPS, Kernels, Modulation
from tts.f5.layout import Layout

MAX_FRAMES = 2812
"""30 s, the longest that the network was trained on."""
EPSS = {
    5: (0, 2, 4, 8, 16, 32),
    6: (0, 2, 4, 6, 8, 16, 32),
    7: (0, 2, 4, 6, 8, 16, 24, 32),
    10: (0, 2, 4, 6, 8, 12, 16, 20, 24, 28, 32),
    12: (0, 2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32),
    16: (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32),
}
"""Empirically pruned steps, in 32nds (arXiv 2505.19931; upstream model/utils.py, get_epss_timesteps)."""
EVEN_FROM = 32
"""From here on even steps are as fine as those that were pruned."""
BYTES_PER_CHANNEL = 64
"""Memory that one frame takes during an evaluation, for each channel of the network's width: residual, norm, products
and convolution, most of them in half precision."""
MIN_GUIDANCE = 1e-5
"""Below it upstream leaves the unconditional sequence out."""

Affine = tuple[Tensor, Tensor]
"""Weight and bias."""


def schedule(n_steps: int, sway: float) -> Tensor:
    """Times from 0 (noise) to 1 (speech), float64 [n_steps + 1]. In half precision steps are up to 19 % off."""
    t = (torch.tensor(EPSS[n_steps], dtype=torch.float64) / 32 if n_steps in EPSS
         else torch.linspace(0, 1, n_steps + 1, dtype=torch.float64))
    return t + sway * (torch.cos(math.pi / 2 * t) - 1 + t)


@dataclass(frozen=True, slots=True)
class Plan:
    """What depends on the schedule alone. `dts` float32 [n_steps]; the rest as in `Modulation`, [n_steps, ...]."""

    n_steps: int
    dts: Tensor
    blocks: Tensor
    final: Tensor


@dataclass(frozen=True, slots=True)
class Pack:
    """Rows that step together: the state `x` [n_state, 100], `condition` [n_all, dim] and `guidance` [n_state, 1]."""

    layout: Layout
    x: Tensor
    condition: Tensor
    guidance: Tensor


@dataclass(frozen=True, slots=True)
class _TextBlock:
    conv: Affine
    norm: Affine
    up: Affine
    response: Affine
    down: Affine


@dataclass(frozen=True, slots=True)
class _Block:
    modulation: Affine
    qkv: Affine
    out: Affine
    up: Affine
    down: Affine


class Network:
    """`weights` as `checkpoint.read_weights` returns them; they are copied to `device`."""

    def __init__(self, weights: Mapping[str, Tensor], architecture: Architecture, device: torch.device,
                 kernels: Kernels) -> None:
        self.architecture, self.device, self.kernels = architecture, device, kernels

        def exact(name: str) -> Tensor:
            # Copied, since safetensors maps the file: its alignment would change the rounding on a CPU, and a file
            # that is replaced would change the voice.
            return weights[name].to(device, torch.float32, copy=True)

        def affine(name: str) -> Affine:
            return exact(f"{name}.weight"), exact(f"{name}.bias")

        def product(*names: str) -> Affine:
            parts = [affine(name) for name in names]
            weight, bias = torch.cat([w for w, _ in parts]), torch.cat([b for _, b in parts])
            return weight.to(kernels.dtype), bias.to(kernels.dtype)

        self._time = affine("time_embed.time_mlp.0"), affine("time_embed.time_mlp.2")
        self._tokens = exact("text_embed.text_embed.weight")
        self._text_blocks = [
            _TextBlock(affine(f"{at}.dwconv"), affine(f"{at}.norm"), affine(f"{at}.pwconv1"),
                       (exact(f"{at}.grn.gamma")[0], exact(f"{at}.grn.beta")[0]), affine(f"{at}.pwconv2"))
            for at in (f"text_embed.text_blocks.{index}" for index in range(architecture.conv_layers))]
        weight, self._in_bias = affine("input_embed.proj")
        self._in_state, self._in_mel, self._in_text = (
            weight[:, start:stop].contiguous() for start, stop in
            ((0, N_MELS), (N_MELS, 2 * N_MELS), (2 * N_MELS, None)))
        self._convs = [product(f"input_embed.conv_pos_embed.conv1d.{index}") for index in (0, 2)]
        self._blocks = [
            _Block(affine(f"{at}.attn_norm.linear"), product(*(f"{at}.attn.to_{part}" for part in "qkv")),
                   product(f"{at}.attn.to_out.0"), product(f"{at}.ff.ff.0.0"), product(f"{at}.ff.ff.2"))
            for at in (f"transformer_blocks.{index}" for index in range(architecture.depth))]
        self._final, self._out = affine("norm_out.linear"), product("proj_out")
        self._rotation = torch.polar(torch.ones(()), _angles(HEAD_DIM)).to(device)
        angles = _angles(architecture.text_dim)
        self._text_positions = torch.cat([angles.cos(), angles.sin()], dim=-1).to(device)

    @torch.inference_mode()
    def plan(self, n_steps: int, sway: float) -> Plan:
        """Everything that a schedule decides: 8.6 MB for 16 steps of F5TTS_v1_Base."""
        t, dim = schedule(n_steps, sway), self.architecture.dim
        half = TIME_DIM // 2
        waves = torch.exp(torch.arange(half).float() * -(math.log(10000) / (half - 1)))
        angles = (1000 * t[:-1].float()[:, None] * waves).to(self.device)
        first, second = self._time
        embedded = F.linear(F.silu(F.linear(torch.cat([angles.sin(), angles.cos()], dim=-1), *first)), *second)
        embedded = F.silu(embedded)
        blocks = torch.stack([F.linear(embedded, *block.modulation) for block in self._blocks], dim=1)
        blocks = blocks.view(n_steps, len(self._blocks), 6, dim)
        blocks[:, :, 1::3] += 1
        final = F.linear(embedded, *self._final).view(n_steps, 2, dim)
        final[:, 0] += 1
        return Plan(n_steps, t.diff().float().to(self.device), blocks, final)

    @torch.inference_mode()
    def condition(self, mel: Tensor, tokens: Tensor, n_frames: int, guidance: float) -> Tensor:
        """The input's share that no step changes, float32 [n_sequences, n_frames, dim].

        `mel` [n_reference, 100] and `tokens` int64 [n_tokens], on any device.
        """
        mel, tokens = mel.to(self.device), tokens.to(self.device)
        reference = F.linear(F.pad(mel, (0, 0, 0, n_frames - len(mel))), self._in_mel)
        text = F.linear(self._text(tokens, n_frames, drop=False), self._in_text, self._in_bias)
        if guidance < MIN_GUIDANCE:
            return (reference + text)[None]
        silent = F.linear(self._text(tokens, n_frames, drop=True), self._in_text, self._in_bias)
        return torch.stack([reference + text, silent])

    def _text(self, tokens: Tensor, n: int, *, drop: bool) -> Tensor:
        """[n, text_dim]. Of one row alone: the response norm (GRN) looks over the whole length."""
        ids = F.pad(tokens[:n] + 1, (0, n - min(n, len(tokens))))
        x = self._tokens[torch.zeros_like(ids) if drop else ids]
        if not self._text_blocks:
            return x
        # v0 lets the filler behind the text take part.
        filler = ((ids == 0) & self.architecture.text_mask_padding)[:, None]
        x = (x + self._text_positions[:n]).masked_fill(filler, 0.0)
        for block in self._text_blocks:
            x = (x + self._text_residual(x, block)).masked_fill(filler, 0.0)
        return x

    @staticmethod
    def _text_residual(x: Tensor, block: _TextBlock) -> Tensor:
        """ConvNeXt V2: depthwise convolution, norm, two products with a response norm between."""
        y = F.conv1d(x.T[None], *block.conv, padding=3, groups=x.shape[1])[0].T
        y = F.gelu(F.linear(F.layer_norm(y, x.shape[1:], *block.norm, eps=EPS), *block.up))
        response, (gamma, beta) = y.norm(dim=0, keepdim=True), block.response
        y = gamma * (y * (response / (response.mean(dim=-1, keepdim=True) + 1e-6))) + beta + y
        return F.linear(y, *block.down)

    @torch.inference_mode()
    def step(self, pack: Pack, modulation: Modulation, dts: Tensor) -> None:
        """One Euler step: `x += dt * (v + (v - v_unconditional) * guidance)`, with each row's own of `dts` [n_rows]."""
        layout = pack.layout
        flow = self.flow(pack.x, pack.condition, layout, modulation)
        v = flow[layout.conditional]
        v.addcmul_(v - flow[layout.unconditional], pack.guidance)
        pack.x.addcmul_(v, dts if len(dts) == 1 else dts[layout.row_of_state][:, None])

    @torch.inference_mode()
    def flow(self, x: Tensor, condition: Tensor, layout: Layout, modulation: Modulation) -> Tensor:
        """One NFE: the state [n_state, 100] and the rows' conditions [n_all, dim] to the flow, float32 [n_all, 100]."""
        kernels, heads, runs = self.kernels, self.architecture.heads, modulation.runs
        h = F.linear(x, self._in_state)[layout.source].add_(condition)
        h += self._positions(h, layout)
        rotation = self._rotation[layout.positions]
        n_rotated = self.architecture.pe_attn_head or heads
        blocks = modulation.blocks.unbind(1)
        scale, shift = modulation.final.unbind(1)
        following = [*((each[:, 0], each[:, 1]) for each in blocks[1:]), (shift, scale)]
        x = kernels.modulate(h, blocks[0][:, 0], blocks[0][:, 1], runs, layout)
        for block, own, (next_shift, next_scale) in zip(self._blocks, blocks, following, strict=True):
            _, _, gate, ff_shift, ff_scale, ff_gate = own.unbind(1)
            qkv = F.linear(x, *block.qkv).view(-1, 3, heads, HEAD_DIM)
            y = F.linear(kernels.attend(kernels.rotate(qkv, rotation, n_rotated), layout), *block.out)
            x = kernels.add_modulate(h, y, gate, ff_shift, ff_scale, runs, layout)
            y = F.linear(kernels.expand(x, *block.up), *block.down)
            x = kernels.add_modulate(h, y, ff_gate, next_shift, next_scale, runs, layout)
        return F.linear(x, *self._out).float()

    def _positions(self, h: Tensor, layout: Layout) -> Tensor:
        """The convolutional position embedding; between the sequences it sees zeros, as past an end."""
        padded = h.new_zeros(layout.n_spread, h.shape[1], dtype=self.kernels.dtype)
        for weight, bias in self._convs:
            padded.index_copy_(0, layout.spread, h.to(padded.dtype))
            y = F.conv1d(padded.T[None], weight, bias, padding=CONV_KERNEL // 2, groups=CONV_GROUPS)
            h = F.mish(y[0].T[layout.spread])
        return h


def _angles(dim: int) -> Tensor:
    """Rotary angles [MAX_FRAMES, dim / 2], float32."""
    frequencies = 1.0 / 10000.0 ** (torch.arange(0, dim, 2).float() / dim)
    return torch.outer(torch.arange(MAX_FRAMES).float(), frequencies)
