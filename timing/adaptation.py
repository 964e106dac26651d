"""The acoustic model brought to a voice, from a clip whose words are known: one linear transform of its cepstra, and
where its phones lie.

Constrained maximum likelihood linear regression (Gales 1998, "Maximum likelihood linear transformations for HMM-based
speech recognition", section 2.2): the transform under which the model finds the clip likeliest when each frame belongs
to the state that the search gave it. A clip of 8 s says little, so as many frames as `PRIOR_FRAMES` say that the voice
is the model's own.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from timing.acoustic import Floats, Ints, Model, differences
from timing.cepstra import N_CEPSTRA

PRIOR_FRAMES, PRIOR_FRAMES_OF_PHONE = 50, 20
ROUNDS, SWEEPS, SHIFTS = 3, 5, 2
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Voice:
    """What cepstra are multiplied with, and what is added then: `transform` [13, 14]; and what is added to the means of
    each phone's Gaussians: `shifts` [n_phones, 13], or none."""

    transform: Floats
    shifts: Floats | None = None


NONE = Voice(np.eye(N_CEPSTRA, N_CEPSTRA + 1, dtype=np.float32))


def voice(model: Model, cepstra: Floats, frames: Ints, senones: Ints) -> Voice:
    """Of a clip's cepstra as the model has them; `senones[i]` is that of `frames[i]`."""
    found = transform(model, cepstra, frames, senones)
    own = cepstra[frames] @ found[:, :-1].T + found[:, -1]
    return Voice(found, shifts(model, own, senones))


def shifts(model: Model, cepstra: Floats, senones: Ints) -> Floats:
    """[n_phones, 13], of frames [n, 13] each in its senone."""
    phones = model.phone_of(senones)
    found = np.zeros((len(model.phones), N_CEPSTRA), np.float32)
    for _ in range(SHIFTS):
        precision, aim = model.expected(0, cepstra, senones, model.shifted(found))
        for phone in np.unique(phones):
            own = phones == phone
            prior = PRIOR_FRAMES_OF_PHONE * precision[own].mean(axis=0)
            off = (precision[own] * cepstra[own] - aim[own]).sum(axis=0)
            found[phone] += (off - prior * found[phone]) / (precision[own].sum(axis=0) + prior)
    return found


def transform(model: Model, cepstra: Floats, frames: Ints, senones: Ints) -> Floats:
    """[13, 14]: what the cepstra are multiplied with, and what is added then; `senones[i]` is that of `frames[i]`."""
    found = np.eye(N_CEPSTRA, N_CEPSTRA + 1)
    streams = [each[frames].astype(np.float64) for each in differences(cepstra)]
    inputs = [np.column_stack([each, np.full(len(frames), float(not number))]) for number, each in enumerate(streams)]
    for _ in range(ROUNDS):
        found = _swept(found, *_statistics(model, found, inputs, senones), len(frames))
    return found.astype(np.float32)


def _statistics(model: Model, transform: Doubles, inputs: Sequence[Doubles], senones: Ints) -> tuple[Doubles, Doubles]:
    """Of each row of the transform: [13, 14, 14] the squares that its values are weighed by, [13, 14] their aim."""
    squares, aims = np.zeros((N_CEPSTRA, N_CEPSTRA + 1, N_CEPSTRA + 1)), np.zeros((N_CEPSTRA, N_CEPSTRA + 1))
    for number, values in enumerate(inputs):
        precision, aim = model.expected(number, (values @ transform.T).astype(np.float32), senones)
        squares += np.einsum("ti,tj,tk->ijk", precision, values, values, optimize=True)
        aims += aim.T @ values
        prior = PRIOR_FRAMES * precision.mean(axis=0)[:, None, None] * np.diag((values**2).mean(axis=0))
        squares += prior
        aims += np.einsum("iij->ij", prior[:, :N_CEPSTRA]) - PRIOR_FRAMES * np.eye(N_CEPSTRA, N_CEPSTRA + 1)
    return squares, aims


def _swept(transform: Doubles, squares: Doubles, aims: Doubles, n_frames: int) -> Doubles:
    """Row by row towards the most likely transform."""
    found, count = transform.copy(), 3.0 * (n_frames + PRIOR_FRAMES)
    inverses = np.linalg.inv(squares)
    for _ in range(SWEEPS):
        for row, (inverse, aim) in enumerate(zip(inverses, aims, strict=True)):
            cofactors = np.append(np.linalg.inv(found[:, :N_CEPSTRA])[:, row], 0.0)
            own, shared = cofactors @ inverse @ cofactors, cofactors @ inverse @ aim
            half = np.sqrt(shared**2 + 4 * own * count)
            steps = np.array([half - shared, -half - shared]) / (2 * own)
            gains = count * np.log(np.abs(steps * own + shared)) - steps**2 * own / 2
            found[row] = inverse @ (steps[gains.argmax()] * cofactors + aim)
    return found
