"""Samples at 16 kHz in, the model's cepstra out: thirteen numbers for each frame of 25.6 ms.

The steps and their numbers are those with which the model was trained: pre-emphasis, Hamming window, filters on the mel
scale, noise taken off each filter, logarithm, cosine transform, liftering, and the mean taken off. They are done
here and not by the decoder, because it keeps to itself what each filter lets through, and where a recording has no
sound at high frequencies that must be known.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Powers = npt.NDArray[np.float64]
Present = npt.NDArray[np.bool_]

RATE_HZ = 16_000
WINDOW, FFT, EMPHASIS = 410, 512, 0.97
N_CEPSTRA, LIFTER = 13, 22
CHUNK = 128
"""Frames at a time: their spectra fit into a processor's cache."""
LOG_FLOOR = 1e-4
"""Of power, where a sample is 1 in 32 768."""

# PocketSphinx' noise removal (fe_noise.c), after Doblinger's minimum tracking and Kim's temporal masking.
POWER_KEPT, RISE, FALL = 0.7, 0.005, 0.5
PEAK_KEPT, MASKED = 0.85, 0.2
LEAST_GAIN = 1 / 20
GAIN_SPAN = 4

BAND_DB = -32.0
"""A filter that lets through less than that of the voice, at its loudest, holds no speech."""
SPREAD_SHARE = 0.5
ROUGHNESS = 0.5
"""The variance of a filter's logarithm about what thirteen cepstra say of it."""


@dataclass(frozen=True, eq=False)
class Filters:
    """Some on the mel scale between two frequencies: `triangles` [n, 257] over the lines of the spectrum, and the
    `transform` [13, n] of their logarithms to cepstra."""

    triangles: Powers
    transform: Powers

    @classmethod
    def between(cls, lowest_hz: float, highest_hz: float, n: int) -> Filters:
        return cls(_triangles(lowest_hz, highest_hz, n), _transform(n))


def filter_powers(audio: Floats, frames_per_s: int, filters: Filters) -> Powers:
    """What each filter lets through of each frame, [n_frames, n]."""
    step = RATE_HZ // frames_per_s
    values = np.clip(audio, -1, 1).astype(np.float64) * 32767
    values[1:] -= EMPHASIS * values[:-1]
    n_frames = 1 + max(0, -(-(len(values) - WINDOW) // step))
    values = np.pad(values, (0, max(0, (n_frames - 1) * step + WINDOW - len(values))))
    frames, window = np.lib.stride_tricks.sliding_window_view(values, WINDOW)[::step], np.hamming(WINDOW)
    powers = np.empty((n_frames, len(filters.triangles)))
    for start in range(0, n_frames, CHUNK):
        spectrum = np.fft.rfft(frames[start : start + CHUNK] * window, FFT)
        np.matmul(spectrum.real**2 + spectrum.imag**2, filters.triangles.T, out=powers[start : start + CHUNK])
    return powers


def sounding_filters(powers: Powers) -> Present:
    """Which of the filters hold speech: those of a telephone's, or of a low sample rate's, upper octave do not."""
    voice = np.percentile(powers.sum(axis=1), 90)
    present: Present = np.percentile(powers, 95, axis=0) >= voice * 10 ** (BAND_DB / 10)
    return present


def without_noise(powers: Powers) -> Powers:
    """Each filter's power with its slowly moving floor taken off, and less of what follows a peak; [n_frames, n]."""
    power = powers * (1 - POWER_KEPT)
    power[0] = powers[0]
    for back in 2 ** np.arange(7):  # of two frames, of four, ... what is kept of 127 is nothing
        power[back:] += POWER_KEPT**back * power[:-back]
    signal = np.maximum(power - _lower_envelope(power, powers[0] * LEAST_GAIN), 1.0)
    floor = _lower_envelope(signal, powers[0] * LEAST_GAIN)
    decay = np.log(PEAK_KEPT) * np.arange(len(powers))[:, None]
    peak = PEAK_KEPT * np.exp(np.maximum.accumulate(np.log(signal) - decay, axis=0) + decay)
    masked = signal.copy()
    masked[1:] = np.where(signal[1:] < PEAK_KEPT * peak[:-1], MASKED * peak[:-1], signal[1:])
    gains = np.clip(np.maximum(masked, floor) / np.maximum(power, LOG_FLOOR), LEAST_GAIN, 1 / LEAST_GAIN)
    at = np.arange(powers.shape[1])
    near = (np.abs(at[:, None] - at) <= GAIN_SPAN).astype(np.float64)
    quieter: Powers = powers * (gains @ (near / near.sum(axis=0)))
    return quieter


def _lower_envelope(powers: Powers, first: Powers) -> Powers:
    """What follows each filter's power slowly up and quickly down, [n_frames, n]."""
    envelope = np.empty_like(powers)
    shares = np.array([[RISE], [FALL]])
    kept, ways, at = 1 - shares, np.empty((2, len(first))), first
    for gained, found in zip(powers[:, None] * shares, envelope, strict=True):
        np.multiply(kept, at, out=ways)
        ways += gained
        at = np.minimum(ways[0], ways[1], out=found)
    return envelope


def cepstra(powers: Powers, transform: Powers, spread: Powers) -> Floats:
    """[n_frames, 13], their mean over frames with sound taken off; `transform` is [13, n] for as many filters.

    Noise and echoes fill the valleys of speech: how far each cepstrum goes is brought half the way to the `spread` [13]
    of those that the model knows.
    """
    logs = np.log(powers + LOG_FLOOR)
    sounding = logs.mean(axis=1) >= 0
    if sounding.any():
        logs -= logs[sounding].mean(axis=0)
    found = logs @ transform.T
    found *= (spread / np.maximum(found.std(axis=0), 1.0)) ** SPREAD_SHARE
    return found.astype(np.float32)


def transform_of(filters: Filters, present: Present, covariance: Powers) -> Powers:
    """From the logarithms of the filters that are `present` to all cepstra, [13, n_present].

    Where some are missing it is the linear estimate of the least mean square error, for cepstra of this covariance.
    """
    if present.all():
        return filters.transform
    logs = np.linalg.pinv(filters.transform)[present]
    transform: Powers = covariance @ logs.T @ np.linalg.inv(logs @ covariance @ logs.T + ROUGHNESS * np.eye(len(logs)))
    return transform


def _triangles(lowest_hz: float, highest_hz: float, n: int) -> Powers:
    """Of one area, their corners at lines of the spectrum."""
    lowest, highest = (2595 * float(np.log10(1 + hz / 700)) for hz in (lowest_hz, highest_hz))
    mel = np.linspace(lowest, highest, n + 2)
    line_hz = RATE_HZ / FFT
    corners_hz = np.floor(700 * (10 ** (mel / 2595) - 1) / line_hz + 0.5) * line_hz
    left, middle, right = (corners_hz[i : n + i, None] for i in range(3))
    hz = np.arange(FFT // 2 + 1) * line_hz
    triangles = np.minimum((hz - left) / (middle - left), (right - hz) / (right - middle))
    found: Powers = np.maximum(triangles, 0) * 2 / (right - left)
    return found


def _transform(n: int) -> Powers:
    """Unitary cosine transform (type II) and liftering."""
    order = np.arange(N_CEPSTRA)[:, None]
    cosines = np.cos(np.pi / n * order * (np.arange(n) + 0.5)) * np.sqrt(2 / n)
    cosines[0] = np.sqrt(1 / n)
    transform: Powers = cosines * (1 + LIFTER / 2 * np.sin(order * np.pi / LIFTER))
    return transform
