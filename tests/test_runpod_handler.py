"""The wire contract, through the handler, with the embedded engine and a folder as the store."""
from __future__ import annotations

import asyncio
import base64
import csv
import io
import json
import logging
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import runpod_handler
from captions import WRITERS
from tests.conftest import Call
from tests.doubles.host import start_host
from tests.doubles.speech import spoken_wav
from worker.settings import Settings

NATURE = "Some call me nature, others call me mother nature."
TEXT = "Hello world, this costs $3.50 today."


@pytest.fixture(scope="module")
def host() -> Iterator[Any]:
    with start_host({"/anna.wav": spoken_wav(NATURE), "/text.srt": f"1\n00:00:00,000 --> 00:00:03,000\n{NATURE}\n"
                     .encode(), "/page.wav": b"<html>not audio</html>"}) as running:
        yield running


@pytest.fixture
def anna(call: Call, host: Any) -> dict[str, Any]:
    return call(endpoint="upload", voice_name="anna", voice_file_url=f"{host.url}/anna.wav", reference_text=NATURE)


def opened(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        data: bytes = answer.read()
        return data


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name[0] != "."}


def test_a_text_becomes_audio_and_every_timing_file(call: Call) -> None:
    output = call(text=TEXT, timing_format="all", job_id="j1", seed=5)
    samples, rate_hz = soundfile.read(io.BytesIO(opened(output["audio_url"])))
    assert len(samples) / rate_hz == pytest.approx(output["duration"], abs=0.002)
    assert output["duration"] > 1
    assert set(output["timing_files"]) == set(WRITERS)
    words = json.loads(opened(output["timing_files"]["json"]))["words"]
    assert [word["word"] for word in words] == TEXT.split()
    rows = list(csv.DictReader(io.StringIO(opened(output["timing_files"]["csv"]).decode())))
    assert [row["word"] for row in rows] == TEXT.split()
    assert output["word_count"] == 6
    assert (output["job_id"], output["seed"], output["status"]) == ("j1", 5, "completed")
    assert output["warnings"] == []


def test_word_times_lie_on_the_sound(call: Call) -> None:
    output = call(text="One. [pause:1.5s] Two.", timing_format="json")
    apart = [call(text="One.\n\nTwo.", paragraph_pause_s=pause_s)["duration"] for pause_s in (0.5, 2)]
    assert apart[1] - apart[0] == pytest.approx(1.5, abs=0.001)
    samples, rate_hz = soundfile.read(io.BytesIO(opened(output["audio_url"])))
    one, two = json.loads(opened(output["timing_files"]["json"]))["words"]
    assert two["start"] - one["end"] >= 1.5

    def rms(start: float, end: float) -> float:
        return float(np.sqrt(np.mean(samples[int(start * rate_hz):int(end * rate_hz)] ** 2)))

    assert rms(one["end"] + 0.4, two["start"] - 0.1) < 1e-4
    assert min(rms(one["start"], one["end"]), rms(two["start"], two["end"])) > 0.01


def test_the_job_is_done_once_for_an_id(call: Call, settings: Settings) -> None:
    first = call(text=TEXT, job_id="once")
    record = (settings.data_dir / "jobs" / "once.json").read_bytes()
    again = call(text=TEXT, job_id="once", url_expires_s=60)
    assert again["seed"] == first["seed"]
    assert again["stages_ms"] == first["stages_ms"]
    assert (settings.data_dir / "jobs" / "once.json").read_bytes() == record
    assert call(text="Another.", job_id="once")["error"].startswith("CONFLICT: ")


def test_a_failed_job_id_may_be_used_with_a_corrected_input(call: Call) -> None:
    assert call(text=TEXT, job_id="fix", language="tlh")["error"].startswith("ENGINE_FAILED: ")
    assert call(text=TEXT, job_id="fix", language="en", seed=4)["seed"] == 4
    assert call(text=TEXT, job_id="fix", language="de", seed=4)["error"].startswith("CONFLICT: ")


@pytest.mark.parametrize(("one", "other"), [
    ({"quality": "best"}, {"nfe_step": 32}), ({"timing_format": ["srt", "vtt"]}, {"timing_format": ["vtt", "srt"]}),
    ({"captions": None, "seed": None}, {}), ({"timing_format": "srt"}, {"return_word_timings": True}),
])
def test_inputs_that_mean_the_same_are_one_job(call: Call, one: dict[str, Any], other: dict[str, Any]) -> None:
    first = call(text=TEXT, job_id="same", **one)
    assert call(text=TEXT, job_id="same", **other)["stages_ms"] == first["stages_ms"]


