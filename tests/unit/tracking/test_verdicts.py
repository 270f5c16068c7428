"""Who was at work on a message: scenarios as they come in, and what is made of each hit."""

from datetime import UTC, datetime, timedelta

import pytest

from newsletter.tracking.agents import family_of
from newsletter.tracking.counting import CLICKS, LINKS, OPENS, Cell, Place, Share, difference, share_out
from newsletter.tracking.verdicts import OF_MANY, Hit, judge
from newsletter.tracking.words import Manner, Reason, Verdict

SENT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOME, OFFICE, CLOUD = "203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24"
PERSON, MACHINE, PREFETCH, UNKNOWN = Verdict.PERSON, Verdict.MACHINE, Verdict.PREFETCH, Verdict.UNKNOWN


def hit(
    after: float, number: int = 1, family: str = "firefox", network: str = HOME, manner: Manner = Manner.GET
) -> Hit:
    """A hit so many seconds after the message was sent; its id is given when all are there."""
    return Hit(0, number, SENT + timedelta(seconds=after), manner, family, network)


def told(*hits: Hit, links: int = 12, sent_at: datetime | None = SENT) -> list[tuple[str, str]]:
    numbered = [Hit(at, *[getattr(item, name) for name in item.__slots__[1:]]) for at, item in enumerate(hits)]
    rulings = judge(numbered, sent_at=sent_at, links=links)
    return [(str(rulings[at].verdict), str(rulings[at].reason)) for at in range(len(hits))]


SCENARIOS = {
    "a reader follows a link after a while": ([hit(600)], [("person", "ordinary")]),
    "a reader reads three stories one after the other": (
        [hit(600, 1), hit(640, 2), hit(700, 3)],
        [("person", "ordinary")] * 3,
    ),
    "two tabs opened in a hurry are still a person's": ([hit(600, 1), hit(602, 2)], [("person", "ordinary")] * 2),
    "a HEAD is a machine's": ([hit(600, manner=Manner.HEAD)], [("machine", "head")]),
    "what a browser loads ahead is nobody's reading": ([hit(600, manner=Manner.AHEAD)], [("prefetch", "ahead")]),
    "nobody reads within two seconds": ([hit(2)], [("machine", "early")]),
    "before the ledger had written that it left": ([hit(-1)], [("machine", "early")]),
    "a message that was handed on long before by our clock": ([hit(-600)], [("person", "ordinary")]),
    "two links within a second": ([hit(600, 1), hit(600.4, 2)], [("machine", "flurry")] * 2),
    "three links within four seconds": ([hit(600, 1), hit(602, 2), hit(603.5, 3)], [("machine", "flurry")] * 3),
    "the same link twice within a second is an impatient finger": (
        [hit(600, 1), hit(600.4, 1)],
        [("person", "ordinary")] * 2,
    ),
    "five links within a minute, slowly": (
        [hit(600 + 11 * number, number) for number in range(1, 6)],
        [("machine", "sweep")] * 5,
    ),
    "the scanner named itself": ([hit(600, family=family_of("Barracuda Sentinel (EE)"))], [("machine", "scanner")]),
    "a tool of programmers": ([hit(600, family=family_of("curl/8.5.0"))], [("machine", "robot")]),
    "a preview in a chat": ([hit(600, family=family_of("WhatsApp/2.23.20.0"))], [("machine", "robot")]),
    "a proxy for pictures that follows a link": ([hit(600, family="gmail")], [("machine", "scanner")]),
    "an office program looks first, its owner's browser comes then": (
        [hit(600, family="outlook", manner=Manner.HEAD), hit(600.1, family="outlook"), hit(600.5, family="edge")],
        [("machine", "head"), ("machine", "scanner"), ("person", "ordinary")],
    ),
    "a filter scans under a browser's name, the reader comes later from elsewhere": (
        [hit(1, 1, "chrome", CLOUD), hit(1.2, 2, "chrome", CLOUD), hit(3600, 2, "chrome", OFFICE)],
        [("machine", "early"), ("machine", "early"), ("person", "ordinary")],
    ),
    "what the filter follows later is the filter's too": (
        [hit(60, 1, "chrome", CLOUD), hit(60.2, 2, "chrome", CLOUD), hit(7200, 5, "chrome", CLOUD)],
        [("machine", "flurry"), ("machine", "flurry"), ("machine", "same_source")],
    ),
    "no name at all": ([hit(600, family="nameless")], [("unknown", "nameless")]),
    "a name that nobody knows": ([hit(600, family="other")], [("unknown", "nameless")]),
    "Apple loads every picture": ([hit(40, 0, "apple-privacy", CLOUD)], [("prefetch", "apple")]),
    "Gmail fetches a picture when its reader opens": ([hit(600, 0, "gmail", CLOUD)], [("person", "proxy")]),
    "Gmail fetches at once": ([hit(1, 0, "gmail", CLOUD)], [("prefetch", "early")]),
    "Outlook shows pictures to its owner": ([hit(600, 0, "outlook")], [("person", "ordinary")]),
    "opening and following at once is one person": ([hit(600, 0), hit(600.5, 1)], [("person", "ordinary")] * 2),
}


