"""Whether a line says each of its words, once, in order, whole.

Each word is judged by what `timing.hypotheses` says of it and its neighbours, by how well it matches and by how long
it takes beside the others; the line by its most suspicious words. What the evidence is worth, a network of one hidden
layer, is fitted by `./run bench verify --fit`.
"""
from __future__ import annotations

import json
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from timing import adaptation, confidence, lengths
from timing.acoustic import STATES, Floats
from timing.adaptation import Voice
from timing.align import BELIEVED, LEAST_SHARE, RATE_HZ, Samples, for_sources
from timing.graph import Graph, Part
from timing.hypotheses import FAULTS, Hypotheses
from timing.pocketsphinx import MAX_WORDS, Sounding, primary, with_noise
from timing.reduced import VOWELS
from timing.search import FRAMES_PER_S, Search, Trellis, best_words

SUSPICIOUS = 0.5
LEAST, MOST = -150.0, 60.0
"""In nats: what is less or more says nothing else."""
WORST = -12.0
UNLIKE = 9.0
"""In spreads of the cepstra."""
SPREAD_FLOOR = 1e-3
REPEATS, SHORTEST_REPEAT = (0.5, 0.6, 1.0), 5
"""Shares of a word's length; frames."""
RETURNS, SHORTEST_RETURN = (0.4, 0.5, 0.6, 0.75, 1.0), 6
"""The same for what comes back after something else."""
FINE = 5.0
"""In nats: evidence about zero is told apart as finely as this."""
LONG_PHONE, SHORTEST_DIP = 24, 5
"""In frames."""
RELATIVE = (0, 1, 2, 4, 5, 6, 7, 13, 14, 24, 25, 26, 27, 43, 44, 45, 46, 47, 48, 49)
"""Which columns of `_of_words` are looked at beside the voice's clip too: hypotheses but "after the next", match,
lengths, and what speaks for its being said twice."""
SPREAD_ADDED, FARTHEST = 0.1, 5.0
CLIP_SHARE = 0.5
"""Of a clip's words at least so many are found without doubt."""
SHORTEST = RATE_HZ // 10
"""In samples: what is shorter is filled up with silence."""
WEIGHTS = Path(__file__).with_name("faults.json")
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Adaptation:
    """What a clip of a voice says of it: what `timing.adaptation` finds, and of the evidence for the clip's own words
    the mean and the spread, `usual` [2, len(RELATIVE)]."""

    voice: Voice
    usual: Floats


@dataclass(frozen=True)
class Network:
    """Of features to how suspicious each word is; a line is suspicious whose words' mean odds are more than `limit`.

    `effects` are of `timing.lengths`.
    """

    ARRAYS: ClassVar = ("mean", "scale", "hidden", "bias", "out")
    mean: Doubles
    scale: Doubles
    hidden: Doubles
    bias: Doubles
    out: Doubles
    effects: Mapping[str, float]
    limit: float = 0.0

    @classmethod
    def read(cls) -> Network:
        values = json.loads(WEIGHTS.read_text())
        return cls(**{name: np.array(values[name]) for name in cls.ARRAYS}, effects=values["effects"],
                   limit=values["limit"])

    def words(self, features: Floats) -> Doubles:
        found: Doubles = np.tanh((features - self.mean) / self.scale @ self.hidden + self.bias) @ self.out
        return found

    def line(self, features: Floats) -> float:
        """In nats above `limit`."""
        return float(np.logaddexp.reduce(self.words(features))) - math.log(len(features)) - self.limit


