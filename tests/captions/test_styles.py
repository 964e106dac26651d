"""The animated styles, the fonts that ship and what is marked in a text, as FFmpeg draws them."""
from __future__ import annotations

import os
import shutil
import struct
import subprocess
import unicodedata
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest

from captions import ass, transcript
from captions.ass.animations import ANIMATIONS
from captions.ass.typeset import Row, typeset, visual_order
from captions.cues import Captions, cues
from captions.style import fonts, marks
from captions.style.options import PRESETS, is_short_video
from tests.captions.test_ass_frames import BACKGROUND, Frames, Mask, extent, letters, middles, paced
from tests.captions.timelines import said, timed
from text.spoken import read
from timing.words import Timeline, Word

SENTENCES = {
    "en": "Nobody told me this is free and you will never believe how easily it works today.",
    "de": "Die Donaudampfschifffahrtsgesellschaft fährt heute kostenlos über den See.",
    "ar": "مرحبا بكم في قناتنا الجديدة اليوم يا أصدقاء",
    "hi": "आज हम एक नया वीडियो बनाएंगे दोस्तों",
    "ja": "今日は新しい動画を作ります。とても簡単です。",
    "th": "สวัสดีครับวันนี้อากาศดีมากและเราไปเที่ยวทะเลกัน",
    "emoji": "Great 😀 job 👩‍🚀 today ❤️ friends 🇩🇪 !",
}
RED = "#FF2010"
NO_FONTS = '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd"><fontconfig></fontconfig>'


def spoken(name: str) -> Timeline:
    text, language = SENTENCES[name], "en" if name == "emoji" else name
    tokens = read(text, language)
    words = tuple(Word(token.text, 200 + 300 * i, 500 + 300 * i, token.char_start, token.char_end)
                  for i, token in enumerate(tokens))
    return Timeline(text, words, 300 * len(words) + 1000, language, "test")


def burned(folder: Path, timeline: Timeline, times_ms: list[int], *, with_fonts: bool = False,
           ffmpeg: str | None = None, **options: Any) -> Frames:
    """RGB frames at these moments, by an FFmpeg that finds no font on the machine unless `with_fonts`."""
    captions = Captions.of({"highlight_color": RED} | options)
    (folder / "c.ass").write_text(ass.write(timeline, cues(timeline, captions), captions, "job"), encoding="utf-8")
    (folder / "fonts.conf").write_text(NO_FONTS)
    width, height = captions.resolution
    wanted = "+".join(f"eq(n\\,{ms // 10})" for ms in times_ms)
    source = f"color=c=0x{bytes(BACKGROUND).hex()}:s={width}x{height}:r=100:d={max(times_ms) / 1000 + 0.1}"
    pixels = subprocess.run(
        [ffmpeg or imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "fatal", "-nostdin", "-f", "lavfi", "-i", source,
         "-vf", f"select={wanted},format=rgb24,ass=c.ass", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt",
         "rgb24", "-"], cwd=folder, capture_output=True, check=True,
        env=os.environ if with_fonts else {"FONTCONFIG_FILE": str(folder / "fonts.conf")}).stdout
    return np.frombuffer(pixels, np.uint8).reshape(len(times_ms), height, width, 3)


def red(frame: Frames) -> Mask:
    found: Mask = (frame[..., 0] > 180) & (frame[..., 1] < 90) & (frame[..., 2] < 90)
    return found


@pytest.mark.parametrize(("preset", "name"), [*((preset, "en") for preset in PRESETS), ("pill", "ar"), ("pill", "ja"),
                                              ("pop", "emoji")])
def test_a_machine_without_fonts_shows_the_same(tmp_path: Path, preset: str, name: str) -> None:
    timeline = spoken(name)
    moments = [timeline.words[1].start_ms + 150]
    options = {"preset": preset, "resolution": (540, 960)}
    bare = burned(tmp_path, timeline, moments, **options)
    rich = burned(tmp_path, timeline, moments, with_fonts=True, **options)
    assert letters(bare[0]).any()
    assert (bare == rich).all()


@pytest.mark.parametrize(("preset", "resolution"), [*((preset, (1080, 1920)) for preset in PRESETS),
                                                    ("pill", (1920, 1080)), ("stack", (1080, 1080))])
