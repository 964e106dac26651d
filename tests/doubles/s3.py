"""S3 on loopback: moto's objects behind a door that checks every signature, as Amazon's does.

Moto itself accepts any signature and any age, so the door works them out anew (Signature Version 4,
"Authenticating Requests" in the Amazon S3 API reference) from the bytes that arrived. Faults can be
planned per request, and `dialect` makes the server as incomplete as some services are. Objects live
in moto's tables, which one process has once: give every test its own bucket.
"""
from __future__ import annotations

import base64
import hashlib
import hmac
import io
import re
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, unquote

KEYS = {"AKIATESTTESTTESTTEST": "a-secret-that-must-not-be-seen/0123456789"}
_ALGORITHM = "AWS4-HMAC-SHA256"
_MAX_SKEW = timedelta(minutes=15)
_MAX_EXPIRES_S = 604_800
_STALL_S = 60.0
_MOTO_ACCOUNT = "123456789012"

Dialect = Literal["aws", "b2", "ceph", "r2", "deaf"]
"""How conditional puts are taken: as Amazon does · 501 (Backblaze B2, sathinduga/obsidian-s3-sync-and-backup#78) ·
412 to a quoted If-Match (Ceph, DigitalOcean Spaces, slatedb/slatedb#1818) · 400 to an unquoted one
(Cloudflare R2, apache/opendal#2226) · conditions ignored (rclone serve s3)."""


@dataclass
class Fault:
    """What befalls the next `times` requests whose method and key match these shell patterns.

    `error` answers `status` and `code`, `reset` cuts the connection, `stall` sends half of the body and
    falls silent, `silence` takes the request and never answers, `deaf` reads no more of its body than some of it,
    `late` carries it out after `late_s`, whether or not anybody waits, `skew` sets the server's clock `skew_s`
    ahead. With `after_work` the request is carried out and only its answer is lost. A listing has the key "".
    """

    kind: Literal["error", "reset", "stall", "silence", "deaf", "late", "skew"]
    method: str = "*"
    key: str = "*"
    times: int = 1
    status: int = 500
    code: str = "InternalError"
    skew_s: int = 3600
    after_work: bool = False
    late_s: float = 0.0


@dataclass
class Outage:
    """From the first PUT of a `key` whose body has `body`, every request for a key like `reach` fails for `lasts_s`.

    `n_requests` counts those that failed. With `after_work` the first of them was carried out.
    """

    key: str
    lasts_s: float
    reach: str = "*"
    body: bytes = b""
    kind: Literal["error", "reset", "silence"] = "error"
    after_work: bool = False
    began_at: float | None = None
    n_requests: int = 0

    def befalls(self, request: Request) -> bool:
        if self.began_at is None and request.method == "PUT" and fnmatchcase(request.key, self.key) \
                and self.body in request.body:
            self.began_at = time.monotonic()
        out = self.began_at is not None and time.monotonic() - self.began_at < self.lasts_s
        hit = out and fnmatchcase(request.key, self.reach)
        self.n_requests += hit
        return hit


