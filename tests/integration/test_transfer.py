"""Readers from a file and into one: each row by itself, and nothing that runs on an editor's machine."""

import contextlib
import csv
import io
from collections.abc import Callable

import pytest
from sqlalchemy import delete

from newsletter.core.errors import RefusedError
from newsletter.newsletters import topics
from newsletter.newsletters.models import Newsletter, Schedule
from newsletter.subscriptions import consent, queries, search, unsubscribe
from newsletter.subscriptions.models import ConsentKind, EndedReason, Subscriber, SubscriptionStatus
from newsletter.subscriptions.search import Find
from newsletter.suppression import ledger as suppression
from newsletter.suppression.models import SuppressionReason
from newsletter.transfer import exports, imports
from tests.support.newsroom import Newsroom

Import = Callable[..., imports.Report]


@pytest.fixture
def read(newsroom: Newsroom, gazette: Newsletter) -> Import:
    """Import a file's bytes as the command does: each group of rows in a unit of its own."""

    def run(content: bytes, status: SubscriptionStatus = SubscriptionStatus.ACTIVE) -> imports.Report:
        report = imports.Report()
        for rows in imports.read_rows(io.BytesIO(content), report):
            with newsroom.database.unit() as session:
                imports.import_rows(
                    session,
                    newsroom.here.signer,
                    gazette,
                    rows,
                    report,
                    status=status,
                    proof="list of the fair",
                    actor="test",
                    now=newsroom.now,
                )
        return report

    return run


def readers(newsroom: Newsroom, newsletter: Newsletter) -> dict[str, queries.SubscriptionRow]:
    with newsroom.database.reading() as session:
        return {row.email: row for row in search.page(session, Find(newsletter.id), limit=1000).rows}


def subscriber(newsroom: Newsroom, row: queries.SubscriptionRow) -> Subscriber:
    with newsroom.database.reading() as session:
        return session.get_one(Subscriber, row.subscriber_id)


def exported(newsroom: Newsroom, newsletter: Newsletter, status: SubscriptionStatus | None = None) -> list[list[str]]:
    with newsroom.database.reading() as session:
        return list(exports.rows(session, newsletter.id, status=status))


def test_good_rows_come_in_with_their_columns_and_a_proof_of_consent(
    newsroom: Newsroom, gazette: Newsletter, read: Import
) -> None:
    report = read(b"Email,Name,Language,City\nama@poste.example, Ama  Dossou ,EN,Lome\nkofi@poste.example,,,\n")
    assert (report.added, report.known, report.blocked, report.bad) == (2, 0, 0, 0)
    found = readers(newsroom, gazette)
    ama = found["ama@poste.example"]
    assert (ama.name, ama.language, ama.status) == ("Ama Dossou", "en", SubscriptionStatus.ACTIVE)
    assert subscriber(newsroom, ama).attributes == {"city": "Lome"}
    assert found["kofi@poste.example"].language == "fr"
    with newsroom.database.reading() as session:
        (event,) = consent.history(session, ama.subscriber_id)
    assert (event.kind, event.wording, event.actor) == (ConsentKind.IMPORTED, "list of the fair", "test")


def test_pending_rows_are_mailed_a_confirmation_each_once(
    newsroom: Newsroom, gazette: Newsletter, read: Import
) -> None:
    content = b"email\nama@poste.example\nkofi@poste.example\n"
    assert read(content, SubscriptionStatus.PENDING).added == 2
    assert read(content, SubscriptionStatus.PENDING).known == 2
    assert [mail.kind for mail in newsroom.mails()] == ["confirm", "confirm"]
    assert {row.status for row in readers(newsroom, gazette).values()} == {SubscriptionStatus.PENDING}


def test_the_same_file_twice_changes_nothing(newsroom: Newsroom, gazette: Newsletter, read: Import) -> None:
    content = b"email\nama@poste.example\nAMA@poste.example\nkofi@poste.example\n"
    first, second = read(content), read(content)
    assert (first.added, first.known) == (2, 1)
    assert (second.added, second.known) == (0, 3)
    assert len(readers(newsroom, gazette)) == 2


@pytest.mark.parametrize(
    "content",
    [
        "email,name\nama@poste.example,Éloïse Ahouéfa\n".encode(),
        "\ufeffemail,name\r\nama@poste.example,Éloïse Ahouéfa\r\n".encode(),
        "email;name\nama@poste.example;Éloïse Ahouéfa\n".encode("cp1252"),
        "email;name\nama@poste.example;Éloïse Ahouéfa\n".encode("latin-1"),
        "name\temail\nÉloïse Ahouéfa\tama@poste.example\n".encode(),
        '"EMAIL","Name"\n"ama@poste.example","Éloïse\nAhouéfa"\n'.encode(),
        "email,name\n\n\n ama@poste.example ,Éloïse Ahouéfa,,,,\n,,\n".encode(),
        "email,name\rama@poste.example,Éloïse Ahouéfa\r".encode(),
    ],
    ids=["plain", "mark", "windows", "latin-1", "tabs", "quotes", "blank lines", "old mac"],
)
def test_files_as_spreadsheets_write_them_are_read(
    newsroom: Newsroom, gazette: Newsletter, read: Import, content: bytes
) -> None:
    report = read(content)
    assert (report.added, report.errors) == (1, [])
    assert readers(newsroom, gazette)["ama@poste.example"].name == "Éloïse Ahouéfa"


