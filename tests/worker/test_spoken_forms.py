"""Pronunciations and unread numbers through whole jobs."""
import json
import urllib.request
from collections.abc import Callable
from typing import Any

Call = Callable[..., dict[str, Any]]
RESPELLED = {"Kubernetes": "koo ber NET eez"}


def words(output: dict[str, Any]) -> list[dict[str, Any]]:
    with urllib.request.urlopen(output["timing_files"]["json"]) as answer:
        found: list[dict[str, Any]] = json.loads(answer.read())["words"]
    return found


def test_a_pronunciation_is_shown_as_written_and_changes_what_is_heard(call: Call) -> None:
    fields = {"text": "We run Kubernetes today.", "language": "en", "timing_format": "json", "seed": 7}
    plain = call(job_id="plain", **fields)
    respelled = call(job_id="respelled", pronunciations=RESPELLED, **fields)
    assert [word["word"] for word in words(respelled)] == ["We", "run", "Kubernetes", "today."]
    assert respelled["sha256"] != plain["sha256"]
    assert respelled["warnings"] == plain["warnings"]
    assert call(job_id="plain", pronunciations=RESPELLED, **fields)["error"].startswith("CONFLICT: ")


def test_numbers_that_are_left_to_the_engine_are_named(call: Call) -> None:
    output = call(job_id="bn", text="আজ ১২ টা", language="bn", timing_format="json")
    assert [word["word"] for word in words(output)] == ["আজ", "১২", "টা"]
    assert any(warning.startswith("text: no sure reading of these numbers") and "১২" in warning
               for warning in output["warnings"])


def test_guesses_of_a_whole_job_are_one_warning_though_speech_is_cut_by_pauses(call: Call) -> None:
    output = call(job_id="guess", text="Born 03/04/2025. [pause:0.2s] Died 05/06/2025.", language="en")
    assert [warning for warning in output["warnings"] if warning.startswith("text:")] == [
        "text: said by a guess, write them as they should be said: 03/04/2025, 05/06/2025"]
