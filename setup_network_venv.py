"""Builds the worker's Python environment from its lock file, and fetches its models, on a network volume or anywhere.

The environment lies at `<root>/venv-<profile>-<hash>`, where the hash covers the lock file and the Python that
runs it: another lock is another folder, so a running worker never sees its packages change. It is built in place,
because an environment's scripts hold its path, and is complete only when the file `.complete` stands in it, which
is written last. A model lies in `<models>/.content/<name>-<hash of its pins>` and is reached by a link, so two
versions with different pins never replace each other's files. What a disk lost or changed is found (`verify`) by what
was recorded at installation, and healed (`repair`) by fetching that alone anew. Standard library only: this runs
before anything is installed. What is slow to import is imported where it is used, since a start waits for this.
"""
from __future__ import annotations

import argparse
import errno
import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import FrameType
from typing import IO, NamedTuple

HERE = Path(__file__).resolve().parent
LOCKS = HERE / "locks"
MB, GB = 1_000_000, 1_000_000_000


class Profile(NamedTuple):
    imports: tuple[str, ...]
    """What must import before the environment counts as complete."""
    n_bytes: int
    """Its size when complete, measured."""


_FULL = ("runpod", "boto3", "torch", "torchaudio", "whisperx", "f5_tts.model", "huggingface_hub")
PROFILES = {
    "run": Profile(("runpod", "boto3", "pydantic", "soundfile", "pocketsphinx", "espeakng_loader"), 500 * MB),
    "full": Profile(_FULL, 8_450 * MB),
    "test": Profile((*_FULL, "pytest", "moto"), 8_600 * MB),
}


class ModelFile(NamedTuple):
    """A row of locks/models.txt."""

    folder: str
    licence: str
    source: str
    path: str
    n_bytes: int
    sha256: str


NEEDED_MODELS = ("f5", "vocos", "align/en")
"""What a worker with F5 and English timing cannot do without."""

CACHED_MODELS = Path("/runpod-volume/huggingface-cache/hub")
"""RunPod puts an endpoint's cached model there, laid out by the hub's own client; pinned files there are used."""

_FLASH_ATTN = "https://github.com/Dao-AILab/flash-attention/releases/download/v2.8.3/"
FLASH_ATTN = {
    (torch, "12", python, "x86_64", True): (
        f"{_FLASH_ATTN}flash_attn-2.8.3%2Bcu12torch{torch}cxx11abiTRUE-{python}-{python}-linux_x86_64.whl", sha256)
    for torch, python, sha256 in (
        ("2.8", "cp311", "3d41b2fc55753faa7f45d6568ea73a96b96afb48b82994ab9b49bcbcb6c87588"),
        ("2.8", "cp312", "f25da18657a87fc83dc1bfb8b7751b82246e9db355510226b674fd437c34b5fb"),
        ("2.8", "cp313", "7dd8c64a414130c82d83a472f5498c1b899fba37a30e2a793a7a4dc5dd61a062"),
        ("2.9", "cp312", "4e2f9e39313266b1544b68138b15b91ee6221eccf14f7902b7c6620351340810"),
    )
}
"""(torch, CUDA, Python, machine, C++11 ABI) -> the wheel built for just these, and its sha256.

What ships, and the next Pythons and PyTorch for which the release has one.
"""

HEARTBEAT_S, STALE_S = 5.0, 120.0
"""How often a builder renews its lock, and for how long it may fail to before another builder takes over."""
UNUSED_S = 24 * 3600.0
"""After this long without a worker, `prune` removes an environment."""
LEAST_ROOM = 50 * MB
"""A build stops when less is free."""
NO_ROOM = ("No space left on device", "Disk quota exceeded", "os error 28", "os error 122")
NO_ROOM_CODES = (errno.ENOSPC, errno.EDQUOT)


class SetupError(Exception):
    """The environment or a model cannot be had; the message says what to do about it."""


# What others call.

def ensure(root: Path, profile: str, flash_attn: bool = False) -> Path:
    """The Python of a complete environment for `profile` below `root`; builds it when there is none.

    Raises SetupError. The file `.complete` is touched: its time of change is that of the last use, which `prune` reads.
    """
    environment = environment_path(root, profile, flash_attn)
    if not is_complete(environment):
        _open_root(root, environment)
        with Lock(environment) as lock:
            if not is_complete(environment):
                _build(environment, profile, lock, flash_attn)
    _touch(environment / ".complete")
    return python_of(environment)


