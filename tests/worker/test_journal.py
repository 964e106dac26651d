from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import runpod_handler
from tests.doubles.s3 import start_s3
from worker import VERSION, logs, metrics
from worker.settings import Settings


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    """What the log would hold, line by line, as the worker writes it."""
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.INFO, "runpod_handler")  # the command line, run in another test, quiets it
    caplog.handler.setFormatter(logs.JsonLines(("a-secret",)))
    return lambda: [json.loads(line) for line in caplog.text.splitlines() if line.startswith("{")]


def send(settings: Settings, **fields: Any) -> dict[str, Any]:
    handler = runpod_handler.make_handler(runpod_handler.build_parts(settings))
    return asyncio.run(handler({"id": "runpod-1", "input": fields}))


def test_a_finished_job_is_one_line_with_all_that_an_operator_asks_for(settings: Settings, lines: Any) -> None:
    server = start_s3({"key": "a-secret"}, ["journal"])
    stored = replace(settings, s3_bucket="journal", s3_endpoint_url=server.endpoint_url, s3_access_key_id="key",
                     s3_secret_access_key="a-secret", runpod_pod_id="pod-1")
    output = send(stored, text="Hello there.", timing_format="srt", job_id="mine")
    record = json.loads(runpod_handler.open_store(stored).get("jobs/mine.json"))
    requests = [seen for seen in server.seen if "probe-" not in seen.key and seen.key != ""][:-1]
    server.stop()
    [line] = [each for each in lines() if each["logger"] == "job"]
    who = {"runpod_id": "runpod-1", "job_id": "mine", "pod_id": "pod-1", "version": VERSION}
    assert who.items() <= line.items()
    assert (line["endpoint"], line["outcome"], line["code"], line["attempt"]) == ("generate", "completed", None, 1)
    assert (line["characters"], line["audio_s"]) == (12, output["duration"])
    assert set(line["stages_ms"]) == set(output["stages_ms"])
    assert line["store_requests"] == len(requests) >= 5
    assert line["total_ms"] >= sum(line["stages_ms"].values()) > 0
    assert (record["runpod_id"], record["pod_id"], record["version"]) == ("runpod-1", "pod-1", VERSION)


def test_a_failed_job_has_its_code_and_its_ids_on_every_line(settings: Settings, lines: Any) -> None:
    send(settings, text="[voice:nobody] Hi.", job_id="mine")
    send(settings, text="")
    first, unread = [each for each in lines() if each["logger"] == "job"]
    assert (first["outcome"], first["code"], first["attempt"]) == ("failed", "NOT_FOUND", 1)
    assert (unread["outcome"], unread["code"], unread["endpoint"]) == ("failed", "INVALID_INPUT", None)
    of_the_job = [each for each in lines() if each["job_id"] == "mine"]
    assert {each["runpod_id"] for each in of_the_job} == {"runpod-1"}
    assert len(of_the_job) >= 2


def test_the_lines_of_a_lease_name_its_job(settings: Settings, lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.records.Lease._renew", lambda lease: logging.getLogger("x").info("renewing"))
    handler = runpod_handler.make_handler(runpod_handler.build_parts(replace(settings, lease_s=1)))
    asyncio.run(handler({"id": "runpod-1", "input": {"text": "Several words. " * 60, "job_id": "mine"}}))
    assert {each["job_id"] for each in lines() if each["message"] == "renewing"} <= {"mine"}


def test_metrics_are_served_on_the_port_and_summed_up_for_the_log(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    metrics.publish(port)
    before = metrics.totals().get("voice_jobs_total(generate,completed)", 0)
    send(settings, text="Hello there.")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    assert f'voice_jobs_total{{code="",endpoint="generate",outcome="completed"}} {before + 1}' in text
    assert 'voice_stage_seconds_bucket{le="0.1",stage="speak"}' in text
    assert metrics.totals()["voice_jobs_total(generate,completed)"] == before + 1


def test_without_a_port_the_totals_are_one_line(
        settings: Settings, lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "EVERY_S", 0.2)
    send(settings, text="Hello there.")
    stopped = threading.Event()
    metrics.publish(None, stopped)
    deadline = time.monotonic() + 20
    while not (found := [each for each in lines() if each["logger"] == "metrics"]) and time.monotonic() < deadline:
        time.sleep(0.05)
    stopped.set()
    line = found[0]
    assert line["voice_jobs_total(generate,completed)"] >= 1
    assert line["voice_job_seconds_count(generate)"] >= 1


def test_the_dashboard_asks_for_metrics_that_there_are(settings: Settings, root: Path) -> None:
    from prometheus_client import generate_latest

    send(settings, text="Hello there.")
    served = generate_latest().decode()
    panels = json.loads((root / "deploy" / "grafana.json").read_text())["panels"]
    asked = {name for panel in panels for target in panel["targets"]
             for name in re.findall(r"voice_\w+", target["expr"])}
    assert len(asked) >= 5
    assert [name for name in asked if f"\n{name}" not in served] == []
