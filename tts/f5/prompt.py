"""What is asked of the network for one line: the reference's mel, both texts as tokens, and how many frames to make.
"""
from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import soundfile
import torch
from torch import Tensor

from tts import EngineError, Samples, Voice
from tts.f5 import mel, pace, tokens
from tts.f5.checkpoint import package_file
from tts.f5.network import MAX_FRAMES
from tts.f5.pace import Length

WINDOW_S = 22.0
"""Reference and line together, as upstream plans its chunks."""
MAX_S = 30.0
REFERENCE_S = (0.5, 13.0)
"""At most 12 s of speech and a second of silence after it."""
MIN_LINE_BYTES = 48
"""A long word. A reference so slow that this does not fit is refused when the line is spoken."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A prepared voice: `mel` is float32 [n_frames, 100]; `gain` brings its loudness back.

    `text` is in characters of the vocabulary; `replaced` says what was written and what it became.
    """

    mel: Tensor
    gain: float
    text: str
    length: Length
    replaced: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Prompt:
    """`tokens`, int64 [n_tokens], and `n_frames` count reference and line; `replaced` concerns the line alone.

    `wanted_frames` are more than `n_frames` where the line is hurried to fit into the model.
    """

    reference: Reference
    tokens: Tensor
    n_frames: int
    wanted_frames: int
    replaced: Mapping[str, str]


def prepare(voice: Voice, target_rms: float, vocabulary: Collection[str]) -> Reference:
    """Raises EngineError for a voice that is too short, too long, silent or without a text."""
    seconds = len(voice.samples) / voice.rate_hz
    if not REFERENCE_S[0] <= seconds <= REFERENCE_S[1]:
        raise EngineError(f"the recording of voice {voice.name} lasts {seconds:.1f} s; F5-TTS needs 3 to 12 s")
    text, replaced = tokens.respell(tokens.one_line(voice.text), vocabulary)
    if not _has_letters(text):
        raise EngineError(f"the reference text of voice {voice.name} has no letter that the model knows")
    frames, gain = mel.encode(voice.samples, voice.rate_hz, target_rms)
    text = reference_text(text)
    return Reference(frames, gain, text, pace.measure(text, voice.language), replaced)


def reference_text(text: str) -> str:
    """The reference's text, ended so that the line begins as a new sentence (upstream's two rules in one)."""
    if text.endswith("。"):
        return text
    return text + ("  " if text.endswith(".") else ".  ")


def compose(reference: Reference, text: str, language: str, vocabulary: Mapping[str, int], speed: float) -> Prompt:
    """Raises EngineError when nothing of the text can be said, or when it takes too long for one pass."""
    said, replaced = tokens.respell(tokens.one_line(text), vocabulary)
    if not _has_letters(said):
        raise EngineError(f"nothing in {_quoted(text)} can be spoken: it has no letter that the model knows")
    found = tokens.tokenize(reference.text + said)
    # A syllable's tone depends on its neighbours, so a token can be unknown though each character is known.
    replaced |= {token: " " for token in found if token not in vocabulary}
    numbers = [vocabulary.get(token, 0) for token in found]
    length = pace.measure(said, language)
    # Upstream wants a frame for each token and one after the reference; sound takes two.
    least = max(len(numbers) + 1, len(reference.mel) + 2)
    wanted = max(_count_frames(reference, pace.share(length, reference.length), speed), least)
    by_letters = max(_count_frames(reference, pace.share_by_letters(length, reference.length), speed), least)
    if min(wanted, by_letters) > MAX_FRAMES:
        raise EngineError(f"{_quoted(text)} and its voice's recording together would last "
                          f"{wanted / mel.FRAMES_PER_S:.0f} s, the model can do {MAX_S:.0f} s: check that the "
                          "voice's reference_text is what is said in it, raise speed, or shorten the text")
    # `max_bytes` plans by letters: what it lets pass is said, if in less than its time.
    return Prompt(reference, torch.tensor(numbers), min(wanted, MAX_FRAMES), wanted, replaced)


def _has_letters(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _count_frames(reference: Reference, share: float, speed: float) -> int:
    n_hops = len(reference.mel) - 1
    return n_hops + int(n_hops * share / speed)


def max_bytes(voice: Voice, speed: float) -> int:
    """What fits beside the reference into upstream's window of 22 s at the reference's pace."""
    seconds = len(voice.samples) / voice.rate_hz
    n_letters = pace.letters(reference_text(tokens.one_line(voice.text)))
    by_pace = n_letters / max(seconds, REFERENCE_S[0]) * (WINDOW_S - seconds) * speed
    by_tokens = WINDOW_S * mel.FRAMES_PER_S - n_letters
    return max(MIN_LINE_BYTES, int(min(by_pace, by_tokens)))


def own_voice() -> Voice:
    """The English clip that ships in upstream's package, trimmed as upstream trims a reference."""
    samples, rate_hz = soundfile.read(package_file("infer/examples/basic/basic_ref_en.wav"), dtype="float32")
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


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")
