"""schemathesis over the OpenAPI document, bounded: no 5xx, no undocumented answer; and the document's own examples."""
from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.transcription.serving import Served, serve


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Without a worker: what is accepted waits. Limits of rate are off, which would hide everything else."""
    with serve(tmp_path_factory.mktemp("schema"), WORKERS="0", POLL_LIMIT_PER_MINUTE="0", MAX_QUEUED="100000") as made:
        yield made


CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def test_no_request_meets_an_error_of_ours_or_an_answer_that_is_not_documented(served: Served) -> None:
    document = schemathesis.openapi.from_url(f"{served.url}/openapi.json")
    # Those wait for a worker, and there is none here: test_openai.py has them.
    operations = [found.ok() for found in document.exclude(path_regex="/v1/audio/.*").get_all_operations()]
    assert len(operations) > 12
    for operation in operations:
        @given(case=operation.as_strategy())
        @settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        def call(case: schemathesis.Case) -> None:
            case.call_and_validate(checks=CHECKS, timeout=30)

        call()
