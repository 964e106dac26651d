"""OpenAI's own clients, unchanged, against the service."""
from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import openai
import pytest
import srt
import webvtt

from tests.transcription.conftest import Keyed
from tests.transcription.serving import Served, long_wav, nature, wait_until


@pytest.fixture(scope="module")
def served(keyed: Keyed) -> Served:
    return keyed[0]


@pytest.fixture(scope="module")
def key(keyed: Keyed) -> str:
    return keyed[1]["openai"]


@pytest.fixture(scope="module")
def client(served: Served, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{served.url}/v1", api_key=key, max_retries=0)


def recording() -> tuple[str, io.BytesIO]:
    return "a.wav", io.BytesIO(nature())


def transcribe(client: openai.OpenAI, **options: Any) -> Any:
    return client.audio.transcriptions.create(model="whisper-1", file=recording(), **options)


def test_json_and_text_are_the_same_words(client: openai.OpenAI) -> None:
    answer = transcribe(client)
    assert answer.text
    assert transcribe(client, response_format="text", language="en").strip() == answer.text
    assert any("accuracy is modest" in warning for warning in answer.warnings)
    assert answer.usage.type == "duration"


def test_verbose_json_has_words_and_segments_as_asked(client: openai.OpenAI) -> None:
    both = transcribe(client, response_format="verbose_json", timestamp_granularities=["word", "segment"])
    assert " ".join(word.word for word in both.words) == both.text
    assert both.segments[0].start == both.words[0].start
    assert 2.9 < float(both.duration) < 3.3
    assert transcribe(client, response_format="verbose_json").words is None
    assert transcribe(client, response_format="verbose_json", timestamp_granularities=["word"]).segments is None


def test_the_automatic_chunking_strategy_is_what_happens(client: openai.OpenAI) -> None:
    assert transcribe(client, chunking_strategy="auto").text


def test_subtitles_come_as_files(client: openai.OpenAI) -> None:
    text = transcribe(client).text
    cues = srt.parse(transcribe(client, response_format="srt"))
    assert " ".join(cue.content.replace("\n", " ") for cue in cues) == text
    cues = webvtt.from_string(transcribe(client, response_format="vtt"))
    assert " ".join(cue.text.replace("\n", " ") for cue in cues) == text


def test_a_stream_ends_with_the_whole_text(client: openai.OpenAI) -> None:
    events = list(transcribe(client, stream=True))
    assert {event.type for event in events[:-1]} == {"transcript.text.delta"}
    assert events[-1].type == "transcript.text.done"
    assert "".join(event.delta for event in events[:-1]) == events[-1].text


@pytest.mark.parametrize(("options", "param"), [
    ({"response_format": "verbose_jsn"}, "response_format"),
    ({"timestamp_granularities": ["word"]}, "timestamp_granularities"),
    ({"include": ["logprobs"]}, "include"),
    ({"chunking_strategy": {"type": "server_vad"}}, "chunking_strategy"),
    ({"known_speaker_names": ["anna"]}, "known_speaker_names"),
    ({"response_format": "diarized_json"}, "enable_diarization"),
    ({"language": "xx-"}, "language"),
])
def test_what_cannot_be_done_is_an_error_of_the_clients_own_kind(
        client: openai.OpenAI, options: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        transcribe(client, **options)
    assert refused.value.param == param


def test_other_models_files_and_keys_are_refused(client: openai.OpenAI, served: Served) -> None:
    with pytest.raises(openai.NotFoundError):
        client.audio.transcriptions.create(model="whisper-9", file=recording())
    with pytest.raises(openai.APIStatusError) as refused:
        client.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"no audio at all"))
    assert (refused.value.status_code, refused.value.code) == (415, "VALIDATION_UNSUPPORTED_AUDIO")
    with pytest.raises(openai.APIStatusError) as refused:
        client.audio.transcriptions.create(model="whisper-1", file=("a.wav", b""))
    assert (refused.value.status_code, refused.value.param) == (415, "file")
    with pytest.raises(openai.UnprocessableEntityError):
        client.audio.translations.create(model="whisper-1", file=recording())
    with pytest.raises(openai.PermissionDeniedError):
        openai.OpenAI(base_url=f"{served.url}/v1", api_key="wx_other").models.list()


def test_models_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["whisper-1", "pocketsphinx"]
    assert client.models.retrieve("whisper-1").id == "whisper-1"


def test_nothing_is_kept_of_a_call(served: Served, key: str, client: openai.OpenAI) -> None:
    def files() -> set[Path]:
        return {path for name in ("audio", "results") for path in (served.data / name).rglob("*") if path.is_file()}

    before = files()
    transcribe(client)
    with served.client(key) as own:
        assert own.get("/api/v1/jobs/").json()["jobs"] == []
    wait_until(lambda: files() <= before, 10)


def test_a_caller_who_goes_away_stops_the_work(served: Served, key: str, client: openai.OpenAI) -> None:
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=1.0).audio.transcriptions.create(
            model="whisper-1", file=("long.wav", long_wav()))
    with served.client(key) as own:
        wait_until(lambda: own.get("/api/v1/jobs/").json()["jobs"] == [], 10)


NODE = """
const fs = require('fs');
const [url, key, path] = process.argv.slice(1);
(async () => {
  const OpenAI = require('openai');
  const client = new OpenAI({ baseURL: url, apiKey: key });
  const verbose = await client.audio.transcriptions.create({
    model: 'whisper-1', file: fs.createReadStream(path), response_format: 'verbose_json',
    timestamp_granularities: ['word', 'segment'] });
  const srt = await client.audio.transcriptions.create(
    { model: 'whisper-1', file: fs.createReadStream(path), response_format: 'srt' });
  const { experimental_transcribe: transcribe } = require('ai');
  const { createOpenAI } = require('@ai-sdk/openai');
  const provider = createOpenAI({ baseURL: url, apiKey: key });
  // Without options the SDK asks for plain JSON, which has no segments.
  const sdk = await transcribe({ model: provider.transcription('whisper-1'), audio: fs.readFileSync(path),
                                 providerOptions: { openai: { timestampGranularities: ['segment'] } } });
  console.log(JSON.stringify({ verbose, srt, sdk: { text: sdk.text, segments: sdk.segments,
                                                    duration: sdk.durationInSeconds } }));
})().catch((error) => { console.error(error); process.exit(1); });
"""


def test_the_clients_of_npm_are_served_unchanged(served: Served, key: str, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    for package in ("openai", "ai", "@ai-sdk/openai"):
        if subprocess.run([node, "-e", f"require('{package}')"], capture_output=True).returncode:
            pytest.skip(f"the npm package {package} is not on NODE_PATH")
    path = tmp_path / "a.wav"
    path.write_bytes(nature())
    done = subprocess.run([node, "-e", NODE, f"{served.url}/v1", key, str(path)], capture_output=True,
                          text=True, timeout=120, env={**os.environ})
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    text = answer["verbose"]["text"]
    assert " ".join(word["word"] for word in answer["verbose"]["words"]) == text
    assert answer["sdk"]["text"] == text
    assert answer["sdk"]["segments"]
    assert "-->" in answer["srt"]