def ensure_models(names: Sequence[str], python: Path, links: Path | None = None) -> None:
    """Has each of `names` at `<links>/<name>` (MODELS_DIR/<name>), fetched unless it is there.

    `python` has huggingface_hub. Raises SetupError.
    """
    folder = models_root()
    for name, files in _pins(names).items():
        ensure_model(folder, name, files, python, links)


def verify(environment: Path, profile: str, models: Sequence[str] = (), contents: bool = True) -> list[str]:
    """What is missing or changed, a line for each file; by size alone unless `contents`.

    Damage is written down: the next `ensure` or `ensure_models` repairs it.
    """
    damage = []
    for package, lines in _damaged(environment, profile, contents).items():
        damage += [f"{package}: {line}" for line in lines]
        _mark(environment)
    for name, files in _pins(models).items():
        folder = content_path(models_root(), name, files)
        wrong = [file.path for file in files if folder.is_dir() and not _is_pinned(folder / file.path, file, contents)]
        damage += [f"model {name}: {path} is missing or changed" for path in wrong]
        if wrong:
            _mark(folder)
    return damage


def prune(root: Path, keep: Path) -> None:
    """Removes environments below `root` that no worker has used for a day, what killed builders left, and models in
    MODELS_DIR that are pinned no longer and have not been used for a day.

    A worker says that it uses one by touching `.complete`: when it starts, and while it runs.
    """
    for environment in sorted(root.glob("venv-*-*")):
        if environment == keep or not environment.is_dir() or _idle_s(root, environment) < UNUSED_S:
            continue
        with Lock(environment):
            doomed = environment.with_name(f".removed-{environment.name}")
            environment.rename(doomed)
    for marker in sorted(models_root().glob(".content/*/.complete")):
        pinned = {content_path(models_root(), name, files) for name, files in known_models().items()}
        if marker.parent not in pinned and _clock_s(models_root()) - marker.stat().st_mtime > UNUSED_S:
            _say(f"removing model {marker.parent.name}")
            shutil.rmtree(marker.parent, ignore_errors=True)
    for doomed in root.glob(".removed-venv-*"):
        _say(f"removing {doomed.name.removeprefix('.removed-')}")
        shutil.rmtree(doomed, ignore_errors=True)


def environment_path(root: Path, profile: str, flash_attn: bool = False) -> Path:
    lock = (LOCKS / f"{profile}.txt").read_bytes()
    interpreter = f"{sys.implementation.cache_tag}-{platform.system()}-{platform.machine()}"
    extra = repr(sorted(FLASH_ATTN.items())) if flash_attn else ""
    digest = hashlib.sha256(lock + interpreter.encode() + extra.encode()).hexdigest()[:12]
    return root / f"venv-{profile}-{digest}"


def is_complete(environment: Path) -> bool:
    """Also false when the Python that it was made with is gone, say after a change of the image."""
    return (environment / ".complete").is_file() and os.access(python_of(environment), os.X_OK)


def python_of(environment: Path) -> Path:
    return environment / "bin" / "python"


def models_root() -> Path:
    return Path(os.environ.get("MODELS_DIR", HERE / "models")).resolve()


def content_path(models: Path, name: str, files: Sequence[ModelFile]) -> Path:
    """Where the bytes of a model lie: another pin is another folder."""
    digest = hashlib.sha256("".join(file.sha256 for file in files).encode()).hexdigest()[:12]
    return models / ".content" / f"{name.replace('/', '-')}-{digest}"


