from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.timing.recordings import FIRST, SECOND, THIRD, passage, silence
from text.spoken import Token, read
from timing import edges
from timing.align import RATE_HZ, Alignment, Method, NoEvidence, Samples, Source, TimingError, Window, align
from timing.pocketsphinx import PocketSphinx
from timing.words import Span

Answer = Callable[[Samples, Sequence[Token]], list[Span | None]]


@dataclass
class Scripted:
    """A source that answers what the test says, and notes what it was asked."""

    answer: Answer
    name: str = "whisperx"
    max_window_s: float = math.inf
    usd_per_minute: float = 0.0
    reason: str | None = None
    asked: list[tuple[float, list[str]]] = field(default_factory=list)

    def supports(self, language: str) -> str | None:
        return self.reason

    def align(self, samples: Samples, tokens: Sequence[Token], language: str,
              check: Callable[[], None]) -> list[Span | None]:
        self.asked.append((len(samples) / RATE_HZ, [token.text for token in tokens]))
        return self.answer(samples, tokens)


def evenly(samples: Samples, tokens: Sequence[Token]) -> list[Span | None]:
    """A word each tenth of a second."""
    return [Span(100 * i, 100 * i + 100, 0.9) for i in range(len(tokens))]


def nothing(samples: Samples, tokens: Sequence[Token]) -> list[Span | None]:
    raise NoEvidence("nothing found")


def hum(length_s: float) -> Samples:
    """Steady noise: no edge in it for the energy to find."""
    return np.random.default_rng(0).normal(0, 0.1, int(length_s * RATE_HZ)).astype(np.float32)


def timed(text: str, sources: Mapping[str, Source], *, samples: Samples | None = None, method: Method = "auto",
          windows: Sequence[Window] = (), check: Callable[[], None] = lambda: None, certain: bool = False) -> Alignment:
    return align(hum(5) if samples is None else samples, RATE_HZ, read(text, "en"), windows, text=text, language="en",
                 method=method, sources=sources, check=check, certain=certain)


def times_ms(alignment: Alignment) -> list[tuple[int, int]]:
    return [(word.start_ms, word.end_ms) for word in alignment.timeline.words]


def test_the_first_source_that_works_is_used_and_says_so() -> None:
    alignment = timed("One two three.", {"whisperx": Scripted(evenly), "pocketsphinx": Scripted(nothing)})
    assert alignment.timeline.method == "whisperx" and alignment.warnings == ()
    assert times_ms(alignment) == [(0, 100), (100, 200), (200, 300)]
    assert [word.text for word in alignment.timeline.words] == ["One", "two", "three."]
    assert [word.score for word in alignment.timeline.words] == [0.9] * 3


def test_every_step_down_is_told_with_its_reason() -> None:
    sources = {"whisperx": Scripted(evenly, reason="no alignment model for 'en' is installed"),
               "google": Scripted(lambda samples, tokens: (_ for _ in ()).throw(TimingError("the service is down"))),
               "pocketsphinx": Scripted(evenly)}
    alignment = timed("One two.", sources)
    assert alignment.timeline.method == "pocketsphinx"
    assert [warning.partition(":")[0] for warning in alignment.warnings] == [
        "not timed by whisperx", "not timed by google"]
    assert "no alignment model" in alignment.warnings[0] and "the service is down" in alignment.warnings[1]


def test_a_missing_whisperx_is_told_but_a_google_nobody_configured_is_not() -> None:
    warnings = timed("One two.", {"pocketsphinx": Scripted(evenly)}).warnings
    assert len(warnings) == 1 and "whisperx" in warnings[0]


def test_a_source_that_the_caller_left_out_is_not_asked() -> None:
    google = Scripted(evenly, name="google")
    timed("One two.", {"google": google}, method="auto")
    assert len(google.asked) == 1
    with pytest.raises(TimingError, match="google is not available"):
        timed("One two.", {"whisperx": Scripted(evenly)}, method="google")


