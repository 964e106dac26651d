"""All stores keep the same promises: S3 and Cloud Storage over HTTP with real signatures, and a folder on this disk."""
from __future__ import annotations

import copy
import hashlib
import itertools
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pytest

import s3_utils
import storage.s3
from s3_utils import FolderStore, GcsStore, MissingKey, S3Store, StorageError, Store, TooLarge
from storage.leaving import CHECK, Left
from tests.doubles.gcs import Gcs, start_gcs
from tests.doubles.s3 import Fault, S3Server, start_s3

ROOT = Path(__file__).resolve().parents[1]
T = TypeVar("T")
JSON, WAV = "application/json", "audio/wav"


@pytest.fixture(scope="module")
def running() -> Iterator[S3Server]:
    server = start_s3()
    yield server
    server.stop()


@pytest.fixture
def server(running: S3Server) -> Iterator[S3Server]:
    """The server without the faults and the dialect of the test before."""
    running.faults.clear()
    running.seen.clear()
    yield running
    running.faults.clear()
    running.dialect = "aws"
    running.clock = lambda: datetime.now(UTC)


@pytest.fixture
def connect(server: S3Server) -> Callable[..., S3Store]:
    """A store on an empty bucket; what is named differs from what is right."""
    bucket = f"bucket-{uuid.uuid4().hex}"
    server.create_bucket(bucket)

    def connect(**other: str) -> S3Store:
        right = {"bucket": bucket, "endpoint_url": server.endpoint_url, "region": "us-east-1",
                 "access_key_id": server.access_key_id, "secret_access_key": server.secret_access_key}
        return S3Store(**{**right, **other})  # type: ignore[arg-type]

    return connect


@pytest.fixture(scope="module")
def client(running: S3Server) -> S3Store:
    return S3Store("none", endpoint_url=running.endpoint_url, region="us-east-1",
                   access_key_id=running.access_key_id, secret_access_key=running.secret_access_key)


@pytest.fixture
def s3(server: S3Server, client: S3Store) -> S3Store:
    """A store on an empty bucket. To make its client takes longer than most tests, so they share one."""
    store = copy.copy(client)
    store._bucket = f"bucket-{uuid.uuid4().hex}"
    server.create_bucket(store._bucket)
    return store


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "data")


@pytest.fixture(scope="module")
def google() -> Iterator[Gcs]:
    with start_gcs() as running:
        yield running


