from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timing.words import Span, Timeline, TimelineError, Word, settle, share, to_ms

spans = st.lists(st.none() | st.builds(lambda a, b: Span(a, a + b), st.integers(-100, 3000), st.integers(-50, 900)),
                 max_size=30)


@given(spans, st.integers(30, 4000))
def test_settled_words_are_all_there_in_order_and_within_the_audio(given_spans: list[Span | None],
                                                                  duration_ms: int) -> None:
    settled = settle(given_spans, duration_ms)
    assert len(settled) == len(given_spans)
    end_ms = 0
    for before, after in zip(given_spans, settled, strict=True):
        assert end_ms <= after.start_ms < after.end_ms <= duration_ms
        assert after.estimated or before is not None
        end_ms = after.end_ms


def test_evidence_that_is_in_order_is_not_moved() -> None:
    known = [Span(10, 200, 0.9), Span(200, 350, 0.8), Span(500, 640, 0.7)]
    assert settle(known, 1000) == known


def test_an_overlap_ends_the_earlier_word() -> None:
    assert [(s.start_ms, s.end_ms) for s in settle([Span(0, 300), Span(200, 400)], 1000)] == [(0, 200), (200, 400)]


def test_missing_words_share_the_gap_by_their_length() -> None:
    settled = settle([Span(0, 100), None, None, Span(400, 500)], 1000, [1, 1, 2, 1])
    assert [(s.start_ms, s.end_ms, s.estimated) for s in settled[1:3]] == [(100, 200, True), (200, 400, True)]


def test_more_words_than_milliseconds_do_not_fit() -> None:
    with pytest.raises(TimelineError, match="do not fit"):
        settle([None] * 11, 10)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20), st.integers(20, 5000))
def test_shares_fill_the_time_without_gap(weights: list[float], length_ms: int) -> None:
    shared = share(50, 50 + length_ms, weights)
    assert shared[0].start_ms == 50
    assert shared[-1].end_ms == 50 + length_ms
    assert all(a.end_ms == b.start_ms for a, b in pairwise(shared))
    assert all(span.end_ms > span.start_ms for span in shared)


@pytest.mark.parametrize("words", [
    (Word("ab", 0, 0, 0, 2),),
    (Word("ab", 5, 1001, 0, 2),),
    (Word("ab", 5, 9, 0, 2), Word("cd", 8, 12, 3, 5)),
    (Word("xx", 5, 9, 0, 2),),
    (Word("cd", 5, 9, 3, 5), Word("ab", 9, 12, 0, 2)),
])
def test_a_timeline_cannot_be_made_of_words_that_break_its_promise(words: tuple[Word, ...]) -> None:
    with pytest.raises(TimelineError):
        Timeline("ab cd", words, 1000, "en", "test")


@pytest.mark.parametrize(("seconds", "ms"), [(1.001, 1001), (0.0295, 30), (2.3456, 2346), (1.9999, 2000)])
def test_seconds_are_rounded_not_cut(seconds: float, ms: int) -> None:
    assert to_ms(seconds) == ms
