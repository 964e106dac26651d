"""Runs the worker in this process: `launch.py runpod_handler.py ARGUMENTS`.

A start that ends in an exception may lack a file of a package: then its packages are verified and repaired, and it is
tried once more. The start script cannot do that, since the worker takes its place.
"""
from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from types import FrameType

SETUP = Path(__file__).resolve().parents[1] / "setup_network_venv.py"
REPAIRED = "WORKER_PACKAGES_REPAIRED"


def stop(signum: int, frame: FrameType | None) -> None:
    """Until the worker has its own: the first process of a container ignores a signal that it does not handle."""
    os._exit(128 + signum)


def main() -> None:
    signal.signal(signal.SIGTERM, stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # The start script has kept it back.
    handler = Path(sys.argv[1]).resolve()
    sys.path[0] = str(handler.parent)
    arguments, sys.argv = sys.argv, sys.argv[1:]
    try:
        runpy.run_path(str(handler), run_name="__main__")
    except Exception:
        if REPAIRED in os.environ:
            raise
        traceback.print_exc()
        repair()
        os.execve(sys.executable, [sys.executable, *arguments], {**os.environ, REPAIRED: "1"})  # noqa: S606


def repair() -> None:
    """By the Python that the environment was made with; what it finds and mends stands in the log."""
    environment = Path(sys.prefix)
    print("[start] the worker failed to start: verifying its packages", file=sys.stderr, flush=True)
    subprocess.run([os.path.realpath(sys.executable), SETUP, "--root", environment.parent, "--profile",
                    environment.name.split("-")[1], "--repair"], stdout=subprocess.DEVNULL, check=False)


main()
