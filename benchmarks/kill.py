"""`./run bench kill`: workers are killed at random instants while they do jobs; nothing may be lost or done twice.

The SDK's real loop, the embedded engine, a real S3 server, and a RunPod on loopback that hands the jobs of a
dead worker out again. Half of the workers are of another version of the code, with a field more in the request and in
the record and another default, and every worker's clock is wrong by up to ten minutes.
"""
from __future__ import annotations

import argparse
import json
import os
import platform as machine
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from tests.doubles.runpod import Platform, Worker
from tests.doubles.s3 import S3Server, start_s3

ROOT = Path(__file__).resolve().parents[1]
KEYS = {"bench-key": "bench-secret"}
BUCKET = "killed-workers"
IMAGE = ("runpod_handler.py", "s3_utils.py", "storage", "text", "intake", "tts", "timing", "captions", "worker")
MAX_CLOCK_S = 600
WRONG_CLOCK = """
import runpy, sys, time
now, ahead_s, handler = time.time, float(sys.argv[1]), sys.argv[2]
time.time = lambda: now() + ahead_s
sys.argv = [handler]
sys.path.insert(0, handler.rpartition("/")[0])
runpy.run_path(handler, run_name="__main__")
"""
TEXTS = ("One short line.", "A somewhat longer line, with a pause. [pause:300ms] And an end.", "Several words. " * 40)


@dataclass
class Outcome:
    """`problems` is empty when all is well; `killed_in` counts where the kills fell, by the record's stage."""

    kills: int = 0
    jobs: int = 0
    seconds: float = 0.0
    killed_in: Counter[str] = field(default_factory=Counter)
    attempts: Counter[int] = field(default_factory=Counter)
    finished_by: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def another_version(folder: Path) -> Path:
    """A copy of the worker as a later release might be."""
    for name in IMAGE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, folder / name)
    for name, old, new in (
            ("worker/__init__.py", 'VERSION = "', 'VERSION = "99.'),
            ("worker/requests.py", "url_expires_s: ExpiresS = 3600", "url_expires_s: ExpiresS = 7200"),
            ("worker/requests.py", "class Recorded(Request):",
             "class Recorded(Request):\n    a_newer_field: bool = True"),
            ("worker/records.py", "    renewals: int = 0\n", "    renewals: int = 0\n    a_newer_field: int = 1\n")):
        text = (folder / name).read_text()
        assert old in text, f"{name} has changed; so must this"
        (folder / name).write_text(text.replace(old, new, 1))
    return folder


def kill_workers(kills: int, seed: int) -> Outcome:
    """Kills `kills` workers, lets a last one finish, and looks at what is in the bucket."""
    with tempfile.TemporaryDirectory() as folder:
        return _kill_workers(kills, seed, (ROOT, another_version(Path(folder))))


