from __future__ import annotations

import hashlib
import socket
import tempfile
import threading
import time
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.doubles.f5 import Models, make_f5
from tests.tts.f5.conftest import Speak, load
from tts import Cancelled, EngineError, EngineLost, Line, Options, Samples, Voice
from tts.f5 import pace
from tts.f5.checkpoint import LoadError
from tts.f5.engine import F5Engine
from tts.f5.scheduler import Scheduler

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
    assert np.array_equal(speak(LINES[2], "A", "B", "D")[0].samples, third.samples)
    assert np.array_equal(speak("A new first line.", LINES[0])[1].samples, first.samples)
    once, again = speak(LINES[0], LINES[0])
    assert np.array_equal(once.samples, first.samples)
    assert np.array_equal(speak(LINES[0], LINES[1], LINES[0])[2].samples, again.samples)


def test_a_line_that_is_said_twice_is_not_the_same_recording_twice(speak: Speak) -> None:
    once, twice = speak(LINES[0], LINES[0])
    assert not np.array_equal(once.samples, twice.samples)


def test_a_newly_loaded_engine_says_the_same(models: Models, speak: Speak) -> None:
    assert np.array_equal(speak(LINES[0], by=load(models))[0].samples, speak(LINES[0])[0].samples)


def test_options_change_the_sound(speak: Speak) -> None:
    usual = speak(LINES[0])[0].samples
    for change in ({"cfg_strength": 0.0}, {"cfg_strength": 1.0}, {"nfe_step": 5}, {"sway_sampling_coef": 0.0}):
        assert not np.array_equal(speak(LINES[0], **change)[0].samples, usual), change
    assert not np.array_equal(speak("The tide comes in at moon.")[0].samples, usual)
    assert not np.array_equal(speak(LINES[0], voice=a_voice())[0].samples[:1000], usual[:1000])


def test_twice_the_speed_is_half_the_time(engine: F5Engine, speak: Speak) -> None:
    n_hops = len(engine.own_voice.samples) // 256
    phonemes = {text: pace.measure(text, "en").phonemes for text in (engine.own_voice.text, LINES[1])}
    for speed in (0.5, 1.0, 2.0):
        n_frames = int(n_hops / phonemes[engine.own_voice.text] * np.hypot(phonemes[LINES[1]], 8) / speed)
        # Less the reference's last frame; n frames have n - 1 hops between them.
        assert len(speak(LINES[1], speed=speed)[0].samples) == (n_frames - 2) * 256


def test_a_line_that_is_hurried_says_so(speak: Speak) -> None:
    said = speak("1837 " * 40, nfe_step=5)[0]
    assert len(said.warnings) == 1 and "times as fast as the voice speaks" in said.warnings[0]


def test_samples_are_mono_float32_within_full_scale(speak: Speak) -> None:
    for utterance in speak(*LINES):
        assert utterance.samples.dtype == np.float32 and utterance.samples.ndim == 1
        assert 0 < np.abs(utterance.samples).max() <= 1.0
        assert utterance.marks is None and utterance.warnings == ()


def test_characters_without_a_token_are_left_out_and_named(speak: Speak) -> None:
    said = speak("The tide 🌊comes in at noon 🌊 🐚.")[0]
    assert [*said.warnings] == [
        "the text has characters that the model does not know: '🌊' was left out, '🐚' was left out"]
    assert len(said.samples) == len(speak("The tide comes in at noon .")[0].samples)


def test_characters_without_a_token_in_the_reference_text_are_named_too(speak: Speak) -> None:
    said = speak(LINES[0], voice=a_voice(text="The quick ☕ fox."))[0]
    assert said.warnings == (
        "the reference text of voice ada has characters that the model does not know: '☕' was left out",)


def test_white_space_and_the_way_a_letter_is_composed_do_not_matter(speak: Speak) -> None:
    said = speak(" The cafe\u0301\u00a0is\nopen today. ")[0]
    assert said.warnings == ()
    assert len(said.samples) == len(speak("The café is open today.")[0].samples)


def test_chinese_is_spoken_by_its_syllables(speak: Speak) -> None:
    assert speak("今天我们一起去海边看日落吧。")[0].warnings == ()


@pytest.mark.parametrize("text", ["", "   ", "…", "🌊🌊", "ሰላም ለዓለም", "?!"])
def test_a_line_without_a_letter_that_the_model_knows_is_refused_before_any_work(speak: Speak, text: str) -> None:
    shares: list[float] = []
    with pytest.raises(EngineError, match="no letter that the model knows"):
        speak(LINES[0], text, progress=shares.append)
    assert shares == []