class Checker:
    """Loads its model (0.3 s) at the first use; one call at a time."""

    def __init__(self, effects: Mapping[str, float] | None = None) -> None:
        """`effects` are of `timing.lengths`, where they are not the network's."""
        self._lock = threading.Lock()
        self._network = Network.read()
        self._effects = effects or self._network.effects
        self._search: Search | None = None

    def adaptation(self, samples: Samples, rate_hz: int, words: Sequence[str], language: str) -> Adaptation | None:
        """What brings the model to a voice, from a clip of it that says exactly `words`; see `score`.

        None also where the clip does not say them.
        """
        found = self._evidence(samples, rate_hz, words, language, adaptation.NONE)
        if found is None or found.said_share() < CLIP_SHARE:
            return None
        voice = adaptation.voice(found.graph.model, found.cepstra, *found.graph.aligned(found.parts))
        relative = _of_words(_Evidence(found.graph, found.sound, voice), self._effects)[:, RELATIVE]
        return Adaptation(voice, np.stack([relative.mean(axis=0), relative.std(axis=0) + SPREAD_ADDED]))

    def score(self, samples: Samples, rate_hz: int, words: Sequence[str], language: str,
              voice: Adaptation) -> float | None:
        """0-1; below `SUSPICIOUS` the line is. None for what cannot be judged: another language than English, a word
        that cannot be pronounced.

        `samples` are mono; `words` are lower case, letters and apostrophes; `voice` is what `adaptation` says of the
        line's voice.
        """
        found = self._evidence(samples, rate_hz, words, language, voice.voice)
        if found is None:
            return None
        if found.said_share() <= LEAST_SHARE:  # not even another text's: the network knows only lines with one fault
            return 0.0
        line = self._network.line(_features(found, self._effects, voice.usual))
        return round(float(1 / (1 + np.exp(np.clip(line, -50, 50)))), 3)

    def features(self, samples: Samples, rate_hz: int, words: Sequence[str], language: str,
                 voice: Adaptation) -> Floats | None:
        """[n_words, n_features], see `score`."""
        found = self._evidence(samples, rate_hz, words, language, voice.voice)
        return None if found is None else _features(found, self._effects, voice.usual)

    def phones(self, samples: Samples, rate_hz: int, words: Sequence[str], language: str,
               voice: Adaptation) -> list[tuple[list[str], float]]:
        """Of the phones of a line the names of the effects on each, see `timing.lengths`, and the seconds it lasts."""
        found = self._evidence(samples, rate_hz, words, language, voice.voice)
        if found is None:
            return []
        parts, said = found.words(), list[tuple[list[str], float]]()
        for word, part in enumerate(parts):
            if part:
                phones = _phones(found.graph, part)
                names = lengths.named([phone for phone, _ in phones], *_beside(found.graph, parts, word))
                said += [(each, seconds) for each, (_, seconds) in zip(names, phones, strict=True)]
        return said

    def _evidence(self, samples: Samples, rate_hz: int, words: Sequence[str], language: str,
                  voice: Voice) -> _Evidence | None:
        if primary(language) != "en":
            return None
        sound = _sound(samples, rate_hz)
        with self._lock:
            search = self._loaded()
            if not words or not all(map(search.knows, words)):
                return None
            graph = search.graph(words)
        return _Evidence(graph, sound, voice)

    def _loaded(self) -> Search:
        if self._search is None or self._search.n_words > MAX_WORDS:
            self._search = Search(reduced=True)
        return self._search


class _Evidence:
    """What a sound says of a line's words, and the search through it."""

    def __init__(self, graph: Graph, sound: Samples, voice: Voice) -> None:
        self.graph, self.sound = graph, sound
        self.cepstra = graph.cepstra(sound, voice.transform)
        self.states, self.silence = graph.likelihoods(self.cepstra, voice.shifts)
        self.trellis = Trellis(graph, self.states, self.silence)
        self.parts = self.trellis.path()

    def words(self) -> list[Part | None]:
        """Each word's part of the path."""
        parts: list[Part | None] = [None] * self.graph.n_words
        for part in self.parts:
            if part.index >= 0:
                parts[part.index] = part
        return parts

    def said_share(self) -> float:
        """Of the words, those that are found without doubt."""
        found = best_words(self.graph, self.trellis, self.parts, self.silence, self.sound)
        return sum(score >= BELIEVED for score in confidence.scores(found)) / self.graph.n_words


