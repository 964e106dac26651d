"""What is still running, and what it has held."""
from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path


def running_in_group(group_id: int) -> list[str]:
    """Processes of the group that are more than an entry which nobody has collected yet."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(group) == group_id and state not in "ZX":
                found.append(stat.parent.name)
    return found


def peak_mb() -> int:
    """The most memory that this process has held. `ru_maxrss` may be its parent's: exec hands it on."""
    return memory_kib("VmHWM") * 1024 // 1_000_000


def memory_kib(name: str) -> int:
    """VmRSS is what the process holds now, VmHWM the most that it has held."""
    return int(re.findall(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())[0])