def known_models() -> dict[str, list[ModelFile]]:
    """The rows of locks/models.txt by folder."""
    models: dict[str, list[ModelFile]] = {}
    for line in (LOCKS / "models.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            folder, licence, source, path, n_bytes, sha256 = line.split()
            models.setdefault(folder, []).append(ModelFile(folder, licence, source, path, int(n_bytes), sha256))
    return models


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Builds the worker's Python environment from its lock file, unless it is there, and prints the "
                    "path of its Python, alone, on standard output. Several may run at once, on several machines: "
                    "one builds, the others wait. May be killed at any point and run again.")
    parser.add_argument("--root", type=Path, default=Path(os.environ.get("VENV_ROOT", HERE / ".venvs")),
                        help="folder that holds the environments (VENV_ROOT, default ./.venvs)")
    parser.add_argument("--profile", choices=sorted(PROFILES), default="full",
                        help="run: the embedded engine, no torch; full: all that ships; test: that and what tests need")
    parser.add_argument("--flash-attn", action="store_true",
                        help="add the flash-attn wheel that fits, if one does; makes an environment of its own")
    parser.add_argument("--models", nargs="*", metavar="NAME",
                        help="fetch these models of locks/models.txt into MODELS_DIR (./models) as well; without a "
                             f"name: {' '.join(NEEDED_MODELS)}. Folders filled by hand are left alone")
    parser.add_argument("--links", type=Path, metavar="DIR",
                        help="make the links to the models in DIR instead of MODELS_DIR: one worker's own view of them")
    parser.add_argument("--verify", nargs="?", const="contents", choices=("sizes", "contents"),
                        help="build nothing; name every file of the environment, and of the models named, that is "
                             "missing or changed, by size alone or (default) by hash; the next start repairs them")
    parser.add_argument("--repair", action="store_true", help="verify, by hash, and fetch what is damaged anew")
    parser.add_argument("--prune", action="store_true",
                        help="remove environments, and models pinned no longer, that no worker has used for a day")
    arguments = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, _stop)
    os.umask(0o022)  # What is built here is for every user of the machine.
    root = arguments.root.resolve()
    try:
        return _run(root, arguments)
    except SetupError as error:
        _say(f"error: {error}")
        return 1
    except OSError as error:
        _say(f"error: {_no_room(root, LEAST_ROOM) if error.errno in NO_ROOM_CODES else error}")
        return 1


def _run(root: Path, arguments: argparse.Namespace) -> int:
    environment = environment_path(root, arguments.profile, arguments.flash_attn)
    models = () if arguments.models is None else arguments.models or NEEDED_MODELS
    if arguments.prune:
        prune(root, environment)
    if arguments.verify or arguments.repair:
        damage = verify(environment, arguments.profile, models, contents=arguments.verify != "sizes")
        for line in damage:
            _say(f"damaged: {line}")
        if arguments.verify and not arguments.repair:
            whole = not damage and is_complete(environment)
            _say(f"{environment.name} is " + (
                "as it was installed" if whole else f"damaged in {len(damage)} places: the next start repairs them"
                if damage else "not complete: the next start builds it"))
            return 0 if whole else 1
    python = ensure(root, arguments.profile, arguments.flash_attn)
    ensure_models(models, python, arguments.links)
    print(python)
    return 0


def _stop(signum: int, frame: FrameType | None) -> None:
    sys.exit(128 + signum)


# The environment.

def _build(environment: Path, profile: str, lock: Lock, flash_attn: bool = False) -> None:
    """Fills `environment` from the profile's lock; what an earlier, killed build fetched is used, what is damaged is
    fetched anew."""
    started_s = time.monotonic()
    environment.mkdir(exist_ok=True)
    _check_room(environment, profile)
    watch = _watcher(environment, profile, lock)
    uv = _installer(environment, watch)
    known_damage = environment / ".damaged"
    if not (environment / ".installing").exists():
        _drop(environment, _damaged(environment, profile, contents=known_damage.exists()))
    _install(uv, environment, profile, watch)
    if flash_attn:
        _install_flash_attn(uv, environment, watch)
    _say("checking that they import")
    _import(environment, profile, watch, lambda: _install(uv, environment, profile, watch))
    lock.check()
    known_damage.unlink(missing_ok=True)
    (environment / ".complete").write_text(f"{profile}\n")
    shutil.rmtree(_cache_of(environment), ignore_errors=True)
    _say(f"{environment.name} is complete after {time.monotonic() - started_s:.0f} s")


def _import(environment: Path, profile: str, watch: Callable[[int], None], install: Callable[[], None]) -> None:
    """Raises SetupError when the packages do not import, also after those with changed files were laid out anew."""
    imports = "; ".join(f"import {name}" for name in PROFILES[profile].imports)
    try:
        _step([python_of(environment), "-c", imports], "importing the packages", environment, watch)
    except SetupError:
        damage = _damaged(environment, profile, contents=True)
        if not damage:
            raise
        _drop(environment, damage)
        install()
        _step([python_of(environment), "-c", imports], "importing the packages", environment, watch)


def _touch(marker: Path) -> None:
    try:
        os.utime(marker)
    except OSError:
        return  # A volume attached for reading only, or another user's, is fine once all is there.


