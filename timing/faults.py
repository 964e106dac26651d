"""Whether a line says each of its words, once, in order, whole: a test of each word against what may have gone wrong.

For every word, the best path of `timing.search` is weighed against the best one on which that word is left out, said
twice, said after the next one, begun or ended too late or too early, or is any other sound; and against those with
another sound before it. The differences, in nats, are the evidence; what they are worth is fitted by
benchmarks/verify.py.
"""
from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import soxr

from timing.acoustic import STATES, Floats
from timing.align import RATE_HZ, Samples
from timing.pocketsphinx import MAX_WORDS, PocketSphinx, Sounding, with_noise
from timing.search import REST, STRETCH, Graph, Search, Trellis

FAULTS = ("left out", "said twice", "after the next", "cut at its end", "cut at its start", "another sound")
KEPT = 0.6
"""Of its phones a cut word has at most so many."""
LEAST, MOST = -60.0, 80.0
"""In nats: what is less or more says nothing else."""
WEIGHTS: tuple[float, ...] = (0.781, -0.58, -0.47, -0.121, 0.039, -0.094, 0.301, -0.016)
"""Of `features`; below a sum of 0 a line is suspicious. From `./run bench verify --fit`."""


class Checker:
    """Loads its model (0.3 s) at the first use; one call at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._source = PocketSphinx()
        self._search: Search | None = None

    def evidence(self, samples: Samples, rate_hz: int, words: Sequence[str], language: str) -> Floats | None:
        """[n_words + 1, 7]: for each word how much better each of `FAULTS`, and another sound before it, matches than
        the words as they are; the last row has the sound behind the last word alone. None for what cannot be judged:
        another language than English, a word that cannot be pronounced.

        `samples` are mono; `words` are lower case, letters and apostrophes.
        """
        if self._source.supports(language) is not None:
            return None
        audio = Sounding(np.ascontiguousarray(soxr.resample(samples, rate_hz, RATE_HZ), dtype=np.float32))
        with self._lock:
            if self._search is None or self._search.n_words > MAX_WORDS:
                self._search = Search()
            if not words or not all(map(self._search.knows, words)):
                return None
            graph = self._search.graph(words)
            sound = audio.cut(0.0, audio.length_s) if audio.parts else np.zeros(0, np.float32)
            states, silence = graph.evidence(with_noise(sound))
        return _Hypotheses(graph, states, silence).table()


def features(table: Floats) -> npt.NDArray[np.float64]:
    """[8]: one, and the strongest evidence in the line for each fault."""
    return np.append(1.0, np.clip(table.max(axis=0), LEAST, MOST) / 10)


class _Hypotheses:
    """`until[t, i]` is the best path through t frames to before word i, `rest[t, i]` that from there to the end."""

    def __init__(self, graph: Graph, states: Floats, silence: Floats) -> None:
        self._graph, self._states, self._silence = graph, states, silence
        self._until = Trellis(graph, states, silence).nodes
        self._mirror = graph.backwards()
        self._rest = Trellis(self._mirror, states[::-1, ::-1], silence[::-1]).nodes[::-1, ::-1]
        self._best = float(self._until[-1, -1])

    def table(self) -> Floats:
        n = self._graph.n_words
        until, rest = self._until, self._rest
        plain = _through(self._graph, self._states, until[:, :-1])
        mirrored = _through(self._mirror, self._states[::-1, ::-1], rest[::-1, :0:-1])
        other = np.maximum.accumulate(until + REST * np.arange(len(until))[:, None], axis=0)
        other -= REST * np.arange(len(until))[:, None]
        table = np.full((n + 1, len(FAULTS) + 1), -np.inf, np.float32)
        table[:n, 0] = (until[:, :-1] + rest[:, 1:]).max(axis=0)
        table[:n, 1] = (self._ends(_through(self._graph, self._states, until[:, 1:])) + rest[:, 1:]).max(axis=0)
        table[: n - 1, 2] = self._swapped()
        table[:n, 3] = _cut(self._graph, plain, rest[:, 1:])
        table[:n, 4] = _cut(self._mirror, mirrored, until[::-1, -2::-1])[::-1]
        table[:n, 5] = (other[:, :-1] + rest[:, 1:]).max(axis=0)
        table[:, 6] = (other + rest).max(axis=0)
        return table - self._best

    def _ends(self, states: Floats) -> Floats:
        """[n_frames + 1, n_words]: the best end of each word."""
        return np.maximum.reduceat(states[:, self._graph.last], self._graph.ways[:-1], axis=1)

    def _swapped(self) -> Floats:
        """Word i + 1 from where word i begins, then word i, then what follows both."""
        entries = np.full((len(self._until), self._graph.n_words), -np.inf, np.float32)
        entries[:, 1:] = self._until[:, :-2]
        later = self._ends(_through(self._graph, self._states, entries))
        entries[:, :-1], entries[:, -1] = later[:, 1:], -np.inf
        both = self._ends(_through(self._graph, self._states, entries))
        found: Floats = (both[:, :-1] + self._rest[:, 2:]).max(axis=0)
        return found


def _through(graph: Graph, scores: Floats, entries: Floats) -> Floats:
    """Each state's best path after t frames, [n_frames + 1, n_states], of words entered at `entries` [.., n_words]."""
    found = np.full((len(scores) + 1, graph.n_states), -np.inf, np.float32)
    entered, age = np.full(graph.n_states, -np.inf, np.float32), np.zeros(graph.n_states, np.float32)
    entries = entries[:, graph.word]
    for t, frame in enumerate(scores):
        state = found[t]
        entered[1:] = state[:-1]
        entered[graph.first] = entries[t]
        age *= state >= entered
        age += 1
        np.maximum(state, entered, out=found[t + 1])
        found[t + 1] += frame
        found[t + 1] -= STRETCH * (age > graph.long_frames)
    return found


def _cut(graph: Graph, states: Floats, after: Floats) -> Floats:
    """[n_words]: the best path that leaves a word after at most `KEPT` of its phones."""
    found = np.full(graph.n_words, -np.inf, np.float32)
    for way, (first, last) in enumerate(zip(graph.first, graph.last, strict=True)):
        word = graph.word[way]
        for kept in range(1, int(KEPT * (last + 1 - first) / STATES) + 1):
            best = (states[:, first + kept * STATES - 1] + after[:, word]).max()
            found[word] = max(found[word], best)
    return found