def test_force_makes_a_finished_job_anew(call: Call, settings: Settings) -> None:
    first = call(text=TEXT, job_id="anew")
    record = settings.data_dir / "jobs" / "anew.json"
    before = record.read_bytes()
    again = call(text=TEXT, job_id="anew", force=True)
    assert again["sha256"] == first["sha256"]
    assert json.loads(record.read_bytes())["attempt"] == json.loads(before)["attempt"] + 1


def test_files_that_were_removed_are_said_to_have_expired_and_are_made_again(call: Call, settings: Settings) -> None:
    fields = {"text": TEXT, "job_id": "old", "timing_format": ["srt", "json"]}
    first = call(**fields)
    (settings.data_dir / "timings" / "old.srt").unlink()
    assert b"Hello world" in opened(call(endpoint="result", job_id="old")["timing_files"]["srt"])
    (settings.data_dir / "timings" / "old.srt").unlink()
    srt = call(endpoint="download", job_id="old", type="timing", format="srt")
    assert b"Hello world" in opened(srt["timing_url"])
    (settings.data_dir / "output" / "old.wav").unlink()
    for asked in ({"endpoint": "result"}, {"endpoint": "download"}):
        error = call(**asked, job_id="old")["error"]
        assert error.startswith("NOT_FOUND: ")
        assert "expired" in error
    again = call(**fields)
    assert (again["sha256"], again["seed"]) == (first["sha256"], first["seed"])
    assert opened(call(endpoint="download", job_id="old")["audio_url"])[:4] == b"RIFF"


def test_null_means_absent_for_every_field(call: Call) -> None:
    fields: dict[str, Any] = dict.fromkeys(runpod_handler.ENDPOINTS["generate"].request.model_fields)
    fields |= {"endpoint": None, "text": TEXT, "captions": {"max_words": None, "preset": "shorts"}}
    assert call(**fields)["status"] == "completed"


def test_the_same_seed_sounds_the_same(call: Call) -> None:
    assert call(text=TEXT, seed=3)["sha256"] == call(text=TEXT, seed=3)["sha256"]


def test_no_timings_are_made_unless_asked_for(call: Call, settings: Settings) -> None:
    output = call(text=TEXT, job_id="plain")
    assert output["timing_files"] == {}
    assert not any(name.startswith("timings/") for name in files(settings.data_dir))
    assert call(endpoint="download", job_id="plain", type="timing", format="srt")["error"].startswith("NOT_FOUND: ")


def test_the_life_of_a_voice(call: Call, anna: dict[str, Any], settings: Settings) -> None:
    assert anna["voice"]["name"] == "anna"
    assert anna["voice"]["reference_text"] == NATURE
    listed = call(endpoint="list_voices")
    assert [voice["name"] for voice in listed["voices"]] == ["anna"]
    assert listed["voices"][0]["reference_text"] == NATURE
    voice = call(endpoint="get_voice", voice_name="anna.wav")["voice"]
    assert opened(voice["preview_url"])[:4] == b"RIFF"
    assert call(text=TEXT, local_voice="anna.wav")["warnings"] == [
        "voice: the espeak engine cannot clone; the text is spoken in its own voice"]
    assert call(endpoint="delete_voice", voice_name="anna")["status"] == "deleted"
    assert call(endpoint="list_voices")["count"] == 0
    assert files(settings.data_dir / "voices") == set()
    assert call(text=TEXT, local_voice="anna")["error"].startswith("NOT_FOUND: ")


def test_a_text_is_read_in_the_language_of_its_speakers_and_says_so_where_it_cannot(call: Call, settings: Settings,
                                                                                 ) -> None:
    clip = base64.b64encode(spoken_wav(NATURE)).decode()
    for name, language in (("anna", "en"), ("bob", "de")):
        call(endpoint="upload", voice_name=name, voice_file_base64=clip, reference_text=NATURE, language=language)

    def spoken(**fields: Any) -> tuple[str, list[str]]:
        output = call(**fields, job_id=f"said-{len(files(settings.data_dir))}", timing_format="json")
        stored = json.loads((settings.data_dir / f"timings/{output['job_id']}.json").read_text())
        return stored["language"], [each for each in output["warnings"] if "read as" in each]

    assert spoken(text="[voice:bob] Es kostet 3,50 €.") == ("de", [])
    assert spoken(text="First. [voice:bob] Es kostet 3,50 €.")[0] == "en"
    language, (warning,) = spoken(text="It costs $3. [voice:bob] Es kostet 3,50 €.", local_voice="anna")
    assert language == "en" and "bob (de)" in warning and "set language" in warning
    assert spoken(text="It costs $3. [voice:bob] And more.", local_voice="anna", language="en") == ("en", [])


