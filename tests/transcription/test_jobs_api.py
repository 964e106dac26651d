"""The jobs API as it is deployed: real processes, real recordings, the embedded recogniser."""
from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
import srt
import webvtt

from captions import WRITERS
from tests.doubles.host import start_host
from tests.intake.test_audio import PLAYLISTS_AND_PAGES, raw_wav, tone, wav
from tests.transcription.serving import NATURE, Served, finished, long_wav, nature, submit, wait_until

WORDS = NATURE.split()


@pytest.fixture(scope="module")
def served(plain: Served) -> Served:
    return plain


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client() as made:
        yield made


def result(client: httpx.Client, job_id: str, name: str) -> str:
    answer = client.get(f"/api/v1/jobs/{job_id}/result", params={"format": name})
    assert answer.status_code == 200, answer.text
    return answer.text


def test_a_recording_comes_back_as_words_with_times_and_says_who_recognised_them(client: httpx.Client) -> None:
    human = Path(__file__).resolve().parents[3] / "shared/speech/mary.wav"
    data = human.read_bytes() if human.is_file() else nature()
    job = finished(client, submit(client, data)["job_id"])
    assert (job["status"], job["engine"], job["progress"], job["current_stage"]) == (
        "completed", "pocketsphinx", 1.0, "done")
    answer = job["result"]
    assert answer["word_segments"]
    assert " ".join(word["word"] for word in answer["word_segments"]) == answer["text"]
    ends = [0.0]
    for word in answer["word_segments"]:
        assert ends[-1] <= word["start"] < word["end"] <= answer["duration"]
        ends.append(word["end"])
    assert any("accuracy is modest" in warning for warning in job["warnings"])
    assert any("English is assumed" in warning for warning in job["warnings"])


GIVEN = {
    "text": NATURE,
    "json text": json.dumps({"text": NATURE}),
    "json segments": json.dumps({"segments": [{"start": 0, "end": 1, "text": "Some call me nature,"},
                                              {"start": 1, "end": 3, "text": "others call me mother nature."}]}),
    "srt": "1\n00:00:00,000 --> 00:00:01,000\nSome call me nature,\n\n2\n00:00:01,000 --> 00:00:03,000\n"
           "others call me\nmother nature.\n",
    "vtt": f"WEBVTT\n\n00:00.000 --> 00:03.000\n<v Anna>{NATURE}\n",
}


@pytest.mark.parametrize("kind", GIVEN)
def test_words_of_a_given_transcript_come_back_unchanged(client: httpx.Client, kind: str) -> None:
    job = finished(client, submit(client, nature(), initial_transcript=GIVEN[kind], language="en")["job_id"])
    assert [word["word"] for word in job["result"]["word_segments"]] == WORDS
    assert job["engine"] == "none"
    assert job["result"]["timing_method"] == "pocketsphinx"
    assert not any(word["estimated"] for word in job["result"]["word_segments"])


def test_a_given_transcript_may_be_a_file(client: httpx.Client) -> None:
    def sent(content: bytes) -> httpx.Response:
        return client.post("/api/v1/jobs/upload", data={"language": "en"}, files={
            "audio_file": nature(), "initial_transcript": ("t.srt", content)})

    job = finished(client, sent(b"\xef\xbb\xbf" + GIVEN["srt"].encode()).json()["job_id"])
    assert [word["word"] for word in job["result"]["word_segments"]] == WORDS
    refused = sent("Größe".encode("latin-1"))
    assert refused.status_code == 422 and "not UTF-8" in refused.json()["error"]
    assert sent(b"words " * 200_000).status_code in (413, 422)


def test_every_format_is_read_back_by_an_independent_reader(client: httpx.Client) -> None:
    job_id = submit(client, nature(), initial_transcript=NATURE, formats=",".join(WRITERS))["job_id"]
    files = finished(client, job_id)["result"]["files"]
    assert set(files) == set(WRITERS)
    answers = {name: client.get(url) for name, url in files.items()}
    assert {answer.status_code for answer in answers.values()} == {200}
    assert answers["word_srt"].headers["Content-Disposition"].endswith('.words.srt"')
    texts = {name: answer.text for name, answer in answers.items()}
    assert " ".join(cue.content.replace("\n", " ") for cue in srt.parse(texts["srt"])) == NATURE
    assert " ".join(cue.text.replace("\n", " ") for cue in webvtt.from_string(texts["vtt"])) == NATURE
    assert [word["word"] for word in json.loads(texts["json"])["words"]] == WORDS
    assert texts["csv"].splitlines()[0] == "word,start_time,end_time,confidence"
    assert "Dialogue:" in texts["ass"]
    assert texts["txt"].strip() == NATURE


