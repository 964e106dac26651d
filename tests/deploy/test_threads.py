"""What the images and `./run` set for numpy's threads keeps alignments that run side by side from spinning."""
from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ALIGNING = """
import time
from tests.timing.recordings import FIRST, SECOND, THIRD, passage
from timing.pocketsphinx import PocketSphinx
samples, _, tokens, _ = passage(*[FIRST, 0.3, SECOND, 0.3, THIRD, 0.3] * 5)
PocketSphinx().align(samples, tokens, "en")
print(time.process_time())
"""


ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}


@pytest.mark.parametrize("file", ["run", "Dockerfile.runpod", "Dockerfile.whisperx"])
def test_numpy_has_one_thread_where_jobs_run(file: str) -> None:
    assert dict(re.findall(r"\b(\w+_NUM_THREADS)=(\d+)", (ROOT / file).read_text())) == ONE_THREAD


def test_two_alignments_side_by_side_cost_what_each_costs_alone() -> None:
    """In processor time: by numpy's own choice of threads it was five times as much, on two cores."""
    alone_s, = cpu_s(1, ONE_THREAD)
    assert max(cpu_s(2, ONE_THREAD)) < 2 * alone_s


def cpu_s(n_at_once: int, threads: dict[str, str]) -> list[float]:
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    started = [subprocess.Popen([sys.executable, "-c", ALIGNING], cwd=ROOT, env={**environ, **threads},
                                stdout=subprocess.PIPE, text=True) for _ in range(n_at_once)]
    return [float(process.communicate(timeout=120)[0]) for process in started]
