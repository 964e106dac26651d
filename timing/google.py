"""Google Speech-to-Text (v1) as a source: it recognises, and what it recognised is mapped onto the known text.

The audio leaves the worker and costs money, so it is used only where the caller names it or the operator
has configured credentials. Limits and units: docs.cloud.google.com/speech-to-text/docs/quotas.
"""
from __future__ import annotations

import difflib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from text.spoken import Token, read
from timing.align import RATE_HZ, NoEvidence, Samples, TimingError, unwatched
from timing.words import Span, to_ms

_FIELDS = ("type", "project_id", "private_key_id", "private_key", "client_email", "token_uri")
_TIMEOUT_S = 120.0
_MAX_PHRASE_CHARS = 100
_MAX_PHRASES = 500
_LOCALES = {"en": "en-US", "de": "de-DE", "fr": "fr-FR", "es": "es-ES", "it": "it-IT", "pt": "pt-BR", "nl": "nl-NL",
            "pl": "pl-PL", "ru": "ru-RU", "ja": "ja-JP", "zh": "cmn-Hans-CN", "ko": "ko-KR", "hi": "hi-IN",
            "tr": "tr-TR", "uk": "uk-UA", "sv": "sv-SE", "cs": "cs-CZ", "fi": "fi-FI", "ar": "ar-SA"}


class CredentialsError(TimingError):
    """GOOGLE_CREDENTIALS_JSON is not a service account's key; the message names the field, never its value."""


def read_credentials(text: str) -> dict[str, str]:
    """Checks the content of a service account's key file field by field. Raises CredentialsError."""
    stripped = text.strip()
    if not stripped.startswith("{"):
        looks_like_path = stripped.endswith(".json") or stripped.startswith(("/", "~", "./", "C:\\"))
        raise CredentialsError(
            "GOOGLE_CREDENTIALS_JSON holds a file's path; put the file's content there, or the path into "
            "GOOGLE_APPLICATION_CREDENTIALS" if looks_like_path else
            "GOOGLE_CREDENTIALS_JSON is not JSON; it is the content of a service account's key file")
    try:
        info: dict[str, str] = json.loads(stripped)
    except ValueError:
        raise CredentialsError("GOOGLE_CREDENTIALS_JSON is not valid JSON; was it cut or quoted twice?") from None
    for name in _FIELDS:
        if not isinstance(info.get(name), str) or not info[name]:
            raise CredentialsError(f"GOOGLE_CREDENTIALS_JSON lacks the field {name}")
    if info["type"] != "service_account":
        raise CredentialsError("GOOGLE_CREDENTIALS_JSON: type is not service_account; make a key of a service account")
    # A key that went through a shell or a web form often has its line ends written out.
    info["private_key"] = info["private_key"].replace("\\n", "\n")
    if not info["private_key"].startswith("-----BEGIN"):
        raise CredentialsError("GOOGLE_CREDENTIALS_JSON: private_key is not a PEM key")
    return info


class Google:
    """A `timing.align.Source`. `connect` makes the client at first use; see `connector`."""

    name = "google"
    max_window_s = 55.0
    """A synchronous request takes 60 s of audio; longer ones would need a bucket of Google's."""
    usd_per_minute = 0.024
    """Standard v1 recognition as third parties quoted it in 2024-26 (bicov.pro); Google's own page was not read."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._mutex = threading.Lock()
        self._client: Any = None

    def supports(self, language: str) -> str | None:
        """Google knows some 100 languages; the service itself refuses the others."""
        return None

    def align(self, samples: Samples, tokens: Sequence[Token], language: str,
              check: Callable[[], None] = unwatched) -> list[Span | None]:
        """Raises NoEvidence when nothing that was recognised is in the text, TimingError when Google refuses."""
        check()
        recognised = [each for word, span in self._recognise(samples, tokens, language)
                 for each in _pronounced(word, span, language)]
        spans = match(tokens, recognised)
        if not any(spans):
            raise NoEvidence("Google Speech recognised none of these words")
        return spans

    def _recognise(self, samples: Samples, tokens: Sequence[Token], language: str) -> list[tuple[str, Span]]:
        from google.api_core import exceptions
        from google.cloud import speech_v1

        config = speech_v1.RecognitionConfig(
            encoding=speech_v1.RecognitionConfig.AudioEncoding.LINEAR16,
            sample_rate_hertz=RATE_HZ,
            language_code=_LOCALES.get(language.lower(), language),
            enable_word_time_offsets=True,
            enable_word_confidence=True,
            speech_contexts=[speech_v1.SpeechContext(phrases=_phrases(tokens))],
        )
        pcm = (np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes()
        try:
            response = self._connected().recognize(
                config=config, audio=speech_v1.RecognitionAudio(content=pcm), timeout=_TIMEOUT_S)
        except exceptions.GoogleAPICallError as error:
            raise TimingError(f"Google Speech refused the request ({error.code or type(error).__name__})") from error
        words = [word for result in response.results for word in (result.alternatives or [None])[:1]
                 for word in (word.words if word is not None else ())]
        return [(word.word, _span(word)) for word in words]

    def _connected(self) -> Any:
        with self._mutex:
            if self._client is None:
                self._client = self._connect()
            return self._client


def connector(credentials_json: str | None, credentials_path: str | None) -> Callable[[], Any]:
    """How to reach Google: the key's content, else the key's file, else the machine's default credentials."""

    def connect() -> Any:
        from google.auth.exceptions import GoogleAuthError
        from google.cloud import speech_v1

        try:
            if credentials_json:
                return speech_v1.SpeechClient.from_service_account_info(read_credentials(credentials_json))
            if credentials_path:
                return speech_v1.SpeechClient.from_service_account_file(credentials_path)
            return speech_v1.SpeechClient()
        except CredentialsError:
            raise
        except (OSError, ValueError, GoogleAuthError) as error:
            raise TimingError("Google Speech has no usable credentials on this worker; set GOOGLE_CREDENTIALS_JSON "
                              "or GOOGLE_APPLICATION_CREDENTIALS") from error

    return connect


