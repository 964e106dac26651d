"""Lines that are said again: what is served, what is not, and that nothing can tell the difference but time."""
from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.doubles.f5 import Models
from tests.tts.f5.conftest import Speak
from tests.tts.f5.test_engine import LINES, a_voice
from tts import Line, Options, Samples
from tts.f5.cache import LineCache
from tts.f5.engine import F5Engine


class Counting:
    """The engine, and how many lines it has put on the device since it was last asked."""

    def __init__(self, engine: F5Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.engine, self._made, self._row = engine, Counter[str](), engine._row
        monkeypatch.setattr(engine, "_row", self._noting)

    def _noting(self, task: Any) -> Any:
        self._made[task.text] += 1
        return self._row(task)

    def made(self) -> list[str]:
        found, self._made = sorted(self._made.elements()), Counter()
        return found


@pytest.fixture(scope="module")
def keeping(models: Models) -> F5Engine:
    return F5Engine.load(models.model_dir, models.vocos_dir, models.architecture, "cpu", 20_000_000)


@pytest.fixture
def counted(keeping: F5Engine, monkeypatch: pytest.MonkeyPatch) -> Counting:
    keeping._cache = LineCache(20_000_000)
    return Counting(keeping, monkeypatch)


def test_an_edited_script_costs_its_edited_lines_alone_and_sounds_as_if_it_had_cost_all(
    speak: Speak, counted: Counting,
) -> None:
    speak(*LINES, seed=3, by=counted.engine)
    assert counted.made() == sorted(LINES)
    shares: list[float] = []
    edited = (LINES[0], "We leave the harbour after it does.", LINES[2], LINES[0])
    found = speak(*edited, seed=3, by=counted.engine, progress=shares.append)
    assert counted.made() == sorted([LINES[0], edited[1]])  # said for the second time, it is another recording
    assert shares == sorted(shares) and shares[-1] == 1.0
    for one, other in zip(found, speak(*edited, seed=3), strict=True):
        assert np.array_equal(one.samples, other.samples)


@pytest.mark.parametrize("change", [
    {"seed": 2}, {"nfe_step": 5}, {"speed": 1.1}, {"cfg_strength": 1.0}, {"sway_sampling_coef": 0.0},
    {"target_rms": 0.05}, {"voice": a_voice()}])
def test_whatever_changes_the_sound_is_made_anew(speak: Speak, counted: Counting, change: dict[str, Any]) -> None:
    speak(LINES[0], by=counted.engine)
    counted.made()
    speak(LINES[0], by=counted.engine)
    assert counted.made() == []
    changed = speak(LINES[0], by=counted.engine, **change)[0].samples
    assert counted.made() == [LINES[0]]
    assert np.array_equal(changed, speak(LINES[0], **change)[0].samples)


def test_another_language_or_recording_of_the_same_name_is_another_line(counted: Counting) -> None:
    voice = a_voice()
    for line in (Line(LINES[0], "en", voice), Line(LINES[0], "de", voice),
                 Line(LINES[0], "en", replace(voice, fingerprint="another recording"))):
        counted.engine.submit(line, Options(nfe_step=5)).result()
        assert counted.made() == [LINES[0]]


def test_what_a_caller_does_with_the_samples_stays_with_the_caller(speak: Speak, counted: Counting) -> None:
    first = speak(LINES[0], by=counted.engine)[0].samples
    wanted = first.copy()
    for _ in range(2):
        first[:] = 0
        first = speak(LINES[0], by=counted.engine)[0].samples
        assert np.array_equal(first, wanted)


def test_what_was_warned_of_is_warned_of_again(speak: Speak, counted: Counting) -> None:
    once, again = (speak("The tide 🌊 comes in.", nfe_step=8, by=counted.engine)[0] for _ in range(2))
    assert once.warnings == again.warnings and len(once.warnings) == 2
    assert len(counted.made()) == 1


def test_without_room_every_line_is_made_anew(models: Models, speak: Speak, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Counting(F5Engine.load(models.model_dir, models.vocos_dir, models.architecture, "cpu"), monkeypatch)
    speak(LINES[0], by=engine.engine)
    speak(LINES[0], by=engine.engine)
    assert engine.made() == [LINES[0]] * 2


def silence(n_samples: int) -> Samples:
    return np.zeros(n_samples, np.float32)


def test_the_longest_unused_go_first_and_the_size_is_never_passed() -> None:
    cache = LineCache(4_000)
    for name in "abc":
        cache.put(name, silence(300))
    assert cache.get("a") is not None
    cache.put("d", silence(300))
    assert [name for name in "abcd" if cache.get(name) is not None] == ["a", "c", "d"]
    cache.put("e", silence(1_001))  # larger than all of it: nothing gives way
    assert [name for name in "acde" if cache.get(name) is not None] == ["a", "c", "d"]
    cache.put("f", silence(1_000))
    assert [name for name in "acdf" if cache.get(name) is not None] == ["f"]