def _sound(samples: Samples, rate_hz: int) -> Samples:
    """At RATE_HZ, without long pauses and digital silence."""
    resampled = for_sources(samples, rate_hz)
    audio = Sounding(np.pad(resampled, (0, max(0, SHORTEST - len(resampled)))))
    return with_noise(audio.cut(0.0, audio.length_s) if audio.parts else np.zeros(SHORTEST, np.float32))


def _features(found: _Evidence, effects: Mapping[str, float], usual: Floats) -> Floats:
    """What is known of each word, and how far what tells faults lies from what the voice's clip has usually."""
    words = _of_words(found, effects)
    mean, spread = usual
    return np.column_stack([words, np.clip((words[:, RELATIVE] - mean) / spread, -FARTHEST, FARTHEST)])


def _of_words(found: _Evidence, effects: Mapping[str, float]) -> Floats:
    """The hypotheses for each word and its neighbours, how it matches, where it stands, how long it takes, and what
    speaks for its being said twice."""
    graph, states, parts = found.graph, found.states, found.words()
    table = Hypotheses(graph, states, found.trellis).table()
    match, worst, quiet, gap, length_s, expected_s, slowest, fastest = _alignment(found, parts, effects).T
    pace = np.log(length_s / expected_s)
    usual = np.median(pace)
    pace -= usual
    after = np.append(gap[1:], len(states) - max((part.stop for part in parts if part), default=0))
    last = graph.n_words - 1
    near = _near(np.clip(table, LEAST, MOST))
    twice, other = np.clip(table[:-1, [FAULTS.index("said twice"), FAULTS.index("another sound")]], LEAST, -LEAST).T
    return np.column_stack([
        near, match, worst, quiet, (match.sum() - match) / max(last, 1), np.log1p(gap), np.log1p(after),
        [part is None for part in parts], graph.n_phones, expected_s, np.arange(last + 1) == 0,
        np.arange(last + 1) == last, slowest - usual, fastest - usual, length_s, pace, np.append(0, pace[:-1]),
        np.append(pace[1:], 0), np.arcsinh(near / FINE), np.arcsinh(twice / FINE),
        np.arcsinh((twice - other) / 2 / FINE), twice / (length_s * FRAMES_PER_S), _doubling(found, parts),
    ]).astype(np.float32)


def _near(table: Floats) -> Floats:
    """[n_words, 13]: of each word all hypotheses, what is behind it, and whether its neighbours are left out or said
    twice."""
    around = np.pad(table, ((1, 0), (0, 0)), constant_values=LEAST)
    found: Floats = np.column_stack([table[:-1], table[1:, -1], around[:-2, :2], around[2:, :2]])
    return found


def _alignment(found: _Evidence, parts: Sequence[Part | None], effects: Mapping[str, float]) -> Doubles:
    """[n_words, 8]: match, worst phone's match, silence's; frames of other sound or silence before it; seconds it
    takes, seconds expected of its phones; pace of its slowest and of its fastest phone."""
    graph, rows = found.graph, list[tuple[float, ...]]()
    stop = 0
    for word, part in enumerate(parts):
        if part is None:
            shortest_s = STATES * graph.n_phones[word] / FRAMES_PER_S
            usual = lengths.usual_s(graph.phones_of(int(graph.ways[word])), lengths.PAUSE, lengths.PAUSE, effects)
            rows.append((WORST, WORST, 0, 0, shortest_s, sum(usual), 0, 0))
            continue
        phones = _phones(graph, part)
        usual = lengths.usual_s([phone for phone, _ in phones], *_beside(graph, parts, word), effects)
        paces = [math.log(seconds / usually) for (_, seconds), usually in zip(phones, usual, strict=True)]
        rows.append((max(part.match, WORST), max(part.worst, WORST),
                     max(float(found.silence[part.start : part.stop].mean()), WORST), part.start - stop,
                     (part.stop - part.start) / FRAMES_PER_S, sum(usual), max(paces), min(paces)))
        stop = part.stop
    return np.array(rows)


