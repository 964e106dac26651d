from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pocketsphinx
import pytest
import soxr

import tts.espeak
from tts import Cancelled, EngineError, Line, Mark, Options, Utterance
from tts.espeak import RATE_HZ, Espeak

ROOT = Path(__file__).resolve().parents[2]
CRASHES_THE_LIBRARY = [Line("647625306023095993841655776928195", "kl"), Line("A.B." * 700, "en")]
SENTENCE = "He waited at the end of the road, in the rain, until the first bus came."


@pytest.fixture(scope="module")
def engine() -> Espeak:
    return Espeak()


def say(engine: Espeak, text: str, language: str = "en", **options: float) -> Utterance:
    settings = Options(speed=options.get("speed", 1.0), seed=int(options.get("seed", 1)))
    return next(engine.speak([Line(text, language)], settings, check=lambda: None, progress=lambda share: None))


def marks(utterance: Utterance) -> tuple[Mark, ...]:
    assert utterance.marks is not None
    return utterance.marks


def words(text: str, utterance: Utterance) -> list[str]:
    return [text[mark.char_start:mark.char_end] for mark in marks(utterance)]


def at(ms: int) -> int:
    return ms * RATE_HZ // 1000


def stretches_of_sound(utterance: Utterance, n_silence: int) -> list[tuple[int, int]]:
    """(first, last) sample of each stretch between silences, found in the samples alone."""
    loud = np.flatnonzero(utterance.samples)
    breaks = np.flatnonzero(np.diff(loud) > n_silence)
    return list(zip(loud[[0, *(breaks + 1)]].tolist(), loud[[*breaks, -1]].tolist(), strict=True))


def digest(utterance: Utterance) -> str:
    return hashlib.sha256(utterance.samples.tobytes() + repr(utterance.marks).encode()).hexdigest()


# Marks


