from __future__ import annotations

import pytest

from tests.timing.recordings import say
from timing.acoustic import Floats
from timing.align import RATE_HZ
from timing.faults import FAULTS, WEIGHTS, Checker, features

WORDS = "my brother keeps his tools in a box under the stairs".split()
OUT, TWICE, SWAPPED = (FAULTS.index(fault) for fault in ("left out", "said twice", "after the next"))


@pytest.fixture(scope="module")
def checker() -> Checker:
    return Checker()


def evidence(checker: Checker, said: str) -> Floats:
    table = checker.evidence(say(said)[0], RATE_HZ, WORDS, "en")
    assert table is not None
    return table


def test_each_fault_has_its_evidence_at_its_word(checker: Checker) -> None:
    clean = evidence(checker, "My brother keeps his tools in a box under the stairs.")
    assert clean[:, [OUT, TWICE, SWAPPED]].max() < 0
    for said, fault, word in (("My brother keeps his in a box under the stairs.", OUT, "tools"),
                              ("My brother keeps his tools tools in a box under the stairs.", TWICE, "tools"),
                              ("My keeps brother his tools in a box under the stairs.", SWAPPED, "brother")):
        found = evidence(checker, said)
        assert found[:, fault].argmax() == WORDS.index(word) and found[:, fault].max() > 10
        assert features(found) @ WEIGHTS < features(clean) @ WEIGHTS


def test_what_cannot_be_judged_has_no_evidence(checker: Checker) -> None:
    samples = say("My brother keeps his tools in a box under the stairs.")[0]
    assert checker.evidence(samples, RATE_HZ, ["keller"], "de") is None
    assert checker.evidence(samples, RATE_HZ, [], "en") is None
