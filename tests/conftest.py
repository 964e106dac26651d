"""What the tests of several rooms share."""
from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Before anything imports torch or the hub's client.
os.environ.update(HF_HUB_OFFLINE="1", PYANNOTE_METRICS_ENABLED="0", OMP_WAIT_POLICY="PASSIVE")

import pytest

import runpod_handler
from worker.settings import Settings

Call = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def root() -> Path:
    return Path(__file__).resolve().parents[1]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", models_dir=tmp_path / "models",
                    url_allow_hosts=frozenset({"127.0.0.1"}))


@pytest.fixture
def parts(settings: Settings) -> runpod_handler.Parts:
    return runpod_handler.build_parts(settings)


@pytest.fixture
def call(parts: runpod_handler.Parts) -> Iterator[Call]:
    """Sends one job through the handler, as RunPod's SDK does: `call(endpoint="status", job_id="a")`."""
    handler = runpod_handler.make_handler(parts)
    count = iter(range(10_000))

    def send(**fields: Any) -> dict[str, Any]:
        return asyncio.run(handler({"id": f"test-{next(count)}", "input": fields}))

    yield send
