from __future__ import annotations

import tempfile
from importlib.resources import files
from pathlib import Path

import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tts import EngineError
from tts.f5 import checkpoint, pace, prompt
from tts.f5.network import MAX_FRAMES
from tts.f5.pace import Length
from tts.f5.prompt import Reference

VOCABULARY = checkpoint.read_vocabulary(checkpoint.official_vocabulary())
OWN_TEXT = "Some call me nature, others call me mother nature.  "
OWN = Reference(torch.zeros(466, 100), 1.0, OWN_TEXT, pace.measure(OWN_TEXT, "en"), {})


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
    from f5_tts.model.utils import convert_char_to_pinyin, list_str_to_idx

    for line in ("It isn't so; “not at all”.", "我爱北京, really.", "naïve café", "Grüße, 안녕 и я", "x" * 200):
        theirs = list_str_to_idx(convert_char_to_pinyin([OWN.text + line]), VOCABULARY)
        ours = prompt.compose(OWN, line, "en", VOCABULARY, 1.0)
        assert torch.equal(ours.tokens, theirs[0]) and not ours.replaced


@pytest.mark.parametrize(("written", "said"), [
    ("kůň", {"ů": "u"}), ("ŮŇ", {"Ů": "U", "Ň": "ň"}), ("ﬁne", {"ﬁ": "fi"}), ("a🌊b", {"🌊": " "}),
    ("ω", {}), ("Ѣ", {"Ѣ": " "}),
])
def test_letters_without_a_token_are_said_as_near_as_can_be(written: str, said: dict[str, str]) -> None:
    composed = prompt.compose(OWN, f"x {written} y", "en", VOCABULARY, 1.0)
    assert composed.replaced == said
    spelt = written
    for letter, became in said.items():
        spelt = spelt.replace(letter, became)
    plain = prompt.compose(OWN, " ".join(f"x {spelt} y".split()), "en", VOCABULARY, 1.0)
    assert torch.equal(composed.tokens, plain.tokens)


def test_an_upper_case_letter_is_said_as_its_lower_case_where_only_that_is_known() -> None:
    few = {token: number for number, token in enumerate(" abcdefghijklmnopqrstuvwxyz,.SO")}
    assert prompt.compose(OWN, "No Éclair", "en", few, 1.0).replaced == {"N": "n", "É": "e"}


def test_however_short_a_line_there_is_a_frame_for_each_token_and_two_for_sound() -> None:
    for n_bytes, n_frames in ((200, 50), (700, 50), (45, 50)):
        hurried = Reference(torch.zeros(n_frames, 100), 1.0, "a" * n_bytes, Length(n_bytes, None), {})
        composed = prompt.compose(hurried, "a", "en", VOCABULARY, 1.0)
        by_pace = n_frames - 1 + int((n_frames - 1) / n_bytes * 145 ** 0.5)
        assert composed.n_frames == max(n_bytes + 2, n_frames + 2, by_pace)


def test_a_line_that_its_letters_let_pass_is_hurried_into_the_model_and_not_refused() -> None:
    hurried = prompt.compose(OWN, "1837 " * 40, "en", VOCABULARY, 1.0)
    assert hurried.n_frames == MAX_FRAMES < hurried.wanted_frames
    with pytest.raises(EngineError, match="the model can do 30 s"):
        prompt.compose(OWN, "1837 " * 80, "en", VOCABULARY, 1.0)


def test_the_longest_line_is_upstreams() -> None:
    voice = prompt.own_voice()
    seconds = len(voice.samples) / voice.rate_hz
    for speed in (0.5, 1.0, 2.0):
        assert prompt.max_bytes(voice, speed) == int(52 / seconds * (22 - seconds) * speed)


@settings(max_examples=150, deadline=None)
@given(line=st.text(max_size=60), own=st.text(min_size=1, max_size=200), n_frames=st.integers(50, 1219),
       speed=st.floats(0.5, 2.0), language=st.sampled_from(["en", "zh", "de-AT", "xx"]))
def test_any_text_is_either_refused_or_fits_into_the_model(line: str, own: str, n_frames: int, speed: float,
                                                           language: str) -> None:
    text = prompt.reference_text("".join(c for c in own if c in VOCABULARY))
    try:
        reference = Reference(torch.zeros(n_frames, 100), 1.0, text, pace.measure(text, language), {})
        composed = prompt.compose(reference, line, language, VOCABULARY, speed)
    except EngineError:
        return
    assert n_frames + 2 <= composed.n_frames <= MAX_FRAMES
    assert 0 < len(composed.tokens) < composed.n_frames
    assert set(composed.tokens.tolist()) <= set(VOCABULARY.values())
