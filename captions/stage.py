"""The captions of the preview page: one SVG in the video's own pixels, laid out as the ASS file is.

Letters stand where `captions.ass` puts them, in the same fonts, which the page carries; its script lights them up.
"""
from __future__ import annotations

import base64
import html
from collections.abc import Iterator
from typing import Any

from captions.ass import colors, needs
from captions.ass.animations import HOLD_CS, Scene, contrast, shapes
from captions.ass.typeset import Block, Fragment, Row, is_right_to_left, typeset
from captions.cues import cues
from captions.style.options import Captions
from timing.words import Timeline


def svg(timeline: Timeline, captions: Captions) -> tuple[str, dict[str, Any]]:
    """The drawing, and what the page's script needs: numbers, names of fonts and colours."""
    made = cues(timeline, captions)
    page = typeset(made, timeline, captions)
    scene = Scene(timeline, captions, page, colors(timeline, captions))
    faces = {face: letters for face, letters in needs(made, captions, timeline.language).items() if face.ships}
    width, height = captions.resolution
    look, stroke = captions.style, 2 * captions.style.outline * page.size
    family = ", ".join(f"'{face.family}'" for face in faces) + ", sans-serif"
    groups = "".join(f'<g class="cue" hidden>{"".join(_group(scene, block))}</g>' for block in page.blocks)
    drawing = (
        f'<svg id="stage" class="{"tall" if height > width else "wide"}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="Captions over the video frame" font-size="{page.size}" font-family="{html.escape(family)}" '
        f'letter-spacing="{look.spacing * page.size:g}" stroke="{contrast(captions.color)}" stroke-width="{stroke:g}" '
        'stroke-linejoin="round" paint-order="stroke" xml:space="preserve"><defs><linearGradient id="sweep">'
        f'<stop stop-color="{captions.highlight_color}"/><stop stop-color="{captions.highlight_color}"/>'
        f'<stop stop-color="{captions.color}"/></linearGradient></defs>{groups}</svg>')
    return drawing, {
        "highlight": captions.highlight, "color": captions.highlight_color,
        "on_box": contrast(captions.highlight_color), "hold_ms": 10 * HOLD_CS,
        "cues": [[cue.start_ms, cue.end_ms] for cue in made],
        "fonts": [[face.family, base64.b64encode(face.subset(letters | {"\u2010"})).decode()]
                  for face, letters in faces.items()],
    }


def _group(scene: Scene, block: Block) -> Iterator[str]:
    if scene.captions.highlight in ("box", "pill"):
        for word, places in shapes(scene, block).items():
            for left, top, width, height in places:
                radius = min(width, height) * (0.5 if scene.captions.highlight == "pill" else 0.12)
                yield (f'<rect class="back" hidden data-word="{word}" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" '
                       f'height="{height:.1f}" rx="{radius:.1f}" stroke="none" '
                       f'fill="{scene.captions.highlight_color}"/>')
    for row in block.rows:
        for fragment in row.fragments:
            yield _text(scene, row, fragment)


def _text(scene: Scene, row: Row, fragment: Fragment) -> str:
    backwards = is_right_to_left(fragment.text)
    left = fragment.left + (fragment.width if backwards else 0)
    return (f'<text data-word="{fragment.word}" x="{left:.1f}" y="{row.baseline:.1f}" '
            f'direction="{"rtl" if backwards else "ltr"}" fill="{scene.colors[fragment.word]}">'
            f"{html.escape(fragment.text)}</text>")
