"""Digests that leave without a hand: by cron, by the schedule, by both at once."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.functional.stories.people import Newsroom

pytestmark = pytest.mark.timeout(300)


def test_cron_sends_a_digest_and_a_second_call_sends_nothing(newsroom: Newsroom) -> None:
    (reader,) = newsroom.import_readers(1)
    first = newsroom.send_digest()
    assert (first["sent"], first["number"]) == (True, 1)
    assert newsroom.send_digest() == {"issue": None, "sent": False}
    newsroom.wait_until(first["issue"], "sent")
    assert newsroom.send_digest() == {"issue": None, "sent": False}
    assert len(reader.mails) == 1


def test_the_command_can_wait_until_everything_is_out(newsroom: Newsroom) -> None:
    readers = newsroom.import_readers(40)
    answer = newsroom.service.ask("digest", "send", newsroom.slug, "--wait")
    assert (answer["status"], answer["deliveries"]["sent"]) == ("sent", 40)
    assert [len(reader.mails) for reader in readers] == [1] * 40


def test_triggers_at_the_same_moment_make_one_issue(newsroom: Newsroom) -> None:
    (reader,) = newsroom.import_readers(1)
    with ThreadPoolExecutor(3) as pool:
        call = ("digest", "send", newsroom.slug, "--json")
        answers = list(pool.map(lambda _time: json.loads(newsroom.service.program(*call)), range(3)))
    assert sorted(answer["sent"] for answer in answers) == [False, False, True]
    newsroom.wait_until(newsroom.issues()[0]["id"], "sent")
    assert len(newsroom.issues()) == 1
    assert len(reader.mails) == 1


@pytest.mark.travels
def test_the_schedule_sends_at_its_hour_once_and_next_evening_what_is_new(newsroom: Newsroom) -> None:
    service = newsroom.service
    evening = newsroom.sister("30 18 * * *")
    (reader,) = evening.import_readers(1)
    evening.file_article("Le bac repart", "Le bac de Togoville a repris son service ce matin à sept heures.")

    # The hour comes.
    service.travel(hours=until(newsroom, "18:30"))
    reader.wait_for_mail(1)
    first = evening.wait_until(evening.issues()[0]["id"], "sent")
    assert first["number"] == 1

    # Cron is told to send as well: nothing is new.
    assert evening.send_digest() == {"issue": None, "sent": False}

    # The next evening brings what came in since, and only that.
    evening.file_article("La piste est sèche", "La piste de Kévé est de nouveau ouverte aux camions depuis midi.")
    service.travel(hours=until(newsroom, "18:30"))
    digest = reader.wait_for_mail(2)
    assert "La piste est sèche" in digest.text
    assert "Le bac repart" not in digest.text
    evening.wait_until(evening.issues()[0]["id"], "sent")
    assert len(evening.issues()) == 2
    assert len(reader.mails) == 2


def until(newsroom: Newsroom, clock: str) -> float:
    """Hours until a minute after the next time that clocks in UTC show this."""
    now = newsroom.service.now
    hour, minute = map(int, clock.split(":"))
    moment = now.replace(hour=hour, minute=minute, second=0) + timedelta(minutes=1)
    return ((moment - now) % timedelta(days=1)).total_seconds() / 3600
