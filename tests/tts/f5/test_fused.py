"""The Triton kernels: interpreted on a CPU (see `fused_cases`), and compiled for GPUs that are not there."""
from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from tts.f5.kernels import Kernels
from tts.f5.layout import Layout

pytestmark = pytest.mark.skipif(find_spec("triton") is None, reason="Triton comes with PyTorch for CUDA only")
GPUS = {"T4": 75, "A100": 80, "A40": 86, "L4, RTX 4090": 89, "H100, H200": 90, "B200": 100, "RTX 5090": 120}
KINDS = {torch.float16: "*fp16", torch.float32: "*fp32", torch.int32: "*i32", torch.int64: "*i64",
         int: "i32", float: "fp32"}


def test_the_triton_kernels_equal_the_plain_ones_and_take_few_launches(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/tts/f5/fused_cases.py"], cwd=root,
        env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:]


def launched() -> list[tuple[Any, dict[str, str], dict[str, Any]]]:
    """Each kernel as the full network launches it: with its arguments' types and its constants."""
    from tts.f5.fused import Fused

    found: list[tuple[Any, dict[str, str], dict[str, Any]]] = []

    class Recorded(Fused):
        def launch(self, kernel: Any, n_frames: int, *arguments: Any, **sizes: Any) -> None:
            kinds = [KINDS[each.dtype if isinstance(each, torch.Tensor) else type(each)] for each in arguments]
            signature = dict(zip(kernel.arg_names, kinds, strict=False)) | dict.fromkeys(sizes, "constexpr")
            found.append((kernel, signature, sizes))

    kernels, layout = Recorded(Kernels(torch.float16)), Layout.of([(4, 2)], torch.device("cpu"))
    h, y, table = torch.zeros(8, 1024), torch.zeros(8, 1024, dtype=torch.float16), torch.zeros(1, 6, 1024)
    kernels.modulate(h, table[:, 0], table[:, 1], (), layout)
    kernels.add_modulate(h, y, table[:, 2], table[:, 3], table[:, 4], (), layout)
    for n_heads in (1, 16):
        kernels.rotate(torch.zeros(8, 3, 16, 64, dtype=torch.float16),
                       torch.zeros(8, 32, dtype=torch.complex64), n_heads)
    return found


@pytest.mark.parametrize("capability", GPUS.values(), ids=GPUS.keys())
def test_the_triton_kernels_compile_for_every_kind_of_gpu_and_keep_to_its_registers(
        capability: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import triton
    from triton.backends.compiler import GPUTarget

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "cache"))
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    for kernel, signature, constants in launched():
        source = triton.compiler.ASTSource(kernel, signature, constants)
        cubin = tmp_path / f"{kernel.__name__}.cubin"
        cubin.write_bytes(triton.compile(source, target=GPUTarget("cuda", capability, 32)).asm["cubin"])
        used = subprocess.run([tool, "-res-usage", cubin], capture_output=True, text=True, check=True).stdout
        assert re.search(r"REG:\d+ STACK:0 .*LOCAL:0", used), f"{kernel.__name__} spills: {used}"
