"""The store of voices, audio, timings and job records, and the names of what lies in it.

`S3Store` keeps objects in a bucket of Amazon S3 or a service that speaks its protocol, `FolderStore` in
a local folder; both keep the promises of `Store`. Two workers agree on who does a job by conditional
puts; where a service has none, `check` says so in the store's `warning` and a weaker way is taken.
"""
from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import logging
import mimetypes
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import quote

log = logging.getLogger(__name__)

MIN_EXPIRES_S, MAX_EXPIRES_S = 60, 604_800
"""A signed URL lives at most a week: the limit of Signature Version 4."""

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5.0, 30.0
ATTEMPTS = 4
_MAX_KEY_BYTES = 1024
_BLOCK_BYTES = 1 << 20
_md5 = partial(hashlib.md5, usedforsecurity=False)


class StorageError(Exception):
    """The store refused or failed, after retries where they can help.

    The message says what to do and holds no key, path, host or secret. `code` is the service's own
    error code, the errno's name, or the name of the transport's error.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class MissingKey(StorageError):
    """Nothing is stored under this key."""

    def __init__(self) -> None:
        super().__init__("the store has no such object", "NoSuchKey")


class TooLarge(StorageError):
    """The object has more bytes than the caller is willing to read."""

    def __init__(self, size: int, max_bytes: int) -> None:
        super().__init__(f"the stored object has {size} bytes, the most is {max_bytes}", "EntityTooLarge")


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of an object without reading it. `FolderStore` tells `content_type` by the name."""

    size: int
    last_modified: datetime
    etag: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Entry:
    key: str
    size: int
    last_modified: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a listing; `next_cursor` is None on the last one."""

    entries: tuple[Entry, ...]
    next_cursor: str | None


class Store(Protocol):
    """Objects by key. Safe to use from several threads; every failure is a StorageError.

    A write is there for all readers once it returns, whole or not at all. An etag changes with the
    content and means nothing else.
    """

    warning: str | None
    """What this store cannot promise, fit for the caller; None when it keeps all that is said here."""

    def put(self, key: str, data: bytes | Path, content_type: str) -> str:
        """Writes or replaces, and returns the etag."""
        ...

    def put_if_absent(self, key: str, data: bytes | Path, content_type: str) -> str | None:
        """Writes if nothing is there, whoever else tries, and returns the etag; None if something is."""
        ...

    def put_if_match(self, key: str, data: bytes | Path, content_type: str, etag: str) -> str | None:
        """Replaces exactly the content that has `etag`; None if it has changed or is gone."""
        ...

    def get(self, key: str, max_bytes: int | None = None) -> bytes:
        """Raises MissingKey, and TooLarge before it reads more than `max_bytes`."""
        ...

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        """The content and its etag, of one and the same version. Raises MissingKey."""
        ...

    def head(self, key: str) -> Head | None:
        """None if nothing is there."""
        ...

    def list(self, prefix: str, limit: int = 1000, cursor: str | None = None) -> Page:
        """At most `limit` objects in the byte order of their keys, those after the key `cursor`."""
        ...

    def delete(self, key: str) -> None:
        """Removes the object; nothing happens if there is none."""
        ...

    def presign(self, key: str, expires_s: int, filename: str, content_type: str) -> str:
        """A URL that downloads the object as `filename` for `expires_s` (60-604800), without other rights."""
        ...

    def check(self) -> None:
        """Writes, reads, lists and deletes a probe; raises StorageError that says what is wrong, sets `warning`."""
        ...


def check_job_id(job_id: str) -> None:
    """Raises ValueError unless it is 1-128 of A-Z a-z 0-9 - _ and begins with a letter or digit."""
    _check_name(job_id, 128)


def check_voice_name(name: str) -> None:
    """As `check_job_id`, up to 64 characters."""
    _check_name(name, 64)


def _check_name(name: str, max_chars: int) -> None:
    if not re.fullmatch(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{max_chars - 1}}}", name):
        raise ValueError(f"is 1 to {max_chars} of A-Z, a-z, 0-9, - and _, the first one a letter or a digit")


def voice_key(name: str, kind: Literal["wav", "txt", "json"]) -> str:
    check_voice_name(name)
    return f"voices/{name}.{kind}"


def version_key(name: str, version: str) -> str:
    """The recording of one version of a voice: never rewritten, so that who reads it reads it whole."""
    return f"{versions_prefix(name)}{version}.wav"


def versions_prefix(name: str) -> str:
    check_voice_name(name)
    return f"voice-versions/{name}/"


def audio_key(job_id: str, extension: str) -> str:
    check_job_id(job_id)
    return f"output/{job_id}.{extension}"


def timing_key(job_id: str, format_name: str) -> str:
    check_job_id(job_id)
    return f"timings/{job_id}.{format_name}"


def words_key(job_id: str) -> str:
    """The stored words, from which a timing format can be written later."""
    return timing_key(job_id, "words.json")


def record_key(job_id: str) -> str:
    check_job_id(job_id)
    return f"jobs/{job_id}.json"


def is_upload_key(key: str) -> bool:
    """Whether a caller may name this key as the source of a voice."""
    return key.startswith("uploads/") and _is_key(key)


def _is_key(key: str) -> bool:
    """One rule for both stores: no way out of a folder, nothing that a URL or a disk would rewrite.

    A segment may not begin with a dot: `..` climbs, HTTP clients drop `.`, and the folder store's own
    files have such names.
    """
    segments = key.split("/")
    return (key.isprintable() and "\\" not in key and len(key.encode("utf-8", "replace")) <= _MAX_KEY_BYTES
            and all(segment and not segment.startswith(".") for segment in segments))


def _checked(key: str) -> str:
    if not _is_key(key):
        raise StorageError("a storage key is up to 1024 bytes of printable names joined by /, none of which is "
                           "empty or begins with a dot", "InvalidKey")
    return key


def _checked_cursor(cursor: str) -> str:
    if re.search("[\0\ud800-\udfff]", cursor) or len(cursor.encode("utf-8", "replace")) > _MAX_KEY_BYTES:
        raise StorageError("the cursor is not one that a page gave; begin again without it", "InvalidCursor")
    return cursor


def _checked_expiry(expires_s: int) -> int:
    if not MIN_EXPIRES_S <= expires_s <= MAX_EXPIRES_S:
        raise StorageError(f"a URL expires after {MIN_EXPIRES_S} to {MAX_EXPIRES_S} s", "InvalidExpiry")
    return expires_s


def attachment(filename: str) -> str:
    """The Content-Disposition that saves a download under `filename` (RFC 6266; RFC 8187 beyond ASCII)."""
    name = "".join(c if c.isprintable() and c not in "/\\" else "_" for c in filename)[-150:].strip(" .") or "download"
    ascii_name = re.sub(r"[^A-Za-z0-9 ._()+,=@-]", "_", name)
    extended = "" if ascii_name == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{ascii_name}"{extended}'


_NO_CONDITIONS = ("storage: it lacks conditional writes (PutObject with If-None-Match and If-Match), so two workers "
                  "that are given one job at the same time may both do it; Amazon S3, R2 and MinIO have them")


def _probe(store: Store) -> None:
    key, kind = f"jobs/probe-{uuid.uuid4().hex}.txt", "text/plain"
    first = store.put_if_absent(key, b"1", kind)
    try:
        again = store.put_if_absent(key, b"2", kind)
        stale = store.put_if_match(key, b"3", kind, "0" * 32)
        fresh = store.put_if_match(key, b"4", kind, first or "")
        seen = store.get(key)
        listed = [entry.key for entry in store.list(key).entries]
    finally:
        store.delete(key)
    if first is None or fresh is None or again is not None or stale is not None:
        raise StorageError(_NO_CONDITIONS, "NotImplemented")
    if seen != b"4" or listed != [key] or store.head(key) is not None:
        raise StorageError("the storage does not show at once what was written; it must be strongly consistent",
                           "Inconsistent")


class S3Store:
    """A bucket. Without `endpoint_url` it is Amazon's, in `region`.

    Checksums are sent only where the protocol demands them, because several services refuse the newer
    ones; content is covered by the signature. botocore retries what may pass (5xx, throttling, broken
    connections), at most ATTEMPTS times with backoff.
    """

    def __init__(self, bucket: str, *, endpoint_url: str | None, region: str, access_key_id: str,
                 secret_access_key: str) -> None:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        config = Config(
            signature_version="s3v4",
            # Amazon redirects the global host of the default style, and a signature does not survive that.
            s3={"addressing_style": "path" if endpoint_url else "virtual"},
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            connect_timeout=CONNECT_TIMEOUT_S, read_timeout=READ_TIMEOUT_S, max_pool_connections=32,
            request_checksum_calculation="when_required", response_checksum_validation="when_required",
            ignore_configured_endpoint_urls=True,
        )
        try:
            self._client: Any = boto3.session.Session().client(
                "s3", endpoint_url=endpoint_url, region_name=region, aws_access_key_id=access_key_id,
                aws_secret_access_key=secret_access_key, config=config)
        except (BotoCoreError, ValueError):
            raise StorageError("AWS_ENDPOINT_URL is a URL such as https://s3.example.com, and AWS_REGION a region's "
                               "name such as us-east-1; one of them is not", "InvalidConfiguration") from None
        self._bucket = bucket
        self.warning: str | None = None
        self._if_match_forms: tuple[str, ...] = ('"{}"', "{}")

    def put(self, key: str, data: bytes | Path, content_type: str) -> str:
        with _s3_errors():
            return self._put(key, data, ContentType=content_type)

    def put_if_absent(self, key: str, data: bytes | Path, content_type: str) -> str | None:
        if self.warning:
            return None if self.head(key) else self.put(key, data, content_type)
        written, etag = self._put_if(key, data, content_type, IfNoneMatch="*")
        return etag if written else None

    def put_if_match(self, key: str, data: bytes | Path, content_type: str, etag: str) -> str | None:
        if self.warning:
            found = self.head(key)
            return self.put(key, data, content_type) if found and found.etag == etag else None
        # R2 demands the quotes of RFC 9110 (apache/opendal#2226), Ceph and with it DigitalOcean Spaces
        # answers 412 to them (slatedb/slatedb#1818): what the first refusal teaches is kept.
        for form in self._if_match_forms:
            written, standing = self._put_if(key, data, content_type, IfMatch=form.format(etag))
            if written:
                self._if_match_forms = (form,)
                return standing
            if standing != etag:
                return None
        return None

    def get(self, key: str, max_bytes: int | None = None) -> bytes:
        return self._download(key, max_bytes)[0]

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        return self._download(key, None)

    def head(self, key: str) -> Head | None:
        with _s3_errors():
            found = self._found(key)
        if found is None:
            return None
        return Head(found["ContentLength"], found["LastModified"], _bare(found["ETag"]),
                    found.get("ContentType", "application/octet-stream"))

    def list(self, prefix: str, limit: int = 1000, cursor: str | None = None) -> Page:
        entries: list[Entry] = []
        start = {"StartAfter": _checked_cursor(cursor)} if cursor is not None else {}
        with _s3_errors():
            while len(entries) < limit:
                part = self._client.list_objects_v2(
                    Bucket=self._bucket, Prefix=prefix, MaxKeys=min(limit - len(entries), 1000), **start)
                entries += [Entry(found["Key"], found["Size"], found["LastModified"])
                            for found in part.get("Contents", ())]
                if not part["IsTruncated"]:
                    return Page(tuple(entries), None)
                start = {"ContinuationToken": part["NextContinuationToken"]}
        return Page(tuple(entries), entries[-1].key)

    def delete(self, key: str) -> None:
        with _s3_errors():
            self._client.delete_object(**self._object(key))

    def presign(self, key: str, expires_s: int, filename: str, content_type: str) -> str:
        shown = {"ResponseContentType": content_type, "ResponseContentDisposition": attachment(filename)}
        with _s3_errors():
            url: str = self._client.generate_presigned_url(
                "get_object", Params={**self._object(key), **shown}, ExpiresIn=_checked_expiry(expires_s))
        return url

    def check(self) -> None:
        """Where conditional writes are refused (Backblaze B2) or ignored, a look before each write stands in for
        them from here on: it keeps one worker after another apart, not two in the same instant."""
        try:
            _probe(self)
        except StorageError as error:
            if error.code != "NotImplemented":
                raise
            log.warning(_NO_CONDITIONS)
            self.warning = _NO_CONDITIONS
            _probe(self)

    def _object(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": _checked(key)}

    def _put(self, key: str, data: bytes | Path, **fields: Any) -> str:
        with data.open("rb") if isinstance(data, Path) else io.BytesIO(data) as body:
            return _bare(self._client.put_object(**self._object(key), Body=body, **fields)["ETag"])

    def _put_if(self, key: str, data: bytes | Path, content_type: str, **condition: str) -> tuple[bool, str | None]:
        """Whether it was written, and the etag that stands there now.

        An attempt that was carried out but whose answer was lost makes its own retry fail the condition,
        so each write carries an id by which its author knows it again.
        """
        write_id = uuid.uuid4().hex
        attempts_left = ATTEMPTS
        with _s3_errors():
            while True:
                attempts_left -= 1
                try:
                    return True, self._put(key, data, ContentType=content_type, Metadata={"write-id": write_id},
                                           **condition)
                except self._client.exceptions.ClientError as refusal:
                    if _status(refusal) == 412 or _code(refusal) == "NoSuchKey":
                        break
                    if _status(refusal) == 501:
                        raise StorageError(_NO_CONDITIONS, "NotImplemented") from None
                    # 409: a delete ran beside it; Amazon asks to try again.
                    if _status(refusal) != 409 or not attempts_left:
                        raise
            found = self._found(key)
        if found is None:
            return False, None
        return write_id in found["Metadata"].values(), _bare(found["ETag"])

    def _found(self, key: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._client.head_object(**self._object(key))
        except self._client.exceptions.ClientError as refusal:
            if _status(refusal) != 404:
                raise
            return None
        return found

    def _download(self, key: str, max_bytes: int | None) -> tuple[bytes, str]:
        """botocore's retries end when the headers have come; a body that breaks off is asked for again here."""
        from botocore.exceptions import BotoCoreError

        attempts_left = ATTEMPTS
        with _s3_errors():
            while True:
                answer = self._client.get_object(**self._object(key))
                if max_bytes is not None and answer["ContentLength"] > max_bytes:
                    answer["Body"].close()
                    raise TooLarge(answer["ContentLength"], max_bytes)
                attempts_left -= 1
                try:
                    return answer["Body"].read(), _bare(answer["ETag"])
                except BotoCoreError:
                    if not attempts_left:
                        raise


