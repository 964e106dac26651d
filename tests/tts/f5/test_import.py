"""What a worker loads of F5-TTS, in a process of its own."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.doubles.f5 import make_f5

CHECK = """
import sys
from pathlib import Path
import tts.f5.engine
from tts import Line, Options
engine = tts.f5.engine.F5Engine.load(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], "cpu")
engine.warm_up()
idle = {"f5_tts", "x_transformers", "librosa", "sympy", "torchdiffeq", "torchaudio", "transformers", "vocos",
        "pypinyin", "wandb", "accelerate", "matplotlib"} & set(sys.modules)
assert not idle, idle
engine.submit(Line("\u4eca\u5929", "zh"), Options(nfe_step=5)).result()
assert "pypinyin" in sys.modules and "f5_tts" not in sys.modules
"""


def test_a_worker_loads_nothing_of_upstream_and_pinyin_only_for_chinese(root: Path, tmp_path: Path) -> None:
    models = make_f5(tmp_path / "models")
    done = subprocess.run([sys.executable, "-c", CHECK, models.model_dir, models.vocos_dir, models.architecture],
                          cwd=root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]


COST = """
import resource
from tests.doubles.processes import peak_mb
def spent():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
import torch
before = spent()
import tts.f5.engine
print(spent() - before, peak_mb())
"""


def test_the_engine_is_imported_in_little_more_than_torch_takes(root: Path) -> None:
    """CPU seconds beside torch's own, which are 2.3 on a quiet machine: a wall clock would measure who else works."""
    done = subprocess.run([sys.executable, "-c", COST], cwd=root, capture_output=True, text=True, timeout=300,
                          check=True)
    cpu_s, peak_mb = map(float, done.stdout.split())
    assert cpu_s <= 0.7 and peak_mb <= 560
