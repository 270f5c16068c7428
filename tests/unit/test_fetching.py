import datetime
import gzip
import socket
import ssl
import time
import zlib
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from newsletter.core.destinations import PrivateAddressError
from newsletter.core.errors import RefusedError
from newsletter.core.fetching import fetch
from newsletter.core.targets import FetchError
from tests.support.http_server import answer, forever, octets, redirect, scripted_server

LOOPBACK = ("127.0.0.1",)


def test_a_page_is_read_with_its_type_and_charset():
    with scripted_server(answer("Été".encode("cp1252"), content_type="Text/HTML; charset=Windows-1252")) as server:
        page = fetch(server.url, allow=LOOPBACK)
    assert (page.url, page.status, page.content_type, page.charset) == (server.url, 200, "text/html", "windows-1252")
    assert page.body == b"\xc9t\xe9"


def test_the_request_names_the_host_and_nothing_about_us():
    with scripted_server(answer(b"x")) as server:
        fetch(f"{server.url}a?b=c#d", allow=LOOPBACK)
    lines = server.requests[0].split("\r\n")
    assert lines[0] == "GET /a?b=c HTTP/1.1"
    assert f"Host: 127.0.0.1:{server.port}" in lines
    assert not [line for line in lines if line.lower().startswith(("cookie", "authorization", "referer"))]


def test_a_private_address_is_refused_before_anything_is_sent():
    with scripted_server(answer(b"secret")) as server:
        with pytest.raises(PrivateAddressError, match="NEWSLETTER_FETCH_ALLOW"):
            fetch(server.url)
        assert server.requests == []


@pytest.mark.parametrize(
    "host", ["localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:127.0.0.1]", "[::1]", "0"]
)
def test_spellings_of_loopback_are_all_loopback(host: str):
    with pytest.raises(PrivateAddressError):
        fetch(f"http://{host}:9/")


def test_redirects_are_followed_and_the_last_address_is_told():
    with scripted_server(redirect("/moved"), redirect("page?a=b", "301 Moved Permanently"), answer(b"there")) as server:
        page = fetch(server.url, allow=LOOPBACK)
    assert (page.url, page.body) == (f"{server.url}page?a=b", b"there")


def test_a_redirect_to_a_private_address_is_refused():
    with (
        scripted_server(redirect("http://169.254.169.254/latest/meta-data/")) as server,
        pytest.raises(PrivateAddressError, match=r"169\.254\.169\.254"),
    ):
        fetch(server.url, allow=LOOPBACK)


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://example.org/", "http://[", "http://user@example.org/"]
)
def test_a_redirect_to_anything_but_a_web_page_is_refused(location: str):
    with scripted_server(redirect(location)) as server, pytest.raises(FetchError):
        fetch(server.url, allow=LOOPBACK)


def test_a_redirect_loop_ends():
    with scripted_server(redirect("/again")) as server:
        with pytest.raises(FetchError, match="more than 5 times"):
            fetch(server.url, allow=LOOPBACK)
        assert len(server.requests) == 6


def test_a_name_is_resolved_once_so_that_it_cannot_move_between_check_and_connection():
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    with scripted_server(answer(b"checked")) as server:
        page = fetch(f"http://rebind.example:{server.port}/", allow=LOOPBACK, resolver=rebinding)
    assert (page.body, asked) == (b"checked", ["rebind.example"])
    assert f"Host: rebind.example:{server.port}" in server.requests[0]


def test_a_name_that_moved_inside_on_its_second_visit_is_refused_there():
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    with scripted_server(redirect("/again")) as server, pytest.raises(PrivateAddressError, match=r"10\.0\.0\.1"):
        fetch(f"http://rebind.example:{server.port}/", allow=LOOPBACK, resolver=lambda host, port: next(answers))


