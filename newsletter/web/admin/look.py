"""How a newsletter looks: a form beside its next issue in that look; saved when it fits, and put back."""

import base64
import re
from dataclasses import dataclass, replace
from typing import Any, Final

from flask import Response, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from newsletter.accounts.permissions import Permission
from newsletter.articles import uploads
from newsletter.core import imaging
from newsletter.core.errors import ConflictError, RefusedError
from newsletter.core.i18n import LOCALES
from newsletter.core.i18n import gettext as _
from newsletter.core.imaging import Encoded
from newsletter.core.urls import MEDIA_TYPES
from newsletter.issues import dressing, wardrobe
from newsletter.issues.content import Dress
from newsletter.issues.preflight import wording
from newsletter.issues.wardrobe import Fitting
from newsletter.newsletters.editions import Edition, edition_names
from newsletter.newsletters.look import (
    HOUSE_DARK,
    HOUSE_LOOK,
    MOST_PLACES,
    Font,
    Logo,
    Look,
    Masthead,
    Pictures,
    Place,
    Tints,
    checked,
    darkened,
)
from newsletter.newsletters.models import Newsletter
from newsletter.newsletters.wearing import look_of
from newsletter.newsletters.wording import ValuesError
from newsletter.web.admin import guard
from newsletter.web.admin.room import admin, enter
from newsletter.web.admin.typed import whole_number
from newsletter.web.context import installation
from newsletter.web.language import NAMES
from newsletter.web.security import allow, as_mail

Page = str | AnyResponse | tuple[str, int]
LARGEST_LOGO: Final = 1_500_000  # octets; a form of the desk may have two million

_DARK_MEDIA: Final = re.compile(r"@media\s*\(prefers-color-scheme:\s*dark\)")


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as it was typed. `look` None where something is wrong with it; `brought`: a logo that is not kept
    yet. `seen`: the look that was in force when the page was opened, None where that does not matter.
    """

    shown: Look
    look: Look | None
    template: str
    seen: int | None
    wrong: dict[str, str]
    brought: Encoded | None = None


@admin.get("/newsletters/<slug>/look")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def look(slug: str) -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        found = look_of(newsletter)
        template = dressing.template_of(session, newsletter)
        seen = wardrobe.latest_id(session, newsletter.id)
        return _page(session, newsletter, Typed(found, found, template, seen, {}))


@admin.get("/newsletters/<slug>/look/preview")
@guard.requires(Permission.READ)
def preview_look(slug: str) -> Response:
    """The look in force, for the frame on its page."""
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        dress = dressing.dress_of(session, newsletter, installation().links)
        return as_mail(_mail(session, newsletter, dress, request.args))


@admin.post("/newsletters/<slug>/look/preview")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def preview_typed(slug: str) -> Response:
    """The look of the form, for the same frame; why it cannot be shown, where it cannot."""
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        typed = _typed(look_of(newsletter))
        if typed.look is None:
            return as_mail(render_template("look-refused.html", problems=list(typed.wrong.values())))
        try:
            html = _mail(session, newsletter, _dress(typed), request.form)
        except RefusedError as error:
            html = render_template("look-refused.html", problems=[str(error)])
    logo = _dress(typed).logo
    return as_mail(html.replace(logo.url, _inline(typed.brought)) if logo and typed.brought else html)


@admin.post("/newsletters/<slug>/look/verdict")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def judge_look(slug: str) -> str:
    """What would be said if the form were saved: a part of the page, asked for while somebody types."""
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        typed = _typed(look_of(newsletter))
        fitting = _fit(session, newsletter, typed)
    return render_template("admin/look-verdict.html", **_verdict(typed, fitting))


@admin.post("/newsletters/<slug>/look")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def change_look(slug: str) -> Page:
    """Save the look of the form, put one back that was kept, or wear the house's again."""
    database = installation().database
    verb, _colon, number = request.form.get("do", "save").partition(":")
    with database.reading() as session:
        newsletter = enter(session, slug)
        try:
            typed = _asked(session, newsletter, verb, number)
            fitting = _fit(session, newsletter, typed)
        except RefusedError as error:
            flash(str(error), "bad")
            return redirect(url_for("admin.look", slug=slug), 303)
        if fitting is None or fitting.problems:
            return _page(session, newsletter, typed, fitting), 422
    try:
        with database.unit() as session:
            newsletter = enter(session, slug)
            if typed.brought is not None:
                uploads.keep(session, typed.brought, now=guard.now())
            wardrobe.save(session, newsletter, fitting, actor=guard.user().email, now=guard.now(), seen=typed.seen)
    except ConflictError as error:
        with database.reading() as session:
            newsletter = enter(session, slug)
            again = replace(typed, seen=wardrobe.latest_id(session, newsletter.id), wrong={"look": str(error)})
            return _page(session, newsletter, again, fitting), 409
    flash(_("Saved. The next issue wears it."))
    return redirect(url_for("admin.look", slug=slug), 303)


