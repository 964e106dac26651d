"""Lines whose faults are known: eSpeak says them with one word dropped, doubled, swapped, cut or turned to noise.

What is fitted on and what is reported share no voice, sentence or seed. F5 plans how long a line lasts from its text:
so one that lacks or repeats a word is said as much slower or faster. Where the sound of a line is edited, its pace
stays as it was.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import soxr

from benchmarks import flite, timing_fit
from benchmarks.timing import SPEECH, human
from benchmarks.timing_sets import DEV, REPORT, Recording, Split, utter
from timing.align import RATE_HZ, Samples
from tts.espeak import Espeak

FADE = RATE_HZ // 200
READER, FIT_SPEECH = (Path(__file__).with_name(name) for name in ("test_speech", "fit_speech"))
WARPS, PAUSE_MS = (0.93, 1.0, 1.07), 120
LEAST_WORDS, MOST_WORDS = 8, 30
"""Of a person's reference."""
CLEAN, COMMENT = "clean", "#"
Chance = np.random.Generator
Edit = Callable[[Recording, int, Chance], Samples]


@dataclass(frozen=True)
class Case:
    """What sounds, the words that should, and which of them is at fault (-1: none)."""

    kind: str
    recording: Recording
    fault: int
    text: int
    """The same for lines that begin with the same sentence."""
    reference: Recording
    """Other words that the same voice says well: what a cloned voice is made from."""


def _lines(name: str) -> tuple[str, ...]:
    return tuple(Path(__file__).with_name(name).read_text().splitlines())


SENTENCES = (*DEV.sentences, *_lines("verify_fit.txt"))

FIT = Split("fit", (*DEV.voices, *((f"gmw/{base}+{variant}", 1.0) for base, variants in {
    "en-US": "m1 m5 f1 f4 adam belinda david klatt3 max", "en": "m4 f3 Gene iven john",
    "en-GB-x-gbclan": "edward", "en-GB-x-gbcwmd": "paul f2",
}.items() for variant in variants.split())), SENTENCES[:66], 31_000)

ACCENTS = "en en-029 en-GB-scotland en-GB-x-gbclan en-GB-x-gbcwmd en-GB-x-rp en-US en-US-nyc".split()
THROATS = """
Alex Alicia Andrea Annie Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee Marco Mario Michael Mike Reed Storm adam anika
announcer antonio aunty belinda benjamin boris caleb david ed edward edward2 f1 f2 f3 f4 f5 grandma grandpa gustave ian
iven iven2 iven3 iven4 john kaukovalta klatt2 klatt3 klatt5 klatt6 linda m1 m3 m4 m5 m7 marcelo max michel miguel mike2
norbert pablo paul pedro quincy robert sandro shelby steph steph2 steph3 travis victor
""".split()
"""eSpeak's variants of a voice."""
NEW_THROATS = "Andy Nguyen klatt klatt4 m2 m6 m8 rob zac".split()
"""In no voice of the fit."""

FLITE = replace(FIT, seed=38_000, sentences=(*SENTENCES[:66], *SENTENCES[73:113]), voices=tuple(
    (f"{flite.PREFIX}{voice}", 1.0) for voice in
    "slt slt@0.93 slt@1.07 awb awb@0.93 awb@1.07 kal16 kal16@0.93".split()))

