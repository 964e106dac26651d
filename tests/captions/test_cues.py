from __future__ import annotations

import json
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings

from captions.breaks import Seam, seams
from captions.cue import Cue
from captions.cues import CaptionError, Captions, columns, cues
from captions.style import fonts
from captions.style.options import usable_width
from tests.captions.timelines import STORY, caption_options, english, said, timed, timelines
from timing.words import Timeline


def lines_of(timeline: Timeline, **options: Any) -> list[tuple[str, ...]]:
    return [cue.lines for cue in cues(timeline, Captions.of(options))]


def times_of(timeline: Timeline, **options: Any) -> list[tuple[int, int]]:
    return [(cue.start_ms, cue.end_ms) for cue in cues(timeline, Captions.of(options))]


# Options.

@pytest.mark.parametrize(("options", "message"), [
    ({"sizee": 3}, "'sizee' is not a caption option; options are preset, max_words"),
    ({"preset": "tiktok"}, "preset is one of shorts, pop, pill"),
    ({"preset": None}, "preset"),
    ({"preset": ["shorts"]}, "preset"),
    ({"max_words": 0}, "max_words is a whole number from 1 to 50"),
    ({"max_words": True}, "max_words"),
    ({"max_words": "4"}, "max_words"),
    ({"max_chars": 1.5}, "max_chars"),
    ({"max_chars": 10**9}, "max_chars"),
    ({"max_lines": 5}, "max_lines"),
    ({"size": 10**6}, "size"),
    ({"highlight": "glow"}, "highlight is one of none, word, sweep, box"),
    ({"position": "left"}, "position"),
    ({"color": "red"}, "color is a colour written #RRGGBB"),
    ({"color": "#FFFFFF&}{\\p1"}, "color"),
    ({"highlight_color": "#12345G"}, "highlight_color"),
    ({"font": "Arial,99"}, "font"),
    ({"font": "Arial\n[Events]"}, "font"),
    ({"font": "Arial\n"}, "font"),
    ({"font": "x" * 65}, "font"),
    ({"font": ""}, "font"),
    ({"font": "@Arial"}, "font"),
    ({"font": "{\\b1}"}, "font"),
    ({"uppercase": 1}, "uppercase is true or false"),
    ({"strip_punctuation": "yes"}, "strip_punctuation"),
    ({"resolution": [1080]}, "resolution is [width, height]"),
    ({"resolution": [1080, 10**7]}, "resolution"),
    ({"resolution": [0, 1920]}, "resolution"),
    ({"resolution": [1080.0, 1920]}, "resolution"),
    ({"resolution": "1080x1920"}, "resolution"),
    ({"json_shapes": "openai"}, "json_shapes is a list of openai, elevenlabs, polly"),
    ({"json_shapes": [["openai"]]}, "json_shapes"),
])
def test_an_option_that_cannot_be_is_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(CaptionError) as refused:
        Captions.of(options)
    assert str(refused.value).startswith(message)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("font", [
    "Arial", "Noto Sans CJK JP", "Baloo 2", "ヒラギノ角ゴ", "Helvetica-Neue", "Font & Co."])
def test_the_names_of_real_fonts_are_taken(font: str) -> None:
    assert Captions.of({"font": font}).font == font


def test_no_options_mean_readable_sentences() -> None:
    captions = Captions.of({})
    assert (captions.preset, captions.highlight, captions.max_chars, captions.max_lines) == ("sentence", "none", 42, 2)


def test_an_option_overrides_its_preset_and_leaves_the_rest() -> None:
    captions = Captions.of({"preset": "shorts", "max_words": 2, "color": "#00ff00"})
    assert (captions.max_words, captions.color) == (2, "#00FF00")
    assert (captions.highlight, captions.resolution) == ("word", (1080, 1920))


def test_a_box_is_dark_unless_told_otherwise() -> None:
    assert Captions.of({"highlight": "box"}).highlight_color == "#7C3AED"
    assert Captions.of({"highlight": "box", "highlight_color": "#FFFF00"}).highlight_color == "#FFFF00"


@given(caption_options)
def test_captions_survive_being_stored_as_json(options: dict[str, Any]) -> None:
    captions = Captions.of(options)
    kept: dict[str, Any] = json.loads(json.dumps(asdict(captions)))
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in kept.items()}
    assert Captions(**values) == captions


