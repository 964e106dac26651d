"""Builds the worker's Python environment from its lock file, and fetches its models, on a network volume or anywhere.

The environment lies at `<root>/venv-<profile>-<hash>`, where the hash covers the lock file and the Python that
runs it: another lock is another folder, so a running worker never sees its packages change. It is built in place,
because an environment's scripts hold its path, and is complete only when the file `.complete` stands in it, which
is written last. A model's folder is complete when it exists. Standard library only: this runs before anything is
installed. What is slow to import is imported where it is used, since a worker's start waits for this.
"""
from __future__ import annotations

import argparse
import errno
import hashlib
import os
import platform
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

_FLASH_ATTN = "https://github.com/Dao-AILab/flash-attention/releases/download/v2.8.3/"
FLASH_ATTN = {
    ("2.8", "12", "cp311", "x86_64", True): (
        _FLASH_ATTN + "flash_attn-2.8.3%2Bcu12torch2.8cxx11abiTRUE-cp311-cp311-linux_x86_64.whl",
        "3d41b2fc55753faa7f45d6568ea73a96b96afb48b82994ab9b49bcbcb6c87588"),
}
"""(torch, CUDA, Python, machine, C++11 ABI) -> the wheel built for just these, and its sha256."""

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
        _open_root(root)
        with Lock(environment) as lock:
            if not is_complete(environment):
                _build(environment, profile, lock, flash_attn)
    try:
        os.utime(environment / ".complete")
    except OSError:
        return python_of(environment)  # A volume attached for reading only is fine once all is there.
    return python_of(environment)


def ensure_models(names: Sequence[str], python: Path) -> None:
    """Fetches those of `names` that are not in MODELS_DIR; `python` has huggingface_hub. Raises SetupError."""
    models, folder = known_models(), Path(os.environ.get("MODELS_DIR", HERE / "models")).resolve()
    for name in names:
        if name not in models:
            raise SetupError(f"there is no model {name!r}; known are {', '.join(models)}")
        ensure_model(folder, name, models[name], python)


def prune(root: Path, keep: Path) -> None:
    """Removes environments below `root` that no worker has used for a day, and what killed builders left.

    A worker says that it uses one by touching `.complete`: when it starts, and while it runs.
    """
    for environment in sorted(root.glob("venv-*-*")):
        if environment == keep or not environment.is_dir() or _idle_s(root, environment) < UNUSED_S:
            continue
        with Lock(environment):
            doomed = environment.with_name(f".removed-{environment.name}")
            environment.rename(doomed)
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
    parser.add_argument("--prune", action="store_true",
                        help="remove environments below the root that no worker has used for a day")
    arguments = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, _stop)
    try:
        root = arguments.root.resolve()
        if arguments.prune:
            prune(root, environment_path(root, arguments.profile, arguments.flash_attn))
        python = ensure(root, arguments.profile, arguments.flash_attn)
        if arguments.models is not None:
            ensure_models(arguments.models or NEEDED_MODELS, python)
        print(python)
    except SetupError as error:
        _say(f"error: {error}")
        return 1
    except OSError as error:
        _say(f"error: {_no_room(root, LEAST_ROOM) if error.errno in NO_ROOM_CODES else error}")
        return 1
    return 0


def _stop(signum: int, frame: FrameType | None) -> None:
    sys.exit(128 + signum)


# The environment.

