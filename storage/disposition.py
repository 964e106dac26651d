"""The name that a download is saved under."""
from __future__ import annotations

import re
from urllib.parse import quote


def attachment(filename: str) -> str:
    """The Content-Disposition that saves a download under `filename` (RFC 6266; RFC 8187 beyond ASCII)."""
    name = "".join(c if c.isprintable() and c not in "/\\" else "_" for c in filename)[-150:].strip(" .") or "download"
    ascii_name = re.sub(r"[^A-Za-z0-9 ._()+,=@-]", "_", name)
    extended = "" if ascii_name == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{ascii_name}"{extended}'
