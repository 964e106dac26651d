"""Whether the checkpoint that was loaded is the one that `setup_network_venv.py` fetched: SHA256SUMS lies beside it."""
from __future__ import annotations

import contextlib
from pathlib import Path

from tts import EngineError

SUMS = "SHA256SUMS"


class DamagedModel(EngineError):
    """The checkpoint's bytes are not those that were pinned; the message is the operator's."""


def check(folder: Path, revision: str) -> None:
    """`revision` is the head of the loaded checkpoint's sha256. A model that was put there by hand has no pin.

    Raises DamagedModel, and notes the damage so that the next start fetches anew what is changed.
    """
    try:
        pinned = [line.split(maxsplit=1)[0] for line in (folder / SUMS).read_text().splitlines()]
    except OSError:
        return
    if any(digest.startswith(revision) for digest in pinned):
        return
    with contextlib.suppress(OSError):
        (folder / ".damaged").touch()
        (folder / ".complete").unlink()
    raise DamagedModel(f"the F5 checkpoint in {folder.name}/ has the sha256 {revision}..., which {SUMS} beside it does "
                       "not list: it is damaged. The next start fetches it anew where its folder can be written")