def test_nothing_leaves_the_safe_zone(tmp_path: Path, preset: str, resolution: tuple[int, int]) -> None:
    width, height = resolution
    side = width / 6 if height > width else width * 0.06
    top, bottom = (0.14, 0.75) if height > width else (0.07, 0.93)
    for name in ("de", "hi") if preset == "pill" else ("de",):
        timeline = spoken(name)
        moments = [word.start_ms + 80 for word in timeline.words][:4]
        frames = burned(tmp_path, timeline, moments, preset=preset, resolution=resolution)
        mask = np.any([letters(frame) for frame in frames], axis=0)
        x0, y0, x1, y1 = extent(mask)
        assert side - 1 <= x0 and x1 <= width - side + 1, name
        assert top * height - 1 <= y0 and y1 <= bottom * height + 1, name


@pytest.mark.parametrize(("text", "language"), [
    ("Hamburgefonts", "en"), ("AVAVA%%To", "en"), ("مرحبا بكم", "ar"), ("नमस्ते दोस्तों", "hi"), ("日本語です", "ja"),
    ("สวัสดีครับ", "th"), ("ทำน้ำคำถาม", "th"), ("😀🚀", "en")])
def test_widths_are_those_that_libass_draws(tmp_path: Path, text: str, language: str) -> None:
    timeline = timed((text, 0, 1000), language=language)
    frame = burned(tmp_path, timeline, [500], preset="karaoke", highlight="none", size=80)[0]
    left, _, right, _ = extent(letters(frame))
    expected = 80 * fonts.width(text, "Montserrat ExtraBold", language)
    # Side bearings of the first and last letter, and the outline (16), are what they may differ by.
    assert abs((right - left) - expected) < 20


def test_the_ffmpeg_of_this_machine_has_the_emoji(tmp_path: Path) -> None:
    ffmpeg = shutil.which("ffmpeg")
    assert ffmpeg, "./test installs it"
    frame = burned(tmp_path, timed(("😀", 0, 1000)), [500], ffmpeg=ffmpeg, preset="shorts", resolution=(540, 960))[0]
    assert letters(frame).any()


def test_a_libass_that_takes_the_first_charmap_has_the_emoji() -> None:
    font = fonts.EMOJI.subset(frozenset("😀❤"))
    at = next(at for at in range(12, len(font), 16) if font[at:at + 4] == b"cmap")
    start, = struct.unpack_from(">I", font, at + 8)
    count, = struct.unpack_from(">H", font, start + 2)
    maps = [struct.unpack_from(">HHI", font, start + 4 + 8 * i) for i in range(count)]
    first = next(start + offset for platform, encoding, offset in maps if platform == 3 and encoding in (1, 10))
    form, = struct.unpack_from(">H", font, first)
    assert form == 12
    groups, = struct.unpack_from(">I", font, first + 12)
    ranges = [struct.unpack_from(">III", font, first + 16 + 12 * i) for i in range(groups)]
    assert all(any(low <= ord(char) <= high for low, high, _ in ranges) for char in "😀❤")
    assert sum(struct.unpack(f">{len(font) // 4}I", font)) & 0xFFFFFFFF == 0xB1B0AFBA


@pytest.mark.parametrize("name", SENTENCES)
def test_every_script_keeps_the_size_of_its_preset_and_has_its_glyphs(name: str) -> None:
    timeline = spoken(name)
    for preset in PRESETS:
        captions = Captions.of({"preset": preset})
        made = cues(timeline, captions)
        # Five rows of the German compound are higher than the zone in the largest letters.
        least = 0.9 if (name, preset) == ("de", "stack") else 1.0
        assert least * captions.size <= typeset(made, timeline, captions).size <= captions.size
        assert ass.warnings(made, captions, timeline.language) == []


def test_a_character_that_no_font_has_is_reported() -> None:
    timeline = timed(("ꦲꦏ꧀ꦱꦫ", 0, 500))
    captions = Captions.of({"preset": "shorts"})
    (warning,) = ass.warnings(cues(timeline, captions), captions, "en")
    assert "no font that ships has" in warning


def test_a_syllable_in_parts_is_drawn_whole() -> None:
    whole, apart = (timed((unicodedata.normalize(form, "안녕하세요"), 0, 500), language="ko")
                    for form in ("NFC", "NFD"))
    captions = Captions.of({"preset": "shorts"})
    assert ass.warnings(cues(apart, captions), captions, "ko") == []
    assert cues(apart, captions) == cues(whole, captions)


def test_a_font_that_does_not_ship_is_reported_and_replaced_where_words_have_places() -> None:
    timeline = said("Hello there.")
    for highlight, used in (("word", "Comic Neue"), ("pop", "Montserrat ExtraBold")):
        captions = Captions.of({"preset": "shorts", "font": "Comic Neue", "highlight": highlight})
        made = cues(timeline, captions)
        (warning,) = ass.warnings(made, captions, "en")
        assert "Comic Neue" in warning and captions.family == used
        assert f"Style: Default,{used}," in ass.write(timeline, made, captions, "job")