def _check_room(environment: Path, profile: str) -> None:
    """Counts what is there already, and twice what is not where the installer's cache cannot share its files."""
    missing = max(0, PROFILES[profile].n_bytes - _tree_bytes(environment))
    needed = missing if _can_hardlink(environment) else 2 * missing
    if shutil.disk_usage(environment).free < needed:
        raise _no_room(environment, needed)


def _can_hardlink(folder: Path) -> bool:
    name, link = folder / f".link-{os.getpid()}", folder / f".link-{os.getpid()}.2"
    try:
        name.write_text("")
        link.hardlink_to(name)
    except OSError:
        return False
    finally:
        name.unlink(missing_ok=True)
        link.unlink(missing_ok=True)
    return True


def _watcher(environment: Path, profile: str, lock: Lock) -> Callable[[int], None]:
    reported_s = time.monotonic()

    def watch(pid: int) -> None:
        nonlocal reported_s
        lock.check()
        if shutil.disk_usage(environment).free < LEAST_ROOM:
            raise _no_room(environment, PROFILES[profile].n_bytes)
        if time.monotonic() - reported_s > 10 and (environment / ".installing").exists():
            reported_s = time.monotonic()
            n_there = len(list(environment.glob("lib/python*/site-packages/*.dist-info")))
            _say(f"{_written_bytes(pid) / MB:.0f} of about {PROFILES[profile].n_bytes / MB:.0f} MB were fetched, "
                f"{n_there} packages are in place")

    return watch


def _written_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/io").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("wchar")))
    except (OSError, StopIteration):
        return 0


def _installer(environment: Path, watch: Callable[[int], None]) -> Path:
    """uv, in a small environment of its own; made anew unless it runs, since a build may have been killed in it."""
    tools = environment / ".tools"
    uv = tools / "bin" / "uv"
    if not _runs(uv):
        shutil.rmtree(tools, ignore_errors=True)
        _say("fetching the installer (uv)")
        _step([sys.executable, "-m", "venv", tools], "making the installer's environment", environment, watch)
        _step([tools / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check",
              "--require-hashes", "-r", LOCKS / "uv.txt"], "installing uv", environment, watch)
    return uv


def _runs(program: Path) -> bool:
    try:
        return subprocess.run([program, "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


def _install(uv: Path, environment: Path, profile: str, watch: Callable[[int], None]) -> None:
    """Puts exactly the locked packages there. After a kill the packages are laid out anew, from what was fetched:
    half a package can look like a whole one."""
    unfinished = environment / ".installing"
    if unfinished.exists():
        _say("an earlier build was interrupted: laying its packages out anew")
        shutil.rmtree(environment / "lib", ignore_errors=True)
    unfinished.touch()
    _step([uv, "venv", "--quiet", "--allow-existing", "--python", _common_python(), environment],
         "making the environment", environment, watch, **_cache_environ(environment))
    _say(f"installing the {profile} packages, {PROFILES[profile].n_bytes / GB:.1f} GB, from locks/{profile}.txt")
    _step([uv, "pip", "sync", "--require-hashes", "--python", python_of(environment), LOCKS / f"{profile}.txt"],
         "installing the packages", environment, watch, **_cache_environ(environment))
    unfinished.unlink()


def _common_python() -> str:
    """This Python, or one of the same version that every user may run where this one lies in somebody's home."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for python in (Path(os.path.realpath(sys.executable)), Path("/usr/local/bin", version), Path("/usr/bin", version)):
        if python.is_file() and all(place.stat().st_mode & 0o001 for place in (python, *python.parents)):
            return str(python)
    return sys.executable


def _cache_of(environment: Path) -> Path:
    return environment / ".cache"


def _cache_environ(environment: Path) -> dict[str, str]:
    """Fetched wheels are kept where they share their bytes with the environment, so never on another disk; and not
    where damage to the environment's files is damage to theirs."""
    if (environment / ".damaged").exists():
        return {"UV_CACHE_DIR": str(_cache_of(environment))}
    usual = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))  # noqa: PTH111, raises without HOME
    usable = os.access(usual, os.W_OK) and usual.stat().st_dev == environment.stat().st_dev
    return {} if usable or "UV_CACHE_DIR" in os.environ else {"UV_CACHE_DIR": str(_cache_of(environment))}


