"""The service as it runs on Google Cloud: Firestore, Pub/Sub and Cloud Storage, on Google's emulators and loopback."""
from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.emulators import ACK_DEADLINE_S, Emulators
from tests.doubles.gcs import Gcs, start_gcs
from tests.transcription.serving import NATURE, finished, long_wav, nature, serve, submit, wait_until
from tests.transcription.test_kill import ended, workers_of
from tests.transcription.test_states import claim, given, job
from transcription.errors import ApiError
from transcription.jobs.firestore import FirestoreJobs
from transcription.jobs.pubsub import PubSubQueue
from transcription.jobs.record import Delivery, JobStore, Queue
from transcription.settings import Settings, SettingsError

N_JOBS = 8
PATIENCE_S = 240.0
DEAD = "transcription-dead"


@pytest.fixture
def google() -> Iterator[Gcs]:
    with start_gcs() as running:
        running.buckets["recordings"] = {}
        yield running


@pytest.fixture
def cloud(emulators: Emulators, google: Gcs, tmp_path: Path) -> dict[str, str]:
    """The environment of a service on a new project."""
    return {**emulators.environ, **google.environ(tmp_path), "STATE": "firestore", "GCS_BUCKET": "recordings",
            "GOOGLE_CLOUD_PROJECT": emulators.project(max_deliveries=20), "PUBSUB_DEAD_LETTER": DEAD}


def ports(emulators: Emulators, project: str | None = None, **more: Any) -> tuple[JobStore, Queue]:
    name = project or emulators.project()
    jobs = FirestoreJobs(name, "(default)")
    return jobs, PubSubQueue(jobs, Settings(state="firestore", google_cloud_project=name, gcs_bucket="none", lease_s=1,
                                            pubsub_dead_letter=DEAD, **more))


def test_kill_9_of_one_of_two_services_with_jobs_queued_and_running_all_are_done_and_none_twice(
        tmp_path: Path, cloud: dict[str, str], google: Gcs) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with serve(tmp_path / "one", **cloud) as one, serve(tmp_path / "two", **cloud) as two:
        with one.client() as client:
            ids = [submit(client, nature(), initial_transcript=NATURE)["job_id"] for _ in range(N_JOBS)]
            running = [submit(client, long_wav(8))["job_id"] for _ in range(1)]
            wait_until(lambda: sum(ended(tmp_path / "one").values()) >= 2, PATIENCE_S)
            os.kill(workers_of(one)[0], signal.SIGKILL)  # its message comes again, to whoever is first
            before = sum(ended(tmp_path / "one").values())

            def works_again() -> bool:  # the other service may be done with all the rest before that
                ids.append(submit(client, nature(), initial_transcript=NATURE)["job_id"])
                return sum(ended(tmp_path / "one").values()) > before
            wait_until(works_again, PATIENCE_S, 1.0)
        one.kill()
        with two.client() as client:
            jobs = [finished(client, job_id, PATIENCE_S) for job_id in [*ids, *running]]
            listed = client.get("/api/v1/jobs/", params={"limit": 5}).json()
            rest = client.get("/api/v1/jobs/", params={"cursor": listed["next_cursor"]}).json()
            srt = client.get(f"/api/v1/jobs/{ids[0]}/result?format=srt")
    assert {each["status"] for each in jobs} == {"completed"}
    assert {each["job_id"] for each in listed["jobs"] + rest["jobs"]} == {*ids, *running}
    assert "mother" in srt.text
    times = ended(tmp_path / "one") + ended(tmp_path / "two")
    assert set(times) == {*ids, *running}
    assert set(times.values()) == {1}
    assert not [key for key in google.buckets["recordings"] if key.startswith("audio/")]


def test_pubsub_pushes_jobs_to_a_service_and_a_running_one_is_cancelled(
        tmp_path: Path, cloud: dict[str, str], google: Gcs) -> None:
    from google.cloud import pubsub_v1

    with serve(tmp_path, **cloud, PUBSUB_DELIVERY="push", JOB_DEADLINE_S="500") as served, served.client() as client:
        subscriber = pubsub_v1.SubscriberClient()
        project = cloud["GOOGLE_CLOUD_PROJECT"]
        subscriber.create_subscription(request={
            "name": subscriber.subscription_path(project, "pushed"),
            "topic": subscriber.topic_path(project, "transcription-jobs"),
            "ack_deadline_seconds": 600, "push_config": {"push_endpoint": f"{served.url}/pubsub/push"}})
        done = finished(client, submit(client, nature(), initial_transcript=NATURE)["job_id"])
        assert (done["status"], done["attempts"]) == ("completed", 1)
        google.put("recordings", "uploads/anonymous/a.wav", nature(), {}, {})
        place = "gs://recordings/uploads"
        fetched = submit(client, audio_url=f"{place}/anonymous/a.wav", initial_transcript=NATURE)
        assert finished(client, fetched["job_id"])["status"] == "completed"
        for other in (f"{place}/ben/a.wav", f"{place}/anonymous/../ben/a.wav", "gs://other/uploads/anonymous/a.wav"):
            assert client.post("/api/v1/jobs/upload", data={"audio_url": other}).status_code == 422
        long_id = submit(client, long_wav())["job_id"]
        wait_until(lambda: client.get(f"/api/v1/jobs/{long_id}").json()["status"] == "in_progress")
        assert client.delete(f"/api/v1/jobs/{long_id}").json()["status"] == "cancelled"
        assert finished(client, submit(client, nature(), initial_transcript=NATURE)["job_id"])["status"] == "completed"
        wait_until(lambda: [line["status"] for line in served.log if line.get("path") == "/pubsub/push"] == [204] * 4)


