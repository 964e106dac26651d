"""ASS files burned into pictures by FFmpeg, and the pictures looked at."""
from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
import pytest

from captions import ass
from captions.cues import Captions, cues, side_margin
from tests.captions.timelines import STORY, said, timed
from timing.words import Timeline

Frames = npt.NDArray[np.uint8]
"""RGB pictures [n, height, width, 3]."""
Mask = npt.NDArray[np.bool_]
Burn = Callable[..., Frames]

BACKGROUND = (47, 93, 80)
HIGHLIGHT = "#FF2010"
"""Neither in the background nor in the letters, their outline or a mixture of those."""
WORDS = ("Every", "word", "has", "time")


@pytest.fixture(scope="module")
def burn(tmp_path_factory: pytest.TempPathFactory) -> Burn:
    """`burn(timeline, times_ms, **captions)`: the frames that show those moments (to 10 ms)."""
    folder = tmp_path_factory.mktemp("frames")
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    filters = subprocess.run([ffmpeg, "-hide_banner", "-filters"], capture_output=True, text=True, check=True).stdout
    if " ass " not in filters:
        pytest.skip("this FFmpeg is built without libass")

    def render(timeline: Timeline, times_ms: Sequence[int], **options: Any) -> Frames:
        captions = Captions.of({"highlight_color": HIGHLIGHT} | options)
        content = ass.write(timeline, cues(timeline, captions), captions, "job-1")
        return _frames(ffmpeg, folder, content, captions.resolution, times_ms)

    if not letters(render(timed(("Probe", 0, 1000)), [500])[0]).any():
        pytest.skip("FFmpeg finds no font on this machine")
    return render


