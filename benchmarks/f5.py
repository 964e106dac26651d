"""`./run bench f5`: F5-TTS against upstream on one device, from 32 steps one by one to batches of lines.

Weights are random: speed needs no others. On a GPU the whole of F5TTS_v1_Base runs; on a CPU its full width with one
of its 22 layers and shorter lines, so that it ends within minutes. Rounds of all rows are interleaved, so that what
else the machine does falls on all alike. "ours, eager" makes its plan anew each time; "+ plan" keeps it; "+ fused" has
the fastest kernels that are right on the device; "ours" its graphs as well. docs/SPEED.md is written from the results.
"""
from __future__ import annotations

import argparse
import gc
import json
import platform
import re
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch

import torch
from torch import Tensor

from tests.doubles.f5 import f5_weights, vocos_weights
from tests.doubles.launches import Launches
from tts.f5 import checks, mel, prompt
from tts.f5.batch import Batch, Row
from tts.f5.checkpoint import ARCHITECTURES, N_MELS, Architecture, official_vocabulary, read_vocabulary
from tts.f5.graphs import CudaCapture, Graphs
from tts.f5.kernels import Kernels
from tts.f5.network import Network
from tts.f5.vocos import Vocos

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "SPEED.md"
GUIDANCE, SWAY = 2.0, -1.0


@dataclass(frozen=True)
class Case:
    who: str
    n_steps: int
    n_rows: int
    reference_s: float


@dataclass(frozen=True)
class Measured:
    """One run. `first_audio_s` is until the first line is a waveform, all others until the last is a mel;
    `memory_mb` is what it took of a GPU beside the networks."""

    wall_s: float
    cores_s: float
    first_audio_s: float
    memory_mb: float | None


def ladder(on_gpu: bool) -> list[Case]:
    alone = [Case(who, n_steps, 1, 3.0) for who in ("upstream", "ours") for n_steps in (32, 16, 7)]
    if not on_gpu:
        batches = [Case("ours, eager", 7, 1, 3.0), *(Case("ours", 7, n_rows, 3.0) for n_rows in (2, 4))]
        return alone + batches + [Case(who, 7, 1, seconds) for seconds in (6.0, 12.0) for who in ("upstream", "ours")]
    rungs = [Case(who, 16, 1, 3.0) for who in ("ours, eager", "ours, + plan", "ours, + fused")]
    batches = [Case("ours", 16, n_rows, 3.0) for n_rows in (2, 4, 8, 16, 32)]
    return [replace(case, reference_s=seconds) for seconds in (3.0, 6.0, 12.0) for case in alone + rungs + batches]


