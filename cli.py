"""The commands of `./run`: the main job, the local API, aligning a recording, the benchmarks.

Standard output carries the result alone; progress and logs go to standard error.
"""
from __future__ import annotations

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the imports below are done: nothing is begun that needs care

import argparse
import asyncio
import io
import json
import logging
import os
import sys
import threading
import time
import tomllib
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

import runpod_handler
from captions import WRITERS, ass
from captions.cues import cues
from captions.style.options import PRESETS
from intake import audio
from s3_utils import StorageError
from text import transcript
from tts.encode import FORMATS
from worker import align as align_endpoint
from worker import lexicons, local, marking, records, requests, sweep
from worker.settings import Settings, SettingsError

ROOT = Path(__file__).resolve().parent
SAMPLE = ("Hello! This voice needs no graphics card and no download. "
          "Every word you hear has its time, so captions can light up exactly when it is spoken.")
PRONUNCIATIONS_HELP = 'JSON file of words said in a way of their own: {"Kubernetes": "koo ber NET eez"}'
VIDEO_FORMATS = ("mp4", "webm", "mov")
BENCHMARKS = ("timing", "timing_long", "timing_fit", "kill", "stop", "cancel", "outages", "jobs", "start", "text",
              "transcribe", "f5", "engine", "marking", "subtitles", "render", "voices", "fuzz", "verify", "damage")


HELP = """usage: ./run [TEXT] [options]       speak a text (./run --help)
       ./run serve                  RunPod's local API
       ./run align AUDIO --text F   the words of a recording whose text is known
       ./run render [TEXT]          a video: background, voice and captions
       ./run verify AUDIO           the marks of machine-made speech in a recording
       ./run voices VERB            upload, list, get, rename and delete stored voices
       ./run sweep                  jobs that stay in_progress although no worker has them
       ./run bench [NAME]           figures with their peers
       ./run whisperx-api           the transcription service
       ./run help | --version       each command has --help
"""


def main(argv: list[str]) -> int:
    commands: dict[str, Callable[[list[str]], int]] = {
        "serve": serve, "align": align, "voices": voices, "render": render, "verify": verify, "bench": bench,
        "sweep": sweep_records, "whisperx-api": whisperx_api, "help": usage, "--version": version}
    command = commands.get(argv[0], speak) if argv else speak
    try:
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")  # as JSON and subtitles are, whatever the locale's letters
        code = command(argv[1:] if argv and argv[0] in commands else argv)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # as `| head` leaves it: whoever read has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 128 + signal.SIGPIPE
    except OSError as error:
        print("error:", ": ".join(str(part) for part in (error.filename, error.strerror or error) if part),
              file=sys.stderr)
        return 1
    except Exception as error:
        is_plain = isinstance(error, SettingsError | UsageError | local.NotCopied)
        message = str(error) if is_plain else runpod_handler.explain(error)
        print(f"error: {message}", file=sys.stderr)
        return 1


class UsageError(Exception):
    """The command line makes no sense; the message says what does."""


def usage(argv: list[str]) -> int:
    print(HELP, end="")
    return 0


def version(argv: list[str]) -> int:
    print(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])
    return 0


def speak(argv: list[str]) -> int:
    """`./run [TEXT]`: one `generate` job through the handler, on the local store."""
    parser = _speak_parser()
    arguments, rest = parser.parse_known_args(argv)
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)} (a text of several words goes in quotes; "
                     "./run help lists the commands)")
    fields = _input(arguments)
    parts = runpod_handler.build_parts(_settings())
    output = _run_job(parts, fields)
    output["preview_url"] = local.write_preview(parts.store, output)
    if arguments.out:
        local.copy_all(output, arguments.out)
    print(json.dumps(output, ensure_ascii=False, indent=2))
    return 0


def _speak_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./run", description="Speaks a text, stores audio and subtitle files, prints the API's JSON.",
        epilog="other commands: serve, align, voices, render, verify, bench, sweep, whisperx-api, help")
    parser.add_argument("text", nargs="?", help="what to say, - for standard input (default: a sample)")
    parser.add_argument("-f", "--file", help="read the text from this file, - for standard input")
    parser.add_argument("--format", default="all", help=f"{', '.join(WRITERS)}, several with commas, or all (default)")
    parser.add_argument("--out", type=Path, help="also copy the files into this folder")
    parser.add_argument("--voice", help="a stored voice (with TTS_ENGINE=f5)")
    parser.add_argument("--language", help="language code, such as en or pt-BR")
    parser.add_argument("--speed", type=float, default=1.0, help="0.5 to 2.0")
    parser.add_argument("--seed", type=int, help="1 to 2147483647; the same seed sounds the same")
    parser.add_argument("--audio-format", choices=sorted(FORMATS), default="wav")
    parser.add_argument("--loudness", type=float, metavar="LUFS", help="integrated loudness, -40 to -5")
    parser.add_argument("--pronunciations", metavar="FILE", help=PRONUNCIATIONS_HELP)
    parser.add_argument("--lexicon", metavar="NAME", help="a stored list of pronunciations, lexicon/NAME.json")
    _add_caption_options(parser, None)
    return parser


