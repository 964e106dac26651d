"""The environment builder with real uv and pip on tiny wheels made here, killed, starved and raced."""
from __future__ import annotations

import base64
import csv
import hashlib
import importlib.util
import os
import platform
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import setup_network_venv as setup
from tests.doubles.processes import running_in_group

ROOT = Path(__file__).resolve().parents[1]
REAL_UV = next((uv for uv in (Path(sys.prefix) / ".tools/bin/uv", Path(shutil.which("uv") or "/nonexistent"))
                if uv.exists()), None)
pytestmark = pytest.mark.skipif(REAL_UV is None, reason="uv is neither in this environment's .tools nor on PATH")

DRIVER = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
import setup_network_venv as setup
setup.LOCKS = Path({locks!r})
setup.PROFILES = {{"run": setup.Profile(("tiny_one", "tiny_two"), {n_bytes})}}
setup.HEARTBEAT_S, setup.STALE_S, setup.LEAST_ROOM = 0.2, 2.0, 100_000
sys.exit(setup.main(["--profile", "run", *sys.argv[1:]]))
"""


def make_wheel(folder: Path, name: str, files: dict[str, bytes]) -> str:
    """Writes a wheel of these files and gives the line that locks it."""
    info = f"{name}-1.0.dist-info"
    files = {**files, f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
             f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    record = "".join(f"{path},{record_hash(data)},{len(data)}\n" for path, data in files.items()) + f"{info}/RECORD,,\n"
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, data in {**files, f"{info}/RECORD": record.encode()}.items():
            member = zipfile.ZipInfo(path)
            member.external_attr = 0o100755 << 16
            archive.writestr(member, data)
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def record_hash(data: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def package(name: str, n_files: int = 150, source: str = "") -> dict[str, bytes]:
    modules = {f"{name}/part{number}.py": f"VALUE = {number}\n".encode() * 20 for number in range(n_files)}
    return {f"{name}/__init__.py": source.encode(), **modules}


class Volume:
    """A folder for environments, locks for it, and the command that builds there."""

    def __init__(self, folder: Path, n_bytes: int = 1000) -> None:
        self.root, self.wheels, self.locks = folder / "volume", folder / "wheels", folder / "locks"
        for each in (self.root, self.wheels, self.locks):
            each.mkdir(parents=True)
        self.driver = folder / "driver.py"
        self.driver.write_text(DRIVER.format(root=str(ROOT), locks=str(self.locks), n_bytes=n_bytes))
        self.lock_packages(tiny_one=package("tiny_one"), tiny_two=package("tiny_two"))
        self.uv(f'exec {REAL_UV} "$@"')

    def lock_packages(self, **packages: dict[str, bytes]) -> None:
        lines = [make_wheel(self.wheels, name, files) for name, files in packages.items()]
        (self.locks / "run.txt").write_text(f"--no-index\n--find-links {self.wheels}\n" + "".join(lines))

    def uv(self, script: str) -> None:
        """Puts a uv there that does as `script` says, both as a wheel to fetch and as already fetched."""
        program = f"#!/bin/sh\n{script}\n".encode()
        line = make_wheel(self.wheels, "uv", {"uv-1.0.data/scripts/uv": program})
        (self.locks / "uv.txt").write_text(f"--no-index\n--find-links {self.wheels}\n{line}")
        tools = self.environment / ".tools" / "bin"
        tools.mkdir(parents=True, exist_ok=True)
        (tools / "uv").write_bytes(program)
        (tools / "uv").chmod(0o755)

    @property
    def environment(self) -> Path:
        locks, setup.LOCKS = setup.LOCKS, self.locks
        try:
            return setup.environment_path(self.root, "run")
        finally:
            setup.LOCKS = locks

    @property
    def python(self) -> Path:
        return self.environment / "bin" / "python"

    def start(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(self.driver), "--root", str(self.root), *arguments], text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **env})

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, **env)
        stdout, stderr = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def assert_exact(self) -> None:
        """Every file of every locked package is there with its bytes, and no other package is."""
        site = next(self.environment.glob("lib/python*/site-packages"))
        infos = sorted(site.glob("*.dist-info"))
        assert [info.name for info in infos] == ["tiny_one-1.0.dist-info", "tiny_two-1.0.dist-info"]
        for info in infos:
            for path, digest, _ in csv.reader((info / "RECORD").read_text().splitlines()):
                assert not digest or record_hash((site / path).read_bytes()) == digest, path
        subprocess.run([self.python, "-c", "import tiny_one.part149, tiny_two.part149"], check=True)
        assert (self.environment / ".complete").is_file()

    def locked(self) -> bool:
        return bool(list(self.root.glob("*.lock.*")))


@pytest.fixture
def volume(tmp_path: Path) -> Volume:
    return Volume(tmp_path)


def until(condition: Callable[[], object], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


# What a build gives.

def test_a_build_from_nothing_prints_the_python_alone_and_it_has_exactly_the_locked_packages(volume: Volume) -> None:
    shutil.rmtree(volume.environment / ".tools")
    done = volume.run()
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{volume.python}\n"
    volume.assert_exact()
    assert not volume.locked()


def test_a_complete_environment_is_recognised_without_a_word_and_without_the_installer(volume: Volume) -> None:
    volume.run()
    shutil.rmtree(volume.environment / ".tools")
    os.utime(volume.environment / ".complete", (0, 0))
    done = volume.run()
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{volume.python}\n", "")
    assert (volume.environment / ".complete").stat().st_mtime > 0, "its use is not recorded"


def test_environments_keep_the_names_they_always_had(volume: Volume) -> None:
    interpreter = f"{sys.implementation.cache_tag}-{platform.system()}-{platform.machine()}"
    digest = hashlib.sha256((volume.locks / "run.txt").read_bytes() + interpreter.encode()).hexdigest()[:12]
    assert volume.environment == volume.root / f"venv-run-{digest}"


def test_another_lock_is_another_environment_and_the_old_one_stays_untouched(volume: Volume) -> None:
    volume.run()
    old = volume.environment
    before = sorted((path, path.lstat().st_mtime_ns) for path in old.rglob("*"))
    volume.lock_packages(tiny_one=package("tiny_one"), tiny_two=package("tiny_two", source="NEW = 1"))
    volume.uv(f'exec {REAL_UV} "$@"')
    assert volume.run().stdout == f"{volume.python}\n"
    assert volume.environment != old
    assert sorted((path, path.lstat().st_mtime_ns) for path in old.rglob("*")) == before


def test_an_environment_whose_python_is_gone_is_made_usable_again(volume: Volume) -> None:
    volume.run()
    volume.python.unlink()
    volume.python.symlink_to("/nowhere/python3")
    assert volume.run().returncode == 0
    volume.assert_exact()


def test_a_package_that_does_not_import_leaves_the_environment_incomplete(volume: Volume) -> None:
    volume.lock_packages(tiny_one=package("tiny_one"), tiny_two=package("tiny_two", source="import absent_library"))
    volume.uv(f'exec {REAL_UV} "$@"')
    done = volume.run()
    assert done.returncode == 1
    assert "absent_library" in done.stderr
    assert "importing the packages failed" in done.stderr
    assert not (volume.environment / ".complete").exists()
    assert done.stdout == ""


def test_a_wheel_with_other_bytes_than_the_locked_ones_is_refused(volume: Volume) -> None:
    make_wheel(volume.wheels, "tiny_two", package("tiny_two", source="EVIL = True"))
    done = volume.run()
    assert done.returncode == 1
    assert "Hash mismatch" in done.stderr
    assert not (volume.environment / ".complete").exists()


# Killed, frozen, raced.

def test_a_build_killed_at_any_point_is_finished_by_the_next_run(tmp_path: Path) -> None:
    """The points are numbers of files laid out so far, drawn from all those that a whole build passes."""
    def n_files(volume: Volume) -> int:
        return sum(len(files) for _, _, files in os.walk(volume.root))

    whole = Volume(tmp_path / "whole")
    n_before = n_files(whole)
    whole.run(UV_CACHE_DIR=str(whole.root / "cache"))
    points = random.Random(20261121).sample(range(n_before, n_files(whole)), 8)
    for number, point in enumerate(points):
        volume = Volume(tmp_path / str(number))
        builder = volume.start(UV_CACHE_DIR=str(volume.root / "cache"))
        until(lambda volume=volume, point=point, builder=builder:  # type: ignore[misc]
              n_files(volume) >= point or builder.poll() is not None)
        with suppress(ProcessLookupError):
            os.killpg(builder.pid, signal.SIGKILL)
        builder.communicate()
        done = volume.run(UV_CACHE_DIR=str(volume.root / "cache"))
        assert done.returncode == 0, done.stderr
        volume.assert_exact()
        assert not volume.locked()


def test_half_a_package_is_never_taken_for_a_whole_one(volume: Volume) -> None:
    volume.run()
    (volume.environment / ".complete").unlink()
    (volume.environment / ".installing").touch()
    next(volume.environment.glob("lib/python*/site-packages/tiny_two/part7.py")).unlink()
    done = volume.run()
    assert "interrupted" in done.stderr
    volume.assert_exact()


def test_a_build_killed_while_it_fetches_the_installer_fetches_it_anew(volume: Volume) -> None:
    (volume.environment / ".tools/bin/uv").write_bytes(b"half a pro")
    assert volume.run().returncode == 0
    volume.assert_exact()


def test_the_installer_does_not_outlive_a_builder_that_is_killed_alone(volume: Volume) -> None:
    volume.uv(f'[ "$2" = sync ] && sleep 60; exec {REAL_UV} "$@"')
    builder = volume.start()
    until(lambda: (volume.environment / ".installing").exists() and volume.python.exists())
    until(lambda: len(running_in_group(builder.pid)) > 1)
    builder.kill()
    builder.wait()
    shells = [pid for pid in running_in_group(builder.pid)
              if b"uv" in (Path("/proc") / pid / "cmdline").read_bytes()]
    with suppress(ProcessLookupError):
        os.killpg(builder.pid, signal.SIGKILL)
    assert shells == []


def test_sigterm_stops_the_installer_and_gives_the_lock_back(volume: Volume) -> None:
    volume.uv(f'[ "$2" = sync ] && exec sleep 60; exec {REAL_UV} "$@"')
    builder = volume.start()
    until(lambda: volume.python.exists() and len(running_in_group(builder.pid)) > 1)
    builder.terminate()
    assert builder.wait(20) == 128 + signal.SIGTERM
    until(lambda: not running_in_group(builder.pid))
    assert not volume.locked()


def test_of_two_builders_one_builds_and_the_other_waits_for_it(volume: Volume) -> None:
    go = volume.root.parent / "go"
    volume.uv(f'[ "$2" = sync ] && while [ ! -e {go} ]; do sleep 0.1; done; exec {REAL_UV} "$@"')
    builders = [volume.start() for _ in range(3)]
    first = [builder.stderr.readline() for builder in builders if builder.stderr]
    go.touch()
    outputs = [(builder.stdout.read(), builder.stderr.read()) for builder in builders
               if builder.stdout and builder.stderr]
    assert [builder.wait(60) for builder in builders] == [0, 0, 0]
    assert {stdout for stdout, _ in outputs} == {f"{volume.python}\n"}
    assert sum("installing the run packages" in said for said in first) == 1
    assert sum("waiting for it" in said for said in first) == 2
    assert not any("installing the run packages" in stderr for _, stderr in outputs)
    volume.assert_exact()
    assert not volume.locked()


def foreign_lock(volume: Volume, age_s: float, number: int = 1) -> Path:
    lock = volume.root / f"{volume.environment.name}.lock.{number}"
    lock.write_text("another-machine 7")
    os.utime(lock, (time.time() - age_s,) * 2)
    return lock


def test_a_builder_that_died_on_another_machine_is_taken_over(volume: Volume) -> None:
    foreign_lock(volume, age_s=3600)
    assert volume.run().returncode == 0
    volume.assert_exact()
    assert not volume.locked()


def test_a_builder_alive_on_another_machine_is_waited_for_until_it_falls_silent(volume: Volume) -> None:
    lock = foreign_lock(volume, age_s=0)
    waiting = volume.start()
    for _ in range(8):
        time.sleep(0.4)
        os.utime(lock)
        assert waiting.poll() is None
    assert not volume.python.exists()
    _, stderr = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, stderr
    volume.assert_exact()


def test_a_builder_that_was_frozen_and_taken_over_stops_and_completes_nothing(volume: Volume) -> None:
    volume.uv(f'[ "$2" = sync ] && exec sleep 60; exec {REAL_UV} "$@"')
    builder = volume.start()
    until(lambda: volume.python.exists() and len(running_in_group(builder.pid)) > 1)
    os.killpg(builder.pid, signal.SIGSTOP)
    successor = foreign_lock(volume, age_s=0, number=2)
    os.killpg(builder.pid, signal.SIGCONT)
    _, stderr = builder.communicate(timeout=20)
    assert builder.returncode == 1
    assert "another worker took over" in stderr
    assert not (volume.environment / ".complete").exists()
    assert successor.exists(), "the successor's lock was removed"


# Volumes that are missing, read-only or full.

def test_a_missing_volume_is_reported_and_nothing_is_built_on_the_container_s_own_disk(volume: Volume) -> None:
    shutil.rmtree(volume.root)
    volume.root = volume.root / "venvs"
    done = volume.run()
    assert done.returncode == 1
    assert "is the network volume attached" in done.stderr
    assert not volume.root.parent.exists()


@contextmanager
def mounted(folder: Path, size: str) -> Iterator[None]:
    """A file system of its own at `folder`, so that it can be filled or made read-only."""
    shutil.rmtree(folder)
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip("this test mounts a file system, which only root may")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_read_only_volume_is_reported_unless_all_is_there_already(volume: Volume) -> None:
    with mounted(volume.root, "50m"):
        subprocess.run(["mount", "-o", "remount,ro", str(volume.root)], check=True)
        done = volume.run()
        assert done.returncode == 1
        assert "cannot be written (Read-only file system)" in done.stderr
        subprocess.run(["mount", "-o", "remount,rw", str(volume.root)], check=True)
        volume.uv(f'exec {REAL_UV} "$@"')
        volume.run()
        subprocess.run(["mount", "-o", "remount,ro", str(volume.root)], check=True)
        assert volume.run().stdout == f"{volume.python}\n"


def test_a_volume_without_room_is_reported_before_anything_is_fetched(tmp_path: Path) -> None:
    volume = Volume(tmp_path, n_bytes=200_000_000)
    with mounted(volume.root, "50m"):
        volume.uv(f'exec {REAL_UV} "$@"')
        done = volume.run()
        assert done.returncode == 1
        assert re.search(r"not enough room in .*: 0\.20 GB are needed, 0\.0\d GB are free.*--prune", done.stderr)
        assert not volume.python.exists()


def test_a_volume_that_fills_up_during_the_build_is_reported_and_the_next_try_finishes(volume: Volume) -> None:
    noise = random.Random(7).randbytes(8_000_000)
    volume.lock_packages(tiny_one={**package("tiny_one"), "tiny_one/data.bin": noise}, tiny_two=package("tiny_two"))
    with mounted(volume.root, "6m"):
        volume.uv(f'exec {REAL_UV} "$@"')
        done = volume.run(UV_CACHE_DIR=str(volume.root / "cache"))
        assert done.returncode == 1
        assert "not enough room" in done.stderr
        assert "Traceback" not in done.stderr
        subprocess.run(["mount", "-o", "remount,size=50m", str(volume.root)], check=True)
        assert volume.run(UV_CACHE_DIR=str(volume.root / "cache")).returncode == 0
        volume.assert_exact()


# Old environments.

def test_prune_removes_only_what_no_worker_has_used_for_a_day(volume: Volume) -> None:
    volume.run()
    old, used, half = (volume.root / f"venv-full-{name}" for name in ("old", "used", "half"))
    for environment in (old, used):
        environment.mkdir()
        (environment / ".complete").touch()
    half.mkdir()
    two_days_ago = (time.time() - 48 * 3600,) * 2
    for path in (old / ".complete", half, volume.environment / ".complete"):
        os.utime(path, two_days_ago)
    assert volume.run("--prune").returncode == 0
    assert {path.name for path in volume.root.glob("*venv*")} == {volume.environment.name, used.name}


# flash-attn.

FAKE_TORCH = """
__version__ = "2.8.0+cu128"
class version: cuda = "12.8"
def compiled_with_cxx11_abi(): return True
"""


Wheels = dict[tuple[object, ...], tuple[str, str]]


def flash_attn(volume: Volume, monkeypatch: pytest.MonkeyPatch, table: Wheels) -> str:
    """Builds with a torch that says what torch 2.8 for CUDA 12.8 says; gives what was said."""
    volume.lock_packages(tiny_one=package("tiny_one"), tiny_two=package("tiny_two"),
                         torch={"torch.py": FAKE_TORCH.encode()})
    volume.driver.write_text(volume.driver.read_text().replace("sys.exit", f"setup.FLASH_ATTN = {table!r}\nsys.exit"))
    monkeypatch.setattr(setup, "FLASH_ATTN", table)
    monkeypatch.setattr(setup, "LOCKS", volume.locks)
    environment = setup.environment_path(volume.root, "run", flash_attn=True)
    assert environment != volume.environment
    (environment / ".tools/bin").mkdir(parents=True)
    (environment / ".tools/bin/uv").symlink_to(str(REAL_UV))
    done = volume.run("--flash-attn")
    assert done.returncode == 0, done.stderr
    found = subprocess.run([environment / "bin/python", "-c", "import flash_attn"], capture_output=True)
    return f"{found.returncode == 0} {done.stderr}"


def this_python() -> str:
    return f"cp{sys.version_info[0]}{sys.version_info[1]}"


def test_the_flash_attn_wheel_that_fits_is_installed(volume: Volume, monkeypatch: pytest.MonkeyPatch) -> None:
    line = make_wheel(volume.wheels, "flash_attn", {"flash_attn.py": b""})
    wheel = ((volume.wheels / "flash_attn-1.0-py3-none-any.whl").as_uri(), line.rpartition(":")[2].strip())
    wrong = ("file:///absent.whl", "0" * 64)
    key = ("2.8", "12", this_python(), platform.machine(), True)
    said = flash_attn(volume, monkeypatch, {(*key[:4], False): wrong, key: wheel, ("2.9", *key[1:]): wrong})
    assert said.startswith("True")
    assert "warning" not in said


def test_the_flash_attn_table_covers_what_ships_and_the_next_python_and_torch() -> None:
    ships = re.search(r"^torch==(\d+\.\d+)", (ROOT / "locks/full.txt").read_text(), re.MULTILINE)
    assert ships and (ships[1], "12", "cp311", "x86_64", True) in setup.FLASH_ATTN
    assert {("2.8", "cp312"), ("2.9", "cp312")} <= {(torch, python) for torch, _, python, _, _ in setup.FLASH_ATTN}
    for (torch, cuda, python, machine, abi), (url, sha256) in setup.FLASH_ATTN.items():
        built_for = f"cu{cuda}torch{torch}cxx11abi{str(abi).upper()}-{python}-{python}-linux_{machine}.whl"
        assert url.endswith(built_for) and re.fullmatch("[0-9a-f]{64}", sha256)


def test_no_flash_attn_that_fits_is_one_warning_and_no_failure(volume: Volume, monkeypatch: pytest.MonkeyPatch) -> None:
    said = flash_attn(volume, monkeypatch, {("2.9", "13", this_python(), platform.machine(), True): ("x", "y")})
    assert said.startswith("False")
    assert said.count("warning: no flash-attn wheel is known for torch 2.8, CUDA 12") == 1


def test_a_flash_attn_that_cannot_be_fetched_is_one_warning_and_no_failure(
        volume: Volume, monkeypatch: pytest.MonkeyPatch) -> None:
    key = ("2.8", "12", this_python(), platform.machine(), True)
    said = flash_attn(volume, monkeypatch, {key: ("file:///absent/flash_attn-1.0-py3-none-any.whl", "0" * 64)})
    assert said.startswith("False")
    assert said.count("warning") == 1


# Models.

class Hub(ThreadingHTTPServer):
    """Speaks as much of the hub's resolve addresses as its client asks for, and Range on any file.

    `breaks` is after how many bytes the next answers are cut off; `asked` is every method and path.
    """

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.files, self.breaks, self.asked = files, list[int](), list[str]()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class HubHandler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, with_body: bool) -> None:
        self.server.asked.append(f"{self.command} {self.path} {self.headers.get('Range', '')}".strip())
        data = self.server.files.get(self.path)
        if data is None:
            self.send_error(404)
            return
        first = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(data) - first))
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.end_headers()
        if with_body:
            breaks = self.server.breaks.pop(0) if self.server.breaks else len(data)
            self.wfile.write(data[first:first + breaks])
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        return


REVISION = "5" * 40
WEIGHTS = random.Random(1).randbytes(3_000_000)
needs_hub = pytest.mark.skipif(importlib.util.find_spec("huggingface_hub") is None, reason="needs huggingface_hub")


def pinned(folder: str, source: str, path: str, data: bytes) -> setup.ModelFile:
    return setup.ModelFile(folder, "MIT", source, path, len(data), hashlib.sha256(data).hexdigest())


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub({f"/org/model/resolve/{REVISION}/sub/weights.bin": WEIGHTS,
              f"/org/model/resolve/{REVISION}/config.yaml": b"a: 1\n",
              "/plain/align.pth": WEIGHTS}) as server:
        yield server
        server.shutdown()


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


@needs_hub
def test_a_model_of_the_hub_is_fetched_once_and_then_offline(
        hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    files = [pinned("m", f"org/model@{REVISION}", "sub/weights.bin", WEIGHTS),
             pinned("m", f"org/model@{REVISION}", "config.yaml", b"a: 1\n")]
    setup.ensure_model(models, "m", files, Path(sys.executable))
    assert (models / "m/sub/weights.bin").read_bytes() == WEIGHTS
    there = sorted(path.name for path in models.rglob("*") if path.is_file())
    assert there == [".complete", "SHA256SUMS", "config.yaml", "weights.bin"]
    n_asked = len(hub.asked)
    setup.ensure_model(models, "m", files, Path(sys.executable))
    assert len(hub.asked) == n_asked


@needs_hub
def test_a_model_of_the_hub_with_other_bytes_than_pinned_is_refused_and_removed(
        hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    file = pinned("m", f"org/model@{REVISION}", "config.yaml", b"a: 2\n")
    with pytest.raises(setup.SetupError, match=r"config\.yaml is not the file that locks/models\.txt pins"):
        setup.ensure_model(models, "m", [file], Path(sys.executable))
    assert not (models / "m").exists()
    assert not list(models.rglob("config.yaml"))


def test_a_download_that_breaks_off_continues_where_it_stopped(hub: Hub, models: Path) -> None:
    hub.breaks = [1_000_000, 500_000]
    setup.ensure_model(models, "align/en", [pinned("align/en", f"{hub.url}/plain", "align.pth", WEIGHTS)], Path())
    assert (models / "align/en/align.pth").read_bytes() == WEIGHTS
    assert [asked.rpartition("=")[2] for asked in hub.asked] == ["0-", "1000000-", "1500000-"]


def test_a_download_killed_and_started_again_fetches_only_the_rest(hub: Hub, models: Path) -> None:
    file = pinned("align/en", f"{hub.url}/plain", "align.pth", WEIGHTS)
    part = setup.content_path(models, "align/en", [file]).with_suffix(".part")
    part.mkdir(parents=True)
    (part / "align.pth").write_bytes(WEIGHTS[:2_000_000])
    setup.ensure_model(models, "align/en", [pinned("align/en", f"{hub.url}/plain", "align.pth", WEIGHTS)], Path())
    assert hub.asked == ["GET /plain/align.pth bytes=2000000-"]
    assert (models / "align/en/align.pth").read_bytes() == WEIGHTS


def test_a_download_that_brings_nothing_gives_up(hub: Hub, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with pytest.raises(setup.SetupError, match="cannot be fetched"):
        setup.ensure_model(models, "m", [pinned("m", f"{hub.url}/plain", "absent.pth", WEIGHTS)], Path())
    assert len(hub.asked) == 5
    assert not list(models.glob("*.lock.*")), "the lock was kept"


def test_a_model_put_there_by_hand_is_left_alone(hub: Hub, models: Path) -> None:
    (models / "m").mkdir(parents=True)
    (models / "m/own.safetensors").write_text("mine")
    setup.ensure_model(models, "m", [pinned("m", f"{hub.url}/plain", "align.pth", WEIGHTS)], Path())
    assert [path.name for path in (models / "m").iterdir()] == ["own.safetensors"]
    assert hub.asked == []


def test_a_model_that_is_pinned_anew_replaces_the_old_one(hub: Hub, models: Path) -> None:
    setup.ensure_model(models, "m", [pinned("m", f"{hub.url}/plain", "align.pth", WEIGHTS)], Path())
    hub.files["/plain/better.pth"] = b"better"
    setup.ensure_model(models, "m", [pinned("m", f"{hub.url}/plain", "better.pth", b"better")], Path())
    assert sorted(path.name for path in (models / "m").iterdir()) == [".complete", "SHA256SUMS", "better.pth"]


def test_models_are_named_on_the_command_line_and_an_unknown_one_is_reported(
        hub: Hub, volume: Volume, models: Path) -> None:
    file = pinned("m", f"{hub.url}/plain", "align.pth", WEIGHTS)
    (volume.locks / "models.txt").write_text("# a table\n" + " ".join(map(str, file)) + "\n")
    done = volume.run("--models", "m", MODELS_DIR=str(models))
    assert done.stdout == f"{volume.python}\n", done.stderr
    assert (models / "m/align.pth").read_bytes() == WEIGHTS
    unknown = volume.run("--models", "n", MODELS_DIR=str(models))
    assert unknown.returncode == 1
    assert "no model 'n'; known are m" in unknown.stderr


def test_every_model_of_the_table_is_pinned_to_its_bytes_and_its_commit() -> None:
    models = setup.known_models()
    assert set(setup.NEEDED_MODELS) <= set(models)
    for file in (file for files in models.values() for file in files):
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert file.n_bytes > 0
        assert re.fullmatch(r"https://\S+|[\w.-]+/[\w.-]+@[0-9a-f]{40}", file.source)
