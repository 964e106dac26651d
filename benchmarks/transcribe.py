"""`./run bench transcribe`: what knowing the text is worth, and what the service bears.

    pipeline  the same recording is transcribed (recognised, then aligned) and aligned to its known text, with the same
              models (MODELS_DIR), in one process: real-time factors
    memory    peak memory of five minutes and of an hour, each aligned in a process of its own
    start     from the command to the first answer, and from the first upload to its words
    door      the service without a worker: uploads of 1 MB at once, polling of one job from four connections
    kill      jobs that outlive kill -9 of the service, twice
    cloud     the same of one of two services on Firestore and Pub/Sub, Google's emulators, if they are installed

    --parts NAMES  (default all)   --seconds N of audio (60)   --uploads N (200)   --jobs N to kill among (50)
"""
from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from intake import audio
from tests.doubles.emulators import emulators
from tests.doubles.gcs import start_gcs
from tests.doubles.processes import peak_mb
from tests.transcription.serving import NATURE, Served, finished, nature, serve, submit, wait_until
from tests.transcription.test_kill import ended, workers_of
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
    parser.add_argument("--parts", default="pipeline,memory,start,door,kill,cloud")
    parser.add_argument("--peak-of", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--times", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.peak_of:
        print(json.dumps(peak_of(arguments.peak_of, arguments.times)))
        return 0
    results: dict[str, Any] = json.loads(arguments.out.read_text()) if arguments.out.exists() else {}
    results |= {"machine": {"cpu_count": os.cpu_count(), "python": platform.python_version(),
                            "load_1min_at_start": os.getloadavg()[0]}}
    parts: Mapping[str, Callable[[], dict[str, Any]]] = {
        "pipeline": lambda: pipeline(arguments.seconds), "memory": memory, "start": start,
        "door": lambda: door(arguments.uploads), "kill": lambda: kill(arguments.jobs),
        "cloud": lambda: cloud(arguments.jobs)}
    for name in arguments.parts.split(","):
        results[name] = parts[name]()
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
    return found


def memory() -> dict[str, Any]:
    """The samples themselves are 3.84 MB a minute; what else grows is beside them."""
    found = {}
    once, rate_hz = soundfile.read(io.BytesIO(nature()), dtype="float32")
    with tempfile.TemporaryDirectory() as folder:
        for minutes in (5, 60):
            times, path = minutes * 60 * rate_hz // len(once), Path(folder, f"{minutes}.wav")
            soundfile.write(path, np.tile(once, times), rate_hz, subtype="PCM_16")
            done = subprocess.run([sys.executable, "-m", "benchmarks.transcribe", "--peak-of", path, "--times",
                                   str(times)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True,
                                  env={**os.environ, "PYTHONPATH": str(ROOT)})
            found[f"{minutes} min"] = json.loads(done.stdout)
    return found


def peak_of(wav: Path, times: int) -> dict[str, Any]:
    """Of this process, which decodes a WAV that says its text so many times and aligns it, as a worker does."""
    engines = Engines(Settings())
    before_mb = peak_mb()
    samples = audio.decode(wav.read_bytes(), max_duration_s=7200, to_hz=RATE_HZ).samples
    decoded_mb = peak_mb()
    request = JobRequest(language="en", initial_transcript=" ".join([NATURE] * times))
    started = time.process_time()
    transcript = transcribe(request, samples, engines, Run(lambda: None, lambda stage, share: None))
    return {"audio_s": round(len(samples) / RATE_HZ), "words": len(transcript.timeline.words),
            "wav_mb": round(wav.stat().st_size / 1e6, 1), "samples_mb": round(samples.nbytes / 1e6, 1),
            "peak_before_mb": before_mb, "peak_decoded_mb": decoded_mb,
            "cpu_s": round(time.process_time() - started, 1), "peak_mb": peak_mb()}


def start() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        with serve(Path(folder)) as served, served.client() as client:
            ready_s = time.monotonic() - began
            took = []
            for _ in range(3):
                asked = time.monotonic()
                finished(client, submit(client, nature())["job_id"])
                took.append(round(time.monotonic() - asked, 2))
    return {"ready_s": round(ready_s, 2), "first_words_s": took[0], "next_words_s": took[1:]}


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


def spread(answers: list[tuple[int, float]], right: int = 202) -> dict[str, Any]:
    seconds = [took for _, took in answers]
    cuts = statistics.quantiles(seconds, n=20)
    return {"count": len(answers), "errors": sum(status != right for status, _ in answers),
            "p50_s": round(cuts[9], 4), "p95_s": round(cuts[18], 4)}


def poll(served: Served) -> dict[str, Any]:
    """`GET /api/v1/jobs/{id}` from four connections, as fast as they are answered."""
    with served.client() as client:
        path = f"/api/v1/jobs/{submit(client, nature())['job_id']}"
    before_s = cpu_s(served)
    with ThreadPoolExecutor(4) as pool:
        answers = [each for part in pool.map(lambda _: asked(served, path), range(4)) for each in part]
    cost_s = (cpu_s(served) - before_s) / len(answers)
    return {**spread(answers, 200), "connections": 4, "requests_per_minute": round(len(answers) * 60 / POLL_S),
            "service_cpu_ms_per_request": round(cost_s * 1000, 2), "requests_per_minute_of_one_cpu": round(60 / cost_s)}


def asked(served: Served, path: str) -> list[tuple[int, float]]:
    """With the standard library's client, which costs this machine less than httpx."""
    connection = http.client.HTTPConnection(served.url.removeprefix("http://"), timeout=60)
    answers, end = [], time.monotonic() + POLL_S
    while (began := time.monotonic()) < end:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        answers.append((answer.status, time.monotonic() - began))
    return answers


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


def cloud(n_jobs: int) -> dict[str, Any]:
    """Two services; one is killed while jobs wait and run, its worker before. Pub/Sub brings their messages again."""
    try:
        with contextmanager(emulators)() as google, start_gcs() as gcs, tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            gcs.buckets["b"] = {}
            environ = {**google.environ, **gcs.environ(folder), "STATE": "firestore", "GCS_BUCKET": "b",
                       "GOOGLE_CLOUD_PROJECT": google.project(max_deliveries=20)}
            folders = [folder / each for each in ("one", "two")]
            for each in folders:
                each.mkdir()
            with serve(folders[0], **environ) as one, serve(folders[1], **environ) as two, two.client() as client:
                ids = [submit(client, nature(), initial_transcript=NATURE)["job_id"] for _ in range(n_jobs)]
                wait_until(lambda: completed(client) >= n_jobs // 4, 600, 0.5)
                os.kill(workers_of(one)[0], signal.SIGKILL)
                wait_until(lambda: completed(client) >= n_jobs // 2, 600, 0.5)
                one.kill()
                killed_at = time.monotonic()
                status = Counter(finished(client, job_id, 600)["status"] for job_id in ids)
                rest_s = time.monotonic() - killed_at
            times = sum((ended(each) for each in folders), Counter())
    except pytest.skip.Exception as reason:
        return {"skipped": str(reason)}
    return {"jobs": n_jobs, "by_status": dict(status), "completed_twice": sum(n > 1 for n in times.values()),
            "rest_after_kill_s": round(rest_s, 1)}


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
