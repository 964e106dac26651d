"""The names of what lies in the store, and which names there may be."""
from __future__ import annotations

import re
from typing import Literal
from urllib.parse import quote

from storage.contract import is_key

LEXICONS = "lexicon/"


def check_job_id(job_id: str) -> None:
    """Raises ValueError unless it is 1-128 of A-Z a-z 0-9 - _ and begins with a letter or digit."""
    _check_name(job_id, 128)


def check_voice_name(name: str) -> None:
    """As `check_job_id`, up to 64 characters."""
    _check_name(name, 64)


def _check_name(name: str, max_chars: int) -> None:
    if not re.fullmatch(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{max_chars - 1}}}", name):
        raise ValueError(f"is 1 to {max_chars} of A-Z, a-z, 0-9, - and _, the first one a letter or a digit")


def voice_key(name: str, kind: Literal["wav", "txt", "json"]) -> str:
    check_voice_name(name)
    return f"voices/{name}.{kind}"


def version_key(name: str, version: str) -> str:
    """The recording of one version of a voice: never rewritten, so that who reads it reads it whole."""
    return f"{versions_prefix(name)}{version}.wav"


def versions_prefix(name: str) -> str:
    check_voice_name(name)
    return f"voice-versions/{name}/"


def lexicon_key(name: str) -> str:
    """A list of pronunciations; its name is made as a voice's is."""
    check_voice_name(name)
    return f"{LEXICONS}{name}.json"


def audio_key(job_id: str, extension: str) -> str:
    check_job_id(job_id)
    return f"output/{job_id}.{extension}"


def timing_key(job_id: str, format_name: str) -> str:
    check_job_id(job_id)
    return f"timings/{job_id}.{format_name}"


def words_key(job_id: str) -> str:
    """The stored words, from which a timing format can be written later."""
    return timing_key(job_id, "words.json")


def record_key(job_id: str) -> str:
    check_job_id(job_id)
    return f"jobs/{job_id}.json"


def is_upload_key(key: str) -> bool:
    """Whether a caller may name this key as the source of a voice."""
    return key.startswith("uploads/") and is_key(key)


def attachment(filename: str) -> str:
    """The Content-Disposition that saves a download under `filename` (RFC 6266; RFC 8187 beyond ASCII)."""
    name = "".join(c if c.isprintable() and c not in "/\\" else "_" for c in filename)[-150:].strip(" .") or "download"
    ascii_name = re.sub(r"[^A-Za-z0-9 ._()+,=@-]", "_", name)
    extended = "" if ascii_name == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{ascii_name}"{extended}'
