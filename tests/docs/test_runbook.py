"""The commands of docs/RUNBOOK.md, run in order by a real shell, against doubles of RunPod, S3 and Docker."""
from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import runpod_handler
from tests.doubles.s3 import start_s3
from tests.doubles.speech import spoken_wav
from tests.test_setup_network_venv import Volume
from worker.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = (ROOT / "docs/RUNBOOK.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", RUNBOOK, re.DOTALL)
WORDS = "Some call me nature, others call me mother nature."
NO_REST_V1 = re.compile(r"rest\.runpod\.io/v1")

AWS = """#!{python}
# As much of the AWS command line as the runbook uses, on boto3: argument names and documents are checked by botocore.
import json, pathlib, re, sys
import boto3

def client(name):
    return boto3.client(name, endpoint_url={endpoint!r}, region_name="us-east-1", aws_access_key_id="test-key",
                        aws_secret_access_key="test-secret")

service, verb, *rest = sys.argv[1:]
if service == "s3":
    places = [re.fullmatch(r"s3://([^/]+)/?(.*)", word) for word in rest]
    s3, (bucket, prefix) = client("s3"), next(place for place in places if place).groups()
    keys = [entry["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            for entry in page.get("Contents", [])]
    if verb == "sync":
        for key in keys:
            s3.copy_object(Bucket=places[1][1], Key=key, CopySource=dict(Bucket=bucket, Key=key))
    elif verb == "cp":
        print(s3.get_object(Bucket=bucket, Key=prefix)["Body"].read().decode())
    else:
        assert verb == "ls", verb
        print(*keys, sep="\\n")
else:
    values = [pathlib.Path(value[7:]).read_text() if value.startswith("file://") else value for value in rest[1::2]]
    names = ["".join(part.title() for part in name[2:].split("-")) for name in rest[::2]]
    given = {{name: json.loads(value) if value.startswith("{{") and service != "iam" else value
              for name, value in zip(names, values, strict=True)}}
    given = {{name.replace("Cors", "CORS"): value for name, value in given.items()}}
    boto3_client = client({{"s3api": "s3"}}.get(service, service))
    method = verb.replace("-", "_")
    if service == "iam":  # No server here: botocore checks names and types.
        from botocore.validate import validate_parameters
        operation = boto3_client.meta.method_to_api_mapping[method]
        validate_parameters(given, boto3_client.meta.service_model.operation_model(operation).input_shape)
        assert "PolicyDocument" not in given or json.loads(given["PolicyDocument"])
    else:
        getattr(boto3_client, method)(**given)
"""
DOCKER = """#!{python}
import pathlib, re, sys
verb, *rest = sys.argv[1:]
assert verb in ("build", "push"), verb
if verb == "build":
    stages = re.findall(r"^FROM .* AS (.+)$", pathlib.Path(rest[rest.index("-f") + 1]).read_text(), re.MULTILINE)
    assert rest[rest.index("--target") + 1] in stages and rest[-1] == "."
"""