def test_a_bracket_that_looks_like_a_tag_is_named(call: Call) -> None:
    output = call(text="One. [PAUSE:0.5s] Two. [pause] Three. [1] [break 2s]")
    assert output["warnings"] == [
        "text: said as it is written: [pause], [break 2s]; a tag is [pause:0.8s] or [voice:name]"]


def test_markup_of_other_machines_is_named(call: Call) -> None:
    output = call(text='<speak>One.<break time="500ms"/> Salt &amp; pepper.</speak> If a < b and c > d, stay.')
    warning, = output["warnings"]
    assert warning.startswith('text: said as it is written: <speak>, <break time="500ms"/>, &amp;, </speak>; a tag is')


def test_a_voice_is_not_overwritten_by_accident(call: Call, anna: dict[str, Any], host: Any) -> None:
    again = {"endpoint": "upload", "voice_name": "anna", "voice_file_url": f"{host.url}/anna.wav",
             "reference_text": "Other words."}
    assert call(**again)["error"].startswith("CONFLICT: ")
    assert call(endpoint="get_voice", voice_name="anna")["voice"]["reference_text"] == NATURE
    assert call(**again, overwrite=True)["voice"]["reference_text"] == "Other words."


def test_voices_are_listed_page_by_page(call: Call, host: Any) -> None:
    clip = base64.b64encode(spoken_wav(NATURE)).decode()
    for name in ("a", "a-b", "b", "c"):
        assert "error" not in call(endpoint="upload", voice_name=name, voice_file_base64=clip, reference_text=NATURE)
    first = call(endpoint="list_voices", limit=3)
    rest = call(endpoint="list_voices", limit=3, cursor=first["next_cursor"])
    assert sorted(voice["name"] for voice in first["voices"] + rest["voices"]) == ["a", "a-b", "b", "c"]
    assert rest["next_cursor"] is None


def test_a_transcript_may_be_a_subtitle_file(call: Call, host: Any) -> None:
    output = call(endpoint="upload", voice_name="anna", voice_file_url=f"{host.url}/anna.wav",
                  reference_text_url=f"{host.url}/text.srt")
    assert output["voice"]["reference_text"] == NATURE


def test_a_long_recording_is_clipped_at_a_pause_and_its_text_with_it(call: Call) -> None:
    text = " ".join([NATURE] * 6)
    clip = base64.b64encode(spoken_wav(text)).decode()
    voice = call(endpoint="upload", voice_name="long", voice_file_base64=clip, reference_text=text)["voice"]
    assert 6 <= voice["duration"] <= 12
    assert voice["reference_text"] in text
    assert voice["reference_text"] != text
    assert any("clipped" in warning for warning in voice["warnings"])
    said = len(voice["reference_text"]) / len(text)
    whole_s = soundfile.info(io.BytesIO(spoken_wav(text))).duration
    assert voice["duration"] == pytest.approx(said * whole_s, rel=0.15)


def test_a_voice_is_never_sent_to_google_unless_the_operator_configured_it(parts: runpod_handler.Parts) -> None:
    class Forbidden:
        name, max_window_s, usd_per_minute = "google", 55.0, 0.024

        def supports(self, language: str) -> str | None:
            raise AssertionError("a recording was about to leave the worker")

    handler = runpod_handler.make_handler(replace(parts, sources={"google": Forbidden()}))  # type: ignore[dict-item]
    text = " ".join([NATURE] * 6)
    output = asyncio.run(handler({"id": "g", "input": {
        "endpoint": "upload", "voice_name": "long", "reference_text": text,
        "voice_file_base64": base64.b64encode(spoken_wav(text)).decode()}}))
    assert output["error"].startswith("INVALID_INPUT: the recording is ")


def test_a_job_can_be_asked_for_later(call: Call) -> None:
    done = call(text=TEXT, job_id="later", timing_format="ass")
    status = call(endpoint="status", job_id="later")
    assert (status["status"], status["progress"], status["job_error"]) == ("completed", 1.0, None)
    result = call(endpoint="result", job_id="later")
    assert {**result, "audio_url": "", "timing_files": ""} == {**done, "audio_url": "", "timing_files": ""}
    audio = call(endpoint="download", job_id="later")
    assert (audio["content_type"], audio["filename"], audio["status"]) == ("audio/wav", "later.wav", "ready")
    srt = call(endpoint="download", job_id="later", type="timing", format="srt")
    assert b"Hello world," in opened(srt["timing_url"])


