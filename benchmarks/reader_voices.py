"""Speech of Festival Lite (Debian's `flite`) with the times of its words: voices that were made from people's.

`slt`, `rms` and `awb` draw each 5 ms from models of one reader's hour (CMU ARCTIC), `kal16` joins recorded halves of
phones. The times are those of the phones that the voice was made to say (Black and Lenzo 2001, "Flite: a small fast
run-time synthesis engine"). They are read through its library, since the program prints no words' times. Licence of
code and voices: BSD-like.
"""
from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, Structure, c_char_p, c_float, c_int, c_short, c_void_p
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

FIRST_PHONE = b"daughter.R:SylStructure.daughter.daughter.R:Segment.p.end"
CASUAL = Path(__file__).with_name("casual_words.txt")
"""Words as they are said when nobody takes care: weak forms, schwas, clusters without their T and D."""
LAST_PHONE = b"daughtern.R:SylStructure.daughtern.daughtern.R:Segment.end"
FUNCTIONS = {
    "flite_init": (c_int, []), "flite_synth_text": (c_void_p, [c_char_p, c_void_p]),
    "flite_feat_set_float": (None, [c_void_p, c_char_p, c_float]), "delete_utterance": (None, [c_void_p]),
    "utt_relation": (c_void_p, [c_void_p, c_char_p]), "relation_head": (c_void_p, [c_void_p]),
    "flite_voice_add_lex_addenda": (c_int, [c_void_p, c_char_p]), "item_next": (c_void_p, [c_void_p]),
    "flite_ffeature_float": (c_float, [c_void_p, c_char_p]),
}


class _Wave(Structure):
    _fields_ = (("type", c_char_p), ("rate_hz", c_int), ("n_samples", c_int), ("n_channels", c_int),
                ("samples", POINTER(c_short)))


class _Voice(Structure):
    _fields_ = (("name", c_char_p), ("features", c_void_p))


def missing() -> str | None:
    """Why there is no such speech here."""
    try:
        _library()
    except OSError:
        return "Festival Lite is absent: apt install flite"
    return None


def say(text: str, voice: str, speed: float,
        forms: Path | None = None) -> tuple[npt.NDArray[np.float32], int, list[tuple[int, int]]]:
    """Samples, their rate in Hz, and from when to when each word between blanks is said, in ms.

    `forms` says how some words are said, in place of the dictionary.
    """
    flite, speaker = _library(), _voice(voice)
    flite.flite_voice_add_lex_addenda(ctypes.byref(speaker), os.fsencode(forms or os.devnull))
    flite.flite_feat_set_float(speaker.features, b"duration_stretch", 1 / speed)
    utterance = flite.flite_synth_text(text.encode(), ctypes.byref(speaker))
    wave = flite.utt_wave(utterance).contents
    samples = np.ctypeslib.as_array(wave.samples, (wave.n_samples,)).astype(np.float32) / 32768
    token, times_ms = flite.relation_head(flite.utt_relation(utterance, b"Token")), []
    while token:
        start_s, end_s = (flite.flite_ffeature_float(token, path) for path in (FIRST_PHONE, LAST_PHONE))
        times_ms.append((round(start_s * 1000), round(end_s * 1000)))
        token = flite.item_next(token)
    rate_hz = wave.rate_hz
    flite.delete_utterance(utterance)
    return samples, rate_hz, times_ms


@cache
def _library() -> ctypes.CDLL:
    flite = ctypes.CDLL("libflite.so.1", mode=ctypes.RTLD_GLOBAL)
    for name in ("usenglish", "cmulex"):
        ctypes.CDLL(f"libflite_{name}.so.1", mode=ctypes.RTLD_GLOBAL)
    for name, (result, arguments) in FUNCTIONS.items():
        function = getattr(flite, name)
        function.restype, function.argtypes = result, arguments
    flite.utt_wave.restype, flite.utt_wave.argtypes = POINTER(_Wave), [c_void_p]
    flite.flite_init()
    return flite


@cache
def _voice(name: str) -> _Voice:
    register = getattr(ctypes.CDLL(f"libflite_cmu_us_{name}.so.1", mode=ctypes.RTLD_GLOBAL), f"register_cmu_us_{name}")
    register.restype, register.argtypes = POINTER(_Voice), [c_char_p]
    voice: _Voice = register(None).contents
    return voice
