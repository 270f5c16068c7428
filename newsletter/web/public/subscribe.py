"""The sign-up form and its answer, which is the same for every address that can be written to."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter, sleep
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, current_app, jsonify, make_response, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from newsletter.core import ratelimit
from newsletter.core.addresses import Address, AddressError, parse_address
from newsletter.core.clock import utc_now
from newsletter.core.errors import NotFoundError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.issues import archive
from newsletter.newsletters import form_changes, queries
from newsletter.newsletters.models import Newsletter
from newsletter.newsletters.sign_up_form import SignUpForm, read_form
from newsletter.subscriptions import wishes as wishing
from newsletter.subscriptions.interning import ChoiceValues
from newsletter.subscriptions.signup import request_subscription
from newsletter.subscriptions.wishes import Wish
from newsletter.web import wishes
from newsletter.web.context import caller_network, installation
from newsletter.web.language import current_language, fall_back_to
from newsletter.web.metrics import meters
from newsletter.web.public.forms import SubscribeForm, is_stale, stamp
from newsletter.web.public.shared import shared_publisher

blueprint = Blueprint("subscribe", __name__)

# Generous, since a newsroom, a school or a whole mobile network may share one address.
REQUESTS = 30
WINDOW = timedelta(minutes=10)
MOST_TOPICS = 500
# A new address takes some 5 ms more to write down than a known one. Answers leave in steps of this many seconds, so
# that a stopwatch learns nothing.
STEP = 0.025


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody asked for, whichever way it came."""

    email: str
    newsletter: str
    stamp: str | None
    by_machine: bool
    topics: frozenset[str] | None = None  # None: the form did not ask
    cadence: str = ""
    name: str = ""
    wording: str = ""  # the id of the consent's wording that it showed


@blueprint.get("/")
@blueprint.get("/subscribe", endpoint="short")
def home() -> str:
    with installation().database.reading() as session:
        newsletters = queries.all_newsletters(session)
    return _show(newsletters, None)


@blueprint.get("/n/<slug>")
def form(slug: str) -> str:
    with installation().database.reading() as session:
        newsletter = queries.by_slug(session, slug)
    fall_back_to(newsletter.language)
    return _show([newsletter], newsletter)


@blueprint.get("/n/<slug>/snippet")
def snippet(slug: str) -> str:
    with installation().database.reading() as session:
        newsletter = queries.by_slug(session, slug)
    return render_template(
        "public/snippet.html",
        newsletter=newsletter,
        publisher=newsletter.publisher,
        address=installation().links.form(slug),
        lines=snippet_lines(newsletter, read_form(newsletter.form), current_language()),
    )


def snippet_lines(newsletter: Newsletter, shown: SignUpForm, language: str) -> str:
    """The form as HTML to paste into any page."""
    return render_template(
        "public/snippet.txt",
        newsletter=newsletter,
        address=installation().links.form(newsletter.slug),
        shown=shown,
        says=shown.says(language),
        wording_id=shown.wordings.get(language),
        language=language,
    ).strip()


def snippet_page(newsletter: Newsletter, shown: SignUpForm) -> str:
    """The snippet alone, as a page without style has it."""
    lines = snippet_lines(newsletter, shown, current_language())
    return render_template("public/snippet-alone.html", newsletter=newsletter, lines=lines)


@blueprint.post("/")
@blueprint.post("/subscribe", endpoint="subscribe_short")
def subscribe() -> Response:
    return _take(_read_entry(), None)


@blueprint.post("/n/<slug>")
def subscribe_here(slug: str) -> Response:
    return _take(_read_entry(), slug)


