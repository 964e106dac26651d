from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
import soundfile

from intake import audio
from tests.doubles.speech import spoken_wav
from tts import EngineError
from tts.encode import FORMATS, Written, encode, write
from tts.ffmpeg import Ffmpeg
from tts.loudness import Meter, measure

RATE_HZ = 22_050


def speechlike(seconds: float, peak: float) -> np.ndarray:
    time_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    wave = np.sin(2 * np.pi * 220 * time_s) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time_s))
    return (wave * peak).astype(np.float32)


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_written_reads_back_with_its_length(name: str) -> None:
    samples = speechlike(2.0, 0.3)
    encoded = encode(samples, RATE_HZ, FORMATS[name])
    if name == "pcm":
        read, rate_hz = np.frombuffer(encoded.data, "<i2") / 32768, encoded.rate_hz
    else:
        decoded = audio.decode(encoded.data, max_duration_s=10)
        read, rate_hz = decoded.samples, decoded.rate_hz
    assert rate_hz == encoded.rate_hz or name == "opus"  # FFmpeg decodes Opus to 48 kHz
    assert len(read) / rate_hz == pytest.approx(2.0, abs=0.1 if name == "aac" else 0.06)
    assert np.abs(read).max() == pytest.approx(0.3, rel=0.1)


def test_opus_gets_a_rate_it_knows_and_never_a_lower_one() -> None:
    assert encode(speechlike(0.5, 0.3), RATE_HZ, FORMATS["opus"]).rate_hz == 24_000


class Stop(Exception):
    pass


@pytest.mark.parametrize("name", FORMATS)
def test_a_stop_between_two_blocks_ends_the_encoding_at_once(name: str, tmp_path: Path) -> None:
    def endless() -> Iterator[np.ndarray]:
        for _ in range(3):
            yield speechlike(1.0, 0.3)
        raise Stop

    with pytest.raises(Stop):
        write(endless, RATE_HZ, FORMATS[name], tmp_path / "a")


