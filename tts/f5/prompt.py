"""What the network is told for one line: the reference's sound, both texts as tokens, and how many frames to make.

The arithmetic is upstream's (f5_tts/infer/utils_infer.py, infer_process and infer_batch_process): a line lasts
as long as its bytes of UTF-8 do at the reference's pace, and one under ten bytes is spoken at 0.3 of it.
"""
from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import soundfile
import torch
from f5_tts.model.utils import convert_char_to_pinyin
from torch import Tensor

from tts import EngineError, Samples, Voice
from tts.f5 import mel

WINDOW_S = 22.0
"""Reference and line together, as upstream plans its chunks."""
MAX_S = 30.0
"""The longest that the network was trained on; far below the 8192 positions that it has."""
MAX_FRAMES = int(MAX_S * mel.FRAMES_PER_S)
REFERENCE_S = (0.5, 13.0)
"""At most 12 s of speech and a second of silence after it."""
SHORT_BYTES, SHORT_SPEED = 10, 0.3
MIN_LINE_BYTES = 48
"""A long word. A reference so slow that this does not fit is refused when the line is spoken."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A voice as the network hears it: `mel` is float32 [1, n_frames, 100]; `gain` brings its loudness back.

    `text` is without the characters that the vocabulary lacks, which are `lacking`.
    """

    mel: Tensor
    gain: float
    text: str
    lacking: tuple[str, ...]

    @property
    def n_frames(self) -> int:
        return int(self.mel.shape[1])


@dataclass(frozen=True, slots=True)
class Prompt:
    """`tokens`, int64 [1, n_tokens], and `n_frames` count reference and line; `lacking` was left out of the line."""

    reference: Reference
    tokens: Tensor
    n_frames: int
    lacking: tuple[str, ...]


def hear(voice: Voice, target_rms: float, vocabulary: Mapping[str, int], device: torch.device) -> Reference:
    """Prepares a voice. Raises EngineError for one that is too short, too long, silent or without a text."""
    seconds = len(voice.samples) / voice.rate_hz
    if not REFERENCE_S[0] <= seconds <= REFERENCE_S[1]:
        raise EngineError(f"the recording of voice {voice.name} lasts {seconds:.1f} s; F5-TTS needs 3 to 12 s")
    text, lacking = _known(_one_line(voice.text), vocabulary)
    if not _has_letters(text):
        raise EngineError(f"the reference text of voice {voice.name} has no letter that the model knows")
    sound, gain = mel.encode(voice.samples, voice.rate_hz, target_rms, device)
    return Reference(sound, gain, reference_text(text), lacking)


def reference_text(text: str) -> str:
    """The reference's text, ended so that the line begins as a new sentence (upstream's two rules in one)."""
    if text.endswith("。"):
        return text
    return text + ("  " if text.endswith(".") else ".  ")


def compose(reference: Reference, text: str, vocabulary: Mapping[str, int], speed: float) -> Prompt:
    """Raises EngineError when nothing of the text can be said, or when it takes too long for one pass."""
    said, lacking = _known(_one_line(text), vocabulary)
    if not _has_letters(said):
        raise EngineError(f"nothing in {_quoted(text)} can be spoken: it has no letter that the model knows")
    tokens = convert_char_to_pinyin([reference.text + said])[0]
    # A syllable's tone depends on its neighbours, so a token can be unknown though each character is known.
    lacking += tuple(dict.fromkeys(token for token in tokens if token not in vocabulary))
    numbers = [vocabulary[token] for token in tokens if token in vocabulary]
    n_frames = _count_frames(reference, len(said.encode()), len(numbers), speed)
    if n_frames > MAX_FRAMES:
        raise EngineError(f"{_quoted(text)} and its voice's recording together would last "
                          f"{n_frames / mel.FRAMES_PER_S:.0f} s, the model can do {MAX_S:.0f} s: check that the "
                          "voice's reference_text is what is said in it, raise speed, or shorten the text")
    return Prompt(reference, torch.tensor([numbers]), n_frames, lacking)


def _known(text: str, vocabulary: Mapping[str, int]) -> tuple[str, tuple[str, ...]]:
    """The text without the characters that have no token, and those. Upstream says them as spaces."""
    lacking = tuple(character for character in dict.fromkeys(text)
                    if any(token not in vocabulary for token in convert_char_to_pinyin([character])[0]))
    return "".join(character for character in text if character not in lacking), lacking


def _has_letters(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _count_frames(reference: Reference, n_bytes: int, n_tokens: int, speed: float) -> int:
    pace = speed if n_bytes >= SHORT_BYTES else SHORT_SPEED
    n_hops = reference.n_frames - 1
    wanted = n_hops + int(n_hops / len(reference.text.encode()) * n_bytes / pace)
    # CFM.sample wants a frame for each token and one after the reference; sound takes two.
    return max(wanted, n_tokens + 1, reference.n_frames + 2)


def max_bytes(voice: Voice, speed: float) -> int:
    """What fits beside the reference into upstream's window of 22 s at the reference's pace."""
    seconds = len(voice.samples) / voice.rate_hz
    n_bytes = len(reference_text(_one_line(voice.text)).encode())
    by_pace = n_bytes / max(seconds, REFERENCE_S[0]) * (WINDOW_S - seconds) * speed
    by_tokens = WINDOW_S * mel.FRAMES_PER_S - n_bytes
    return max(MIN_LINE_BYTES, int(min(by_pace, by_tokens)))


def own_voice() -> Voice:
    """The English clip that ships in the package, trimmed as upstream trims a reference."""
    path = files("f5_tts") / "infer/examples/basic/basic_ref_en.wav"
    samples, rate_hz = soundfile.read(str(path), dtype="float32")
    start, stop = _silence(samples, rate_hz), len(samples) - _silence(samples[::-1], rate_hz)
    tail = np.zeros(rate_hz // 20, np.float32)
    return Voice("basic_ref_en", np.concatenate([samples[start:stop], tail]), rate_hz,
                 "Some call me nature, others call me mother nature.", "en", "f5_tts/basic_ref_en")


def _silence(samples: Samples, rate_hz: int) -> int:
    """Samples before the first 10 ms that are louder than -42 dB of full scale."""
    n_block = rate_hz // 100
    blocks = samples[:len(samples) // n_block * n_block].reshape(-1, n_block)
    loud = np.square(blocks).mean(axis=1) >= 10 ** (-42 / 10)
    return int(loud.argmax()) * n_block


def _one_line(text: str) -> str:
    """Composed letters, as the vocabulary has them, and a plain space for every kind of white space."""
    return re.sub(r"\s", " ", unicodedata.normalize("NFC", text)).strip()


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")
