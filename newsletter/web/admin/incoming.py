"""What comes back: bounces that wait for a person, mailboxes, addresses of providers, the listener, what came in."""

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from newsletter.accounts.permissions import Permission
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.delivery import bounces
from newsletter.feedback import fetching_mail, inbox, listening, mailboxes, queries, webhooks
from newsletter.feedback.mailboxes import MailboxValues
from newsletter.feedback.models import AfterReading, Protocol
from newsletter.feedback.providers import PROVIDERS
from newsletter.web.admin import guard, paging
from newsletter.web.admin.room import admin
from newsletter.web.admin.typed import whole_number
from newsletter.web.context import installation

Page = str | Response | tuple[str, int]
MANAGE = Permission.MANAGE_NEWSLETTERS
MOST_SHOWN = 200_000  # characters of a message


@admin.get("/incoming")
@guard.requires(MANAGE)
def incoming() -> str:
    return _page()


@admin.get("/incoming/mails/<int:inbound_id>")
@guard.requires(MANAGE)
def inbound_mail(inbound_id: int) -> str:
    """A message as it came, as text: nothing in it is believed or run."""
    with installation().database.reading() as session:
        found = queries.inbound(session, inbound_id)
    text = found.data[:MOST_SHOWN].decode("utf-8", "replace").replace("\0", "\ufffd")
    kept_until = found.received_at + inbox.KEPT
    return render_template("admin/inbound-mail.html", mail=found, text=text, kept_until=kept_until)


@admin.post("/incoming/held")
@guard.requires(MANAGE)
def decide_held() -> Response:
    """Believe the bounces of a domain that are held, or forget them."""
    domain, verb = request.form.get("domain", "").lower()[:255], request.form.get("verb", "")
    if not domain or verb not in ("apply", "discard"):
        raise NotFoundError(_("There is no such action."))
    decide = bounces.apply_held if verb == "apply" else bounces.discard_held
    with installation().database.unit() as session:
        count = decide(session, domain, by=guard.user().email, now=guard.now())
    if verb == "apply":
        flash(ngettext("%(num)s address is blocked now.", "%(num)s addresses are blocked now.", count))
    else:
        flash(ngettext("%(num)s reader gets the next issue.", "%(num)s readers get the next issue.", count))
    return redirect(url_for("admin.incoming", _anchor="held"), 303)


@admin.post("/incoming/mailboxes")
@guard.requires(MANAGE)
def add_mailbox() -> Page:
    here, values = installation(), _mailbox_sent(request.form.get("name", "").strip())
    try:
        with here.database.unit() as session:
            made = mailboxes.add(session, values, vault=here.vault, actor=guard.user().email, now=guard.now())
            mailbox_id = made.id
    except RefusedError as error:
        return _page(mailbox_problem=str(error)), 422
    flash(_("Added. It is read from now on; test the connection to be sure."))
    return redirect(url_for("admin.mailbox", mailbox_id=mailbox_id), 303)


@admin.get("/incoming/mailboxes/<int:mailbox_id>")
@guard.requires(MANAGE)
def mailbox(mailbox_id: int) -> str:
    return _mailbox_page(mailbox_id)


@admin.post("/incoming/mailboxes/<int:mailbox_id>")
@guard.requires(MANAGE)
def change_mailbox(mailbox_id: int) -> Page:
    here = installation()
    try:
        with here.database.unit() as session:
            found = mailboxes.by_id(session, mailbox_id)
            values = _mailbox_sent(found.name)
            mailboxes.change(session, found, values, vault=here.vault, actor=guard.user().email, now=guard.now())
    except RefusedError as error:
        with here.database.reading() as session:
            name = mailboxes.by_id(session, mailbox_id).name
        return _mailbox_page(mailbox_id, values=_mailbox_sent(name), problem=str(error)), 422
    flash(_("Saved. It is read in a moment."))
    return redirect(url_for("admin.mailbox", mailbox_id=mailbox_id), 303)


@admin.post("/incoming/mailboxes/<int:mailbox_id>/try")
@guard.requires(MANAGE)
def try_mailbox(mailbox_id: int) -> str:
    """Connect, log in and look for the folder; nothing is fetched."""
    here = installation()
    with here.database.reading() as session:
        found = mailboxes.by_id(session, mailbox_id)
    try:
        account = mailboxes.account_of(found, here.vault)
    except ValueError:
        text = _("Its password was locked under another NEWSLETTER_SECRET_KEY. Type it again.")
        return _mailbox_page(mailbox_id, tried=text)
    return _mailbox_page(mailbox_id, tried=fetching_mail.check(account), has_tried=True)


@admin.post("/incoming/mailboxes/<int:mailbox_id>/read")
@guard.requires(MANAGE)
def read_mailbox(mailbox_id: int) -> Response:
    with installation().database.unit() as session:
        mailboxes.ask(session, mailboxes.by_id(session, mailbox_id), now=guard.now())
    flash(_("It is read in a moment."))
    return redirect(url_for("admin.incoming", _anchor="mailboxes"), 303)


