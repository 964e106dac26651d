"""`./run bench kill`: workers are killed at random instants while they do jobs; nothing may be lost or done twice.

The SDK's real loop, the embedded engine, a real S3 server that keeps every version of every object, and a RunPod on
loopback that hands the jobs of a dead worker out again. Two workers live at a time. Each is of this version, of a later
one (a copy with another default, a format more, and a field more in the request and in the record) or, with
`--earlier COMMIT`, of an earlier one from the history; and its clock is wrong by up to ten minutes.
"""
from __future__ import annotations

import argparse
import json
import os
import platform as machine
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import boto3

from tests.doubles.runpod import IN_PROGRESS, Platform, Worker
from tests.doubles.s3 import S3Server, start_s3

ROOT = Path(__file__).resolve().parents[1]
KEYS = {"bench-key": "bench-secret"}
BUCKET = "killed-workers"
IMAGE = ("runpod_handler.py", "s3_utils.py", "storage", "text", "intake", "tts", "timing", "captions", "worker")
MAX_CLOCK_S = 600
ALIVE, UNFINISHED = 2, 6
PYTHON_CLOCK = """
import os, runpy, sys, time
now, ahead_s, handler = time.time, float(os.environ["WRONG_CLOCK_S"]), sys.argv[1]
time.time = lambda: now() + ahead_s
sys.argv = [handler]
sys.path.insert(0, handler.rpartition("/")[0])
runpy.run_path(handler, run_name="__main__")
"""
"""Where there is no C compiler: `time.time` alone is wrong."""
TEXTS = ("One short line.", "A somewhat longer line, with a pause. [pause:300ms] And an end.", "Several words. " * 20)


@dataclass
class Outcome:
    """`problems` is empty when all is well. `killed_in` counts what each job of a killed worker was at, by its record;
    `redelivered_to_another_version` how many of the `redelivered` ones met another version of the code next."""

    clock: str
    kills: int = 0
    kills_of_working: int = 0
    jobs: int = 0
    seconds: float = 0.0
    redelivered: int = 0
    redelivered_to_another_version: int = 0
    killed_in: Counter[str] = field(default_factory=Counter)
    attempts: Counter[int] = field(default_factory=Counter)
    finished_by: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def later_version(folder: Path) -> Path:
    """A copy of the worker as a later release might be."""
    folder.mkdir()
    for name in IMAGE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, folder / name)
    for name, old, new in (
            ("worker/__init__.py", 'VERSION = "', 'VERSION = "99.'),
            ("worker/requests.py", "url_expires_s: ExpiresS = 3600", "url_expires_s: ExpiresS = 7200"),
            ("captions/__init__.py", 'WRITERS: dict[str, Writer] = {',
             'WRITERS: dict[str, Writer] = {\n    "newer": Writer("newer", "text/plain", transcript.write),'),
            ("worker/requests.py", "class Recorded(Request):",
             "class Recorded(Request):\n    a_newer_field: bool = True"),
            ("worker/records.py", "    renewals: int = 0\n", "    renewals: int = 0\n    a_newer_field: int = 1\n")):
        text = (folder / name).read_text()
        assert old in text, f"{name} has changed; so must this"
        (folder / name).write_text(text.replace(old, new, 1))
    return folder


def earlier_version(folder: Path, commit: str) -> Path:
    """The worker as it was at `commit`, under a version's name that no other has."""
    packed = subprocess.run(["git", "archive", commit, *IMAGE], cwd=ROOT, check=True, capture_output=True).stdout
    folder.mkdir()
    subprocess.run(["tar", "-x"], cwd=folder, check=True, input=packed)
    init = folder / "worker" / "__init__.py"
    init.write_text(init.read_text().replace('VERSION = "', f'VERSION = "{commit}-'))
    return folder


