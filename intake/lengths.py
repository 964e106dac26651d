"""What a file says of its own length, against what there is of it: a download that broke off is else not noticed.

FFmpeg notices that itself in MP4, FLAC, Matroska and AAC. An MP3 that does not say how many frames it has, and an Ogg
file cut between two pages, look whole.
"""
from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

_NO_LENGTH = 0x7FFF_F000
"""From here on a length is what programs write that do not know it: they stream."""
_CRUMBS = 2 * 4096 + 2 * 1152
"""Samples that an encoder adds before and behind the sound (12 bits each) and FFmpeg takes off; two frames."""
_N_FRAMES = re.compile(rb"(?:Xing|Info)\0\0\0[\1\3\5\7\x09\x0b\x0d\x0f](....)|VBRI.{10}(....)", re.DOTALL)
"""What LAME and FFmpeg, and what Fraunhofer's encoder write into the first frame, behind 4 + 9 to 32 bytes."""


def wav(data: bytes) -> tuple[bytes, list[str]]:
    """A WAV whose recorder was stopped before it wrote the length gets one; one with less than it says, a warning."""
    for name, start, n_bytes in _chunks(data, b"RIFF", "little"):
        if name == b"data":
            n_there = len(data) - start
            if not n_bytes and n_there and int.from_bytes(data[4:8], "little") + 8 <= start:
                whole = data[:start - 4] + (_NO_LENGTH | 0xFFF).to_bytes(4, "little") + data[start:]
                return whole, ["the WAV file does not say how long it is; all of it is read"]
            return data, _missing("WAV", n_there, n_bytes)
    return data, []


def aiff(data: bytes) -> list[str]:
    """A warning where the sound has less than its chunk says."""
    sounds = (_missing("AIFF", len(data) - start, n_bytes) for name, start, n_bytes in _chunks(data, b"FORM", "big")
              if name == b"SSND")
    return next(sounds, [])


def ogg(data: bytes) -> list[str]:
    """A warning where the last page (RFC 3533 section 6) is not whole."""
    page = data[data.rfind(b"OggS"):]
    lengths = page[27:27 + page[26]] if len(page) > 26 else b""
    if len(page) > 26 and len(page) >= 27 + page[26] + sum(lengths):
        return []
    return ["the Ogg file is cut short, in the middle of a page; what there is of it is used"]


def mp3(data: bytes, start: int, n_samples: int) -> list[str]:
    """A warning where the frames, from `start`, gave fewer samples than the first one promises."""
    found = _N_FRAMES.search(data[start:start + 60])
    if not found:
        return []
    per_frame = 1152 if data[start + 1] & 0x18 == 0x18 else 576  # MPEG-1, or 2 and 2.5 (ISO/IEC 11172-3, 13818-3)
    promised = int.from_bytes(found[1] or found[2], "big") * per_frame
    return _missing("mp3", n_samples, promised) if n_samples < promised - _CRUMBS else []


def _chunks(data: bytes, form: bytes, order: Literal["little", "big"]) -> Iterator[tuple[bytes, int, int]]:
    """The name of each chunk, where its content begins, and how many bytes it says that it has."""
    start = 12
    while data[:4] == form and start + 8 <= len(data):
        name, n_bytes = data[start:start + 4], int.from_bytes(data[start + 4:start + 8], order)
        start += 8
        yield name, start, n_bytes
        start += n_bytes + n_bytes % 2


def _missing(kind: str, n_there: int, n_said: int) -> list[str]:
    if n_there + 1 < n_said < _NO_LENGTH:
        return [f"the {kind} file is cut short: {n_there / n_said:.0%} of it are there"]
    return []