def test_the_next_address_is_tried_when_the_first_does_not_answer():
    with scripted_server(answer(b"second")) as server:
        url = f"http://two.example:{server.port}/"
        page = fetch(url, allow=("127.0.0.0/8",), resolver=lambda host, port: ["127.0.0.2", "127.0.0.1"])
    assert page.body == b"second"


def seconds(action: Callable[[], object]) -> float:
    started = time.monotonic()
    with pytest.raises(FetchError):
        action()
    return time.monotonic() - started


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


@pytest.mark.parametrize(
    "script",
    [
        lambda connection: connection.recv(1),
        forever(b"HTTP/1.1 200 OK\r\nX: ", b"x", pause=0.02),
        forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.02),
        forever(HEAD + b"\r\n", b"drip", pause=0.02),
        forever(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", pause=0.02),
        forever(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n", pause=0.02),
    ],
    ids=["silence", "dripping header", "endless 100 Continue", "dripping body", "dripping chunks", "dripping trailer"],
)
def test_one_deadline_holds_for_all_of_an_answer(script):
    with scripted_server(script) as server:
        assert seconds(lambda: fetch(server.url, allow=LOOPBACK, deadline_seconds=0.3)) < 1.5


@pytest.mark.parametrize(
    "script",
    [
        forever(HEAD + b"\r\n", b"x" * 65_536),
        forever(HEAD + b"Content-Length: 99999999999\r\n\r\n", b"x" * 65_536),
        forever(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65_536 + b"\r\n"),
        forever(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: " + b"y" * 60_000 + b"\r\n"),
        forever(b"", b"HTTP/1.1 100 Continue\r\nX: " + b"y" * 60_000 + b"\r\n\r\n"),
    ],
    ids=["body", "declared body", "chunks", "trailers", "100 Continue"],
)
def test_what_never_ends_is_cut_at_the_size_and_not_at_the_deadline(script):
    with scripted_server(script) as server:
        assert seconds(lambda: fetch(server.url, allow=LOOPBACK, max_bytes=100_000)) < 3


def test_a_body_of_just_the_size_is_read_and_one_octet_more_is_not():
    with scripted_server(answer(b"x" * 1000)) as server:
        assert len(fetch(server.url, allow=LOOPBACK, max_bytes=1000).body) == 1000
        with pytest.raises(FetchError, match="too large"):
            fetch(server.url, allow=LOOPBACK, max_bytes=999)


def test_gzip_is_unpacked():
    with scripted_server(answer(gzip.compress("été".encode()), headers="Content-Encoding: gzip\r\n")) as server:
        assert fetch(server.url, allow=LOOPBACK).body.decode() == "été"


def test_a_gzip_bomb_is_cut_at_the_size():
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _part in range(200)) + packer.flush()
    assert len(bomb) < 300_000
    script = answer(bomb, headers="Content-Encoding: gzip\r\n")
    with scripted_server(script) as server, pytest.raises(FetchError, match="too large"):
        fetch(server.url, allow=LOOPBACK, max_bytes=1_000_000)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        HEAD + b"Content-Length: 100\r\n\r\nshort",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n64\r\nshort",
        HEAD + b"Content-Encoding: gzip\r\n\r\nnot gzip",
        HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"cut off" * 100, mtime=0)[:-12],
        HEAD + b"Content-Encoding: br\r\n\r\nwhatever",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    ],
)
def test_a_broken_answer_is_said_to_be_broken(data: bytes):
    with scripted_server(octets(data)) as server, pytest.raises(FetchError, match=r"127\.0\.0\.1"):
        fetch(server.url, allow=LOOPBACK)


@pytest.mark.parametrize("content_type", ["image/png", "application/pdf", "application/octet-stream", "video/mp4"])
def test_other_types_than_asked_are_refused_by_name(content_type: str):
    script = answer(b"x", content_type=content_type)
    with scripted_server(script) as server, pytest.raises(FetchError, match=content_type):
        fetch(server.url, allow=LOOPBACK)


