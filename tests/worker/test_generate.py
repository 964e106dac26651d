"""Long texts: cancel and deadline are obeyed in every stage, and memory stays flat."""
from __future__ import annotations

import io
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import runpod_handler
from benchmarks import cancel
from captions import WRITERS
from captions.style.options import Captions
from tests.conftest import Call
from tests.doubles.host import start_host
from tests.doubles.speech import spoken_wav
from timing.words import Timeline, Word
from tts import Cancelled, Options
from worker import marking, voices
from worker.delivery import timing_files
from worker.generate import generate
from worker.jobs import Job
from worker.requests import Generate, Upload, Verify, parse
from worker.settings import Settings
from worker.watch import watched

SENTENCE = "The harbour was quiet when the first boats came in, and nobody had slept at all that night. "


@pytest.mark.parametrize(("stage", "audio_format"), [
    ("speak", "wav"), ("assemble", "wav"), ("align", "wav"), ("store", "wav"), ("store", "opus")])
def test_a_cancel_is_obeyed_within_a_second_in_every_stage(parts: runpod_handler.Parts, stage: str,
                                                           audio_format: str) -> None:
    cancelled_at: list[float] = []

    def reported(name: str, share: float) -> None:
        if name == stage and not cancelled_at:
            def cancel() -> None:
                cancelled_at.append(time.monotonic())
                job.cancel()

            threading.Timer(0.2, cancel).start()

    job = Job("long", 600.0, reported)
    method = "pocketsphinx" if stage == "align" else "auto"
    request = parse(Generate, {"text": SENTENCE * 150, "audio_format": audio_format, "loudness_lufs": -20,
                               "timing_method": method})
    with pytest.raises(Cancelled):
        generate(request, job, parts.speech, [])
    assert time.monotonic() - cancelled_at[0] < 1.0


def test_every_option_of_a_request_reaches_the_engine(parts: runpod_handler.Parts,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"speed": 1.25, "seed": 7, "nfe_step": 20, "cfg_strength": 1.5, "sway_sampling_coef": -0.5,
             "target_rms": 0.2}
    seen: list[Options] = []
    speak = parts.engine.speak

    def noted(lines: Any, options: Options, **hooks: Any) -> Any:
        seen.append(options)
        return speak(lines, options, **hooks)

    monkeypatch.setattr(parts.engine, "speak", noted)
    shares: list[float] = []
    job = Job("a", 60.0, lambda stage, share: shares.append(share))
    output = generate(parse(Generate, {"text": "Hello.", **asked}), job, parts.speech, [])
    assert seen == [Options(**{**asked, "seed": output["seed"]})]
    assert output["seed"] == 7
    assert shares == sorted(shares) and shares[0] >= 0 and shares[-1] < 1


def test_the_benchmark_of_cancels_in_its_small_form() -> None:
    """Whatever a job is at: here and there from its first to its last second."""
    rows = list(cancel.measure(["loudness"], 4, 1, cancel.Sizes(6000, 20.0, 20.0)))
    assert rows[0].late_s  # one that comes when the job is done is none: the first run may have been the slower one
    assert all(row.late_s[row.worst] < 2.0 for row in rows if row.late_s), rows


def cancelled_after(seconds: float, work: Callable[[Callable[[], None]], object]) -> float:
    """How long after its cancel `work` went on."""
    began = time.monotonic()

    def check() -> None:
        if time.monotonic() - began > seconds:
            raise Cancelled("the job was cancelled")

    with pytest.raises(Cancelled):
        work(check)
    return time.monotonic() - began - seconds


def test_a_cancel_is_obeyed_while_captions_are_made() -> None:
    n_words = 18_000
    text = "harbour " * n_words
    words = tuple(Word("harbour", 400 * i, 400 * i + 300, 8 * i, 8 * i + 7) for i in range(n_words))
    timeline = Timeline(text, words, 400 * n_words, "en", "espeak")
    captions = Captions.of({"preset": "stack"})
    assert cancelled_after(0.3, lambda check: timing_files(timeline, captions, tuple(WRITERS), "a", check)) < 1


@pytest.mark.parametrize("seconds", [0.1, 0.5, 1.0])
def test_a_cancel_is_obeyed_while_a_voice_is_prepared(parts: runpod_handler.Parts, settings: Settings,
                                                      seconds: float) -> None:
    text = SENTENCE * 90
    samples, rate_hz = soundfile.read(io.BytesIO(spoken_wav(SENTENCE * 30)), dtype="float32")
    path = settings.data_dir / "uploads/long.wav"
    path.parent.mkdir()
    soundfile.write(path, np.repeat(np.tile(samples, 3), 2), 2 * rate_hz, subtype="PCM_16")
    request = parse(Upload, {"voice_name": "long", "s3_key": "uploads/long.wav", "reference_text": text})
    assert cancelled_after(seconds, lambda check: voices.upload(request, parts.voices, check)) < 1