def _add_caption_options(parser: argparse.ArgumentParser, preset: str | None) -> None:
    parser.add_argument("--preset", default=preset, help="caption preset, such as shorts, pop or sentence")
    parser.add_argument("--resolution", metavar="WxH", help="of the video, such as 1080x1920")
    parser.add_argument("--captions", action="append", default=[], metavar="KEY=VALUE",
                        help="a caption option of docs/CAPTIONS.md, such as max_words=1; may be repeated")


def _captions(arguments: argparse.Namespace) -> dict[str, Any]:
    """The `captions` object of the API from --preset, --resolution and --captions."""
    options: dict[str, Any] = {"preset": arguments.preset} if arguments.preset else {}
    if arguments.resolution:
        width, _, height = arguments.resolution.partition("x")
        if not (width.isdecimal() and height.isdecimal()):
            raise UsageError(f"--resolution is WIDTHxHEIGHT, such as 1080x1920, not {arguments.resolution!r}")
        options["resolution"] = [int(width), int(height)]
    for given in arguments.captions:
        key, equals, value = given.partition("=")
        if not equals:
            raise UsageError(f"--captions takes KEY=VALUE, such as max_words=1, not {given!r}")
        options[key] = _value(value)
    return options


def _value(text: str) -> Any:
    """A number, true, false or a list as JSON has them, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _script(arguments: argparse.Namespace) -> str:
    """The text itself, or that of --file: plain, SRT, VTT, CSV or JSON. Raises TranscriptError."""
    if arguments.file is not None and arguments.text is not None:
        raise UsageError("the text and --file exclude each other")
    if arguments.file is not None or arguments.text == "-":
        return transcript.script(_read_bytes("-" if arguments.file is None else arguments.file))
    return SAMPLE if arguments.text is None else str(arguments.text)


def _read_bytes(name: str) -> bytes:
    """`-` is standard input."""
    if name != "-":
        return Path(name).read_bytes()
    if sys.stdin is None:
        raise UsageError("standard input is closed")
    return sys.stdin.buffer.read()


def _read_pronunciations(name: str | None) -> dict[str, str] | None:
    """Raises UsageError unless the file is as the API's `pronunciations`."""
    try:
        return None if name is None else lexicons.parsed(_read_bytes(name))
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None


def _run_job(parts: runpod_handler.Parts, fields: dict[str, Any], job_id: str | None = None) -> dict[str, Any]:
    """One job through the handler, with a progress line where a person looks on. Raises UsageError with its error."""
    job_id = job_id or f"local-{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}"
    with _progress(parts.records, job_id):
        output = asyncio.run(runpod_handler.make_handler(parts)({"id": job_id, "input": fields}))
    if "error" in output:
        raise UsageError(output["error"])
    return output


@contextmanager
def _progress(known: records.Records, job_id: str) -> Iterator[None]:
    """Shows the stage and the share done, from the job's own record, while standard error is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    ended = threading.Event()

    def follow() -> None:
        with tqdm(total=100, unit="%", leave=False, bar_format="{desc:<9}{bar:30}{n:3.0f} % {elapsed}") as bar:
            while not ended.wait(0.5):
                with suppress(records.NotFound, StorageError):
                    record = known.read(job_id)
                    bar.n = 100 * record.progress
                    bar.set_description_str(record.stage)  # draws; update() waits for steps as large as those before

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _settings() -> Settings:
    """A person reads this log: warnings, in plain lines."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
    logging.getLogger("runpod_handler").setLevel(logging.ERROR)  # a failed job is told once, on the last line
    return Settings.from_env()


def _input(arguments: argparse.Namespace) -> dict[str, Any]:
    formats = arguments.format if "," not in arguments.format else arguments.format.replace(" ", "").split(",")
    fields = {
        "endpoint": "generate", "local_voice": arguments.voice, "speed": arguments.speed,
        "text": _script(arguments),
        "seed": arguments.seed, "language": arguments.language, "audio_format": arguments.audio_format,
        "timing_format": formats, "return_word_timings": True, "loudness_lufs": arguments.loudness,
        "captions": _captions(arguments) or None, "lexicon": arguments.lexicon,
        "pronunciations": _read_pronunciations(arguments.pronunciations),
    }
    return {name: value for name, value in fields.items() if value is not None}


