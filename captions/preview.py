"""One HTML file that plays a generation: audio, waveform, captions over a frame, each word lit while it is spoken.

It holds everything and asks for nothing: no request leaves it, no script but its own runs in it.
"""
from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from captions import stage
from captions.style.options import Captions
from timing.align import Samples
from timing.words import Timeline

_PEAK_MS = 2
_TITLE_CHARS = 60


def page(audio: bytes | str, content_type: str, timeline: Timeline, samples: Samples, rate_hz: int, captions: Captions,
         files: Mapping[str, str]) -> str:
    """The page as text. `audio` is the encoded file that the page plays, `samples` its waveform.

    It shows the words as `captions` has them, and offers `files` (name -> content) beside the audio.

    A long file is given by its name and lies beside the page, which then does not hold it.
    Without samples the page has no waveform, but the browser may still play the audio.
    """
    drawing, look = stage.svg(timeline, captions)
    template = Path(__file__).with_name("preview.html").read_text(encoding="utf-8")
    values = {
        "policy": _policy(template, "data:" if isinstance(audio, bytes) else "'self' file:"),
        "title": _escape(timeline.text.strip()[:_TITLE_CHARS] or "Preview"),
        "audio": _escape(quote(audio) if isinstance(audio, str) else _data_url(audio, content_type)),
        "language": _escape(timeline.language),
        "transcript": _transcript(timeline),
        "facts": _facts(timeline),
        "stage": drawing,
        "files": "".join(_download(name, content) for name, content in files.items()),
        "data": json.dumps(_data(timeline, samples, rate_hz) | look, separators=(",", ":")),
    }
    # One pass: what a value holds is never taken for a placeholder.
    return re.sub(r"\{\{(\w+)\}\}", lambda placeholder: values[placeholder[1]], template)


def _escape(text: str) -> str:
    return html.escape(text, quote=True)


def _data_url(audio: bytes, content_type: str) -> str:
    return f"data:{content_type};base64,{base64.b64encode(audio).decode()}"


def _policy(template: str, media: str) -> str:
    """Allows the template's own script and style, by their hashes, and the audio."""
    return (f"default-src 'none'; media-src {media}; base-uri 'none'; form-action 'none'; "
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


def _download(name: str, content: str) -> str:
    href = f"data:application/octet-stream;base64,{base64.b64encode(content.encode()).decode()}"
    return f'<a download="{_escape(name)}" href="{href}">{_escape(name.partition(".")[2])}</a>'


def _data(timeline: Timeline, samples: Samples, rate_hz: int) -> dict[str, Any]:
    """What the script needs: numbers alone, so that no word of the caller's stands inside a script."""
    return {
        "duration_ms": timeline.duration_ms,
        "words": [[word.start_ms, word.end_ms, word.score, word.estimated] for word in timeline.words],
        "peak_ms": _PEAK_MS,
        "peaks": base64.b64encode(_peaks(samples, rate_hz)).decode(),
    }


def _peaks(samples: Samples, rate_hz: int) -> bytes:
    """The loudest sample of each 2 ms, in 1/255 of the loudest of all; empty where none sounds."""
    if not samples.any():
        return b""
    n_steps = -(-len(samples) * 1000 // (rate_hz * _PEAK_MS))
    starts = np.arange(n_steps) * rate_hz * _PEAK_MS // 1000
    peaks = np.maximum.reduceat(np.abs(samples), starts)
    return bytes(np.round(peaks / peaks.max() * 255).astype(np.uint8))
