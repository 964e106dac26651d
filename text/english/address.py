"""Streets and states."""
from __future__ import annotations

import re
from collections.abc import Sequence

from text.english.place import Place
from text.english.tables import SENTENCE_STARTS, STATES, STATES_NEEDING_ZIP
from text.written import Written


def is_street(words: Sequence[Written], index: int, following: Written) -> bool:
    """Behind a name and not before one, or behind a numbered name."""
    before = words[index - 1] if index else Written("", "", "")
    if not before.core[:1].isalnum() or before.tail or not (before.core[0].isupper() or before.core[0].isdigit()):
        return False
    house = index > 1 and words[index - 2].core[:1].isdigit()
    named = following.core[:1].isupper() and following.core not in SENTENCE_STARTS
    ends = not named or bool(words[index].tail.strip("."))
    return house or (ends and before.core not in SENTENCE_STARTS)


def state(at: Place) -> list[str] | None:
    """Austin, TX · TX 78701"""
    if at.core not in STATES or at.loud:
        return None
    zip_code = re.fullmatch(r"\d{5}(-\d{4})?", at.near(1))
    town = at.index > 0 and at.words[at.index - 1].tail == "," and at.words[at.index - 1].core[:1].isupper()
    if zip_code or (town and at.core not in STATES_NEEDING_ZIP):
        return [STATES[at.core]]
    return None
