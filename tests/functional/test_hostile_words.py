"""Markup in every field that an outsider fills, and in every address: on all pages of the desk it stays text."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from newsletter.core.clock import utc_now
from newsletter.core.database import open_database
from tests.support.desk_pages import Desk, open_desk
from tests.support.large_newsroom import Size

HOSTILE = "\"'><script id=evil>alert(1)</script><img src=x onerror=evil()>"
RAW = ("<script id=evil", "onerror=evil()>")
SMALL = Size(subscribers=500, deliveries=1000, issues=5, articles=100, events=200)
# What readers, publishers, mail servers and strangers write.
FILLED = {
    "subscribers": ("name",),
    "consent_events": ("wording", "form", "actor"),
    "articles": ("title", "summary", "author", "source_name", "body_text", "image_alt"),
    "feeds": ("title",),
    "deliveries": ("reply",),
    "delivery_attempts": ("reply",),
    "bounces": ("reply",),
    "lanes": ("reply",),
    "feedback_reports": ("reason", "recipient", "source"),
    "suppressions": ("note",),
    "audit_events": ("actor",),
    "user_sessions": ("browser",),
    "reader_files": ("name",),
    "newsletters": ("description", "publisher", "postal_address"),
    "topics": ("name",),
    "segments": ("name",),
}
ASKED = ("q", "status", "domain", "after", "before", "kind", "form", "scheme", "as", "person", "subject", "since")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Desk]:
    """The desk of a newsroom in which nobody means well."""
    directory = tmp_path_factory.mktemp("desk")
    shutil.copy(empty_database, directory / "newsletter.db")
    database = open_database(f"sqlite:///{directory / 'newsletter.db'}")
    made = open_desk(database, directory, SMALL, now=utc_now(), say=lambda _words: None)
    with database.engine.begin() as connection:
        for table, columns in FILLED.items():
            for column in columns:
                filled = f"UPDATE {table} SET {column} = :words WHERE {column} IS NOT NULL"
                connection.execute(text(filled), {"words": HOSTILE})
    yield made
    database.dispose()


def look(client: FlaskClient, path: str, **asked: str) -> list[str]:
    """What is wrong with a page."""
    answer = client.get(f"{path}?{urlencode(asked)}" if asked else path)
    found = [f"{path}: {answer.status_code}"] if answer.status_code >= 500 else []
    policy = answer.headers.get("Content-Security-Policy", "")
    if answer.mimetype == "text/html":
        page = answer.get_data(as_text=True)
        found += [f"{path} {asked}: {raw}" for raw in RAW if raw in page]
        if "'unsafe-inline'" in policy.split("script-src")[-1].split(";")[0] or "frame-ancestors" not in policy:
            found.append(f"{path}: {policy}")
    if answer.headers.get("X-Content-Type-Options") != "nosniff":
        found.append(f"{path}: may be taken for something else")
    return found


def test_no_page_takes_what_somebody_wrote_for_markup(desk: Desk) -> None:
    client = desk.staff.client
    problems = [item for _name, path in desk.addresses() for item in look(client, path)]
    assert not problems, "\n".join(problems)


def test_no_page_gives_back_markup_from_its_address(desk: Desk) -> None:
    client = desk.staff.client
    asked = dict.fromkeys(ASKED, HOSTILE)
    problems = [item for _name, path in desk.addresses() for item in look(client, path.partition("?")[0], **asked)]
    assert not problems, "\n".join(problems)
