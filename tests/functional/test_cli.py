"""The `newsletter` command as a person or a script meets it: answers, refusals in one sentence, exit codes."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from newsletter.cli import main as command
from newsletter.core import settings

DONE, REFUSED, WRONG_USAGE = 0, 1, 2
GROUPS = (
    "db",
    "users",
    "newsletters",
    "topics",
    "schedules",
    "articles",
    "feeds",
    "subscribers",
    "digest",
    "issues",
    "bounces",
    "mailboxes",
    "webhooks",
    "suppressions",
    "domains",
    "relays",
)
ALONE = ("up", "web", "worker", "beat", "inbound", "doctor")
RANDOM = bytes(range(256)) * 40
LONG = "x" * 10_000
STORY = """# Le pont rouvre

Le pont sur le Zio rouvre lundi après six mois de travaux. Les camions y passeront dès le matin.

Les riverains demandent un éclairage. La mairie promet une réponse avant la fin du mois.
"""
LANGUAGE_NAMES = ("LC_ALL", "LC_MESSAGES", "LANG")


@dataclass(frozen=True)
class Answer:
    """What a call printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


Call = Callable[..., Answer]


@pytest.fixture
def newsletter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Calls the command on an installation of its own, in English, with the current directory in `tmp_path`."""
    for name in [name for name in os.environ if name.startswith(settings.PREFIX)]:
        monkeypatch.delenv(name)
    for name in LANGUAGE_NAMES:
        monkeypatch.setenv(name, "en_GB.UTF-8")
    monkeypatch.setenv("NEWSLETTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str | Path) -> Answer:
        monkeypatch.setattr(sys, "argv", ["newsletter", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            command.main()
        printed = capfd.readouterr()
        assert "Traceback" not in printed.err + printed.out
        return Answer(int(left.value.code or 0), printed.out, printed.err)

    return call


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with `data/`, whose database has the newsletter `evening`, and `story.md`; copied for each test."""
    place = tmp_path_factory.mktemp("prepared")
    (place / "story.md").write_text(STORY, "utf-8")
    for arguments in (
        ("db", "upgrade"),
        ("newsletters", "create", "evening", "--name", "Le Soir", "--from", "soir@news.example"),
    ):
        done = program(place, *arguments)
        assert done.returncode == DONE, done.stderr
    return place


