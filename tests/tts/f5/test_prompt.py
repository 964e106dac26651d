from __future__ import annotations

import tempfile
from importlib.resources import files
from pathlib import Path

import pytest
import soundfile
import torch
from f5_tts.model.utils import convert_char_to_pinyin, list_str_to_idx
from hypothesis import given, settings
from hypothesis import strategies as st

from tts import EngineError
from tts.f5 import network, prompt
from tts.f5.prompt import Reference

VOCABULARY = network.read_vocabulary(network.VOCABULARY)
OWN = Reference(torch.zeros(1, 466, 100), 1.0, "Some call me nature, others call me mother nature.  ", ())


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
        assert torch.equal(ours.tokens, theirs) and ours.lacking == ()


def test_a_line_of_under_ten_bytes_takes_its_time() -> None:
    short, longer = (prompt.compose(OWN, text, VOCABULARY, 1.0).n_frames - 465 for text in ("nine byte", "ten bytes!"))
    assert (short, longer) == (int(465 / 52 * 9 / 0.3), int(465 / 52 * 10))


def test_however_short_a_line_there_is_a_frame_for_each_token_and_two_to_be_heard() -> None:
    for n_bytes, n_frames in ((200, 50), (45, 50)):
        hurried = Reference(torch.zeros(1, n_frames, 100), 1.0, "a" * n_bytes, ())
        told = prompt.compose(hurried, "a", VOCABULARY, 1.0)
        assert told.n_frames == max(n_bytes + 2, n_frames + 2)


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
        told = prompt.compose(Reference(torch.zeros(1, n_frames, 100), 1.0, text, ()), line, VOCABULARY, speed)
    except EngineError:
        return
    assert n_frames + 2 <= told.n_frames <= prompt.MAX_FRAMES
    assert 0 < told.tokens.shape[1] < told.n_frames
    assert set(told.tokens[0].tolist()) <= set(VOCABULARY.values())
