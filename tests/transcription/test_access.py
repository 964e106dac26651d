"""Keys: what is kept of them, what they may see, from where and how often."""
from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.transcription.conftest import Keyed
from tests.transcription.serving import NATURE, ROOT, finished, nature, serve, submit
from transcription.errors import ApiError
from transcription.jobs import keys
from transcription.jobs.keys import Keyring, RateLimit
from transcription.settings import Settings, SettingsError


def test_a_job_of_one_key_cannot_be_seen_listed_cancelled_or_fetched_by_another(
        keyed: Keyed) -> None:
    served, key_of = keyed
    with served.client(key_of["anna"]) as anna, served.client(key_of["ben"]) as ben:
        job_id = submit(anna, nature(), initial_transcript=NATURE, headers={"Idempotency-Key": "k"})["job_id"]
        for answer in (ben.get(f"/api/v1/jobs/{job_id}"), ben.get(f"/api/v1/jobs/{job_id}/result"),
                       ben.delete(f"/api/v1/jobs/{job_id}")):
            assert (answer.status_code, answer.json()["error_code"]) == (404, "VALIDATION_NOT_FOUND")
            assert answer.json()["error"] == ben.get(f"/api/v1/jobs/{job_id}").json()["error"]
        assert ben.get("/api/v1/jobs/").json()["jobs"] == []
        assert submit(ben, nature(), initial_transcript=NATURE, headers={"Idempotency-Key": "k"})["job_id"] != job_id
        assert finished(anna, job_id)["status"] == "completed"
        assert [job["job_id"] for job in anna.get("/api/v1/jobs/").json()["jobs"]] == [job_id]


@pytest.mark.parametrize("path", ["/api/v1/jobs/", "/api/v1/metrics/", "/metrics", "/health/detailed", "/v1/models"])
def test_without_a_key_nothing_but_health_is_answered(keyed: Keyed, path: str) -> None:
    served, key_of = keyed
    with served.client() as nobody, served.client("wx_wrong") as stranger, served.client(key_of["anna"]) as anna:
        missing, wrong = nobody.get(path), stranger.get(path)
        assert (missing.status_code, wrong.status_code, anna.get(path).status_code) == (401, 403, 200)
        assert missing.headers["www-authenticate"] == "Bearer"
        assert nobody.get("/health/live").status_code == 200
    assert httpx.get(served.url + path, headers={"X-API-Key": key_of["anna"]}).status_code == 200


