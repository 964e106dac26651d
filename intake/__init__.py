"""Untrusted input, checked and decoded.

`net` turns a URL into bytes, `audio` bytes into samples. Each bounds what it takes in size and time, and raises its
own exceptions, whose messages are fit for the caller.
"""
from __future__ import annotations


class TooLarge(Exception):
    """More bytes, or more seconds of audio, than are accepted here."""
