"""The people of the stories. They do what people can do, and know what people can see."""

import re
from pathlib import Path
from typing import Any

from tests.support.service import Mail, Service
from tests.support.visitor import Page, Visitor

PASSWORD = "quatre mots faciles retenus"


class Reader:
    """Somebody with a browser and a mailbox."""

    def __init__(self, newsroom: "Newsroom", name: str, language: str = "fr") -> None:
        self.service = newsroom.service
        self.newsroom = newsroom
        self.email = f"{name}@lecteurs-{newsroom.slug}.example"
        self.browser = Visitor(language)

    @property
    def mails(self) -> list[Mail]:
        """Everything in the mailbox, the oldest first."""
        return self.service.mails(self.email)

    def wait_for_mail(self, number: int) -> Mail:
        """The first, second ... mail, when it has come."""
        return self.service.mail(self.email, number)

    def subscribe(self) -> Page:
        """Fill in the form and press its button."""
        form = self.browser.open(self.newsroom.form)
        button = "S’abonner" if "S’abonner" in form.words else "Subscribe"
        return form.press(button, email=self.email)

    def confirm(self) -> Page:
        """Open the link of the latest mail and press the one button."""
        page = self.browser.open(self.mails[-1].link("confirm"))
        button = "Oui, je m’abonne" if "Oui, je m’abonne" in page.words else "Yes, subscribe me"
        return page.press(button)

    def join(self) -> "Reader":
        """Subscribe and confirm."""
        before = len(self.mails)
        self.subscribe()
        self.wait_for_mail(before + 1)
        assert self.confirm().status == 200
        return self

    def leave_by_one_click(self, mail: Mail) -> Page:
        """What a mail program does when its unsubscribe button is pressed (RFC 8058)."""
        found = re.search(r"<(https?://[^>]+)>", str(mail.headers["List-Unsubscribe"]))
        assert found, mail.headers["List-Unsubscribe"]
        assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        return Visitor().post(found[1], **{"List-Unsubscribe": "One-Click"})


class Newsroom:
    """The people who make a newsletter, at the command line."""

    def __init__(self, service: Service, *, slug: str, directory: Path, schedule: str = "") -> None:
        self.service = service
        self.slug = slug
        self.directory = directory
        self.sender = f"redaction@{slug}.example"
        options = ("--name", "La Dépêche du soir", "--from", self.sender, "--timezone", "Africa/Lome")
        made = service.ask("newsletters", "create", slug, *options, *(("--schedule", schedule) if schedule else ()))
        self.form: str = made["form"]

    def sister(self, schedule: str) -> "Newsroom":
        """Another newsletter of theirs, which leaves by a cron expression."""
        return Newsroom(self.service, slug=f"{self.slug}-evening", directory=self.directory, schedule=schedule)

    def file_article(self, title: str, text: str) -> int:
        path = self.directory / f"{abs(hash(title))}.md"
        path.write_text(f"# {title}\n\n{text}\n\nLa suite paraît demain dans nos pages.\n", "utf-8")
        added = self.service.ask("articles", "add", str(path), "--newsletter", self.slug, "--language", "fr")
        return int(added["id"])

    def reader(self, name: str, language: str = "fr") -> Reader:
        return Reader(self, name, language)

    def import_readers(self, count: int) -> list[Reader]:
        """Readers who agreed on paper."""
        readers = [self.reader(f"reader{number}") for number in range(count)]
        path = self.directory / "readers.csv"
        path.write_text("email\n" + "".join(f"{reader.email}\n" for reader in readers))
        report = self.service.ask("subscribers", "import", str(path), "--newsletter", self.slug, "--status", "active")
        assert report["added"] == count
        return readers

    def send_digest(self) -> dict[str, Any]:
        """`newsletter digest send`, as cron calls it."""
        answer: dict[str, Any] = self.service.ask("digest", "send", self.slug)
        return answer

    def issues(self) -> list[dict[str, Any]]:
        """All issues, the newest first."""
        found: list[dict[str, Any]] = self.service.ask("issues", "list", "--newsletter", self.slug)
        return found

    def issue(self, number: int) -> dict[str, Any]:
        found: dict[str, Any] = self.service.ask("issues", "show", str(number))
        return found

    def wait_until(self, issue: int, status: str) -> dict[str, Any]:
        """The issue, once it has this status; its counts then add up."""

        def look() -> dict[str, Any] | None:
            found = self.issue(issue)
            return found if found["status"] == status else None

        found = self.service.eventually(look)
        assert found is not None
        assert sum(found["deliveries"].values()) == found["audience"]
        return found


class Admin:
    """A member of staff at a browser."""

    def __init__(self, newsroom: Newsroom, role: str = "editor") -> None:
        self.newsroom = newsroom
        self.service = newsroom.service
        self.email = f"{role}@{newsroom.slug}.example"
        self.browser = Visitor("fr")
        made = self.service.ask("users", "create", self.email, "--role", role, "--language", "fr")
        page = self.browser.open(made["link"])
        self.desk = page.press("Enregistrer et entrer", password=PASSWORD)

    def open(self, path: str) -> Page:
        return self.browser.open(self.service.url + path)

    def compose(self) -> Page:
        """Press the button that makes an issue of what is new; the composer."""
        return self.open(f"/admin/newsletters/{self.newsroom.slug}/issues").press("Composer un numéro")

    def send(self, composer: Page) -> Page:
        """From the composer, over the question, to the live page."""
        question = composer.press("Envoyer…")
        label = re.search(r"Envoyer à \d+ lecteurs?", question.words)
        assert label, question.words
        return question.press(label[0])

    def progress(self, live: Page) -> dict[str, int]:
        """The figures of the live page, read again: state in French to number."""
        words = self.browser.open(live.url).words
        states = ("en attente", "en cours d’envoi", "envoyé", "différé", "échoué", "incertain", "écarté")
        table = words.partition("Par état")[2]
        found = {}
        for state in states:
            row = re.search(rf"{state} (\d+)", table, re.IGNORECASE)
            assert row, table
            found[state] = int(row[1])
        return found
