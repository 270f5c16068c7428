"""An empty database becomes the one that the models describe, on both kinds, once, whoever asks at the same moment."""

from datetime import UTC, date, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, select, text
from sqlalchemy.orm import Session

from newsletter import migrations, schema
from newsletter.core.database import open_engine
from newsletter.issues.contents import blocks_of
from newsletter.issues.models import DigestRun, Judgement, RunOutcome, Variant
from newsletter.issues.selection.candidate import Verdict
from newsletter.newsletters.models import Schedule
from newsletter.subscriptions import counts, search
from newsletter.subscriptions.search import Find
from tests.support.processes import PROCESSES


def upgrade(url: str) -> None:
    engine = open_engine(url)
    migrations.upgrade(engine)
    engine.dispose()


def test_an_empty_database_becomes_what_the_models_say(empty_url: str) -> None:
    engine = open_engine(empty_url)
    assert migrations.current(engine) is None
    assert migrations.upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []
    assert migrations.current(engine) == migrations.head()
    engine.dispose()


def test_a_second_upgrade_changes_nothing(empty_url: str) -> None:
    engine = open_engine(empty_url)
    assert migrations.upgrade(engine)
    assert not migrations.upgrade(engine)
    engine.dispose()


def test_processes_that_upgrade_at_one_moment_take_turns(empty_url: str) -> None:
    processes = [PROCESSES.Process(target=upgrade, args=(empty_url,), daemon=True) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(20)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    engine = open_engine(empty_url)
    assert set(inspect(engine).get_table_names()) == {*schema.metadata.tables, "alembic_version"}
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1
    engine.dispose()


def test_an_upgrade_that_fails_leaves_nothing_behind(empty_url: str) -> None:
    engine = open_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE variants (id INTEGER)"))
    with pytest.raises(Exception, match="variants"):
        migrations.upgrade(engine)
    assert inspect(engine).get_table_names() == ["variants"]
    assert migrations.current(engine) is None
    engine.dispose()


BEFORE_CADENCES = (
    """INSERT INTO newsletters (id, slug, name, publisher, description, language, timezone, from_name, from_address,
            postal_address, schedule, schedule_since, resend_unknown, created_at)
       VALUES (1, 'gazette', 'Gazette', '', '', 'fr', 'Africa/Lome', '', 'desk@gazette.example', '', '30 18 * * *',
               '2026-02-01 00:00:00', true, '2026-01-01 00:00:00'),
              (2, 'herald', 'Herald', '', '', 'en', 'UTC', '', 'desk@gazette.example', '', NULL, NULL, true,
               '2026-01-01 00:00:00')""",
    """INSERT INTO issues (id, newsletter_id, number, status, subject, preheader, introduction, resend_unknown, cut_off,
            created_at, created_by, wave, brake_released)
       VALUES (1, 1, 1, 'sent', 'Le pont', '', '', true, '2026-02-01', '2026-02-01', 'ama', 1, false)""",
    """INSERT INTO articles (id, language, title, summary, body_html, body_text, image_alt, content_hash, first_seen_at,
            updated_at)
       VALUES (5, 'fr', 'Le pont', '', '', '', '', 'a', '2026-01-31', '2026-01-31'),
              (7, 'fr', 'La gare', '', '', '', '', 'b', '2026-01-31', '2026-01-31')""",
    "INSERT INTO issue_articles (issue_id, article_id, newsletter_id, position) VALUES (1, 7, 1, 0), (1, 5, 1, 1)",
    """INSERT INTO digest_runs (newsletter_id, window_start, cut_off, trigger, issue_id, created_at)
       VALUES (1, '2026-01-01', '2026-02-01', 'button', 1, '2026-02-01')""",
    """INSERT INTO variants (issue_id, language, subject, html, text, web_html)
       VALUES (1, 'fr', 'Le pont', '<p>Le pont</p>', 'Le pont', '<h2>Le pont</h2>'),
              (1, 'en', 'The bridge', '<p>The bridge</p>', 'The bridge', '<h2>The bridge</h2>')""",
    """INSERT INTO deliveries (issue_id, batch_id, variant_id, subscriber_id, status, attempts, repeated, updated_at)
       SELECT 1, 1, id, 9, 'sent', 1, false, '2026-02-01' FROM variants WHERE language = 'fr'""",
)


def test_what_was_sent_before_cadences_and_blocks_is_kept(empty_url: str) -> None:
    engine = open_engine(empty_url)
    migrations.upgrade(engine, to="0002")
    with engine.begin() as connection:
        for statement in BEFORE_CADENCES:
            connection.execute(text(statement))
    migrations.upgrade(engine)
    with Session(engine) as session:
        gazette, herald = session.scalars(select(Schedule).order_by(Schedule.id))
        assert (gazette.rule, gazette.name, gazette.since) == (
            "30 18 * * *",
            "Édition habituelle",
            datetime(2026, 2, 1, tzinfo=UTC),
        )
        assert (herald.rule, herald.next_cut_off_at) == ("", None)
        run = session.scalars(select(DigestRun)).one()
        assert (run.schedule_id, run.outcome, run.issue_id) == (gazette.id, RunOutcome.ISSUE, 1)
        judged = {item.article_id: item.verdict for item in session.scalars(select(Judgement))}
        assert judged == {5: Verdict.IN, 7: Verdict.IN}
        french, english = session.scalars(select(Variant).order_by(Variant.id))
        assert (french.articles, french.readers, english.readers) == ([7, 5], 1, 0)
        assert [block.html for block in blocks_of(session, french)] == ["<p>Le pont</p>"]
        assert [block.web_html for block in blocks_of(session, english)] == ["<h2>The bridge</h2>"]
    engine.dispose()


BEFORE_COPIES = (
    BEFORE_CADENCES[0],
    """INSERT INTO subscribers (id, email, email_key, domain, name, language, attributes, created_at)
       VALUES (1, 'Ama@poste.example', 'ama@poste.example', 'poste.example', 'Ama', 'fr', '{}', '2026-01-01 00:00:00'),
              (2, 'k@gmail.example', 'k@gmail.example', 'gmail.example', '', 'fr', '{}', '2026-01-01 00:00:00')""",
    """INSERT INTO subscriptions (subscriber_id, newsletter_id, status, created_at)
       SELECT subscribers.id, newsletters.id, 'active', '2026-01-01 00:00:00' FROM subscribers, newsletters""",
    """INSERT INTO suppressions (email_key, reason, source, note, created_at, lifted_at)
       VALUES ('ama@poste.example', 'hard_bounce', 'smtp', '', '2026-02-01 00:00:00', '2026-02-02 00:00:00'),
              ('k@gmail.example', 'soft_bounces', 'smtp', '', '2026-02-01 00:00:00', NULL)""",
)


def test_readers_of_before_are_found_by_their_newsletter_and_were_lost_by_bounces(empty_url: str) -> None:
    engine = open_engine(empty_url)
    migrations.upgrade(engine, to="0002")
    with engine.begin() as connection:
        for statement in BEFORE_COPIES:
            connection.execute(text(statement))
    migrations.upgrade(engine)
    with Session(engine) as session:
        assert counts.check(session) == []
        (day,) = counts.growth(session, [1], date(2026, 2, 1), date(2026, 2, 1))
        assert day == counts.Day(date(2026, 2, 1), bounced=1)
        for newsletter_id in (1, 2):
            for typed, expected in (("ama@", ["Ama@poste.example"]), ("@gmail.example", ["k@gmail.example"])):
                found = search.page(session, Find(newsletter_id, typed))
                assert [row.email for row in found.rows] == expected
            assert [row.name for row in search.page(session, Find(newsletter_id, "am")).rows] == ["Ama"]
    engine.dispose()