@pytest.mark.parametrize(("hits", "expected"), SCENARIOS.values(), ids=SCENARIOS.keys())
def test_people_are_told_from_machines(hits: list[Hit], expected: list[tuple[str, str]]) -> None:
    assert told(*hits) == expected


def test_whoever_follows_every_link_in_whatever_time_is_a_machine() -> None:
    slowly = [hit(600 * number, number) for number in (1, 2, 3)]
    assert told(*slowly, links=3) == [("machine", "sweep")] * 3
    assert told(*slowly, links=4) == [("person", "ordinary")] * 3
    assert told(*slowly[:2], links=2) == [("person", "ordinary")] * 2, "two links are soon all of them"


def test_what_came_before_is_seen_in_the_light_of_what_comes() -> None:
    first, second = hit(600, 1), hit(600.3, 2)
    assert told(first) == [("person", "ordinary")]
    assert told(first, second)[0] == ("machine", "flurry")
    assert told(second, first) == told(first, second), "in whatever order they were written"


def test_a_message_that_never_was_sent_has_no_early_readers() -> None:
    assert told(hit(1), sent_at=None) == [("person", "ordinary")]


def test_behind_one_network_there_may_be_a_town() -> None:
    hits = [
        Hit(number, number, SENT + timedelta(seconds=number / 2), Manner.GET, "chrome", HOME) for number in range(1, 5)
    ]
    assert {ruling.verdict for ruling in judge(hits, sent_at=None, links=0, signs=OF_MANY).values()} == {PERSON}
    at_once = [Hit(number, number, SENT, Manner.GET, "chrome", HOME) for number in range(1, 6)]
    assert {ruling.reason for ruling in judge(at_once, sent_at=None, links=0, signs=OF_MANY).values()} == {
        Reason.FLURRY
    }


def shares(*hits: Hit, named: bool = True) -> list[tuple[bool, bool, bool]]:
    numbered = [Hit(at, *[getattr(item, name) for name in item.__slots__[1:]]) for at, item in enumerate(hits)]
    found = share_out(numbered, judge(numbered, sent_at=SENT, links=12), named=named)
    return [found[at][1:] for at in range(len(hits))]


def test_the_same_reader_and_link_count_once_a_minute_whatever_the_program() -> None:
    assert shares(hit(600), hit(620, family="chrome"), hit(659), hit(661)) == [
        (True, True, True),
        (False, False, False),
        (False, False, False),
        (True, False, False),
    ]


def test_a_reader_is_counted_once_a_link_and_once_an_issue() -> None:
    assert shares(hit(600, 1), hit(700, 2), hit(800, 1)) == [
        (True, True, True),
        (True, True, False),
        (True, False, False),
    ]


def test_an_opening_is_no_click() -> None:
    assert shares(hit(600, 0), hit(700, 1)) == [(True, False, True), (True, True, True)]


def test_a_head_counts_nothing_and_hides_nothing() -> None:
    assert shares(hit(600, manner=Manner.HEAD, family="curl"), hit(620)) == [(False, False, False), (True, True, True)]


def test_of_nobody_in_particular_clicks_are_counted_and_readers_are_not() -> None:
    assert shares(hit(600), hit(602), hit(610), hit(601, network=OFFICE), named=False) == [
        (True, False, False),
        (False, False, False),
        (True, False, False),
        (True, False, False),
    ]
    many = [hit(600, 0, "gmail", CLOUD), hit(600.1, 0, "gmail", CLOUD)]
    assert shares(*many, named=False) == [(True, False, False)] * 2, "one proxy, many readers"


def test_a_revised_hit_leaves_the_counts_as_if_it_had_been_right_at_once() -> None:
    place = Place(7, 3, SENT.date())
    person, machine = Share(PERSON, True, True, True), Share(MACHINE, True, False, False)
    total = difference(place, None, person)
    total.update(difference(place, person, machine))
    assert {cell: count for cell, count in total.items() if count} == {
        Cell(CLICKS, 7, SENT.date(), "machines"): 1,
        Cell(LINKS, 7, 3, "machines"): 1,
    }
    opened = difference(Place(7, 0, SENT.date()), None, Share(PREFETCH, True, False, False))
    assert dict(opened) == {Cell(OPENS, 7, SENT.date(), "prefetched"): 1}
