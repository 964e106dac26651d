"""Recordings whose word times are known, and what may happen to them on their way to a listener.

Two splits share nothing: parameters are chosen on `DEV`, figures are reported on `REPORT`. Voices, sentences and the
seeds of noise, edits and pauses differ. eSpeak NG and Festival Lite give their own exact times. Human recordings of the
dev split have no labels; theirs are the times of the undamaged clip, good enough to see slips of more than 200 ms.
"""
from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soxr

from benchmarks import reader_voices
from timing.align import RATE_HZ, Samples
from tts import Line, Options
from tts.espeak import Espeak

Times = list[tuple[int, int] | None]


@dataclass(frozen=True)
class Recording:
    """16 kHz audio, its text and when each of its words sounds; None for a word of the text that nobody says."""

    samples: Samples
    words: tuple[str, ...]
    truth_ms: Times
    speaker: str = ""
    language: str = "en"

    @property
    def text(self) -> str:
        return " ".join(self.words)


@dataclass(frozen=True)
class Split:
    name: str
    voices: tuple[tuple[str, float], ...]
    """eSpeak voice and speed."""
    sentences: tuple[str, ...]
    seed: int
    language: str = "en"
    speakers: tuple[tuple[str, float], ...] = ()
    """Voices of Festival Lite, and speed."""
    hasty: tuple[tuple[str, float], ...] = ()
    """The same where they speak without care."""


DEV = Split("dev", (("gmw/en-US+m3", 1.0), ("gmw/en-GB-x-gbcwmd", 0.95), ("gmw/en-US+f2", 1.1), ("gmw/en+m7", 0.85)),
            tuple("""
Yesterday my neighbour found an old map behind the wardrobe.
It showed a narrow path that nobody in the village had ever used.
We packed some sandwiches, a rope, and two very heavy lamps.
At first the forest was silent, then a branch cracked above us.
You know, I think we should probably go back now.
That was the moment when everything went wrong for her.
Honestly, I never thought it would take this long to explain.
The kitchen smelled of garlic, butter and fresh basil.
Subscribe if you like videos about engines, boats, and weird machines.
Scientists measured the temperature of the lake for thirty years.
So what happened next surprised even the oldest fishermen.
Well, he said yes, and then he simply walked away.
Every child deserves a teacher who believes in them.
Let me show you how this tiny motor lifts a whole piano.
The judge asked for order, but the crowd kept shouting.
I was going to call you, but my phone died on the way home.
Fold the paper twice, press the edge, and turn it over.
There is no easy answer to a question like that.
Her grandmother wore the same green coat for forty winters.
In the end they sold the farm and moved to the coast.
""".strip().splitlines()), 1000,
            speakers=(("slt", 1.0), ("awb", 1.1), ("kal16", 0.9)),
            hasty=(("slt", 1.25), ("awb", 1.35), ("kal16", 1.15), ("slt", 1.5), ("awb", 1.1)))

REPORT = Split("report", (("gmw/en-US", 1.0), ("gmw/en-GB-x-rp", 0.9), ("gmw/en-GB-scotland", 1.1), ("gmw/en-029", 1.0),
                          ("gmw/en-US+f5", 0.9)), tuple("""
The morning train left the station before anyone noticed the missing suitcase.
Please put the red apples on the kitchen table, and close the window.
She asked for a quiet room, but they gave her one above the street.
Nobody expected the small shop to survive the winter.
After the rain stopped, we walked along the river and counted the boats.
Good stories begin in the middle, and end a little too early.
He opened the heavy door, looked around, and said nothing at all.
Our teacher writes short notes on thin yellow paper.
When the music fades, take a slow breath and start again.
The captain pointed at the dark clouds, then turned the ship around.
I have never seen so many birds on a single roof.
Fresh bread, strong coffee, and a newspaper make a perfect Sunday.
They painted the old fence blue because green was sold out.
Could you tell me which bus goes to the northern market?
A good friend listens first, thinks twice, and speaks once.
The cat slept under the chair while the dog watched the door.
Most people forget the name, but remember the face.
Turn left at the bridge, go past the church, and stop at the gate.
My brother keeps his tools in a box under the stairs.
We finished the puzzle late at night, with one piece missing.
""".strip().splitlines()), 2000,
               speakers=(("rms", 1.0), ("rms", 1.2)), hasty=(("rms", 1.4), ("rms", 1.6)))

