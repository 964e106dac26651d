"""The preview page, in a real browser: headless Chromium, driven by its own protocol (DevTools)."""
from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest

from captions import WRITERS, preview
from captions.cues import Captions, cues
from timing.words import Timeline, Word
from tts import Line, Options
from tts.encode import FORMATS, encode
from tts.espeak import RATE_HZ, Espeak

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0",
         "--disable-background-networking", "--autoplay-policy=no-user-gesture-required", "--no-first-run",
         "--hide-scrollbars"]
TEXT = ("On the first morning of the long summer we walked down to the harbour, and the fishermen were already "
        "singing. Nobody had told us about the storm; the sky was pale, and the whole town smelled of bread.")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt package chromium)")


class Tab:
    """One page of the browser. `events` holds what the browser reported."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session
        self.events: list[dict[str, Any]] = []

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.send(method, self._session, **params)

    def run(self, script: str) -> Any:
        """The value of a script; a promise is awaited."""
        answer = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Until a script's value is true: what the page does in answer to an event comes a moment later."""
        deadline = time.monotonic() + 20
        while not self.run(condition):
            assert time.monotonic() < deadline, condition
            time.sleep(0.02)

    def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code="Space" if key == " " else key,
                      text=" " if key == " " and kind == "keyDown" else "",
                      windowsVirtualKeyCode={" ": 32, "Tab": 9, "ArrowRight": 39, "ArrowLeft": 37}.get(key, 0))

    def click(self, selector: str) -> None:
        x, y = self.run(f"(() => {{ const b = document.querySelector({selector!r}).getBoundingClientRect();"
                        " return [b.x + b.width / 2, b.y + b.height / 2]; })()")
        self.click_at(x, y)

    def click_at(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def named(self, method: str) -> list[dict[str, Any]]:
        self.run("0")
        return [event["params"] for event in self.events if event["method"] == method]


class Browser:
    """A DevTools connection: commands are answered in order, events go to their tab."""

    def __init__(self, loop: asyncio.AbstractEventLoop, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._loop, self._socket = loop, socket
        self._tabs: dict[str, Tab] = {}
        self._count = 0

    def send(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        return self._loop.run_until_complete(asyncio.wait_for(self._send(method, session, params), 30))

    async def _send(self, method: str, session: str | None, params: dict[str, Any]) -> dict[str, Any]:
        self._count += 1
        command = {"id": self._count, "method": method, "params": params}
        await self._socket.send_json(command | ({"sessionId": session} if session else {}))
        while True:
            message: dict[str, Any] = await self._socket.receive_json()
            if message.get("id") == self._count:
                assert "error" not in message, message
                return dict(message["result"])
            if message.get("sessionId") in self._tabs:
                self._tabs[message["sessionId"]].events.append(message)

    def open(self, file: Path, width: int = 1000, height: int = 760, **media: str) -> Tab:
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = self._tabs[session] = Tab(self, session)
        for domain in ("Page", "Runtime", "Network", "Log"):
            tab.send(f"{domain}.enable")
        tab.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in media.items()]
        tab.send("Emulation.setEmulatedMedia", features=features)
        tab.send("Page.navigate", url=file.as_uri())
        tab.run("new Promise((done) => document.readyState === 'complete' ? done() : addEventListener('load', done))")
        tab.run("new Promise((done) => audio.readyState >= 2 || audio.error ? done()"
                " : audio.addEventListener('canplay', done))")
        return tab


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    home = tmp_path_factory.mktemp("chromium")
    assert CHROMIUM is not None
    process = subprocess.Popen([CHROMIUM, *FLAGS, f"--user-data-dir={home}"], stderr=subprocess.DEVNULL)
    loop = asyncio.new_event_loop()
    try:
        while not (home / "DevToolsActivePort").exists():
            assert process.poll() is None, "Chromium does not start"
            time.sleep(0.05)
        port, path = (home / "DevToolsActivePort").read_text().split()
        address = f"ws://127.0.0.1:{port}{path}"
        session = loop.run_until_complete(_session())
        yield Browser(loop, loop.run_until_complete(session.ws_connect(address, max_msg_size=0)))
        loop.run_until_complete(session.close())
    finally:
        process.terminate()
        process.wait()
        loop.close()
        with contextlib.suppress(OSError):
            shutil.rmtree(home)


async def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()


def spoken(text: str, estimated: frozenset[int] = frozenset()) -> tuple[np.ndarray[Any, Any], Timeline]:
    """Speech with the times at which its words are truly spoken."""
    utterance, = Espeak().speak([Line(text, "en")], Options(), check=lambda: None, progress=lambda share: None)
    words = []
    for index, piece in enumerate(re.finditer(r"\S+", text)):
        marks = [mark for mark in utterance.marks or () if piece.start() <= mark.char_start < piece.end()]
        words.append(Word(piece[0], marks[0].start_ms, marks[-1].end_ms, *piece.span(), 0.97, index in estimated))
    return utterance.samples, Timeline(text, tuple(words), len(utterance.samples) * 1000 // RATE_HZ, "en", "espeak")


@pytest.fixture(scope="module")
def speech() -> tuple[np.ndarray[Any, Any], Timeline]:
    return spoken(TEXT, frozenset({7, 20}))


def written(folder: Path, samples: np.ndarray[Any, Any], timeline: Timeline, audio_format: str = "wav",
            **options: Any) -> Path:
    form = FORMATS[audio_format]
    file = folder / "preview.html"
    audio = encode(samples, RATE_HZ, form).data
    captions = Captions.of(options)
    subtitles = WRITERS["srt"].write(timeline, cues(timeline, captions), captions, "job")
    page = preview.page(audio, form.content_type, timeline, samples, RATE_HZ, captions, {"job.srt": subtitles})
    file.write_text(page, encoding="utf-8")
    return file


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Callable[..., Tab]:
    return lambda speech, **media: browser.open(written(tmp_path, *speech), **media)


LIT = "[...document.querySelectorAll('.word')].findIndex((word) => word.matches('.now'))"
SOUGHT = "new Promise((done) => {{ audio.addEventListener('seeked', done, {{ once: true }}); {} }})"


def seek(tab: Tab, ms: float) -> None:
    tab.run(SOUGHT.format(f"audio.currentTime = {ms / 1000}"))


# Words


def test_playing_to_the_middle_of_any_word_lights_that_word(open_page: Callable[..., Tab], speech: Any) -> None:
    tab = open_page(speech)
    for index in range(0, len(speech[1].words), 5):
        word = speech[1].words[index]
        seek(tab, (word.start_ms + word.end_ms) / 2)
        assert tab.run(LIT) == index
        assert tab.run("document.querySelector('.now').textContent") == word.text
        assert tab.run("document.querySelectorAll('[aria-current]').length") == 1


def test_while_it_plays_the_lit_word_is_the_one_that_is_spoken(open_page: Callable[..., Tab], speech: Any) -> None:
    """Looks at every frame of two seconds of playback, across the comma's pause."""
    timeline = speech[1]
    comma = next(index for index, word in enumerate(timeline.words) if word.text == "harbour,")
    begin_ms = timeline.words[comma - 4].start_ms
    tab = open_page(speech)
    seek(tab, begin_ms)
    frames = tab.run(f"""new Promise(async (done) => {{
        const frames = [];
        await audio.play();
        requestAnimationFrame(function look() {{
            const before = audio.currentTime, lit = {LIT};
            frames.push([before * 1000, lit]);
            if (audio.currentTime * 1000 < {begin_ms} + 2000) requestAnimationFrame(look);
            else {{ audio.pause(); done(frames); }}
        }});
    }})""")
    seen = {index for _, index in frames}
    assert set(range(comma - 3, comma + 2)) <= seen and -1 in seen
    for ms, index in frames:
        # A frame shows the time at which it was drawn: at most the one before.
        spoken = {k for k, word in enumerate(timeline.words) if word.start_ms <= ms and ms - 50 < word.end_ms}
        assert index in spoken or (index == -1 and not any(
            word.start_ms <= ms - 50 and ms < word.end_ms for word in timeline.words))


def test_a_pause_lights_nothing_and_keeps_what_was_said(open_page: Callable[..., Tab], speech: Any) -> None:
    timeline = speech[1]
    comma = next(index for index, word in enumerate(timeline.words) if word.text == "harbour,")
    gap_ms = (timeline.words[comma].end_ms + timeline.words[comma + 1].start_ms) / 2
    tab = open_page(speech)
    seek(tab, gap_ms)
    assert tab.run(LIT) == -1
    assert tab.run("document.querySelectorAll('.passed').length") == comma + 1
    seek(tab, 100)
    assert tab.run("document.querySelectorAll('.passed').length") == 1


def test_clicking_a_word_goes_to_its_start(open_page: Callable[..., Tab], speech: Any) -> None:
    tab = open_page(speech)
    for index in (12, 3):
        tab.click(f".word:nth-of-type({index + 1})")
        assert tab.run("audio.currentTime") * 1000 == pytest.approx(speech[1].words[index].start_ms, abs=1)
        assert tab.run(LIT) == index
    assert tab.run("audio.paused")


def test_clicking_the_waveform_goes_to_that_time(open_page: Callable[..., Tab], speech: Any) -> None:
    tab = open_page(speech)
    x, y, width, height = tab.run("(() => { const b = overview.getBoundingClientRect();"
                                  " return [b.x, b.y, b.width, b.height]; })()")
    tab.click_at(x + width * 0.75, y + height / 2)
    assert tab.run("audio.currentTime") * 1000 == pytest.approx(speech[1].duration_ms * 0.75, rel=0.01)
    window = tab.run("view(nowMs())")
    x, y, width, height = tab.run("(() => { const b = detail.getBoundingClientRect();"
                                  " return [b.x, b.y, b.width, b.height]; })()")
    tab.click_at(x + width * 0.25, y + height / 2)
    assert tab.run("audio.currentTime") * 1000 == pytest.approx(window["from"] + window["length"] * 0.25, abs=10)


# Keyboard and readers


def test_space_plays_and_pauses_wherever_the_focus_is(open_page: Callable[..., Tab], speech: Any) -> None:
    tab = open_page(speech)
    for focus in ("document.activeElement.blur()", "detail.focus()", "play.focus()"):
        tab.run(focus)
        tab.press(" ")
        tab.wait_for("!audio.paused && play.getAttribute('aria-label') === 'Pause'")
        tab.press(" ")
        tab.wait_for("audio.paused && play.getAttribute('aria-label') === 'Play'")
    assert tab.run("scrollY") == 0


def test_arrow_keys_go_word_by_word(open_page: Callable[..., Tab], speech: Any) -> None:
    tab = open_page(speech)
    for _ in range(4):
        tab.press("ArrowRight")
    fourth = tab.run(LIT)
    tab.press("ArrowLeft")
    assert tab.run(LIT) == fourth - 1
    tab.press("End")
    assert tab.run(LIT) == len(speech[1].words) - 1
    tab.press("ArrowRight")
    assert tab.run(LIT) == len(speech[1].words) - 1
    tab.press("Home")
    tab.press("ArrowLeft")
    assert tab.run("audio.currentTime") == 0


def test_a_screen_reader_is_told_the_controls_the_position_and_the_word(open_page: Callable[..., Tab],
                                                                       speech: Any) -> None:
    tab = open_page(speech)
    seek(tab, speech[1].words[2].start_ms + 20)
    nodes = tab.send("Accessibility.getFullAXTree")["nodes"]
    known = {(node["role"]["value"], node.get("name", {}).get("value")) for node in nodes if not node["ignored"]}
    assert ("button", "Play") in known and ("slider", "Position in the audio") in known
    assert "seconds, first" in tab.run("detail.getAttribute('aria-valuetext')")
    tab.run("document.body.focus()")
    tab.press("Tab")
    assert tab.run("document.activeElement.id") == "detail"
    tab.press("Tab")
    assert tab.run("document.activeElement.id") == "play"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(open_page: Callable[..., Tab], speech: Any, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 to 1, for words said, not yet said, and being said."""
    tab = open_page(speech, prefers_color_scheme=scheme)
    tab.click(".word:nth-of-type(6)")
    colours = tab.run("""['.passed', '.word:last-of-type', '.now', '.keys', 'dt', '#play'].map((selector) => {
        const element = document.querySelector(selector), back = selector === '.keys' ? '.player' : 'body';
        const own = getComputedStyle(element).backgroundColor;
        return [getComputedStyle(element).color,
                own === 'rgba(0, 0, 0, 0)' ? getComputedStyle(document.querySelector(back)).backgroundColor : own];
    })""")
    for ink, paper in colours:
        lighter, darker = sorted((_luminance(ink), _luminance(paper)), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (ink, paper)


def _luminance(colour: str) -> float:
    channels = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


# The picture


def test_the_waveform_is_tall_where_it_sounds_and_flat_in_a_pause(open_page: Callable[..., Tab], speech: Any) -> None:
    timeline = speech[1]
    comma = next(index for index, word in enumerate(timeline.words) if word.text == "harbour,")
    first, second = timeline.words[comma].end_ms, timeline.words[comma + 1].start_ms
    tab = open_page(speech)
    seek(tab, first - 700)
    heights = tab.run(f"""(() => {{
        const scale = detail.width / detail.clientWidth, pen = detail.getContext("2d");
        const {{ from, length }} = view(nowMs());
        return [{(first + second) / 2}, {timeline.words[comma].start_ms + 150}].map((ms) => {{
            const column = pen.getImageData(Math.round((ms - from) / length * detail.width), 30 * scale,
                                            1, detail.height - 30 * scale).data;
            return column.filter((value, index) => index % 4 === 3 && value > 0).length / scale;
        }});
    }})()""")
    assert heights[0] <= 2 and heights[1] > 20


def test_peaks_are_those_of_the_audio() -> None:
    samples = np.concatenate([np.zeros(RATE_HZ // 2), np.full(RATE_HZ // 2, 0.25), np.full(RATE_HZ // 2, 0.5)])
    peaks = preview._peaks(samples.astype(np.float32), RATE_HZ)
    assert len(peaks) == 750
    assert set(peaks[:249]) == {0} and set(peaks[251:499]) <= {127, 128} and set(peaks[501:]) == {255}
    late = np.zeros(200 * RATE_HZ, np.float32)
    late[199 * RATE_HZ] = 1.0
    assert np.flatnonzero(bytearray(preview._peaks(late, RATE_HZ))).tolist() == [199_000 // 2]


def test_a_short_text_is_shown_whole_without_an_overview(open_page: Callable[..., Tab]) -> None:
    tab = open_page(spoken("Good morning."))
    assert tab.run("getComputedStyle(overview).display") == "none"
    assert tab.run("view(0).length") == tab.run("data.duration_ms")


@pytest.mark.parametrize("audio_format", ["wav", "flac", "mp3", "opus"])
def test_every_audio_format_plays(browser: Browser, tmp_path: Path, speech: Any, audio_format: str) -> None:
    tab = browser.open(written(tmp_path, speech[0], speech[1], audio_format))
    assert tab.run("audio.error") is None
    assert tab.run("audio.duration") * 1000 == pytest.approx(speech[1].duration_ms, abs=100)
    word = speech[1].words[10]
    seek(tab, (word.start_ms + word.end_ms) / 2)
    assert tab.run(LIT) == 10


# Trust


def test_the_page_asks_nothing_of_anyone_and_breaks_nothing(open_page: Callable[..., Tab], speech: Any) -> None:
    tab = open_page(speech)
    seek(tab, 1000)
    addresses = {event["request"]["url"].partition(":")[0] for event in tab.named("Network.requestWillBeSent")}
    assert addresses <= {"file", "data"}
    assert tab.named("Runtime.exceptionThrown") == [] and tab.named("Log.entryAdded") == []


HOSTILE = [
    "</script><script>pwned=1</script> hello", "<img src=x onerror=pwned=1> hello", "</span><b id=pwned>hello</b> you",
    "{{data}} {{policy}} hello", "\u2028 hello \u2029 -->", "\"'><svg/onload=pwned=1> hello", "<!--<script> hello",
    "]]> &lt;b&gt; &amp; hello", "\u202e\u2066 right to left",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_it_is_written(browser: Browser, tmp_path: Path, text: str) -> None:
    words = tuple(Word(piece[0], 100 * index, 100 * index + 100, *piece.span())
                  for index, piece in enumerate(re.finditer(r"[^\s\u2028\u2029]+", text)))
    timeline = Timeline(text, words, 2000, text, text)
    tone = np.sin(np.arange(2 * RATE_HZ) / 20).astype(np.float32)
    tab = browser.open(written(tmp_path, tone, timeline))
    assert tab.run("document.querySelector('.transcript').textContent") == text
    assert tab.run("[...document.querySelectorAll('.word')].map((word) => word.textContent)") == text.split()
    assert tab.run("typeof pwned") == "undefined"
    assert tab.run("document.title") == text.strip()
    assert tab.run("document.querySelector('.transcript').lang") == text
    assert tab.run("[...document.querySelectorAll('dd')].map((fact) => fact.textContent)")[2:] == [text, text]
    assert tab.named("Runtime.exceptionThrown") == []


def test_a_script_that_got_in_would_not_run(browser: Browser, tmp_path: Path, speech: Any) -> None:
    """The second wall: the page's policy names its own script by hash."""
    page = written(tmp_path, *speech)
    page.write_text(page.read_text().replace("<dl>", "<script>pwned=1</script><img src=x onerror=pwned=1><dl>"))
    tab = browser.open(page)
    assert tab.run("typeof pwned") == "undefined"
    refused = """new Promise((done) => {
        document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective), { once: true });
        %s;
    })"""
    assert tab.run(refused % "new Image().src = 'http://127.0.0.1:9/'") == "img-src"
    assert tab.run(refused % "fetch('http://127.0.0.1:9/').catch(() => 0)") == "connect-src"


def test_audio_that_cannot_be_drawn_still_has_its_words(browser: Browser, tmp_path: Path) -> None:
    timeline = Timeline("hello you", (Word("hello", 0, 500, 0, 5), Word("you", 500, 900, 6, 9)), 1000, "en", "espeak")
    page = tmp_path / "preview.html"
    silence = encode(np.zeros(RATE_HZ, np.float32), RATE_HZ, FORMATS["wav"]).data
    for audio in (silence, b"not audio"):
        page.write_text(preview.page(audio, "audio/wav", timeline, np.zeros(0, np.float32), RATE_HZ,
                                     Captions.of({}), {}), encoding="utf-8")
        tab = browser.open(page)
        assert tab.run("[...document.querySelectorAll('.word')].map((word) => word.textContent)") == ["hello", "you"]
        assert tab.named("Runtime.exceptionThrown") == []


def test_a_text_without_words_is_a_page(browser: Browser, tmp_path: Path) -> None:
    tone = np.sin(np.arange(RATE_HZ) / 20).astype(np.float32)
    tab = browser.open(written(tmp_path, tone, Timeline("…", (), 1000, "en", "espeak")))
    tab.press("ArrowRight")
    tab.press("End")
    assert tab.run(LIT) == -1 and tab.named("Runtime.exceptionThrown") == []


def test_without_scripts_the_text_and_the_player_are_there(speech: Any, tmp_path: Path) -> None:
    class Reader(HTMLParser):
        displayed = ""
        tags: tuple[tuple[str, dict[str, str | None]], ...] = ()

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.tags += ((tag, dict(attrs)),)

        def handle_data(self, data: str) -> None:
            self.displayed += data

    reader = Reader()
    reader.feed(written(tmp_path, *speech).read_text())
    assert TEXT in reader.displayed
    audio = next(attributes for tag, attributes in reader.tags if tag == "audio")
    assert "controls" in audio
    assert base64.b64decode(str(audio["src"]).partition(",")[2])[:4] == b"RIFF"


# The captions over their frame.

@pytest.mark.parametrize(("width", "scheme", "preset"), [
    (390, "light", "pop"), (390, "dark", "typewriter"), (1280, "light", "karaoke"), (1280, "dark", "pill")])
def test_captions_are_displayed_over_the_frame_in_their_style(
        browser: Browser, tmp_path: Path, speech: tuple[np.ndarray[Any, Any], Timeline], width: int, scheme: str,
        preset: str) -> None:
    samples, timeline = speech
    tab = browser.open(written(tmp_path, samples, timeline, preset=preset), width=width, height=844,
                       prefers_color_scheme=scheme)
    tab.wait_for("document.fonts.check('20px \\'Montserrat ExtraBold\\'')")
    assert tab.named("Runtime.exceptionThrown") == [] and tab.named("Log.entryAdded") == []
    assert tab.run("document.documentElement.scrollWidth <= innerWidth")
    captions = Captions.of({"preset": preset})
    cue = cues(timeline, captions)[2]
    word = timeline.words[cue.last]
    tab.run(f"seek({word.end_ms - 1})")
    tab.wait_for(f"Math.abs(nowMs() - {word.end_ms - 1}) < 5")
    shown = tab.run("[...stage.querySelectorAll('.cue:not([hidden]) text')].map((text) => text.textContent).join('')")
    assert shown == "".join("".join(line) for line in cue.lines).replace(" ", "")
    x0, y0, x1, y1 = tab.run("(() => { const b = stage.getBoundingClientRect(),"
                             " c = stage.querySelector('.cue:not([hidden])').getBoundingClientRect();"
                             " return [(c.left - b.left) / b.width, (c.top - b.top) / b.height,"
                             " (c.right - b.left) / b.width, (c.bottom - b.top) / b.height]; })()")
    assert 0 <= x0 < 0.5 < x1 <= 1 and 0.5 < y0 < y1 < 1
    ratio = tab.run("stage.getBoundingClientRect().height / stage.getBoundingClientRect().width")
    assert ratio == pytest.approx(captions.resolution[1] / captions.resolution[0], rel=0.01)
    assert tab.run("stage.getBoundingClientRect().width") <= width
    assert tab.run("view(0).length") >= 4000


def test_speed_and_downloads(browser: Browser, tmp_path: Path, speech: tuple[np.ndarray[Any, Any], Timeline]) -> None:
    tab = browser.open(written(tmp_path, *speech, preset="shorts"))
    tab.run("(() => { speed.value = '1.5'; speed.dispatchEvent(new Event('change')); })()")
    assert tab.run("audio.playbackRate") == 1.5
    links = tab.run("[...document.querySelectorAll('.files a')].map((a) => [a.textContent, a.download, a.href])")
    assert [text for text, _, _ in links] == ["audio", "srt"]
    content = base64.b64decode(links[1][2].partition("base64,")[2]).decode()
    assert "On the first morning" in content.replace("\n", " ")
