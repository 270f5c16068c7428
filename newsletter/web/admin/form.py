"""The sign-up form of a newsletter: what it says and asks, beside the form as readers see it."""

from typing import Final

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from newsletter.accounts.permissions import Permission
from newsletter.core.i18n import LOCALES, use_locale
from newsletter.core.i18n import gettext as _
from newsletter.newsletters import form_changes
from newsletter.newsletters.models import Newsletter
from newsletter.newsletters.sign_up_form import LONGEST, PARTS, SignUpForm, Texts, checked, read_form
from newsletter.newsletters.wording import ValuesError
from newsletter.web.admin import guard
from newsletter.web.admin.room import admin, enter
from newsletter.web.context import installation
from newsletter.web.language import NAMES, use_language
from newsletter.web.public import subscribe
from newsletter.web.security import allow

Page = str | AnyResponse | tuple[str, int]
# The form in a frame of the desk: looked at, not sent.
SEEN: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)


@admin.get("/newsletters/<slug>/form")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def form(slug: str) -> str:
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        return _page(newsletter, read_form(newsletter.form), {})


@admin.post("/newsletters/<slug>/form")
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def change_form(slug: str) -> Page:
    asked = _typed()
    try:
        with installation().database.unit() as session:
            by = {"actor": guard.user().email, "now": guard.now()}
            form_changes.change_form(session, enter(session, slug), asked, **by)  # type: ignore[arg-type]
    except ValuesError as error:
        with installation().database.reading() as session:
            return _page(enter(session, slug), asked, error.fields), 422
    flash(_("Saved."))
    return redirect(url_for("admin.form", slug=slug), 303)


@admin.route("/newsletters/<slug>/form/preview", methods=["GET", "POST"])
@guard.requires(Permission.MANAGE_NEWSLETTERS)
def preview_form(slug: str) -> Response:
    """The public form in the state of the fields; without any, as it is."""
    with installation().database.reading() as session:
        newsletter = enter(session, slug)
        asked = read_form(newsletter.form)
        if request.method == "POST":
            try:
                asked = checked(_typed())
            except ValuesError as error:
                return _seen(render_template("look-refused.html", problems=list(error.fields.values())))
        view, language = request.form.get("view_form", ""), request.form.get("view_language", "")
        use_language(language if language in LOCALES else newsletter.language)
        if view == "snippet":
            return _seen(subscribe.snippet_page(newsletter, asked))
        if view == "thanks":
            return _seen(subscribe.thanks_page(newsletter, "ama@poste.example", asked))
        return _seen(subscribe.form_page(session, newsletter, asked))


def _seen(html: str) -> Response:
    response = make_response(html)
    response.headers["Content-Security-Policy"] = SEEN
    return response


def _typed() -> SignUpForm:
    given = request.form
    texts = {language: Texts(**{part: given.get(f"{language}_{part}", "") for part in PARTS}) for language in LOCALES}
    return SignUpForm(texts, name="name" in given, topics="topics" in given, rhythm="rhythm" in given)


def _page(newsletter: Newsletter, shown: SignUpForm, wrong: dict[str, str]) -> str:
    allow("frame-src", "'self'")
    languages = [newsletter.language, *(item for item in LOCALES if item != newsletter.language)]
    with use_locale(newsletter.language):
        snippet = subscribe.snippet_lines(newsletter, shown, newsletter.language)
    return render_template(
        "admin/form.html",
        shown=shown,
        wrong=wrong,
        longest=LONGEST,
        languages={language: NAMES[language] for language in languages},
        usual={language: _usual(newsletter, language) for language in languages},
        form_url=installation().links.form(newsletter.slug),
        snippet=snippet,
    )


def _usual(newsletter: Newsletter, language: str) -> Texts:
    """The house's words, where the newsletter has none."""
    with use_locale(language):
        return Texts(
            newsletter.name,
            newsletter.description,
            _("Subscribe"),
            "",
            subscribe.usual_wording(newsletter),
        )
