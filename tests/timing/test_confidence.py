"""What a score makes of the evidence for a word: passages of words that were found, one of them with less of it."""
from __future__ import annotations

from dataclasses import replace
from math import log
from typing import Any

import pytest

from timing.align import DOUBT
from timing.confidence import WEIGHTS, features, scores
from timing.search import Found

SURE = [Found(i, 0.4 * i, 0.4 * i + 0.32, -0.2, -1.0, -3.0, 4, (60.0, 90.0), 70.0, 40.0, 0.0, False) for i in range(40)]
"""Words of four phones, 0.08 s each, and short pauses between them."""
MIDDLE = 20


def score(**evidence: Any) -> float:
    """Of the word in the middle, when what is found of it is this."""
    return scores([*SURE[:MIDDLE], replace(SURE[MIDDLE], **evidence), *SURE[MIDDLE + 1:]])[MIDDLE]


def test_words_with_good_evidence_are_sure() -> None:
    assert min(scores(SURE)) > 0.9
    assert scores([]) == []


@pytest.mark.parametrize("evidence", [
    {"match": -6.0, "worst": -9.0}, {"worst": -9.0}, {"quiet": 3.0}, {"margins": (0.0, 90.0)}, {"margins": (60.0, 0.0)},
    {"needed": -40.0}, {"end_s": 8.04}, {"end_s": 8.39, "n_phones": 1}, {"beside": True},
], ids=str)
def test_weaker_evidence_is_a_lower_score(evidence: dict[str, Any]) -> None:
    assert score(**evidence) < score()


@pytest.mark.parametrize(("end_s", "doubted"), [(8.2, True), (8.39, False)], ids=["before a pause", "within speech"])
def test_a_fricative_that_may_be_inaudible_is_doubted_before_a_pause(end_s: float, doubted: bool) -> None:
    for inaudible in ({"missing": 0.5}, {"contrast_db": 0.0}):
        assert (score(end_s=end_s, hissing=True, **inaudible) < score(end_s=end_s, **inaudible)) == doubted


def test_a_word_is_doubted_where_those_around_it_are() -> None:
    for evidence in ({"needed": -40.0}, {"match": -6.0}, {"beside": True}):
        others: list[Found] = [replace(word, **evidence) if word.index != MIDDLE else word for word in SURE]
        assert scores(others)[MIDDLE] < score()
    skipped = [word.moved(40 * (word.index > MIDDLE), 0.0) for word in SURE]
    assert scores(skipped)[MIDDLE] < score()


def test_a_slow_speaker_is_not_doubted_for_it_and_a_slow_word_is() -> None:
    slow = [replace(word, start_s=3 * word.start_s, end_s=3 * word.start_s + 0.9) for word in SURE]
    hasty = replace(slow[MIDDLE], end_s=slow[MIDDLE].start_s + 0.32)
    assert min(scores(slow)) > DOUBT
    assert scores([*slow[:MIDDLE], hasty, *slow[MIDDLE + 1:]])[MIDDLE] < scores(slow)[MIDDLE]


def test_a_short_word_at_a_long_pause_is_doubted() -> None:
    def behind(pause_s: float) -> float:
        moved = [word.moved(0, pause_s * (word.index >= MIDDLE)) for word in SURE]
        moved[MIDDLE] = replace(moved[MIDDLE], n_phones=1)
        return scores(moved)[MIDDLE]

    assert behind(1.5) < behind(0.5) == behind(0.0)


def test_the_weights_meet_the_features_that_they_were_fitted_to() -> None:
    """Worked out by hand from what `features` says of each column; another scale would make every score a wrong one."""
    passage = [word.moved(13, 1.5) if word.index > MIDDLE else word for word in SURE]
    passage[MIDDLE] = replace(SURE[MIDDLE], match=-6.0, worst=-20.0, n_phones=2, margins=(500.0, 10.0), needed=-40.0,
                              contrast_db=10.0, missing=0.5, hissing=True, beside=True)
    passage[-1] = replace(passage[-1], margins=(500.0, 90.0), needed=450.0)
    found = features(passage)
    assert found[5] == pytest.approx([1, -0.2, -1, 0, 0, 0, 1 / 4, 0, 0, 1, log(61), log(91), 3.5, 4, 0, 0])
    assert found[MIDDLE] == pytest.approx([1, -7.2 / 7, -12, -3, log(2), log(2), 1 / 2, 1 / 7, 1 / 2, 25 / 38,
                                           log(51), log(11), -2, 1, 1 / 25, 2.5])
    assert found[-1] == pytest.approx([1, -0.2, -1, 0, 0, 0, 1 / 4, 0, 0, 1, log(301), log(91), 5, 4, 0, 0])
    evidence = sum(weight * feature for weight, feature in zip(WEIGHTS, found[MIDDLE], strict=True))
    assert scores(passage)[MIDDLE] == pytest.approx(1 / (1 + 2.718281828 ** -evidence), abs=1e-3)
