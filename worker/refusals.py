"""Two answers that several endpoints give."""
from __future__ import annotations


class NotFound(LookupError):
    """No such job, voice or file; the message names it as the caller did."""


class Conflict(ValueError):
    """The name is taken: by another input for the same job, or by a voice."""