def _install_flash_attn(uv: Path, environment: Path, watch: Callable[[int], None]) -> None:
    """F5 works without it, by PyTorch's own attention; one warning says when that is so."""
    facts = ("import sys, torch; print('.'.join(torch.__version__.split('.')[:2]), (torch.version.cuda or '-')"
             ".split('.')[0], f'cp{sys.version_info[0]}{sys.version_info[1]}', torch.compiled_with_cxx11_abi())")
    found = subprocess.run([python_of(environment), "-c", facts], capture_output=True, text=True).stdout.split()
    torch, cuda, python, abi = (*found, "", "", "", "")[:4]
    wheel = FLASH_ATTN.get((torch, cuda, python, platform.machine(), abi == "True"))
    if wheel is None:
        _say(f"warning: no flash-attn wheel is known for torch {torch}, CUDA {cuda}, {python}, C++11 ABI {abi}; "
            "attention runs by PyTorch")
        return
    try:
        _step([uv, "pip", "install", "--no-deps", "--python", python_of(environment),
              f"flash-attn @ {wheel[0]}#sha256={wheel[1]}"], "installing flash-attn", environment, watch)
    except SetupError as error:
        _say(f"warning: {error}; attention runs by PyTorch")


# Damage, found by what every package recorded of its files (RECORD, packaging.python.org), and healed.

def _damaged(environment: Path, profile: str, contents: bool) -> dict[str, list[str]]:
    """Each damaged package, by the name of its dist-info, and what is wrong with it; {} where nothing is installed."""
    site = next(environment.glob("lib/python*/site-packages"), None)
    if site is None:
        return {}
    damage = {info.name: _damage(site, info, contents) for info in sorted(site.glob("*.dist-info"))}
    there = {_canonical(name.removesuffix(".dist-info")) for name in damage}
    for package in re.findall(r"^([\w.-]+==[^\s;\\]+)(?!.*;)", (LOCKS / f"{profile}.txt").read_text(), re.MULTILINE):
        if _canonical(package) not in there:
            damage[package] = ["all of it is missing"]
    return {name: files for name, files in damage.items() if files}


def _canonical(package: str) -> str:
    return re.sub(r"[-_.=]+", "-", package).lower()


def _damage(site: Path, info: Path, contents: bool) -> list[str]:
    """What is wrong with one package."""
    import csv

    try:
        rows = [row for row in csv.reader((info / "RECORD").read_text().splitlines()) if row]
    except (OSError, ValueError) as error:
        return [f"{info.name}/RECORD cannot be read ({error})"]
    if [f"{info.name}/RECORD"] not in [row[:1] for row in rows] or any(len(row) != 3 for row in rows):
        return [f"{info.name}/RECORD is not whole"]
    wrong = []
    for path, digest, size in rows:
        try:
            actual = (site / path).stat().st_size
        except OSError:
            wrong.append(f"{path} is missing")
            continue
        if (size and actual != int(size)) or (contents and digest and not _has_digest(site / path, digest)):
            wrong.append(f"{path} is changed")
    return wrong


def _has_digest(path: Path, recorded: str) -> bool:
    """`recorded` is RECORD's `algorithm=digest`, base64 for URLs without padding."""
    import base64

    algorithm, _, digest = recorded.partition("=")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).digest()
    return base64.urlsafe_b64encode(found).rstrip(b"=").decode() == digest


def _drop(environment: Path, damage: dict[str, list[str]]) -> None:
    """Makes the installer lay the damaged packages out anew: one without its dist-info is not there."""
    if not damage:
        return
    _mark(environment)
    shutil.rmtree(_cache_of(environment), ignore_errors=True)
    for package, files in damage.items():
        for file in files:
            _say(f"damaged: {package}: {file}")
        for info in environment.glob(f"lib/python*/site-packages/{package}"):
            shutil.rmtree(info)


def _mark(folder: Path) -> None:
    """Notes that `folder` is damaged: it is incomplete, and its contents are looked through before it is used."""
    try:
        (folder / ".damaged").touch()
        (folder / ".complete").unlink(missing_ok=True)
    except OSError as error:
        _say(f"{folder} is damaged and cannot be written ({error.strerror}): it stays so")


# The models.

def _pins(names: Sequence[str]) -> dict[str, list[ModelFile]]:
    if not names:
        return {}
    models = known_models()
    for name in names:
        if name not in models:
            raise SetupError(f"there is no model {name!r}; known are {', '.join(models)}")
    return {name: models[name] for name in names}