def test_a_named_method_is_that_method_or_an_error() -> None:
    sources = {"whisperx": Scripted(nothing), "pocketsphinx": Scripted(evenly)}
    assert timed("One two.", sources, method="pocketsphinx").timeline.method == "pocketsphinx"
    with pytest.raises(TimingError, match="whisperx found none"):
        timed("One two.", sources, method="whisperx")
    with pytest.raises(TimingError, match="English only"):
        timed("One two.", {"pocketsphinx": Scripted(evenly, reason="English only")}, method="pocketsphinx")


def test_a_text_of_which_next_to_nothing_is_said_is_refused() -> None:
    def one_in_ten(samples: Samples, tokens: Sequence[Token]) -> list[Span | None]:
        return [Span(100 * i, 100 * i + 100, 0.9 if i == 3 else 0.1) for i in range(len(tokens))]

    text = "One two three four five six seven eight nine ten."
    for method in ("auto", "whisperx"):
        with pytest.raises(TimingError, match="check that the text is what is said"):
            timed(text, {"whisperx": Scripted(one_in_ten)}, method=method)
    words = timed(text, {"whisperx": Scripted(one_in_ten)}, certain=True).timeline.words
    assert all(word.estimated for word in words)


def test_doubtful_words_are_named() -> None:
    def second_is_poor(samples: Samples, tokens: Sequence[Token]) -> list[Span | None]:
        return [Span(100 * i, 100 * i + 100, (0.9, 0.3, 0.6)[i]) for i in range(len(tokens))]

    for method, least, count in (("whisperx", 0.5, 1), ("pocketsphinx", 0.9, 2)):
        alignment = timed("One two three.", {method: Scripted(second_is_poor)}, method=method)
        names = ", ".join(map(repr, ["two", "three."][:count]))
        assert alignment.warnings == (
            f"the times of {count} of 3 words are doubtful (score below {least}), first {names}",)


def test_words_that_no_source_found_share_the_sounding_time_by_their_length_and_are_marked() -> None:
    samples = np.concatenate([silence(1.0), hum(2.0), silence(1.0)])
    alignment = timed("A considerably longer one.", {}, samples=samples)
    words = alignment.timeline.words
    assert alignment.timeline.method == "estimate" and all(word.estimated for word in words)
    assert abs(words[0].start_ms - 1000) <= 20 and abs(words[-1].end_ms - 3000) <= 20
    lengths_ms = [word.end_ms - word.start_ms for word in words]
    assert lengths_ms[1] > lengths_ms[2] > lengths_ms[3] > lengths_ms[0]
    assert any("estimated for 4 of 4 words" in warning for warning in alignment.warnings)


def test_only_the_windows_that_a_source_missed_go_to_the_next_one() -> None:
    def second_only(samples: Samples, tokens: Sequence[Token]) -> list[Span | None]:
        return evenly(samples, tokens) if tokens[0].text == "Three" else nothing(samples, tokens)

    first, second = Scripted(second_only), Scripted(evenly)
    windows = [Window(0, 2000, 0, 2), Window(2000, 5000, 2, 5)]
    alignment = timed("One two. Three four five.", {"whisperx": first, "pocketsphinx": second}, windows=windows)
    assert second.asked == [(2.0, ["One", "two."])]
    assert times_ms(alignment) == [(0, 100), (100, 200), (2000, 2100), (2100, 2200), (2200, 2300)]
    assert alignment.timeline.method == "whisperx"
    assert any(warning.endswith('found nothing of "One two."') for warning in alignment.warnings)


def test_a_word_stays_within_the_window_it_is_said_in() -> None:
    windows = [Window(0, 1000, 0, 2), Window(3000, 5000, 2, 4)]
    alignment = timed("One two. Three four.", {"whisperx": Scripted(evenly)}, windows=windows)
    assert times_ms(alignment) == [(0, 100), (100, 200), (3000, 3100), (3100, 3200)]