def _asked(session: Session, newsletter: Newsletter, verb: str, number: str) -> Typed:
    """What is to be saved: the form, a look that was kept, or the house's."""
    if verb == "put-back" and number.isdecimal() and len(number) < 16:
        kept = wardrobe.dress_kept(session, newsletter, int(number), installation().links)
        return Typed(kept.look, kept.look, kept.template, None, {})
    if verb == "house":
        return Typed(HOUSE_LOOK, HOUSE_LOOK, "", None, {})
    if verb == "own":
        typed = _typed(look_of(newsletter))
        return replace(typed, template=dressing.starting_text(typed.shown))
    typed = _typed(look_of(newsletter))
    return replace(typed, template="") if verb == "not-own" else typed


def _typed(before: Look) -> Typed:
    given = request.form
    seen = given.get("seen", "")
    wrong: dict[str, str] = {}
    logo, brought = _logo(before.logo, wrong)
    shown = Look(
        logo=logo,
        with_name="with_name" in given,
        light=_tints("light", Tints()),
        dark=None if "same_in_dark" in given else _tints("dark", HOUSE_DARK),
        headline_font=_one_of(Font, "headline_font", before.headline_font),
        text_font=_one_of(Font, "text_font", before.text_font),
        masthead=_one_of(Masthead, "masthead", before.masthead),
        footer=given.get("footer", ""),
        links=_places(given.get("links", "")),
        pictures=_one_of(Pictures, "pictures", before.pictures),
        dateline="dateline" in given,
        minutes="minutes" in given,
    )
    found = None
    try:
        found = checked(shown)
    except ValuesError as error:
        wrong |= error.fields
    return Typed(
        shown,
        None if wrong else found,
        given.get("template", "").replace("\r\n", "\n").strip("\n"),
        int(seen) if seen.isdecimal() and len(seen) < 16 else None,
        wrong,
        brought,
    )


