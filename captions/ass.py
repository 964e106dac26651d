"""Advanced SubStation Alpha, styled, for FFmpeg's `ass` filter (libass).

ASS counts centiseconds. Each edge is rounded once, from the start of the audio, so that neither a pause nor
the rounding moves a later highlight. `word` and `box` write one line of dialogue for each state of a cue, end
to end, and so do not flicker; `sweep` writes karaoke tags whose sum is the line's duration.

Text cannot command the renderer: libass shows `\\{` and `\\}` as braces; it has no escape for a backslash, so a
word joiner (U+2060, no width) follows each one and no tag or line break can begin there (mpv escapes likewise).
"""
from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from captions.cues import Captions, Cue, is_short_video, joined, side_margin, usable_width
from timing.words import Timeline

JOINER = "\u2060"
HOLD_CS = 30
"""A word stays highlighted through a pause up to this long; a longer one shows the cue without highlight."""


def write(timeline: Timeline, cues: Sequence[Cue], captions: Captions, job_id: str) -> str:
    import ass

    document = ass.Document()
    document.info.update(_info(captions))
    document.styles.extend(_styles(captions, timeline.text))
    free_cs = 0
    for cue in cues:
        start_cs = max(free_cs, _centiseconds(cue.start_ms))
        free_cs = max(start_cs + 1, _centiseconds(cue.end_ms))
        for begin_cs, end_cs, text in _states(timeline, cue, captions, start_cs, free_cs):
            document.events.append(ass.Dialogue(start=_delta(begin_cs), end=_delta(end_cs), text=text))
    out = io.StringIO()
    document.dump_file(out)
    return out.getvalue()


def _info(captions: Captions) -> dict[str, Any]:
    width, height = captions.resolution
    return {
        "ScriptType": "v4.00+", "PlayResX": width, "PlayResY": height,
        # Lines are broken by `cues`; a line that is still too wide (an unusual font) wraps and is not cut off.
        "WrapStyle": 0,
        "ScaledBorderAndShadow": "yes", "YCbCr Matrix": "None",
    }


def _styles(captions: Captions, text: str) -> list[Any]:
    """`Default`, and `Box` for the highlighted word of `box`."""
    import ass

    main, accent = _color(captions.color), _color(captions.highlight_color)
    look = {
        "fontname": captions.font, "fontsize": captions.size, "bold": captions.preset in BOLD,
        "alignment": ALIGNMENTS[captions.position], "shadow": 0,
        "margin_l": side_margin(captions.resolution), "margin_r": side_margin(captions.resolution),
        "margin_v": _vertical_margin(captions),
        # -1 lets libass find the direction of each line; 1 is the font's default, which others know too.
        "encoding": -1 if _is_right_to_left(text) else 1,
    }
    sung, unsung = (accent, main) if captions.highlight == "sweep" else (main, main)
    default = ass.Style(name="Default", primary_color=sung, secondary_color=unsung,
                        outline_color=_contrast(captions.color), outline=_border(captions) / 2, **look)
    if captions.highlight != "box":
        return [default]
    return [default, ass.Style(name="Box", primary_color=_contrast(captions.highlight_color), outline_color=accent,
                               back_color=accent, border_style=3, outline=_border(captions), **look)]


def _border(captions: Captions) -> int:
    """How far a box reaches beyond its word; the letters' outline is half as wide."""
    return max(1, round(captions.size * 0.14))


BOLD = ("shorts", "karaoke")
ALIGNMENTS = {"top": 8, "middle": 5, "bottom": 2}


def _vertical_margin(captions: Captions) -> int:
    """In short videos, clear of what TikTok, Reels and Shorts lay over the picture: the largest of their zones."""
    share = 0.07
    if is_short_video(captions.resolution):
        share = 0.14 if captions.position == "top" else 0.25
    return round(captions.resolution[1] * share) + _border(captions)


def _color(hex_color: str) -> Any:
    import ass

    red, green, blue = (int(hex_color[i:i + 2], 16) for i in (1, 3, 5))
    return ass.data.Color(red, green, blue)


