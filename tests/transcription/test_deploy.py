"""What deploys the service on Google Cloud agrees with the service: names, settings, queries; and grants no more."""
from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml

from tests.transcription.serving import ROOT
from transcription.settings import MAX_PUSHED_S, Settings

CLOUD = ROOT / "deploy" / "cloudrun"
SERVICES = ("front", "worker")
LEAST = {"roles/storage.objectUser", "roles/storage.objectViewer", "roles/pubsub.publisher", "roles/pubsub.subscriber",
         "roles/datastore.user"}


def plain(value: Any) -> Any:
    """Of the parser's tree the values: no marks, no quotes."""
    if isinstance(value, dict):
        return {str(plain(key)): plain(each) for key, each in value.items() if not str(key).startswith("__")}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value.strip('"') if isinstance(value, str) else value


@pytest.fixture(scope="module")
def resources() -> dict[str, dict[str, Any]]:
    """`type.name` -> body."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((CLOUD / "terraform").glob("*.tf")):
        for block in plain(hcl2.loads(path.read_text())).get("resource", ()):
            for kind, named in block.items():
                found |= {f"{kind}.{name}": body for name, body in named.items()}
    return found


def service(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((CLOUD / f"{name}.yaml").read_text()))


def settings_of(name: str) -> Settings:
    container, = service(name)["spec"]["template"]["spec"]["containers"]
    return Settings.from_env({each["name"]: each["value"] for each in container["env"]})


def test_topic_and_subscriptions_are_those_that_the_service_uses(resources: dict[str, dict[str, Any]]) -> None:
    front, worker = map(settings_of, SERVICES)
    for settings in (front, worker):
        assert settings.state == "firestore"
        assert resources["google_pubsub_topic.jobs"]["name"] == settings.pubsub_topic
        assert resources["google_pubsub_subscription.jobs"]["name"] == settings.pubsub_subscription
        assert resources["google_pubsub_subscription.dead"]["name"] == settings.pubsub_dead_letter
        assert settings.gcs_bucket == "PROJECT_ID-transcription"
    assert resources["google_storage_bucket.recordings"]["name"] == "${var.project}-transcription"
    assert (front.workers, worker.workers, worker.pubsub_delivery) == (0, 1, "push")
    assert front.lease_s == worker.lease_s
    variables = (CLOUD / "terraform/variables.tf").read_text()
    default = re.search(r'variable "retention_days" {.*?default\s*=\s*(\d+)', variables, re.DOTALL)
    assert default and int(default[1]) == front.retention_days == worker.retention_days


def test_no_account_may_do_more_than_the_service_does(resources: dict[str, dict[str, Any]]) -> None:
    granted = {name: body for name, body in resources.items() if name.split(".")[0].endswith("_iam_member")}
    assert {body["role"] for body in granted.values()} == LEAST
    of_the_project = [body for name, body in granted.items() if name.startswith("google_project_")]
    assert [body["role"] for body in of_the_project] == ["roles/datastore.user"]
    assert of_the_project[0]["condition"], "bound to one database"
    assert not re.search(r"roles/(owner|editor|\w+\.admin)", "".join(
        path.read_text() for path in CLOUD.rglob("*") if path.is_file()))
    bucket = resources["google_storage_bucket.recordings"]
    assert (bucket["public_access_prevention"], bucket["uniform_bucket_level_access"]) == ("enforced", True)
    assert "allow read, write: if false" in (CLOUD / "firestore.rules").read_text()
    public = [line for line in (CLOUD / "deploy.sh").read_text().splitlines() if "allUsers" in line]
    assert len(public) == 1 and "add-iam-policy-binding transcription " in public[0]


def test_every_query_of_the_table_has_its_index() -> None:
    """Firestore refuses a query that joins fields without one; the emulator does not."""
    text = (CLOUD / "terraform/firestore.tf").read_text()
    indexes = {(collection, tuple(re.findall(r'"([^"]+)"', fields))) for collection, fields in re.findall(
        r'collection = "(\w+)", fields = \[(.*?)\]', text)}
    assert indexes == {
        ("jobs", ("owner", "-created_us")), ("jobs", ("owner", "status", "-created_us")),  # page
        ("jobs", ("status", "-priority", "created_us")),  # first_queued
        ("jobs", ("status", "created_us")),  # counts: the oldest that waits
        ("usage", ("owner", "at", "audio_s"))}  # used_s
    source = (ROOT / "transcription/jobs/firestore.py").read_text()
    asked = set(re.findall(r'FieldFilter\("(\w+)"', source)) | set(re.findall(r'order_by\("(\w+)"', source)) | set(
        re.findall(r'\.sum\("(\w+)"', source))
    single = {"callback_due_at", "finished_at", "took_s", "__name__"}
    assert asked <= single | {field.lstrip("-") for _, fields in indexes for field in fields}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_of_cloud_run_holds_together(name: str) -> None:
    spec = service(name)["spec"]["template"]
    container, = spec["spec"]["containers"]
    settings = settings_of(name)
    assert {each["name"] for each in container["env"]} <= {each.alias for each in Settings.model_fields.values()}
    assert spec["spec"]["serviceAccountName"].startswith(f"transcription-{name}@")
    volumes = {each["name"] for each in spec["spec"]["volumes"]}
    assert {each["name"] for each in container["volumeMounts"]} == volumes
    gpu = "nvidia.com/gpu" in container["resources"]["limits"]
    assert gpu == (name == "worker") == container["image"].endswith(":gpu")
    if gpu:
        assert spec["spec"]["containerConcurrency"] == 1
        assert settings.job_deadline_s <= MAX_PUSHED_S < spec["spec"]["timeoutSeconds"] == 600
        # Cloud Run's own rule for an L4: https://cloud.google.com/run/docs/configuring/services/gpu
        assert int(container["resources"]["limits"]["cpu"]) >= 4
        assert int(container["resources"]["limits"]["memory"].removesuffix("Gi")) >= 16
    else:
        assert settings.api_keys_file is not None


def test_the_dashboard_shows_what_there_is() -> None:
    board = json.loads((CLOUD / "dashboard.json").read_text())
    tiles = board["mosaicLayout"]["tiles"]
    places = {(tile["xPos"], tile["yPos"]) for tile in tiles}
    assert len(places) == len(tiles) >= 8
    filters = [data["timeSeriesQuery"]["timeSeriesFilter"]["filter"] for tile in tiles
               for data in tile["widget"]["xyChart"]["dataSets"]]
    for each in filters:
        assert re.match(r'metric\.type="(run|pubsub|firestore)\.googleapis\.com/[\w/]+" AND resource\.type="', each)
    named = set(re.findall(r'subscription_id="([\w-]+)"', "".join(filters)))
    assert named == {"transcription-jobs", "transcription-dead"}


def test_terraform_and_the_linters_find_nothing() -> None:
    found = 0
    for name, *arguments in (("terraform", "fmt", "-check", "-diff", str(CLOUD / "terraform")),
                             ("shellcheck", str(CLOUD / "deploy.sh")), ("hadolint", str(ROOT / "Dockerfile.whisperx"))):
        tool = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
        if tool is not None:
            found += 1
            done = subprocess.run([tool, *arguments], capture_output=True, text=True, cwd=ROOT)
            assert done.returncode == 0, done.stdout + done.stderr
    assert found >= 2
