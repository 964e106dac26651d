from __future__ import annotations

import hashlib
import socket
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.doubles.f5 import Models, make_f5
from tests.tts.f5.conftest import Speak, load
from tts import Cancelled, EngineError, EngineLost, Line, Options, Samples, Voice
from tts.f5.engine import F5Engine
from tts.f5.network import LoadError

LINES = ("The tide comes in at noon.", "We leave the harbour before it does.", "Nobody waits for the last boat.")


def sound(n_samples: int, loudness: float = 0.1) -> Samples:
    noise = np.random.default_rng(1).normal(size=n_samples)
    return (loudness * noise / np.sqrt(np.square(noise).mean())).astype(np.float32)


def a_voice(seconds: float = 4.0, rate_hz: int = 24_000, loudness: float = 0.1, **fields: Any) -> Voice:
    samples = sound(int(seconds * rate_hz), loudness)
    voice = Voice("ada", samples, rate_hz, "The quick brown fox jumps over the lazy dog.", "en", "")
    voice = replace(voice, **fields)
    return replace(voice, fingerprint=hashlib.sha256(voice.samples.tobytes() + voice.text.encode()).hexdigest())


@pytest.fixture
def lookups(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every name that is looked up and every address that is dialled, all refused."""
    asked: list[Any] = []

    def refuse(*arguments: Any, **_: Any) -> None:
        asked.append(arguments)
        raise OSError("no network here")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return asked


def test_the_same_seed_says_the_same_and_another_does_not(speak: Speak) -> None:
    first, again, other = (speak(*LINES, seed=seed) for seed in (5, 5, 6))
    for one, two, three in zip(first, again, other, strict=True):
        assert np.array_equal(one.samples, two.samples)
        assert len(one.samples) == len(three.samples) and not np.array_equal(one.samples, three.samples)


def test_a_line_sounds_the_same_whatever_is_said_beside_it(speak: Speak) -> None:
    first, second, third = speak(*LINES)
    assert np.array_equal(speak("Something else.", LINES[1], "And more of it.")[1].samples, second.samples)
    assert np.array_equal(speak("A", "B", LINES[2], "D")[2].samples, third.samples)
    assert np.array_equal(speak(LINES[0])[0].samples, first.samples)


def test_a_line_that_is_said_twice_is_not_the_same_recording_twice(speak: Speak) -> None:
    once, twice = speak(LINES[0], LINES[0])
    assert not np.array_equal(once.samples, twice.samples)


def test_a_newly_loaded_engine_says_the_same(models: Models, speak: Speak) -> None:
    assert np.array_equal(speak(LINES[0], by=load(models))[0].samples, speak(LINES[0])[0].samples)


def test_what_is_asked_for_changes_what_is_heard(speak: Speak) -> None:
    usual = speak(LINES[0])[0].samples
    for change in ({"cfg_strength": 0.0}, {"cfg_strength": 1.0}, {"nfe_step": 5}, {"sway_sampling_coef": 0.0}):
        assert not np.array_equal(speak(LINES[0], **change)[0].samples, usual), change
    assert not np.array_equal(speak("The tide comes in at moon.")[0].samples, usual)
    assert not np.array_equal(speak(LINES[0], voice=a_voice())[0].samples[:1000], usual[:1000])


def test_twice_the_speed_is_half_the_time(engine: F5Engine, speak: Speak) -> None:
    n_hops = len(engine.own_voice.samples) // 256
    n_reference_bytes = len(engine.own_voice.text.encode()) + 2
    for speed in (0.5, 1.0, 2.0):
        n_frames = int(n_hops / n_reference_bytes * len(LINES[1].encode()) / speed)
        # Less the frame of reference that upstream leaves in; n frames have n - 1 hops between them.
        assert len(speak(LINES[1], speed=speed)[0].samples) == (n_frames - 2) * 256


def test_samples_are_mono_float32_within_full_scale(speak: Speak) -> None:
    for utterance in speak(*LINES):
        assert utterance.samples.dtype == np.float32 and utterance.samples.ndim == 1
        assert 0 < np.abs(utterance.samples).max() <= 1.0
        assert utterance.marks is None and utterance.warnings == ()


def test_characters_without_a_token_are_left_out_and_named(speak: Speak) -> None:
    said = speak("The tide 🌊comes in at noon 🌊 🐚.")[0]
    assert said.warnings == ("the text has characters that the model does not know, they were left out: '🌊' '🐚'",)
    assert np.array_equal(said.samples, speak("The tide comes in at noon  .")[0].samples)


def test_characters_without_a_token_in_the_reference_text_are_named_too(speak: Speak) -> None:
    said = speak(LINES[0], voice=a_voice(text="The quick ☕ fox."))[0]
    assert said.warnings == (
        "the reference text of voice ada has characters that the model does not know, they were left out: '☕'",)


def test_white_space_and_the_way_a_letter_is_composed_do_not_matter(speak: Speak) -> None:
    said = speak(" The cafe\u0301\u00a0is\nopen today. ")[0]
    assert said.warnings == ()
    assert np.array_equal(said.samples, speak("The café is open today.")[0].samples)


def test_chinese_is_spoken_by_its_syllables(speak: Speak) -> None:
    assert speak("今天我们一起去海边看日落吧。")[0].warnings == ()


@pytest.mark.parametrize("text", ["", "   ", "…", "🌊🌊", "ሰላም ለዓለም", "?!"])
def test_a_line_without_a_letter_that_the_model_knows_is_refused_before_any_work(speak: Speak, text: str) -> None:
    heard: list[float] = []
    with pytest.raises(EngineError, match="no letter that the model knows"):
        speak(LINES[0], text, progress=heard.append)
    assert heard == []


@pytest.mark.parametrize(("seconds", "speed"), [(1.0, 1.0), (3.0, 0.5), (5.0, 2.0), (12.0, 0.5), (12.9, 1.0)])
def test_the_longest_line_fits_and_a_much_longer_one_is_refused(engine: F5Engine, speak: Speak, seconds: float,
                                                               speed: float) -> None:
    voice = a_voice(seconds, text="a" * int(14 * seconds))
    n_bytes = engine.max_bytes(voice, speed)
    assert speak("a" * n_bytes, voice=voice, speed=speed, nfe_step=1)[0].samples.size
    with pytest.raises(EngineError, match="the model can do 30 s"):
        speak("a" * 3 * n_bytes, voice=voice, speed=speed)


def test_a_text_that_is_too_long_for_its_recording_still_leaves_room_for_lines(engine: F5Engine, speak: Speak) -> None:
    hurried = a_voice(1.0, text="a" * 300)
    assert speak("a" * engine.max_bytes(hurried, 1.0), voice=hurried, nfe_step=1)[0].samples.size
    assert speak("a", voice=hurried, nfe_step=1)[0].samples.size
    assert speak("a", voice=a_voice(1.0, text="a" * 80), nfe_step=1)[0].samples.size


def test_a_reference_so_slow_that_no_word_fits_is_refused_in_words_for_its_owner(speak: Speak) -> None:
    with pytest.raises(EngineError, match="reference_text is what is said in it"):
        speak("A perfectly ordinary line of speech.", voice=a_voice(12.0, text="Oh."))


@pytest.mark.parametrize(("voice", "complaint"), [
    (a_voice(13.5), "lasts 13.5 s; F5-TTS needs 3 to 12 s"),
    (a_voice(0.2), "lasts 0.2 s"),
    (a_voice(text="  "), "no letter that the model knows"),
    (a_voice(text="ሰላም"), "no letter that the model knows"),
    (a_voice(samples=np.zeros(96_000, np.float32)), "silent"),
], ids=["long", "short", "no text", "unknown letters", "silent"])
def test_a_voice_that_cannot_be_copied_is_refused(speak: Speak, voice: Voice, complaint: str) -> None:
    with pytest.raises(EngineError, match=complaint):
        speak(LINES[0], voice=voice)


def test_a_quiet_voice_is_copied_at_its_own_loudness(speak: Speak) -> None:
    at_target = speak(LINES[0], voice=a_voice(loudness=0.1))[0].samples
    quiet = speak(LINES[0], voice=a_voice(loudness=0.01))[0].samples
    assert np.allclose(quiet, 0.1 * at_target, rtol=1e-2, atol=1e-4 * np.abs(at_target).max())
    assert not np.array_equal(speak(LINES[0], voice=a_voice(loudness=0.01), target_rms=0.05)[0].samples, quiet)


def test_speech_above_full_scale_is_clipped_and_said_so(models: Models, speak: Speak) -> None:
    engine = load(models)
    with torch.no_grad():
        engine.vocos.head.out.bias += 4.0
    said = speak(LINES[0], by=engine)[0]
    assert np.abs(said.samples).max() == 1.0
    assert "was clipped" in said.warnings[0]


def test_a_model_that_answers_with_no_number_is_an_error_not_a_file(models: Models, speak: Speak) -> None:
    engine = load(models)
    with torch.no_grad():
        engine.cfm.transformer.proj_out.bias[3] = torch.nan
    with pytest.raises(EngineError, match="made no sound"):
        speak(LINES[0], by=engine)


def test_a_cancelled_job_stops_between_steps_and_leaves_nothing_for_the_next(speak: Speak) -> None:
    wanted = speak(LINES[1], seed=9)[0].samples
    n_checks = 0

    def check() -> None:
        nonlocal n_checks
        n_checks += 1
        if n_checks == 8:
            raise Cancelled

    with pytest.raises(Cancelled):
        speak(LINES[0], nfe_step=32, check=check)
    assert n_checks == 8
    assert np.array_equal(speak(LINES[1], seed=9)[0].samples, wanted)


def test_a_job_that_waits_for_the_gpu_can_be_cancelled(speak: Speak) -> None:
    speaking, stop = threading.Event(), threading.Event()

    def hold() -> None:
        speaking.set()
        assert stop.wait(60)

    def holding(share: float) -> None:
        if share > 0:
            hold()

    def cancel() -> None:
        raise Cancelled

    def later() -> None:
        nonlocal n_checks
        n_checks += 1
        if n_checks > 2:
            raise Cancelled

    n_checks = 0
    first = threading.Thread(target=speak, args=(LINES[0],), kwargs={"progress": holding})
    first.start()
    try:
        assert speaking.wait(60)
        with pytest.raises(Cancelled):
            speak(LINES[1], check=cancel)
        with pytest.raises(Cancelled):
            speak(LINES[1], check=later)
        assert first.is_alive()
    finally:
        stop.set()
        first.join()


def test_jobs_take_turns_line_by_line(speak: Speak) -> None:
    order: list[str] = []
    second_waits = threading.Event()

    def first_speaks(share: float) -> None:
        order.append("first")
        assert second_waits.wait(60)

    def second_checks() -> None:
        second_waits.set()

    first = threading.Thread(target=speak, args=LINES * 2, kwargs={"progress": first_speaks, "nfe_step": 1})
    first.start()
    while not order:
        second_waits.wait(0.01)
    speak(LINES[0], progress=lambda share: order.append("second"), check=second_checks, nfe_step=1)
    first.join()
    assert "second" in order[:4] and order[-1] == "first"


def test_progress_counts_every_step_of_every_line(speak: Speak) -> None:
    shares: list[float] = []
    speak(*LINES, nfe_step=6, progress=shares.append)
    assert shares == [pytest.approx(step / 18) for step in range(19)]


def test_threads_at_once_hear_what_each_would_hear_alone(speak: Speak) -> None:
    alone = [speak(*LINES[:2], seed=seed, cfg_strength=seed / 2) for seed in range(1, 5)]
    together: dict[int, Any] = {}
    done = threading.Event()

    def disturb() -> None:
        while not done.wait(0.001):
            torch.manual_seed(0)
            torch.randn(100)

    def job(seed: int) -> None:
        together[seed] = speak(*LINES[:2], seed=seed, cfg_strength=seed / 2)

    disturber = threading.Thread(target=disturb)
    threads = [threading.Thread(target=job, args=(seed,)) for seed in range(1, 5)]
    for thread in (disturber, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    disturber.join()
    for seed, wanted in enumerate(alone, start=1):
        assert all(np.array_equal(one.samples, two.samples) for one, two in zip(together[seed], wanted, strict=True))


def test_the_process_wide_random_numbers_are_left_alone(speak: Speak) -> None:
    before = torch.get_rng_state()
    speak(LINES[0])
    assert torch.equal(torch.get_rng_state(), before)


def test_loading_and_speaking_touch_neither_the_network_nor_the_temporary_folder(
    tmp_path: Path, lookups: list[Any], monkeypatch: pytest.MonkeyPatch, speak: Speak,
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", None)
    models = make_f5(tmp_path / "models")
    before = sorted((tmp_path / "models").rglob("*"))
    engine = load(models)
    engine.warm_up()
    speak(*LINES, by=engine, voice=a_voice())
    assert lookups == []
    assert list(scratch.iterdir()) == []
    assert sorted((tmp_path / "models").rglob("*")) == before


def test_the_engine_says_what_it_is(models: Models, engine: F5Engine, checkpoint: Path) -> None:
    assert (engine.name, engine.rate_hz, engine.clones) == ("f5", 24_000, True)
    assert engine.model == "architecture"
    assert hashlib.sha256(checkpoint.read_bytes()).hexdigest().startswith(engine.revision)
    assert len(engine.revision) == 12


def test_a_voice_is_prepared_once_for_as_long_as_its_fingerprint_stays(speak: Speak) -> None:
    voice = a_voice()
    wanted = speak(LINES[0], voice=voice)[0].samples
    changed = replace(voice, samples=sound(96_000, 0.3))
    assert np.array_equal(speak(LINES[0], voice=changed)[0].samples, wanted)
    assert not np.array_equal(speak(LINES[0], voice=replace(changed, fingerprint="new"))[0].samples, wanted)


def test_the_voices_kept_do_not_grow_without_end(models: Models) -> None:
    engine = load(models)
    for number in range(40):
        voice = replace(a_voice(1.0), fingerprint=str(number))
        engine.speak([Line(LINES[0], "en", voice)], Options(nfe_step=1), check=lambda: None, progress=lambda _: None)
    assert len(engine._references) == 32


def test_running_out_of_gpu_memory_is_told_and_survived(speak: Speak) -> None:
    def full() -> Iterator[None]:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    with pytest.raises(EngineError, match="not enough memory"):
        speak(LINES[0], progress=lambda share: full() if share else None)
    assert speak(LINES[0])[0].samples.size


def test_a_gpu_that_broke_is_told_apart_from_any_other_fault(speak: Speak) -> None:
    def fail(message: str) -> None:
        raise RuntimeError(message)

    with pytest.raises(EngineLost, match="this worker is replaced"):
        speak(LINES[0], progress=lambda share: fail("CUDA error: device-side assert triggered"))
    with pytest.raises(RuntimeError, match="of another kind"):
        speak(LINES[0], progress=lambda share: fail("of another kind"))


@pytest.mark.parametrize("device", ["gpu", "cuda:x"])
def test_a_device_that_is_none_is_refused(models: Models, device: str) -> None:
    with pytest.raises(LoadError, match="auto, cpu, cuda"):
        F5Engine.load(models.model_dir, models.vocos_dir, models.architecture, device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_never_replaced_by_the_cpu_unless_auto_is_asked_for(models: Models) -> None:
    with pytest.raises(LoadError, match="finds no GPU"):
        F5Engine.load(models.model_dir, models.vocos_dir, models.architecture, "cuda")
    auto = F5Engine.load(models.model_dir, models.vocos_dir, models.architecture, "auto")
    assert auto.device.type == "cpu"