@pytest.mark.parametrize("audio_format", ["wav", "flac", "mp3", "opus"])
def test_audio_comes_in_the_format_asked_for(call: Call, audio_format: str) -> None:
    output = call(text=TEXT, audio_format=audio_format)
    assert soundfile.info(io.BytesIO(opened(output["audio_url"]))).samplerate == output["sample_rate"]


def test_a_recording_is_aligned_with_its_text(call: Call, host: Any) -> None:
    output = call(endpoint="align", audio_url=f"{host.url}/anna.wav", text=NATURE, timing_format="json")
    words = json.loads(opened(output["timing_files"]["json"]))["words"]
    assert [word["word"] for word in words] == NATURE.split()
    assert output["timing_method"] == "pocketsphinx"


def test_a_french_job_is_timed_offline_as_the_engine_knows_it(call: Call) -> None:
    text = "Bonjour à tous, aujourd'hui je vous parle de l'histoire des vieux moulins à vent."
    fields = {"text": text, "language": "fr", "timing_format": "json", "return_word_timings": True}
    found, exact = ({word["word"]: (word["start"], word["end"]) for word in json.loads(
        opened(output["timing_files"]["json"]))["words"]}
        for output in (call(**fields, timing_method="pocketsphinx"), call(**fields)))
    assert found.keys() == exact.keys() == set(text.split())
    off = [abs(ours - true) for word in found for ours, true in zip(found[word], exact[word], strict=True)]
    assert 0 < sum(off) / len(off) < 0.03


def test_a_named_timing_method_is_used_or_the_job_fails(call: Call) -> None:
    assert call(text=TEXT, timing_method="pocketsphinx")["timing_method"] == "pocketsphinx"
    assert call(text=TEXT, timing_method="whisperx")["error"].startswith("TIMING_FAILED: ")


@pytest.mark.parametrize(("fields", "code"), [
    ({"endpoint": "generat", "text": "a"}, "INVALID_INPUT"),
    ({"endpoint": 5}, "INVALID_INPUT"),
    ({"text": "a", "foo": 1}, "INVALID_INPUT"),
    ({"text": "[pause:soon] a"}, "INVALID_INPUT"),
    ({"text": "\U0001f600"}, "INVALID_INPUT"),
    ({"text": "[voice:../x] a"}, "INVALID_INPUT"),
    ({"text": "[voice:nobody] a"}, "NOT_FOUND"),
    ({"text": "a", "language": "tlh-AA"}, "ENGINE_FAILED"),
    ({"endpoint": "status", "job_id": "nothing"}, "NOT_FOUND"),
    ({"endpoint": "result", "job_id": "nothing"}, "NOT_FOUND"),
    ({"endpoint": "delete_voice", "voice_name": "nobody"}, "NOT_FOUND"),
    ({"endpoint": "upload", "voice_name": "v", "voice_file_base64": "!!", "reference_text": "a"}, "INVALID_INPUT"),
    ({"endpoint": "upload", "voice_name": "v", "voice_file_base64": "QUJD", "reference_text": "a"},
     "UNSUPPORTED_AUDIO"),
    ({"endpoint": "upload", "voice_name": "v", "voice_file_url": "http://169.254.169.254/x", "reference_text": "a"},
     "BLOCKED_URL"),
    ({"endpoint": "upload", "voice_name": "v", "voice_file_url": "file:///etc/passwd", "reference_text": "a"},
     "BLOCKED_URL"),
    ({"endpoint": "upload", "voice_name": "v", "voice_file_url": "HOST/missing.wav", "reference_text": "a"},
     "FETCH_FAILED"),
    ({"endpoint": "upload", "voice_name": "v", "voice_file_url": "HOST/page.wav", "reference_text": "a"},
     "UNSUPPORTED_AUDIO"),
    ({"endpoint": "upload", "voice_name": "v", "voice_file_url": "HOST/anna.wav"}, "INVALID_INPUT"),
    ({"endpoint": "upload", "voice_name": "v", "s3_key": "uploads/nothing.wav", "reference_text": "a"}, "NOT_FOUND"),
])
def test_every_error_is_one_short_string_and_leaves_nothing(call: Call, settings: Settings, host: Any,
                                                            fields: dict[str, Any], code: str) -> None:
    fields = {key: value.replace("HOST", host.url) if isinstance(value, str) else value
              for key, value in fields.items()}
    output = call(**fields)
    assert set(output) == {"error"}
    assert output["error"].startswith(f"{code}: ")
    assert "\n" not in output["error"]
    assert str(settings.data_dir) not in output["error"]
    assert not any(name.startswith(("voices/", "output/", "timings/")) for name in files(settings.data_dir))