def _kill_workers(kills: int, seed: int, versions: tuple[Path, Path]) -> Outcome:
    chance, outcome, started = random.Random(seed), Outcome(), time.monotonic()
    s3 = start_s3(KEYS, [BUCKET])
    bucket = boto3.client("s3", endpoint_url=s3.endpoint_url, aws_access_key_id="bench-key",
                          aws_secret_access_key="bench-secret", region_name="us-east-1")
    with Platform(max_attempts=10_000, poll_s=5.0) as platform:
        env = {"TTS_ENGINE": "espeak", "S3_BUCKET": BUCKET, "AWS_ENDPOINT_URL": s3.endpoint_url, "LEASE_S": "1",
               "AWS_ACCESS_KEY_ID": "bench-key", "AWS_SECRET_ACCESS_KEY": "bench-secret", "CONCURRENCY": "2"}
        submitted: list[str] = []

        def start() -> Worker:
            handler, ahead_s = chance.choice(versions) / "runpod_handler.py", chance.uniform(-MAX_CLOCK_S, MAX_CLOCK_S)
            return platform.start_worker([sys.executable, "-c", WRONG_CLOCK, str(ahead_s), handler], env=env, cwd=ROOT)

        while outcome.kills < kills:
            while len([job for job in submitted if not platform.jobs[job].finished.is_set()]) < 4:
                submitted.append(f"job-{len(submitted)}")
                platform.submit({"text": chance.choice(TEXTS), "timing_format": "all"}, submitted[-1])
            handed = sum(event.kind == "handed" for event in platform.events)
            worker = start()
            platform.until("handed", timeout_s=60, count=handed + 1)
            time.sleep(chance.uniform(0.0, 3.0))  # a dead worker's job is taken over after a lease's second
            worker.kill()
            outcome.kills += 1
            outcome.killed_in.update(stages(bucket, [j for j in submitted if not platform.jobs[j].finished.is_set()]))
            if outcome.kills % 10 == 0:
                print(f"{outcome.kills} of {kills} kills, {len(submitted)} jobs", file=sys.stderr, flush=True)
        start()
        results = {job: platform.wait(job, 120) for job in submitted}
        for job, result in results.items():
            outcome.problems += faults(bucket, s3, job, result)
            outcome.attempts[record(bucket, job)["attempt"]] += 1
            outcome.finished_by[record(bucket, job)["version"]] += 1
            outcome.problems += [f"{job}: RunPod got {body['error']}" for body in platform.results.get(job, [])
                                 if "error" in body]
        known = [job.id for job in platform.jobs.values()]
        outcome.problems += [f"{job}: completed twice" for job in known if len(completions(platform, job)) > 1]
    outcome.jobs, outcome.seconds = len(submitted), round(time.monotonic() - started, 1)
    s3.stop()
    return outcome


def completions(platform: Platform, job: str) -> set[str]:
    """The different results that were posted; a worker killed between storing and posting leaves its job to be
    handed out once more, and the answer must then be the stored one."""
    return {body["output"]["sha256"] for body in platform.results.get(job, []) if "output" in body}


def record(bucket: Any, job: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bucket.get_object(Bucket=BUCKET, Key=f"jobs/{job}.json")["Body"].read())
    return found


def stages(bucket: Any, jobs: list[str]) -> list[str]:
    """Where the unfinished jobs stand in the store at this instant."""
    found = []
    for job in jobs:
        try:
            seen = record(bucket, job)
            found.append("completed, not answered" if seen["status"] == "completed" else seen["stage"])
        except bucket.exceptions.NoSuchKey:
            found.append("not begun")
    return found


def faults(bucket: Any, s3: S3Server, job: str, result: dict[str, Any]) -> list[str]:
    """What is wrong with one finished job: with its answer, its record, its files, or what came after."""
    if "error" in result:
        return [f"{job}: {result['error']}"]
    kept, output = record(bucket, job), result["output"]
    found = [] if kept["status"] == "completed" else [f"{job}: the record says {kept['status']}"]
    keys = [kept["output"]["audio_key"], *kept["output"]["timing_keys"].values()]
    for key in keys:
        if not bucket.get_object(Bucket=BUCKET, Key=key)["Body"].read():
            found.append(f"{job}: {key} is empty")
    if output["sha256"] != kept["output"]["sha256"]:
        found.append(f"{job}: the answer is not the stored result")
    writes = [seen.key for seen in s3.seen if seen.method == "PUT" and job in seen.key.split("/")[-1].split(".")
              and seen.status == 200]
    last_record = max(index for index, key in enumerate(writes) if key.startswith("jobs/"))
    if last_record != len(writes) - 1:
        found.append(f"{job}: files were written after the job was completed")
    return found


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench kill")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args(argv)
    outcome = kill_workers(arguments.kills, arguments.seed)
    figures = outcome.__dict__ | {"machine": f"{os.cpu_count()} cores, {machine.machine()}"}
    print(json.dumps(figures, indent=2))
    results = ROOT / "benchmarks" / "results"
    results.mkdir(parents=True, exist_ok=True)
    (results / "kill.json").write_text(json.dumps(figures, indent=2) + "\n")
    return 1 if outcome.problems else 0
