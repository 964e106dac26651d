"""Lines that this process has spoken: an edited script costs its edited lines alone.

In memory, for as long as the worker lives: nothing that a caller had said stays on a disk, where a deleted voice would
outlive itself and a damaged file would be heard.
"""
from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

from tts import Samples


class LineCache:
    """Samples by all that they were made from, `max_bytes` of them at most; the longest unused go first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes, self._n_bytes = max_bytes, 0
        self._lines: OrderedDict[Hashable, Samples] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Samples | None:
        with self._lock:
            if key in self._lines:
                self._lines.move_to_end(key)
            return self._lines.get(key)

    def put(self, key: Hashable, samples: Samples) -> None:
        """The samples are kept as they are, not copied."""
        with self._lock:
            if key in self._lines or samples.nbytes > self._max_bytes:
                return
            self._lines[key] = samples
            self._n_bytes += samples.nbytes
            while self._n_bytes > self._max_bytes:
                self._n_bytes -= self._lines.popitem(last=False)[1].nbytes
