"""Webhooks against a receiver on loopback that verifies them as standardwebhooks.com says."""
from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from intake import net
from tests.transcription.serving import NATURE, finished, nature, serve, submit, wait_until
from transcription.jobs import webhooks
from transcription.jobs.record import Job
from transcription.jobs.sqlite import SqliteJobs
from transcription.settings import Settings, SettingsError

SECRET = secrets.token_bytes(32)
WHSEC = "whsec_" + base64.b64encode(SECRET).decode()


@dataclass
class Receiver:
    url: str = ""
    authority: str = ""
    statuses: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers_after_s: float = 0.0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            time.sleep(made.answers_after_s)
            self.send_response(made.statuses.pop(0) if made.statuses else 200)
            self.send_header("Location", made.url)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made.authority = f"127.0.0.1:{server.server_address[1]}"
    made.url = f"http://{made.authority}/hook?token=secret"
    yield made
    server.shutdown()
    server.server_close()


def verify(headers: dict[str, str], body: bytes) -> bool:
    """As the specification's receivers do."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    return f"v1,{expected}" in headers["webhook-signature"].split() and abs(
        int(headers["webhook-timestamp"]) - time.time()) < 300


def test_the_end_of_a_job_is_told_signed_and_without_its_text(tmp_path: Path, receiver: Receiver) -> None:
    with serve(tmp_path, WEBHOOK_SECRET=WHSEC, URL_ALLOW_HOSTS="127.0.0.1") as served, served.client() as client:
        job_id = submit(client, nature(), initial_transcript=NATURE, callback_url=receiver.url)["job_id"]
        finished(client, job_id)
        wait_until(lambda: receiver.got, 10)
        time.sleep(1.5)
        (headers, body), = receiver.got
        assert verify(headers, body)
        assert not verify(headers, body + b" ")
        event = json.loads(body)
        assert (event["type"], event["data"]["job_id"]) == ("job.completed", job_id)
        assert b"mother" not in body
        assert "token=secret" not in served.log_path.read_text()


def test_a_callback_that_would_never_be_sent_is_refused_at_once(tmp_path: Path, receiver: Receiver) -> None:
    urls = ["http://10.0.0.7/done", "http://[::1]/", "https://u:p@example.com/", "https://example.com:99/",
            receiver.url.replace("127.0.0.1", "127.0.0.2")]
    with serve(tmp_path, WEBHOOK_SECRET=WHSEC, URL_ALLOW_HOSTS="127.0.0.1") as served, served.client() as client:
        for url in urls:
            answer = client.post("/api/v1/jobs/upload", data={"callback_url": url},
                                 files={"audio_file": ("a.wav", nature())})
            assert (answer.status_code, answer.json()["details"]["field"]) == (422, "callback_url"), url
        assert client.get("/api/v1/jobs/").json()["jobs"] == []


def due(tmp_path: Path, url: str) -> SqliteJobs:
    jobs = SqliteJobs(tmp_path / "jobs.sqlite3")
    jobs.create(Job("a", "anna", {}, callback={"url": url, "attempts": 0}))
    jobs.update("a", Job.cancelled)
    return jobs


def test_what_is_not_taken_is_sent_again_with_the_same_id_and_given_up_at_last(
        tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "DELAYS_S", (0.0, 0.0))
    settings = Settings(data_dir=tmp_path, url_allow_hosts=frozenset({receiver.authority}))
    jobs = due(tmp_path, receiver.url)
    receiver.statuses = [500, 302, 404, 500]
    for _ in range(5):
        webhooks.deliver_due(jobs, settings, SECRET)
    assert len(receiver.got) == 3
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    job = jobs.get("a")
    assert job is not None
    assert job.callback == {}


def test_one_that_is_taken_is_not_sent_again(tmp_path: Path, receiver: Receiver) -> None:
    settings = Settings(data_dir=tmp_path, url_allow_hosts=frozenset({receiver.authority}))
    jobs = due(tmp_path, receiver.url)
    assert [webhooks.deliver_due(jobs, settings, SECRET) for _ in range(2)] == [1, 0]
    assert len(receiver.got) == 1


def test_receivers_that_answer_late_do_not_wait_for_each_other(tmp_path: Path, receiver: Receiver) -> None:
    settings = Settings(data_dir=tmp_path, url_allow_hosts=frozenset({receiver.authority}))
    jobs = due(tmp_path, receiver.url)
    for name in "bcdefgh":
        jobs.create(Job(name, "anna", {}, callback={"url": receiver.url, "attempts": 0}))
        jobs.update(name, Job.cancelled)
    receiver.answers_after_s = 1.0
    began = time.monotonic()
    assert webhooks.deliver_due(jobs, settings, SECRET) == 8
    assert time.monotonic() - began < 4
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 8


def test_a_webhook_does_not_reach_inside(tmp_path: Path, receiver: Receiver) -> None:
    jobs = due(tmp_path, receiver.url)
    webhooks.deliver_due(jobs, Settings(data_dir=tmp_path), SECRET)
    assert receiver.got == []
    job = jobs.get("a")
    assert job is not None
    assert job.callback["due_at"] > time.time()
    with pytest.raises(net.BlockedUrl):
        net.post("http://169.254.169.254/", b"", {}, deadline_s=2, allow_hosts=frozenset())


@pytest.mark.parametrize("secret", ["whsec_", "whsec_!!!", "whsec_" + base64.b64encode(b"short").decode()])
def test_a_secret_that_is_none_stops_the_start(secret: str) -> None:
    with pytest.raises(SettingsError, match="WEBHOOK_SECRET"):
        webhooks.secret_of(Settings.from_env({"WEBHOOK_SECRET": secret}))
