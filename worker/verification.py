"""Each line is checked after it was spoken; one that may lack, repeat or garble a word is spoken again.

What a check costs is a few hundredths of the line's length on one core, beside the engine's work on the lines that
follow. A retry is one line more for the engine.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from text.spoken import read
from tts import Engine, Line, Options, Samples, Utterance, Voice
from worker.watch import watched

if TYPE_CHECKING:
    from timing.faults import Adaptation, Checker

MAX_SEED = 2_147_483_647
NAMED = 5
"""Warnings name so many lines; one more counts the others."""
SHOWN = 40
IN_VAIN = 5
"""When so many lines stayed suspicious after all their tries, and more than came right, no more tries are paid for: the
check does not suit the voice, or the text."""
MAX_VOICES = 500
"""What is kept of each is 1 kB."""


@dataclass(frozen=True)
class Verified:
    """`score` is 0-1, below `timing.faults.SUSPICIOUS` a fault is likely; None where the line could not be checked."""

    score: float | None
    tries: int


class Verification:
    """Of one job. `words[i]` are what an aligner matches of `lines[i]`. With `max_retries` 0 every line is kept."""

    def __init__(self, lines: Sequence[Line], words: Sequence[Sequence[str]], engine: Engine, options: Options,
                 max_retries: int, check: Callable[[], None]) -> None:
        self._lines, self._words, self._engine, self._options = lines, words, engine, options
        self._max_retries, self._check = max_retries, check
        self.verified: list[Verified] = []
        self._gave_up_after: int | None = None

    def best(self, utterances: Iterable[Utterance]) -> Iterator[Utterance]:
        """The lines' utterances, in order; in place of a suspicious one the best of its tries."""
        for line, words, utterance in zip(self._lines, self._words, utterances, strict=False):
            best, score, tries = utterance, self._score(utterance, words, line), 1
            while score is not None and _is_suspicious(score) and tries <= self._max_retries:
                again = self._spoken_again(line, tries)
                tries += 1
                score_again = self._score(again, words, line)
                if score_again is not None and score_again > score:
                    best, score = again, score_again
            self.verified.append(Verified(score, tries))
            if tries > 1:
                self._give_up_in_time()
            yield best

    def _give_up_in_time(self) -> None:
        n_in_vain, n_again = self._spoken_again_in_vain()
        if n_in_vain >= max(IN_VAIN, n_again - n_in_vain + 1):
            self._max_retries, self._gave_up_after = 0, len(self.verified)

    def _spoken_again_in_vain(self) -> tuple[int, int]:
        """Of the lines that were spoken again how many stayed suspicious, and how many they are."""
        scores = [each.score for each in self.verified if each.tries > 1 and each.score is not None]
        return sum(map(_is_suspicious, scores)), len(scores)

    def _score(self, utterance: Utterance, words: Sequence[str], line: Line) -> float | None:
        voice = line.voice or self._engine.own_voice
        return watched(lambda _: _judged(utterance.samples, self._engine.rate_hz, words, line.language, voice),
                       self._check)

    def _spoken_again(self, line: Line, n_tries: int) -> Utterance:
        """With the seed that lies `n_tries` behind the job's."""
        self._check()
        options = replace(self._options, seed=(self._options.seed + n_tries - 1) % MAX_SEED + 1)
        with closing(self._engine.speak([line], options, check=self._check, progress=lambda share: None)) as spoken:
            return next(spoken)

    def warnings(self) -> list[str]:
        """Which lines stay suspicious, and how many were not checked."""
        suspicious = [(number, each) for number, each in enumerate(self.verified, start=1)
                      if each.score is not None and _is_suspicious(each.score)]
        found = [f"verify: line {number} may lack, repeat or garble a word (score {each.score}, tries {each.tries}): "
                 f"{self._lines[number - 1].text[:SHOWN]!r}" for number, each in suspicious[:NAMED]]
        if len(suspicious) > NAMED:
            found.append(f"verify: {len(suspicious) - NAMED} more lines may lack, repeat or garble a word; see lines")
        if self._gave_up_after is not None:
            n_in_vain, n_again = self._spoken_again_in_vain()
            found.append(f"verify: no more lines were spoken again after line {self._gave_up_after}, since "
                         f"{n_in_vain} of {n_again} that were stayed suspicious: the check does not suit this voice "
                         "or this text; listen, and use warn")
        if n_unknown := sum(each.score is None for each in self.verified):
            found.append(f"verify: {n_unknown} of {len(self.verified)} lines were not checked: the check knows "
                         "English alone, in voices whose clip is English and says its transcript, and no word that it "
                         "cannot pronounce")
        return found


def _is_suspicious(score: float) -> bool:
    from timing.faults import SUSPICIOUS

    return score < SUSPICIOUS


def _judged(samples: Samples, rate_hz: int, words: Sequence[str], language: str, voice: Voice | None) -> float | None:
    adaptation = _adaptation(voice) if voice else None
    return None if adaptation is None else _checker().score(samples, rate_hz, words, language, adaptation)


_adaptations: dict[str, Adaptation | None] = {}


def _adaptation(voice: Voice) -> Adaptation | None:
    """What the check makes of a voice's clip, made once for each clip and transcript."""
    try:
        return _adaptations[voice.fingerprint]
    except KeyError:
        pass
    words = [word for token in read(voice.text, voice.language) for word in token.spoken]
    found = _checker().adaptation(voice.samples, voice.rate_hz, words, voice.language)
    if len(_adaptations) >= MAX_VOICES:
        _adaptations.clear()
    _adaptations[voice.fingerprint] = found
    return found


@cache
def _checker() -> Checker:
    from timing.faults import Checker

    return Checker()
