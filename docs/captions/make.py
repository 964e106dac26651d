"""Draws the pictures of docs/CAPTIONS.md and the README: `python docs/captions/make.py VERB`: contact [PRESET...],
check [PRESET...] or motion.

Run it with PYTHONPATH=. in the full environment. Every frame is what FFmpeg makes of the ASS file over a photograph
that moves; no font of the machine is used. `check` measures every preset, shape and sentence on pixels: one size, no
glyph missing, nothing outside the safe zone.
"""
from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import imageio_ffmpeg
import numpy as np

import cli
from captions import ass
from captions.ass.typeset import typeset
from captions.cues import Captions, cues
from captions.style.options import PRESETS, side_margin, zone
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
SHOWN = {"en": 5, "de": 1, "ar": 3, "hi": 3, "ja": 1, "th": 3, "emoji": 3}
"""The word in whose middle each sentence is drawn."""
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


def picture(folder: Path, name: str, preset: str, resolution: tuple[int, int], height: int, start_s: float,
          output: str) -> None:
    """Runs FFmpeg over the moving photograph, from `start_s` on, with the captions of one sentence."""
    timeline = spoken(name)
    captions = Captions.of({"preset": preset, "resolution": resolution, "emphasis": "stars"})
    (folder / "c.ass").write_text(ass.write(timeline, cues(timeline, captions), captions, "drawn"), encoding="utf-8")
    (folder / "fonts.conf").write_text(NO_FONTS)
    width, tall = resolution
    moving = (f"scale={width * 5 // 4}:{tall * 5 // 4}:force_original_aspect_ratio=increase,"
              f"crop={width}:{tall}:x='(in_w-out_w)*(0.5+0.3*sin(t))':y='(in_h-out_h)*(0.5+0.3*cos(t))',setsar=1")
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "fatal", "-y", "-loop", "1", "-i",
         str(HERE / "background.jpg"), "-vf", f"setpts=PTS+{start_s}/TB,{moving},ass=c.ass,scale=-2:{height}",
         "-frames:v", "1", output],
        cwd=folder, check=True, env={"FONTCONFIG_FILE": str(folder / "fonts.conf")})


def contact_sheet(presets: list[str]) -> None:
    """`<preset>.jpg`: seven sentences in three shapes of frame."""
    for preset in presets or PRESETS:
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            for shape, resolution in SHAPES.items():
                for name in SENTENCES:
                    word = spoken(name).words[SHOWN[name]]
                    picture(folder, name, preset, resolution, 400 if shape == "9x16" else 224,
                            (word.start_ms + 3 * word.end_ms) / 4000, f"{shape}-{name}.png")
            names = list(SENTENCES)
            rows = [_row(folder, f"row{number}", shape, some) for number, (shape, some) in enumerate((
                ("9x16", names), ("16x9", names[:4]), ("16x9", names[4:]), ("1x1", names)))]
            _ffmpeg(folder, *[argument for row in rows for argument in ("-i", row)], "-filter_complex",
                    "vstack=inputs=4", "-q:v", "6", str(HERE / f"{preset}.jpg"))


def _row(folder: Path, name: str, shape: str, sentences: list[str]) -> str:
    files = [argument for each in sentences for argument in ("-i", f"{shape}-{each}.png")]
    _ffmpeg(folder, *files, "-filter_complex", f"hstack=inputs={len(sentences)},crop='min(iw,1568)':ih:0:0,"
            "pad=1568:ih:0:0:color=white", f"{name}.png")
    return f"{name}.png"


def check(presets: list[str]) -> None:
    """Draws every word of every sentence over a plain colour; says what is wrong, and ends with 1 if anything is."""
    faults, shares = 0, {}
    for preset in presets or PRESETS:
        for resolution in SHAPES.values():
            for name in SENTENCES:
                found, share = _faults(preset, resolution, name)
                shares.setdefault((preset, resolution), set()).add(share)
                faults += len(found)
                print("\n".join(f"{preset} {resolution} {name}: {fault}" for fault in found), end="\n" * bool(found))
    for (preset, (width, height)), found in shares.items():
        print(f"{preset:11}{width} x {height}: em is {min(found):.1%} of the width")
    print(f"{faults} faults in {len(presets or PRESETS) * len(SHAPES) * len(SENTENCES)} clips")
    raise SystemExit(bool(faults))


def _faults(preset: str, resolution: tuple[int, int], name: str) -> tuple[list[str], float]:
    """What is wrong with a clip, and its em as a share of the width."""
    timeline, (width, height) = spoken(name), resolution
    captions = Captions.of({"preset": preset, "resolution": resolution, "emphasis": "stars"})
    made = cues(timeline, captions)
    size = typeset(made, timeline, captions).size
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "c.ass").write_text(ass.write(timeline, made, captions, "drawn"), encoding="utf-8")
        Path(folder, "fonts.conf").write_text(NO_FONTS)
        done = subprocess.run(
            [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "warning", "-f", "lavfi", "-i",
             f"color=c=0x808080:s={width}x{height}:r=6:d={timeline.duration_ms / 1000}", "-vf", "format=gray,ass=c.ass",
             "-f", "rawvideo", "-pix_fmt", "gray", "-"], cwd=folder, capture_output=True, check=True,
            env={"FONTCONFIG_FILE": "fonts.conf"})
    frames = np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width)
    drawn = frames.max(axis=0).astype(int) - frames.min(axis=0) > 16
    ys, xs = np.nonzero(drawn)
    (top, bottom), side = zone(captions), side_margin(resolution)
    outside = xs.min() < side - 1 or xs.max() > width - side or ys.min() < top - 1 or ys.max() > bottom
    missing = [line for line in done.stderr.decode().splitlines() if "not found" in line]
    return [fault for fault, here in (
        (f"drawn in x {xs.min()}-{xs.max()}, y {ys.min()}-{ys.max()}", outside),
        (f"a glyph is missing: {missing[:1]}", missing),
        (f"em {size} in {width}", preset in ("shorts", "pop") and size < 0.075 * width)) if here], size / width


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
    verb, *rest = sys.argv[1:] or ["contact"]
    {"contact": partial(contact_sheet, rest), "motion": motion, "check": partial(check, rest)}[verb]()
