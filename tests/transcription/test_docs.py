"""docs/WHISPERX.md does what it says, and the image holds what it needs."""
from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.transcription.serving import NATURE, ROOT, Served, finished, nature
from transcription.jobs import keys
from transcription.settings import Settings

TEXT = (ROOT / "docs/WHISPERX.md").read_text(encoding="utf-8")
BLOCKS = {language: re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL) for language in ("sh", "python")}


@pytest.fixture(scope="module")
def served(plain: Served) -> Served:
    """With the recording and the words of the samples beside it."""
    (plain.data.parent / "x.wav").write_bytes(nature())
    (plain.data.parent / "words.txt").write_text(NATURE)
    return plain


def test_the_table_of_settings_is_the_class() -> None:
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| (.*?) \| (.+) \|$", TEXT, re.MULTILINE)
    expected = []
    for each in Settings.model_fields.values():
        default = str(each.default).lower() if isinstance(each.default, bool) else each.default
        expected.append((each.alias, "" if default is None or default == frozenset() else f"`{default}`",
                         each.description))
    assert rows == expected


def test_the_curls_make_jobs(served: Served) -> None:
    curls = [block for block in BLOCKS["sh"] if block.startswith("curl")]
    assert len(curls) == 2
    with served.client() as client:
        for block in curls:
            done = subprocess.run(block.replace("http://127.0.0.1:8001", served.url), shell=True, text=True,
                                  capture_output=True, cwd=served.data.parent, timeout=60)
            job_id = re.findall(r'"job_id":"(\w+)"', done.stdout)[0]
            assert finished(client, job_id)["status"] == "completed"


def test_the_python_sample_prints_words(served: Served) -> None:
    sample, = BLOCKS["python"]
    done = subprocess.run([sys.executable, "-c", sample.replace("http://127.0.0.1:8001", served.url)], text=True,
                          capture_output=True, cwd=served.data.parent, timeout=120)
    assert done.stdout.startswith("[("), done.stderr


def test_the_command_for_a_key_is_right(tmp_path: Path) -> None:
    command, = (block for block in BLOCKS["sh"] if "add-key" in block)
    (tmp_path / "run").write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT}/cli.py "$@"\n')
    (tmp_path / "run").chmod(0o755)
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith(keys.PREFIX), done.stderr
    assert keys.read(tmp_path / "keys.json")[0].hours_per_day == 10


def test_every_file_that_it_links_to_is_there() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", TEXT):
        assert (ROOT / "docs" / target).exists(), target


def test_the_image_holds_every_room_that_the_service_imports() -> None:
    dockerfile = (ROOT / "Dockerfile.whisperx").read_text()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    loaded = subprocess.run(
        [sys.executable, "-c", ("import sys, transcription.http.app, transcription.jobs.worker, timing.whisperx,"
         " timing.pocketsphinx, transcription.command; print(*[m.__file__ for m in sys.modules.values()"
         " if getattr(m, '__file__', None)], sep='\\n')")], cwd=ROOT, capture_output=True, text=True, check=True)
    rooms = {path.relative_to(ROOT).parts[0] for path in map(Path, loaded.stdout.split())
             if path.is_relative_to(ROOT) and ".venvs" not in path.parts}
    for room in rooms:
        assert re.search(rf"^COPY .*\b{re.escape(room)}\b", dockerfile, re.MULTILINE), room
        assert f"!{room}" in ignored, room

