"""The alerts: Prometheus's own checker where it is installed; else what they ask for, and what is said of them."""
from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import runpod_handler
from worker.metrics import FAULTS
from worker.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
RULES: list[dict[str, Any]] = yaml.safe_load((ROOT / "deploy/alerts.yml").read_text())["groups"][0]["rules"]
SELECTOR = re.compile(r"(voice_\w+)(?:{([^}]*)})?\[")


def test_prometheus_accepts_the_rules_and_each_alert_sounds_when_it_should() -> None:
    promtool = shutil.which("promtool") or pytest.skip("promtool is not installed")
    for command in (["check", "rules", "deploy/alerts.yml"], ["test", "rules", "tests/deploy/alerts_test.yml"]):
        done = subprocess.run([promtool, *command], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_test_of_its_own() -> None:
    tests = yaml.safe_load((ROOT / "tests/deploy/alerts_test.yml").read_text())["tests"]
    sounding = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case.get("exp_alerts")}
    assert sounding == {rule["alert"] for rule in RULES}


def test_each_series_that_an_alert_adds_up_is_served_before_the_first_failure(settings: Settings) -> None:
    from prometheus_client import generate_latest

    handler = runpod_handler.make_handler(runpod_handler.build_parts(settings))
    assert "error" not in asyncio.run(handler({"id": "a", "input": {"text": "Hello."}}))
    served = generate_latest().decode()
    for rule in RULES:
        asked = SELECTOR.findall(rule["expr"])
        assert asked
        for name, labels in asked:
            for label, operator, value in re.findall(r'(\w+)(=~?)"([^"]*)"', labels):
                values = value.split("|") if operator == "=~" else [value]
                lines = [line for line in served.splitlines() if line.startswith(name + "{")]
                assert [each for each in values if not any(f'{label}="{each}"' in line for line in lines)] == []


def test_the_codes_that_count_are_the_worker_s_own_faults() -> None:
    known = {code for _, code in runpod_handler.ERRORS} | {"INTERNAL"}
    assert set(FAULTS) <= known
    counted = {code for rule in RULES for code in re.findall(r'code=~?"([^"]+)"', rule["expr"])}
    assert {each for codes in counted for each in codes.split("|")} <= set(FAULTS)


def test_the_runbook_gives_each_alert_s_threshold_and_its_reason() -> None:
    table = (ROOT / "docs/RUNBOOK.md").read_text().partition("## Alerts")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(Voice\w+)` \| (.+) \|$", table, re.MULTILINE))
    assert set(rows) == {rule["alert"] for rule in RULES}
    for rule in RULES:
        limits = re.findall(r"> ([\d.]+)", rule["expr"])
        spelled = {"0": "any", "1": "second", "3": "more than 3", "0.05": "5 %", "10": "10 s"}
        assert [each for each in limits if spelled[each] not in rows[rule["alert"]]] == [], rule["alert"]