FRENCH_DEV = Split("French dev", (("roa/fr", 1.0), ("roa/fr-BE+f2", 1.1), ("roa/fr-CH+m3", 0.9)), tuple("""
Hier mon voisin a trouvé une vieille carte derrière l'armoire.
Elle montrait un chemin étroit que personne au village n'avait jamais pris.
Nous avons emporté des sandwichs, une corde et deux lampes très lourdes.
Au début la forêt était silencieuse, puis une branche a craqué au-dessus de nous.
Tu sais, je crois que nous devrions rentrer maintenant.
C'est à ce moment que tout a mal tourné pour elle.
Franchement, je ne pensais pas que ce serait si long à expliquer.
La cuisine sentait l'ail, le beurre et le basilic frais.
Abonnez-vous si vous aimez les vidéos sur les moteurs, les bateaux et les machines bizarres.
Les scientifiques ont mesuré la température du lac pendant trente ans.
Ce qui s'est passé ensuite a surpris même les plus vieux pêcheurs.
Eh bien, il a dit oui, puis il est simplement parti.
Chaque enfant mérite un professeur qui croit en lui.
Laissez-moi vous montrer comment ce petit moteur soulève un piano entier.
Le juge demandait le calme, mais la foule continuait à crier.
Sa grand-mère a porté le même manteau vert pendant quarante hivers.
À la fin ils ont vendu la ferme et se sont installés sur la côte.
Il n'y a pas de réponse facile à une question comme celle-là.
""".strip().splitlines()), 3000, "fr")

FRENCH_REPORT = Split("French report", (("roa/fr+m1", 1.0), ("roa/fr-BE", 0.9), ("roa/fr-CH+f5", 1.1)), tuple("""
Le train du matin a quitté la gare avant que l'on remarque la valise oubliée.
Posez les pommes rouges sur la table de la cuisine, et fermez la fenêtre.
Elle voulait une chambre calme, mais on lui en a donné une sur la rue.
Personne ne croyait que la petite boutique passerait l'hiver.
Après la pluie, nous avons marché le long de la rivière en comptant les bateaux.
Les bonnes histoires commencent au milieu, et finissent un peu trop tôt.
Il ouvrit la lourde porte, regarda autour de lui, et ne dit rien du tout.
Notre institutrice écrit de courtes notes sur du papier jaune.
Quand la musique s'arrête, respirez lentement et recommencez.
Le capitaine montra les nuages sombres, puis fit tourner le navire.
Je n'ai jamais vu autant d'oiseaux sur un seul toit.
Du pain frais, un café fort et un journal font un dimanche parfait.
Ils ont repeint la clôture en bleu parce qu'il n'y avait plus de vert.
Pourriez-vous me dire quel autobus va au marché du nord?
Un bon ami écoute d'abord, réfléchit deux fois et parle une fois.
Le chat dormait sous la chaise pendant que le chien surveillait la porte.
Tournez à gauche au pont, dépassez l'église et arrêtez-vous au portail.
Mon frère range ses outils dans une boîte sous l'escalier.
""".strip().splitlines()), 4000, "fr")

OTHER_TEXTS = {
    FRENCH_DEV: "Le parlement a rejeté l'amendement jeudi parce que trois membres de la commission avaient changé "
                "d'avis sur les quotas de pêche et le prix de l'acier importé.",
    FRENCH_REPORT: "Fouettez quatre œufs avec une tasse de sucre jusqu'à ce que le mélange blanchisse, ajoutez la "
                   "farine d'amande et faites cuire le tout à feu doux pendant vingt minutes.",
    DEV: "Parliament rejected the amendment on Thursday because three members of the committee had changed their "
         "minds about fishing quotas and the price of imported steel.",
    REPORT: "Whisk four eggs with a cup of sugar until the mixture turns pale, fold in the almond flour, and bake "
            "everything at a moderate heat for twenty five minutes.",
}
ECHO_MS, ECHO_GAINS = 140, {"f2": 10 / 256, "f5": 10 / 256}
"""By the `echo` line of a variant's file; eSpeak's wavegen.c feeds so much of what it has said back."""
GERMAN = "Der alte Mann wohnte allein am Rande des Waldes, und jeden Morgen ging er mit seinem Hund zum Fluss hinunter."


