"""The commands as a person types them."""
from __future__ import annotations

import csv
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ass
import imageio_ffmpeg
import numpy as np
import pysubs2
import pytest
import soundfile
import srt
import webvtt

from captions import WRITERS
from tests.doubles.host import start_host
from tests.doubles.speech import spoken_wav

NATURE = "Some call me nature, others call me mother nature."
TEXT = "Hello world, this costs $3.50 today."


def run(root: Path, folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, root / "cli.py", *arguments], cwd=folder, capture_output=True, text=True,
                          timeout=300, env={**os.environ, **env})


@pytest.fixture(scope="module")
def out(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`./run TEXT --format all --out out`, done once; `out/answer.json` is what it printed."""
    folder = tmp_path_factory.mktemp("run")
    done = run(root, folder, TEXT, "--format", "all", "--out", "out", "--preset", "shorts")
    assert done.returncode == 0, done.stderr
    (folder / "out" / "answer.json").write_text(done.stdout)
    return folder / "out"


def only(folder: Path, pattern: str) -> Path:
    found, = (path for path in folder.glob(pattern) if not re.search(r"\.(words\.srt|remotion\.json)$", path.name))
    return found


def test_standard_output_is_the_api_answer_alone(out: Path) -> None:
    answer = json.loads((out / "answer.json").read_text())
    assert answer["status"] == "completed"
    assert answer["word_count"] == 6
    assert set(answer["timing_files"]) == set(WRITERS)


def test_the_audio_is_longer_than_a_second(out: Path) -> None:
    assert soundfile.info(only(out, "local-*.wav")).duration > 1


def test_five_files_have_exactly_the_words_in_order_for_independent_readers(out: Path) -> None:
    def words(text: str) -> list[str]:
        return [word.casefold() for word in re.sub(r"\{[^}]*\}|<[^>]*>", "", text.replace("\\N", " ")).split()]

    expected = TEXT.casefold().split()
    captions = srt.parse(only(out, "*.srt").read_text())
    assert words(" ".join(cue.content for cue in captions)) == expected
    assert words(" ".join(cue.text for cue in webvtt.read(only(out, "*.vtt")))) == expected
    with only(out, "*.csv").open(newline="") as file:
        assert [row["word"] for row in csv.DictReader(file)] == TEXT.split()
    assert [word["word"] for word in json.loads(only(out, "local-*.json").read_text())["words"]] == TEXT.split()
    with only(out, "*.ass").open(encoding="utf-8-sig") as file:
        lines = {event.text for event in ass.parse(file).events}
    assert set(expected) <= set(words(" ".join(lines)))
    assert pysubs2.load(str(only(out, "*.ass")))


def test_the_example_burns_captions_in_and_the_spoken_word_is_the_lit_one(root: Path, out: Path, tmp_path: Path,
                                                                          ) -> None:
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    if " ass " not in subprocess.run([ffmpeg, "-hide_banner", "-filters"], capture_output=True, text=True).stdout:
        pytest.skip("this FFmpeg has no libass")
    video = tmp_path / "it's, a [video].mp4"
    subprocess.run([root / "examples" / "burn_captions.sh", "color", only(out, "local-*.wav"), only(out, "*.ass"),
                    video], check=True, env={**os.environ, "FFMPEG": ffmpeg}, timeout=300)
    words = json.loads(only(out, "local-*.json").read_text())["words"]
    centres = [lit_centre(ffmpeg, video, (word["start"] + word["end"]) / 2) for word in words[:2]]
    assert centres[0] < centres[1]


def lit_centre(ffmpeg: str, video: Path, at_s: float) -> float:
    """The mean column of the highlighted (coloured) pixels of the frame at `at_s`."""
    raw = subprocess.run([ffmpeg, "-loglevel", "error", "-ss", f"{at_s:.3f}", "-i", video, "-frames:v", "1", "-f",
                          "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True).stdout
    frame = np.frombuffer(raw, np.uint8).reshape(1920, 1080, 3).astype(int)
    lit = (frame.max(axis=2) - frame.min(axis=2) > 120) & (frame.max(axis=2) > 180)
    assert lit.sum() > 200, "no highlighted word in this frame"
    return float(np.nonzero(lit)[1].mean())


def test_a_recording_is_aligned_on_standard_output(root: Path, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(spoken_wav(NATURE))
    (tmp_path / "a.txt").write_text(NATURE + "\n")
    done = run(root, tmp_path, "align", "a.wav", "--text", "a.txt")
    assert [word["word"] for word in json.loads(done.stdout)["words"]] == NATURE.split()
    as_srt = run(root, tmp_path, "align", "a.wav", "--text", "a.txt", "--format", "srt")
    assert list(srt.parse(as_srt.stdout))


@pytest.mark.parametrize(("arguments", "env", "said"), [
    (["", ], {}, "INVALID_INPUT: text"),
    (["Hi.", "--speed", "9"], {}, "INVALID_INPUT: speed"),
    (["Hi.", "--voice", "nobody"], {}, "NOT_FOUND: voice nobody"),
    (["Hi."], {"TTS_ENGINE": "piper"}, "TTS_ENGINE is 'piper'"),
    (["align", "missing.wav", "--text", "missing.txt"], {}, "missing.wav"),
])
def test_a_mistake_is_one_clear_line_and_a_failed_exit(root: Path, tmp_path: Path, arguments: list[str],
                                                       env: dict[str, str], said: str) -> None:
    done = run(root, tmp_path, *arguments, **env)
    assert done.returncode == 1
    assert done.stdout == ""
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [[], ["serve"], ["align"], ["bench"]])
def test_every_command_has_help(root: Path, tmp_path: Path, command: list[str]) -> None:
    done = run(root, tmp_path, *command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: ./run")


@contextmanager
def serving(root: Path, folder: Path) -> Iterator[str]:
    """`./run serve` on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([sys.executable, root / "cli.py", "serve", "--port", str(port)], cwd=folder,
                              env={**os.environ, "URL_ALLOW_HOSTS": "127.0.0.1"}, stderr=subprocess.PIPE)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{url}/docs")
                break
            except OSError:
                assert server.poll() is None, server.stderr.read() if server.stderr else ""
                time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait(20)


def post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def test_the_local_api_and_the_curl_example_do_the_main_job(root: Path, tmp_path: Path) -> None:
    with start_host({"/anna.wav": spoken_wav(NATURE)}) as host, serving(root, tmp_path) as url:
        failed = post(f"{url}/runsync", {"input": {"text": "a", "foo": 1}})
        assert failed["status"] == "FAILED"
        assert failed["error"].startswith("INVALID_INPUT: foo: unknown field")
        queued = post(f"{url}/run", {"input": {"text": "Hello."}})
        assert post(f"{url}/status/{queued['id']}", {})["output"]["status"] == "completed"
        example = subprocess.run(
            [root / "examples" / "first_jobs.sh", f"{host.url}/anna.wav", NATURE], capture_output=True, text=True,
            timeout=300, env={**os.environ, "BASE_URL": url})
    assert example.returncode == 0, example.stderr
    assert "Hello world, this costs $3.50 today." in " ".join(example.stdout.split())
    assert '"status": "deleted"' in example.stdout