@pytest.fixture
def evening(newsletter: Call, prepared: Path, tmp_path: Path) -> Call:
    """The same, with the newsletter `evening` in its database, and `story.md` beside."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    return newsletter


def refuses(answer: Answer, *words: str) -> None:
    """One sentence on standard error, nothing on standard output, exit code 1."""
    assert (answer.code, answer.out) == (REFUSED, "")
    assert len(answer.err.strip().splitlines()) == 1
    assert "Something went wrong" not in answer.err
    for word in words:
        assert word in answer.err


# Help


def test_help_lists_every_command(newsletter: Call) -> None:
    answer = newsletter("--help")
    assert answer.code == DONE
    for name in (*GROUPS, *ALONE):
        assert f"\n  {name} " in answer.out


@pytest.mark.parametrize("name", [*GROUPS, *ALONE])
def test_every_command_explains_itself(newsletter: Call, name: str) -> None:
    answer = newsletter(name, "--help")
    assert answer.code == DONE
    assert answer.out.startswith("Usage: ")


def test_the_version_is_told(newsletter: Call) -> None:
    assert newsletter("--version").out.startswith("newsletter, version 0.")


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate",),
        ("newsletters", "create"),
        ("issues", "show", "seven"),
        ("issues", "show", "9" * 30),
        ("articles", "list", "--newsletter", "x", "--limit", "0"),
        ("users", "create", "a@b.example", "--role", "king"),
        ("subscribers", "import", "x.csv", "--newsletter", "x", "--status", "ended"),
        ("articles", "add", "x", "--newsletter", "x", "--published", "soon"),
        ("worker", "slow"),
        ("newsletters", "list", "--frobnicate"),
    ],
    ids=" ".join,
)
def test_wrong_usage_leaves_with_two_and_names_the_help(newsletter: Call, arguments: tuple[str, ...]) -> None:
    answer = newsletter(*arguments)
    assert answer.code == WRONG_USAGE
    assert "--help" in answer.err


# Settings and database


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("DATABASE_URL", "mysql://db.example/x"),
        ("DATABASE_URL", "postgresql://[broken"),
        ("BROKER_URL", "redis://broker.example:many/0"),
        ("SMTP_URL", "http://relay.example"),
        ("SMTP_URL", "smtp://relay.example:many"),
        ("BASE_URL", "news.example"),
        ("SECRET_KEY", "short"),
        ("FETCH_ALLOW", "10.0.0.0/99"),
        ("TRUSTED_PROXIES", "-1"),
        ("LOG_LEVEL", "loud"),
    ],
)
@pytest.mark.parametrize("command_line", [("newsletters", "list"), ("up",), ("web",), ("worker",), ("beat",)])
def test_a_setting_that_makes_no_sense_is_named(
    newsletter: Call, monkeypatch: pytest.MonkeyPatch, name: str, value: str, command_line: tuple[str, ...]
) -> None:
    monkeypatch.setenv(f"NEWSLETTER_{name}", value)
    refuses(newsletter(*command_line), f"NEWSLETTER_{name}")


def test_a_setting_of_the_environment_wins_over_the_file(
    newsletter: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("NEWSLETTER_PORT=from-the-file\n")
    refuses(newsletter("newsletters", "list"), "NEWSLETTER_PORT")
    monkeypatch.setenv("NEWSLETTER_PORT", "8010")
    newsletter("db", "upgrade")
    assert newsletter("newsletters", "list").code == DONE


def test_an_unreadable_env_file_is_named(newsletter: Call, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe=\x00")
    refuses(newsletter("newsletters", "list"), ".env")


def test_a_data_directory_that_is_a_file_is_refused(
    newsletter: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NEWSLETTER_DATA_DIR", str(tmp_path / "file"))
    refuses(newsletter("newsletters", "list"), "NEWSLETTER_DATA_DIR")


@pytest.mark.parametrize(
    "url", ["postgresql://reader:a-secret@127.0.0.1:9/x", "sqlite:////no/such/place.db", "sqlite:///junk.db"]
)
def test_a_database_that_cannot_be_used_is_named_without_its_password(
    newsletter: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    (tmp_path / "junk.db").write_bytes(RANDOM)
    monkeypatch.setenv("NEWSLETTER_DATABASE_URL", url)
    answer = newsletter("newsletters", "list")
    refuses(answer, "NEWSLETTER_DATABASE_URL")
    assert "a-secret" not in answer.err


def test_an_empty_database_is_upgraded_by_one_command(newsletter: Call) -> None:
    refuses(newsletter("newsletters", "list"), "newsletter db upgrade")
    refuses(newsletter("db", "check"), "newsletter db upgrade")
    assert newsletter("db", "upgrade").code == DONE
    assert newsletter("db", "upgrade").code == DONE
    assert newsletter("db", "check").code == DONE


def test_what_is_made_is_for_its_owner_only(evening: Call, tmp_path: Path) -> None:
    for name in ("", "secret.key", "newsletter.db"):
        assert (tmp_path / "data" / name).stat().st_mode & 0o077 == 0, name


def test_sentences_are_french_for_the_french(evening: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LANGUAGE_NAMES:
        monkeypatch.setenv(name, "fr_FR.UTF-8")
    refuses(evening("issues", "show", "77"), "Ce numéro n’existe pas.")


# Newsletters and users


def test_a_newsletter_is_made_and_listed(evening: Call) -> None:
    listed = evening("newsletters", "list", "--json").data
    assert [item["slug"] for item in listed] == ["evening"]
    assert listed[0]["form"].endswith("/n/evening")
    assert "Le Soir" in evening("newsletters", "list").out


def test_a_second_newsletter_of_that_name_is_refused(evening: Call) -> None:
    refuses(evening("newsletters", "create", "evening", "--name", "X", "--from", "x@news.example"), "evening")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--name", LONG),
        ("--name", "Le Soir\nBcc: everyone@example.org"),
        ("--name", "Le \u202eriaS"),
        ("--name", " "),
        ("--from", "no address"),
        ("--from", "x" * 400 + "@news.example"),
        ("--from", "soir@news.example\r\nBcc: everyone@example.org"),
        ("--reply-to", "x@y@z"),
        ("--timezone", "Mars/Olympus"),
        ("--schedule", "every evening"),
        ("--schedule", "* * * * *"),
        ("--schedule", "0 0 31 2 *"),
        ("--publisher", "A\x00B"),
        ("--description", LONG),
        ("--postal-address", LONG),
    ],
)
def test_values_of_a_newsletter_that_make_no_sense_are_refused(evening: Call, option: str, value: str) -> None:
    values = {"--name": "Le Matin", "--from": "matin@news.example"} | {option: value}
    refuses(evening("newsletters", "create", "matin", *(part for pair in values.items() for part in pair)))
    assert len(evening("newsletters", "list", "--json").data) == 1


@pytest.mark.parametrize("slug", ["Le Soir", "a_b", "-", "é", LONG, "..", "a/b"])
def test_a_short_name_has_letters_digits_and_hyphens(evening: Call, slug: str) -> None:
    refuses(evening("newsletters", "create", "--name", "X", "--from", "x@news.example", "--", slug))


@pytest.mark.parametrize(
    "arguments",
    [
        ("articles", "list", "--newsletter", "nope"),
        ("articles", "add", "story.md", "--newsletter", "nope"),
        ("digest", "send", "nope"),
        ("digest", "preview", "nope"),
        ("issues", "list", "--newsletter", "nope"),
        ("subscribers", "export", "--newsletter", "nope"),
    ],
    ids=" ".join,
)
def test_an_unknown_newsletter_is_named(evening: Call, arguments: tuple[str, ...]) -> None:
    refuses(evening(*arguments), "nope")


def test_a_member_of_staff_gets_a_link_once(evening: Call) -> None:
    made = evening("users", "create", "Ama@news.example", "--role", "editor", "--json").data
    assert "/admin/password/" in made["link"]
    refuses(evening("users", "create", "ama@news.example", "--role", "editor"), "ama@news.example")
    assert evening("users", "link", "ama@news.example").out.strip() != made["link"]
    refuses(evening("users", "link", "nobody@news.example"), "nobody@news.example")
    refuses(evening("users", "create", "nonsense", "--role", "editor"))


def test_people_are_limited_closed_and_listed_by_command(evening: Call) -> None:
    evening("users", "create", "ama@news.example", "--role", "owner")
    evening("users", "create", "afi@news.example", "--role", "editor")
    limited = evening("users", "rights", "afi@news.example", "evening=author", "--json").data
    assert (limited["role"], limited["newsletters"]) == (None, {"evening": "author"})
    refuses(evening("users", "rights", "afi@news.example", "evening=owner"), "evening=owner")
    refuses(evening("users", "rights", "afi@news.example", "nowhere=author"), "nowhere")
    assert evening("users", "role", "afi@news.example", "analyst", "--json").data["role"] == "analyst"
    assert evening("users", "disable", "afi@news.example", "--json").data["state"] == "disabled"
    refuses(evening("users", "invite", "afi@news.example"))
    assert evening("users", "enable", "afi@news.example", "--json").data["state"] == "invited"
    assert "afi@news.example" in evening("users", "invite", "afi@news.example").out
    for wrong in (("role", "ama@news.example", "editor"), ("disable", "ama@news.example")):
        refuses(evening("users", *wrong))
    refuses(evening("users", "role", "nobody@news.example", "editor"), "nobody@news.example")
    listed = {person["email"]: person["state"] for person in evening("users", "list", "--json").data}
    assert listed == {"afi@news.example": "invited", "ama@news.example": "invited"}


def test_an_invitation_by_command_asks_for_a_role_in_one_way(evening: Call) -> None:
    refuses(evening("users", "invite", "afi@news.example"))
    refuses(evening("users", "invite", "afi@news.example", "--role", "editor", "--newsletter", "evening=author"))
    made = evening("users", "invite", "afi@news.example", "--newsletter", "evening=author", "--json").data
    assert made["newsletters"] == {"evening": "author"}
    refuses(evening("users", "invite", "afi@news.example", "--role", "owner"), "afi@news.example")


# Articles


def test_an_article_is_taken_from_a_markdown_file_once(evening: Call) -> None:
    added = evening("articles", "add", "story.md", "--newsletter", "evening", "--json").data
    assert (added["title"], added["language"], added["created"]) == ("Le pont rouvre", "fr", True)
    assert added["summary"].startswith("Le pont sur le Zio rouvre lundi")
    again = evening("articles", "add", "story.md", "--newsletter", "evening", "--json").data
    assert (again["id"], again["created"]) == (added["id"], False)
    listed = evening("articles", "list", "--newsletter", "evening", "--json").data
    assert [item["title"] for item in listed] == ["Le pont rouvre"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("story.txt", "Le marché rouvre\n\nLe café est revenu à l’étal dès mardi matin.".encode("cp1252")),
        ("story.txt", "Le marché rouvre\n\nLe café est revenu à l’étal dès mardi matin.".encode("utf-16")),
        ("story.html", "<h1>Le marché rouvre</h1><p>Le café est revenu à l’étal dès mardi matin.</p>".encode()),
    ],
)
def test_text_is_read_in_the_encoding_it_has(evening: Call, tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    added = evening("articles", "add", name, "--newsletter", "evening", "--json").data
    assert added["title"] == "Le marché rouvre"
    assert "Le café est revenu" in added["text"]


@pytest.mark.parametrize("data", [RANDOM, b"%PDF-1.7 ...", b"\x89PNG\r\n\x1a\n", b"", b" \n\t\n", b"\0" * 100])
@pytest.mark.parametrize("name", ["story.txt", "story.md", "story.html", "story"])
def test_what_is_no_text_is_no_article(evening: Call, tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    refuses(evening("articles", "add", name, "--newsletter", "evening"))
    assert evening("articles", "list", "--newsletter", "evening", "--json").data == []


@pytest.mark.parametrize("name", ["story.md", "story.html"])
def test_a_page_of_nothing_but_script_is_no_article(evening: Call, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"<script>alert(1)</script>")
    refuses(evening("articles", "add", name, "--newsletter", "evening"))


@pytest.mark.parametrize("source", ["missing.md", ".", LONG, "ftp://example.org/story"])
def test_a_source_that_cannot_be_read_is_refused(evening: Call, source: str) -> None:
    refuses(evening("articles", "add", source, "--newsletter", "evening"))


def test_a_file_that_is_too_large_is_refused(evening: Call, tmp_path: Path) -> None:
    (tmp_path / "large.txt").write_bytes(b"long story\n" * 500_000)
    refuses(evening("articles", "add", "large.txt", "--newsletter", "evening"), "5 MB")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9/",
        "http://localhost/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://[::ffff:127.0.0.1]/",
        "http://user:a-secret@127.0.0.1/",
        "http://",
        "https://[",
        "http://" + LONG,
    ],
)
def test_an_address_inside_our_network_is_not_read(evening: Call, url: str) -> None:
    answer = evening("articles", "add", url, "--newsletter", "evening")
    refuses(answer)
    assert "a-secret" not in answer.err


def test_a_translation_names_an_article_that_exists(evening: Call) -> None:
    refuses(evening("articles", "add", "story.md", "--newsletter", "evening", "--translation-of", "99"))
    assert evening("articles", "list", "--newsletter", "evening", "--json").data == []


# Subscribers


def import_csv(evening: Call, path: Path, data: bytes, status: str = "active") -> Answer:
    path.write_bytes(data)
    return evening("subscribers", "import", path, "--newsletter", "evening", "--status", status, "--json")


def test_readers_are_imported_once_and_bad_rows_are_told(evening: Call, tmp_path: Path) -> None:
    rows = b"email,name,city\nkofi@readers.example,Kofi,Lome\nno address,X,Y\nama@readers.example,Ama,\n"
    first = import_csv(evening, tmp_path / "readers.csv", rows).data
    assert (first["added"], first["bad"]) == (2, 1)
    assert [item["line"] for item in first["errors"]] == [3]
    second = import_csv(evening, tmp_path / "readers.csv", rows).data
    assert (second["added"], second["known"]) == (0, 2)


def test_a_spreadsheet_of_a_french_windows_is_understood(evening: Call, tmp_path: Path) -> None:
    rows = "Email;Name\r\nakossiwa@readers.example;Akossiwa Méthé\r\n".encode("cp1252")
    assert import_csv(evening, tmp_path / "readers.csv", rows).data["added"] == 1
    shown = evening("subscribers", "show", "AKOSSIWA@readers.example", "--json").data
    assert shown["name"] == "Akossiwa Méthé"
    assert [item["status"] for item in shown["subscriptions"]] == ["active"]
    assert [event["kind"] for event in shown["consent"]] == ["imported"]


@pytest.mark.parametrize(
    "data",
    [
        RANDOM,
        RANDOM[128:],
        b"",
        b"\n\n",
        b"name\nKofi\n",
        b"\xff\xfee\x00m\x00a\x00i\x00l\x00\n\x00",
        b"PK\x03\x04" + RANDOM,
    ],
)
def test_what_is_no_list_of_readers_is_refused(evening: Call, tmp_path: Path, data: bytes) -> None:
    refuses(import_csv(evening, tmp_path / "readers.csv", data))


@pytest.mark.parametrize(
    "row",
    [
        "x" * 400 + "@readers.example",
        "a@b@c.example",
        "a\tb@readers.example",
        "a\0b@readers.example",
        '"a@readers.example\nBcc: x@y.example"',
        "a@\u202ereaders.example",
        "a@" + "b" * 300 + ".example",
    ],
)
def test_an_address_that_cannot_be_is_told_and_left_out(evening: Call, tmp_path: Path, row: str) -> None:
    rows = f"email,name\n{row},Nobody\nkofi@readers.example,Kofi\n".encode()
    report = import_csv(evening, tmp_path / "readers.csv", rows).data
    assert (report["added"], report["bad"]) == (1, 1)


def test_a_file_that_turns_binary_half_way_keeps_what_came_before(evening: Call, tmp_path: Path) -> None:
    rows = b"email,name\n" + b"".join(b"r%d@readers.example,R\n" % number for number in range(3)) + b"\x81\x8d\x8f,x\n"
    report = import_csv(evening, tmp_path / "readers.csv", rows)
    assert report.code in (DONE, REFUSED)
    assert "Something went wrong" not in report.err


def test_readers_are_exported_as_csv_that_can_be_imported(evening: Call, tmp_path: Path) -> None:
    import_csv(evening, tmp_path / "in.csv", b'email,name\nkofi@readers.example,"Kofi, ""le grand"""\n')
    exported = evening("subscribers", "export", "--newsletter", "evening", "--status", "active").out
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert [(row["email"], row["name"]) for row in rows] == [("kofi@readers.example", 'Kofi, "le grand"')]
    assert import_csv(evening, tmp_path / "out.csv", exported.encode()).data["known"] == 1


