"""The commands as a person types them."""
from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import termios
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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

import cli
from captions import WRITERS
from tests.doubles.host import start_host
from tests.doubles.speech import spoken_wav
from worker import local

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


@pytest.mark.parametrize("picture", ["photo.JPG", None])
def test_the_example_ends_with_the_sound_also_over_a_picture(root: Path, out: Path, tmp_path: Path, picture: str | None,
                                                              ) -> None:
    ffmpeg, sound = imageio_ffmpeg.get_ffmpeg_exe(), only(out, "local-*.wav")
    if picture:
        subprocess.run([ffmpeg, "-loglevel", "error", "-f", "lavfi", "-i", "color=c=red:s=301x201", "-frames:v", "1",
                        tmp_path / picture], check=True)
    (tmp_path / "realpath").write_text("#!/bin/sh\nexit 1\n")  # as macOS' of the option -m
    (tmp_path / "realpath").chmod(0o755)
    subprocess.run([root / "examples" / "burn_captions.sh", picture or "color", sound, only(out, "*.ass"), "o.mp4"],
                   check=True, cwd=tmp_path, timeout=300,
                   env={**os.environ, "FFMPEG": ffmpeg, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    frames = subprocess.run([ffmpeg, "-i", tmp_path / "o.mp4", "-map", "0:v", "-vf", "scale=2:2", "-f", "rawvideo",
                             "-pix_fmt", "gray", "-"], capture_output=True, check=True).stdout
    assert len(frames) / 4 / 30 == pytest.approx(soundfile.info(sound).duration, abs=0.1)


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
    as_ass = run(root, tmp_path, "align", "a.wav", "--text", "a.txt", "--format", "ass", "--captions",
                 "font=Comic Neue")
    assert "Comic Neue does not ship" in as_ass.stderr


@pytest.mark.parametrize(("arguments", "env", "said"), [
    (["", ], {}, "INVALID_INPUT: text"),
    (["Hi.", "--speed", "9"], {}, "INVALID_INPUT: speed"),
    (["Hi.", "--voice", "nobody"], {}, "NOT_FOUND: voice nobody"),
    (["Hi."], {"TTS_ENGINE": "piper"}, "TTS_ENGINE is 'piper'"),
    (["Hi.", "--resolution", "big"], {}, "--resolution is WIDTHxHEIGHT"),
    (["Hi.", "--captions", "shorts"], {}, "--captions takes KEY=VALUE"),
    (["Hi.", "-f", "words.txt"], {}, "exclude each other"),
    (["align", "a.wav", "--text", "a.txt", "--language", "english"], {}, "language: is a language code such as en"),
    (["render", "Hi.", "--out", "a.webm", "--format", "mp4"], {}, "--out a.webm does not end in .mp4"),
    (["render", "Hi.", "--job", "a"], {}, "send one of them"),
    (["-f", "missing.txt"], {}, "missing.txt"),
    (["align", "missing.wav", "--text", "missing.txt"], {}, "missing.wav"),
])
def test_a_mistake_is_one_clear_line_and_a_failed_exit(root: Path, tmp_path: Path, arguments: list[str],
                                                       env: dict[str, str], said: str) -> None:
    done = run(root, tmp_path, *arguments, **env)
    assert done.returncode == 1
    assert done.stdout == ""
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("arguments", "said"), [
    (["-f", ""], "Is a directory"),
    (["Hi.", "--pronunciations", ""], "Is a directory"),
    (["voices", "upload", "anna", "missing.wav", "--words", ""], "missing.wav"),
])
def test_an_empty_argument_is_not_as_if_it_were_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                         capsys: pytest.CaptureFixture[str], arguments: list[str],
                                                         said: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 1
    assert said in capsys.readouterr().err


def test_text_comes_from_a_file_or_standard_input_in_any_form(root: Path, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_bytes(TEXT.encode("utf-16"))
    done = run(root, tmp_path, "-f", "words.txt", "--format", "srt", "--captions", "max_words=1", "--resolution",
               "720x1280", "--loudness", "-20")
    answer = json.loads(done.stdout)
    assert answer["text"] == TEXT
    assert Path(answer["preview_url"].removeprefix("file://")).exists()
    assert len(list(srt.parse(Path(answer["timing_files"]["srt"].removeprefix("file://")).read_text()))) == 6
    piped = subprocess.run([sys.executable, root / "cli.py", "-", "--format", "srt"], cwd=tmp_path, input=TEXT,
                           capture_output=True, text=True, timeout=300)
    assert json.loads(piped.stdout)["text"] == TEXT


def test_paragraphs_of_a_file_are_pauses_as_those_of_an_argument(root: Path, tmp_path: Path) -> None:
    text = "# A title\n\nThe first part.\n\nThe second part."
    (tmp_path / "words.txt").write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))
    answers = [json.loads(run(root, tmp_path, *arguments, "--format", "srt").stdout)
               for arguments in ([text], ["-f", "words.txt"])]
    assert answers[1]["text"] == text
    assert answers[1]["duration"] == answers[0]["duration"]


