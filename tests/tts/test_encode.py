from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from intake import audio
from tests.doubles.speech import spoken_wav
from tts import EngineError
from tts import encode as encoding
from tts.encode import FORMATS, Blocks, at_level, encode, level, measure, write

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


def levelled(samples: np.ndarray, target_lufs: float | None) -> tuple[np.ndarray, list[str]]:
    found = level(lambda: np.array_split(samples, 3), float(np.abs(samples).max()), RATE_HZ, target_lufs)
    with at_level(lambda: np.array_split(samples, 3), RATE_HZ, found) as done:
        whole = np.concatenate(list(done.blocks()))
        measured = measure(lambda: [whole], RATE_HZ)
        if done.loudness:
            assert measured and astuple(measured) == pytest.approx(astuple(done.loudness), abs=0.15)
        return whole, list(done.warnings)


@pytest.mark.parametrize("target_lufs", [-30.0, -23.0, -18.0])
def test_loudness_is_what_was_asked_for(target_lufs: float) -> None:
    samples, warnings = levelled(speechlike(4.0, 0.2), target_lufs)
    assert warnings == []
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
    samples, warnings = levelled(before, target_lufs)
    found = measure(lambda: [samples], RATE_HZ)
    assert found and found.integrated_lufs == pytest.approx(target_lufs, abs=0.5)
    assert found.true_peak_dbtp <= -1.0
    assert any("peaks are lowered" in warning for warning in warnings)
    assert len(samples) == len(before)
    shift = np.argmax(np.correlate(samples[:40_000], before[200:39_800], "valid")) - 200
    assert abs(shift) <= 1


def test_the_limiter_goes_once_over_a_long_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.tile(speech(), 24)
    lengths: list[int] = []

    def limit(blocks: Blocks, rate_hz: int, file: IO[bytes]) -> None:
        lengths.append(sum(map(len, blocks())))
        real(blocks, rate_hz, file)

    real = encoding._limit
    monkeypatch.setattr(encoding, "_limit", limit)
    pieces = np.array_split(samples, 50)  # each is about half a sentence, by turns another part of it
    found = level(lambda: pieces, float(np.abs(samples).max()), RATE_HZ, -14.0)
    with at_level(lambda: pieces, RATE_HZ, found) as done:
        assert done.loudness and done.loudness.integrated_lufs == pytest.approx(-14.0, abs=0.5)
        assert sum(map(len, done.blocks())) == len(samples)
    assert lengths.count(len(samples)) == 1
    assert sum(lengths) < 1.5 * len(samples)


def test_loudness_that_would_distort_is_not_reached_and_that_is_said() -> None:
    samples, warnings = levelled(speech(), -5.0)
    found = measure(lambda: [samples], RATE_HZ)
    assert found and found.true_peak_dbtp <= -1.0
    assert "-5 LUFS were asked for" in warnings[0]
    assert found.integrated_lufs > -15


def test_silence_has_no_loudness_and_is_left_alone() -> None:
    samples, warnings = levelled(np.zeros(RATE_HZ, dtype=np.float32), -16.0)
    assert not samples.any()
    assert "too quiet" in warnings[0]


def test_audio_over_full_scale_is_lowered_not_clipped() -> None:
    loud = speechlike(1.0, 1.7)
    samples, warnings = levelled(loud, None)
    np.testing.assert_allclose(samples, loud / np.abs(loud).max(), rtol=1e-5)
    assert "lowered" in warnings[0]
