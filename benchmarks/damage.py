"""`./run bench damage`: a volume whose full environment loses a file, from each of many random packages in turn.

Each time the worker is started as its image does, with a tiny F5-TTS and one job; once with the file gone, and once
more. The first start has to do the job or repair itself, or say what is wrong; after the second the file is back.
Models that are cut short need a hub to be fetched from: tests/deploy/test_damage.py has one.

    --root FOLDER  where the environment is built, 9 GB, and kept (default: a temporary folder)
    --packages N   (20)   --seed N   (1)
"""
from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.doubles.f5 import make_f5

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "damage.json"
JOB = {"input": {"text": "A short line.", "nfe_step": 4, "timing_format": "srt"}}
_NAMED_WITHIN_S = 90.0


@dataclass(frozen=True)
class Start:
    job_done: bool
    named: bool
    repaired: bool
    wall_s: float


@dataclass(frozen=True)
class Case:
    package: str
    file: str
    first: Start
    second: Start
    is_back: bool


class Volume:
    """A folder with an environment and a tiny model, and the worker on it."""

    def __init__(self, root: Path, models: Path) -> None:
        tiny = make_f5(models)
        self._env = {**os.environ, "VENV_ROOT": str(root), "MODELS_DIR": str(models), "FETCH_MODELS": "f5 vocos",
                     "F5_ARCHITECTURE": tiny.architecture, "TTS_ENGINE": "f5", "DEVICE": "cpu"}
        python = subprocess.run([sys.executable, ROOT / "setup_network_venv.py", "--profile", "full"], env=self._env,
                                check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        self.site = next(Path(python).parents[1].glob("lib/python*/site-packages"))

    def start(self, lost: str | None) -> Start:
        """Until its job is done or it has given up, and `lost` has been named or there was time for it."""
        with tempfile.TemporaryDirectory() as data, tempfile.NamedTemporaryFile() as output:
            began = time.monotonic()
            process = subprocess.Popen(
                [ROOT / "deploy/start.sh", "--test_input", json.dumps(JOB)], cwd=data, stdout=output, stderr=output,
                env={**self._env, "DATA_DIR": data}, start_new_session=True)
            process.wait(600)
            wall_s = time.monotonic() - began

            def log() -> str:
                return Path(output.name).read_text(errors="replace")

            def names_it() -> bool:
                return lost is not None and any("damaged:" in line and lost in line for line in log().splitlines())

            while lost and not names_it() and time.monotonic() - began - wall_s < _NAMED_WITHIN_S:
                time.sleep(0.5)
            os.killpg(process.pid, signal.SIGTERM)  # the part that keeps the environment's files young
            return Start("'status': 'completed'" in log(), names_it(), "verifying its packages" in log(),
                         round(wall_s, 1))

    def lost(self, seed: int, n_packages: int) -> Iterator[tuple[str, Path]]:
        """Packages and a file of each; the next is chosen when the one before is whole again."""
        chosen = random.Random(seed)
        for info in chosen.sample(sorted(self.site.glob("*.dist-info")), n_packages):
            with (info / "RECORD").open(newline="") as record:
                files = [self.site / row[0] for row in csv.reader(record) if row and not row[0].endswith(".pyc")]
            yield info.name.removesuffix(".dist-info"), chosen.choice(
                [file for file in files if file.is_file() and file.is_relative_to(self.site)])


def digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def case(volume: Volume, package: str, path: Path) -> Case:
    whole, name = digest(path), str(path.relative_to(volume.site))
    path.unlink()
    first, second = volume.start(name), volume.start(None)
    return Case(package, name, first, second, digest(path) == whole)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench damage", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--packages", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args(argv)
    cases = []
    with tempfile.TemporaryDirectory() as folder:
        volume = Volume(arguments.root or Path(folder, "venvs"), Path(folder, "models"))
        before = volume.start(None)
        for package, path in volume.lost(arguments.seed, arguments.packages):
            cases.append(case(volume, package, path))
            print(json.dumps(asdict(cases[-1])), flush=True)
    found: dict[str, Any] = {"seed": arguments.seed, "whole": asdict(before), "cases": [asdict(case) for case in cases]}
    RESULT.write_text(json.dumps(found, indent=1) + "\n")
    silent = [case for case in cases if not (case.first.named or case.first.repaired)
              or not (case.second.job_done and case.is_back)]
    print(f"{len(cases)} packages: {len(silent)} neither named nor healed")
    return 1 if silent else 0
