"""Stored lists of pronunciations: `lexicon/<name>.json` is `{"Kubernetes": "koo ber NET eez"}`."""
from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from s3_utils import LEXICONS, MissingKey, Store, check_voice_name, lexicon_key
from worker.refusals import Conflict, NotFound
from worker.requests import Align, DeleteLexicon, Generate, GetLexicon, ListLexicons, SetLexicon, StoredPronunciations

_MAX_BYTES = 1_000_000


class BrokenLexicon(Conflict):
    """A stored list cannot be used; the message names the file."""


def set_lexicon(request: SetLexicon, store: Store) -> dict[str, Any]:
    """Endpoint `set_lexicon`: the list replaces the one of that name."""
    content = json.dumps(request.pronunciations, ensure_ascii=False, indent=1).encode()
    store.put(lexicon_key(request.lexicon_name), content, "application/json")
    return {"status": "completed",
            "lexicon": {"name": request.lexicon_name, "count": len(request.pronunciations)}}


def get_lexicon(request: GetLexicon, store: Store) -> dict[str, Any]:
    """Endpoint `get_lexicon`. Raises NotFound, BrokenLexicon."""
    found = _read(store, request.lexicon_name)
    return {"status": "completed",
            "lexicon": {"name": request.lexicon_name, "count": len(found), "pronunciations": found}}


def delete_lexicon(request: DeleteLexicon, store: Store) -> dict[str, Any]:
    """Endpoint `delete_lexicon`. Raises NotFound."""
    key = lexicon_key(request.lexicon_name)
    if store.head(key) is None:
        raise _not_stored(request.lexicon_name)
    store.delete(key)
    return {"status": "deleted", "lexicon_name": request.lexicon_name}


def list_lexicons(request: ListLexicons, store: Store) -> dict[str, Any]:
    """Endpoint `list_lexicons`: a page of names, in their order. What is no list is named in `warnings`."""
    page = store.list(LEXICONS, limit=request.limit, cursor=request.cursor)
    names = [entry.key.removeprefix(LEXICONS) for entry in page.entries]
    lexicons = [{"name": name.removesuffix(".json"), "size": entry.size,
                 "last_modified": entry.last_modified.isoformat(timespec="seconds")}
                for name, entry in zip(names, page.entries, strict=True) if _is_lexicon(name)]
    return {"status": "completed", "lexicons": lexicons, "count": len(lexicons), "next_cursor": page.next_cursor,
            "warnings": [f"{LEXICONS}{name[:120]}: is not named as a lexicon is, <name>.json with a name of letters, "
                         "digits, - and _" for name in names if not _is_lexicon(name)]}


def pronunciations(request: Generate | Align, store: Store) -> Mapping[str, str]:
    """The job's own entries over those of the list it names. Raises NotFound, BrokenLexicon."""
    if request.lexicon is None:
        return request.pronunciations
    return _read(store, request.lexicon) | request.pronunciations


def _read(store: Store, name: str) -> dict[str, str]:
    try:
        data = store.get(lexicon_key(name), max_bytes=_MAX_BYTES)
    except MissingKey:
        raise _not_stored(name) from None
    try:
        return parsed(data)
    except ValueError as error:
        raise BrokenLexicon(f"{lexicon_key(name)}: {error}; correct it, or send it by set_lexicon") from None


def parsed(data: bytes) -> dict[str, str]:
    """The entries of a list. Raises ValueError with its first fault."""
    try:  # some editors begin a file with a byte order mark
        return TypeAdapter(StoredPronunciations).validate_json(data.removeprefix(codecs.BOM_UTF8), strict=True)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = "".join(f"{part!r}: " for part in fault["loc"][:1])
        raise ValueError(f"{place}{fault['msg'].removeprefix('Value error, ')}") from None


def _is_lexicon(name: str) -> bool:
    try:
        check_voice_name(name.removesuffix(".json"))
    except ValueError:
        return False
    return name.endswith(".json")


def _not_stored(name: str) -> NotFound:
    return NotFound(f"lexicon {name} is not stored here; send it by set_lexicon, or see list_lexicons")
