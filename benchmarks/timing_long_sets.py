"""Recordings of many minutes whose text is not quite what is said, as everyday transcripts are not.

A talk is clips in the order in which they sound, and clips in the order in which they are written; mostly the same.
Its sentences are those of a split with their longer words shuffled, so that hardly any phrase comes twice.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks import reader_voices
from benchmarks.timing_sets import (
    DEV,
    REPORT,
    Recording,
    Samples,
    Split,
    joined,
    misheard,
    music,
    noise,
    utter,
    utter_by_flite,
)
from timing.align import RATE_HZ
from tts.espeak import Espeak

FLITE = {"dev": ("slt", "kal16"), "report": ("awb",)}
"""Debian's flite: voices made of recordings of real speakers, with the length of each phone."""
LONGER = 5
GAP_S = (0.1, 0.9)
MUSIC_S = 16
BY_FLITE = ("fits", "advert of 90 s", "cut chapter of 100 s", "advert, cut, misheard")
Clips = list[Recording]


@dataclass(frozen=True)
class Talk:
    """`places_ms` has every place where a word of the text sounds: none, one, or more where it is said again.

    `breaks_ms` are the stretches of audio that the text lacks, or at which it has what nobody says; words `outside`
    are those of which there is no doubt where they belong.
    """

    recording: Recording
    places_ms: list[list[tuple[int, int]]]
    breaks_ms: tuple[tuple[int, int], ...]
    outside: frozenset[int]


