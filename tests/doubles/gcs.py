"""Cloud Storage on loopback: its JSON API with preconditions, and a door that asks who calls.

API calls carry a bearer token that this server gave out for a JWT signed with the service account's key; signed URLs
are worked out anew ("V4 signing process" in Google's reference) and checked with the key's public half, and their age.
"""
from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, unquote

import google_crc32c
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

EMAIL = "transcription@test.iam.gserviceaccount.com"


class Refusal(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Gcs:
    """`buckets[name][key]` are (content, resource). `clock` is the server's own."""

    url: str = ""
    buckets: dict[str, dict[str, tuple[bytes, dict[str, Any]]]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    uploads: dict[str, tuple[str, dict[str, Any], dict[str, str], bytearray]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    faults: list[int] = field(default_factory=list)
    """Statuses with which the next uploads are answered, after they were carried out."""
    clock: Any = staticmethod(lambda: datetime.now(UTC))
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    mutex: threading.RLock = field(default_factory=threading.RLock)
    generations: Iterator[int] = field(default_factory=lambda: itertools.count(1_700_000_000_000_001))

    def credentials(self, folder: Path) -> Path:
        """A service account's key file, as Google's libraries read it."""
        pem = self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption()).decode()
        path = folder / "service-account.json"
        path.write_text(json.dumps({
            "type": "service_account", "project_id": "test", "private_key_id": "1", "private_key": pem,
            "client_email": EMAIL, "client_id": "1", "token_uri": f"{self.url}/token"}))
        return path

    def environ(self, folder: Path) -> dict[str, str]:
        return {"STORAGE_EMULATOR_HOST": self.url, "GOOGLE_APPLICATION_CREDENTIALS": str(self.credentials(folder))}

    def verify(self, signature: bytes, signed: bytes) -> None:
        try:
            self.key.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise Refusal(403, "SignatureDoesNotMatch") from None

    def put(self, bucket: str, key: str, data: bytes, given: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
        with self.mutex:
            objects = self.objects(bucket)
            stands = int(objects[key][1]["generation"]) if key in objects else 0
            if "ifGenerationMatch" in query and int(query["ifGenerationMatch"]) != stands:
                raise Refusal(412, "At least one of the pre-conditions you specified did not hold.")
            md5 = base64.b64encode(hashlib.md5(data).digest()).decode()
            if given.get("md5Hash", md5) != md5:
                raise Refusal(400, "Provided MD5 hash does not match")
            crc32c = base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()
            resource = {"contentType": "application/octet-stream", **given, "kind": "storage#object", "name": key,
                        "bucket": bucket, "generation": str(next(self.generations)), "metageneration": "1",
                        "size": str(len(data)), "md5Hash": md5, "crc32c": crc32c,
                        "updated": self.clock().isoformat().replace("+00:00", "Z")}
            objects[key] = data, resource
            return resource

    def objects(self, bucket: str) -> dict[str, tuple[bytes, dict[str, Any]]]:
        if bucket not in self.buckets:
            raise Refusal(404, "The specified bucket does not exist.")
        return self.buckets[bucket]

    def found(self, bucket: str, key: str) -> tuple[bytes, dict[str, Any]]:
        with self.mutex:
            objects = self.objects(bucket)
            if key not in objects:
                raise Refusal(404, f"No such object: {bucket}/{key}")
            return objects[key]

    def listed(self, bucket: str, query: dict[str, str]) -> dict[str, Any]:
        with self.mutex:
            objects = dict(self.objects(bucket))
        start = query.get("pageToken") or query.get("startOffset", "")
        keys = sorted((key for key in objects if key.startswith(query.get("prefix", ""))
                       and key.encode() >= start.encode()), key=str.encode)
        size = min(int(query.get("maxResults", 1000)), 1000)
        more = {"nextPageToken": keys[size]} if len(keys) > size else {}
        return {"kind": "storage#objects", "items": [objects[key][1] for key in keys[:size]], **more}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    gcs: Gcs

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

    def _go(self) -> None:
        path, _, query = self.path.partition("?")
        values = dict(parse_qsl(query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            status, headers, content = self._answer(path, values, body)
            if self.gcs.faults and path.startswith("/upload"):
                status, headers, content = self.gcs.faults.pop(0), {}, b"{}"
        except Refusal as refusal:
            self.gcs.refused.append(str(refusal))
            status, headers = refusal.status, {"Content-Type": "application/json"}
            content = json.dumps({"error": {"code": status, "message": str(refusal)}}).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _go

    def _answer(self, path: str, query: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        if path == "/token":
            return self._token(body)
        if "X-Goog-Signature" in query:
            return self._signed(path, query)
        if self.headers.get("Authorization", "").removeprefix("Bearer ") not in self.gcs.tokens:
            raise Refusal(401, "Invalid Credentials")
        if match := re.fullmatch(r"/upload/storage/v1/b/([^/]+)/o", path):
            return self._upload(match[1], query, body)
        if match := re.fullmatch(r"(?:/download)?/storage/v1/b/([^/]+)/o", path):
            return _json(self.gcs.listed(match[1], query))
        if match := re.fullmatch(r"(?:/download)?/storage/v1/b/([^/]+)/o/([^/]+)", path):
            return self._object(match[1], unquote(match[2]), query)
        raise Refusal(400, f"no such call: {self.command} {path}")

    def _token(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """RFC 7523: a JWT signed by the service account is changed for a token."""
        assertion = parse_qs(body.decode())["assertion"][0]
        signed, _, signature = assertion.rpartition(".")
        self.gcs.verify(_base64url(signature), signed.encode())
        claims = json.loads(_base64url(signed.partition(".")[2]))
        if claims["iss"] != EMAIL or claims["exp"] < self.gcs.clock().timestamp():
            raise Refusal(401, "invalid_grant")
        token = secrets.token_urlsafe(16)
        self.gcs.tokens.add(token)
        return _json({"access_token": token, "expires_in": 3600, "token_type": "Bearer"})

    def _upload(self, bucket: str, query: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        if query["uploadType"] == "multipart":
            resource, data = _parts(self.headers["Content-Type"], body)
            return _json(self.gcs.put(bucket, resource.pop("name"), data, resource, query))
        if "upload_id" not in query:
            name = secrets.token_hex(8)
            self.gcs.uploads[name] = bucket, json.loads(body or b"{}"), query, bytearray()
            place = f"{self.gcs.url}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={name}"
            return 200, {"Location": place}, b""
        bucket, resource, first, data = self.gcs.uploads[query["upload_id"]]
        data += body
        total = self.headers.get("Content-Range", "").rpartition("/")[2]
        if not total.isdigit() or len(data) < int(total):
            return 308, {"Range": f"bytes=0-{len(data) - 1}"}, b""
        return _json(self.gcs.put(bucket, resource.pop("name"), bytes(data), resource, first))

    def _object(self, bucket: str, key: str, query: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        data, resource = self.gcs.found(bucket, key)
        if self.command == "DELETE":
            with self.gcs.mutex:
                self.gcs.objects(bucket).pop(key, None)
            return 204, {}, b""
        return _media(data, resource) if query.get("alt") == "media" else _json(resource)

    def _signed(self, path: str, query: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        signature = query.pop("X-Goog-Signature")
        canonical = "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}"
                             for name, value in sorted(query.items()))
        names = query["X-Goog-SignedHeaders"].split(";")
        headers = [f"{name}:{' '.join((self.headers.get(name) or '').split())}" for name in names]
        request = "\n".join([self.command, path, canonical, *headers, "", ";".join(names), "UNSIGNED-PAYLOAD"])
        scope = query["X-Goog-Credential"].partition("/")[2]
        signed = "\n".join(["GOOG4-RSA-SHA256", query["X-Goog-Date"], scope,
                            hashlib.sha256(request.encode()).hexdigest()])
        if not re.fullmatch("(?:[0-9a-f]{2})+", signature):
            raise Refusal(403, "SignatureDoesNotMatch")
        self.gcs.verify(bytes.fromhex(signature), signed.encode())
        made = datetime.strptime(query["X-Goog-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if self.gcs.clock() > made + timedelta(seconds=int(query["X-Goog-Expires"])):
            raise Refusal(400, "ExpiredToken")
        _, bucket, key = path.split("/", 2)
        data, resource = self.gcs.found(bucket, unquote(key))
        status, answer, content = _media(data, resource)
        return status, answer | {"Content-Type": query.get("response-content-type", resource["contentType"]),
                                 "Content-Disposition": query.get("response-content-disposition", "")}, content


def _media(data: bytes, resource: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": resource["contentType"], "X-Goog-Generation": resource["generation"],
                 "X-Goog-Hash": f"crc32c={resource['crc32c']},md5={resource['md5Hash']}"}, data


def _json(content: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "application/json"}, json.dumps(content).encode()


def _base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _parts(content_type: str, body: bytes) -> tuple[dict[str, Any], bytes]:
    """The resource and the content of a multipart/related upload."""
    boundary = re.search(r'boundary="?([^";]+)', content_type)
    assert boundary is not None
    mark = b"--" + boundary[1].encode().strip(b"'")
    _, first, rest = body.split(mark, 2)
    second = rest[:rest.rindex(mark)]
    resource = json.loads(first.partition(b"\r\n\r\n")[2])
    headers, _, content = second.partition(b"\r\n\r\n")
    kind = re.search(rb"(?i)content-type:\s*(\S+)", headers)
    return {"contentType": kind[1].decode() if kind else "application/octet-stream", **resource}, content[:-2]


@contextmanager
def start_gcs() -> Iterator[Gcs]:
    gcs = Gcs()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"gcs": gcs}))
    server.daemon_threads = True
    gcs.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield gcs
    finally:
        server.shutdown()
        server.server_close()
