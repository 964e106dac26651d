"""`./run bench cancel`: long jobs cancelled at random instants, and how long each goes on after that.

The real handler with the embedded engine, a folder as its store and a host on this machine:

    opus, loudness   a long text as opus, as it is and at -16 LUFS
    align            a recording and its text
    upload           a long recording with its text becomes a voice

Each job is done once to the end; then it is begun anew for every instant, which is drawn from its share of that time,
so that all of it is covered. A row has the median, the worst, and the stage that the job was in at the worst.
"""
from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform as machine
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import soundfile

import runpod_handler
from tests.doubles.host import Host, start_host
from tests.doubles.speech import spoken_wav
from worker.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
SENTENCE = "The harbour was quiet when the first boats came in, and nobody had slept at all that night. "
SPOKEN_AT_ONCE, MOST_S = 4, 1.0


@dataclass(frozen=True)
class Row:
    """`whole_s`: the job to its end. `late_s`: from each cancel until the job ended, in the order of the instants."""

    job: str
    whole_s: float
    late_s: list[float]
    stages: list[str]

    @property
    def worst(self) -> int:
        return max(range(len(self.late_s)), key=self.late_s.__getitem__)


@dataclass(frozen=True)
class Sizes:
    """How long the jobs are: the characters of the text, the seconds of the recordings."""

    characters: int = 100_000
    align_s: float = 600.0
    upload_s: float = 300.0


def recording(path: Path, seconds: float) -> str:
    """Writes so long a recording, and returns its text. It is made of one piece, said again and again."""
    path.write_bytes(spoken_wav(SENTENCE * SPOKEN_AT_ONCE))
    piece, rate_hz = soundfile.read(path, dtype="float32")
    times = max(1, round(seconds * rate_hz / len(piece)))
    soundfile.write(path, np.tile(piece, times), rate_hz, subtype="PCM_16")
    return SENTENCE * SPOKEN_AT_ONCE * times


def jobs(sizes: Sizes, host: Host, folder: Path) -> dict[str, dict[str, Any]]:
    text = SENTENCE * (sizes.characters // len(SENTENCE))
    spoken = {"text": text, "audio_format": "opus", "timing_format": "all", "return_word_timings": True, "seed": 1}
    heard = {name: recording(folder / f"{name}.wav", seconds) for name, seconds in (
        ("align", sizes.align_s), ("upload", sizes.upload_s))}
    host.files |= {f"/{name}.wav": (folder / f"{name}.wav").read_bytes() for name in heard}
    return {
        "opus": spoken,
        "loudness": {**spoken, "loudness_lufs": -16},
        "align": {"endpoint": "align", "audio_url": f"{host.url}/align.wav", "text": heard["align"]},
        "upload": {"endpoint": "upload", "voice_name": "long", "overwrite": True, "reference_text": heard["upload"],
                   "voice_file_url": f"{host.url}/upload.wav"},
    }


class Worker:
    """Does one job at a time, and knows its stage."""

    def __init__(self, folder: Path, host: Host) -> None:
        self._n_jobs = 0
        self.stage = ""
        settings = Settings(data_dir=folder / "data", models_dir=folder / "models", job_deadline_s=3600,
                            url_allow_hosts=frozenset({host.authority}))
        self._handler = runpod_handler.make_handler(runpod_handler.build_parts(settings))

    def reported(self, stage: str, progress: float) -> None:
        self.stage = stage

    async def run(self, fields: Mapping[str, Any], cancel_after_s: float | None = None) -> tuple[float, str]:
        """Seconds of the job, or from its cancel to its end, and its stage then; `done` when it had ended before."""
        self._n_jobs, self.stage = self._n_jobs + 1, str(fields.get("endpoint", "begin"))
        began = time.monotonic()
        job = asyncio.ensure_future(self._handler({"id": f"job-{self._n_jobs}", "input": dict(fields)}))
        await asyncio.wait([job], timeout=cancel_after_s)
        if job.done():
            if "error" in job.result():
                raise RuntimeError(job.result()["error"])
            return time.monotonic() - began, "done"
        stage, began = self.stage, time.monotonic()
        job.cancel()
        with suppress(asyncio.CancelledError):
            await job
        return time.monotonic() - began, stage


def measure(names: list[str], n_instants: int, seed: int, sizes: Sizes) -> Iterator[Row]:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder, start_host({}) as host:
        worker, made = Worker(Path(folder), host), jobs(sizes, host, Path(folder))
        with mock.patch.object(runpod_handler, "_unreported", worker.reported):
            for name in names:
                whole_s, _ = asyncio.run(worker.run(made[name]))
                found = [asyncio.run(worker.run(made[name], (step + chance.random()) * whole_s / n_instants))
                         for step in range(n_instants)]
                found = [each for each in found if each[1] != "done"]
                yield Row(name, round(whole_s, 2), [round(late_s, 3) for late_s, _ in found],
                          [stage for _, stage in found])


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench cancel")
    parser.add_argument("--instants", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--characters", type=int, default=Sizes.characters)
    parser.add_argument("--align-s", type=float, default=Sizes.align_s)
    parser.add_argument("--upload-s", type=float, default=Sizes.upload_s)
    parser.add_argument("--jobs", nargs="+", default=["opus", "loudness", "align", "upload"])
    chosen = parser.parse_args(argv)
    sizes = Sizes(chosen.characters, chosen.align_s, chosen.upload_s)
    rows = []
    for row in measure(chosen.jobs, chosen.instants, chosen.seed, sizes):
        rows.append(row)
        print(f"{row.job:<9} {row.whole_s:>7.1f} s whole, {len(row.late_s):>3} cancels: ended after "
              f"{statistics.median(row.late_s):.2f} s (p50), {row.late_s[row.worst]:.2f} s at worst, "
              f"in stage {row.stages[row.worst]}", flush=True)
    results = ROOT / "benchmarks" / "results"
    results.mkdir(parents=True, exist_ok=True)
    report = {"machine": f"{os.cpu_count()} cores, {machine.machine()}", "load": os.getloadavg(), "seed": chosen.seed,
              "sizes": asdict(sizes), "rows": [asdict(row) for row in rows]}
    (results / "cancel.json").write_text(json.dumps(report, indent=1) + "\n")
    return 1 if any(row.late_s[row.worst] > MOST_S for row in rows) else 0
