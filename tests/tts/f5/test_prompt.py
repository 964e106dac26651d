from __future__ import annotations

import tempfile
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pytest
import soundfile
import torch
from f5_tts.model.utils import convert_char_to_pinyin, list_str_to_idx
from hypothesis import given, settings
from hypothesis import strategies as st

from tts import EngineError
from tts.f5 import checkpoint, prompt
from tts.f5.network import MAX_FRAMES
from tts.f5.prompt import Reference

VOCABULARY = checkpoint.read_vocabulary(checkpoint.official_vocabulary())
OWN = Reference(torch.zeros(466, 100), 1.0, "Some call me nature, others call me mother nature.  ", {})


def test_the_packaged_voice_is_trimmed_as_upstream_trims_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from f5_tts.infer.utils_infer import preprocess_ref_audio_text

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ours = prompt.own_voice()
    clip = str(files("f5_tts") / "infer/examples/basic/basic_ref_en.wav")
    trimmed, text = preprocess_ref_audio_text(clip, ours.text, show_info=lambda *_: None)
    theirs, rate_hz = soundfile.read(trimmed, dtype="float32")
    assert rate_hz == ours.rate_hz
    # The end is judged by blocks of 10 ms; the one at 330 ms from it lies at -42.0 dB, and pydub rounds.
    assert abs(len(theirs) - len(ours.samples)) <= rate_hz // 50
    assert (theirs[:100_000] == ours.samples[:100_000]).all()
    assert prompt.reference_text(ours.text) == text + " "


@pytest.mark.parametrize(("text", "ended"), [
    ("It is late.", "It is late.  "),
    ("It is late", "It is late.  "),
    ("Is it late?", "Is it late?.  "),
    ("天黑了。", "天黑了。"),
])
def test_a_reference_text_is_ended_as_upstream_ends_it(text: str, ended: str) -> None:
    assert prompt.reference_text(text) == ended


def test_tokens_are_upstreams_where_all_characters_are_known() -> None:
    for line in ("It isn't so; “not at all”.", "我爱北京, really.", "naïve café", "Grüße, 안녕 и я", "x" * 200):
        theirs = list_str_to_idx(convert_char_to_pinyin([OWN.text + line]), VOCABULARY)
        ours = prompt.compose(OWN, line, VOCABULARY, 1.0)
        assert torch.equal(ours.tokens, theirs[0]) and not ours.replaced


def test_a_short_line_is_given_time_on_a_smooth_curve_that_heeds_speed() -> None:
    def line(n_letters: int, speed: float = 1.0) -> int:
        return prompt.compose(OWN, "a" * n_letters, VOCABULARY, speed).n_frames - 465

    found = [line(n) for n in range(1, 100)]
    growth = [after - before for before, after in pairwise(found)]
    assert all(0 <= step <= 465 / 52 + 1 for step in growth)
    assert 1.0 < line(3) / 93.75 < 1.3, "a word alone, in seconds"
    assert abs(line(99) - 465 / 52 * 99) < 0.01 * 465 / 52 * 99, "upstream's time for a long line"
    for n in (3, 9, 10, 60):
        assert abs(line(n, 2.0) - line(n) / 2) <= 1 and abs(line(n, 0.5) - line(n) * 2) <= 2


def test_letters_of_another_alphabet_take_a_letters_time() -> None:
    latin, cyrillic, chinese = (prompt.compose(OWN, text, VOCABULARY, 1.0).n_frames - 465
                                for text in ("a" * 60, "я" * 60, "我" * 20))
    assert latin == cyrillic == chinese


@pytest.mark.parametrize(("written", "said"), [
    ("kůň", {"ů": "u"}), ("ŮŇ", {"Ů": "U", "Ň": "ň"}), ("ﬁne", {"ﬁ": "fi"}), ("a🌊b", {"🌊": " "}),
    ("ω", {}), ("Ѣ", {"Ѣ": " "}),
])
def test_letters_without_a_token_are_said_as_near_as_can_be(written: str, said: dict[str, str]) -> None:
    composed = prompt.compose(OWN, f"x {written} y", VOCABULARY, 1.0)
    assert composed.replaced == said
    spelt = written
    for letter, became in said.items():
        spelt = spelt.replace(letter, became)
    assert torch.equal(composed.tokens, prompt.compose(OWN, " ".join(f"x {spelt} y".split()), VOCABULARY, 1.0).tokens)


def test_an_upper_case_letter_is_said_as_its_lower_case_where_only_that_is_known() -> None:
    few = {token: number for number, token in enumerate(" abcdefghijklmnopqrstuvwxyz,.SO")}
    assert prompt.compose(OWN, "No Éclair", few, 1.0).replaced == {"N": "n", "É": "e"}


def test_however_short_a_line_there_is_a_frame_for_each_token_and_two_for_sound() -> None:
    for n_bytes, n_frames in ((200, 50), (700, 50), (45, 50)):
        hurried = Reference(torch.zeros(n_frames, 100), 1.0, "a" * n_bytes, {})
        composed = prompt.compose(hurried, "a", VOCABULARY, 1.0)
        by_pace = n_frames - 1 + int((n_frames - 1) / n_bytes * 145 ** 0.5)
        assert composed.n_frames == max(n_bytes + 2, n_frames + 2, by_pace)


def test_the_longest_line_is_upstreams() -> None:
    voice = prompt.own_voice()
    seconds = len(voice.samples) / voice.rate_hz
    for speed in (0.5, 1.0, 2.0):
        assert prompt.max_bytes(voice, speed) == int(52 / seconds * (22 - seconds) * speed)


@settings(max_examples=150, deadline=None)
@given(line=st.text(max_size=60), own=st.text(min_size=1, max_size=200), n_frames=st.integers(50, 1219),
       speed=st.floats(0.5, 2.0))
def test_any_text_is_either_refused_or_fits_into_the_model(line: str, own: str, n_frames: int, speed: float) -> None:
    text = prompt.reference_text("".join(c for c in own if c in VOCABULARY))
    try:
        composed = prompt.compose(Reference(torch.zeros(n_frames, 100), 1.0, text, {}), line, VOCABULARY, speed)
    except EngineError:
        return
    assert n_frames + 2 <= composed.n_frames <= MAX_FRAMES
    assert 0 < len(composed.tokens) < composed.n_frames
    assert set(composed.tokens.tolist()) <= set(VOCABULARY.values())