class Ladder:
    """Both networks over the same weights, and each case as a call that ends when the mel is there."""

    def __init__(self, shape: Architecture, device: torch.device, line_s: float) -> None:
        vocabulary, draw = read_vocabulary(official_vocabulary()), torch.Generator().manual_seed(0)
        weights = f5_weights(shape, len(vocabulary), draw)
        build = partial(Network, weights, shape, device)
        voice = prompt.own_voice()
        self.device, self._line_s = device, line_s
        oracle = checks.Oracle(build(Kernels(torch.float32)), mel.encode(voice.samples, voice.rate_hz, 0.1)[0])
        self.ours = checks.fastest(oracle, build, checks.candidates(device))
        graphs = None
        if self.ours.kernels.capturable:
            graphs = checks.graphed(self.ours, oracle, checks.worth_capturing, CudaCapture(device))
        self.n_graphs = len(graphs.graphs) if graphs else 0
        eager = checks.fastest(oracle, build, [checks.half_precision]) if device.type == "cuda" else self.ours
        self.forms: dict[str, tuple[Network, Graphs | None]] = {
            "ours": (self.ours, graphs), "ours, + fused": (self.ours, None), "ours, + plan": (eager, None),
            "ours, eager": (eager, None)}
        self.upstream = _upstream(shape, weights, len(vocabulary), device)
        self.vocoder = Vocos(vocos_weights(512, 1536, 8, draw), 8, device)  # vocos-mel-24khz' sizes

    def run(self, case: Case) -> Callable[[], Tensor]:
        """Returns the first line's mel, when all are there."""
        n_reference = round(case.reference_s * mel.FRAMES_PER_S)
        n_frames = n_reference + round(self._line_s * mel.FRAMES_PER_S)
        reference, tokens = torch.randn(n_reference, N_MELS) - 3, torch.arange(100)
        if case.who == "upstream":
            dtype = next(self.upstream.parameters()).dtype
            return lambda: self.upstream.sample(
                reference[None].to(self.device, dtype), tokens[None].to(self.device), n_frames, steps=case.n_steps,
                cfg_strength=GUIDANCE, sway_sampling_coef=SWAY)[0][0, n_reference:].float()
        network, graphs = self.forms[case.who]
        kept = network.plan(case.n_steps, SWAY)

        def ours() -> Tensor:
            plan = network.plan(case.n_steps, SWAY) if case.who == "ours, eager" else kept
            batch = Batch(network, graphs)
            rows = [Row(torch.randn(n_frames, N_MELS, device=self.device),
                        network.condition(reference, tokens, n_frames, GUIDANCE), plan, GUIDANCE)
                    for _ in range(case.n_rows)]
            batch.arrange(rows)
            for _ in range(case.n_steps):
                batch.step()
            batch.arrange([])
            return rows[0].x[n_reference:]

        return ours

    def measure(self, run: Callable[[], Tensor]) -> Measured:
        gc.collect()
        on_gpu = self.device.type == "cuda"
        if on_gpu:
            torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.max_memory_allocated() if on_gpu else 0
        started, cores = time.perf_counter(), time.process_time()
        line = run()
        self._wait()
        wall_s, cores_s = time.perf_counter() - started, time.process_time() - cores
        memory_mb = (torch.cuda.max_memory_allocated() - before) / 1e6 if on_gpu else None
        self.vocoder.waveform(line)
        self._wait()
        return Measured(wall_s, cores_s, time.perf_counter() - started, memory_mb)

    def launches_per_nfe(self, case: Case) -> int:
        """What a run of six steps starts more than one of five. A graph counts as one, a kernel of ours too."""
        few, more = (self._launches(replace(case, n_steps=n_steps)) for n_steps in (5, 6))
        return more - few

    def _launches(self, case: Case) -> int:
        run = self.run(case)
        run()
        network, graphs = self.forms.get(case.who, (None, None))
        unseen = [(graph, "replay") for graph in graphs.graphs] if graphs else []
        if network and hasattr(network.kernels, "launch"):
            unseen.append((network.kernels, "launch"))
        with ExitStack() as stack, Launches() as seen:
            counted: list[Mock] = [stack.enter_context(patch.object(owner, name, wraps=getattr(owner, name)))
                                   for owner, name in unseen]
            run()
        return sum(seen.names.values()) + sum(each.call_count for each in counted)

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def _upstream(shape: Architecture, weights: dict[str, torch.Tensor], n_tokens: int, device: torch.device) -> Any:
    from f5_tts.model import CFM, DiT
    from f5_tts.model.modules import MelSpec

    network = CFM(transformer=DiT(**asdict(shape), text_num_embeds=n_tokens, mel_dim=N_MELS), mel_spec_module=MelSpec())
    network.load_state_dict({f"transformer.{name}": tensor for name, tensor in weights.items()}, strict=False)
    network = network.to(device).eval()
    return network.half() if device.type == "cuda" else network  # as upstream's load_checkpoint does


def measure(made: Ladder, cases: list[Case], rounds: int) -> dict[Case, list[Measured]]:
    """The rounds of all cases interleaved, after one that does not count."""
    runs = {case: made.run(case) for case in cases}
    found: dict[Case, list[Measured]] = {case: [] for case in cases}
    for number in range(rounds + 1):
        for case in cases:
            measured = made.measure(runs[case])
            if number:
                found[case].append(measured)
    return found


def against_upstream(measured: dict[Case, list[Measured]]) -> list[dict[str, Any]]:
    """Ours by upstream's at equal steps, round by round: the quartiles of both clocks' ratios, and the verdict.

    "Not slower" is a median ratio of the cores' time of at most 1.02; other programs do not count in that time.
    """
    found = []
    for case, ours in measured.items():
        theirs = measured.get(replace(case, who="upstream"))
        if case.who == "ours" and theirs:
            wall = [mine.wall_s / their.wall_s for mine, their in zip(ours, theirs, strict=True)]
            cores = [mine.cores_s / their.cores_s for mine, their in zip(ours, theirs, strict=True)]
            found.append({"n_steps": case.n_steps, "reference_s": case.reference_s, "wall": quartiles(wall),
                          "cores": quartiles(cores), "not_slower": statistics.median(cores) <= 1.02})
    return found


def quartiles(values: list[float]) -> list[float]:
    return statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3


def flops(shape: Architecture, n_frames: int) -> float:
    """Of one sequence in one evaluation: the matrix products of frames, and attention."""
    inner = shape.heads * 64
    layer = shape.dim * inner * 4 + 2 * shape.dim * shape.dim * shape.ff_mult
    conv = 2 * 31 * shape.dim * shape.dim // 16
    return 2.0 * n_frames * (shape.depth * layer + conv) + 4.0 * n_frames**2 * inner * shape.depth


