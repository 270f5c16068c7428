import time
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.core.destinations import Allowed, PrivateAddressError, is_public, resolve_checked
from newsletter.core.targets import FetchError, follow, parse_target

NOTHING = Allowed.parse(())


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
        ),
        *("224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "192.88.99.1"),
        *(
            "::1",
            "::",
            "fe80::1",
            "fe80::1%eth0",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "fec0::1",
            "2001:db8::1",
            "2002:7f00:1::",
        ),
        *(
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
        ),
        *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "100::1", "3fff::1"),
    ],
)
def test_addresses_that_are_not_of_the_open_internet_are_closed(address: str):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "172.15.0.1",
        "172.32.0.1",
        "193.0.0.1",
        "2606:4700::1111",
        "2a00:1450::1",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
    ],
)
def test_addresses_of_the_open_internet_are_open(address: str):
    assert is_public(ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_in_every_ipv6_disguise(address):
    for disguise in (f"::ffff:{address}", str(ip_address(int(ip_address("64:ff9b::")) + int(address)))):
        assert is_public(ip_address(disguise)) == is_public(address)


@given(st.ip_addresses())
def test_nothing_that_python_calls_private_is_open(address):
    mapped = getattr(address, "ipv4_mapped", None)
    if (address.is_private or address.is_loopback or address.is_link_local or address.is_multicast) and mapped is None:
        assert not is_public(address)


def test_one_private_address_among_public_ones_refuses_the_host():
    with pytest.raises(PrivateAddressError, match=r"10\.0\.0\.8.*NEWSLETTER_FETCH_ALLOW"):
        resolve_checked("mixed.example", 80, NOTHING, lambda host, port: ["1.1.1.1", "10.0.0.8"], 1)


@pytest.mark.parametrize("entry", ["cms.example", "CMS.example.", "10.0.0.8", "10.0.0.0/24"])
def test_a_private_host_is_reached_when_its_name_address_or_network_is_allowed(entry: str):
    found = resolve_checked("cms.example", 80, Allowed.parse((entry,)), lambda host, port: ["10.0.0.8"], 1)
    assert found == ["10.0.0.8"]


@pytest.mark.parametrize("entry", ["example", "other.example", "10.0.1.0/24", "::/0"])
def test_an_allowance_reaches_no_further_than_it_says(entry: str):
    with pytest.raises(PrivateAddressError):
        resolve_checked("cms.example", 80, Allowed.parse((entry,)), lambda host, port: ["10.0.0.8"], 1)


def test_a_resolver_that_never_answers_is_left_behind():
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        resolve_checked("slow.example", 80, NOTHING, lambda host, port: time.sleep(2) or [], 0.1)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    ("url", "on_the_wire"),
    [
        ("https://Example.org", "https://example.org/"),
        ("https://example.org:443/a#b", "https://example.org/a"),
        ("http://example.org:8080/?q=é&r=%20", "http://example.org:8080/?q=%C3%A9&r=%20"),
        ("https://élection.example/à lire".replace(" ", "-"), "https://xn--lection-9xa.example/%C3%A0-lire"),
        ("http://[::1]:81/x", "http://[::1]:81/x"),
        ("  https://example.org/a'b(c)  ", "https://example.org/a'b(c)"),
    ],
)
def test_a_web_address_is_written_as_requests_need_it(url: str, on_the_wire: str):
    assert parse_target(url).url == on_the_wire


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "example.org",
            "ftp://example.org/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "gopher://x/",
            "//example.org/",
        ),
        *(
            "http://",
            "http:///path",
            "http://example.org:0/",
            "http://example.org:99999/",
            "http://[::1",
            "http://exa mple.org",
        ),
        *(
            "http://example.org/\r\nHost: evil",
            "http://example.org\\@evil.org/",
            "http://user:secret@example.org/",
            "http://a@b/",
        ),
        *(
            "http://example.org/\u202egpj",
            "http://\u2488example.org/",
            "http://example.org/" + "a" * 2000,
            "http://xn--\u00e9/",
        ),
    ],
)
def test_what_is_no_plain_web_address_is_refused_in_words(url: str):
    with pytest.raises(FetchError) as refusal:
        parse_target(url)
    assert str(refusal.value).isprintable()


@given(st.text(max_size=60))
def test_whatever_is_typed_is_read_or_refused(text: str):
    for url in (text, "http://" + text, "http://example.org/" + text):
        try:
            target = parse_target(url)
        except FetchError:
            continue
        assert target.url.isascii()
        assert not any(character.isspace() for character in target.url)


def test_a_redirect_may_be_relative_and_have_spaces():
    assert follow(parse_target("https://example.org/a/b"), "../c d").url == "https://example.org/c%20d"
