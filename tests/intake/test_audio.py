"""Recordings from strangers: every format as encoders make it, every lie a header can tell, and what is measured."""
from __future__ import annotations

import io
import random
import re
import struct
import subprocess
from collections.abc import Callable
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from intake import audio

RATE_HZ = 48_000
FFMPEG = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y"]
SPEECH = next((folder for folder in (Path(__file__).resolve().parents[2] / "shared/speech",
                                     Path(__file__).resolve().parents[3] / "shared/speech") if folder.is_dir()), None)
human = pytest.mark.skipif(SPEECH is None, reason="the recordings of human speech are not beside the checkout")


def tone(duration_s: float = 1.0, hz: float = 440.0, level: float = 0.2, rate_hz: int = RATE_HZ) -> audio.Samples:
    times = np.arange(round(duration_s * rate_hz)) / rate_hz
    return (level * np.sin(2 * np.pi * hz * times)).astype(np.float32)


def wav(samples: np.ndarray[Any, Any], rate_hz: int = RATE_HZ, **options: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, **{"format": "WAV", "subtype": "PCM_16", **options})
    return buffer.getvalue()


def raw_wav(data: bytes = b"", *, n_channels: int = 1, rate_hz: int = 24_000,
            claimed_bytes: int | None = None) -> bytes:
    """A 16-bit WAV whose header says whatever it is told to."""
    size = len(data) if claimed_bytes is None else claimed_bytes
    about = struct.pack("<HHIIHH", 1, n_channels, rate_hz, rate_hz * n_channels * 2 & 0xFFFFFFFF,
                        n_channels * 2 & 0xFFFF, 16)
    return (b"RIFF" + struct.pack("<I", size + 36 & 0xFFFFFFFF) + b"WAVEfmt " + struct.pack("<I", 16) + about
            + b"data" + struct.pack("<I", size) + data)


