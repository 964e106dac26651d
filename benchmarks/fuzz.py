"""`./run bench fuzz`: damaged audio, wrong requests and hostile URLs, through the real intake and the real handler.

- files: each is decoded (`intake.audio`). It gives sound within the limits or a documented error, within HANG_S, and
  leaves no open file; the resident memory of this process and of the decoder's is kept.
- requests: each goes through the handler with a folder as its store. It gives a result or one line with a documented
  code; never INTERNAL, never a path of this machine.
- urls: each is fetched, given to a job, and answered as a redirect by a host that is allowed. An audit hook of the
  interpreter sees every connection that anything tries, and lets none but those to that host pass.

Cases are numbered and come from `--seed`; what fails is kept with its number. `--processes 2` shares the work.
"""
from __future__ import annotations

import argparse
import asyncio
import faulthandler
import json
import logging
import multiprocessing
import random
import re
import resource
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import runpod_handler
from benchmarks import fuzz_cases
from intake import audio, net
from tests.doubles.host import Host, start_host
from tests.doubles.processes import peak_mb
from tts.encode import FORMATS, encode
from worker.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
HANG_S, STUCK_S, MAX_DURATION_S = 10.0, 180.0, 5.0
MAX_GROWTH_MB, MAX_DECODER_MB = 200, 700
"""Of this process while it decodes, and of FFmpeg, to which intake allows 268 MB in one piece."""
CODES = {code for _, code in runpod_handler.ERRORS}
ERROR = re.compile(r"([A-Z_]+): [^\n\r]+")


@dataclass
class Found:
    """What came of one share of the cases. `faults` name the case: its kind, seed and number."""

    kind: str
    cases: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[dict[str, Any]] = field(default_factory=list)
    slowest_ms: int = 0
    peak_mb: int = 0
    decoder_peak_mb: int = 0

    def fault(self, number: int, what: str, detail: str) -> None:
        self.faults.append({"case": f"{self.kind}/{number}", "fault": what, "detail": ascii(detail)[:300]})

    @contextmanager
    def case(self, number: int, limit_s: float = HANG_S) -> Iterator[None]:
        """Times it; a process that hangs for good says where, and ends."""
        faulthandler.dump_traceback_later(STUCK_S, exit=True)
        started = time.monotonic()
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
        took_s = time.monotonic() - started
        self.cases += 1
        self.slowest_ms = max(self.slowest_ms, round(took_s * 1000))
        if took_s > limit_s:
            self.fault(number, "slow", f"{took_s:.1f} s")

    def add(self, other: Found) -> None:
        self.cases += other.cases
        self.outcomes += other.outcomes
        self.faults += other.faults
        for name in ("slowest_ms", "peak_mb", "decoder_peak_mb"):
            setattr(self, name, max(getattr(self, name), getattr(other, name)))


def chance_of(kind: str, seed: int, number: int) -> random.Random:
    return random.Random(f"{kind}/{seed}/{number}")


def decoder_peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 // 1_000_000


def n_open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def fuzz_files(seed: int, numbers: range) -> Found:
    found = Found("files")
    files = fuzz_cases.encoded()
    for data in files.values():
        audio.decode(data, max_duration_s=MAX_DURATION_S, to_hz=16_000)
    n_open, before_mb = n_open_files(), peak_mb()
    with unraisable() as unraised:
        for number in numbers:
            chance = chance_of("files", seed, number)
            name, data = fuzz_cases.damaged(files, chance)
            with found.case(number):
                outcome, wrong = _decoded(data, chance.choice((None, 16_000, 24_000)))
            found.outcomes[outcome] += 1
            if n_open_files() > n_open:
                wrong, n_open = "leaves a file open", n_open_files()
            if wrong or unraised:
                found.fault(number, name, f"{outcome} {wrong} {unraised}")
                unraised.clear()
    found.peak_mb, found.decoder_peak_mb = peak_mb(), decoder_peak_mb()
    if found.peak_mb - before_mb > MAX_GROWTH_MB or found.decoder_peak_mb > max(before_mb, MAX_DECODER_MB):
        found.fault(numbers[-1], "memory", f"{found.peak_mb} MB after {before_mb}, decoder {found.decoder_peak_mb} MB")
    return found


@contextmanager
def unraisable() -> Iterator[list[str]]:
    """What was raised where nothing can catch it, and would be printed: in callbacks, and at the end of objects."""
    caught: list[str] = []
    real = sys.unraisablehook
    sys.unraisablehook = lambda raised: caught.append(repr(raised.exc_value))
    try:
        yield caught
    finally:
        sys.unraisablehook = real


def _decoded(data: bytes, to_hz: int | None) -> tuple[str, str]:
    """What came of it, and what is wrong with that."""
    try:
        return "decoded", _unsound(audio.decode(data, max_duration_s=MAX_DURATION_S, to_hz=to_hz))
    except (audio.UnsupportedAudio, audio.TooLarge) as error:
        return type(error).__name__, ""
    except Exception as error:
        return "raised", repr(error)


