"""An untrusted URL to bytes, without letting it reach what only this machine can reach.

A host name is resolved once, every address it has must be public, and the connection goes to the checked address,
so a name that changes its address between check and use gains nothing. Redirects go the same way again.
Size and time are bounded whatever the host does. The environment's proxies are never used: behind one, the
address that is reached would be the proxy's choice.
"""
from __future__ import annotations

import http.client
import ipaddress
import logging
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import TypeVar
from urllib.parse import urljoin

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse
from urllib3.util import Url, parse_url

from intake import TooLarge as TooLarge

MAX_REDIRECTS = 5
PORTS = frozenset({80, 443, 8080, 8443})
"""Where web hosts listen. On any other port of a public machine some other service is spoken to."""
MAX_URL_CHARS = 8192
_CONNECT_S = 10.0
_CHECK_S = 0.1
_MAX_TRIES = 4
_BLOCK_BYTES = 1 << 16

# urllib3 warns of malformed headers with the whole URL, and a presigned URL is a secret.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)

_HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_NUMERIC_LABEL = re.compile(r"\d+|0x[0-9a-f]*")
_GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# In the IANA special-purpose registries, or a cloud's own, and called global by some Python we run on.
_SPECIAL = tuple(ipaddress.ip_network(block) for block in (
    "100.64.0.0/10",      # carrier-grade NAT, and Alibaba Cloud's metadata
    "168.63.129.16/32",   # Azure's host agent
    "192.0.0.0/24",       # protocol assignments, and Oracle Cloud's metadata
    "192.88.99.0/24",     # 6to4 relays
    "2001::/23",          # protocol assignments, Teredo
    "2002::/16",          # 6to4
    "3fff::/20",          # documentation
))

_T = TypeVar("_T")


class BlockedUrl(Exception):
    """A URL that this worker does not fetch from, whatever is there."""


class FetchFailed(Exception):
    """The URL is acceptable, but its bytes did not come."""


@dataclass(frozen=True, slots=True)
class _Target:
    """A URL taken apart and found acceptable. `trusted`: its host is one of the allowed hosts."""

    scheme: str
    host: str
    port: int
    path: str
    trusted: bool

    @property
    def authority(self) -> str:
        default = {"http": 80, "https": 443}[self.scheme]
        return self.host if self.port == default else f"{self.host}:{self.port}"


def fetch(url: str, *, max_bytes: int, deadline_s: float, allow_hosts: frozenset[str],
          check: Callable[[], None] = lambda: None) -> bytes:
    """The body behind `url`, at most `max_bytes` of it, within `deadline_s` from name lookup to last byte.

    `check` is called while it comes, and raises to stop.
    `allow_hosts` are `host` or `host:port` entries that may have a private address and any port.
    Raises BlockedUrl, FetchFailed or TooLarge. Their messages name at most the host: the rest of a URL may be a
    secret signature.
    """
    download = _Download(max_bytes, time.monotonic() + deadline_s, allow_hosts)
    return _within(download, deadline_s, lambda: download.follow(url), check)


def post(url: str, body: bytes, headers: Mapping[str, str], *, deadline_s: float, allow_hosts: frozenset[str]) -> None:
    """Sends `body` under the same guard as `fetch`. No redirect is followed, no answer read; a status of 2xx will do.

    Raises BlockedUrl, or FetchFailed when it was not taken.
    """
    message = _Download(0, time.monotonic() + deadline_s, allow_hosts)
    _within(message, deadline_s, lambda: message.send(url, body, headers))


def check(url: str, allow_hosts: frozenset[str]) -> None:
    """Raises BlockedUrl for what is refused without a lookup of its host's name."""
    target = _target(url, allow_hosts)
    if _is_address(target.host, 4) or _is_address(target.host.strip("[]"), 6):
        _addresses(target)


def _within(download: _Download, deadline_s: float, work: Callable[[], _T],
            check: Callable[[], None] = lambda: None) -> _T:
    result = _in_thread(work)
    try:
        while (left_s := download.deadline - time.monotonic()) > 0:
            check()
            if wait([result], min(_CHECK_S, left_s)).done:
                return result.result()
        raise FetchFailed(f"the transfer was not done within {deadline_s:g} s")
    finally:
        download.abandon()


class _Download:
    """One fetch, in a thread of its own: a name lookup and dripping headers can be left, but not hurried."""

    def __init__(self, max_bytes: int, deadline: float, allow_hosts: frozenset[str]) -> None:
        self.max_bytes = max_bytes
        self.deadline = deadline
        self.allow_hosts = frozenset(host.lower() for host in allow_hosts)
        self._socket: socket.socket | None = None
        self._abandoned = False

    def follow(self, url: str) -> bytes:
        for _ in range(MAX_REDIRECTS + 1):
            target = _target(url, self.allow_hosts)
            try:
                connection = self._connect(target)
                try:
                    response = _ask(connection, target)
                    if not response.get_redirect_location():
                        return self._body(response, target)
                finally:
                    connection.close()
            except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
                raise FetchFailed(_reason(error, target.host)) from None
            url = _redirected(url, response)
        raise FetchFailed(f"the URL redirects more than {MAX_REDIRECTS} times")

    def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        target = _target(url, self.allow_hosts)
        try:
            connection = self._connect(target)
            try:
                response = _ask(connection, target, "POST", body, headers)
            finally:
                connection.close()
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            raise FetchFailed(_reason(error, target.host)) from None
        if not 200 <= response.status < 300:
            raise FetchFailed(f"{target.host} answered with HTTP status {response.status}")

    def abandon(self) -> None:
        """Ends what is still being read; harmless when nothing is."""
        self._abandoned = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _connect(self, target: _Target) -> HTTPConnection:
        """A connection to the first of the target's checked addresses that answers."""
        failure: Exception = OSError("no address")
        for address in _addresses(target)[:_MAX_TRIES]:
            connection = _connection(target, address)
            connection.timeout = min(_CONNECT_S, max(0.01, self.deadline - time.monotonic()))
            try:
                connection.connect()
            except (urllib3.exceptions.HTTPError, OSError) as error:
                connection.close()
                failure = error
                continue
            # When `abandon` comes, either it sees this socket or we see that it came.
            self._socket = connection.sock
            if self._abandoned:
                connection.close()
                raise OSError("abandoned")
            connection.timeout = None  # from here on `abandon` ends it
            return connection
        raise failure

    def _body(self, response: HTTPResponse, target: _Target) -> bytes:
        if response.status != 200:
            raise FetchFailed(f"{target.host} answered with HTTP status {response.status}")
        if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            raise FetchFailed(f"{target.host} sends the file compressed although it was asked not to")
        declared = response.headers.get("Content-Length", "")
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > self.max_bytes:
            raise _too_large(self.max_bytes)
        body = bytearray()
        for block in response.stream(_BLOCK_BYTES):
            body += block
            if len(body) > self.max_bytes:
                raise _too_large(self.max_bytes)
        return bytes(body)