@pytest.mark.parametrize("email", ["nobody@readers.example", "nonsense", LONG, "", "a\0b@readers.example"])
def test_an_unknown_reader_is_not_shown(evening: Call, email: str) -> None:
    refuses(evening("subscribers", "show", email))


# Digests and issues


def test_nothing_new_is_said_and_is_no_failure(evening: Call) -> None:
    answer = evening("digest", "send", "evening")
    assert (answer.code, answer.out) == (DONE, "Nothing new: nothing was sent.\n")
    assert evening("digest", "send", "evening", "--json").data == {"issue": None, "sent": False}
    assert evening("digest", "preview", "evening", "--json").data["articles"] == []


def test_a_digest_is_looked_at_without_being_made(evening: Call) -> None:
    evening("articles", "add", "story.md", "--newsletter", "evening")
    shown = evening("digest", "preview", "evening", "--json").data
    assert shown["subject"] == "Le pont rouvre"
    assert "Le pont sur le Zio" in shown["text"]
    assert "Le pont sur le Zio" in shown["html"]
    assert evening("digest", "preview", "evening", "--html").out.startswith("<!doctype html>")
    assert evening("digest", "preview", "evening", "--at", "2020-01-01", "--json").data["articles"] == []
    refuses(evening("digest", "preview", "evening", "--as", "nobody@readers.example"), "nobody@readers.example")
    assert evening("issues", "list", "--json").data == []