def _unsound(decoded: audio.Audio) -> str:
    if not np.isfinite(decoded.samples).all():
        return "not finite"
    if not 0 < len(decoded.samples) <= MAX_DURATION_S * decoded.rate_hz + 1 or decoded.samples.ndim != 1:
        return f"shape {decoded.samples.shape} at {decoded.rate_hz} Hz"
    return "" if 1 <= decoded.n_channels <= audio.MAX_CHANNELS else f"{decoded.n_channels} channels"


class Door:
    """The worker's handler over a folder, and a host on this machine that is allowed to it."""

    def __init__(self, folder: Path, host: Host) -> None:
        self.settings = Settings(data_dir=folder / "data", models_dir=folder / "models", job_deadline_s=120,
                                 url_allow_hosts=frozenset({host.authority}))
        self.folder = folder
        self.handler = runpod_handler.make_handler(runpod_handler.build_parts(self.settings))

    def send(self, job: dict[str, Any]) -> dict[str, Any]:
        return asyncio.run(self.handler(job))

    def verdict(self, output: Any) -> tuple[str, str | None]:
        """The code of an answer, and what is wrong with it."""
        try:
            text = json.dumps(output, ensure_ascii=False)
            text.encode()
        except (TypeError, ValueError) as error:
            return "unsendable", f"{type(error).__name__}: {error}"
        error = output.get("error")
        if error is None:
            return "completed", None
        match = ERROR.fullmatch(error)
        if match is None or match[1] not in CODES:
            return "undocumented", error
        leaks = (str(ROOT), str(self.folder), sys.prefix, "site-packages", "Traceback (")
        return match[1], error if any(leak in error for leak in leaks) or len(error) > 600 else None


def fuzz_requests(seed: int, numbers: range) -> Found:
    found = Found("requests")
    good = speech()
    files = fuzz_cases.encoded()
    paths = {f"/{index}": fuzz_cases.damaged(files, chance_of("hosted", seed, index))[1] for index in range(40)}
    with tempfile.TemporaryDirectory() as folder, start_host({"/good.wav": good, "/a.srt": b"1\nx", **paths}) as host, \
            guarded(host.port), reasons() as why:
        door = Door(Path(folder), host)
        bad_urls = [f"{host.url}{path}" for path in (*paths, "/a.srt", "/no")]
        requests = fuzz_cases.Requests(f"{host.url}/good.wav", bad_urls, good)
        for number in numbers:
            chance = chance_of("requests", seed, number)
            job = {"id": chance.choice((f"fuzz-{number}", chance.choice(fuzz_cases.JOB_IDS), "a/b", 5, None)),
                   "input": requests.mutated(chance)}
            why.last = ""
            with found.case(number, limit_s=60.0):
                code, wrong = _answer(door, job)
            found.outcomes[code] += 1
            if wrong is not None or why.last:
                found.fault(number, code, f"{wrong}: {why.last}")
    found.peak_mb = peak_mb()
    return found


def _answer(door: Door, job: dict[str, Any]) -> tuple[str, str | None]:
    try:
        return door.verdict(door.send(job))
    except Exception as error:
        return "raised", f"{type(error).__name__}: {error}"


class _Reasons(logging.Handler):
    """Why the last job was INTERNAL, for whoever reads the figures."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            trace = error.__traceback__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
            self.last = f"{type(error).__name__} at {place}: {error}"


@contextmanager
def reasons() -> Iterator[_Reasons]:
    handler, log = _Reasons(), logging.getLogger("runpod_handler")
    log.addHandler(handler)
    try:
        yield handler
    finally:
        log.removeHandler(handler)


def speech() -> bytes:
    """Something that an aligner can work on: the embedded engine's voice."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder, "data"), models_dir=Path(folder, "models"))
        parts = runpod_handler.build_parts(settings)
        job = {"id": "a", "input": {"text": "Hello there, all of you."}}
        asyncio.run(runpod_handler.make_handler(parts)(job))
        samples = audio.decode(parts.store.get("output/a.wav"), max_duration_s=10)
        return encode(samples.samples, samples.rate_hz, FORMATS["wav"]).data