TEST = Split("test", (*REPORT.voices, *((f"gmw/{base}+{variant}", 1.0) for base, variants in {
    "en-US": "m2 m6 Andy klatt4", "en-GB-x-rp": "rob m8 zac", "en-029": "f4", "en-GB-scotland": "m3",
}.items() for variant in variants.split())), (*REPORT.sentences, *"""
There are two kinds of people in the world, and I am neither of them.
The recipe calls for a pinch of salt, a spoon of honey, and a lot of patience.
It began as a joke, and by the end of the week it was a business.
You will not believe what we found at the bottom of the well.
As soon as the sun was up, the farmer led his goats to the field.
He had a map in one hand and a lamp in the other.
To make a long story short, the boat never reached the island.
This is the part of the film where everyone starts to cry.
For the price of a coffee you can plant a tree in your street.
She is the only one of us who can read the old language.
If the soup is too thick, add a cup of water and stir.
Once upon a time a fox and a crow lived in the same tree.
In a minute I will tell you how the trick is done.
The museum is open from ten to six, and it is free for children.
What we know about the brain is a drop, what we do not know is an ocean.
A storm was coming, but the old sailor did not seem to care.
They built the wall in a year and took it down in a night.
Every morning he walks to the corner to buy a paper and some milk.
It is not the size of the garden that counts but the care you give it.
The letter that changed her life was hidden in a book for sixty years.
Stay with us until the end, because there is a surprise for you.
I lost my keys, my wallet, and my temper on the same afternoon.
On a clear day you can see the coast of France from here.
The teacher asked him to stand up and to read the poem aloud.
No one was hurt, but the car was beyond repair.
At the back of the shop there is a door that is always locked.
With a little luck and a lot of work, we will be done by May.
""".strip().splitlines()), 72_000)

FLITE_TEST = replace(TEST, seed=74_000, voices=((f"{flite.PREFIX}rms", 1.0),))


def _drawn(throats: Sequence[str], seed: int) -> list[str]:
    """All accents of all throats by chance, but for those of `TEST`."""
    reported = {name for name, _ in TEST.voices}
    names = [f"gmw/{accent}+{throat}" for throat in throats for accent in ACCENTS]
    np.random.default_rng(seed).shuffle(names)
    return [name for name in names if name not in reported]


_KNOWN, _NEW = (_drawn(throats, seed) for throats, seed in ((THROATS, 41), (NEW_THROATS, 42)))
WIDE = Split("wide", tuple((name, 1.0) for name in _KNOWN[12:212]), SENTENCES, 31_000)
"""To fit on voices with the accents of the blind sets too: eSpeak has no others."""

UNUSED_THROATS = "AnxiousAndy Tweaky croak".split()
"""In no voice of the fit nor of `BLIND_1`."""
_UNUSED = _drawn(UNUSED_THROATS, 43)


def _blind(number: int, seed: int, voices: Sequence[str]) -> Split:
    return Split(f"blind {number}", tuple((name, 1.0) for name in voices), _lines(f"verify_blind_{number}.txt"), seed)


BLIND_1 = _blind(1, 76_000, [*_NEW[:12], *_KNOWN[:12]])
BLIND_2 = _blind(2, 78_000, [*_UNUSED[:6], *_NEW[12:18], *_KNOWN[212:224]])
BLIND_3 = _blind(3, 80_000, [*_UNUSED[6:12], *_NEW[18:24], *(
    name for name in _KNOWN[224:237] if (name, 1.0) not in FIT.voices)])
"""Half of their voices have throats that the fit does not know. Each was written down before the network was fitted
that it is for, and looked at once: this one is for the network that is shipped."""


