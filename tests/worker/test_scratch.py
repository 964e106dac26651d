"""Temporary files of workers that share a disk, one after the other or at the same time."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.worker.test_generate import SENTENCE

HOLD = "from worker import scratch; print(scratch.take(), flush=True); input()"


def start(root: Path, disk: Path, *command: str, **more: Any) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, *command], cwd=disk.parent, text=True, **more,
                            env={**os.environ, "TMPDIR": str(disk), "PYTHONPATH": str(root)})


def start_job(root: Path, disk: Path, **fields: Any) -> subprocess.Popen[str]:
    return start(root, disk, str(root / "runpod_handler.py"), "--test_input", json.dumps({"input": fields}),
                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def until(found: Callable[[], object], within_s: float = 60.0) -> None:
    end = time.monotonic() + within_s
    while not found():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_what_a_killed_worker_left_is_gone_after_the_next_start_and_a_live_ones_stays(root: Path,
                                                                                      tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "somebody-elses").write_text("words")
    killed = start_job(root, disk, job_id="killed", text=SENTENCE * 40, audio_format="opus", loudness_lufs=-16)
    until(lambda: [*disk.glob("*/audio-*/audio.opus")])
    killed.kill()
    killed.wait()
    left = {path.name for path in disk.iterdir()} - {"somebody-elses"}
    assert left

    living = start(root, disk, "-c", HOLD, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert living.stdout and living.stdin
    held = Path(living.stdout.readline().strip())
    (held / "audio.opus").write_bytes(b"of a job that runs")
    assert {path.name for path in disk.iterdir()} == {"somebody-elses", held.name}

    assert start_job(root, disk, job_id="next", text="Hello.").wait(100) == 0
    assert {path.name for path in disk.iterdir()} == {"somebody-elses", held.name}
    assert (held / "audio.opus").read_bytes() == b"of a job that runs"
    living.kill()
    living.wait()
    living.stdin.close()
    living.stdout.close()


@pytest.mark.parametrize("end", ["while it is set up", "while it runs"])
def test_the_start_scripts_own_files_go_with_it(root: Path, tmp_path: Path, end: str) -> None:
    """The stub of the image: its set-up or its worker is killed with SIGKILL, as when a container is stopped."""
    disk, image = tmp_path / "disk", tmp_path / "image"
    for folder in (disk, image / "deploy"):
        folder.mkdir(parents=True)
    (image / "deploy/start.sh").write_text((root / "deploy/start.sh").read_text())
    (image / "deploy/start.sh").chmod(0o755)
    hangs = "import time, os\nprint(os.environ.get('MODELS_DIR'), flush=True)\ntime.sleep(60)\n"
    (image / "setup_network_venv.py").write_text(
        hangs if end == "while it is set up" else "import sys\nprint(sys.executable)\n")
    (image / "deploy/launch.py").write_text(hangs)
    script = subprocess.Popen([image / "deploy/start.sh"], env={**os.environ, "TMPDIR": str(disk), "TTS_ENGINE": "f5"},
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True)
    assert script.stdout
    if end == "while it runs":
        models = Path(script.stdout.readline().strip())
        assert models.parent.parent == disk
        take(root, disk)
        assert models.is_dir()  # held by the worker that the script became
    else:
        until(lambda: [*disk.glob("f5-worker-*/python")])
    os.killpg(script.pid, 9)
    script.wait()
    script.stdout.close()
    take(root, disk)
    assert [*disk.iterdir()] == []


def take(root: Path, disk: Path) -> None:
    """The next start, and its orderly end."""
    assert start(root, disk, "-c", "from worker import scratch; scratch.give_back(scratch.take())").wait(60) == 0