@dataclass(frozen=True)
class Seen:
    """A request that arrived; `status` is None where the connection was cut."""

    method: str
    key: str
    status: int | None
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Request:
    """`path` as it was sent, header names in lower case."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes

    @property
    def key(self) -> str:
        return unquote(self.path).lstrip("/").partition("/")[2]

    def without(self, *names: str) -> Request:
        kept = {name: value for name, value in self.headers.items() if name not in names}
        return Request(self.method, self.path, self.query, kept, self.body)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message or code

    @property
    def answer(self) -> Answer:
        error = f"<Error><Code>{self.code}</Code><Message>{self.message}</Message></Error>"
        return Answer(self.status, (("Content-Type", "application/xml"),), error.encode())


@dataclass(frozen=True)
class Claim:
    """What a request says of its own signature. `expires` is None where the header carries it."""

    access_key_id: str
    scope: str
    signed_headers: tuple[str, ...]
    signature: str
    signed_at: str
    expires: timedelta | None
    payload_sha256: str
    query: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, request: Request) -> Claim:
        query = dict(request.query)
        header = request.headers.get("authorization", "")
        try:
            if "X-Amz-Signature" in query:
                return cls._from_query(request, query)
            if header.startswith(_ALGORITHM + " "):
                return cls._from_header(request, header.removeprefix(_ALGORITHM))
        except (KeyError, ValueError):
            raise Refused(400, "AuthorizationHeaderMalformed") from None
        raise Refused(403, "AccessDenied")

    @classmethod
    def _from_query(cls, request: Request, query: Mapping[str, str]) -> Claim:
        expires_s = int(query["X-Amz-Expires"])
        if query["X-Amz-Algorithm"] != _ALGORITHM or not 0 < expires_s <= _MAX_EXPIRES_S:
            raise Refused(400, "AuthorizationQueryParametersError")
        access_key_id, _, scope = query["X-Amz-Credential"].partition("/")
        rest = tuple(pair for pair in request.query if pair[0] != "X-Amz-Signature")
        return cls(access_key_id, scope, tuple(query["X-Amz-SignedHeaders"].split(";")), query["X-Amz-Signature"],
                   query["X-Amz-Date"], timedelta(seconds=expires_s), "UNSIGNED-PAYLOAD", rest)

    @classmethod
    def _from_header(cls, request: Request, fields: str) -> Claim:
        given = dict(field.strip().split("=", 1) for field in fields.split(","))
        access_key_id, _, scope = given["Credential"].partition("/")
        return cls(access_key_id, scope, tuple(given["SignedHeaders"].split(";")), given["Signature"],
                   request.headers["x-amz-date"], None, request.headers["x-amz-content-sha256"], request.query)

    def check(self, request: Request, secret: str, now: datetime) -> None:
        needed = {name for name in request.headers if name.startswith("x-amz-") and name != "x-amz-content-sha256"}
        if not needed | {"host"} <= set(self.signed_headers):
            raise Refused(403, "AccessDenied", "There were headers present in the request which were not signed")
        if not hmac.compare_digest(self._signature(request, secret), self.signature):
            raise Refused(403, "SignatureDoesNotMatch", f"The key {self.access_key_id} signed otherwise")
        self._check_time(now)
        if self.payload_sha256 not in ("UNSIGNED-PAYLOAD", hashlib.sha256(request.body).hexdigest()):
            raise Refused(400, "XAmzContentSHA256Mismatch")
        content_md5 = base64.b64encode(hashlib.md5(request.body).digest()).decode()
        if request.headers.get("content-md5", content_md5) != content_md5:
            raise Refused(400, "BadDigest")

    def _check_time(self, now: datetime) -> None:
        at = datetime.strptime(self.signed_at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if self.expires is None and abs(now - at) > _MAX_SKEW:
            raise Refused(403, "RequestTimeTooSkewed")
        if at - now > _MAX_SKEW or (self.expires is not None and now > at + self.expires):
            raise Refused(403, "AccessDenied", "Request has expired or is not yet valid")

    def _signature(self, request: Request, secret: str) -> str:
        headers = "".join(f"{name}:{re.sub(' +', ' ', request.headers.get(name, '').strip())}\n"
                          for name in self.signed_headers)
        canonical = "\n".join([
            request.method, quote(unquote(request.path), safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in sorted((_escaped(n), _escaped(v)) for n, v in self.query)),
            headers, ";".join(self.signed_headers), self.payload_sha256])
        key = ("AWS4" + secret).encode()
        for part in self.scope.split("/"):
            key = _hmac(key, part)
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        return _hmac(key, "\n".join([_ALGORITHM, self.signed_at, self.scope, digest])).hex()


def _escaped(text: str) -> str:
    return quote(text, safe="-_.~")


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class S3Server:
    """Started by `start_s3`. `faults` and `dialect` may be changed at any time, `clock` too."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        self.faults: list[Fault] = []
        self.outages: list[Outage] = []
        self.seen: list[Seen] = []
        self.dialect: Dialect = "aws"
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.stopping = threading.Event()
        self.access_key_id, self.secret_access_key = next(iter(keys.items()))
        self._keys = dict(keys)
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._one_by_one = threading.Lock()  # moto answers 500 to parallel overwrites
        self._fault_turn = threading.Lock()
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.s3 = self
        threading.Thread(target=self._http.serve_forever, args=(0.05,), name="s3-double", daemon=True).start()

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def stop(self) -> None:
        """Closes the port; a connection that is still open is cut at its next request."""
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()

    def create_bucket(self, name: str) -> None:
        from moto.s3.models import s3_backends

        s3_backends[_MOTO_ACCOUNT]["aws"].create_bucket(name, "us-east-1")

    def attempts(self, method: str, key: str) -> list[int | None]:
        """The statuses that requests of this method for this key were answered with, in order."""
        return [seen.status for seen in self.seen if (seen.method, seen.key) == (method, key)]

    def take_fault(self, request: Request) -> Fault | None:
        with self._fault_turn:
            for outage in self.outages:
                if outage.befalls(request):
                    return Fault(outage.kind, after_work=outage.after_work and outage.n_requests == 1)
            for fault in self.faults:
                if fault.times and fnmatchcase(request.method, fault.method) and fnmatchcase(request.key, fault.key):
                    fault.times -= 1
                    return fault
        return None

    def answer(self, request: Request, fault: Fault | None) -> Answer | None:
        """None where the connection is to be cut."""
        if fault is not None and fault.kind == "late":
            time.sleep(fault.late_s)
        if fault is None or fault.kind in ("stall", "late", "skew"):
            return self._judged(request, fault.skew_s if fault and fault.kind == "skew" else 0)
        if fault.after_work:
            self._judged(request, 0)
        return Refused(fault.status, fault.code).answer if fault.kind == "error" else None

    def _judged(self, request: Request, skew_s: int) -> Answer:
        try:
            claim = Claim.of(request)
            if claim.access_key_id not in self._keys:
                raise Refused(403, "InvalidAccessKeyId", f"There is no key {claim.access_key_id}")
            claim.check(request, self._keys[claim.access_key_id], self.clock() + timedelta(seconds=skew_s))
            return self._work(self._spoken(request))
        except Refused as refused:
            return refused.answer

    def _spoken(self, request: Request) -> Request:
        """The request as a service of this dialect understands it."""
        if request.method != "PUT" or not {"if-match", "if-none-match"} & set(request.headers):
            return request
        quoted = request.headers.get("if-match", "").startswith('"')
        if self.dialect == "b2":
            raise Refused(501, "NotImplemented", "A header you provided implies functionality that is not implemented")
        if self.dialect == "ceph" and quoted:
            raise Refused(412, "PreconditionFailed")
        if self.dialect == "r2" and "if-match" in request.headers and not quoted:
            raise Refused(400, "InvalidArgument", "each ETag must be surrounded by double quotes")
        return request.without("if-match", "if-none-match") if self.dialect == "deaf" else request

    def _work(self, request: Request) -> Answer:
        from werkzeug.test import run_wsgi_app

        with self._one_by_one:
            body, status, headers = run_wsgi_app(self._moto, _environ(request), buffered=True)
        return Answer(int(status.split()[0]), tuple(headers.items()), b"".join(body))


