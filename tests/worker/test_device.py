from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
import torch

from tests.doubles.f5 import make_f5
from worker import device

ROOT = Path(__file__).resolve().parents[2]
OPEN_MODULE = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build  (dvs)  Thu\nGCC x\n"
MODULE = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\n"

needs_no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine's CUDA works")


def image_environment() -> dict[str, str]:
    """What Dockerfile.runpod sets for every worker."""
    lines = (ROOT / "Dockerfile.runpod").read_text().partition(" AS code")[0].replace("\\\n", " ").splitlines()
    words = " ".join(line.removeprefix("ENV ") for line in lines if line.startswith("ENV ")).split()
    return dict(word.split("=", 1) for word in words)


@needs_no_gpu
def test_a_gpu_that_is_listed_and_dead_ends_the_image_s_start_with_one_line(tmp_path: Path) -> None:
    make_f5(tmp_path / "models")
    smi = tmp_path / "bin" / "nvidia-smi"
    smi.parent.mkdir()
    smi.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA GeForce RTX 4090 (UUID: GPU-1)'\n")
    smi.chmod(0o755)
    env = {**os.environ, **image_environment(), "PATH": f"{smi.parent}:{os.environ['PATH']}", "DATA_DIR": str(tmp_path),
           "MODELS_DIR": str(tmp_path / "models"), "F5_ARCHITECTURE": str(tmp_path / "models/f5/architecture.json")}
    done = subprocess.run([sys.executable, ROOT / "runpod_handler.py", "--test_input", '{"input": {"text": "Hi."}}'],
                          env=env, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 1, "it spoke on the CPU, at the price of a GPU"
    lines = [line for line in done.stderr.splitlines() if line.startswith("the worker cannot start")]
    assert len(lines) == 1
    assert "DEVICE is cuda and CUDA cannot be used here" in lines[0]
    assert "Traceback" not in done.stderr


@needs_no_gpu
def test_auto_takes_the_cpu_and_warns_only_where_there_is_a_gpu(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(device, "DRIVER", tmp_path / "absent")
    assert device.usable("auto") == "cpu"
    assert caplog.records == []
    monkeypatch.setattr(device, "DRIVER", tmp_path / "version")
    (tmp_path / "version").write_text(MODULE)
    assert device.usable("auto") == "cpu"
    assert re.search(r"CUDA cannot use .*driver 535\.183\.01", caplog.text)


@pytest.mark.parametrize(("text", "version"), [(MODULE, "535.183.01"), (OPEN_MODULE, "570.86.15"), ("?", "unknown")])
def test_the_driver_is_read_from_the_kernel(
        text: str, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "DRIVER", tmp_path / "version")
    (tmp_path / "version").write_text(text)
    assert device.driver() == version


def test_a_cpu_has_no_gpu_to_report() -> None:
    assert device.report("cpu") is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_is_reported_with_its_memory() -> None:
    assert device.usable("auto") == "cuda"
    gpu = device.report("cuda")
    assert gpu
    assert 0 < gpu["memory_free_mb"] <= gpu["memory_total_mb"]
    assert re.fullmatch(r"[\d.]+", str(gpu["driver"]))
