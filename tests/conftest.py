"""What the tests of several rooms share."""
from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Before anything imports torch or the hub's client.
os.environ.update(HF_HUB_OFFLINE="1", PYANNOTE_METRICS_ENABLED="0", OMP_WAIT_POLICY="PASSIVE")
# Else the set-up's installer, forked with a hook, may abort or hang where other tests have left gRPC at work.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"

import pytest

import runpod_handler
from worker.settings import Settings

Call = Callable[..., dict[str, Any]]
FIRST = ("test_reliability.py", "transcription/test_cloud.py", "test_runpod_loop.py", "transcription/test_kill.py",
         "test_cli.py", "test_setup_network_venv.py", "transcription/test_whisperx.py", "timing/test_whisperx.py",
         "tts/f5/test_fused.py", "worker/test_generate.py")
"""Files that take long: those that wait for clocks first. A process that got one last would end alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {(Path(__file__).parent / name): index for index, name in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(item.path, len(FIRST)))


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