def test_a_message_is_extended_while_its_job_is_done_and_each_worker_has_one(emulators: Emulators) -> None:
    project = emulators.project()
    (jobs, one), (_, two) = ports(emulators, project), ports(emulators, project)
    try:
        one.put(jobs.create(job("a")))
        assert given(one) == Delivery("a")
        claim(jobs, "a")
        one.put(jobs.create(job("b")))
        assert given(two) == Delivery("b")
        claim(jobs, "b")
        jobs.update("b", lambda current: current.completed(1))
        end = time.monotonic() + ACK_DEADLINE_S * 1.3
        while time.monotonic() < end:
            jobs.update("a", lambda current: current.renewed(1, "x", 0.5))
            assert two.take() is None
            time.sleep(0.2)
        assert two.poll_s < 1, "the second worker holds a message that was not its"
        jobs.update("a", lambda current: current.completed(1))
        assert one.take() is None
    finally:
        one.close()
        two.close()


def test_a_job_whose_message_became_a_dead_letter_is_queued_anew(emulators: Emulators) -> None:
    project = emulators.project(max_deliveries=5)
    jobs, queue = ports(emulators, project)
    queue.put(jobs.create(job("a")))
    deliveries = 0
    for _ in range(5):
        _, worker = ports(emulators, project)
        deliveries += given(worker) == Delivery("a")
        worker.close()  # as one that is stopped before it begins
    assert deliveries == 5
    _, worker = ports(emulators, project)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        assert worker.take() is None, "it was to be a dead letter by now"
        time.sleep(0.1)
    queue.mend()
    assert given(worker) == Delivery("a")
    claim(jobs, "a")
    worker.close()
    queue.close()


def test_a_job_whose_message_was_never_published_is_put_into_the_queue_again(emulators: Emulators) -> None:
    jobs, queue = ports(emulators)
    jobs.create(job("a"))  # and then the service was killed
    assert queue.take() is None
    queue.mend()
    queue.mend()
    assert given(queue) == Delivery("a")
    queue.close()


def test_a_worker_that_was_told_to_stop_gives_back_the_message_that_it_was_waiting_for(emulators: Emulators) -> None:
    project = emulators.project()
    (jobs, stopped), (_, other) = ports(emulators, project), ports(emulators, project)
    assert stopped.take() is None
    time.sleep(0.5)  # it waits for a message now
    stopped.close()
    stopped.put(jobs.create(job("a")))
    assert given(other, within_s=5.0) == Delivery("a")
    other.close()


def test_what_is_too_large_for_a_record_is_refused_by_name(emulators: Emulators) -> None:
    jobs, _ = ports(emulators)
    with pytest.raises(ApiError, match="initial_transcript") as refused:
        jobs.create(job("a").__class__("a", "anna", {"initial_transcript": "x" * 950_000}))
    assert refused.value.status == 422
    assert jobs.get("a") is None


def test_a_table_out_of_reach_is_an_error_that_says_so(
        emulators: Emulators, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    monkeypatch.setattr("transcription.jobs.firestore._CALL", {"timeout": 1.0, "retry": None})
    jobs, _ = ports(emulators)
    with pytest.raises(ApiError) as refused:
        jobs.get("a")
    assert (refused.value.status, refused.value.code) == (503, "INFRASTRUCTURE_STATE")


@pytest.mark.parametrize(("environ", "named"), [
    ({"STATE": "firestore"}, "GOOGLE_CLOUD_PROJECT"),
    ({"STATE": "firestore", "GOOGLE_CLOUD_PROJECT": "p"}, "GCS_BUCKET"),
    ({"STATE": "firestore", "GOOGLE_CLOUD_PROJECT": "p", "GCS_BUCKET": "b", "PUBSUB_DELIVERY": "push"},
     "JOB_DEADLINE_S"),
    ({"GCS_BUCKET": "b", "S3_BUCKET": "b", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"}, "both"),
])
def test_settings_that_cannot_work_stop_the_start_by_name(environ: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        Settings.from_env(environ)
