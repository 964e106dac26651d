"""`./run bench engine`: short jobs behind a long one, the first sound of a streamed text, an hour in flat memory.

The engine is the real one with small networks of random weights on a CPU, one line at a time. Waits are counted in
what a line of 40 letters takes alone on the same machine at the same time, since the network's own speed is not
what is looked at. An hour is spoken by `worker.generate` into a folder, in a process of its own.
"""
from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.doubles.processes import peak_mb
from tts import Cancelled, Line, Options

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "engine.json"
PAGE = ROOT / "docs" / "SPEED.md"
SHORT = "A short line, as it is said in a clip."
LONG = "The harbour was quiet when the first boats came in, and nobody had slept at all that night. "
N_STEPS = 4


def loaded(folder: Path) -> Any:
    from tests.doubles.f5 import make_f5
    from tts.f5.engine import F5Engine

    models = make_f5(folder)
    engine = F5Engine.load(models.model_dir, models.vocos_dir, models.architecture, "cpu")
    engine.warm_up()
    return engine


def waits(engine: Any, n_long: int, n_short: int) -> dict[str, float]:
    """Seconds from a short job's arrival to its speech, all of them sent just after the long one has begun."""
    options, done_s = Options(nfe_step=N_STEPS), []
    begun = threading.Event()
    started = time.monotonic()

    def long() -> None:
        lines = [Line(f"{number}. {LONG}", "en") for number in range(n_long)]
        for _ in engine.speak(lines, options, check=lambda: None, progress=lambda share: share and begun.set()):
            pass

    thread = threading.Thread(target=long)
    thread.start()
    begun.wait()
    sent = time.monotonic()
    futures = [engine.submit(Line(f"{number}. {SHORT}", "en"), options) for number in range(n_short)]
    for future in futures:
        future.add_done_callback(lambda _: done_s.append(time.monotonic() - sent))
    thread.join()
    total_s = time.monotonic() - started
    for future in futures:
        future.result()
    cuts = statistics.quantiles(done_s, n=100, method="inclusive")
    return {"p50_s": cuts[49], "p95_s": cuts[94], "all_s": max(total_s, time.monotonic() - started)}


def fairness(engine: Any, n_long: int, n_short: int) -> list[dict[str, Any]]:
    """First come, first served, as it was, against the scheduler's sharing by job; the same engine and lines."""
    from tts.f5.scheduler import Scheduler

    class Queue(Scheduler[Any]):
        """All lines are one job's: they are taken in the order in which they came."""

        def add(self, ticket: Any) -> None:
            ticket.job = None
            super().add(ticket)

    alone_s = min(timed(lambda: engine.submit(Line(SHORT, "en"), Options(nfe_step=N_STEPS)).result()) for _ in range(5))
    fair, window = engine._scheduler, engine._lines_ahead
    rows = []
    for name, scheduler, ahead in (("first come, first served", Queue(fair.budget_frames, 1), n_long),
                                   ("shared by job", fair, window)):
        engine._scheduler, engine._lines_ahead = scheduler, ahead
        rows.append({"order": name, "alone_s": alone_s, **waits(engine, n_long, n_short)})
    engine._scheduler, engine._lines_ahead = fair, window
    return rows


def first_sound(engine: Any, n_sentences: int) -> list[dict[str, Any]]:
    """Seconds to the first utterance of a text, split for speech and split for streaming, and to the last."""
    from text.script import split

    rows = []
    words = (LONG * n_sentences).split()
    for name, first in (("whole", None), ("stream", 60)):
        groups = split(words, engine.max_bytes(None, 1.0), first)
        lines = [Line(" ".join(words[group.start:group.stop]), "en") for group in groups]
        started, times = time.monotonic(), []
        for _ in engine.speak(lines, Options(nfe_step=N_STEPS), check=lambda: None, progress=lambda _: None):
            times.append(time.monotonic() - started)
        rows.append({"split": name, "lines": len(lines), "first_letters": len(lines[0].text), "first_s": times[0],
                     "last_s": times[-1]})
    return rows


def timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def speak(minutes: float, cancel_after_s: float | None) -> dict[str, Any]:
    """In a process of its own: a text of so many minutes through `generate`. Peak resident memory is the process's."""
    import runpod_handler
    from tests.doubles.f5 import make_f5
    from worker.generate import generate
    from worker.jobs import Job
    from worker.requests import Generate, parse
    from worker.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        models = make_f5(Path(folder, "models"))
        parts = runpod_handler.build_parts(Settings(
            tts_engine="f5", device="cpu", models_dir=Path(folder, "models"), f5_architecture=models.architecture,
            data_dir=Path(folder, "data"), line_cache_mb=0))
        reports: list[float] = []
        cancelled_at: list[float] = []

        def cancel() -> None:
            cancelled_at.append(time.monotonic())
            job.cancel()

        job = Job("hour", 86_400.0, lambda stage, share: reports.append(share))
        text = LONG * round(minutes * 60 / 8.3)
        request = parse(Generate, {"text": text, "nfe_step": N_STEPS, "audio_format": "opus"})
        if cancel_after_s is not None:
            threading.Timer(cancel_after_s, cancel).start()
        found: dict[str, Any] = {"letters": len(text)}
        try:
            found["audio_s"] = generate(request, job, parts.speech, [])["duration"]
        except Cancelled:
            found["cancelled_in_s"] = time.monotonic() - cancelled_at[0]
            engine: Any = parts.engine
            while engine._running:
                time.sleep(0.005)
            found["idle_in_s"] = time.monotonic() - cancelled_at[0]
        found |= {"reports": len(reports), "rising": reports == sorted(reports),
                  "peak_mb": peak_mb()}
    return found


def in_a_process(minutes: float, cancel_after_s: float | None = None) -> dict[str, Any]:
    arguments = ["--minutes", str(minutes), *(["--cancel-after-s", str(cancel_after_s)] if cancel_after_s else [])]
    done = subprocess.run([sys.executable, "-m", "benchmarks.engine", *arguments], cwd=ROOT, check=True,
                          stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def table(found: dict[str, Any]) -> str:
    """Markdown."""
    lines = [f"{found['machine']}; small networks of random weights, one line at a time on a CPU, {N_STEPS} steps.", ""]
    head = f"{found['n_short']} short jobs behind one of {found['n_long']} lines"
    lines += [f"| {head} | p50 wait | p95 wait | p95, in short lines | all done |", "| --- | --- | --- | --- | --- |"]
    lines += [f"| {row['order']} | {row['p50_s']:.1f} s | {row['p95_s']:.1f} s | {row['p95_s'] / row['alone_s']:.0f} "
              f"| {row['all_s']:.1f} s |" for row in found["fairness"]]
    lines += ["", "| first sound | lines | letters of the first | first line | last line |",
              "| --- | --- | --- | --- | --- |"]
    lines += [f"| {row['split']} | {row['lines']} | {row['first_letters']} | {row['first_s']:.2f} s "
              f"| {row['last_s']:.1f} s |" for row in found["first_sound"]]
    lines += ["", "| text | speech | peak memory | progress reports |", "| --- | --- | --- | --- |"]
    lines += [f"| {row['letters']} letters | {row['audio_s'] / 60:.1f} min | {row['peak_mb']:.0f} MB "
              f"| {row['reports']} |" for row in found["memory"]]
    stopped: dict[str, float] = found["cancel"]
    last = (f"Cancelled in the midst of {stopped['letters']} letters: the job ended after "
            f"{stopped['cancelled_in_s']:.2f} s, the device was idle after {stopped['idle_in_s']:.2f} s.")
    return "\n".join([*lines, "", last])


def write_page(found: dict[str, Any]) -> None:
    page, start, end = PAGE.read_text(encoding="utf-8"), "<!-- engine -->\n", "<!-- /engine -->"
    PAGE.write_text(page[:page.index(start)] + start + table(found) + "\n" + page[page.index(end):], encoding="utf-8")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench engine")
    parser.add_argument("--short", type=int, default=50, help="jobs of one line")
    parser.add_argument("--long", type=int, default=60, help="lines of the long job")
    parser.add_argument("--hour", type=float, default=60.0, help="minutes of the longest text")
    parser.add_argument("--minutes", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--cancel-after-s", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.minutes:
        print(json.dumps(speak(arguments.minutes, arguments.cancel_after_s)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        engine = loaded(Path(folder, "models"))
        found = {"machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
                 "n_short": arguments.short, "n_long": arguments.long,
                 "fairness": fairness(engine, arguments.long, arguments.short),
                 "first_sound": first_sound(engine, 20)}
    found |= {"memory": [in_a_process(minutes) for minutes in (arguments.hour / 10, arguments.hour)],
              "cancel": in_a_process(arguments.hour, 5.0)}
    print(table(found))
    RESULT.write_text(json.dumps(found, indent=2) + "\n")
    write_page(found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