@pytest.fixture
def gcs(google: Gcs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GcsStore:
    """A store on an empty bucket, with a service account's key."""
    bucket = f"bucket-{uuid.uuid4().hex}"
    google.buckets[bucket] = {}
    for name, value in google.environ(tmp_path).items():
        monkeypatch.setenv(name, value)
    return GcsStore(bucket, project="test")


@pytest.fixture(params=["s3", "gcs", "folder"])
def store(request: pytest.FixtureRequest) -> Store:
    chosen: Store = request.getfixturevalue(request.param)
    return chosen


def together(count: int, work: Callable[[int], T]) -> list[T]:
    """Runs `work(0..count-1)` in as many threads, which all begin at once."""
    start = threading.Barrier(count)

    def run(number: int) -> T:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def increment(store: Store, key: str) -> None:
    while True:
        data, etag = store.get_with_etag(key)
        if store.put_if_match(key, str(int(data) + 1).encode(), "text/plain", etag) is not None:
            return


def calls_with(store: Store, key: str) -> list[Callable[[], object]]:
    return [lambda: store.put(key, b"", WAV), lambda: store.put_if_absent(key, b"", WAV),
            lambda: store.put_if_match(key, b"", WAV, "0"), lambda: store.get(key), lambda: store.get_with_etag(key),
            lambda: store.head(key), lambda: store.delete(key), lambda: store.presign(key, 60, "a.wav", WAV)]


def keys_of(store: Store, prefix: str, limit: int) -> tuple[list[str], int]:
    """All keys, and the number of pages they came in."""
    keys: list[str] = []
    cursor: str | None = None
    for n_pages in itertools.count(1):
        page = store.list(prefix, limit=limit, cursor=cursor)
        assert len(page.entries) <= limit
        keys += [entry.key for entry in page.entries]
        if page.next_cursor is None:
            return keys, n_pages
        cursor = page.next_cursor
    raise AssertionError


# All stores.

@pytest.mark.parametrize("data", [b"", b"RIFF", os.urandom(3_000_000)], ids=len)
def test_what_is_stored_comes_back_as_it_was(store: Store, data: bytes) -> None:
    key = "uploads/Björk & co/take (1) 100% +2.wav"
    before = datetime.now(UTC) - timedelta(seconds=2)
    etag = store.put(key, data, WAV)
    assert store.get(key) == data
    assert store.get_with_etag(key) == (data, etag)
    head = store.head(key)
    assert head is not None and (head.size, head.etag) == (len(data), etag)
    assert before <= head.last_modified <= datetime.now(UTC) + timedelta(seconds=2)
    entry, = store.list("").entries
    assert (entry.key, entry.size, entry.last_modified) == (key, len(data), head.last_modified)


def test_a_file_is_stored_like_its_bytes(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "take.wav"
    file.write_bytes(os.urandom(100_000))
    assert store.put("output/a.wav", file, WAV) == store.put("output/b.wav", file.read_bytes(), WAV)
    assert store.get("output/a.wav") == file.read_bytes()


def test_an_etag_changes_with_the_content_alone(store: Store) -> None:
    first = store.put("jobs/a.json", b"1", JSON)
    assert store.put("jobs/a.json", b"2", JSON) != first
    assert store.put("jobs/a.json", b"1", JSON) == first == hashlib.md5(b"1").hexdigest()


def test_the_type_of_an_object_is_known(store: Store) -> None:
    store.put("jobs/a.json", b"{}", JSON)
    head = store.head("jobs/a.json")
    assert head is not None and head.content_type == JSON


def test_nothing_is_found_where_nothing_was_stored(store: Store) -> None:
    store.put("jobs/a/b.json", b"{}", JSON)
    for key in ("jobs/b.json", "jobs/a", "jobs/a/b.json/c", "other/a.json"):
        with pytest.raises(MissingKey, match="no such object"):
            store.get(key)
        with pytest.raises(MissingKey):
            store.get_with_etag(key)
        assert store.head(key) is None


def test_what_is_deleted_is_gone_and_may_be_deleted_again(store: Store) -> None:
    store.put("voices/anna.wav", b"RIFF", WAV)
    for _ in range(2):
        store.delete("voices/anna.wav")
        assert store.head("voices/anna.wav") is None
        assert store.list("").entries == ()


def test_an_object_over_the_callers_limit_is_not_read(store: Store) -> None:
    store.put("uploads/big.wav", bytes(1000), WAV)
    assert len(store.get("uploads/big.wav", max_bytes=1000)) == 1000
    with pytest.raises(TooLarge, match="1000 bytes, the most is 999"):
        store.get("uploads/big.wav", max_bytes=999)


def test_a_listing_is_in_the_byte_order_of_keys(store: Store) -> None:
    keys = ["a-b", "a.b", "a/b", "a/c/d", "a0", "A", "é", "z", "\U0001f600", "\uffee", "a/c.d"]
    for key in keys:
        store.put(key, b"", "text/plain")
    expected = sorted(keys, key=str.encode)
    for limit in (1, 3, len(keys), 1000):
        assert keys_of(store, "", limit) == (expected, -(-len(keys) // limit))
    assert keys_of(store, "a/", 2)[0] == ["a/b", "a/c.d", "a/c/d"]
    assert keys_of(store, "a/c", 2)[0] == ["a/c.d", "a/c/d"]
    assert keys_of(store, "../", 2)[0] == keys_of(store, "nothing/", 2)[0] == []
    assert [entry.key for entry in store.list("a", cursor="a.c").entries] == ["a/b", "a/c.d", "a/c/d", "a0"]


def test_a_listing_of_more_than_a_thousand_objects_has_them_all(store: Store) -> None:
    keys = [f"voices/v{number:04d}.wav" for number in range(1003)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: store.put(key, b"", WAV), keys))
    assert keys_of(store, "voices/", 1000) == (keys, 2)
    assert keys_of(store, "voices/", 335) == (keys, 3)
    assert keys_of(store, "voices/", 5000) == (keys, 1)


def test_a_cursor_that_no_page_gave_is_refused(store: Store) -> None:
    for cursor in ("\ud800", "a\0b", "x" * 1025):
        with pytest.raises(StorageError, match="begin again without it"):
            store.list("voices/", cursor=cursor)


def test_one_of_sixteen_writers_creates_an_object(store: Store) -> None:
    etags = together(16, lambda number: store.put_if_absent("jobs/a.json", b"%d" % number, JSON))
    winner, = (number for number, etag in enumerate(etags) if etag is not None)
    assert store.get_with_etag("jobs/a.json") == (b"%d" % winner, etags[winner])


def test_one_of_sixteen_writers_of_the_same_content_creates_it(store: Store) -> None:
    etags = together(16, lambda number: store.put_if_absent("voices/a.txt", b"same", "text/plain"))
    assert sum(etag is not None for etag in etags) == 1


def test_no_increment_by_sixteen_writers_is_lost(store: Store) -> None:
    store.put("jobs/count.txt", b"0", "text/plain")
    together(16, lambda number: increment(store, "jobs/count.txt"))
    assert store.get("jobs/count.txt") == b"16"


def test_a_replacement_needs_the_content_that_was_read(store: Store) -> None:
    first = store.put("jobs/a.json", b"1", JSON)
    second = store.put_if_match("jobs/a.json", b"2", JSON, first)
    assert store.get_with_etag("jobs/a.json") == (b"2", second)
    assert store.put_if_match("jobs/a.json", b"3", JSON, first) is None
    assert store.get("jobs/a.json") == b"2"
    store.delete("jobs/a.json")
    assert store.put_if_match("jobs/a.json", b"3", JSON, first) is None
    assert store.head("jobs/a.json") is None


def test_readers_see_whole_objects_while_they_are_replaced(store: Store) -> None:
    versions = [bytes([letter]) * 1_000_000 for letter in b"ab"]
    store.put("output/a.wav", versions[0], WAV)
    written = threading.Event()

    def write_or_read(number: int) -> set[bytes]:
        seen = set()
        if number == 0:
            for version in versions * 8:
                store.put("output/a.wav", version, WAV)
            written.set()
        while not written.is_set():
            seen.add(store.get("output/a.wav"))
        return seen

    assert set().union(*together(4, write_or_read)) <= set(versions)


BAD_KEYS = ["", "/etc/passwd", "../a", "voices/../../a", "voices/./a", "voices//a", "voices/", ".lock", "a/.b", "..",
            "a\\b", "a\0b", "a\nb", "\ud800", "\u202egpj", "é" * 513]


def test_a_key_that_could_mean_something_else_is_refused_everywhere(store: Store) -> None:
    for call in [call for key in BAD_KEYS for call in calls_with(store, key)]:
        with pytest.raises(StorageError) as caught:
            call()
        assert caught.value.code == "InvalidKey"
    assert store.list("").entries == ()


def test_a_url_lives_a_minute_at_least_and_a_week_at_most(store: Store) -> None:
    store.put("output/my take.wav", b"RIFF", WAV)
    for expires_s in (60, 604_800):
        url = store.presign("output/my take.wav", expires_s, "a.wav", WAV)
        assert urllib.request.urlopen(url).read() == b"RIFF"
    for expires_s in (-1, 0, 59, 604_801):
        with pytest.raises(StorageError, match="60 to 604800"):
            store.presign("output/my take.wav", expires_s, "a.wav", WAV)


def test_the_check_passes_and_leaves_nothing_behind(store: Store) -> None:
    store.check()
    assert store.list("").entries == ()


# Names of what is stored.

def test_every_kind_of_object_has_its_place() -> None:
    assert s3_utils.voice_key("anna", "wav") == "voices/anna.wav"
    assert s3_utils.audio_key("job-1", "mp3") == "output/job-1.mp3"
    assert s3_utils.timing_key("job-1", "srt") == "timings/job-1.srt"
    assert s3_utils.words_key("job-1") == "timings/job-1.words.json"
    assert s3_utils.record_key("a" * 128) == f"jobs/{'a' * 128}.json"


@pytest.mark.parametrize("name", ["", "-a", "_a", "a.b", "a/b", "../a", "a b", "a\n", "é", "а", "%2e", "a" * 129])
def test_a_name_that_is_no_name_makes_no_key(name: str) -> None:
    for make in (s3_utils.record_key, s3_utils.words_key, lambda name: s3_utils.voice_key(name, "wav"),
                 lambda name: s3_utils.audio_key(name, "wav"), lambda name: s3_utils.timing_key(name, "srt")):
        with pytest.raises(ValueError, match="A-Z, a-z, 0-9"):
            make(name)


def test_a_voice_name_has_at_most_64_characters() -> None:
    s3_utils.check_voice_name("a" * 64)
    with pytest.raises(ValueError, match="1 to 64"):
        s3_utils.check_voice_name("a" * 65)


def test_callers_may_name_uploads_and_nothing_else() -> None:
    assert s3_utils.is_upload_key("uploads/2026/take 1.wav")
    for key in ("jobs/a.json", "uploads", "uploads/", "uploads/../jobs/a.json", "/uploads/a", "uploads/.a",
                "uploads/\0"):
        assert not s3_utils.is_upload_key(key)


@pytest.mark.parametrize(("given", "header"), [
    ("take-1.wav", 'filename="take-1.wav"'),
    ("Grüße 😀.srt", "filename=\"Gr__e _.srt\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%F0%9F%98%80.srt"),
    ('a"; filename="b.exe', "filename=\"a__ filename=_b.exe\"; filename*=UTF-8''a%22%3B%20filename%3D%22b.exe"),
    ("../../etc/passwd", 'filename="_.._etc_passwd"'),
    ("a\r\nb", 'filename="a__b"'),
    ("\u202egnp.exe", 'filename="_gnp.exe"'),
    ("...", 'filename="download"'),
    ("", 'filename="download"'),
    ("x" * 500 + ".wav", f'filename="{"x" * 146}.wav"'),
])
def test_a_download_has_the_asked_name_and_no_other_power(given: str, header: str) -> None:
    assert s3_utils.attachment(given) == f"attachment; {header}"


# S3 alone.

def opened(url: str, method: str = "GET", data: bytes | None = None) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, method=method)) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def changed(url: str, path: str | None = None, **fields: str) -> str:
    parts = urlsplit(url)
    query = {**dict(parse_qsl(parts.query)), **{name.replace("_", "-"): value for name, value in fields.items()}}
    return urlunsplit((parts.scheme, parts.netloc, path or parts.path, urlencode(query), ""))


def test_a_signed_url_downloads_with_type_and_file_name(s3: S3Store) -> None:
    s3.put("timings/a.srt", b"1\n", "application/octet-stream")
    url = s3.presign("timings/a.srt", 60, "Grüße.srt", "application/x-subrip; charset=utf-8")
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"1\n"
        assert answer.headers["Content-Type"] == "application/x-subrip; charset=utf-8"
        assert answer.headers["Content-Disposition"] == s3_utils.attachment("Grüße.srt")


def test_a_signed_url_gives_no_other_right(s3: S3Store) -> None:
    s3.put("output/a.wav", b"RIFF", WAV)
    s3.put("jobs/a.json", b"secret", JSON)
    url = s3.presign("output/a.wav", 60, "a.wav", WAV)
    signature = dict(parse_qsl(urlsplit(url).query))["X-Amz-Signature"]
    assert opened(url) == 200
    assert opened(changed(url, X_Amz_Signature=signature[:-1] + ("0" if signature[-1] != "0" else "1"))) == 403
    assert opened(changed(url, path=urlsplit(url).path.replace("output/a.wav", "jobs/a.json"))) == 403
    assert opened(changed(url, X_Amz_Expires="604800")) == 403
    assert opened(changed(url, response_content_type="text/html")) == 403
    assert opened(changed(url, acl="")) == 403
    assert opened(url, "PUT", b"other") == opened(url, "DELETE") == 403
    assert opened(url.partition("?")[0]) == 403
    assert s3.get("output/a.wav") == b"RIFF"


def test_a_signed_url_expires(s3: S3Store, server: S3Server) -> None:
    s3.put("output/a.wav", b"RIFF", WAV)
    url = s3.presign("output/a.wav", 60, "a.wav", WAV)
    server.clock = lambda: datetime.now(UTC) + timedelta(seconds=50)
    assert opened(url) == 200
    server.clock = lambda: datetime.now(UTC) + timedelta(seconds=62)
    assert opened(url) == 403


@pytest.mark.parametrize(("region", "host"), [
    ("us-east-1", "voices.s3.amazonaws.com"), ("eu-west-1", "voices.s3.eu-west-1.amazonaws.com")])
def test_without_an_endpoint_the_bucket_is_amazons_own_host(region: str, host: str) -> None:
    store = S3Store("voices", endpoint_url=None, region=region, access_key_id="a", secret_access_key="b")
    assert urlsplit(store.presign("a.wav", 60, "a.wav", WAV)).hostname == host


def refusal_of(store: S3Store) -> StorageError:
    """What `check` says; none of it may lead to the bucket."""
    with pytest.raises(StorageError) as caught:
        store.check()
    told = "".join(traceback.format_exception(caught.value, limit=0))
    for secret in ("AKIA", "nowhere", "secret-that", "127.0.0.1", "http", "bucket-", "probe", "jobs/"):
        assert secret not in told
    return caught.value


@pytest.mark.parametrize(("wrong", "code", "advice"), [
    ({"secret_access_key": "nowhere/nowhere"}, "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY is not the secret"),
    ({"access_key_id": "AKIANOWHERE"}, "InvalidAccessKeyId", "check AWS_ACCESS_KEY_ID"),
    ({"bucket": "bucket-nowhere"}, "NoSuchBucket", "check S3_BUCKET"),
    ({"bucket": "bucket nowhere!"}, "ParamValidationError", "check S3_BUCKET"),
    ({"endpoint_url": "http://127.0.0.1:9"}, "EndpointConnectionError", "check AWS_ENDPOINT_URL"),
])
def test_wrong_settings_are_told_by_name(connect: Callable[..., S3Store], wrong: dict[str, str], code: str,
                                         advice: str) -> None:
    refusal = refusal_of(connect(**wrong))
    assert refusal.code == code and advice in str(refusal)


@pytest.mark.parametrize("wrong", [{"endpoint_url": "s3.example.com"}, {"region": "us east"}])
def test_settings_that_make_no_sense_are_refused_at_once(connect: Callable[..., S3Store],
                                                         wrong: dict[str, str]) -> None:
    with pytest.raises(StorageError, match="AWS_ENDPOINT_URL is a URL"):
        connect(**wrong)


def test_an_endpoint_that_has_the_bucket_in_it_is_told(connect: Callable[..., S3Store], s3: S3Store, server: S3Server,
                                                       ) -> None:
    refusal = refusal_of(connect(bucket=s3._bucket, endpoint_url=f"{server.endpoint_url}/{s3._bucket}"))
    assert refusal.code == "InvalidConfiguration" and "without the bucket's name" in str(refusal)


def test_a_wrong_clock_is_told(s3: S3Store, server: S3Server) -> None:
    server.faults.append(Fault("skew", skew_s=-3600))
    refusal = refusal_of(s3)
    assert refusal.code == "RequestTimeTooSkewed" and "clock of this machine" in str(refusal)


def test_a_web_page_is_not_taken_for_a_store(connect: Callable[..., S3Store]) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_any(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>Sign in</html>")

        do_GET = do_PUT = do_any

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as page:
        threading.Thread(target=page.serve_forever, args=(0.05,)).start()
        store = connect(endpoint_url=f"http://127.0.0.1:{page.server_address[1]}")
        assert refusal_of(store).code == "NotS3"
        with pytest.raises(StorageError, match="no S3 service"):
            store.list("voices/")
        page.shutdown()


FAULTS = [Fault("error", status=500, times=2), Fault("error", status=503, code="SlowDown"), Fault("reset", times=2),
          Fault("error", status=502, code="BadGateway")]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind}-{fault.status}")
def test_what_may_pass_is_tried_again(s3: S3Store, server: S3Server, tmp_path: Path, fault: Fault) -> None:
    file = tmp_path / "a.wav"
    file.write_bytes(os.urandom(2_000_000))
    calls: list[Callable[[], object]] = [
        lambda: s3.put("a.wav", file, WAV), lambda: s3.get("a.wav"), lambda: s3.head("a.wav"), lambda: s3.list("a"),
        lambda: s3.delete("b.wav")]
    for call in calls:
        server.faults[:] = [Fault(**vars(fault))]
        call()
        assert server.faults[0].times == 0
    assert s3.get("a.wav") == file.read_bytes()


@pytest.mark.parametrize(("fault", "code", "advice"), [
    (Fault("error", status=500, times=99), "InternalError", "failing; try again later"),
    (Fault("error", status=503, code="SlowDown", times=99), "SlowDown", "overloaded"),
    (Fault("reset", times=99), "ConnectionClosedError", "connection to the storage broke"),
])
def test_what_does_not_pass_is_given_up(s3: S3Store, server: S3Server, fault: Fault, code: str, advice: str,
                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)
    server.faults[:] = [Fault(**vars(fault))]
    with pytest.raises(StorageError, match=advice) as caught:
        s3.get("a.wav")
    assert caught.value.code == code
    assert len(server.attempts("GET", "a.wav")) == storage.s3.ATTEMPTS


def test_what_cannot_pass_is_not_tried_again(s3: S3Store, server: S3Server) -> None:
    server.faults.append(Fault("error", status=403, code="AccessDenied"))
    with pytest.raises(StorageError, match="needs to read, write, list and delete") as caught:
        s3.put("a.wav", b"", WAV)
    assert caught.value.code == "AccessDenied"
    assert server.attempts("PUT", "a.wav") == [403]


def test_a_code_that_is_no_code_is_not_repeated(s3: S3Store, server: S3Server) -> None:
    server.faults.append(Fault("error", status=400, code="see http://10.0.0.1/ for AKIA"))
    with pytest.raises(StorageError, match=r"^the storage refused the request \(400\)$"):
        s3.put("a.wav", b"", WAV)


def test_a_body_that_falls_silent_is_asked_for_again(connect: Callable[..., S3Store], server: S3Server,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.s3.READ_TIMEOUT_S", 0.3)
    s3 = connect()
    data = os.urandom(100_000)
    s3.put("a.wav", data, WAV)
    server.faults.append(Fault("stall", "GET", "a.wav", times=2))
    assert s3.get("a.wav") == data
    server.faults.append(Fault("stall", "GET", "a.wav", times=99))
    with pytest.raises(StorageError, match="did not answer in time"):
        s3.get("a.wav")
    assert len(server.attempts("GET", "a.wav")) == 3 + storage.s3.ATTEMPTS


@pytest.mark.parametrize("fault", [Fault("reset", "PUT", after_work=True), Fault("error", "PUT", after_work=True),
                                   Fault("error", "PUT", after_work=True, times=3)], ids=["reset", "500", "3 x 500"])
def test_a_conditional_write_whose_answer_was_lost_has_succeeded(s3: S3Store, server: S3Server, fault: Fault) -> None:
    server.faults[:] = [Fault(**vars(fault))]
    first = s3.put_if_absent("jobs/a.json", b"1", JSON)
    assert server.attempts("PUT", "jobs/a.json")[-1] == 412
    assert s3.get_with_etag("jobs/a.json") == (b"1", first)
    server.faults[:] = [Fault(**vars(fault))]
    second = s3.put_if_match("jobs/a.json", b"2", JSON, first or "")
    assert server.attempts("PUT", "jobs/a.json")[-1] == 412
    assert s3.get_with_etag("jobs/a.json") == (b"2", second)


def test_another_writers_equal_content_is_not_taken_for_ones_own(s3: S3Store, server: S3Server) -> None:
    etag = s3.put_if_absent("jobs/a.json", b"1", JSON)
    server.faults.append(Fault("error", "PUT"))
    assert s3.put_if_absent("jobs/a.json", b"1", JSON) is None
    s3.put_if_match("jobs/a.json", b"2", JSON, etag or "")
    server.faults.append(Fault("error", "PUT"))
    assert s3.put_if_match("jobs/a.json", b"2", JSON, etag or "") is None


def test_a_write_beside_a_delete_is_tried_again(s3: S3Store, server: S3Server) -> None:
    server.faults.append(Fault("error", "PUT", status=409, code="ConditionalRequestConflict", times=2))
    assert s3.put_if_absent("jobs/a.json", b"1", JSON) is not None
    server.faults.append(Fault("error", "PUT", status=409, code="ConditionalRequestConflict", times=99))
    with pytest.raises(StorageError, match="ConditionalRequestConflict"):
        s3.put_if_absent("jobs/b.json", b"1", JSON)


def test_a_conditional_write_that_is_refused_is_an_error_that_says_so(s3: S3Store, server: S3Server) -> None:
    server.dialect = "b2"
    etag = s3.put("jobs/a.json", b"1", JSON)
    for write in (lambda: s3.put_if_absent("jobs/b.json", b"1", JSON),
                  lambda: s3.put_if_match("jobs/a.json", b"1", JSON, etag)):
        with pytest.raises(StorageError, match="lacks conditional writes") as caught:
            write()
        assert caught.value.code == "NotImplemented"


@pytest.mark.parametrize("dialect", ["b2", "deaf"])
def test_a_service_without_conditional_writes_is_used_by_looking_first_and_warned_of(
        s3: S3Store, server: S3Server, dialect: str) -> None:
    server.dialect = dialect  # type: ignore[assignment]
    assert s3.warning is None
    s3.check()
    assert "two workers" in (s3.warning or "")
    assert s3.list("").entries == ()
    etag = s3.put_if_absent("jobs/a.json", b"1", JSON)
    assert etag is not None
    assert s3.put_if_absent("jobs/a.json", b"2", JSON) is None
    newer = s3.put_if_match("jobs/a.json", b"3", JSON, etag)
    assert newer is not None
    assert s3.put_if_match("jobs/a.json", b"4", JSON, etag) is None
    assert s3.get("jobs/a.json") == b"3"


@pytest.mark.parametrize("dialect", ["r2", "ceph"])
def test_services_that_disagree_on_quotes_are_both_understood(s3: S3Store, server: S3Server,
                                                              dialect: str) -> None:
    server.dialect = dialect  # type: ignore[assignment]
    s3.check()
    etag = s3.put("jobs/count.txt", b"0", "text/plain")
    together(8, lambda number: increment(s3, "jobs/count.txt"))
    assert s3.get("jobs/count.txt") == b"8"
    assert s3.put_if_match("jobs/count.txt", b"0", "text/plain", etag) is None


def test_no_checksum_is_sent_that_b2_and_r2_would_refuse(s3: S3Store, server: S3Server) -> None:
    s3.put("a.wav", b"RIFF", WAV)
    s3.put_if_absent("b.wav", b"RIFF", WAV)
    s3.get("a.wav")
    sent = {name for seen in server.seen for name in seen.headers}
    assert "x-amz-content-sha256" in sent
    assert not {name for name in sent if "checksum" in name or name == "x-amz-trailer"}


# The folder alone.

def python(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", f"from pathlib import Path; {code}", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


def test_a_folder_does_not_load_the_s3_client(tmp_path: Path) -> None:
    code = "import sys; from s3_utils import *; FolderStore(Path(sys.argv[1])).check(); print('boto3' in sys.modules)"
    assert python(code, tmp_path).communicate()[0] == b"False\n"


def test_no_increment_by_four_processes_is_lost(folder: FolderStore, tmp_path: Path) -> None:
    folder.put("jobs/count.txt", b"0", "text/plain")
    code = ("import sys; from s3_utils import *; store, left = FolderStore(Path(sys.argv[1])), 25\n"
            "while left:\n"
            "    data, etag = store.get_with_etag('jobs/count.txt')\n"
            "    left -= store.put_if_match('jobs/count.txt', b'%d' % (int(data) + 1), 'text/plain', etag) is not None")
    assert [process.wait() for process in [python(code, tmp_path / "data") for _ in range(4)]] == [0] * 4
    assert folder.get("jobs/count.txt") == b"100"


def test_a_writer_killed_at_any_time_leaves_a_whole_object(folder: FolderStore, tmp_path: Path) -> None:
    code = ("import sys; from s3_utils import *; store = FolderStore(Path(sys.argv[1]))\n"
            "while True:\n"
            "    for letter in b'ab': store.put('output/a.wav', bytes([letter]) * 30_000_000, 'audio/wav'); "
            "print(flush=True)")
    for n_writes in range(1, 4):
        process = python(code, tmp_path / "data")
        assert process.stdout is not None
        for _ in range(n_writes):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        data = folder.get("output/a.wav")
        assert data in (b"a" * 30_000_000, b"b" * 30_000_000)
        assert [entry.key for entry in folder.list("").entries] == ["output/a.wav"]
    assert folder.put_if_absent("output/a.wav", b"", WAV) is None


def test_what_killed_writers_left_is_gone_an_hour_later_and_what_is_being_written_stays(folder: FolderStore,
                                                                                        tmp_path: Path) -> None:
    folder.put("output/a.wav", b"a", WAV)
    left, growing = (tmp_path / f"data/output/.{letter * 32}.part" for letter in "ab")
    for draft in (left, growing):
        draft.write_bytes(b"half")
    os.utime(left, (time.time() - 3700,) * 2)
    os.utime(tmp_path / "data/output/a.wav", (time.time() - 3700,) * 2)
    folder.check()
    assert not left.exists()
    assert growing.exists() and folder.get("output/a.wav") == b"a"


def test_a_write_that_does_not_fit_leaves_what_was_there(folder: FolderStore, tmp_path: Path) -> None:
    folder.put("output/a.wav", b"RIFF", WAV)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StorageError, match="the local store failed") as caught:
            folder.put("output/a.wav", bytes(1_000_000), WAV)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.code == "EFBIG" and str(tmp_path) not in str(caught.value)
    assert folder.get("output/a.wav") == b"RIFF"
    assert {path.name for path in (tmp_path / "data").rglob("*") if path.is_file()} == {".lock", "a.wav"}


def test_links_are_not_followed_out_of_the_folder(folder: FolderStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.wav").write_bytes(b"secret")
    folder.put("voices/a.wav", b"RIFF", WAV)
    (tmp_path / "data/voices/link.wav").symlink_to(outside / "secret.wav")
    (tmp_path / "data/uploads").symlink_to(outside)
    for key in ("voices/link.wav", "uploads/secret.wav", "uploads/new/file.wav"):
        for call in calls_with(folder, key):
            with pytest.raises(StorageError, match="does not follow links"):
                call()
    assert [entry.key for entry in folder.list("").entries] == ["voices/a.wav"]
    assert [(path.name, path.read_bytes()) for path in outside.iterdir()] == [("secret.wav", b"secret")]


def test_a_key_that_runs_through_a_file_cannot_be_written(folder: FolderStore) -> None:
    folder.put("voices/a", b"RIFF", WAV)
    for key in ("voices/a/b", "voices"):
        with pytest.raises(StorageError) as caught:
            folder.put(key, b"", WAV)
        assert not isinstance(caught.value, MissingKey)
    assert folder.get("voices/a") == b"RIFF"


# What a job that must not be lost does about a failing store.

class Flaky:
    """A store whose next `n_failures` calls fail, after they were carried out where `after` says so."""

    def __init__(self, store: FolderStore, n_failures: int, after: bool = False, transient: bool = True) -> None:
        self._store, self.n_left, self._after, self._transient = store, n_failures, after, transient
        self.warning = None

    def __getattr__(self, name: str) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            answer = getattr(self._store, name)(*arguments) if self._after or not self.n_left else None
            if self.n_left:
                self.n_left -= 1
                raise StorageError("the storage is failing; try again later", "500", transient=self._transient)
            return answer
        return call


def test_an_insistent_store_tries_again_what_may_pass(folder: FolderStore) -> None:
    store = s3_utils.Insistent(Flaky(folder, 3), lambda: None)  # type: ignore[arg-type]
    assert store.put("output/a.wav", b"RIFF", WAV) == folder.get_with_etag("output/a.wav")[1]
    lasting = Flaky(folder, 1, transient=False)
    with pytest.raises(StorageError):
        s3_utils.Insistent(lasting, lambda: None).get("output/a.wav")  # type: ignore[arg-type]
    assert lasting.n_left == 0


def test_an_insistent_store_knows_its_own_write_again(folder: FolderStore) -> None:
    first = s3_utils.Insistent(Flaky(folder, 1, after=True), lambda: None)  # type: ignore[arg-type]
    etag = first.put_if_absent("jobs/a.json", b"mine", JSON)
    assert etag is not None
    second = s3_utils.Insistent(Flaky(folder, 1, after=True), lambda: None)  # type: ignore[arg-type]
    assert second.put_if_match("jobs/a.json", b"mine too", JSON, etag) == folder.get_with_etag("jobs/a.json")[1]
    third = s3_utils.Insistent(Flaky(folder, 1), lambda: None)  # type: ignore[arg-type]
    assert third.put_if_absent("jobs/a.json", b"another's", JSON) is None


def test_an_insistent_store_ends_with_the_storages_error_when_there_is_no_time_left(folder: FolderStore) -> None:
    class Cancelled(Exception):
        pass

    for stop, raised in ((s3_utils.OutOfTime, StorageError), (Cancelled, Cancelled)):
        ends = time.monotonic() + 0.5

        def check(stop: type[Exception] = stop, ends: float = ends) -> None:
            if time.monotonic() > ends:
                raise stop

        with pytest.raises(raised):
            s3_utils.Insistent(Flaky(folder, 1000), check).get("a")  # type: ignore[arg-type]
        assert time.monotonic() < ends + 2


def test_a_session_token_goes_with_every_request(server: S3Server) -> None:
    server.create_bucket("with-token")
    store = S3Store("with-token", endpoint_url=server.endpoint_url, region="us-east-1",
                    access_key_id=server.access_key_id, secret_access_key=server.secret_access_key,
                    session_token="a-token")
    store.put("output/a.wav", b"RIFF", WAV)
    assert server.seen[-1].headers["x-amz-security-token"] == "a-token"
    assert "X-Amz-Security-Token=a-token" in store.presign("output/a.wav", 60, "a.wav", WAV)


class Ended(Exception):
    """What a job's check raises."""


def slow_reader(listener: socket.socket) -> None:
    """Takes an upload as a thin line does: 64 KB each tenth of a second."""
    with listener.accept()[0] as connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        with suppress(OSError):
            while connection.recv(1 << 16):
                time.sleep(0.1)


def test_a_deadline_that_comes_while_botocore_tries_again_is_the_failure_of_the_storage(
        server: S3Server, s3: S3Store) -> None:
    """The first attempt fails at the storage; the body of a later one is not sent any more."""
    server.faults.append(Fault("error", status=503, code="SlowDown", method="PUT", times=99))

    def check() -> None:
        if server.faults[0].times < 98:  # who sends the second has had the answer to the first
            raise s3_utils.OutOfTime

    with pytest.raises(StorageError, match="try again later"):
        s3_utils.Insistent(s3, check).put("output/a.wav", b"RIFF", WAV)


def test_a_slow_upload_ends_with_its_job(tmp_path: Path) -> None:
    def check() -> None:
        if time.monotonic() - began > 1.0:
            raise Ended

    (tmp_path / "large").write_bytes(bytes(20_000_000))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=slow_reader, args=(listener,), daemon=True).start()
        thin = S3Store("bucket", endpoint_url=f"http://127.0.0.1:{listener.getsockname()[1]}", region="us-east-1",
                       access_key_id="a", secret_access_key="b")
        began = time.monotonic()
        with pytest.raises(Ended):
            s3_utils.Insistent(thin, check).put("output/a.wav", tmp_path / "large", WAV)
    assert 0.9 < time.monotonic() - began < 5


def test_a_transfer_that_is_left_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    left = [3]

    def check() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Left

    (tmp_path / "large").write_bytes(bytes(5_000_000))
    token = CHECK.set(check)
    try:
        with pytest.raises(Left):
            store.put("output/a.wav", tmp_path / "large", WAV)
    finally:
        CHECK.reset(token)
    assert store.list("output/").entries == ()
    store.put("output/b.wav", tmp_path / "large", WAV)
    assert len(s3_utils.Insistent(store, lambda: None).get("output/b.wav")) == 5_000_000