REFERENCES = {"fit": """
The old clock in the station has been wrong for years, but the people of this town set their watches by it.
My sister bought a yellow boat last spring, and we spent the whole summer learning how to steer it.
A good cup of tea needs fresh water, a warm pot, and somebody who is willing to share it with you.
When the power failed, the children lit some candles and told each other stories about ghosts and pirates.
The judge looked over her glasses, put down her pen, and asked the young man to think about his choice again.
Every autumn thousands of geese fly over our roof, and their voices wake us long before the morning alarm.
You should measure the shelf twice before you cut the wood, because nobody can make a short board longer.
We drove through heavy fog for an hour until the road joined the highway just outside of the village.
""", "test": """
The photographer waited in the cold for three days, and then the fox walked right past his tent.
Please leave your shoes by the entrance, choose a pillow, and join the others in the large blue room.
Few visitors know that the tunnel behind the theatre was once used to carry ice from the river.
I usually make a list of jobs on Monday, lose it by Tuesday, and enjoy the rest of my week.
The painter mixed a little green into the grey, and suddenly the whole picture looked like early March.
Our neighbours have a parrot that can whistle four songs, though it always gets the third one wrong.
""", "blind 1": """
Nobody in the theatre noticed that the third violin had been replaced by a cook from across the street.
Wash the cherries, take out the stones, and leave them in a bowl with a spoon of sugar until evening.
My uncle repaired radios in a shop so narrow that only one customer could stand inside of it.
Once the bridge was finished, both villages argued for a decade about which of them should name it.
The climbers spent the whole night on a ledge, singing to each other so that nobody would fall asleep.
She keeps her medals in a biscuit tin and her biscuits in the glass case where the medals used to be.
""", "blind 2": """
The lighthouse keeper had two clocks, and he trusted neither of them after the winter of the long fog.
Slice the onions as thin as you can, cover them with vinegar, and forget about them for a day.
A reporter asked the champion what she was afraid of, and she said that it was other reporters.
Behind the bakery there is a yard where the apprentices smoke, argue, and feed the sparrows.
The surveyor had drawn the border through a kitchen, so the family ate in one country and slept in another.
Whenever the choir practised, the shopkeeper next door turned his radio off and opened the window.
""", "blind 3": """
The mayor of the valley kept bees in his office and signed his letters with a drop of their wax.
Grate the lemon first and squeeze it afterwards, because nobody has ever managed it in the other order.
A retired diver told us that the quietest place on earth is the inside of a sunken organ.
During the eclipse the hens went to roost, the dogs lay down, and the whole market stopped haggling.
The translator worked at night, with a cat on the dictionary and a lamp that hummed in the wrong key.
Every Thursday a stranger in a green coat bought seven postcards and left without a single stamp.
""", "wide": """
A gardener with patience can grow lemons in a cold country, provided that the greenhouse is never left open.
After dinner the visitors moved to the porch, where grandfather was already tuning his enormous guitar.
The bus stopped beside a yellow farmhouse, and a girl with two suitcases waved goodbye to her cousins.
He learned to bake from a neighbour who measured nothing, tasted everything, and never wrote a single recipe down.
If the printer refuses to work, switch it off, count slowly to twenty, and try again with fresh paper.
Through the narrow window we watched the harvest moon climb over the roofs and the chimneys of the old quarter.
The orchestra played outdoors that evening, and even the crickets seemed to be keeping time with the drums.
Every family on the island owns a small share of the forest and one day each year to cut wood there.
"""}


def word_at(line: Recording, index: int) -> tuple[int, int]:
    times = line.truth_ms[index]
    assert times
    return times[0] * RATE_HZ // 1000, times[1] * RATE_HZ // 1000


def laid(*parts: Samples) -> Samples:
    """One after the other, faded over 5 ms where they meet."""
    whole = parts[0]
    for part in parts[1:]:
        n_fade = min(FADE, len(whole), len(part))
        fade = np.linspace(0, 1, n_fade, dtype=np.float32)
        middle = whole[len(whole) - n_fade :] * (1 - fade) + part[:n_fade] * fade
        whole = np.concatenate([whole[: len(whole) - n_fade], middle, part[n_fade:]])
    return whole


def dropped(line: Recording, index: int, chance: Chance) -> Samples:
    start, stop = word_at(line, index)
    return laid(line.samples[:start], line.samples[stop:])


def doubled(line: Recording, index: int, chance: Chance) -> Samples:
    start, stop = word_at(line, index)
    return laid(line.samples[:stop], line.samples[start:])


def halved(line: Recording, index: int, chance: Chance) -> Samples:
    start, stop = word_at(line, index)
    middle = (start + stop) // 2
    first, last = (start, middle) if chance.random() < 0.5 else (middle, stop)
    return laid(line.samples[:first], line.samples[last:])


def replaced(line: Recording, index: int, chance: Chance) -> Samples:
    start, stop = word_at(line, index)
    hiss = chance.standard_normal(stop - start) * line.samples[start:stop].std()
    return laid(line.samples[:start], hiss.astype(np.float32), line.samples[stop:])


EDITS: dict[str, Edit] = {"dropped, cut out": dropped, "doubled, copied": doubled, "cut in half": halved,
                          "replaced by noise": replaced}
