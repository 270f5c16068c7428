"""Keys, exchangers, names and policies of a domain as they stand in DNS."""

import pytest

from newsletter.core.errors import RefusedError
from newsletter.mail import dkim, domain_records
from newsletter.mail.domain_records import KeyState
from tests.support.dns_server import asking

KEY = dkim.DkimKey("gazette.example", "r1", dkim.Algorithm.RSA, dkim.generate_key(dkim.Algorithm.RSA))
NAME, VALUE = dkim.dns_record(KEY)
OTHER = dkim.dns_record(
    dkim.DkimKey("gazette.example", "r1", dkim.Algorithm.RSA, dkim.generate_key(dkim.Algorithm.RSA))
)[1]


@pytest.mark.parametrize(
    ("published", "state"),
    [
        ([VALUE], KeyState.PUBLISHED),
        ([VALUE.replace("; ", ";")], KeyState.PUBLISHED),
        ([VALUE.replace("p=MII", "p= MII ")], KeyState.PUBLISHED),
        ([OTHER], KeyState.OTHER),
        ([OTHER, VALUE], KeyState.PUBLISHED),
        (["v=DKIM1; k=rsa; p="], KeyState.REVOKED),
        ([f'"{VALUE[:100]}" "{VALUE[100:]}"'], KeyState.BROKEN),
        ([VALUE[:200]], KeyState.OTHER),
        (["v=DKIM1; k=rsa"], KeyState.BROKEN),
        ([], KeyState.MISSING),
    ],
)
def test_a_key_is_there_or_what_is_wrong_is_told(published: list[str], state: KeyState) -> None:
    found = domain_records.key_state(NAME, VALUE, asking({(NAME, "TXT"): published}))
    assert found is state or {found, state} == {KeyState.OTHER, KeyState.BROKEN}


def test_nobody_answers_is_not_missing() -> None:
    assert domain_records.key_state(NAME, VALUE, asking({}, silent=[NAME])) is KeyState.UNKNOWN


def test_exchangers() -> None:
    ask = asking(
        {
            ("b.example", "MX"): ["10 mx.example", "20 gone.example", "30 alias.example"],
            ("mx.example", "A"): ["192.0.2.1"],
            ("alias.example", "CNAME"): ["mx.example"],
            ("alias.example", "AAAA"): ["2001:db8::1"],
            ("none.example", "MX"): ["0 "],
        }
    )
    found = domain_records.exchangers_of("b.example", ask)
    assert (found.dead, found.aliases, found.refused) == (("gone.example",), ("alias.example",), False)
    assert domain_records.exchangers_of("none.example", ask).refused
    assert domain_records.exchangers_of("nothing.example", ask).hosts == ()


def test_an_address_has_to_lead_back_to_itself() -> None:
    ask = asking(
        {
            ("192.0.2.1", "PTR"): ["mx.example"],
            ("mx.example", "A"): ["192.0.2.1"],
            ("192.0.2.2", "PTR"): ["liar.example"],
        }
    )
    assert domain_records.reverse_name("192.0.2.1", ask) == ("mx.example", True, False)
    assert domain_records.reverse_name("192.0.2.2", ask) == ("liar.example", False, False)
    assert domain_records.reverse_name("192.0.2.3", ask) == ("", False, False)


STS = {("_mta-sts.b.example", "TXT"): ["v=STSv1; id=1;"]}
GOOD = "version: STSv1\nmode: enforce\nmx: *.example\nmax_age: 604800\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (GOOD, ""),
        (GOOD.replace("\n", "\r\n"), ""),
        (GOOD.replace("*.example", "mx.example"), ""),
        (GOOD.replace("*.example", "*.elsewhere"), "uncovered"),
        (GOOD.replace("mx: *.example\n", ""), "no_mx"),
        (GOOD.replace("STSv1", "STSv2"), "unreadable"),
        (GOOD.replace("604800", "a week"), "unreadable"),
        ("<html>Not found</html>", "unreadable"),
        ("", "unreadable"),
    ],
)
def test_the_policy_of_transport_security(text: str, problem: str) -> None:
    found = domain_records.transport_policy("b.example", asking(STS), lambda _url: text, ("mx.example",))
    assert found.problem == problem


def test_a_policy_that_cannot_be_fetched_is_told() -> None:
    def refuses(_url: str) -> str:
        raise RefusedError("it redirects")

    found = domain_records.transport_policy("b.example", asking(STS), refuses, ("mx.example",))
    assert (found.problem, found.detail) == ("no_policy", "it redirects")
    assert not domain_records.transport_policy("c.example", asking({}), refuses, ()).published