def start_s3(keys: Mapping[str, str] | None = None, buckets: Iterable[str] = ()) -> S3Server:
    """A running server that knows these access keys and secrets; KEYS when none are given."""
    server = S3Server(keys or KEYS)
    for name in buckets:
        server.create_bucket(name)
    return server


def _environ(request: Request) -> dict[str, Any]:
    query = "&".join(f"{_escaped(name)}={_escaped(value)}" for name, value in request.query)
    headers = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in request.headers.items()}
    return {
        **headers,
        "REQUEST_METHOD": request.method, "SCRIPT_NAME": "", "QUERY_STRING": query,
        "PATH_INFO": unquote(request.path, "latin-1"), "RAW_URI": f"{request.path}?{query}",
        "CONTENT_TYPE": request.headers.get("content-type", ""), "CONTENT_LENGTH": str(len(request.body)),
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr, "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
    }


class _Http(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True
    s3: S3Server

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the tests; anything else is a fault of the double."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Http

    def do_any(self) -> None:
        s3, request = self.server.s3, self._request()
        if s3.stopping.is_set():
            return self._reset()
        fault = s3.take_fault(request)
        answer = s3.answer(request, fault)
        s3.seen.append(Seen(request.method, request.key, answer.status if answer else None, request.headers))
        if answer is None:
            if fault is not None and fault.kind == "silence":
                s3.stopping.wait(_STALL_S)
            return self._reset()
        return self._send(answer, stall=fault is not None and fault.kind == "stall")

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_any

    def _request(self) -> Request:
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, path, tuple(parse_qsl(query, keep_blank_values=True)), headers, b"")
        if any(fault.kind == "deaf" for fault in self.server.s3.faults) and self.server.s3.take_fault(request):
            self.rfile.read(1000)
            self.server.s3.stopping.wait(_STALL_S)
        return replace(request, body=self.rfile.read(int(self.headers.get("content-length") or 0)))

    def _send(self, answer: Answer, stall: bool) -> None:
        body = b"" if self.command == "HEAD" else answer.body
        self.send_response(answer.status)
        for name, value in answer.headers:
            if name.lower() not in ("server", "date", "connection", "content-length"):
                self.send_header(name, value)
        lengths = [value for name, value in answer.headers if name.lower() == "content-length"]
        self.send_header("Content-Length", lengths[0] if self.command == "HEAD" and lengths else str(len(body)))
        if stall:
            self._stall(body)
        else:
            self.end_headers()
            self.wfile.write(body)

    def _stall(self, body: bytes) -> None:
        if body:
            self.end_headers()
            self.wfile.write(body[:len(body) // 2])
        self.server.s3.stopping.wait(_STALL_S)
        self._reset()

    def _reset(self) -> None:
        """RST instead of a polite end; the descriptor closes when the handler lets go of its files."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: `S3Server.seen` is the log."""
