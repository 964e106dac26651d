"""How the score's weights are chosen, in small; and that the module holds those that `./run bench timing_fit` wrote."""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import timing_anchors, timing_fit, timing_prices
from benchmarks.timing_sets import DEV, FRENCH_DEV, Recording, changed, noise, spoken, utter, without_echo
from timing import confidence
from timing.align import RATE_HZ
from tts.espeak import Espeak


def test_the_modules_weights_are_those_that_the_fit_wrote() -> None:
    written = json.loads(timing_fit.OUT.read_text())
    assert tuple(written["weights"]) == confidence.WEIGHTS


def test_weights_of_features_in_any_unit_are_found() -> None:
    chance = np.random.default_rng(0)
    features = np.column_stack([np.ones(20_000), chance.standard_normal(20_000), 3 + 1000 * chance.random(20_000)])
    truth = np.array([-1.5, 2.0, 0.004])
    right = (chance.random(20_000) < 1 / (1 + np.exp(-features @ truth))).astype(float)
    alike = np.ones(20_000)
    assert np.allclose(timing_fit.fitted(features, right, alike, 0.1) / truth, 1, atol=0.1)
    shrunk = timing_fit.fitted(features, right, alike, 1e6)
    assert np.abs(shrunk[1:] * features[:, 1:].std(axis=0)).max() < 0.01
    assert abs((1 / (1 + np.exp(-features @ shrunk))).mean() - right.mean()) < 0.01


def test_a_condition_with_few_words_counts_as_much_as_another() -> None:
    conditions = np.repeat(["many", "few"], [900, 100])
    right = np.repeat([1.0, 0.0], [900, 100])
    weight, = timing_fit.fitted(np.ones((1000, 1)), right, timing_fit.even(conditions), 0.1)
    assert abs(weight) < 0.01  # as many right as wrong


def test_a_speaker_is_judged_by_weights_that_have_not_seen_him() -> None:
    chance = np.random.default_rng(0)
    features = np.column_stack([np.ones(3000), chance.standard_normal(3000)])
    speakers = np.repeat(["a", "b", "c"], 1000)
    right = ((features[:, 1] > 0) ^ (speakers == "c")).astype(float)  # the third one is all wrong
    judged = timing_fit.left_out(features, right, np.ones(3000), speakers, 0.1)
    assert ((judged > 0.5) == (features[:, 1] > 0))[speakers == "c"].mean() > 0.95


def test_a_small_fit_promises_what_the_shipped_weights_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                         capsys: pytest.CaptureFixture[str]) -> None:
    clean: list[Recording] = [*spoken(DEV)[:6:5], spoken(FRENCH_DEV)[0]]
    named = [(name, each) for name, found in (
        ("clean", clean), ("noise", changed(clean, lambda each, chance: noise(each, chance, 0), 1))) for each in found]
    monkeypatch.setattr(timing_fit, "OUT", tmp_path / "fit.json")
    timing_fit.weigh(iter(named))
    printed, written = capsys.readouterr().out, json.loads((tmp_path / "fit.json").read_text())
    assert all(title in printed for title in ("en, speakers left out", "fr, speakers left out", "conditions left out"))
    assert written["speakers"] == 3 and written["words"] > 60
    features = np.concatenate([timing_fit.observed(each)[0] for _, each in named[::3]])
    small, shipped = (1 / (1 + np.exp(-features @ np.array(weights)))
                      for weights in (written["weights"], confidence.WEIGHTS))
    assert np.abs(small - shipped).mean() < 0.1


@pytest.mark.parametrize(("voice", "echoes"), [("gmw/en-US+f2", True), ("gmw/en-US+f5", True), ("gmw/en-US+m3", False)])
def test_a_voices_echo_is_no_part_of_its_last_word(voice: str, echoes: bool) -> None:
    said = utter(Espeak(), "The cat slept under the chair.", voice, 1.0)
    assert said and said.truth_ms[-1]
    behind = slice((said.truth_ms[-1][1] + 10) * RATE_HZ // 1000, None)
    assert np.abs(without_echo(said.samples, voice)[behind]).max() < 1e-3
    assert (np.abs(said.samples[behind]).max() > 1e-3) == echoes


def test_an_anchor_that_is_not_found_costs_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in timing_anchors.NAMES:
        monkeypatch.setattr(module, name, getattr(module, name))  # so that it is put back
    as_it_is = timing_prices.candidates(timing_anchors.NAMES)["as they are"]
    cut = next(each for each in timing_anchors.partings() if each.name == "cut")
    found = timing_anchors.losses_s((cut, [as_it_is, as_it_is | {"ANCHOR_WORDS": 10_000}]))
    assert found[0] < 5 and found[1] == timing_anchors.LOST_S
