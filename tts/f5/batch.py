"""Rows that step together. They join and leave between steps; a row's mel does not depend on who else is there."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tts.f5.graphs import Graph, Graphs
from tts.f5.kernels import Modulation
from tts.f5.layout import Layout
from tts.f5.network import Network, Pack, Plan


@dataclass(slots=True, eq=False)
class Row:
    """One line on its way. `x` [n, 100] is noise before the first step and the mel after the last.

    `condition` [n_sequences, n, dim] is `Network.condition`'s. While the row is in a batch, its x is the batch's.
    """

    x: Tensor
    condition: Tensor
    plan: Plan
    guidance: float
    step: int = 0

    @property
    def done(self) -> bool:
        return self.step == self.plan.n_steps


class Batch:
    """The rows in flight, packed. Nothing changes when a step fails: it can be tried again with fewer rows.

    Of batches that share `graphs` only one has rows at a time.
    """

    def __init__(self, network: Network, graphs: Graphs | None = None) -> None:
        self._network, self._graphs = network, graphs
        self.rows: list[Row] = []
        self._pack: Pack
        self._graph: Graph | None = None

    @torch.inference_mode()
    def arrange(self, rows: Sequence[Row]) -> None:
        """From now on these rows step. Those that were in already go on where they are; those left out keep their x."""
        if self.rows:
            for row, x in zip(self.rows, torch.split(self._pack.x, list(self._pack.layout.n_frames)), strict=True):
                row.x = x.clone()
        self.rows = []
        if not rows:
            return
        device = self._network.device
        layout = Layout.of([(len(row.x), len(row.condition)) for row in rows], device)
        guidance = torch.tensor([row.guidance for row in rows], device=device)
        self._pack = Pack(layout, torch.cat([row.x for row in rows]),
                          torch.cat([row.condition.flatten(0, 1) for row in rows]),
                          guidance[layout.row_of_state][:, None])
        self._graph = self._graphs.fitting(layout) if self._graphs else None
        if self._graph:
            self._pack = self._graph.load(self._pack)
        self.rows = list(rows)

    @torch.inference_mode()
    def step(self) -> None:
        """One Euler step of every row, each at its own time."""
        rows = self.rows
        now = modulation(rows, self._pack.layout)
        dts = _stacked([row.plan.dts[row.step] for row in rows])
        if self._graph:
            self._graph.step(now, dts)
        else:
            self._network.step(self._pack, now, dts)
        for row in rows:
            row.step += 1


def modulation(rows: Sequence[Row], layout: Layout) -> Modulation:
    """Every row's own, at its own step. Neighbours at the same step of the same plan make one run."""
    runs: list[tuple[int, int, int]] = []
    for index, (row, (start, stop)) in enumerate(zip(rows, layout.spans, strict=True)):
        before = rows[index - 1]
        if runs and row.plan is before.plan and row.step == before.step:
            runs[-1] = (runs[-1][0], stop, runs[-1][2])
        else:
            runs.append((start, stop, index))
    return Modulation(_stacked([row.plan.blocks[row.step] for row in rows]),
                      _stacked([row.plan.final[row.step] for row in rows]), tuple(runs))


def _stacked(rows: Sequence[Tensor]) -> Tensor:
    """One row takes no launch."""
    return rows[0][None] if len(rows) == 1 else torch.stack(list(rows))