def test_bad_rows_are_named_with_their_line_and_the_others_come_in(
    newsroom: Newsroom, gazette: Newsletter, read: Import
) -> None:
    report = read(
        b"email\nama@poste.example\nnobody\n\n@x.example\nkofi@poste.example\n" + b"x" * 400 + b"@y.example\n"
    )
    assert (report.added, report.bad) == (2, 3)
    assert [error["line"] for error in report.errors] == [3, 5, 7]
    assert all(len(str(error["reason"])) < 250 for error in report.errors)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"name,city\nAma,Lome\n",
        b"ama@poste.example\n",
        bytes(range(256)),
        b"\x89PNG\r\n\x1a\n\0\0",
        b'"email',
        b"email,\x81\n",
        b"PK\x03\x04" + bytes(100),
    ],
    ids=["empty", "blank", "no email", "no header", "bytes", "image", "quote", "undefined", "archive"],
)
def test_what_is_no_list_of_readers_is_refused_in_words_or_holds_nobody(
    newsroom: Newsroom, gazette: Newsletter, read: Import, content: bytes
) -> None:
    with contextlib.suppress(RefusedError):
        assert read(content).added == 0
    assert readers(newsroom, gazette) == {}


def test_rows_before_an_unreadable_place_come_in(newsroom: Newsroom, gazette: Newsletter, read: Import) -> None:
    good = b"".join(b"reader%d@poste.example,Name\n" % number for number in range(500))
    report = read(b"email,name\n" + good + b"last@poste.example,\x81\n")
    assert report.added >= 200
    assert report.bad == 1


def test_invisible_characters_and_long_cells_do_no_harm(newsroom: Newsroom, gazette: Newsletter, read: Import) -> None:
    long = b"x" * 10_000
    report = read(
        b"email,name,city\n"
        b"nul@poste.example,A\0ma,Lo\0me\n"
        b"a\0b@poste.example,,\n"
        b"long@poste.example," + long + b"," + long + b"\n"
        b"kofi@poste.example,Kofi,Lome\n"
    )
    found = readers(newsroom, gazette)
    assert (report.added, report.bad) == (3, 1)
    assert found["nul@poste.example"].name == "Ama"
    assert subscriber(newsroom, found["nul@poste.example"]).attributes == {"city": "Lome"}
    assert len(found["long@poste.example"].name) == 200
    assert len(subscriber(newsroom, found["long@poste.example"]).attributes["city"]) == 1000


def test_a_cell_larger_than_any_spreadsheet_writes_stops_the_file_there(
    newsroom: Newsroom, gazette: Newsletter, read: Import
) -> None:
    report = read(b"email,name\nama@poste.example,\nkofi@poste.example," + b"x" * 200_000 + b"\n")
    assert (report.added, report.bad) == (1, 1)
    assert report.errors[0]["line"] == 3


def test_who_has_left_or_is_blocked_is_not_revived_by_a_file(
    newsroom: Newsroom, gazette: Newsletter, read: Import
) -> None:
    reader = newsroom.reader(gazette, "ama@poste.example")
    with newsroom.database.unit() as session:
        unsubscribe.end(session, reader.id, EndedReason.ONE_CLICK, now=newsroom.now)
        suppression.suppress(
            session, "kofi@poste.example", SuppressionReason.COMPLAINT, source="test", now=newsroom.now
        )
    report = read(b"email\nama@poste.example\nkofi@poste.example\n")
    assert (report.added, report.blocked) == (0, 2)
    assert {row.status for row in readers(newsroom, gazette).values()} == {SubscriptionStatus.ENDED}


def test_a_group_is_never_larger_than_its_transaction_should_be() -> None:
    content = b"email\n" + b"".join(b"r%d@poste.example\n" % number for number in range(imports.ROWS_AT_ONCE + 1))
    groups = list(imports.read_rows(io.BytesIO(content), imports.Report()))
    assert [len(group) for group in groups] == [imports.ROWS_AT_ONCE, 1]


def test_the_list_of_errors_ends_somewhere(read: Import) -> None:
    report = read(b"email\n" + b"nobody\n" * 1000)
    assert (report.bad, len(report.errors)) == (1000, imports.ERRORS_KEPT)


