"""Endpoint `align` with subtitles whose times are wrong: `transcript_text`, `transcript_url`, `keep_cues`."""
from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import srt  # type: ignore[import-untyped]

import runpod_handler
from intake.audio import Audio
from tests.doubles.host import start_host
from timing.align import DOUBT
from timing.search import Search
from tts import Cancelled, Line, Options
from tts.espeak import RATE_HZ, Espeak
from worker.align import Said, align_recording, align_whole
from worker.jobs import Job
from worker.requests import Align, parse

Call = Callable[..., dict[str, Any]]
CUES = ("The harbour was quiet,\nand the gulls slept.", "Nobody had told the baker",
        "that the bridge was closed again.", "Elephants never use umbrellas.", "Three of them went home early;",
        "the others stayed and sang.",
        "Bring a lamp and a long rope.", "We leave before the sun is up.")
UNSAID = 3
LINES = ("The harbour was quiet, and the gulls slept.", "Nobody had told the baker that the bridge was closed again.")


@cache
def film() -> tuple[bytes, list[list[tuple[int, int]]], str]:
    """A recording, when each word of each cue is said (none of UNSAID), and subtitles that are 1 to 5 s late."""
    engine, chance = Espeak(), np.random.default_rng(5)
    parts, truth, blocks = [np.zeros(RATE_HZ, np.float32)], [], []
    for number, cue in enumerate(CUES):
        said, = engine.speak([Line(cue.replace("\n", " "), "en")], Options(), check=lambda: None,
                             progress=lambda share: None)
        at_ms = sum(map(len, parts)) * 1000 // RATE_HZ
        late_ms = at_ms + 3000 + int(chance.uniform(-2000, 2000))
        late_ms = max(late_ms, blocks[-1][0] + 100 if blocks else 0)
        blocks.append((late_ms, late_ms + len(said.samples) * 1000 // RATE_HZ, cue))
        truth.append([] if number == UNSAID else [(mark.start_ms + at_ms, mark.end_ms + at_ms)
                                                  for mark in said.marks or ()])
        if number != UNSAID:
            parts.append(said.samples)
        parts.append(np.zeros(int(chance.uniform(0.2, 2.5) * RATE_HZ), np.float32))
    buffer = io.BytesIO()
    soundfile.write(buffer, np.concatenate(parts), RATE_HZ, format="WAV")
    return buffer.getvalue(), truth, "\n".join(
        f"{number}\n{clock(a)} --> {clock(b)}\n{text}\n" for number, (a, b, text) in enumerate(blocks, start=1))


def clock(ms: int) -> str:
    return f"00:{ms // 60_000:02d}:{ms // 1000 % 60:02d},{ms % 1000:03d}"


def test_subtitles_that_are_seconds_late_give_every_word_its_true_time_and_keep_their_cues(
        call: Call, settings: Any) -> None:
    recording, truth, subtitles = film()
    with start_host({"/film.wav": recording, "/film.srt": subtitles.encode()}) as host:
        output = call(endpoint="align", job_id="film", audio_url=f"{host.url}/film.wav", keep_cues=True,
                      transcript_url=f"{host.url}/film.srt", timing_format=["json", "srt"],
                      timing_method="pocketsphinx")
    words = stored(settings, "film", "json")["words"]
    at = 0
    for cue, said in zip(CUES, truth, strict=True):
        found = words[at:at + len(cue.split())]
        at += len(found)
        assert [word["word"] for word in found] == cue.split()
        if said:
            errors = [abs(word["start"] * 1000 - start) for word, (start, _) in zip(found, said, strict=True)]
            assert np.median(errors) < 60
            assert sum(error > 250 for error in errors) <= 1
        else:
            assert all(word["estimated"] or word["score"] < DOUBT for word in found)
    assert any("1 of 8 cues were not found" in warning and "Elephants" in warning for warning in output["warnings"])
    entries = list(srt.parse((settings.data_dir / "timings/film.srt").read_text()))
    assert [entry.content for entry in entries] == list(CUES)
    again = call(endpoint="download", job_id="film", type="timing", format="vtt")
    assert again["status"] == "ready"
    assert "The harbour was quiet,\nand the gulls slept." in (settings.data_dir / "timings/film.vtt").read_text()


@cache
def two_lines(before_s: int, after_s: int) -> tuple[Audio, list[int]]:
    """The first two sentences of the film, said between stretches of silence, and when each word begins."""
    parts, starts = [np.zeros(before_s * RATE_HZ, np.float32)], list[int]()
    for text in LINES:
        said, = Espeak().speak([Line(text, "en")], Options(), check=lambda: None, progress=lambda share: None)
        starts += [mark.start_ms + sum(map(len, parts)) * 1000 // RATE_HZ for mark in said.marks or ()]
        parts += [said.samples, np.zeros(RATE_HZ // 3, np.float32)]
    return Audio(np.concatenate([*parts, np.zeros(after_s * RATE_HZ, np.float32)]), RATE_HZ, 1), starts


@pytest.mark.parametrize(("before_s", "after_s", "hints", "used"), [
    (0, 0, [(7000, 12000)], False),  # the audio ends at 6.5 s
    (0, 0, [(300, 2300), (40_000, 43_000)], True),
    (0, 0, [(-40_000, -38_000), (2600, 5500)], True),
    (0, 0, [(60_000, 62_300), (62_500, 65_500)], False),
    (0, 0, [(9000, 11_300), (11_500, 14_500)], False),
    (2, 20, [(9000, 14_500)], False),  # half of it is within 6 s of its hint
    (2, 20, [(12_000, 14_300), (14_500, 17_500)], False),
    (22, 20, [(15_000, 20_500)], False),
], ids=str)
def test_cues_far_from_their_words_cost_no_times_and_are_not_half_believed(
        parts: runpod_handler.Parts, before_s: int, after_s: int, hints: list[tuple[int, int]], used: bool) -> None:
    recording, starts = two_lines(before_s, after_s)
    second = len(LINES[0]) + 1
    said = Said(" ".join(LINES), tuple((*hint, at) for hint, at in zip(hints, (0, second), strict=False)))
    found = align_whole(recording, said, "en", "pocketsphinx", parts.speech.sources, lambda: None)
    words = found.timeline.words
    assert max(abs(word.start_ms - start) for word, start in zip(words, starts, strict=True)) < 100
    assert not any(word.estimated for word in words)
    assert any("do not fit this audio" in warning for warning in found.warnings) is not used


def stored(settings: Any, job_id: str, extension: str) -> Any:
    return json.loads((settings.data_dir / "timings" / f"{job_id}.{extension}").read_text())


def test_the_tags_of_a_script_are_no_words_of_its_recording(call: Call, settings: Any) -> None:
    recording, _, _ = film()
    said = [cue for number, cue in enumerate(CUES) if number != UNSAID]
    with start_host({"/film.wav": recording}) as host:
        for name, script in (("plain", " ".join(said)), ("tagged", "[voice:anna] " + " [pause:1.5s] ".join(said))):
            output = call(endpoint="align", job_id=name, audio_url=f"{host.url}/film.wav", text=script,
                          timing_format="json")
            assert output["word_count"] == len(" ".join(said).split())
    plain, tagged = (stored(settings, name, "json")["words"] for name in ("plain", "tagged"))
    assert [(word["word"], word["start"]) for word in tagged] == [(word["word"], word["start"]) for word in plain]


@pytest.mark.parametrize(("fields", "message"), [
    ({}, "text: is needed"),
    ({"text": "Hi.", "transcript_text": "Hi."}, "text: is needed, or one of"),
    ({"transcript_text": "Hi."}, "keep_cues: the transcript has no cues"),
    ({"transcript_text": "1\n00:00:01,000 --> 00:00:02,000\n\n"}, "INVALID_INPUT"),
    ({"transcript_url": "http://10.0.0.1/x.srt"}, "BLOCKED_URL"),
])
def test_transcripts_that_cannot_be_are_refused(call: Call, fields: dict[str, Any], message: str) -> None:
    kept = {"keep_cues": True} if "text" not in fields else {}
    output = call(endpoint="align", audio_url="http://127.0.0.1:1/a.wav", **kept, **fields)
    assert message in output["error"]


def test_the_command_takes_subtitles_and_keeps_their_cues(tmp_path: Path) -> None:
    recording, _, subtitles = film()
    (tmp_path / "a.wav").write_bytes(recording)
    (tmp_path / "a.srt").write_text(subtitles)
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "cli.py", "align", str(tmp_path / "a.wav"), "--text", str(tmp_path / "a.srt"),
               "--format", "srt", "--keep-cues", "--method", "pocketsphinx"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert [entry.content for entry in srt.parse(done.stdout)] == list(CUES)
    assert "1 of 8 cues were not found" in done.stderr


def test_a_cancelled_alignment_lets_go_of_the_aligner(parts: runpod_handler.Parts,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    """Of five minutes no more is searched than what was being searched: the next job would have to wait for it."""
    run, runs = Search.run, list[int]()
    job = Job("left", 600.0, lambda stage, share: None)

    def counted(search: Search, samples: Any, *rest: Any, **more: Any) -> Any:
        runs.append(len(samples))
        if len(runs) == 2:
            job.cancel()
        found = run(search, samples, *rest, **more)
        if len(runs) >= 2:
            time.sleep(0.3)  # a slow machine: the cancel has been seen by then
        return found

    monkeypatch.setattr(Search, "run", counted)
    samples, rate_hz = soundfile.read(io.BytesIO(film()[0]), dtype="float32")
    text, buffer = " ".join(cue for number, cue in enumerate(CUES) if number != UNSAID), io.BytesIO()
    n_times = 300 * rate_hz // len(samples)
    soundfile.write(buffer, np.tile(samples, n_times), rate_hz, format="WAV")
    with start_host({"/a.wav": buffer.getvalue()}) as host, pytest.raises(Cancelled):
        align_recording(parse(Align, {"audio_url": f"{host.url}/a.wav", "text": " ".join([text] * n_times),
                                      "timing_method": "pocketsphinx"}), job, parts.speech, [])
    for thread in threading.enumerate():
        if thread.name == "watched":
            thread.join(60)
    assert len(runs) in (2, 3)
