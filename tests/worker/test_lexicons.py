"""Stored lists of pronunciations: by endpoint, by hand, and in a job."""
import json
import time
from typing import Any

import pytest

from runpod_handler import Parts
from s3_utils import lexicon_key
from tests.conftest import Call
from tests.doubles.host import start_host
from tests.doubles.speech import spoken_wav
from text.pronunciations import find

BRAND = {"Kubernetes": "koo ber NET eez", "NGINX": "engine x"}
TEXT = "We run Kubernetes today."


def store(call: Call, **entries: str) -> None:
    assert call(endpoint="set_lexicon", lexicon_name="brand", pronunciations=entries or BRAND)["status"] == "completed"


def spoken(call: Call, job_id: str, **fields: Any) -> str:
    output = call(job_id=job_id, text=TEXT, seed=7, **fields)
    assert "error" not in output, output
    return str(output["sha256"])


def test_a_stored_list_sounds_as_the_same_entries_sent_along(call: Call) -> None:
    store(call)
    sent = spoken(call, "sent", pronunciations=BRAND)
    assert spoken(call, "stored", lexicon="brand") == sent != spoken(call, "plain")


def test_the_jobs_own_entries_win(call: Call) -> None:
    store(call)
    own = {"Kubernetes": "coober netties"}
    assert spoken(call, "both", lexicon="brand", pronunciations=own) == spoken(call, "own", pronunciations=own)


def test_a_list_that_changes_leaves_finished_jobs_and_force_makes_them_anew(call: Call) -> None:
    store(call)
    before = spoken(call, "a", lexicon="brand")
    store(call, Kubernetes="coober netties")
    assert spoken(call, "a", lexicon="brand") == before
    assert spoken(call, "a", lexicon="brand", force=True) != before


def test_align_matches_what_the_list_says(call: Call) -> None:
    with start_host({"/a.wav": spoken_wav("We run engine x today.")}) as host:
        store(call, NGINX="engine x")
        fields = {"endpoint": "align", "audio_url": f"{host.url}/a.wav", "text": "We run NGINX today.",
                  "timing_format": "json"}
        named = call(**fields, lexicon="brand")
        assert named["timing_confidence"] > call(**fields)["timing_confidence"]


def test_the_verbs(call: Call, parts: Parts) -> None:
    assert call(endpoint="list_lexicons")["lexicons"] == []
    store(call)
    store(call, NGINX="engine x")
    got = call(endpoint="get_lexicon", lexicon_name="brand")["lexicon"]
    assert got == {"name": "brand", "count": 1, "pronunciations": {"NGINX": "engine x"}}
    parts.store.put("lexicon/My list.json", b"{}", "application/json")
    parts.store.put(lexicon_key("z"), b"{}", "application/json")
    page = call(endpoint="list_lexicons", limit=2)
    assert page["warnings"][0].startswith("lexicon/My list.json: is not named as a lexicon is")
    rest = call(endpoint="list_lexicons", cursor=page["next_cursor"])
    assert [each["name"] for each in page["lexicons"] + rest["lexicons"]] == ["brand", "z"]
    assert call(endpoint="delete_lexicon", lexicon_name="brand") == {"status": "deleted", "lexicon_name": "brand"}
    for verb in ("get_lexicon", "delete_lexicon"):
        assert call(endpoint=verb, lexicon_name="brand")["error"].startswith("NOT_FOUND: lexicon brand is not stored")
    assert call(text=TEXT, lexicon="brand")["error"].startswith("NOT_FOUND: lexicon brand is not stored")


def test_a_list_placed_by_an_editor_that_marks_byte_order_is_read(call: Call, parts: Parts) -> None:
    parts.store.put(lexicon_key("hand"), b"\xef\xbb\xbf" + json.dumps(BRAND).encode(), "application/json")
    assert call(endpoint="get_lexicon", lexicon_name="hand")["lexicon"]["pronunciations"] == BRAND


@pytest.mark.parametrize(("content", "message"), [
    (b'{"a": 1}', "'a': Input should be a valid string"),
    (b"[]", "Input should be an object"),
    (b"not json", "Invalid JSON"),
    (b'{"a": "!"}', "says nothing for 'a'"),
    (b"{}", "Dictionary should have at least 1 item"),
    (b"\xff\xfe", "Invalid JSON"),
    (json.dumps({str(n): "a" for n in range(1001)}).encode(), "Dictionary should have at most 1000 items"),
])
def test_a_broken_list_is_named_with_its_fault(call: Call, parts: Parts, content: bytes, message: str) -> None:
    parts.store.put(lexicon_key("hand"), content, "application/json")
    error = call(text=TEXT, lexicon="hand")["error"]
    assert error.startswith("CONFLICT: lexicon/hand.json: ")
    assert message in error


@pytest.mark.parametrize("fields", [
    {"endpoint": "set_lexicon", "lexicon_name": "../a", "pronunciations": BRAND},
    {"endpoint": "set_lexicon", "lexicon_name": "a", "pronunciations": {}},
    {"endpoint": "set_lexicon", "lexicon_name": "a", "pronunciations": {"-": "dash"}},
    {"endpoint": "list_lexicons", "cursor": "voices/a.wav"},
    {"endpoint": "list_lexicons", "cursor": "lexicon/a.js\0"},
    {"endpoint": "list_lexicons", "cursor": "lexicon/" + "ä" * 1000},
    {"text": TEXT, "lexicon": "a/b"},
])
def test_bad_fields_are_refused(call: Call, fields: dict[str, Any]) -> None:
    assert call(**fields)["error"].startswith("INVALID_INPUT: ")


def test_a_full_list_is_found_in_a_long_text_in_passing() -> None:
    entries = {f"Word{n:04}": "a b" for n in range(1000)}
    text = " ".join(["word Word0500 plain"] * 5000)
    began = time.process_time()
    assert len(find(text, entries)) == 5000
    assert time.process_time() - began < 2.0