def voices(argv: list[str]) -> int:
    """`./run voices upload|list|get|rename|delete`: the voice endpoints on the local store; prints the API's JSON."""
    parser = argparse.ArgumentParser(prog="./run voices", description="Stores, lists and removes voices.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    upload = verbs.add_parser("upload", help="store a recording as a voice")
    upload.add_argument("voice_name")
    upload.add_argument("audio", type=Path)
    said = upload.add_mutually_exclusive_group()
    said.add_argument("--text", help="file with the words that are said, - for standard input")
    said.add_argument("--words", help="the words that are said")
    upload.add_argument("--language", default="en")
    upload.add_argument("--overwrite", action="store_true")
    listed = verbs.add_parser("list", help="list the stored voices")
    listed.add_argument("--limit", type=int, default=100)
    listed.add_argument("--cursor")
    renamed = verbs.add_parser("rename", help="give a stored voice another name")
    renamed.add_argument("voice_name")
    renamed.add_argument("new_name")
    for verb in ("get", "delete"):
        verbs.add_parser(verb, help=f"{verb} a stored voice").add_argument("voice_name")
    arguments = parser.parse_args(argv)
    endpoint = {"list": "list_voices", "upload": "upload"}.get(arguments.verb, f"{arguments.verb}_voice")
    fields = {"endpoint": endpoint} | _voice_fields(arguments)
    parts = runpod_handler.build_parts(_settings())
    with local.uploaded(parts.store, arguments.audio) if endpoint == "upload" else nullcontext() as key:
        output = _run_job(parts, fields | ({"s3_key": key} if key else {}))
    print(json.dumps(output, ensure_ascii=False, indent=2))
    return 0


def _voice_fields(arguments: argparse.Namespace) -> dict[str, Any]:
    fields = {name: value for name, value in vars(arguments).items()
              if name not in ("verb", "audio", "text", "words") and value is not None}
    if arguments.verb == "upload" and arguments.text is not None:
        fields["reference_text"] = transcript.read(_read_bytes(arguments.text))
    elif arguments.verb == "upload" and arguments.words is not None:
        fields["reference_text"] = arguments.words
    return fields


def serve(argv: list[str]) -> int:
    """`./run serve`: RunPod's own local API over the same handler."""
    parser = argparse.ArgumentParser(
        prog="./run serve", description="RunPod's local API: POST /runsync, /run and /status/{id}.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args(argv)
    if not 0 < arguments.port < 65_536:
        parser.error(f"--port: {arguments.port} is none, they go from 1 to 65535")
    sys.argv = ["runpod_handler.py", "--rp_serve_api", "--rp_api_host", arguments.host,
                "--rp_api_port", str(arguments.port)]
    return runpod_handler.main()


def align(argv: list[str]) -> int:
    """`./run align AUDIO --text FILE`: the words of a recording whose text is known."""
    parser = argparse.ArgumentParser(
        prog="./run align", description="Times the words of a recording whose text is known; prints one format.")
    parser.add_argument("audio", type=Path)
    parser.add_argument("--text", required=True,
                        help="file with the words that are said (plain text, CSV, or SRT or VTT, whose times bound "
                        "the search), - for standard input")
    parser.add_argument("--method", choices=("auto", "whisperx", "google", "pocketsphinx"), default="auto")
    parser.add_argument("--language", default="en")
    parser.add_argument("--format", choices=sorted(WRITERS), default="json")
    parser.add_argument("--keep-cues", action="store_true", help="show the cues of an SRT or VTT as they are")
    parser.add_argument("--pronunciations", metavar="FILE", help=PRONUNCIATIONS_HELP)
    _add_caption_options(parser, "sentence")
    arguments = parser.parse_args(argv)
    request = requests.parse(requests.Timed, {
        "language": arguments.language, "timing_method": arguments.method,
        "captions": _captions(arguments) | ({"keep_lines": True} if arguments.keep_cues else {})})
    settings = _settings()
    recording = audio.decode(arguments.audio.read_bytes(), max_duration_s=align_endpoint.MAX_AUDIO_S)
    sources = runpod_handler.timing_sources(settings)
    said = align_endpoint.Said.read(_read_bytes(arguments.text), arguments.keep_cues)
    timed = align_endpoint.align_whole(
        recording, said, request.language or "en", request.timing_method,
        settings.allowed(sources, request.timing_method), lambda: None,
        _read_pronunciations(arguments.pronunciations))
    made = cues(timed.timeline, request.captions)
    noted = ass.warnings(made, request.captions, timed.timeline.language) if arguments.format == "ass" else []
    for warning in (*recording.warnings, *timed.warnings, *noted):
        print(f"warning: {warning}", file=sys.stderr)
    print(WRITERS[arguments.format].write(timed.timeline, made, request.captions, arguments.audio.stem))
    return 0


def render(argv: list[str]) -> int:
    """`./run render TEXT`: speaks a text, or takes a finished job, and makes a video of it."""
    parser = argparse.ArgumentParser(
        prog="./run render", description="Speaks a text and makes a captioned video of it; prints the API's JSON.")
    parser.add_argument("text", nargs="?", help="what to say, - for standard input (default: a sample)")
    parser.add_argument("-f", "--file", help="read the text from this file, - for standard input")
    parser.add_argument("--job", help="a finished job to make the video of, in place of a text")
    parser.add_argument("--background", type=Path, help="a picture or a video (default: a plain colour)")
    parser.add_argument("--preset", default="pop", choices=sorted(PRESETS))
    parser.add_argument("--format", choices=VIDEO_FORMATS, help="mp4, or the captions alone over nothing: webm, mov "
                                                                "(default: as --out ends, else mp4)")
    parser.add_argument("--out", type=Path, help="also copy the video here")
    arguments = parser.parse_args(argv)
    spoken = {"text": _script(arguments), "timing_format": "ass", "captions": {"preset": arguments.preset}}
    if arguments.job and (arguments.text or arguments.file):
        raise UsageError("--job is made a video of in place of a text: send one of them")
    name = f"local-{uuid.uuid4().hex[:12]}"
    fields = {"endpoint": "render", "source_job_id": arguments.job or name, "captions": spoken["captions"],
              "video_format": _video_format(arguments)}
    parts = runpod_handler.build_parts(_settings())
    with local.uploaded(parts.store, arguments.background) if arguments.background else nullcontext() as key:
        if not arguments.job:
            _run_job(parts, spoken, name)
        output = _run_job(parts, fields | ({"background_key": key} if key else {}), f"{name}-video")
    if arguments.out:
        local.copy(output["video_url"], arguments.out)
    print(json.dumps(output, ensure_ascii=False, indent=2))
    return 0


def _video_format(arguments: argparse.Namespace) -> str:
    """The one asked for; `--out` must end as it does, for players go by the name."""
    ending = arguments.out.suffix.lower().removeprefix(".") if arguments.out else ""
    if arguments.out and ending not in ((arguments.format,) if arguments.format else VIDEO_FORMATS):
        raise UsageError(f"--out {arguments.out} does not end in .{arguments.format or 'mp4, .webm or .mov'}")
    return str(arguments.format or ending or "mp4")


def verify(argv: list[str]) -> int:
    """`./run verify AUDIO`: which marks of machine-made speech a recording carries."""
    parser = argparse.ArgumentParser(
        prog="./run verify", description="Looks for a watermark and a C2PA manifest; prints JSON. "
        "TTS_ENGINE=f5 ./run verify AUDIO takes the full environment, which has both detectors.")
    parser.add_argument("audio", type=Path)
    found = marking.marks_of(parser.parse_args(argv).audio.read_bytes(), lambda: None)
    print(json.dumps(found, ensure_ascii=False, indent=2))
    return 0


def bench(argv: list[str]) -> int:
    """`./run bench [NAME]`: figures with their peers; JSON goes to benchmarks/results/."""
    parser = argparse.ArgumentParser(prog="./run bench", description="Runs a benchmark, or all of them.")
    parser.add_argument("name", nargs="?", choices=BENCHMARKS)
    arguments, rest = parser.parse_known_args(argv)
    from importlib import import_module

    for name in [arguments.name] if arguments.name else BENCHMARKS:
        code: int = import_module(f"benchmarks.{name}").main(rest)
        if code:
            return code
    return 0


def sweep_records(argv: list[str]) -> int:
    """`./run sweep`: jobs that read in_progress although no worker has them, one JSON line each."""
    parser = argparse.ArgumentParser(
        prog="./run sweep", description="Lists jobs that stay in_progress although no worker renews them. Reads each "
                                        "record of the store, waits one and a half leases and looks again.")
    parser.add_argument("--close", action="store_true", help="mark them as failed, so that they can be sent again")
    arguments = parser.parse_args(argv)
    settings = _settings()
    store = runpod_handler.open_store(settings)
    found = sweep.stuck(store, settings.lease_s)
    for key, seen in found.items():
        done = {"closed": sweep.close(store, key, seen)} if arguments.close else {}
        print(json.dumps(sweep.row(key, seen) | done))
    print(f"{len(found)} stuck", file=sys.stderr)
    return 0


def whisperx_api(argv: list[str]) -> int:
    """`./run whisperx-api`: the transcription service on this machine, and its keys."""
    from transcription.command import main

    return main(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
