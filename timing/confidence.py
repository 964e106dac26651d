"""How likely a word lies within 100 ms of where it was placed, from what a search says of it and its neighbours."""
from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from timing.grammar import Found

GOOD_MATCH, GOOD_NEIGHBOURS = -4.5, -3.5
"""A word that matches less well than this, alone or with two on each side, calls for a second search."""
S_PER_PHONE = 0.08
WEIGHTS: tuple[float, ...] = (4.785, -0.003, 0.874, 0.311, -3.704, 2.766)
BAD_MATCH = -15.0


def is_good(found: Found) -> bool:
    return found.match > GOOD_MATCH or found.agreement > 0


def doubtful(found: Sequence[Found], count: int) -> Iterator[tuple[int, int]]:
    """Runs `[first, stop)` of the `count` words that are missing or match badly, with a neighbour on each side."""
    doubt = np.ones(count, dtype=bool)
    matches = np.array([each.match for each in found])
    doubt[[each.index for each in found]] = (matches < 2 * GOOD_MATCH) | (_neighbours(matches) < GOOD_NEIGHBOURS)
    doubt[:-1] |= doubt[1:].copy()
    doubt[1:] |= doubt[:-1].copy()
    changes = np.flatnonzero(np.diff(np.concatenate([[0], doubt.astype(np.int8), [0]])))
    yield from zip(changes[::2].tolist(), changes[1::2].tolist(), strict=True)


def scores(found: Sequence[Found]) -> list[float]:
    """The calibrated chance of each word, 0-1."""
    chances = 1 / (1 + np.exp(-features(found) @ np.array(WEIGHTS)))
    return [round(float(chance), 3) for chance in chances]


def features(found: Sequence[Found]) -> npt.NDArray[np.float64]:
    """[n_words, 6]: one, match, neighbours' match, agreement, unlikely length, shortness of the word."""
    matches = np.array([max(each.match, BAD_MATCH) for each in found])
    lengths = [abs(math.log((each.end_s - each.start_s) / (S_PER_PHONE * each.n_phones))) for each in found]
    return np.column_stack([
        np.ones(len(found)), matches, _neighbours(matches), [each.agreement for each in found], lengths,
        [1 / each.n_phones for each in found]])


def _neighbours(matches: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The mean over two words on each side and the word itself."""
    sums = np.concatenate([[0.0], np.cumsum(matches)])
    at = np.arange(len(matches))
    first, stop = np.maximum(at - 2, 0), np.minimum(at + 3, len(matches))
    means: npt.NDArray[np.float64] = (sums[stop] - sums[first]) / (stop - first)
    return means