def _bare(etag: str) -> str:
    return etag.strip('"')


def _status(refusal: Any) -> int:
    return int(refusal.response["ResponseMetadata"].get("HTTPStatusCode", 0))


def _code(refusal: Any) -> str:
    """The service's own words, unless they are more than a code; the status where there is none (HEAD)."""
    code = str(refusal.response["Error"].get("Code", ""))
    return code if re.fullmatch(r"[A-Za-z]{1,64}", code) else str(_status(refusal))


_WRONG_KEY = "the storage does not know the access key; check AWS_ACCESS_KEY_ID and AWS_ENDPOINT_URL"
_WRONG_REGION = "the bucket lies in another region; check AWS_REGION and AWS_ENDPOINT_URL"
_REFUSALS = {
    "InvalidAccessKeyId": _WRONG_KEY,
    "SignatureDoesNotMatch": "the storage refused the signature; AWS_SECRET_ACCESS_KEY is not the secret of "
                             "AWS_ACCESS_KEY_ID",
    "RequestTimeTooSkewed": "the clock of this machine is wrong; set it by NTP",
    "NoSuchBucket": "the bucket does not exist; check S3_BUCKET, AWS_REGION and AWS_ENDPOINT_URL",
    "InvalidBucketName": "the bucket's name is not valid; check S3_BUCKET",
    "PermanentRedirect": _WRONG_REGION,
    "AuthorizationHeaderMalformed": _WRONG_REGION,
    "IllegalLocationConstraintException": _WRONG_REGION,
    "SlowDown": "the storage is overloaded; try again later",
}
_REFUSALS_BY_STATUS = {
    301: _WRONG_REGION,
    401: _WRONG_KEY,
    403: "the storage refused access; the access key needs to read, write, list and delete in the bucket",
    429: _REFUSALS["SlowDown"],
    501: "the storage lacks a feature that this needs",
}
_FAILURES = {
    "ConnectTimeoutError": "the storage cannot be reached; check AWS_ENDPOINT_URL and the network",
    "EndpointConnectionError": "the storage cannot be reached; check AWS_ENDPOINT_URL and the network",
    "SSLError": "the storage's certificate is not trusted; check AWS_ENDPOINT_URL",
    "ReadTimeoutError": "the storage did not answer in time; try again later",
    "ParamValidationError": "the bucket's name is not valid; check S3_BUCKET",
}