def kill_workers(kills: int, seed: int, earlier: str | None = None) -> Outcome:
    """Kills `kills` workers, lets a last one finish, and looks at what is in the bucket."""
    with tempfile.TemporaryDirectory() as folder:
        versions = [ROOT, later_version(Path(folder, "later"))]
        if earlier:
            versions.append(earlier_version(Path(folder, "earlier"), earlier))
        return _kill_workers(kills, seed, versions, wrong_clock(Path(folder)))


def wrong_clock(folder: Path) -> Path | None:
    """The preloaded clock, compiled; None where there is no compiler."""
    if shutil.which("cc") is None:
        return None
    library = folder / "wrong_clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, ROOT / "benchmarks" / "wrong_clock.c"], check=True)
    return library


class Fleet:
    """Workers of several versions, each with a clock of its own, on one bucket."""

    def __init__(self, platform: Platform, s3: S3Server, chance: random.Random, versions: Sequence[Path],
                 clock: Path | None) -> None:
        self._platform, self._chance, self._versions, self._clock = platform, chance, versions, clock
        self._env = {"TTS_ENGINE": "espeak", "S3_BUCKET": BUCKET, "AWS_ENDPOINT_URL": s3.endpoint_url, "LEASE_S": "1",
                     "AWS_ACCESS_KEY_ID": "bench-key", "AWS_SECRET_ACCESS_KEY": "bench-secret", "CONCURRENCY": "2"}
        self.version_of: dict[str, Path] = {}

    def start(self) -> Worker:
        folder = self._chance.choice(self._versions)
        env = self._env | {"WRONG_CLOCK_S": f"{self._chance.uniform(-MAX_CLOCK_S, MAX_CLOCK_S):.0f}"}
        command: list[str | Path] = [sys.executable, folder / "runpod_handler.py"]
        if self._clock:
            env["LD_PRELOAD"] = str(self._clock)
        else:
            command[1:1] = ["-c", PYTHON_CLOCK]
        worker = self._platform.start_worker(command, env=env, cwd=folder)
        self.version_of[worker.id] = folder
        return worker

    def jobs_of(self, worker: Worker) -> list[str]:
        """What the worker is at, as RunPod knows it."""
        return [job.id for job in list(self._platform.jobs.values())
                if job.status == IN_PROGRESS and job.worker_id == worker.id]


def _kill_workers(kills: int, seed: int, versions: Sequence[Path], clock: Path | None) -> Outcome:
    chance, started = random.Random(seed), time.monotonic()
    outcome = Outcome("of the process" if clock else "time.time of Python")
    s3 = start_s3(KEYS, [BUCKET])
    bucket = boto3.client("s3", endpoint_url=s3.endpoint_url, aws_access_key_id="bench-key",
                          aws_secret_access_key="bench-secret", region_name="us-east-1")
    bucket.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    with Platform(max_attempts=10_000, poll_s=5.0) as platform:
        # A version from before this was mended knows no format that came after it.
        formats = ["srt", "vtt", "json"] if len(versions) > 2 else "all"
        fleet, alive = Fleet(platform, s3, chance, versions, clock), list[Worker]()
        while outcome.kills < kills:
            stock(platform, chance, formats)
            alive += [fleet.start() for _ in range(ALIVE - len(alive))]
            victim = alive.pop(0)
            platform.until("handed", timeout_s=120, worker_id=victim.id)
            time.sleep(chance.uniform(0.0, 3.0))  # a dead worker's job is taken over after a lease's second
            stock(platform, chance, formats)
            in_hand = fleet.jobs_of(victim)
            victim.kill()
            outcome.kills += 1
            outcome.kills_of_working += bool(in_hand)
            outcome.killed_in.update(stage(bucket, job) for job in in_hand)
            if outcome.kills % 10 == 0:
                print(f"{outcome.kills} of {kills} kills, {len(platform.jobs)} jobs, {outcome.killed_in}",
                      file=sys.stderr, flush=True)
        alive.append(fleet.start())
        results = {job: platform.wait(job, 180) for job in list(platform.jobs)}
        judge(outcome, platform, fleet, bucket, s3, results)
    outcome.seconds = round(time.monotonic() - started, 1)
    s3.stop()
    return outcome


