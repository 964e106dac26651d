"""A local folder with the promises of a bucket."""
from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import mimetypes
import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from storage.contract import (
    Entry,
    Head,
    MissingKey,
    Page,
    StorageError,
    TooLarge,
    checked_cursor,
    checked_expiry,
    checked_key,
    is_key,
    probe,
)
from storage.leaving import CHECK

_BLOCK_BYTES = 1 << 20
_DRAFT, _DRAFT_S = re.compile(r"\.[0-9a-f]{32}\.part"), 3600
"""A file that is being written; one that has stood still for so long is nobody's."""
_md5 = partial(hashlib.md5, usedforsecurity=False)


class FolderStore:
    """A folder, for one machine: each key is a file below `root`, which is made when missing.

    A file is written beside its place, synced and moved there. Writers of all processes take turns by a
    lock on `root`, so a condition still holds when the move happens; readers wait for nobody. Links
    inside the folder are neither followed nor listed.
    """

    def __init__(self, root: Path) -> None:
        self.warning: str | None = None
        self._root = Path(root).resolve()
        with _disk_errors():
            self._root.mkdir(parents=True, exist_ok=True)

    def put(self, key: str, data: bytes | Path, content_type: str) -> str:
        with self._staged(key, data) as new:
            new.settle()
            return new.etag

    def put_if_absent(self, key: str, data: bytes | Path, content_type: str) -> str | None:
        with self._staged(key, data) as new:
            if new.path.exists():
                return None
            new.settle()
            return new.etag

    def put_if_match(self, key: str, data: bytes | Path, content_type: str, etag: str) -> str | None:
        with self._staged(key, data) as new:
            if not new.path.exists() or _etag_of(new.path) != etag:
                return None
            new.settle()
            return new.etag

    def get(self, key: str, max_bytes: int | None = None) -> bytes:
        with _disk_errors(), self._open(key) as file:
            size = os.fstat(file.fileno()).st_size
            if max_bytes is not None and size > max_bytes:
                raise TooLarge(size, max_bytes)
            return file.read()

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        data = self.get(key)
        return data, _md5(data).hexdigest()

    def head(self, key: str) -> Head | None:
        try:
            with _disk_errors(), self._open(key) as file:
                stat = os.fstat(file.fileno())
                etag = hashlib.file_digest(file, _md5).hexdigest()
        except MissingKey:
            return None
        content_type = mimetypes.guess_type(key)[0] or "application/octet-stream"
        return Head(stat.st_size, _utc(stat.st_mtime), etag, content_type)

    def list(self, prefix: str, limit: int = 1000, cursor: str | None = None) -> Page:
        start = checked_cursor(cursor).encode() if cursor is not None else b""
        keys = sorted((key for key in self._keys(prefix) if key.encode() > start), key=str.encode)
        entries = [entry for key in keys[:limit] if (entry := self._entry(key)) is not None]
        return Page(tuple(entries), keys[limit - 1] if len(keys) > limit else None)

    def delete(self, key: str) -> None:
        with _disk_errors(), self._turn():
            path = self._path(key)
            if path.is_file():
                path.unlink()

    def presign(self, key: str, expires_s: int, filename: str, content_type: str) -> str:
        """A file:// URL, which neither expires nor renames."""
        checked_expiry(expires_s)
        return self._path(key).as_uri()

    def check(self) -> None:
        probe(self)
        with _disk_errors():
            self._sweep()

    def _sweep(self) -> None:
        """Removes what killed writers left. A live one's draft changes as it grows."""
        for draft in filter(lambda path: _DRAFT.fullmatch(path.name), self._root.rglob(".*.part")):
            with suppress(FileNotFoundError):
                if time.time() - draft.lstat().st_mtime > _DRAFT_S:
                    draft.unlink()

    def _path(self, key: str) -> Path:
        path = self._root / checked_key(key)
        if Path(os.path.realpath(path)) != path:
            raise StorageError("the local store does not follow links; put the file itself there", "ELOOP")
        return path

    def _open(self, key: str) -> io.BufferedReader:
        try:
            return self._path(key).open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise MissingKey from None

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """The store's lock; it belongs to the open file, so threads exclude each other as processes do."""
        lock = os.open(self._root / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            CHECK.get()()  # who has waited for long may be wanted no more
            yield
        finally:
            os.close(lock)

    @contextmanager
    def _staged(self, key: str, data: bytes | Path) -> Iterator[_Staged]:
        """`data` written beside its place, and the turn to move it there."""
        path = self._path(key)
        draft = path.with_name(f".{uuid.uuid4().hex}.part")
        with _disk_errors():
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                etag = _spill(data, draft)
                with self._turn():
                    yield _Staged(draft, path, etag)
            finally:
                draft.unlink(missing_ok=True)

    def _keys(self, prefix: str) -> Iterator[str]:
        for parent, folders, files in os.walk(self._root):
            inside = Path(parent).relative_to(self._root).as_posix() + "/"
            inside = "" if inside == "./" else inside
            folders[:] = [name for name in folders if _may_hold(f"{inside}{name}/", prefix)]
            for name in files:
                key = inside + name
                if key.startswith(prefix) and is_key(key) and not Path(parent, name).is_symlink():
                    yield key

    def _entry(self, key: str) -> Entry | None:
        """None if it was deleted since its name was read."""
        try:
            stat = (self._root / key).stat()
        except FileNotFoundError:
            return None
        return Entry(key, stat.st_size, _utc(stat.st_mtime))


@dataclass(frozen=True, slots=True)
class _Staged:
    draft: Path
    path: Path
    etag: str

    def settle(self) -> None:
        self.draft.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _may_hold(folder: str, prefix: str) -> bool:
    return folder.startswith(prefix) or prefix.startswith(folder)


def _spill(data: bytes | Path, draft: Path) -> str:
    """Writes and syncs `data`; returns its etag."""
    digest = _md5()
    with data.open("rb") if isinstance(data, Path) else io.BytesIO(data) as source, draft.open("xb") as target:
        while block := source.read(_BLOCK_BYTES):
            CHECK.get()()
            digest.update(block)
            target.write(block)
        target.flush()
        os.fsync(target.fileno())
    return digest.hexdigest()


def _etag_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, _md5).hexdigest()


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


_DISK_ADVICE = {
    errno.ENOSPC: "the disk of the local store is full",
    errno.EDQUOT: "the disk of the local store is full",
    errno.EACCES: "the folder of the local store may not be read or written; check DATA_DIR",
    errno.EPERM: "the folder of the local store may not be read or written; check DATA_DIR",
    errno.EROFS: "the folder of the local store may not be written; check DATA_DIR",
    errno.ENAMETOOLONG: "a name is too long for the local store",
}


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        code = errno.errorcode.get(failure.errno or 0, "EIO")
        raise StorageError(f"{_DISK_ADVICE.get(failure.errno or 0, 'the local store failed')} ({code})", code) from None