def test_an_answer_without_a_type_is_refused():
    with (
        scripted_server(octets(b"HTTP/1.1 200 OK\r\n\r\nx")) as server,
        pytest.raises(FetchError, match="octet-stream"),
    ):
        fetch(server.url, allow=LOOPBACK)


def test_the_types_wanted_may_be_a_family():
    with scripted_server(answer(b"x", content_type="image/webp")) as server:
        assert fetch(server.url, allow=LOOPBACK, accept=("image/*",)).content_type == "image/webp"


@pytest.mark.parametrize(
    "status", ["404 Not Found", "500 Oops", "204 No Content", "206 Partial Content", "304 Not Modified"]
)
def test_a_status_without_a_page_is_told(status: str):
    with scripted_server(answer(status=status)) as server, pytest.raises(FetchError, match=status[:3]):
        fetch(server.url, allow=LOOPBACK)


def test_a_closed_port_and_an_unknown_host_are_told_apart():
    with pytest.raises(FetchError, match="refused the connection on port 9"):
        fetch("http://127.0.0.1:9/", allow=LOOPBACK)

    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(FetchError, match=r"no host named nowhere\.example"):
        fetch("http://nowhere.example/", resolver=unknown)


def test_every_failure_is_a_refusal_that_people_can_read():
    assert issubclass(FetchError, RefusedError)
    assert issubclass(PrivateAddressError, FetchError)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for news.example, its own authority, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "news.example")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("news.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(secret + built.public_bytes(serialization.Encoding.PEM))
    return path


def test_tls_checks_the_certificate_against_the_name_though_it_connects_to_the_address(certificate: Path):
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate)
    asked: list[str | None] = []
    serving.sni_callback = lambda connection, name, context: asked.append(name)
    trusting = ssl.create_default_context(cafile=certificate)

    def here(host: str, port: int) -> list[str]:
        return [str(ip_address("127.0.0.1"))]

    with scripted_server(answer(b"secure"), tls=serving) as server:
        page = fetch(f"https://news.example:{server.port}/", allow=LOOPBACK, resolver=here, tls=trusting)
        assert (page.body, asked) == (b"secure", ["news.example"])
        with pytest.raises(FetchError, match="certificate"):
            fetch(f"https://other.example:{server.port}/", allow=LOOPBACK, resolver=here, tls=trusting)
        with pytest.raises(FetchError, match="certificate"):
            fetch(f"https://news.example:{server.port}/", allow=LOOPBACK, resolver=here)


def test_an_answer_that_the_caller_understands_is_no_error_and_has_no_body():
    with scripted_server(
        answer(b"<p>busy</p>", status="429 Too Many Requests", headers="Retry-After: 60\r\n")
    ) as server:
        found = fetch(server.url, allow=LOOPBACK, statuses=(200, 429))
        with pytest.raises(FetchError, match="429"):
            fetch(server.url, allow=LOOPBACK)
    assert (found.status, found.body, found.headers["retry-after"]) == (429, b"", "60")


def test_what_a_server_told_is_handed_back_but_begins_no_header_of_its_own():
    with scripted_server(answer(b"x")) as server:
        fetch(server.url, allow=LOOPBACK, headers={"If-None-Match": '"é"', "If-Modified-Since": "x\r\nCookie: a=b"})
    assert 'If-None-Match: "é"' in server.requests[0]
    assert "Cookie" not in server.requests[0]


@pytest.mark.parametrize(
    ("hops", "permanent"),
    [
        ((301, 308), "2"),
        ((301, 302), "1"),
        ((302, 301), None),
        ((), None),
    ],
)
def test_a_page_has_moved_for_good_as_far_as_every_redirect_on_the_way_says_so(
    hops: tuple[int, ...], permanent: str | None
):
    scripts = [redirect(f"/{at}", f"{status} Moved") for at, status in enumerate(hops, 1)]
    with scripted_server(*scripts, answer(b"x")) as server:
        found = fetch(server.url, allow=LOOPBACK)
    assert found.permanent_url == (server.url + permanent if permanent else None)