def _beside(graph: Graph, parts: Sequence[Part | None], word: int) -> tuple[str, str]:
    """The phones that a word of the path meets."""
    before, part, after = [None, *parts, None][word : word + 3]
    return (_phones(graph, before)[-1][0] if before and part and before.stop == part.start else lengths.PAUSE,
            _phones(graph, after)[0][0] if after and part and part.stop == after.start else lengths.PAUSE)


def _doubling(found: _Evidence, parts: Sequence[Part | None]) -> Doubles:
    """[n_words, 4]: see `_repeat`, `_return` and `_dip`; frames by which its phones are longer than `LONG_PHONE`."""
    cepstra = found.cepstra[:, 1:] / (found.cepstra[:, 1:].std(axis=0) + SPREAD_FLOOR)
    rows = []
    for part in parts:
        if part is None:
            rows.append((UNLIKE, 0.0, 0.0, 0.0))
            continue
        phones = [(phone, round(seconds * FRAMES_PER_S)) for phone, seconds in _phones(found.graph, part)]
        rows.append((_repeat(cepstra, part.start, part.stop), _return(cepstra, part.start, part.stop),
                     _dip(found.cepstra[part.start : part.stop, 0], phones),
                     float(sum(max(0, n_frames - LONG_PHONE) for _, n_frames in phones))))
    return np.array(rows)


def _repeat(cepstra: Floats, start: int, stop: int) -> float:
    """How far from each other the two most alike stretches about a word are, of which one follows the other."""
    least = UNLIKE
    for share in REPEATS:
        n = max(SHORTEST_REPEAT, int(share * (stop - start)))
        first, last = max(0, start - n // 2), min(len(cepstra) - 2 * n, stop)
        if first <= last:
            least = min(least, float(_away(cepstra[first : last + 2 * n], n, n).min()))
    return least


def _return(cepstra: Floats, start: int, stop: int) -> float:
    """How much more alike two stretches about a word are, one behind the other, than what lies half as far apart: a
    drawn-out sound is alike at any distance, one that is said twice is not."""
    most = 0.0
    for n in {max(SHORTEST_RETURN, int(share * (stop - start))) for share in RETURNS}:
        first, last, half = max(0, start - n // 2), min(len(cepstra) - 2 * n, stop), n // 2
        if first <= last:
            around = cepstra[first : last + 2 * n]
            most = max(most, float((_away(around, half, 2 * n - half)[: last - first + 1]
                                    - _away(around, n, n)[: last - first + 1]).max()))
    return most


def _away(cepstra: Floats, by: int, n_frames: int) -> Doubles:
    """From each frame on, the mean distance of so many frames from those that come `by` frames later."""
    total = np.cumsum(np.append(0, np.linalg.norm(cepstra[:-by] - cepstra[by:], axis=1)))
    found: Doubles = (total[n_frames:] - total[:-n_frames]) / n_frames
    return found


def _dip(loudness: Floats, phones: Sequence[tuple[str, int]]) -> float:
    """How far a vowel of a word falls between two louder places, by the first cepstrum."""
    most, start = 0.0, 0
    for phone, n_frames in phones:
        level = loudness[start : start + n_frames]
        start += n_frames
        if phone in VOWELS and n_frames >= SHORTEST_DIP:
            before, behind = np.maximum.accumulate(level), np.maximum.accumulate(level[::-1])[::-1]
            most = max(most, float((np.minimum(before, behind) - level).max()))
    return most


def _phones(graph: Graph, part: Part) -> list[tuple[str, float]]:
    """Each phone of a word on the path, and its seconds."""
    way = graph.way_of(part)
    n_frames = np.bincount((np.array(part.states) - graph.first[way]) // STATES)
    return list(zip(graph.phones_of(way), (n_frames / FRAMES_PER_S).tolist(), strict=True))
