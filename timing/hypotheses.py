"""What may have gone wrong at each word of a line, weighed against the words as they are: `timing.search` by pairs.

For every word, the best path on which it is left out, said twice, said after the next one, begun or ended too late or
too early, or is any other sound, less the best path of all. All of them share one set of likelihoods: a path that is
as it should be up to a word and from it on is the sum of a search from the front and one from the back.
"""
from __future__ import annotations

import numpy as np

from timing.acoustic import STATES, Floats, Ints
from timing.graph import Graph
from timing.search import REST, STRETCH, Trellis

FAULTS = ("left out", "said twice", "said twice with the next", "after the next", "cut at its end", "cut at its start",
          "another sound", "another sound before it")
KEPT = 0.6
"""Of its phones a cut word has at most so many."""


class Hypotheses:
    """`until[t, i]` is the best path through t frames to before word i, `rest[t, i]` that from there to the end."""

    def __init__(self, graph: Graph, states: Floats, trellis: Trellis) -> None:
        self._graph, self._states = graph, states
        self._until, self._rest = trellis.nodes, trellis.after
        self._mirror, self._mirrored = graph.backwards(), states[::-1, ::-1]

    def table(self) -> Floats:
        """[n_words + 1, n_faults], in nats; the last row has the sound behind the last word alone."""
        until, rest, n = self._until, self._rest, self._graph.n_words
        nowhere = np.full((len(until), n), -np.inf, np.float32)
        before, behind = nowhere.copy(), nowhere.copy()
        before[:, 1:], behind[:, :-1] = until[:, :-2], until[:, 2:]
        plain, twice, later, pair = self._through([until[:, :-1], until[:, 1:], before, behind])
        nexts = [nowhere.copy(), nowhere.copy()]
        nexts[0][:, :-1], nexts[1][:, 1:] = later.ends()[:, 1:], pair.ends()[:, :-1]
        swapped, paired = (paths.ends() for paths in self._through(nexts))
        [from_end] = _through(self._mirror, self._mirrored, [rest[::-1, :0:-1]])
        other = np.maximum.accumulate(until + REST * np.arange(len(until))[:, None], axis=0)
        other -= REST * np.arange(len(until))[:, None]
        table = np.full((n + 1, len(FAULTS)), -np.inf, np.float32)
        table[:n, 0] = (until[:, :-1] + rest[:, 1:]).max(axis=0)
        table[:n, 1] = (twice.ends() + rest[:, 1:]).max(axis=0)
        table[: n - 1, 2] = (paired[:, 1:] + rest[:, 2:]).max(axis=0)
        table[: n - 1, 3] = (swapped[:, :-1] + rest[:, 2:]).max(axis=0)
        table[:n, 4] = plain.cut(rest[:, 1:])
        table[:n, 5] = from_end.cut(until[::-1, -2::-1])[::-1]
        table[:n, 6] = (other[:, :-1] + rest[:, 1:]).max(axis=0)
        table[:, 7] = (other + rest).max(axis=0)
        table -= until[-1, -1]
        return table

    def _through(self, entries: list[Floats]) -> list[_Paths]:
        return _through(self._graph, self._states, entries)


class _Paths:
    """The best paths through words to some of their states, [n_frames + 1, n_kept], which are those of `kept`."""

    def __init__(self, graph: Graph, kept: Ints, scores: Floats) -> None:
        self._graph, self._kept, self._scores = graph, kept, scores

    def ends(self) -> Floats:
        """[n_frames + 1, n_words]: the best end of each word."""
        at_last = self._scores[:, np.searchsorted(self._kept, self._graph.last)]
        found: Floats = np.maximum.reduceat(at_last, self._graph.ways[:-1], axis=1)
        return found

    def cut(self, after: Floats) -> Floats:
        """[n_words]: the best path that leaves a word early, and goes on as `after` [n_frames + 1, n_words]."""
        found = np.full(self._graph.n_words, -np.inf, np.float32)
        for way, states in enumerate(_early(self._graph)):
            word = self._graph.word[way]
            for at in np.searchsorted(self._kept, states):
                found[word] = max(found[word], (self._scores[:, at] + after[:, word]).max())
        return found


def _early(graph: Graph) -> list[list[int]]:
    """For each way to say a word, the last states of its phones up to `KEPT` of them."""
    return [[first + n_phones * STATES - 1 for n_phones in range(1, int(KEPT * (last + 1 - first) / STATES) + 1)]
            for first, last in zip(graph.first.tolist(), graph.last.tolist(), strict=True)]


def _through(graph: Graph, scores: Floats, entries: list[Floats]) -> list[_Paths]:
    """For words that are entered at each of `entries` [n_frames + 1, n_words]. Only states where a word may be left are
    kept: all would be 100 MB for a line of 20 s."""
    n = len(entries)
    kept = np.unique([*graph.last, *(state for states in _early(graph) for state in states)])
    found = np.full((n, len(scores) + 1, len(kept)), -np.inf, np.float32)
    state, entered = np.full((2, n, graph.n_states), -np.inf, np.float32)
    age = np.zeros_like(state)
    for t, frame in enumerate(scores):
        entered[:, 1:] = state[:, :-1]
        for each, into in zip(entries, entered, strict=True):
            into[graph.first] = each[t, graph.word]
        age *= state >= entered
        age += 1
        np.maximum(state, entered, out=state)
        state += frame
        state -= STRETCH * (age > graph.long_frames).astype(np.float32)
        found[:, t + 1] = state[:, kept]
    return [_Paths(graph, kept, each) for each in found]
