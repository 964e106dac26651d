"""How likely a word lies within 100 ms of where it was placed, from what a search says of it and its neighbours."""
from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np
import numpy.typing as npt

from timing.search import Found

Floats = npt.NDArray[np.float64]

S_PER_PHONE = 0.08
WORST = -12.0
"""In nats a frame; what matches worse says no more."""
NEAR, AROUND = 3, 12
"""How many words on each side count as neighbours, and as the passage around."""
PAUSE_S = 1.0
MOST_MARGIN, NEEDED = 300.0, (-60.0, 100.0)
"""In nats: what is less or more says nothing else."""
NEEDLESS = 90.0
"""In nats: no margin counts for more above what a word is needed, since it may be nowhere."""
QUIET_S, CLEAN_DB, MISSING = 0.05, 20.0, 3.0
WEIGHTS = (-5.417, 0.29, 0.139, 0.136, 0.396, -1.688, 0.828, -3.158,
           -0.645, 5.131, 0.979, 0.595, -0.01, -0.412, -3.907, -1.818)
"""Of `features`, in every language, as `./run bench timing_fit` prints them."""


def scores(found: Sequence[Found]) -> list[float]:
    """The calibrated chance of each word, 0-1."""
    if not found:
        return []
    chances = 1 / (1 + np.exp(-features(found) @ np.array(WEIGHTS)))
    return [round(float(chance), 3) for chance in chances]


def features(found: Sequence[Found]) -> Floats:
    """[n_words, 16]: one; the word's match with its neighbours', its worst phone's, and how much better it is than
    silence; how far its length is from that of its phones, and from how fast the passage is spoken; its shortness;
    neighbours with other sounds beside them; a short word at a long pause; words found of the passage around; how much
    worse it is to begin or end 0.1 s and 0.2 s away, and to leave the word out; how far speech is above the noise; the
    share of the passage's words that would better be left out; a fricative before a pause in noise or without its
    bands."""
    count = len(found)
    match, worst, quiet, start_s, end_s, n_phones, index = np.array(
        [(max(each.match, WORST), max(each.worst, WORST), max(each.quiet, WORST), each.start_s, each.end_s,
          each.n_phones, each.index) for each in found]).T
    length = np.log((end_s - start_s) / (S_PER_PHONE * n_phones))
    pause_s = np.concatenate([[0.0], start_s[1:] - end_s[:-1], [0.0]])
    first, last = np.maximum(np.arange(count) - AROUND, 0), np.minimum(np.arange(count) + AROUND, count - 1)
    lengths = length.tolist()
    pace = np.array([median(lengths[a : b + 1]) for a, b in zip(first, last, strict=True)])
    needed = np.array([each.needed for each in found])
    margins = np.minimum(np.array([each.margins for each in found]), needed[:, None] + NEEDLESS)
    contrast_db = np.array([each.contrast_db for each in found])
    masked = MISSING * np.array([each.missing for each in found]) + np.maximum(CLEAN_DB - contrast_db, 0) / 10
    masked *= [each.hissing for each in found]
    masked[:-1] *= pause_s[1:-1] > QUIET_S
    at_pause = np.maximum(pause_s[:-1], pause_s[1:]) > PAUSE_S
    return np.column_stack([
        np.ones(count), _mean(match, NEAR), worst, np.minimum(match - quiet, 0), np.abs(length), np.abs(length - pace),
        1 / n_phones, _mean(np.array([float(each.beside) for each in found]), NEAR),
        at_pause / n_phones, (last - first + 1) / (index[last] - index[first] + 1),
        np.log1p(np.clip(margins, 0, MOST_MARGIN)),
        np.clip(needed, *NEEDED) / 20, contrast_db / 10, _mean(needed < 0, AROUND), masked])


def _mean(values: Floats | npt.NDArray[np.bool_], reach: int) -> Floats:
    """Over so many words on each side and the word itself."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    first, stop = np.maximum(at - reach, 0), np.minimum(at + reach + 1, len(values))
    means: Floats = (sums[stop] - sums[first]) / (stop - first)
    return means