@pytest.mark.parametrize(("seconds", "speed"), [(1.0, 1.0), (3.0, 0.5), (5.0, 2.0), (12.0, 0.5), (12.9, 1.0)])
def test_the_longest_line_fits_and_a_much_longer_one_is_refused(engine: F5Engine, speak: Speak, seconds: float,
                                                               speed: float) -> None:
    voice = a_voice(seconds, text=("lullaby " * 30)[:int(14 * seconds)])
    n_bytes = engine.max_bytes(voice, speed)
    assert speak(("lullaby " * 300)[:n_bytes], voice=voice, speed=speed, nfe_step=1)[0].samples.size
    with pytest.raises(EngineError, match="the model can do 30 s"):
        speak(("lullaby " * 300)[:3 * n_bytes], voice=voice, speed=speed)


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
    with torch.inference_mode():
        engine.vocoder._out[1][:513] += 9.0
    said = speak(LINES[0], by=engine)[0]
    assert np.abs(said.samples).max() == 1.0
    assert "was clipped" in said.warnings[0]


def test_a_model_that_answers_with_no_number_is_an_error_not_a_file(models: Models, speak: Speak) -> None:
    engine = load(models)
    with torch.inference_mode():
        engine.network._out[1][3] = torch.nan
    with pytest.raises(EngineError, match="made no sound"):
        speak(LINES[0], by=engine)


def test_a_cancelled_job_stops_between_steps_and_leaves_nothing_for_the_next(engine: F5Engine, speak: Speak) -> None:
    wanted = speak(LINES[1], seed=9)[0].samples
    shares: list[float] = []

    def check() -> None:
        if shares and shares[-1] > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        speak(*LINES, nfe_step=64, check=check, progress=shares.append)
    assert shares[-1] < 0.5
    assert np.array_equal(speak(LINES[1], seed=9)[0].samples, wanted)
    assert not engine._scheduler


def test_a_future_that_is_cancelled_leaves_the_queue(engine: F5Engine) -> None:
    futures = [engine.submit(Line(text, "en"), Options(nfe_step=32)) for text in LINES]
    assert futures[1].cancel()
    assert [len(future.result().samples) > 0 for future in (futures[0], futures[2])] == [True, True]
    assert futures[1].cancelled()


def test_a_line_submitted_alone_is_the_one_that_is_spoken_in_a_job(engine: F5Engine, speak: Speak) -> None:
    first, second = speak(LINES[0], LINES[0], seed=4)
    for occurrence, wanted in enumerate((first, second)):
        future = engine.submit(Line(LINES[0], "en"), Options(nfe_step=6, seed=4), occurrence=occurrence)
        assert np.array_equal(future.result().samples, wanted.samples)


def test_a_job_that_waits_for_another_can_be_cancelled_and_a_failed_callback_ends_only_its_own(speak: Speak) -> None:
    checks = iter(range(3))

    def cancel() -> None:
        if next(checks, None) is None:
            raise Cancelled

    long = threading.Thread(target=speak, args=LINES * 2, kwargs={"nfe_step": 32})
    long.start()
    with pytest.raises(Cancelled):
        speak(LINES[1], nfe_step=64, check=cancel)
    assert long.is_alive()
    long.join()


def test_a_short_job_does_not_wait_for_a_long_ones_end(speak: Speak) -> None:
    ended: list[str] = []
    begun = threading.Event()

    def job(name: str, *texts: str, **callbacks: Any) -> None:
        speak(*texts, nfe_step=4, **callbacks)
        ended.append(name)

    threads = [threading.Thread(target=job, args=("long", *(LINES * 8)),
                                kwargs={"progress": lambda share: begun.set() if share else None})]
    threads[0].start()
    assert begun.wait(60)
    threads += [threading.Thread(target=job, args=(f"short {number}", LINES[0])) for number in range(3)]
    for thread in threads[1:]:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended[-1] == "long" and len(ended) == 4


def test_an_hour_of_lines_is_never_in_memory_at_once_and_its_rows_are_let_go(models: Models) -> None:
    engine = load(models)
    rows: list[weakref.ref[Any]] = []
    make = engine._row

    def watched(task: Any) -> Any:
        row = make(task)
        rows.append(weakref.ref(row.condition))
        return row

    engine._row = watched  # type: ignore[method-assign]
    lines = [Line(f"Line number {number}.", "en") for number in range(12)]
    alive: list[weakref.ref[Any]] = []
    for utterance in engine.speak(lines, Options(nfe_step=1), check=lambda: None, progress=lambda _: None):
        alive.append(weakref.ref(utterance.samples))
        del utterance
        time.sleep(0.02)  # a consumer that is slower than the device
        assert sum(each() is not None for each in alive) <= 1
        assert len(rows) <= len(alive) + engine._lines_ahead
        assert sum(each() is not None for each in rows) <= 3
    assert len(alive) == len(rows) == 12


