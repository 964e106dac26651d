"""What the caller wrote -> speech, pauses and changes of speaker, each with its place in the text.

`[pause:0.8s]` or `[pause:300ms]` is exact silence, `[voice:name]` changes the speaker from there on, in capitals too.
Any other bracket is ordinary text. Between two paragraphs, which an empty line parts, and before and after
a heading in Markdown there is a pause too, unless the script has one there.
"""
from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

MAX_CHARS = 100_000
"""About two hours of speech; longer scripts are several jobs."""
MAX_TAGS = 2_000
MAX_PAUSE_MS = 60_000
MAX_PAUSES_MS = 600_000
MAX_PARAGRAPHS = 2_000
PARAGRAPH_PAUSE_MS = 400

LONG_WORD = 1.4
"""F5-TTS plans lines for 22 s of its 30 s window; with a reference of 3 s that leaves 27 s for 19."""

_TAG = re.compile(r"\[(pause|voice):([^\[\]\n]{0,100})\]", re.IGNORECASE)
_LIKE_A_TAG = re.compile(r"\[/?(?:pause|voice|break|silence)\b[^\[\]\n]{0,40}\]", re.IGNORECASE)
_MARKUP = re.compile(r"""</?[a-z][\w:-]{0,30}(?:\s+[\w:-]{1,30}=(?:"[^"<>\n]*"|'[^'<>\n]*'))*\s*/?>"""
                     r"|&(?:amp|lt|gt|quot|apos|nbsp|\#\d{1,7}|\#x[\da-f]{1,6});", re.IGNORECASE)
_PAUSE = re.compile(r"\s*(\d{1,6}(?:\.\d{1,6})?)\s*(ms|s)\s*")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_HEADING = re.compile(r"[ \t]*#{1,6}[ \t]+\S")
_SENTENCE_END = re.compile(r"""[.!?…。！？][\"'”’»)\]]*$""")
_CLAUSE_END = re.compile(r"""[,;:—–、，；：][\"'”’»)\]]*$""")


class ScriptError(ValueError):
    """The text cannot be read; the message says which part and what is allowed."""


@dataclass(frozen=True, slots=True)
class Speech:
    """`text` is the script's slice that begins at `char_start`; `voice` is None for the job's own."""

    text: str
    char_start: int
    voice: str | None


@dataclass(frozen=True, slots=True)
class Pause:
    duration_ms: int


def read(script: str, paragraph_pause_ms: int = PARAGRAPH_PAUSE_MS) -> list[Speech | Pause]:
    """The script's parts in order; empty stretches are left out. Without a pause paragraphs run on.

    Raises ScriptError.
    """
    if len(script) > MAX_CHARS:
        raise ScriptError(f"text has {len(script)} characters, the most is {MAX_CHARS}: send it as several jobs")
    parts = list(_parts(script, paragraphs=paragraph_pause_ms > 0))
    if not any(isinstance(part, Speech) for part in parts):
        raise ScriptError("text has nothing to say")
    paused_ms = sum(part.duration_ms for part in parts if isinstance(part, Pause))
    if paused_ms > MAX_PAUSES_MS:
        raise ScriptError(f"the pauses sum to {paused_ms / 1000:g} s, the most is {MAX_PAUSES_MS // 1000} s")
    return _with_paragraph_pauses(parts, paragraph_pause_ms)


def spoken_tags(script: str) -> list[str]:
    """What looks as if it were meant for a machine, and is ordinary text: `[pause]`, SSML, HTML."""
    brackets = [found[0] for found in _LIKE_A_TAG.finditer(script) if not _TAG.fullmatch(found[0])]
    return brackets + [found[0] for found in _MARKUP.finditer(script)]


def _with_paragraph_pauses(parts: Sequence[Speech | Pause | None], pause_ms: int) -> list[Speech | Pause]:
    """None stands where a paragraph ends; only one between speech and speech is a pause."""
    found: list[Speech | Pause] = []
    n_paragraphs, ended = 1, False
    for part in parts:
        if part is None:
            ended = True
            continue
        if ended and isinstance(part, Speech) and found and isinstance(found[-1], Speech):
            found.append(Pause(pause_ms))
            n_paragraphs += 1
        found.append(part)
        ended = False
    if n_paragraphs > MAX_PARAGRAPHS:
        raise ScriptError(f"text has {n_paragraphs} paragraphs, the most is {MAX_PARAGRAPHS}: send it as several jobs, "
                          "or without pauses between them")
    return found


