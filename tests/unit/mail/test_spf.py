"""SPF as receivers evaluate it."""

import pytest

from newsletter.mail import spf
from newsletter.mail.spf import Result
from tests.support.dns_server import asking

D = "bounces.gazette.example"


def table(record: str, **further: list[str]) -> dict[tuple[str, str], list[str]]:
    known = {(D, "TXT"): ["some other text", record]}
    for name, records in further.items():
        host, _, kind = name.rpartition("__")
        known[host.replace("_", "."), kind] = records
    return known


@pytest.mark.parametrize(
    ("record", "ip", "result"),
    [
        ("v=spf1 ip4:192.0.2.0/24 -all", "192.0.2.9", Result.PASS),
        ("v=spf1 ip4:192.0.2.0/24 -all", "192.0.3.9", Result.FAIL),
        ("v=spf1 ip4:192.0.2.9 ~all", "198.51.100.1", Result.SOFTFAIL),
        ("v=spf1 ip6:2001:db8::/32 -all", "2001:db8::1", Result.PASS),
        ("v=spf1 ip6:2001:db8::/32 -all", "192.0.2.1", Result.FAIL),
        ("v=spf1 a:mx.example -all", "192.0.2.5", Result.PASS),
        ("v=spf1 a:mx.example/24 -all", "192.0.2.77", Result.PASS),
        ("v=spf1 mx -all", "192.0.2.5", Result.PASS),
        ("v=spf1 include:deep.example -all", "203.0.113.4", Result.PASS),
        ("v=spf1 include:deep.example -all", "203.0.113.200", Result.FAIL),
        ("v=spf1 redirect=deep.example", "203.0.113.4", Result.PASS),
        ("v=spf1 redirect=nothing.example", "203.0.113.4", Result.PERMERROR),
        ("v=spf1 include:nothing.example -all", "203.0.113.4", Result.PERMERROR),
        ("v=spf1 exists:there.example -all", "203.0.113.4", Result.PASS),
        ("v=spf1", "203.0.113.4", Result.NEUTRAL),
        ("v=spf1 ?all", "203.0.113.4", Result.NEUTRAL),
        ("v=spf1 ipv4:192.0.2.1 -all", "192.0.2.1", Result.PERMERROR),
        ("v=spf1 ip4:999.0.0.1 -all", "192.0.2.1", Result.FAIL),
    ],
)
def test_an_address_may_send_or_not(record: str, ip: str, result: Result) -> None:
    ask = asking(
        {
            (D, "TXT"): [record],
            (D, "MX"): ["10 mx.example"],
            ("mx.example", "A"): ["192.0.2.5"],
            ("there.example", "A"): ["127.0.0.2"],
            ("deep.example", "TXT"): ["v=spf1 ip4:203.0.113.0/26 -all"],
        }
    )
    assert spf.check_host(ip, D, ask) is result


def test_no_record_is_none_and_two_are_an_error() -> None:
    assert spf.check_host("192.0.2.1", D, asking({})) is Result.NONE
    two = asking({(D, "TXT"): ["v=spf1 -all", "v=spf1 +all"]})
    assert spf.check_host("192.0.2.1", D, two) is Result.PERMERROR
    assert spf.check_host("192.0.2.1", D, asking({}, silent=["*"])) is Result.TEMPERROR


def chain(length: int) -> dict[tuple[str, str], list[str]]:
    known = {(D, "TXT"): ["v=spf1 include:s0.example -all"]}
    for number in range(length):
        known[f"s{number}.example", "TXT"] = [f"v=spf1 include:s{number + 1}.example -all"]
    known[f"s{length}.example", "TXT"] = ["v=spf1 ip4:192.0.2.1 -all"]
    return known


def test_ten_lookups_are_allowed_and_eleven_are_not() -> None:
    ask = asking(chain(9))
    assert spf.read(D, ask).lookups == 10
    assert spf.check_host("192.0.2.1", D, ask) is Result.PASS
    ask = asking(chain(10))
    assert spf.read(D, ask).lookups == 11
    assert spf.check_host("192.0.2.1", D, ask) is Result.PERMERROR


def test_a_record_that_includes_itself_ends() -> None:
    ask = asking({(D, "TXT"): [f"v=spf1 include:{D} -all"]})
    assert spf.read(D, ask).wrong == [f"include:{D}"]
    assert spf.check_host("192.0.2.1", D, ask) is Result.PERMERROR


def test_what_a_record_says_is_told() -> None:
    ask = asking(
        {(D, "TXT"): ["v=spf1 a mx include:gone.example include:%{i}.x.example ptr bogus:x exp=e.example +all"]}
    )
    policy = spf.read(D, ask)
    assert policy.all == "+"
    assert policy.wrong == ["bogus:x"]
    assert policy.missing == ["gone.example"]
    assert policy.lookups == 5
    assert policy.void == 3


@pytest.mark.parametrize("record", ["v=spf1 " + "include:a.example " * 5000, "v=spf1 " + "(" * 5000, "v=spf1 =" * 500])
def test_a_record_that_is_made_to_hurt_ends(record: str) -> None:
    ask = asking({(D, "TXT"): [record], ("a.example", "TXT"): [record]})
    spf.read(D, ask)
    spf.check_host("192.0.2.1", D, ask)