@given(timelines(english), caption_options)
@settings(max_examples=60, deadline=None)
def test_a_line_of_words_fits_the_frame_whatever_its_resolution(timeline: Timeline, options: dict[str, Any]) -> None:
    captions = Captions.of(options)
    for cue in cues(timeline, captions):
        for line, text in zip(cue.pieces, cue.lines, strict=True):
            width = captions.size * fonts.width(text, captions.family, timeline.language)
            assert len(line) == 1 or width <= usable_width(captions.resolution)


def test_a_narrow_frame_gets_shorter_lines_and_not_tiny_letters() -> None:
    lines = [line for cue in cues(said(STORY), Captions.of({"resolution": [1080, 1920]})) for line in cue.lines]
    assert max(map(len, lines)) < 35
    assert Captions.of({"resolution": [1080, 1920]}).size >= 45


@pytest.mark.parametrize("preset", ["shorts", "pop"])
@pytest.mark.parametrize("resolution", [(1080, 1920), (1080, 1080), (720, 1280)])
def test_short_videos_have_big_letters(preset: str, resolution: tuple[int, int]) -> None:
    assert Captions.of({"preset": preset, "resolution": resolution}).size >= 0.075 * resolution[0]


def test_two_lines_are_about_as_long_as_each_other() -> None:
    text = "the small boat with the red sail went slowly out to the wide grey sea"
    assert lines_of(said(text)) == [("the small boat with the red sail", "went slowly out to the wide grey sea")]


def test_a_mark_on_a_letter_takes_no_room_in_a_line() -> None:
    text = "e\u0301te\u0301 chaud"
    assert lines_of(said(text), max_chars=9) == [(text,)]
    assert lines_of(said(text), max_chars=8, max_lines=2) == [tuple(text.split())]


# Which words.

@given(timelines(), caption_options)
@settings(max_examples=150, deadline=None)
def test_every_word_is_shown_once_in_order_and_whole(timeline: Timeline, options: dict[str, Any]) -> None:
    captions = Captions.of(options)
    made = cues(timeline, captions)
    assert [index for cue in made for index in range(cue.first, cue.last + 1)] == list(range(len(timeline.words)))
    for cue in made:
        pieces = [piece for line in cue.pieces for piece in line]
        assert [piece.text for piece in pieces] == [w.text for w in timeline.words[cue.first:cue.last + 1]]
        assert len(pieces) <= captions.max_words
        assert len(cue.lines) <= captions.max_lines
        assert all(columns(text) <= captions.max_chars or len(line) == 1
                   for line, text in zip(cue.pieces, cue.lines, strict=True))


@given(timelines(), caption_options)
@settings(max_examples=150, deadline=None)
def test_cues_follow_the_words_and_never_overlap(timeline: Timeline, options: dict[str, Any]) -> None:
    made = cues(timeline, Captions.of(options))
    for cue in made:
        assert cue.start_ms == timeline.words[cue.first].start_ms
        assert timeline.words[cue.last].start_ms < cue.end_ms <= timeline.duration_ms
    assert all(a.end_ms <= b.start_ms for a, b in pairwise(made))


@pytest.mark.parametrize("preset", ["shorts", "karaoke", "sentence", "broadcast"])
def test_one_word_at_a_time_on_request(preset: str) -> None:
    timeline = said(STORY)
    assert lines_of(timeline, preset=preset, max_words=1) == [(word.text,) for word in timeline.words]


def test_shorts_are_few_big_words_cut_where_the_phrase_is() -> None:
    found = lines_of(said(STORY), preset="shorts")
    assert all(len(lines) <= 2 and sum(len(line.split()) for line in lines) <= 4 for lines in found)
    assert found[:2] == [("Hello!",), ("This voice", "needs")]
    assert sum(lines[-1].split()[-1].lower() in {"a", "an", "the"} for lines in found) == 0


def test_a_sentence_begins_with_a_cue_of_its_own() -> None:
    found = [" ".join(lines) for lines in lines_of(said(STORY), preset="sentence")]
    assert found[:3] == ["Hello!", "This voice needs no graphics card and no download.",
                         "Every word you hear has its time,"]
    assert not any(mark in text[:-1] for text in found for mark in ("! ", "? ", ". ") if "Mr. " not in text)