# What moves.

def lit_x(frame: Frames) -> float:
    return float(np.nonzero(red(frame))[1].mean())


@pytest.mark.parametrize("highlight", ["word", "box", "pop", "pill"])
def test_lit_pixels_follow_the_words_within_a_frame(tmp_path: Path, highlight: str) -> None:
    timeline = paced("Every", "word", "has", "time")
    starts = [word.start_ms for word in timeline.words[1:]]
    options: dict[str, Any] = {"preset": "shorts", "highlight": highlight, "resolution": (1920, 1080), "max_chars": 30,
                               "uppercase": False}
    at_rest = burned(tmp_path, timeline, middles(timeline), **options)
    frames = burned(tmp_path, timeline, [ms + shift for ms in starts for shift in (-60, 40)], **options)
    for index in range(len(starts)):
        assert abs(lit_x(frames[2 * index]) - lit_x(at_rest[index])) < 4
        assert abs(lit_x(frames[2 * index + 1]) - lit_x(at_rest[index + 1])) < 4


def test_a_popping_word_grows_settles_and_leaves_its_neighbours_where_they_are(tmp_path: Path) -> None:
    timeline = paced("so", "be", "it")
    start = timeline.words[1].start_ms
    frames = burned(tmp_path, timeline, [start - 20, start + 70, start + 250], preset="pop")
    widths = [extent(red(frame))[2] - extent(red(frame))[0] for frame in frames[1:]]
    assert widths[0] > 1.04 * widths[1]
    assert extent(letters(frames[1]))[::2] == extent(letters(frames[2]))[::2]


def test_a_travelling_pill_is_between_two_words_for_a_moment(tmp_path: Path) -> None:
    timeline = paced("Every", "word", "counts")
    start = timeline.words[1].start_ms
    frames = burned(tmp_path, timeline, [start - 50, start, start + 50], preset="pill")
    before, between, after = (lit_x(frame) for frame in frames)
    assert before + 20 < between < after - 20


def test_a_typewriter_writes_letter_after_letter_and_keeps_the_line_still(tmp_path: Path) -> None:
    timeline = timed(("Writing", 200, 900), ("on", 900, 1300))
    frames = burned(tmp_path, timeline, [190, 250, 550, 890, 1290], preset="typewriter")
    rights = [extent(letters(frame))[2] if letters(frame).any() else 0 for frame in frames]
    assert rights[0] == 0 and rights == sorted(rights) and len(set(rights)) == 5
    lefts = [extent(letters(frame))[0] for frame in frames[1:]]
    assert max(lefts) - min(lefts) <= 1


def test_stacked_words_come_when_they_are_spoken(tmp_path: Path) -> None:
    timeline = paced("big", "loud", "words")
    frames = burned(tmp_path, timeline, [word.start_ms + shift for word in timeline.words for shift in (-20, 40)],
                    preset="stack")
    areas = [int(letters(frame).sum()) for frame in frames]
    assert areas[0] == 0 and areas == sorted(areas)
    assert all(after > 1.2 * before for before, after in zip(areas[2::2], areas[3::2], strict=True))


@pytest.mark.parametrize("highlight", ANIMATIONS)
def test_every_style_shows_the_first_word_in_its_first_frame_and_nothing_after_the_last(
        tmp_path: Path, highlight: str) -> None:
    timeline = timed(("Hello", 200, 700), tail_ms=1500)
    captions = Captions.of({"preset": "shorts", "highlight": highlight})
    end = cues(timeline, captions)[0].end_ms
    frames = burned(tmp_path, timeline, [190, 240, end - 20, end + 10], preset="shorts", highlight=highlight)
    assert [bool(letters(frame).any()) for frame in frames] == [False, True, highlight != "fade" or True, False]


# Marks.

def test_emphasis_has_its_own_colour_by_word_or_by_stars() -> None:
    timeline = said("This is free, and *never ever* dull. 5 * 3 *")
    assert marks.emphasised(timeline, Captions.of({"emphasis": ["FREE"]})) == {2}
    starred = Captions.of({"emphasis": "stars"})
    assert marks.emphasised(timeline, starred) == {4, 5}
    assert cues(timeline, starred)[0].text == "This is free, and never ever dull."
    assert cues(timeline, Captions.of({}))[0].text == "This is free, and *never ever* dull."
    content = ass.write(timeline, cues(timeline, starred), starred, "job")
    assert content.count("{\\1c&HA0F53D&}") == 2


