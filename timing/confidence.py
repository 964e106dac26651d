"""How likely a word lies within 100 ms of where it was placed, from what a search says of it and its neighbours."""
from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from timing.search import Found

S_PER_PHONE = 0.08
WEIGHTS: tuple[float, ...] = (4.785, 0.3, 0.5, 0, 0, 0, -2.7, 1.7, 0)
BAD_MATCH = -12.0


def scores(found: Sequence[Found]) -> list[float]:
    """The calibrated chance of each word, 0-1."""
    if not found:
        return []
    chances = 1 / (1 + np.exp(-features(found) @ np.array(WEIGHTS)))
    return [round(float(chance), 3) for chance in chances]


def features(found: Sequence[Found]) -> npt.NDArray[np.float64]:
    """[n_words, 9]: one, match, neighbours' match, the worst of those beside it, the worst phone's, how much better
    than silence, unlikely length, shortness of the word, whether other sounds or skipped words are beside it."""
    matches = np.array([max(each.match, BAD_MATCH) for each in found])
    padded = np.pad(matches, 1, mode="edge")
    lengths = [abs(math.log((each.end_s - each.start_s) / (S_PER_PHONE * each.n_phones))) for each in found]
    return np.column_stack([
        np.ones(len(found)), matches, _neighbours(matches), np.minimum(padded[:-2], padded[2:]),
        [max(each.worst, BAD_MATCH) for each in found],
        [min(each.match - max(each.quiet, BAD_MATCH), 0.0) for each in found],
        lengths, [1 / each.n_phones for each in found], [float(each.beside) for each in found]])


def _neighbours(matches: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The mean over two words on each side and the word itself."""
    sums = np.concatenate([[0.0], np.cumsum(matches)])
    at = np.arange(len(matches))
    first, stop = np.maximum(at - 2, 0), np.minimum(at + 3, len(matches))
    means: npt.NDArray[np.float64] = (sums[stop] - sums[first]) / (stop - first)
    return means
