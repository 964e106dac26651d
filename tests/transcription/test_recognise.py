"""The embedded recogniser, and the windows that it is given."""
from __future__ import annotations

import itertools

import numpy as np
import pytest

from intake import audio
from tests.doubles.speech import spoken_wav
from tests.transcription.serving import nature
from transcription.settings import Settings
from transcription.speech.engines import Engines
from transcription.speech.recognise import RATE_HZ, WINDOW_S, PocketSphinx, Samples, Wish, windows_ms


def samples_of(wav: bytes) -> Samples:
    return audio.decode(wav, max_duration_s=60, to_hz=RATE_HZ).samples


def test_what_was_recognised_before_changes_nothing() -> None:
    recogniser = PocketSphinx()
    first = recogniser.recognise(samples_of(nature()), Wish("en"))
    assert recogniser.recognise(samples_of(nature()), Wish("en")) == first
    recogniser.recognise(samples_of(spoken_wav("The quick brown fox jumps over the lazy dog.")) * 0.1, Wish("en"))
    assert recogniser.recognise(samples_of(nature()), Wish("en")) == first
    assert first.passages


def test_windows_are_short_in_order_and_leave_no_speech_out() -> None:
    speech = samples_of(nature())
    pause = np.zeros(3 * RATE_HZ, np.float32)
    samples = np.concatenate([pause, speech, pause, *[speech] * 8, pause])
    windows = windows_ms(samples)
    assert all(0 < end - start <= WINDOW_S * 1000 + 300 for start, end in windows)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(windows))
    covered = np.zeros(len(samples), bool)
    for start, end in windows:
        covered[start * RATE_HZ // 1000:end * RATE_HZ // 1000] = True
    assert np.square(samples[~covered]).sum() < 1e-4 * np.square(samples).sum()
    assert covered.mean() < 0.85


def test_a_model_that_is_not_used_is_let_go_and_loaded_again_when_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    engines = Engines(Settings(model_idle_s=1.0))
    first, _ = engines.recogniser(None), engines.sources()
    assert engines.release_idle() == []
    assert engines.recogniser(None) is first
    clock[0] += 0.6
    engines.recogniser(None)
    clock[0] += 0.5
    assert engines.release_idle() == ["align pocketsphinx"]
    clock[0] += 1.1
    assert engines.release_idle() == ["pocketsphinx"]
    again = engines.recogniser(None)
    assert again is not first
    assert again.recognise(samples_of(nature()), Wish("en")).passages
    assert Engines(Settings()).release_idle() == []
