from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import grpc
import numpy as np
import pytest

from tests.doubles.google import Speech, serving
from text.spoken import read
from timing.align import RATE_HZ, TimingError, Window, align
from timing.google import CredentialsError, Google, connector, read_credentials, seconds

KEY = {"type": "service_account", "project_id": "p", "private_key_id": "i", "private_key": "-----BEGIN PRIVATE KEY-----"
       "\\nx\\n-----END PRIVATE KEY-----\\n", "client_email": "a@b.c", "token_uri": "https://oauth2.googleapis.com/token"}


def noise(length_s: float) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 0.1, int(length_s * RATE_HZ)).astype(np.float32)


def timed(text: str, service: Speech, length_s: float = 5.0, windows: list[Window] | None = None) -> Any:
    tokens = read(text, "en")
    windows = windows or [Window(0, int(length_s * 1000), 0, len(tokens))]
    with serving(service) as client:
        return align(noise(length_s), RATE_HZ, tokens, windows, text=text, language="en", method="google",
                     sources={"google": Google(lambda: client)}, check=lambda: None)


def test_recognised_words_give_the_written_ones_their_times() -> None:
    service = Speech([[("hello", 0.5, 0.9), ("world", 1.0, 1.4), ("$3.50", 2.0, 3.5)]])
    words = timed("Hello, world: $3.50!", service).timeline.words
    assert [word.text for word in words] == ["Hello,", "world:", "$3.50!"]
    assert [word.start_ms for word in words] == pytest.approx([500, 1000, 2000], abs=60)
    assert words[2].end_ms == pytest.approx(3500, abs=60)
    assert not any(word.estimated for word in words)


def test_a_word_that_was_not_recognised_is_estimated_between_its_neighbours() -> None:
    service = Speech([[("one", 0.5, 0.9), ("three", 2.0, 2.4)]])
    one, two, three = timed("one two three", service).timeline.words
    assert (one.estimated, two.estimated, three.estimated) == (False, True, False)
    assert one.end_ms <= two.start_ms < two.end_ms <= three.start_ms


def test_a_misheard_word_keeps_its_time_with_less_confidence() -> None:
    service = Speech([[("one", 0.5, 0.9), ("to", 1.0, 1.4), ("three", 2.0, 2.4)]])
    words = timed("one two three", service).timeline.words
    assert words[1].start_ms == pytest.approx(1000, abs=60)
    assert (words[1].score or 0) < (words[0].score or 0)


def test_the_request_is_linear16_at_its_real_rate_with_hints_from_the_text() -> None:
    service = Speech([[("hello", 0.5, 0.9)]])
    timed("Hello Zyzzyva", service)
    config = service.requests[0].config
    assert config.sample_rate_hertz == RATE_HZ
    assert config.language_code == "en-US"
    assert config.enable_word_time_offsets
    assert "Zyzzyva" in " ".join(config.speech_contexts[0].phrases)
    assert len(service.requests[0].audio.content) == 5 * RATE_HZ * 2


def test_chunks_are_sent_together_up_to_the_services_limit_because_each_request_is_billed() -> None:
    text = "one two three four"
    windows = [Window(i * 20_000, (i + 1) * 20_000, i, i + 1) for i in range(4)]
    service = Speech([[("one", 1.0, 1.5), ("two", 21.0, 21.5)], [("three", 1.0, 1.5), ("four", 21.0, 21.5)]])
    alignment = timed(text, service, 80.0, windows)
    assert len(service.requests) == 2
    assert [word.start_ms for word in alignment.timeline.words] == pytest.approx([1000, 21_000, 41_000, 61_000], abs=60)


def test_the_result_says_that_audio_left_and_what_it_cost() -> None:
    alignment = timed("hello", Speech([[("hello", 0.5, 0.9)]]), 20.0)
    assert any("20 s of audio" in warning and "$0.012" in warning for warning in alignment.warnings)


def test_nothing_recognised_is_an_error_for_who_named_google() -> None:
    with pytest.raises(TimingError, match="google"):
        timed("hello world", Speech([[("zebra", 0.1, 0.2), ("quartz", 0.3, 0.4), ("x", 0.5, 0.6)]]))


@pytest.mark.parametrize("status", [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.RESOURCE_EXHAUSTED])
def test_a_refusal_is_told_without_googles_details(status: grpc.StatusCode) -> None:
    with pytest.raises(TimingError) as raised:
        timed("hello", Speech([[]], faults=[(status, "project 123456 secret detail")] * 9))
    assert "123456" not in str(raised.value)
    assert "refused" in str(raised.value)


def test_a_passing_fault_is_tried_again() -> None:
    service = Speech([[("hello", 0.5, 0.9)]], faults=[(grpc.StatusCode.UNAVAILABLE, "try later")])
    assert timed("hello", service).timeline.words[0].start_ms == pytest.approx(500, abs=60)


def test_auto_falls_back_on_google_where_it_is_given() -> None:
    tokens = read("hello", "en")
    with serving(Speech([[("hello", 0.5, 0.9)]])) as client:
        alignment = align(noise(5.0), RATE_HZ, tokens, [Window(0, 5000, 0, 1)], text="hello", language="en",
                          method="auto", sources={"google": Google(lambda: client)}, check=lambda: None)
    assert alignment.timeline.method == "google"


def without(name: str) -> Mapping[str, str]:
    return {key: value for key, value in KEY.items() if key != name}


@pytest.mark.parametrize(("text", "said"), [
    ("/etc/google/key.json", "holds a file's path"),
    ("key.json", "holds a file's path"),
    ("hello", "is not JSON"),
    ('{"type": ', "is not valid JSON"),
    *[(json.dumps(without(name)), f"lacks the field {name}") for name in KEY],
    (json.dumps({**KEY, "type": "authorized_user"}), "not service_account"),
    (json.dumps({**KEY, "private_key": "abc"}), "not a PEM key"),
])
def test_credentials_are_checked_field_by_field(text: str, said: str) -> None:
    with pytest.raises(CredentialsError) as raised:
        read_credentials(text)
    assert said in str(raised.value)


def test_a_key_whose_line_ends_were_written_out_is_mended() -> None:
    assert read_credentials(json.dumps(KEY))["private_key"].startswith("-----BEGIN PRIVATE KEY-----\nx\n")


def test_credentials_that_cannot_be_used_are_a_timing_error_without_their_content() -> None:
    with pytest.raises(TimingError) as raised:
        connector(json.dumps(KEY), None)()
    assert "PRIVATE" not in str(raised.value)
    with pytest.raises(TimingError) as raised:
        connector(None, "/nowhere/key.json")()
    assert "/nowhere" not in str(raised.value)


@pytest.mark.parametrize("value", [timedelta(seconds=1.3), SimpleNamespace(seconds=1, nanos=300_000_000), 1.3, "1.300s",
                                   {"seconds": 1, "nanos": 300_000_000}])
def test_times_are_read_in_every_form_a_client_gives_them(value: object) -> None:
    assert seconds(value) == pytest.approx(1.3)
