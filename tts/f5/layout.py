"""Where the frames of several rows lie when they are packed one after another, [n_all, dim], without padding.

A row is one line on its way from noise to speech. A guided row has two sequences, with and without its
conditions; an unguided one has one. Attention, positions and convolutions never cross a sequence's ends.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from tts.f5.checkpoint import CONV_KERNEL

GAP = CONV_KERNEL // 2
"""Zeros between two sequences under the convolution, as many as it looks past an end."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Indexes, all int64 unless noted. "State" is the rows' x one after another, [n_state, 100], once per row.

    `spans`: each row's first frame in [n_all] and one past its last. `source` [n_all]: the state's frame of each.
    `positions` [n_all]: frame within its sequence. `spread` [n_all]: place in the convolution's input, `n_spread`
    long. `conditional`, `unconditional` [n_state]: the frames in [n_all] with and without conditions, the same
    where a row is not guided. `row_of_state` [n_state]. `row_of_frame` int32 [n_all]. `bounds` int32
    [n_sequences + 1]: where sequences begin and end in [n_all]; the longest has `longest` frames.
    """

    n_frames: tuple[int, ...]
    n_sequences: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    source: Tensor
    positions: Tensor
    spread: Tensor
    n_spread: int
    conditional: Tensor
    unconditional: Tensor
    row_of_state: Tensor
    row_of_frame: Tensor
    bounds: Tensor
    longest: int

    @classmethod
    def of(cls, rows: Sequence[tuple[int, int]], device: torch.device) -> Layout:
        """For rows of (n_frames, n_sequences)."""
        n_frames, n_sequences = tuple(n for n, _ in rows), tuple(count for _, count in rows)
        sequences = [(index, n) for index, (n, count) in enumerate(rows) for _ in range(count)]
        bounds = list(accumulate((n for _, n in sequences), initial=0))
        ends = list(accumulate((n * count for n, count in rows), initial=0))
        states = list(accumulate(n_frames, initial=0))
        return cls(
            n_frames, n_sequences, tuple(pairwise(ends)),
            source=_ranges([(states[index], n) for index, n in sequences]).to(device),
            positions=_ranges([(0, n) for _, n in sequences]).to(device),
            spread=_ranges([(bounds[k] + k * GAP, n) for k, (_, n) in enumerate(sequences)]).to(device),
            n_spread=bounds[-1] + (len(sequences) - 1) * GAP,
            conditional=_ranges(list(zip(ends, n_frames, strict=False))).to(device),
            unconditional=_ranges([(end - n, n) for end, n in zip(ends[1:], n_frames, strict=True)]).to(device),
            row_of_state=torch.arange(len(rows)).repeat_interleave(torch.tensor(n_frames)).to(device),
            row_of_frame=torch.tensor([index for index, _ in sequences], dtype=torch.int32).repeat_interleave(
                torch.tensor([n for _, n in sequences])).to(device),
            bounds=torch.tensor(bounds, dtype=torch.int32).to(device),
            longest=max(n_frames))

    def padded(self, n_all: int, n_sequences: int, row: int, longest: int) -> Layout:
        """The same rows at the head of `n_all` frames, as many of the state, and of `n_sequences` sequences and one.

        The frames that follow are of `row` and a sequence of their own, so that they touch no other; what is left of
        the sequences is empty. No row's is longer than `longest`.
        """
        n_own, count = len(self.source), len(self.bounds) - 1
        n_more = n_all - n_own
        apart = torch.arange(n_own + count * GAP, n_all + count * GAP, device=self.spread.device)
        return replace(
            self,
            source=F.pad(self.source, (0, n_more)),
            positions=F.pad(self.positions, (0, n_more)),
            spread=torch.cat([self.spread, apart]),
            n_spread=n_all + n_sequences * GAP,
            conditional=F.pad(self.conditional, (0, n_all - len(self.conditional)), value=n_all - 1),
            unconditional=F.pad(self.unconditional, (0, n_all - len(self.unconditional)), value=n_all - 1),
            row_of_state=F.pad(self.row_of_state, (0, n_all - len(self.row_of_state)), value=row),
            row_of_frame=F.pad(self.row_of_frame, (0, n_more), value=row),
            bounds=F.pad(self.bounds, (0, n_sequences + 1 - count), value=n_all),
            longest=longest)


def _ranges(starts: Sequence[tuple[int, int]]) -> Tensor:
    """`start, start + 1, ...` of each (start, length), one after another."""
    return torch.cat([torch.arange(start, start + length) for start, length in starts])
