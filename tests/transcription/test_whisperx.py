"""The real WhisperX, faster-whisper and pyannote on models made here: from an upload to subtitles with speakers."""
from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
import soundfile
import srt

pytest.importorskip("torch")
pytest.importorskip("whisperx")

from tests.timing.test_whisperx import models, song
from tests.transcription.serving import NATURE, Served, finished, nature, serve, submit

__all__ = ["models"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Served]:
    """`models` is a wav2vec2 that takes tones for letters: it stands in for the German one."""
    from tests.doubles.diarization import make_diarization  # transformers and pyannote, which no other process needs
    from tests.doubles.whisper import make_whisper

    folder = tmp_path_factory.mktemp("whisperx")
    (folder / "models" / "whisper").mkdir(parents=True)
    make_whisper(folder / "models" / "whisper" / "tiny")
    (folder / "models" / "diarization").mkdir()
    make_diarization(folder / "models" / "diarization")
    shutil.copytree(models / "align" / "en", folder / "models" / "align" / "de")
    with serve(folder, DEVICE="cpu", LEASE_S="10") as running:
        yield running


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client() as made:
        yield made


def test_an_upload_becomes_words_of_the_real_whisper(client: httpx.Client) -> None:
    job = finished(client, submit(client, nature(), model_size="tiny", language="en")["job_id"], 180)
    assert job["status"] == "completed", job
    assert job["result"]["engine"] == {"name": "whisper", "model": "tiny"}
    assert "a" in job["result"]["text"]
    assert {"recognise", "align"} <= set(job["result"]["stages_ms"])


def test_a_model_that_says_one_letter_for_ever_is_doubted(client: httpx.Client) -> None:
    job = finished(client, submit(client, nature(), language="en")["job_id"], 180)
    assert any("may be made up" in warning for warning in job["warnings"]), job["warnings"]
    assert any(segment["doubts"] for segment in job["result"]["speaker_segments"])


def test_the_language_is_detected_and_that_is_told_where_it_is_a_guess(client: httpx.Client) -> None:
    job = finished(client, submit(client, nature())["job_id"], 180)
    assert job["status"] == "completed", job
    assert any(f"the language, {job['result']['language']}, was detected" in warning for warning in job["warnings"])


def test_a_given_transcript_gets_speakers_and_its_words_stay(client: httpx.Client) -> None:
    job_id = submit(client, nature(), initial_transcript=NATURE, enable_diarization="true", language="en",
                    min_speakers="1", max_speakers="2", formats="srt,json,csv,txt")["job_id"]
    job = finished(client, job_id, 180)
    assert job["status"] == "completed", job
    result = job["result"]
    assert [word["word"] for word in result["word_segments"]] == NATURE.split()
    if not result["speakers"]:
        assert "no speaker was found in this recording" in job["warnings"]
        pytest.fail("the tiny pipeline found nobody: the rest of this test shows nothing")
    assert {word["speaker"] for word in result["word_segments"]} - {None} == set(result["speakers"])
    cues = list(srt.parse(client.get(f"/api/v1/jobs/{job_id}/result").text))
    assert cues[0].content.startswith(result["word_segments"][0]["speaker"] + ": ")
    words = json.loads(client.get(f"/api/v1/jobs/{job_id}/result?format=json").text)["words"]
    assert words[0]["speaker"] == result["word_segments"][0]["speaker"]
    assert client.get(f"/api/v1/jobs/{job_id}/result?format=csv").text.splitlines()[0].endswith(",speaker")


def test_words_are_placed_by_a_real_wav2vec2(client: httpx.Client) -> None:
    samples, text, truth_ms = song(0.5, "abcd", 0.2, "had", "fed", 1.5, "cab", 0.1, "beef", 0.7)
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, 16_000, format="WAV")
    job = finished(client, submit(client, buffer.getvalue(), initial_transcript=text, language="de")["job_id"], 180)
    assert (job["status"], job["result"]["timing_method"]) == ("completed", "whisperx"), job
    words = job["result"]["word_segments"]
    assert [word["word"] for word in words] == text.split()
    for word, (start_ms, end_ms) in zip(words, truth_ms, strict=True):
        assert abs(word["start"] * 1000 - start_ms) <= 30 and abs(word["end"] * 1000 - end_ms) <= 30, word
        assert word["score"] > 0.7 and not word["estimated"]


def test_openais_client_gets_translations_and_speakers(served: Served) -> None:
    client = openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0)
    translated = client.audio.translations.create(model="whisper-1", file=("a.wav", nature()),
                                                  response_format="verbose_json")
    assert translated.language == "en"
    diarized = client.audio.transcriptions.create(model="tiny", file=("a.wav", nature()), language="en",
                                                  response_format="diarized_json")
    assert diarized.segments[0].type == "transcript.text.segment"
    assert diarized.segments[0].speaker


def test_the_models_folder_says_what_can_be_asked_for(client: httpx.Client) -> None:
    detailed = client.get("/health/detailed").json()
    assert (detailed["engine"], detailed["models"], detailed["diarization"]) == ("whisper", ["tiny", "whisper"], True)
    answer = client.post("/api/v1/jobs/upload", files={"audio_file": nature()}, data={"model_size": "medium"})
    assert "installed: tiny, whisper" in answer.json()["error"]


def test_nothing_is_looked_for_on_the_network(served: Served) -> None:
    log = Path(served.log_path).read_text()
    assert "huggingface.co" not in log
    assert "Traceback" not in log
