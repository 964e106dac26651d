"""URLs from strangers: what is refused, what is bounded, and that nothing private is reached or told."""
from __future__ import annotations

import datetime
import logging
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from intake import net
from tests.doubles.host import Host, start_host

SOUND = b"RIFF and so on" * 1000
Resolve = Callable[[Mapping[str, list[str]]], list[str]]


@pytest.fixture
def host() -> Iterator[Host]:
    with start_host({"/voice.wav": SOUND}) as running:
        yield running


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Names get the given addresses, the last again and again; returns the list of names asked for, which grows."""
    real = socket.getaddrinfo

    def start(names: Mapping[str, list[str]]) -> list[str]:
        left = {name: list(addresses) for name, addresses in names.items()}
        asked: list[str] = []

        def lookup(name: str, port: int, *args: Any, **kwargs: Any) -> Any:
            if name not in left:
                return real(name, port, *args, **kwargs, flags=socket.AI_NUMERICHOST)
            asked.append(name)
            now = left[name].pop(0) if len(left[name]) > 1 else left[name][0]
            return [entry for address in now.split() for entry in real(address, port, type=socket.SOCK_STREAM)]

        monkeypatch.setattr(socket, "getaddrinfo", lookup)
        return asked

    return start


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Nothing leaves: the addresses that a connection was tried to."""
    addresses: list[str] = []

    def connect(self: socket.socket, address: tuple[Any, ...]) -> None:
        addresses.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    return addresses


def get(url: str, *allow: str, max_bytes: int = 1_000_000, deadline_s: float = 10.0) -> bytes:
    return net.fetch(url, max_bytes=max_bytes, deadline_s=deadline_s, allow_hosts=frozenset(allow))


def test_a_file_is_fetched_from_an_allowed_host(host: Host) -> None:
    assert get(f"{host.url}/voice.wav?X-Amz-Signature=a%2Fb+c", host.authority) == SOUND
    assert host.requests == ["/voice.wav?X-Amz-Signature=a%2Fb+c"]
    assert host.headers["Host"] == host.authority
    assert host.headers["Accept-Encoding"] == "identity"


def test_an_allowed_host_without_port_is_allowed_on_every_port(host: Host) -> None:
    assert get(f"{host.url}/voice.wav", "127.0.0.1") == SOUND
    with pytest.raises(net.BlockedUrl):
        get(f"{host.url}/voice.wav", "127.0.0.1:1")


@pytest.mark.parametrize("url", [
    "", "voice.wav", "//files.example/a", "ftp://files.example/a", "file:///etc/passwd", "gopher://files.example/",
    "data:audio/wav;base64,AAAA", "http://", "http:///a", "http://?a", "https://[::1", "http://files.example:99999/",
    "http://anna:secret@files.example/", "http://anna@files.example/", "http://files.example:22/",
    "http://files.example:6379/", "http://files.example:0/", "http://files.example/a b", "http://files.example\\@b/",
    "http://files.example/a\r\nHost: b", "http://files.example/\x00", "http://files_.-.example../",
    "http://" + "a." * 200 + "example/", "http://files.example/" + "a" * 10_000, "http://" + "a" * 64 + ".example/",
])
def test_what_is_no_plain_web_address_is_refused(url: str, dialled: list[str], resolve: Resolve) -> None:
    asked = resolve({"files.example": ["8.8.8.8"]})
    with pytest.raises(net.BlockedUrl):
        get(url)
    assert not dialled
    assert not asked


PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1", "192.88.99.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
    "168.63.129.16", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:10::1",
    "2001:db8::1", "2002:7f00:1::1", "2002:a9fe:a9fe::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1",
    "fec0::1", "ff02::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_refused_as_number_and_behind_a_name(address: str, dialled: list[str],
                                                                  resolve: Resolve) -> None:
    resolve({"files.example": [address], "both.example": [f"8.8.8.8 {address}"]})
    literal = f"[{address}]" if ":" in address else address
    for name in (literal, "files.example", "both.example"):
        for url in (f"http://{name}/a.wav", f"https://{name}/a.wav", f"http://{name}:8080/a.wav"):
            with pytest.raises(net.BlockedUrl):
                get(url)
    assert not dialled


@pytest.mark.parametrize("host_name", [
    "0x7f.1", "0x7f000001", "127.1", "127.0.1", "2130706433", "017700000001", "0177.0.0.1", "127.0.0.0x1",
    "00000000177.1", "1.1.1.1.1", "256.256.256.256", "8.8.8.010", "127.0.0.1.", "127.1.", "%31%32%37.0.0.1",
    "%30x7f.1", "①②⑦.0.0.1", "127。0。0。1", "[::ffff:7f00:1]", "[fe80::1%25eth0]", "[2606:4700::1111%25eth0]",
    "[::127.0.0.1]", "[127.0.0.1]", "localhost", "LOCALHOST", "localhost.", "0",
])
def test_no_odd_way_of_writing_an_address_reaches_this_machine(host_name: str, dialled: list[str]) -> None:
    with pytest.raises(net.BlockedUrl):
        get(f"http://{host_name}/")
    assert not dialled


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "193.0.6.139", "2606:4700::1111", "2001:67c:2e8::1",
                                     "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_a_public_address_is_tried(address: str, dialled: list[str], resolve: Resolve) -> None:
    resolve({"files.example": [address]})
    for url in ("http://files.example/", "https://files.example:8443/"):
        with pytest.raises(net.FetchFailed, match="cannot be reached"):
            get(url)
    assert dialled == [address] * 2