class Endpoint(ThreadingHTTPServer):
    """What https://api.runpod.ai/v2/<id> answers; jobs are done by the worker's own handler."""

    def __init__(self, handler: Any) -> None:
        super().__init__(("127.0.0.1", 0), EndpointHandler)
        self.job, self.asked = handler, list[str]()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class EndpointHandler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_GET(self) -> None:
        assert self.path == "/health"
        self.answer({"jobs": {"inQueue": 0}, "workers": {"idle": 1}})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/runsync":
            output = asyncio.run(self.server.job({"id": "sync-1", **json.loads(body)}))
            done = {"error": output["error"]} if "error" in output else {"output": output}
            self.answer({"id": "sync-1", "status": "FAILED" if "error" in output else "COMPLETED", **done})
        elif re.fullmatch(r"/purge-queue|/cancel/\S+", self.path):
            self.answer({"status": "completed"})
        else:
            self.send_error(404)

    def answer(self, data: dict[str, Any]) -> None:
        self.server.asked.append(f"{self.path} {self.headers['Authorization']} {data.get('status')}")
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str], Endpoint, Volume]]:
    """A folder that looks like the repository, with `aws` and `docker` on PATH and an endpoint that answers."""
    s3: Any = start_s3({"test-key": "test-secret"}, ["voices-new"])
    volume = Volume(tmp_path / "volume")
    (volume.locks / "models.txt").write_text("")
    app = tmp_path / "app"
    (app / "bin").mkdir(parents=True)
    for name in ("deploy", ".runpod"):
        shutil.copytree(ROOT / name, app / name)
    shutil.copy(ROOT / "Dockerfile.runpod", app)
    driver = volume.driver.read_text().replace('["--profile", "run", *sys.argv[1:]]', "sys.argv[1:]").replace(
        "sys.exit", "setup.NEEDED_MODELS = ()\nsys.exit")
    (app / "setup_network_venv.py").write_text(driver)
    for name, program in (("aws", AWS), ("docker", DOCKER)):
        (app / "bin" / name).write_text(program.format(python=sys.executable, endpoint=s3.endpoint_url))
        (app / "bin" / name).chmod(0o755)
    settings = Settings(s3_bucket="voices", s3_access_key_id="test-key", s3_secret_access_key="test-secret",
                        s3_endpoint_url=s3.endpoint_url, models_dir=tmp_path / "models")
    parts: list[runpod_handler.Parts] = []

    async def handler(job: dict[str, Any]) -> dict[str, Any]:
        """The worker starts with its first job: the runbook has made the bucket by then."""
        if not parts:
            parts.append(runpod_handler.build_parts(settings))
        return await runpod_handler.make_handler(parts[0])(job)

    endpoint = Endpoint(handler)
    env = {**os.environ, "PATH": f"{app / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
           "ENDPOINT_ID": "abc", "RUNPOD_API_KEY": "key-1", "S3_BUCKET": "voices", "NEW_BUCKET": "voices-new",
           "IMAGE": "someone/f5-voice-worker", "RUNPOD_JOB_ID": "job-1", "PRICE_PER_SECOND": "0.0003",
           "GITHUB_REPOSITORY": "someone/f5-voice-worker",
           "VENV_ROOT": str(volume.root), "MODELS_DIR": str(tmp_path / "volume-models")}
    yield app, env, endpoint, volume
    endpoint.shutdown()
    s3.stop()


def on_this_machine(block: str, app: Path, endpoint: Endpoint, volume: Volume) -> str:
    for there, here in (("https://api.runpod.ai/v2/$ENDPOINT_ID", endpoint.url), ("/app/", f"{app}/"),
                        ("/runpod-volume/venvs", str(volume.root)), ("/runpod-volume/models/.content/*", ""),
                        ("/runpod-volume", str(volume.root)), ("--profile full", "--profile run")):
        block = block.replace(there, here)
    return block


def in_order() -> list[str]:
    """A bucket is made before anything is asked of the worker; the rest as it stands."""
    made = next(block for block in BLOCKS if "create-bucket" in block)
    return [BLOCKS[0], made, *(block for block in BLOCKS[1:] if block != made)]


def test_every_command_of_the_runbook_does_what_it_says(
        place: tuple[Path, dict[str, str], Endpoint, Volume]) -> None:
    app, env, endpoint, volume = place
    exports, *blocks = (on_this_machine(block, app, endpoint, volume) for block in in_order())
    jobs = [block for block in blocks if '"job_id": "first"' in block]
    blocks = [*(block for block in blocks if block not in jobs[1:]), *jobs[1:]]
    outputs = []
    for block in blocks:
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", exports + block], cwd=app, env=env, text=True,
                              capture_output=True, timeout=120)
        assert done.returncode == 0, block + done.stdout + done.stderr
        outputs.append(done.stdout)
    assert [asked for asked in endpoint.asked if "Bearer key-1" not in asked or "FAILED" in asked] == []
    assert any(re.search(r"0\.\d{5} USD for a minute of audio", output) for output in outputs)
    counts = next(output.split() for block, output in zip(blocks, outputs, strict=True) if "s3 sync" in block)
    assert int(counts[0]) == int(counts[1]) > 0, "the copy of the bucket is not whole"
    assert volume.python.exists(), "--repair built nothing"
    icon = json.loads((app / ".runpod/hub.json").read_text())["iconUrl"]
    assert icon == "https://raw.githubusercontent.com/someone/f5-voice-worker/main/.runpod/icon.png"


