from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tts.f5.scheduler import Scheduler, Ticket


def tickets(job: str, count: int, n_frames: int = 100, n_steps: int = 10) -> list[Ticket]:
    return [Ticket(job, n_frames, n_steps) for _ in range(count)]


def queue(budget_frames: int, max_rows: int, *waiting: list[Ticket]) -> Scheduler[Ticket]:
    scheduler: Scheduler[Ticket] = Scheduler(budget_frames, max_rows)
    for ticket in [ticket for some in waiting for ticket in some]:
        scheduler.add(ticket)
    return scheduler


def order(scheduler: Scheduler[Ticket]) -> list[str]:
    """The jobs of the lines in the order in which they join, when the oldest line leaves at each turn."""
    found = []
    while scheduler:
        found += [str(ticket.job) for ticket in scheduler.admit()]
        scheduler.remove(scheduler.in_flight[0])
    return found


def test_lines_join_while_the_budget_of_frames_and_rows_lasts() -> None:
    assert len(queue(1000, 64, tickets("a", 20)).admit()) == 10
    assert len(queue(1000, 4, tickets("a", 20)).admit()) == 4
    assert len(queue(1000, 64, tickets("a", 3)).admit()) == 3


def test_a_line_larger_than_the_budget_goes_alone() -> None:
    scheduler = queue(50, 64, tickets("a", 2))
    assert len(scheduler.admit()) == 1 and scheduler.admit() == []
    scheduler.remove(scheduler.in_flight[0])
    assert len(scheduler.admit()) == 1


def test_short_jobs_behind_a_long_one_go_before_its_second_line() -> None:
    scheduler = queue(100, 1, tickets("long", 50))
    scheduler.admit()
    for number in range(50):
        scheduler.add(Ticket(f"short {number}", 100, 10))
    scheduler.remove(scheduler.in_flight[0])
    found = order(scheduler)
    assert sorted(found[:50]) == sorted(f"short {number}" for number in range(50))
    assert found[50:] == ["long"] * 49


def test_jobs_share_the_device_by_work_and_not_by_lines() -> None:
    found = order(queue(300, 1, tickets("wide", 20, n_frames=300), tickets("narrow", 60, n_frames=100)))
    assert 8 <= found[:40].count("wide") <= 12


def test_a_new_job_does_not_make_up_for_the_time_before_it_came() -> None:
    scheduler = queue(100, 1, tickets("old", 30))
    for _ in range(10):
        scheduler.admit()
        scheduler.remove(scheduler.in_flight[0])
    for ticket in tickets("new", 20):
        scheduler.add(ticket)
    assert 9 <= order(scheduler)[:20].count("new") <= 11


def test_a_large_line_is_not_passed_over_for_ever_by_small_ones() -> None:
    scheduler = queue(1000, 64, tickets("small", 10))
    scheduler.admit()
    scheduler.add(Ticket("large", 900, 10))
    for turn in range(20):
        scheduler.add(Ticket(f"late {turn}", 100, 10))
        scheduler.admit()
        if any(ticket.job == "large" for ticket in scheduler.in_flight):
            assert turn <= 11
            return
        scheduler.remove(scheduler.in_flight[0])
    raise AssertionError("the large line never joined")


def test_running_out_of_memory_halves_what_was_in_flight_once_and_the_newest_wait_first_in_their_job() -> None:
    lines = tickets("a", 20)
    scheduler = queue(1000, 64, lines)
    scheduler.admit()
    assert scheduler.halve()
    assert scheduler.in_flight == lines[:5] and scheduler.budget_frames == 500
    scheduler.remove(lines[0])
    assert scheduler.admit() == [lines[5]]
    assert not scheduler.halve()


def test_a_line_alone_stays_in_flight_when_the_budget_is_halved() -> None:
    scheduler = queue(1000, 64, tickets("a", 1))
    scheduler.admit()
    assert scheduler.halve() and len(scheduler.in_flight) == 1


def test_a_waiting_line_can_be_removed() -> None:
    lines = tickets("a", 3)
    scheduler = queue(100, 1, lines)
    scheduler.admit()
    scheduler.remove(lines[1])
    scheduler.remove(lines[0])
    assert scheduler.admit() == [lines[2]]
    scheduler.remove(lines[2])
    assert not scheduler and not scheduler._served


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**6), budget=st.integers(100, 3000), rows=st.integers(1, 12))
def test_every_line_is_done_once_within_the_budget_whatever_comes_and_goes(seed: int, budget: int, rows: int) -> None:
    draw = random.Random(seed)
    scheduler: Scheduler[Ticket] = Scheduler(budget, rows)
    waiting = [Ticket(draw.randrange(5), draw.randrange(1, 1500), draw.choice([4, 16])) for _ in range(40)]
    expected, seen = len(waiting), []
    while waiting or scheduler:
        for _ in range(min(len(waiting), draw.randrange(4))):
            scheduler.add(waiting.pop())
        if draw.random() < 0.05:
            scheduler.halve()
        scheduler.admit()
        in_flight = scheduler.in_flight
        assert len(in_flight) <= rows
        assert len(in_flight) <= 1 or sum(ticket.n_frames for ticket in in_flight) <= scheduler.budget_frames
        if in_flight:
            gone = draw.choice(in_flight)
            scheduler.remove(gone)
            seen.append(gone)
    assert len(seen) == len({id(ticket) for ticket in seen}) == expected
