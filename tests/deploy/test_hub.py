"""The files of RunPod's Hub: what they may hold, by its publishing guide, and what this worker makes of it."""
from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from setup_network_venv import NEEDED_MODELS, known_models
from worker.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
HUB: dict[str, Any] = json.loads((ROOT / ".runpod/hub.json").read_text())
TESTS: dict[str, Any] = json.loads((ROOT / ".runpod/tests.json").read_text())
ENTRIES = {entry["key"]: entry for entry in HUB["config"]["env"]}


def known_variables() -> set[str]:
    """What the worker's settings, the set-up, the start script and RunPod itself read."""
    fields = Settings.__dataclass_fields__.values()
    sources = (ROOT / "setup_network_venv.py").read_text() + (ROOT / "deploy/start.sh").read_text()
    return ({name for field in fields for name in field.metadata["names"]}
            | set(re.findall(r"[A-Z][A-Z0-9]*_[A-Z_]+", sources)) | {"RUNPOD_INIT_TIMEOUT"})


def test_the_hub_accepts_the_listing() -> None:
    assert {"title", "description", "type", "category", "config"} <= HUB.keys()
    assert len(HUB["description"]) <= 191
    assert (HUB["type"], HUB["category"], HUB["config"]["runsOn"]) == ("serverless", "audio", "GPU")
    assert (ROOT / ".runpod/Dockerfile").read_text() == (ROOT / "Dockerfile.runpod").read_text()
    for entry in ENTRIES.values():
        assert ("value" in entry) != ("input" in entry)
        if "input" in entry:
            assert {"name", "type", "description", "default"} <= entry["input"].keys()


def test_every_variable_that_the_hub_sets_is_one_that_something_reads() -> None:
    assert set(ENTRIES) <= known_variables()
    assert {each["key"] for each in TESTS["config"]["env"]} <= known_variables()


def test_the_hub_s_defaults_make_settings_that_start() -> None:
    environ = {key: str(entry.get("value", entry.get("input", {}).get("default", ""))).lower()
               for key, entry in ENTRIES.items()}
    assert not Settings.from_env(environ).require_consent
    for option in ENTRIES["TIMING_FALLBACK"]["input"]["options"]:
        Settings.from_env({**environ, "TIMING_FALLBACK": option["value"]})
    assert tuple(environ["FETCH_MODELS"].split()) == NEEDED_MODELS
    named = re.findall(r"align/\w\w|whisper", ENTRIES["FETCH_MODELS"]["input"]["description"])
    assert set(named) | set(NEEDED_MODELS) == set(known_models())


def test_the_hub_s_disk_holds_what_is_fetched() -> None:
    assert HUB["config"]["containerDiskInGb"] >= 2 * 8 + 2, "packages, as much again while they are laid out, models"


def test_the_listing_and_its_tests_ask_for_the_same_drivers_as_the_locked_torch() -> None:
    assert HUB["config"]["allowedCudaVersions"] == TESTS["config"]["allowedCudaVersions"]
    assert "nvidia-cuda-runtime-cu12==12.8" in (ROOT / "locks/full.txt").read_text()
    assert HUB["config"]["allowedCudaVersions"][0] == "12.8"


@pytest.mark.parametrize("test", TESTS["tests"], ids=lambda test: test["name"])
def test_each_test_of_the_hub_is_a_job_that_this_worker_completes(test: dict[str, Any], call: Any) -> None:
    assert isinstance(test["timeout"], int)
    assert "error" not in call(**test["input"])
