"""Where the models run. An operator pays for a GPU: one that cannot be used stops the start, and is never replaced
by the CPU without a word."""
from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

from tts import EngineError

log = logging.getLogger(__name__)

DRIVER = Path("/proc/driver/nvidia/version")


class DeviceError(EngineError):
    """The device that was asked for cannot compute; the message is the operator's."""


def usable(name: str) -> str:
    """`auto` becomes `cuda` where CUDA works. A `cuda` that was asked for is tried. Raises DeviceError.

    That a GPU is listed proves little: its driver may be too old, its memory taken, the card itself lost.
    """
    if name == "cpu":
        return name
    import torch

    try:
        torch.ones(8, 8, device="cuda").square().sum().item()
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts.
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        facts = f"{reason}; NVIDIA driver {driver() or 'not loaded'}, torch {torch.__version__}"
        if name == "auto":
            if driver():
                log.warning("this machine has a GPU that CUDA cannot use (%s): the CPU computes, much slower", facts)
            return "cpu"
        raise DeviceError(f"DEVICE is {name} and CUDA cannot be used here ({facts}). The machine is at fault, or the "
                          "endpoint allows CUDA versions below 12.8") from None
    return "cuda" if name == "auto" else name


def driver() -> str | None:
    """The version of the NVIDIA driver, which belongs to the host; None where none is loaded."""
    try:
        found = re.search(r"\s(\d+\.\d+(?:\.\d+)?)\s", DRIVER.read_text().partition("\n")[0])
    except OSError:
        return None
    return found[1] if found else "unknown"


def report(name: str) -> dict[str, Any] | None:
    """Of the GPU: name, driver, the CUDA that torch was built for, free and total memory. None on a CPU."""
    if not name.startswith("cuda"):
        return None
    import torch

    free_bytes, total_bytes = torch.cuda.mem_get_info(name)
    return {"name": torch.cuda.get_device_name(name), "driver": driver(), "cuda": torch.version.cuda,
            "memory_free_mb": free_bytes // 1_000_000, "memory_total_mb": total_bytes // 1_000_000}