def seconds(value: object) -> float:
    """A time of Google's in whatever form a client of theirs gives it: timedelta, Duration, number or "1.3s"."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return float(value.get("seconds", 0)) + float(value.get("nanos", 0)) / 1e9
    if hasattr(value, "seconds") and hasattr(value, "nanos"):
        return float(value.seconds) + float(value.nanos) / 1e9
    if isinstance(value, str):
        return float(value.removesuffix("s"))
    if isinstance(value, int | float):
        return float(value)
    raise TimingError(f"Google Speech gave a time of unknown kind {type(value).__name__}")


def match(tokens: Sequence[Token], recognised: Sequence[tuple[str, Span]]) -> list[Span | None]:
    """Lays recognised words over the known ones, both in spoken form; a token takes the span of its own.

    A passage in which as many words were recognised as are written, but others, is taken one for one, marked
    by half the confidence: something was said there, and the text says what.
    """
    known = [(index, word) for index, token in enumerate(tokens) for word in token.spoken]
    said, written = [word for word, _ in recognised], [word for _, word in known]
    matcher = difflib.SequenceMatcher(None, written, said, autojunk=False)
    spans: list[Span | None] = [None] * len(tokens)
    for kind, a, a_end, b, b_end in matcher.get_opcodes():
        if kind == "equal" or (kind == "replace" and a_end - a == b_end - b):
            for (index, _), (_, span) in zip(known[a:a_end], recognised[b:b_end], strict=True):
                score = span.score if kind == "equal" else (span.score or 0.0) / 2
                spans[index] = _joined(spans[index], Span(span.start_ms, span.end_ms, score))
    return spans


def _joined(first: Span | None, second: Span) -> Span:
    if first is None:
        return second
    scores = [span.score for span in (first, second) if span.score is not None]
    return Span(first.start_ms, second.end_ms, min(scores) if scores else None)


def _span(word: Any) -> Span:
    return Span(to_ms(seconds(word.start_time)), to_ms(seconds(word.end_time)), float(word.confidence) or None)


def _pronounced(word: str, span: Span, language: str) -> list[tuple[str, Span]]:
    """What was recognised as one written word ("$3.50") as the words that were said, each with its share."""
    said = [each for token in read(word, language) for each in token.spoken]
    length_ms = span.end_ms - span.start_ms
    letters = sum(map(len, said)) or 1
    edges_ms = [span.start_ms + length_ms * sum(map(len, said[:i])) // letters for i in range(len(said) + 1)]
    return [(each, Span(start, end, span.score))
            for each, start, end in zip(said, edges_ms, edges_ms[1:], strict=False)]


def _phrases(tokens: Sequence[Token]) -> list[str]:
    """The text in pieces that Google takes as hints."""
    phrases = [""]
    for token in tokens:
        if len(phrases[-1]) + len(token.text) + 1 > _MAX_PHRASE_CHARS:
            phrases.append("")
        phrases[-1] = f"{phrases[-1]} {token.text}".strip()[:_MAX_PHRASE_CHARS]
    return [phrase for phrase in phrases if phrase][:_MAX_PHRASES]
