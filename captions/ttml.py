"""TTML for broadcast, in the IMSC 1.1 text profile: one region, one paragraph for each cue.

Source: W3C, "TTML Profiles for Internet Media Subtitles and Captions 1.1".
"""
from __future__ import annotations

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from captions.cue import Cue
from captions.style.options import Captions
from timing.words import Timeline

_ALIGN = {"top": "before", "middle": "center", "bottom": "after"}


def write(timeline: Timeline, cues: Sequence[Cue], captions: Captions, job_id: str) -> str:
    paragraphs = "\n".join(
        f'      <p xml:id="c{number}" begin="{_time(cue.start_ms)}" end="{_time(cue.end_ms)}">'
        f'{"<br/>".join(_text(line) for line in cue.lines)}</p>'
        for number, cue in enumerate(cues, start=1))
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<tt xmlns="http://www.w3.org/ns/ttml" xmlns:tts="http://www.w3.org/ns/ttml#styling"
    xmlns:ttp="http://www.w3.org/ns/ttml#parameter" ttp:timeBase="media"
    ttp:contentProfiles="http://www.w3.org/ns/ttml/profile/imsc1.1/text" xml:lang={quoteattr(timeline.language)}
    xml:space="preserve">
  <head>
    <layout>
      <region xml:id="r1" tts:origin="10% 10%" tts:extent="80% 80%" tts:displayAlign="{_ALIGN[captions.position]}"
              tts:textAlign="center" tts:fontFamily="proportionalSansSerif" tts:color="{captions.color}"/>
    </layout>
  </head>
  <body region="r1">
    <div>
{paragraphs}
    </div>
  </body>
</tt>
"""


def _text(line: str) -> str:
    """XML 1.0 has no way to write these characters (section 2.2)."""
    return escape(re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "\ufffd", line))


def _time(ms: int) -> str:
    hours, rest = divmod(ms, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