def _contrast(hex_color: str) -> Any:
    """Black or white, whichever is easier to tell from the colour (WCAG 2 relative luminance)."""
    channels = [int(hex_color[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return _color("#000000" if luminance > 0.179 else "#FFFFFF")


def _is_right_to_left(text: str) -> bool:
    return not text.isascii() and any(unicodedata.bidirectional(char) in ("R", "AL") for char in text)


def _states(timeline: Timeline, cue: Cue, captions: Captions, start_cs: int,
            end_cs: int) -> Iterator[tuple[int, int, str]]:
    """(start, end, text) of each line of dialogue of one cue; together they cover it without a gap."""
    edges_cs = [(_between(start_cs, word.start_ms, end_cs), _between(start_cs, word.end_ms, end_cs))
                for word in timeline.words[cue.first:cue.last + 1]]
    size = _fitting_size(cue, captions)
    shrink = f"\\fs{size}" if size < captions.size else ""
    if captions.highlight == "sweep":
        yield start_cs, end_cs, _swept(cue, edges_cs, end_cs, shrink)
    elif captions.highlight == "none":
        yield start_cs, end_cs, _line(cue, captions, None, shrink)
    else:
        for begin_cs, stop_cs, current in _highlights(edges_cs, end_cs):
            yield begin_cs, stop_cs, _line(cue, captions, current, shrink)


def _between(low_cs: int, ms: int, high_cs: int) -> int:
    return min(max(low_cs, _centiseconds(ms)), high_cs)


def _highlights(edges_cs: Sequence[tuple[int, int]], end_cs: int) -> Iterator[tuple[int, int, int | None]]:
    """Which word of the cue is lit from when to when; None in a pause. Words without a centisecond are left out."""
    for index, (begin_cs, stop_cs) in enumerate(edges_cs):
        next_cs = edges_cs[index + 1][0] if index + 1 < len(edges_cs) else end_cs
        lit_until_cs = next_cs if next_cs - stop_cs <= HOLD_CS else stop_cs
        if lit_until_cs > begin_cs:
            yield begin_cs, lit_until_cs, index
        if next_cs > lit_until_cs:
            yield lit_until_cs, next_cs, None


def _line(cue: Cue, captions: Captions, current: int | None, shrink: str) -> str:
    """The whole cue, with the word at `current` (counted within the cue) highlighted."""
    if captions.highlight == "box":
        on, off = f"{{\\rBox{shrink}}}", f"{{\\r{shrink}}}"
    else:
        color = captions.highlight_color
        on, off = f"{{\\1c&H{color[5:7]}{color[3:5]}{color[1:3]}&}}", "{\\1c}"
    text, index = f"{{{shrink}}}" if shrink else "", 0
    for number, line in enumerate(cue.pieces):
        text += "\\N" if number else ""
        for position, piece in enumerate(line):
            word = _escaped(piece.text)
            text += (piece.space if position else "") + (on + word + off if index == current else word)
            index += 1
    return text


def _swept(cue: Cue, edges_cs: Sequence[tuple[int, int]], end_cs: int, shrink: str) -> str:
    """Karaoke tags count on from the line's start, so every pause needs one of its own."""
    text, index, reached_cs = f"{{{shrink}}}" if shrink else "", 0, edges_cs[0][0]
    for number, line in enumerate(cue.pieces):
        text += "\\N" if number else ""
        for position, piece in enumerate(line):
            begin_cs, stop_cs = edges_cs[index]
            pause = f"{{\\k{begin_cs - reached_cs}}}" if begin_cs > reached_cs else ""
            # libass sweeps from left to right in every script; a word that runs the other way lights up at once.
            tag = "k" if _is_right_to_left(piece.text) else "kf"
            text += f"{pause}{piece.space if position else ''}{{\\{tag}{stop_cs - begin_cs}}}{_escaped(piece.text)}"
            index, reached_cs = index + 1, stop_cs
    return text + (f"{{\\k{end_cs - reached_cs}}}" if end_cs > reached_cs else "")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\" + JOINER).replace("{", "\\{").replace("}", "\\}")


def _fitting_size(cue: Cue, captions: Captions) -> int:
    """The style's font size, or less where a line would be wider than the frame has room for."""
    room = usable_width(captions.resolution) - 2 * _border(captions)
    widest_em = max(width_em(joined(line)) for line in cue.pieces) * (1 if captions.preset in BOLD else REGULAR)
    return max(1, min(captions.size, int(room / max(widest_em, 0.01))))


def width_em(text: str) -> float:
    """An upper estimate of a line's width, as a multiple of the ASS font size."""
    return sum(_char_em(char) for char in text)


# Advances of DejaVu Sans Bold, rounded up and divided by its line height (1.164), which is what ASS calls size.
ADVANCES_EM = {char: em for chars, em in (
    (" !'(),-./:;I[\\]fijlt|¡’", 0.42), ('"*_`r–', 0.46), ("?Lcsz¿", 0.56), ("$0123456789EFJTaekovxy“”", 0.6),
    ("#&+<=>^~w", 0.8), ("%@MWm—…", 0.95),
) for char in chars}
REGULAR = 0.92
"""The width of a line in regular weight; DejaVu Sans takes 0.89 of its bold for English."""


def _char_em(char: str) -> float:
    if char in ADVANCES_EM:
        return ADVANCES_EM[char]
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(char) in "WF":
        return 1.1
    latin = ord(char) < 0x250
    return (0.76 if latin else 1.0) if char.isupper() else (0.65 if latin else 0.85)


def _centiseconds(ms: int) -> int:
    return (ms + 5) // 10


def _delta(centiseconds: int) -> timedelta:
    return timedelta(milliseconds=centiseconds * 10)
