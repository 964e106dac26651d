"""The exact part of CTC alignment: labels that are known, log-probabilities that are given, the best path.

Source: Graves et al. 2006, "Connectionist Temporal Classification"; the path is the Viterbi one.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

LogProbs = npt.NDArray[np.float32]


def best_path(emissions: Iterable[LogProbs], labels: Sequence[int], blank: int) -> list[tuple[int, int]] | None:
    """First and last frame of each label on the best path, or None when there are too few frames."""
    log_probs = np.concatenate(list(emissions))
    states = np.full(2 * len(labels) + 1, blank)
    states[1::2] = labels
    skips = np.zeros(len(states), dtype=bool)
    skips[3::2] = states[3::2] != states[1:-2:2]
    score = np.full(len(states), -np.inf, dtype=np.float32)
    score[:2] = log_probs[0][states[:2]]
    steps = np.zeros((len(log_probs), len(states)), dtype=np.uint8)
    for t in range(1, len(log_probs)):
        move = np.full((3, len(states)), -np.inf, dtype=np.float32)
        move[0] = score
        move[1, 1:] = score[:-1]
        move[2, 2:] = np.where(skips[2:], score[:-2], -np.inf)
        steps[t] = move.argmax(axis=0)
        score = move.max(axis=0) + log_probs[t][states]
    state = len(states) - 1 if score[-1] >= score[-2] else len(states) - 2
    if score[state] == -np.inf:
        return None
    spans: list[tuple[int, int]] = [(0, 0)] * len(labels)
    for t in range(len(log_probs) - 1, -1, -1):
        if state % 2:
            spans[state // 2] = (t, spans[state // 2][1] or t)
        state -= int(steps[t][state])
    return spans
