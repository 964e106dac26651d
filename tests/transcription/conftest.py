"""What is slow to start and can be shared: two services, and Google's emulators."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.doubles.emulators import emulators as _emulators
from tests.transcription.serving import Served, serve
from transcription.jobs import keys

emulators = pytest.fixture(scope="session")(_emulators)
Keyed = tuple[Served, dict[str, str]]


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service as it comes, with small limits, which may fetch from this machine."""
    with serve(tmp_path_factory.mktemp("service"), MAX_UPLOAD_MB="8", MAX_AUDIO_DURATION="300",
               URL_ALLOW_HOSTS="127.0.0.1") as running:
        yield running


@pytest.fixture(scope="session")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    """A service that asks for keys, and the key of each name."""
    folder = tmp_path_factory.mktemp("keyed")
    made = {name: keys.add(folder / "keys.json", name) for name in ("anna", "ben", "openai")}
    with serve(folder, API_KEYS_FILE=str(folder / "keys.json"), CORS_ORIGINS="https://app.example") as running:
        yield running, made
