"""Runs every sample of API.md, in order, and compares the answers with the ones shown."""
from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import runpod_handler
from tests.conftest import Call
from tests.doubles.host import start_host
from tests.doubles.speech import spoken_wav

API = (Path(__file__).resolve().parents[2] / "API.md").read_text(encoding="utf-8")
SAMPLES = re.findall(r"```json request\n(.*?)```\n```json response\n(.*?)```", API, re.DOTALL)
OF_THE_MOMENT = {"last_modified", "created_at", "updated_at", "finished_at", "sha256", "revision", "size", "versions",
                 "stages_ms", "quality", "models", "start", "watermark"}


def lasting(value: Any, name: str = "") -> Any:
    """The value with what depends on the moment or the machine replaced by its type."""
    if name in OF_THE_MOMENT:
        return sorted(value) if isinstance(value, dict) and name == "quality" else type(value).__name__
    if isinstance(value, dict):
        return {key: lasting(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [lasting(each) for each in value]
    if isinstance(value, str) and re.match(r"(https?|file)://", value):
        return "URL"
    return value


def test_every_endpoint_has_a_sample() -> None:
    shown = {json.loads(request).get("endpoint") for request, _ in SAMPLES}
    assert shown == set(runpod_handler.ENDPOINTS)


def test_every_error_code_is_listed_and_no_other() -> None:
    codes = set(re.findall(r"^\| `([A-Z_]+)` \|", API, re.MULTILINE))
    assert codes == {code for _, code in runpod_handler.ERRORS} | {"INTERNAL"}


def test_the_samples_do_what_they_show(call: Call) -> None:
    reference = spoken_wav("Some call me nature, others call me mother nature.")
    with start_host({"/anna.wav": reference}) as host:
        for request, response in SAMPLES:
            fields = json.loads(request.replace("https://example.com", host.url))
            assert lasting(call(**fields)) == lasting(json.loads(response)), request


@pytest.mark.parametrize("name", sorted(runpod_handler.ENDPOINTS))
def test_every_field_of_every_request_is_described(name: str) -> None:
    for field in runpod_handler.ENDPOINTS[name].request.model_fields:
        assert f"`{field}`" in API, field