def is_public(address: str) -> bool:
    """Whether an IP address is one that anybody on the internet could reach, and nobody reaches only from here.

    Source: IANA IPv4 and IPv6 special-purpose address registries (RFC 6890 and updates).
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)))
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip not in _GLOBAL_IPV6:
            return False
    special = any(ip in block for block in _SPECIAL if block.version == ip.version)
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not special


def _target(url: str, allow_hosts: frozenset[str]) -> _Target:
    if len(url) > MAX_URL_CHARS:
        raise BlockedUrl(f"the URL is longer than {MAX_URL_CHARS} characters")
    if re.search(r"[\x00-\x20\x7f\\]", url):
        raise BlockedUrl("the URL holds spaces, control characters or backslashes; percent-encode them")
    try:
        parts = parse_url(url)
    except urllib3.exceptions.LocationParseError:
        raise BlockedUrl("the URL is not well formed") from None
    if parts.scheme not in ("http", "https"):
        raise BlockedUrl("the URL must begin with https:// or http://")
    if parts.auth is not None:
        raise BlockedUrl("the URL holds a user name or password; use a presigned URL instead")
    host = _host(parts)
    port = parts.port if parts.port is not None else (443 if parts.scheme == "https" else 80)
    trusted = not allow_hosts.isdisjoint({host, f"{host}:{port}"})
    if not trusted and port not in PORTS:
        raise BlockedUrl(f"the URL's port {port} is not one of {', '.join(map(str, sorted(PORTS)))}")
    return _Target(parts.scheme, host, port, parts.request_uri, trusted)


def _host(parts: Url) -> str:
    """The host as it is looked up: a lower-case name, a dotted quad, or an IPv6 address in brackets.

    Names that some resolvers read as numbers (`0x7f.1`, `127.1`, `2130706433`) are refused, as the WHATWG URL
    standard's "ends in a number" rule finds them.
    """
    host = (parts.host or "").lower().removesuffix(".")
    if host.startswith("["):
        if _is_address(host[1:-1], 6):
            return host
    elif _NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]):
        if _is_address(host, 4):
            return host
    elif len(host) <= 253 and _HOST_NAME.fullmatch(host):
        return host
    raise BlockedUrl("the URL's host is neither a name nor an ordinary IP address")


def _is_address(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version and "%" not in text
    except ValueError:
        return False


def _addresses(target: _Target) -> list[str]:
    """The target's addresses, in the resolver's order, all of them checked. Raises BlockedUrl, FetchFailed."""
    try:
        found = socket.getaddrinfo(target.host.strip("[]"), target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise FetchFailed(f"the host name {target.host} is not known") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not target.trusted and not all(map(is_public, addresses)):
        raise BlockedUrl(f"{target.host} is not a public host; files are fetched from public addresses only")
    return addresses


def _connection(target: _Target, address: str) -> HTTPConnection:
    """Goes to `address`; asks for the certificate of, and checks it against, the target's own name."""
    if target.scheme == "http":
        return HTTPConnection(address, target.port)
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return HTTPSConnection(address, target.port, ssl_context=context, server_hostname=target.host.strip("[]"))


def _ask(connection: HTTPConnection, target: _Target, method: str = "GET", body: bytes | None = None,
         more: Mapping[str, str] | None = None) -> HTTPResponse:
    headers = {"Host": target.authority, "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close",
               "User-Agent": "f5-voice-worker", **(more or {})}
    connection.request(method, target.path, body=body, headers=headers, preload_content=False, decode_content=False)
    return connection.getresponse()


def _redirected(url: str, response: HTTPResponse) -> str:
    location = response.get_redirect_location() or ""
    try:
        following = urljoin(url, location)
    except ValueError:
        raise BlockedUrl("the URL redirects to one that is not well formed") from None
    if url.lower().startswith("https:") and following.lower().startswith("http:"):
        raise BlockedUrl("the URL redirects from https to http")
    return following


def _reason(error: Exception, host: str) -> str:
    if isinstance(error, ssl.SSLError | urllib3.exceptions.SSLError):
        return f"no secure connection to {host}: its certificate or its TLS is not valid"
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return f"{host} cannot be reached"
    if isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError):
        return f"{host} did not answer in time"
    return f"{host} broke off the transfer, or does not speak HTTP"


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"the file is larger than {max_bytes / 1e6:g} MB")


def _in_thread(work: Callable[[], _T]) -> Future[_T]:
    """Runs `work` in a thread that the process does not wait for when it ends, unlike an executor's."""
    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, name="fetch", daemon=True).start()
    return future
