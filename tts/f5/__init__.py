"""Text in a cloned voice by F5-TTS. The network is upstream's code; its trainer is left out.

`f5_tts.model` imports its trainer, and with it wandb, datasets and accelerate (f5-tts 1.1.22,
f5_tts/model/__init__.py:5), which a worker would load at every start and never use.
"""
from __future__ import annotations

import sys
from types import ModuleType

_TRAINER = "f5_tts.model.trainer"


def _import_without_trainer() -> None:
    """`f5_tts.model` is given an empty module for its trainer; whoever imports the trainer afterwards gets the real."""
    if _TRAINER in sys.modules or "f5_tts.model" in sys.modules:
        return
    empty = ModuleType(_TRAINER)
    empty.Trainer = None  # type: ignore[attr-defined]
    sys.modules[_TRAINER] = empty
    try:
        import f5_tts.model  # noqa: F401
    finally:
        del sys.modules[_TRAINER]


_import_without_trainer()
