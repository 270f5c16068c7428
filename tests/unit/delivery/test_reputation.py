"""What the figures of a recipients' domain call for."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.gist import gist
from newsletter.delivery.providers import NAMES, OTHERS, provider_of, way_of
from newsletter.delivery.reputation import CALM, Fault, Figures, Verdict, judge, judge_days, over_the_ceiling

NOW = datetime(2026, 3, 8, 9, 0, tzinfo=UTC)
TODAY = NOW.date()
counts = st.integers(0, 20_000)
few = st.integers(0, 400)
figures = st.builds(Figures, sent=counts, deferred=counts, hard=few, soft=few, content=few, sender=few, complained=few)
verdicts = st.sampled_from(Verdict)
FAULTS = ("hard", "content", "sender", "complained")


@pytest.mark.parametrize(
    ("found", "verdict", "fault"),
    [
        (Figures(sent=10_000), Verdict.FINE, None),
        (Figures(sent=10_000, complained=9), Verdict.FINE, None),
        (Figures(sent=10_000, complained=11), Verdict.WATCH, Fault.COMPLAINTS),
        (Figures(sent=10_000, complained=21), Verdict.SLOW_DOWN, Fault.COMPLAINTS),
        (Figures(sent=10_000, complained=31), Verdict.STOP, Fault.COMPLAINTS),
        (Figures(sent=975, hard=25), Verdict.WATCH, Fault.HARD),
        (Figures(sent=940, hard=60), Verdict.SLOW_DOWN, Fault.HARD),
        (Figures(sent=970, content=30), Verdict.SLOW_DOWN, Fault.CONTENT),
        (Figures(sent=300, sender=100), Verdict.STOP, Fault.SENDER),
        (Figures(sent=1000, deferred=900), Verdict.FINE, None),
        (Figures(sent=1000, deferred=1500), Verdict.WATCH, Fault.DEFERRED),
        (Figures(deferred=150), Verdict.SLOW_DOWN, Fault.DEFERRED),
    ],
)
def test_the_limits_are_the_published_ones(found: Figures, verdict: Verdict, fault: Fault | None) -> None:
    opinion = judge(found)
    assert (opinion.verdict, opinion.fault) == (verdict, fault)


@pytest.mark.parametrize(
    "found",
    [Figures(sent=2, complained=1), Figures(sent=2, hard=1), Figures(sent=40, hard=9), Figures(complained=40)],
)
def test_a_few_say_nothing(found: Figures) -> None:
    assert judge(found).verdict is Verdict.FINE


@given(figures, verdicts, st.sampled_from(FAULTS), st.integers(0, 300))
def test_more_trouble_is_never_judged_more_mildly(found: Figures, before: Verdict, fault: str, more: int) -> None:
    worse = replace(found, **{fault: getattr(found, fault) + more})
    assert judge(worse, before).verdict.rank >= judge(found, before).verdict.rank


@given(figures, verdicts, verdicts)
def test_a_worse_past_is_never_judged_more_mildly(found: Figures, one: Verdict, other: Verdict) -> None:
    milder, worse = sorted((one, other), key=lambda verdict: verdict.rank)
    assert judge(found, worse).verdict.rank >= judge(found, milder).verdict.rank


@given(figures, verdicts)
def test_the_same_figures_keep_their_verdict(found: Figures, before: Verdict) -> None:
    after = judge(found, before).verdict
    assert judge(found, after).verdict is after


@given(
    st.sampled_from([0.001, 0.002, 0.003]),
    st.lists(st.floats(CALM + 0.01, 1.3), min_size=1, max_size=30),
)
def test_a_share_that_swings_about_a_limit_changes_the_verdict_once_at_most(limit: float, swings: list[float]) -> None:
    """Only upwards: what has been said is not taken back by a little less."""
    verdict, ranks = Verdict.FINE, []
    for swing in swings:
        verdict = judge(Figures(sent=100_000, complained=round(100_000 * limit * swing)), verdict).verdict
        ranks.append(verdict.rank)
    assert ranks == sorted(ranks)
    assert max(ranks) - min(ranks) <= 2


def test_what_was_acted_on_is_not_counted_again() -> None:
    day = Figures(sent=10_000, complained=40)
    first = judge_days({TODAY: day}, now=NOW, without={})
    assert first.verdict is Verdict.STOP
    assert judge_days({TODAY: day}, now=NOW, without={TODAY: day}).verdict is Verdict.FINE
    more = day + Figures(sent=1000, complained=6)
    assert judge_days({TODAY: more}, now=NOW, without={TODAY: day}).verdict is Verdict.STOP


def test_complaints_that_come_days_later_are_of_what_was_sent_then() -> None:
    by_day = {TODAY - timedelta(days=4): Figures(sent=5000), TODAY: Figures(complained=20)}
    assert judge_days(by_day, now=NOW, without={}).verdict is Verdict.STOP
    assert judge_days({date(2026, 2, 1): Figures(sent=900, complained=9)}, now=NOW, without={}).verdict is Verdict.FINE


def test_a_storm_is_not_hidden_by_a_good_week() -> None:
    by_day = {TODAY - timedelta(days=number): Figures(sent=10_000) for number in range(2, 7)}
    by_day[TODAY] = Figures(sent=2000, complained=12)
    assert judge_days(by_day, now=NOW, without={}).verdict is Verdict.STOP


def test_the_ceiling_is_the_providers() -> None:
    assert over_the_ceiling(Figures(sent=1000, complained=5))
    assert not over_the_ceiling(Figures(sent=10_000, complained=29))


# Providers


@pytest.mark.parametrize(
    ("domain", "provider"),
    [
        ("gmail.com", "gmail"),
        ("yahoo.fr", "yahoo"),
        ("yahoo.co.uk", "yahoo"),
        ("hotmail.be", "microsoft"),
        ("live.fr", "microsoft"),
        ("wanadoo.fr", "orange"),
        ("neuf.fr", "sfr"),
        ("laposte.net", "laposte"),
        ("yahoo.example.org", OTHERS),
        ("live.arts.example", OTHERS),
        ("poste.example", OTHERS),
        ("yahoo", OTHERS),
    ],
)
def test_domains_belong_to_providers(domain: str, provider: str) -> None:
    assert provider_of(domain) == provider


def test_the_way_of_a_provider_is_no_domain() -> None:
    assert all(provider_of(way_of(name)) == OTHERS and "@" in way_of(name) for name in NAMES)


# Replies


@pytest.mark.parametrize(
    ("reply", "kept"),
    [
        ("550 5.1.1 <ama@poste.example>: user unknown 4f3Kd9", "550 5.1.1 … user unknown …"),
        (
            "421 4.7.28 Gmail has detected 203.0.113.9 https://support.google.com/mail/?p=U a12 - gsmtp",
            "421 4.7.28 Gmail has detected … https://support.google.com/mail/ … - gsmtp",
        ),
        ("554 spam", "554 spam"),
        ("try later", "try later"),
        ("", ""),
    ],
)
def test_what_differs_between_replies_is_left_out(reply: str, kept: str) -> None:
    assert gist(reply) == kept


@given(st.text())
def test_a_gist_is_short_and_its_own_gist(reply: str) -> None:
    once = gist(reply)
    assert len(once) <= 300
    assert gist(once) == once or len(once) == 300