def test_a_recording_that_is_cut_short_is_said_to_be(client: httpx.Client) -> None:
    job = finished(client, submit(client, nature()[:-20_000], initial_transcript=NATURE)["job_id"])
    assert any("cut short" in warning for warning in job["warnings"])


def test_caption_options_shape_the_files(client: httpx.Client) -> None:
    job_id = submit(client, nature(), initial_transcript=NATURE, formats="srt,ass",
                    captions='{"max_words": 1, "font": "Comic Neue"}')["job_id"]
    job = finished(client, job_id)
    assert any("Comic Neue does not ship" in warning for warning in job["warnings"])
    assert len(list(srt.parse(result(client, job_id, "srt")))) == len(WORDS)


def test_silence_is_an_empty_transcript_that_says_so(client: httpx.Client) -> None:
    job = finished(client, submit(client, wav(tone(2, level=0.0001)))["job_id"])
    assert job["status"] == "completed"
    if not job["result"]["text"]:
        assert any("nobody was heard" in warning for warning in job["warnings"])


def test_audio_is_gone_when_the_job_ends_and_deleting_removes_the_rest(served: Served, client: httpx.Client) -> None:
    job_id = submit(client, nature(), initial_transcript=NATURE)["job_id"]
    finished(client, job_id)
    wait_until(lambda: not (served.data / "audio" / job_id).exists(), 5)
    assert client.delete(f"/api/v1/jobs/{job_id}").json() == {"job_id": job_id, "status": "deleted"}
    assert client.get(f"/api/v1/jobs/{job_id}").status_code == 404
    assert not [path for path in served.data.rglob("*") if job_id in str(path) and path.is_file()]


def test_a_running_job_is_cancelled_within_a_second_and_the_next_one_begins(client: httpx.Client) -> None:
    job_id = submit(client, long_wav())["job_id"]
    wait_until(lambda: client.get(f"/api/v1/jobs/{job_id}").json()["status"] == "in_progress")
    next_id = submit(client, nature(), initial_transcript=NATURE)["job_id"]
    cancelled_at = time.monotonic()
    assert client.delete(f"/api/v1/jobs/{job_id}").json()["status"] == "cancelled"
    assert client.get(f"/api/v1/jobs/{job_id}").json()["status"] == "cancelled"
    wait_until(lambda: client.get(f"/api/v1/jobs/{next_id}").json()["status"] != "queued", 20, 0.02)
    assert time.monotonic() - cancelled_at < 6  # on a busy machine; alone it is under a second
    assert finished(client, next_id)["status"] == "completed"
    assert client.get(f"/api/v1/jobs/{job_id}").json()["status"] == "cancelled"


def test_a_step_that_cannot_be_asked_to_stop_costs_a_process_and_nothing_else(
        served: Served, client: httpx.Client) -> None:
    """Twenty seconds are aligned in one call of the library."""
    job_id = submit(client, long_wav(), initial_transcript=" ".join([NATURE] * 40))["job_id"]
    wait_until(lambda: client.get(f"/api/v1/jobs/{job_id}").json()["current_stage"] == "align")
    client.delete(f"/api/v1/jobs/{job_id}")
    next_id = submit(client, nature(), initial_transcript=NATURE)["job_id"]
    assert finished(client, next_id)["status"] == "completed"


def slow_to_decode() -> bytes:
    """Some 5 s of work in a small file."""
    rate_hz, buffer = 192_000, io.BytesIO()
    second = np.zeros((rate_hz, 2), np.int16)
    second[::400] = 200
    with soundfile.SoundFile(buffer, "w", rate_hz, 2, "PCM_16", format="FLAC") as file:
        for _ in range(280):
            file.write(second)
    return buffer.getvalue()


