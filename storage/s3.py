"""A bucket of Amazon S3 or of a service that speaks its protocol."""
from __future__ import annotations

import io
import logging
import re
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from storage.contract import (
    DEADLINE,
    NO_CONDITIONS,
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
from storage.leaving import CHECK, known, note_failure

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5.0, 30.0
_BLOCK_BYTES = 1 << 18
ATTEMPTS = 4
SHORTER = ((10.0, ATTEMPTS), (3.0, ATTEMPTS), (1.0, 1))
"""Timeouts in seconds and attempts where less time is left than READ_TIMEOUT_S and its attempts may take."""


class S3Store:
    """A bucket. Without `endpoint_url` it is Amazon's, in `region`.

    Checksums are sent only where the protocol demands them, because several services refuse the newer
    ones; content is covered by the signature. botocore retries what may pass (5xx, throttling, broken
    connections), at most ATTEMPTS times with backoff.
    """

    def __init__(self, bucket: str, *, endpoint_url: str | None, region: str, access_key_id: str,
                 secret_access_key: str, session_token: str | None = None) -> None:
        import boto3
        from botocore.exceptions import BotoCoreError

        self._session = boto3.session.Session()
        self._place = {
            "endpoint_url": endpoint_url, "region_name": region, "aws_access_key_id": access_key_id,
            "aws_secret_access_key": secret_access_key, "aws_session_token": session_token}
        self._clients: dict[float, Any] = {}
        self._making = threading.Lock()
        self._bucket = bucket
        self.warning: str | None = None
        self._if_match_forms: tuple[str, ...] = ('"{}"', "{}")
        try:
            self._limited_to(READ_TIMEOUT_S, ATTEMPTS)
        except (BotoCoreError, ValueError):
            raise StorageError("AWS_ENDPOINT_URL is a URL such as https://s3.example.com, and AWS_REGION a region's "
                               "name such as us-east-1; one of them is not", "InvalidConfiguration") from None

    @property
    def _client(self) -> Any:
        """A client whose request ends, with all its attempts, before DEADLINE, though nothing may answer at all."""
        deadline = DEADLINE.get()
        left_s = float("inf") if deadline is None else deadline - time.monotonic()
        for timeout_s, attempts in ((READ_TIMEOUT_S, ATTEMPTS), *SHORTER):
            if (attempts + 1) * timeout_s <= left_s:  # One more for the pauses between them.
                break
        return self._limited_to(min(timeout_s, READ_TIMEOUT_S), attempts)

    def _limited_to(self, timeout_s: float, attempts: int) -> Any:
        from botocore.config import Config

        with self._making:
            if timeout_s not in self._clients:
                config = Config(
                    signature_version="s3v4",
                    # Amazon redirects the global host of the default style, and a signature does not survive that.
                    s3={"addressing_style": "path" if self._place["endpoint_url"] else "virtual"},
                    retries={"mode": "standard", "total_max_attempts": attempts},
                    connect_timeout=min(CONNECT_TIMEOUT_S, timeout_s), read_timeout=timeout_s, max_pool_connections=32,
                    request_checksum_calculation="when_required", response_checksum_validation="when_required",
                    ignore_configured_endpoint_urls=True,
                )
                client = self._session.client("s3", config=config, **self._place)
                client.meta.events.register("before-send.s3", _begin_attempt)
                client.meta.events.register("needs-retry.s3", _end_attempt)
                _cut_what_is_left(client)
                self._clients[timeout_s] = client
            return self._clients[timeout_s]

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
        start = {"StartAfter": checked_cursor(cursor)} if cursor is not None else {}
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
        headers = {"ResponseContentType": content_type, "ResponseContentDisposition": attachment(filename)}
        with _s3_errors():
            url: str = self._client.generate_presigned_url(
                "get_object", Params={**self._object(key), **headers}, ExpiresIn=checked_expiry(expires_s))
        return url

    def check(self) -> None:
        """Where conditional writes are refused (Backblaze B2) or ignored, a look before each write stands in for
        them from here on: it keeps one worker after another apart, not two in the same instant."""
        try:
            probe(self)
        except MissingKey:
            raise StorageError("the bucket answers as an object does; AWS_ENDPOINT_URL is the service's address alone, "
                               "without the bucket's name", "InvalidConfiguration") from None
        except StorageError as error:
            if error.code != "NotImplemented":
                raise
            log.warning(NO_CONDITIONS)
            self.warning = NO_CONDITIONS
            probe(self)

    def _object(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": checked_key(key)}

    def _put(self, key: str, data: bytes | Path, **fields: Any) -> str:
        with data.open("rb") if isinstance(data, Path) else io.BytesIO(data) as body:
            return _bare(self._client.put_object(**self._object(key), Body=_Checked(body), **fields)["ETag"])

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
                        raise StorageError(NO_CONDITIONS, "NotImplemented") from None
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
                    return _read(answer["Body"]), _bare(answer["ETag"])
                except BotoCoreError:
                    note_failure()
                    if not attempts_left:
                        raise


class _Checked:
    """A body for botocore; each read of it asks `CHECK`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._check = file, CHECK.get()
        self.seek, self.tell = file.seek, file.tell

    def read(self, n_bytes: int = -1) -> bytes:
        self._check()
        return self._file.read(n_bytes)


def _begin_attempt(**_: Any) -> None:
    count_request()
    CHECK.get()()


def _end_attempt(response: Any, caught_exception: Exception | None, **_: Any) -> None:
    """Called by botocore after each attempt, before it decides whether to try again."""
    if caught_exception is not None or response[0].status_code >= 500:
        note_failure()


def _cut_what_is_left(client: Any) -> None:
    """botocore has no public way to say which class its connections are of."""
    pools = client._endpoint.http_session._pool_classes_by_scheme
    for scheme, pool in pools.items():
        pools[scheme] = type(pool.__name__, (pool,), {"ConnectionCls": known(pool.ConnectionCls)})


def _read(body: Any) -> bytes:
    blocks: list[bytes] = []
    try:
        while block := body.read(_BLOCK_BYTES):
            CHECK.get()()
            blocks.append(block)
    except BaseException:
        body.close()
        raise
    return b"".join(blocks)


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
_PASSING_REFUSALS = {"SlowDown", "RequestTimeout", "OperationAborted"}
_FAILURES = {
    "ConnectTimeoutError": "the storage cannot be reached; check AWS_ENDPOINT_URL and the network",
    "EndpointConnectionError": "the storage cannot be reached; check AWS_ENDPOINT_URL and the network",
    "SSLError": "the storage's certificate is not trusted; check AWS_ENDPOINT_URL",
    "ReadTimeoutError": "the storage did not answer in time; try again later",
    "ParamValidationError": "the bucket's name is not valid; check S3_BUCKET",
}
_LASTING_FAILURES = {"SSLError", "ParamValidationError", "NoCredentialsError", "InvalidConfiguration"}


@contextmanager
def _s3_errors() -> Iterator[None]:
    """botocore's errors hold the URL, and Amazon's XML the key id: none of it passes."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as refusal:
        raise _refusal(refusal) from None
    except BotoCoreError as failure:
        code = type(failure).__name__
        advice = _FAILURES.get(code, "the connection to the storage broke; try again later")
        raise StorageError(f"{advice} ({code})", code, transient=code not in _LASTING_FAILURES) from None
    except (ResponseParserError, KeyError):
        # Also what a proxy in front of a store that is down may say.
        raise StorageError("what answers there is no S3 service; check AWS_ENDPOINT_URL", "NotS3",
                           transient=True) from None


def _refusal(refusal: Any) -> StorageError:
    code, status = _code(refusal), _status(refusal)
    if code == "NoSuchKey":
        return MissingKey()
    other = "the storage is failing; try again later" if status >= 500 else "the storage refused the request"
    advice = _REFUSALS.get(code) or _REFUSALS_BY_STATUS.get(status, other)
    return StorageError(f"{advice} ({code})", code, transient=_is_transient(code, status))


def _is_transient(code: str, status: int) -> bool:
    return code in _PASSING_REFUSALS or status in (408, 409, 429) or (status >= 500 and status != 501)
