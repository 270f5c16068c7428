"""Looking up who takes the mail of the domains that workers have met."""

import threading
from datetime import timedelta

import pytest

from newsletter.delivery import exchangers
from newsletter.delivery.exchangers import Groups
from newsletter.delivery.models import Exchanger
from tests.support.newsroom import Newsroom


def ask(newsroom: Newsroom, groups: Groups, *domains: str) -> list[str]:
    found = [groups.of(domain) for domain in domains]
    with newsroom.database.unit() as session:
        groups.sync(session, now=newsroom.now)
    return found


def known(newsroom: Newsroom) -> dict[str, str | None]:
    with newsroom.database.reading() as session:
        return {row.domain: row.exchanger for row in session.query(Exchanger)}


def test_a_domain_stands_for_itself_until_it_has_been_looked_up(newsroom: Newsroom) -> None:
    groups = Groups()
    assert ask(newsroom, groups, "poste.example") == ["poste.example"]
    assert exchangers.look_up_due(newsroom.database, lambda domain: "google.com", now=newsroom.now) == 1
    assert exchangers.look_up_due(newsroom.database, lambda domain: "google.com", now=newsroom.now) == 0
    newsroom.pass_time(hours=2)
    ask(newsroom, groups)
    assert ask(newsroom, groups, "poste.example") == ["poste.example"]
    assert ask(newsroom, groups, "poste.example") == ["google.com"]


def test_one_run_looks_up_a_bounded_number_and_the_next_the_rest(newsroom: Newsroom) -> None:
    with newsroom.database.unit() as session:
        exchangers.request(session, [f"domain{number}.example" for number in range(150)])
        exchangers.request(session, ["domain1.example"])
    runs = [exchangers.look_up_due(newsroom.database, lambda domain: None, now=newsroom.now) for _ in range(3)]
    assert runs == [100, 50, 0]


def test_what_is_known_is_asked_again_after_a_week_and_kept_when_nobody_answers(newsroom: Newsroom) -> None:
    ask(newsroom, Groups(), "poste.example")
    exchangers.look_up_due(newsroom.database, lambda domain: "google.com", now=newsroom.now)
    newsroom.pass_time(days=6)
    assert exchangers.look_up_due(newsroom.database, lambda domain: None, now=newsroom.now) == 0
    newsroom.pass_time(days=2)
    assert exchangers.look_up_due(newsroom.database, lambda domain: None, now=newsroom.now) == 1
    assert known(newsroom) == {"poste.example": "google.com"}


def test_nothing_is_locked_while_name_servers_are_asked(newsroom: Newsroom) -> None:
    ask(newsroom, Groups(), "poste.example")

    def resolve(domain: str) -> str:
        """Somebody else writes meanwhile."""
        writer = threading.Thread(target=ask, args=(newsroom, Groups(), "wide.example"))
        writer.start()
        writer.join(5)
        assert not writer.is_alive()
        return "google.com"

    exchangers.look_up_due(newsroom.database, resolve, now=newsroom.now)
    assert known(newsroom) == {"poste.example": "google.com", "wide.example": None}


@pytest.mark.parametrize("later", [timedelta(hours=2), timedelta(days=-1)])
def test_a_process_reads_again_what_may_have_changed(newsroom: Newsroom, later: timedelta) -> None:
    groups = Groups()
    ask(newsroom, groups, "poste.example")
    exchangers.look_up_due(newsroom.database, lambda domain: "google.com", now=newsroom.now)
    newsroom.now += later
    ask(newsroom, groups, "wide.example")
    ask(newsroom, groups, "poste.example")
    assert groups.of("poste.example") == "google.com"
