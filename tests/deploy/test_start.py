"""The image's files, laid out as Dockerfile.runpod copies them, and its start script run on them."""
from __future__ import annotations

import fnmatch
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import setup_network_venv as setup
from tests.doubles.runpod import Platform
from tests.doubles.s3 import start_s3

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile.runpod").read_text()
CODE = DOCKERFILE.partition("AS code")[2].partition("\nFROM")[0]
COMPILE = "python3 -m compileall -q --invalidation-mode unchecked-hash /app"


def copies() -> Iterator[tuple[Path, str]]:
    """What is copied, and to where below the working folder."""
    for line in re.findall(r"^COPY (.+)$", CODE, re.MULTILINE):
        *sources, target = line.split()
        for source in sources:
            name = "" if (ROOT / source).is_dir() or target == "./" else Path(source).name
            yield ROOT / source, str(Path(target) / name) if target != "./" else source


def is_sent(path: str) -> bool:
    """Whether .dockerignore lets the builder see it: the last pattern that fits decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!").removeprefix("**/")
        parts = [path, *map(str, Path(path).parents), *Path(path).parts]
        if line and not line.startswith("#") and any(fnmatch.fnmatchcase(part, pattern) for part in parts):
            sent = line.startswith("!")
    return sent


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """/app as the image has it."""
    app = tmp_path_factory.mktemp("image") / "app"
    for source, target in copies():
        (app / target).parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, app / target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, app / target)
    subprocess.run([sys.executable, *COMPILE.split()[1:-1], app], check=True)
    return app


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A volume on which the light environment is complete: this test's own, which holds all of it."""
    if not (Path(sys.prefix) / ".complete").exists():
        pytest.skip("these tests run in an environment that setup_network_venv.py built")
    volume = tmp_path_factory.mktemp("volume")
    setup.environment_path(volume, "run").symlink_to(sys.prefix)
    return volume


@pytest.fixture
def stub(app: Path, tmp_path: Path) -> Path:
    """The image with a set-up that writes its arguments down and does as the variable SETUP says."""
    shutil.copytree(app / "deploy", tmp_path / "deploy")
    (tmp_path / "setup_network_venv.py").write_text(
        "import os, sys, time\nif '--verify' in sys.argv: sys.exit()\n"
        "print(*sys.argv[1:], file=open('arguments', 'w'))\n"
        "exec(os.environ.get('SETUP', ''))\nprint(sys.executable)\n")
    (tmp_path / "runpod_handler.py").write_text("import os, sys\nprint('worker', os.getpid(), *sys.argv[1:])\n")
    return tmp_path