def test_a_digest_is_looked_at_as_a_reader_gets_it(evening: Call, tmp_path: Path) -> None:
    evening("articles", "add", "story.md", "--newsletter", "evening")
    import_csv(evening, tmp_path / "readers.csv", b"email,name\nkofi@readers.example,Kofi\n")
    shown = evening("digest", "preview", "evening", "--as", "kofi@readers.example", "--json").data
    assert "/u/" in shown["text"]
    assert "/p/" in shown["html"]
    assert "@@" not in shown["text"] + shown["html"]
    import_csv(evening, tmp_path / "more.csv", b"email\nafi@readers.example\n", "pending")
    refuses(evening("digest", "preview", "evening", "--as", "afi@readers.example"), "afi@readers.example")


def test_an_issue_is_made_once_and_waits_while_no_worker_runs(evening: Call) -> None:
    evening("articles", "add", "story.md", "--newsletter", "evening")
    made = evening("digest", "send", "evening", "--json").data
    assert (made["number"], made["articles"], made["sent"]) == (1, 1, True)
    assert evening("digest", "send", "evening", "--json").data["sent"] is False
    shown = evening("issues", "show", str(made["issue"]), "--json").data
    assert shown["status"] == "sending"
    assert set(shown["deliveries"]) == {"queued", "sending", "sent", "deferred", "failed", "unknown", "skipped"}
    assert [item["id"] for item in evening("issues", "list", "--newsletter", "evening", "--json").data] == [
        made["issue"]
    ]


