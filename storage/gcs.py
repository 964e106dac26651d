"""A bucket of Google Cloud Storage, with the credentials that the machine has (of its service account, no key file)."""
from __future__ import annotations

import base64
import io
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

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
    count_request,
    probe,
)
from storage.disposition import attachment
from storage.leaving import CHECK

SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_BLOCK_BYTES = 1 << 18
TIMEOUT_S = (5.0, 30.0)
"""Until connected, and between two pieces of an answer."""


class GcsStore:
    """A `Store`. Conditions are on generations, so nothing is weaker here than on Amazon; the etag is the MD5.

    Google's library tries again what may pass. A conditional write whose answer was lost is known again by its id.
    """

    warning: str | None = None

    def __init__(self, bucket: str, *, project: str | None) -> None:
        import google.auth
        from google.auth.exceptions import DefaultCredentialsError
        from google.cloud import storage

        try:
            self._credentials, _ = google.auth.default(scopes=[SCOPE])
        except DefaultCredentialsError:
            raise StorageError("no credentials of Google Cloud were found; run where a service account is attached, "
                               "or set GOOGLE_APPLICATION_CREDENTIALS", "NoCredentialsError") from None
        self._client: Any = storage.Client(project=project or "-", credentials=self._credentials)
        self._bucket = self._client.bucket(bucket)

    def put(self, key: str, data: bytes | Path, content_type: str) -> str:
        from google.cloud.storage.retry import DEFAULT_RETRY

        with _google_errors():
            return self._upload(self._blob(key), data, content_type, retry=DEFAULT_RETRY)

    def put_if_absent(self, key: str, data: bytes | Path, content_type: str) -> str | None:
        return self._put_if(key, data, content_type, 0)

    def put_if_match(self, key: str, data: bytes | Path, content_type: str, etag: str) -> str | None:
        with _google_errors():
            found = self._bucket.get_blob(checked_key(key), timeout=TIMEOUT_S)
        if found is None or _etag(found) != etag:
            return None
        return self._put_if(key, data, content_type, found.generation)

    def get(self, key: str, max_bytes: int | None = None) -> bytes:
        blob = self._blob(key)
        with _google_errors():
            if max_bytes is not None:
                blob.reload(timeout=TIMEOUT_S)
                if blob.size > max_bytes:
                    raise TooLarge(blob.size, max_bytes)
            return self._download(blob)

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        """The answer's own headers have the MD5 of what came with them."""
        blob = self._blob(key)
        with _google_errors():
            return self._download(blob), _etag(blob)

    def head(self, key: str) -> Head | None:
        with _google_errors():
            found = self._bucket.get_blob(checked_key(key), timeout=TIMEOUT_S)
        return None if found is None else Head(found.size, found.updated, _etag(found),
                                               found.content_type or "application/octet-stream")

    def list(self, prefix: str, limit: int = 1000, cursor: str | None = None) -> Page:
        start = None if cursor is None else checked_cursor(cursor)
        with _google_errors():
            found = self._client.list_blobs(self._bucket, prefix=prefix, start_offset=start, timeout=TIMEOUT_S,
                                            page_size=min(limit + 2, 1000))
            after = (Entry(blob.name, blob.size, blob.updated) for blob in found if blob.name != start)
            entries = tuple(islice(after, limit + 1))
        return Page(entries[:limit], entries[limit - 1].key if len(entries) > limit else None)

    def delete(self, key: str) -> None:
        try:
            with _google_errors():
                self._blob(key).delete(timeout=TIMEOUT_S)
        except MissingKey:
            return

    def presign(self, key: str, expires_s: int, filename: str, content_type: str) -> str:
        with _google_errors():
            url: str = self._blob(key).generate_signed_url(
                version="v4", expiration=timedelta(seconds=checked_expiry(expires_s)), method="GET",
                response_disposition=attachment(filename), response_type=content_type, **self._signer())
        return url

    def check(self) -> None:
        probe(self)

    def _blob(self, key: str) -> Any:
        count_request()
        return self._bucket.blob(checked_key(key))

    def _put_if(self, key: str, data: bytes | Path, content_type: str, generation: int) -> str | None:
        from google.api_core.exceptions import PreconditionFailed

        blob, write_id = self._blob(key), uuid.uuid4().hex
        blob.metadata = {"write-id": write_id}
        with _google_errors():
            try:
                return self._upload(blob, data, content_type, if_generation_match=generation)
            except PreconditionFailed:
                found = self._bucket.get_blob(key, timeout=TIMEOUT_S)
        if found is None or (found.metadata or {}).get("write-id") != write_id:
            return None
        return _etag(found)

    def _upload(self, blob: Any, data: bytes | Path, content_type: str, **options: Any) -> str:
        with data.open("rb") if isinstance(data, Path) else io.BytesIO(data) as source:
            size = source.seek(0, io.SEEK_END)
            source.seek(0)
            blob.upload_from_file(_Checked(source), size=size, content_type=content_type, checksum="md5",
                                  timeout=TIMEOUT_S, **options)
        return _etag(blob)

    def _download(self, blob: Any) -> bytes:
        target = _Target()
        blob.download_to_file(target, timeout=TIMEOUT_S)
        return target.getvalue()

    def _signer(self) -> dict[str, str]:
        """A service account without a key file has its URLs signed by IAM (it needs serviceAccountTokenCreator)."""
        from google.auth.credentials import Signing
        from google.auth.transport.requests import Request

        credentials: Any = self._credentials
        if isinstance(credentials, Signing):
            return {}
        if not credentials.valid:
            credentials.refresh(Request())
        return {"service_account_email": credentials.service_account_email, "access_token": credentials.token}