@pytest.mark.parametrize("stage", ["fetch", "decode"])
def test_a_job_that_is_cancelled_before_it_is_heard_leaves_its_worker_alive(
        served: Served, client: httpx.Client, stage: str) -> None:
    with start_host() as host:
        job_id = (submit(client, slow_to_decode()) if stage == "decode" else submit(
            client, audio_url=f"{host.url}/silence"))["job_id"]
        wait_until(lambda: client.get(f"/api/v1/jobs/{job_id}").json()["current_stage"] == stage)
        client.delete(f"/api/v1/jobs/{job_id}")

        def said() -> set[str]:
            return {line.get("action", line.get("event")) for line in served.log if line.get("job_id") == job_id}
        wait_until(lambda: said() & {"job_abandoned", "worker_replaced"}, 20)
        assert "worker_replaced" not in said()
    assert finished(client, submit(client, nature(), initial_transcript=NATURE)["job_id"])["status"] == "completed"


def test_progress_grows_through_named_stages(client: httpx.Client) -> None:
    job_id = submit(client, long_wav(24))["job_id"]
    seen: list[tuple[str, float]] = []

    def look() -> bool:
        job = client.get(f"/api/v1/jobs/{job_id}").json()
        seen.append((job["current_stage"], job["progress"]))
        return bool(job["status"] == "completed")

    wait_until(look, 300)
    progress = [share for _, share in seen]
    assert progress == sorted(progress)
    assert {"recognise", "done"} <= {stage for stage, _ in seen}
    assert len({share for share in progress if 0.05 < share < 0.6}) >= 1


def test_jobs_are_listed_newest_first_in_pages_by_status_and_time(client: httpx.Client) -> None:
    ids = [submit(client, nature(), initial_transcript=NATURE)["job_id"] for _ in range(3)]
    for job_id in ids:
        created = finished(client, job_id)["created_at"]
    first = client.get("/api/v1/jobs/", params={"limit": 2, "status": "completed"}).json()
    second = client.get("/api/v1/jobs/", params={"limit": 1, "status": "completed",
                                                 "cursor": first["next_cursor"]}).json()
    assert [job["job_id"] for job in first["jobs"] + second["jobs"]] == ids[::-1]
    later = client.get("/api/v1/jobs/", params={"created_after": created}).json()["jobs"]
    assert [job["job_id"] for job in later] == [ids[-1]]
    assert client.get("/api/v1/jobs/", params={"created_before": "2020-01-01T00:00:00Z"}).json()["jobs"] == []


def test_an_idempotency_key_makes_one_job_of_two_requests_and_refuses_another_one(client: httpx.Client) -> None:
    key = {"Idempotency-Key": "upload-1"}
    one = submit(client, nature(), headers=key, initial_transcript=NATURE)
    other = client.post("/api/v1/jobs/upload", files={"audio_file": nature()}, headers=key,
                        data={"initial_transcript": NATURE})
    assert (other.status_code, other.json()["job_id"]) == (200, one["job_id"])
    clash = client.post("/api/v1/jobs/upload", files={"audio_file": nature()}, headers=key)
    assert (clash.status_code, clash.json()["error_code"]) == (409, "VALIDATION_CONFLICT")


BAD = [
    ({"speed": "2"}, 422, "VALIDATION_FAILED", "speed"),
    ({"language": "e"}, 422, "VALIDATION_FAILED", "language"),
    ({"language": "de"}, 422, "VALIDATION_FAILED", "language"),
    ({"formats": "srt,doc"}, 422, "VALIDATION_FAILED", "formats"),
    ({"captions": "{"}, 422, "VALIDATION_FAILED", "captions"),
    ({"captions": '{"font": "../x"}'}, 422, "VALIDATION_FAILED", "captions"),
    ({"enable_diarization": "true"}, 422, "VALIDATION_MODEL_UNAVAILABLE", "enable_diarization"),
    ({"model_size": "large-v3"}, 422, "VALIDATION_MODEL_UNAVAILABLE", "model_size"),
    ({"model_size": "huge"}, 422, "VALIDATION_FAILED", "model_size"),
    ({"task": "translate"}, 422, "VALIDATION_MODEL_UNAVAILABLE", "task"),
    ({"initial_transcript": " \n"}, 422, "VALIDATION_FAILED", "initial_transcript"),
    ({"initial_transcript": '{"words": []}'}, 422, "VALIDATION_FAILED", "initial_transcript"),
    ({"callback_url": "https://example.com/"}, 422, "VALIDATION_FAILED", "callback_url"),
    ({"audio_url": "https://example.com/a.wav"}, 422, "VALIDATION_FAILED", "audio_file"),
    ({"min_speakers": "2"}, 422, "VALIDATION_FAILED", "request"),
]


