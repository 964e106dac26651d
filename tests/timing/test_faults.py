from __future__ import annotations

import math
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest

from benchmarks.timing_sets import utter
from benchmarks.verify import fitted_effects
from benchmarks.verify_sets import BLIND_1, BLIND_2, BLIND_3, FIT, FLITE, FLITE_TEST, TEST, WIDE, Part, clips
from tests.timing.recordings import say
from timing import adaptation, faults, lengths
from timing.acoustic import Floats
from timing.align import RATE_HZ, Samples
from timing.faults import SUSPICIOUS, Adaptation, Checker
from timing.hypotheses import FAULTS
from timing.reduced import forms
from timing.search import Search, Trellis
from tts.espeak import Espeak

LINE = "My brother keeps his tools in a box under the stairs."
WORDS = LINE.lower().strip(".").split()
FAULTY = {"left out": ("My brother keeps his in a box under the stairs.", "tools"),
          "said twice": ("My brother keeps his tools tools in a box under the stairs.", "tools"),
          "said twice with the next": ("My brother keeps his tools in tools in a box under the stairs.", "tools"),
          "after the next": ("My keeps brother his tools in a box under the stairs.", "brother")}


@pytest.fixture(scope="module")
def checker() -> Checker:
    return Checker()


CLIP = "the old clock has been wrong for years but the people set their watches by it".split()


@cache
def voice(checker: Checker, of: str = "gmw/en-US") -> Adaptation:
    """What the checker makes of a clip of an eSpeak voice."""
    said = utter(Espeak(), " ".join(CLIP), of, 1.0)
    assert said is not None
    found = checker.adaptation(said.samples, RATE_HZ, CLIP, "en")
    assert found is not None
    return found


def evidence(checker: Checker, said: str) -> Floats:
    features = checker.features(say(said)[0], RATE_HZ, WORDS, "en", voice(checker))
    assert features is not None
    return features[:, : len(FAULTS)]


def score(checker: Checker, samples: Samples, words: list[str] = WORDS, of: str = "gmw/en-US") -> float:
    found = checker.score(samples, RATE_HZ, words, "en", voice(checker, of))
    assert found is not None and 0 <= found <= 1
    return found


def test_each_fault_has_its_evidence_at_its_word(checker: Checker) -> None:
    clean = evidence(checker, LINE)
    assert clean[:, :4].max() < 0
    for fault, (said, word) in FAULTY.items():
        column = evidence(checker, said)[:, FAULTS.index(fault)]
        assert column[WORDS.index(word)] == column.max() > 10, fault


def test_a_line_that_says_its_words_is_not_suspicious_and_one_with_a_fault_is(checker: Checker) -> None:
    assert score(checker, say(LINE)[0]) > SUSPICIOUS
    for said, _ in FAULTY.values():
        assert score(checker, say(said)[0]) < SUSPICIOUS, said


@pytest.mark.parametrize("word", ["his", "in", "the"])
def test_a_short_word_said_twice_is_suspicious(checker: Checker, word: str) -> None:
    said = utter(Espeak(), LINE.replace(f" {word} ", f" {word} {word} "), "gmw/en-US+f5", 1.0)
    assert said is not None and score(checker, said.samples, of="gmw/en-US+f5") < SUSPICIOUS


def test_what_comes_back_is_told_from_what_lasts() -> None:
    chance = np.random.default_rng(0)
    syllable = np.cumsum(chance.standard_normal((12, 12)), axis=0).astype(np.float32)
    around = np.tile(10 * chance.standard_normal((1, 12)), (20, 1)).astype(np.float32)
    twice, lasting = (np.concatenate([around, said, -around]) for said in (
        np.concatenate([syllable, syllable]), np.tile(syllable[:1], (24, 1))))
    assert faults._return(twice, 20, 44) > 2 > 2 * faults._return(lasting, 20, 44)


def test_a_dip_is_looked_for_in_vowels_alone() -> None:
    loudness = np.array([5, 5, 1, 5, 5, 5, 4, 2, 5, 5], np.float32)
    assert faults._dip(loudness, [("T", 5), ("AH", 5)]) == 3
    assert faults._dip(loudness, [("AH", 10)]) == 4


def test_another_accent_is_no_fault(checker: Checker) -> None:
    words = "the morning train left the station before anyone noticed the missing suitcase".split()
    for of in ("gmw/en-GB-x-rp", "gmw/en-US+f5"):
        said = utter(Espeak(), " ".join(words), of, 1.0)
        assert said is not None and score(checker, said.samples, words, of) > SUSPICIOUS, of