class _Checked:
    """What is sent; it is read in blocks, and before each `CHECK` is asked."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, n_bytes: int = -1) -> bytes:
        blocks: list[bytes] = []
        left = sys.maxsize if n_bytes < 0 else n_bytes
        while left:
            CHECK.get()()
            block = self._file.read(min(left, _BLOCK_BYTES))
            if not block:
                break
            blocks.append(block)
            left -= len(block)
        return b"".join(blocks)


class _Target(io.BytesIO):
    """What is read."""

    def write(self, block: Any) -> int:
        CHECK.get()()
        return super().write(block)


def _etag(blob: Any) -> str:
    return base64.b64decode(blob.md5_hash).hex()


_ADVICE = {400: "the storage refused the request", 401: "the storage does not know these credentials",
           403: "the storage refused access; the service account needs roles/storage.objectUser on the bucket",
           429: "the storage is overloaded; try again later"}


def _refusal(status: int) -> StorageError:
    advice = _ADVICE.get(status, "the storage is failing; try again later")
    return StorageError(f"{advice} ({status})", str(status), transient=status == 429 or status >= 500)


@contextmanager
def _google_errors() -> Iterator[None]:
    """The library's messages hold the URL and with it bucket and key: none of it passes."""
    from google.api_core.exceptions import GoogleAPICallError, NotFound, PreconditionFailed, RetryError
    from google.auth.exceptions import GoogleAuthError
    from requests.exceptions import RequestException

    try:
        yield
    except NotFound as refusal:
        if "bucket" in str(refusal.message).lower() and "No such object" not in str(refusal.message):
            raise StorageError("the bucket does not exist; check GCS_BUCKET (NoSuchBucket)", "NoSuchBucket") from None
        raise MissingKey from None
    except PreconditionFailed:
        raise
    except GoogleAPICallError as refusal:
        raise _refusal(int(refusal.code or 500)) from None
    except (RequestException, RetryError, GoogleAuthError) as failure:
        last = getattr(failure.cause, "response", None) if isinstance(failure, RetryError) else None
        if last is not None:  # it was answered, each time with an error
            raise _refusal(int(last.status_code)) from None
        code = type(failure).__name__
        raise StorageError(f"the storage cannot be reached; check the network and the credentials ({code})", code,
                           transient=True) from None
