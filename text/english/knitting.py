"""What knitting patterns are made of: k2, p2, k2tog, yo."""
from __future__ import annotations

import re

from text.english.decimal import number
from text.english.place import Place

_STITCH = re.compile(r"([kp])(\d{1,2})(tog)?")
_KNITTING = re.compile(r"k\d{1,2}|[kp]\dtog|sts?|stitch(?:es)?|ssk|knit|purl|yarn")
_NEAR = 6


def stitch(at: Place) -> list[str] | None:
    """k2 is two knit stitches where another stitch or the word stands near, k2tog anywhere"""
    match = _STITCH.fullmatch(at.core)
    if match is None or not (match[3] or _is_pattern(at)):
        return None
    return [f"{'knit' if match[1] == 'k' else 'purl'} {number(match[2])}{' together' if match[3] else ''}"]


def yarn_over(at: Place) -> list[str] | None:
    return ["yarn over"] if at.core == "yo" and _is_pattern(at) else None


def _is_pattern(at: Place) -> bool:
    around = [*at.before(_NEAR), *at.words[at.index + 1:at.index + 1 + _NEAR]]
    return any(_KNITTING.fullmatch(word.core.lower() if len(word.core) > 2 else word.core) for word in around)
