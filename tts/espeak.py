"""The embedded engine: espeak-ng from the `espeakng-loader` wheel. No GPU, no download, exact word times.

Each line is spoken in a process of its own (`espeak_child`), so the same line always sounds the same
and a line that crashes the library fails alone.
"""
from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from text.script import LONG_WORD
from tts import EngineError, Line, Options, Utterance, Voice
from tts.espeak_words import PhonemeEvent, Sound, WordEvent, marks

RATE_HZ = 22050
_MAX_BYTES = 3000
_SPEEDS = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
_WORDS_PER_MINUTE = (92, 134, 175, 214, 253, 286, 315)
"""Measured: espeak-ng's own scale is faster than its name (350 for 175 is 2.3 times as fast)."""
_SILENCE_SAMPLES = RATE_HZ // 10
_CHECK_S = 0.05
_AT_ONCE = 2
_CHILD = [sys.executable, "-I", "-S", str(Path(__file__).with_name("espeak_child.py"))]

_OUR_VOICES = {"en": "en-us"}
"""espeak-ng takes plain "en" for British; the aligner's model and the stock voice here are American."""

_WITHOUT_DICTIONARY = ("fo", "kaa", "lfn", "xex")
"""Voices in the wheel (0.2.4) whose dictionary is not in it."""

# Characters that espeak-ng takes for commands (1: voice, rate, pitch; 2: phonemes), or cannot read.
_UNREADABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_READ_HAN = ("cmn", "yue", "hak")


class Espeak:
    """A `tts.Engine` with a voice of its own for each language; it cannot clone.

    The seed changes nothing: what espeak-ng draws at random, the breath of some voices, it draws alike each time.
    """

    name = "espeak"
    model = "espeak-ng"
    rate_hz = RATE_HZ
    clones = False
    fallible = False
    own_voice: Voice | None = None
    concurrency = 1

    def __init__(self) -> None:
        """Asks the library for its version and voices. Raises EngineError where it does not start."""
        about, _ = _first_answer(_answers({}, check=lambda: None))
        if about.get("rate_hz") != RATE_HZ:
            raise EngineError("espeak-ng does not start: its data cannot be read, or lie at a path over 140 letters")
        self.revision = str(about["revision"])
        self._voices = _best_voices(about["voices"])

    def languages(self) -> tuple[str, ...]:
        """The language tags that have a voice, in lower case: "de", "en-gb", ..."""
        return tuple(sorted(self._voices))

    def max_bytes(self, voice: Voice | None, speed: float) -> int:
        return _MAX_BYTES

    def speak(
        self,
        lines: Sequence[Line],
        options: Options,
        *,
        check: Callable[[], None],
        progress: Callable[[float], None],
    ) -> Generator[Utterance, None, None]:
        """Speaks the lines as they are taken, two at a time. How a line sounds depends on itself and the options alone.

        A language tag loses subtags from the right until it has a voice (RFC 4647 lookup): "de-AT"
        is spoken by "de". Raises EngineError for a language without a voice, a line well over `max_bytes`,
        a speed outside 0.5-2.0, and text that the library breaks on.
        """
        if not 0.5 <= options.speed <= 2.0:
            raise EngineError(f"speed {options.speed:g} is outside 0.5-2.0")
        voices = [self._voice(line) for line in lines]
        return _ahead([partial(_say, line.text, voice, options, check)
                       for line, voice in zip(lines, voices, strict=True)], check, progress)

    def _voice(self, line: Line) -> str:
        n_bytes = len(line.text.encode("utf-8", "replace"))
        if n_bytes > _MAX_BYTES * LONG_WORD:
            raise EngineError(f"the line takes {n_bytes} bytes, espeak-ng is given {_MAX_BYTES} at a time")
        tag = line.language.strip().lower().replace("_", "-")
        while tag and tag not in self._voices:
            tag = tag.rpartition("-")[0]
        if not tag:
            raise EngineError(f"language: espeak-ng has no voice for {line.language[:20]!r}")
        return self._voices[tag]


