"""`./run bench timing_fit prices`: weighs the prices of `timing.search` against their neighbours, on the dev split.

Each price is tried a half larger and a third smaller, all others as they are, over all conditions in which the text
is what is said. A word costs as many
milliseconds as it is off, at most `LOST_MS`, and so much when it is found though nobody says it; one that is said and
not found costs `MISSED_MS`, since it is marked. A change is worth making when it is better by two standard errors, and
better too where the choice is made without the speakers, and without the conditions, on which it is judged. The code
holds what no such change makes better.
"""
from __future__ import annotations

import multiprocessing
from collections.abc import Mapping, Sequence
from types import ModuleType

import numpy as np
import numpy.typing as npt

from benchmarks.timing_sets import Recording
from text.spoken import read
from timing import search
from timing.pocketsphinx import Sounding, with_noise
from timing.search import Search, Trellis, seconds
from timing.words import to_ms

LOST_MS, MISSED_MS = 300, 150
FACTORS = (2 / 3, 3 / 2)
NAMES = tuple((search, name) for name in (
    "SILENCE_PRICE", "REST_PRICE", "REST", "SKIP_FIRST", "SKIP", "LONG_FRAMES", "STRETCH"))
Prices = dict[str, float]
Floats = npt.NDArray[np.float64]

_search: list[Search] = []


def candidates(names: Sequence[tuple[ModuleType, str]] = NAMES) -> dict[str, Prices]:
    """The modules' values as they are, and each of them changed alone."""
    found = {"as they are": {name: getattr(module, name) for module, name in names}}
    for name, value in dict(found["as they are"]).items():
        for factor in FACTORS:
            changed = type(value)(round(value * factor, 1))
            found[f"{name} {changed:g}"] = found["as they are"] | {name: changed}
    return found


def losses_ms(task: tuple[Recording, Sequence[Prices]]) -> Floats:
    """What each of the prices loses on a recording, for a word."""
    recording, prices = task
    if not _search:
        _search.append(Search())
    audio, found = Sounding(recording.samples), []
    words = [(i, word) for i, token in enumerate(read(recording.text, recording.language)) for word in token.spoken
             if _search[0].knows(word)]
    graph = _search[0].graph([word for _, word in words])
    states, silence = graph.likelihoods(graph.model.cepstra(with_noise(audio.cut(0.0, audio.length_s))))
    for each in prices:
        vars(search).update(each)
        graph = _search[0].graph([word for _, word in words])
        found.append(_loss_ms(recording, audio, Trellis(graph, states, silence), [i for i, _ in words]))
    return np.array(found)


def _loss_ms(recording: Recording, audio: Sounding, trellis: Trellis, places: Sequence[int]) -> float:
    spans: dict[int, tuple[int, int]] = {}
    for part in trellis.path():
        if part.index >= 0:
            place = places[part.index]
            start_ms, end_ms = to_ms(audio.start_s(seconds(part.start))), to_ms(audio.end_s(seconds(part.stop)))
            spans[place] = (spans.get(place, (start_ms, 0))[0], end_ms)
    lost = 0.0
    for place, truth in enumerate(recording.truth_ms):
        span = spans.get(place)
        if truth and span:
            lost += min(max(abs(span[0] - truth[0]), abs(span[1] - truth[1])), LOST_MS)
        elif truth or span:
            lost += MISSED_MS if truth else LOST_MS
    return lost / len(recording.truth_ms)


def choose(recordings: Sequence[tuple[str, Recording]], processes: int = 2) -> str:
    """Prints the table; the name of the best change, or that they stay as they are."""
    tried = candidates()
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        tasks = ((recording, list(tried.values())) for _, recording in recordings)
        losses = np.array(list(pool.imap(losses_ms, tasks)))  # [n_recordings, n_candidates]
    return judged(tried, losses, {"speakers": np.array([recording.speaker for _, recording in recordings]),
                                  "conditions": np.array([name for name, _ in recordings])}, "ms lost a word")


def judged(tried: Mapping[str, Prices], losses: Floats, folds: Mapping[str, npt.NDArray[np.str_]], unit: str) -> str:
    """Prints what each of those tried loses, [n_recordings, n_tried], and how a choice does on folds that it has not
    seen; the name of the best, which is the first unless another is surely better."""
    better = losses - losses[:, :1]
    errors = better.std(axis=0) / np.sqrt(len(better))
    chosen = {kind: _chosen(losses, groups) for kind, groups in folds.items()}
    print(f"{'tried':20}{unit:>15}   change     +-   best without one of the {', of the '.join(folds)}")
    for i, name in enumerate(tried):
        often = ", ".join(f"{np.mean(np.array(list(choice.values())) == i):.0%}" for choice in chosen.values())
        print(f"{name:20}{losses[:, i].mean():15.2f}{better[:, i].mean():9.2f}{errors[i]:7.2f}   {often}")
    for kind, groups in folds.items():
        left_out = np.array([losses[row, chosen[kind][group]] for row, group in enumerate(groups)])
        print(f"chosen without the {kind}: {left_out.mean():.2f}; as they are: {losses[:, 0].mean():.2f}")
    best = int(losses.mean(axis=0).argmin())
    is_sure = better[:, best].mean() < -2 * errors[best]
    name = list(tried)[best if is_sure else 0]
    print(f"the choice: {name}")
    return name


def _chosen(losses: Floats, groups: npt.NDArray[np.str_]) -> dict[str, int]:
    """The best prices for each group, by the recordings that are not in it."""
    return {group: int(losses[groups != group].mean(axis=0).argmin()) for group in np.unique(groups)}
