"""Environments and models that lost or changed a file: the next start heals them, or names what is wrong."""
from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import setup_network_venv as setup
from tests.test_setup_network_venv import REAL_UV, WEIGHTS, Hub, Volume, hub, models, package, pinned, volume

__all__ = ["hub", "models", "volume"]

ROOT = Path(__file__).resolve().parents[2]
SYSTEM = f"/usr/bin/python3.{sys.version_info[1]}"
pytestmark = pytest.mark.skipif(REAL_UV is None, reason="uv is neither in this environment's .tools nor on PATH")


def site_of(volume: Volume) -> Path:
    return next(volume.environment.glob("lib/python*/site-packages"))


@pytest.fixture
def twenty(volume: Volume) -> Volume:
    """A complete environment of twenty packages."""
    names = ["tiny_one", "tiny_two", *(f"more_{number}" for number in range(18))]
    volume.lock_packages(**{name: package(name, 5) for name in names})
    volume.uv(f'exec {REAL_UV} "$@"')
    done = volume.run()
    assert done.returncode == 0, done.stderr
    return volume


def every_file(volume: Volume) -> dict[str, bytes]:
    site = site_of(volume)
    return {str(path.relative_to(site)): path.read_bytes() for path in sorted(site.rglob("*"))
            if path.is_file() and path.suffix != ".pyc" and not path.name.startswith("_virtualenv")}


def test_a_file_deleted_from_each_of_twenty_packages_is_named_and_then_healed(twenty: Volume) -> None:
    whole, chosen = every_file(twenty), random.Random(9)
    infos = sorted(site_of(twenty).glob("*.dist-info"))
    assert len(infos) == 20
    lost = []
    for info in infos:
        name = info.name.partition("-")[0]
        path = chosen.choice([path for path in whole if path.startswith((f"{name}/", f"{name}-"))])
        (site_of(twenty) / path).unlink()
        lost.append(path)
    named = twenty.run("--verify", "sizes")
    assert named.returncode == 1
    assert [path for path in lost if Path(path).name not in named.stderr] == []
    healed = twenty.run()
    assert healed.returncode == 0, healed.stderr
    assert every_file(twenty) == whole


@pytest.mark.parametrize(("damage", "how"), [
    (lambda site: shutil.rmtree(site / "tiny_two-1.0.dist-info"), "all of it is missing"),
    (lambda site: (site / "tiny_two-1.0.dist-info/RECORD").write_text("tiny_two/__init__.py,,\n"), "is not whole"),
    (lambda site: (site / "tiny_two/part7.py").write_bytes(b"VALUE = 8\n" * 20), "tiny_two/part7.py is changed"),
], ids=["its record", "half its record", "a byte"])
def test_repair_finds_what_sizes_do_not_show(volume: Volume, damage: object, how: str) -> None:
    volume.run()
    assert callable(damage)
    damage(site_of(volume))
    verified = volume.run("--verify")
    assert (verified.returncode, verified.stdout) == (1, "")
    assert how in verified.stderr
    repaired = volume.run("--repair")
    assert repaired.stdout == f"{volume.python}\n", repaired.stderr
    volume.assert_exact()
    assert "as it was installed" in volume.run("--verify").stderr


def test_damage_that_reaches_the_installer_s_cache_is_healed_all_the_same(volume: Volume) -> None:
    """Fetched wheels share their bytes with the environment: what is written into one is written into both."""
    cache = {"UV_CACHE_DIR": str(volume.root / "cache"), "UV_LINK_MODE": "hardlink"}
    volume.run(**cache)
    path = site_of(volume) / "tiny_one/part3.py"
    assert path.stat().st_nlink > 1
    with path.open("r+b") as file:
        file.write(b"DAMAGE")
    assert volume.run("--repair", **cache).returncode == 0
    volume.assert_exact()


def test_a_build_whose_packages_do_not_import_for_a_changed_file_repairs_them_by_itself(volume: Volume) -> None:
    volume.lock_packages(tiny_one=package("tiny_one", source="SIZE = 1"), tiny_two=package("tiny_two"))
    volume.uv(f'exec {REAL_UV} "$@"')
    assert volume.run().returncode == 0
    broken = site_of(volume) / "tiny_one/__init__.py"
    broken.write_bytes(b"SIZE = !")
    os.utime(broken, (time.time() + 2,) * 2)  # in the second of its bytecode it would not be read again
    (volume.environment / ".complete").unlink()
    done = volume.run()
    assert done.returncode == 0, done.stderr
    assert "tiny_one/__init__.py is changed" in done.stderr
    assert broken.read_bytes() == b"SIZE = 1"


def test_verify_says_that_nothing_is_built_and_builds_nothing(volume: Volume) -> None:
    done = volume.run("--verify")
    assert done.returncode == 1
    assert "not complete: the next start builds it" in done.stderr
    assert not volume.python.exists()