SAID: dict[str, Callable[[list[str], int], list[str]]] = {
    "dropped, not said": lambda words, i: [*words[:i], *words[i + 1 :]],
    "doubled, said twice": lambda words, i: [*words[: i + 1], *words[i:]],
    "two doubled, said twice": lambda words, i: [*words[: i + 2], *words[i:]],
    "swapped": lambda words, i: [*words[:i], words[i + 1], words[i], *words[i + 2 :]],
}
TWO = ("two doubled, said twice", "swapped")
"""Faults of a word and the next."""


@dataclass(frozen=True)
class Part:
    """Lines to make: `n_clean` without a fault, `n_each` with each, of those with a word doubled `n_doubled` more."""

    split: Split
    seed: int
    n_clean: int
    n_each: int = 0
    n_doubled: int = 0

    def cases(self) -> list[Case]:
        split, engine = self.split, Espeak()
        chance = np.random.default_rng(split.seed + self.seed)
        references = _references(engine, split, np.random.default_rng([split.seed, self.seed]))
        found: list[Case] = []
        counts = {kind: self.n_each + self.n_doubled * kind.startswith("doubled") for kind in (*EDITS, *SAID)}
        for kind, count in {CLEAN: self.n_clean, **counts}.items():
            n_wanted = len(found) + count
            while len(found) < n_wanted:
                case = _case(engine, split, kind, references, chance)
                found += [case] if case else []
        return found


def parts_by_voice(split: Split, n_parts: int, n_clean: int, n_each: int, n_doubled: int = 0) -> list[Part]:
    """Each voice in one part."""
    return [Part(replace(split, voices=split.voices[seed::n_parts]), seed, n_clean, n_each, n_doubled)
            for seed in range(n_parts)]


def _references(engine: Espeak, split: Split, chance: Chance) -> dict[str, Recording]:
    """Some 8 s of each voice."""
    found = {}
    for voice, _ in split.voices:
        said = utter_by(engine, str(chance.choice(clips(split))), voice,
                     float(chance.uniform(0.85, 1.2)))
        assert said is not None
        found[voice] = said
    return found


def clips(split: Split) -> list[str]:
    names = ("fit", "wide") if split.name == WIDE.name else (split.name,)
    return [clip for name in names for clip in REFERENCES[name].strip().splitlines()]


def _case(engine: Espeak, split: Split, kind: str, references: dict[str, Recording], chance: Chance) -> Case | None:
    voice, _ = split.voices[chance.integers(len(split.voices))]
    speed = float(chance.uniform(0.8, 1.3))
    first = int(chance.integers(len(split.sentences) - 2))
    words = " ".join(split.sentences[first : first + 3]).split()[: int(chance.integers(4, 21))]
    line = None if COMMENT in words else utter_by(engine, " ".join(words), voice, speed)
    index = int(chance.integers(len(words) - (kind in TWO)))
    if line is None or kind == CLEAN:
        return line and Case(kind, line, -1, first, references[voice])
    if kind in EDITS:
        return Case(kind, replace(line, samples=EDITS[kind](line, index, chance)), index, first,
                    references[voice])
    if kind == "swapped" and words[index] == words[index + 1]:
        return None
    said = " ".join(SAID[kind](words, index))
    faulty = _sound(engine, said, voice, speed)
    if faulty is not None:
        pace = float(np.clip(speed * len(faulty) / len(line.samples), 0.5, 2.0))
        faulty = _sound(engine, said, voice, pace)
    return None if faulty is None else Case(kind, replace(line, samples=faulty), index, first, references[voice])


def utter_by(engine: Espeak, sentence: str, voice: str, speed: float) -> Recording | None:
    if voice.startswith(flite.PREFIX):
        return flite.utter(sentence, voice, speed)
    return utter(engine, sentence, voice, speed)


def _sound(engine: Espeak, sentence: str, voice: str, speed: float) -> Samples | None:
    if voice.startswith(flite.PREFIX):
        return flite.say(sentence, voice, speed)
    said = utter(engine, sentence, voice, speed)
    return said and said.samples