def test_a_token_without_sound_is_not_asked_for_and_gets_a_guessed_place() -> None:
    source = Scripted(evenly)
    alignment = timed("One \U0001f600 two.", {"whisperx": source})
    assert source.asked == [(5.0, ["One", "two."])]
    words = alignment.timeline.words
    assert [word.estimated for word in words] == [False, True, False] and alignment.warnings == ()
    assert words[0].end_ms <= words[1].start_ms < words[1].end_ms <= words[2].start_ms


def test_a_text_without_any_sound_needs_no_source() -> None:
    alignment = timed("\U0001f600", {"whisperx": Scripted(nothing)})
    assert len(alignment.timeline.words) == 1 and alignment.timeline.words[0].estimated


def test_long_audio_is_given_in_pieces_cut_at_pauses_with_the_words_still_to_come() -> None:
    samples = np.concatenate([hum(8), silence(1.0), hum(8), silence(1.0), hum(8)])

    def two_each(piece: Samples, tokens: Sequence[Token]) -> list[Span | None]:
        return [Span(100 * i, 100 * i + 100) if i < 2 else None for i in range(len(tokens))]

    source = Scripted(two_each, max_window_s=10.0)
    alignment = timed("One two three four five six.", {"whisperx": source}, samples=samples)
    assert all(length_s <= 10 for length_s, _ in source.asked)
    assert [words[0] for _, words in source.asked] == ["One", "three", "five"]
    starts_s = [word.start_ms / 1000 for word in alignment.timeline.words]
    assert starts_s[0] == 0 and 8 <= starts_s[2] <= 9 and 17 <= starts_s[4] <= 18


def test_a_piece_is_not_offered_words_that_cannot_have_been_said_yet() -> None:
    source = Scripted(lambda piece, tokens: [Span(0, 100), *[None] * (len(tokens) - 1)], max_window_s=10.0)
    timed(" ".join(["word"] * 1000), {"whisperx": source}, samples=hum(30), certain=True)
    assert len(source.asked[0][1]) < 80


def test_a_cancelled_job_stops_between_windows() -> None:
    class Cancelled(Exception):
        pass

    calls = iter([None, None, Cancelled()])

    def check() -> None:
        if error := next(calls):
            raise error

    source = Scripted(evenly)
    windows = [Window(i * 1000, i * 1000 + 1000, i, i + 1) for i in range(5)]
    with pytest.raises(Cancelled):
        timed("One two three four five.", {"whisperx": source}, windows=windows, check=check)
    assert len(source.asked) == 2


def test_audio_shorter_than_its_words_is_refused() -> None:
    with pytest.raises(TimingError, match="too short"):
        timed("One two three.", {}, samples=hum(0.002))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_whatever_a_source_says_the_words_keep_their_order_and_stay_in_the_audio(data: st.DataObject) -> None:
    """The Timeline refuses to be made otherwise."""
    spans = st.none() | st.builds(Span, st.integers(-500, 4000), st.integers(-500, 4000))

    def anything(samples: Samples, tokens: Sequence[Token]) -> list[Span | None]:
        return data.draw(st.lists(spans, min_size=len(tokens), max_size=len(tokens)))

    samples = np.concatenate([silence(0.5), hum(1), silence(1), hum(0.5)])
    alignment = timed("One two \U0001f600 three four - five six.", {"whisperx": Scripted(anything)}, samples=samples,
                      certain=True)
    assert len(alignment.timeline.words) == 8


