"""Which lines step together. No torch, no thread, no clock: the engine's device loop asks, this answers.

Lines wait by job and jobs share the device by start-time fair queueing: the next line is that of the job with the
least work admitted so far, and a new job starts level with the others. So a short job behind a long one waits for
the lines in flight and one line of each job, not for the long one's end; and no line is passed over for ever.
"""
from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar


@dataclass(eq=False, slots=True)
class Ticket:
    """One line. `n_frames` counts the frames of all its sequences: they are in memory, and worked on, at each step."""

    job: Hashable
    n_frames: int
    n_steps: int


T = TypeVar("T", bound=Ticket)


class Scheduler(Generic[T]):
    """At most `budget_frames` and `max_rows` are in flight, except that a line alone always may be."""

    def __init__(self, budget_frames: int, max_rows: int) -> None:
        self.budget_frames = budget_frames
        self._max_rows = max_rows
        self._halved = False
        self._waiting: dict[Hashable, deque[T]] = {}
        self._served: dict[Hashable, float] = {}
        self._level = 0.0
        self.in_flight: list[T] = []

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.in_flight or self._waiting)

    def tickets(self) -> list[T]:
        """All of them, those in flight first."""
        return [*self.in_flight, *(ticket for waiting in self._waiting.values() for ticket in waiting)]

    def add(self, ticket: T) -> None:
        self._waiting.setdefault(ticket.job, deque()).append(ticket)
        self._served.setdefault(ticket.job, self._level)

    def admit(self) -> list[T]:
        """Moves the lines that now join from waiting to in flight. A line that does not fit holds back those after."""
        admitted: list[T] = []
        while self._waiting:
            job = min(self._waiting, key=self._served.__getitem__)
            ticket = self._waiting[job][0]
            if not self._fits(ticket):
                break
            self._take(job)
            self.in_flight.append(ticket)
            admitted.append(ticket)
            self._level = self._served[job]
            self._served[job] += ticket.n_frames * ticket.n_steps
        return admitted

    def remove(self, ticket: T) -> None:
        """A line that is done, has failed or was cancelled, wherever it is."""
        if ticket in self.in_flight:
            self.in_flight.remove(ticket)
        elif ticket in self._waiting.get(ticket.job, ()):
            self._waiting[ticket.job].remove(ticket)
        if not self._waiting.get(ticket.job):
            self._waiting.pop(ticket.job, None)
            if not any(other.job == ticket.job for other in self.in_flight):
                self._served.pop(ticket.job, None)

    def halve(self) -> bool:
        """After running out of memory: half the budget from now on, and the newest lines wait again. Once only."""
        if self._halved:
            return False
        self._halved = True
        self.budget_frames = max(1, min(self.budget_frames, self._n_frames()) // 2)
        while len(self.in_flight) > 1 and self._n_frames() > self.budget_frames:
            ticket = self.in_flight.pop()
            waiting = self._waiting.pop(ticket.job, deque())
            self._waiting[ticket.job] = deque([ticket, *waiting])
        return True

    def _fits(self, ticket: T) -> bool:
        if not self.in_flight:
            return True
        return len(self.in_flight) < self._max_rows and self._n_frames() + ticket.n_frames <= self.budget_frames

    def _n_frames(self) -> int:
        return sum(ticket.n_frames for ticket in self.in_flight)

    def _take(self, job: Hashable) -> None:
        waiting = self._waiting[job]
        waiting.popleft()
        if not waiting:
            del self._waiting[job]
