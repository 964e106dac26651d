"""Voices in everyday use: odd objects in the bucket, races, bad recordings."""
from __future__ import annotations

import base64
import io
import json
import math
import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile

import runpod_handler
from benchmarks.voices import judged, recordings
from s3_utils import FolderStore, StorageError
from tests.conftest import Call
from tests.doubles.speech import spoken_wav
from text.spoken import Token
from timing.words import Span
from worker import reference, voice_index, voice_store, voices
from worker.records import Conflict, NotFound
from worker.reference import RATE_HZ
from worker.settings import Settings

NATURE = "Some call me nature, others call me mother nature."


def wav(samples: np.ndarray, rate_hz: int = 22_050) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format="WAV", subtype="FLOAT")
    return buffer.getvalue()


def clip(data: bytes) -> str:
    return base64.b64encode(data).decode()


def upload(call: Call, name: str, data: bytes | None = None, text: str = NATURE, **more: Any) -> dict[str, Any]:
    return call(endpoint="upload", voice_name=name, voice_file_base64=clip(data or spoken_wav(NATURE)),
                reference_text=text, **more)


@pytest.mark.parametrize(("name", "content"), [
    ("My Voice.wav", b"RIFF"), ("x.y.wav", b"RIFF"), ("sub/x.wav", b"RIFF"), ("readme.md", b"hello"),
    ("bob.json", b"{"), ("bob.json", b"[1]"), ("bob.json", b'{"version": "../x"}'), ("bob.json", b"\xff\xfe"),
    ("bob.txt", "Gr\xfc\xdfe".encode("latin-1")), ("bob.txt", b""), ("bob.txt", b" \n"),
])
def test_an_odd_object_is_named_and_the_good_voices_are_listed(call: Call, settings: Settings, name: str,
                                                               content: bytes) -> None:
    upload(call, "anna")
    upload(call, "zoe")
    path = settings.data_dir / "voices" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    if name.startswith("bob"):
        (settings.data_dir / "voices" / "bob.wav").write_bytes(spoken_wav(NATURE))
    answer = call(endpoint="list_voices", refresh=True)
    assert [voice["name"] for voice in answer["voices"]] == ["anna", "zoe"]
    assert len(answer["warnings"]) == 1
    assert name.removesuffix(".wav") in answer["warnings"][0]


