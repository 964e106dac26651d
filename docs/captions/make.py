"""Draws the pictures of docs/CAPTIONS.md and the README: `PYTHONPATH=. python docs/captions/make.py [contact|motion]`.

Every frame is what FFmpeg makes of the ASS file over a photograph that moves; no font of the machine is used.
"""
from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import imageio_ffmpeg

import cli
from captions import ass
from captions.cues import Captions, cues
from captions.style.options import PRESETS
from text.spoken import read
from timing.words import Timeline, Word

HERE = Path(__file__).parent
SENTENCES = {
    "en": "Nobody told me this is *free* and you will *never* believe how easily it works today.",
    "de": "Die Donaudampfschifffahrtsgesellschaft fährt heute *kostenlos* über den See.",
    "ar": "مرحبا بكم في قناتنا الجديدة اليوم يا أصدقاء",
    "hi": "आज हम एक नया वीडियो बनाएंगे दोस्तों",
    "ja": "今日は新しい動画を作ります。とても簡単です。",
    "th": "สวัสดีครับวันนี้อากาศดีมากและเราไปเที่ยวทะเลกัน",
    "emoji": "Great 😀 job 👩‍🚀 today ❤️ my friends 🇩🇪 !",
}
SPOKEN = "Every word lights up exactly when it is spoken."
SHAPES = {"9x16": (1080, 1920), "16x9": (1920, 1080), "1x1": (1080, 1080)}
NO_FONTS = '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd"><fontconfig></fontconfig>'


def spoken(name: str) -> Timeline:
    """The words at 14 characters a second."""
    text, language = SENTENCES[name], "en" if name == "emoji" else name
    words, ms = [], 100
    for token in read(text, language):
        end_ms = ms + 120 + 70 * len(token.text)
        words.append(Word(token.text, ms, end_ms, token.char_start, token.char_end))
        ms = end_ms
    return Timeline(text, tuple(words), ms + 600, language, "drawn")


def video(folder: Path, name: str, preset: str, resolution: tuple[int, int], height: int, rate_hz: int,
          *output: str, start_s: float = 0.0, duration_s: float = 0.1) -> None:
    """Runs FFmpeg over the moving photograph with the captions of one sentence; `output` says what it writes."""
    timeline = spoken(name)
    captions = Captions.of({"preset": preset, "resolution": resolution, "emphasis": "stars"})
    (folder / "c.ass").write_text(ass.write(timeline, cues(timeline, captions), captions, "drawn"), encoding="utf-8")
    (folder / "fonts.conf").write_text(NO_FONTS)
    width, tall = resolution
    moving = (f"scale={width * 5 // 4}:{tall * 5 // 4}:force_original_aspect_ratio=increase,"
              f"crop={width}:{tall}:x='(in_w-out_w)*(0.5+0.3*sin(t))':y='(in_h-out_h)*(0.5+0.3*cos(t))',setsar=1")
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "fatal", "-y", "-loop", "1", "-framerate", str(rate_hz), "-i",
         str(HERE / "background.jpg"), "-vf", f"{moving},ass=c.ass,scale=-2:{height}", "-ss", f"{start_s}",
         "-t", f"{duration_s}", *output],
        cwd=folder, check=True, env={"FONTCONFIG_FILE": str(folder / "fonts.conf")})


def contact_sheet() -> None:
    """`<preset>.jpg`: seven sentences in three shapes of frame, at the middle of the last cue but one's last word."""
    for preset in PRESETS:
        with tempfile.TemporaryDirectory() as made:
            folder, rows = Path(made), []
            for shape, resolution in SHAPES.items():
                for name in SENTENCES:
                    timeline = spoken(name)
                    word = timeline.words[min(5, len(timeline.words) - 2)]
                    video(folder, name, preset, resolution, 400 if shape == "9x16" else 200, 10, "-frames:v", "1",
                          f"{shape}-{name}.png", start_s=(word.start_ms + word.end_ms) / 2000)
                files = [argument for name in SENTENCES for argument in ("-i", f"{shape}-{name}.png")]
                _ffmpeg(folder, *files, "-filter_complex", f"hstack=inputs={len(SENTENCES)}", f"{shape}.png")
                rows.append(shape)
            _ffmpeg(folder, *[argument for row in rows for argument in ("-i", f"{row}.png")], "-filter_complex",
                    "[0]scale=1580:-2[a];[1]scale=1580:-2[b];[2]scale=1580:-2[c];[a][b][c]vstack=inputs=3", "-q:v", "5",
                    str(HERE / f"{preset}.jpg"))


def motion() -> None:
    """`render.webp`, the picture of the README: what `./run render` makes of a sentence and the photograph."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        if cli.main(["render", SPOKEN, "--background", str(HERE / "background.jpg"), "--out", str(folder / "a.mp4")]):
            raise SystemExit(1)
        _ffmpeg(folder, "-i", "a.mp4", "-vf", "fps=15,scale=270:-2", "-c:v", "libwebp_anim", "-loop", "0", "-quality",
                "40", "-compression_level", "6", str(HERE / "render.webp"))


def _ffmpeg(folder: Path, *arguments: str) -> None:
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", *arguments], cwd=folder, check=True)


if __name__ == "__main__":
    {"contact": contact_sheet, "motion": motion}[(sys.argv[1:] or ["contact"])[0]]()
