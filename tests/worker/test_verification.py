"""`verify`: a line that lacks or repeats a word is found, and spoken again with the next seed."""
from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

import runpod_handler
from tts import Line, Options, Utterance, Voice
from tts.espeak import Espeak
from worker.generate import generate
from worker.jobs import Job
from worker.requests import Generate, parse

GOOD = "The harbour was quiet when the first boats came in."
BAD = "Nobody had told the baker that the old bridge was closed again."
TEXT = f"{GOOD} {BAD}"
SEVEN = " ".join(f"Nobody had told the baker on {day} that it was closed again." for day in (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"))
SEED = 7


@cache
def clip() -> Voice:
    """What an engine that clones has of its voice."""
    text = "The old clock has been wrong for years, but the people set their watches by it."
    engine = Espeak()
    [said] = engine.speak([Line(text, "en")], Options(), check=lambda: None, progress=lambda share: None)
    return Voice("own", said.samples, engine.rate_hz, text, "en", "own")


class Failing(Espeak):
    """Says a line that has "baker" otherwise, as long as the seed is below `works_from`."""

    fallible = True

    def __init__(self, works_from: int, change: tuple[str, str] = ("baker ", "")) -> None:
        super().__init__()
        self._works_from, self._change = works_from, change
        self.asked: list[tuple[str, int]] = []
        self.spoke_again: Callable[[], None] = lambda: None
        self.own_voice = clip()

    def max_bytes(self, voice: Voice | None, speed: float) -> int:
        return 70

    def speak(self, lines: Sequence[Line], options: Options, *, check: Callable[[], None],
              progress: Callable[[float], None]) -> Generator[Utterance, None, None]:
        self.asked += [(line.text, options.seed) for line in lines]
        if options.seed > SEED:
            self.spoke_again()
        if options.seed < self._works_from:
            lines = [replace(line, text=line.text.replace(*self._change)) for line in lines]
        return super().speak(lines, options, check=check, progress=progress)


def run(parts: runpod_handler.Parts, engine: Espeak, **fields: Any) -> dict[str, Any]:
    """One job through the real handler, as RunPod's SDK sends it."""
    handler = runpod_handler.make_handler(replace(parts, engine=engine))
    job_id = f"{type(engine).__name__}-{id(engine)}"
    return asyncio.run(handler({"id": job_id, "input": {"text": TEXT, "seed": SEED, **fields}}))


def named(output: dict[str, Any]) -> list[str]:
    return [warning for warning in output["warnings"] if warning.startswith("verify: ")]


@pytest.fixture(scope="module")
def unfailing() -> Failing:
    return Failing(0)


@pytest.mark.parametrize("change", [("baker ", ""), ("baker ", "baker baker ")])
def test_a_line_that_fails_is_spoken_again_with_the_next_seed(parts: runpod_handler.Parts, unfailing: Failing,
                                                              change: tuple[str, str]) -> None:
    engine = Failing(SEED + 1, change)
    output = run(parts, engine, verify="retry")
    assert [line["text"] for line in output["lines"]] == [GOOD, BAD]
    assert [line["tries"] for line in output["lines"]] == [1, 2]
    assert all(line["score"] >= 0.5 for line in output["lines"]) and not named(output)
    assert engine.asked == [(GOOD, SEED), (BAD, SEED), (BAD, SEED + 1)]
    assert output["sha256"] == run(parts, unfailing)["sha256"], "the good one is kept, and nothing else"
    assert output["lines"][-1]["end"] == output["duration"]


def test_warn_names_the_line_and_speaks_nothing_again(parts: runpod_handler.Parts) -> None:
    engine = Failing(SEED + 1)
    output = run(parts, engine, verify="warn")
    assert [line["tries"] for line in output["lines"]] == [1, 1] and len(engine.asked) == 2
    [warning] = named(output)
    assert "line 2" in warning and BAD[:20] in warning
    assert run(parts, engine, verify="warn", force=True)["lines"] == output["lines"], "the same again"


def test_a_line_that_never_comes_right_is_tried_so_often_and_named(parts: runpod_handler.Parts) -> None:
    engine = Failing(100)
    output = run(parts, engine, verify="retry", max_retries=1)
    assert [line["tries"] for line in output["lines"]] == [1, 2]
    assert len(named(output)) == 1 and [seed for _, seed in engine.asked] == [SEED, SEED, SEED + 1]


def test_where_tries_are_in_vain_line_after_line_they_end(parts: runpod_handler.Parts) -> None:
    """A voice that the check does not suit would cost twice as much or more."""
    output = run(parts, Failing(100), text=SEVEN, verify="retry", max_retries=1)
    assert [line["tries"] for line in output["lines"]] == [2, 2, 2, 2, 2, 1, 1]
    [ended] = [warning for warning in named(output) if "no more lines" in warning]
    assert "after line 5" in ended and "5 of 5" in ended


def test_tries_that_help_do_not_end(parts: runpod_handler.Parts) -> None:
    output = run(parts, Failing(SEED + 1), text=SEVEN, verify="retry", max_retries=1)
    assert [line["tries"] for line in output["lines"]] == [2] * 7
    assert not named(output)


def test_off_is_the_default_and_adds_nothing(parts: runpod_handler.Parts) -> None:
    output = run(parts, Failing(SEED + 1))
    assert "lines" not in output and not named(output)


def test_an_engine_that_cannot_fail_is_not_checked(parts: runpod_handler.Parts) -> None:
    output = run(parts, Espeak(), verify="retry")
    assert "lines" not in output and not named(output)


def test_lines_in_another_language_are_said_once_not_to_be_checked(parts: runpod_handler.Parts) -> None:
    output = run(parts, Failing(SEED + 1), language="de", verify="retry")
    assert {(line["score"], line["tries"]) for line in output["lines"]} == {(None, 1)}
    [warning] = named(output)
    assert "2 of 2 lines were not checked" in warning and "English" in warning


def test_lines_in_a_voice_whose_clip_says_something_else_are_not_checked(parts: runpod_handler.Parts) -> None:
    engine = Failing(SEED + 1)
    engine.own_voice = replace(clip(), text="Nine letters came by boat on Friday and each of them was opened twice.",
                               fingerprint="other")
    output = run(parts, engine, verify="retry")
    assert {(line["score"], line["tries"]) for line in output["lines"]} == {(None, 1)}
    assert "2 of 2 lines were not checked" in named(output)[0] and "says its transcript" in named(output)[0]


def test_only_the_kept_try_of_a_line_is_handed_out(parts: runpod_handler.Parts, unfailing: Failing) -> None:
    published: list[dict[str, Any]] = []
    job = Job("streamed", 600.0, lambda stage, share: None, on_news=lambda news: published.append(dict(news)))
    request = parse(Generate, {"text": TEXT, "seed": SEED, "stream": True, "verify": "retry"})
    output = generate(request, job, replace(parts.speech, engine=Failing(SEED + 1)), [])
    whole = run(parts, unfailing, stream=True)
    assert output["sha256"] == whole["sha256"]
    handed_out = [line["text"] for news in published for line in news["lines"][-1:]]
    assert handed_out == [line["text"] for line in output["lines"]]


def test_a_cancel_ends_the_job_between_two_tries(parts: runpod_handler.Parts) -> None:
    """As RunPod does it: the handler's task is cancelled while a line is being spoken again."""
    engine, again = Failing(100), threading.Event()
    engine.spoke_again = again.set

    async def cancelled() -> float:
        handler = runpod_handler.make_handler(replace(parts, engine=engine))
        task = asyncio.create_task(handler({"id": "cancelled", "input": {
            "text": TEXT, "seed": SEED, "verify": "retry", "max_retries": 5}}))
        await asyncio.to_thread(again.wait, 60)
        task.cancel()
        started = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - started

    assert asyncio.run(cancelled()) < 1.5
    assert [seed for _, seed in engine.asked] == [SEED, SEED, SEED + 1]
    assert parts.records.read("cancelled").status == "cancelled"


def test_retries_end_with_the_deadline(parts: runpod_handler.Parts) -> None:
    engine = Failing(100)
    job = Job("late", 600.0, lambda stage, share: None)
    engine.spoke_again = lambda: setattr(job, "_deadline_s", 0.0)
    request = parse(Generate, {"text": TEXT, "seed": SEED, "verify": "retry", "max_retries": 5})
    with pytest.raises(runpod_handler.DeadlineExceeded):
        generate(request, job, replace(parts.speech, engine=engine), [])
    assert [seed for _, seed in engine.asked] == [SEED, SEED, SEED + 1]
