"""`./run bench start`: what a worker's start costs, in seconds and in memory, stage by stage and import by import.

Every import is timed in a fresh process with the files in the page cache (the best of a few runs), so the
figure is the price of a warm host; a cold one adds the reading of the files. The F5-TTS worker has tiny models, so
its figures are the start without the reading of the weights.
"""
from __future__ import annotations

import argparse
import json
import os
import platform as machine
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import setup_network_venv
from tests.doubles.runpod import Platform
from tests.doubles.s3 import start_s3

ROOT = Path(__file__).resolve().parents[1]
KEYS = {"bench-key": "bench-secret"}
IMPORTS = ("numpy", "pydantic", "soundfile", "soxr", "boto3", "runpod", "num2words", "budoux", "pocketsphinx", "ass",
           "runpod_handler", "torch", "torchaudio", "transformers", "librosa", "vocos", "f5_tts.model",
           "tts.f5.engine", "timing.whisperx", "google.cloud.speech_v1")
"""`f5_tts.model` is all that upstream's package brings along, its trainer too; `tts.f5.engine` what a worker takes."""
_IMPORT = """
import sys, time
started, worked = time.monotonic(), time.process_time()
__import__(sys.argv[1])
pages = open("/proc/self/statm").read().split()[1]
print(time.monotonic() - started, time.process_time() - worked, pages, len(sys.modules))
"""


def imports(runs: int) -> list[dict[str, Any]]:
    """Of each importable name: seconds, the processor's seconds, memory and modules beyond the bare interpreter's."""
    bare = _imported("sys", 1)
    found = []
    for name in IMPORTS:
        if find_spec(name.partition(".")[0]) is None:
            continue
        cost = _imported(name, runs)
        found.append({"import": name, "seconds": round(cost[0], 3), "cpu_seconds": round(cost[1], 3),
                      "resident_mb": round(cost[2] - bare[2], 1), "modules": cost[3] - bare[3]})
    return found


def _imported(name: str, runs: int) -> tuple[float, float, float, int]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    outputs = [subprocess.run([sys.executable, "-c", _IMPORT, name], cwd=ROOT, env=env, capture_output=True, text=True,
                              check=True).stdout.split()[-4:] for _ in range(runs)]
    seconds, cpu_seconds, pages, modules = min(outputs, key=lambda output: float(output[1]))
    return float(seconds), float(cpu_seconds), int(pages) * os.sysconf("SC_PAGESIZE") / 1e6, int(modules)


def setup_seconds(runs: int) -> float | None:
    """Of `setup_network_venv.py` where all is there already; None where it is not."""
    environment = setup_network_venv.environment_path(ROOT / ".venvs", "run")
    if not setup_network_venv.is_complete(environment):
        return None
    times = []
    for _ in range(runs):
        started = time.monotonic()
        subprocess.run([sys.executable, ROOT / "setup_network_venv.py", "--root", ROOT / ".venvs", "--profile", "run"],
                       check=True, capture_output=True)
        times.append(time.monotonic() - started)
    return round(min(times), 3)


def start(engine: Mapping[str, str]) -> dict[str, Any]:
    """From the start of the process to its first look for a job, and to the result of that job."""
    bucket = f"bucket-{engine['TTS_ENGINE']}"
    s3 = start_s3(KEYS, [bucket])
    with Platform(poll_s=5.0) as platform:
        platform.submit({"text": "Hello.", "nfe_step": 4}, "first")
        started = time.monotonic()
        platform.start_worker([sys.executable, ROOT / "runpod_handler.py"], cwd=ROOT, env={
            "S3_BUCKET": bucket, "AWS_ENDPOINT_URL": s3.endpoint_url, "AWS_ACCESS_KEY_ID": "bench-key",
            "AWS_SECRET_ACCESS_KEY": "bench-secret", **engine})
        taken = platform.until("handed", "first", timeout_s=300).at_s - started
        answer = platform.wait("first", 120)
        done = platform.until("result", "first").at_s - started
        stages = platform.run({"endpoint": "health"}, "health", 60)["output"]["start"]
    s3.stop()
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return {"engine": engine["TTS_ENGINE"], "first_job_taken_s": round(taken, 2), "first_job_done_s": round(done, 2),
            "stages": stages}


def compile_bytecode() -> None:
    """As the image's build and a worker's first start leave it: else the first process pays for all that follow."""
    sites = [path for path in sys.path if path.endswith("site-packages")]
    ours = ["captions", "intake", "storage", "text", "timing", "tts", "worker", "runpod_handler.py", "s3_utils.py"]
    # Some packages ship files for another Python, which do not compile: its exit code means nothing.
    subprocess.run([sys.executable, "-m", "compileall", "-q", "-j", "0", *sites, *ours], cwd=ROOT, check=False,
                   capture_output=True)


def starts() -> list[dict[str, Any]]:
    done = [start({"TTS_ENGINE": "espeak"})]
    if find_spec("f5_tts") is None:
        return done
    from tests.doubles.f5 import make_f5

    with tempfile.TemporaryDirectory() as folder:
        models = make_f5(Path(folder))
        return [*done, start({"TTS_ENGINE": "f5", "MODELS_DIR": folder, "F5_ARCHITECTURE": models.architecture,
                              "DEVICE": "cpu"})]


def table(report: Mapping[str, Any]) -> str:
    lines = [f"{'import':<24} {'seconds':>8} {'CPU s':>7} {'MB':>7} {'modules':>8}"]
    lines += [f"{row['import']:<24} {row['seconds']:>8.3f} {row['cpu_seconds']:>7.2f} {row['resident_mb']:>7.1f} "
              f"{row['modules']:>8}"
              for row in report["imports"]]
    for run in report["starts"]:
        lines.append(f"{run['engine']}: first job taken after {run['first_job_taken_s']:.2f} s, "
                     f"done after {run['first_job_done_s']:.2f} s")
        lines += [f"  {stage['stage']:<22} {stage['seconds']:>8.3f} {stage['resident_mb']:>7.1f}"
                  for stage in run["stages"]]
    if report["setup_s"] is not None:
        lines.append(f"setup of an environment that is complete: {report['setup_s']:.3f} s (goal 0.1)")
    return "\n".join(lines)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench start")
    parser.add_argument("--runs", type=int, default=3, help="of each import; the best counts")
    arguments = parser.parse_args(argv)
    compile_bytecode()
    report = {"machine": f"{os.cpu_count()} cores, {machine.machine()}, Python {machine.python_version()}",
              "setup_s": setup_seconds(arguments.runs), "imports": imports(arguments.runs), "starts": starts()}
    print(table(report))
    results = ROOT / "benchmarks" / "results"
    results.mkdir(parents=True, exist_ok=True)
    (results / "start.json").write_text(json.dumps(report, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
