"""The page at `/` in a real browser: a file goes in, words and files come out."""
from __future__ import annotations

import asyncio
import itertools
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.transcription.serving import NATURE, Served, nature

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0",
         "--disable-background-networking", "--no-first-run"]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt package chromium)")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[str]:
    """Address of the DevTools of a page."""
    process = subprocess.Popen([str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path / 'home'}"],
                               stderr=subprocess.DEVNULL)
    try:
        port_file = tmp_path / "home" / "DevToolsActivePort"
        end = time.monotonic() + 60
        while not port_file.exists():
            assert time.monotonic() < end
            time.sleep(0.1)
        port, path = port_file.read_text().split()
        yield f"ws://127.0.0.1:{port}{path}"
    finally:
        process.terminate()
        process.wait(20)


async def drive(address: str, url: str, wav: Path) -> dict[str, Any]:
    """Chooses the file, types the transcript, waits for the words; returns what the page shows."""
    ids = itertools.count(1)
    async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
        async def send(method: str, attached: str | None = None, **params: Any) -> dict[str, Any]:
            number = next(ids)
            await socket.send_json({"id": number, "method": method, "params": params,
                                    **({"sessionId": attached} if attached else {})})
            while (message := await socket.receive_json(timeout=60)).get("id") != number:
                pass
            assert "error" not in message, message
            return dict(message["result"])

        target = (await send("Target.createTarget", url=url))["targetId"]
        page = (await send("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]

        async def run(script: str) -> Any:
            answer = await send("Runtime.evaluate", page, expression=script, returnByValue=True)
            return answer["result"].get("value")

        async def wait_for(script: str) -> None:
            end = time.monotonic() + 60
            while not await run(script):
                assert time.monotonic() < end, await run("document.body.innerText")
                await asyncio.sleep(0.1)

        await wait_for("document.readyState === 'complete' && !!document.getElementById('file')")
        await run(f"document.getElementById('transcript').value = {NATURE!r}")
        root = (await send("DOM.getDocument", page))["root"]["nodeId"]
        node = (await send("DOM.querySelector", page, nodeId=root, selector="#file"))["nodeId"]
        await send("DOM.setFileInputFiles", page, nodeId=node, files=[str(wav)])
        await wait_for("document.querySelectorAll('#files button').length > 0")
        return {"words": await run("document.getElementById('words').innerText"),
                "formats": await run("[...document.querySelectorAll('#files button')].map(b => b.textContent)"),
                "error": await run("document.getElementById('error').textContent"),
                "title": await run("document.querySelector('#words span').title"),
                "from": await run("[...new Set(performance.getEntriesByType('resource').map(e => new URL(e.name)"
                                  ".origin))].filter(o => o !== location.origin && o !== 'null')")}


def test_a_dropped_file_shows_its_words_and_offers_its_files(
        plain: Served, tmp_path: Path, browser: str) -> None:
    wav = tmp_path / "a.wav"
    wav.write_bytes(nature())
    page = asyncio.run(drive(browser, f"{plain.url}/", wav))
    assert page["words"].split() == NATURE.split()
    assert page["formats"] == ["srt", "vtt", "ass", "csv", "json", "txt"]
    assert page["error"] == ""
    assert page["title"].endswith(" s")
    assert page["from"] == []