class _Guard:
    """An audit hook cannot be taken away again, so there is one, which is on or off."""

    def __init__(self) -> None:
        self.on = self.hooked = False
        self.allowed: tuple[str, int] = ("", 0)
        self.dialled: list[Any] = []

    def watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Below it there is only the system call."""
        if not self.on or event not in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            return
        address = arguments[-1]
        if isinstance(address, tuple) and tuple(address[:2]) != self.allowed:
            self.dialled.append(address)
            raise ConnectionRefusedError


_GUARD = _Guard()


@contextmanager
def guarded(allowed_port: int) -> Iterator[list[Any]]:
    """Nothing leaves but to the host on this machine; the list of what was tried. Names are those of RESOLVED."""
    if not _GUARD.hooked:
        sys.addaudithook(_GUARD.watch)
    real = socket.getaddrinfo

    def lookup(name: Any, port: Any, *more: Any, **options: Any) -> Any:
        addresses = fuzz_cases.RESOLVED.get(name, (name,))
        return [entry for address in addresses
                for entry in real(address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)]

    _GUARD.on = _GUARD.hooked = True
    _GUARD.allowed, _GUARD.dialled = ("127.0.0.1", allowed_port), []
    socket.getaddrinfo = lookup
    try:
        yield _GUARD.dialled
    finally:
        socket.getaddrinfo = real
        _GUARD.on = False


def fuzz_urls(seed: int, numbers: range) -> Found:
    """The listed URLs, then as many made ones as `numbers` go beyond them."""
    found, listed = Found("urls"), fuzz_cases.hostile_urls()
    with tempfile.TemporaryDirectory() as folder, start_host() as host, guarded(host.port) as dialled:
        door = Door(Path(folder), host)
        for number in numbers:
            url = listed[number] if number < len(listed) else fuzz_cases.hostile_url(chance_of("urls", seed, number))
            redirect = f"{host.url}/redirect?to=" + "".join(f"%{byte:02x}" for byte in url.encode("utf-8", "replace"))
            with found.case(number):
                outcomes = {
                    "fetch": _fetched(url, host), "redirect": _fetched(redirect, host),
                    "upload": _given(door, {"endpoint": "upload", "voice_name": "a", "voice_file_url": url}),
                    "align": _given(door, {"endpoint": "align", "text": "a", "audio_url": url})}
            found.outcomes.update(outcomes.values())
            # A redirect to what is no URL of a host stays on the allowed one, as a path that it does not have.
            if dialled or not {*outcomes.values()} <= {"BLOCKED_URL", "FETCH_FAILED", "INVALID_INPUT"}:
                found.fault(number, url, f"{outcomes} {dialled}")
                dialled.clear()
    return found


def _fetched(url: str, host: Host) -> str:
    try:
        net.fetch(url, max_bytes=1000, deadline_s=5, allow_hosts=frozenset({host.authority}))
    except Exception as error:
        return {net.BlockedUrl: "BLOCKED_URL", net.FetchFailed: "FETCH_FAILED"}.get(type(error), repr(error))
    return "fetched"


def _given(door: Door, fields: dict[str, Any]) -> str:
    code, wrong = _answer(door, {"id": "a", "input": fields})
    return wrong or code


WORK: dict[str, tuple[Callable[[int, range], Found], int]] = {
    "files": (fuzz_files, 500), "requests": (fuzz_requests, 2000), "urls": (fuzz_urls, 1000)}
"""What does a kind, and how many cases it does in one folder; state carries on from case to case within it."""


def share(kind: str, seed: int, first: int, end: int) -> Found:
    logging.lastResort = None
    return WORK[kind][0](seed, range(first, end))


def fuzz(counts: dict[str, int], seed: int, processes: int = 1,
         report: Callable[[dict[str, Found]], None] = lambda totals: None) -> dict[str, Found]:
    """Does as many cases of each kind as `counts` says; `report` gets the totals after every share."""
    totals = {kind: Found(kind) for kind in counts}
    # A process for each share: the peak of memory is that share's own.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, max_tasks_per_child=1) as pool:
        shares = [(first / count, kind, first, min(count, first + WORK[kind][1]))
                  for kind, count in counts.items() for first in range(0, count, WORK[kind][1])]
        running = [pool.submit(share, kind, seed, first, end) for _, kind, first, end in sorted(shares)]
        for done in as_completed(running):
            result = done.result()
            totals[result.kind].add(result)
            report(totals)
    return totals


def summary(totals: dict[str, Found], seed: int, started: float) -> dict[str, Any]:
    kinds = {kind: {**asdict(found), "outcomes": dict(found.outcomes.most_common())} for kind, found in totals.items()}
    return {"seed": seed, "wall_s": round(time.monotonic() - started), **kinds}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench fuzz", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--urls", type=int, default=1000, help="the listed ones come first")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/fuzz.json")
    arguments = parser.parse_args(argv)
    started = time.monotonic()

    def report(totals: dict[str, Found]) -> None:
        arguments.out.write_text(json.dumps(summary(totals, arguments.seed, started), indent=1) + "\n")

    totals = fuzz({"urls": arguments.urls, "files": arguments.files, "requests": arguments.requests}, arguments.seed,
                  arguments.processes, report)
    print(json.dumps(summary(totals, arguments.seed, started), indent=1))
    return int(any(found.faults for found in totals.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