def test_odd_objects_do_not_disturb_the_pages(call: Call, settings: Settings) -> None:
    for name in ("a", "a-b", "b"):
        upload(call, name)
    for odd in ("a.k.wav", "a.jso", "b c.wav"):
        (settings.data_dir / "voices" / odd).write_bytes(b"x")
    names, cursor = [], None
    for _ in range(5):
        page = call(endpoint="list_voices", limit=1, **({"cursor": cursor} if cursor else {}))
        names += [voice["name"] for voice in page["voices"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(names) == ["a", "a-b", "b"]


def test_what_changes_is_in_the_list_at_once_and_what_is_placed_by_hand_soon(
        call: Call, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def names(**more: Any) -> list[str]:
        return [voice["name"] for voice in call(endpoint="list_voices", **more)["voices"]]

    upload(call, "anna")
    assert names() == ["anna"]
    upload(call, "Ben-2", language="de-AT")
    assert names() == ["Ben-2", "anna"]
    (settings.data_dir / "voices/hand.wav").write_bytes(spoken_wav(NATURE))
    assert names() == ["Ben-2", "anna"]
    assert names(refresh=True) == ["Ben-2", "anna", "hand"]
    assert call(endpoint="rename_voice", voice_name="anna", new_name="zoe")["status"] == "renamed"
    assert names() == ["Ben-2", "hand", "zoe"]
    (settings.data_dir / "voices/hand.wav").unlink()
    monkeypatch.setattr(voice_index, "MAX_AGE_S", 0.0)
    assert names() == ["Ben-2", "zoe"]
    assert names(language="de") == ["Ben-2"] and names(language="en") == ["zoe"]
    assert names(name_contains="BEN") == ["Ben-2"]
    call(endpoint="delete_voice", voice_name="zoe")
    assert names() == ["Ben-2"]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"format": 1}', b'{"format": 1, "voices": {"a": 1}}', b"\xff"])
def test_a_broken_index_is_built_again(call: Call, settings: Settings, content: bytes) -> None:
    upload(call, "anna")
    (settings.data_dir / "voice-versions/index.json").write_bytes(content)
    assert [voice["name"] for voice in call(endpoint="list_voices")["voices"]] == ["anna"]


def test_a_renamed_voice_is_the_same_voice(call: Call, parts: runpod_handler.Parts) -> None:
    consent = {"by": "Anna", "statement": "Yes."}
    upload(call, "anna", language="en-GB", consent=consent)
    upload(call, "ben")
    before, _ = voices.load(parts.voices, "anna")
    taken = call(endpoint="rename_voice", voice_name="anna", new_name="ben")["error"]
    assert taken.startswith("CONFLICT: ") and "delete_voice" in taken
    assert call(endpoint="rename_voice", voice_name="nobody", new_name="x")["error"].startswith("NOT_FOUND: ")
    assert call(endpoint="rename_voice", voice_name="anna", new_name="anna")["error"].startswith("INVALID_INPUT: ")
    call(endpoint="rename_voice", voice_name="anna", new_name="zoe")
    after, _ = voices.load(parts.voices, "zoe")
    assert (after.fingerprint, after.text, after.language) == (before.fingerprint, before.text, before.language)
    assert call(endpoint="get_voice", voice_name="zoe")["voice"]["consent"] == consent
    assert call(endpoint="get_voice", voice_name="anna")["error"].startswith("NOT_FOUND: ")


@pytest.mark.parametrize("cursor", ["\u0000", "x", "voices/../x.wav", "a" * 3000, "voices/"])
def test_a_bad_cursor_is_the_callers_mistake(call: Call, cursor: str) -> None:
    assert call(endpoint="list_voices", cursor=cursor)["error"].startswith("INVALID_INPUT: cursor: ")


def test_a_voice_placed_by_hand_is_listed_measured_and_spoken_with(call: Call, parts: runpod_handler.Parts,
                                                                   settings: Settings) -> None:
    folder = settings.data_dir / "voices"
    folder.mkdir(parents=True)
    (folder / "hand.wav").write_bytes(spoken_wav(NATURE))
    (folder / "hand.txt").write_text(NATURE)
    listed, = call(endpoint="list_voices")["voices"]
    assert (listed["name"], listed["reference_text"]) == ("hand", NATURE)
    voice = call(endpoint="get_voice", voice_name="hand")["voice"]
    assert voice["duration"] == pytest.approx(soundfile.info(io.BytesIO(spoken_wav(NATURE))).duration, abs=0.002)
    assert voice["quality"]["snr_db"] > 20
    assert voices.load(parts.voices, "hand")[0].text == NATURE


def test_a_voice_stored_by_an_older_version_is_still_a_voice(call: Call, parts: runpod_handler.Parts,
                                                             settings: Settings) -> None:
    folder = settings.data_dir / "voices"
    folder.mkdir(parents=True)
    (folder / "old.wav").write_bytes(spoken_wav(NATURE))
    (folder / "old.json").write_text(json.dumps({"name": "old", "reference_text": NATURE, "language": "en-GB"}))
    loaded, _ = voices.load(parts.voices, "old")
    assert (loaded.text, loaded.language) == (NATURE, "en-GB")
    assert upload(call, "old")["error"].startswith("CONFLICT: ")
    assert upload(call, "old", text="Other words.", overwrite=True)["status"] == "completed"
    assert voices.load(parts.voices, "old")[0].text == "Other words."


@pytest.mark.parametrize("kind", ["wav", "txt"])
def test_a_file_put_over_an_uploaded_voice_is_not_used_and_said_so(call: Call, settings: Settings, kind: str) -> None:
    upload(call, "anna")
    assert not any("by hand" in each for each in call(text="Hello.", local_voice="anna")["warnings"])
    path = settings.data_dir / f"voices/anna.{kind}"
    path.write_bytes(spoken_wav("Quite another recording.") if kind == "wav" else b"Other words are written here now.!")
    for warnings in (call(text="Hello.", local_voice="anna")["warnings"],
                     call(endpoint="get_voice", voice_name="anna")["voice"]["warnings"]):
        assert [each for each in warnings if f"voices/anna.{kind} was replaced by hand" in each]
    (settings.data_dir / "voices/anna.json").unlink()
    assert not any("by hand" in each for each in call(text="Hello.", local_voice="anna")["warnings"])


def test_a_recording_placed_by_hand_may_not_last_an_hour(call: Call, settings: Settings) -> None:
    folder = settings.data_dir / "voices"
    folder.mkdir(parents=True)
    (folder / "long.wav").write_bytes(spoken_wav(NATURE * 8))
    (folder / "long.txt").write_text(NATURE * 8)
    assert "longer than 12 s and was not prepared" in call(text="Hello.", local_voice="long")["error"]


def low_passed(samples: np.ndarray, rate_hz: int, to_hz: float) -> np.ndarray:
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1 / rate_hz) > to_hz] = 0
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


