"""RunPod's job platform on loopback: the SDK's own worker loop runs against it as it does in production.

The platform listens in a thread, workers are real processes with RunPod's environment, and every
request that arrives is written down in order. Routes, statuses and long polls are those that
runpod 1.12 speaks (`runpod/serverless/modules/{rp_job,rp_http,rp_ping,rp_scale}.py`). What RunPod
does not publish is assumed: a job whose worker is gone returns to the head of the queue, at most
`max_attempts` times, and a result larger than `max_result_bytes` is answered with 400.
"""
from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

T = TypeVar("T")
Json = Any
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
API_KEY = "a-key-of-the-test-platform"
QUEUED, IN_PROGRESS, COMPLETED, FAILED, CANCELLED = "IN_QUEUE", "IN_PROGRESS", "COMPLETED", "FAILED", "CANCELLED"


@dataclass(frozen=True)
class Event:
    """One thing that happened. `kind` is take, handed, progress, result, stream, ping, stop, requeued,
    or a route's name with `!` before it for a request that a planned fault swallowed."""

    kind: str
    job_id: str | None
    worker_id: str
    at_s: float
    body: Json = None
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Job:
    id: str
    input: Json
    status: str = QUEUED
    worker_id: str | None = None
    attempts: int = 0
    result: dict[str, Json] | None = None
    finished: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True)
class Fault:
    """What one request gets instead of its answer; `status` None with `drop` False is only slow."""

    status: int | None = None
    delay_s: float = 0.0
    drop: bool = False
    after_receipt: bool = False


