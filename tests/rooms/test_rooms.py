"""Who may import whom, read from the source: a room that learns of another stops the build."""
from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {"text", "intake", "timing", "captions", "tts", "worker", "transcription", "s3_utils", "storage",
         "setup_network_venv", "runpod_handler", "cli", "benchmarks", "tests"}
MAY_IMPORT = {
    "text": set(), "intake": set(), "storage": set(), "s3_utils": {"storage"},
    "setup_network_venv": set(),
    "tts": {"text"}, "timing": {"text"}, "captions": {"timing", "text"},
    "transcription": {"text", "intake", "timing", "captions", "s3_utils"},
    "worker": {"text", "intake", "timing", "captions", "tts", "s3_utils"},
    "runpod_handler": {"text", "intake", "timing", "captions", "tts", "worker", "s3_utils"},
    "cli": ROOMS - {"tests"},
}
FILES = [path for room in MAY_IMPORT for path in ([ROOT / f"{room}.py"] if (ROOT / f"{room}.py").exists()
                                                 else sorted((ROOT / room).rglob("*.py")))]
MAY_READ_ENVIRONMENT = {"worker/settings.py", "transcription/settings.py", "setup_network_venv.py"}


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_there_are_files_to_check() -> None:
    assert len(FILES) > 25
    assert {room_of(path) for path in FILES} == set(MAY_IMPORT)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_the_rooms_it_may(path: Path) -> None:
    room = room_of(path)
    seen = imports(ast.parse(path.read_text(encoding="utf-8"))) & ROOMS - {room}
    assert seen <= MAY_IMPORT[room]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_environment_is_read_in_settings_and_set_up_alone(path: Path) -> None:
    if str(path.relative_to(ROOT)) in MAY_READ_ENVIRONMENT:
        return
    names = {node.attr for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
             if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os"}
    assert not names & {"environ", "getenv", "putenv"}


def test_set_up_needs_the_standard_library_alone() -> None:
    tree = ast.parse((ROOT / "setup_network_venv.py").read_text(encoding="utf-8"))
    assert imports(tree) <= set(sys.stdlib_module_names)


def test_the_handler_imports_neither_torch_nor_the_sdk_nor_an_engine() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, runpod_handler; print(*sys.modules)"],
        cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    heavy = {"torch", "runpod", "f5_tts", "whisperx", "boto3", "librosa", "tts.espeak", "tts.f5.engine", "pocketsphinx"}
    assert not heavy & set(loaded)