def matmul_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second of a large product, the best of ten: the limit that the network is held against."""
    size = 8192 if device.type == "cuda" else 1024
    a = torch.randn(size, size, device=device, dtype=dtype)
    best = float("inf")
    for _ in range(10):
        started = time.perf_counter()
        a @ a
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return 2.0 * size**3 / best


def report(shape: Architecture, cases: list[Case], device: torch.device, line_s: float,
           rounds: int) -> dict[str, Any]:
    made = Ladder(shape, device, line_s)
    rate = matmul_rate(device, made.ours.kernels.dtype)
    measured = measure(made, cases, rounds)
    rows = []
    for case, runs in measured.items():
        work = flops(shape, round((case.reference_s + line_s) * mel.FRAMES_PER_S)) * 2 * case.n_rows * case.n_steps
        row = _row(case, runs, line_s * case.n_rows)
        rows.append(row | {"launches_per_nfe": made.launches_per_nfe(case),
                           "share_of_matmul_rate": work / row["p50_s"] / rate})
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"{platform.machine()} CPU"
    return {"device": name, "threads": torch.get_num_threads(), "torch": torch.__version__, "dim": shape.dim,
            "depth": shape.depth, "line_s": line_s, "rounds": rounds, "dtype": str(made.ours.kernels.dtype)[6:],
            "kernels": made.ours.kernels.name, "n_graphs": made.n_graphs, "matmul_gflops": rate / 1e9,
            "rows": rows, "against_upstream": against_upstream(measured)}


def _row(case: Case, runs: list[Measured], audio_s: float) -> dict[str, Any]:
    times = sorted(run.wall_s for run in runs)
    p50_s = statistics.median(times)
    return {**asdict(case), "rtf": p50_s / audio_s, "audio_s_per_s": audio_s / p50_s, "p50_s": p50_s,
            "p95_s": times[int(0.95 * len(times))], "best_s": times[0],
            "first_audio_s": statistics.median(run.first_audio_s for run in runs),
            "cores_s": statistics.median(run.cores_s for run in runs),
            "memory_mb": max((run.memory_mb for run in runs if run.memory_mb is not None), default=None)}


def table(found: dict[str, Any]) -> str:
    """Markdown. Vocos is in the first audio alone, and it is ours for both."""
    about = (f"{found['device']}, {found['threads']} threads, torch {found['torch']}, width {found['dim']}, "
             f"{found['depth']} of 22 layers, {found['dtype']}, {found['kernels']}, {found.get('n_graphs', 0)} graphs; "
             f"lines of {found['line_s']:g} s, guided; {found['rounds']} interleaved rounds. Measured matrix products: "
             f"{found['matmul_gflops']:.0f} GFLOP/s.")
    names = ("network", "steps", "lines at once", "reference", "RTF", "audio s/s", "p50 s", "p95 s", "first audio s",
             "launches per NFE", "of matmul rate", "memory MB")
    lines = [about, "", f"| {' | '.join(names)} |", "| --- " * len(names) + "|"]
    lines += [f"| {row['who']} | {row['n_steps']} | {row['n_rows']} | {row['reference_s']:g} s | {row['rtf']:.3f} | "
              f"{row['audio_s_per_s']:.2f} | {row['p50_s']:.2f} | {row['p95_s']:.2f} | {row['first_audio_s']:.2f} | "
              f"{row['launches_per_nfe']} | {row['share_of_matmul_rate']:.0%} | {_megabytes(row['memory_mb'])} |"
              for row in found["rows"]]
    for pair in found.get("against_upstream", []):
        wall, cores = ("/".join(f"{value:.2f}" for value in pair[clock]) for clock in ("wall", "cores"))
        verdict = "not slower" if pair["not_slower"] else "slower"
        about = f"Ours by upstream's, {pair['n_steps']} steps, reference of {pair['reference_s']:g} s, quartiles"
        lines += ["", f"{about} over the rounds: {cores} of the cores' time, {wall} by the clock: {verdict}."]
    return "\n".join(lines)


def _megabytes(memory_mb: float | None) -> str:
    return "-" if memory_mb is None else f"{memory_mb:.0f}"


def write_page() -> None:
    """Puts the tables of all results between the marks in docs/SPEED.md."""
    tables = [table(json.loads(path.read_text())) for path in sorted(RESULTS.glob("f5-*.json"))]
    page = PAGE.read_text(encoding="utf-8")
    start, end = "<!-- results -->\n", "<!-- end -->"
    PAGE.write_text(page[:page.index(start)] + start + "\n\n".join(tables) + "\n" + page[page.index(end):],
                    encoding="utf-8")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench f5")
    on_gpu = torch.cuda.is_available()
    parser.add_argument("--rounds", type=int, default=20 if on_gpu else 3)
    parser.add_argument("--depth", type=int, default=22 if on_gpu else 1, help="layers of the 22")
    parser.add_argument("--line-s", type=float, default=6.0 if on_gpu else 2.0, help="seconds of a line")
    arguments = parser.parse_args(argv)
    shape = replace(ARCHITECTURES["F5TTS_v1_Base"], depth=arguments.depth)
    found = report(shape, ladder(on_gpu), torch.device("cuda" if on_gpu else "cpu"), arguments.line_s,
                   arguments.rounds)
    print(table(found))
    RESULTS.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^a-z0-9]+", "-", found["device"].lower()).strip("-")
    (RESULTS / f"f5-{name}.json").write_text(json.dumps(found, indent=2) + "\n")
    write_page()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
