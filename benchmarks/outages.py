"""`./run bench outages`: the storage fails at each write of a job for a while; the job must be done all the same.

RunPod's real loop and its double, the embedded engine, a real S3 server. Five jobs run at a time, one for each write:
from that write on every request about the job fails, by turns with a 500, with a broken connection and by silence. What
is silent is found out by a timeout, so that job is done later than the others.
"""
from __future__ import annotations

import argparse
import itertools
import json
import os
import platform as machine
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.doubles.runpod import Platform
from tests.doubles.s3 import Outage, start_s3

ROOT = Path(__file__).resolve().parents[1]
KEYS = {"bench-key": "bench-secret"}
WRITES = {"begin": ("jobs/{}.json", b""), "audio": ("output/{}.wav", b""), "words": ("timings/{}.words.json", b""),
          "timing": ("timings/{}.srt", b""), "finish": ("jobs/{}.json", b'"completed"')}
INPUT = {"text": "Hello there, this is a short line.", "timing_format": "srt", "seed": 1}


def measure(lasts_s: list[float]) -> list[dict[str, Any]]:
    """One row for each outage and write; `late_s` is from the storage's return until RunPod has the result."""
    s3 = start_s3(KEYS, ["bucket"])
    with Platform(poll_s=5.0) as platform:
        platform.start_worker([sys.executable, ROOT / "runpod_handler.py"], cwd=ROOT, env={
            "TTS_ENGINE": "espeak", "S3_BUCKET": "bucket", "AWS_ENDPOINT_URL": s3.endpoint_url, "CONCURRENCY": "8",
            "AWS_ACCESS_KEY_ID": "bench-key", "AWS_SECRET_ACCESS_KEY": "bench-secret"})
        platform.run(INPUT, job_id="first", timeout_s=120)
        kinds = itertools.cycle(("error", "reset", "silence"))
        rows = [row for seconds in lasts_s for row in _at_each_write(platform, s3, seconds, kinds)]
    s3.stop()
    return rows


def _at_each_write(platform: Platform, s3: Any, lasts_s: float, kinds: Iterator[str]) -> list[dict[str, Any]]:
    jobs = {write: f"{write}-{lasts_s:g}".replace(".", "_") for write in WRITES}
    outages = {write: Outage(key.format(jobs[write]), lasts_s, f"*{jobs[write]}.*", body, next(kinds))  # type: ignore[arg-type]
               for write, (key, body) in WRITES.items()}
    s3.outages[:] = outages.values()
    for job in jobs.values():
        platform.submit(INPUT, job)
    rows = []
    for write, job in jobs.items():
        result = platform.wait(job, lasts_s + 120)
        done = next(event.at_s for event in platform.events if event.kind == "result" and event.job_id == job)
        back = (outages[write].began_at or 0.0) + lasts_s
        rows.append({"outage_s": lasts_s, "write": write, "kind": outages[write].kind, "error": result.get("error"),
                     "failed_requests": outages[write].n_requests, "late_s": round(done - back, 1)})
    return rows


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench outages")
    parser.add_argument("--seconds", type=float, nargs="+", default=[0.5, 4.0, 20.0, 60.0])
    rows = measure(parser.parse_args(argv).seconds)
    for row in rows:
        print(f"{row['outage_s']:>6g} s at {row['write']:<7} {row['kind']:<6} {row['failed_requests']:>4} failed, "
              f"done {row['late_s']:>5.1f} s after the return: {row['error'] or 'completed'}")
    results = ROOT / "benchmarks" / "results"
    results.mkdir(parents=True, exist_ok=True)
    report = {"machine": f"{os.cpu_count()} cores, {machine.machine()}", "rows": rows}
    (results / "outages.json").write_text(json.dumps(report, indent=2) + "\n")
    return 1 if any(row["error"] for row in rows) else 0
