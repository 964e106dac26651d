"""What only a GPU can show of the F5 engine. Each test skips with a reason where there is none."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from tests.doubles.f5 import ARCHITECTURE, Models, f5_weights, make_f5
from tests.tts.f5.conftest import load
from tts import Line, Options
from tts.f5 import checks, prompt
from tts.f5.batch import Batch
from tts.f5.checkpoint import Architecture
from tts.f5.engine import F5Engine
from tts.f5.graphs import Graphs
from tts.f5.kernels import Kernels
from tts.f5.network import Network

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU")
LINES = [Line(f"This is line number {number}, {'and it is long ' * (number % 4)}as can be heard.", "en")
         for number in range(8)]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return make_f5(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def engine(models: Models) -> F5Engine:
    return F5Engine.load(models.model_dir, models.vocos_dir, models.architecture, "cuda")


@pytest.mark.parametrize("make", checks.candidates(torch.device("cuda")))
def test_each_fast_form_that_can_run_here_equals_the_reference(make: Callable[[], Kernels]) -> None:
    try:
        kernels = make()
    except ImportError as error:
        pytest.skip(f"not installed: {error}")
    shape, cuda = Architecture(**ARCHITECTURE | {"depth": 4, "heads": 2}), torch.device("cuda")
    weights = f5_weights(shape, 200, torch.Generator().manual_seed(3))
    voice = prompt.own_voice()
    mel = prompt.prepare(voice, 0.1, {chr(code): code for code in range(128)}).mel

    def build(chosen: Kernels) -> Network:
        return Network(weights, shape, cuda, chosen)

    oracle = checks.Oracle(build(Kernels(torch.float32)), mel)
    assert checks.fastest(oracle, build, [lambda: kernels]).kernels is kernels


def test_a_gpu_says_what_a_cpu_says_in_half_precision(engine: F5Engine, models: Models) -> None:
    assert engine.network.kernels.dtype == torch.float16
    options = Options(nfe_step=7, seed=4)
    for line in LINES[:3]:
        found, wanted = (each.submit(line, options).result().samples for each in (engine, load(models)))
        assert np.linalg.norm(found - wanted) < 0.02 * np.linalg.norm(wanted)


def test_a_line_in_a_batch_of_eight_is_the_line_alone_within_half_precisions_rounding(engine: F5Engine) -> None:
    """A GPU takes other matrix kernels for other sizes: their sums round otherwise."""
    alone = [engine.submit(line, Options(seed=2)).result().samples for line in LINES]
    together = [future.result().samples for future in [engine.submit(line, Options(seed=2)) for line in LINES]]
    for one, other in zip(alone, together, strict=True):
        assert np.linalg.norm(one - other) < 5e-3 * np.linalg.norm(one)


def test_a_line_alone_twice_is_the_same_to_the_last_bit(engine: F5Engine) -> None:
    first, again = (engine.submit(LINES[1], Options(seed=2)).result().samples for _ in range(2))
    assert np.array_equal(first, again)


def test_memory_is_given_back_after_every_line(engine: F5Engine) -> None:
    def run() -> int:
        for future in [engine.submit(line, Options(nfe_step=5)) for line in LINES]:
            future.result()
        torch.cuda.synchronize()
        return torch.cuda.memory_allocated()

    assert run() == run()


@pytest.fixture
def graphs(engine: F5Engine) -> Graphs:
    if engine._graphs is None:
        pytest.skip(f"no graph was captured for {type(engine.network.kernels).__name__}: the log of the start says why")
    return engine._graphs


def test_each_graph_is_the_step_that_it_was_captured_from(engine: F5Engine, graphs: Graphs) -> None:
    for graph in graphs.graphs:
        assert checks._off(engine.network, graphs, graph) <= checks.TOLERANCE


def test_rows_that_join_and_leave_in_graphs_are_the_rows_without_them(engine: F5Engine, graphs: Graphs) -> None:
    """Back and forth between the sizes, which share their memory."""
    found = []
    for each in (graphs, None):
        rows = [row for n_all in (505, 2300, 801) for row in checks._filling(engine.network, n_all, 4)]
        batch = Batch(engine.network, each)
        for n_rows in (1, len(rows), 2, len(rows) - 1):
            batch.arrange(rows[:n_rows])
            batch.step()
        batch.arrange([])
        found.append(torch.cat([row.x for row in rows]))
    assert checks.difference(*found) <= checks.TOLERANCE


def test_a_request_captures_nothing(engine: F5Engine, graphs: Graphs, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("captured during a request")

    monkeypatch.setattr(torch.cuda.CUDAGraph, "capture_begin", refuse)
    replayed: list[int] = []
    for graph in graphs.graphs:
        monkeypatch.setattr(graph, "replay", lambda run=graph.replay: (replayed.append(1), run())[1])
    assert engine.submit(LINES[0], Options(seed=3, nfe_step=5)).result().samples.size
    assert len(replayed) == 5


def test_several_jobs_at_a_time_are_what_a_gpu_asks_for(engine: F5Engine) -> None:
    assert engine.concurrency > 1