def test_each_line_of_a_log_that_the_runbook_quotes_is_one_that_the_code_writes() -> None:
    table = RUNBOOK.partition("| line in the log |")[2].partition("\n\n")[0]
    quoted = re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE)
    assert len(quoted) >= 8
    patterns = ("*.py", "worker/*.py", "tts/**/*.py", "deploy/*.py")
    files = [path for pattern in patterns for path in ROOT.glob(pattern)]
    source = re.sub(r'"\s*\n\s*f?"', "", "\n".join(path.read_text(encoding="utf-8") for path in files))
    assert [line for line in quoted if line not in source] == []


def test_no_example_uses_runpod_s_rest_api_v1() -> None:
    patterns = ("*.md", "examples/*", "docs/*.md", "deploy/**/*", ".github/**/*")
    files = [path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()]
    assert [path for path in files if NO_REST_V1.search(path.read_text(encoding="utf-8"))] == []


REQUESTS = {("PUT", True): "s3:PutObject", ("GET", True): "s3:GetObject", ("HEAD", True): "s3:GetObject",
            ("DELETE", True): "s3:DeleteObject", ("GET", False): "s3:ListBucket"}
"""Method, and whether it names an object -> the right that it needs ("Required permissions for Amazon S3 API
operations" in Amazon's user guide). HEAD of an object that is not there is 404 only for who may list."""


def test_the_policy_grants_what_a_worker_asks_for_and_nothing_else() -> None:
    s3: Any = start_s3({"test-key": "test-secret"}, ["rights"])
    parts = runpod_handler.build_parts(Settings(
        s3_bucket="rights", s3_access_key_id="test-key", s3_secret_access_key="test-secret",
        s3_endpoint_url=s3.endpoint_url))
    handler = runpod_handler.make_handler(parts)
    voice = base64.b64encode(spoken_wav(WORDS)).decode()
    for job in ({"endpoint": "upload", "voice_name": "anna", "voice_file_base64": voice, "reference_text": WORDS},
                {"text": "Hello.", "timing_format": "all", "job_id": "a"}, {"endpoint": "list_voices"},
                {"endpoint": "result", "job_id": "a"}, {"endpoint": "download", "job_id": "a", "type": "timing"},
                {"endpoint": "delete_voice", "voice_name": "anna"}, {"endpoint": "health"}):
        assert "error" not in asyncio.run(handler({"id": "r", "input": job}))
    s3.stop()
    used = {REQUESTS[seen.method, bool(seen.key)] for seen in s3.seen}
    policy = json.loads((ROOT / "deploy/s3/policy.json").read_text())
    granted = [statement["Action"] for statement in policy["Statement"]]
    assert used == {each for action in granted for each in ([action] if isinstance(action, str) else action)}
    assert all(statement["Resource"].startswith("arn:aws:s3:::BUCKET") for statement in policy["Statement"])


def test_the_retention_keeps_a_record_for_at_least_as_long_as_its_files() -> None:
    rules = json.loads((ROOT / "deploy/s3/lifecycle.json").read_text())["Rules"]
    days = {rule["Filter"]["Prefix"]: rule["Expiration"]["Days"] for rule in rules}
    assert set(days) == {"output/", "timings/", "jobs/", "uploads/"}
    assert days["jobs/"] >= max(days["output/"], days["timings/"])
