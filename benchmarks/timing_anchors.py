"""`./run bench timing_fit anchors`: weighs what makes an anchor of long audio against its neighbours.

One voice of the dev split at a time says some sentences, and then text and sound part. An anchor is sought
there as in any long recording, with the rest of the text and `TEXT_WORDS` more. It costs as many seconds as it lies
behind the first word that is said of that text, `LOST_S` where there is none, or where its word is not said there.
Each value is tried a half larger and a third smaller, the others as they are, and judged as prices are.
"""
from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks import timing_prices
from benchmarks.timing_long_sets import Clips, clips
from benchmarks.timing_sets import DEV, Recording, joined, misheard, noise, utter, utter_by_flite
from text.spoken import read
from timing import anchors, pocketsphinx
from timing.align import RATE_HZ
from timing.pocketsphinx import PocketSphinx, Sounding
from tts.espeak import Espeak

BEFORE_S, LACKING_S, AFTER_S = 6.0, 24.0, 26.0
TEXT_WORDS = 300
LOST_S, RIGHT_S = 60.0, 0.3
NAMES = ((anchors, "PHRASE"), (anchors, "OTHER"), (pocketsphinx, "ANCHOR_WORDS"))
SPEAKERS = (*DEV.voices, ("slt", 1.0), ("kal16", 1.0))

_source: list[PocketSphinx] = []


@dataclass(frozen=True)
class Parting:
    """Audio and text that part at the end of the audio's first `said` words; where an anchor can be at best, or None
    where no word of the text is said behind."""

    name: str
    recording: Recording
    said: int
    earliest_s: float | None


def partings() -> Iterator[Parting]:
    """Of each voice: audio that the text lacks, in noise and misheard too, a chapter that nobody says, and audio that
    goes on without the text."""
    engine = Espeak()
    for number, (voice, speed) in enumerate(SPEAKERS):
        say = partial(utter, engine) if "/" in voice else utter_by_flite
        parts = iter(clips(DEV, 1.6 * (BEFORE_S + LACKING_S + AFTER_S), DEV.seed + 70 + number,
                           lambda text, _, say=say, voice=voice, speed=speed: say(text, voice, speed)))
        before, lacking, after = (_taken(parts, length_s) for length_s in (BEFORE_S, LACKING_S, AFTER_S))
        chance = np.random.default_rng(DEV.seed + 80 + number)
        rest = _written(chance)
        advert = _parting("advert", [*before, *lacking, *after], [*after, rest], before, after, chance)
        yield advert
        yield Parting("advert, noise, misheard", _misheard(noise(advert.recording, chance, 10), chance), advert.said,
                      advert.earliest_s)
        yield _parting("cut", [*before, *after], [*lacking, *after, rest], before, after, chance)
        yield _parting("no more of it", [*before, *lacking, *after], [rest], before, [], chance)


def _taken(parts: Iterator[Recording], length_s: float) -> Clips:
    found: Clips = []
    while sum(len(clip.samples) for clip in found) < length_s * RATE_HZ:
        found.append(next(parts))
    return found


def _written(chance: np.random.Generator) -> Recording:
    """Sentences that nobody says."""
    silent = clips(DEV, TEXT_WORDS / 10, int(chance.integers(1 << 30)), lambda text, _: Recording(
        np.zeros(RATE_HZ // 2, np.float32), tuple(text.split()), [None] * len(text.split())))
    return Recording(np.zeros(0, np.float32), tuple(word for clip in silent for word in clip.words), [])


def _parting(name: str, sound: Clips, text: Clips, before: Clips, after: Clips, chance: np.random.Generator) -> Parting:
    audio = joined(sound, chance, (0.2, 0.7))
    times = iter(audio.truth_ms)
    truth = {id(clip): [next(times) for _ in clip.words] for clip in sound}
    written = [*before, *text]
    words = tuple(word for clip in written for word in clip.words)
    places = [time for clip in written for time in truth.get(id(clip), [None] * len(clip.words))]
    first = truth[id(after[0])][0] if after else None
    return Parting(name, Recording(audio.samples, words, places, sound[0].speaker), sum(len(c.words) for c in before),
                   first[0] / 1000 if first else None)


def _misheard(recording: Recording, chance: np.random.Generator) -> Recording:
    return misheard(recording, chance, len(recording.words) // 20)


def losses_s(task: tuple[Parting, Sequence[timing_prices.Prices]]) -> list[float]:
    """What each of the values loses at a parting."""
    parting, tried = task
    if not _source:
        _source.append(PocketSphinx())
    search, recording = _source[0]._loaded("en"), parting.recording
    words = [(i, word) for i, token in enumerate(read(recording.text, "en")) for word in token.spoken
             if search.knows(word)]
    audio, found = Sounding(recording.samples), list[float]()
    last = recording.truth_ms[parting.said - 1]
    assert last
    at_s = _inside(audio, last[1] / 1000)
    for values in tried:
        for module, name in NAMES:
            setattr(module, name, values[name])
        walk = pocketsphinx._Walk(search, audio, [word for _, word in words], lambda: None)
        walk._at_s = at_s
        walk._first = next(at for at, (i, _) in enumerate(words) if i >= parting.said)
        anchor = walk._anchor([])
        if anchor is None:
            found.append(0.0 if parting.earliest_s is None else LOST_S)
            continue
        truth, start_s = recording.truth_ms[words[walk._first + anchor.index][0]], audio.start_s(anchor.start_s)
        is_right = truth is not None and abs(truth[0] / 1000 - start_s) <= RIGHT_S
        found.append(max(0.0, start_s - (parting.earliest_s or 0.0)) if is_right else LOST_S)
    return found


def _inside(audio: Sounding, time_s: float) -> float:
    """A time of the whole in that without its long pauses."""
    before = sum(min(max(0, round(time_s * RATE_HZ) - start), stop - start) for start, stop in audio.parts)
    return before / RATE_HZ


def choose() -> str:
    """Prints the table; the name of the best change, or that they stay as they are."""
    tried, found = timing_prices.candidates(NAMES), list(partings())
    with multiprocessing.get_context("spawn").Pool(len(os.sched_getaffinity(0))) as pool:
        losses = np.array(list(pool.imap(losses_s, ((each, list(tried.values())) for each in found))))
    return timing_prices.judged(tried, losses, {
        "speakers": np.array([each.recording.speaker for each in found]),
        "partings": np.array([each.name for each in found])}, "s lost")
