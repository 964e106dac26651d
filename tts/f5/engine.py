"""F5-TTS as a `tts.Engine`: lines of all jobs wait in one queue, and one thread makes them on the device together.

Callers' threads prepare prompts and wait; the device's thread alone touches the network, steps the batch and turns
finished mels into samples. A future that is cancelled leaves the batch at the next step.
"""
from __future__ import annotations

import hashlib
import logging
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch

from tts import EngineError, EngineLost, Line, Options, Samples, Utterance, Voice
from tts.f5 import checkpoint, checks, mel, prompt, sampler, vocos
from tts.f5.batch import Batch, Row
from tts.f5.cache import LineCache
from tts.f5.graphs import CudaCapture, Graphs
from tts.f5.kernels import Kernels
from tts.f5.network import BYTES_PER_CHANNEL, EPSS, EVEN_FROM, MAX_FRAMES, MIN_GUIDANCE, Network, Plan
from tts.f5.prompt import Prompt, Reference
from tts.f5.scheduler import Scheduler, Ticket

log = logging.getLogger(__name__)

CACHED_VOICES = 32
"""Prepared references, at most 0.5 MB each."""
CACHED_PLANS = 8
"""Schedules, 8.6 MB each for 16 steps of F5TTS_v1_Base."""
MAX_BATCH_FRAMES = 48_000
"""Sixteen guided lines of 16 s with their references. Past it a large GPU has nothing to gain but latency."""
MAX_ROWS = 64
STEPS_AHEAD = 2
"""Steps queued on a GPU before the host waits for one, so that a cancelled line goes on for no longer."""
_CHECK_S = 0.1


@dataclass(eq=False, slots=True)
class _Task(Ticket):
    """A line on its way through the scheduler. `future` is resolved by the device's thread, cancelled by anyone."""

    prompt: Prompt
    options: Options
    occurrence: int
    text: str
    language: str
    voice: Voice
    future: Future[Utterance] = field(default_factory=Future)
    row: Row | None = None

    @property
    def steps_done(self) -> int:
        row = self.row
        return self.n_steps if self.future.done() else row.step if row else 0

    @property
    def made_from(self) -> Hashable:
        """Everything that decides how the line sounds, for as long as the model is the same."""
        return self.voice.fingerprint, self.text, self.language, self.occurrence, self.options


