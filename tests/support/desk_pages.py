"""The desk of a large newsroom, and an address for each of its pages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from newsletter.accounts import users
from newsletter.accounts.models import Role
from newsletter.core.database import Database
from newsletter.core.installation import Installation
from newsletter.delivery import relays
from newsletter.feedback import inbox, mailboxes, webhooks
from newsletter.feedback.inbox import Incoming
from newsletter.feedback.mailboxes import MailboxValues
from newsletter.feedback.models import Protocol
from newsletter.feeds import adding
from newsletter.issues import digest
from newsletter.issues.models import Trigger
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import bulk
from newsletter.subscriptions.bulk_models import BulkKind
from newsletter.subscriptions.search import Find
from newsletter.subscriptions.segments.models import Segment
from newsletter.transfer import files
from newsletter.web.app import create_app
from tests.support.large_newsroom import Size, fill
from tests.support.newsroom import Newsroom, install
from tests.support.staff import Staff

PREFIX = "admin."
WAY_IN = {"sign_in", "password", "lost_password"}
# A row of each kind that an address names.
SAMPLES = {
    "delivery_id": "SELECT max(id) FROM deliveries WHERE issue_id = (SELECT max(id) FROM issues WHERE status = 'sent')",
    "relay_id": "SELECT max(id) FROM relays",
    "user_id": "SELECT max(id) FROM users",
    "action_id": "SELECT max(id) FROM bulk_actions",
    "file_id": "SELECT max(id) FROM reader_files",
    "segment_id": "SELECT max(id) FROM segments",
    "mailbox_id": "SELECT max(id) FROM inbound_mailboxes",
    "webhook_id": "SELECT max(id) FROM webhooks",
    "inbound_id": "SELECT max(id) FROM inbound_mails",
    "sent": "SELECT max(id) FROM issues WHERE status = 'sent'",
    "moving": "SELECT max(id) FROM issues WHERE status = 'sending'",
    "subscription_id": "SELECT max(id) / 2 FROM subscriptions",
    "article_id": "SELECT max(id) - 50 FROM articles",
    "variant_id": "SELECT max(id) FROM variants",
    "cadence": "SELECT min(slug) FROM schedules",
    "run_id": "SELECT max(id) FROM digest_runs",
}
ORANGE = {"version": 1, "match": "all", "of": [{"field": "domain", "op": "is", "value": "orange.fr"}]}
SEARCHED = {"subscribers", "issue"}


@dataclass(frozen=True, slots=True)
class Desk:
    """An owner at a browser. `values`: what stands for the variable parts of addresses."""

    staff: Staff
    routes: list[Any]
    values: dict[str, list[Any]]
    draft: int
    newsletter_id: int

    @property
    def pages(self) -> set[str]:
        """The names of all pages."""
        return {rule.endpoint.removeprefix(PREFIX) for rule in self.routes}

    def addresses(self) -> Iterator[tuple[str, str]]:
        """Name and address of every page, with each value that its variable parts may have."""
        for rule in self.routes:
            parts = sorted(rule.arguments)
            assert set(parts) <= set(self.values), f"{rule.endpoint}: what stands for {parts}?"
            name = rule.endpoint.removeprefix(PREFIX)
            for number in range(max((len(self.values[part]) for part in parts), default=1)):
                chosen = {part: self.values[part][number % len(self.values[part])] for part in parts}
                _domain, path = rule.build(chosen, append_unknown=False)
                yield name, path
                # A search among the newest articles is bounded too, but a small table is quicker read whole.
                if name in SEARCHED and chosen.get("issue_id") != self.draft:
                    yield name, f"{path}?q=lectrice123"


def open_desk(
    database: Database, directory: Path, size: Size, *, now: datetime, say: Callable[[str], None] = print
) -> Desk:
    """Fill an up-to-date database and let an owner in. `now` is near the real one: the desk has no other clock."""
    newsroom = Newsroom(install(database, directory))
    newsroom.now = now
    gazette = newsroom.newsletter()
    fill(database.engine, size, gazette.id, now=now - timedelta(minutes=1), say=say)
    with database.unit() as session:
        owner = users.create_user(session, "owner@gazette.example", Role.OWNER, language="fr", now=now, actor="test")
        token = users.make_password_link(session, owner.id, now=now)
        newsletter = newsletters.by_id(session, gazette.id)
        draft = digest.compose(session, newsletter, trigger=Trigger.BUTTON, actor="test", now=now)
        assert draft is not None
        target = {"title": "La presse", "newsletter_id": gazette.id, "topic_id": None}
        feed, _new = adding.note(session, "https://press.example/feed", **target, now=now)  # type: ignore[arg-type]
        draft_id, feed_id = draft.id, feed.id
        _add_the_rest(session, newsletter, newsroom.here, now=now)
    with database.engine.connect() as connection:
        found = {name: connection.execute(text(statement)).scalar() for name, statement in SAMPLES.items()}
    assert all(found.values()), found
    app = create_app(newsroom.here.settings, newsroom.here)
    issues = [found.pop("sent"), found.pop("moving"), draft_id]
    return Desk(
        Staff(app.test_client(use_cookies=True)).come_in(f"/admin/password/{token}"),
        [
            rule
            for rule in app.url_map.iter_rules()
            if rule.endpoint.startswith(PREFIX)
            and "GET" in (rule.methods or ())
            and rule.endpoint.removeprefix(PREFIX) not in WAY_IN
        ],
        {name: [value] for name, value in found.items()}
        | {"slug": [gazette.slug], "issue_id": issues, "feed_id": [feed_id], "domain": ["gmail.com"]}
        | {"kind": ["links", "domains"]},
        draft_id,
        gazette.id,
    )


def _add_the_rest(session: Session, newsletter: Newsletter, here: Installation, *, now: datetime) -> None:
    """One of each thing that has a page of its own."""
    by: dict[str, Any] = {"actor": "test", "now": now}
    session.add(Segment(newsletter_id=newsletter.id, name="Orange", rule=ORANGE, created_at=now, created_by="test"))
    bulk.ask(session, Find(newsletter.id, "@laposte.net"), BulkKind.END, {}, **by)
    files.bring(session, newsletter.id, "lecteurs.csv", b"email\nama@poste.example\n", **by)
    values = MailboxValues("retours", Protocol.IMAP, "imap.press.example", "retours", "secret")
    mailboxes.add(session, values, vault=here.vault, **by)
    webhooks.add(session, "postmark", "user:a-long-password", vault=here.vault, **by)
    inbox.store(session, [Incoming("smtp", b"Subject: x\r\n\r\ntext")], now=now, wake=False)
    relays.create(session, name="provider", url="smtp://127.0.0.1:9", vault=here.vault, **by)