def people(recordings: Sequence[Recording], seed: int, n_each: int) -> list[Case]:
    """Eight words of a person at a time, as they are and edited; the reference is what the recording has besides."""
    clean = [(_part(line, first, min(first + 8, len(line.words))), _besides(line, first, first + 8))
             for line in recordings for first in range(0, max(len(line.words) - 7, 1), 8)
             if len(line.words) >= 8 + LEAST_WORDS]
    return _edited(clean, seed, n_each)


def _edited(clean: Sequence[tuple[Recording, Recording]], seed: int, n_each: int = 1,
            share: int = 1) -> list[Case]:
    """Lines and their references, as they are, and each fault cut into each of them, or into one of `share`, so many
    times."""
    chance = np.random.default_rng(seed)
    found = [Case(CLEAN, line, -1, -1, besides) for line, besides in clean]
    for number, (kind, edit) in enumerate(EDITS.items()):
        for line, besides in [*clean[number % share :: share]] * n_each:
            index = int(chance.integers(len(line.words)))
            found.append(Case(kind, replace(line, samples=edit(line, index, chance)), index, -1, besides))
    return found


def readings() -> list[Case]:
    """A third reader to fit on, by phrases, as three people of different throats; one fault is cut into each."""
    clean = [(_part(line, first, last), _besides(line, first, last))
             for reading in timing_fit.clips(FIT_SPEECH) if reading
             for line in (_warped(reading, factor) for factor in WARPS) for first, last in _phrases(line)]
    return _edited(clean, FIT.seed, share=len(EDITS))


def _phrases(line: Recording) -> list[tuple[int, int]]:
    """Words from a pause to one of the next two, 4 to 20 of them."""
    pauses = [at + 1 for at, (before, after) in enumerate(pairwise(line.truth_ms))
              if before and after and after[0] - before[1] >= PAUSE_MS]
    bounds = [0, *pauses, len(line.words)]
    return [(first, last) for at, first in enumerate(bounds) for last in bounds[at + 1 : at + 3]
            if 4 <= last - first <= 20]


def _warped(line: Recording, factor: float) -> Recording:
    """As from a throat so much shorter, and as much faster."""
    samples: Samples = soxr.resample(line.samples, RATE_HZ * factor, RATE_HZ)
    return replace(line, samples=samples, speaker=f"{line.speaker}@{factor}", truth_ms=[
        time and (round(time[0] / factor), round(time[1] / factor)) for time in line.truth_ms])


def _besides(line: Recording, first: int, last: int) -> Recording:
    """The longer part of a recording before or after `words[first:last]`, at most `MOST_WORDS` of it."""
    if first > len(line.words) - last:
        return _part(line, max(0, first - MOST_WORDS), first)
    return _part(line, last, min(len(line.words), last + MOST_WORDS))


def fit_people() -> list[Case]:
    """Of two people of `dev_speech` and of `readings`, every fourth: each has a reference of its own."""
    return [*people(timing_fit.human(), FIT.seed, 4), *readings()][::4]


def talkers() -> list[Case]:
    """The people of `shared/speech`: spontaneous talk."""
    return people(human(SPEECH), TEST.seed, 4) if SPEECH else []


def reader() -> list[Case]:
    """The clips of `test_speech`, as they are and edited; the first is the reference."""
    first, *others = [clip for clip in timing_fit.clips(READER) if clip]
    return _edited([(clip, first) for clip in others], TEST.seed)


def _part(line: Recording, first: int, last: int) -> Recording:
    """`words[first:last]`, cut in the middle of what lies between them and their neighbours."""
    start = (word_at(line, first - 1)[1] + word_at(line, first)[0]) // 2 if first else 0
    stop = (word_at(line, last - 1)[1] + word_at(line, last)[0]) // 2 if last < len(line.words) else len(line.samples)
    by_ms = start * 1000 // RATE_HZ
    return Recording(line.samples[start:stop], line.words[first:last],
                     [time and (time[0] - by_ms, time[1] - by_ms) for time in line.truth_ms[first:last]], line.speaker)