class F5Engine:
    """See `tts.Engine`. `revision` is the head of the checkpoint's sha256."""

    name = "f5"
    rate_hz = mel.RATE_HZ
    clones = True
    fallible = True

    def __init__(self, model: str, revision: str, network: Network, vocoder: vocos.Vocos,
                 vocabulary: dict[str, int], graphs: Graphs | None = None, cache_bytes: int = 0) -> None:
        self.model, self.revision = model, revision
        self.network, self.vocoder, self.vocabulary, self._graphs = network, vocoder, vocabulary, graphs
        self.device = network.device
        self.own_voice = prompt.own_voice()
        self._references: OrderedDict[tuple[str, float], Reference] = OrderedDict()
        self._preparing = threading.Lock()
        self._plans: OrderedDict[tuple[int, float], Plan] = OrderedDict()
        on_gpu = self.device.type == "cuda"
        self._scheduler: Scheduler[_Task] = Scheduler(_frame_budget(network), MAX_ROWS if on_gpu else 1)
        self.concurrency = max(1, self._scheduler.budget_frames // (2 * MAX_FRAMES)) if on_gpu else 1
        self._lines_ahead = 1 + (MAX_ROWS if on_gpu else 1)
        self._batch = Batch(network, graphs)
        self._cache = LineCache(cache_bytes)
        self._ahead: deque[torch.cuda.Event] = deque()
        self._changed = threading.Condition()
        self._running = False
        self._lost: EngineLost | None = None
        self._device_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="f5-device")

    @classmethod
    def load(cls, model_dir: Path, vocos_dir: Path, architecture: str, device: str = "auto",
             cache_bytes: int = 0) -> F5Engine:
        """Reads both models; `device` is `auto` (a GPU where there is one), `cpu` or `cuda[:n]`.

        Up to `cache_bytes` of speech are kept: what is said again, with the same options, is not made again.

        `model_dir` is a checkpoint or the folder that holds one (`checkpoint.find_checkpoint`); a `vocab.txt` beside
        it is used, else the official one. `architecture` is a name or a file (`checkpoint.read_architecture`).
        Raises checkpoint.LoadError.
        """
        shape = checkpoint.read_architecture(architecture)
        path = checkpoint.find_checkpoint(model_dir, architecture)
        beside = path.parent / "vocab.txt"
        vocabulary = checkpoint.read_vocabulary(beside if beside.is_file() else checkpoint.official_vocabulary())
        place = _device(device)
        torch.backends.cudnn.allow_tf32 = False  # float32 convolutions are the reference; TF32 keeps 10 of 23 bits
        with ThreadPoolExecutor(max_workers=1) as pool:  # 1.35 GB take a second or more to hash
            digest = pool.submit(_sha256, path)
            vocoder = vocos.load(vocos_dir, place)
            build = partial(Network, checkpoint.read_weights(path, shape, len(vocabulary)), shape, place)
            revision = digest.result()[:12]
        network, graphs = _fastest(build, place)
        model = architecture if architecture in checkpoint.ARCHITECTURES else Path(architecture).stem
        return cls(model, revision, network, vocoder, vocabulary, graphs, cache_bytes)

    @property
    def form(self) -> str:
        """What `checks` let through on this device: the precision of the products, the kernels, the graphs."""
        kernels = self.network.kernels
        graphs = f", {len(self._graphs.graphs)} CUDA graphs" if self._graphs else ""
        return f"{str(kernels.dtype).removeprefix('torch.')}, {kernels.name}{graphs}"

    def max_bytes(self, voice: Voice | None, speed: float) -> int:
        return prompt.max_bytes(voice or self.own_voice, speed)

    def speak(self, lines: Sequence[Line], options: Options, *, check: Callable[[], None],
              progress: Callable[[float], None]) -> Generator[Utterance, None, None]:
        """A line's noise depends on the seed, its text and how often the job has said it before. All lines are
        prepared before the first is spoken, so that one which cannot be said is refused before any work."""
        said: Counter[str] = Counter()
        tasks: deque[_Task] = deque()
        job = object()
        for line in lines:
            check()
            tasks.append(self._task(line, options, said[line.text], job))
            said[line.text] += 1
        return self._spoken(tasks, check, progress)

    def _spoken(self, waiting: deque[_Task], check: Callable[[], None],
                progress: Callable[[float], None]) -> Generator[Utterance, None, None]:
        """In order. Only so many lines are with the scheduler that the device is never idle: an hour of finished
        speech would be 350 MB, and its rows' conditions more."""
        ahead: deque[_Task] = deque()
        n_steps, n_taken = sum(task.n_steps for task in waiting), 0
        try:
            while waiting or ahead:
                joining = [waiting.popleft() for _ in range(min(len(waiting), self._lines_ahead - len(ahead)))]
                ahead += joining
                self._enqueue(joining)
                self._await(ahead, check, lambda done: progress((n_taken + done) / n_steps))  # noqa: B023
                n_taken += ahead[0].n_steps
                yield ahead.popleft().future.result()
        finally:
            for task in ahead:
                task.future.cancel()

    def submit(self, line: Line, options: Options, *, occurrence: int = 0) -> Future[Utterance]:
        """One line, as a job of its own. The future may be cancelled. Raises EngineError for what cannot be said."""
        task = self._task(line, options, occurrence, object())
        self._enqueue([task])
        return task.future

    def warm_up(self) -> None:
        """Speaks one short line, so that the first job does not wait for what is made at first use."""
        self.submit(Line("Hello, world.", "en"), Options(nfe_step=4)).result()

    def _task(self, line: Line, options: Options, occurrence: int, job: Hashable) -> _Task:
        voice = line.voice or self.own_voice
        reference = self._reference(voice, options.target_rms)
        composed = prompt.compose(reference, line.text, line.language, self.vocabulary, options.speed)
        n_sequences = 1 if options.cfg_strength < MIN_GUIDANCE else 2
        return _Task(job, n_sequences * composed.n_frames, options.nfe_step, composed, options, occurrence,
                     line.text, line.language, voice)

    def _reference(self, voice: Voice, target_rms: float) -> Reference:
        key = (voice.fingerprint, target_rms)
        with self._preparing:
            if key not in self._references:
                self._references[key] = prompt.prepare(voice, target_rms, self.vocabulary)
            self._references.move_to_end(key)
            if len(self._references) > CACHED_VOICES:
                self._references.popitem(last=False)
            return self._references[key]

    def _enqueue(self, tasks: Sequence[_Task]) -> None:
        with self._changed:
            if self._lost:
                raise self._lost
            for task in tasks:
                spoken_before = self._cache.get(task.made_from)
                if spoken_before is None:
                    self._scheduler.add(task)
                else:
                    task.future.set_result(_utterance(spoken_before, task))
            if not self._running and self._scheduler:
                self._running = True
                self._device_thread.submit(self._run)

    def _await(self, tasks: Sequence[_Task], check: Callable[[], None], progress: Callable[[int], None]) -> None:
        """Returns when the first is done; tells the steps done of all. Checks after each step and ten times a second.

        Raises the error of any that has failed.
        """
        reported = -1
        while True:
            check()
            n_done = sum(task.steps_done for task in tasks)
            if n_done != reported:
                progress(n_done)
                reported = n_done
            for task in tasks:
                if task.future.done() and (error := task.future.exception()):
                    raise error
            if tasks[0].future.done():
                return
            with self._changed:
                if sum(task.steps_done for task in tasks) == n_done:
                    self._changed.wait(_CHECK_S)

    def _run(self) -> None:
        """The device's thread, for as long as there is work."""
        while True:
            with self._changed:
                self._drop_cancelled()
                if not self._scheduler:
                    self._batch.arrange([])
                    self._running = False
                    return
                self._scheduler.admit()
                tasks = list(self._scheduler.in_flight)
            try:
                self._step(tasks)
            except torch.OutOfMemoryError:
                self._shrink(tasks)
            except Exception as error:
                self._fail(tasks, error)
            with self._changed:
                self._changed.notify_all()

    def _drop_cancelled(self) -> None:
        for task in self._scheduler.tickets():
            if task.future.cancelled():
                self._scheduler.remove(task)

    def _step(self, tasks: Sequence[_Task]) -> None:
        rows = {task: task.row or self._row(task) for task in tasks}
        for task, row in rows.items():
            task.row = row
        stepping = [row for row in rows.values() if not row.done]
        if stepping != self._batch.rows:
            self._batch.arrange(stepping)
        if stepping:
            self._batch.step()
            self._pace()
        if any(row.done for row in rows.values()):
            self._batch.arrange([row for row in stepping if not row.done])
            for task, row in rows.items():
                if row.done:
                    self._finish(task, row)

    def _pace(self) -> None:
        """A GPU works behind the host's back: waits until no more than STEPS_AHEAD steps are queued on it."""
        if self.device.type == "cuda":
            self._ahead.append(torch.cuda.current_stream(self.device).record_event())  # type: ignore[no-untyped-call]
            if len(self._ahead) > STEPS_AHEAD:
                self._ahead.popleft().synchronize()

    def _row(self, task: _Task) -> Row:
        asked, options = task.prompt, task.options
        noise = sampler.draw_noise(options.seed, task.text, task.occurrence, asked.n_frames).to(self.device)
        condition = self.network.condition(asked.reference.mel, asked.tokens, asked.n_frames, options.cfg_strength)
        return Row(noise, condition, self._plan(options.nfe_step, options.sway_sampling_coef), options.cfg_strength)

    def _plan(self, n_steps: int, sway: float) -> Plan:
        key = (n_steps, sway)
        if key not in self._plans:
            self._plans[key] = self.network.plan(n_steps, sway)
        self._plans.move_to_end(key)
        if len(self._plans) > CACHED_PLANS:
            self._plans.popitem(last=False)
        return self._plans[key]

    def _finish(self, task: _Task, row: Row) -> None:
        """Mel to samples: all of the reference's frames are cut off (upstream leaves its last at each chunk's head)."""
        reference = task.prompt.reference
        result: Utterance | EngineError
        try:
            samples = self.vocoder.decode(row.x[len(reference.mel):], reference.mel) * np.float32(reference.gain)
            self._cache.put(task.made_from, samples)
            result = _utterance(samples, task)
        except EngineError as error:
            result = error
        self._resolve(task, result)

    def _resolve(self, task: _Task, result: Utterance | Exception) -> None:
        with self._changed:
            self._scheduler.remove(task)
        if not task.future.set_running_or_notify_cancel():
            return
        if isinstance(result, Exception):
            task.future.set_exception(result)
        else:
            task.future.set_result(result)
        task.row = None  # after the result, by which its steps count as done

    def _shrink(self, tasks: Sequence[_Task]) -> None:
        """Out of memory: fewer lines at a time from now on; where that has been done already, these lines fail."""
        torch.cuda.empty_cache()
        with self._changed:
            halved = self._scheduler.halve()
        if halved:
            log.warning("the GPU ran out of memory with %d lines in flight; from now on half as many", len(tasks))
        else:
            self._fail(tasks, EngineError(
                "the GPU has not enough memory for this text; send it again, or in shorter lines"))

    def _fail(self, tasks: Sequence[_Task], error: Exception) -> None:
        """What is in flight fails; after an error in a kernel everything does, for a CUDA context does not survive."""
        if isinstance(error, RuntimeError) and "CUDA error" in str(error):
            log.error("the GPU failed", exc_info=error)
            error = EngineLost("the GPU failed; this worker is replaced, send the job again")
            with self._changed:
                self._lost = error
                tasks = self._scheduler.tickets()
        self._batch = Batch(self.network, self._graphs)
        for task in tasks:
            self._resolve(task, error)


