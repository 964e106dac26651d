from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from timing import ctc

BLANK = 0


def emissions(n_frames: int, n_labels: int, seed: int) -> ctc.LogProbs:
    logits = np.random.default_rng(seed).normal(0, 2, (n_frames, n_labels)).astype(np.float32)
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


def collapsed(path: Sequence[int]) -> list[int]:
    return [label for label, _ in itertools.groupby(path) if label != BLANK]


def spellings(labels: Sequence[int], optional: Sequence[bool]) -> set[tuple[int, ...]]:
    """What the labels may read as, with each optional one left out or not."""
    choices = [((label,), ()) if may_miss else ((label,),) for label, may_miss in zip(labels, optional, strict=True)]
    return {tuple(itertools.chain(*choice)) for choice in itertools.product(*choices)}


def best_by_force(log_probs: ctc.LogProbs, labels: Sequence[int], optional: Sequence[bool]) -> float:
    """The best score of all paths through all labels that read as the labels."""
    allowed = spellings(labels, optional)
    paths = itertools.product(range(log_probs.shape[1]), repeat=len(log_probs))
    return max((sum(float(frame[label]) for frame, label in zip(log_probs, path, strict=True))
                for path in paths if tuple(collapsed(path)) in allowed), default=-np.inf)


def score(log_probs: ctc.LogProbs, labels: Sequence[int], path: Sequence[ctc.Segment | None]) -> float:
    """The score of the frames that the path names, blank elsewhere."""
    frames = [BLANK] * len(log_probs)
    for label, segment in zip(labels, path, strict=True):
        if segment is not None:
            frames[segment.first : segment.stop] = [label] * (segment.stop - segment.first)
    assert collapsed(frames) == [label for label, segment in zip(labels, path, strict=True) if segment is not None]
    return sum(float(frame[label]) for frame, label in zip(log_probs, frames, strict=True))


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 6), st.integers(0, 10_000))
def test_the_path_is_the_best_of_all_paths(data: st.DataObject, n_frames: int, seed: int) -> None:
    labels = data.draw(st.lists(st.integers(1, 2), min_size=1, max_size=4))
    optional = [False, *data.draw(st.lists(st.booleans(), min_size=len(labels), max_size=len(labels)))][: len(labels)]
    optional[-1] = False
    optional = [may_miss and not before for may_miss, before in zip(optional, [False, *optional], strict=False)]
    log_probs = emissions(n_frames, 3, seed)
    path = ctc.best_path([log_probs], labels, BLANK, optional)
    best = best_by_force(log_probs, labels, optional)
    if path is None:
        assert best == -np.inf
    else:
        assert score(log_probs, labels, path) == pytest.approx(best, abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 28), min_size=1, max_size=60), st.integers(0, 10_000), st.integers(0, 80))
def test_the_path_is_torchaudios(labels: list[int], seed: int, spare: int) -> None:
    torch = pytest.importorskip("torch")
    from torchaudio.functional import forced_align

    repeats = sum(a == b for a, b in itertools.pairwise(labels))
    log_probs = emissions(len(labels) + repeats + spare, 29, seed)
    path = ctc.best_path([log_probs], labels, BLANK)
    theirs, scores = forced_align(torch.from_numpy(log_probs)[None], torch.tensor([labels]), blank=BLANK)
    assert path is not None and collapsed(theirs[0].tolist()) == labels
    assert score(log_probs, labels, path) == pytest.approx(float(scores.sum()), rel=1e-4)


def known(n_words: int, seed: int = 0) -> tuple[list[int], list[int]]:
    """Labels and the frame of each: words of two to eight letters, a separator between, sometimes a long pause."""
    chance = np.random.default_rng(seed)
    labels: list[int] = []
    frames: list[int] = []
    frame = 5
    for _ in range(n_words):
        for _ in range(chance.integers(2, 9)):
            labels.append(int(chance.integers(2, 30)))
            frames.append(frame)
            frame += int(chance.integers(2, 6))
        labels.append(1)
        frames.append(frame)
        frame += int(chance.integers(1, 6)) + (2000 if chance.random() < 0.005 else 0)
    return labels[:-1], frames[:-1]


def emitted(labels: Sequence[int], frames: Sequence[int], block: int = 1500) -> Iterator[ctc.LogProbs]:
    """Emissions in blocks that are sure of these labels at these frames, and of blank elsewhere, mostly."""
    said = dict(zip(frames, labels, strict=True))
    for start in range(0, frames[-1] + 20, block):
        count = min(block, frames[-1] + 20 - start)
        logits = np.random.default_rng(start).normal(0, 1, (count, 30))
        logits[np.arange(count), [said.get(start + t, BLANK) for t in range(count)]] += 7
        yield (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


def test_a_known_path_is_found_frame_by_frame_through_pauses_and_blocks() -> None:
    labels, frames = known(1200)
    path = ctc.best_path(emitted(labels, frames), labels, BLANK, [label == 1 for label in labels])
    assert path is not None
    found = [label and label.first for label in path]
    assert np.mean([a == b for a, b in zip(found, frames, strict=True)]) > 0.995
    assert all(label is None or label.score > 0.1 for label in path)


def test_a_narrow_band_finds_what_the_whole_trellis_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, frames = known(300)
    whole = ctc.best_path(emitted(labels, frames), labels, BLANK)
    monkeypatch.setattr(ctc, "BAND", 512)
    monkeypatch.setattr(ctc, "SETTLE_FRAMES", 100)
    assert ctc.best_path(emitted(labels, frames), labels, BLANK) == whole


def test_frames_that_stay_undecided_are_settled_before_they_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """In noise, where every label is as likely as blank, the paths do not come to an agreement by themselves."""
    monkeypatch.setattr(ctc, "SETTLE_FRAMES", 50)
    monkeypatch.setattr(ctc, "MAX_OPEN_FRAMES", 200)
    labels, frames = known(200)
    noise = np.full((1000, 30), np.log(1 / 30), dtype=np.float32)
    path = ctc.best_path([*emitted(labels, frames), noise, *emitted(labels, frames)], [*labels, 1, *labels], BLANK)
    assert path is not None
    later = [label and label.first - frames[-1] - 1020 for label in path[len(labels) + 1 :]]
    assert np.mean([a == b for a, b in zip(later, frames, strict=True)]) > 0.9


def test_memory_is_bounded_however_long_the_audio_is() -> None:
    peaks = []
    for n_words in (400, 900):
        labels, frames = known(n_words)
        tracemalloc.start()
        assert ctc.best_path(emitted(labels, frames), labels, BLANK) is not None
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5 < 60e6


def test_too_few_frames_have_no_path() -> None:
    assert ctc.best_path([emissions(2, 5, 0)], [1, 2, 3], BLANK) is None
    assert ctc.best_path([emissions(2, 5, 0)], [1, 1], BLANK) is None, "equal labels need a blank between them"
    assert ctc.best_path([emissions(3, 5, 0)], [1, 1], BLANK) is not None
    assert ctc.best_path([], [1], BLANK) is None