def test_a_report_says_what_is_wrong_and_what_to_do(call: Call) -> None:
    samples, rate_hz = soundfile.read(io.BytesIO(spoken_wav(f"{NATURE} {NATURE}")), dtype="float32")
    text = f"{NATURE} {NATURE}"
    good = upload(call, "good", wav(samples, rate_hz), text)["voice"]
    assert good["warnings"] == []
    figures = good["quality"]
    assert figures["match"] > 0.8 and 10 < figures["chars_per_s"] < 30 and figures["bandwidth_hz"] > 7000
    assert -30 < figures["loudness_lufs"] < -15 and figures["silence_share"] < 0.4
    noise = np.random.default_rng(1).standard_normal(len(samples)).astype(np.float32)
    pause = np.zeros(5 * rate_hz, np.float32)
    for said, changed in {
        "turn the input level down": np.clip(samples * 8, -1, 1),
        "record it in a quiet room": samples + 0.02 * noise,
        "record it closer": samples * 0.01,
        "nothing above 3.": low_passed(samples, rate_hz, 3400),
        "cut the pauses": np.concatenate([samples[:rate_hz], pause, samples[rate_hz:]]),
    }.items():
        warnings = upload(call, "bad", wav(changed, rate_hz), text, overwrite=True)["voice"]["warnings"]
        assert [each for each in warnings if said in each], (said, warnings)


def test_a_text_that_is_not_said_is_noticed(call: Call) -> None:
    voice = upload(call, "v", text="Whisk four eggs with a cup of sugar until pale.")["voice"]
    assert voice["quality"]["match"] < 0.5
    assert any("does the text match" in warning for warning in voice["warnings"])