def run(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([folder / "deploy/start.sh", *arguments], cwd=folder, env={**os.environ, **env}, text=True,
                          capture_output=True, timeout=60)


# What is in the image.

def test_everything_copied_exists_and_is_sent_to_the_builder() -> None:
    assert len(list(copies())) > 10
    for source, _ in copies():
        assert source.exists(), source
        assert is_sent(str(source.relative_to(ROOT))), source


def test_nothing_but_what_is_copied_is_sent() -> None:
    for secret in (".env", ".git/config", "data/jobs/a.json", "tests/conftest.py", ".venvs/venv/bin/python",
                   "worker/__pycache__/a.pyc", "models/f5/model.safetensors"):
        assert not is_sent(secret), secret


def test_the_worker_in_the_image_imports_with_nothing_from_elsewhere(app: Path) -> None:
    program = "import runpod_handler, tts.f5.engine, timing.whisperx; print(runpod_handler.__file__)"
    done = subprocess.run([sys.executable, "-c", program], cwd=app, env={**os.environ, "PYTHONPATH": ""}, text=True,
                          capture_output=True)
    assert done.stdout.strip() == str(app / "runpod_handler.py"), done.stderr


def test_the_worker_in_the_image_runs_from_its_bytecode_whatever_the_times_of_the_sources(app: Path) -> None:
    """A user who may not write below /app, as that of `baked`, would compile it all at every start."""
    for path in app.rglob("*.py"):
        os.utime(path, (1, 1))
    program = ("import sys, importlib._bootstrap_external as external\n"
               "compiled = external.SourceLoader.source_to_code\n"
               "external.SourceLoader.source_to_code = lambda self, data, path, **options: (\n"
               "    print(path) if path.startswith(sys.argv[1]) else None, compiled(self, data, path, **options))[1]\n"
               "import runpod_handler, tts.f5.engine, timing.whisperx")
    done = subprocess.run([sys.executable, "-c", program, app], cwd=app, env={**os.environ, "PYTHONPATH": ""},
                          text=True, capture_output=True, check=True)
    assert done.stdout == ""


def test_the_default_target_is_slim_and_its_base_installs_the_compiler_that_triton_takes_and_no_more() -> None:
    stages = re.findall(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, re.MULTILINE)
    assert stages == [("${BASE}", "base"), ("base", "code"), ("base", "models"), ("models", "baked"),
                      ("base", "slim")]
    base = DOCKERFILE.partition("AS code")[0]
    assert re.findall(r"^[A-Z]+", base, re.MULTILINE).count("RUN") == 1
    assert "apt-get install -y -qq --no-install-recommends gcc libc6-dev &&" in base
    assert re.findall(r"^RUN (.+)$", CODE, re.MULTILINE) == [COMPILE]
    assert "RUN" not in re.findall(r"^[A-Z]+", DOCKERFILE.partition("AS baked")[2], re.MULTILINE)


def test_commands_of_the_image_are_in_exec_form_so_that_signals_arrive() -> None:
    assert re.findall(r"(?:ENTRYPOINT|CMD) (.)", DOCKERFILE) == ["[", "["]
    assert os.access(ROOT / "deploy/start.sh", os.X_OK)


# How it starts.

def test_the_image_does_jobs_for_runpod_and_a_stop_lets_the_running_one_finish(app: Path, volume: Path) -> None:
    s3: Any = start_s3({"test-key": "test-secret"}, ["image"])
    env = {"TTS_ENGINE": "espeak", "VENV_ROOT": str(volume), "PYTHONPATH": "", "S3_BUCKET": "image",
           "AWS_ACCESS_KEY_ID": "test-key", "AWS_SECRET_ACCESS_KEY": "test-secret", "AWS_ENDPOINT_URL": s3.endpoint_url}
    with Platform() as platform:
        worker = platform.start_worker([app / "deploy/start.sh"], env=env, cwd=app)
        result = platform.run({"text": "Hello.", "timing_format": "srt"}, job_id="first", timeout_s=60)
        assert result["output"]["status"] == "completed", worker.log_text()
        command = Path(f"/proc/{worker.process.pid}/cmdline").read_bytes().split(b"\0")
        assert command[0].endswith(b"/bin/python"), "the worker is not the process that the host started"
        kept = Path(f"/proc/{worker.process.pid}/environ").read_bytes()
        assert re.search(rb"\0TRITON_CACHE_DIR=\S+/venv-run-[0-9a-f]+/triton\0", kept), "each worker compiles anew"
        platform.submit({"text": "Some more words. " * 120, "timing_method": "pocketsphinx"}, "last")
        platform.until("handed", "last")
        worker.terminate()
        assert worker.wait(60) == 0
        assert platform.results["last"]
    s3.stop()


def test_the_arguments_go_to_the_worker_and_the_worker_is_the_same_process(stub: Path) -> None:
    process = subprocess.Popen([stub / "deploy/start.sh", "--test_input", "a b"], cwd=stub, text=True,
                               stdout=subprocess.PIPE)
    output, _ = process.communicate(timeout=30)
    assert output == f"worker {process.pid} --test_input a b\n"


@pytest.mark.parametrize(("env", "arguments"), [
    ({}, "--profile full --links DIR --models"),
    ({"FETCH_MODELS": "f5 vocos align/de"}, "--profile full --links DIR --models f5 vocos align/de"),
    ({"TTS_ENGINE": "espeak"}, "--profile run"),
])
def test_the_set_up_is_asked_for_what_the_engine_needs(stub: Path, env: dict[str, str], arguments: str) -> None:
    assert run(stub, **{"TTS_ENGINE": "f5", **env}).returncode == 0
    asked = re.sub(r"--links \S+", "--links DIR", (stub / "arguments").read_text())
    assert asked == arguments + "\n"


def test_a_set_up_that_fails_ends_the_start_with_its_words_and_no_worker(stub: Path) -> None:
    done = run(stub, SETUP="sys.exit('is the network volume attached?')")
    assert done.returncode == 1
    assert "is the network volume attached?" in done.stderr
    assert "worker" not in done.stdout


def test_a_missing_volume_stops_the_image_with_one_line_that_says_so(app: Path, tmp_path: Path) -> None:
    done = run(app, VENV_ROOT=str(tmp_path / "absent" / "venvs"), TTS_ENGINE="f5")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "is the network volume attached to the endpoint?" in done.stderr


def handler_once(app: Path, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, app / "runpod_handler.py", "--test_input", '{"input": {"text": "Hi."}}'],
                          cwd=folder, env={**os.environ, "PYTHONPATH": "", "DATA_DIR": str(folder / "data"), **env},
                          capture_output=True, text=True, timeout=120)


