"""`./run bench f5` in small: every column of its table, on a network of two narrow layers."""
from __future__ import annotations

import pytest
import torch

from benchmarks import f5
from tests.doubles.f5 import ARCHITECTURE
from tts.f5.checkpoint import Architecture


def test_the_benchmark_measures_every_column_and_ours_starts_fewer_kernels(capsys: pytest.CaptureFixture[str]) -> None:
    cases = [f5.Case(who, 5, 1, 1.0) for who in ("upstream", "ours", "ours, eager")] + [f5.Case("ours", 5, 3, 1.0)]
    found = f5.report(Architecture(**ARCHITECTURE), cases, torch.device("cpu"), 0.5, 2)
    upstream, ours, eager, batch = found["rows"]
    assert 10 < ours["launches_per_nfe"] == eager["launches_per_nfe"] < upstream["launches_per_nfe"]
    assert batch["audio_s_per_s"] == pytest.approx(1.5 / batch["p50_s"])
    for row in found["rows"]:
        assert 0 < row["p50_s"] < row["first_audio_s"] and row["p50_s"] <= row["p95_s"]
        assert row["memory_mb"] is None and row["share_of_matmul_rate"] > 0
    lines = f5.table(found).splitlines()
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1
    assert lines[-1].endswith("slower.")