@contextmanager
def _s3_errors() -> Iterator[None]:
    """botocore's errors tell the URL, and Amazon's XML the key id: none of it passes."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as refusal:
        raise _refusal(refusal) from None
    except BotoCoreError as failure:
        code = type(failure).__name__
        advice = _FAILURES.get(code, "the connection to the storage broke; try again later")
        raise StorageError(f"{advice} ({code})", code) from None
    except (ResponseParserError, KeyError):
        raise StorageError("what answers there is no S3 service; check AWS_ENDPOINT_URL", "NotS3") from None


def _refusal(refusal: Any) -> StorageError:
    code, status = _code(refusal), _status(refusal)
    if code == "NoSuchKey":
        return MissingKey()
    other = "the storage is failing; try again later" if status >= 500 else "the storage refused the request"
    advice = _REFUSALS.get(code) or _REFUSALS_BY_STATUS.get(status, other)
    return StorageError(f"{advice} ({code})", code)


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
        start = _checked_cursor(cursor).encode() if cursor is not None else b""
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
        _checked_expiry(expires_s)
        return self._path(key).as_uri()

    def check(self) -> None:
        _probe(self)

    def _path(self, key: str) -> Path:
        path = self._root / _checked(key)
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
                if key.startswith(prefix) and _is_key(key) and not Path(parent, name).is_symlink():
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
