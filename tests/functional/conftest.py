"""A whole service on SQLite, spoken to as the world does: over HTTP and by reading the mail that arrives.

The workers' jobs run when a test says so, in this process, so that a test knows what has happened and what has not.
"""

import re
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from newsletter import migrations
from newsletter.accounts import rights, users
from newsletter.accounts.models import Role
from newsletter.accounts.permissions import Rights
from newsletter.articles.editing import add_article
from newsletter.articles.extract import from_markdown
from newsletter.articles.samples import load_samples
from newsletter.core.addresses import parse_address
from newsletter.core.clock import utc_now
from newsletter.core.database import open_database
from newsletter.core.installation import Installation, open_installation
from newsletter.core.settings import PREFIX, load_settings
from newsletter.core.tokens import Vault
from newsletter.delivery import engine
from newsletter.feeds import adding
from newsletter.issues import digest, dispatch
from newsletter.issues.models import Trigger
from newsletter.mail import mailbox
from newsletter.mail.mailbox import ParsedMessage
from newsletter.newsletters import queries as newsletters
from newsletter.newsletters import senders
from newsletter.newsletters.editing import NewsletterValues, create_newsletter
from newsletter.subscriptions import staff as subscribing
from newsletter.subscriptions.models import SubscriptionStatus
from newsletter.web.app import create_app
from newsletter.web.context import WebApp
from newsletter.web.metrics import Meters
from newsletter.web.public.following import set_up_following
from worker import letters, runtime
from worker.tasks import deliveries, issues, transactional

DOMAIN = "news.example"
SITE = f"http://{DOMAIN}"
SECRET = "a-secret-key-for-tests-that-is-long-enough"


@dataclass
class House:
    """One installation: pages, jobs, mail."""

    installation: Installation
    app: WebApp
    letters: Path  # what the relay took

    def reader(self, address: str = "203.0.113.7") -> FlaskClient:
        """A browser somewhere on the internet, with nothing kept from before."""
        client = self.app.test_client(use_cookies=True)
        client.environ_base["REMOTE_ADDR"] = address
        return client

    def work(self) -> None:
        """Run every job that waits, as the workers would."""
        transactional.sweep()
        with self.installation.database.reading() as session:
            waiting = dispatch.not_frozen(session)
        for issue_id in waiting:
            issues.freeze(issue_id)
        deliveries.send()

    def mails(self, to: str = "") -> list[ParsedMessage]:
        """What has arrived for an address, the oldest first."""
        found = mailbox.list_messages(self.letters, limit=1000)
        whole = [mailbox.read_message(self.letters, item.id) for item in reversed(found)]
        return [mail for mail in whole if mail and (not to or to in mail.stored.envelope_recipients)]

    def add_newsletter(self, slug: str, name: str, **values: str) -> None:
        with self.installation.database.unit() as session:
            given = {"from_address": f"{slug}@news.example", "timezone": "Africa/Lome"} | values
            create_newsletter(
                session, NewsletterValues(slug, name, **given), now=utc_now(), vault=self.installation.vault
            )

    def add_readers(self, slug: str, *names: str) -> None:
        """Active readers, `name@poste.example`."""
        with self.installation.database.unit() as session:
            for name in names:
                subscribing.add_subscriber(
                    session,
                    self.installation.signer,
                    newsletters.by_slug(session, slug),
                    parse_address(f"{name}@poste.example"),
                    name="",
                    status=SubscriptionStatus.ACTIVE,
                    proof="formulaire papier",
                    actor="test",
                    now=utc_now(),
                )

    def add_feed(self, url: str, *slugs: str, title: str = "") -> int:
        """A feed that nobody has read yet, taken by these newsletters; its number."""
        with self.installation.database.unit() as session:
            for slug in slugs:
                taker = newsletters.by_slug(session, slug).id
                feed, _joined = adding.note(
                    session, url, title=title, newsletter_id=taker, topic_id=None, now=utc_now()
                )
            return feed.id

    def send_digest(self, slug: str, *titles: str) -> int | None:
        """Compose and send what is new: the sample articles, or ones of these titles. The issue's number, if any."""
        texts = [from_markdown(f"# {title}\n\nUn paragraphe qui raconte la suite.\n") for title in titles]
        with self.installation.database.unit() as session:
            newsletter = newsletters.by_slug(session, slug)
            for draft in texts or [french for french, _english in load_samples()]:
                add_article(session, draft, newsletter_id=newsletter.id, topic_id=None, now=utc_now())
            issue = digest.compose(session, newsletter, trigger=Trigger.COMMAND, actor="test", now=utc_now())
            if issue is None:
                return None
            dispatch.send(session, issue, actor="test", now=utc_now())
            number = issue.number
        self.work()
        return number

    def staff_link(self, role: Role = Role.OWNER, email: str = "akouvi@news.example", only: str = "") -> str:
        """Path of a one-time link for a new member of staff, limited to the newsletter `only` if it is named."""
        with self.installation.database.unit() as session:
            user = users.create_user(session, email, role, language="fr", now=utc_now(), actor="test")
            if only:
                rights.give(session, user, Rights(None, {newsletters.by_slug(session, only).id: role}))
            return f"/admin/password/{users.make_password_link(session, user.id, now=utc_now())}"