def _fastest(build: Callable[[Kernels], Network], device: torch.device) -> tuple[Network, Graphs | None]:
    """The network and its graphs. What they were compared with is let go: 1.35 GB of float32."""
    own = prompt.own_voice()
    oracle = checks.Oracle(build(Kernels(torch.float32)),
                           mel.encode(own.samples, own.rate_hz, Options().target_rms)[0])
    network = checks.fastest(oracle, build, checks.candidates(device))
    if not network.kernels.capturable:
        return network, None
    return network, checks.graphed(network, oracle, checks.worth_capturing, CudaCapture(device))


def _frame_budget(network: Network) -> int:
    """Frames in flight: what half of the free memory holds, up to MAX_BATCH_FRAMES, and one long line at least."""
    if network.device.type != "cuda":
        return 2 * MAX_FRAMES
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info(network.device)
    return max(2 * MAX_FRAMES, min(MAX_BATCH_FRAMES, free // 2 // (BYTES_PER_CHANNEL * network.architecture.dim)))


def _utterance(samples: Samples, task: _Task) -> Utterance:
    warnings = [f"{where} has characters that the model does not know: {_listed(replaced)}"
                for where, replaced in (("the text", task.prompt.replaced),
                                        (f"the reference text of voice {task.voice.name}",
                                         task.prompt.reference.replaced))
                if replaced]
    if task.n_steps not in EPSS and task.n_steps < EVEN_FROM:
        warnings.append(f"nfe_step {task.n_steps} has no pruned schedule and takes even steps; "
                        f"{', '.join(map(str, EPSS))} have one")
    n_own = len(task.prompt.reference.mel)
    hurried = (task.prompt.wanted_frames - n_own) / (task.prompt.n_frames - n_own)
    if hurried >= 1.05:
        warnings.append(f"a line is said {hurried:.1f} times as fast as the voice speaks, to fit into the model; "
                        "shorter sentences avoid it")
    peak = float(np.abs(samples).max())
    if peak > 1.0:
        warnings.append(f"the speech peaked at {peak:.2f} of full scale and was clipped; a lower target_rms avoids it")
    return Utterance(np.clip(samples, -1.0, 1.0), warnings=tuple(warnings))


def _listed(replaced: Mapping[str, str]) -> str:
    said = [f"{written!r} was left out" if became == " " else f"{written!r} was said as {became!r}"
            for written, became in replaced.items()]
    return ", ".join(said[:20]) + (" …" if len(said) > 20 else "")


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise checkpoint.LoadError(f"the device {name!r} is not known: auto, cpu, cuda or cuda:0") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise checkpoint.LoadError(f"the device {name} was asked for and PyTorch finds no GPU here")
    return device


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