def ensure_model(models: Path, name: str, files: Sequence[ModelFile], python: Path, links: Path | None = None) -> None:
    """Fetches a model below `models` unless it lies there, and links `<links>/<name>` (`<models>/<name>`) to it."""
    folder = models / name
    if _is_by_hand(folder):
        _say(f"{folder} was put there by hand and is left as it is")
    elif folder.is_symlink() or not _has_model(folder, files):  # A real folder is what earlier versions made.
        folder = content_path(models, name, files)
        if not _has_model(folder, files):
            _open_root(models, folder)
            folder.parent.mkdir(exist_ok=True)
            with Lock(folder) as lock:
                if not _has_model(folder, files):
                    _fetch_model(folder.with_name(f"{folder.name}.part"), folder, files, python, lock)
    _touch(folder / ".complete")
    _link((links or models) / name, folder)


def _is_by_hand(folder: Path) -> bool:
    return (folder.is_dir() and not folder.is_symlink() and any(folder.iterdir())
            and not (folder / ".complete").exists() and not (folder / ".damaged").exists())


def _has_model(folder: Path, files: Sequence[ModelFile]) -> bool:
    """By the sizes: the contents were checked when they were fetched, and are when a worker loads them."""
    try:
        return (folder / ".complete").read_text() == repr(files) and all(
            (folder / file.path).stat().st_size == file.n_bytes for file in files)
    except OSError:
        return False


def _link(link: Path, folder: Path) -> None:
    if link == folder or (link.is_symlink() and link.resolve() == folder.resolve()):
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_dir() and not link.is_symlink():
        old = link.with_name(f".{link.name}-old-{os.getpid()}")
        link.rename(old)
        shutil.rmtree(old, ignore_errors=True)
    target = os.path.relpath(folder, link.parent) if folder.parent.parent in link.parents else folder
    new = link.with_name(f".{link.name}-new-{os.getpid()}")
    new.symlink_to(target)
    new.replace(link)


def _fetch_model(part: Path, folder: Path, files: Sequence[ModelFile], python: Path, lock: Lock) -> None:
    """Fetches into `part`, which becomes `folder` at the end: nothing is copied, and `folder` is never half full.

    What is left of a damaged `folder` is kept where it is as pinned."""
    if folder.is_dir():
        _say(f"{folder.name} is damaged: what is missing or changed in it is fetched anew")
        shutil.rmtree(part, ignore_errors=True)
        folder.rename(part)
    part.mkdir(exist_ok=True)
    n_bytes = sum(file.n_bytes for file in files)
    if shutil.disk_usage(part).free < n_bytes - _tree_bytes(part):
        raise _no_room(part.parent, n_bytes)
    for file in files:
        _fetch_file(part, file, python, lock)
    shutil.rmtree(part / ".cache", ignore_errors=True)
    (part / ".damaged").unlink(missing_ok=True)
    (part / "SHA256SUMS").write_text("".join(f"{file.sha256}  {file.path}\n" for file in files))
    (part / ".complete").write_text(repr(files))
    lock.check()
    part.rename(folder)
    _say(f"{folder} is complete")


def _fetch_file(part: Path, file: ModelFile, python: Path, lock: Lock) -> None:
    """Raises SetupError when what arrives is not what is pinned. What lay there before gets one try more."""
    path = part / file.path
    if not path.is_symlink() and _is_pinned(path, file):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() or (path.is_file() and path.stat().st_size >= file.n_bytes):
        path.unlink()
    cached = _cached(file)
    if cached is not None:
        _say(f"using {file.path} of {file.source} from RunPod's cache")
        path.unlink(missing_ok=True)
        path.symlink_to(cached)
        return
    was_there = path.is_file()
    _say(f"fetching {file.folder}: {file.path}, {file.n_bytes / MB:.0f} MB, licence {file.licence}")
    _fetch(part, file, python, lock)
    try:
        _check_file(path, file, lock)
    except SetupError:
        if not was_there:
            raise
        _fetch(part, file, python, lock)
        _check_file(path, file, lock)


def _cached(file: ModelFile) -> Path | None:
    """The pinned file in RunPod's cache, if it holds the pinned revision whole."""
    repository, _, revision = file.source.partition("@")
    path = CACHED_MODELS / f"models--{repository.replace('/', '--')}" / "snapshots" / revision / file.path
    return path if "://" not in file.source and _is_pinned(path, file) else None