def test_an_issue_is_paused_resumed_and_cancelled(evening: Call) -> None:
    evening("articles", "add", "story.md", "--newsletter", "evening")
    issue = str(evening("digest", "send", "evening", "--json").data["issue"])
    refuses(evening("issues", "resume", issue))
    assert evening("issues", "pause", issue, "--json").data["status"] == "paused"
    refuses(evening("issues", "pause", issue))
    assert evening("issues", "resume", issue, "--json").data["status"] == "sending"
    assert evening("issues", "cancel", issue, "--json").data["status"] == "cancelled"
    refuses(evening("issues", "cancel", issue))
    refuses(evening("issues", "resume", issue))
    assert evening("digest", "send", "evening", "--json").data["number"] == 2  # its article is free again


@pytest.mark.parametrize("verb", ["show", "pause", "resume", "cancel"])
def test_an_issue_that_does_not_exist_is_refused(evening: Call, verb: str) -> None:
    refuses(evening("issues", verb, "77"))


# Doctor


def test_the_doctor_says_what_is_missing_and_prints_the_records_to_publish(evening: Call) -> None:
    answer = evening("doctor", "--json")
    assert answer.code == REFUSED
    checks = {item["check"]: item for item in answer.data["checks"]}
    assert checks["database"]["ok"]
    assert not checks["broker"]["ok"]
    assert "NEWSLETTER_SMTP_URL" in checks["relay"]["problem"]
    domain = answer.data["domains"][0]
    assert domain["domain"] == "news.example"
    assert [record["purpose"] for record in domain["records"]] == ["dkim", "dkim", "spf", "bounces", "dmarc"]
    spoken = evening("doctor")
    assert "✗ broker" in spoken.out
    assert "_domainkey.news.example. IN TXT" in spoken.out


