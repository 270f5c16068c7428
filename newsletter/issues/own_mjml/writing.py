"""Blocks of a newsletter's own MJML, filled. It has the same verbs as the house's template, so that what renders pieces
need not know whose it is.
"""

from collections.abc import Mapping
from typing import Any, Final

from markupsafe import Markup, escape

from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.issues.content import Elsewhere
from newsletter.issues.own_mjml.reading import Element, Named, Part, read_template
from newsletter.issues.tidy import Told

# What every mail needs in its head, whoever designed it: see templates/email/parts/head.mjml.
_HEAD: Final = Markup(
    "<mj-title>{title}</mj-title><mj-preview>{preheader}{pad}</mj-preview><mj-raw>"
    '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
    '<meta name="format-detection" content="telephone=no, date=no, address=no, email=no"></mj-raw>'
)
_PAD: Final = Markup("&#847;&zwnj;&nbsp;") * 40

Values = Mapping[str, Any]


class OwnMjml:
    """Writes pieces by the MJML in `text`; `values` are those that the house's template gets. Raises TemplateError."""

    def __init__(self, text: str, values: Values) -> None:
        self._blocks = read_template(text).blocks
        self._given = values
        digest = values["digest"]
        logo = values["logo"] if values["pictured"] else None
        self._shared: dict[str, Any] = {
            "newsletter": digest.newsletter,
            "date": values["day"] if values["look"].dateline else "",
            "publisher": digest.publisher,
            "address": values["sender"] or digest.newsletter,
            "web_url": digest.web_url,
            "unsubscribe_url": values["unsubscribe"],
            "preferences_url": values["preferences"],
            "say_online": _("Read online"),
            "say_unsubscribe": _("Unsubscribe"),
            "say_preferences": _("Change your preferences"),
            "logo": logo.url if logo else "",
            "logo_text": (logo.alt or digest.newsletter) if logo else "",
        }

    def frame(self, rows: Markup) -> Markup:
        mjml = next(child for child in self._blocks["frame"].children if isinstance(child, Element))
        given = self._given
        head = _HEAD.format(title=given["title"], preheader=given["preheader"], pad=_PAD)
        own = next((item for item in mjml.children if isinstance(item, Element) and item.name == "mj-head"), None)
        body = next(item for item in mjml.children if isinstance(item, Element) and item.name == "mj-body")
        values = self._shared | {"articles": rows}
        rest = Markup("").join(_write(child, values) for child in own.children) if own else Markup("")
        return Markup('<mjml lang="{}" dir="{}"><mj-head>{}{}</mj-head>{}</mjml>').format(
            given["locale"], given["direction"], head, rest, _write(body, values)
        )

    def head(self) -> Markup:
        introduction = Markup("").join(Markup("<p>{}</p>").format(text) for text in self._given["introduction"])
        return self._fill("masthead", self._shared | {"introduction": introduction})

    def lead(self, story: Told) -> Markup:
        return self._fill("lead", self._story(story, pictures=("lead", "all")))

    def card(self, story: Told, _first: bool) -> Markup:
        return self._fill("card", self._story(story, pictures=("all",)))

    def line(self, story: Told, _first: bool) -> Markup:
        return self._fill("line", self._story(story, pictures=()))

    def heading(self, title: str) -> Markup:
        return self._fill("heading", {"title": title})

    def lines(self, held: Markup) -> Markup:
        return self._fill("lines", {"lines": held})

    def more(self, count: int) -> Markup:
        words = ngettext("One more story is online", "%(num)s more stories are online", count)
        return self._fill("more", {"say_more": words, "web_url": self._shared["web_url"]})

    def foot(self) -> Markup:
        digest = self._given["digest"]
        return self._fill(
            "foot",
            self._shared
            | {
                "reason": _(
                    "You receive this message because your address is subscribed to %(newsletter)s.",
                    newsletter=digest.newsletter,
                ),
                "say_reply": _("A remark, a mistake, an idea? Reply to this message.")
                if digest.replies_welcome
                else "",
                "footer": self._given["footer"],
                "sites": _places(self._given["sites"]),
            },
        )

    def _fill(self, block: str, values: Values) -> Markup:
        return Markup("").join(_write(child, values) for child in self._blocks[block].children)

    def _story(self, story: Told, *, pictures: tuple[str, ...]) -> dict[str, Any]:
        shown = self._given["pictured_stories"] and self._given["look"].pictures in pictures
        image = story.image if shown else None
        also = (
            Markup("<p>{} {}</p>").format(_("Also in:"), _links(story.also_in, ", ")) if story.also_in else Markup("")
        )
        return {
            "title": story.title,
            "url": story.url or self._shared["web_url"],
            "summary": story.summary,
            "credits": " · ".join(story.credits),
            "updated": _("Updated") if story.updated else "",
            "say_read": _("Read the article"),
            "also_in": also,
            "picture": image.url if image else "",
            "picture_text": image.alt if image else "",
        }


def _places(places: tuple[Elsewhere, ...]) -> Markup:
    return Markup("<p>{}</p>").format(_links(places, " · ")) if places else Markup("")


def _links(places: tuple[Elsewhere, ...], between: str) -> Markup:
    links = [Markup('<a class="acc" href="{}">{}</a>').format(place.url, place.name) for place in places]
    return Markup(between).join(links)  # noqa: S704 - a comma or a dot of ours


def _write(item: Element | Part, values: Values) -> Markup:
    """An element, a text or a slot. Texts were checked when they were read; what fills a slot is escaped here."""
    if isinstance(item, Named):
        return escape(values[item.name])
    if isinstance(item, str):
        return Markup(item)  # noqa: S704 - see reading
    if item.condition and not values[item.condition]:
        return Markup("")
    written = "".join(
        f' {name}="{"".join(_write(part, values) for part in parts)}"' for name, parts in item.attributes.items()
    )
    inside = "".join(_write(child, values) for child in item.children)
    if not inside and item.name in ("br", "hr", "img"):
        return Markup(f"<{item.name}{written}>")  # noqa: S704 - known names, checked and escaped values
    return Markup(f"<{item.name}{written}>{inside}</{item.name}>")  # noqa: S704 - the same
