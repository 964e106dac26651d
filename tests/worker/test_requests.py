from __future__ import annotations

from typing import Any

import pytest

from captions import WRITERS
from worker.fingerprint import VERSION
from worker.requests import Download, Generate, InvalidInput, Status, Upload, parse


def nested(levels: int, inner: Any = "x") -> Any:
    return nested(levels - 1, {"a": inner}) if levels else inner


@pytest.mark.parametrize(("fields", "said"), [
    ({}, "text: is needed"),
    ({"text": "a", "captions": nested(900)}, "input: is nested deeper than 8 levels"),
    ({"text": "a", "unknown": [[nested(7)]]}, "input: is nested deeper than 8 levels"),
    ({"text": 5}, "text: "),
    ({"text": ""}, "text: "),
    ({"text": "a" * 100_001}, "text: "),
    ({"text": "a\x00b"}, "text: has the control character U+0000 at position 1"),
    ({"text": "a\ud83d"}, "text: "),
    ({"text": "a", "txet": "b"}, "txet: unknown field"),
    ({"text": "a", "pronunciations": {"a": "!"}}, "pronunciations: says nothing for 'a'"),
    ({"text": "a", "pronunciations": {"-": "dash"}}, "pronunciations: has an entry without a letter or digit: '-'"),
    ({"text": "a", "pronunciations": {"a": "x" * 101}}, "pronunciations.a: "),
    ({"text": "a", "pronunciations": {str(n): "a" for n in range(201)}}, "pronunciations: "),
    ({"text": "a", "pronunciations": ["a"]}, "pronunciations: "),
    ({"text": "a", "speed": 2.5}, "speed: "),
    ({"text": "a", "speed": "1"}, "speed: "),
    ({"text": "a", "speed": True}, "speed: "),
    ({"text": "a", "speed": float("nan")}, "speed: "),
    ({"text": "a", "seed": 0}, "seed: "),
    ({"text": "a", "seed": 2**31}, "seed: "),
    ({"text": "a", "seed": 1.5}, "seed: "),
    ({"text": "a", "timing_format": "doc"}, "timing_format: 'doc' is not a format"),
    ({"text": "a", "timing_format": []}, "timing_format: "),
    ({"text": "a", "timing_format": [{}]}, "timing_format: "),
    ({"text": "a", "timing_method": "best"}, "timing_method: "),
    ({"text": "a", "return_word_timings": "yes"}, "return_word_timings: "),
    ({"text": "a", "quality": "best", "nfe_step": 16}, "quality and nfe_step"),
    ({"text": "a", "nfe_step": 1000}, "nfe_step: "),
    ({"text": "a", "audio_format": "exe"}, "audio_format: "),
    ({"text": "a", "language": "../x"}, "language: "),
    ({"text": "a", "url_expires_s": 2_592_000}, "url_expires_s: "),
    ({"text": "a", "captions": {"sizee": 3}}, "sizee"),
    ({"text": "a", "captions": "shorts"}, "captions: is an object"),
    ({"text": "a", "job_id": "../../etc"}, "job_id: "),
    ({"text": "a", "job_id": "a" * 129}, "job_id: "),
    ({"text": "a", "local_voice": "http://127.0.0.1/x"}, "local_voice: "),
    ({"text": "a", "local_voice": "a\nb"}, "local_voice: "),
    ({"text": "a", "local_voice": "аnna"}, "local_voice: "),  # a Cyrillic а
])
def test_a_wrong_field_is_refused_by_its_name(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        parse(Generate, fields)
    assert said in str(raised.value)


def test_several_faults_are_told_at_once() -> None:
    with pytest.raises(InvalidInput, match=r"speed: .*; seed: "):
        parse(Generate, {"text": "a", "speed": 9, "seed": -1})


def test_all_means_every_format_and_doubles_count_once() -> None:
    assert parse(Generate, {"text": "a", "timing_format": "all"}).timing_format == tuple(WRITERS)
    assert parse(Generate, {"text": "a", "timing_format": ["ass", "srt", "ass"]}).timing_format == ("ass", "srt")


@pytest.mark.parametrize(("fields", "wanted"), [
    ({}, False), ({"return_word_timings": True}, True), ({"timing_format": "srt"}, True),
    ({"captions": {}}, True), ({"timing_format": "srt", "return_word_timings": False}, False)])
def test_timings_are_made_when_asked_for(fields: dict[str, Any], wanted: bool) -> None:
    assert parse(Generate, {"text": "a", **fields}).wants_timings is wanted


@pytest.mark.parametrize(("quality", "steps"), [("fast", 7), ("balanced", 16), ("best", 32)])
def test_quality_is_a_number_of_steps(quality: str, steps: int) -> None:
    assert parse(Generate, {"text": "a", "quality": quality}).steps == steps


def test_a_voice_may_be_named_with_its_extension() -> None:
    assert parse(Generate, {"text": "a", "local_voice": "anna.wav"}).local_voice == "anna"


def fingerprint(**fields: Any) -> str:
    return parse(Generate, {"text": "a", **fields}).fingerprint("generate").digest


def test_the_same_job_is_the_same_whatever_its_id_and_its_urls_life() -> None:
    assert fingerprint(job_id="x", url_expires_s=60) == fingerprint(job_id="y")
    assert fingerprint(seed=1) != fingerprint(seed=2)
    assert fingerprint(captions={"max_words": 1}) != fingerprint()


@pytest.mark.parametrize(("one", "other"), [
    ({"quality": "best"}, {"nfe_step": 32}),
    ({"timing_format": ["vtt", "srt"]}, {"timing_format": ["srt", "vtt", "srt"]}),
    ({"timing_format": "srt"}, {"timing_format": ["srt"]}),
    ({"local_voice": "anna.wav"}, {"local_voice": "anna"}),
    ({"language": "pt_BR"}, {"language": "pt-BR"}),
    ({"speed": 1}, {"speed": 1.0}),
    ({"seed": None}, {}),
    ({"captions": {"preset": "shorts", "max_words": 3}}, {"captions": {"max_words": 3, "preset": "shorts"}}),
])
def test_two_ways_to_say_the_same_are_one_job(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert fingerprint(**one) == fingerprint(**other)


@pytest.mark.parametrize(("version", "sent", "digest"), [
    (3, {"timing_format": "all"}, "4c19dac34586ef2a"),
    (3, {"quality": "best", "return_word_timings": True, "speed": 1.0}, "546bccaf9c46f10a"),
    (3, {"seed": None, "captions": {"preset": "shorts"}, "pronunciations": {"GIF": "jif"}}, "e230145df8f29252"),
])
def test_a_changed_canonical_form_is_another_version_of_the_fingerprint(version: int, sent: dict[str, Any],
                                                                        digest: str) -> None:
    """A worker that computes other digests under the same version refuses the jobs that the one before began."""
    assert (VERSION, fingerprint(**sent)[:16]) == (version, digest), "raise fingerprint.VERSION and pin these anew"


def test_a_field_that_a_newer_version_has_changes_no_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    class Newer(Generate):
        max_retries: int = 2
        speed: float = 1.1

    sent = {"text": "a", "timing_format": "all", "captions": {"preset": "shorts"}}
    digest = parse(Generate, sent).fingerprint("generate").digest
    monkeypatch.setattr("worker.requests.WRITERS", {"ttml": None})
    assert parse(Newer, sent).fingerprint("generate").digest == digest
    assert parse(Newer, {**sent, "max_retries": 3}).fingerprint("generate").digest != digest


@pytest.mark.parametrize(("fields", "said"), [
    ({}, "exactly one of"),
    ({"voice_file_url": "http://a/b", "s3_key": "uploads/x.wav"}, "exactly one of"),
    ({"s3_key": "voices/anna.wav"}, "under uploads/"),
    ({"s3_key": "uploads/../jobs/x.json"}, "under uploads/"),
    ({"voice_file_url": "http://a/b", "reference_text": "a", "reference_text_url": "http://a/c"}, "exclude"),
    ({"voice_file_url": "http://a/b", "consent": {"by": "x"}}, "consent.statement: is needed"),
    ({"voice_file_base64": "A" * 8_000_001}, "voice_file_base64: "),
    ({"voice_file_base64": ""}, "voice_file_base64: "),
])
def test_an_upload_names_one_source(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        parse(Upload, {"voice_name": "anna", **fields})
    assert said in str(raised.value)


def test_download_formats_fit_their_type() -> None:
    with pytest.raises(InvalidInput, match="format of audio is one of wav"):
        parse(Download, {"job_id": "a", "format": "srt"})
    assert parse(Download, {"job_id": "a", "type": "timing", "format": "vtt"}).format == "vtt"


def test_input_of_another_endpoint_is_refused() -> None:
    with pytest.raises(InvalidInput, match="text: unknown field"):
        parse(Status, {"job_id": "a", "text": "hello"})