def talk(said: Sequence[Recording], written: Sequence[Recording], chance: np.random.Generator,
         unsure: Sequence[Recording] = ()) -> Talk:
    """`said` may have the same clip twice; `unsure` are clips that may be left out of what the words' errors count."""
    sounds, places, breaks = [np.zeros(0, np.float32)], dict[int, list[int]](), list[tuple[int, int]]()
    known, at = {id(clip) for clip in written}, 0
    for clip in said:
        piece = joined([clip], chance, GAP_S) if clip.words else clip
        offset = at + (round(piece.truth_ms[0][0] - clip.truth_ms[0][0]) * RATE_HZ // 1000
                       if clip.words and piece.truth_ms[0] and clip.truth_ms[0] else 0)
        places.setdefault(id(clip), []).append(offset * 1000 // RATE_HZ)
        sounds.append(piece.samples)
        at += len(piece.samples)
        if id(clip) not in known or any(clip is each for each in unsure):
            breaks.append(((at - len(piece.samples)) * 1000 // RATE_HZ, at * 1000 // RATE_HZ))
    words, where, outside = list[str](), list[list[tuple[int, int]]](), set[int]()
    doubtful = {id(clip) for clip in unsure}
    for clip in written:
        if id(clip) not in places and where:
            end_ms = max((time[-1][1] for time in where if time), default=0)
            breaks.append((end_ms, end_ms))
        for word, time in zip(clip.words, clip.truth_ms, strict=True):
            if id(clip) not in doubtful:
                outside.add(len(words))
            words.append(word)
            where.append([(time[0] + by, time[1] + by) for by in places.get(id(clip), []) if time])
    recording = Recording(np.concatenate(sounds), tuple(words), [times[0] if times else None for times in where],
                          language=said[0].language)
    return Talk(recording, where, _together(breaks), frozenset(outside))


def _together(breaks: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for start_ms, end_ms in sorted(breaks):
        if found and start_ms - found[-1][1] < 2000:
            found[-1] = (found[-1][0], max(end_ms, found[-1][1]))
        else:
            found.append((start_ms, end_ms))
    return tuple(found)


def clips(split: Split, length_s: float, seed: int, speak: Callable[[str, int], Recording | None]) -> Clips:
    """Sentences of the split's words that take so long, each said by the voice that the paragraph has."""
    chance, found, total = np.random.default_rng(seed), Clips(), 0.0
    while total < length_s:
        clip = speak(_shuffled(split, chance), len(found) // 12)
        if clip is not None:
            found.append(clip)
            total += len(clip.samples) / RATE_HZ + sum(GAP_S)
    return found


def espeak(split: Split) -> Callable[[str, int], Recording | None]:
    engine = Espeak()
    return lambda text, number: utter(engine, text, *split.voices[number % len(split.voices)])


def flite(split: Split) -> Callable[[str, int], Recording | None]:
    return lambda text, number: utter_by_flite(text, FLITE[split.name][number % len(FLITE[split.name])], 1.0)


def _shuffled(split: Split, chance: np.random.Generator) -> str:
    """A sentence of the split with its longer words replaced by others of it."""
    vocabulary = sorted({word.lower() for sentence in split.sentences for word in re.findall(r"[A-Za-z]+", sentence)
                         if len(word) >= LONGER})
    sentence = split.sentences[int(chance.integers(len(split.sentences)))]
    return re.sub(rf"[A-Za-z]{{{LONGER},}}", lambda found: str(chance.choice(vocabulary)), sentence)


def mismatches(minutes: float) -> dict[str, Callable[[Clips, np.random.Generator], Talk]]:
    """What is done to the clips of a talk, by name. Lengths are for 8 minutes, and shorter for less."""
    scale = min(1.0, minutes / 8)
    return {
        "fits": lambda all_, chance: talk(all_, all_, chance),
        "advert of 90 s": partial(_unwritten, length_s=90 * scale, at=0.4),
        "begins 3 min late": partial(_unwritten, length_s=180 * scale, at=0.0),
        "ends 3 min early": partial(_unwritten, length_s=180 * scale, at=1.0),
        "cut chapter of 100 s": partial(_unsaid, length_s=100 * scale, at=0.5),
        "cut intro of 60 s": partial(_unsaid, length_s=60 * scale, at=0.0),
        "music of 2 min": partial(_with_music, length_s=120 * scale),
        "sections swapped": partial(_swapped, length_s=60 * scale),
        "paragraph again": partial(_repeated, length_s=30 * scale),
        "3 % misheard": _misheard,
        "advert, cut, misheard": partial(_all_at_once, scale=scale),
        "advert, noise 10 dB": lambda all_, chance: _noisy(_unwritten(all_, chance, 90 * scale, 0.4), chance),
    }


def _stretch(all_: Clips, length_s: float, at: float) -> slice:
    """Clips of so many seconds, `at` the share of the talk that lies before them, among what is left."""
    starts = np.cumsum([0, *(len(clip.samples) / RATE_HZ + sum(GAP_S) for clip in all_)])
    first = int(np.searchsorted(starts, at * (starts[-1] - length_s)))
    return slice(first, int(np.searchsorted(starts, starts[first] + length_s)))


def _unwritten(all_: Clips, chance: np.random.Generator, length_s: float, at: float) -> Talk:
    part = _stretch(all_, length_s, at)
    return talk(all_, [*all_[: part.start], *all_[part.stop :]], chance)


def _unsaid(all_: Clips, chance: np.random.Generator, length_s: float, at: float) -> Talk:
    part = _stretch(all_, length_s, at)
    return talk([*all_[: part.start], *all_[part.stop :]], all_, chance)


def _with_music(all_: Clips, chance: np.random.Generator, length_s: float) -> Talk:
    middle = len(all_) // 2
    loud = np.concatenate([clip.samples for clip in all_[:4]])
    sound = np.resize(music(MUSIC_S * RATE_HZ, chance), int(length_s * RATE_HZ))
    sound *= np.sqrt(np.square(loud).mean() / np.square(sound).mean())
    between: Samples = sound.astype(np.float32)
    return talk([*all_[:middle], Recording(between, (), []), *all_[middle:]], all_, chance)


def _swapped(all_: Clips, chance: np.random.Generator, length_s: float) -> Talk:
    part = _stretch(all_, 2 * length_s, 0.5)
    middle = (part.start + part.stop) // 2
    before, one, two, after = all_[: part.start], all_[part.start : middle], all_[middle : part.stop], all_[part.stop :]
    return talk(all_, [*before, *two, *one, *after], chance, all_[part])


def _repeated(all_: Clips, chance: np.random.Generator, length_s: float) -> Talk:
    part = _stretch(all_, length_s, 0.5)
    return talk([*all_[: part.stop], *all_[part], *all_[part.stop :]], all_, chance)


def _misheard(all_: Clips, chance: np.random.Generator) -> Talk:
    return _mishear(talk(all_, all_, chance), chance)


def _mishear(made: Talk, chance: np.random.Generator) -> Talk:
    words = misheard(made.recording, chance, round(0.03 * len(made.recording.words))).words
    return Talk(Recording(made.recording.samples, words, made.recording.truth_ms), made.places_ms, made.breaks_ms,
                made.outside)


def _all_at_once(all_: Clips, chance: np.random.Generator, scale: float) -> Talk:
    advert, cut = _stretch(all_, 90 * scale, 0.3), _stretch(all_, 60 * scale, 0.7)
    return _mishear(talk([*all_[: cut.start], *all_[cut.stop :]], [*all_[: advert.start], *all_[advert.stop :]],
                         chance), chance)


def _noisy(made: Talk, chance: np.random.Generator) -> Talk:
    return Talk(noise(made.recording, chance, 10), made.places_ms, made.breaks_ms, made.outside)


def talks(dev: bool, minutes: float, only: Sequence[str] = ()) -> dict[str, Talk]:
    """Each mismatch in eSpeak's voices, and where there is flite some in its."""
    split = DEV if dev else REPORT
    spoken = {"": espeak(split)} | ({} if reader_voices.missing() else {"flite, ": flite(split)})
    found = {}
    for number, (prefix, speak) in enumerate(spoken.items()):
        all_ = clips(split, minutes * 60, split.seed + 50 + number, speak)
        for name, change in mismatches(minutes).items():
            if (not prefix or name in BY_FLITE) and (not only or any(part in prefix + name for part in only)):
                found[prefix + name] = change(list(all_), np.random.default_rng(split.seed + 60))
    return found