def test_every_checked_address_of_a_host_is_tried(dialled: list[str], resolve: Resolve) -> None:
    resolve({"files.example": ["2606:4700::1111 8.8.8.8"]})
    with pytest.raises(net.FetchFailed):
        get("http://files.example/")
    assert dialled == ["2606:4700::1111", "8.8.8.8"]


def test_a_name_that_changes_its_address_after_the_check_gains_nothing(dialled: list[str], resolve: Resolve) -> None:
    asked = resolve({"rebind.example": ["8.8.8.8", "127.0.0.1"]})
    with pytest.raises(net.FetchFailed):
        get("http://rebind.example/")
    assert asked == ["rebind.example"]
    assert dialled == ["8.8.8.8"]


def test_a_name_that_nobody_knows_is_said_to_be_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with pytest.raises(net.FetchFailed, match=r"files\.example is not known"):
        get("http://files.example/")


def test_redirects_are_followed_also_relative_ones(host: Host) -> None:
    assert get(f"{host.url}/redirect?to=/voice.wav", host.authority) == SOUND
    assert get(f"{host.url}/redirect?to={host.url}/redirect%3Fto=voice.wav", host.authority) == SOUND


@pytest.mark.parametrize("location", ["http://127.0.0.1:{port}/", "//127.0.0.1:{port}/", "http://169.254.169.254/",
                                      "file:///etc/passwd", "http://a:b@127.0.0.1/", "http://[::1", "ftp://a.example/"])
def test_a_redirect_is_checked_like_the_first_url(host: Host, location: str) -> None:
    with start_host({"/": b"private"}) as private:
        with pytest.raises(net.BlockedUrl):
            get(f"{host.url}/redirect?to={location.format(port=private.port)}", host.authority)
        assert private.requests == []


def test_redirects_end_after_five(host: Host) -> None:
    with pytest.raises(net.FetchFailed, match="more than 5 times"):
        get(f"{host.url}/loop", host.authority)
    assert len(host.requests) == 6


@pytest.mark.parametrize(("path", "said"), [
    ("/nowhere", "status 404"), ("/status?code=403", "status 403"), ("/status?code=500", "status 500"),
    ("/redirect-nowhere", "status 302"), ("/says-more", "broke off"), ("/no-http", "does not speak HTTP"),
    ("/endless-headers", "does not speak HTTP"), ("/gzip", "compressed"),
])
def test_an_answer_that_is_no_file_is_an_error_that_says_so(host: Host, path: str, said: str) -> None:
    with pytest.raises(net.FetchFailed, match=said):
        get(f"{host.url}{path}", host.authority)


def test_nothing_is_read_behind_the_declared_length(host: Host) -> None:
    assert get(f"{host.url}/says-less", host.authority) == b"long "


def test_a_file_may_have_exactly_the_allowed_size(host: Host) -> None:
    assert get(f"{host.url}/voice.wav", host.authority, max_bytes=len(SOUND)) == SOUND


@pytest.mark.parametrize("path", ["/voice.wav", "/endless", "/says-huge"])
def test_more_bytes_than_allowed_are_not_taken(host: Host, path: str) -> None:
    with pytest.raises(net.TooLarge, match=r"larger than 0\.01 MB"):
        get(f"{host.url}{path}", host.authority, max_bytes=10_000)


def test_the_size_of_a_chunk_may_not_be_written_without_end(host: Host) -> None:
    with pytest.raises(net.FetchFailed, match="broke off"):
        get(f"{host.url}/endless-chunk-size", host.authority)


@pytest.mark.parametrize("path", ["/drip", "/drip-headers", "/silence"])
def test_a_host_that_keeps_us_waiting_is_left_at_the_deadline(host: Host, path: str) -> None:
    with pytest.raises(net.FetchFailed, match=r"not done within 0\.4 s"):
        get(f"{host.url}{path}", host.authority, deadline_s=0.4)
    assert_no_thread_is_left()


def test_a_name_server_that_keeps_us_waiting_is_left_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: answer.wait(20) and [])
    with pytest.raises(net.FetchFailed, match="not done within"):
        get("http://files.example/", deadline_s=0.2)
    answer.set()
    assert_no_thread_is_left()


def test_a_name_server_that_never_answers_does_not_keep_the_process(root: Path) -> None:
    script = ("import socket, threading\n"
              "socket.getaddrinfo = lambda *args, **kwargs: threading.Event().wait()\n"
              "from intake import net\n"
              "try: net.fetch('http://a.example/', max_bytes=1, deadline_s=0.1, allow_hosts=frozenset())\n"
              "except net.FetchFailed: print('left')\n")
    ended = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=30)
    assert ended.stdout == "left\n"