def path_in(mail: ParsedMessage, kind: str) -> str:
    """The path of the first link of a kind ("confirm", "u", "p") in a mail's text."""
    found = re.search(rf"{re.escape(SITE)}(/{kind}/[\w-]+)", mail.text)
    assert found, f"no /{kind}/ link in {mail.text!r}"
    return found[1]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An up-to-date database, made once and copied for each test."""
    path = tmp_path_factory.mktemp("template") / "newsletter.db"
    database = open_database(f"sqlite:///{path}")
    migrations.upgrade(database.engine)
    with database.unit() as session:  # its RSA keys take longer to make than most tests
        senders.ensure_domain(session, DOMAIN, vault=Vault(SECRET), now=utc_now())
    database.dispose()  # closing the last connection folds the write-ahead log into the file
    return path


@pytest.fixture(scope="session")
def pages(empty_database: Path) -> WebApp:
    """The web application, put together and its templates compiled once; each test puts its installation behind it."""
    settings = load_settings(
        {PREFIX + "DATA_DIR": str(empty_database.parent), PREFIX + "BASE_URL": SITE, PREFIX + "SECRET_KEY": SECRET},
        env_file=None,
    )
    return create_app(settings)


@pytest.fixture
def house(tmp_path: Path, empty_database: Path, pages: WebApp, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """An installation with one French newsletter, `depeche`, and a relay that takes everything."""
    shutil.copy(empty_database, tmp_path / "newsletter.db")
    box = mailbox.serve(tmp_path / "letters", socket.create_server(("127.0.0.1", 0)))
    environment = {
        "DATA_DIR": str(tmp_path),
        "BASE_URL": SITE,
        "SMTP_URL": f"smtp://127.0.0.1:{box.port}",
        "SECRET_KEY": SECRET,
    }
    for name, value in environment.items():
        monkeypatch.setenv(PREFIX + name, value)
    settings = load_settings(env_file=None)
    installation = open_installation(settings)
    monkeypatch.setattr(runtime, "installation", lambda: installation)
    monkeypatch.setattr(engine, "LINGER", 0.0)  # nobody else posts while a test waits for the jobs
    letters.writers.cache_clear()
    runtime.office.cache_clear()
    pages.installation, pages.mailbox = installation, tmp_path / "letters"
    pages.extensions["meters"] = Meters(installation.database)
    set_up_following(pages)
    made = House(installation, pages, tmp_path / "letters")
    made.add_newsletter("depeche", "La Dépêche du soir", language="fr", publisher="Le Courrier du Zio")
    yield made
    installation.database.dispose()
    box.stop()
