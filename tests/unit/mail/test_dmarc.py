"""DMARC by the tree walk of RFC 9989."""

import pytest

from newsletter.mail import dmarc
from tests.support.dns_server import asking


def at(**records: str) -> dict[tuple[str, str], list[str]]:
    return {(f"_dmarc.{name.replace('_', '.')}", "TXT"): [text] for name, text in records.items()}


def test_the_walk_goes_up_and_leaps_from_a_long_name() -> None:
    assert dmarc.names("a.b.example") == ["a.b.example", "b.example", "example"]
    long = "a.b.c.d.e.f.g.h.i.j.mail.example.com"
    assert dmarc.names(long) == [
        long,
        "g.h.i.j.mail.example.com",
        "h.i.j.mail.example.com",
        "i.j.mail.example.com",
        "j.mail.example.com",
        "mail.example.com",
        "example.com",
        "com",
    ]


def test_a_domain_s_own_record_comes_first() -> None:
    ask = asking(at(gazette_example="v=DMARC1; p=reject; sp=none", news_gazette_example="v=DMARC1; p=quarantine"))
    found = dmarc.discover("news.gazette.example", ask)
    assert (found.policy, found.organisation) == ("quarantine", "gazette.example")


def test_a_name_below_has_the_organisation_s_policy_for_those_below() -> None:
    found = dmarc.discover("news.gazette.example", asking(at(gazette_example="v=DMARC1; p=reject; sp=quarantine")))
    assert found.policy == "quarantine"
    assert dmarc.discover("a.b.c.gazette.example", asking(at(gazette_example="v=DMARC1; p=reject"))).policy == "reject"


def test_psd_says_where_an_organisation_begins() -> None:
    bank = at(bank="v=DMARC1; p=reject; psd=y", mine_bank="v=DMARC1; p=none")
    assert dmarc.organisation_of("a.mine.bank", asking(bank)) == "mine.bank"
    assert dmarc.organisation_of("a.other.bank", asking(bank)) == "other.bank"
    ends = at(a_example="v=DMARC1; p=none; psd=n", example="v=DMARC1; p=none")
    assert dmarc.organisation_of("x.a.example", asking(ends)) == "a.example"


def test_without_any_record_each_domain_is_its_own() -> None:
    assert not dmarc.are_aligned("gazette.example", "bounces.gazette.example", asking({}))
    ask = asking(at(gazette_example="v=DMARC1; p=none"))
    assert dmarc.are_aligned("gazette.example", "bounces.gazette.example", ask)
    assert not dmarc.are_aligned("gazette.example", "bounces.gazette.example", ask, strict=True)
    assert dmarc.are_aligned("Gazette.example", "gazette.example", asking({}))


def test_several_records_are_none() -> None:
    ask = asking({("_dmarc.gazette.example", "TXT"): ["v=DMARC1; p=reject", "v=DMARC1; p=none"]})
    found = dmarc.discover("gazette.example", ask)
    assert found.record is None
    assert found.several == ("gazette.example",)


def test_tags_that_are_gone_are_told_and_never_advised() -> None:
    found = dmarc.discover("a.example", asking(at(a_example="v=DMARC1; p=none; pct=50; ri=3600; rf=afrf; foo=1")))
    assert found.gone == ("pct", "ri", "rf")
    assert found.strange == ("foo",)


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("v=DMARC1; rua=mailto:a@b.example", "none"),
        ("v=DMARC1;p=reject", "reject"),
        ("v=DMARC1; p=REJECT ;", "reject"),
        ("v=DMARC1; p=bogus; rua=mailto:a@b.example", "none"),
    ],
)
def test_a_record_is_read_as_receivers_do(text: str, policy: str) -> None:
    assert dmarc.discover("a.example", asking(at(a_example=text))).policy == policy


@pytest.mark.parametrize("text", ["", "p=none; v=DMARC1", "v=DMARC2; p=none", "v=dmarc1; p=none", ";;;", "=" * 1000])
def test_anything_else_is_no_record(text: str) -> None:
    assert dmarc.parse(text) is None


def test_another_organisation_has_to_agree_to_reports() -> None:
    here = at(gazette_example="v=DMARC1; p=none")
    assert dmarc.may_report_to("gazette.example", "dmarc@bounces.gazette.example", asking(here))
    assert not dmarc.may_report_to("gazette.example", "x@reports.example", asking(here))
    agreed = here | {("gazette.example._report._dmarc.reports.example", "TXT"): ["v=DMARC1"]}
    assert dmarc.may_report_to("gazette.example", "x@reports.example", asking(agreed))
