"""`./run bench stop`: SIGTERM at every phase of a worker that is process 1 of its own PID namespace, as in a container.

The image's start script, with the light environment for its volume, on RunPod's double and an S3 server. The signal
comes at instants spread over the start, and while idle and working; the row says how long the worker lived on, and how
it ended. A running job is finished first: the time counts from its result.
"""
from __future__ import annotations

import argparse
import json
import os
import platform as machine
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import setup_network_venv
from tests.doubles.runpod import Platform, Worker
from tests.doubles.s3 import S3Server, start_s3

ROOT = Path(__file__).resolve().parents[1]
KEYS = {"bench-key": "bench-secret"}
NAMESPACE = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]
JOB = {"text": "Some words to say. " * 20, "timing_format": "all"}
MOST_S = 5.0
PHASES = (("worker ready", "SDK's import"), ("start: marking", "parts built"), ("start: engine", "timing"),
          ("start: store", "engine"))
"""What the log says last -> where the start is."""


@dataclass(frozen=True)
class Row:
    phase: str
    after_s: float
    lived_on_s: float
    status: int


def start(platform: Platform, s3: S3Server, volume: Path) -> Worker:
    return platform.start_worker([*NAMESPACE, ROOT / "deploy" / "start.sh"], cwd=ROOT, env={
        "TTS_ENGINE": "espeak", "VENV_ROOT": str(volume), "S3_BUCKET": "bucket", "AWS_ENDPOINT_URL": s3.endpoint_url,
        "AWS_ACCESS_KEY_ID": "bench-key", "AWS_SECRET_ACCESS_KEY": "bench-secret"})


def process_1(worker: Worker) -> int:
    """As the machine numbers it: the only child of `unshare`, which it is itself for a moment."""
    children = Path(f"/proc/{worker.process.pid}/task/{worker.process.pid}/children")
    while not (found := children.read_text().split()) or b"unshare" in (
            Path(f"/proc/{found[0]}/cmdline").read_bytes()):
        time.sleep(0.005)
    return int(found[0])


def phase_of(platform: Platform, worker: Worker, pid: int) -> str:
    kinds = {event.kind for event in platform.events if event.worker_id == worker.id}
    if kinds & {"handed", "take"}:
        return "working" if "handed" in kinds and "result" not in kinds else "idle"
    log = worker.log_text()
    found = next((phase for line, phase in PHASES if line in log), None)
    return found or ("imports" if b"python" in Path(f"/proc/{pid}/cmdline").read_bytes() else "set-up")


def stop(platform: Platform, worker: Worker, after_s: float) -> Row:
    pid = process_1(worker)
    time.sleep(after_s)
    phase = phase_of(platform, worker, pid)
    asked_at = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    try:
        status = worker.wait(60)
    except subprocess.TimeoutExpired:
        worker.kill()
        status = -signal.SIGKILL
    results = [event.at_s for event in platform.events if event.kind == "result" and event.worker_id == worker.id]
    return Row(phase, round(after_s, 2), round(time.monotonic() - max([asked_at, *results]), 2), status)


def measure(instants: int) -> list[Row]:
    s3 = start_s3(KEYS, ["bucket"])
    with tempfile.TemporaryDirectory() as folder, Platform(poll_s=30.0) as platform:
        volume = Path(folder)
        setup_network_venv.environment_path(volume, "run").symlink_to(sys.prefix)
        began = time.monotonic()
        first = start(platform, s3, volume)
        platform.until("take", timeout_s=120, worker_id=first.id)
        ready_s = time.monotonic() - began
        rows = [stop(platform, first, 0.5)]
        for step in range(instants):
            rows.append(stop(platform, start(platform, s3, volume), step * 1.1 * ready_s / instants))
        for step in range(instants // 4):
            platform.submit(JOB, f"job-{step}")
            worker = start(platform, s3, volume)
            platform.until("handed", f"job-{step}", timeout_s=120)
            rows.append(stop(platform, worker, 0.1 * step))
            if platform.status(f"job-{step}") != "COMPLETED":
                rows.append(Row("the job was lost", 0.0, float("inf"), 0))
    s3.stop()
    return rows


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench stop")
    parser.add_argument("--instants", type=int, default=24)
    rows = measure(parser.parse_args(argv).instants)
    report: dict[str, Any] = {"machine": f"{os.cpu_count()} cores, {machine.machine()}",
                              "rows": [asdict(row) for row in rows]}
    for row in rows:
        print(f"{row.phase:<16} {row.after_s:>6.2f} s after the start: gone {row.lived_on_s:>5.2f} s later, "
              f"status {row.status}")
    results = ROOT / "benchmarks" / "results"
    results.mkdir(parents=True, exist_ok=True)
    (results / "stop.json").write_text(json.dumps(report, indent=2) + "\n")
    return 1 if any(row.lived_on_s > MOST_S for row in rows) else 0