def stock(platform: Platform, chance: random.Random, formats: object) -> None:
    """Sees that there is enough to do."""
    while sum(not job.finished.is_set() for job in list(platform.jobs.values())) < UNFINISHED:
        platform.submit({"text": chance.choice(TEXTS), "timing_format": formats}, f"job-{len(platform.jobs)}")


def judge(outcome: Outcome, platform: Platform, fleet: Fleet, bucket: Any, s3: S3Server,
          results: dict[str, dict[str, Any]]) -> None:
    outcome.jobs = len(results)
    for job, result in results.items():
        outcome.problems += faults(bucket, s3, job, result)
        outcome.attempts[record(bucket, job)["attempt"]] += 1
        outcome.finished_by[record(bucket, job)["version"]] += 1
        outcome.problems += [f"{job}: RunPod got {body['error']}\n{cause(platform, body['error'])}"
                             for body in platform.results.get(job, []) if "error" in body]
        if len(completions(platform, job)) > 1:
            outcome.problems.append(f"{job}: completed twice")
        handed = [fleet.version_of[event.worker_id] for event in list(platform.events)
                  if event.kind == "handed" and event.job_id == job]
        outcome.redelivered += len(handed) - 1
        outcome.redelivered_to_another_version += sum(one != other for one, other in pairwise(handed))


def cause(platform: Platform, error: str) -> str:
    """The log's entry of an unexpected error, which names it by a reference."""
    reference = error.rpartition(" ")[2]
    return "\n".join(line for worker in platform.workers.values() for line in worker.log_text().splitlines()
                     if "traceback" in line and reference in line)


def completions(platform: Platform, job: str) -> set[str]:
    """The different results that were posted; a worker killed between storing and posting leaves its job to be
    handed out once more, and the answer must then be the stored one."""
    return {body["output"]["sha256"] for body in platform.results.get(job, []) if "output" in body}


def record(bucket: Any, job: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bucket.get_object(Bucket=BUCKET, Key=f"jobs/{job}.json")["Body"].read())
    return found


def history(bucket: Any, job: str) -> list[str]:
    """The status in every version of the job's record, the oldest first."""
    key = f"jobs/{job}.json"
    pages = bucket.get_paginator("list_object_versions").paginate(Bucket=BUCKET, Prefix=key)
    versions = [each["VersionId"] for page in pages for each in page.get("Versions", ())]
    return [json.loads(bucket.get_object(Bucket=BUCKET, Key=key, VersionId=version)["Body"].read())["status"]
            for version in reversed(versions)]


def stage(bucket: Any, job: str) -> str:
    """Where an unfinished job stands in the store at this instant."""
    try:
        seen = record(bucket, job)
    except bucket.exceptions.NoSuchKey:
        return "not begun"
    return "completed, not answered" if seen["status"] == "completed" else str(seen["stage"])


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
    statuses = history(bucket, job)
    if statuses.count("completed") != 1 or statuses[-1] != "completed" or "failed" in statuses:
        found.append(f"{job}: its record was in turn {', '.join(statuses)}")
    return found


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench kill")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--earlier", metavar="COMMIT", help="a third of the workers are of this version of the code")
    arguments = parser.parse_args(argv)
    outcome = kill_workers(arguments.kills, arguments.seed, arguments.earlier)
    figures = outcome.__dict__ | {"machine": f"{os.cpu_count()} cores, {machine.machine()}"}
    print(json.dumps(figures, indent=2))
    results = ROOT / "benchmarks" / "results"
    results.mkdir(parents=True, exist_ok=True)
    (results / "kill.json").write_text(json.dumps(figures, indent=2) + "\n")
    return 1 if outcome.problems else 0