def test_the_body_of_a_stranger_is_not_read(keyed: Keyed) -> None:
    served, _ = keyed
    host, port = served.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as stranger:
        stranger.sendall(b"POST /api/v1/jobs/upload HTTP/1.1\r\nHost: a\r\nContent-Length: 7000000\r\n"
                         b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n")
        assert stranger.recv(100).startswith(b"HTTP/1.1 401")


def test_neither_file_nor_log_holds_a_key(keyed: Keyed) -> None:
    served, key_of = keyed
    for path in (served.data.parent / "keys.json", served.log_path):
        assert not [name for name, key in key_of.items() if key in path.read_text()]
    assert hashlib.sha256(key_of["anna"].encode()).hexdigest() in (served.data.parent / "keys.json").read_text()


def test_pages_of_named_origins_alone_may_call(keyed: Keyed) -> None:
    served, _ = keyed
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    url = f"{served.url}/api/v1/jobs/upload"
    allowed = httpx.options(url, headers={"Origin": "https://app.example", **ask})
    assert allowed.headers["access-control-allow-origin"] == "https://app.example"
    other = httpx.options(url, headers={"Origin": "https://evil.example", **ask})
    assert "access-control-allow-origin" not in other.headers


def test_a_key_is_rotated_without_losing_its_jobs(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    old, new = keys.add(path, "anna"), keys.add(path, "anna")
    ring = Keyring(path)
    assert ring.caller(f"Bearer {old}", "1.2.3.4").owner == ring.caller(new, "1.2.3.4").owner == "anna"
    assert keys.remove(path, keys.hash_of(old)[:12]) == 1
    with pytest.raises(ApiError, match="not known"):
        ring.caller(old, "1.2.3.4")
    assert ring.caller(new, "1.2.3.4").owner == "anna"


def test_a_key_may_be_bound_to_networks(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key = keys.add(path, "anna", addresses=["10.1.0.0/16", "2001:db8::/32"])
    ring = Keyring(path)
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1"):
        assert ring.caller(key, address).owner == "anna"
    for address in ("10.2.0.1", "2001:db9::1", "testclient", ""):
        with pytest.raises(ApiError) as refused:
            ring.caller(key, address)
        assert refused.value.code == "AUTHENTICATION_ADDRESS"


def test_a_burst_is_let_through_then_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("transcription.jobs.keys.time.monotonic", lambda: now[0])
    limit = RateLimit()
    assert [limit.take("a", 3) for _ in range(3)] == [0.0] * 3
    assert limit.take("a", 3) == pytest.approx(20)
    assert limit.take("b", 3) == 0.0
    now[0] += 20
    assert limit.take("a", 3) == 0.0
    assert limit.take("a", 3) > 0
    assert limit.take("a", 0) == 0.0


def test_who_submits_too_often_or_too_much_is_told_to_wait(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    fast, big = keys.add(path, "fast", rate_per_minute=2), keys.add(path, "big", hours_per_day=0.0001)
    with serve(tmp_path, API_KEYS_FILE=str(path)) as served:
        with served.client(fast) as client:
            answers = [client.post("/api/v1/jobs/upload", files={"audio_file": nature()},
                                   data={"initial_transcript": NATURE}) for _ in range(3)]
            assert [answer.status_code for answer in answers] == [202, 202, 429]
            assert answers[2].json()["error_code"] == "VALIDATION_RATE_LIMIT"
            assert 1 <= int(answers[2].headers["retry-after"]) <= 30
            assert client.get("/api/v1/jobs/").status_code == 200
        with served.client(big) as client:
            job_id = submit(client, nature(), initial_transcript=NATURE)["job_id"]
            finished(client, job_id)
            assert client.delete(f"/api/v1/jobs/{job_id}").json()["status"] == "deleted"
            answer = client.post("/api/v1/jobs/upload", files={"audio_file": nature()})
            assert (answer.status_code, answer.json()["error_code"]) == (429, "VALIDATION_QUOTA")


def command(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run([sys.executable, str(ROOT / "cli.py"), "whisperx-api", *arguments], capture_output=True,
                          text=True, timeout=60, env={**os.environ, **environ}, cwd=ROOT)


def test_keys_are_made_listed_and_removed_by_the_command(tmp_path: Path) -> None:
    path = str(tmp_path / "keys.json")
    made = command("add-key", "anna", "--rate-per-minute", "5", "--address", "10.0.0.0/8", API_KEYS_FILE=path)
    key = made.stdout.strip()
    assert key.startswith("wx_")
    stored, = json.loads(Path(path).read_text())
    assert stored == {"name": "anna", "sha256": keys.hash_of(key), "rate_per_minute": 5, "addresses": ["10.0.0.0/8"]}
    listed = command("list-keys", API_KEYS_FILE=path).stdout.split()
    assert listed[0] == "anna"
    assert command("remove-key", listed[1], API_KEYS_FILE=path).stdout == "1 removed\n"
    assert json.loads(Path(path).read_text()) == []
    assert command("add-key", "../x", API_KEYS_FILE=path).returncode == 1


def test_without_keys_only_this_machine_is_served() -> None:
    refused = command("--host", "0.0.0.0")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "API_KEYS_FILE" in refused.stderr


def test_a_port_and_a_folder_that_cannot_be_are_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = command("--port", "0", DATA_DIR=str(tmp_path / "file" / "data"))
    assert refused.returncode == 2 and refused.stderr.endswith("--port: 0 is none, they go from 1 to 65535\n")
    refused = command(DATA_DIR=str(tmp_path / "file" / "data"))
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith("error: ") and "Traceback" not in refused.stderr


@pytest.mark.parametrize(("environ", "named"), [
    ({"ASR_ENGINE": "siri"}, "ASR_ENGINE"), ({"WORKERS": "-1"}, "WORKERS"), ({"DEVICE": "tpu"}, "DEVICE"),
    ({"MAX_UPLOAD_MB": "many"}, "MAX_UPLOAD_MB"), ({"S3_BUCKET": "b"}, "AWS_ACCESS_KEY_ID"),
])
def test_a_setting_that_makes_no_sense_stops_the_start_by_name(environ: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        Settings.from_env(environ)


def test_a_worker_gets_the_settings_of_its_service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made = Settings.from_env({"DATA_DIR": str(tmp_path), "CORS_ORIGINS": "https://b,https://a", "LEASE_S": "3",
                              "WEBHOOK_SECRET": "whsec_x", "ALLOW_ANONYMOUS": "true"})
    assert Settings.from_env(made.child_environ()) == made