def test_mr_does_not_end_a_sentence() -> None:
    found = lines_of(said("We met Mr. Jones and Dr. Who. They left."), preset="sentence")
    assert found == [("We met Mr. Jones and Dr. Who.",), ("They left.",)]


@pytest.mark.parametrize(("language", "text", "cut"), [
    ("de", "Wir sehen uns am 3. Mai in Nr. 5. Dann geht es weiter.", "5."),
    ("de", "Das 21. Jahrhundert kennt z. B. Autos. Alle fahren.", "Autos."),
    ("de", "Beginn ist am 3. Mai um 8. Dann geht es weiter.", "8."),
    ("en", "Open it with Gen. Lee at No. 5. Then we go on.", "5."),
    ("en", "We waited for 5 min. Then we left.", "min."),
    ("es", "La Sra. López lee la pág. 5. Luego duerme.", "5."),
    ("ru", "Он жил на ул. Ленина до 2024 г. Потом уехал.", "г."),
    ("en", "The rope is 2.5 ft. Then comes the knot.", "ft."),
    ("pl", "Mieszka przy ul. Długiej od lat. Potem śpi.", "lat."),
])
def test_a_dot_of_a_day_or_an_abbreviation_ends_no_sentence(language: str, text: str, cut: str) -> None:
    words = text.split()
    sentences = [word for word, seam in zip(words, seams(said(text, language=language)), strict=False)
                 if seam is Seam.SENTENCE]
    assert sentences == [cut]


def test_a_sign_that_stands_apart_stays_by_its_number_and_its_sentence() -> None:
    found = lines_of(said("Il coûte 15 € par mois, soit 20 % de moins qu’en 2023 !", language="fr"), preset="shorts")
    lines = [line for lines in found for line in lines]
    assert not any(line[0] in "€%!" for line in lines), lines


def test_lines_break_before_the_conjunction_and_keep_the_article_by_its_noun() -> None:
    text = "The captain of the ship saw the lighthouse and the crew began to cheer"
    assert lines_of(said(text), preset="broadcast") == [
        ("The captain of the ship saw the lighthouse", "and the crew began to cheer")]
    for lines in lines_of(said(STORY), preset="broadcast"):
        assert not any(line.split()[-1].lower() in {"a", "an", "the", "of", "and", "mr."} for line in lines)


def test_a_german_article_stays_by_its_noun_too() -> None:
    text = "Am Abend lief der Hund mit dem Ball nach Hause"
    assert lines_of(said(text, 8, "de-DE"), max_lines=1, max_chars=18) == [
        ("Am Abend",), ("lief der Hund",), ("mit dem Ball",), ("nach Hause",)]


def test_a_preposition_is_not_parted_from_the_one_it_follows() -> None:
    assert seams(said("It stopped because of the rain")) == [
        Seam.PLAIN, Seam.PHRASE, Seam.TIGHT, Seam.TIGHT, Seam.TIGHT]


def test_cues_are_cut_so_that_their_lines_break_well_too() -> None:
    text = ("She opened the letter from the lawyer of her uncle and read it twice before she put it into the drawer "
            "of the desk.")
    assert lines_of(said(text, 12), preset="karaoke")[0] == ("She opened the letter", "from the lawyer of her uncle")


def test_lines_are_of_like_width_where_nothing_else_decides() -> None:
    (lines,) = lines_of(said("alpha bravo charlie delta echo foxtrot golf hotel", language="xx"))
    assert lines == ("alpha bravo charlie delta", "echo foxtrot golf hotel")


def test_a_pause_decides_where_nothing_else_does() -> None:
    words = [(word, i * 500, i * 500 + 500) for i, word in enumerate(("alpha", "bravo", "charlie", "delta", "echo"))]
    late = [(word, start + 400, end + 400) for word, start, end in words]
    for cut in (1, 2, 3, 4):
        timeline = timed(*words[:cut], *late[cut:], language="xx")
        assert [len(lines[0].split()) for lines in lines_of(timeline, max_words=4)] == [cut, 5 - cut]


def test_a_first_name_stays_by_the_last() -> None:
    assert lines_of(said("They met Angela Merkel yesterday"), max_words=3) == [
        ("They met",), ("Angela Merkel yesterday",)]


def test_a_cue_that_fits_one_line_takes_one() -> None:
    assert lines_of(said("Short and sweet, and so it stays."), preset="broadcast") == [
        ("Short and sweet, and so it stays.",)]


