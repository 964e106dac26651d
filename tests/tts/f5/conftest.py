"""One small F5 engine for the room, and what its tests say of it."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("f5_tts", reason="F5-TTS is in the full environment only")

from tests.doubles.f5 import Models, make_f5
from tts import Line, Options, Utterance
from tts.f5.engine import F5Engine

Speak = Callable[..., list[Utterance]]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return make_f5(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def engine(models: Models) -> F5Engine:
    return load(models)


def load(models: Models) -> F5Engine:
    return F5Engine.load(models.model_dir, models.vocos_dir, models.architecture, "cpu")


@pytest.fixture(scope="session")
def speak(engine: F5Engine) -> Speak:
    """`speak("One.", "Two.", seed=3, voice=v)` with six steps, never cancelled."""
    def say(*texts: str, by: F5Engine = engine, voice: Any = None, check: Callable[[], None] = lambda: None,
            progress: Callable[[float], None] = lambda share: None, **options: Any) -> list[Utterance]:
        lines = [Line(text, "en", voice) for text in texts]
        return list(by.speak(lines, Options(**{"nfe_step": 6, **options}), check=check, progress=progress))

    return say


@pytest.fixture
def checkpoint(models: Models) -> Path:
    return models.model_dir / "model.safetensors"
