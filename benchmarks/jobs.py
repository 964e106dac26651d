"""`./run bench jobs`: many short jobs through the SDK's real loop, and what the worker adds to each.

A worker process with the embedded engine and a real S3 server takes its jobs from a RunPod on loopback. A job's
time is split at the handler's door and at the calls of engine and store:

    platform_ms   from the moment the platform hands the job out until it has the result
    sdk_ms        the part of it before the handler is entered and after it is left
    engine_ms     Engine.speak
    store_ms      requests to the store that the job itself waits for (not the lease's, which run beside it)
    added_ms      the rest: reading the request, threads, text, times, captions, encoding, signing URLs, JSON

`pause_ms`, from one result until the next job is handed out, is the SDK's own: at concurrency 1 it looks for the
next job once a second.
"""
from __future__ import annotations

import argparse
import json
import os
import platform as machine
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.doubles.runpod import Event, Platform, Worker
from tests.doubles.s3 import start_s3

ROOT = Path(__file__).resolve().parents[1]
KEYS = {"bench-key": "bench-secret"}
INPUT = {"text": "Hello there, this is a short line.", "timing_format": "srt", "seed": 1}
REQUESTS = ("put", "put_if_absent", "put_if_match", "get", "get_with_etag", "head", "list", "delete")
GOAL_ADDED_MS = 15.0


class Clocked:
    """A part of the worker; `spent` gets the seconds of each call under the job of the thread that made it."""

    def __init__(self, part: Any, spent: dict[tuple[str | None, str], float]) -> None:
        self._part, self._spent = part, spent

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        if not callable(found):
            return found

        def timed(*arguments: Any, **options: Any) -> Any:
            from worker import logs

            started = time.monotonic()
            try:
                return found(*arguments, **options)
            finally:
                self._spent[logs.job_id.get(), name] += time.monotonic() - started

        return timed


def work(log: Path) -> int:
    """The worker's own `main`, with clocks at the handler's door, the engine and the store."""
    import runpod_handler

    spent: dict[tuple[str | None, str], float] = defaultdict(float)
    make = runpod_handler.make_handler
    make_store, make_engine = runpod_handler.open_store, runpod_handler._engine
    runpod_handler.open_store = lambda settings: Clocked(make_store(settings), spent)
    runpod_handler._engine = lambda settings: Clocked(make_engine(settings), spent)

    def make_clocked(parts: runpod_handler.Parts) -> runpod_handler.Handler:
        handler = make(parts)

        async def clocked(job: Mapping[str, Any]) -> dict[str, Any]:
            entered = time.monotonic()
            output = await handler(job)
            line = {"id": job["id"], "entered": entered, "left": time.monotonic(),
                    "spent": {name: spent.pop((owner, name)) for owner, name in list(spent) if owner == job["id"]}}
            with log.open("a") as file:
                file.write(json.dumps(line) + "\n")
            return output

        return clocked

    runpod_handler.make_handler = make_clocked
    return runpod_handler.main()


def measure(n_jobs: int, concurrency: int) -> dict[str, Any]:
    """One worker, all jobs queued at once."""
    bucket = f"bucket-{concurrency}"
    s3 = start_s3(KEYS, [bucket])
    with Platform(poll_s=5.0) as platform, tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "jobs.jsonl"
        worker = platform.start_worker(
            [sys.executable, "-m", "benchmarks.jobs", "--worker", log], cwd=ROOT, env={
                "TTS_ENGINE": "espeak", "S3_BUCKET": bucket, "AWS_ENDPOINT_URL": s3.endpoint_url,
                "AWS_ACCESS_KEY_ID": "bench-key", "AWS_SECRET_ACCESS_KEY": "bench-secret",
                "CONCURRENCY": str(concurrency), "PYTHONPATH": str(ROOT)})
        platform.until("take", timeout_s=120)
        platform.run(INPUT, job_id="first", timeout_s=60)
        resident_mb = {"start": resident(worker)}
        ids = [f"job-{index}" for index in range(n_jobs)]
        for job in ids:
            platform.submit(INPUT, job)
        for count in sorted({min(100, n_jobs), n_jobs}):
            platform.until("result", timeout_s=5.0 * n_jobs + 120, count=count + 1)
            resident_mb[f"after {count}"] = resident(worker)
        failed = [job for job in ids if "error" in platform.wait(job)]
        jobs = {line["id"]: line for line in map(json.loads, log.read_text().splitlines())}
        events = list(platform.events)
    s3.stop()
    return {"concurrency": concurrency, "jobs": n_jobs, "failed": len(failed), "resident_mb": resident_mb,
            **figures(ids, jobs, events)}