@pytest.mark.parametrize(("fields", "status", "code", "field"), BAD, ids=lambda value: str(value)[:40])
def test_a_bad_request_is_told_what_is_wrong_with_which_field(
        client: httpx.Client, fields: dict[str, str], status: int, code: str, field: str) -> None:
    answer = client.post("/api/v1/jobs/upload", data=fields, files={"audio_file": nature()})
    body = answer.json()
    assert (answer.status_code, body["error_code"]) == (status, code), body
    assert body["details"]["field"] == field
    assert set(body) == {"error", "error_code", "details", "timestamp"}


def test_no_audio_an_empty_file_and_too_large_a_body_are_refused_at_the_door(client: httpx.Client) -> None:
    assert client.post("/api/v1/jobs/upload", data={"language": "en"}).json()["details"]["field"] == "audio_file"
    empty = client.post("/api/v1/jobs/upload", files={"audio_file": b""})
    assert (empty.status_code, empty.json()["error_code"]) == (415, "VALIDATION_UNSUPPORTED_AUDIO")

    def endless() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="audio_file"; filename="a"\r\n\r\n'
        for _ in range(20):
            yield bytes(1_000_000)

    for body in (bytes(9_000_000), endless()):
        answer = client.post("/api/v1/jobs/upload", content=body,
                             headers={"Content-Type": "multipart/form-data; boundary=x"})
        assert (answer.status_code, answer.json()["error_code"]) == (413, "VALIDATION_TOO_LARGE")


HOSTILE: dict[str, tuple[bytes, str]] = {
    **{name: (data, "VALIDATION_UNSUPPORTED_AUDIO") for name, data in PLAYLISTS_AND_PAGES.items() if data},
    "not audio": (b"\x00" * 1000, "VALIDATION_UNSUPPORTED_AUDIO"),
    "a cut wav": (nature()[:60], "VALIDATION_UNSUPPORTED_AUDIO"),
    "a second too long": (raw_wav(b"\x01\x00" * 8000 * 301, rate_hz=8000), "VALIDATION_TOO_LARGE"),
    "too many channels": (raw_wav(bytes(4000), n_channels=64), "VALIDATION_UNSUPPORTED_AUDIO"),
}


def test_hostile_files_fail_their_own_job_with_a_clear_error(served: Served, client: httpx.Client) -> None:
    ids = {name: submit(client, data)["job_id"] for name, (data, _) in HOSTILE.items()}
    for name, job_id in ids.items():
        job = finished(client, job_id)
        assert (job["status"], job["job_error"]["error_code"]) == ("failed", HOSTILE[name][1]), (name, job)
        assert str(served.data) not in job["job_error"]["error"]
    assert finished(client, submit(client, nature(), initial_transcript=NATURE)["job_id"])["status"] == "completed"


def test_a_job_whose_audio_is_lost_or_cannot_be_read_says_which(served: Served, client: httpx.Client) -> None:
    busy = submit(client, long_wav())["job_id"]
    lost, unreadable = (submit(client, nature())["job_id"] for _ in range(2))
    (served.data / "audio" / lost).unlink()
    (served.data / "audio" / unreadable).rename(served.data / "elsewhere")
    (served.data / "audio" / unreadable).symlink_to(served.data / "elsewhere")  # which the store does not follow
    client.delete(f"/api/v1/jobs/{busy}")
    for job_id, code in ((lost, "VALIDATION_NOT_FOUND"), (unreadable, "INFRASTRUCTURE_STORAGE")):
        job = finished(client, job_id)
        assert (job["status"], job["job_error"]["error_code"]) == ("failed", code)
        assert str(served.data) not in job["job_error"]["error"]