def test_known_edges_keep_words_out_of_the_silence_between_lines() -> None:
    samples, text, tokens, truth_ms = passage(FIRST, 1.0, SECOND, 1.0, THIRD)
    lengths_ms = [len(passage(part)[0]) * 1000 // RATE_HZ for part in (FIRST, SECOND, THIRD)]
    starts_ms = [0, lengths_ms[0] + 1000, lengths_ms[0] + lengths_ms[1] + 2000]
    windows = [Window(start, start + length, first, last) for start, length, first, last in
               zip(starts_ms, lengths_ms, (0, 12, 24), (12, 24, 35), strict=True)]
    alignment = align(samples, RATE_HZ, tokens, windows, text=text, language="en", method="pocketsphinx",
                      sources={"pocketsphinx": PocketSphinx()}, check=lambda: None)
    off = np.abs(np.array(times_ms(alignment)) - np.array(truth_ms))
    assert off.mean() < 20 and (off <= 50).mean() > 0.9


def near(spans: Sequence[Span | None], expected_ms: Sequence[tuple[int, int]], by_ms: int) -> bool:
    times = [(span.start_ms, span.end_ms) for span in spans if span]
    return len(times) == len(expected_ms) and bool(np.abs(np.array(times) - np.array(expected_ms)).max() <= by_ms)


def test_edges_at_a_pause_move_to_where_the_sound_is() -> None:
    samples = np.concatenate([silence(0.5), hum(0.5), silence(0.5), hum(0.5), silence(0.5)])
    late_and_early = edges.refine(samples, [Span(540, 960), Span(1540, 1960)])
    early_and_late = edges.refine(samples, [Span(460, 1040), Span(1460, 2040)])
    assert near(late_and_early, [(500, 1000), (1500, 2000)], by_ms=10)
    assert near(early_and_late, [(500, 1000), (1500, 2000)], by_ms=10)


def test_a_word_that_was_laid_over_a_pause_is_the_part_that_sounds() -> None:
    samples = np.concatenate([silence(0.5), hum(0.2), silence(1.0), hum(0.4), silence(1.0), hum(0.2), silence(0.5)])
    before = edges.refine(samples, [Span(500, 700), Span(800, 2100), Span(3100, 3300)])
    after = edges.refine(samples, [Span(500, 700), Span(1700, 3000), Span(3100, 3300)])
    assert near(before, [(500, 700), (1700, 2100), (3100, 3300)], by_ms=10) and near(after, [
        (500, 700), (1700, 2100), (3100, 3300)], by_ms=10)


def test_a_room_that_sounds_beside_silence_is_no_part_of_a_word() -> None:
    """A gate leaves a moment of room tone (30 dB below the voice) after each word and cuts the rest to silence."""
    room = hum(2.2) * 10 ** (-30 / 20)
    samples = np.concatenate([silence(0.5), hum(0.5), room[:3200], silence(0.5), room[:3200], hum(0.5), room[:3200],
                              silence(0.5)])
    refined = edges.refine(samples, [Span(500, 1020), Span(1880, 2400)])
    assert near(refined, [(500, 1000), (1900, 2400)], by_ms=10)


def test_words_that_follow_each_other_without_a_pause_meet() -> None:
    refined = edges.refine(np.concatenate([silence(0.5), hum(1.0), silence(0.5)]), [Span(500, 900), Span(1000, 1500)])
    assert refined[0] is not None and refined[1] is not None
    assert 900 <= refined[0].end_ms == refined[1].start_ms <= 1000


def test_noise_as_loud_as_speech_moves_no_edge() -> None:
    spans: list[Span | None] = [Span(460, 960), Span(1540, 2100)]
    assert edges.refine(hum(3.0), spans) == spans


def test_edges_beside_a_word_that_was_not_found_stay() -> None:
    samples = np.concatenate([silence(0.5), hum(2.0), silence(0.5)])
    refined = edges.refine(samples, [Span(500, 900), None, Span(1800, 2500)])
    assert refined[1] is None and near(refined, [(500, 900), (1800, 2500)], by_ms=10)


def test_only_pauses_longer_than_a_second_and_a_half_are_cut_out() -> None:
    samples = np.concatenate([silence(3), hum(1), silence(1.2), hum(1), silence(5), hum(1)])
    parts = [(start / RATE_HZ, stop / RATE_HZ) for start, stop in edges.islands(samples)]
    assert len(parts) == 2
    assert parts[0] == pytest.approx((2.5, 6.7), abs=0.1) and parts[1] == pytest.approx((10.7, 12.2), abs=0.1)
    assert edges.islands(silence(4)) == []