def test_words_between_pauses_are_marked_from_their_first_sample_to_their_last(engine: Espeak) -> None:
    utterance = say(engine, "Roses, violets, lilies, and dandelions.")
    heard = stretches_of_sound(utterance, RATE_HZ // 10)
    spans = [(mark.start_ms, mark.end_ms) for mark in marks(utterance)]
    spoken = [spans[0], spans[1], spans[2], (spans[3][0], spans[4][1])]
    assert len(heard) == 4
    for (first, last), (start_ms, end_ms) in zip(heard, spoken, strict=True):
        assert abs(first * 1000 / RATE_HZ - start_ms) <= 1
        assert abs((last + 1) * 1000 / RATE_HZ - end_ms) <= 1


def test_a_pause_lies_outside_the_marks_and_all_sound_inside(engine: Espeak) -> None:
    utterance = say(engine, SENTENCE)
    marked = np.zeros(len(utterance.samples), bool)
    for mark in marks(utterance):
        marked[max(0, at(mark.start_ms) - RATE_HZ // 1000):at(mark.end_ms) + RATE_HZ // 1000] = True
    assert not utterance.samples[~marked].any()
    assert (~marked).sum() > RATE_HZ // 2


def test_words_that_are_said_without_a_pause_touch(engine: Espeak) -> None:
    first, second, third = marks(say(engine, "many yellow lamps"))
    assert first.end_ms == second.start_ms and second.end_ms == third.start_ms


def test_the_last_word_ends_with_its_sound_and_silence_follows(engine: Espeak) -> None:
    utterance = say(engine, "We are home.")
    end = at(marks(utterance)[-1].end_ms)
    assert utterance.samples[end - 200:end].any()
    assert not utterance.samples[end + RATE_HZ // 1000:].any()
    assert len(utterance.samples) - end > RATE_HZ // 5


def test_an_acoustic_aligner_hears_the_words_where_the_marks_are(engine: Espeak) -> None:
    utterance = say(engine, SENTENCE)
    decoder = pocketsphinx.Decoder(samprate=16000, bestpath=False, loglevel="FATAL",
                                   beam=1e-100, pbeam=1e-100, wbeam=1e-80)
    decoder.set_align_text(re.sub(r"[^a-z ]", "", SENTENCE.lower()))
    decoder.start_utt()
    samples = np.pad(soxr.resample(utterance.samples, RATE_HZ, 16000), 4800)
    decoder.process_raw((samples * 32767).astype(np.int16).tobytes(), full_utt=True)
    decoder.end_utt()
    heard_ms = [segment.start_frame * 10 - 300 for segment in decoder.seg() if segment.word[0] not in "<[("]
    differences = [abs(mark.start_ms - ms) for mark, ms in zip(marks(utterance), heard_ms, strict=True)]
    assert sum(differences) / len(differences) < 30
    assert max(differences) < 120


@pytest.mark.parametrize("text", [
    SENTENCE,
    "I would have to go as well as you, for a while, in a row, such as it was.",
    "Most of the time we couldn't have been there at a quarter to one.",
    "Here and there, with the help of a friend, on the way from the station.",
])
def test_each_word_of_a_phrase_that_is_said_in_one_go_has_its_own_mark(engine: Espeak, text: str) -> None:
    utterance = say(engine, text)
    assert words(text, utterance) == text.split()
    assert all(mark.end_ms - mark.start_ms >= 20 for mark in marks(utterance))
    assert utterance.warnings == ()


def test_the_words_of_a_phrase_are_divided_where_the_sound_changes(engine: Espeak) -> None:
    """In "of the" the dictionary gives one entry; [v] ends and [D] begins where the phonemes say."""
    utterance = say(engine, "one of the best")
    of, the, best = marks(utterance)[1:]
    assert of.end_ms == the.start_ms
    assert 60 <= of.end_ms - of.start_ms <= 160
    assert 60 <= the.end_ms - the.start_ms <= 160
    assert best.start_ms == the.end_ms


@pytest.mark.parametrize(("text", "language"), [
    ("Dr. Smith met Mrs. Jones vs. Prof. Brown at 5 p.m. on Jan. 3rd, 2024, etc. at St. James St.", "en"),
    ("The U.S.A., the U.K., i.e. NATO and e.g. the FBI cost $3.50, or 1,234,567 euros, 50% off.", "en"),
    ("Das ist z. B. für uns, d. h. am 3. Mai 2024 um 10 Uhr, bzw. später.", "de"),
    ("Il y a 10 000 personnes, c'est-à-dire aujourd'hui, chez M. Dupont.", "fr"),
    ("¿Cómo está la Sra. López? ¡Muy bien! Son 25 manzanas.", "es"),
])
def test_abbreviations_numbers_and_symbols_have_marks(engine: Espeak, text: str, language: str) -> None:
    utterance = say(engine, text, language)
    starts = [mark.char_start for mark in marks(utterance)]
    for word in re.finditer(r"\S+", text):
        assert any(word.start() <= start < word.end() for start in starts), word[0]


@pytest.mark.parametrize(("text", "language"), [
    ("Café, naïve señor größer œuvre.", "en"),
    ("Ärger über Größe: schöne Straßen überall.", "de"),
    ("Où êtes-vous né, là-bas ou à Besançon, garçon?", "fr"),
    ("El niño pequeño comió piñas en España.", "es"),
    ("Привет, мир, как твои дела сегодня?", "ru"),
    ("Cafe\u0301 e\u0301le\u0300ve nai\u0308ve", "fr"),
    ("नमस्ते दुनिया कैसे हैं", "hi"),
])
def test_places_in_the_text_are_counted_in_characters(engine: Espeak, text: str, language: str) -> None:
    assert words(text, say(engine, text, language)) == text.split()


def test_an_emoji_does_not_shift_the_words_after_it(engine: Espeak) -> None:
    text = "hello 😀 world 👨‍👩‍👧 again 🎉"
    assert [word for word in words(text, say(engine, text)) if word.isascii()] == ["hello", "world", "again"]


def test_a_dash_and_quotes_have_no_mark_of_their_own(engine: Espeak) -> None:
    text = "He said — “hello” — and left …"
    assert words(text, say(engine, text)) == ["He", "said", "hello”", "and", "left"]


def test_marks_stay_true_through_many_clauses(engine: Espeak) -> None:
    text = " ".join([SENTENCE] * 30)
    utterance = say(engine, text)
    assert words(text, utterance) == text.split()
    sentence_starts_ms = [mark.start_ms for mark in marks(utterance)][::len(SENTENCE.split())]
    assert len(sentence_starts_ms) == 30
    assert max(np.diff(sentence_starts_ms)) - min(np.diff(sentence_starts_ms)) < 40


def test_chinese_is_marked_by_character(engine: Espeak) -> None:
    text = "你好，世界。我今天很高兴。"
    utterance = say(engine, text, "zh")
    assert {"世", "界。", "我", "今", "天", "很", "高", "兴。"} <= set(words(text, utterance))
    assert utterance.warnings == ()


def test_japanese_kana_are_spoken_and_kanji_are_reported(engine: Espeak) -> None:
    kana = say(engine, "こんにちは、カタカナ です", "ja")
    assert len(marks(kana)) == 3 and kana.warnings == ()
    assert "Chinese characters" in say(engine, "今日 は いい 天気 です。", "ja").warnings[0]


def test_words_that_do_not_fit_are_reported(engine: Espeak) -> None:
    utterance = say(engine, "www " * 300)
    assert "left out" in utterance.warnings[0] and "'www'" in utterance.warnings[0]


# The same every time


def test_a_line_sounds_the_same_in_any_order(engine: Espeak) -> None:
    lines = [Line(SENTENCE, "en"), Line("Guten Morgen, Welt.", "de"), Line("Bonjour le monde.", "fr")]

    def spoken(order: list[int]) -> dict[int, str]:
        utterances = engine.speak([lines[index] for index in order], Options(), check=lambda: None,
                                  progress=lambda share: None)
        return {index: digest(utterance) for index, utterance in zip(order, utterances, strict=True)}

    once = spoken([0, 1, 2])
    assert len(set(once.values())) == 3
    assert spoken([2, 0, 1, 0]) == once
    assert spoken([1]) == {1: once[1]}


def test_a_line_sounds_the_same_in_another_process(engine: Espeak) -> None:
    program = ("import sys; from tests.tts.test_espeak import *; e = Espeak(); say(e, 'Something else first.');"
               "print(digest(say(e, SENTENCE)))")
    other = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest(say(engine, SENTENCE))


def test_a_line_sounds_the_same_in_many_threads(engine: Espeak) -> None:
    texts = [f"This is line {number} of the text." for number in range(6)] * 3
    alone = [digest(say(engine, text)) for text in texts[:6]]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda text: digest(say(engine, text)), texts))
    assert together == alone * 3


def test_a_voice_that_breathes_sounds_the_same_in_another_second(engine: Espeak,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engine._voices, "en", "gmw/en-US+f5")
    once = digest(say(engine, SENTENCE))
    time.sleep(1.0)
    assert digest(say(engine, SENTENCE)) == once


def test_the_seed_does_not_change_the_plain_voice(engine: Espeak) -> None:
    assert digest(say(engine, SENTENCE, seed=1)) == digest(say(engine, SENTENCE, seed=2_147_483_647))


# Speed and language


@pytest.mark.parametrize("speed", [0.5, 0.75, 1.25, 1.5, 2.0])
def test_speed_divides_the_duration_and_the_marks_follow(engine: Espeak, speed: float) -> None:
    normal, paced = say(engine, SENTENCE), say(engine, SENTENCE, speed=speed)
    assert len(normal.samples) / len(paced.samples) == pytest.approx(speed, rel=0.06)
    assert words(SENTENCE, paced) == SENTENCE.split()
    heard = stretches_of_sound(paced, RATE_HZ // 10)
    assert abs(heard[-1][1] * 1000 / RATE_HZ - marks(paced)[-1].end_ms) <= 1


@pytest.mark.parametrize("speed", [0.0, 0.49, 2.01, 1e9, float("nan")])
def test_a_speed_outside_the_range_is_refused(engine: Espeak, speed: float) -> None:
    with pytest.raises(EngineError, match="speed"):
        say(engine, "Hello.", speed=speed)


def test_every_listed_language_speaks(engine: Espeak) -> None:
    without_latin_or_digits = {"chr-us-qaaa-x-west", "cv", "sjn"}
    lines = [Line("1 2 3.", tag) for tag in engine.languages() if tag not in without_latin_or_digits]
    with ThreadPoolExecutor(2) as pool:
        spoken = list(pool.map(lambda line: say(engine, line.text, line.language), lines))
    assert len(lines) > 130
    assert [line.language for line, utterance in zip(lines, spoken, strict=True) if len(marks(utterance)) != 3] == []


def test_languages_sound_different_and_a_region_falls_back_to_its_language(engine: Espeak) -> None:
    sounds = {language: digest(say(engine, "Radio Paris", language)) for language in
              ("en", "en-GB", "en_US", "de", "de-AT", "fr", "fr-CA", "es", "zh-Hans-CN", "pt-BR", "pt-PT")}
    assert sounds["en"] == sounds["en_US"] != sounds["en-GB"]
    assert sounds["de"] == sounds["de-AT"]
    assert sounds["fr"] == sounds["fr-CA"]
    assert sounds["pt-BR"] != sounds["pt-PT"]
    assert len({sounds[language] for language in ("en", "de", "fr", "es", "zh-Hans-CN")}) == 5


@pytest.mark.parametrize("language", ["tlh-unknown", "xx", "", "../../etc/passwd", "en\x00", "e" * 10_000, "gmw/de"])
def test_a_language_without_a_voice_is_refused_by_name(engine: Espeak, language: str) -> None:
    with pytest.raises(EngineError, match="language") as refused:
        say(engine, "Hello.", language)
    assert repr(language[:20]) in str(refused.value) and len(str(refused.value)) < 100


def test_an_unknown_language_is_refused_before_anything_is_spoken(engine: Espeak) -> None:
    shares: list[float] = []
    with pytest.raises(EngineError):
        engine.speak([Line("Hello.", "en"), Line("Hello.", "xx")], Options(), check=lambda: None,
                     progress=shares.append)
    assert shares == []


# Hostile text


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\x00\x01\x02", "…", "— – —", "\u200b\u200d", "\U0010ffff"])
def test_a_line_without_sound_is_a_short_silence_with_a_warning(engine: Espeak, text: str) -> None:
    utterance = say(engine, text)
    assert 0 < len(utterance.samples) <= RATE_HZ // 2 and not utterance.samples.any()
    assert marks(utterance) == () and len(utterance.warnings) == 1


@pytest.mark.parametrize(("markup", "words_spoken"), [
    ("wait <break time='9s'/> here", 5), ("<voice name='de'>hello</voice>", 4), ("[[h@'loU]] world", 4),
])
def test_markup_is_spoken_and_never_obeyed(engine: Espeak, markup: str, words_spoken: int) -> None:
    utterance = say(engine, markup)
    assert len(marks(utterance)) >= words_spoken
    assert len(utterance.samples) < 9 * RATE_HZ


@pytest.mark.parametrize("command", ["\x0150P", "\x01300S", "\x01VGerman ", "\x010A", "\x02", "\x1b[31m"])
def test_control_characters_are_spaces_and_never_commands(engine: Espeak, command: str) -> None:
    hostile, harmless = f"good {command} morning", f"good  {command[1:]} morning"
    assert digest(say(engine, hostile)) == digest(say(engine, harmless))


def test_a_lone_surrogate_is_a_space(engine: Espeak) -> None:
    text = "good \ud800 morning"
    assert words(text, say(engine, text)) == ["good", "morning"]


@pytest.mark.parametrize("text", ["a" * 100_000, "word " * 20_000, "😀" * 1051, "é" * 2101])
def test_a_line_over_the_limit_is_refused_with_both_numbers(engine: Espeak, text: str) -> None:
    with pytest.raises(EngineError, match=f"{len(text.encode())} bytes.* {engine.max_bytes(None, 1.0)}"):
        say(engine, text)


@pytest.mark.parametrize("text", ["a" * 3000, "9" * 3000, "😀" * 750, "日" * 1000, ". " * 1500, "e\u0301" * 1000,
                                  "((((" * 700, "<" * 3000, "\u202e\u2066abc" * 300, "nine " * 830])
def test_strange_text_up_to_the_limit_keeps_marks_in_order_within_the_audio(engine: Espeak, text: str) -> None:
    utterance = say(engine, text)
    edges_ms = [edge for mark in marks(utterance) for edge in (mark.start_ms, mark.end_ms)]
    assert edges_ms == sorted(edges_ms)
    assert all(mark.start_ms < mark.end_ms and mark.char_start < mark.char_end <= len(text)
               for mark in marks(utterance))
    assert not edges_ms or edges_ms[-1] <= len(utterance.samples) * 1000 / RATE_HZ + 1


@pytest.mark.parametrize("line", CRASHES_THE_LIBRARY, ids=lambda line: line.text[:8])
def test_a_line_that_crashes_the_library_fails_alone(engine: Espeak, line: Line) -> None:
    with pytest.raises(EngineError, match=f"breaks on the line that begins '{line.text[:8]}"):
        say(engine, line.text, line.language)
    assert len(marks(say(engine, "Still here."))) == 2


# Care of the process


def test_cancelling_stops_in_the_middle_of_a_line_and_leaves_no_process(engine: Espeak) -> None:
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Cancelled

    long_line = Line((SENTENCE + " ") * 40, "en")
    before = children()
    with pytest.raises(Cancelled):
        list(engine.speak([long_line], Options(), check=check,
                          progress=lambda share: pytest.fail("the line was finished")))
    assert children() <= before


def test_a_machine_that_is_slow_to_take_the_question_still_gets_an_answer(
        engine: Espeak, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look for an answer is over before anything could be written."""
    communicate, looks, end = subprocess.Popen.communicate, list[float](), time.monotonic() + 20

    def too_early_at_first(child: Any, question: bytes | None = None, timeout: float = 0.0) -> Any:
        looks.append(timeout)
        return communicate(child, question, timeout=timeout if len(looks) > 1 else 0.0)

    def check() -> None:
        assert time.monotonic() < end, "the child waits for its question"

    monkeypatch.setattr(subprocess.Popen, "communicate", too_early_at_first)
    line = Line("Hello there.", "en")
    assert next(iter(engine.speak([line], Options(), check=check, progress=lambda share: None))).samples.any()
    assert len(looks) > 1


def children() -> set[str]:
    """The processes that this one has started and not yet buried."""
    found = set[str]()
    for thread in Path("/proc/self/task").iterdir():
        with suppress(OSError):  # a thread that ends while it is looked at
            found.update((thread / "children").read_text().split())
    return found


def test_cancelling_kills_a_synthesiser_that_hangs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def cancelled() -> None:
        raise Cancelled

    end = tmp_path / "reached the end"
    monkeypatch.setattr(tts.espeak, "_CHILD", ["/bin/sh", "-c", f"sleep 2; touch '{end}'"])
    with pytest.raises(Cancelled):
        tts.espeak._answers({}, check=cancelled)
    assert not end.exists()


def test_check_is_called_before_each_line_and_progress_reaches_one(engine: Espeak) -> None:
    checks: list[int] = []
    shares: list[float] = []
    for _ in engine.speak([Line("One.", "en"), Line("Two.", "en"), Line("Three.", "en"), Line("", "en")], Options(),
                          check=lambda: checks.append(len(shares)), progress=shares.append):
        pass
    assert shares == [0.25, 0.5, 0.75, 1.0]
    assert sorted(set(checks)) == [0, 1, 2, 3]


def test_no_lines_are_no_utterances(engine: Espeak) -> None:
    assert list(engine.speak([], Options(), check=lambda: None, progress=lambda share: None)) == []


def test_the_child_inherits_no_environment(monkeypatch: pytest.MonkeyPatch, engine: Espeak) -> None:
    """Text can make the library misbehave; then there must be no secret in its process."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setattr(tts.espeak, "_CHILD", ["/usr/bin/env"])
    written = tts.espeak._answers({}, check=lambda: None)
    assert written and b"hunter2" not in written


def test_what_the_library_prints_goes_nowhere(monkeypatch: pytest.MonkeyPatch,
                                              capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(tts.espeak, "_CHILD", ["/bin/sh", "-c", "echo Bad rules data >&2"])
    tts.espeak._answers({}, check=lambda: None)
    assert capfd.readouterr() == ("", "")


def test_import_loads_neither_the_library_nor_torch() -> None:
    program = ("import sys, tts.espeak; maps = open('/proc/self/maps').read();"
               "print('espeakng_loader' in sys.modules, 'torch' in sys.modules, 'libespeak' in maps)")
    seen = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert seen.stdout.split() == ["False", "False", "False"]


def test_the_engine_says_what_it_is(engine: Espeak) -> None:
    assert (engine.name, engine.model, engine.rate_hz, engine.clones) == ("espeak", "espeak-ng", 22050, False)
    assert re.match(r"1\.\d+", engine.revision)
    assert {"en", "en-gb", "de", "fr", "es", "zh", "ja"} <= set(engine.languages())