def test_a_url_is_fetched_and_one_that_leads_inside_is_not(client: httpx.Client) -> None:
    with start_host({"/a.wav": nature()}) as host:
        job = finished(client, submit(client, audio_url=f"{host.url}/a.wav", initial_transcript=NATURE)["job_id"])
        assert [word["word"] for word in job["result"]["word_segments"]] == WORDS
        inside = f"{host.url}/redirect?to=http://169.254.169.254/latest/meta-data/"
        for url, code in ((inside, "VALIDATION_BLOCKED_URL"), ("http://[::1]:80/a", "VALIDATION_BLOCKED_URL"),
                          ("http://10.0.0.1/a", "VALIDATION_BLOCKED_URL"),
                          (f"{host.url}/gone", "PROCESSING_FETCH_FAILED"),
                          (f"{host.url}/says-huge", "VALIDATION_TOO_LARGE")):
            job = finished(client, submit(client, audio_url=url)["job_id"])
            assert (job["status"], job["job_error"]["error_code"]) == ("failed", code), job
    for url in ("file:///etc/passwd", "gs://bucket/key", "s3://bucket/key", "ftp://example.com/a"):
        answer = client.post("/api/v1/jobs/upload", data={"audio_url": url})
        assert (answer.status_code, answer.json()["details"]["field"]) == (422, "audio_url")


def test_an_unknown_job_an_unknown_path_and_a_wrong_method_are_errors_of_the_same_shape(client: httpx.Client) -> None:
    for answer, status in ((client.get("/api/v1/jobs/none"), 404), (client.get("/nowhere"), 404),
                           (client.put("/api/v1/jobs/upload"), 405), (client.get("/api/v1/jobs/x/result"), 404)):
        assert answer.status_code == status
        assert set(answer.json()) == {"error", "error_code", "details", "timestamp"}


def test_a_result_before_its_time_is_a_conflict(client: httpx.Client) -> None:
    job_id = submit(client, long_wav())["job_id"]
    answer = client.get(f"/api/v1/jobs/{job_id}/result")
    assert (answer.status_code, answer.json()["error_code"]) == (409, "VALIDATION_NOT_READY")
    client.delete(f"/api/v1/jobs/{job_id}")


def test_health_and_metrics_say_what_is_there(client: httpx.Client) -> None:
    assert client.get("/health").json() == client.get("/health/live").json() == {"status": "ok"}
    assert client.get("/health/ready").status_code == 200
    detailed = client.get("/health/detailed").json()
    assert (detailed["engine"], detailed["workers"], detailed["status"]) == ("pocketsphinx", 1, "ok")
    assert set(client.get("/api/v1/metrics/").json()) == {"jobs", "performance", "system"}
    assert client.get("/api/v1/metrics/jobs").json()["by_status"]["completed"] > 0
    assert client.get("/api/v1/metrics/performance").json()["real_time_factor"] > 0
    text = client.get("/metrics").text
    assert 'transcription_jobs{status="completed"}' in text
    assert 'route="/api/v1/jobs/{job_id}"' in text


def test_the_log_is_json_with_the_requests_id_and_without_text_or_audio(served: Served, client: httpx.Client) -> None:
    answer = client.post("/api/v1/jobs/upload", files={"audio_file": nature()}, headers={"X-Request-ID": "abc-1"},
                         data={"initial_transcript": NATURE})
    assert answer.headers["x-request-id"] == "abc-1"
    finished(client, answer.json()["job_id"])
    mine = [line for line in served.log if line.get("request_id") == "abc-1"]
    assert {line["event"] for line in mine} == {"request", "audit"}
    assert "mother" not in served.log_path.read_text()


def test_long_audio_is_decoded_at_the_rate_of_the_models() -> None:
    from intake import audio

    plain = audio.decode(nature(), max_duration_s=10)
    small = audio.decode(nature(), max_duration_s=10, to_hz=16_000)
    assert small.rate_hz == 16_000
    whole = audio.resample(plain.samples, plain.rate_hz, 16_000)
    assert abs(len(small.samples) - len(whole)) <= 1
    n = min(len(whole), len(small.samples))
    assert abs(small.samples[:n] - whole[:n]).max() < 1e-3
    buffer: Any = io.BytesIO(nature())
    assert soundfile.info(buffer).samplerate == plain.rate_hz