@pytest.fixture(scope="module")
def encode(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """FFmpeg's own files of a second of a 440 Hz tone, left twice as loud as right: `encode("m4a", "-c:a", "alac")`."""
    folder = tmp_path_factory.mktemp("encoded")
    (folder / "in.wav").write_bytes(wav(np.stack([tone(), tone() / 2], axis=1)))

    def make(extension: str, *options: str) -> bytes:
        output = folder / f"out.{extension}"
        subprocess.run([*FFMPEG, "-i", folder / "in.wav", *options, output], check=True)
        return output.read_bytes()

    return make


FORMATS = {
    "wav": ("wav",), "wav of 24 bit": ("wav", "-c:a", "pcm_s24le"), "wav of floats": ("wav", "-c:a", "pcm_f32le"),
    "wav over 4 GB": ("wav", "-rf64", "always"), "wav, ADPCM": ("wav", "-c:a", "adpcm_ima_wav"), "aiff": ("aiff",),
    "flac": ("flac",), "mp3": ("mp3",), "mp3 without a tag": ("mp3", "-id3v2_version", "0", "-write_xing", "0"),
    "vorbis": ("ogg",), "opus": ("opus",), "flac in ogg": ("ogg", "-c:a", "flac"), "m4a": ("m4a",),
    "m4a, index first": ("m4a", "-movflags", "+faststart"), "m4a, lossless": ("m4a", "-c:a", "alac"),
    "mp4, fragmented": ("mp4", "-movflags", "frag_keyframe+empty_moov"), "quicktime": ("mov", "-c:a", "pcm_s16le"),
    "aac": ("aac",), "webm": ("webm",), "webm, vorbis": ("webm", "-c:a", "libvorbis"), "matroska": ("mka",),
    "video, mp4": ("mp4", "-f", "lavfi", "-i", "testsrc=d=1:s=64x64"),
    "video, webm": ("webm", "-f", "lavfi", "-i", "testsrc=d=1:s=64x64"),
    "mp3 with a cover": ("mp3", "-f", "lavfi", "-i", "color=red:s=300x300:d=0.04", "-map", "0", "-map", "1",
                         "-disposition:v", "attached_pic"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_gives_the_mean_of_its_channels_in_time_and_tune(encode: Callable[..., bytes], name: str) -> None:
    heard = audio.decode(encode(*FORMATS[name]), max_duration_s=10)
    assert (heard.rate_hz, heard.n_channels, heard.warnings) == (RATE_HZ, 2, ())
    assert heard.samples.dtype == np.float32
    assert heard.samples.ndim == 1
    assert len(heard.samples) / RATE_HZ == pytest.approx(1, abs=0.06)
    middle = heard.samples[RATE_HZ // 4:RATE_HZ * 3 // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * RATE_HZ / len(middle) == pytest.approx(440, abs=2)
    assert np.sqrt(np.mean(middle ** 2)) == pytest.approx(0.15 / 2 ** 0.5, rel=0.05)


@pytest.mark.parametrize("name", ["wav", "aiff", "flac", "flac in ogg", "m4a, lossless", "quicktime"])
def test_a_lossless_format_loses_nothing(encode: Callable[..., bytes], name: str) -> None:
    heard = audio.decode(encode(*FORMATS[name]), max_duration_s=10)
    np.testing.assert_allclose(heard.samples, tone() * 0.75, atol=2 / 32768)


@pytest.mark.parametrize("extension", ["wav", "flac", "mp3", "webm"])
def test_a_file_written_to_a_pipe_without_its_length_is_read_whole(extension: str) -> None:
    piped = subprocess.run([*FFMPEG, "-f", "lavfi", "-i", "sine=d=1:r=48000", "-f", extension, "pipe:1"], check=True,
                           stdout=subprocess.PIPE).stdout
    assert len(audio.decode(piped, max_duration_s=10).samples) == pytest.approx(48_000, abs=3000)


def test_a_tag_before_aac_does_not_make_it_mp3(encode: Callable[..., bytes]) -> None:
    tag = b"ID3\x04\x00\x00\x00\x00\x02\x00" + bytes(256)
    assert len(audio.decode(tag + encode("aac"), max_duration_s=10).samples) == pytest.approx(48_000, abs=3000)


PLAYLISTS_AND_PAGES = {
    "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "m3u": b"/etc/passwd\nhttp://169.254.169.254/latest/meta-data/\n",
    "concat": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    "concat without a head": b"file '/etc/passwd'\n",
    "dash": b"<?xml version='1.0'?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>",
    "pls": b"[playlist]\nFile1=file:///etc/passwd\n",
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 96\n",
    "html": b"<!DOCTYPE html><html><body>Sign in</body></html>",
    "html with a mark": b"\xef\xbb\xbf\r\n <html>",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
    "nothing": b"", "a byte": b"\xff", "text": b"Hello, this is not audio.", "json": b'{"error": "expired"}',
    "avi": b"RIFF\0\1\0\0AVI LIST" + bytes(100), "webp": b"RIFF\0\1\0\0WEBPVP8 " + bytes(100),
    "png": b"\x89PNG\r\n\x1a\n" + bytes(100), "jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(100),
    "zip": b"PK\3\4" + bytes(100), "pdf": b"%PDF-1.7" + bytes(100), "elf": b"\x7fELF" + bytes(100),
    "midi": b"MThd" + bytes(100), "mpeg-ts": b"G" + bytes(187), "swf": b"CWS\x0a" + bytes(100),
    "a tag and a playlist": b"ID3\x04\0\0\0\0\0\0#EXTM3U\nfile:///etc/passwd\n",
    "a tag that lies of its length": b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + bytes(100),
}


@pytest.mark.parametrize("name", PLAYLISTS_AND_PAGES)
def test_what_is_not_audio_by_its_first_bytes_reaches_no_decoder(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    monkeypatch.setattr(soundfile, "SoundFile", None)
    said = "web page" if PLAYLISTS_AND_PAGES[name].lstrip(b"\xef\xbb\xbf\r\n ").startswith(b"<") else "known format"
    with pytest.raises(audio.UnsupportedAudio, match=said):
        audio.decode(PLAYLISTS_AND_PAGES[name], max_duration_s=10)


@pytest.mark.parametrize("kind", ["concat", "hls"])
def test_even_a_playlist_that_reached_ffmpeg_could_not_open_a_file(kind: str, tmp_path: Path,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret.ts"
    subprocess.run([*FFMPEG, "-f", "lavfi", "-i", "sine=d=1", "-c:a", "mp2", secret], check=True)
    playlist = {
        "concat": f"ffconcat version 1.0\nfile '{secret}'\n",
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n",
    }[kind].encode()
    (tmp_path / "playlist").write_bytes(playlist)
    opened = subprocess.run([*FFMPEG, *(["-safe", "0"] if kind == "concat" else []), "-f", kind, "-i",
                             tmp_path / "playlist", "-f", "au", "pipe:1"], stdout=subprocess.PIPE).stdout
    assert len(opened) > 10_000, "FFmpeg without our options does open it, or this test shows nothing"
    monkeypatch.setattr(audio, "_sniff", lambda data: kind)
    with pytest.raises(audio.UnsupportedAudio):
        audio.decode(playlist, max_duration_s=10)


def test_a_header_that_claims_more_than_there_is_gives_what_there_is() -> None:
    data = (tone(0.5, rate_hz=24_000) * 32767).astype("<i2").tobytes()
    assert len(audio.decode(raw_wav(data, claimed_bytes=0xFFFFFFF0), max_duration_s=10).samples) == 12_000


@pytest.mark.parametrize(("header", "said"), [
    ({"n_channels": 9}, "9 channels"), ({"n_channels": 1000}, "1000 channels"), ({"n_channels": 65535}, "complete"),
    ({"n_channels": 0}, "complete"), ({"rate_hz": 0}, "complete"), ({"rate_hz": 1}, "at 1 Hz"),
    ({"rate_hz": 7999}, "at 7999 Hz"), ({"rate_hz": 192_001}, "at 192001 Hz"), ({"rate_hz": 0xFFFFFFFF}, "complete"),
])
def test_a_header_beyond_what_speech_needs_is_refused(header: dict[str, int], said: str) -> None:
    with pytest.raises(audio.UnsupportedAudio, match=said):
        audio.decode(raw_wav(b"\1\2" * 200_000, **header), max_duration_s=10)


def test_channels_are_counted_in_ffmpegs_formats_too(encode: Callable[..., bytes]) -> None:
    assert audio.decode(encode("mka", "-ac", "8", "-c:a", "pcm_s16le"), max_duration_s=10).n_channels == 8
    with pytest.raises(audio.UnsupportedAudio, match="16 channels"):
        audio.decode(encode("mka", "-ac", "16", "-c:a", "pcm_s16le"), max_duration_s=10)


@pytest.mark.parametrize("format", ["WAV", "AIFF", "FLAC"])
def test_audio_may_last_exactly_as_long_as_allowed(format: str) -> None:
    def of(n_samples: int) -> bytes:
        return wav(tone(2, rate_hz=8000)[:n_samples], 8000, format=format)

    assert len(audio.decode(of(8000), max_duration_s=1).samples) == 8000
    with pytest.raises(audio.TooLarge, match="longer than 1 s"):
        audio.decode(of(8001), max_duration_s=1)


def test_a_small_file_that_unpacks_to_hours_is_stopped_whatever_its_header_says() -> None:
    flac = bytearray(wav(np.full(60 * 60 * 8000, 0.1, np.float32), 8000, format="FLAC"))
    flac[21] &= 0xF0  # STREAMINFO's 36 bits of total samples: 8000 of them
    flac[22:26] = struct.pack(">I", 8000)
    assert len(flac) < 1_000_000
    with pytest.raises(audio.TooLarge, match="longer than 5 s"):
        audio.decode(bytes(flac), max_duration_s=5)


def test_the_number_of_samples_is_bounded_whatever_the_duration(monkeypatch: pytest.MonkeyPatch,
                                                                encode: Callable[..., bytes]) -> None:
    monkeypatch.setattr(audio, "MAX_FRAMES", 24_000)
    for name in ("wav", "mp3"):
        with pytest.raises(audio.TooLarge, match=r"longer than 0\.5 s"):
            audio.decode(encode(*FORMATS[name]), max_duration_s=1e9)


@pytest.mark.parametrize("output", [b"", struct.pack(">4s5I", b".snd", 24, 0, 6, RATE_HZ, 1) + b"abcdef"],
                         ids=["without a word", "in the middle"])
def test_a_decoder_that_does_not_end_is_ended(output: bytes, tmp_path: Path, encode: Callable[..., bytes],
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = tmp_path / "ffmpeg"
    (tmp_path / "output").write_bytes(output)
    stuck.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\ncat {tmp_path}/output\nexec sleep 60\n")
    stuck.chmod(0o755)
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(stuck))
    monkeypatch.setattr(audio, "_DECODE_S", 0.5)
    with pytest.raises(audio.TooLarge, match="to decode"):
        audio.decode(encode("mp3"), max_duration_s=10)
    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_what_its_header_already_shows_to_be_too_long_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soundfile.SoundFile, "read", None)
    with pytest.raises(audio.TooLarge, match=r"longer than 0\.5 s"):
        audio.decode(wav(tone()), max_duration_s=0.5)


def test_a_refused_stream_is_not_decoded_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                    encode: Callable[..., bytes]) -> None:
    decoder = tmp_path / "ffmpeg"
    (tmp_path / "output").write_bytes(struct.pack(">4s5I", b".snd", 24, 0, 6, RATE_HZ, 1000))
    decoder.write_text(f"#!/bin/sh\ncat {tmp_path}/output\nsleep 3\ntouch {tmp_path}/done\n")
    decoder.chmod(0o755)
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(decoder))
    with pytest.raises(audio.UnsupportedAudio, match="1000 channels"):
        audio.decode(encode("mp3"), max_duration_s=10)
    assert not (tmp_path / "done").exists()


def test_the_first_of_several_sound_tracks_is_heard(encode: Callable[..., bytes]) -> None:
    two = encode("mka", "-f", "lavfi", "-i", "sine=880:d=1:r=44100", "-map", "1", "-map", "0", "-c:a", "flac",
                 "-disposition:a:0", "0", "-disposition:a:1", "default")
    heard = audio.decode(two, max_duration_s=10)
    assert (heard.rate_hz, heard.n_channels) == (44_100, 1)


def test_a_codec_that_nobody_speaks_into_is_refused_by_its_name(encode: Callable[..., bytes]) -> None:
    with pytest.raises(audio.UnsupportedAudio, match="coded as ac3, which is not read here"):
        audio.decode(encode("mka", "-c:a", "ac3"), max_duration_s=10)


@pytest.mark.parametrize("data", [
    raw_wav(), raw_wav(bytes(48_000)), raw_wav(b"\1\0" * 20),
    wav(np.zeros(48_000), format="FLAC"),
], ids=["a header of 44 bytes", "zeros", "a click", "zeros in flac"])
def test_audio_without_sound_is_refused(data: bytes) -> None:
    with pytest.raises(audio.UnsupportedAudio, match="no sound"):
        audio.decode(data, max_duration_s=10)


def test_of_channels_that_cancel_out_the_louder_is_taken_and_named() -> None:
    data = wav(np.stack([tone(), -0.97 * tone()], axis=1), subtype="FLOAT")
    for to_hz in (None, 16_000):
        decoded = audio.decode(data, max_duration_s=10, to_hz=to_hz)
        assert abs(np.abs(decoded.samples).max() / np.abs(tone()).max() - 1) < 0.05
        assert decoded.warnings and "channel 1" in decoded.warnings[0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 32767.0, 3.4e38])
def test_samples_that_are_no_numbers_around_one_are_refused(value: float) -> None:
    samples = tone()
    samples[1000] = value
    with pytest.raises(audio.UnsupportedAudio, match="16-bit WAV"):
        audio.decode(wav(np.stack([samples, samples], axis=1), subtype="FLOAT"), max_duration_s=10)


def test_a_float_file_somewhat_over_full_scale_is_taken_as_it_is() -> None:
    heard = audio.decode(wav(tone(level=1.5), subtype="FLOAT"), max_duration_s=10)
    assert heard.samples.max() == pytest.approx(1.5, rel=1e-3)


@pytest.mark.parametrize("magic", [
    b"RIFF\xff\xff\xff\xffWAVE", b"RF64\xff\xff\xff\xffWAVE", b"FORM\0\0\xff\xffAIFF", b"fLaC", b"OggS",
    b"\x1aE\xdf\xa3", b"\0\0\0\x20ftypM4A ", b"\xff\xfb\x90\0", b"\xff\xf1P\x80",
    b"ID3\x04\0\0\0\0\0\0\xff\xfb\x90\0",
])
def test_noise_behind_the_right_first_bytes_is_refused(magic: bytes) -> None:
    for size in (0, 100, 100_000):
        with pytest.raises(audio.UnsupportedAudio):
            audio.decode(magic + random.Random(size).randbytes(size), max_duration_s=10)


@pytest.mark.parametrize("name", ["wav", "aiff", "flac", "mp3", "opus", "m4a, index first", "webm", "aac"])
def test_a_damaged_file_is_audio_within_bounds_or_an_error(encode: Callable[..., bytes], name: str) -> None:
    whole, chance = encode(*FORMATS[name]), random.Random(name)
    for _ in range(6):
        data = bytearray(whole[:chance.randrange(20, len(whole))])
        for _ in range(chance.randrange(8)):
            data[chance.randrange(8, min(len(data), 400))] = chance.randrange(256)
        with suppress(audio.UnsupportedAudio, audio.TooLarge):
            assert_sound(audio.decode(bytes(data), max_duration_s=2))


SMALL = wav(np.stack([tone(0.02), tone(0.02)], axis=1))


@hypothesis_settings(max_examples=300, deadline=None, derandomize=True)
@given(edits=st.lists(st.tuples(st.integers(8, 60), st.integers(0, 255)), max_size=8))
def test_whatever_a_wav_header_says_is_audio_within_bounds_or_an_error(edits: list[tuple[int, int]]) -> None:
    data = bytearray(SMALL)
    for position, value in edits:
        data[position] = value
    with suppress(audio.UnsupportedAudio, audio.TooLarge):
        assert_sound(audio.decode(bytes(data), max_duration_s=2))


def assert_sound(heard: audio.Audio) -> None:
    assert np.isfinite(heard.samples).all()
    assert 0 < len(heard.samples) <= 2 * heard.rate_hz
    assert heard.n_channels <= 8


def test_resampling_keeps_pitch_level_and_length() -> None:
    for to_hz in (16_000, 24_000, 96_000):
        samples = audio.resample(tone(), RATE_HZ, to_hz)
        assert samples.dtype == np.float32
        np.testing.assert_allclose(samples[to_hz // 10:-to_hz // 10],
                                   tone(rate_hz=to_hz)[to_hz // 10:-to_hz // 10], atol=1e-4)
        assert len(samples) == to_hz


def test_resampling_folds_nothing_back_from_above_the_new_band() -> None:
    samples = audio.resample(tone(hz=15_000), RATE_HZ, 24_000)
    assert np.abs(samples[1000:-1000]).max() < 0.2 * 10 ** (-90 / 20)


def noise(n_samples: int, level_dbfs: float) -> audio.Samples:
    return (np.random.default_rng(1).standard_normal(n_samples) * 10 ** (level_dbfs / 20)).astype(np.float32)


def spoken(rate_hz: int, *parts: tuple[str, int]) -> audio.Samples:
    """`("sound", ms)` and `("pause", ms)` one after another; sound is -20 dBFS RMS."""
    level = {"sound": 0.1 * 2 ** 0.5, "pause": 0.0}
    return np.concatenate([tone(ms / 1000, level=level[kind], rate_hz=rate_hz) for kind, ms in parts])


def test_a_recording_is_measured() -> None:
    samples = spoken(24_000, ("pause", 300), ("sound", 1000), ("pause", 200), ("sound", 1500), ("pause", 500))
    quality = audio.measure(samples + noise(len(samples), -60), 24_000)
    assert quality.duration_s == 3.5
    assert quality.peak_dbfs == pytest.approx(-17, abs=0.3)
    assert quality.rms_dbfs == pytest.approx(-20 + 10 * np.log10(2.5 / 3.5), abs=0.1)
    assert quality.noise_floor_dbfs == pytest.approx(-60, abs=1)
    assert quality.snr_db == pytest.approx(40, abs=1.5)
    assert quality.leading_silence_ms == pytest.approx(300, abs=10)
    assert quality.trailing_silence_ms == pytest.approx(500, abs=10)
    assert quality.clipped_share == 0


def test_clipping_is_measured_as_the_share_of_samples_at_full_scale() -> None:
    clipped = np.clip(tone(level=2.0), -1, 1)
    assert audio.measure(clipped, RATE_HZ).clipped_share == pytest.approx(2 / 3, abs=0.01)
    assert audio.measure(clipped * np.float32(0.9), RATE_HZ).clipped_share == 0


@pytest.mark.parametrize("n_samples", [1, 24_000])
def test_digital_silence_is_measured_as_silence(n_samples: int) -> None:
    quality = audio.measure(np.zeros(n_samples, np.float32), 24_000)
    assert quality.peak_dbfs == quality.rms_dbfs == quality.noise_floor_dbfs == audio.SILENCE_DBFS
    assert quality.snr_db == 0
    assert quality.leading_silence_ms == n_samples * 1000 // 24_000


@pytest.mark.parametrize("pause_ms", [0, 500])
def test_a_recording_that_begins_and_ends_with_sound_has_no_silent_edges(pause_ms: int) -> None:
    quality = audio.measure(spoken(RATE_HZ, ("sound", 500), ("pause", pause_ms), ("sound", 500)), RATE_HZ)
    assert (quality.leading_silence_ms, quality.trailing_silence_ms) == (0, 0)


@pytest.mark.parametrize("rate_hz", [11_025, 22_050, 24_000, 44_100])
def test_silences_are_found_where_they_are(rate_hz: int) -> None:
    samples = spoken(rate_hz, ("sound", 20_500), ("pause", 250), ("sound", 400), ("pause", 90),
                     ("sound", 300), ("pause", 405))
    samples += noise(len(samples), -70)
    np.testing.assert_allclose(audio.silences(samples, rate_hz, min_ms=150, threshold_db=-50),
                               [(20_500, 20_750), (21_540, 21_945)], atol=10)
    assert len(audio.silences(samples, rate_hz, min_ms=50, threshold_db=-50)) == 3
    assert audio.silences(samples, rate_hz, min_ms=1, threshold_db=-90) == []
    assert audio.silences(samples, rate_hz, min_ms=1, threshold_db=0) == [(0, len(samples) * 1000 // rate_hz)]


@human
@pytest.mark.parametrize("name", ["bobby", "mary", "pumpkins"])
@pytest.mark.parametrize("snr_db", [30, 20, 10])
def test_noise_added_to_a_human_voice_is_measured_within_4_db(name: str, snr_db: int) -> None:
    assert SPEECH is not None
    voice = audio.decode((SPEECH / f"{name}.wav").read_bytes(), max_duration_s=60)
    level_dbfs = audio.measure(voice.samples, voice.rate_hz).rms_dbfs - snr_db
    noisy = voice.samples + noise(len(voice.samples), level_dbfs)
    assert audio.measure(noisy, voice.rate_hz).snr_db == pytest.approx(snr_db, abs=4)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_truncated_aiff_is_refused_without_a_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.full(4800, 0.3, np.float32), 24_000, format="AIFF", subtype="PCM_16")
    for n_bytes in (12, 13, 20, 30, 40, 54):
        with pytest.raises(audio.UnsupportedAudio):
            audio.decode(buffer.getvalue()[:n_bytes], max_duration_s=10)
    assert capfd.readouterr().err == ""


# What may be amiss with a recording that can be read.

def test_a_video_without_a_sound_track_is_refused_as_such(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv"):
        subprocess.run([*FFMPEG, "-f", "lavfi", "-i", "color=s=64x64:d=0.2", "-c:v", "mpeg4", tmp_path / name],
                       check=True)
        with pytest.raises(audio.UnsupportedAudio, match="this video has no sound track"):
            audio.decode((tmp_path / name).read_bytes(), max_duration_s=5)


def test_of_several_sound_tracks_the_first_is_used_and_that_is_said(tmp_path: Path) -> None:
    tracks = [part for hz in (440, 880) for part in ("-f", "lavfi", "-i", f"sine={hz}:d=1")]
    subprocess.run([*FFMPEG, *tracks, "-map", "0", "-map", "1", "-metadata", "title=Stream #0:7: Audio: aac",
                    tmp_path / "a.mp4"], check=True)
    found = audio.decode((tmp_path / "a.mp4").read_bytes(), max_duration_s=5)
    assert found.warnings == ("the file has 2 sound tracks; the first is used",)
    assert loudest_hz(found.samples, found.rate_hz) == pytest.approx(440, abs=5)


def loudest_hz(samples: audio.Samples, rate_hz: int) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * rate_hz / len(samples))


@pytest.mark.parametrize("name", ["wav", "aiff", "m4a, index first", "flac", "webm", "mp3", "opus", "vorbis"])
def test_a_file_that_is_cut_short_says_so_and_a_whole_one_does_not(name: str, encode: Callable[..., bytes]) -> None:
    data = encode(*FORMATS[name], *(("-page_duration", "100000") if name in ("opus", "vorbis") else ()))
    assert audio.decode(data, max_duration_s=5).warnings == ()
    n_bytes = len(data) - 1 if name == "opus" else len(data) * 2 // 3
    warnings = audio.decode(data[:n_bytes], max_duration_s=5).warnings
    assert len(warnings) == 1 and "cut short" in warnings[0]


def test_a_chunk_of_odd_length_before_the_sound_is_passed_over() -> None:
    data = wav(tone())
    odd = data[:36] + b"LIST" + (3).to_bytes(4, "little") + b"abc\0" + data[36:]
    assert audio.decode(odd, max_duration_s=5).warnings == ()
    assert "cut short" in audio.decode(odd[:-1000], max_duration_s=5).warnings[0]


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 24_000, 44_100])
def test_an_mp3_by_another_encoder_is_whole_or_cut_short(rate_hz: int) -> None:
    """libsndfile's, with constant and variable bit rate, of each version of MPEG; the shortest has one frame."""
    for seconds, mode in product((0.05, 0.5, 3.0), ("CONSTANT", "VARIABLE")):
        buffer = io.BytesIO()
        soundfile.write(buffer, tone(seconds, rate_hz=rate_hz), rate_hz, format="MP3", bitrate_mode=mode)
        data = buffer.getvalue()
        assert audio.decode(data, max_duration_s=5).warnings == (), (seconds, mode)
    for tag in (b"", b"ID3\3\0\0\0\0\x1f\x76" + bytes(31 * 128 + 0x76)):
        warning, = audio.decode(tag + data[:len(data) // 2], max_duration_s=5).warnings
        assert "cut short" in warning and 35 <= int(re.findall(r"(\d+)%", warning)[0]) <= 56


def test_an_mp3_is_measured_by_its_vbri_header_too(encode: Callable[..., bytes]) -> None:
    """Fraunhofer's encoder writes one, 32 bytes behind the head of the first frame."""
    data = encode("mp3", "-id3v2_version", "0", "-write_xing", "0", "-b:a", "128k")
    first = data[:4] + bytes(32) + b"VBRI" + bytes(6) + len(data).to_bytes(4, "big")
    for n_frames, warns in ((42, False), (100, True)):
        frame = (first + n_frames.to_bytes(4, "big")).ljust(384, b"\0")
        warnings = audio.decode(frame + data, max_duration_s=5).warnings
        assert any("cut short" in warning for warning in warnings) == warns


@pytest.mark.parametrize("lengths", [(0, 0), (0xFFFFFFFF, 0xFFFFFFFF), (0x7FFFF024, 0x7FFFF000)])
def test_a_wav_whose_length_was_never_written_is_read_to_its_end(lengths: tuple[int, int]) -> None:
    """As a recorder leaves it that was switched off, and a program that writes into a pipe."""
    data = wav(tone())
    of_file, of_data = (length.to_bytes(4, "little") for length in lengths)
    found = audio.decode(data[:4] + of_file + data[8:40] + of_data + data[44:], max_duration_s=5)
    assert len(found.samples) == len(tone())
    assert [("how long" in warning) for warning in found.warnings] == [True] * (lengths == (0, 0))


def test_a_wav_without_samples_is_not_filled_with_what_follows() -> None:
    data = raw_wav() + b"LIST" + (4000).to_bytes(4, "little") + b"junk" * 1000
    whole = data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:]
    with pytest.raises(audio.UnsupportedAudio, match="no sound"):
        audio.decode(whole, max_duration_s=5)


def test_a_constant_offset_is_no_noise() -> None:
    speech = np.concatenate([np.zeros(RATE_HZ // 2, np.float32), tone(), np.zeros(RATE_HZ // 2, np.float32)])
    found = audio.decode(wav(speech + 0.05), max_duration_s=5)
    assert found.warnings == ("the recording had a constant offset of 5% of full scale, which was taken off",)
    assert audio.measure(found.samples, found.rate_hz).snr_db > 50
    assert audio.decode(wav(speech), max_duration_s=5).warnings == ()


def test_zeros_between_a_tag_and_its_mp3_are_passed_over(encode: Callable[..., bytes]) -> None:
    data = encode("mp3", "-id3v2_version", "0", "-write_xing", "0")
    tag = b"ID3\3\0\0\0\0\0\x0a" + bytes(10)
    assert len(audio.decode(tag + bytes(1000) + data, max_duration_s=5).samples) > 40_000
