"""How long a line is to last: a smooth curve, obeyed speed, and recordings of people."""
from __future__ import annotations

import json
import math
from collections.abc import Callable
from itertools import pairwise, permutations
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from tests.tts.f5.test_prompt import OWN, VOCABULARY
from tts.f5 import pace, prompt
from tts.f5.pace import Length
from tts.f5.prompt import Reference
from tts.phonemes import PhonemeCounter

SPEECH = Path(__file__).resolve().parents[3] / "benchmarks" / "dev_speech"
BY_LETTERS = Reference(OWN.mel, 1.0, OWN.text, Length(OWN.length.letters, None), {})
WORDS = "the boats that were out all night came back to the harbour with nothing but fog and a single herring".split()


@pytest.fixture(scope="module")
def counter() -> PhonemeCounter:
    return PhonemeCounter()


def line(text: str, speed: float = 1.0, language: str = "en", reference: Reference = OWN) -> int:
    """Frames of the line alone."""
    return prompt.compose(reference, text, language, VOCABULARY, speed).n_frames - 465


def test_a_short_line_is_given_time_on_a_smooth_curve() -> None:
    found = [line(" ".join(WORDS[:count])) for count in range(1, len(WORDS) + 1)]
    assert all(0 < after - before < 8 * 465 / 39 for before, after in pairwise(found)), "at most a word's phonemes more"
    assert 0.7 < line("Yes.") / 93.75 < 1.5, "a word alone, in seconds"
    by_letters = [line("a" * count, reference=BY_LETTERS) for count in range(1, 100)]
    assert all(0 <= after - before <= 465 / 52 + 1 for before, after in pairwise(by_letters))
    assert abs(by_letters[-1] - 465 / 52 * 99) < 0.01 * 465 / 52 * 99, "upstream's time for a long line"


@pytest.mark.parametrize("text", ["Yes.", "No, thanks.", " ".join(WORDS)])
def test_speed_is_obeyed_however_short_a_line_is(text: str) -> None:
    assert abs(line(text, 2.0) - line(text) / 2) <= 1 and abs(line(text, 0.5) - line(text) * 2) <= 2


def test_letters_of_another_alphabet_take_a_letters_time() -> None:
    latin, cyrillic, chinese = (line(text, language="xx") for text in ("a" * 60, "я" * 60, "我" * 20))
    assert latin == cyrillic == chinese


def test_a_number_takes_the_time_of_its_words_and_not_of_its_digits() -> None:
    assert 0.9 < line("All 27 of us.") / line("All twenty seven of us.") < 1.1


def test_phonemes_are_counted_in_the_languages_own_reading(counter: PhonemeCounter) -> None:
    assert [counter.count(*asked) for asked in [
        ("nature", "en"), ("nature", "fr"), ("Straße", "de-AT"), ("今天", "zh"), ("今天", "zh-TW")]] == [6, 5, 6, 9, 9]


@pytest.mark.parametrize(("text", "language"), [
    ("今日は", "ja"), ("abc", "xx"), ("", "en"), ("ꙮꙮꙮ", "en"), ("\ud800", "en")])
def test_what_nobody_can_read_has_no_count(counter: PhonemeCounter, text: str, language: str) -> None:
    assert counter.count(text, language) is None


def test_a_text_that_crashes_the_library_has_no_count_and_spoils_none_after_it(counter: PhonemeCounter) -> None:
    before = counter.count("herring", "en")
    assert counter._child is not None
    counter._child.kill()
    assert counter.count("herring", "en") is None
    assert counter.count("herring", "en") == before


def test_phonemes_foretell_how_long_people_speak_better_than_letters_do() -> None:
    """From each recording to each other one of the same speaker: two people, eight recordings. Nothing is fitted."""
    recordings = [(name.split("-")[0], pace.measure(text, "en"), voiced_s(SPEECH / f"{name}.flac"))
                  for name, text in json.loads((SPEECH / "texts.json").read_text()).items()]

    def off(size: Callable[[Length], float]) -> float:
        return float(np.mean([abs(math.log(one_s / size(one) * size(other) / other_s))
                              for (who, one, one_s), (also, other, other_s) in permutations(recordings, 2)
                              if who == also]))

    assert off(lambda length: length.phonemes or 0) < 0.16 < off(lambda length: length.letters)


def voiced_s(path: Path) -> float:
    """From the first 10 ms within 35 dB of the loudest to the last."""
    samples, rate_hz = soundfile.read(path)
    blocks = samples[:len(samples) // (rate_hz // 100) * (rate_hz // 100)].reshape(-1, rate_hz // 100)
    power = torch.from_numpy(blocks).square().mean(dim=1)
    loud = torch.nonzero(power > power.max() * 10 ** -3.5)
    return float(loud[-1] - loud[0] + 1) / 100