def test_the_stars_of_markdown_are_stars() -> None:
    timeline = said("It is **bold**, “**very bold**” and 2**3.")
    starred = Captions.of({"emphasis": "stars"})
    assert marks.emphasised(timeline, starred) == {2, 3, 4}
    assert " ".join(cue.text for cue in cues(timeline, starred)) == "It is bold, “very bold” and 2**3."


def test_a_speaker_has_a_colour() -> None:
    text = "Hello there. [VOICE:anna.wav] Hi! [voice:bob] Yo."
    chars = [(0, 5), (6, 12), (30, 33), (46, 49)]
    timeline = Timeline(text, tuple(Word(text[a:b], i * 500, i * 500 + 400, a, b) for i, (a, b) in enumerate(chars)),
                        3000, "en", "test")
    assert marks.speakers(timeline) == [None, None, "anna", "bob"]
    assert transcript.write(timeline, (), Captions.of({}), "job") == "Hello there.\n\nHi!\n\nYo.\n"
    captions = Captions.of({"speaker_colors": {"anna": "#112233"}})
    events = ass.write(timeline, cues(timeline, captions), captions, "job").partition("[Events]")[2]
    assert "{\\1c&H332211&}Hi!" in events and events.count("\\1c&") == 1


def test_emoji_go_on_request_and_digits_stay() -> None:
    timeline = said("Great 😀 job👍 #1 5️⃣ ok 42")
    assert [cue.text for cue in cues(timeline, Captions.of({"emoji": False}))] == ["Great job #1 ok 42"]


def test_a_line_of_two_directions_is_ordered_as_it_is_read() -> None:
    assert visual_order(["one", "two"]) == [0, 1]
    assert visual_order(["שלום", "לכם", "ילדים"]) == [2, 1, 0]
    assert visual_order(["שלום", "Hello", "World", "לכם"]) == [3, 1, 2, 0]
    assert visual_order(["Hello", "שלום", "42", "לכם", "World"]) == [0, 3, 2, 1, 4]


# Each frame of a clip: what is lit is what is spoken, to within one frame of 60 a second.

WORDS = timed(("Every", 200, 560), ("word", 560, 790), ("counts", 1030, 1500), ("today", 1500, 1710))
FRAME_MS = 1000 / 60


@pytest.mark.parametrize("highlight", ["word", "box", "pop", "pill", "sweep", "typewriter", "stack"])
def test_in_every_frame_the_lit_word_is_the_one_that_is_spoken(tmp_path: Path, highlight: str) -> None:
    options: dict[str, Any] = {"preset": "shorts", "highlight": highlight, "resolution": (960, 540), "max_chars": 40,
                               "max_words": 9, "size": 50, "uppercase": False, "highlight_color": RED}
    captions = Captions.of(options)
    (row,) = typeset(cues(WORDS, captions), WORDS, captions).blocks[0].rows
    moments = [round(n * FRAME_MS / 10) * 10 for n in range(1, int(1690 / FRAME_MS))]
    moments = sorted({ms for ms in moments if any(abs(ms - edge) < 90 for word in WORDS.words
                                                  for edge in (word.start_ms, word.end_ms))})
    for ms, frame in zip(moments, burned(tmp_path, WORDS, moments, **options), strict=True):
        seen = red(frame) if highlight != "typewriter" else letters(frame)
        if highlight == "stack":
            seen = letters(frame)
        here = _newest(row, seen) if highlight in ("sweep", "typewriter", "stack") else _nearest(row, seen)
        # A word stays lit through a short pause; what was swept, written or stacked stays.
        spoken = {_begun(ms + shift) for shift in (-FRAME_MS, 0, FRAME_MS)}
        assert here in spoken, (ms, here, spoken)


def _begun(ms: float) -> int:
    return max((index for index, word in enumerate(WORDS.words) if word.start_ms <= ms), default=-1)


def _nearest(row: Row, mask: Mask) -> int:
    """The word in whose middle the lit pixels have theirs; -1 where none are."""
    if not mask.any():
        return -1
    x = float(np.nonzero(mask)[1].mean())
    return min(row.fragments, key=lambda part: abs(part.left + part.width / 2 - x)).word


def _newest(row: Row, mask: Mask) -> int:
    """The last word of which more is seen than its neighbour's outline."""
    columns = mask.any(axis=0)
    return max((part.word for part in row.fragments
                if columns[int(part.left) + 8:int(part.left + part.width) - 2].any()), default=-1)


def test_only_a_tall_video_keeps_room_for_the_buttons_of_apps() -> None:
    tall = {(1080, 1920): True, (720, 1280): True, (1080, 1350): False, (1080, 1080): False, (1920, 1080): False}
    assert {resolution: is_short_video(resolution) for resolution in tall} == tall
