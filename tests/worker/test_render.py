"""Endpoint `render`: a job becomes a video, by the FFmpeg that ships."""
from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest

import cli
import runpod_handler
from captions.style import fonts
from tests.doubles.host import start_host
from worker.records import NotFound
from worker.settings import Settings

Call = Callable[..., dict[str, Any]]
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
SMALL = {"preset": "shorts", "resolution": [270, 480], "highlight_color": "#FF2010"}


def frames(path: Path, width: int, height: int, *arguments: str) -> Any:
    pixels = subprocess.run([FFMPEG, "-loglevel", "error", *arguments, "-i", str(path), "-f", "rawvideo", "-pix_fmt",
                             "rgba", "-"], capture_output=True, check=True).stdout
    return np.frombuffer(pixels, np.uint8).reshape(-1, height, width, 4)


def probed(path: Path) -> str:
    return subprocess.run([FFMPEG, "-hide_banner", "-i", str(path)], capture_output=True, text=True).stderr


def stored(settings: Settings, job_id: str, extension: str) -> Path:
    return settings.data_dir / "output" / f"{job_id}.{extension}"


@pytest.fixture
def spoken(call: Call) -> dict[str, Any]:
    return call(text="Hello there, captions.", job_id="talk", timing_format="json", captions=SMALL)


def test_a_job_becomes_a_video_with_its_sound_and_its_words_in_time(
        call: Call, spoken: dict[str, Any], settings: Settings) -> None:
    output = call(endpoint="render", job_id="v1", source_job_id="talk", background_color="#204060", fps=25)
    assert output["status"] == "completed" and output["video_url"] and "video_key" not in output
    path = stored(settings, "v1", "mp4")
    seen = probed(path)
    assert "h264" in seen and "aac" in seen and "270x480" in seen and "25 fps" in seen
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    pictures = frames(path, 270, 480)
    assert len(pictures) / 25 == pytest.approx(spoken["duration"], abs=0.1)
    lit = [bool(((frame[..., 0] > 170) & (frame[..., 1] < 110)).any()) for frame in pictures]
    assert any(lit) and not lit[-1]
    assert call(endpoint="render", job_id="v1", source_job_id="talk", background_color="#204060",
                fps=25)["sha256"] == output["sha256"]


@pytest.mark.parametrize("audio_format", ["pcm", "aac"])
def test_sound_without_a_header_is_put_under_a_video(call: Call, settings: Settings, audio_format: str) -> None:
    spoken = call(text="Hello there.", job_id="raw", timing_format="json", captions=SMALL, audio_format=audio_format)
    call(endpoint="render", job_id="v-raw", source_job_id="raw", fps=10)
    sound = subprocess.run([FFMPEG, "-loglevel", "error", "-i", str(stored(settings, "v-raw", "mp4")), "-f", "s16le",
                            "-ar", "22050", "-"], capture_output=True, check=True).stdout
    heard, said = (float(np.std(np.frombuffer(each, "<i2")[:20_000])) for each in (
        sound, stored(settings, "raw", "pcm").read_bytes() if audio_format == "pcm" else sound))
    assert len(sound) / 2 / 22_050 == pytest.approx(spoken["duration"], abs=0.1)
    assert heard == pytest.approx(said, rel=0.1) and heard > 300


@pytest.mark.parametrize("video_format", ["webm", "mov"])
def test_an_overlay_is_transparent_but_for_its_letters(
        call: Call, spoken: dict[str, Any], settings: Settings, video_format: str) -> None:
    call(endpoint="render", job_id="v2", source_job_id="talk", video_format=video_format, fps=10)
    decoder = ("-c:v", "libvpx-vp9") if video_format == "webm" else ()
    alpha = frames(stored(settings, "v2", video_format), 270, 480, *decoder)[..., 3]
    assert 0.5 < (alpha < 10).mean() < 0.999
    assert (alpha > 245).any()


def test_a_picture_and_a_shorter_video_fill_the_frame_as_long_as_the_sound_lasts(
        call: Call, spoken: dict[str, Any], settings: Settings) -> None:
    for name, length_s in (("b.png", 0.1), ("b.mp4", 0.4)):
        source = f"color=c=0x20C040:s=64x48:d={length_s}:r=10"
        uploaded = settings.data_dir / "uploads" / name
        uploaded.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([FFMPEG, "-loglevel", "error", "-f", "lavfi", "-i", source,
                        *(["-frames:v", "1"] if name.endswith("png") else []), str(uploaded)], check=True)
        job_id = f"v3-{name[-3:]}"
        call(endpoint="render", job_id=job_id, source_job_id="talk", background_key=f"uploads/{name}", fps=10)
        pictures = frames(stored(settings, job_id, "mp4"), 270, 480)
        assert len(pictures) / 10 == pytest.approx(spoken["duration"], abs=0.25)
        corners = pictures[:, :20, :20, 1]
        assert (abs(corners.astype(int) - 0xC0) < 12).all()


@pytest.mark.parametrize("source", ["b.jpg", "b.png", None])
def test_colours_are_those_that_players_take_them_for(call: Call, spoken: dict[str, Any], settings: Settings,
                                                      source: str | None) -> None:
    background = {"background_color": "#E02040"}
    if source:
        uploaded = settings.data_dir / "uploads" / source
        uploaded.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([FFMPEG, "-loglevel", "error", "-f", "lavfi", "-i", "color=c=0xE02040:s=64x48,format=gbrp",
                        "-frames:v", "1", "-q:v", "2", str(uploaded)], check=True)
        background = {"background_key": f"uploads/{source}"}
    call(endpoint="render", job_id=f"c-{str(source)[-3:]}", source_job_id="talk", fps=10, **background)
    video = stored(settings, f"c-{str(source)[-3:]}", "mp4")
    assert "yuv420p(tv, bt709" in probed(video)
    assert np.abs(frames(video, 270, 480)[:, :20, :20, :3].astype(int) - (0xE0, 0x20, 0x40)).max() < 12