def test_input_that_is_no_object_is_refused(parts: runpod_handler.Parts) -> None:
    handler = runpod_handler.make_handler(parts)
    for job in ({"id": "a"}, {"id": "a", "input": None}, {"id": "a", "input": [1]}, {"id": "a", "input": "text"}):
        assert asyncio.run(handler(job))["error"].startswith("INVALID_INPUT: input: ")


def test_consent_is_needed_where_it_is_required(settings: Settings) -> None:
    parts = runpod_handler.build_parts(replace(settings, require_consent=True))
    handler = runpod_handler.make_handler(parts)
    fields = {"endpoint": "upload", "voice_name": "v", "reference_text": NATURE,
              "voice_file_base64": base64.b64encode(spoken_wav(NATURE)).decode()}
    assert asyncio.run(handler({"id": "a", "input": fields}))["error"].startswith("INVALID_INPUT: consent: ")
    consent = {"by": "Anna", "statement": "I agree."}
    output = asyncio.run(handler({"id": "a", "input": {**fields, "consent": consent}}))
    assert output["status"] == "completed"
    kept = json.loads((settings.data_dir / "voices" / "v.json").read_text())
    assert kept["consent"] == consent


def test_a_result_over_the_payload_limit_is_an_error_not_a_loss(settings: Settings) -> None:
    handler = runpod_handler.make_handler(runpod_handler.build_parts(replace(settings, max_payload_bytes=300)))
    output = asyncio.run(handler({"id": "big", "input": {"text": TEXT}}))
    assert output["error"].startswith("TOO_LARGE: ")
    assert (settings.data_dir / "output" / "big.wav").exists()


def test_a_job_past_its_deadline_is_stopped_and_leaves_no_files(settings: Settings) -> None:
    handler = runpod_handler.make_handler(runpod_handler.build_parts(replace(settings, job_deadline_s=1)))
    fields = {"text": "A long text. " * 4000, "job_id": "slow", "timing_method": "pocketsphinx"}
    output = asyncio.run(handler({"id": "x", "input": fields}))
    assert output["error"].startswith("TIMEOUT: ")
    assert files(settings.data_dir) == {"jobs/slow.json"}
    status = asyncio.run(handler({"id": "y", "input": {"endpoint": "status", "job_id": "slow"}}))
    assert status["status"] == "failed"
    assert status["job_error"].startswith("TIMEOUT: ")


def test_a_cancelled_job_stops_and_says_so(settings: Settings) -> None:
    handler = runpod_handler.make_handler(runpod_handler.build_parts(settings))

    async def cancel_soon() -> None:
        work = asyncio.ensure_future(handler({"id": "c", "input": {"text": "A long text. " * 7000, "timing_method":
                                                                   "pocketsphinx", "job_id": "gone"}}))
        await asyncio.sleep(0.5)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(cancel_soon())
    status = asyncio.run(handler({"id": "y", "input": {"endpoint": "status", "job_id": "gone"}}))
    assert status["status"] == "cancelled"
    assert files(settings.data_dir) == {"jobs/gone.json"}


def test_an_unexpected_fault_is_in_the_log_alone(parts: runpod_handler.Parts, caplog: pytest.LogCaptureFixture,
                                                      ) -> None:
    class Broken:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError("/secret/path exploded")

    handler = runpod_handler.make_handler(replace(parts, engine=Broken()))  # type: ignore[arg-type]
    with caplog.at_level(logging.ERROR):
        error = asyncio.run(handler({"id": "a", "input": {"text": TEXT}}))["error"]
    assert error.startswith("INTERNAL: ")
    assert "secret" not in error
    assert sum("unexpected error" in record.getMessage() for record in caplog.records) == 1
    reference = error.rpartition(" ")[2]
    assert any(reference in record.getMessage() and record.exc_info for record in caplog.records)


def test_health_says_what_the_worker_is_made_of(call: Call) -> None:
    health = call(endpoint="health")
    assert health["status"] == "ok"
    assert health["engine"]["name"] == "espeak"
    assert health["timing_methods"]["pocketsphinx"] == "ok"
    assert health["versions"]["runpod"].startswith("1.")