def _ahead(lines: Sequence[Callable[[], Utterance]], check: Callable[[], None],
           progress: Callable[[float], None]) -> Generator[Utterance, None, None]:
    """Speaks in order. While one line is taken, the next ones are being spoken; no more than these wait in memory."""
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="espeak") as pool:
        spoken: deque[Future[Utterance]] = deque()
        waiting = iter(lines)
        try:
            for n_done in range(1, len(lines) + 1):
                check()
                spoken.extend(pool.submit(line) for line in islice(waiting, _AT_ONCE - len(spoken)))
                yield spoken.popleft().result()
                progress(n_done / len(lines))
        finally:
            for future in spoken:
                future.cancel()


def _best_voices(claims: Sequence[tuple[str, int, str]]) -> dict[str, str]:
    """Language tag -> voice: of several that claim a tag, the one with the lowest rank."""
    voices: dict[str, str] = {}
    for tag, _, voice in sorted(claims, key=lambda claim: claim[1], reverse=True):
        if Path(voice).name not in _WITHOUT_DICTIONARY:
            voices[tag] = voice
    return voices | {tag: voices[ours] for tag, ours in _OUR_VOICES.items()}


def _say(line: str, voice: str, options: Options, check: Callable[[], None]) -> Utterance:
    text = _UNREADABLE.sub(" ", line)
    words_per_minute = round(float(np.interp(options.speed, _SPEEDS, _WORDS_PER_MINUTE)))
    answers = _answers({"text": text, "voice": voice, "words_per_minute": words_per_minute}, check)
    events, rest = _first_answer(answers)
    if len(rest) < events.get("n_bytes", 1):
        raise EngineError(f"espeak-ng breaks on the line that begins {line.strip()[:20]!r}; write it differently")
    pcm = np.frombuffer(rest[:events["n_bytes"]], np.int16)
    if not pcm.any():
        return Utterance(np.zeros(_SILENCE_SAMPLES, np.float32), (), ("a line has nothing that espeak-ng can say",))
    # Without a second answer the library broke after it spoke: then the words of a phrase have no times of their own.
    alone, _ = _first_answer(rest[events["n_bytes"]:])
    sound = Sound(pcm, [WordEvent(*word) for word in events["words"]],
                  [PhonemeEvent(*phoneme) for phoneme in events["phonemes"]], alone)
    found, untimed = marks(text, sound, RATE_HZ)
    return Utterance(pcm.astype(np.float32) / np.float32(32768), found, tuple(_warnings(text, voice, untimed)))


def _warnings(text: str, voice: str, untimed: Sequence[str]) -> Iterator[str]:
    if untimed:
        yield f"espeak-ng left out {len(untimed)} words, or their times; the first is {untimed[0][:20]!r}"
    if _HAN.search(text) and not Path(voice).name.startswith(_READ_HAN):
        yield "espeak-ng cannot read Chinese characters in this language: it says what they are instead"


def _answers(request: dict[str, Any], check: Callable[[], None]) -> bytes:
    """All that the child wrote. When `check` raises, the child is killed."""
    import espeakng_loader

    data_parent = Path(espeakng_loader.get_data_path()).parent
    request = request | {"library": espeakng_loader.get_library_path(), "data": str(data_parent)}
    # From a file: what `communicate` has not written to a pipe when its time is over, it never writes (CPython 3.11).
    with tempfile.TemporaryFile() as question:
        question.write(json.dumps(request).encode())
        question.seek(0)
        # The child is given no environment: nothing in it may learn a secret.
        child = subprocess.Popen(_CHILD, stdin=question, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                 env={"LC_ALL": "C.UTF-8"})
    with child:
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    return child.communicate(timeout=_CHECK_S)[0]
                check()
        except BaseException:
            child.kill()
            raise


def _first_answer(answers: bytes) -> tuple[dict[str, Any], bytes]:
    """The first JSON line, and what follows it; an empty one where the child broke before it was whole."""
    line, newline, rest = answers.partition(b"\n")
    return (json.loads(line), rest) if newline else ({}, b"")