# As a program among others


def program(tmp_path: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own, as a shell would start it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(settings.PREFIX)}
    environment |= {"NEWSLETTER_DATA_DIR": str(tmp_path / "data"), "LC_ALL": "C.UTF-8"}
    run = [sys.executable, "-m", "newsletter.cli.main", *arguments]
    environment["PYTHONPATH"] = str(Path(command.__file__).parents[2])
    return subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, timeout=60, check=False, **options)


def test_an_article_is_taken_from_standard_input(evening: Call, tmp_path: Path) -> None:
    done = program(tmp_path, "articles", "add", "-", "--newsletter", "evening", "--json", input=STORY.encode())
    assert json.loads(done.stdout)["title"] == "Le pont rouvre"


def test_standard_input_that_is_no_text_is_refused(evening: Call, tmp_path: Path) -> None:
    done = program(tmp_path, "articles", "add", "-", "--newsletter", "evening", input=RANDOM)
    assert (done.returncode, done.stdout) == (REFUSED, b"")
    assert b"Traceback" not in done.stderr


def test_an_argument_that_is_not_utf8_is_refused(evening: Call, tmp_path: Path) -> None:
    run = program(tmp_path, "newsletters", "create", "x", "--from", "x@news.example", "--name", os.fsdecode(b"caf\xe9"))
    assert run.returncode == REFUSED
    assert b"Traceback" not in run.stderr
    assert b"Something went wrong" not in run.stderr