def test_a_word_wider_than_the_line_stays_whole_on_a_line_of_its_own() -> None:
    word = "Donaudampfschifffahrtsgesellschaftskapitänswitwe"
    for preset in ("shorts", "broadcast"):
        assert (word,) in [(line,) for lines in lines_of(said(f"Die {word} lacht."), preset=preset) for line in lines]


def test_chinese_words_are_joined_as_the_text_joins_them() -> None:
    timeline = timed(("今天", 0, 400), ("天气", 400, 800), ("很", 800, 1000), ("好。", 1000, 1500), space="",
                     language="zh")
    assert lines_of(timeline, preset="sentence") == [("今天天气很好。",)]


def test_a_full_width_character_counts_as_two() -> None:
    timeline = timed(*[("字", i * 100, i * 100 + 90) for i in range(30)], space="", language="zh")
    assert all(len(lines[0]) <= 5 for lines in lines_of(timeline, max_chars=10, max_lines=1))


@pytest.mark.parametrize("between", [" [pause:1s] ", "\n[voice:anna] ", "\n\n"])
def test_a_written_pause_another_voice_and_a_new_paragraph_part_two_cues(between: str) -> None:
    timeline = timed(("one", 0, 300), ("two", 300, 600), space=between)
    assert lines_of(timeline, preset="broadcast") == [("one",), ("two",)]


def test_a_long_silence_parts_two_cues() -> None:
    assert lines_of(timed(("one", 0, 300), ("two", 2000, 2300))) == [("one",), ("two",)]
    assert lines_of(timed(("one", 0, 300), ("two", 400, 700))) == [("one two",)]


# How they are displayed.

def test_capitals_know_turkish() -> None:
    assert lines_of(timed(("istanbul", 0, 500), language="tr"), uppercase=True) == [("İSTANBUL",)]
    assert lines_of(timed(("straße", 0, 500), language="de"), uppercase=True) == [("STRASSE",)]


@pytest.mark.parametrize(("word", "without"), [
    ("world,", "world"), ("“Hello!”", "Hello"), ("don't", "don't"), ("$3.50,", "$3.50"), ("100%", "100%"),
    ("-5", "-5"), ("#1", "#1"), ("well-known.", "well-known"), ("—", "—"), ("¿Qué?", "Qué"), ("C++", "C++"),
    (".5", ".5"),
])
def test_punctuation_goes_and_what_is_part_of_the_word_stays(word: str, without: str) -> None:
    assert lines_of(timed((word, 0, 500)), strip_punctuation=True) == [(without,)]


def test_control_characters_do_not_reach_a_caption() -> None:
    assert lines_of(timed(("a\x00b\x1b[1m", 0, 500), ("\x07", 500, 900))) == [("ab[1m \ufffd",)]


# When.

def test_broadcast_keeps_to_the_timed_text_rules() -> None:
    timeline = said(STORY, chars_per_s=14)
    made = cues(timeline, Captions.of({"preset": "broadcast"}))
    assert len(made) > 5
    for cue in made:
        assert len(cue.lines) <= 2 and all(len(line) <= 42 for line in cue.lines)
        assert 834 <= cue.end_ms - cue.start_ms <= 7000
        assert len(cue.text) * 1000 / (cue.end_ms - cue.start_ms) <= 20
        assert cue.end_ms - timeline.words[cue.last].end_ms <= 500
    # Two frames between cues that follow each other, else half a second.
    assert all(b.start_ms - a.end_ms == 84 or b.start_ms - a.end_ms >= 500 for a, b in pairwise(made))


@given(timelines(english, max_words=60, min_ms=60))
@settings(max_examples=100, deadline=None)
def test_broadcast_keeps_its_limits_with_any_words(timeline: Timeline) -> None:
    made = cues(timeline, Captions.of({"preset": "broadcast"}))
    limits_ms = [*(cue.start_ms - 84 for cue in made[1:]), timeline.duration_ms]
    for cue, limit_ms in zip(made, limits_ms, strict=False):
        assert len(cue.lines) <= 2 and all(len(line) <= 42 for line in cue.lines)
        half_said_ms = sum((timeline.words[cue.last].start_ms, timeline.words[cue.last].end_ms, 1)) // 2
        assert cue.end_ms <= max(limit_ms, half_said_ms)
        assert cue.end_ms - cue.start_ms >= min(834, limit_ms - cue.start_ms)
        assert cue.end_ms - cue.start_ms <= 7000


