from __future__ import annotations

import numpy as np
import pytest

from timing.drawn_out import Stretch, into_pauses, widened

VOWEL, CONSONANT, OTHER = (np.full(13, value) for value in (1.0, 0.4, -1.0))


def cepstra(*runs: tuple[np.ndarray, int]) -> np.ndarray:
    """Frames of some sounds, each a little different from the others of its kind."""
    frames = np.concatenate([np.tile(sound, (length, 1)) for sound, length in runs])
    return frames + 0.01 * np.random.default_rng(1).standard_normal(frames.shape)


def test_a_word_ends_where_its_sound_does() -> None:
    frames = cepstra((CONSONANT, 10), (VOWEL, 60), (OTHER, 80))
    found = widened([Stretch(0, 0, 20), Stretch(-1, 20, 100), Stretch(1, 130, 150)], frames)
    assert set(found) == {0} and found[0].start == 0
    assert found[0].stop == pytest.approx(70, abs=1)


def test_a_consonant_before_the_vowel_is_the_words_too() -> None:
    frames = cepstra((OTHER, 30), (CONSONANT * -1, 10), (VOWEL, 60), (OTHER, 60))
    found = widened([Stretch(0, 0, 30), Stretch(-1, 30, 80), Stretch(1, 80, 120)], frames)
    assert found == {1: Stretch(1, 30, 120)}


@pytest.mark.parametrize("parts", [
    [Stretch(0, 0, 20), Stretch(-1, 20, 60)],  # another sound
    [Stretch(0, 100, 120), Stretch(-1, 130, 160)],  # a silence lies between
    [Stretch(0, 90, 95), Stretch(-1, 95, 105), Stretch(1, 110, 130)],  # too short to be sure
], ids=["another sound", "behind a silence", "short"])
def test_what_is_not_sure_to_be_the_word_is_not(parts: list[Stretch]) -> None:
    assert widened(parts, cepstra((OTHER, 20), (VOWEL, 50), (OTHER, 90))) == {}


def test_between_two_words_the_one_that_goes_on_for_longer_has_it() -> None:
    frames = cepstra((VOWEL, 60), (OTHER, 40), (CONSONANT, 40))
    found = widened([Stretch(0, 0, 20), Stretch(-1, 20, 80), Stretch(1, 80, 140)], frames)
    assert set(found) == {0} and found[0].stop == pytest.approx(60, abs=1)


def gone_on(frames: np.ndarray, parts: list[Stretch], level_db: dict[int, float],
            gain: np.ndarray) -> dict[int, Stretch]:
    """`level_db` says from which frame on it is how loud; `gain` [n_frames] is the same for all words."""
    levels = np.concatenate([np.full(stop - start, level) for (start, level), stop in zip(
        level_db.items(), [*list(level_db)[1:], len(frames)], strict=True)])
    return into_pauses(parts, frames, levels, lambda i: gain)


def test_in_noise_a_word_goes_on_as_far_as_it_matches_better_than_silence() -> None:
    frames = cepstra((VOWEL, 60), (OTHER, 60))
    gain = np.where(np.arange(120) < 60, 0.8, -2.0)
    found = gone_on(frames, [Stretch(0, 0, 20), Stretch(1, 110, 120)], {0: -20, 60: -35, 110: -20}, gain)
    assert found == {0: Stretch(0, 0, 60)}
    mirrored = gone_on(frames[::-1], [Stretch(0, 0, 10), Stretch(1, 100, 120)], {0: -20, 10: -35, 60: -20}, gain[::-1])
    assert mirrored == {1: Stretch(1, 60, 120)}


def test_in_noise_a_word_may_go_on_to_where_the_audio_begins_and_ends() -> None:
    frames, gain = cepstra((VOWEL, 120)), np.full(120, 0.8)
    assert gone_on(frames, [Stretch(0, 50, 70)], {0: -20}, gain) == {0: Stretch(0, 0, 120)}


@pytest.mark.parametrize(("level_db", "gain"), [
    ({0: -20.0, 20: -30.0, 60: -35.0, 110: -20.0}, 0.8),
    ({0: -20.0, 60: -35.0, 110: -20.0}, 0.1),
], ids=["hardly louder than the noise", "silence matches nearly as well"])
def test_a_pause_that_is_not_sure_to_be_the_word_stays_one(level_db: dict[int, float], gain: float) -> None:
    frames = cepstra((VOWEL, 60), (OTHER, 60))
    gains = np.where(np.arange(120) < 60, gain, -2.0)
    assert gone_on(frames, [Stretch(0, 0, 20), Stretch(1, 110, 120)], level_db, gains) == {}


def test_a_pause_is_the_words_that_is_nearer_to_it() -> None:
    parts = [Stretch(0, 0, 20), Stretch(1, 60, 80)]
    frames = cepstra((CONSONANT, 20), (VOWEL, 60), (OTHER, 40))
    found = gone_on(frames, parts, {0: -20, 80: -40}, np.where(np.arange(120) < 80, 0.8, -2.0))
    assert found == {1: Stretch(1, 20, 80)}
