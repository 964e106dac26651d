"""The service as an operator starts it: `./run whisperx-api` in processes of its own, on a free port."""
from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile

from tests.doubles.speech import spoken_wav

ROOT = Path(__file__).resolve().parents[2]
NATURE = "Some call me nature, others call me mother nature."


@dataclass
class Served:
    url: str
    process: subprocess.Popen[bytes]
    data: Path
    log_path: Path

    @property
    def log(self) -> list[dict[str, Any]]:
        lines = self.log_path.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def client(self, key: str | None = None, **options: Any) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, **options)

    def kill(self) -> None:
        """kill -9: nothing is said goodbye to."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def serve(folder: Path, **environ: str) -> Iterator[Served]:
    """The service on `folder`, ready to be asked; stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    environment = {**os.environ, "DATA_DIR": str(folder / "data"), "MODELS_DIR": str(folder / "models"),
                   "RATE_LIMIT_PER_MINUTE": "0", "LEASE_S": "2", "PYTHONPATH": str(ROOT), **environ}
    log_path = folder / f"service-{port}.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "transcription.command", "--port", port], stderr=log,
                                   stdout=log, env=environment, cwd=folder)
    served = Served(f"http://127.0.0.1:{port}", process, folder / "data", log_path)
    try:
        wait_until(lambda: _is_ready(served), 180)
        yield served
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _is_ready(served: Served) -> bool:
    assert served.process.poll() is None, served.log_path.read_text()[-3000:]
    try:
        return httpx.get(f"{served.url}/health/ready", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def wait_until(done: Any, timeout_s: float = 120.0, every_s: float = 0.05) -> Any:
    end = time.monotonic() + timeout_s
    while not (found := done()):
        assert time.monotonic() < end, f"not within {timeout_s} s"
        time.sleep(every_s)
    return found


def submit(client: httpx.Client, wav: bytes | None = None, headers: dict[str, str] | None = None,
           **fields: str) -> dict[str, Any]:
    files = None if wav is None else {"audio_file": ("a.wav", wav)}
    answer = client.post("/api/v1/jobs/upload", data=fields, files=files, headers=headers)
    assert answer.status_code in (200, 202), answer.text
    return dict(answer.json())


def finished(client: httpx.Client, job_id: str, timeout_s: float = 120.0) -> dict[str, Any]:
    def over() -> dict[str, Any] | None:
        answer = client.get(f"/api/v1/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        job: dict[str, Any] = answer.json()
        return job if job["status"] in ("completed", "failed", "cancelled") else None
    found: dict[str, Any] = wait_until(over, timeout_s)
    return found


def nature() -> bytes:
    return spoken_wav(NATURE)


@cache
def long_wav(seconds: int = 120) -> bytes:
    """Minutes of speech: what takes a worker a while."""
    samples, rate_hz = soundfile.read(io.BytesIO(spoken_wav(NATURE)), dtype="float32")
    buffer = io.BytesIO()
    soundfile.write(buffer, np.tile(samples, seconds * rate_hz // len(samples) + 1), rate_hz, format="WAV")
    return buffer.getvalue()
