"""The files of RunPod's Hub: what they may hold, by its publishing guide, and what this worker makes of it."""
from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

import runpod_handler
from setup_network_venv import NEEDED_MODELS
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
    dockerfile = (ROOT / ".runpod/Dockerfile").read_text()
    assert dockerfile.startswith((ROOT / "Dockerfile.runpod").read_text())
    assert re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)[-1] == "baked"
    assert (ROOT / ".runpod/handler.py").is_file()
    for entry in ENTRIES.values():
        assert ("value" in entry) != ("input" in entry)
        if "input" in entry:
            assert {"name", "type", "description", "default"} <= entry["input"].keys()


def test_the_icon_of_the_listing_is_a_picture_of_this_repository() -> None:
    """Where the repository lies is known to who publishes it: docs/RUNBOOK.md writes the URL into the listing."""
    icon = (ROOT / ".runpod/icon.png").read_bytes()
    assert icon.startswith(b"\x89PNG")
    assert icon[16:24] == bytes.fromhex("0000020000000200"), "it is 512 by 512"
    assert re.fullmatch(r"(https://raw\.githubusercontent\.com/[\w.-]+/[\w.-]+/[\w.-]+/\.runpod/icon\.png)?",
                        HUB.get("iconUrl", ""))


def test_every_variable_that_the_hub_sets_is_one_that_something_reads() -> None:
    assert set(ENTRIES) <= known_variables()
    assert {each["key"] for each in TESTS["config"]["env"]} <= known_variables()


def test_the_hub_s_defaults_make_settings_that_start() -> None:
    environ = {key: str(entry.get("value", entry.get("input", {}).get("default", ""))).lower()
               for key, entry in ENTRIES.items()}
    assert not Settings.from_env(environ).require_consent
    for option in ENTRIES["TIMING_FALLBACK"]["input"]["options"]:
        Settings.from_env({**environ, "TIMING_FALLBACK": option["value"]})


def test_the_image_that_the_hub_builds_holds_every_needed_model() -> None:
    named = re.search(r'^ARG MODELS="(.+)"$', (ROOT / ".runpod/Dockerfile").read_text(), re.MULTILINE)
    assert named
    assert tuple(named[1].split()) == NEEDED_MODELS


@pytest.mark.parametrize("preset", HUB["config"]["presets"], ids=lambda preset: preset["name"])
def test_a_preset_makes_settings_that_start_on_runpod(preset: dict[str, Any]) -> None:
    assert set(preset["defaults"]) <= set(ENTRIES)
    environ = {key: str(value).lower() for key, value in preset["defaults"].items()}
    if not preset["defaults"]["EPHEMERAL_STORE"]:
        environ |= {"S3_BUCKET": "b", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    Settings.from_env({**environ, "RUNPOD_POD_ID": "pod"})


def test_the_listing_and_its_tests_ask_for_the_same_drivers_as_the_locked_torch() -> None:
    assert HUB["config"]["allowedCudaVersions"] == TESTS["config"]["allowedCudaVersions"]
    assert "nvidia-cuda-runtime-cu12==12.8" in (ROOT / "locks/full.txt").read_text()
    assert HUB["config"]["allowedCudaVersions"][0] == "12.8"


@pytest.mark.parametrize("test", TESTS["tests"], ids=lambda test: test["name"])
def test_each_test_of_the_hub_is_a_job_that_this_worker_completes_on_runpod_without_a_bucket(
        test: dict[str, Any], tmp_path: Path) -> None:
    assert isinstance(test["timeout"], int)
    set_by_the_hub = {each["key"]: each["value"] for each in TESTS["config"]["env"]}
    settings = Settings.from_env({**set_by_the_hub, "RUNPOD_POD_ID": "pod", "DATA_DIR": str(tmp_path),
                                  "TTS_ENGINE": "espeak"})
    handler = runpod_handler.make_handler(runpod_handler.build_parts(settings))
    output = asyncio.run(handler({"id": "hub", "input": test["input"]}))
    assert "error" not in output
    assert "are lost with it" in output["warnings"][-1], "who calls it is not warned that the files will be gone"