def _is_pinned(path: Path, file: ModelFile, contents: bool = True) -> bool:
    try:
        if path.stat().st_size != file.n_bytes:
            return False
        with path.open("rb") as stream:
            return not contents or hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256
    except OSError:
        return False


def _fetch(part: Path, file: ModelFile, python: Path, lock: Lock) -> None:
    if "://" in file.source:
        _fetch_url(f"{file.source}/{file.path}", part / file.path, file.n_bytes, lock)
    else:
        _fetch_from_hub(part, file, python, lock)


def _fetch_from_hub(part: Path, file: ModelFile, python: Path, lock: Lock) -> None:
    program = ("import sys, huggingface_hub; repository, revision, path, part = sys.argv[1:]; "
               "huggingface_hub.hf_hub_download(repository, path, revision=revision, local_dir=part)")
    _step([python, "-c", program, *file.source.split("@"), file.path, part],
         f"fetching {file.path} of {file.source}", part, lambda pid: lock.check(), HF_HUB_OFFLINE="0")


def _fetch_url(url: str, path: Path, n_bytes: int, lock: Lock, tries: int = 5) -> None:
    """Continues where an earlier try stopped. Raises SetupError after `tries` that brought nothing new."""
    while (there := path.stat().st_size if path.exists() else 0) < n_bytes:
        try:
            _fetch_rest(url, path, there, n_bytes, lock)
        except OSError as error:
            if error.errno in NO_ROOM_CODES:
                raise
            _say(f"{url}: {error}")
        if not path.exists() or path.stat().st_size <= there:
            tries -= 1
            if not tries:
                raise SetupError(f"{url} cannot be fetched; what arrived is kept for the next try")
            time.sleep(1)


def _fetch_rest(url: str, path: Path, there: int, n_bytes: int, lock: Lock) -> None:
    import urllib.request

    request = urllib.request.Request(url, headers={"Range": f"bytes={there}-"})  # noqa: S310, the table's address
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        continued = answer.status == 206
        with path.open("ab" if continued else "wb") as file:
            while file.tell() < n_bytes and (block := answer.read(1 << 20)):
                file.write(block)
                lock.check()


