from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks import reader_voices
from benchmarks.timing_sets import (
    FRENCH_REPORT,
    OTHER_TEXTS,
    REPORT,
    Recording,
    hesitant,
    joined,
    noise,
    read_out,
    telephone,
    utter,
)
from benchmarks.timing_sounds import loudest, sustained
from tests.timing.recordings import FIRST, SECOND, THIRD, passage, say, silence
from text.phonemes import pronounce
from text.spoken import Token, read
from timing.align import DOUBT, RATE_HZ, Alignment, NoEvidence, Samples, TimingError, align
from timing.pocketsphinx import PocketSphinx
from timing.words import to_ms
from tts.espeak import Espeak

ROOT = Path(__file__).resolve().parents[2]
SPEECH = next((p for p in (ROOT / "shared/speech", ROOT.parent / "shared/speech") if p.is_dir()), None)


@pytest.fixture(scope="module")
def source() -> PocketSphinx:
    return PocketSphinx()


def timed(source: PocketSphinx, samples: Samples, text: str, tokens: tuple[Token, ...],
          rate_hz: int = RATE_HZ) -> Alignment:
    return align(samples, rate_hz, tokens, [], text=text, language="en", method="pocketsphinx",
                 sources={"pocketsphinx": source}, check=lambda: None)


def errors_ms(alignment: Alignment, truth_ms: Sequence[tuple[int, int] | None]) -> np.ndarray:
    return np.array([(word.start_ms, word.end_ms) for word in alignment.timeline.words]) - np.array(truth_ms)


@pytest.fixture(scope="module")
def story(source: PocketSphinx) -> tuple[Alignment, list[tuple[int, int]]]:
    samples, text, tokens, truth_ms = passage(0.4, FIRST, 0.8, SECOND, 6.0, THIRD, 1.0)
    return timed(source, samples, text, tokens), truth_ms


def test_words_lie_within_20_ms_of_where_they_are_said(story: tuple[Alignment, list[tuple[int, int]]]) -> None:
    off = np.abs(errors_ms(*story))
    assert off.mean() < 20 and (off <= 50).mean() > 0.9
    assert not story[0].warnings and not any(word.estimated for word in story[0].timeline.words)


def test_word_times_are_neither_early_nor_late_as_a_whole(story: tuple[Alignment, list[tuple[int, int]]]) -> None:
    assert np.all(np.abs(np.median(errors_ms(*story), axis=0)) < 10)


def test_pauses_stay_between_words_however_long_they_are(story: tuple[Alignment, list[tuple[int, int]]]) -> None:
    alignment, truth_ms = story
    words = alignment.timeline.words
    for last, length_ms in ((11, 800), (23, 6000)):
        pause_ms = words[last + 1].start_ms - words[last].end_ms
        assert pause_ms >= length_ms and abs(pause_ms - (truth_ms[last + 1][0] - truth_ms[last][1])) < 80


def test_the_last_word_ends_where_its_sound_ends(story: tuple[Alignment, list[tuple[int, int]]]) -> None:
    alignment, truth_ms = story
    assert abs(alignment.timeline.words[-1].end_ms - truth_ms[-1][1]) <= 40


def test_times_are_finer_than_the_frames_of_the_search(source: PocketSphinx) -> None:
    samples, text, tokens, _ = passage(0.3, FIRST, 0.5, SECOND, 0.3)
    later = np.concatenate([silence(0.005), samples])  # half a frame
    words, moved = (timed(source, audio, text, tokens).timeline.words for audio in (samples, later))
    by_ms = np.array([(b.start_ms - a.start_ms, b.end_ms - a.end_ms) for a, b in zip(words, moved, strict=True)])
    assert np.abs(by_ms - 5).mean() < 4  # 5 where times lie on a grid of 10 ms