def _build(environment: Path, profile: str, lock: Lock, flash_attn: bool = False) -> None:
    """Fills `environment` from the profile's lock; what an earlier, killed build fetched is used."""
    started_s = time.monotonic()
    environment.mkdir(exist_ok=True)
    _check_room(environment, profile)
    watch = _watcher(environment, profile, lock)
    uv = _installer(environment, watch)
    _install(uv, environment, profile, watch)
    if flash_attn:
        _install_flash_attn(uv, environment, watch)
    _say("checking that they import")
    imports = "; ".join(f"import {name}" for name in PROFILES[profile].imports)
    _step([python_of(environment), "-c", imports], "importing the packages", environment, watch)
    lock.check()
    (environment / ".complete").write_text(f"{profile}\n")
    shutil.rmtree(_cache_of(environment), ignore_errors=True)
    _say(f"{environment.name} is complete after {time.monotonic() - started_s:.0f} s")


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
    _step([uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, environment],
         "making the environment", environment, watch)
    _say(f"installing the {profile} packages, {PROFILES[profile].n_bytes / GB:.1f} GB, from locks/{profile}.txt")
    _step([uv, "pip", "sync", "--require-hashes", "--python", python_of(environment), LOCKS / f"{profile}.txt"],
         "installing the packages", environment, watch, **_cache_environ(environment))
    unfinished.unlink()


def _cache_of(environment: Path) -> Path:
    return environment / ".cache"


def _cache_environ(environment: Path) -> dict[str, str]:
    """Fetched wheels are kept where they share their bytes with the environment, so never on another disk."""
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    same_disk = usual.is_dir() and usual.stat().st_dev == environment.stat().st_dev
    return {} if same_disk or "UV_CACHE_DIR" in os.environ else {"UV_CACHE_DIR": str(_cache_of(environment))}


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


# The models.

def ensure_model(models: Path, name: str, files: Sequence[ModelFile], python: Path) -> None:
    """Fetches a model into `<models>/<name>` unless it lies there; `python` has huggingface_hub."""
    folder = models / name
    if _has_model(folder, files):
        return
    if folder.is_dir() and any(folder.iterdir()) and not (folder / ".complete").exists():
        _say(f"{folder} was put there by hand and is left as it is")
        return
    _open_root(models)
    flat = models / f".{name.replace('/', '-')}"
    with Lock(flat) as lock:
        if not _has_model(folder, files):
            _fetch_model(flat.with_name(f"{flat.name}.part"), folder, files, python, lock)


def _has_model(folder: Path, files: Sequence[ModelFile]) -> bool:
    try:
        return (folder / ".complete").read_text() == repr(files)
    except OSError:
        return False


def _fetch_model(part: Path, folder: Path, files: Sequence[ModelFile], python: Path, lock: Lock) -> None:
    """Fetches into `part`, which becomes `folder` at the end: nothing is copied, and `folder` is never half full."""
    part.mkdir(exist_ok=True)
    n_bytes = sum(file.n_bytes for file in files)
    if shutil.disk_usage(part).free < n_bytes - _tree_bytes(part):
        raise _no_room(part.parent, n_bytes)
    _say(f"fetching {files[0].folder}, {n_bytes / MB:.0f} MB, licence {files[0].licence}")
    for file in files:
        if "://" in file.source:
            _fetch_url(f"{file.source}/{file.path}", part / file.path, file.n_bytes, lock)
        else:
            _fetch_from_hub(part, file, python, lock)
        _check_file(part / file.path, file, lock)
    shutil.rmtree(part / ".cache", ignore_errors=True)
    (part / ".complete").write_text(repr(files))
    lock.check()
    folder.parent.mkdir(exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    _say(f"{folder} is complete")


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

def _open_root(root: Path) -> None:
    """Makes `root` unless it exists. Raises SetupError when it cannot hold anything."""
    if not root.parent.is_dir():
        raise SetupError(f"{root.parent} does not exist: is the network volume attached to the endpoint? Attach one, "
                         "or name a folder that exists (VENV_ROOT, MODELS_DIR)")
    try:
        root.mkdir(exist_ok=True)
        _clock_s(root)
    except OSError as error:
        if error.errno in NO_ROOM_CODES:
            raise
        raise SetupError(f"{root} cannot be written ({error.strerror}): attach the volume writable, or name another "
                         "folder (VENV_ROOT, MODELS_DIR)") from None


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
    sys.exit(main())
