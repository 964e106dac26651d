"""`./run bench transcribe`: what knowing the text is worth, and what the service bears.

The same recording is transcribed (recognised, then aligned) and aligned to its known text, with the same models, in
one process: real-time factors and peak memory. Then the service itself, with no worker, so that only its door is
measured: uploads of 1 MB at once, and polling of one job. And jobs that outlive kill -9.

    --seconds N    of audio (default 60)      --uploads N  (default 200)      --jobs N to kill among (default 50)
"""
from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from intake import audio
from tests.transcription.serving import NATURE, Served, finished, nature, serve, submit, wait_until
from transcription.settings import Settings
from transcription.speech.engines import Engines
from transcription.speech.pipeline import Run, transcribe
from transcription.speech.recognise import RATE_HZ
from transcription.speech.requests import JobRequest

ROOT = Path(__file__).resolve().parents[1]
POLL_S = 10.0


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench transcribe")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--uploads", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=50)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/transcribe.json")
    arguments = parser.parse_args(argv)
    results: dict[str, Any] = {"machine": {"cpu_count": os.cpu_count(), "python": platform.python_version(),
                                           "load_1min_at_start": os.getloadavg()[0]}}
    parts: Mapping[str, Callable[[], dict[str, Any]]] = {
        "pipeline": lambda: pipeline(arguments.seconds), "door": lambda: door(arguments.uploads),
        "kill": lambda: kill(arguments.jobs)}
    for name, measure in parts.items():
        results[name] = measure()
        print(name, json.dumps(results[name]), file=sys.stderr)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))
    return 0


def pipeline(seconds: int) -> dict[str, Any]:
    """Recognise and align against align alone."""
    once = audio.decode(nature(), max_duration_s=60, to_hz=RATE_HZ).samples
    times = max(1, seconds * RATE_HZ // len(once))
    samples = np.tile(once, times)
    engines = Engines(Settings())
    known = " ".join([NATURE] * times)
    found: dict[str, Any] = {"audio_s": round(len(samples) / RATE_HZ, 1), "engine": engines.can.engine}
    for name, request in (("recognise_and_align", JobRequest(language="en")),
                          ("align_known_text", JobRequest(language="en", initial_transcript=known))):
        warm = JobRequest(language="en", initial_transcript=request.initial_transcript and NATURE)
        transcribe(warm, once, engines, Run(lambda: None, lambda stage, share: None))
        started, run = time.process_time(), Run(lambda: None, lambda stage, share: None)
        transcribe(request, samples, engines, run)
        cpu_s = time.process_time() - started
        found[name] = {"cpu_s": round(cpu_s, 2), "real_time_factor": round(cpu_s * RATE_HZ / len(samples), 4),
                       "stages_ms": run.stages_ms}
    found["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000, 1)
    return found


def door(n_uploads: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder), WORKERS="0", POLL_LIMIT_PER_MINUTE="0",
                                                        MAX_QUEUED="100000") as served:
        before_mb = resident_mb(served)
        body = nature()[:44] + bytes(1_000_000)
        with ThreadPoolExecutor(n_uploads) as pool, served.client(
                limits=httpx.Limits(max_connections=n_uploads)) as client:
            answers = list(pool.map(lambda _: timed(client, body), range(n_uploads)))
            after_mb = resident_mb(served)
            list(pool.map(lambda _: timed(client, body), range(n_uploads)))
        return {"uploads_of_1_mb": spread(answers), "polling": poll(served),
                "resident_mb": {"before": before_mb, "after": after_mb, "after_as_many_again": resident_mb(served)}}


def timed(client: httpx.Client, body: bytes) -> tuple[int, float]:
    started = time.monotonic()
    status = client.post("/api/v1/jobs/upload", files={"audio_file": body}, timeout=300).status_code
    return status, time.monotonic() - started


def spread(answers: list[tuple[int, float]]) -> dict[str, Any]:
    seconds = [took for _, took in answers]
    cuts = statistics.quantiles(seconds, n=20)
    return {"count": len(answers), "errors": sum(status != 202 for status, _ in answers),
            "p50_s": round(cuts[9], 3), "p95_s": round(cuts[18], 3)}


def poll(served: Served) -> dict[str, Any]:
    """`GET /api/v1/jobs/{id}`, one after the other, and what each costs the service: the client is the slower one."""
    before_s = cpu_s(served)
    with served.client() as client:
        url = f"{served.url}/api/v1/jobs/{submit(client, nature())['job_id']}"
        count, end = 0, time.monotonic() + POLL_S
        while time.monotonic() < end:
            count += client.get(url).status_code == 200
    cost_s = (cpu_s(served) - before_s) / count
    return {"client": "httpx, one connection", "requests_per_minute": round(count * 60 / POLL_S),
            "service_cpu_ms_per_request": round(cost_s * 1000, 2), "requests_per_minute_of_one_cpu": round(60 / cost_s)}


def kill(n_jobs: int) -> dict[str, Any]:
    """kill -9 of the service at work, twice; every job done, none twice."""
    with tempfile.TemporaryDirectory() as name:
        folder, ids = Path(name), []
        for index in range(3):
            with serve(folder) as served, served.client() as client:
                if not index:
                    ids = [submit(client, nature(), initial_transcript=NATURE)["job_id"] for _ in range(n_jobs)]
                goal = n_jobs * (index + 1) // 3
                wait_until(lambda goal=goal, client=client: completed(client) >= goal, 300)
                if index < 2:
                    served.kill()
                else:
                    status = Counter(finished(client, job_id)["status"] for job_id in ids)
        lines = [json.loads(line) for log in folder.glob("*.log") for line in log.read_text().splitlines()
                 if line.startswith("{")]
        times = Counter(line["job_id"] for line in lines if line.get("action") == "job_completed")
        return {"jobs": n_jobs, "kills": 2, "by_status": dict(status), "completed_twice": sum(
            count > 1 for count in times.values())}


def completed(client: httpx.Client) -> int:
    return int(client.get("/api/v1/metrics/jobs").json()["by_status"]["completed"])


def cpu_s(served: Served) -> float:
    """User and system time of the service's process."""
    fields = Path(f"/proc/{served.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(served: Served) -> float:
    done = subprocess.run(["ps", "-o", "rss=", "-p", str(served.process.pid)], capture_output=True, text=True,
                          check=True)
    return round(int(done.stdout) / 1000, 1)