def test_a_reader_of_the_output_who_leaves_early_is_no_failure(evening: Call, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**os.environ, "PYTHONPATH": str(Path(command.__file__).parents[2])}
    run = [sys.executable, "-m", "newsletter.cli.main", "newsletters", "list", "--json"]
    done = subprocess.run(
        run, cwd=tmp_path, env=environment, stdout=writing, stderr=subprocess.PIPE, check=False, timeout=60
    )
    os.close(writing)
    assert done.stderr == b""


# Rules and readers' choices


def test_rules_and_choices_decide_what_a_preview_shows_and_why(evening: Call, tmp_path: Path) -> None:
    for number, topic in ((1, "Sport"), (2, "Culture")):
        story = tmp_path / f"{number}.md"
        story.write_text(f"---\ntitle: Story {number}\ntopic: {topic}\nauthor: Ama\n---\nText {number}.\n", "utf-8")
        assert evening("articles", "add", story, "--newsletter", "evening").code == DONE
    (tmp_path / "readers.csv").write_text("email\nkofi@readers.example\n", "utf-8")
    evening("subscribers", "import", tmp_path / "readers.csv", "--newsletter", "evening", "--status", "active")
    kofi = ("kofi@readers.example", "--newsletter", "evening")
    chosen = evening(
        "subscribers", "prefer", *kofi, "--topic", "sport", "--edition", "text", "--hour", "7", "--json"
    ).data
    assert (chosen["topics"], chosen["edition"], chosen["hour"]) == (["sport"], "text", 7)
    shown = evening("digest", "preview", "evening", "--as", kofi[0], "--json").data
    assert [item["title"] for item in shown["articles"]] == ["Story 1"]
    assert shown["html"] == ""
    assert (
        "Out: this reader did not choose its topic"
        in evening("digest", "preview", "evening", "--as", kofi[0], "--why").out
    )
    (tmp_path / "rules.json").write_text('{"per_author": 1}', "utf-8")
    assert evening("digest", "rules", "evening", "--set", tmp_path / "rules.json", "--json").data["per_author"] == 1
    sent = evening("digest", "send", "evening", "--json").data
    told = evening("digest", "trace", str(sent["issue"]), "--json").data
    assert [item["verdict"] for item in told] == ["in", "later"]
    assert evening("digest", "rules", "evening", "--default", "--json").data["per_author"] is None


