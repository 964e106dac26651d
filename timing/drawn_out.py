"""Words that a speaker draws out ("sooo", "and ... then") for longer than the search believes of a phone.

To the search half a second of one vowel is another sound beside a short word, as music is. But there each frame is like
one of the word's own: so far the word goes on. In noise it is a pause, since each frame of a long phone is paid for and
silence is not: there the word goes on as far as its phones match better than silence does.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Levels = npt.NDArray[np.float64]

ALIKE = 0.6
"""The root mean square over all cepstra, each in standard deviations of the recording: a frame is like a word that has
one so near to it."""
SMOOTH_FRAMES = 7
"""Fewer than half as many other frames among those alike count for nothing."""
LEAST_FRAMES, ONSET_FRAMES = 15, 12
"""Fewer frames alike are chance; what is left behind them is the word's too if it is no longer than a consonant."""
NEAR_FRAMES = 5
OBSTRUENTS = frozenset("""B CH D DH F G HH JH K P S SH T TH V Z ZH
bb ch dd ff gg jj kk pp rr ss tt vv zz""".split())
"""Sounds that are not drawn out; some are like a breath."""
LEAST_GAIN, LEVEL_SHARE = 8.0, 0.7
"""In nats, how much better than silence a word goes on, and how far above the noise, in parts of its own level."""


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
    frames = _scaled(cepstra)
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


def _scaled(cepstra: Floats) -> Floats:
    """In standard deviations of the recording."""
    scaled: Floats = (cepstra - cepstra.mean(axis=0)) / np.maximum(cepstra.std(axis=0), 1e-6)
    return scaled


def _n_alike(frames: Floats, sound: Stretch, word: Stretch, step: int) -> int:
    """How many of the sound's frames, from the word on, are the word's."""
    if word.word < 0 or max(sound.start - word.stop, word.start - sound.stop) > NEAR_FRAMES:
        return 0
    apart = _apart(frames, range(sound.start, sound.stop)[::step], word)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(apart, SMOOTH_FRAMES // 2, mode="edge"), SMOOTH_FRAMES)
    other = np.median(around, axis=1) > ALIKE**2
    n_alike = int(other.argmax()) if other.any() else len(apart)
    if n_alike < LEAST_FRAMES:
        return 0
    return len(apart) if len(apart) - n_alike <= ONSET_FRAMES else n_alike


def _apart(frames: Floats, at: Sequence[int], word: Stretch) -> Floats:
    """How far each of these frames is from the nearest of the word's."""
    own = frames[word.start : word.stop]
    return np.array([np.square(own - frames[i]).mean(axis=1).min() for i in at])


def into_pauses(parts: Sequence[Stretch], cepstra: Floats, level_db: Levels,
                gain: Callable[[int], Floats]) -> dict[int, Stretch]:
    """The words that go on in the pause beside them, by index, with what of it is theirs.

    `parts` and `cepstra` as for `widened`, `level_db` [n_frames or more]; `gain(i)` says how much better than silence
    the word of part i matches each frame, in nats.
    """
    frames, above_db = _scaled(cepstra), level_db[: len(cepstra)] - np.percentile(level_db, 5)
    words: dict[int, Stretch] = {}
    for i, (before, after) in enumerate(pairwise([NONE, *parts, Stretch(-1, len(cepstra), 0)])):
        pause = range(before.stop, after.start)
        if len(pause) < LEAST_FRAMES:
            continue
        sides = [_Side(word, at, _n_gained(gain(number)[at], above_db[at], above_db[word.start : word.stop]))
                 for number, word, at in ((i - 1, before, pause), (i, after, pause[::-1])) if word.word >= 0]
        owner = _owner(sides, frames)
        if owner and owner.n_frames:
            last, wider = owner.at[owner.n_frames - 1], words.get(owner.word.word, owner.word)
            words[wider.word] = wider._replace(start=min(wider.start, last), stop=max(wider.stop, last + 1))
    return words


class _Side(NamedTuple):
    """A word beside a pause, the pause's frames from the word on, and how many of them match the word."""

    word: Stretch
    at: range
    n_frames: int


def _n_gained(gain: Floats, above_db: Levels, word_db: Levels) -> int:
    """For how many frames the word goes on, by its match and by levels above the noise, there and in the word."""
    total = gain.cumsum()
    n_frames = int(total.argmax()) + 1
    goes_on = (n_frames >= LEAST_FRAMES and total[n_frames - 1] >= LEAST_GAIN
               and np.median(above_db[:n_frames]) >= LEVEL_SHARE * np.median(word_db))
    return n_frames if goes_on else 0


def _owner(sides: Sequence[_Side], frames: Floats) -> _Side | None:
    """The word that is nearest to what lies next to it, of as many frames on either side."""
    reach = max((side.n_frames for side in sides), default=0) // 2
    return min(sides, key=lambda side: _apart(frames, side.at[:reach], side.word).mean()) if reach else None