def test_a_reader_that_has_enough_ends_the_program_in_silence(root: Path, tmp_path: Path) -> None:
    done = subprocess.run(["bash", "-c", f"{sys.executable} {root / 'cli.py'} help | :; echo ${{PIPESTATUS[0]}}"],
                          cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) in (("141\n", ""), ("0\n", ""))  # 0: written before the reader was gone
    with (tmp_path / "read").open("w") as nothing:
        ours, theirs = os.pipe()
        os.close(ours)
        code = subprocess.run([sys.executable, root / "cli.py", "Hi."], cwd=tmp_path, stdout=theirs, stderr=nothing,
                              timeout=60).returncode
        os.close(theirs)
    assert (code, (tmp_path / "read").read_text()) == (141, "")


def test_words_are_utf8_where_the_locale_has_no_letters_for_them(root: Path, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, root / "cli.py", "Grüße, Łódź.", "--language", "de", "--format", "txt"],
                          cwd=tmp_path, capture_output=True, timeout=60,
                          env={"PATH": os.environ["PATH"], "PYTHONIOENCODING": "latin-1"})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.decode())["text"] == "Grüße, Łódź."


def test_a_link_to_the_command_finds_its_files(root: Path, tmp_path: Path) -> None:
    home, on_path = tmp_path / "home", tmp_path / "a b"
    home.mkdir()
    on_path.mkdir()
    (home / "run").write_text((root / "run").read_text())
    (home / "setup_network_venv.py").write_text("import sys; sys.exit('set up')")
    (home / "first").symlink_to("run")
    (on_path / "speak").symlink_to(Path("../home/first"))
    done = subprocess.run(["bash", on_path / "speak"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.stderr.strip() == "set up"


def test_a_closed_standard_input_is_one_clear_line(root: Path, tmp_path: Path) -> None:
    done = subprocess.run(["bash", "-c", f"{sys.executable} {root / 'cli.py'} - <&-"], cwd=tmp_path,
                          capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "error: standard input is closed\n")


def test_words_without_quotes_and_a_port_that_is_none_are_explained(root: Path, tmp_path: Path) -> None:
    assert "goes in quotes" in run(root, tmp_path, "Hello", "world").stderr
    assert run(root, tmp_path, "serve", "--port", "99999").stderr.endswith(
        "--port: 99999 is none, they go from 1 to 65535\n")


def test_a_long_recording_is_uploaded_from_the_command_line_and_leaves_nothing_behind(root: Path, tmp_path: Path,
                                                                                     ) -> None:
    rate_hz = 48_000
    speech = soundfile.read(io.BytesIO(spoken_wav(NATURE)))[0]
    long = np.tile(np.pad(np.repeat(speech, 2), (0, 24_000)), 12)
    soundfile.write(tmp_path / "long one.wav", np.column_stack([long, long]), rate_hz, subtype="PCM_24")
    assert (tmp_path / "long one.wav").stat().st_size > 8_000_000
    done = run(root, tmp_path, "voices", "upload", "anna", "long one.wav", "--words", " ".join([NATURE] * 12))
    assert done.returncode == 0, done.stderr
    assert not [path for path in tmp_path.glob("data/uploads/*") if path.is_file()]


def test_voices_are_kept_from_the_command_line(root: Path, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(spoken_wav(NATURE))
    (tmp_path / "a.srt").write_text(f"1\n00:00:00,000 --> 00:00:03,000\n{NATURE}\n")
    stored = run(root, tmp_path, "voices", "upload", "anna", "a.wav", "--text", "a.srt")
    assert json.loads(stored.stdout)["voice"]["reference_text"] == NATURE
    assert json.loads(run(root, tmp_path, "voices", "list").stdout)["count"] == 1
    assert "preview_url" in json.loads(run(root, tmp_path, "voices", "get", "anna").stdout)["voice"]
    assert json.loads(run(root, tmp_path, "voices", "delete", "anna").stdout)["status"] == "deleted"


def test_subtitles_may_be_the_text_of_an_alignment(root: Path, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(spoken_wav(NATURE))
    (tmp_path / "a.srt").write_text(f"1\n00:00:00,000 --> 00:00:03,000\n{NATURE}\n")
    done = run(root, tmp_path, "align", "a.wav", "--text", "a.srt")
    assert [word["word"] for word in json.loads(done.stdout)["words"]] == NATURE.split()


def test_words_are_said_as_a_file_of_pronunciations_has_them(root: Path, tmp_path: Path) -> None:
    (tmp_path / "said.json").write_text('{"NGINX": "engine x"}')
    spoken = json.loads(run(root, tmp_path, "We run NGINX.", "--format", "srt", "--pronunciations", "said.json",
                            "--out", "out").stdout)
    (tmp_path / "a.txt").write_text("We run NGINX.")
    recording = only(tmp_path / "out", "*.wav")
    done = run(root, tmp_path, "align", str(recording), "--text", "a.txt", "--pronunciations", "said.json")
    assert [word["word"] for word in json.loads(done.stdout)["words"]] == spoken["text"].split()
    (tmp_path / "said.json").write_text('{"NGINX": 7}')
    refused = run(root, tmp_path, "Hi.", "--pronunciations", "said.json")
    assert "said.json: 'NGINX': Input should be a valid string" in refused.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux alone has a disk that is always full")
def test_a_full_disk_is_one_clear_line(root: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    done = subprocess.run(["bash", "-c", f"ulimit -f 20; exec {sys.executable} {root / 'cli.py'} Hi. --out out"],
                          cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_control_c_stops_without_a_traceback(root: Path, tmp_path: Path) -> None:
    # A shell that starts its jobs in the background leaves them deaf to SIGINT.
    work = subprocess.Popen([sys.executable, root / "cli.py", "A long text. " * 5000], cwd=tmp_path,
                            stderr=subprocess.PIPE, text=True,
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    for _ in range(600):
        if list(tmp_path.glob("data/jobs/local-*.json")):
            break
        time.sleep(0.1)
    work.send_signal(signal.SIGINT)
    _, errors = work.communicate(timeout=60)
    assert work.returncode == 130
    assert "Traceback" not in errors
    assert "stopped" in errors


@pytest.mark.parametrize("seconds", [0.1, 0.4, 0.8, 1.3])
def test_control_c_while_it_starts_prints_no_traceback(root: Path, tmp_path: Path, seconds: float) -> None:
    errors = tmp_path / "errors"
    with errors.open("w") as file:
        work = subprocess.Popen([sys.executable, "-X", "importtime", root / "cli.py", "A long text. " * 5000],
                                cwd=tmp_path, stderr=file, stdout=subprocess.PIPE, text=True,
                                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    while not re.search(r"\| +signal$", errors.read_text(), re.MULTILINE):  # before that it is Python's own affair
        time.sleep(0.01)
    time.sleep(seconds)
    work.send_signal(signal.SIGINT)
    said, _ = work.communicate(timeout=60)
    assert work.returncode in (-signal.SIGINT, 130)
    assert said == "" and "Traceback" not in errors.read_text()


def on_a_terminal(command: list[str | Path], folder: Path) -> tuple[int, str, str]:
    """Exit status, standard output, and what a person sees who looks at the terminal of standard error."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(ours, (24, 80))
    said = folder / "said"  # a file, for a pipe that nobody reads meanwhile fills up
    with said.open("w") as output:
        work = subprocess.Popen(command, cwd=folder, stdout=output, stderr=theirs)
    os.close(theirs)
    seen = b""
    with suppress(OSError):  # how the end of a terminal reads
        while block := os.read(ours, 4096):
            seen += block
    os.close(ours)
    return work.wait(60), said.read_text(), seen.decode()


def test_long_work_shows_its_progress_on_a_terminal(root: Path, tmp_path: Path) -> None:
    code, answer, seen = on_a_terminal([sys.executable, root / "cli.py", "The boats came in late. " * 1200, "--format",
                                        "srt"], tmp_path)
    assert code == 0
    assert json.loads(answer)["status"] == "completed"
    drawn = [(stage, int(share)) for stage, share in re.findall(r"(\w+)\W+(\d+) %", seen)]
    shares = [share for _, share in drawn]
    assert shares == sorted(shares)
    assert any(5 <= share <= 95 and stage in ("speak", "align", "store") for stage, share in drawn)


def test_out_does_not_hold_the_files(root: Path, tmp_path: Path) -> None:
    """100 MB of audio are copied within 40 MB."""
    (tmp_path / "a.wav").write_bytes(bytes(100_000_000))
    url = (tmp_path / "a.wav").as_uri()
    (tmp_path / "a.html").write_bytes(b"page")
    program = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(root)!r})
from tests.doubles.processes import peak_mb
from worker import local
before = peak_mb()
local.copy_all({{"job_id": "a", "audio_url": {url!r}, "preview_url": {(tmp_path / "a.html").as_uri()!r},
                "timing_files": {{}}}}, Path("out"))
print(peak_mb() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 40
    assert (tmp_path / "out/a.wav").stat().st_size == 100_000_000


def test_a_file_that_is_not_copied_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"audio")
    with pytest.raises(local.NotCopied, match=r"a\.wav/b: File exists; the files of this run lie in the store"):
        local.copy((tmp_path / "a.wav").as_uri(), tmp_path / "a.wav" / "b")
    with pytest.raises(local.NotCopied, match="b: the store does not hand it out"):
        local.copy((tmp_path / "missing.wav").as_uri(), tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_the_preview_of_a_long_job_links_the_audio_beside_it(root: Path, out: Path, tmp_path: Path,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    short = only(out, "*.preview.html").read_text()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(local, "MAX_EMBEDDED_S", 1)
    assert cli.main([TEXT, "--out", "long", "--audio-format", "mp3"]) == 0
    page = only(tmp_path / "long", "*.preview.html").read_text()
    link = re.search(r'<audio[^>]* src="([^"]+)"', page)
    assert link and (tmp_path / "long" / link[1]).is_file()
    assert "data:audio" in short and "data:audio" not in page


def test_the_example_says_that_nothing_answers(root: Path, tmp_path: Path) -> None:
    with socket.socket() as free, start_host({"/runsync": b"<html>gateway</html>"}) as host:
        free.bind(("127.0.0.1", 0))
        for url in (f"http://127.0.0.1:{free.getsockname()[1]}", host.url):
            done = subprocess.run([root / "examples" / "first_jobs.sh", "https://example.com/a.wav", NATURE],
                                  capture_output=True, text=True, timeout=60, env={**os.environ, "BASE_URL": url})
            assert done.returncode != 0
            assert f"failed: no RunPod API answers at {url}" in done.stderr
            assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("arguments", "profile"), [
    (["google"], "run"), (["the whisperx"], "run"), (["voices", "get", "google"], "run"),
    (["align", "a.wav", "--method", "google"], "full"), (["align", "a.wav", "--method=whisperx"], "full"),
    (["whisperx-api"], "run"), (["bench"], "test"),
])
def test_the_full_environment_is_built_for_those_who_need_it(root: Path, tmp_path: Path, arguments: list[str],
                                                             profile: str) -> None:
    (tmp_path / "run").write_text((root / "run").read_text())
    (tmp_path / "setup_network_venv.py").write_text("import sys; sys.exit('profile ' + sys.argv[2])")
    done = subprocess.run(["bash", tmp_path / "run", *arguments], cwd=tmp_path, capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"]})
    assert done.stderr.strip() == f"profile {profile}"


def test_help_and_version(root: Path, tmp_path: Path) -> None:
    assert "voices" in run(root, tmp_path, "help").stdout
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", run(root, tmp_path, "--version").stdout)


@pytest.mark.parametrize("command", [[], ["serve"], ["align"], ["bench"], ["voices"]])
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
    (tmp_path / "anna.wav").write_bytes(spoken_wav(" ".join([NATURE] * 3)))
    with start_host({"/anna.wav": spoken_wav(NATURE)}) as host, serving(root, tmp_path) as url:
        failed = post(f"{url}/runsync", {"input": {"text": "a", "foo": 1}})
        assert failed["status"] == "FAILED"
        assert failed["error"].startswith("INVALID_INPUT: foo: unknown field")
        queued = post(f"{url}/run", {"input": {"text": "Hello."}})
        assert post(f"{url}/status/{queued['id']}", {})["output"]["status"] == "completed"
        examples = [subprocess.run([root / "examples" / "first_jobs.sh", voice, NATURE], capture_output=True, text=True,
                                   timeout=300, env={**os.environ, "BASE_URL": url})
                    for voice in (f"{host.url}/anna.wav", tmp_path / "anna.wav")]
    for example in examples:
        assert example.returncode == 0, example.stderr
        assert "Hello world, this costs $3.50 today." in " ".join(example.stdout.split())
        assert '"status": "deleted"' in example.stdout
