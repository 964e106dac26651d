"""Advanced SubStation Alpha for FFmpeg's `ass` filter (libass), styled, placed and with its fonts inside.

Every row of every cue has its place in pixels, so that no renderer wraps, moves or scales it. ASS counts
centiseconds; each edge is rounded once, from the start of the audio, so that neither a pause nor the rounding moves
a later highlight. `[Fonts]` carries the glyphs that the file needs (libass' ass.c, decode_font).
"""
from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from captions.ass.animations import ANIMATIONS, Scene, centiseconds, contrast
from captions.ass.typeset import is_right_to_left, typeset
from captions.cue import Cue
from captions.style import fonts, marks
from captions.style.options import PLACED, Captions, side_margin
from timing.words import Timeline


def write(timeline: Timeline, cues: Sequence[Cue], captions: Captions, job_id: str) -> str:
    import ass

    page = typeset(cues, timeline, captions)
    scene = Scene(timeline, captions, page, colors(timeline, captions))
    document = ass.Document()
    document.info.update(_info(captions))
    document.styles.append(_style(captions, timeline.text, page.size))
    free_cs = 0
    for block in page.blocks:
        start_cs = max(free_cs, centiseconds(block.cue.start_ms))
        free_cs = max(start_cs + 1, centiseconds(block.cue.end_ms))
        for event in ANIMATIONS[captions.highlight](scene, block, start_cs, free_cs):
            document.events.append(ass.Dialogue(layer=event.layer, start=_delta(event.start_cs),
                                                end=_delta(event.end_cs), text=event.text))
    out = io.StringIO()
    document.dump_file(out)
    head, events, lines = out.getvalue().partition("[Events]")
    return head + _font_section(cues, captions, timeline.language) + events + lines


def _info(captions: Captions) -> dict[str, Any]:
    width, height = captions.resolution
    return {
        "ScriptType": "v4.00+", "PlayResX": width, "PlayResY": height, "WrapStyle": 2,
        # Without it libass sets letters without kerning, and wider than they are measured.
        "ScaledBorderAndShadow": "yes", "YCbCr Matrix": "None", "Kerning": "yes",
    }


def _style(captions: Captions, text: str, size: int) -> Any:
    import ass

    look, face = captions.style, fonts.chain(captions.family, "")[0]
    main, accent = _color(captions.color), _color(captions.highlight_color)
    sung, unsung = (accent, main) if captions.highlight == "sweep" else (main, main)
    margin = side_margin(captions.resolution)
    bold = face.bold if face.ships else fonts.LATIN[captions.style.font].bold
    return ass.Style(
        name="Default", fontname=face.family, fontsize=face.ass_size(size), bold=bold,
        primary_color=sung, secondary_color=unsung, outline_color=_color(contrast(captions.color)),
        back_color=ass.data.Color(0, 0, 0, 0x60), outline=round(size * look.outline, 1),
        shadow=round(size * look.shadow, 1), spacing=round(size * look.spacing, 1), alignment=2, margin_l=margin,
        margin_r=margin, margin_v=0,
        # -1 lets libass find the direction of each line; 1 is the font's default, which others know too.
        encoding=-1 if is_right_to_left(text) else 1)


def _color(hex_color: str) -> Any:
    import ass

    return ass.data.Color(*(int(hex_color[i:i + 2], 16) for i in (1, 3, 5)))


def colors(timeline: Timeline, captions: Captions) -> list[str]:
    """Of each word while it is not lit: the emphasis', its speaker's or the letters'."""
    emphasised, of_speaker = marks.emphasised(timeline, captions), dict(captions.speaker_colors)
    speakers = marks.speakers(timeline) if of_speaker else [None] * len(timeline.words)
    return [captions.emphasis_color if index in emphasised else of_speaker.get(speaker or "", captions.color)
            for index, speaker in enumerate(speakers)]


def needs(cues: Sequence[Cue], captions: Captions, language: str) -> dict[fonts.Face, frozenset[str]]:
    """The faces that the cues are drawn with, and the characters of each. The style's own is always one of them."""
    found: dict[fonts.Face, set[str]] = {fonts.chain(captions.family, language)[0]: set()}
    for text in {piece.text for cue in cues for line in cue.pieces for piece in line if piece.text}:
        for run in fonts.runs(text, captions.family, language):
            found.setdefault(run.face, set()).update(run.text)
    return {face: frozenset(characters) for face, characters in found.items()}


def warnings(cues: Sequence[Cue], captions: Captions, language: str) -> list[str]:
    """What whoever burns the file has to know."""
    found = []
    if captions.font not in fonts.LATIN:
        known = ", ".join(fonts.LATIN)
        if captions.highlight in PLACED:
            found.append(f"captions: {captions.highlight} places each word and needs a font whose widths are known; "
                         f"{captions.family} is used instead of {captions.font} (fonts that ship: {known})")
        else:
            found.append(f"captions: the font {captions.font} does not ship; it is not in the ASS file, and line "
                         f"widths are estimated (fonts that ship: {known})")
    text = "".join({piece.text for cue in cues for line in cue.pieces for piece in line})
    missing = sorted(fonts.missing(text, captions.family, language))
    if missing:
        found.append(f"captions: no font that ships has {''.join(missing[:20])!r}; the machine that burns the ASS file "
                     "needs one")
    return found


def _font_section(cues: Sequence[Cue], captions: Captions, language: str) -> str:
    """The faces as `[Fonts]` has them: three bytes as four characters, 80 of them on a line."""
    lines: list[str] = []
    for number, (face, characters) in enumerate(needs(cues, captions, language).items()):
        if face.ships:
            lines.append(f"fontname: {face.family.replace(' ', '')}_{number}.ttf")
            lines += _encoded(face.subset(characters | {"\u2010"}))
    return "\n".join(["[Fonts]", *lines, "", ""]) if lines else ""


_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_FROM_BASE64 = bytes.maketrans(_BASE64, bytes(range(33, 33 + 64)))


def _encoded(data: bytes) -> Iterator[str]:
    text = b64encode(data).rstrip(b"=").translate(_FROM_BASE64).decode("ascii")
    for index in range(0, len(text), 80):
        yield text[index:index + 80]


def _delta(centiseconds: int) -> timedelta:
    return timedelta(milliseconds=centiseconds * 10)
