"""The shape of the code: how large rooms, files and functions are, and that imports run one way."""
from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.rooms.test_rooms import FILES, ROOT, room_of

MAX_FUNCTION_LINES = 50
MAX_FILE_LINES = 450
MAX_CHAIN = 7
"""Imports from `runpod_handler` down; `cli` stands on the handler."""
LONG_FILES = {"s3_utils.py", "setup_network_venv.py"}
"""People call these by their one name."""
PRIVATE_WORDS = {"hear", "listen", "tell", "told", "heard", "shown", "lacking"}
"""Words that a reader of papers or of upstream would not search for."""
ARCHITECTURE = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def n_lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    functions = [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = {node.name: node.end_lineno - node.lineno + 1 for node in functions
            if node.end_lineno and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES}
    assert not long


@pytest.mark.parametrize("path", [path for path in FILES if name_of(path) not in LONG_FILES], ids=name_of)
def test_a_file_has_one_subject(path: Path) -> None:
    assert n_lines(path) <= MAX_FILE_LINES


def test_no_room_holds_more_than_a_quarter_of_the_code() -> None:
    sizes: Counter[str] = Counter()
    for path in FILES:
        sizes[room_of(path)] += n_lines(path)
    room, largest = sizes.most_common(1)[0]
    assert largest <= sizes.total() / 4, f"{room} has {largest} of {sizes.total()} lines"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_names_are_those_of_the_field(path: Path) -> None:
    names = {node.name for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    names |= {node.id for node in ast.walk(tree(path)) if isinstance(node, ast.Name)}
    names |= {node.arg for node in ast.walk(tree(path)) if isinstance(node, ast.arg)}
    assert not {name for name in names if set(name.strip("_").split("_")) & PRIVATE_WORDS}


def unit_of(module: str) -> str:
    """A module by its name, those of a folder inside a room (text/english, tts/f5) by the folder's."""
    path = ROOT.joinpath(*module.split("."))
    inner = path if path.is_dir() else path.parent
    return ".".join(inner.relative_to(ROOT).parts) if len(inner.relative_to(ROOT).parts) > 1 else module


def imported_units(path: Path, units: set[str]) -> set[str]:
    """Units of ours that are loaded with this one; imports inside functions run later and count for nothing."""
    found: set[str] = set()
    for node in tree(path).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            inner = {name for name in names if unit_of(name) in units}
            # `from text import spoken` is an import of the module alone: a room's face holds no code of its rooms.
            found |= inner if inner and len(inner) == len(names) else inner | {node.module}
    return {unit_of(name) for name in found} & units


def imports_by_unit() -> dict[str, set[str]]:
    module = {path: name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in FILES}
    units = {unit_of(name) for name in module.values()}
    below: dict[str, set[str]] = {unit: set() for unit in units}
    for path, name in module.items():
        below[unit_of(name)] |= imported_units(path, units) - {unit_of(name)}
    return below


def test_imports_run_one_way_and_not_far() -> None:
    below = imports_by_unit()
    longest: dict[str, list[str]] = {}

    def visit(unit: str, above: tuple[str, ...]) -> list[str]:
        assert unit not in above, f"cycle: {' -> '.join((*above, unit))}"
        if unit not in longest:
            # A room's face offers what its modules hold; the modules do not import their face.
            chains = [visit(name, (*above, unit)) for name in sorted(below[unit]) if not unit.startswith(f"{name}.")]
            longest[unit] = [unit, *max(chains, key=len, default=[])]
        return longest[unit]

    chain = max((visit(unit, ()) for unit in sorted(set(below) - {"cli"})), key=len)
    assert len(chain) - 1 <= MAX_CHAIN, " -> ".join(chain)


def test_the_architecture_names_files_that_exist() -> None:
    rows = re.findall(r"^\| [^|`]+ \| `([\w./]+)` \|", ARCHITECTURE.partition("## Where to begin")[2], re.MULTILINE)
    assert len(rows) == 12
    assert [row for row in rows if not (ROOT / row).is_file()] == []


def test_the_tables_that_the_architecture_names_are_in_those_files() -> None:
    for file, table in re.findall(r"\| `([\w./]+)` \| .*?one row in `(\w+)`", ARCHITECTURE):
        assert re.search(rf"^{table}\b", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), (file, table)