def test_a_digest_with_too_little_news_is_held_where_the_rules_say_so(evening: Call, tmp_path: Path) -> None:
    (tmp_path / "rules.json").write_text('{"minimum": 2, "too_little": "hold"}', "utf-8")
    evening("digest", "rules", "evening", "--set", tmp_path / "rules.json")
    evening("articles", "add", tmp_path / "story.md", "--newsletter", "evening")
    answer = evening("digest", "send", "evening", "--json")
    assert (answer.code, answer.data["sent"]) == (DONE, False)
    assert evening("issues", "show", str(answer.data["issue"]), "--json").data["status"] == "draft"


def test_rules_and_choices_that_make_no_sense_are_refused(evening: Call, tmp_path: Path) -> None:
    for text, word in (("[", "JSON"), ("[]", "object"), ('{"colour": 1}', "colour"), ('{"max_items": 0}', "max_items")):
        (tmp_path / "rules.json").write_text(text, "utf-8")
        refuses(evening("digest", "rules", "evening", "--set", tmp_path / "rules.json"), word)
    (tmp_path / "readers.csv").write_text("email\nkofi@readers.example\n", "utf-8")
    evening("subscribers", "import", tmp_path / "readers.csv", "--newsletter", "evening", "--status", "active")
    kofi = ("subscribers", "prefer", "kofi@readers.example", "--newsletter", "evening")
    refuses(evening(*kofi, "--topic", "nope"), "nope")
    refuses(evening(*kofi, "--hour", "24"), "0 to 23")
    refuses(evening(*kofi, "--hour", "7", "--timezone", "Mars/Olympus"), "Mars/Olympus")
    refuses(evening("subscribers", "prefer", "afi@readers.example", "--newsletter", "evening"), "afi@readers.example")
    refuses(evening("digest", "trace", "99"), "exist")


def test_topics_and_what_a_reader_decided_and_was_sent_are_told(evening: Call, tmp_path: Path) -> None:
    here = ("--newsletter", "evening")
    assert evening("topics", "add", "sport", "Sport", *here).code == DONE
    refuses(evening("topics", "add", "sport", "Sport", *here), "sport")
    assert evening("topics", "rename", "sport", "Sports", *here, "--json").data["name"] == "Sports"
    assert evening("topics", "list", *here, "--json").data == [{"slug": "sport", "name": "Sports"}]
    evening("topics", "add", "town", "Town", *here)
    (tmp_path / "readers.csv").write_text("email,topics,breaking\nkofi@readers.example,sport,no\n", "utf-8")
    evening("subscribers", "import", tmp_path / "readers.csv", *here, "--status", "active")
    [shown] = evening("subscribers", "show", "kofi@readers.example", "--json").data["subscriptions"]
    assert (shown["topics"], shown["cadence"], shown["breaking"]) == (["sport"], "main", False)
    assert shown["paused_until"] is None
    gone = evening("topics", "remove", "sport", *here, "--json").data
    assert gone["readers_with_everything_now"] == 1
    [shown] = evening("subscribers", "show", "kofi@readers.example", "--json").data["subscriptions"]
    assert shown["topics"] is None
    assert evening("subscribers", "sent", "kofi@readers.example", "--json").data == []
    assert evening("articles", "readers", "1", "--json").data == []
    refuses(evening("subscribers", "prefer", "kofi@readers.example", *here, "--cadence", "hourly"), "hourly")
    kept = evening("subscribers", "prefer", "kofi@readers.example", *here, "--cadence", "main", "--json")
    assert kept.data["cadence"] == "main"


def test_what_a_digest_waits_for_is_set_by_the_words_of_the_manual(evening: Call) -> None:
    said = evening("newsletters", "change", "evening", "--review", "hold", "--too-late", "skip", "--json").data
    assert (said["review"], said["too_late"]) == ("hold", "skip")
