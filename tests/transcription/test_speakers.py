"""Whose a word is, what a recogniser made up, and how both show in the files."""
from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from captions.style.options import side_margin
from timing.words import Timeline, Word
from transcription.speech import guards
from transcription.speech.diarize import Turn, speakers_of
from transcription.speech.recognise import RATE_HZ, Passage
from transcription.speech.transcript import Transcript, segments_of, with_paragraphs

TEXT = "Good day to you. Thank you."


def line() -> Timeline:
    words, at = [], 0
    for index, text in enumerate(TEXT.split()):
        start = TEXT.index(text, at)
        at = start + len(text)
        words.append(Word(text, index * 500, index * 500 + 400, start, at))
    return Timeline(TEXT, tuple(words), 4000, "en", "test")


def sound(*loud_ms: tuple[int, int]) -> np.ndarray:
    samples = np.full(4 * RATE_HZ, 1e-4, np.float32)
    for start, end in loud_ms:
        samples[start * 16:end * 16] = 0.3
    return samples


def test_a_word_is_the_ones_in_whose_turn_it_lies() -> None:
    turns = [Turn(0, 1950, "A"), Turn(1950, 4000, "B")]
    assert speakers_of(line().words, turns, sound((0, 3000))) == ("A",) * 4 + ("B",) * 2


def test_a_word_across_a_change_goes_where_its_sound_is_not_where_its_length_is() -> None:
    turns = [Turn(0, 1250, "A"), Turn(1250, 4000, "B")]
    word = (line().words[2],)  # 1000 to 1400 ms: the longer part is A's
    assert speakers_of(word, turns, sound((1000, 1400))) == ("A",)
    assert speakers_of(word, turns, sound((1270, 1400))) == ("B",)


def test_a_word_in_a_gap_goes_to_the_nearest_turn_and_one_far_from_all_to_nobody() -> None:
    words = line().words
    assert speakers_of(words[:1], [Turn(500, 900, "A"), Turn(1400, 1800, "B")], sound()) == ("A",)
    assert speakers_of(words[:1], [Turn(2000, 2500, "A")], sound()) == (None,)
    assert speakers_of(words, [], sound()) == ()


def transcript() -> Transcript:
    speakers = ("ANNA",) * 4 + ("BEN",) * 2
    timeline = with_paragraphs(line(), speakers)
    return Transcript(timeline, segments_of(timeline, speakers, [0], {}), speakers, {"name": "test"}, (), {})


def test_a_dot_that_ends_no_sentence_parts_no_segment() -> None:
    text = "Dr. Smith came at 5 p.m. with No. 3. He left."
    words, at = [], 0
    for index, word in enumerate(text.split()):
        start = text.index(word, at)
        at = start + len(word)
        words.append(Word(word, index * 500, index * 500 + 400, start, at))
    timeline = Timeline(text, tuple(words), 8000, "en", "test")
    found = Transcript(timeline, segments_of(timeline, (), [0], {}), (), {"name": "test"}, (), {})
    assert [found.text_of(segment) for segment in found.segments] == [
        "Dr. Smith came at 5 p.m. with No. 3.", "He left."]


def test_a_cue_holds_one_speaker_and_names_a_new_one() -> None:
    made = transcript()
    assert [made.text_of(segment) for segment in made.segments] == ["Good day to you.", "Thank you."]
    cues = made.write("srt", {}, "a").split("\n\n")
    assert [cue.splitlines()[2] for cue in cues if cue.strip()] == ["ANNA: Good day to you.", "BEN: Thank you."]
    assert made.write("txt", {}, "a") == "ANNA: Good day to you.\n\nBEN: Thank you.\n"
    assert made.write("csv", {}, "a").splitlines()[-1].endswith(",BEN")
    assert Transcript.from_json(made.to_json()) == made


def test_a_name_makes_no_line_leave_the_frame(tmp_path: Path) -> None:
    width, height = 270, 480
    speakers = ("SPEAKER_00",) * 4 + ("SPEAKER_01",) * 2
    timeline = with_paragraphs(line(), speakers)
    made = Transcript(timeline, segments_of(timeline, speakers, [0], {}), speakers, {"name": "test"}, (), {})
    (tmp_path / "c.ass").write_text(made.write("ass", {"preset": "shorts", "resolution": [width, height]}, "a"))
    pixels = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-f", "lavfi", "-i",
         f"color=c=0x808080:s={width}x{height}:r=5:d={timeline.duration_ms / 1000}", "-vf", "format=gray,ass=c.ass",
         "-f", "rawvideo", "-"], cwd=tmp_path, capture_output=True, check=True).stdout
    frames = np.frombuffer(pixels, np.uint8).reshape(-1, height, width)
    drawn = np.nonzero((frames.max(axis=0).astype(int) - frames.min(axis=0) > 16).any(axis=0))[0]
    assert side_margin((width, height)) - 1 <= drawn[0] and drawn[-1] <= width - side_margin((width, height))


@pytest.mark.parametrize(("text", "samples", "doubt"), [
    ("thank you thank you thank you thank you thank you", sound((0, 4000)), "it repeats itself"),
    ("thanks for watching", sound((2500, 4000)), "it is silent there"),
    ("a calm and ordinary sentence", sound((0, 4000)), None),
    ("that that is is that that is not is not", sound((0, 4000)), None),
])
def test_what_repeats_itself_or_lies_in_silence_is_doubted(text: str, samples: np.ndarray, doubt: str | None) -> None:
    found, = guards.before_alignment([Passage(0, 2000, text)], samples)
    assert found == ((doubt,) if doubt else ())


def test_words_without_evidence_are_doubted() -> None:
    good = [Word("a", 0, 1, 0, 1, 0.9)] * 3
    assert guards.after_alignment(good) == ()
    assert guards.after_alignment([Word("a", 0, 1, 0, 1, 0.1)] * 3) == ("the sound hardly bears it out",)
    assert guards.after_alignment([Word("a", 0, 1, 0, 1, None, True)] * 3 + good[:1]) == (
        "most of its words were not found in the sound",)
