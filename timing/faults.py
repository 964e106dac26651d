"""Whether a line says each of its words, once, in order, whole.

Each word is judged by what `timing.hypotheses` says of it and its neighbours, by how well it matches and by how long
it takes beside the others; the line by its most suspicious words. What the evidence is worth, a network of one hidden
layer, is fitted by `./run bench verify --fit`.
"""
from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from timing import confidence
from timing.acoustic import STATES, Floats
from timing.align import BELIEVED, LEAST_SHARE, RATE_HZ, Samples, for_sources
from timing.hypotheses import Hypotheses
from timing.pocketsphinx import MAX_WORDS, Sounding, primary, with_noise
from timing.search import FRAMES_PER_S, Found, Graph, Part, Search, Trellis, best_words

SUSPICIOUS = 0.5
LEAST, MOST = -150.0, 60.0
"""In nats: what is less or more says nothing else."""
WORST = -12.0
LONG = frozenset("AA AE AO AW AY EY IY OW OY UW ER F S SH CH JH TH Z ZH".split())
SONORANT = frozenset("M N NG L R W Y".split())
LONG_S, SONORANT_S, SHORT_S = 0.13, 0.09, 0.065
"""Mean lengths of a phone in benchmarks/dev_speech."""
SHORTEST = RATE_HZ // 10
"""In samples: what is shorter is filled up with silence."""
N_DURATIONS = 4
"""So many of the features, the last ones, are lengths of words."""
WEIGHTS = Path(__file__).with_name("faults.json")
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Network:
    """Of features to how suspicious each word is; a line is suspicious whose words sum up to more than `limit`."""

    ARRAYS: ClassVar = ("mean", "scale", "hidden", "bias", "out")
    mean: Doubles
    scale: Doubles
    hidden: Doubles
    bias: Doubles
    out: Doubles
    limit: float = 0.0

    @classmethod
    def read(cls) -> Network:
        values = json.loads(WEIGHTS.read_text())
        return cls(limit=values["limit"], **{name: np.array(values[name]) for name in cls.ARRAYS})

    def words(self, features: Floats) -> Doubles:
        found: Doubles = np.tanh((features - self.mean) / self.scale @ self.hidden + self.bias) @ self.out
        return found

    def line(self, features: Floats) -> float:
        """In nats above `limit`."""
        return float(np.logaddexp.reduce(self.words(features))) - self.limit


class Checker:
    """Loads its model (0.3 s) at the first use; one call at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._network = Network.read()
        self._search: Search | None = None

    def score(self, samples: Samples, rate_hz: int, words: Sequence[str], language: str) -> float | None:
        """0-1; below `SUSPICIOUS` the line is. None for what cannot be judged: another language than English, a word
        that cannot be pronounced.

        `samples` are mono; `words` are lower case, letters and apostrophes.
        """
        found = self._evidence(samples, rate_hz, words, language)
        if found is None:
            return None
        graph, states, silence, sound = found
        if not _is_said(best_words(graph, states, silence, sound, open_end=False), len(words)):
            return 0.0
        features = _features(graph, states, silence)
        return round(float(1 / (1 + np.exp(np.clip(self._network.line(features), -50, 50)))), 3)

    def features(self, samples: Samples, rate_hz: int, words: Sequence[str], language: str) -> Floats | None:
        """[n_words, n_features], see `score`."""
        found = self._evidence(samples, rate_hz, words, language)
        return None if found is None else _features(*found[:3])

    def _evidence(self, samples: Samples, rate_hz: int, words: Sequence[str],
                  language: str) -> tuple[Graph, Floats, Floats, Samples] | None:
        """The words' graph, what the sound says of it, and that sound."""
        if primary(language) != "en":
            return None
        sound = _sound(samples, rate_hz)
        with self._lock:
            search = self._loaded()
            if not words or not all(map(search.knows, words)):
                return None
            graph = search.graph(words)
            return graph, *graph.evidence(sound), sound

    def _loaded(self) -> Search:
        if self._search is None or self._search.n_words > MAX_WORDS:
            self._search = Search(reduced=True)
        return self._search


def _is_said(found: Sequence[Found], n_words: int) -> bool:
    """Whether more is found of the words than of another text's: the network knows only lines with one fault."""
    return sum(score >= BELIEVED for score in confidence.scores(found)) > LEAST_SHARE * n_words


def _sound(samples: Samples, rate_hz: int) -> Samples:
    """At RATE_HZ, without long pauses and digital silence."""
    resampled = for_sources(samples, rate_hz)
    audio = Sounding(np.pad(resampled, (0, max(0, SHORTEST - len(resampled)))))
    return with_noise(audio.cut(0.0, audio.length_s) if audio.parts else np.zeros(SHORTEST, np.float32))


def _features(graph: Graph, states: Floats, silence: Floats) -> Floats:
    """The hypotheses for each word and its neighbours, how it matches, where it stands, how long it takes."""
    trellis = Trellis(graph, states, silence)
    parts: list[Part | None] = [None] * graph.n_words
    for part in trellis.path():
        if part.index >= 0:
            parts[part.index] = part
    table = np.clip(Hypotheses(graph, states, trellis).table(), LEAST, MOST)
    around = np.pad(table, ((1, 0), (0, 0)), constant_values=LEAST)
    match, worst, quiet, length_s, expected_s, gap = _alignment(graph, parts, silence).T
    pace = np.log(length_s / expected_s)
    pace -= np.median(pace)
    after = np.append(gap[1:], len(states) - max((part.stop for part in parts if part), default=0))
    last = graph.n_words - 1
    return np.column_stack([
        table[:-1], table[1:, -1], around[:-2, :2], around[2:, :2],
        match, worst, quiet, (match.sum() - match) / max(last, 1), np.log1p(gap), np.log1p(after),
        [part is None for part in parts], graph.n_phones, expected_s, np.arange(last + 1) == 0,
        np.arange(last + 1) == last,
        length_s, pace, np.append(0, pace[:-1]), np.append(pace[1:], 0)]).astype(np.float32)


def _alignment(graph: Graph, parts: Sequence[Part | None], silence: Floats) -> Doubles:
    """[n_words, 6]: match, worst phone's match, silence's; seconds it takes, seconds expected of its phones; frames of
    other sound or silence before it."""
    rows: list[tuple[float, ...]] = []
    stop = 0
    for word, part in enumerate(parts):
        way = int(graph.ways[word])
        if part is None:
            shortest_s = STATES * graph.n_phones[word] / FRAMES_PER_S
            rows.append((WORST, WORST, 0.0, shortest_s, _expected_s(graph.phones_of(way)), 0))
            continue
        way += int(np.searchsorted(graph.last[way : graph.ways[word + 1]], part.states[0]))
        quiet = float(silence[part.start : part.stop].mean())
        rows.append((max(part.match, WORST), max(part.worst, WORST), max(quiet, WORST),
                     (part.stop - part.start) / FRAMES_PER_S, _expected_s(graph.phones_of(way)), part.start - stop))
        stop = part.stop
    return np.array(rows)


def _expected_s(phones: Sequence[str]) -> float:
    return sum(LONG_S if phone in LONG else SONORANT_S if phone in SONORANT else SHORT_S for phone in phones)
