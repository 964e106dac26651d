"""The tests of the job loop on the newest `runpod`, in an environment of their own: what moved, before the locks do.

    python benchmarks/canary.py [VERSION]

Prints the version and the locked one, whether each name that the worker relies on is where it was, and the tests'
outcome; exits with the tests' code. Standard library only, so that it needs no environment; it makes one below a
temporary folder.
"""
from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = ("tests/worker/test_drain.py", "tests/test_runpod_loop.py")
NAMES = ("serverless.modules.rp_scale:get_job", "serverless.modules.rp_scale:get_stop_signals",
         "serverless.modules.rp_scale:JobScaler", "serverless.modules.rp_http:send_result",
         "serverless.modules.rp_http:stream_result", "serverless.modules.rp_progress:progress_update",
         "serverless:register_fitness_check", "serverless:start", ":RunPodLogger")
"""`module:name` below `runpod`: what worker/drain.py, worker/progress.py and runpod_handler.py take hold of, or what
the SDK does for them."""
_FIND = """
import importlib, importlib.metadata, sys
print("runpod", importlib.metadata.version("runpod"), "where the lock has", sys.argv.pop(1), flush=True)
for entry in sys.argv[1:]:
    module, _, name = entry.partition(":")
    try:
        there = hasattr(importlib.import_module(f"runpod.{module}".rstrip(".")), name)
    except ImportError:
        there = False
    print("here " if there else "MOVED", entry)
"""


def main(argv: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder, "environment")
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        python = environment / "bin" / "python"
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "-r", ROOT / "locks" / "run.txt"], check=True)
        newest = f"runpod=={argv[0]}" if argv else "runpod"
        subprocess.run([*install, "--upgrade", newest, "pytest", "moto[s3,server]", "ruff"], check=True)
        locked = re.findall(r"^runpod==(\S+)", (ROOT / "locks" / "run.txt").read_text(), re.MULTILINE)
        subprocess.run([python, "-c", _FIND, *locked, *NAMES], check=True)
        return subprocess.run([python, "-m", "pytest", "-q", *TESTS], cwd=ROOT,
                              env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
