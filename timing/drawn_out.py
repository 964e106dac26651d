"""Words that a speaker draws out ("sooo", "and ... then") for longer than the search believes of a phone.

To the search half a second of one vowel is another sound beside a short word, as music is. But there each frame is like
one of the word's own: so far the word goes on.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

ALIKE = 0.6
"""The root mean square over all cepstra, each in standard deviations of the recording: a frame is like a word that has
one so near to it."""
SMOOTH_FRAMES = 7
"""Fewer than half as many other frames among those alike count for nothing."""
LEAST_FRAMES, ONSET_FRAMES = 15, 12
"""Fewer frames alike are chance; what is left behind them is the word's too if it is no longer than a consonant."""
NEAR_FRAMES = 5


class Stretch(NamedTuple):
    """Frames `[start, stop)` of the word with that index; -1 is a sound that is no word of the text."""

    word: int
    start: int
    stop: int


NONE = Stretch(-1, 0, 0)


def widened(parts: Sequence[Stretch], cepstra: Floats) -> dict[int, Stretch]:
    """The words that go on in the sound beside them, by index, with what of it is theirs.

    `parts` are in order, silences left out; `cepstra` are [n_frames, n_cepstra].
    """
    frames = (cepstra - cepstra.mean(axis=0)) / np.maximum(cepstra.std(axis=0), 1e-6)
    words: dict[int, Stretch] = {}
    for before, sound, after in zip([NONE, *parts], parts, [*parts[1:], NONE], strict=False):
        if sound.word >= 0:
            continue
        n_before, n_after = _n_alike(frames, sound, before, 1), _n_alike(frames, sound, after, -1)
        if n_before > n_after:
            words[before.word] = words.get(before.word, before)._replace(stop=sound.start + n_before)
        elif n_after:
            words[after.word] = after._replace(start=sound.stop - n_after)
    return words


def _n_alike(frames: Floats, sound: Stretch, word: Stretch, step: int) -> int:
    """How many of the sound's frames, from the word on, are the word's."""
    if word.word < 0 or max(sound.start - word.stop, word.start - sound.stop) > NEAR_FRAMES:
        return 0
    own, beside = frames[word.start : word.stop], frames[sound.start : sound.stop][::step]
    apart = np.array([np.square(own - frame).mean(axis=1).min() for frame in beside])
    around = np.lib.stride_tricks.sliding_window_view(np.pad(apart, SMOOTH_FRAMES // 2, mode="edge"), SMOOTH_FRAMES)
    other = np.median(around, axis=1) > ALIKE**2
    n_alike = int(other.argmax()) if other.any() else len(beside)
    if n_alike < LEAST_FRAMES:
        return 0
    return len(beside) if len(beside) - n_alike <= ONSET_FRAMES else n_alike
