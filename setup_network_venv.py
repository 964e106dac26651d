"""Builds the worker's Python environment from its lock file, on a network volume or anywhere else.

The environment lies at `<root>/venv-<hash>`, where the hash covers the lock file and the Python that
runs it: another lock is another folder, so a running worker never sees its packages change. It is
built in place, because an environment's scripts hold its path, and is complete only when the file
`.complete` stands in it, which is written last. Standard library only: it runs before anything is
installed.
"""
from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOCKS = HERE / "locks"
PROFILES = {
    "run": ("runpod", "boto3", "pydantic", "soundfile", "pocketsphinx", "espeakng_loader"),
    "full": ("runpod", "boto3", "torch", "torchaudio", "whisperx", "f5_tts.model"),
    "test": ("runpod", "boto3", "torch", "torchaudio", "whisperx", "f5_tts.model", "pytest", "moto"),
}
"""Profile -> what it must be able to import before it counts as complete."""


class SetupError(Exception):
    """The environment cannot be built; the message says what to do about it."""


def say(message: str) -> None:
    print(f"[setup] {message}", file=sys.stderr, flush=True)


def environment_path(root: Path, profile: str) -> Path:
    lock = (LOCKS / f"{profile}.txt").read_bytes()
    interpreter = f"{sys.implementation.cache_tag}-{platform.system()}-{platform.machine()}"
    digest = hashlib.sha256(lock + interpreter.encode()).hexdigest()[:12]
    return root / f"venv-{profile}-{digest}"


def is_complete(environment: Path) -> bool:
    return (environment / ".complete").is_file()


def python_of(environment: Path) -> Path:
    return environment / "bin" / "python"


def command(arguments: list[str | Path], what: str) -> None:
    done = subprocess.run([str(a) for a in arguments], stdout=sys.stderr)
    if done.returncode:
        raise SetupError(f"{what} failed (exit code {done.returncode}); its output is above")


def build(environment: Path, profile: str) -> None:
    """Fills `environment` from the profile's lock; what an earlier, killed build left is reused."""
    started = time.monotonic()
    environment.mkdir(parents=True, exist_ok=True)
    tools = environment / ".tools"
    if not (tools / "bin" / "uv").exists():
        shutil.rmtree(tools, ignore_errors=True)
        say("fetching the installer (uv)")
        command([sys.executable, "-m", "venv", tools], "making the installer's environment")
        command(
            [tools / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check",
             "--require-hashes", "-r", LOCKS / "uv.txt"],
            "installing uv",
        )
    uv = tools / "bin" / "uv"
    if not python_of(environment).exists():
        command([uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, environment],
                "making the environment")
    say(f"installing {profile} packages from locks/{profile}.txt")
    command([uv, "pip", "sync", "--require-hashes", "--python", python_of(environment),
             LOCKS / f"{profile}.txt"], "installing the packages")
    say("checking that they import")
    imports = "; ".join(f"import {name}" for name in PROFILES[profile])
    command([python_of(environment), "-c", imports], "importing the packages")
    (environment / ".complete").write_text(f"{profile}\n")
    say(f"{environment.name} is complete after {time.monotonic() - started:.0f} s")


def ensure(root: Path, profile: str) -> Path:
    """The Python of a complete environment for `profile` below `root`; builds it when there is none."""
    environment = environment_path(root, profile)
    if not is_complete(environment):
        build(environment, profile)
    return python_of(environment)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(os.environ.get("VENV_ROOT", HERE / ".venvs")),
                        help="folder that holds the environments (VENV_ROOT, default ./.venvs)")
    parser.add_argument("--profile", choices=sorted(PROFILES), default="full")
    arguments = parser.parse_args(argv)
    try:
        print(ensure(arguments.root.resolve(), arguments.profile))
    except (SetupError, OSError) as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