def _frames(ffmpeg: str, folder: Path, content: str, resolution: tuple[int, int], times_ms: Sequence[int]) -> Frames:
    (folder / "captions.ass").write_text(content, encoding="utf-8")
    width, height = resolution
    wanted = "+".join(f"eq(n\\,{ms // 10})" for ms in times_ms)
    source = f"color=c=0x{bytes(BACKGROUND).hex()}:s={width}x{height}:r=100:d={max(times_ms) / 1000 + 0.1}"
    pixels = subprocess.run(
        [ffmpeg, "-hide_banner", "-loglevel", "error", "-nostdin", "-f", "lavfi", "-i", source,
         "-vf", f"select={wanted},format=rgb24,ass=captions.ass", "-fps_mode", "passthrough",
         "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], cwd=folder, capture_output=True, check=True).stdout
    return np.frombuffer(pixels, np.uint8).reshape(len(times_ms), height, width, 3)


def letters(frame: Frames) -> Mask:
    """Where the picture is not background: letters, outlines and boxes."""
    different: Mask = (np.abs(frame.astype(np.int16) - BACKGROUND) > 24).any(axis=-1)
    return different


def lit(frame: Frames) -> Mask:
    red: Mask = (frame[..., 0] > 180) & (frame[..., 1] < 90) & (frame[..., 2] < 90)
    return red


def extent(mask: Mask) -> tuple[int, int, int, int]:
    """left, top, right, bottom of what is set; right and bottom are within."""
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def centre_x(mask: Mask) -> float:
    return float(np.nonzero(mask)[1].mean())


def paced(*words: str, language: str = "en") -> Timeline:
    """Each word for 400 ms, the first from 200 ms on."""
    return timed(*[(word, 200 + 400 * i, 600 + 400 * i) for i, word in enumerate(words)], language=language)


def middles(timeline: Timeline) -> list[int]:
    return [(word.start_ms + word.end_ms) // 2 for word in timeline.words]


@pytest.mark.parametrize("resolution", [(1080, 1920), (1920, 1080), (1080, 1080)])
@pytest.mark.parametrize("highlight", ["word", "box"])
def test_the_highlight_walks_along_the_line_word_by_word(
        burn: Burn, resolution: tuple[int, int], highlight: str) -> None:
    timeline = paced(*WORDS)
    frames = burn(timeline, middles(timeline), preset="shorts", max_chars=30, resolution=resolution,
                  highlight=highlight)
    centres = [centre_x(lit(frame)) for frame in frames]
    assert centres == sorted(centres) and len(set(centres)) == len(WORDS)
    assert centres[0] < resolution[0] / 2 < centres[-1]
    # Nothing is lit twice: where one word is lit, the word before is not.
    for before, after in pairwise(frames):
        assert extent(lit(before))[2] < extent(lit(after))[0] + (12 if highlight == "box" else 0)


def test_a_word_lights_up_in_the_frame_in_which_it_is_spoken(burn: Burn) -> None:
    timeline = paced(*WORDS)
    edges_ms = [word.start_ms for word in timeline.words[1:]]
    frames = burn(timeline, [ms + shift for ms in edges_ms for shift in (-10, 0)], preset="shorts", max_chars=30)
    at_middles = burn(timeline, middles(timeline), preset="shorts", max_chars=30)
    for index in range(len(edges_ms)):
        assert (lit(frames[2 * index]) == lit(at_middles[index])).all()
        assert (lit(frames[2 * index + 1]) == lit(at_middles[index + 1])).all()


def test_the_line_stands_still_while_the_highlight_walks(burn: Burn) -> None:
    timeline = paced(*WORDS)
    frames = burn(timeline, middles(timeline), preset="shorts", max_chars=30)
    shapes = [letters(frame) for frame in frames]
    assert len({extent(shape) for shape in shapes}) == 1
    # What still differs is how the edges of the letters are smoothed.
    assert all((shape != shapes[0]).sum() < 0.01 * shapes[0].sum() for shape in shapes)


def test_before_the_first_word_and_after_the_last_nothing_is_displayed(burn: Burn) -> None:
    frames = burn(paced("Hello"), [180, 200, 840, 860], preset="shorts")
    assert [bool(letters(frame).any()) for frame in frames] == [False, True, True, False]


def test_the_sweep_grows_with_the_words_and_waits_in_a_pause(burn: Burn) -> None:
    timeline = timed(("Hello", 0, 400), ("world", 1200, 1600))
    times_ms = [100, 300, 450, 1150, 1400, 1590]
    frames = burn(timeline, times_ms, preset="karaoke")
    reached = [extent(lit(frame))[2] for frame in frames]
    left, _, right, _ = extent(letters(frames[0]))
    assert reached[0] < reached[1] < reached[2] == reached[3] < reached[4] < reached[5]
    half_of_world = (right + reached[2]) / 2
    assert abs(reached[4] - half_of_world) < 0.06 * (right - left)
    assert right - reached[5] < 0.05 * (right - left)


@pytest.mark.parametrize("highlight", ["word", "box"])
@pytest.mark.parametrize("uppercase", [False, True])
def test_shorts_stay_clear_of_what_the_apps_lay_over_them(burn: Burn, highlight: str, uppercase: bool) -> None:
    timeline = said(STORY)
    moments = [(cue.start_ms + cue.end_ms) // 2 for cue in cues(timeline, Captions.of({"preset": "shorts"}))]
    frames = burn(timeline, moments[::4], preset="shorts", highlight=highlight, uppercase=uppercase)
    left, top, right, bottom = extent(letters(frames.max(axis=0)) | letters(frames.min(axis=0)))
    # TikTok, Reels and Shorts together leave x 60-900 and y 250-1440 of 1080 x 1920 free.
    assert left >= 60 and right <= 900
    assert top >= 250 and bottom <= 1440


@pytest.mark.parametrize("preset", ["shorts", "karaoke", "sentence", "broadcast"])
@pytest.mark.parametrize("resolution", [(1080, 1920), (1920, 1080), (1080, 1080), (320, 180)])
def test_no_preset_leaves_its_margins_in_any_frame(burn: Burn, preset: str, resolution: tuple[int, int]) -> None:
    timeline = said(STORY)
    longest = max(cues(timeline, Captions.of({"preset": preset, "resolution": resolution})),
                  key=lambda cue: max(map(len, cue.lines)))
    captions = Captions.of({"preset": preset, "resolution": resolution})
    frame = burn(timeline, [(longest.start_ms + longest.end_ms) // 2], preset=preset, resolution=resolution)[0]
    left, top, right, bottom = extent(letters(frame))
    margin = side_margin(resolution)
    assert margin <= left and right < resolution[0] - margin
    # As many lines as were meant, no more: none had to be wrapped.
    assert bottom - top < (len(longest.lines) + 0.4) * captions.size
    assert bottom < resolution[1] * 0.97 and top > resolution[1] * 0.03


@pytest.mark.parametrize("highlight", ["word", "box"])
def test_a_word_too_wide_for_the_frame_is_whole_and_smaller(burn: Burn, highlight: str) -> None:
    timeline = paced("https://www.example.com/a/very/long/address/of/a/page?with=a&query=too", "W" * 40, "%" * 60,
                     "ШИРОКОЩИТОВИДНЫЙ" * 3, "i" * 100, "W" * 10)
    for frame in burn(timeline, middles(timeline), preset="shorts", max_words=1, highlight=highlight):
        left, top, right, bottom = extent(letters(frame))
        assert left >= 180 and right < 900
        assert right - left > 300
        assert bottom - top < 1.4 * Captions.of({"preset": "shorts"}).size


@pytest.mark.parametrize(("position", "low", "high"), [
    ("top", 0.1, 0.3), ("middle", 0.45, 0.55), ("bottom", 0.6, 0.76)])
def test_captions_stand_where_they_are_wanted(burn: Burn, position: str, low: float, high: float) -> None:
    frame = burn(timed(("Hello", 0, 1000)), [500], preset="shorts", position=position)[0]
    _, top, _, bottom = extent(letters(frame))
    assert low * 1920 <= top and bottom <= high * 1920


def test_a_text_is_shown_as_it_is_and_commands_nothing(burn: Burn) -> None:
    hostile = ("{\\pos(10,10)\\fs300}x", "a\\Nb", "a\\hb", "a\\\\Nb", "{\\1c&H0000FF&}x", "\\{b}", "{=1}x",
               "{\\p1}m 0 0 l 9 9")
    harmless = [word.translate(str.maketrans("{}\\", "()/")) for word in hostile]
    timeline = paced(*hostile, *harmless)
    frames = burn(timeline, middles(timeline), size=40, max_words=1, resolution=[960, 540])
    for frame, like in zip(frames[:len(hostile)], frames[len(hostile):], strict=True):
        left, top, right, bottom = extent(letters(frame))
        like_left, like_top, like_right, like_bottom = extent(letters(like))
        # As wide, as high and as low as with brackets and slashes in their place, within what those differ by.
        assert abs((right - left) - (like_right - like_left)) < 45
        assert abs((bottom - top) - (like_bottom - like_top)) < 12
        assert abs(bottom - like_bottom) < 12
        assert not lit(frame).any()


def test_a_right_to_left_line_lights_up_from_right_to_left(burn: Burn) -> None:
    timeline = paced("שלום", "לכם", "ילדים", language="he")
    for highlight in ("word", "sweep"):
        frames = burn(timeline, middles(timeline), preset="shorts", highlight=highlight, max_chars=30)
        starts = [extent(lit(frame))[0] for frame in frames]
        assert starts == sorted(starts, reverse=True) and len(set(starts)) == 3


def test_the_colours_are_the_ones_asked_for(burn: Burn) -> None:
    frame = burn(paced("Hello", "there"), [300], preset="shorts", color="#20C0FF", highlight_color="#FF2010")[0]
    for colour in ((0x20, 0xC0, 0xFF), (0xFF, 0x20, 0x10), (0, 0, 0)):
        assert (frame == colour).all(axis=-1).sum() > 100
