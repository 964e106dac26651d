"""Speaks one text with espeak-ng and exits: run as a script by `tts.espeak`, standard library only.

Reads a JSON request from standard input. Writes JSON lines, and the PCM after the first one.

A process of its own, because strange text crashes the library (a number of 33 digits in Greenlandic
does), and because its oscillators keep their phase, flutter and gain in static variables that nothing
sets back (wavegen.c: Flutter_ix, agc, cycle_count): only the first text of a process always sounds alike. Its breath
and hiss are drawn at random, from a seed that `espeak_Initialize` takes from the clock: here it is always the same.
"""
from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

_CPU_LIMIT_S = 60
_MEMORY_LIMIT_BYTES = 2 << 30

# speak_lib.h of espeak-ng 1.52.
_SYNCHRONOUS, _PHONEME_EVENTS, _DO_NOT_EXIT = 2, 0x0001, 0x8000
_UTF8, _PAUSE_AT_END = 1, 0x1000
_RATE = 1
_SEED = 1
_LIST_END, _WORD, _PHONEME = 0, 1, 7
_ONE_PER_LINE = ord("\n") << 8


class _Name(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("pointer", ctypes.c_void_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("unique_identifier", ctypes.c_uint), ("text_position", ctypes.c_int),
                ("length", ctypes.c_int), ("audio_position", ctypes.c_int), ("sample", ctypes.c_int),
                ("user_data", ctypes.c_void_p), ("name", _Name)]


class _Voice(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("languages", ctypes.c_void_p), ("identifier", ctypes.c_char_p)]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


def main(request: dict[str, Any], out: BinaryIO) -> None:
    library = _load(request["library"])
    rate_hz = library.espeak_Initialize(_SYNCHRONOUS, 0, request["data"].encode(), _PHONEME_EVENTS | _DO_NOT_EXIT)
    library.espeak_ng_SetRandSeed(_SEED)
    if "text" not in request:
        revision = library.espeak_Info(None).decode()
        _write(out, {"revision": revision, "rate_hz": rate_hz, "voices": list(_voices(library))})
        return
    if library.espeak_SetVoiceByName(request["voice"].encode()) != 0:
        raise SystemExit("no such voice")
    library.espeak_SetParameter(_RATE, request["words_per_minute"], 0)
    pcm, words, phonemes = _synthesise(library, request["text"])
    _write(out, {"words": words, "phonemes": phonemes, "n_bytes": len(pcm)}, pcm)
    _write(out, {word: _pronounce(library, word) for word in request["text"].split()})


def _load(path: str) -> ctypes.CDLL:
    library = ctypes.CDLL(path)
    library.espeak_Info.restype = ctypes.c_char_p
    library.espeak_Info.argtypes = [ctypes.c_void_p]
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    library.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
    library.espeak_Synth.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint,
                                     ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p]
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]
    return library


def _voices(library: ctypes.CDLL) -> Iterator[tuple[str, int, str]]:
    """(language tag, rank, voice): the lower the rank, the better the voice claims to suit the language."""
    entries: Any = library.espeak_ListVoices(None)
    index = 0
    while entries[index]:
        voice = entries[index].contents
        address = voice.languages
        while rank := ctypes.string_at(address, 1)[0]:
            tag = ctypes.string_at(address + 1)
            yield tag.decode().lower(), rank, voice.identifier.decode()
            address += len(tag) + 2
        index += 1


def _synthesise(library: ctypes.CDLL, text: str) -> tuple[bytes, list[tuple[int, int, int]], list[tuple[str, int]]]:
    """PCM, word events (character, length, sample), phoneme events (name, sample). `text` is not read as markup."""
    chunks: list[bytes] = []
    words: list[tuple[int, int, int]] = []
    phonemes: list[tuple[str, int]] = []

    def receive(wave: int | None, n_samples: int, events: Any) -> int:
        if wave and n_samples:
            chunks.append(ctypes.string_at(wave, 2 * n_samples))
        index = 0
        while events[index].type != _LIST_END:
            event = events[index]
            if event.type == _WORD and event.text_position > 0:
                words.append((event.text_position - 1, event.length, event.sample))
            elif event.type == _PHONEME:
                phonemes.append((_unstressed(event.name.string), event.sample))
            index += 1
        return 0

    callback = _Callback(receive)
    library.espeak_SetSynthCallback(callback)
    encoded = text.encode() + b"\0"
    if library.espeak_Synth(encoded, len(encoded), 0, 0, 0, _UTF8 | _PAUSE_AT_END, None, None) != 0:
        raise SystemExit("synthesis failed")
    return b"".join(chunks), words, phonemes


def _pronounce(library: ctypes.CDLL, word: str) -> list[str]:
    """The phonemes of a word that stands alone."""
    pointer = ctypes.c_char_p(word.encode())
    names = library.espeak_TextToPhonemes(ctypes.byref(pointer), _UTF8, _ONE_PER_LINE)
    return [name for name in map(_unstressed, (names or b"").split()) if name]


def _unstressed(phoneme: bytes) -> str:
    """Empty for a pause."""
    name = phoneme.decode("utf-8", "replace").lstrip("',%=")
    return "" if name.startswith("_") else name


def _write(out: BinaryIO, answer: dict[str, Any], pcm: bytes = b"") -> None:
    out.write(json.dumps(answer).encode() + b"\n" + pcm)
    out.flush()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_LIMIT_S, _CPU_LIMIT_S))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_LIMIT_BYTES, _MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # What the library prints must not land among the answers.
    main(json.loads(sys.stdin.buffer.read()), answers)
