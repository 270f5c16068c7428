"""Short ways to do what staff, readers and workers do, by the services themselves: a test says only what matters."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from newsletter.articles.draft import ArticleDraft
from newsletter.articles.editing import add_article
from newsletter.articles.models import Article
from newsletter.core import jobs
from newsletter.core.addresses import parse_address
from newsletter.core.database import Database
from newsletter.core.installation import Installation
from newsletter.core.settings import load_settings
from newsletter.core.tokens import Signer, Vault
from newsletter.core.urls import Links
from newsletter.delivery.gate import Gate
from newsletter.delivery.journal import JOURNALS
from newsletter.delivery.models import Delivery, DeliveryStatus, TransactionalMail
from newsletter.delivery.office import Office
from newsletter.issues import course, digest, dispatch
from newsletter.issues import freeze as freezing
from newsletter.issues.contents import IssueContents
from newsletter.issues.models import Issue, Trigger
from newsletter.newsletters.editing import NewsletterValues, create_newsletter
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import staff
from newsletter.subscriptions.audience import Recipients
from newsletter.subscriptions.models import Subscriber, Subscription, SubscriptionStatus
from tests.support.mailers import Hand, Mailer

SECRET = "a-secret-key-for-tests-that-is-long-enough"
DOMAIN = "gazette.example"
NOBODY_LISTENS = "smtp://127.0.0.1:9"

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday
MINUTE = timedelta(minutes=1)


def draft(title: str = "Le pont rouvre", **values: object) -> ArticleDraft:
    """An article as a source gave it; without an address unless one is named."""
    url = values.get("url")
    given: dict[str, object] = {
        "title": title,
        "summary": f"{title} : le résumé.",
        "body_html": f"<p>{title}, le texte.</p>",
        "body_text": f"{title}, le texte.",
        "author": None,
        "source_name": None,
        "url": None,
        "canonical_url": url,
        "language": "fr",
        "topic": None,
        "image_url": None,
        "image_alt": "",
        "published_at": None,
    }
    return ArticleDraft(**(given | values))  # type: ignore[arg-type]


def install(database: Database, data_dir: Path, *, smtp_url: str = NOBODY_LISTENS) -> Installation:
    """An installation on an opened database; no broker is woken by its commits."""
    settings = load_settings(
        {
            "NEWSLETTER_DATA_DIR": str(data_dir),
            "NEWSLETTER_BASE_URL": "https://news.example",
            "NEWSLETTER_SMTP_URL": smtp_url,
        },
        env_file=None,
    )
    signer = Signer(SECRET)
    return Installation(
        settings=settings,
        secret=SECRET,
        database=database,
        broker=jobs.Broker(settings.broker),
        signer=signer,
        vault=Vault(SECRET),
        links=Links(settings.site_url, signer),
    )


class Newsroom:
    """One installation at one moment, which only `pass_time` changes."""

    def __init__(self, installation: Installation) -> None:
        self.here = installation
        self.database = installation.database
        self.now = NOW
        self.rng = random.Random(1)
        self.journals_at = installation.settings.data_dir / JOURNALS
        self._contents = IssueContents(installation)

    def clock(self) -> datetime:
        return self.now

    def pass_time(self, **duration: float) -> datetime:
        self.now += timedelta(**duration)
        return self.now

    def newsletter(self, slug: str = "gazette", **values: object) -> Newsletter:
        """A French newsletter, a month old."""
        given = {"name": slug.title(), "from_address": f"desk@{DOMAIN}", "timezone": "Africa/Lome"} | values
        with self.database.unit() as session:
            made = NewsletterValues(slug=slug, **given)  # type: ignore[arg-type]
            return create_newsletter(session, made, now=self.now - timedelta(days=30), vault=self.here.vault)

    def article(
        self,
        newsletter: Newsletter,
        title: str = "Le pont rouvre",
        *,
        placed_at: datetime | None = None,
        translation_of: int | None = None,
        **values: object,
    ) -> Article:
        """An article that came in a minute ago."""
        with self.database.unit() as session:
            return add_article(
                session,
                draft(title, **values),
                newsletter_id=newsletter.id,
                topic_id=None,
                now=placed_at or self.now - MINUTE,
                translation_of=translation_of,
            )[0]

    def reader(
        self, newsletter: Newsletter, email: str = "ama@poste.example", *, language: str = "", name: str = ""
    ) -> Subscription:
        """An active reader."""
        with self.database.unit() as session:
            subscription = staff.add_subscriber(
                session,
                self.here.signer,
                newsletter,
                parse_address(email),
                name=name,
                status=SubscriptionStatus.ACTIVE,
                proof="card at the desk",
                actor="test",
                now=self.now,
            )
            if language:
                session.get_one(Subscriber, subscription.subscriber_id).language = language
            return subscription

    def compose(self, newsletter: Newsletter) -> Issue | None:
        with self.database.unit() as session:
            return digest.compose(session, newsletter, trigger=Trigger.COMMAND, actor="test", now=self.now)

    def draft_issue(self, newsletter: Newsletter) -> Issue:
        """A draft of what is new, of one article where nothing was."""
        issue = self.compose(newsletter)
        if issue is None:
            # A story of its own: a reader of two newsletters gets one only once.
            own = "" if newsletter.slug == "gazette" else f", dit {newsletter.name}"
            self.article(newsletter, f"Le pont rouvre{own}")
            issue = self.compose(newsletter)
        assert issue is not None
        return issue

    def freeze(self, issue: Issue) -> int | None:
        """Decide that a draft goes out, and freeze it; the audience."""
        with self.database.unit() as session:
            dispatch.send(session, session.get_one(Issue, issue.id), actor="test", now=self.now)
        with self.database.unit() as session:
            return freezing.freeze(session, issue.id, self.here.links, now=self.now)

    def outgoing(self, newsletter: Newsletter, *emails: str) -> Issue:
        """A frozen issue to these readers, who are new."""
        for email in emails:
            self.reader(newsletter, email)
        issue = self.draft_issue(newsletter)
        self.freeze(issue)
        return issue

    def act(self, verb: Callable[..., object], issue: Issue) -> None:
        """`dispatch.pause`, `resume` or `cancel`."""
        with self.database.unit() as session:
            verb(session, session.get_one(Issue, issue.id), actor="test", now=self.now)

    def office(self) -> Office:
        """What a sending process works with; each has a gate of its own."""
        return Office(
            database=self.database,
            contents=self._contents,
            recipients=Recipients(self.here.links),
            gate=Gate(settings=self.here.settings, vault=self.here.vault, rng=self.rng),
            review=course.after_batch,
            journals=self.journals_at,
            clock=self.clock,
            rng=self.rng,
        )

    def hand(self, *, stopping: Callable[[], bool] = lambda: False) -> Hand:
        return Hand(self.office(), stopping=stopping)

    def deliver(self, mailer: Mailer) -> int:
        """Send what is due until nothing is; how many messages were tried."""
        return self.hand().deliver(mailer)

    def issue(self, issue: Issue) -> Issue:
        """The issue as it is now."""
        with self.database.reading() as session:
            return session.get_one(Issue, issue.id)

    def deliveries(self, issue: Issue) -> dict[str, Delivery]:
        """By address."""
        query = (
            select(Subscriber.email, Delivery)
            .join(Delivery, Delivery.subscriber_id == Subscriber.id)
            .where(Delivery.issue_id == issue.id)
            .order_by(Delivery.id)
        )
        with self.database.reading() as session:
            return dict(session.execute(query).all())

    def statuses(self, issue: Issue) -> dict[str, DeliveryStatus]:
        return {email: delivery.status for email, delivery in self.deliveries(issue).items()}

    def mails(self) -> list[TransactionalMail]:
        """Every transactional mail, the oldest first."""
        with self.database.reading() as session:
            return list(session.scalars(select(TransactionalMail).order_by(TransactionalMail.id)))