def spoken(split: Split, per_recording: int = 2, gap_s: tuple[float, float] = (0.3, 1.0)) -> list[Recording]:
    """Every voice says some sentences; `per_recording` of them, with silences between, are one recording."""
    engine = Espeak()
    return _joined_by_voice(split, split.voices, partial(utter, engine), per_recording, gap_s)


def read_out(split: Split, per_recording: int = 2, gap_s: tuple[float, float] = (0.3, 1.0)) -> list[Recording]:
    """The same by the voices that were made from people's; none where Festival Lite is absent."""
    speakers = () if reader_voices.missing() else split.speakers
    return _joined_by_voice(split, speakers, utter_by_flite, per_recording, gap_s)


def casual(split: Split) -> list[Recording]:
    """The same as people talk: faster, with words as in `reader_voices.CASUAL`."""
    speakers = () if reader_voices.missing() else split.hasty
    return _joined_by_voice(split, speakers, partial(utter_by_flite, forms=reader_voices.CASUAL), 2, (0.3, 1.0))


def _joined_by_voice(split: Split, voices: Sequence[tuple[str, float]],
                     say: Callable[[str, str, float], Recording | None], per_recording: int,
                     gap_s: tuple[float, float]) -> list[Recording]:
    found, chance = list[Recording](), np.random.default_rng(split.seed)
    for number, (voice, speed) in enumerate(voices):
        clips = [replace(clip, language=split.language) for sentence in split.sentences[number % 2 :: 2]
                 if (clip := say(sentence, voice, speed)) is not None]
        for first in range(0, len(clips) - per_recording + 1, per_recording):
            found.append(joined(clips[first : first + per_recording], chance, gap_s))
    return found


def utter(engine: Espeak, sentence: str, voice: str, speed: float) -> Recording | None:
    engine._voices["benchmark"] = voice
    said = next(iter(engine.speak([Line(sentence, "benchmark")], Options(speed=speed), check=lambda: None,
                                  progress=lambda done: None)))
    starts = {mark.char_start: (mark.start_ms, mark.end_ms) for mark in said.marks or ()}
    words = sentence.split()
    places = np.cumsum([0, *(len(word) + 1 for word in words)])[:-1]
    if set(places.tolist()) != set(starts):
        return None
    samples: Samples = soxr.resample(said.samples, engine.rate_hz, RATE_HZ)
    truth_ms = [starts[place] for place in places.tolist()]
    direct = without_echo(samples, voice)
    return Recording(samples, tuple(words), [
        (start_ms, end_ms if word[-1].isalpha() else _last_sound_ms(direct, start_ms, end_ms))
        for word, (start_ms, end_ms) in zip(words, truth_ms, strict=True)], voice)


def utter_by_flite(sentence: str, voice: str, speed: float, forms: Path | None = None) -> Recording | None:
    samples, rate_hz, truth_ms = reader_voices.say(sentence, voice, speed, forms)
    words = tuple(sentence.split())
    return Recording(soxr.resample(samples, rate_hz, RATE_HZ), words, [*truth_ms], voice) if len(words) == len(
        truth_ms) else None


