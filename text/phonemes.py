"""How an English word that no dictionary has is most likely said, by eSpeak NG's rules, in CMU's phone set."""
from __future__ import annotations

import ctypes
import re
from functools import cache
from pathlib import Path

import espeakng_loader

# eSpeak's IPA for "en-us" to CMU phones; the longest match wins, what is not here is silent.
_PHONES = {
    "aɪə": "AY AH", "aɪɚ": "AY ER", "oːɹ": "AO R", "ɔːɹ": "AO R", "tʃ": "CH", "dʒ": "JH", "aɪ": "AY", "aʊ": "AW",
    "eɪ": "EY", "oʊ": "OW", "ɔɪ": "OY", "əl": "AH L", "iə": "IY AH", "ɑː": "AA", "ɔː": "AO", "ɜː": "ER", "iː": "IY",
    "uː": "UW", "n̩": "AH N", "ɪ": "IH", "i": "IY", "ᵻ": "IH", "ɛ": "EH", "e": "EY", "æ": "AE", "a": "AE", "ɐ": "AH",
    "ʌ": "AH", "ə": "AH", "ɚ": "ER", "ɝ": "ER", "ɑ": "AA", "ɒ": "AA", "ɔ": "AO", "o": "OW", "ʊ": "UH", "u": "UW",
    "y": "UW", "p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "ɡ": "G", "g": "G", "ɾ": "D", "ʔ": "T", "f": "F",
    "v": "V", "θ": "TH", "ð": "DH", "s": "S", "z": "Z", "ʃ": "SH", "ʒ": "ZH", "h": "HH", "m": "M", "n": "N", "ŋ": "NG",
    "ɲ": "N Y", "l": "L", "ɬ": "L", "ɫ": "L", "ɹ": "R", "r": "R", "w": "W", "j": "Y", "x": "K",
}
_PHONE = re.compile("|".join(sorted(map(re.escape, _PHONES), key=len, reverse=True)))

_RETRIEVAL, _DONT_EXIT, _UTF8, _IPA = 1, 0x8000, 1, 2
_MAX_LETTERS = 60


def pronounce(word: str) -> str:
    """CMU phones without stress, separated by spaces; "" when nothing in the word is ever said.

    eSpeak keeps one state for the whole process: callers hold a lock, and nobody else here speaks in-process.
    """
    letters = ctypes.c_char_p(word[:_MAX_LETTERS].encode())
    pointer = ctypes.pointer(ctypes.cast(letters, ctypes.c_void_p))
    ipa = (_espeak().espeak_TextToPhonemes(pointer, _UTF8, _IPA) or b"").decode(errors="replace")
    return " ".join(_PHONES[match] for match in _PHONE.findall(re.sub("[ˈˌ]", "", ipa)))


@cache
def _espeak() -> ctypes.CDLL:
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_TextToPhonemes.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
    data = str(Path(espeakng_loader.get_data_path()).parent).encode()
    library.espeak_Initialize(_RETRIEVAL, 0, data, _DONT_EXIT)
    library.espeak_SetVoiceByName(b"en-us")
    return library
