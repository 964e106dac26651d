"""A recording of any length -> the reference: the best 6 to 12 s of it, and exactly the words said in them.

F5-TTS cuts a long recording after 12 s and leaves its text as it is (f5_tts/infer/utils_infer.py:319-346), so the
cut is made here. All words are aligned; every stretch from one pause to another is a candidate; the cleanest whose
words are said at the speaker's usual rate is the reference.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from intake import audio
from text import spoken
from timing.align import BELIEVED, Source, TimingError, Window, align
from timing.words import Timeline, Word
from tts import Samples

Levels = npt.NDArray[np.float64]
VERSION = 2
"""Raised when voices are prepared in another way: those of a lower version are prepared again."""
RATE_HZ = 24_000
"""What F5-TTS and Vocos work at (f5_tts/configs/F5TTS_v1_Base.yaml)."""
MAX_MS = 12_000
MIN_MS = 1_000
_WANTED_MS = 6_000
_EDGE_MS = 50
_PAUSE_MS = 120
"""A gap of this length between two words is a pause: stops within and between words are shorter."""
_FLOOR_STEPS, _FLOOR_HOP, _BANDS = 150, 10, 20
_DOUBT_DB = 6.0
"""What a word in doubt costs."""
_SILENT_PEAK_DBFS = -60.0
_LOUD_DB, _AROUND_MS, _LEFT_OUT_S = -15.0, 100, 0.3
"""Of eight recordings of people with their whole texts (benchmarks/dev_speech) at most 0.04 s lie so loud more than
100 ms from a word; of the same with the first or the last third of the text left out, 0.2 to 2.4 s."""
_WEAKEST_DB, _MAX_SOUND_DB = -30.0, 12.0
"""What lies so far under the speech is no word that goes on; and the most that sound at a cut costs."""


class BadReference(ValueError):
    """No reference can be made of this recording and its text; the message is fit for the caller."""


@dataclass(frozen=True, slots=True)
class Reference:
    """`samples` (at RATE_HZ) say exactly `text`.

    `words` are when, empty where no aligner knows the language. `match` is how surely they were found, 0 to 1.
    """

    samples: Samples
    text: str
    words: tuple[Word, ...] = ()
    match: float | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Stretch:
    """`words[first:last]`, and the times to cut at: in the pauses before and after them."""

    first: int
    last: int
    start_ms: int
    end_ms: int


def prepare(samples: Samples, text: str, language: str, sources: Mapping[str, Source],
            check: Callable[[], None]) -> Reference:
    """Trims silence, and takes the best stretch of a recording longer than 12 s. Raises BadReference."""
    tokens = spoken.read(text, language)
    if not any(token.spoken for token in tokens):
        raise BadReference("reference_text: has no words; send exactly what is said")
    quality = audio.measure(samples, RATE_HZ)
    if quality.peak_dbfs < _SILENT_PEAK_DBFS:
        raise BadReference(f"the recording is as good as silent ({quality.peak_dbfs:.0f} dBFS at its loudest); "
                           "record it louder, or send another channel")
    samples = _trim(samples, quality)
    duration_ms = len(samples) * 1000 // RATE_HZ
    if duration_ms < MIN_MS:
        raise BadReference(f"the recording holds {duration_ms / 1000:.1f} s of sound; send 3 to 12 s of speech")
    timeline, is_other = _aligned(samples, text, language, tokens, sources, check)
    if duration_ms <= MAX_MS:
        if timeline is None:
            return Reference(samples, text, match=0.0 if is_other else None)
        return Reference(samples, text, timeline.words, _match(timeline.words), _doubts(samples, timeline.words))
    if timeline is None:
        raise BadReference(
            f"the recording is {duration_ms / 1000:.0f} s long and its text cannot be placed in it on this worker; "
            f"send at most {MAX_MS // 1000} s and exactly the words that are said")
    best = _best(samples, timeline, check)
    words = timeline.words[best.first:best.last]
    warning = (f"reference: {best.start_ms / 1000:.1f} to {best.end_ms / 1000:.1f} s of {duration_ms / 1000:.1f} s are "
               "used, clipped at pauses, and the text likewise")
    moved = tuple(replace(word, start_ms=word.start_ms - best.start_ms, end_ms=word.end_ms - best.start_ms)
                  for word in words)
    said = text[words[0].char_start:words[-1].char_end]
    cut = _cut(samples, best)
    return Reference(cut, said, moved, _match(words), (warning, *_doubts(cut, moved)))


def _match(words: Sequence[Word]) -> float:
    return sum(0.0 if word.estimated else 1.0 if word.score is None else word.score for word in words) / len(words)


def _doubts(samples: Samples, words: Sequence[Word]) -> tuple[str, ...]:
    """Where text and sound are not of the same words: F5-TTS says again what it has not been given as text."""
    missing = [repr(word.text[:40]) for word in words if word.estimated and any(map(str.isalnum, word.text))]
    left_out_s = _without_words_s(samples, words)
    named = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more words" if len(missing) > 5 else "")
    return (*([f"reference: {named} of its text cannot be found in the sound; send exactly what is said"]
              if missing else ()),
            *([f"reference: about {left_out_s:.1f} s of its sound have no words in the text; send all that is said"]
              if left_out_s > _LEFT_OUT_S else ()))


def _without_words_s(samples: Samples, words: Sequence[Word]) -> float:
    """How long it sounds about as loud as the words where there are none."""
    n_step = RATE_HZ // 100
    steps = samples[:len(samples) // n_step * n_step].reshape(-1, n_step)
    power, near = np.square(steps, dtype=np.float64).mean(axis=1), np.zeros(len(steps), bool)
    for word in words:
        near[max(0, word.start_ms - _AROUND_MS) // 10:(word.end_ms + _AROUND_MS) // 10 + 1] = True
    loud = power > power[near].mean() * 10 ** (_LOUD_DB / 10) if near.any() else np.zeros(len(steps), bool)
    return float((loud & ~near).sum()) / 100


def _trim(samples: Samples, quality: audio.Quality) -> Samples:
    """Takes leading and trailing silence off, but for 50 ms (f5_tts/infer/utils_infer.py:348)."""
    n_edge = _EDGE_MS * RATE_HZ // 1000
    start = max(0, quality.leading_silence_ms * RATE_HZ // 1000 - n_edge)
    end = min(len(samples), len(samples) - quality.trailing_silence_ms * RATE_HZ // 1000 + n_edge)
    return samples[start:end] if end > start else samples


def _cut(samples: Samples, stretch: _Stretch) -> Samples:
    return samples[stretch.start_ms * RATE_HZ // 1000:stretch.end_ms * RATE_HZ // 1000]


def _aligned(samples: Samples, text: str, language: str, tokens: Sequence[spoken.Token],
             sources: Mapping[str, Source], check: Callable[[], None]) -> tuple[Timeline | None, bool]:
    """The words' times where a source can tell them, and whether it is sure that the text is another one."""
    duration_ms = len(samples) * 1000 // RATE_HZ
    try:
        timeline = align(samples, RATE_HZ, tokens, [Window(0, duration_ms, 0, len(tokens))], text=text,
                         language=language, method="auto", sources=sources, check=check).timeline
    except TimingError:
        return None, True
    return (None if timeline.method == "estimate" else timeline), False