def _read_entry() -> Entry:
    if request.is_json:
        body = request.get_json()
        if not isinstance(body, dict) or not all(isinstance(body.get(key, ""), str) for key in ("email", "newsletter")):
            raise BadRequest
        return Entry(body.get("email", ""), body.get("newsletter", ""), None, by_machine=False)
    form = SubscribeForm()
    asked = request.form
    return Entry(
        form.email.data or "",
        form.newsletter.data or "",
        form.t.data,
        by_machine=form.filled_by_machine(),
        topics=frozenset(asked.getlist("topic")[:MOST_TOPICS]) if "choose" in asked else None,
        cadence=asked.get("cadence", ""),
        name=asked.get("name", ""),
        wording=asked.get("w", ""),
    )


def _take(entry: Entry, slug: str | None) -> Response:
    """Check an entry, write the request down, answer. What is known of the address never shows in the answer."""
    now, started = utc_now(), perf_counter()
    with installation().database.reading() as session:
        newsletters = queries.all_newsletters(session) if slug is None else [queries.by_slug(session, slug)]
    try:
        newsletter = _chosen(newsletters, entry)
    except RefusedError as error:
        return _refuse(newsletters, None, entry, {"newsletter": str(error)}, slug)
    fall_back_to(newsletter.language)
    try:
        address = parse_address(entry.email)
    except AddressError as error:
        return _refuse(newsletters, newsletter, entry, {"email": str(error)}, slug)
    try:
        wish = _wish(newsletter, entry)
    except RefusedError as error:
        return _refuse(newsletters, newsletter, entry, {"form": str(error)}, slug)
    if is_stale(installation().signer, entry.stamp, now):
        sentence = _("This form was open for a long time. Press the button again.")
        return _refuse(newsletters, newsletter, entry, {"form": sentence}, slug)
    outcome = "machine" if entry.by_machine else _write_down(newsletter, address, wish, now, entry=entry)
    sleep(until_next_step(perf_counter() - started))
    meters(current_app).sign_ups.labels(outcome).inc()
    if request.is_json:
        return make_response(
            jsonify(status="confirm", message=_("Look into your inbox: a message waits for your yes.")), 202
        )
    return make_response(thanks_page(newsletter, entry.email.strip(), read_form(newsletter.form)))


def _chosen(newsletters: list[Newsletter], entry: Entry) -> Newsletter:
    """The newsletter that is meant; where there is only one it need not be said."""
    named = entry.newsletter.strip()
    if not named and len(newsletters) == 1:
        return newsletters[0]
    for newsletter in newsletters:
        if newsletter.slug == named:
            return newsletter
    raise NotFoundError(_("This newsletter does not exist.")) if named else RefusedError(_("Choose a newsletter."))


def _write_down(newsletter: Newsletter, address: Address, wish: Wish | None, now: datetime, *, entry: Entry) -> str:
    """Write the request, unless too many came from the same network; what became of it is told to the counters only."""
    network = caller_network()
    with installation().database.unit() as session:
        if network and not ratelimit.hit(session, f"sign-up:{network}", limit=REQUESTS, window=WINDOW, now=now):
            return "over_limit"
        request_subscription(
            session,
            installation().signer,
            newsletter=newsletter,
            address=address,
            language=current_language(),
            form=_form_name(),
            network=network,
            wording=_agreed(session, newsletter, entry),
            now=now,
            wish=wish,
            name=entry.name if read_form(newsletter.form).name else "",
        )
    return "taken"


def _wish(newsletter: Newsletter, entry: Entry) -> Wish | None:
    """What the form says was chosen; None where it did not ask."""
    if entry.topics is None and not entry.cadence:
        return None
    with installation().database.reading() as session:
        options = wishing.options(session, newsletter)
    topics = None if entry.topics is None else wishes.topics_of(options, entry.topics)
    return Wish(ChoiceValues(topics), wishes.cadence_of(options, entry.cadence))


def until_next_step(elapsed: float) -> float:
    """Seconds to wait so that an answer leaves a multiple of STEP after its request, whatever was written."""
    return -elapsed % STEP


def thanks_page(newsletter: Newsletter, email: str, shown: SignUpForm) -> str:
    """What a reader sees when the address was taken."""
    return render_template(
        "public/sent.html",
        newsletter=newsletter,
        email=email,
        publisher=newsletter.publisher,
        says=shown.says(current_language()),
    )


