"""What the import of the engine brings along, in a process of its own."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CHECK = """
import sys
import tts.f5.engine
idle = {"wandb", "datasets", "accelerate"} & set(sys.modules)
assert not idle, idle
from f5_tts.model.trainer import Trainer
assert Trainer.__module__ == "f5_tts.model.trainer"
"""


def test_a_worker_does_not_load_what_only_training_needs_and_the_trainer_stays_importable(root: Path) -> None:
    done = subprocess.run([sys.executable, "-c", CHECK], cwd=root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
