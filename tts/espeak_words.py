"""espeak-ng's events -> where each word of the text sounds, to the sample."""
from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate, chain, pairwise

import numpy as np
import numpy.typing as npt

from tts import Mark

_PAUSE_S = 0.05
"""Silence from here on is a pause. The stop of a [t] or of a German vowel takes 7-25 ms before the
word's event, the shortest comma 110 ms (espeak-ng 1.52, speed 1)."""

_LONGEST_PHRASE = 9
"""The most words that one entry of the dictionary covers (dictionary.c: flags 81-90)."""

Pcm = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class WordEvent:
    """`position` counts characters from 0; `length` is in characters, 31 at most; `sample` is where it begins."""

    position: int
    length: int
    sample: int


@dataclass(frozen=True, slots=True)
class PhonemeEvent:
    name: str
    sample: int


@dataclass(frozen=True, slots=True)
class Sound:
    """What the synthesiser gave for one text; `alone` has the phonemes of each word by itself."""

    pcm: Pcm
    words: Sequence[WordEvent]
    phonemes: Sequence[PhonemeEvent]
    alone: Mapping[str, Sequence[str]]


@dataclass(slots=True)
class _Entry:
    """What one entry of the dictionary says: its place in the text, and where its spoken words begin."""

    position: int
    length: int
    samples: list[int]


def marks(text: str, sound: Sound, rate_hz: int) -> tuple[tuple[Mark, ...], tuple[str, ...]]:
    """The words of `text` with their times, in order; and the words that have none.

    A word lasts from its own event to the next one's. Where a pause lies between, it ends with its
    last sound and the next begins with its first.
    """
    starts, untimed = _starts(text, sound)
    spans = _sounding([sample for _, sample in starts], sound.pcm, int(_PAUSE_S * rate_hz))
    edges = [*(char for char, _ in starts), len(text)]
    found: list[Mark] = []
    for char, next_char, span in zip(edges, edges[1:], spans, strict=False):
        start_ms, end_ms = (round(sample * 1000 / rate_hz) for sample in span)
        if start_ms < end_ms:
            found.append(Mark(char, min(next_char, _word_end(text, char)), start_ms, end_ms))
    return tuple(found), tuple(untimed)


def _sounding(starts: Sequence[int], pcm: Pcm, n_pause: int) -> list[tuple[int, int]]:
    """Cuts the pauses, which are written as zeros, out of the intervals between `starts`."""
    spans: list[tuple[int, int]] = []
    after_pause = True
    for start, stop in pairwise([*starts, len(pcm)]):
        sounding = np.flatnonzero(pcm[start:stop])
        if not sounding.size:
            spans.append((start, start))
            continue
        first, end = start + int(sounding[0]) if after_pause else start, start + int(sounding[-1]) + 1
        after_pause = stop - end >= n_pause or stop == len(pcm)
        spans.append((first, end if after_pause else stop))
    return spans


def _starts(text: str, sound: Sound) -> tuple[list[tuple[int, int]], list[str]]:
    """(character, sample) where each spoken word begins; and the words without one.

    The dictionary says many a phrase in one go ("of the", "in a row") and reports its first word
    alone. Words that have no entry of their own are found in the sound of the entry before them.
    """
    words = [word for word in re.finditer(r"\S+", text) if any(map(str.isalnum, word[0]))]
    word_starts, word_ends = [word.start() for word in words], [word.end() for word in words]
    entries = _entries(text, sound.words)
    end_of_text = _Entry(len(text), 0, [len(sound.pcm)])
    starts: list[tuple[int, int]] = []
    untimed = [word[0] for word in words[:bisect_right(word_ends, (entries or [end_of_text])[0].position)]]
    for entry, following in pairwise([*entries, end_of_text]):
        first, last = bisect_right(word_starts, entry.position), bisect_right(word_ends, following.position)
        if last - first >= _LONGEST_PHRASE:
            untimed += [word[0] for word in words[first:last]]
            last = first
        phrase = [words[first - 1][0] if first else "", *(word[0] for word in words[first:last])]
        positions = [entry.position, *word_starts[first:last]]
        for word, position, sample in zip(phrase, positions, _samples(entry, following.samples[0], phrase, sound),
                                          strict=True):
            if sample is None:
                untimed.append(word)
            else:
                starts.append((position, sample))
    return starts, untimed


def _entries(text: str, events: Sequence[WordEvent]) -> list[_Entry]:
    """Gathers events by the dictionary entry that they speak.

    The later words of an entry ("2024", "such as") carry the first one's position plus 1 and its
    length (translate.c: phonEND_WORD); the letters of a spelled word carry its own position.
    """
    entries: list[_Entry] = []
    for event in events:
        position = _skip_spaces(text, event.position)
        if entries and _continues(text, entries[-1], event, position):
            entries[-1].samples.append(event.sample)
        elif position < len(text):
            entries.append(_Entry(position, event.length, [event.sample]))
    return entries


def _continues(text: str, entry: _Entry, event: WordEvent, position: int) -> bool:
    if event.position <= entry.position or position == len(text):
        return True
    alike = event.position == entry.position + 1 and event.length == entry.length
    return alike and (event.length > 1 or position > event.position)


def _skip_spaces(text: str, position: int) -> int:
    """An event after an abbreviation's dot may lie on the space before its word."""
    while position < len(text) and text[position].isspace():
        position += 1
    return min(position, len(text))


def _word_end(text: str, position: int) -> int:
    while position < len(text) and not text[position].isspace():
        position += 1
    return position


def _samples(entry: _Entry, stop: int, words: Sequence[str], sound: Sound) -> list[int | None]:
    """Where each of `words` begins within the entry's sound, which ends at `stop`; None where it has none.

    Where the entry does not say, the phonemes of the words by themselves are laid along those that
    were spoken: "of the" is [0v, D@] alone and [@vD@] together.
    """
    if len(words) == 1 or len(words) == len(entry.samples):
        return list(entry.samples[:len(words)])
    spoken = [event for event in sound.phonemes if entry.samples[0] <= event.sample < stop and event.name]
    alone = [sound.alone.get(word, ()) for word in words]
    matcher = SequenceMatcher(None, list(chain(*alone)), [event.name for event in spoken], autojunk=False)
    places = _places(matcher, len(spoken))
    edges = accumulate((len(names) for names in alone), initial=0)
    found = [places.get(edge) if names else None for edge, names in zip(edges, alone, strict=False)]
    return [entry.samples[0], *(None if place is None else spoken[place].sample for place in found[1:])]


def _places(matcher: SequenceMatcher[str], n_spoken: int) -> dict[int, int]:
    """For each place in the first sequence the one that answers to it in the second, where there is one."""
    places = {index: min(j1 + index - i1, j2) for _, i1, i2, j1, j2 in matcher.get_opcodes() for index in range(i1, i2)}
    return {index: place for index, place in places.items() if place < n_spoken}
