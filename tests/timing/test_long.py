"""Recordings of minutes whose text is not quite what is said: an error ends where text and audio agree again."""
from __future__ import annotations

import numpy as np
import pytest

from benchmarks.timing_long_sets import Clips, Talk, clips, espeak, talk
from benchmarks.timing_sets import DEV
from text.spoken import read
from timing.align import DOUBT, RATE_HZ, align
from timing.pocketsphinx import PocketSphinx
from timing.words import Word


@pytest.fixture(scope="module")
def source() -> PocketSphinx:
    return PocketSphinx()


@pytest.fixture(scope="module")
def sentences() -> Clips:
    return clips(DEV, 110, 1, espeak(DEV))


def words_of(source: PocketSphinx, made: Talk) -> tuple[list[Word], list[float]]:
    """The words, and how far each is from where it is said, in ms; infinitely far where it is not."""
    text = made.recording.text
    timed = align(made.recording.samples, RATE_HZ, read(text, "en"), [], text=text, language="en",
                  method="pocketsphinx", sources={"pocketsphinx": source}, check=lambda: None)
    words = list(timed.timeline.words)
    off = [min((max(abs(word.start_ms - a), abs(word.end_ms - b)) for a, b in places), default=float("inf"))
           for word, places in zip(words, made.places_ms, strict=True)]
    return words, off


def marked(word: Word) -> bool:
    return word.estimated or (word.score or 0.0) < DOUBT


def assert_right(source: PocketSphinx, made: Talk) -> None:
    """All but a few words that are said are right; the others, and those that nobody says, are marked."""
    words, off = words_of(source, made)
    wrong = [each > 200 for each, places in zip(off, made.places_ms, strict=True) if places]
    assert np.mean(wrong) < 0.02
    assert sum(each > 200 and not marked(word) for each, word in zip(off, words, strict=True)) <= 1


def test_an_advert_that_the_text_lacks_moves_no_word(source: PocketSphinx, sentences: Clips) -> None:
    written = [*sentences[:8], *sentences[20:]]
    assert_right(source, talk(sentences, written, np.random.default_rng(0)))


def test_a_chapter_that_was_cut_from_the_audio_moves_no_word(source: PocketSphinx, sentences: Clips) -> None:
    said = [*sentences[:8], *sentences[20:]]
    assert_right(source, talk(said, sentences, np.random.default_rng(0)))


def test_of_two_sections_in_another_order_one_is_marked(source: PocketSphinx, sentences: Clips) -> None:
    said = [*sentences[:6], *sentences[14:22], *sentences[6:14], *sentences[22:]]
    made = talk(said, sentences, np.random.default_rng(0))
    words, off = words_of(source, made)
    assert sum(each > 200 and not marked(word) for each, word in zip(off, words, strict=True)) <= 1
    outside = sum(len(clip.words) for clip in sentences[:6]), sum(len(clip.words) for clip in sentences[:22])
    assert np.mean([each > 200 for each in [*off[: outside[0]], *off[outside[1] :]]]) < 0.02
