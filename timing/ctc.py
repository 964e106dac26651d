"""The exact part of CTC alignment: labels that are known, log-probabilities that are given, the best path.

Every frame is one label or blank; equal neighbours need a blank between them; blank may stand anywhere
(Graves et al. 2006). A label may be optional, as a word separator is. The path is exact while the states fit the
band; beyond, the band of `BAND` states follows the best one, and what all its paths agree on is settled and
forgotten, so that memory does not grow with the audio.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LogProbs = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

BAND = 4096
"""States in view: two per label, some two minutes of speech."""
SETTLE_FRAMES = 1500
MAX_OPEN_FRAMES = 6 * SETTLE_FRAMES
HOPELESS_NATS = 300.0

# How far back a path came from, by the number that is stored for it.
_STEPS = (0, 1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class Segment:
    """A label's frames `[first, stop)` and its mean probability in them over that of each frame's best label.

    It is 1 where the model would read the label by itself, and near 0 where it reads something else.
    """

    first: int
    stop: int
    score: float


def best_path(
    emissions: Iterable[LogProbs], labels: Sequence[int], blank: int, optional: Sequence[bool] | None = None
) -> list[Segment | None] | None:
    """The segment of each label; None for an optional one that the path leaves out.

    `emissions` are blocks [n_frames, n_labels] that follow each other. `optional` labels stand between labels
    that are not. None in place of the list: the labels do not fit into so few frames.
    """
    trellis = _Trellis(labels, blank, optional or [False] * len(labels))
    for block in emissions:
        for frame in block:
            trellis.advance(frame)
    return trellis.finish()


class _Trellis:
    """State 2i + 1 is label i, the even states are blank."""

    def __init__(self, labels: Sequence[int], blank: int, optional: Sequence[bool]) -> None:
        self.states = np.full(2 * len(labels) + 1, blank)
        self.states[1::2] = labels
        self.barred = _barred(self.states, np.asarray(optional, dtype=bool))
        self.width = min(BAND, len(self.states))
        self.low = 0
        self.score = np.full(self.width, -np.inf, dtype=np.float32)
        self.steps: list[npt.NDArray[np.uint8]] = []
        self.lows: list[int] = []
        self.frames: list[LogProbs] = []
        self.n_settled = 0
        self.segments: list[Segment | None] = [None] * len(labels)

    def advance(self, frame: LogProbs) -> None:
        if not self.n_settled and not self.frames:
            best, step = np.full(self.width, -np.inf, dtype=np.float32), np.zeros(self.width, dtype=np.uint8)
            best[:2] = 0
        else:
            self._slide()
            best, step = self._best_steps()
        best += frame[self.states[self.low : self.low + self.width]]
        best -= best.max()
        self.score = best
        self.steps.append(step)
        self.lows.append(self.low)
        self.frames.append(frame)
        if len(self.frames) % SETTLE_FRAMES == 0:
            self._settle()

    def _slide(self) -> None:
        """Keeps the best state in the middle of the band."""
        ahead = int(self.score.argmax()) - self.width // 2
        shift = min(ahead, len(self.states) - self.width - self.low)
        if shift > self.width // 8 or (shift > 0 and self.low + shift == len(self.states) - self.width):
            self.low += shift
            self.score = np.append(self.score[shift:], np.full(shift, -np.inf, dtype=np.float32))

    def _best_steps(self) -> tuple[LogProbs, npt.NDArray[np.uint8]]:
        best, step = self.score.copy(), np.zeros(self.width, dtype=np.uint8)
        for size in _STEPS[1:]:
            coming = self.score[:-size] + self.barred[size][self.low + size : self.low + self.width]
            better = coming > best[size:]
            best[size:][better] = coming[better]
            step[size:][better] = size
        return best, step

    def _settle(self) -> None:
        """Settles the frames up to the last one in which all paths that are still likely were in one state."""
        self.score[self.score < -HOPELESS_NATS] = -np.inf
        at = np.flatnonzero(np.isfinite(self.score)) + self.low
        for t in range(len(self.frames) - 1, 0, -1):
            at = at - self.steps[t][at - self.lows[t]]
            if at.min() == at.max():
                self._trace(t - 1, int(at[0]))
                self._forget(t)
                return
        if len(self.frames) >= MAX_OPEN_FRAMES:
            self._settle_by_force()

    def _settle_by_force(self) -> None:
        """Settles the older half on the best path and drops the paths that disagree with it."""
        middle = len(self.frames) // 2
        alive = np.flatnonzero(np.isfinite(self.score))
        at = alive + self.low
        for t in range(len(self.frames) - 1, middle - 1, -1):
            at = at - self.steps[t][at - self.lows[t]]
        chosen = int(at[self.score[alive].argmax()])
        self.score[alive[at != chosen]] = -np.inf
        self._trace(middle - 1, chosen)
        self._forget(middle)

    def _trace(self, t: int, state: int) -> None:
        """Notes the labels of the path that ends in `state` at open frame `t`."""
        while t >= 0:
            if state % 2:
                self._note(state // 2, t)
            state -= int(self.steps[t][state - self.lows[t]])
            t -= 1

    def _note(self, label: int, t: int) -> None:
        score = float(np.exp(self.frames[t][self.states[2 * label + 1]] - self.frames[t].max()))
        after = self.segments[label]
        frame = self.n_settled + t
        if after is None:
            self.segments[label] = Segment(frame, frame + 1, score)
        else:  # a label may go on in frames that were settled before
            first, stop = min(frame, after.first), max(frame + 1, after.stop)
            count = after.stop - after.first
            self.segments[label] = Segment(first, stop, (after.score * count + score) / (count + 1))

    def _forget(self, count: int) -> None:
        del self.steps[:count], self.lows[:count], self.frames[:count]
        self.n_settled += count

    def finish(self) -> list[Segment | None] | None:
        last = len(self.states) - 1 - self.low
        if not self.frames or last >= self.width or not np.isfinite(self.score[last - 1 :]).any():
            return None
        end = last if self.score[last] >= self.score[last - 1] else last - 1
        self._trace(len(self.frames) - 1, end + self.low)
        return self.segments


def _barred(states: Ints, optional: npt.NDArray[np.bool_]) -> dict[int, LogProbs]:
    """By step size: 0 where a state may be entered from so far back, else minus infinity, [n_states]."""
    index = np.arange(len(states))
    label = index % 2 == 1
    over = label & (index >= 3)
    skipping = np.zeros(len(states), dtype=bool)
    skipping[3::2] = optional[:-1]
    allowed = {
        1: index >= 1,
        2: over & (states != np.roll(states, 2)),
        3: skipping,
        4: skipping & (index >= 5) & (states != np.roll(states, 4)),
    }
    return {size: np.where(mask, 0, -np.inf).astype(np.float32) for size, mask in allowed.items()}
