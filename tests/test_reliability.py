"""What may break around a job without the job being lost, done twice or half told."""
from __future__ import annotations

from tests.bench.kill_bench import kill_workers


def test_workers_killed_at_random_instants_lose_nothing_and_do_nothing_twice() -> None:
    outcome = kill_workers(5, seed=3)
    assert outcome.problems == []
    assert outcome.jobs >= 4
