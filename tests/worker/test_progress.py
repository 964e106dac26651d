from __future__ import annotations

import asyncio
from typing import Any

import pytest
from runpod.serverless.modules import rp_http

from worker.progress import Progress


def test_a_report_on_its_way_is_waited_for_and_none_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    arrived: list[str] = []

    async def slow_post(session: object, body: dict[str, Any], job: object) -> None:
        await asyncio.sleep(0.3)
        arrived.append(body["output"]["stage"])

    monkeypatch.setattr(rp_http, "send_result", slow_post)

    async def work() -> None:
        progress = Progress({"id": "a"})
        progress.report("speak", 0.5)
        await asyncio.sleep(0.1)
        progress.report("align", 0.8)
        await progress.stop()
        arrived.append("result")
        await asyncio.sleep(0.6)

    asyncio.run(work())
    assert arrived == ["speak", "result"]
