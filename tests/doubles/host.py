"""A web host on this machine that serves given files, and behaves badly on paths made for it.

    with start_host({"/voice.wav": data}) as host:
        fetch(f"{host.url}/voice.wav")

Bad paths: see `ROUTES`. `host.requests` are the paths that were asked for, in order, `host.headers` what came
with the last. Its address is private, so a fetch that guards itself must be told to allow it (`host.authority`).
"""
from __future__ import annotations

import gzip
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

DRIP_S = 0.05
PATIENCE_S = 20.0
"""After this long the slow paths give up: a client that waits for ever fails its test instead of hanging it."""


class Host(ThreadingHTTPServer):
    """Runs until `close`, in threads of its own."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, files: Mapping[str, bytes], tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = {"/" + path.lstrip("/"): data for path, data in files.items()}
        self.requests: list[str] = []
        self.headers = Message()
        self.stopping = Event()
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.port = int(self.server_address[1])
        self.authority = f"127.0.0.1:{self.port}"
        self.url = f"{'http' if tls is None else 'https'}://{self.authority}"

    def close(self) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what half of the tests want."""

    def __enter__(self) -> Host:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


def start_host(files: Mapping[str, bytes] | None = None, *, tls: ssl.SSLContext | None = None) -> Host:
    host = Host(files or {}, tls)
    Thread(target=host.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return host


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Host

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.server.requests.append(self.path)
        self.server.headers = self.headers
        self.close_connection = True
        with suppress(OSError):
            if path in self.server.files:
                self.answer(200, self.server.files[path])
            elif path in ROUTES:
                ROUTES[path](self)
            else:
                self.answer(404, b"nothing here")

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def raw(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()

    def query(self, name: str) -> str:
        return parse_qs(urlsplit(self.path).query)[name][0]

    def forever(self, data: bytes, every_s: float = 0.0) -> None:
        """Sends `data` again and again until the client goes, the host is closed or patience ends."""
        end = time.monotonic() + PATIENCE_S
        while not self.server.stopping.wait(every_s) and time.monotonic() < end:
            self.raw(data)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def _endless(handler: _Handler) -> None:
    handler.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    handler.forever(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")


def _endless_chunk_size(handler: _Handler) -> None:
    handler.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    handler.forever(b"0" * 0x4000)


def _endless_headers(handler: _Handler) -> None:
    handler.raw(b"HTTP/1.1 200 OK\r\n")
    handler.forever(b"X-More: and more\r\n" * 100)


def _drip(handler: _Handler) -> None:
    handler.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    handler.forever(b"x", DRIP_S)


def _drip_headers(handler: _Handler) -> None:
    handler.raw(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    handler.forever(b"x", DRIP_S)


def _silence(handler: _Handler) -> None:
    handler.server.stopping.wait(PATIENCE_S)


def _says_more(handler: _Handler) -> None:
    handler.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort")


def _says_less(handler: _Handler) -> None:
    handler.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlong after all")


def _says_huge(handler: _Handler) -> None:
    handler.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n")


def _gzip(handler: _Handler) -> None:
    handler.answer(200, gzip.compress(bytes(50_000_000), 1), Content_Encoding="gzip")


def _no_http(handler: _Handler) -> None:
    handler.raw(b"220 mail.example ESMTP\r\n")


def _bad_headers(handler: _Handler) -> None:
    handler.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nno colon here\r\nX: y\r\n\r\nok")


ROUTES: dict[str, Callable[[_Handler], None]] = {
    "/redirect": lambda handler: handler.answer(302, Location=handler.query("to")),
    "/redirect-nowhere": lambda handler: handler.answer(302),
    "/loop": lambda handler: handler.answer(307, Location="/loop"),
    "/status": lambda handler: handler.answer(int(handler.query("code")), b"an error page"),
    "/endless": _endless,
    "/endless-chunk-size": _endless_chunk_size,
    "/endless-headers": _endless_headers,
    "/drip": _drip,
    "/drip-headers": _drip_headers,
    "/silence": _silence,
    "/says-more": _says_more,
    "/says-less": _says_less,
    "/says-huge": _says_huge,
    "/gzip": _gzip,
    "/raw": lambda handler: handler.raw(bytes.fromhex(handler.query("hex"))),
    "/no-http": _no_http,
    "/bad-headers": _bad_headers,
}
