"""Everyday life in a bucket: overwrites that race, audio that a lifecycle rule removed."""
from __future__ import annotations

import asyncio
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

import runpod_handler
from s3_utils import S3Store, version_key, versions_prefix
from tests.conftest import Call
from tests.doubles.s3 import S3Server, start_s3
from worker import records, voice_store


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    running = start_s3()
    yield running
    running.stop()


_numbers = count()


@pytest.fixture
def bucket(server: S3Server) -> S3Store:
    """An empty one."""
    name = f"everyday-{next(_numbers)}"
    server.create_bucket(name)
    return S3Store(name, endpoint_url=server.endpoint_url, region="us-east-1", access_key_id=server.access_key_id,
                   secret_access_key=server.secret_access_key)


@pytest.fixture
def call_s3(parts: runpod_handler.Parts, bucket: S3Store) -> Call:
    handler = runpod_handler.make_handler(replace(parts, store=bucket, records=records.Records(bucket, lease_s=30)))

    def send(**fields: Any) -> dict[str, Any]:
        return asyncio.run(handler({"id": f"s3-{next(_numbers)}", "input": fields}))

    return send


def test_of_two_overwrites_at_once_one_is_the_voice_whole(bucket: S3Store) -> None:
    voice_store.save(bucket, "v", {"reference_text": "first"}, b"first", overwrite=False)

    def write(text: str) -> None:
        voice_store.save(bucket, "v", {"reference_text": text}, text.encode(), overwrite=True)

    for turn in range(15):
        threads = [threading.Thread(target=write, args=(f"{name}-{turn}",)) for name in ("a", "b")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        about, data = voice_store.recording(bucket, "v")
        assert about["reference_text"] == data.decode()
        assert bucket.get("voices/v.wav") == bucket.get("voices/v.txt") == data
        left, = bucket.list(versions_prefix("v")).entries
        assert left.key == version_key("v", about["version"])


def test_audio_that_was_removed_has_expired_and_is_made_again(call_s3: Call, bucket: S3Store) -> None:
    fields = {"text": "The boats came in late.", "job_id": "old", "timing_format": "srt"}
    first = call_s3(**fields)
    bucket.delete("output/old.wav")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(first["audio_url"])
    for asked in ({"endpoint": "result"}, {"endpoint": "download"}):
        error = call_s3(**asked, job_id="old")["error"]
        assert error.startswith("NOT_FOUND: ") and "expired" in error
    again = call_s3(**fields)
    assert (again["sha256"], again["seed"]) == (first["sha256"], first["seed"])
    with urllib.request.urlopen(call_s3(endpoint="result", job_id="old")["audio_url"]) as answer:
        assert answer.read(4) == b"RIFF"
