"""What MJML of a newsletter's own may hold: blocks, slots, elements and where each of them may stand.

Everything that is not named here is refused. So nothing runs, nothing is fetched and nothing is read from the disk.
"""

from enum import StrEnum
from typing import Final

LARGEST: Final = 40_000  # characters of the whole text
DEEPEST: Final = 30  # elements inside elements
MOST_ELEMENTS: Final = 1500


class Slot(StrEnum):
    """What a slot is filled with, which says where it may stand."""

    TEXT = "text"  # in text, and in attributes that are read
    URL = "url"  # as the whole of href
    PICTURE = "picture"  # as the whole of src
    HTML = "html"  # paragraphs of ours, where HTML may stand
    ROWS = "rows"  # the articles, in a column


_SHARED: Final = {
    "newsletter": Slot.TEXT,
    "date": Slot.TEXT,
    "publisher": Slot.TEXT,
    "address": Slot.TEXT,
    "web_url": Slot.URL,
    "unsubscribe_url": Slot.URL,
    "preferences_url": Slot.URL,
    "say_online": Slot.TEXT,
    "say_unsubscribe": Slot.TEXT,
    "say_preferences": Slot.TEXT,
    "logo": Slot.PICTURE,
    "logo_text": Slot.TEXT,
}
_STORY: Final = {
    "title": Slot.TEXT,
    "url": Slot.URL,
    "summary": Slot.TEXT,
    "credits": Slot.TEXT,
    "updated": Slot.TEXT,
    "say_read": Slot.TEXT,
    "also_in": Slot.HTML,
    "picture": Slot.PICTURE,
    "picture_text": Slot.TEXT,
}
SLOTS: Final[dict[str, dict[str, Slot]]] = {
    "frame": {"articles": Slot.ROWS, **_SHARED},
    "masthead": {"introduction": Slot.HTML, **_SHARED},
    "lead": _STORY,
    "heading": {"title": Slot.TEXT},
    "card": _STORY,
    "lines": {"lines": Slot.HTML},
    "line": _STORY,
    "more": {"say_more": Slot.TEXT, "web_url": Slot.URL},
    "foot": {
        "reason": Slot.TEXT,
        "say_reply": Slot.TEXT,
        "footer": Slot.HTML,
        "sites": Slot.HTML,
        **_SHARED,
    },
}
REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "frame": ("articles",),
    "masthead": ("newsletter",),
    "lead": ("title", "url"),
    "heading": ("title",),
    "card": ("title", "url"),
    "lines": ("lines",),
    "line": ("title", "url"),
    "more": ("say_more", "web_url"),
    "foot": ("reason", "unsubscribe_url", "preferences_url", "address"),
}
ONCE: Final = ("articles", "lines")  # marks stand around them
BLOCKS: Final = tuple(SLOTS)

_CONTENT: Final = ("mj-text", "mj-button", "mj-image", "mj-divider", "mj-spacer", "mj-table")
# Where each element may stand. "" is the top of the block.
PARENTS: Final[dict[str, tuple[str, ...]]] = {
    "mjml": ("",),
    "mj-head": ("mjml",),
    "mj-body": ("mjml",),
    "mj-attributes": ("mj-head",),
    "mj-style": ("mj-head",),
    "mj-all": ("mj-attributes",),
    "mj-class": ("mj-attributes",),
    "mj-wrapper": ("mj-body", "mj-attributes"),
    "mj-section": ("mj-body", "mj-wrapper", "mj-attributes"),
    "mj-group": ("mj-section",),
    "mj-column": ("mj-section", "mj-group", "mj-attributes"),
    **dict.fromkeys(_CONTENT, ("", "mj-column", "mj-attributes")),
}
HOLDS_HTML: Final = frozenset({"mj-text", "mj-button", "mj-table"})
VOID: Final = frozenset({"br", "hr", "img"})
HTML: Final = VOID | {
    *("a", "abbr", "b", "blockquote", "cite", "div", "em", "h1", "h2", "h3", "h4", "i", "li", "ol", "p", "s", "small"),
    *("span", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul"),
}
HTML_ATTRIBUTES: Final = frozenset(
    {"align", "alt", "bgcolor", "border", "cellpadding", "cellspacing", "class", "colspan", "dir", "height", "href"}
    | {"lang", "role", "rowspan", "scope", "src", "style", "title", "valign", "width", "if"}
)
MJML_ATTRIBUTES: Final = frozenset(
    {"align", "alt", "background-color", "border", "border-bottom", "border-collapse", "border-color", "border-left"}
    | {"border-radius", "border-right", "border-style", "border-top", "border-width", "cellpadding", "cellspacing"}
    | {"color", "container-background-color", "css-class", "direction", "font-family", "font-size", "font-style"}
    | {"font-weight", "full-width", "height", "href", "inner-background-color", "inner-border", "inner-border-radius"}
    | {"inner-padding", "letter-spacing", "line-height", "mj-class", "name", "padding", "padding-bottom"}
    | {"padding-left", "padding-right", "padding-top", "role", "src", "table-layout", "text-align", "text-decoration"}
    | {"text-transform", "title", "vertical-align", "width", "if"}
)
READ: Final = frozenset({"alt", "title"})  # attributes that people are told