def resident(worker: Worker) -> float:
    pages = int(Path(f"/proc/{worker.process.pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGESIZE") / 1e6, 1)


def figures(ids: Sequence[str], jobs: Mapping[str, Mapping[str, Any]], events: Sequence[Event]) -> dict[str, Any]:
    handed = {event.job_id: event.at_s for event in events if event.kind == "handed"}
    done = {event.job_id: event.at_s for event in events if event.kind == "result"}
    parts: dict[str, list[float]] = defaultdict(list)
    for job in ids:
        line = jobs[job]
        engine_s, inside_s = line["spent"]["speak"], line["left"] - line["entered"]
        store_s = sum(line["spent"].get(name, 0.0) for name in REQUESTS)
        split = {"platform_ms": done[job] - handed[job], "sdk_ms": done[job] - handed[job] - inside_s,
                 "engine_ms": engine_s, "store_ms": store_s, "added_ms": inside_s - engine_s - store_s}
        for name, seconds in split.items():
            parts[name].append(seconds * 1000)
    ends, begins = sorted(done[job] for job in ids), sorted(handed[job] for job in ids)
    pauses = [(begin - end) * 1000 for end, begin in zip(ends, begins[1:], strict=False) if begin > end]
    if pauses:
        parts["pause_ms"] = pauses
    return {"jobs_per_s": round(len(ids) / (ends[-1] - begins[0]), 2),
            **{name: spread(values) for name, values in parts.items()}}


def spread(values: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100, method="inclusive") if len(values) > 1 else list(values) * 99
    return {"p50": round(cuts[49], 1), "p95": round(cuts[94], 1)}


def table(runs: Sequence[Mapping[str, Any]]) -> str:
    names = ("platform_ms", "sdk_ms", "engine_ms", "store_ms", "added_ms", "pause_ms")
    lines = [f"{'concurrency':>11} {'jobs':>5} {'jobs/s':>7} " + " ".join(f"{name:>15}" for name in names)
             + "  resident MB"]
    for run in runs:
        cells = " ".join(f"{run[name]['p50']:>7.1f}/{run[name]['p95']:>7.1f}" if name in run else f"{'-':>15}"
                         for name in names)
        memory = ", ".join(f"{when} {size:g}" for when, size in run["resident_mb"].items())
        lines.append(f"{run['concurrency']:>11} {run['jobs']:>5} {run['jobs_per_s']:>7.2f} {cells}  {memory}")
    return "\n".join([*lines, f"p50/p95; the goal is added_ms p50 <= {GOAL_ADDED_MS:g} at concurrency 1"])


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench jobs")
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.worker:
        return work(arguments.worker)
    runs = [measure(arguments.jobs, concurrency) for concurrency in arguments.concurrency]
    print(table(runs))
    results = ROOT / "benchmarks" / "results"
    results.mkdir(parents=True, exist_ok=True)
    report = {"machine": f"{os.cpu_count()} cores, {machine.machine()}, Python {machine.python_version()}",
              "input": INPUT, "runs": runs}
    (results / "jobs.json").write_text(json.dumps(report, indent=2) + "\n")
    return 1 if any(run["failed"] for run in runs) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
