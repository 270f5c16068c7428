"""When an issue should stop by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.core.i18n import use_locale
from newsletter.delivery.queries import Counts
from newsletter.delivery.tally import Answers
from newsletter.issues import reasons
from newsletter.issues.brake import Fault, judge

COUNT = st.integers(0, 100_000)


def code(counts: Counts, *domains: Answers, released: bool = False) -> Fault | None:
    reason = judge(counts, domains, released=released)
    return reason.code if reason else None


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (Counts(sent=381, failed=20, hard=20), None),  # 4.99 %
        (Counts(sent=379, failed=21, hard=21), Fault.HARD_BOUNCES),  # 5.25 %
        (Counts(sent=1, failed=19, hard=19), None),  # so few say nothing
        (Counts(failed=20, hard=20), Fault.HARD_BOUNCES),
        (Counts(sent=1000, complained=3), None),  # 0.3 % exactly
        (Counts(sent=999, complained=3), Fault.COMPLAINTS),
        (Counts(sent=10, complained=2), None),
        (Counts(sent=980, failed=20, content=20), None),  # 2 % exactly
        (Counts(sent=979, failed=21, content=21), Fault.CONTENT),
        (Counts(queued=100_000), None),
        (Counts(), None),
    ],
)
def test_each_limit_has_a_share_and_a_least_number(counts: Counts, expected: Fault | None) -> None:
    assert code(counts) is expected


def test_one_domain_that_refuses_the_content_is_enough() -> None:
    all_of_them = Counts(sent=99_990, failed=10, content=10)
    assert code(all_of_them, Answers("poste.example", 500, 10)) is None
    reason = judge(all_of_them, [Answers("a.example", 10_000, 0), Answers("poste.example", 499, 10)])
    assert reason is not None
    assert (reason.code, reason.domain, reason.count, reason.of) == (Fault.CONTENT, "poste.example", 10, 499)


def test_after_a_release_only_twice_as_much_stops_it() -> None:
    assert code(Counts(sent=90, failed=39, hard=39), released=True) is None
    assert code(Counts(sent=60, failed=40, hard=40), released=True) is Fault.HARD_BOUNCES
    assert code(Counts(sent=900, failed=100, hard=100), released=True) is None
    assert code(Counts(sent=899, failed=101, hard=101), released=True) is Fault.HARD_BOUNCES


@given(sent=COUNT, deferred=COUNT, hard=COUNT, content=COUNT, complained=COUNT)
def test_a_release_never_makes_it_stricter(sent: int, deferred: int, hard: int, content: int, complained: int) -> None:
    counts = Counts(
        sent=sent, deferred=deferred, failed=hard + content, hard=hard, content=content, complained=complained
    )
    if code(counts) is None:
        assert code(counts, released=True) is None


@given(sent=COUNT, other=COUNT)
def test_nobody_stops_for_what_is_no_fault_of_readers_or_content(sent: int, other: int) -> None:
    assert code(Counts(sent=sent, failed=other, deferred=other, unknown=other, skipped=other)) is None


@pytest.mark.parametrize("locale", ["en", "fr"])
@pytest.mark.parametrize(
    "counts",
    [
        Counts(sent=900, failed=100, hard=100),
        Counts(sent=900, complained=9),
        Counts(sent=900, failed=100, content=100),
    ],
)
def test_every_reason_can_be_said_with_its_figures(counts: Counts, locale: str) -> None:
    reason = judge(counts)
    assert reason is not None
    as_kept = {"code": reason.code.value, "count": reason.count, "of": reason.of, "limit": reason.limit, "domain": ""}
    with use_locale(locale):
        text = reasons.in_words(as_kept)
        assert str(reason.count) in text
        assert "%" in text
        assert reasons.advice(as_kept)
        if locale == "fr" and reason.code is Fault.COMPLAINTS:
            assert "0,3\u00a0%" in text


def test_a_domain_is_named_and_so_is_an_editors_mistake() -> None:
    of_domain = {"code": "content", "count": 10, "of": 100, "limit": 0.02, "domain": "poste.example"}
    assert "poste.example" in reasons.in_words(of_domain)
    mistake = {"code": "cannot_be_written", "message": "The subject is empty."}
    assert "The subject is empty." in reasons.in_words(mistake)
    assert reasons.advice(mistake)