def test_a_breath_right_before_a_word_is_no_part_of_it(source: PocketSphinx) -> None:
    samples, text, tokens, truth_ms = passage(FIRST, 0.3)
    breath = np.random.default_rng(0).standard_normal(RATE_HZ * 14 // 100) * np.abs(samples).max() / 20
    alignment = timed(source, np.concatenate([silence(0.5), breath.astype(np.float32), samples]), text, tokens)
    assert abs(alignment.timeline.words[0].start_ms - truth_ms[0][0] - 640) <= 80


def test_a_final_s_that_the_telephone_does_not_let_through_is_doubted(source: PocketSphinx) -> None:
    samples, text, tokens, truth_ms = passage(0.3, "Six clubs.", 0.5, "Eight hearts.", 0.5)
    narrow = telephone(Recording(samples, tuple(text.split()), list(truth_ms)), np.random.default_rng(0)).samples
    at_home, by_phone = ([word.score or 0.0 for word in timed(source, audio, text, tokens).timeline.words]
                         for audio in (samples, narrow))
    assert min(at_home) >= DOUBT and min(by_phone[1], by_phone[3]) < DOUBT


def test_words_that_are_said_without_care_are_found_without_doubt(source: PocketSphinx) -> None:
    samples, truth_ms = say("I told er we should of left.")
    text = "I told her we should have left."
    alignment = timed(source, np.pad(samples, 8000), text, read(text, "en"))
    assert not alignment.warnings
    assert np.abs(errors_ms(alignment, truth_ms) - 500).max() < 100


@pytest.mark.skipif(reader_voices.missing() is not None, reason=str(reader_voices.missing()))
def test_a_readers_voice_that_nothing_was_chosen_on_is_timed_within_20_ms(source: PocketSphinx) -> None:
    recording = read_out(REPORT)[0]
    alignment = timed(source, recording.samples, recording.text, read(recording.text, "en"))
    assert np.abs(errors_ms(alignment, recording.truth_ms)).mean() < 20
    assert not alignment.warnings


def test_same_audio_gives_same_times(source: PocketSphinx, story: tuple[Alignment, list[tuple[int, int]]]) -> None:
    samples, text, tokens, _ = passage(0.4, FIRST, 0.8, SECOND, 6.0, THIRD, 1.0)
    assert timed(source, samples, text, tokens) == story[0] == timed(PocketSphinx(), samples, text, tokens)


def test_several_minutes_are_aligned_piece_by_piece_as_well_as_a_sentence(source: PocketSphinx) -> None:
    parts = [FIRST, 0.3, SECOND, 3.0, THIRD, 0.1] * 8
    samples, text, tokens, truth_ms = passage(20.0, *parts)
    off = np.abs(errors_ms(timed(source, samples, text, tokens), truth_ms))
    assert off.mean() < 20 and off.max() < 500


def test_the_last_words_of_a_fast_talker_are_found(source: PocketSphinx) -> None:
    said = utter(Espeak(), " ".join(REPORT.sentences[:14]), "gmw/en-US", 2.0)
    assert said is not None and len(said.samples) < 30 * RATE_HZ and len(said.words) > 120
    alignment = timed(source, said.samples, said.text, read(said.text, "en"))
    assert not any(word.estimated for word in alignment.timeline.words)
    assert np.abs(errors_ms(alignment, said.truth_ms)).max() < 200


def test_memory_does_not_grow_with_the_length_of_the_audio() -> None:
    script = (
        "import sys\n"
        "from tests.doubles.processes import peak_mb\n"
        "from tests.timing.recordings import *\n"
        "from timing.align import align\n"
        "from timing.pocketsphinx import PocketSphinx\n"
        "samples, text, tokens, _ = passage(*[FIRST, 0.3, SECOND, 0.2] * int(sys.argv[1]))\n"
        "align(samples, 16000, tokens, [], text=text, language='en', method='pocketsphinx',\n"
        "      sources={'pocketsphinx': PocketSphinx()}, check=lambda: None)\n"
        "print(peak_mb(), len(samples) * 4 >> 20)\n"
    )
    runs = [subprocess.run([sys.executable, "-c", script, str(n)], cwd=ROOT, capture_output=True, check=True)
            for n in (2, 24)]
    peaks_mib = [run.stdout for run in runs]
    (short, _), (long, audio) = (map(int, peak.split()) for peak in peaks_mib)
    assert long - short < 40 + 6 * audio


@pytest.mark.parametrize("word", ["zorblax", "kubernetes", "yknow", "pikachu's"])
def test_a_word_that_no_dictionary_has_is_found_where_it_is_said(source: PocketSphinx, word: str) -> None:
    samples, text, tokens, truth_ms = passage(0.3, f"We gave the little {word} some bread and water.", 0.3)
    alignment = timed(source, samples, text, tokens)
    assert np.abs(errors_ms(alignment, truth_ms))[4].max() <= 60
    assert not alignment.timeline.words[4].estimated


def test_unknown_words_are_pronounced_in_the_models_phones() -> None:
    assert pronounce("kubernetes") == "K UW B ER N EH D IY Z"
    assert pronounce("thatchbury").split()[:4] == ["TH", "AE", "CH", "B"]
    assert pronounce("youtubeur", "fr") == "yy ou tt uu bb oe rr"
    assert pronounce("") == pronounce("'") == pronounce("", "fr") == ""


def test_every_phone_of_the_table_is_known_to_the_model(source: PocketSphinx) -> None:
    from text import phonemes

    for language, (_, table) in phonemes.VOICES.items():
        phones = {phone for entry in table.values() for phone in entry.split()}
        assert phones <= source._loaded(language)._model.phones.keys()


def test_words_that_are_not_in_the_audio_leave_the_others_their_times(source: PocketSphinx) -> None:
    samples, text, _, _ = passage(0.3, FIRST, 0.3)
    extra = text + " " + "Furthermore the seventeen committees unanimously recommended immediate reconstruction."
    alignment = timed(source, samples, extra, read(extra, "en"))
    assert any("estimated" in warning for warning in alignment.warnings)
    assert alignment.timeline.words[-1].estimated


def test_half_the_text_leaves_its_words_where_they_are_said(source: PocketSphinx) -> None:
    samples, _, _, truth_ms = passage(0.3, FIRST, 0.5, SECOND, 0.3)
    alignment = timed(source, samples, SECOND, read(SECOND, "en"))
    off = np.abs(errors_ms(alignment, truth_ms[12:]))
    assert (off > 200).any(axis=1).sum() <= 1


def test_the_text_of_another_recording_is_refused_or_doubted(source: PocketSphinx) -> None:
    samples = passage(0.3, FIRST, 0.5, SECOND, 0.3)[0]
    text = "Whisk four eggs with a cup of sugar until the mixture turns pale, then fold in the almond flour."
    try:
        words = timed(source, samples, text, read(text, "en")).timeline.words
    except TimingError as error:
        assert "check that the text is what is said" in str(error)
    else:
        assert sum(word.estimated or (word.score or 0) < 0.5 for word in words) >= 0.8 * len(words)


def test_loud_noise_before_the_first_word_leaves_it_where_it_is(source: PocketSphinx) -> None:
    samples, text, tokens, truth_ms = passage(4.0, FIRST, 0.3)
    hum = np.sin(2 * np.pi * 220 * np.arange(3 * RATE_HZ) / RATE_HZ) * np.abs(samples).max() / 2
    samples = np.concatenate([hum.astype(np.float32), samples[3 * RATE_HZ :]])
    assert np.abs(errors_ms(timed(source, samples, text, tokens), truth_ms)).max() < 150


def test_speech_that_is_not_in_the_text_does_not_move_what_is(source: PocketSphinx) -> None:
    samples, _, _, truth_ms = passage(0.3, FIRST, 0.5, "Um.", 0.5, SECOND, 0.3)
    text = f"{FIRST} {SECOND}"
    off = np.abs(errors_ms(timed(source, samples, text, read(text, "en")), [*truth_ms[:12], *truth_ms[13:]]))
    assert np.median(off) < 20 and (off <= 50).mean() > 0.85


def test_a_word_stays_on_its_side_of_a_long_pause_with_breaths_and_ums_in_it(source: PocketSphinx) -> None:
    engine = Espeak()
    said = [utter(engine, sentence, "gmw/en+m7", 0.85) for sentence in (
        "Let me show you how this tiny motor lifts a whole piano.",
        "I was going to call you, but my phone died on the way home.")]
    um = utter(engine, "um", "gmw/en+m7", 0.8)
    assert um and all(said)
    clip = joined([each for each in said if each], np.random.default_rng(1), (0.3, 1.0))
    for seed, sound in ((1, None), (2, um.samples), (4, um.samples)):
        recording = hesitant(clip, np.random.default_rng(seed), sound)
        off = np.abs(errors_ms(timed(source, recording.samples, clip.text, read(clip.text, "en")), recording.truth_ms))
        assert off.max() <= 200


def test_digital_silence_around_speech_does_not_confuse_the_model(source: PocketSphinx) -> None:
    samples, text, tokens, truth_ms = passage(
        0.3, "The captain pointed at the dark clouds, then turned the ship around.", 0.3)
    assert np.abs(errors_ms(timed(source, samples, text, tokens), truth_ms)).max() < 150


def test_silence_has_no_words(source: PocketSphinx) -> None:
    with pytest.raises(NoEvidence, match="silent"):
        source.align(silence(2.0), read("Nobody is here.", "en"), "en")


def test_noise_does_not_take_the_words_away(source: PocketSphinx) -> None:
    samples, text, tokens, truth_ms = passage(0.4, FIRST, 0.8, SECOND, 0.5)
    noise = np.random.default_rng(3).normal(0, 10 ** (-20 / 20) * np.sqrt(np.square(samples).mean()), len(samples))
    off = np.abs(errors_ms(timed(source, (samples + noise).astype(np.float32), text, tokens), truth_ms))
    assert off.mean() < 30 and (off <= 50).mean() > 0.85


def test_audio_of_any_rate_gives_the_same_words(source: PocketSphinx) -> None:
    import soxr

    samples, text, tokens, truth_ms = passage(0.4, SECOND, 0.5)
    for rate_hz in (22_050, 24_000, 44_100, 48_000):
        resampled = soxr.resample(samples, RATE_HZ, rate_hz)
        assert np.abs(errors_ms(timed(source, resampled, text, tokens, rate_hz), truth_ms)).mean() < 30


def test_a_telephone_and_noise_leave_words_where_they_are(source: PocketSphinx) -> None:
    samples, text, tokens, truth_ms = passage(0.4, FIRST, 0.8, SECOND, 0.5, THIRD, 0.3)
    for changed, mean_ms in ((telephone(Recording(samples, (), []), np.random.default_rng(0)), 24),
                             (noise(Recording(samples, (), []), np.random.default_rng(0), 5), 26)):
        off = np.abs(errors_ms(timed(source, changed.samples, text, tokens), truth_ms))
        assert off.mean() < mean_ms and off.max() < 200


def test_a_word_that_nobody_says_is_estimated_or_doubted(source: PocketSphinx) -> None:
    samples, text, _, truth_ms = passage(0.3, FIRST, 0.5, SECOND, 0.3)
    for before in (4, 9, 15, 21):
        said = text.split()
        written = " ".join([*said[:before], "elephant", *said[before:]])
        words = list(timed(source, samples, written, read(written, "en")).timeline.words)
        extra = words.pop(before)
        assert extra.estimated or (extra.score or 0) < DOUBT
        off = np.abs(np.array([(word.start_ms, word.end_ms) for word in words]) - np.array(truth_ms)).max(axis=1)
        assert not [word for word, error in zip(words, off, strict=True) if error > 200 and (word.score or 0) >= DOUBT]


def test_english_and_french_are_supported(source: PocketSphinx) -> None:
    assert [source.supports(tag) for tag in ("en", "en-GB", "EN_us", "fr", "fr-CA", "FR_be")] == [None] * 6
    assert all("English and French only" in str(source.supports(tag)) for tag in ("de", "enm", "frp"))


def test_an_english_job_loads_nothing_french() -> None:
    samples, text, tokens, _ = passage(0.3, THIRD, 0.3)
    source = PocketSphinx()
    timed(source, samples, text, tokens)
    assert list(source._searches) == ["en"] and "soundswallower" not in sys.modules


@pytest.fixture(scope="module")
def french() -> Recording:
    """Elisions, liaisons, a ligature, an inversion, words in two parts and one that no dictionary has."""
    clips = [utter(Espeak(), sentence, "roa/fr", 1.0) for sentence in (
        "L'homme qu'il a vu hier n'est pas là, peut-être aujourd'hui.",
        "Les enfants ont adoré cette œuvre du grand youtubeur québécois.",
        "Y a-t-il quelqu'un dans la vieille maison?")]
    return replace(joined([clip for clip in clips if clip], np.random.default_rng(0), (0.4, 0.9)), language="fr")


def timed_in_french(source: PocketSphinx, samples: Samples, text: str) -> Alignment:
    return align(samples, RATE_HZ, read(text, "fr"), [], text=text, language="fr-FR", method="auto",
                 sources={"pocketsphinx": source}, check=lambda: None)


def test_french_words_lie_where_they_are_said(source: PocketSphinx, french: Recording) -> None:
    alignment = timed_in_french(source, french.samples, french.text)
    off = np.abs(errors_ms(alignment, french.truth_ms))
    assert len(off) == 27 and off.mean() < 25 and (off <= 50).mean() > 0.85
    assert alignment.timeline.method == "pocketsphinx"
    assert sum((word.score or 0) < DOUBT for word in alignment.timeline.words) <= 2


def test_a_french_text_that_is_not_said_is_refused_and_an_extra_word_doubted(source: PocketSphinx,
                                                                             french: Recording) -> None:
    with pytest.raises(TimingError, match="check that the text is what is said"):
        timed_in_french(source, french.samples, OTHER_TEXTS[FRENCH_REPORT])
    words = timed_in_french(source, french.samples, french.text.replace(" adoré", " adoré éléphant")).timeline.words
    extra, = (word for word in words if word.text == "éléphant")
    assert extra.estimated or (extra.score or 0) < DOUBT


def test_threads_may_share_one_source(source: PocketSphinx) -> None:
    samples, text, tokens, _ = passage(0.3, THIRD, 0.3)
    expected = timed(source, samples, text, tokens)
    results: list[Alignment] = []
    threads = [threading.Thread(target=lambda: results.append(timed(source, samples, text, tokens))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


def word_tier(name: str) -> list[tuple[float, float, str]]:
    assert SPEECH is not None
    tier = re.search(r'"word"(.*?)(?:"\w+Tier"|\Z)', (SPEECH / f"{name}.TextGrid").read_text("utf-8"), re.DOTALL)
    assert tier is not None
    number = r"(?:xm\w+ = )?(\d[\d.e-]*)\s+"
    found = re.findall(number + number + r'(?:text = )?"([^"]*)"', tier[1])
    return [(float(a), float(b), word.strip().lower()) for a, b, word in found if word.strip() not in ("", "sil")]


@pytest.mark.skipif(SPEECH is None, reason="shared/speech, recordings with hand-placed word times, is not here")
def test_human_speech_is_timed_within_25_ms(source: PocketSphinx) -> None:
    assert SPEECH is not None
    off = []
    for name in ("acoustic_corpus", "bobby", "mary", "pumpkins"):
        samples, rate_hz = soundfile.read(SPEECH / f"{name}.wav", dtype="float32")
        truth = word_tier(name)
        text = " ".join(word for *_, word in truth)
        alignment = timed(source, samples, text, read(text, "en"), rate_hz)
        off.append(np.abs(errors_ms(alignment, [(to_ms(a), to_ms(b)) for a, b, _ in truth])))
    boundaries = np.concatenate(off)
    assert len(boundaries) == 72
    assert boundaries.mean() <= 25 and (boundaries <= 50).mean() >= 0.9


def test_a_word_that_is_drawn_out_is_all_of_it(source: PocketSphinx) -> None:
    said = utter(Espeak(), "The kitchen smelled of garlic and butter.", "gmw/en-US", 1.0)
    assert said is not None
    start_ms, end_ms = said.truth_ms[said.words.index("garlic")] or (0, 0)
    in_vowel = loudest(said.samples, start_ms, end_ms)
    more = sustained(said.samples, in_vowel, int(0.7 * RATE_HZ), np.random.default_rng(1))
    assert more is not None
    samples = np.concatenate([said.samples[:in_vowel], more, said.samples[in_vowel:]])
    truth_ms = [(start + 700 * (start > start_ms), end + 700 * (start >= start_ms))
                for start, end in filter(None, said.truth_ms)]
    errors = errors_ms(timed(source, samples, said.text, read(said.text, "en")), truth_ms)
    assert np.abs(errors).max() < 100
