"""RunPod's publishing guide asks for a handler.py; the image starts the worker's own, runpod_handler.py."""
from __future__ import annotations

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).resolve().parents[1] / "runpod_handler.py"), run_name="__main__")