def test_no_exported_cell_is_a_formula(newsroom: Newsroom, gazette: Newsletter, read: Import) -> None:
    names = ['"=HYPERLINK(""http://x.example"")"', "+1+1", "-2", "@SUM(A1)", "Ama"]
    lines = "".join(f"reader{number}@poste.example,{name}\n" for number, name in enumerate(names))
    read(f"email,name\n{lines}=cmd@poste.example,Evil\n".encode())
    header, *rows = exported(newsroom, gazette)
    assert header == exports.HEADER
    assert len(rows) == 6
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row)
    assert {row[1] for row in rows} >= {"'-2", "'@SUM(A1)", "Ama"}


def test_what_was_exported_can_be_imported_again(newsroom: Newsroom, gazette: Newsletter, read: Import) -> None:
    read('email,name,language\nama@poste.example,"Dossou, Ama «A»",en\nkofi@poste.example,Kofi,fr\n'.encode())
    text = io.StringIO()
    csv.writer(text).writerows(exported(newsroom, gazette))
    assert read(text.getvalue().encode()).known == 2


def test_an_export_can_be_of_one_status_and_goes_on_after_a_slice(
    newsroom: Newsroom, gazette: Newsletter, read: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(b"email\n" + b"".join(b"r%d@poste.example\n" % number for number in range(25)))
    monkeypatch.setattr(exports, "SLICE", 10)
    rows = exported(newsroom, gazette)[1:]
    assert len({row[0] for row in rows}) == len(rows) == 25
    assert exported(newsroom, gazette, SubscriptionStatus.ENDED) == [exports.HEADER]


def add_choices(newsroom: Newsroom, newsletter: Newsletter) -> None:
    """Two topics and a second cadence."""
    with newsroom.database.unit() as session:
        for name in ("Ville", "Sport"):
            topics.add(session, newsletter, name)
        session.add(
            Schedule(
                newsletter_id=newsletter.id,
                slug="weekly",
                name="Le dimanche",
                position=1,
                rule="0 8 * * 0",
                since=newsroom.now,
                created_at=newsroom.now,
            )
        )


CHOSEN = (
    "email,topics,cadence,edition,hour,timezone,breaking\n"
    "ama@poste.example,sport,weekly,light,7,Africa/Lome,no\n"
    "kofi@poste.example,,,,,,\n"
    "efua@poste.example,ville,main,text,,,\n"
)


def test_what_was_chosen_survives_a_way_out_and_in_again(newsroom: Newsroom, gazette: Newsletter, read: Import) -> None:
    add_choices(newsroom, gazette)
    assert read(CHOSEN.encode()).added == 3
    header, *rows = exported(newsroom, gazette)
    cells = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    wanted = ("topics", "cadence", "edition", "hour", "timezone", "breaking")
    assert [cells["ama@poste.example"][name] for name in wanted] == [
        "sport", "weekly", "light", "7", "Africa/Lome", "no",
    ]  # fmt: skip
    assert [cells["kofi@poste.example"][name] for name in wanted] == [""] * 6
    assert [cells["efua@poste.example"][name] for name in wanted] == ["ville", "", "text", "", "", ""]
    with newsroom.database.unit() as session:
        session.execute(delete(Subscriber))
    buffer = io.StringIO()
    csv.writer(buffer).writerows([header, *rows])
    assert read(buffer.getvalue().encode()).added == 3
    again = {row[0]: row[-6:] for row in exported(newsroom, gazette)[1:]}
    assert again == {row[0]: row[-6:] for row in rows}


@pytest.mark.parametrize(
    "cells",
    ["opera,,,,,", ",hourly,,,,", ",,gold,,,", ",,,24,,", ",,,7,Mars/Olympus,", ",,,,,perhaps"],
)
def test_a_choice_that_does_not_exist_is_a_refused_line_with_words(
    newsroom: Newsroom, gazette: Newsletter, read: Import, cells: str
) -> None:
    add_choices(newsroom, gazette)
    report = read(f"{CHOSEN}yao@poste.example,{cells}\n".encode())
    assert (report.added, report.bad) == (3, 1)
    assert report.errors[0]["line"] == 5
    assert str(report.errors[0]["reason"]).startswith("yao@poste.example: ")
    assert "yao@poste.example" not in readers(newsroom, gazette)


def test_a_file_does_not_change_what_a_reader_has_chosen(newsroom: Newsroom, gazette: Newsletter, read: Import) -> None:
    add_choices(newsroom, gazette)
    read(b"email\nama@poste.example\n")
    assert read(CHOSEN.encode()).known == 1
    assert {row[0]: row[-6:] for row in exported(newsroom, gazette)}["ama@poste.example"] == [""] * 6
