"""Whether two jobs are one: what the caller sent, in canonical form.

Defaults are no part of it. So a newer version with more fields, or with other defaults, agrees with the version that
began a job.
"""
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VERSION = 3
"""Changes with the canonical form; digests of two versions cannot be compared. Version 1 covered every default of the
code that made it; version 3 knows that naming a format asks for timings."""

NOT_COMPARED = {"job_id", "url_expires_s", "force", "endpoint"}


@dataclass(frozen=True)
class Fingerprint:
    """`digest` of the canonical form; `text` decides where a record's digest is of another version."""

    digest: str
    text: str

    @classmethod
    def of(cls, endpoint: str, sent: Mapping[str, Any], text: str) -> Fingerprint:
        """`sent` is the input with each value in its canonical form, without what was left out."""
        fields = {name: _plain(value) for name, value in sent.items() if name not in NOT_COMPARED and value is not None}
        canonical = json.dumps([endpoint, fields], sort_keys=True, ensure_ascii=True)
        return cls(hashlib.sha256(canonical.encode()).hexdigest(), text)

    def matches(self, digest: str, version: int, output: Mapping[str, Any] | None) -> bool:
        """Whether a record is of the same input.

        A digest of another version tells nothing: then the texts are compared, which a finished record has. An
        unfinished one passes, for it is far likelier the same job handed out again than another one.
        """
        if version == VERSION:
            return digest == self.digest
        return output is None or output.get("text") == self.text


def _plain(value: Any) -> Any:
    """Numbers that are equal look equal, and what is None was not sent."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case Mapping():
            return {str(name): _plain(each) for name, each in value.items() if each is not None}
        case list() | tuple():
            return [_plain(each) for each in value]
    return value