def test_a_home_that_nobody_can_write_keeps_no_worker_from_its_job(app: Path, tmp_path: Path) -> None:
    done = handler_once(app, tmp_path, TTS_ENGINE="espeak", HOME="/proc/nowhere")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "data/output").glob("*.wav"))) == 1


def test_a_missing_model_ends_the_start_with_one_line(app: Path, tmp_path: Path) -> None:
    done = handler_once(app, tmp_path, TTS_ENGINE="f5", DEVICE="cpu", MODELS_DIR=str(tmp_path / "models"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    lines = [line for line in (done.stdout + done.stderr).splitlines() if '"level": "INFO"' not in line]
    assert len(lines) == 1
    assert lines[0].startswith(f"the worker cannot start: no F5 model is at {tmp_path}")


def test_a_stop_during_the_set_up_stops_it_at_once(stub: Path) -> None:
    process = subprocess.Popen([stub / "deploy/start.sh"], cwd=stub, stdout=subprocess.DEVNULL,
                               env={**os.environ, "SETUP": "time.sleep(60)"}, start_new_session=True)
    while not (stub / "arguments").exists():
        time.sleep(0.02)
    process.terminate()
    assert process.wait(10) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.killpg(process.pid, 0)
            time.sleep(0.05)


IN_A_NAMESPACE = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]


@pytest.mark.parametrize("phase", ["set-up", "start of Python"])
def test_process_1_of_a_container_ends_when_asked_to_before_its_worker_runs(phase: str, stub: Path) -> None:
    """The kernel drops a signal to process 1 that has no handler for it just then."""
    if subprocess.run([*IN_A_NAMESPACE, "true"], capture_output=True).returncode:
        pytest.skip("needs unshare --pid")
    slow = stub / "slow-python"
    slow.write_text(f"#!{sys.executable} -S\nimport os, sys, time\nopen('here', 'w')\ntime.sleep(2)\n"
                    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])\n")
    slow.chmod(0o755)
    set_up = f"print({str(slow)!r}); sys.exit()" if phase == "start of Python" else (
        "open('here', 'w'); time.sleep(60)")
    process = subprocess.Popen([*IN_A_NAMESPACE, stub / "deploy/start.sh"], cwd=stub, stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "SETUP": set_up})
    while not (stub / "here").exists():
        time.sleep(0.02)
    child = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
    os.kill(child, signal.SIGTERM)
    output, _ = process.communicate(timeout=20)
    assert (process.returncode, output) == (128 + signal.SIGTERM, "")


# The whole image, by a real builder.

@pytest.mark.skipif(os.environ.get("BUILD_IMAGE") != "1", reason="takes 4 minutes; BUILD_IMAGE=1 asks for it")
def test_the_image_builds_and_does_its_first_job(tmp_path: Path) -> None:
    done = subprocess.run([ROOT / "tests/deploy/build_image.sh", tmp_path], capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
