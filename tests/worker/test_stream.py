"""`stream: true`: every line is handed out while the job goes on, and the result is what it would have been."""
from __future__ import annotations

import asyncio
import io
import json
import urllib.request
from typing import Any

import pytest
import soundfile
from runpod.serverless.modules import rp_http

import runpod_handler
from tests.conftest import Call
from worker.generate import generate
from worker.jobs import Job
from worker.requests import Generate, parse

TEXT = ("The tide comes in, and the boats go out before it does. " + "Nobody waits for the last one of them here. " * 90
        + "\n\nThen it is night.")


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        return bytes(answer.read())


def run(parts: runpod_handler.Parts, **fields: Any) -> tuple[dict[str, Any], list[dict[str, Any]], list[str]]:
    published: list[dict[str, Any]] = []
    written: list[str] = []
    shares: list[float] = []
    job = Job("streamed", 600.0, lambda stage, share: shares.append(share),
              on_news=lambda news: published.append(dict(news)))
    output = generate(parse(Generate, {"text": TEXT, **fields}), job, parts.speech, written)
    assert shares == sorted(shares) and 0 <= shares[0] < shares[-1] < 1, "progress of the whole"
    return output, published, written


def test_every_line_is_there_before_the_end_with_its_words_and_its_place(parts: runpod_handler.Parts) -> None:
    output, published, written = run(parts, stream=True, timing_format="json")
    assert [news["n_lines"] for news in published] == list(range(1, len(published) + 1)) and len(published) >= 3
    assert len(published[0]["lines"][0]["text"].encode()) <= 60, "the first line is short"
    lines = json.loads(fetched(published[-1]["lines_url"]))
    assert lines["complete"] and [line["index"] for line in lines["lines"]] == list(range(len(published)))
    assert lines["lines"][-len(published[-1]["lines"]):] == published[-1]["lines"]
    kept = json.loads(parts.store.get("timings/streamed.words.json"))["words"]
    words = [word for line in lines["lines"] for word in line["words"]]
    assert len(words) == len(kept) == output["word_count"]
    assert all(abs(word["start"] * 1000 - start) < 100 for word, (start, *_) in zip(words, kept, strict=True))
    for line in lines["lines"]:
        samples, rate_hz = soundfile.read(io.BytesIO(fetched(line["audio_url"])))
        assert abs(len(samples) / rate_hz - line["duration"]) < 0.001
        assert line["text"] in TEXT
        assert 0 <= line["start"] < line["start"] + line["duration"] <= output["duration"] + 0.001
    assert set(written) >= {"output/streamed.lines.json", "output/streamed.line-0000.wav"}
    assert all(len(json.dumps(news)) < 100_000 for news in published)


def test_without_it_nothing_is_handed_out_and_the_result_has_the_same_fields(parts: runpod_handler.Parts) -> None:
    plain, published, written = run(parts)
    assert not published and not any("line" in key for key in written)
    assert set(run(parts, stream=True)[0]) == set(plain)


def test_a_stream_without_word_times_has_none(parts: runpod_handler.Parts) -> None:
    _, published, _ = run(parts, stream=True, text="One. Two.")
    assert "words" not in published[0]["lines"][0]


def test_lines_stand_in_runpods_reports_and_in_status(
        parts: runpod_handler.Parts, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    posted: list[dict[str, Any]] = []

    async def post(session: object, body: dict[str, Any], job: object) -> None:
        posted.append(body["output"])

    monkeypatch.setattr(rp_http, "send_result", post)
    monkeypatch.setattr("worker.progress.Progress._INTERVAL_S", 0.0)
    object.__setattr__(parts.settings, "runpod_post_output", "http://127.0.0.1/")
    handler = runpod_handler.make_handler(parts)
    asyncio.run(handler({"id": "a", "input": {"text": TEXT, "job_id": "streamed", "stream": True}}))
    streamed = [body for body in posted if "lines" in body]
    assert streamed and all({"stage", "progress", "lines_url"} <= set(body) for body in streamed)
    seen = call(endpoint="status", job_id="streamed")
    assert json.loads(fetched(seen["lines_url"]))["complete"]
    call(text="Not streamed.", job_id="plain")
    assert "lines_url" not in call(endpoint="status", job_id="plain")