# Through the start script.

HANDLER = """
import sys
import {module}
print("worker", {module}.__name__)
"""


@pytest.fixture
def image(volume: Volume, tmp_path: Path) -> Path:
    """The start script and the launcher over a set-up of tiny packages, and a worker that imports one of them."""
    app = tmp_path / "app"
    shutil.copytree(ROOT / "deploy", app / "deploy")
    driver = volume.driver.read_text().replace('["--profile", "run", *sys.argv[1:]]',
                                               f'["--root", {str(volume.root)!r}, *sys.argv[1:]]')
    (app / "setup_network_venv.py").write_text(driver)
    (app / "runpod_handler.py").write_text(HANDLER.format(module="tiny_one.part3"))
    return app


def start(image: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "TTS_ENGINE": "espeak", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run([image / "deploy/start.sh"], env=env, capture_output=True, text=True, timeout=120)


def test_a_start_that_lacks_a_file_repairs_its_packages_and_starts(volume: Volume, image: Path) -> None:
    assert start(image).stdout == "worker tiny_one.part3\n"
    (site_of(volume) / "tiny_one/part3.py").unlink()
    shutil.rmtree(site_of(volume) / "tiny_one/__pycache__", ignore_errors=True)
    again = start(image)
    assert again.stdout == "worker tiny_one.part3\n", again.stderr
    assert "tiny_one/part3.py is missing" in again.stderr
    volume.assert_exact()


def test_a_start_that_fails_for_another_reason_is_tried_twice_and_no_more(volume: Volume, image: Path) -> None:
    (image / "runpod_handler.py").write_text("raise KeyError('a fault of the code')")
    done = start(image)
    assert done.returncode == 1
    assert done.stderr.count("KeyError: 'a fault of the code'") == 2
    assert done.stderr.count("verifying its packages") == 1


# Models.

def test_a_truncated_model_is_made_whole_at_the_next_start(hub: Hub, models: Path) -> None:
    file = pinned("m", f"{hub.url}/plain", "align.pth", WEIGHTS)
    setup.ensure_model(models, "m", [file], Path())
    os.truncate(models / "m/align.pth", 1_000_000)
    setup.ensure_model(models, "m", [file], Path())
    assert (models / "m/align.pth").read_bytes() == WEIGHTS
    assert hub.asked[-1] == "GET /plain/align.pth bytes=1000000-", "what was left was thrown away"


@pytest.mark.parametrize("n_bytes", [len(WEIGHTS), 500_000])
def test_a_model_with_other_bytes_is_named_by_verify_and_fetched_anew(
        n_bytes: int, hub: Hub, volume: Volume, models: Path) -> None:
    file = pinned("m", f"{hub.url}/plain", "align.pth", WEIGHTS)
    (volume.locks / "models.txt").write_text(" ".join(map(str, file)) + "\n")
    env = {"MODELS_DIR": str(models)}
    assert volume.run("--models", "m", **env).returncode == 0
    (models / "m/align.pth").write_bytes(b"\0" * n_bytes)
    verified = volume.run("--verify", "--models", "m", **env)
    assert verified.returncode == 1
    assert "model m: align.pth is missing or changed" in verified.stderr
    repaired = volume.run("--models", "m", **env)
    assert repaired.returncode == 0, repaired.stderr
    assert (models / "m/align.pth").read_bytes() == WEIGHTS


def test_two_versions_with_different_pins_keep_both_models_and_fetch_nothing_twice(
        hub: Hub, models: Path, tmp_path: Path) -> None:
    hub.files["/plain/better.pth"] = b"better"
    old = [pinned("m", f"{hub.url}/plain", "align.pth", WEIGHTS)]
    new = [pinned("m", f"{hub.url}/plain", "better.pth", b"better")]
    for files, links in [(old, tmp_path / "a"), (new, tmp_path / "b")] * 3:
        setup.ensure_model(models, "m", files, Path(), links)
    assert len(hub.asked) == 2
    assert (tmp_path / "a/m/align.pth").read_bytes() == WEIGHTS
    assert (tmp_path / "b/m/better.pth").read_bytes() == b"better"


def test_a_model_of_an_earlier_version_s_layout_is_used_where_it_lies(hub: Hub, models: Path, tmp_path: Path) -> None:
    file = pinned("m", f"{hub.url}/plain", "align.pth", WEIGHTS)
    (models / "m").mkdir(parents=True)
    (models / "m/align.pth").write_bytes(WEIGHTS)
    (models / "m/.complete").write_text(repr([file]))
    setup.ensure_model(models, "m", [file], Path(), tmp_path / "links")
    assert hub.asked == []
    assert (tmp_path / "links/m/align.pth").read_bytes() == WEIGHTS


def cache_file(cache: Path, data: bytes, revision: str = "5" * 40) -> None:
    """As the hub's client lays it out: a blob by its hash, and a link at the revision."""
    blob = cache / "models--org--model/blobs" / hashlib.sha256(data).hexdigest()
    blob.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(data)
    link = cache / "models--org--model/snapshots" / revision / "sub/weights.bin"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(os.path.relpath(blob, link.parent))


def test_a_model_in_runpod_s_cache_is_used_when_it_is_the_pinned_revision_and_whole(
        models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "CACHED_MODELS", tmp_path / "cache")
    cache_file(tmp_path / "cache", WEIGHTS)
    file = pinned("m", f"org/model@{'5' * 40}", "sub/weights.bin", WEIGHTS)
    setup.ensure_model(models, "m", [file], Path("/bin/false"))
    assert (models / "m/sub/weights.bin").read_bytes() == WEIGHTS
    assert sum(path.stat().st_size for path in models.rglob("*") if not path.is_symlink()) < 100_000, "it was copied"


@pytest.mark.parametrize(("data", "revision"), [(WEIGHTS, "6" * 40), (WEIGHTS[:-1] + b"?", "5" * 40)])
def test_another_revision_or_other_bytes_in_runpod_s_cache_are_not_used(
        data: bytes, revision: str, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "CACHED_MODELS", tmp_path / "cache")
    cache_file(tmp_path / "cache", data, revision)
    file = pinned("m", f"org/model@{'5' * 40}", "sub/weights.bin", WEIGHTS)
    with pytest.raises(setup.SetupError, match=r"fetching sub/weights\.bin"):  # /bin/false is no hub's client
        setup.ensure_model(models, "m", [file], Path("/bin/false"))


def test_prune_removes_a_model_that_is_pinned_no_longer_and_was_not_used_for_a_day(
        hub: Hub, volume: Volume, models: Path) -> None:
    volume.run()
    hub.files["/plain/better.pth"] = b"better"
    old, new = (pinned("m", f"{hub.url}/plain", name, data) for name, data in
                (("align.pth", WEIGHTS), ("better.pth", b"better")))
    for file in (old, new):
        setup.ensure_model(models, "m", [file], Path())
        os.utime(setup.content_path(models, "m", [file]) / ".complete", (0, 0))
    (volume.locks / "models.txt").write_text(" ".join(map(str, new)) + "\n")
    assert volume.run("--prune", MODELS_DIR=str(models)).returncode == 0
    assert not setup.content_path(models, "m", [old]).exists()
    assert (models / "m/better.pth").read_bytes() == b"better"


# Other users.

@pytest.fixture
def shared() -> Iterator[Volume]:
    """A volume whose every folder another user can reach, with the set-up's source in it."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    if not Path(SYSTEM).exists():
        pytest.skip("this machine's Python lies in somebody's home")
    root = Path(tempfile.mkdtemp(dir="/var/tmp"))
    root.chmod(0o755)
    volume = Volume(root)
    (root / "source").mkdir()
    shutil.copy(ROOT / "setup_network_venv.py", root / "source")
    volume.driver.write_text(volume.driver.read_text().replace(str(ROOT), str(root / "source")))
    subprocess.run(["chmod", "-R", "a+rX", root], check=True)
    yield volume
    shutil.rmtree(root)


def as_another(volume: Volume, python: str | Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A user without a home, as a container's may be."""
    return subprocess.run([python, *arguments], capture_output=True, text=True, user=12345, group=12345,
                          env={"PATH": "/usr/bin:/bin"}, cwd="/", timeout=60)


@pytest.mark.parametrize("umask", ["0022", "0077"])
def test_an_environment_that_another_user_built_can_be_used_by_all(umask: str, shared: Volume) -> None:
    command = [sys.executable, str(shared.driver), "--root", str(shared.root)]
    done = subprocess.run(["sh", "-c", f'umask {umask}; exec "$@"', "sh", *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    other = as_another(shared, SYSTEM, shared.driver, "--root", shared.root)
    assert other.stdout == f"{shared.python}\n", other.stderr
    assert as_another(shared, shared.python, "-c", "import tiny_one.part7, tiny_two").returncode == 0


def test_a_user_without_a_home_builds_as_any_other(shared: Volume) -> None:
    if REAL_UV is None or not os.access(REAL_UV, os.X_OK) or str(REAL_UV).startswith("/root/"):
        pytest.skip("uv lies where only root can run it")
    subprocess.run(["chown", "-R", "12345", shared.root], check=True)
    done = as_another(shared, SYSTEM, shared.driver, "--root", shared.root)
    assert done.returncode == 0, done.stderr
    shared.assert_exact()