def assert_no_thread_is_left() -> None:
    for _ in range(200):
        if not any(thread.name == "fetch" for thread in threading.enumerate()):
            return
        time.sleep(0.02)
    pytest.fail("the download still runs")


def test_the_proxies_of_the_environment_are_not_used(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    with start_host() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert get(f"{host.url}/voice.wav", host.authority) == SOUND
        assert proxy.requests == []


@pytest.mark.parametrize("path", ["/nowhere", "/loop", "/gzip", "/endless", "/says-more", "/bad-headers", "/no-http",
                                  "/redirect", "/drip"])
def test_no_error_and_no_log_line_holds_a_signed_url(host: Host, path: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    try:
        get(f"{host.url}{path}?to=http://10.0.0.1/%3FX-Amz-Signature=SECRET&X-Amz-Signature=SECRET", host.authority,
            max_bytes=10_000, deadline_s=0.4)
    except (net.BlockedUrl, net.FetchFailed, net.TooLarge) as error:
        assert error.__cause__ is None
        assert error.__suppress_context__ or error.__context__ is None
        assert "SECRET" not in str(error)
        assert path not in str(error)
    assert "SECRET" not in caplog.text


LINES = st.sampled_from([
    b"HTTP/1.1 200 OK", b"HTTP/1.0 200", b"HTTP/9 abc", b"HTTP/1.1 100 Continue", b"HTTP/1.1 302 Found", b"", b"",
    b"5", b"Location: http://[", b"Location: /%00\xff", b"Location: http://\xc3\xa9\xe2\x84\xa6.example:x/",
    b"Content-Length: -1", b"Content-Length: 5, 6", b"Content-Length: " + b"9" * 300, b"Content-Length: \xb2",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip, chunked", b"Content-Encoding: br", b" folded", b"5;ext", b"hello", b"-5", b"0x5", b"0",
]) | st.binary(max_size=20)


@hypothesis_settings(max_examples=150, deadline=None, derandomize=True,
                     suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(LINES, max_size=12))
def test_whatever_a_host_answers_is_bytes_or_one_of_our_errors(host: Host, lines: list[bytes]) -> None:
    data = b"\r\n".join(lines)
    for answer in (data, b"HTTP/1.1 200 OK\r\n" + data, b"HTTP/1.1 302 Found\r\n" + data):
        with suppress(net.BlockedUrl, net.FetchFailed, net.TooLarge):
            assert isinstance(get(f"{host.url}/raw?hex={answer.hex()}", host.authority), bytes)


class Secure:
    """A host `voice.example` with TLS, and the names that clients asked it for."""

    def __init__(self, folder: Path) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "voice.example")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("voice.example")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256()))
        self.certificate = folder / "certificate.pem"
        self.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (folder / "key.pem").write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        self.asked: list[str | None] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, folder / "key.pem")
        context.sni_callback = lambda _socket, asked_name, _context: self.asked.append(asked_name)
        self.host = start_host({"/voice.wav": SOUND}, tls=context)


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resolve: Resolve) -> Iterator[Secure]:
    running = Secure(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(running.certificate))
    resolve({"voice.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]})
    with running.host:
        yield running


def test_the_certificate_is_asked_for_and_checked_by_the_name_not_the_address(secure: Secure) -> None:
    authority = f"voice.example:{secure.host.port}"
    assert get(f"https://{authority}/voice.wav", authority) == SOUND
    assert secure.host.headers["Host"] == authority
    assert secure.asked == ["voice.example"]


@pytest.mark.parametrize("name", ["other.example", "127.0.0.1"])
def test_a_certificate_for_another_name_is_refused(secure: Secure, name: str) -> None:
    with pytest.raises(net.FetchFailed, match="certificate"):
        get(f"https://{name}:{secure.host.port}/voice.wav", name)
    assert secure.host.requests == []


def test_a_certificate_that_nobody_vouches_for_is_refused(secure: Secure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(net.FetchFailed, match="certificate"):
        get(f"https://voice.example:{secure.host.port}/voice.wav", "voice.example")


def test_a_redirect_from_https_to_http_is_refused(secure: Secure, host: Host) -> None:
    with pytest.raises(net.BlockedUrl, match="https to http"):
        get(f"https://voice.example:{secure.host.port}/redirect?to={host.url}/voice.wav", "voice.example", "127.0.0.1")
    assert host.requests == []


@pytest.mark.parametrize(("url", "port"), [("https://files.example/a.wav", 443), ("http://files.example/a.wav", 80),
                                           ("https://files.example:8443/a.wav", 8443)])
def test_a_url_leads_to_the_port_of_its_scheme_or_its_own(monkeypatch: pytest.MonkeyPatch, url: str,
                                                          port: int) -> None:
    asked: list[object] = []

    def look_up(host: str, port: object, *rest: object, **more: object) -> list[object]:
        asked.append(port)
        raise socket.gaierror("nobody is there")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(net.FetchFailed):
        get(url)
    assert asked == [port]