def _logo(before: Logo | None, wrong: dict[str, str]) -> tuple[Logo | None, Encoded | None]:
    """The logo that the form asks for, and the picture when it is a new one."""
    given, file = request.form, request.files.get("logo")
    alt, shown = given.get("logo_alt", ""), whole_number(given.get("logo_shown", ""), dressing.LOGO_WIDTH)
    if file is not None and file.filename:
        data = file.stream.read(LARGEST_LOGO + 1)
        try:
            if len(data) > LARGEST_LOGO:
                raise RefusedError(_("The file is too large: %(count)d kB at most.", count=LARGEST_LOGO // 1000))
            made = imaging.encode_logo(data)
        except RefusedError as error:
            wrong["logo"] = str(error)
            return before, None
        return dressing.with_logo(HOUSE_LOOK, made, shown=shown, alt=alt).logo, made
    if before is None or "no_logo" in given:
        return None, None
    return replace(before, alt=alt, shown=shown, plate="logo_plate" in given), None


def _tints(theme: str, house: Tints) -> Tints:
    given = request.form
    return Tints(*(given.get(f"{theme}_{name}", getattr(house, name)).strip() for name in ("accent", "link", "sheet")))


def _one_of(kind: Any, name: str, before: Any) -> Any:
    asked = request.form.get(name, "")
    return kind(asked) if asked in set(kind) else before


def _places(text: str) -> tuple[Place, ...]:
    """A name and an address in each line."""
    lines = [line.split() for line in text.splitlines()[: MOST_PLACES * 4] if line.strip()]
    return tuple(Place(" ".join(words[:-1]), words[-1]) for words in lines)


def _dress(typed: Typed) -> Dress:
    return dressing.dressed(typed.look or typed.shown, typed.template, installation().links)


def _fit(session: Session, newsletter: Newsletter, typed: Typed) -> Fitting | None:
    if typed.look is None:
        return None
    return wardrobe.fit(session, newsletter, _dress(typed), links=installation().links, now=guard.now())


def _mail(session: Session, newsletter: Newsletter, dress: Dress, asked: Any) -> str:
    """The HTML of a sample, in the theme that was asked for whatever the browser has."""
    language = asked.get("view_language", "")
    edition = asked.get("view_edition", "")
    mail = wardrobe.shown(
        session,
        newsletter,
        dress,
        language=language if language in LOCALES else newsletter.language,
        edition=Edition.LIGHT if edition == Edition.LIGHT else Edition.FULL,
        links=installation().links,
        now=guard.now(),
    )
    return _DARK_MEDIA.sub("@media all" if asked.get("view_theme") == "dark" else "@media not all", mail.html)


def _inline(encoded: Encoded) -> str:
    """A picture that is not kept yet, inside the preview."""
    return f"data:{encoded.content_type};base64,{base64.b64encode(encoded.data).decode()}"


def _page(session: Session, newsletter: Newsletter, typed: Typed, fitting: Fitting | None = None) -> str:
    allow("frame-src", "'self'")
    shown = typed.shown
    return render_template(
        "admin/look.html",
        shown=shown,
        dark=shown.dark or darkened(shown.light) if "light" not in "".join(typed.wrong) else HOUSE_DARK,
        sites="\n".join(f"{place.name} {place.url}" for place in shown.links),
        typed=typed,
        wrong=typed.wrong,
        house_dark=HOUSE_DARK,
        logo_url=url_for("media.media", key=shown.logo.key, ending=MEDIA_TYPES[shown.logo.content_type])
        if shown.logo and typed.brought is None
        else "",
        history=wardrobe.history(session, newsletter.id),
        options=_options(),
        languages=NAMES,
        editions={edition: name for edition, name in edition_names().items() if edition != Edition.TEXT},
        **_verdict(typed, fitting),
    )


def _verdict(typed: Typed, fitting: Fitting | None) -> dict[str, Any]:
    return {
        "problems": [*typed.wrong.values(), *(fitting.problems if fitting else ())],
        "weight": fitting.weight if fitting else 0,
        "light_enough": wardrobe.LIGHT_ENOUGH,
        "remarks": [(wording.state_of(item.level), wording.in_words(item)) for item in fitting.findings]
        if fitting
        else [],
    }


def _options() -> dict[str, list[tuple[str, str]]]:
    return {
        "fonts": [
            (Font.SERIF, _("Georgia")),
            (Font.BOOK, _("Palatino")),
            (Font.TIMES, _("Times")),
            (Font.SANS, _("The system’s own")),
            (Font.HUMANIST, _("Trebuchet")),
            (Font.WIDE, _("Verdana")),
        ],
        "masthead": [(Masthead.START, _("At the side")), (Masthead.CENTRE, _("In the middle"))],
        "pictures": [
            (Pictures.LEAD, _("Of the first article")),
            (Pictures.ALL, _("Of every article that has one")),
            (Pictures.NONE, _("Of none")),
        ],
    }
