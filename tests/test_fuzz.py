"""A small share of `./run bench fuzz`: the same cases, the same rules."""
from __future__ import annotations

import socket

import pytest

from benchmarks import fuzz, fuzz_cases
from tests.doubles.host import start_host


def test_damaged_files_give_sound_within_limits_or_a_documented_error() -> None:
    found = fuzz.fuzz_files(seed=1, numbers=range(30))
    assert found.faults == []
    assert set(found.outcomes) == {"decoded", "UnsupportedAudio"}


def test_requests_that_are_nearly_right_give_a_result_or_a_documented_code() -> None:
    found = fuzz.fuzz_requests(seed=1, numbers=range(200))
    assert found.faults == []
    assert {"completed", "INVALID_INPUT", "NOT_FOUND"} <= set(found.outcomes)


def test_no_hostile_url_leads_to_a_connection() -> None:
    listed = fuzz_cases.hostile_urls()
    assert len(listed) > 200
    found = fuzz.fuzz_urls(seed=1, numbers=range(0, len(listed) + 40, 5))
    assert found.faults == []
    assert found.outcomes["BLOCKED_URL"] > found.cases


def test_the_guard_sees_a_connection_that_is_tried() -> None:
    with start_host() as host, fuzz.guarded(allowed_port=1) as dialled:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", host.port))
        with pytest.raises(ConnectionRefusedError), socket.socket() as raw:
            raw.connect_ex(("127.0.0.1", host.port))
        assert dialled == [("127.0.0.1", host.port)] * 2
        assert host.requests == []
