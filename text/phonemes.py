"""How a word that no dictionary has is most likely said, by eSpeak NG's rules, in the phone set of an acoustic model.

English: CMU's phones; French: those of SoundSwallower's model, whose phoneset.json names them in IPA.
"""
from __future__ import annotations

import ctypes
import re
import threading
from functools import cache
from pathlib import Path

import espeakng_loader

# eSpeak's IPA to phones; the longest match wins, what is not here is silent.
_ENGLISH = {
    "aɪə": "AY AH", "aɪɚ": "AY ER", "oːɹ": "AO R", "ɔːɹ": "AO R", "tʃ": "CH", "dʒ": "JH", "aɪ": "AY", "aʊ": "AW",
    "eɪ": "EY", "oʊ": "OW", "ɔɪ": "OY", "əl": "AH L", "iə": "IY AH", "ɑː": "AA", "ɔː": "AO", "ɜː": "ER", "iː": "IY",
    "uː": "UW", "n̩": "AH N", "ɪ": "IH", "i": "IY", "ᵻ": "IH", "ɛ": "EH", "e": "EY", "æ": "AE", "a": "AE", "ɐ": "AH",
    "ʌ": "AH", "ə": "AH", "ɚ": "ER", "ɝ": "ER", "ɑ": "AA", "ɒ": "AA", "ɔ": "AO", "o": "OW", "ʊ": "UH", "u": "UW",
    "y": "UW", "p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "ɡ": "G", "g": "G", "ɾ": "D", "ʔ": "T", "f": "F",
    "v": "V", "θ": "TH", "ð": "DH", "s": "S", "z": "Z", "ʃ": "SH", "ʒ": "ZH", "h": "HH", "m": "M", "n": "N", "ŋ": "NG",
    "ɲ": "N Y", "l": "L", "ɬ": "L", "ɫ": "L", "ɹ": "R", "r": "R", "w": "W", "j": "Y", "x": "K",
}
_FRENCH = {
    "ɑ̃": "an", "ɔ̃": "on", "ɛ̃": "in", "œ̃": "un", "tʃ": "tt ch", "dʒ": "dd jj", "a": "aa", "ɑ": "aa", "æ": "aa",
    "ʌ": "aa", "e": "ei", "ɛ": "ai", "ə": "ee", "i": "ii", "ɪ": "ii", "o": "au", "ɔ": "oo", "u": "ou", "ʊ": "ou",
    "y": "uu", "ø": "eu", "œ": "oe", "ɜ": "oe", "p": "pp", "b": "bb", "t": "tt", "d": "dd", "k": "kk", "ɡ": "gg",
    "g": "gg", "f": "ff", "v": "vv", "s": "ss", "z": "zz", "θ": "ss", "ð": "zz", "ʃ": "ch", "ʒ": "jj", "m": "mm",
    "n": "nn", "ŋ": "nn gg", "ɲ": "gn", "l": "ll", "ʁ": "rr", "ɹ": "rr", "r": "rr", "x": "rr", "w": "ww", "ɥ": "uy",
    "j": "yy",
}
VOICES = {"en": ("en-us", _ENGLISH), "fr": ("fr", _FRENCH)}

_RETRIEVAL, _DONT_EXIT, _UTF8, _IPA = 1, 0x8000, 1, 2
_MAX_LETTERS = 60
_LOCK = threading.Lock()
"""eSpeak keeps one state, its voice among it, for the whole process."""


def pronounce(word: str, language: str = "en") -> str:
    """Phones without stress, separated by spaces; "" when nothing in the word is ever said. `language`: of `VOICES`."""
    letters = ctypes.c_char_p(word[:_MAX_LETTERS].encode())
    pointer = ctypes.pointer(ctypes.cast(letters, ctypes.c_void_p))
    voice, phones = VOICES[language]
    with _LOCK:
        library = _espeak()
        library.espeak_SetVoiceByName(voice.encode())
        ipa = (library.espeak_TextToPhonemes(pointer, _UTF8, _IPA) or b"").decode(errors="replace")
    return " ".join(phones[match] for match in _longest(language).findall(re.sub(r"\(\w+\)|[ˈˌ]", "", ipa)))


@cache
def _longest(language: str) -> re.Pattern[str]:
    return re.compile("|".join(sorted(map(re.escape, VOICES[language][1]), key=len, reverse=True)))


@cache
def _espeak() -> ctypes.CDLL:
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_TextToPhonemes.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
    data = str(Path(espeakng_loader.get_data_path()).parent).encode()
    library.espeak_Initialize(_RETRIEVAL, 0, data, _DONT_EXIT)
    return library
