"""`./run bench render`: how fast the endpoint `render` makes videos, and the most memory that FFmpeg takes for one.

One job of eSpeak speech, rendered through the handler at 1080 x 1920 and 30 frames a second: burned over a colour, over
a photograph and over a video of its size, and as a transparent overlay (VP9, ProRes 4444).
"""
from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import imageio_ffmpeg

import runpod_handler
from worker.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
SENTENCE = "Every word lights up exactly when it is spoken, and nobody had to place a single one by hand. "
CAPTIONS = {"preset": "pop", "resolution": [1080, 1920]}
CASES: dict[str, dict[str, Any]] = {
    "mp4 over a colour": {"video_format": "mp4"},
    "mp4 over a photograph": {"video_format": "mp4", "background_key": "uploads/photograph"},
    "mp4 over a video": {"video_format": "mp4", "background_key": "uploads/video"},
    "webm overlay (VP9)": {"video_format": "webm"},
    "mov overlay (ProRes 4444)": {"video_format": "mov"},
}


@dataclass(frozen=True)
class Row:
    """`times_real_time`: seconds of video in a second, by the clock and by CPU time of one core."""

    case: str
    video_s: float
    wall_s: float
    cpu_s: float
    times_real_time: float
    times_real_time_cpu: float
    peak_mib: float
    size_mb: float


def _uploads(folder: Path) -> None:
    folder.mkdir(parents=True)
    photograph = ROOT / "docs/captions/background.jpg"
    moving = ("scale=1350:2400:force_original_aspect_ratio=increase,"
              "crop=1080:1920:x='(in_w-out_w)*(0.5+0.3*sin(t))':y='(in_h-out_h)*(0.5+0.3*cos(t))'")
    (folder / "photograph").write_bytes(photograph.read_bytes())
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-loop", "1", "-framerate", "30", "-i", str(photograph),
         "-vf", moving, "-t", "4", "-c:v", "libx264",
         "-preset", "veryfast", "-pix_fmt", "yuv420p", "-f", "mp4", str(folder / "video")], check=True)


def _measured(case: str, job: dict[str, Any], data: Path) -> Row:
    """In this process, which has rendered nothing before: so the peak of its children is this FFmpeg's."""
    handler = runpod_handler.make_handler(runpod_handler.build_parts(Settings(data_dir=data)))
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    output = asyncio.run(handler({"id": "video-" + job["video_format"] + str(os.getpid()), "input": {
        "endpoint": "render", "source_job_id": "talk", "captions": CAPTIONS, "fps": 30, **job}}))
    wall_s, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if "error" in output:
        raise SystemExit(output["error"])
    cpu_s, video_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, output["duration"]
    return Row(case, video_s, round(wall_s, 1), round(cpu_s, 1), round(video_s / wall_s, 2), round(video_s / cpu_s, 2),
               round(after.ru_maxrss / 1024), round(output["size"] / 1e6, 2))


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="./run bench render", description=__doc__)
    parser.add_argument("--sentences", type=int, default=3, help="of some 6 s each")
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/render.json")
    arguments = parser.parse_args(argv)
    if arguments.case:
        print(json.dumps(asdict(_measured(arguments.case, CASES[arguments.case], arguments.data))))
        return 0
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        _uploads(data / "uploads")
        handler = runpod_handler.make_handler(runpod_handler.build_parts(Settings(data_dir=data)))
        asyncio.run(handler({"id": "talk", "input": {
            "text": SENTENCE * arguments.sentences, "timing_format": "json", "captions": CAPTIONS}}))
        for case in CASES:
            done = subprocess.run([sys.executable, "-m", "benchmarks.render", "--case", case, "--data", str(data)],
                                  cwd=ROOT, check=True, stdout=subprocess.PIPE)
            rows.append(json.loads(done.stdout.splitlines()[-1]))
            print(rows[-1], file=sys.stderr, flush=True)
    arguments.out.write_text(json.dumps({"n_cpus": os.cpu_count(), "rows": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