@pytest.mark.parametrize("name", FORMATS)
def test_blocks_are_written_as_one_piece(name: str, tmp_path: Path) -> None:
    samples = speechlike(2.0, 0.3)
    write(lambda: np.array_split(samples, 7), RATE_HZ, FORMATS[name], tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == encode(samples, RATE_HZ, FORMATS[name]).data


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_cannot_be_written_is_an_error_without_its_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(EngineError) as raised:
        write(lambda: [speechlike(1.0, 0.3)], RATE_HZ, FORMATS[name], tmp_path / "missing" / "a")
    assert str(tmp_path) not in str(raised.value)


def levelled(samples: np.ndarray, target_lufs: float | None, name: str = "wav",
             n_blocks: int = 3) -> tuple[np.ndarray, Written]:
    """The samples as they read back, whose loudness is what was said of them."""
    blocks = np.array_split(samples, n_blocks)
    with Meter(RATE_HZ, target_lufs) as meter, tempfile.TemporaryDirectory() as folder:
        for block in blocks:
            meter.add(block)
        path = Path(folder, f"a.{name}")
        written = write(lambda: blocks, RATE_HZ, FORMATS[name], path, meter.level())
        read = soundfile.read(path, dtype="float32")[0]
    if written.loudness:
        measured = measure(lambda: [read], written.rate_hz)
        assert measured and astuple(measured) == pytest.approx(astuple(written.loudness), abs=0.15)
    return read, written


@pytest.mark.parametrize("target_lufs", [-30.0, -23.0, -18.0])
def test_loudness_is_what_was_asked_for(target_lufs: float) -> None:
    samples, written = levelled(speechlike(4.0, 0.2), target_lufs)
    assert written.warnings == ()
    found = measure(lambda: [samples], RATE_HZ)
    assert found and found.integrated_lufs == pytest.approx(target_lufs, abs=0.3)


def speech() -> np.ndarray:
    recording = audio.decode(spoken_wav("The harbour was quiet when the first boats came in, and nobody had slept."),
                             max_duration_s=60)
    assert recording.rate_hz == RATE_HZ
    return recording.samples


@pytest.mark.parametrize("target_lufs", [-18.0, -16.0, -14.0])
def test_peaks_of_loud_speech_are_limited_and_stay_in_their_place(target_lufs: float) -> None:
    before = speech()
    samples, written = levelled(before, target_lufs)
    found = measure(lambda: [samples], RATE_HZ)
    assert found and found.integrated_lufs == pytest.approx(target_lufs, abs=0.5)
    assert found.true_peak_dbtp <= -1.0
    assert any("peaks are lowered" in warning for warning in written.warnings)
    assert len(samples) == len(before)
    shift = np.argmax(np.correlate(samples[:40_000], before[200:39_800], "valid")) - 200
    assert abs(shift) <= 1


def test_the_limiter_goes_once_over_a_long_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = np.array_split(np.tile(speech(), 24), 50)  # each is about half a sentence, by turns another part of it
    n_samples, lengths = sum(map(len, pieces)), [0]

    def feed(ffmpeg: Ffmpeg, samples: np.ndarray) -> None:
        lengths[-1] += len(samples)
        real_feed(ffmpeg, samples)

    def finish(ffmpeg: Ffmpeg) -> str:
        lengths.append(0)
        return real_finish(ffmpeg)

    real_feed, real_finish = Ffmpeg.feed, Ffmpeg.finish
    monkeypatch.setattr("tts.loudness._LONG_S", 60)
    monkeypatch.setattr("tts.loudness._EXCERPT_S", 10)
    monkeypatch.setattr(Ffmpeg, "feed", feed)
    monkeypatch.setattr(Ffmpeg, "finish", finish)
    with Meter(RATE_HZ, -14.0) as meter, tempfile.TemporaryDirectory() as folder:
        for piece in pieces:
            meter.add(piece)
        written = write(lambda: pieces, RATE_HZ, FORMATS["wav"], Path(folder, "a"), meter.level())
        assert soundfile.info(Path(folder, "a")).frames == n_samples
    assert written.loudness and written.loudness.integrated_lufs == pytest.approx(-14.0, abs=0.5)
    assert lengths.count(n_samples) == 2  # measured as it is made, then limited and encoded in one
    assert sum(lengths) < 2.6 * n_samples


@pytest.mark.parametrize("name", ["wav", "flac"])
@pytest.mark.parametrize("target_lufs", [-23.0, -14.0])
def test_what_is_said_of_the_loudness_is_what_the_file_has(name: str, target_lufs: float) -> None:
    """As FFmpeg's ebur128 filter measures the file; pieces of any length make no difference."""
    whole, first = levelled(speech(), target_lufs, name, n_blocks=1)
    pieces, second = levelled(speech(), target_lufs, name, n_blocks=97)
    assert first.loudness == second.loudness
    np.testing.assert_array_equal(whole, pieces)


@pytest.mark.parametrize("shift", [0.0, 0.3, 0.5])
def test_a_peak_between_two_samples_is_seen(shift: float) -> None:
    """A tone at a quarter of the rate, whose samples lie up to 3 dB under its crest."""
    tone = np.sin(np.pi / 2 * (np.arange(4 * RATE_HZ) + shift)) * np.hanning(4 * RATE_HZ)
    with Meter(RATE_HZ, -23.0) as meter:
        for block in np.array_split(tone.astype(np.float32), 999):
            meter.add(block)
        level = meter.level()
    found = measure(lambda: [tone.astype(np.float32)], RATE_HZ)
    assert found and level.planned
    assert level.planned.true_peak_dbtp - level.gain_db == pytest.approx(found.true_peak_dbtp, abs=0.15)


@pytest.mark.parametrize("long_s", [480, 2])
def test_peaks_are_never_lowered_by_more_than_the_limit_and_a_loudness_that_is_missed_is_said(
        monkeypatch: pytest.MonkeyPatch, long_s: int) -> None:
    """Of a short recording, and of one where an excerpt tells first what the limiter takes."""
    monkeypatch.setattr("tts.loudness._LONG_S", long_s)
    for target_lufs in (-12.0, -5.0):
        samples, written = levelled(speech(), target_lufs)
        found = measure(lambda samples=samples: [samples], RATE_HZ)
        assert found and found.true_peak_dbtp <= -1.0
        lowered, missed = written.warnings
        assert f"{target_lufs:g} LUFS were asked for, and {found.integrated_lufs:.1f} reached" in missed
        assert lowered.endswith("by up to 9.0 dB")
        assert found.integrated_lufs > -15


def test_silence_has_no_loudness_and_is_left_alone() -> None:
    samples, written = levelled(np.zeros(RATE_HZ, dtype=np.float32), -16.0)
    assert not samples.any()
    assert "too quiet" in written.warnings[0]


def test_audio_over_full_scale_is_lowered_not_clipped() -> None:
    loud = speechlike(1.0, 1.7)
    samples, written = levelled(loud, None)
    np.testing.assert_allclose(samples, loud / np.abs(loud).max(), atol=1e-4)
    assert "lowered" in written.warnings[0]