def _check_file(path: Path, file: ModelFile, lock: Lock) -> None:
    """Raises SetupError, and removes the file, when it is not byte by byte the one that was pinned."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 24):
            digest.update(block)
            lock.check()
    if digest.hexdigest() != file.sha256:
        path.unlink()
        raise SetupError(f"{file.path} is not the file that locks/models.txt pins (sha256 {digest.hexdigest()} "
                         f"instead of {file.sha256}) and was removed: try again; if it stays so, do not use it")


# Old environments.

def _idle_s(root: Path, environment: Path) -> float:
    marker = environment / ".complete"
    return _clock_s(root) - (marker if marker.exists() else environment).stat().st_mtime


# One builder at a time.

class Lock:
    """Held by one process at a time, also among machines that share nothing but a file system.

    The holder owns the highest-numbered of `<path>.lock.1`, `.lock.2`, ... and renews its time of change. Whoever
    finds it not renewed for STALE_S, or its process gone, makes the next number, which succeeds for one only:
    O_EXCL holds on network file systems, where flock often does not.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._number, self._stop = path, 0, threading.Event()

    def __enter__(self) -> Lock:
        reported_s = 0.0
        while not self._take():
            if time.monotonic() - reported_s > 30:
                _say(f"another worker is at {self._path.name}: waiting for it")
                reported_s = time.monotonic()
            time.sleep(min(1.0, HEARTBEAT_S))
        threading.Thread(target=self._heartbeat, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for number in self._numbers():  # Ascending: the one that counts goes last.
            if number <= self._number:
                self._file(number).unlink(missing_ok=True)

    def check(self) -> None:
        """Raises SetupError when another worker took over, as it may after this one was frozen for a while."""
        if self._numbers()[-1:] != [self._number]:
            raise SetupError("this builder did not give a sign of life for too long and another worker took over; "
                             "start again to wait for it")

    def _file(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.lock.{number}")

    def _numbers(self) -> list[int]:
        ends = (path.suffix[1:] for path in self._path.parent.glob(f"{self._path.name}.lock.*"))
        return sorted(int(end) for end in ends if end.isdigit())

    def _take(self) -> bool:
        highest = max(self._numbers(), default=0)
        if highest and self._is_alive(highest):
            return False
        try:
            descriptor = os.open(self._file(highest + 1), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return False
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{_this_host()} {os.getpid()}")
        self._number = highest + 1
        return max(self._numbers(), default=0) == self._number

    def _is_alive(self, number: int) -> bool:
        try:
            with self._file(number).open() as file:  # Opening makes a network file system ask for the time anew.
                host, _, pid = file.read().rpartition(" ")
                age_s = _clock_s(self._path.parent) - os.fstat(file.fileno()).st_mtime
        except FileNotFoundError:
            return True
        if host == _this_host() and not _is_running(int(pid)):
            return False
        return age_s < STALE_S

    def _heartbeat(self) -> None:
        while not self._stop.wait(HEARTBEAT_S):
            try:
                os.utime(self._file(self._number))
            except OSError:
                continue


def _this_host() -> str:
    """The same for processes that can see each other's ids, and for no others."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return platform.node()


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _clock_s(folder: Path) -> float:
    """Now by the clock of the file system, which other machines' times of change are measured by as well."""
    probe = folder / f".clock-{os.urandom(8).hex()}"
    with probe.open("w") as file:
        probe.unlink()
        return os.fstat(file.fileno()).st_mtime


# Room, and commands that are watched.

def _open_root(root: Path, wanted: Path) -> None:
    """Makes `root` unless it exists. Raises SetupError when it cannot hold `wanted`."""
    if not root.parent.is_dir():
        raise SetupError(f"{root.parent} does not exist: is the network volume attached to the endpoint? Attach one, "
                         "or name a folder that exists (VENV_ROOT, MODELS_DIR)")
    try:
        root.mkdir(exist_ok=True)
        _clock_s(root)
    except OSError as error:
        if error.errno in NO_ROOM_CODES:
            raise
        reason = ""
        if (wanted / ".complete").is_file() and python_of(wanted).is_symlink():
            reason = f"{wanted} was made with {python_of(wanted).readlink()}, which this user cannot run, and "
        raise SetupError(f"{reason}{root} cannot be written ({error.strerror}): attach the volume writable, or name "
                         "another folder (VENV_ROOT, MODELS_DIR)") from None


def _no_room(folder: Path, n_bytes: int) -> SetupError:
    free = shutil.disk_usage(folder).free
    return SetupError(
        f"not enough room in {folder}: {n_bytes / GB:.2f} GB are needed, {free / GB:.2f} GB are free (less where a "
        "quota applies). Enlarge the volume, or run setup_network_venv.py --prune there, which removes environments "
        "that no worker has used for a day. What was fetched is kept for the next try")


def _tree_bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def _step(arguments: Iterable[str | Path], what: str, folder: Path, watch: Callable[[int], None],
         **environ: str) -> None:
    """Runs one command, its output on standard error; `watch(pid)` is called every second and may raise.

    Raises SetupError when it fails, which says so where the reason was a lack of room in `folder`.
    """
    process = subprocess.Popen(
        [str(part) for part in arguments], stdout=sys.stderr, stderr=subprocess.PIPE, text=True, errors="replace",
        env={**os.environ, **environ}, preexec_fn=_die_with_parent())
    tail: deque[str] = deque(maxlen=40)
    echo = threading.Thread(target=_echo, args=(process.stderr, tail), daemon=True)
    echo.start()
    try:
        while process.poll() is None:
            watch(process.pid)
            try:
                process.wait(1.0)
            except subprocess.TimeoutExpired:
                continue
    finally:
        process.kill()
        process.wait()
        echo.join()
    if process.returncode and any(sign in line for line in tail for sign in NO_ROOM):
        raise _no_room(folder, LEAST_ROOM)
    if process.returncode:
        raise SetupError(f"{what} failed (exit code {process.returncode}); its output is above. Another try "
                         "continues from here")


def _echo(stream: IO[str] | None, tail: deque[str]) -> None:
    for line in stream or ():
        sys.stderr.write(line)
        tail.append(line)


def _die_with_parent() -> Callable[[], object] | None:
    """For a child to call. Without it, a killed builder's installer would go on writing beside its successor's."""
    if sys.platform != "linux":
        return None
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(1, signal.SIGKILL)  # 1 is PR_SET_PDEATHSIG.


def _say(message: str) -> None:
    print(f"[setup] {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped")