def _parts(script: str, *, paragraphs: bool) -> Iterator[Speech | Pause | None]:
    position, voice = 0, None
    for count, tag in enumerate(_TAG.finditer(script)):
        if count == MAX_TAGS:
            raise ScriptError(f"text has more than {MAX_TAGS} [pause] and [voice] tags")
        yield from _speech(script, position, tag.start(), voice, paragraphs)
        position = tag.end()
        if tag[1].lower() == "pause":
            yield Pause(_pause_ms(tag[2]))
        else:
            voice = tag[2].strip() or None
    yield from _speech(script, position, len(script), voice, paragraphs)


def _speech(script: str, start: int, end: int, voice: str | None, paragraphs: bool) -> Iterator[Speech | None]:
    cuts = list(_paragraph_ends(script, start, end)) if paragraphs else []
    for first, stop in pairwise([start, *cuts, end]):
        if script[first:stop].strip():
            yield Speech(script[first:stop], first, voice)
        if stop in cuts:
            yield None


def _paragraph_ends(script: str, start: int, end: int) -> Iterator[int]:
    """Where an empty line begins, a heading, or what follows one. The rest of a tag's line is no empty line."""
    after_heading = False
    for line in _LINE.finditer(script, start, end):
        whole = script[line.start() - 1:line.start()] in ("", "\n")
        empty = whole and line[0].endswith("\n") and not line[0].strip()
        heading = whole and _HEADING.match(line[0]) is not None
        if empty or heading or after_heading:
            yield line.start()
        after_heading = heading


def _pause_ms(value: str) -> int:
    match = _PAUSE.fullmatch(value)
    if match is None:
        raise ScriptError(f"[pause:{value}] is not a pause; write [pause:0.8s] or [pause:300ms]")
    duration_ms = round(float(match[1]) * (1000 if match[2] == "s" else 1))
    if duration_ms > MAX_PAUSE_MS:
        raise ScriptError(f"[pause:{value}] is longer than {MAX_PAUSE_MS // 1000} s")
    return duration_ms


def split(words: Sequence[str], max_bytes: int, first_bytes: int | None = None) -> list[range]:
    """Groups words (as they are said) into lines of at most `max_bytes` of UTF-8, joined by spaces.

    Lines are of like length, because a model that is given three words after three sentences rushes
    them (F5-TTS issues 460, 595), and end where a sentence ends, else a clause, else a word. The first may be
    bound to `first_bytes`, so that it is soon there.
    A single word that is longer than a line (an address spelt out) is a line of its own while it may
    still fit; beyond LONG_WORD lines ScriptError is raised.
    """
    sizes = [len(word.encode()) + 1 for word in words]
    for word, size in zip(words, sizes, strict=True):
        if size - 1 > max_bytes * LONG_WORD:
            raise ScriptError(f"the word that is said {word[:40]!r}… takes {size - 1} bytes, one breath holds "
                              f"{max_bytes}; write it in several words")
    lines: list[range] = []
    start = 0
    while start < len(words):
        stop = _line_end(words, sizes, start, min(max_bytes, first_bytes or max_bytes) if not lines else max_bytes)
        lines.append(range(start, stop))
        start = stop
    return lines


def _line_end(words: Sequence[str], sizes: Sequence[int], start: int, max_bytes: int) -> int:
    rest = sum(sizes[start:])
    if rest - 1 <= max_bytes:
        return len(words)
    target = rest / (rest // max_bytes + 1)
    best, best_cost = start + 1, float("inf")
    length = 0
    for index in range(start, len(words)):
        length += sizes[index]
        if length - 1 > max_bytes:
            break
        cost = abs(length - target) / target + _break_cost(words[index])
        if cost < best_cost:
            best, best_cost = index + 1, cost
    return best


def _break_cost(word: str) -> float:
    """What it costs to end a line after `word`, in shares of the line's wanted length."""
    if _SENTENCE_END.search(word):
        return 0.0
    return 0.5 if _CLAUSE_END.search(word) else 1.5