@admin.get("/incoming/mailboxes/<int:mailbox_id>/remove")
@guard.requires(MANAGE)
def ask_to_remove_mailbox(mailbox_id: int) -> str:
    with installation().database.reading() as session:
        found = mailboxes.by_id(session, mailbox_id)
    return render_template("admin/incoming-remove.html", name=found.name, mailbox=found, webhook=None)


@admin.post("/incoming/mailboxes/<int:mailbox_id>/remove")
@guard.requires(MANAGE)
def remove_mailbox(mailbox_id: int) -> Response:
    with installation().database.unit() as session:
        name = mailboxes.by_id(session, mailbox_id).name
        mailboxes.remove(session, name, actor=guard.user().email, now=guard.now())
    flash(_("%(name)s is removed.", name=name))
    return redirect(url_for("admin.incoming", _anchor="mailboxes"), 303)


@admin.post("/incoming/webhooks")
@guard.requires(MANAGE)
def add_webhook() -> Page:
    here = installation()
    provider, secret = request.form.get("provider", ""), request.form.get("secret", "").strip()
    try:
        with here.database.unit() as session:
            webhooks.add(session, provider, secret, vault=here.vault, actor=guard.user().email, now=guard.now())
    except RefusedError as error:
        return _page(webhook_problem=str(error)), 422
    flash(_("Made. Give its address to the provider."))
    return redirect(url_for("admin.incoming", _anchor="webhooks"), 303)


@admin.get("/incoming/webhooks/<int:webhook_id>/remove")
@guard.requires(MANAGE)
def ask_to_remove_webhook(webhook_id: int) -> str:
    here = installation()
    with here.database.reading() as session:
        found = {item.id: item for item in webhooks.all_webhooks(session, here.vault, here.links)}.get(webhook_id)
    if found is None:
        raise NotFoundError(_("There is no webhook of the number %(id)s.", id=webhook_id))
    return render_template("admin/incoming-remove.html", name=found.name, mailbox=None, webhook=found)


@admin.post("/incoming/webhooks/<int:webhook_id>/remove")
@guard.requires(MANAGE)
def remove_webhook(webhook_id: int) -> Response:
    with installation().database.unit() as session:
        webhooks.remove(session, webhook_id, actor=guard.user().email, now=guard.now())
    flash(_("Removed."))
    return redirect(url_for("admin.incoming", _anchor="webhooks"), 303)


def _page(*, mailbox_problem: str = "", webhook_problem: str = "") -> str:
    here = installation()
    where = here.settings.inbound
    listens = listening.answers(where) if where else False
    with here.database.reading() as session:
        reports = queries.lately(session, before=paging.before(), limit=paging.PER_PAGE + 1)
        return render_template(
            "admin/incoming.html",
            held=bounces.held(session),
            mailboxes=mailboxes.all_mailboxes(session),
            webhooks=webhooks.all_webhooks(session, here.vault, here.links),
            providers=[(slug, item.name, item.asks_for()) for slug, item in sorted(PROVIDERS.items())],
            where=where,
            listens=listens,
            unread=queries.unread(session),
            listing=paging.listing(reports, lambda report: report.id),
            values=_mailbox_sent(request.form.get("name", "")) if mailbox_problem else _usual(),
            provider=request.form.get("provider", ""),
            mailbox_problem=mailbox_problem,
            webhook_problem=webhook_problem,
            **_choices(),
        )


def _mailbox_page(
    mailbox_id: int,
    *,
    values: MailboxValues | None = None,
    problem: str = "",
    tried: str = "",
    has_tried: bool = False,
) -> str:
    with installation().database.reading() as session:
        found = mailboxes.by_id(session, mailbox_id)
    return render_template(
        "admin/mailbox.html",
        mailbox=found,
        values=values or mailboxes.values_of(found),
        problem_text=problem,
        tried=tried,
        has_tried=has_tried or bool(tried),
        **_choices(),
    )


def _choices() -> dict[str, list[tuple[str, str]]]:
    return {
        "protocols": [(Protocol.IMAP.value, "IMAP"), (Protocol.POP3.value, "POP3")],
        "protections": [
            ("tls", _("TLS from the start")),
            ("starttls", "STARTTLS"),
            ("none", _("None (in this house only)")),
        ],
        "afterwards": [
            (AfterReading.KEEP.value, _("stay in the mailbox")),
            (AfterReading.DELETE.value, _("are deleted there")),
        ],
    }


def _usual() -> MailboxValues:
    return MailboxValues(name="", protocol=Protocol.IMAP, host="", username="", password="")


def _mailbox_sent(name: str) -> MailboxValues:
    """What the form says; the password is in it, and no page is made of that."""
    given = request.form
    protocol, after = given.get("protocol", ""), given.get("after", "")
    return MailboxValues(
        name=name,
        protocol=Protocol(protocol) if protocol in set(Protocol) else Protocol.IMAP,
        host=given.get("host", "").strip(),
        username=given.get("username", "").strip(),
        password=given.get("password", ""),
        port=max(0, min(whole_number(given.get("port", ""), 0), 65535)),
        tls=given.get("tls", ""),
        folder=given.get("folder", "").strip() or "INBOX",
        after_reading=AfterReading(after) if after in set(AfterReading) else AfterReading.KEEP,
    )