VERIFY = """
import os, threading, time
from tests.doubles.host import start_host
from tests.doubles.speech import spoken_wav
from tts import Cancelled, Options
from worker.jobs import Job
from worker.marking import Marking, verify
from worker.requests import Verify, parse
from worker.settings import Settings

def reported(stage, share):
    if stage == "load":
        threading.Timer(0.3, cancel).start()

def cancel():
    cancelled_at.append(time.monotonic())
    job.cancel()

cancelled_at, job = [], Job("a", 600.0, reported)
with start_host({"/a.wav": spoken_wav("Hello there.")}) as host:
    request = parse(Verify, {"audio_url": f"{host.url}/a.wav"})
    try:
        verify(request, Settings(url_allow_hosts=frozenset({"127.0.0.1"})), Marking(), job)
    except Cancelled:
        late_s = time.monotonic() - cancelled_at[0]
        os.write(1, str(late_s).encode())  # the package that is loaded has taken print's place
    os._exit(0)
"""


def test_a_cancel_is_obeyed_while_the_network_is_loaded_that_looks_for_marks(root: Path) -> None:
    """In a process of its own, which has not loaded it before: that is said as a stage of the job."""
    done = subprocess.run([sys.executable, "-c", VERIFY], cwd=root, capture_output=True, text=True, check=True,
                          timeout=100)
    assert float(done.stdout) < 1.5


def test_a_cancel_is_obeyed_while_marks_are_looked_for(settings: Settings) -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.random.default_rng(1).uniform(-0.1, 0.1, 300 * 24_000), 24_000, format="WAV")
    stages: list[str] = []
    cancelled_at: list[float] = []

    def reported(stage: str, share: float) -> None:
        stages.append(stage)
        if stage == "look":
            threading.Timer(0.3, cancel).start()

    def cancel() -> None:
        cancelled_at.append(time.monotonic())
        job.cancel()

    job = Job("a", 600.0, reported)
    with start_host({"/a.wav": buffer.getvalue()}) as host, pytest.raises(Cancelled):
        marking.verify(parse(Verify, {"audio_url": f"{host.url}/a.wav"}), settings, marking.Marking(), job)
    assert time.monotonic() - cancelled_at[0] < 1
    assert stages == ["fetch", "load", "look"]


def test_work_that_does_not_look_up_is_left() -> None:
    began = time.monotonic()

    def check() -> None:
        if time.monotonic() - began > 0.3:
            raise Cancelled("the job was cancelled")

    with pytest.raises(Cancelled):
        watched(lambda _: time.sleep(5), check)
    assert time.monotonic() - began < 3


def test_watched_work_hands_over_its_result_and_its_errors() -> None:
    assert watched(lambda _: 5, lambda: None) == 5
    with pytest.raises(TimeoutError):
        watched(lambda _: fail(TimeoutError()), lambda: None)


def fail(error: Exception) -> int:
    raise error


PROGRAM = """
import asyncio, sys
from pathlib import Path
import runpod_handler
from tests.doubles.processes import peak_mb
from worker.settings import Settings
handler = runpod_handler.make_handler(runpod_handler.build_parts(Settings(data_dir=Path(sys.argv[1]))))
text = {sentence!r} * int(sys.argv[2])
output = asyncio.run(handler({{"id": "long", "input": {{"text": text, "audio_format": "opus", "loudness_lufs": -20}}}}))
assert output.get("status") == "completed", output
print(output["duration"], peak_mb())
"""


def test_memory_does_not_grow_with_the_text(root: Path, tmp_path: Path) -> None:
    def run(n_sentences: int) -> tuple[float, int]:
        done = subprocess.run([sys.executable, "-c", PROGRAM.format(sentence=SENTENCE), tmp_path / str(n_sentences),
                               str(n_sentences)], cwd=root, capture_output=True, text=True, check=True, timeout=300)
        duration_s, peak_mb = done.stdout.split()
        return float(duration_s), int(peak_mb)

    (short_s, short_mb), (long_s, long_mb) = run(120), run(300)  # shorter ones still fill buffers of a fixed size
    assert long_s > 2.4 * short_s
    samples_mb = (long_s - short_s) * 22_050 * 4 / 1e6
    assert long_mb - short_mb < samples_mb / 3


def test_an_opposite_phase_recording_is_aligned(call: Call, tmp_path: Path) -> None:
    text = "Some call me nature, others call me mother nature."
    samples, rate_hz = soundfile.read(io.BytesIO(spoken_wav(text)), dtype="float32")
    buffer = io.BytesIO()
    soundfile.write(buffer, np.stack([samples, -samples], axis=1), rate_hz, format="WAV")
    with start_host({"/a.wav": buffer.getvalue()}) as host:
        output: dict[str, Any] = call(endpoint="align", audio_url=f"{host.url}/a.wav", text=text)
    assert output["word_count"] == 9
    assert any("opposite phase" in warning for warning in output["warnings"])


@pytest.mark.parametrize("slow", [lambda check: [check() or time.sleep(0.05) for _ in range(100)]])
def test_work_that_was_left_ends_at_its_next_look(slow: Callable[[Callable[[], None]], object]) -> None:
    def check() -> None:
        if time.monotonic() - began > 0.2:
            raise Cancelled("the job was cancelled")

    began, n_before = time.monotonic(), threading.active_count()
    with pytest.raises(Cancelled):
        watched(slow, check)
    while threading.active_count() > n_before:
        assert time.monotonic() - began < 3, "the work goes on: its hundred looks take 5 s"
        time.sleep(0.02)