def test_the_colour_shows_through_a_transparent_picture(call: Call, spoken: dict[str, Any], settings: Settings) -> None:
    uploaded = settings.data_dir / "uploads" / "logo.png"
    uploaded.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([FFMPEG, "-loglevel", "error", "-f", "lavfi", "-i", "color=c=0xFF0000@0.0:s=64x48,format=rgba",
                    "-frames:v", "1", str(uploaded)], check=True)
    call(endpoint="render", job_id="v-logo", source_job_id="talk", background_key="uploads/logo.png", fps=10,
         background_color="#204060")
    corner = frames(stored(settings, "v-logo", "mp4"), 270, 480)[:, :20, :20, :3]
    assert np.abs(corner.astype(int) - (0x20, 0x40, 0x60)).max() < 12


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(("fields", "error"), [
    ({"source_job_id": "unknown"}, "NOT_FOUND: job unknown"),
    ({"background_url": "http://127.0.0.1:1/x.png"}, "BLOCKED_URL"),
    ({"background_url": "{host}/list.m3u8"}, "INVALID_INPUT: background: is neither"),
    ({"background_url": "{host}/list.mp4"}, "INVALID_INPUT: background: cannot be decoded"),
    ({"background_url": "{host}/page.svg"}, "INVALID_INPUT: background: is neither"),
    ({"background_key": "voices/anna.wav"}, "INVALID_INPUT"),
    ({"background_color": "red"}, "INVALID_INPUT: background_color"),
    ({"captions": {"resolution": [271, 480]}}, "INVALID_INPUT: captions.resolution"),
    ({"captions": {"resolution": [8000, 8000]}}, "INVALID_INPUT: captions.resolution"),
    ({"video_format": "avi"}, "INVALID_INPUT: video_format"),
    ({"fps": 1000}, "INVALID_INPUT: fps"),
])
def test_what_cannot_be_is_refused_and_leaves_nothing(
        settings: Settings, fields: dict[str, Any], error: str) -> None:
    files = {"/list.m3u8": PLAYLIST, "/list.mp4": b"\0\0\0\x18ftypisom" + PLAYLIST,
             "/page.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'}
    with start_host(files) as host:
        open_settings = Settings(**{**settings.__dict__, "url_allow_hosts": frozenset({host.authority})})
        handler = runpod_handler.make_handler(runpod_handler.build_parts(open_settings))

        def send(**given: Any) -> dict[str, Any]:
            return asyncio.run(handler({"id": "any", "input": given}))

        send(text="Hi.", job_id="talk", timing_format="json", captions=SMALL)
        fields = {name: value.replace("{host}", host.url) if isinstance(value, str) else value
                  for name, value in fields.items()}
        output = send(**{"endpoint": "render", "job_id": "bad", "source_job_id": "talk"} | fields)
    assert output["error"].startswith(error), output["error"]
    assert not list((settings.data_dir / "output").glob("bad*"))


def test_a_cancelled_render_stops_ffmpeg_and_leaves_nothing(settings: Settings) -> None:
    parts = runpod_handler.build_parts(settings)
    handler = runpod_handler.make_handler(parts)

    def is_drawn(job_id: str) -> bool:
        with suppress(NotFound):
            record = parts.records.read(job_id)
            return record.stage == "render" and record.progress > 0.1
        return False

    async def cancel_soon() -> float:
        await handler({"id": "a", "input": {"text": "Hello there. " * 30, "job_id": "long", "timing_format": "json"}})
        task = asyncio.create_task(handler({"id": "b", "input": {
            "endpoint": "render", "source_job_id": "long", "job_id": "stopped", "fps": 60}}))
        while not is_drawn("stopped"):
            assert not task.done()
            await asyncio.sleep(0.05)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - started

    assert asyncio.run(cancel_soon()) < 3
    assert parts.records.read("stopped").status == "cancelled"
    assert not list((settings.data_dir / "output").glob("stopped*"))


def test_the_command_speaks_a_text_and_makes_a_video_over_a_picture(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    subprocess.run([FFMPEG, "-loglevel", "error", "-f", "lavfi", "-i", "color=c=red:s=64x64:d=0.1", "-frames:v", "1",
                    str(tmp_path / "b.png")], check=True)
    assert cli.main(["render", "Hi.", "--background", str(tmp_path / "b.png"), "--out", str(tmp_path / "a.mp4")]) == 0
    assert json.loads(capsys.readouterr().out)["video_format"] == "mp4"
    assert "1080x1920" in probed(tmp_path / "a.mp4")


def test_a_result_names_the_fonts_of_its_ass_file_and_hands_them_out(call: Call, settings: Settings) -> None:
    output = call(text="Hello नमस्ते.", job_id="fonts", timing_format="ass", captions={"preset": "shorts"})
    assert [(font["family"], font["embedded"]) for font in output["fonts"]] == [
        ("Montserrat ExtraBold", True), ("Noto Sans Devanagari", True)]
    for font in output["fonts"]:
        name = font["url"].partition("?")[0].rpartition("/")[2]
        assert (settings.data_dir / "fonts" / name).read_bytes() == (fonts.FILES / name).read_bytes()
    assert call(endpoint="download", job_id="fonts", type="timing", format="ass")["fonts"] == output["fonts"]
    foreign = call(text="Hello.", timing_format="ass", captions={"font": "Comic Neue"})
    assert foreign["fonts"] == [{"family": "Comic Neue", "embedded": False}]
    assert "fonts" not in call(text="Hello.", timing_format="srt")
