from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from tts import Samples
from tts.assemble import Segment, Silence, Waveform

RATE_HZ = 1000


@dataclass
class Joined:
    samples: Samples
    segments: list[Segment]


def join(parts: Sequence[Samples | Silence], cross_fade_s: float) -> Joined:
    with Waveform(RATE_HZ, cross_fade_s) as waveform:
        for part in parts:
            waveform.add(part)
        waveform.finish()
        samples = waveform.samples().copy()
        assert waveform.n_samples == len(samples)
        np.testing.assert_array_equal(np.concatenate(list(waveform.blocks())), samples)
        return Joined(samples, waveform.segments)


def tone(n: int, level: float = 0.5) -> np.ndarray:
    return np.full(n, level, dtype=np.float32)


def test_a_pause_is_exact_silence_between_the_lines() -> None:
    joined = join([tone(400), Silence(800), tone(300)], 0.15)
    assert len(joined.samples) == 400 + 800 + 300
    assert not joined.samples[400:1200].any()
    assert joined.samples[390] and joined.samples[1210]
    assert [(segment.start, segment.end) for segment in joined.segments] == [(0, 400), (1200, 1500)]


def test_neighbours_are_cross_faded_without_a_dip_and_segments_meet_in_the_middle() -> None:
    joined = join([tone(400), tone(400)], 0.1)
    assert len(joined.samples) == 700
    np.testing.assert_allclose(joined.samples[10:690], 0.5, atol=1e-6)
    assert [(at.offset, at.start, at.end) for at in joined.segments] == [(0, 0, 350), (300, 350, 700)]


def test_a_fade_never_eats_more_than_half_of_a_short_line() -> None:
    joined = join([tone(40), tone(400)], 0.15)
    assert len(joined.samples) == 420


def test_short_lines_in_a_row_are_each_faded_into_the_next() -> None:
    joined = join([tone(400), tone(40), tone(60), tone(400)], 0.15)
    assert len(joined.samples) == 400 + 20 + 40 + 370
    assert [at.offset for at in joined.segments] == [0, 380, 400, 430]
    np.testing.assert_allclose(joined.samples[10:820], 0.5, atol=1e-6)


def test_zero_cross_fade_lays_lines_end_to_end() -> None:
    joined = join([tone(100), tone(100)], 0.0)
    assert len(joined.samples) == 200
    assert joined.segments[1].offset == 100


@pytest.mark.parametrize("cross_fade_s", [0.0, 0.15])
def test_a_pause_at_either_end_is_kept(cross_fade_s: float) -> None:
    joined = join([Silence(100), tone(50), Silence(70)], cross_fade_s)
    assert len(joined.samples) == 220
    assert not joined.samples[150:].any()


def test_a_line_fades_out_before_a_silence_and_at_the_end_and_not_into_its_neighbour() -> None:
    joined = join([tone(400), Silence(100), tone(400), tone(400)], 0.0).samples
    assert joined[399] == 0.0 == joined[-1]
    assert 0 < joined[397] < joined[396] < joined[300]
    assert joined[899] == joined[700], "straight into the next line"
