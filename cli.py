"""The commands of `./run`: the main job, the local API, aligning a recording, the benchmarks.

Standard output carries the result alone; progress and logs go to standard error.
"""
from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import runpod_handler
from captions import WRITERS, preview
from captions.cues import Captions, cues
from intake import audio
from s3_utils import Store, timing_key
from tts.encode import FORMATS
from worker import delivery, generate
from worker.settings import Settings, SettingsError

SAMPLE = ("Hello! This voice needs no graphics card and no download. "
          "Every word you hear has its time, so captions can light up exactly when it is spoken.")
BENCHMARKS = ("timing", "timing_fit", "kill", "jobs", "start")


def main(argv: list[str]) -> int:
    commands: dict[str, Callable[[list[str]], int]] = {
        "serve": serve, "align": align, "bench": bench, "whisperx-api": whisperx_api}
    command = commands.get(argv[0], speak) if argv else speak
    try:
        return command(argv[1:] if argv and argv[0] in commands else argv)
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        print(f"error: {error.filename or 'file'}: {error.strerror}", file=sys.stderr)
        return 1
    except Exception as error:
        message = str(error) if isinstance(error, SettingsError) else runpod_handler.explain(error)
        print(f"error: {message}", file=sys.stderr)
        return 1


def speak(argv: list[str]) -> int:
    """`./run [TEXT]`: one `generate` job through the handler, on the local store."""
    parser = argparse.ArgumentParser(
        prog="./run", description="Speaks a text, stores audio and subtitle files, prints the API's JSON.",
        epilog="other commands: serve, align, bench, whisperx-api (each has --help)")
    parser.add_argument("text", nargs="?", default=SAMPLE, help="what to say (default: a sample)")
    parser.add_argument("--format", default="all", help=f"{', '.join(WRITERS)}, several with commas, or all (default)")
    parser.add_argument("--out", type=Path, help="also copy the files into this folder")
    parser.add_argument("--voice", help="a stored voice (with TTS_ENGINE=f5)")
    parser.add_argument("--language", help="language code, such as en or pt-BR")
    parser.add_argument("--speed", type=float, default=1.0, help="0.5 to 2.0")
    parser.add_argument("--seed", type=int, help="1 to 2147483647; the same seed sounds the same")
    parser.add_argument("--audio-format", choices=sorted(FORMATS), default="wav")
    parser.add_argument("--preset", help="caption preset: shorts, karaoke, sentence, broadcast")
    arguments = parser.parse_args(argv)
    settings = _settings()
    parts = runpod_handler.build_parts(settings)
    job_id = f"local-{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}"
    output = asyncio.run(runpod_handler.make_handler(parts)({"id": job_id, "input": _input(arguments)}))
    if "error" in output:
        print(f"error: {output['error']}", file=sys.stderr)
        return 1
    _write_preview(parts.store, output)
    if arguments.out:
        _copy(parts.store, output, arguments.out)
    print(json.dumps(output, ensure_ascii=False, indent=2))
    return 0


def _settings() -> Settings:
    """A person reads this log: warnings, in plain lines."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
    return Settings.from_env()


def _input(arguments: argparse.Namespace) -> dict[str, Any]:
    formats = arguments.format if "," not in arguments.format else arguments.format.split(",")
    fields = {
        "endpoint": "generate", "text": arguments.text, "local_voice": arguments.voice, "speed": arguments.speed,
        "seed": arguments.seed, "language": arguments.language, "audio_format": arguments.audio_format,
        "timing_format": formats, "return_word_timings": True,
        "captions": {"preset": arguments.preset} if arguments.preset else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _audio(store: Store, output: dict[str, Any]) -> tuple[str, bytes]:
    extension = output["audio_url"].rpartition(".")[2]
    return extension, store.get(f"output/{output['job_id']}.{extension}")


def _write_preview(store: Store, output: dict[str, Any]) -> None:
    """`output/<job_id>.preview.html`, for the eye of whoever ran this by hand."""
    extension, data = _audio(store, output)
    timeline, _ = delivery.stored_words(store, output["job_id"])
    waveform = audio.decode(data, max_duration_s=generate.MAX_AUDIO_S)
    page = preview.page(data, FORMATS[extension].content_type, timeline, waveform.samples, waveform.rate_hz)
    store.put(f"output/{output['job_id']}.preview.html", page.encode(), "text/html; charset=utf-8")


def _copy(store: Store, output: dict[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    job_id = output["job_id"]
    extension, data = _audio(store, output)
    files = {f"{job_id}.{extension}": data,
             f"{job_id}.preview.html": store.get(f"output/{job_id}.preview.html")}
    files |= {f"{job_id}.{WRITERS[name].extension}": store.get(timing_key(job_id, name))
              for name in output["timing_files"]}
    for name, content in files.items():
        (folder / name).write_bytes(content)
        print(f"wrote {folder / name}", file=sys.stderr)


def serve(argv: list[str]) -> int:
    """`./run serve`: RunPod's own local API over the same handler."""
    parser = argparse.ArgumentParser(
        prog="./run serve", description="RunPod's local API: POST /runsync, /run and /status/{id}.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args(argv)
    sys.argv = ["runpod_handler.py", "--rp_serve_api", "--rp_api_host", arguments.host,
                "--rp_api_port", str(arguments.port)]
    return runpod_handler.main()


def align(argv: list[str]) -> int:
    """`./run align AUDIO --text FILE`: the words of a recording whose text is known."""
    parser = argparse.ArgumentParser(
        prog="./run align", description="Times the words of a recording whose text is known; prints one format.")
    parser.add_argument("audio", type=Path)
    parser.add_argument("--text", type=Path, required=True, help="file with the words that are said")
    parser.add_argument("--method", choices=("auto", "whisperx", "google", "pocketsphinx"), default="auto")
    parser.add_argument("--language", default="en")
    parser.add_argument("--format", choices=sorted(WRITERS), default="json")
    parser.add_argument("--preset", default="sentence", help="caption preset: shorts, karaoke, sentence, broadcast")
    arguments = parser.parse_args(argv)
    settings = _settings()
    recording = audio.decode(arguments.audio.read_bytes(), max_duration_s=generate.MAX_AUDIO_S)
    sources = runpod_handler.timing_sources(settings)
    text = arguments.text.read_text(encoding="utf-8-sig").strip()
    timed = generate.align_whole(recording, text, arguments.language, arguments.method,
                                 generate.allowed(sources, arguments.method, settings), lambda: None)
    for warning in timed.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    captions = Captions.of({"preset": arguments.preset})
    print(WRITERS[arguments.format].write(timed.timeline, cues(timed.timeline, captions), captions,
                                          arguments.audio.stem))
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


def whisperx_api(argv: list[str]) -> int:
    """`./run whisperx-api`: the transcription service on this machine, and its keys."""
    from transcription.command import main

    return main(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
