"""Runs the commands of README.md as a newcomer would."""
from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from tests.doubles.speech import spoken_wav

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
NATURE = "Some call me nature, others call me mother nature."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `./run` is the project's, and the files that the samples name exist."""
    made = tmp_path_factory.mktemp("readme")
    (made / "run").write_text(f'#!/usr/bin/env bash\nexec "{ROOT}/run" "$@"\n')
    (made / "run").chmod(0o755)
    (made / "recording.wav").write_bytes(spoken_wav(NATURE))
    (made / "words.txt").write_text(NATURE)
    return made


def commands() -> list[str]:
    lines = "\n".join(BLOCKS).replace("\\\n", " ").splitlines()
    servers = ("./run serve", "./run whisperx-api")  # tried below, and in tests/transcription
    return [line for line in lines if line.startswith("./run") and not line.startswith(servers)]


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_readme_does_its_work(folder: Path, command: str) -> None:
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    if " align " in command:
        assert "mother nature." in done.stdout
    elif " list" in command:
        assert [voice["name"] for voice in json.loads(done.stdout)["voices"]] == ["anna"]
    elif " help" in command:
        assert done.stdout.startswith("usage: ./run")
    else:
        assert json.loads(done.stdout)["status"] == "completed"
    if "--out out" in command:
        kinds = {path.suffix for path in (folder / "out").iterdir()}
        assert {".wav", ".srt", ".vtt", ".csv", ".json", ".ass", ".html"} <= kinds


def test_the_first_curl_of_the_readme_gets_an_answer(folder: Path) -> None:
    serve, = (block.strip() for block in BLOCKS if block.startswith("./run serve"))
    curl, = (block.strip() for block in BLOCKS if "127.0.0.1:8000" in block)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    server = subprocess.Popen(f"exec {serve.replace('8000', port)}", shell=True, cwd=folder)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/docs")
                break
            except OSError:
                time.sleep(0.1)
        answer = subprocess.run(curl.replace("8000", port), shell=True, capture_output=True, text=True, timeout=120)
    finally:
        server.terminate()
        server.wait(20)
    output = json.loads(answer.stdout)["output"]
    assert output["status"] == "completed"
    assert set(output["timing_files"]) == {"srt"}


def test_every_file_that_the_documents_link_to_is_there() -> None:
    for document in (ROOT / name for name in ("README.md", "API.md", "CONFIG.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8")):
            assert (ROOT / target).exists(), f"{document.name} links to {target}"


def test_the_scripts_of_the_project_can_be_executed() -> None:
    for name in ("run", "test", ".ci/run", "examples/first_jobs.sh", "examples/burn_captions.sh"):
        assert os.access(ROOT / name, os.X_OK), name
