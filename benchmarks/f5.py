"""`./run bench f5`: F5-TTS against upstream on one device, from 32 steps one by one to batches of lines.

Weights are random: speed needs no others. On a GPU the whole of F5TTS_v1_Base runs; on a CPU its full width with one
of its 22 layers and shorter lines, so that it ends within minutes. Rounds of all rows are interleaved, so that what
else the machine does falls on all alike. docs/SPEED.md is written from the results.
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
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from tests.doubles.f5 import f5_weights
from tts.f5 import checks, mel, prompt
from tts.f5.batch import Batch, Row
from tts.f5.checkpoint import ARCHITECTURES, N_MELS, Architecture, official_vocabulary, read_vocabulary
from tts.f5.graphs import CudaCapture, Graphs
from tts.f5.kernels import Kernels
from tts.f5.network import Network

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


def ladder(on_gpu: bool) -> list[Case]:
    if not on_gpu:
        return [Case("upstream", 7, 1, 3.0), Case("ours", 7, 1, 3.0), Case("ours", 7, 2, 3.0)]
    alone = [Case(who, n_steps, 1, 0.0) for who in ("upstream", "ours") for n_steps in (32, 16, 7)]
    rungs = [Case(who, 16, 1, 0.0) for who in ("ours, eager", "ours, fused")]
    batches = [Case("ours", 16, n_rows, 0.0) for n_rows in (2, 4, 8, 16, 32)]
    return [replace(case, reference_s=seconds) for seconds in (3.0, 6.0, 12.0) for case in alone + rungs + batches]


class Ladder:
    """Both networks over the same weights, and each case as a call that ends when the mel is there."""

    def __init__(self, shape: Architecture, device: torch.device, line_s: float) -> None:
        vocabulary = read_vocabulary(official_vocabulary())
        weights = f5_weights(shape, len(vocabulary), torch.Generator().manual_seed(0))
        build = partial(Network, weights, shape, device)
        voice = prompt.own_voice()
        self.device, self._line_s = device, line_s
        oracle = checks.Oracle(build(Kernels(torch.float32)), mel.encode(voice.samples, voice.rate_hz, 0.1)[0])
        self.ours = checks.fastest(oracle, build, checks.candidates(device))
        graphs = None
        if self.ours.kernels.capturable:
            graphs = checks.graphed(self.ours, oracle, checks.worth_capturing, CudaCapture(device))
        self.n_graphs = len(graphs.graphs) if graphs else 0
        self.forms: dict[str, tuple[Network, Graphs | None]] = {"ours": (self.ours, graphs)}
        if device.type == "cuda":
            eager = checks.fastest(oracle, build, [checks.half_precision])
            self.forms |= {"ours, eager": (eager, None), "ours, fused": (self.ours, None)}
        self.upstream = _upstream(shape, weights, len(vocabulary), device)

    def run(self, case: Case) -> Callable[[], None]:
        n_reference = round(case.reference_s * mel.FRAMES_PER_S)
        n_frames = n_reference + round(self._line_s * mel.FRAMES_PER_S)
        reference, tokens = torch.randn(n_reference, N_MELS) - 3, torch.arange(100)
        if case.who == "upstream":
            dtype = next(self.upstream.parameters()).dtype
            return lambda: self.upstream.sample(
                reference[None].to(self.device, dtype), tokens[None].to(self.device), n_frames, steps=case.n_steps,
                cfg_strength=GUIDANCE, sway_sampling_coef=SWAY)
        network, graphs = self.forms[case.who]
        plan = network.plan(case.n_steps, SWAY)

        def ours() -> None:
            batch = Batch(network, graphs)
            batch.arrange([Row(torch.randn(n_frames, N_MELS, device=self.device),
                               network.condition(reference, tokens, n_frames, GUIDANCE), plan, GUIDANCE)
                           for _ in range(case.n_rows)])
            for _ in range(case.n_steps):
                batch.step()
            batch.arrange([])

        return ours


def _upstream(shape: Architecture, weights: dict[str, torch.Tensor], n_tokens: int, device: torch.device) -> Any:
    from f5_tts.model import CFM, DiT
    from f5_tts.model.modules import MelSpec

    network = CFM(transformer=DiT(**asdict(shape), text_num_embeds=n_tokens, mel_dim=N_MELS), mel_spec_module=MelSpec())
    network.load_state_dict({f"transformer.{name}": tensor for name, tensor in weights.items()}, strict=False)
    network = network.to(device).eval()
    return network.half() if device.type == "cuda" else network  # as upstream's load_checkpoint does


def measure(cases: list[Case], runs: dict[Case, Callable[[], None]], rounds: int,
            device: torch.device) -> dict[Case, list[tuple[float, float]]]:
    """Seconds by the clock and of all cores, the rounds of all cases interleaved, after one that does not count."""
    seconds: dict[Case, list[tuple[float, float]]] = {case: [] for case in cases}
    for number in range(rounds + 1):
        for case in cases:
            gc.collect()
            started, cores = time.perf_counter(), time.process_time()
            runs[case]()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if number:
                seconds[case].append((time.perf_counter() - started, time.process_time() - cores))
    return seconds


def against_upstream(seconds: dict[Case, list[tuple[float, float]]]) -> list[dict[str, Any]]:
    """Ours by upstream's at equal steps, round by round: the quartiles of both clocks' ratios, and the verdict.

    "Not slower" is a median ratio of the cores' time of at most 1.02; other programs do not count in that time.
    """
    found = []
    for case, ours in seconds.items():
        theirs = seconds.get(replace(case, who="upstream"))
        if case.who == "ours" and theirs:
            wall, cores = ([mine[clock] / their[clock] for mine, their in zip(ours, theirs, strict=True)]
                           for clock in (0, 1))
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


@contextmanager
def _peak(device: torch.device, found: dict[str, float]) -> Any:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    yield
    if device.type == "cuda":
        found["peak_mb"] = torch.cuda.max_memory_allocated() / 1e6


def report(device: torch.device, depth: int, line_s: float, rounds: int) -> dict[str, Any]:
    shape = replace(ARCHITECTURES["F5TTS_v1_Base"], depth=depth)
    made = Ladder(shape, device, line_s)
    cases = ladder(device.type == "cuda")
    rate = matmul_rate(device, made.ours.kernels.dtype)
    peak: dict[str, float] = {}
    with _peak(device, peak):
        seconds = measure(cases, {case: made.run(case) for case in cases}, rounds, device)
    rows = []
    for case, measured in seconds.items():
        times = [wall for wall, _ in measured]
        middle, audio_s = statistics.median(times), line_s * case.n_rows
        work = flops(shape, round((case.reference_s + line_s) * mel.FRAMES_PER_S)) * 2 * case.n_rows * case.n_steps
        rows.append({**asdict(case), "rtf": middle / audio_s, "audio_s_per_s": audio_s / middle, "p50_s": middle,
                     "p95_s": sorted(times)[int(0.95 * len(times))], "best_s": min(times),
                     "cores_s": statistics.median(cores for _, cores in measured),
                     "share_of_matmul_rate": work / middle / rate})
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"{platform.machine()} CPU"
    return {"device": name, "threads": torch.get_num_threads(), "torch": torch.__version__, "dim": shape.dim,
            "depth": depth, "line_s": line_s, "rounds": rounds, "dtype": str(made.ours.kernels.dtype)[6:],
            "kernels": type(made.ours.kernels).__name__, "n_graphs": made.n_graphs, "matmul_gflops": rate / 1e9,
            **peak, "rows": rows, "against_upstream": against_upstream(seconds)}


def table(found: dict[str, Any]) -> str:
    """Markdown. What the two networks take before the first step and Vocos after the last are not in it."""
    about = (f"{found['device']}, {found['threads']} threads, torch {found['torch']}, width {found['dim']}, "
             f"{found['depth']} of 22 layers, {found['dtype']}, {found['kernels']}, {found.get('n_graphs', 0)} graphs; "
             f"lines of {found['line_s']:g} s, guided; {found['rounds']} interleaved rounds. Measured matrix products: "
             f"{found['matmul_gflops']:.0f} GFLOP/s.")
    names = ("network", "steps", "lines at once", "reference", "RTF", "audio s/s", "p50 s", "p95 s", "best s",
             "of matmul rate")
    lines = [about, "", f"| {' | '.join(names)} |", "| --- " * len(names) + "|"]
    lines += [f"| {row['who']} | {row['n_steps']} | {row['n_rows']} | {row['reference_s']:g} s | {row['rtf']:.3f} | "
              f"{row['audio_s_per_s']:.2f} | {row['p50_s']:.2f} | {row['p95_s']:.2f} | {row['best_s']:.2f} | "
              f"{row['share_of_matmul_rate']:.0%} |" for row in found["rows"]]
    for pair in found.get("against_upstream", []):
        wall, cores = ("/".join(f"{value:.2f}" for value in pair[clock]) for clock in ("wall", "cores"))
        verdict = "not slower" if pair["not_slower"] else "slower"
        about = f"Ours by upstream's, {pair['n_steps']} steps, reference of {pair['reference_s']:g} s, quartiles"
        lines += ["", f"{about} over the rounds: {cores} of the cores' time, {wall} by the clock: {verdict}."]
    return "\n".join(lines)


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
    found = report(torch.device("cuda" if on_gpu else "cpu"), arguments.depth, arguments.line_s, arguments.rounds)
    print(table(found))
    RESULTS.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^a-z0-9]+", "-", found["device"].lower()).strip("-")
    (RESULTS / f"f5-{name}.json").write_text(json.dumps(found, indent=2) + "\n")
    write_page()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