def _agreed(session: Session, newsletter: Newsletter, entry: Entry) -> str:
    """The wording that the reader saw, which a form opened before a change of it names; else the one in force."""
    seen = None
    if entry.wording.isascii() and entry.wording.isdecimal() and len(entry.wording) < 16:
        seen = form_changes.wording(session, newsletter.id, int(entry.wording))
    if seen is None:
        return consent_wording(newsletter)
    return seen or usual_wording(newsletter)


def consent_wording(newsletter: Newsletter) -> str:
    """The sentence beside the button in the current language, kept as proof of what was agreed to."""
    return read_form(newsletter.form).says(current_language()).consent or usual_wording(newsletter)


def usual_wording(newsletter: Newsletter) -> str:
    """The house's, where a newsletter has none of its own."""
    return _(
        "By subscribing you agree to receive %(name)s by e-mail. You can leave in one click at any time.",
        name=newsletter.name,
    )


def _form_name() -> str:
    """Which form it was: the path of ours, or the site that the snippet stands on."""
    origin = urlsplit(request.headers.get("Origin") or request.headers.get("Referer") or "")
    ours = urlsplit(installation().links.site_url)
    if origin.hostname and origin.hostname not in (ours.hostname, request.host.partition(":")[0]):
        return origin.hostname[:253]
    return request.path[:100]


def _refuse(
    newsletters: list[Newsletter],
    newsletter: Newsletter | None,
    entry: Entry,
    problems: dict[str, str],
    slug: str | None,
) -> Response:
    """The form again, with the entry kept and each problem beside its field; as JSON, the same problems by field."""
    if request.is_json:
        return make_response(jsonify(errors=problems), 422)
    shown = newsletters[0] if slug is not None or len(newsletters) == 1 else None
    return make_response(_show(newsletters, shown, entry=entry, problems=problems), 422)


def _show(
    newsletters: list[Newsletter],
    newsletter: Newsletter | None,
    *,
    entry: Entry | None = None,
    problems: dict[str, str] | None = None,
) -> str:
    """The page of one newsletter, or of all of them to choose from."""
    if newsletter is None and len(newsletters) == 1:
        newsletter = newsletters[0]
        fall_back_to(newsletter.language)
    values: dict[str, Any] = {
        "email": entry.email[:320] if entry else "",
        "problems": problems or {},
        "stamp": stamp(installation().signer, utc_now()),
    }
    if newsletter is None:
        chosen = entry.newsletter if entry else ""
        return render_template(
            "public/choose.html",
            newsletters=newsletters,
            chosen=chosen,
            publisher=shared_publisher(newsletters),
            **values,
        )
    with installation().database.reading() as session:
        return form_page(session, newsletter, read_form(newsletter.form), entry=entry, values=values)


def form_page(
    session: Session,
    newsletter: Newsletter,
    shown: SignUpForm,
    *,
    entry: Entry | None = None,
    values: dict[str, Any] | None = None,
) -> str:
    """The page of one newsletter with its form as it is `shown`. `values`: what was entered, and what is wrong."""
    latest = archive.latest(session, newsletter.id)
    options = wishing.options(session, newsletter)
    everything = frozenset(str(item.id) for item in options.topics)
    says = shown.says(current_language())
    return render_template(
        "public/form.html",
        newsletter=newsletter,
        shown=shown,
        says=says,
        wording_id=shown.wordings.get(current_language()),
        name=entry.name[:200] if entry else "",
        latest=latest,
        options=options,
        ticked=everything if entry is None or entry.topics is None else entry.topics,
        cadence=entry.cadence if entry else "",
        wording=says.consent or usual_wording(newsletter),
        publisher=newsletter.publisher,
        home=url_for("subscribe.form", slug=newsletter.slug),
        **(values or {"email": "", "problems": {}, "stamp": ""}),
    )