def without_echo(samples: Samples, voice: str) -> Samples:
    """What an eSpeak voice says, without what its variant repeats of it: no word goes on in its own echo."""
    gain = ECHO_GAINS.get(voice.partition("+")[2], 0.0)
    repeated = np.pad(samples, (ECHO_MS * RATE_HZ // 1000, 0))[: len(samples)]
    direct: Samples = samples - np.float32(gain) * repeated
    return direct


def _last_sound_ms(samples: Samples, start_ms: int, end_ms: int) -> int:
    """Where a word's sound ends: eSpeak counts the silence behind a clause, up to 0.3 s, to its last word."""
    loud = np.abs(samples[start_ms * RATE_HZ // 1000 : end_ms * RATE_HZ // 1000]) > 1e-3
    return start_ms + (int(np.flatnonzero(loud)[-1]) + 1) * 1000 // RATE_HZ


def joined(clips: Sequence[Recording], chance: np.random.Generator, gap_s: tuple[float, float]) -> Recording:
    parts: list[Samples] = [tone(chance.uniform(*gap_s), chance)]
    truth_ms: Times = []
    for clip in clips:
        truth_ms += _moved(clip.truth_ms, sum(map(len, parts)))
        parts += [clip.samples, tone(chance.uniform(*gap_s), chance)]
    words = tuple(word for clip in clips for word in clip.words)
    return Recording(np.concatenate(parts), words, truth_ms, clips[0].speaker, clips[0].language)


def tone(length_s: float, chance: np.random.Generator, level_db: float = -70.0) -> Samples:
    """The quiet of a room."""
    noise: Samples = (chance.standard_normal(int(length_s * 1000) * RATE_HZ // 1000) * 10 ** (level_db / 20)).astype(
        np.float32)
    return noise


def _moved(truth_ms: Times, by_samples: int) -> Times:
    by_ms = round(by_samples * 1000 / RATE_HZ)
    return [time and (time[0] + by_ms, time[1] + by_ms) for time in truth_ms]


Change = Callable[[Recording, np.random.Generator], Recording]


def noise(recording: Recording, chance: np.random.Generator, snr_db: float) -> Recording:
    """Pink noise, `snr_db` below the mean power of the sounding samples."""
    length = len(recording.samples)
    spectrum = np.fft.rfft(chance.standard_normal(length))
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 20)), length)
    return _mixed(recording, pink, snr_db)


def _mixed(recording: Recording, sound: np.ndarray, snr_db: float) -> Recording:
    gain = np.sqrt(_power(recording.samples) / np.square(sound).mean()) * 10 ** (-snr_db / 20)
    return replace(recording, samples=(recording.samples + gain * sound).astype(np.float32))


def _power(samples: Samples) -> float:
    return float(np.square(samples[np.abs(samples) > 3e-3]).mean())


def music(length: int, chance: np.random.Generator) -> np.ndarray:
    """Chords of decaying harmonics and a drum, two beats a second."""
    time = np.arange(length) / RATE_HZ
    sound = np.zeros(length)
    for beat in range(int(length / RATE_HZ * 2) + 1):
        start = beat * RATE_HZ // 2
        since = time[: length - start]
        for note in chance.choice([0, 3, 5, 7, 10, 12], 3, replace=False):
            pitch = 110 * 2 ** (note / 12)
            sound[start:] += sum(np.sin(2 * np.pi * pitch * k * since) / k for k in range(1, 6)) * np.exp(-3 * since)
        sound[start:] += chance.standard_normal(length - start) * np.exp(-40 * since) * 2
    return sound


def music_under(recording: Recording, chance: np.random.Generator, snr_db: float) -> Recording:
    return _mixed(recording, music(len(recording.samples), chance), snr_db)


def music_before(recording: Recording, chance: np.random.Generator, length_s: float = 3.0) -> Recording:
    intro = music(int(length_s * RATE_HZ), chance)
    intro *= np.sqrt(_power(recording.samples) / np.square(intro).mean())
    return replace(recording, samples=np.concatenate([intro.astype(np.float32), recording.samples]),
                   truth_ms=_moved(recording.truth_ms, len(intro)))


def telephone(recording: Recording, chance: np.random.Generator) -> Recording:
    """300 to 3400 Hz at 8 kHz, 8 bits a sample by mu-law."""
    narrow = soxr.resample(recording.samples, RATE_HZ, 8000)
    spectrum = np.fft.rfft(narrow)
    hz = np.fft.rfftfreq(len(narrow), 1 / 8000)
    narrow = np.fft.irfft(spectrum * ((hz > 300) & (hz < 3400)), len(narrow))
    code = np.round(np.sign(narrow) * np.log1p(255 * np.abs(narrow).clip(0, 1)) / np.log(256) * 127) / 127
    narrow = np.sign(code) * (256 ** np.abs(code) - 1) / 255
    return replace(recording, samples=soxr.resample(narrow.astype(np.float32), 8000, RATE_HZ))


def mp3(recording: Recording, chance: np.random.Generator) -> Recording:
    """32 kb/s there and back; the encoder's delay is known to the decoder."""
    ffmpeg, pcm = imageio_ffmpeg.get_ffmpeg_exe(), ["-f", "f32le", "-ar", str(RATE_HZ), "-ac", "1"]
    quiet = [ffmpeg, "-hide_banner", "-loglevel", "error"]
    encoded = subprocess.run([*quiet, *pcm, "-i", "-", "-b:a", "32k", "-f", "mp3", "-"], check=True,
                             input=recording.samples.astype("<f4").tobytes(), capture_output=True).stdout
    decoded = subprocess.run([*quiet, "-i", "-", *pcm, "-"], input=encoded, check=True, capture_output=True).stdout
    delay = 1105 if len(decoded) // 4 >= len(recording.samples) + 1105 else 0
    return replace(recording, samples=np.frombuffer(decoded, "<f4")[delay:].copy())


def echo(recording: Recording, chance: np.random.Generator, rt60_s: float = 0.5) -> Recording:
    """A room: direct sound and a tail that falls by 60 dB in `rt60_s`, 6 dB weaker than it."""
    time = np.arange(int(rt60_s * RATE_HZ)) / RATE_HZ
    tail = chance.standard_normal(len(time)) * 10 ** (-3 * time / rt60_s)
    tail[: RATE_HZ // 100] = 0
    tail *= 0.5 / np.sqrt(np.square(tail).sum())
    tail[0] = 1
    size = len(recording.samples) + len(tail)
    wet = np.fft.irfft(np.fft.rfft(recording.samples, size) * np.fft.rfft(tail, size), size)
    return replace(recording, samples=wet[: len(recording.samples)].astype(np.float32))


def gated(recording: Recording, chance: np.random.Generator) -> Recording:
    """A room at -50 dB that a noise gate turns to digital silence 150 ms after a word that a pause follows."""
    samples = recording.samples + chance.standard_normal(len(recording.samples)) * 10 ** (-50 / 20)
    keep = np.zeros(len(samples), dtype=bool)
    for time in recording.truth_ms:
        if time:
            keep[max(0, time[0] - 20) * RATE_HZ // 1000 : (time[1] + 150) * RATE_HZ // 1000] = True
    return replace(recording, samples=np.where(keep, samples, 0).astype(np.float32))


def hesitant(recording: Recording, chance: np.random.Generator, um: Samples | None = None) -> Recording:
    """Pauses of 1 to 8 s within sentences, a breath in some, in others an "um" that is not in the text."""
    parts, truth_ms, at = [], [], 0
    quiet = recording.samples[: RATE_HZ // 10].std() + 1e-4
    breaks = [i for i, (a, b) in enumerate(pairwise(recording.truth_ms), 1) if a and b and chance.random() < 0.15]
    for index, time in enumerate(recording.truth_ms):
        if index in breaks and time and (before := recording.truth_ms[index - 1]):
            cut = (before[1] + time[0]) // 2 * RATE_HZ // 1000
            pause = chance.standard_normal(int(chance.uniform(1, 8) * RATE_HZ)) * quiet
            if chance.random() < 0.4:
                _add(pause, _breath(chance, np.sqrt(_power(recording.samples)) / 8), chance)
            if um is not None and chance.random() < 0.4:
                _add(pause, um * np.sqrt(_power(recording.samples) / _power(um)), chance)
            parts += [recording.samples[at:cut], pause.astype(np.float32)]
            at = cut
        inserted = sum(map(len, parts)) - at
        truth_ms.append(_moved([time], inserted)[0])
    return replace(recording, samples=np.concatenate([*parts, recording.samples[at:]]), truth_ms=truth_ms)


def _add(pause: np.ndarray, sound: np.ndarray, chance: np.random.Generator) -> None:
    if len(sound) < len(pause):
        at = int(chance.integers(0, len(pause) - len(sound)))
        pause[at : at + len(sound)] += sound


def _breath(chance: np.random.Generator, level: float) -> np.ndarray:
    length = RATE_HZ // 2
    rough = np.convolve(chance.standard_normal(length), np.ones(4) / 2, mode="same")
    return rough * np.hanning(length) * level


def without_words(recording: Recording, chance: np.random.Generator, count: int) -> Recording:
    """The text lacks words that are said."""
    keep = sorted(set(range(len(recording.words))) - set(_some(recording, chance, count)))
    return replace(recording, words=tuple(recording.words[i] for i in keep),
                   truth_ms=[recording.truth_ms[i] for i in keep])


def with_extra_words(recording: Recording, chance: np.random.Generator, count: int) -> Recording:
    """The text has words that nobody says."""
    words, truth_ms = list(recording.words), list(recording.truth_ms)
    for place in sorted(_some(recording, chance, count), reverse=True):
        words.insert(place, str(chance.choice(_STRANGERS[recording.language])))
        truth_ms.insert(place, None)
    return replace(recording, words=tuple(words), truth_ms=truth_ms)


def misheard(recording: Recording, chance: np.random.Generator, count: int) -> Recording:
    """The text has other words in place of some that are said; their time is that of what is said."""
    words = list(recording.words)
    for place in _some(recording, chance, count):
        words[place] = str(chance.choice(_STRANGERS[recording.language]))
    return replace(recording, words=tuple(words))


_STRANGERS = {
    "en": "elephant yesterday purple circumstances jump ago whose seventy mountain if".split(),
    "fr": "éléphant demain violet circonstances sauter voici dont soixante montagne ou".split(),
}


def _some(recording: Recording, chance: np.random.Generator, count: int) -> list[int]:
    return [int(i) for i in chance.choice(len(recording.words), min(count, len(recording.words) // 2), replace=False)]


def second_half_of_text(recording: Recording, chance: np.random.Generator) -> Recording:
    half = len(recording.words) // 2
    return replace(recording, words=recording.words[half:], truth_ms=recording.truth_ms[half:])


def second_half_of_audio(recording: Recording, chance: np.random.Generator) -> Recording:
    half = len(recording.words) // 2
    before, after = recording.truth_ms[half - 1], recording.truth_ms[half]
    assert before and after
    cut = (before[1] + after[0]) // 2 * RATE_HZ // 1000
    return replace(recording, samples=recording.samples[cut:],
                   truth_ms=[None] * half + _moved(recording.truth_ms[half:], -cut))


def other_text(recording: Recording, chance: np.random.Generator, text: str) -> Recording:
    words = tuple(text.split())
    return replace(recording, words=words, truth_ms=[None] * len(words))


def german(recording: Recording, chance: np.random.Generator) -> Recording:
    """A German speaker under the English text."""
    said = utter(Espeak(), GERMAN, "gmw/de", 1.0)
    assert said is not None
    return replace(recording, samples=said.samples, truth_ms=[None] * len(recording.words))


def conditions(split: Split) -> dict[str, Change]:
    um = utter(Espeak(), "um", split.voices[0][0], 0.8)
    return {
        "clean": lambda recording, chance: recording,
        **{f"noise {snr} dB": partial(noise, snr_db=snr) for snr in (20, 10, 5, 0)},
        "telephone": telephone, "mp3 32 kb/s": mp3, "echo": echo, "gated": gated,
        "music before": music_before, "music under 10 dB": partial(music_under, snr_db=10),
        "long pauses": hesitant, "hesitant": partial(hesitant, um=um and um.samples),
        "1 missing": partial(without_words, count=1), "5 missing": partial(without_words, count=5),
        "1 extra": partial(with_extra_words, count=1), "5 extra": partial(with_extra_words, count=5),
        "1 misheard": partial(misheard, count=1), "5 misheard": partial(misheard, count=5),
        "half the text": second_half_of_text, "half the audio": second_half_of_audio,
        "another text": partial(other_text, text=OTHER_TEXTS[split]), "another language": german,
    }


def changed(recordings: Sequence[Recording], change: Change, seed: int) -> list[Recording]:
    return [change(recording, np.random.default_rng(seed + number)) for number, recording in enumerate(recordings)]


def tempo(split: Split, factor: float) -> Split:
    return replace(split, voices=tuple((voice, factor) for voice, _ in split.voices),
                   speakers=tuple((voice, factor) for voice, _ in split.speakers))
