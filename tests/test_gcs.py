"""What is Cloud Storage's own: V4 signatures, credentials, lost answers. test_s3_utils.py has what all stores do."""
from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from s3_utils import GcsStore, StorageError
from tests.doubles.gcs import Gcs, start_gcs

WAV = "audio/wav"


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gcs]:
    with start_gcs() as running:
        running.buckets["b"] = {}
        for name, value in running.environ(tmp_path).items():
            monkeypatch.setenv(name, value)
        yield running


def status_of(url: str, method: str = "GET") -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method)) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_a_signed_url_downloads_as_asked_and_gives_no_other_right(google: Gcs) -> None:
    store = GcsStore("b", project="test")
    store.put("output/a take.wav", b"RIFF", WAV)
    store.put("output/b.wav", b"RIFF", WAV)
    url = store.presign("output/a take.wav", 60, "ünsere.wav", WAV)
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"RIFF"
        assert "filename*=UTF-8''%C3%BCnsere.wav" in answer.headers["Content-Disposition"]
    signature = url.rpartition("=")[2]
    other = "0" if signature[0] != "0" else "1"
    for wrong in (url.replace("a%20take", "b"), url.replace("Expires=60", "Expires=6000"),
                  url.replace(signature, other + signature[1:])):
        assert wrong != url
        assert status_of(wrong) == 403
    assert status_of(url, "DELETE") == 403
    google.clock = lambda: datetime.now(UTC) + timedelta(seconds=61)
    assert status_of(url) == 400
    assert "ExpiredToken" in google.refused


def test_wrong_credentials_and_a_wrong_bucket_are_named_and_hold_no_name(google: Gcs, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="GCS_BUCKET") as missing:
        GcsStore("a-secret-name", project="test").put("a", b"", WAV)
    assert "secret" not in str(missing.value)
    google.key = Gcs().key  # the account's key was replaced: the one in the file is no longer good
    with pytest.raises(StorageError) as refused:
        GcsStore("b", project="test").put("a", b"", WAV)
    assert "credentials" in str(refused.value)
    assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize(("status", "advice", "transient"), [
    (400, "refused the request", False), (401, "does not know these credentials", False),
    (403, "needs roles/storage.objectUser", False), (429, "is overloaded", True), (501, "is failing", True),
    (503, "is failing", True),
])
def test_an_error_says_what_to_do_and_whether_it_may_pass(
        google: Gcs, monkeypatch: pytest.MonkeyPatch, status: int, advice: str, transient: bool) -> None:
    monkeypatch.setattr("google.cloud.storage.retry.DEFAULT_RETRY._timeout", 0.1)
    store = GcsStore("b", project="test")
    google.faults += [status] * 9
    with pytest.raises(StorageError, match=advice) as failed:
        store.put("a", b"1", WAV)
    assert failed.value.transient is transient


def test_without_credentials_the_start_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    with pytest.raises(StorageError, match="no credentials"):
        GcsStore("b", project="test")


def test_a_write_whose_answer_was_lost_has_succeeded(google: Gcs) -> None:
    store = GcsStore("b", project="test")
    google.faults.append(503)
    assert store.put_if_absent("a", b"1", WAV) is not None
    _, etag = store.get_with_etag("a")
    assert store.put_if_absent("a", b"1", WAV) is None
    google.faults.append(503)
    assert store.put_if_match("a", b"2", WAV, etag) is not None
    assert store.get("a") == b"2"


def test_a_large_file_goes_in_one_resumable_upload(google: Gcs, tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    path.write_bytes(bytes(9_000_000) + b"end")
    store = GcsStore("b", project="test")
    store.put("audio/long", path, WAV)
    assert store.get("audio/long") == path.read_bytes()
    assert google.uploads