def test_speech_that_is_no_longer_taken_is_no_longer_made(engine: F5Engine) -> None:
    spoken = engine.speak([Line(text, "en") for text in LINES * 4], Options(nfe_step=16), check=lambda: None,
                          progress=lambda _: None)
    next(spoken)
    spoken.close()
    began = time.monotonic()
    while engine._running and time.monotonic() - began < 1.0:
        time.sleep(0.01)
    assert not engine._scheduler


def test_progress_rises_from_nothing_to_one(speak: Speak) -> None:
    shares: list[float] = []
    speak(*LINES, nfe_step=6, progress=shares.append)
    assert shares == sorted(shares) and (shares[0], shares[-1]) == (0.0, 1.0)
    assert len(set(shares)) > 3


@pytest.mark.parametrize(("n_steps", "is_told"), [(7, False), (8, True), (16, False), (20, True), (32, False)])
def test_a_number_of_steps_without_a_pruned_schedule_says_so(speak: Speak, n_steps: int, is_told: bool) -> None:
    told = f"nfe_step {n_steps} has no pruned schedule and takes even steps; 5, 6, 7, 10, 12, 16 have one"
    assert speak(LINES[0], nfe_step=n_steps)[0].warnings == ((told,) if is_told else ())


def test_threads_at_once_get_what_each_would_get_alone(speak: Speak) -> None:
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


class Failing:
    """The network's flow, failing at chosen evaluations (1 is the first)."""

    def __init__(self, engine: F5Engine, monkeypatch: pytest.MonkeyPatch, errors: dict[int, Exception]) -> None:
        self.errors, self.count, self._flow = errors, 0, engine.network.flow
        monkeypatch.setattr(engine.network, "flow", self)

    def __call__(self, *arguments: Any) -> Any:
        self.count += 1
        if self.count in self.errors:
            raise self.errors[self.count]
        return self._flow(*arguments)


def full() -> Exception:
    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def test_running_out_of_gpu_memory_once_is_survived_unchanged_and_twice_is_told(
    models: Models, speak: Speak, monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = load(models)
    engine._scheduler = Scheduler(100_000, 16)
    wanted = speak(*LINES)
    Failing(engine, monkeypatch, {3: full()})
    for one, other in zip(speak(*LINES, by=engine), wanted, strict=True):
        assert np.abs(one.samples - other.samples).max() < 1e-4 * np.abs(other.samples).max()
    Failing(engine, monkeypatch, {3: full()})
    with pytest.raises(EngineError, match="not enough memory"):
        speak(*LINES, by=engine)
    assert speak(LINES[0], by=engine)[0].samples.size


def test_a_gpu_that_broke_is_told_apart_from_any_other_fault(
    models: Models, speak: Speak, monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = load(models)
    Failing(engine, monkeypatch, {1: RuntimeError("of another kind"),
                                  2: RuntimeError("CUDA error: device-side assert triggered")})
    with pytest.raises(RuntimeError, match="of another kind"):
        speak(LINES[0], by=engine)
    with pytest.raises(EngineLost, match="this worker is replaced"):
        speak(*LINES, by=engine)
    with pytest.raises(EngineLost, match="this worker is replaced"):
        speak(LINES[0], by=engine)


def test_a_line_that_makes_no_sound_fails_alone(models: Models, speak: Speak, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = speak(LINES[1], nfe_step=16)[0].samples
    engine = load(models)
    engine._scheduler = Scheduler(100_000, 16)
    decode = engine.vocoder.decode
    calls = iter(range(100))
    monkeypatch.setattr(engine.vocoder, "decode",
                        lambda mel, reference: decode(mel * (torch.nan if next(calls) == 0 else 1), reference))
    broken, sound = (engine.submit(Line(text, "en"), Options(nfe_step=n_steps))
                     for text, n_steps in ((LINES[0], 4), (LINES[1], 16)))
    with pytest.raises(EngineError, match="made no sound"):
        broken.result()
    assert np.abs(sound.result().samples - wanted).max() < 1e-4 * np.abs(wanted).max()


def test_lines_of_many_jobs_share_a_batch_and_each_sounds_as_alone_to_the_last_bit_but_one(
    models: Models, speak: Speak,
) -> None:
    """At most one step of 16 bits in one sample of a hundred."""
    alone = [speak(text, seed=seed, cfg_strength=seed / 2, voice=a_voice(2.0 + seed))[0].samples
             for seed, text in enumerate(LINES * 3)][:8]
    engine = load(models)
    engine._scheduler = Scheduler(100_000, 16)
    futures = [engine.submit(Line(text, "en", a_voice(2.0 + seed)),
                             Options(seed=seed, nfe_step=6, cfg_strength=seed / 2))
               for seed, text in enumerate(LINES * 3)][:8]
    for wanted, future in zip(alone, futures, strict=True):
        loud = 0.5 / np.abs(wanted).max()
        off = np.abs(np.rint(wanted * loud * 32767) - np.rint(future.result().samples * loud * 32767))
        assert off.max() <= 1 and (off > 0).mean() <= 0.01


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
