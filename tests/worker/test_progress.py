from __future__ import annotations

import asyncio
from typing import Any

import pytest
from runpod.serverless.modules import rp_http

from worker.progress import Progress


def test_a_report_on_its_way_is_waited_for_and_none_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    arrived: list[str] = []
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow_post(session: object, body: dict[str, Any], job: object) -> None:
        begun.set()
        await may_end.wait()
        arrived.append(body["output"]["stage"])

    monkeypatch.setattr(rp_http, "send_result", slow_post)

    async def work() -> None:
        progress = Progress({"id": "a"})
        progress.report("speak", 0.5)
        await asyncio.wait_for(begun.wait(), 20)
        progress.report("align", 0.8)
        asyncio.get_running_loop().call_later(0.2, may_end.set)
        await progress.stop()
        arrived.append("result")
        await asyncio.sleep(0.6)

    asyncio.run(work())
    assert arrived == ["speak", "result"]
