"""How many phonemes a text has, by the rules of eSpeak NG: what a line's time is planned by.

The library is asked in a process of its own, this file run as a script (standard library only), because strange
text crashes it. The process stays, and is started anew after a crash.
"""
from __future__ import annotations

import ctypes
import json
import re
import select
import subprocess
import sys
import threading
import unicodedata
from pathlib import Path
from typing import BinaryIO, cast

_ANSWER_S = 10.0
"""Answers take a millisecond. Under any load this is a process that hangs, not one that waits its turn."""
_VOICES = {"en": "en-us", "zh": "cmn"}
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_READ_HAN = ("zh", "cmn", "yue")
_MAX_PER_LETTER = 8
"""A year in digits has seven; a letter that the voice cannot read has ten, those of "Chinese letter"."""

# speak_lib.h of espeak-ng 1.52.
_RETRIEVAL, _DO_NOT_EXIT, _UTF8, _IPA = 1, 0x8000, 1, 2


class PhonemeCounter:
    """Safe to use from several threads."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def count(self, text: str, language: str) -> int | None:
        """None where eSpeak NG has no voice for the language, or cannot read the text in it."""
        if _HAN.search(text) and language.lower().split("-")[0] not in _READ_HAN:
            return None
        with self._turn:
            try:
                ipa = self._ask(text, language.lower())
            except (OSError, ValueError):  # it broke on the text, or hangs
                self._end()
                return None
        n_letters = sum(map(str.isalnum, text))
        found = sum(unicodedata.category(sign) in ("Ll", "Lo") for sign in re.sub(r"\([a-z-]+\)", "", ipa or ""))
        return found if 0 < found <= _MAX_PER_LETTER * n_letters else None

    def _ask(self, text: str, language: str) -> str | None:
        child = self._child = self._child or _start()
        question, answers = cast(BinaryIO, child.stdin), cast(BinaryIO, child.stdout)
        question.write(json.dumps([_voices(language), " ".join(text.split())]).encode() + b"\n")
        question.flush()
        readable = select.poll()
        readable.register(answers, select.POLLIN)
        if not readable.poll(_ANSWER_S * 1000):
            raise TimeoutError
        answer: str | None = json.loads(answers.readline())
        return answer

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None


def _voices(language: str) -> list[str]:
    """From the whole tag to its first part (RFC 4647 lookup)."""
    parts = language.split("-")
    tags = ["-".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return [_VOICES.get(tag, tag) for tag in tags]


def _start() -> subprocess.Popen[bytes]:
    import espeakng_loader

    # The child is given no environment: nothing in it may learn a secret.
    return subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, espeakng_loader.get_library_path(),
         str(Path(espeakng_loader.get_data_path()).parent)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={"LC_ALL": "C.UTF-8"})


def _serve(library_path: str, data: str) -> None:
    """Reads [voices, text] in lines of JSON, the first voice that there is speaks, answers with IPA or null."""
    library = ctypes.CDLL(library_path)
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]
    library.espeak_Initialize(_RETRIEVAL, 0, data.encode(), _DO_NOT_EXIT)
    current = None
    for line in sys.stdin.buffer:
        voices, text = json.loads(line)
        if current not in voices[:1]:
            current = next((voice for voice in voices if library.espeak_SetVoiceByName(voice.encode()) == 0), None)
        answer = None
        if current is not None:
            rest, clauses = ctypes.c_char_p(text.encode()), []
            while rest.value is not None:
                clauses.append(library.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _IPA) or b"")
            answer = b" ".join(clauses).decode(errors="replace")
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