def _best(samples: Samples, timeline: Timeline, check: Callable[[], None]) -> _Stretch:
    """The stretch with the highest merit. Raises BadReference where no two pauses lie within 12 s."""
    levels = _Levels(samples, timeline)
    stretches = list(_stretches(timeline, levels))
    if not stretches:
        raise BadReference("no pauses were found in 12 s of the recording; send a shorter one")
    merits = []
    for stretch in stretches:
        check()
        merits.append(levels.merit(stretch))
    return stretches[int(np.argmax(merits))]


def _is_believed(word: Word) -> bool:
    return not word.estimated and (word.score is None or word.score >= BELIEVED)


def _stretches(timeline: Timeline, levels: _Levels) -> Iterator[_Stretch]:
    """From pause to pause, with no estimated word; the start and the end of the recording are pauses too.

    Those of 6 to 12 s; where there are none, the shorter ones.
    """
    words = timeline.words
    pauses = [0, *(i for i, (before, after) in enumerate(pairwise(words), start=1)
                   if after.start_ms - before.end_ms >= _PAUSE_MS), len(words)]
    missing = np.cumsum([0, *(word.estimated for word in words)])
    found = [_stretch(words, first, last, timeline.duration_ms, levels)
             for i, first in enumerate(pauses) for last in pauses[i + 1:]
             if words[last - 1].end_ms - words[first].start_ms <= MAX_MS and missing[first] == missing[last]]
    fitting = [each for each in found if MIN_MS <= each.end_ms - each.start_ms <= MAX_MS]
    yield from [each for each in fitting if each.end_ms - each.start_ms >= _WANTED_MS] or fitting


def _stretch(words: Sequence[Word], first: int, last: int, duration_ms: int, levels: _Levels) -> _Stretch:
    """Cuts in the pauses, where they are quiet: an aligner may end a drawn-out word early."""
    before_ms = words[first - 1].end_ms if first else 0
    after_ms = words[last].start_ms if last < len(words) else duration_ms
    return _Stretch(first, last, levels.quiet_before(before_ms, words[first].start_ms),
                    levels.quiet_after(words[last - 1].end_ms, after_ms))