@pytest.mark.parametrize("samples", [say(LINE)[0][:0], np.zeros(RATE_HZ, np.float32), say(LINE)[0][:RATE_HZ // 2]],
                         ids=["nothing", "silence", "a fragment"])
def test_what_lacks_most_words_is_suspicious(checker: Checker, samples: Samples) -> None:
    assert score(checker, samples) < SUSPICIOUS


def test_a_line_of_one_word_is_judged(checker: Checker) -> None:
    assert score(checker, say("Stairs.")[0], ["stairs"]) > SUSPICIOUS
    assert score(checker, say("Stairs stairs.")[0], ["stairs"]) < SUSPICIOUS


def test_what_cannot_be_judged_has_no_score(checker: Checker) -> None:
    samples = say(LINE)[0]
    assert checker.score(samples, RATE_HZ, ["keller"], "de", voice(checker)) is None
    assert checker.score(samples, RATE_HZ, [], "en", voice(checker)) is None


def test_a_clip_that_does_not_say_its_words_brings_no_voice(checker: Checker) -> None:
    samples = say(LINE)[0]
    assert checker.adaptation(samples, RATE_HZ, WORDS, "de") is None
    assert checker.adaptation(samples, RATE_HZ, CLIP, "en") is None
    assert checker.adaptation(samples[:0], RATE_HZ, WORDS, "en") is None


def test_a_clip_of_one_word_brings_a_voice(checker: Checker) -> None:
    assert checker.adaptation(say("Stairs.")[0], RATE_HZ, ["stairs"], "en") is not None


def test_a_voice_that_the_model_fits_badly_fits_better_once_its_clip_is_known(checker: Checker) -> None:
    said = utter(Espeak(), LINE, "gmw/en-029+f4", 1.0)
    assert said is not None
    search = Search(reduced=True)
    assert all(map(search.knows, WORDS))
    graph = search.graph(WORDS)
    unlike, like = (
        Trellis(graph, *graph.likelihoods(graph.cepstra(said.samples, of.transform), of.shifts)).nodes[-1, -1]
        for of in (adaptation.NONE, voice(checker, "gmw/en-029+f4").voice))
    assert like > 0.8 * unlike, "nats below the best phones in any order"


def test_the_vowels_of_an_accent_are_looked_for_where_its_clip_has_them(checker: Checker) -> None:
    said = utter(Espeak(), LINE, "gmw/en-GB-scotland+f2", 1.0)
    known = voice(checker, "gmw/en-GB-scotland+f2").voice
    assert said is not None and known.shifts is not None
    search = Search(reduced=True)
    assert all(map(search.knows, WORDS))
    graph = search.graph(WORDS)
    cepstra = graph.cepstra(said.samples, known.transform)
    unlike, like = (Trellis(graph, *graph.likelihoods(cepstra, shifts)).nodes[-1, -1]
                    for shifts in (None, known.shifts))
    assert like > 0.95 * unlike, "nats below the best phones in any order"


def test_a_phone_lasts_as_long_as_usual_where_it_stands(checker: Checker) -> None:
    usual = partial(lengths.usual_s, effects=faults.Network.read().effects)
    (_, before_pause), (_, within) = usual(["DH", "AH"], "N", lengths.PAUSE), usual(["DH", "AH"], "N", "K")
    assert before_pause > 1.3 * within
    assert lengths.usual_s(["T"], "S", "AH", {"T": -3.0, "after S": -1.0, "after N": 9.0}) == [math.exp(-4)]


def test_every_effect_of_how_many_phones_a_word_has_is_known() -> None:
    known = {name for name in faults.Network.read().effects if name.startswith("of ")}
    asked = {name for count in range(1, 12) for names in lengths.named(["T"] * count, "N", "K") for name in names}
    assert {name for name in asked if name.startswith("of ")} == known


def test_effects_on_lengths_are_found_whatever_the_pace_of_a_line() -> None:
    effects = fitted_effects(Part(replace(FIT, voices=FIT.voices[:1]), 0, 8).cases())
    assert effects["before SIL"] + effects["last before a pause"] > 0.1 and effects["S"] > effects["D"]
    assert 0.04 < sum(lengths.usual_s(["DH", "AH"], "N", "K", effects)) < 0.25


def test_a_word_is_looked_at_beside_those_of_the_clip(checker: Checker) -> None:
    said = utter(Espeak(), " ".join(CLIP), "gmw/en-US", 1.0)
    assert said is not None
    own = checker.features(said.samples, RATE_HZ, CLIP, "en", voice(checker))
    doubled = checker.features(say(FAULTY["said twice"][0])[0], RATE_HZ, WORDS, "en", voice(checker))
    assert own is not None and doubled is not None
    beside = slice(-len(faults.RELATIVE), None)
    assert np.abs(own[:, beside].mean(axis=0)).max() < 0.5
    assert doubled[WORDS.index("tools"), beside][faults.RELATIVE.index(FAULTS.index("said twice"))] > 1


def test_what_is_fitted_on_and_what_is_reported_share_no_voice_sentence_or_clip() -> None:
    fit, blind = (FIT, WIDE, FLITE), (BLIND_1, BLIND_2, BLIND_3)
    for shared in (lambda split: {voice for voice, _ in split.voices}, lambda split: {*split.sentences},
                   lambda split: {*clips(split)}):
        sets = (fit, (TEST, FLITE_TEST), *((split,) for split in blind))
        apart = [set[str]().union(*map(shared, each)) for each in sets]
        assert len(set().union(*apart)) == sum(map(len, apart))
    throats = {voice.partition("+")[2] for split in fit for voice, _ in split.voices}
    for split in blind:
        assert sum(voice.partition("+")[2] not in throats for voice, _ in split.voices) >= 12


def test_words_may_be_said_as_people_say_them() -> None:
    assert ["AH", "N"] in forms("and", [["AE", "N", "D"]])
    assert ["AH", "N"] not in forms("and", [["AH", "N"]])
    assert forms("farmer", [["F", "AA", "R", "M", "ER"]]) == [["F", "AA", "M", "AH"]]
    assert forms("water", [["W", "AO", "T", "ER"]]) == [["W", "AO", "T", "AH"], ["W", "AO", "D", "ER"]]
    assert forms("red", [["R", "EH", "D"]]) == []
