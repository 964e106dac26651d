"""One HTML file that plays a generation: the audio, its waveform, and each word highlighted while it is spoken.

It holds everything and asks for nothing: no request leaves it, no script but its own runs in it.
"""
from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path

import numpy as np

from timing.align import Samples
from timing.words import Timeline

_PEAK_MS = 2
_TITLE_CHARS = 60


def page(audio: bytes, content_type: str, timeline: Timeline, samples: Samples, rate_hz: int) -> str:
    """The page as text. `audio` is the encoded file that the page plays, `samples` its waveform.

    Without samples the page has no waveform, but the browser may still play the audio.
    """
    template = Path(__file__).with_name("preview.html").read_text(encoding="utf-8")
    values = {
        "policy": _policy(template),
        "title": _escape(timeline.text.strip()[:_TITLE_CHARS] or "Preview"),
        "audio": _escape(f"data:{content_type};base64,") + base64.b64encode(audio).decode(),
        "language": _escape(timeline.language),
        "transcript": _transcript(timeline),
        "facts": _facts(timeline),
        "data": _data(timeline, samples, rate_hz),
    }
    # One pass: what a value holds is never taken for a placeholder.
    return re.sub(r"\{\{(\w+)\}\}", lambda placeholder: values[placeholder[1]], template)


def _escape(text: str) -> str:
    return html.escape(text, quote=True)


def _policy(template: str) -> str:
    """Allows the template's own script and style, by their hashes, and the audio inside the page."""
    return ("default-src 'none'; media-src data:; base-uri 'none'; form-action 'none'; "
            f"style-src '{_hash(template, 'style')}'; script-src '{_hash(template, 'script')}'")


def _hash(template: str, tag: str) -> str:
    content = template.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _transcript(timeline: Timeline) -> str:
    """The text, letter by letter, with each word in a span."""
    parts: list[str] = []
    end = 0
    for word in timeline.words:
        kind = "word estimated" if word.estimated else "word"
        parts += _escape(timeline.text[end:word.char_start]), f'<span class="{kind}">', _escape(word.text), "</span>"
        end = word.char_end
    return "".join([*parts, _escape(timeline.text[end:])])


def _facts(timeline: Timeline) -> str:
    estimated = sum(word.estimated for word in timeline.words)
    facts = {
        "Duration": f"{timeline.duration_ms / 1000:.3f} s",
        "Words": str(len(timeline.words)) + (f", {estimated} estimated (dotted)" if estimated else ""),
        "Timing": timeline.method,
        "Language": timeline.language,
    }
    return "".join(f"<div><dt>{name}</dt><dd>{_escape(value)}</dd></div>" for name, value in facts.items())


def _data(timeline: Timeline, samples: Samples, rate_hz: int) -> str:
    """What the script needs: numbers alone, so that no word of the caller's stands inside a script."""
    return json.dumps({
        "duration_ms": timeline.duration_ms,
        "words": [[word.start_ms, word.end_ms, word.score, word.estimated] for word in timeline.words],
        "peak_ms": _PEAK_MS,
        "peaks": base64.b64encode(_peaks(samples, rate_hz)).decode(),
    }, separators=(",", ":"))


def _peaks(samples: Samples, rate_hz: int) -> bytes:
    """The loudest sample of each 2 ms, in 1/255 of the loudest of all; empty where none sounds."""
    if not samples.any():
        return b""
    n_steps = -(-len(samples) * 1000 // (rate_hz * _PEAK_MS))
    starts = np.arange(n_steps) * rate_hz * _PEAK_MS // 1000
    peaks = np.maximum.reduceat(np.abs(samples), starts)
    return bytes(np.round(peaks / peaks.max() * 255).astype(np.uint8))