def _noise(samples: Samples, n_steps: int) -> Levels:
    """The power of the noise in each 10 ms, float64 [n_steps]: of all bands together, each by its own quiet moments."""
    n_step = RATE_HZ // 100
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, (0, n_step)), 2 * n_step)[::n_step][:n_steps]
    window = np.hanning(2 * n_step)
    edges = np.unique(np.geomspace(4, n_step, _BANDS + 1).astype(int))
    scale = 2.0 / (np.square(window).sum() * 2 * n_step)  # Parseval, both halves of the spectrum
    bands = np.concatenate([
        np.add.reduceat(np.square(np.abs(np.fft.rfft(frames[start:start + 1000] * window))), edges[:-1], axis=1) * scale
        for start in range(0, n_steps, 1000)])
    around = np.pad(bands, ((_FLOOR_STEPS // 2, _FLOOR_STEPS // 2), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(around, _FLOOR_STEPS, axis=0)[::_FLOOR_HOP]
    floor = np.percentile(windows, 10, axis=2).sum(axis=1)
    return np.asarray(np.repeat(floor, _FLOOR_HOP)[:n_steps], np.float64)


class _Levels:
    """The power of each 10 ms of the recording, which are speech (30 ms around words too), and the usual rate.

    The noise under speech is what each band of the spectrum falls to within a second and a half (minimum statistics,
    Martin 2001): whoever talks without a pause still leaves some band empty at a time.
    """

    def __init__(self, samples: Samples, timeline: Timeline) -> None:
        n_step = RATE_HZ // 100
        n_steps = len(samples) // n_step
        steps = samples[:n_steps * n_step].reshape(n_steps, n_step)
        self.power = np.square(steps, dtype=np.float64).mean(axis=1)
        self.noise = _noise(samples, n_steps)
        self.is_clipped = np.abs(steps).max(axis=1) >= 0.999
        self.is_speech = np.zeros(n_steps, bool)
        for word in timeline.words:
            self.is_speech[max(0, word.start_ms // 10 - 3):word.end_ms // 10 + 4] = True
        self.words = timeline.words
        self.weakest = float(self.power[self.is_speech].mean()) * 10 ** (_WEAKEST_DB / 10)
        self.n_doubtful = np.cumsum([0, *(not _is_believed(word) for word in timeline.words)])
        self.usual_rate = float(np.median([self._rate(i, i + 8) for i in range(max(1, len(self.words) - 8))]))

    def merit(self, stretch: _Stretch) -> float:
        """In decibels: the ratio of speech to the noise under it, less what a listener would mind.

        An unusual rate costs 12 dB for each factor of two, clipping 20 dB, a second of missing voice 0.5 dB, a doubtful
        word in it or next to it 6 dB, and a cut where there is sound, or noise that hides it, as much as that stands
        over the weakest word, up to 12 dB: a word may go on there.
        """
        steps = slice(stretch.start_ms // 10, stretch.end_ms // 10)
        power, is_speech = self.power[steps], self.is_speech[steps]
        noise = max(float(self.noise[steps].mean()), 1e-9)
        snr_db = 10 * np.log10(max(float(power[is_speech].mean()), 1e-9) / noise)
        octaves = abs(np.log2(self._rate(stretch.first, stretch.last) / self.usual_rate))
        missing_s = (MAX_MS - (stretch.end_ms - stretch.start_ms)) / 1000
        last = min(len(self.words), stretch.last + 1)
        n_doubtful = int(self.n_doubtful[last] - self.n_doubtful[max(0, stretch.first - 1)])
        return float(min(snr_db, 50.0) - 12 * octaves - 20 * bool(self.is_clipped[steps].any()) - 0.5 * missing_s
                     - _DOUBT_DB * n_doubtful
                     - self._sound_db(stretch.start_ms) - self._sound_db(stretch.end_ms))

    def quiet_after(self, word_end_ms: int, limit_ms: int) -> int:
        """Where to cut after a word: behind the first 50 ms that are quiet, at the limit at the latest."""
        quiet = self._quiet_runs(word_end_ms, limit_ms)
        return min(word_end_ms // 10 * 10 + 10 * int(np.argmax(quiet)) + _EDGE_MS, limit_ms) if len(quiet) else (
            word_end_ms + limit_ms) // 2

    def quiet_before(self, limit_ms: int, word_start_ms: int) -> int:
        """Where to cut before a word: in front of the last 50 ms that are quiet."""
        quiet = self._quiet_runs(limit_ms, word_start_ms)
        return limit_ms // 10 * 10 + 10 * (len(quiet) - 1 - int(np.argmax(quiet[::-1]))) if len(quiet) else (
            limit_ms + word_start_ms) // 2

    def _quiet_runs(self, start_ms: int, end_ms: int) -> npt.NDArray[np.bool_]:
        """Of each 50 ms that begin between two words: too weak for a word, or about the weakest there are."""
        power = self.power[start_ms // 10:end_ms // 10]
        if len(power) < _EDGE_MS // 10:
            return np.zeros(0, bool)
        means = np.lib.stride_tricks.sliding_window_view(power, _EDGE_MS // 10).mean(axis=1)
        return np.asarray(means <= max(self.weakest, 2 * float(means.min())), np.bool_)

    def _sound_db(self, cut_ms: int) -> float:
        """How far the 30 ms around a cut are over what is too weak to be a word, be it noise that may hide one."""
        power = self.power[max(0, cut_ms // 10 - 1):cut_ms // 10 + 2]
        if not len(power):
            return 0.0
        over_db = 10 * np.log10((power.mean() + 1e-9) / (self.weakest + 1e-9))
        return float(np.clip(over_db, 0.0, _MAX_SOUND_DB))

    def _rate(self, first: int, last: int) -> float:
        """Characters per second of `words[first:last]`, pauses left out."""
        words = self.words[first:last]
        return sum(len(word.text) for word in words) * 1000 / sum(word.end_ms - word.start_ms for word in words)
