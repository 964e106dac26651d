"""Voices in everyday use: odd objects in the bucket, races, bad recordings."""
from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import runpod_handler
from s3_utils import FolderStore, StorageError
from tests.conftest import Call
from tests.doubles.speech import spoken_wav
from worker import voice_store, voices
from worker.records import Conflict, NotFound
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
    answer = call(endpoint="list_voices")
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
    assert voices.load(parts.store, "hand")[0].text == NATURE


def test_a_voice_stored_by_an_older_version_is_still_a_voice(call: Call, parts: runpod_handler.Parts,
                                                             settings: Settings) -> None:
    folder = settings.data_dir / "voices"
    folder.mkdir(parents=True)
    (folder / "old.wav").write_bytes(spoken_wav(NATURE))
    (folder / "old.json").write_text(json.dumps({"name": "old", "reference_text": NATURE, "language": "en-GB"}))
    loaded, _ = voices.load(parts.store, "old")
    assert (loaded.text, loaded.language) == (NATURE, "en-GB")
    assert upload(call, "old")["error"].startswith("CONFLICT: ")
    assert upload(call, "old", text="Other words.", overwrite=True)["status"] == "completed"
    assert voices.load(parts.store, "old")[0].text == "Other words."


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