class Worker:
    """A worker process in its own session, as one container: its heartbeat child belongs to it."""

    def __init__(self, worker_id: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.id = worker_id
        self.process = process
        self.log = log

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def log_text(self) -> str:
        """Standard output and standard error, in the order written."""
        return self.log.read_text(errors="replace")

    def terminate(self) -> None:
        """SIGTERM to the worker alone, as a container runtime sends it to process 1."""
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the whole group: the container is gone at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def wait(self, timeout_s: float = 30.0) -> int:
        """Exit status. Raises subprocess.TimeoutExpired with the worker still running."""
        return self.process.wait(timeout_s)


class Platform:
    """`with Platform() as platform: platform.start_worker([...]); platform.run({...}, job_id="j1")`.

    `poll_s` is how long job-take and job-stop are held open when there is nothing to say.
    """

    def __init__(self, *, poll_s: float = 1.0, max_result_bytes: int = 10_000_000, max_attempts: int = 3) -> None:
        self.poll_s = poll_s
        self.max_result_bytes = max_result_bytes
        self.max_attempts = max_attempts
        self.events: list[Event] = []
        self.jobs: dict[str, Job] = {}
        self.workers: dict[str, Worker] = {}
        self._waiting: deque[Job] = deque()
        self._stops: defaultdict[str, list[str]] = defaultdict(list)
        self._faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="runpod-platform", daemon=True)
        self._folder = tempfile.TemporaryDirectory(prefix="runpod-platform-")

    def __enter__(self) -> Platform:
        self._thread.start()
        self.url = self._call(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers.values():
            worker.kill()
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._folder.cleanup()

    # What a test does to the platform.

    def start_worker(
        self, command: Sequence[str | Path], env: Mapping[str, str] | None = None, cwd: Path | None = None,
    ) -> Worker:
        """Starts `command` with RunPod's environment, and `env` on top of it and of this process's own."""
        worker_id = f"worker{len(self.workers) + 1}"
        log = Path(self._folder.name) / f"{worker_id}.log"
        whole_env = {**os.environ, **self.environment(worker_id), **(env or {})}
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [str(part) for part in command], cwd=cwd, env=whole_env, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
            )
        self.workers[worker_id] = Worker(worker_id, process, log)
        return self.workers[worker_id]

    def environment(self, worker_id: str) -> dict[str, str]:
        """What RunPod puts into a worker's environment. The SDK's own checks of the machine are off:
        they want a GPU, and connect to a public address."""
        return {
            "RUNPOD_WEBHOOK_GET_JOB": f"{self.url}/job-take/$ID?gpu=NONE",
            "RUNPOD_WEBHOOK_POST_OUTPUT": f"{self.url}/job-done/$RUNPOD_POD_ID/$ID?gpu=NONE",
            "RUNPOD_WEBHOOK_POST_STREAM": f"{self.url}/job-stream/$RUNPOD_POD_ID/$ID?gpu=NONE",
            "RUNPOD_WEBHOOK_PING": f"{self.url}/ping/$RUNPOD_POD_ID",
            "RUNPOD_PING_INTERVAL": "1000",
            "RUNPOD_POD_ID": worker_id,
            "RUNPOD_ENDPOINT_ID": "test-endpoint",
            "RUNPOD_AI_API_KEY": API_KEY,
            "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
            "RUNPOD_SKIP_GPU_CHECK": "true",
            "PYTHONUNBUFFERED": "1",
        }

    def submit(self, job_input: Json, job_id: str) -> None:
        """Queues a job and returns at once. A finished id may be submitted again, as RunPod's /retry does."""
        async def queue() -> None:
            if job_id in self.jobs and not self.jobs[job_id].finished.is_set():
                raise ValueError(f"job {job_id} is not finished yet")
            self.jobs[job_id] = Job(job_id, job_input)
            self._waiting.append(self.jobs[job_id])
        self._call(queue())

    def wait(self, job_id: str, timeout_s: float = 30.0) -> dict[str, Json]:
        """What the worker posted as the job's result: {"output": ...}, {"error": ...} or both.

        Raises TimeoutError, with the end of every worker's log, when none came.
        """
        job = self.jobs[job_id]

        async def finished() -> dict[str, Json]:
            await asyncio.wait_for(job.finished.wait(), timeout_s)
            return job.result or {}
        try:
            return self._call(finished())
        except TimeoutError:
            raise TimeoutError(f"{job_id} is {job.status} after {timeout_s} s\n{self._last_words()}") from None

    def run(self, job_input: Json, job_id: str = "job1", timeout_s: float = 30.0) -> dict[str, Json]:
        self.submit(job_input, job_id)
        return self.wait(job_id, timeout_s)

    def stop_job(self, job_id: str) -> None:
        """RunPod's /cancel: a waiting job is never handed out, a running one's worker is told to stop it."""
        async def stop() -> None:
            job = self.jobs[job_id]
            if job.status == IN_PROGRESS and job.worker_id:
                self._stops[job.worker_id].append(job_id)
            self._finish(job, CANCELLED)
        self._call(stop())

    def status(self, job_id: str) -> str:
        return self.jobs[job_id].status

    def requeue(self, job_id: str) -> None:
        """Hands a running job out once more while its worker may still be at it, as after a network split."""
        self._loop.call_soon_threadsafe(self._requeue, self.jobs[job_id])

    def fail_next(self, route: str, status: int, times: int = 1, *, after_receipt: bool = False) -> None:
        """Answers the next requests to `route` (job-take, job-stop, job-done, job-stream, ping) with `status`.

        `after_receipt`: the platform believes the request first, and only its answer is wrong.
        """
        self._plan(route, Fault(status=status, after_receipt=after_receipt), times)

    def delay_next(self, route: str, delay_s: float, times: int = 1) -> None:
        self._plan(route, Fault(delay_s=delay_s), times)

    def drop_next(self, route: str, times: int = 1, *, after_receipt: bool = False) -> None:
        """Closes the connection unanswered. A result met by this is lost: the SDK retries 5xx, not this."""
        self._plan(route, Fault(drop=True, after_receipt=after_receipt), times)

    # What a test asks of it.

    @property
    def progress(self) -> dict[str, list[Json]]:
        return self._bodies("progress")

    @property
    def results(self) -> dict[str, list[Json]]:
        """Every final result that was posted, also repeated, oversized and late ones."""
        return self._bodies("result")

    @property
    def streams(self) -> dict[str, list[Json]]:
        return self._bodies("stream")

    def history(self, job_id: str) -> list[str]:
        """The kinds of the job's events in order, say ["handed", "progress", "result"]."""
        return [event.kind for event in self.events if event.job_id == job_id]

    def until(self, kind: str, job_id: str | None = None, timeout_s: float = 30.0, count: int = 1,
              worker_id: str | None = None) -> Event:
        """Waits for the `count`-th event of this kind (job, worker). Raises TimeoutError with the logs' ends."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            seen = [e for e in list(self.events)
                    if e.kind == kind and job_id in (None, e.job_id) and worker_id in (None, e.worker_id)]
            if len(seen) >= count:
                return seen[count - 1]
            time.sleep(0.02)
        raise TimeoutError(f"no {kind} of {job_id or 'any job'} in {timeout_s} s\n{self._last_words()}")

    # What workers see.

    async def _open(self) -> str:
        app = web.Application(client_max_size=1 << 30, middlewares=[self._guard])
        app.add_routes([
            web.get("/v2/test/job-take/{worker}", self._take),
            web.get("/v2/test/job-take-batch/{worker}", self._take),
            web.get("/v2/test/job-stop/{worker}", self._stop),
            web.post("/v2/test/job-done/{worker}/{job}", self._done),
            web.post("/v2/test/job-stream/{worker}/{job}", self._stream),
            web.get("/v2/test/ping/{worker}", self._ping),
        ])
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._undertaker = asyncio.create_task(self._bury())
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/v2/test"

    async def _close(self) -> None:
        self._undertaker.cancel()
        await self._runner.cleanup()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuses who shows no key, and gives the planned fault, if one is due, in place of the answer.

        Any key will do: the SDK prefers one from the developer's own RunPod login to the environment's.
        """
        if not request.headers.get("Authorization"):
            return web.Response(status=401)
        route = request.path.split("/")[3].removesuffix("-batch")
        fault = self._faults[route].popleft() if self._faults[route] else Fault()
        await asyncio.sleep(fault.delay_s)
        if not fault.drop and fault.status is None:
            return await handler(request)
        if fault.after_receipt:
            await handler(request)
        else:
            self._note(f"!{route}", request, body=(await request.read()).decode())
        if fault.drop and request.transport:
            request.transport.abort()
        return web.Response(status=fault.status or 500)

    async def _take(self, request: web.Request) -> web.Response:
        self._note("take", request)
        batch = "batch_size" in request.query
        limit = int(request.query.get("batch_size", 1))
        if not await self._hold(lambda: bool(self._waiting)):
            return web.Response(status=204)
        jobs = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
        for job in jobs:
            self._hand(job, request)
        bodies = [{"id": job.id, "input": job.input} for job in jobs]
        return web.json_response(bodies if batch else bodies[0])

    def _hand(self, job: Job, request: web.Request) -> None:
        job.status, job.worker_id, job.attempts = IN_PROGRESS, request.match_info["worker"], job.attempts + 1
        self._note("handed", request, job_id=job.id)

    async def _stop(self, request: web.Request) -> web.Response:
        stops = self._stops[request.match_info["worker"]]
        if not await self._hold(lambda: bool(stops)):
            return web.Response(status=204)
        told, stops[:] = list(stops), []
        for job_id in told:
            self._note("stop", request, job_id=job_id)
        return web.json_response({"jobsToStop": told})

    async def _done(self, request: web.Request) -> web.Response:
        text = await request.text()
        body = json.loads(text)
        job = self.jobs.get(request.match_info["job"])
        if body.get("status") == "IN_PROGRESS":
            self._note("progress", request, body=body.get("output"))
            return web.Response(text="ok")
        self._note("result", request, body=body)
        if job is None or len(text.encode()) > self.max_result_bytes:
            return web.Response(status=404 if job is None else 400)
        self._finish(job, FAILED if "error" in body else COMPLETED, body)
        return web.Response(text="ok")

    async def _stream(self, request: web.Request) -> web.Response:
        self._note("stream", request, body=json.loads(await request.text()))
        return web.Response(text="ok")

    async def _ping(self, request: web.Request) -> web.Response:
        self._note("ping", request, body=request.query.get("job_id"))
        return web.Response(text="ok")

    # How it keeps its books.

    async def _bury(self) -> None:
        """Puts the jobs of workers that are gone back at the head of the queue."""
        while True:
            gone = {worker.id for worker in list(self.workers.values()) if not worker.alive}
            for job in [job for job in self.jobs.values() if job.status == IN_PROGRESS and job.worker_id in gone]:
                self._requeue(job)
            await asyncio.sleep(0.05)

    def _requeue(self, job: Job) -> None:
        if job.attempts >= self.max_attempts:
            self._finish(job, FAILED, {"error": "worker exited"})
            return
        self.events.append(Event("requeued", job.id, job.worker_id or "", time.monotonic()))
        job.status, job.worker_id = QUEUED, None
        self._waiting.appendleft(job)

    def _finish(self, job: Job, status: str, result: dict[str, Json] | None = None) -> None:
        if job.finished.is_set():
            return
        with suppress(ValueError):
            self._waiting.remove(job)
        job.status, job.result = status, result
        job.finished.set()

    async def _hold(self, something: Callable[[], bool]) -> bool:
        """A long poll: waits up to `poll_s` for `something()`; says whether it came."""
        deadline = time.monotonic() + self.poll_s
        while not something():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.05)
        return True

    def _note(self, kind: str, request: web.Request, *, job_id: str | None = None, body: Json = None) -> None:
        info, query = request.match_info, dict(request.query)
        self.events.append(Event(kind, job_id or info.get("job"), info["worker"], time.monotonic(), body, query))

    def _bodies(self, kind: str) -> dict[str, list[Json]]:
        bodies: dict[str, list[Json]] = {}
        for event in list(self.events):
            if event.kind == kind and event.job_id:
                bodies.setdefault(event.job_id, []).append(event.body)
        return bodies

    def _plan(self, route: str, fault: Fault, times: int) -> None:
        self._loop.call_soon_threadsafe(self._faults[route].extend, [fault] * times)

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _last_words(self) -> str:
        return "\n".join(self._tails())

    def _tails(self) -> Iterator[str]:
        for worker in self.workers.values():
            state = "running" if worker.alive else f"exited with {worker.process.returncode}"
            yield f"--- {worker.id} ({state}):\n{worker.log_text()[-4000:]}"