def test_a_voice_has_a_picture_with_its_words(call: Call, settings: Settings) -> None:
    text = "Some call me <nature> & others call me \"mother\" nature."
    upload(call, "anna", text=text)
    url = call(endpoint="get_voice", voice_name="anna")["voice"]["picture_url"]
    tree = ElementTree.fromstring(Path(url.removeprefix("file://")).read_bytes())
    labels = [(float(each.attrib["x"]), each.text) for each in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert [label for _, label in labels if label != "&"] == text.replace("& ", "").split()
    places = [x for x, _ in labels]
    assert places == sorted(places) and places[0] >= 0 and places[-1] < 1200
    call(endpoint="rename_voice", voice_name="anna", new_name="zoe")
    assert "picture_url" in call(endpoint="get_voice", voice_name="zoe")["voice"]
    call(endpoint="delete_voice", voice_name="zoe")
    assert not list((settings.data_dir / "voice-versions").rglob("*.svg"))


def test_a_voice_of_an_older_version_is_prepared_again(call: Call, parts: runpod_handler.Parts) -> None:
    """Then a long recording was stored as it came."""
    data = long_recording(lambda index: 0.0005)
    about = {"reference_text": " ".join(LINES), "language": "en-GB", "duration": 20.0, "quality": {"snr_db": 30.0},
             "consent": {"by": "Anna", "statement": "Yes."}, "warnings": []}
    voice_store.save(parts.store, "old", about, data, overwrite=False)
    assert "picture_url" not in call(endpoint="get_voice", voice_name="old")["voice"]
    voice, _ = voices.load(parts.voices, "old")
    assert len(voice.samples) <= 12 * 24_000 and voice.text in " ".join(LINES)
    again, _ = voices.load(parts.voices, "old")
    assert again.fingerprint == voice.fingerprint and again.language == "en-GB"
    stored = call(endpoint="get_voice", voice_name="old")["voice"]
    assert stored["duration"] <= 12 and stored["consent"] == about["consent"] and "picture_url" in stored
    assert call(endpoint="list_voices", refresh=True)["voices"][0]["duration"] == stored["duration"]


def test_of_two_overwrites_at_once_one_is_the_voice_whole(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    voice_store.save(store, "v", {"reference_text": "first"}, b"first", overwrite=False)

    def write(text: str) -> None:
        voice_store.save(store, "v", {"reference_text": text}, text.encode(), overwrite=True)

    for turn in range(40):
        threads = [threading.Thread(target=write, args=(f"{name}-{turn}",)) for name in ("a", "b")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        about, data = voice_store.recording(store, "v")
        assert about["reference_text"] == data.decode()
        assert (tmp_path / "voices/v.wav").read_bytes() == data
        assert (tmp_path / "voices/v.txt").read_bytes() == data
        assert len(list((tmp_path / "voice-versions/v").iterdir())) == 1


class Failing:
    """A store that fails at its nth write."""

    def __init__(self, store: FolderStore, fails_at: int) -> None:
        self.store, self.left = store, fails_at

    def __getattr__(self, name: str) -> Any:
        if name.startswith("put"):
            self.left -= 1
            if self.left == 0:
                def fail(*arguments: object) -> None:
                    raise StorageError("the disk of the local store is full", "ENOSPC")

                return fail
        return getattr(self.store, name)


@pytest.mark.parametrize("fails_at", range(1, 6))
def test_an_overwrite_that_fails_leaves_a_whole_voice(tmp_path: Path, fails_at: int) -> None:
    store = FolderStore(tmp_path)
    voice_store.save(store, "v", {"reference_text": "old"}, b"old", overwrite=False)
    with suppress(StorageError):
        voice_store.save(Failing(store, fails_at), "v", {"reference_text": "new"}, b"new",  # type: ignore[arg-type]
                         overwrite=True)
    about, data = voice_store.recording(store, "v")
    assert about["reference_text"] == data.decode() == ("old" if fails_at <= 2 else "new")


def test_a_voice_deleted_while_it_is_uploaded_is_gone(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)

    class Deleting(Failing):
        def __getattr__(self, name: str) -> Any:
            if name == "put" and (tmp_path / "voices/v.json").exists():
                voice_store.remove(store, "v")
            return getattr(self.store, name)

    with pytest.raises(Conflict, match="deleted"):
        voice_store.save(Deleting(store, 0), "v", {"reference_text": "new"}, b"new",  # type: ignore[arg-type]
                         overwrite=False)
    with pytest.raises(NotFound):
        voice_store.recording(store, "v")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.name != ".lock"]


@pytest.mark.parametrize("text", ["   ", "\n\t ", "...", "♪ ♪"])
def test_a_transcript_without_words_is_refused(call: Call, settings: Settings, text: str) -> None:
    assert upload(call, "v", text=text)["error"].startswith("INVALID_INPUT: reference_text: ")
    assert not (settings.data_dir / "voices").exists()


def test_control_characters_in_a_transcript_are_refused(call: Call) -> None:
    assert upload(call, "v", text="Hello \x1b[31mworld.")["error"].startswith("INVALID_INPUT: reference_text: ")


def test_a_recording_as_good_as_silent_is_refused_and_a_quiet_one_named(call: Call) -> None:
    samples, rate_hz = soundfile.read(io.BytesIO(spoken_wav(NATURE)), dtype="float32")
    silent = samples / np.abs(samples).max() * 10 ** (-80 / 20)
    assert "as good as silent" in upload(call, "v", wav(silent, rate_hz))["error"]
    quiet = samples / np.abs(samples).max() * 10 ** (-50 / 20)
    assert any("very quiet" in each for each in upload(call, "v", wav(quiet, rate_hz))["voice"]["warnings"])


@pytest.mark.parametrize("second", [-1.0, -0.9])
def test_channels_in_opposite_phase_do_not_cancel_the_voice(call: Call, second: float) -> None:
    samples, rate_hz = soundfile.read(io.BytesIO(spoken_wav(NATURE)), dtype="float32")
    voice = upload(call, "v", wav(np.stack([samples, second * samples], axis=1), rate_hz))["voice"]
    assert any("opposite phase" in each for each in voice["warnings"])
    alone = upload(call, "w", wav(samples, rate_hz))["voice"]
    assert voice["quality"]["rms_dbfs"] == pytest.approx(alone["quality"]["rms_dbfs"], abs=0.1)


@pytest.mark.parametrize("write", [
    lambda text: "\n".join(text[i:i + 76] for i in range(0, len(text), 76)),
    lambda text: "\r\n".join(text[i:i + 76] for i in range(0, len(text), 76)) + "\r\n",
    lambda text: "data:audio/wav;base64," + text,
    lambda text: "data:audio/x-wav;codecs=1;base64,\n" + text,
])
def test_base64_is_taken_as_programs_write_it(call: Call, write: Callable[[str], str]) -> None:
    answer = call(endpoint="upload", voice_name="v", voice_file_base64=write(clip(spoken_wav(NATURE))),
                  reference_text=NATURE)
    assert answer["status"] == "completed"


def test_reference_text_may_be_subtitles(call: Call) -> None:
    srt = f"1\n00:00:00,000 --> 00:00:03,000\n<i>{NATURE}</i>\n"
    assert upload(call, "v", text=srt)["voice"]["reference_text"] == NATURE
    csv = "start,end,word\n" + "".join(f"0,1,\"{word}\"\n" for word in NATURE.split())
    assert upload(call, "w", text=csv)["voice"]["reference_text"] == NATURE


LINES = ("The harbour was quiet when the first boats came in.", "Nobody had slept, and nobody wanted to talk about it.",
         "She counted the ropes twice and wrote the number down.", "By noon the market smelled of salt and oranges.",
         "He paid for everything and left without a word.", "Later the wind turned, and the windows began to sing.",
         "We kept the lamps burning until the last one was home.", "In the morning there was snow on every roof.",
         "Children ran down the hill and forgot their gloves.", "It was the longest winter that I can remember.")


def long_recording(noisy: Callable[[int], float]) -> bytes:
    """Ten lines, half a second apart, with noise of a level of its own under each."""
    random = np.random.default_rng(4)
    pieces = []
    for index, line in enumerate(LINES):
        samples, rate_hz = soundfile.read(io.BytesIO(spoken_wav(line)), dtype="float32")
        samples = np.concatenate([samples, np.zeros(rate_hz // 2, np.float32)])
        pieces.append(samples + noisy(index) * random.standard_normal(len(samples)).astype(np.float32))
    return wav(np.concatenate(pieces), rate_hz)


@pytest.mark.parametrize("clean", [0, 4, 7])
def test_of_a_long_recording_the_cleanest_stretch_is_stored_with_exactly_its_words(call: Call, clean: int) -> None:
    data = long_recording(lambda index: 0.001 if clean <= index < clean + 3 else 0.03)
    voice = upload(call, "v", data, " ".join(LINES))["voice"]
    assert 6 <= voice["duration"] <= 12
    said = voice["reference_text"]
    best = " ".join(LINES[clean:clean + 3])
    assert said in best
    assert voice["duration"] == pytest.approx(
        sum(soundfile.info(io.BytesIO(spoken_wav(line))).duration + 0.5 for line in LINES[clean:clean + 3])
        * len(said) / len(best), rel=0.2)


@pytest.mark.parametrize(("before_s", "behind_s"), [(0.7, 0.0), (0.0, 0.7), (1.5, 0.4)])
def test_silence_around_a_recording_is_taken_off_and_nothing_else(call: Call, before_s: float, behind_s: float) -> None:
    samples, rate_hz = soundfile.read(io.BytesIO(spoken_wav(NATURE)), dtype="float32")
    around = [np.zeros(int(seconds * rate_hz), np.float32) for seconds in (before_s, behind_s)]
    plain = upload(call, "plain", wav(samples, rate_hz), NATURE)["voice"]
    padded = upload(call, "padded", wav(np.concatenate([around[0], samples, around[1]]), rate_hz), NATURE)["voice"]
    assert padded["duration"] == pytest.approx(plain["duration"], abs=0.12)


def test_noise_before_and_behind_a_stretch_is_not_its_own(call: Call) -> None:
    levels = [0.1, 0.1, 0.001, 0.001, 0.001, 0.1, 0.1, 0.003, 0.003, 0.003]
    said = upload(call, "v", long_recording(lambda index: levels[index]), " ".join(LINES))["voice"]["reference_text"]
    assert said in " ".join(LINES[2:5])


class Claims:
    """A source that says of each word of a second that it ends before the next, as surely as it is told."""

    name, max_window_s, usd_per_minute = "claims", math.inf, 0.0

    def __init__(self, unsure: frozenset[int] = frozenset(), length_ms: int = 800) -> None:
        self.unsure, self.length_ms = unsure, length_ms

    def supports(self, language: str) -> None:
        return None

    def align(self, samples: np.ndarray, tokens: Sequence[Token], language: str,
              check: Callable[[], None]) -> list[Span | None]:
        return [Span(i * 1000, i * 1000 + self.length_ms, 0.4 if i in self.unsure else 0.9) for i in range(len(tokens))]


def buzz(pauses: Sequence[int]) -> np.ndarray:
    """20 s of a buzz that comes and goes as a voice does, and is really silent in the last 200 ms of these seconds."""
    cycles = np.arange(20 * RATE_HZ) * 2 * np.pi / RATE_HZ
    samples = (0.1 * np.sign(np.sin(cycles * 150)) * (0.51 - 0.49 * np.cos(cycles * 10))).astype(np.float32)
    for second in pauses:
        samples[second * RATE_HZ + RATE_HZ * 8 // 10:(second + 1) * RATE_HZ] = 0
    samples += np.random.default_rng(1).normal(0, 1e-4, len(samples)).astype(np.float32)
    return samples


WORDS = [f"word{letter}" for letter in "abcdefghijklmnopqrst"]


def stored_words(samples: np.ndarray, source: Claims) -> tuple[int, int]:
    made = reference.prepare(samples, " ".join(WORDS), "en", {"pocketsphinx": source}, lambda: None)
    said = made.text.split()
    return WORDS.index(said[0]), WORDS.index(said[-1])


def test_a_voice_is_cut_where_there_is_no_sound_whatever_the_aligner_says() -> None:
    assert stored_words(buzz([3, 12]), Claims()) == (4, 12)
    assert stored_words(buzz([5, 15]), Claims()) == (6, 15)


def test_a_drawn_out_word_is_not_cut_where_the_aligner_ends_it() -> None:
    """It sounds for 300 ms more; the clip ends in the silence behind it."""
    samples = buzz(range(20))
    made = reference.prepare(samples, " ".join(WORDS), "en", {"pocketsphinx": Claims(length_ms=500)}, lambda: None)
    first, last = WORDS.index(made.text.split()[0]), WORDS.index(made.text.split()[-1])
    assert np.abs(made.samples[-RATE_HZ // 100:]).max() < 0.001
    assert last - first + 0.8 < len(made.samples) / RATE_HZ < last - first + 1.2
    assert 40 <= made.words[0].start_ms <= 60


def test_noise_is_measured_under_a_voice_that_never_pauses() -> None:
    """It is always somewhere, by turns low and high; the noise under it is 20 dB stronger in the second half."""
    seconds = np.arange(20 * RATE_HZ) / RATE_HZ
    voice = 0.1 * np.sin(2 * np.pi * seconds * np.where(seconds % 0.2 < 0.1, 300, 3000))
    noise = np.random.default_rng(2).standard_normal(len(voice)) * np.where(seconds < 10, 0.003, 0.03)
    levels = 10 * np.log10(reference._noise((voice + noise).astype(np.float32), 2000))
    assert levels[500] == pytest.approx(20 * np.log10(0.003), abs=5)
    assert levels[1500] - levels[500] == pytest.approx(20, abs=3)


def test_a_voice_is_not_cut_beside_a_word_in_doubt() -> None:
    pauses = range(20)
    assert stored_words(buzz(pauses), Claims(frozenset({2, 13}))) == (4, 11)
    assert stored_words(buzz(pauses), Claims(frozenset({6, 16}))) == (8, 14)


def test_the_benchmark_of_long_recordings_in_its_small_form() -> None:
    _, recording = next(recordings(1))
    row = judged("espeak", recording, 1)
    assert row.recording_s > 36 and 6 <= row.clip_s <= 12
    assert row.exact and row.in_clean_share == 1.0


def test_a_voice_that_was_replaced_between_two_reads_is_read_again(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    voice_store.save(store, "v", {"reference_text": "old"}, b"old", overwrite=False)

    class Replacing(Failing):
        def get(self, key: str, max_bytes: int | None = None) -> bytes:
            if self.left:
                self.left = 0
                voice_store.save(store, "v", {"reference_text": "new"}, b"new", overwrite=True)
            return store.get(key, max_bytes)

    about, data = voice_store.recording(Replacing(store, 1), "v")  # type: ignore[arg-type]
    assert (about["reference_text"], data) == ("new", b"new")


@pytest.mark.parametrize(("text", "warning"), [
    (NATURE, None),
    ("Some call me nature, others", r"about 1\.\d s of its sound have no words in the text"),
    ("others call me mother nature.", r"about 1\.\d s of its sound have no words in the text"),
    (NATURE + " Nobody ever said this.", "'Nobody', .* of its text cannot be found in the sound"),
    ("[Applause] " + NATURE + " \u266a", r"'\[Applause\]' of its text cannot be found in the sound"),
])
def test_a_text_that_is_not_exactly_what_is_said_is_told_of(call: Call, text: str, warning: str | None) -> None:
    """The engine would say again what sounds and is not in the text."""
    said = [each for each in upload(call, "anna", text=text)["voice"]["warnings"] if "text" in each]
    assert len(said) == (warning is not None)
    assert not warning or re.search(warning, said[0])
