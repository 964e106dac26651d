"""The folder of this process's temporary files. What a killed worker left in such a folder goes at the next start.

A container keeps its disk when its process is started again, and a long job has hundreds of megabytes in files.
"""
from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

PREFIX = "f5-worker-"
"""deploy/start.sh has a folder of this name too."""


def take() -> Path:
    """Makes the folder in which `tempfile` makes all files from now on, and removes those that no live process holds.

    Held is a folder with a lock on it, which the kernel takes off a process that dies.
    """
    base = Path(tempfile.gettempdir())
    for left in base.glob(f"{PREFIX}*"):
        _sweep(left)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():  # another start may have swept it before it was locked
            tempfile.tempdir = str(folder)
            return folder
        os.close(lock)


def give_back(folder: Path) -> None:
    """At an orderly end."""
    tempfile.tempdir = str(folder.parent)
    shutil.rmtree(folder, ignore_errors=True)


def _sweep(folder: Path) -> None:
    with suppress(OSError):  # it is another user's, no folder, or held
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)