def test_the_gap_takes_no_more_than_half_of_a_word() -> None:
    timeline = timed(("Go", 0, 100), ("on", 100, 1000), ("now.", 1000, 2000), tail_ms=0)
    assert times_of(timeline, preset="broadcast", max_words=1) == [(0, 50), (100, 916), (1000, 2000)]


def test_fast_speech_makes_no_cue_that_flashes_by() -> None:
    timeline = said("No. No! Yes? Go. I said so. And then we ran home. " * 3, chars_per_s=25, pause_ms=0)
    assert all(end - start >= 834 for start, end in times_of(timeline, preset="broadcast"))


def test_sentences_too_short_to_be_read_one_by_one_are_shown_together() -> None:
    assert lines_of(said("No. No. Yes.", chars_per_s=25, pause_ms=0)) == [("No. No. Yes.",)]
    assert lines_of(said("No. No. Yes.", chars_per_s=3, pause_ms=0)) == [("No.",), ("No.",), ("Yes.",)]


def test_words_too_fast_to_be_read_stand_on_through_the_sentence_after_them() -> None:
    text = "Quick words such as these are not very easily read."
    fast = [(word, i * 90, i * 90 + 90) for i, word in enumerate(text.split())]
    slow = [(word, i * 700, i * 700 + 700) for i, word in enumerate("Slow ones are.".split())]
    at_once = timed(*fast, *[(word, start + 900, end + 900) for word, start, end in slow])
    later = timed(*fast, *[(word, start + 3500, end + 3500) for word, start, end in slow], tail_ms=0)
    assert len(lines_of(at_once)) == 1
    assert len(lines_of(later)) == 2


def test_no_cue_stands_longer_than_seven_seconds() -> None:
    slow = timed(*[("slow", i * 1000, i * 1000 + 900) for i in range(20)])
    drawn_out = timed(("Aaah", 0, 20_000), ("oh", 20_000, 29_000))
    for timeline in (slow, drawn_out):
        assert all(0 < end - start <= 7000 for start, end in times_of(timeline))
    assert all(cue.end_ms >= slow.words[cue.last].end_ms for cue in cues(slow, Captions.of({})))


@pytest.mark.parametrize(("pause_ms", "end_ms"), [(300, 1300), (400, 1400), (500, 1100), (700, 1300), (900, 1400)])
def test_a_cue_reaches_the_next_or_leaves_a_gap_that_is_seen(pause_ms: int, end_ms: int) -> None:
    timeline = timed(("Done.", 0, 1000), ("Next.", 1000 + pause_ms, 2000 + pause_ms))
    assert times_of(timeline, preset="sentence")[0] == (0, end_ms)


def test_a_short_cue_stays_for_its_least_time() -> None:
    timeline = timed(("No!", 0, 100), ("Yes!", 900, 1900))
    assert times_of(timeline, preset="sentence", max_words=1)[0] == (0, 900)


def test_a_cue_outlasts_its_words_a_little_where_there_is_room() -> None:
    timeline = timed(("Done.", 0, 1000), ("Next.", 5000, 6000), tail_ms=100)
    assert times_of(timeline, preset="sentence") == [(0, 1400), (5000, 6100)]


def test_a_small_gap_between_cues_is_closed_so_that_nothing_flickers() -> None:
    timeline = timed(("Done.", 0, 1000), ("Next.", 1200, 2200))
    assert times_of(timeline, preset="sentence")[0] == (0, 1200)


@pytest.mark.parametrize("preset", ["shorts", "karaoke", "sentence"])
@pytest.mark.parametrize("pause_ms", range(0, 1400, 100))
def test_two_cues_touch_or_stand_clearly_apart(preset: str, pause_ms: int) -> None:
    timeline = timed(("Done.", 0, 1000), ("Next.", 1000 + pause_ms, 2000 + pause_ms))
    (_, end_ms), (start_ms, _) = times_of(timeline, preset=preset, max_words=1)
    assert end_ms >= 1000
    assert start_ms == end_ms or start_ms - end_ms >= 250


def test_nothing_to_say_makes_no_cue() -> None:
    nothing: tuple[Cue, ...] = cues(Timeline("", (), 1000, "en", "test"), Captions.of({}))
    assert nothing == ()
