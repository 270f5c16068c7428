"""What is alike in a page is looked at once, and everything looks as it does alone among what is around it."""

from html import escape

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.issues.preflight.page import Element, read_page
from newsletter.issues.preflight.seen import texts

SHEET = """
.ink{color:#123} .box{background:#eee} div .ink{font-size:20px} .box>p{font-weight:700} p[title]{color:#456}
a{color:inherit} a[href]{color:#00f} .off{display:none} #one{color:#789!important} .box .box .ink{background:#fff}
@media (prefers-color-scheme:dark){.box{background:#111!important}.ink{color:#ddd!important}p[title=x]{color:#fff}}
"""
NAMES = st.sampled_from(["div", "p", "a", "span", "h2", "small"])
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "class": st.sampled_from(["ink", "box", "ink box", "off"]),
        "id": st.sampled_from(["one", "two"]),
        "title": st.sampled_from(["x", "y"]),
        "href": st.sampled_from(["", "https://a.example/"]),
        "style": st.sampled_from(["color:#abc", "font-size:2em", "color:inherit;background:#00000080"]),
        "bgcolor": st.just("#cccccc"),
    },
)


def opened(name: str, attributes: dict[str, str]) -> str:
    told = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    return f"<{name}{told}>"


@st.composite
def bodies(draw: st.DrawFn, deep: int = 3) -> str:
    """Elements in elements; a paragraph has no other in it."""
    pieces = []
    for _ in range(draw(st.integers(1, 4))):
        name, attributes = draw(NAMES), draw(ATTRIBUTES)
        inside = draw(bodies(deep - 1)) if deep and name == "div" else ""
        pieces.append(f"{opened(name, attributes)}mot{inside}</{name}>")
    return "".join(pieces)


def page_of(body: str) -> str:
    return f"<html><head><style>{SHEET}</style></head><body>{body}</body></html>"


def alone(element: Element) -> str:
    """The page with nothing but an element and what is around it."""
    way = [one for one in element.up() if one.name not in ("html", "body")]
    return page_of("".join(opened(one.name, one.attributes) for one in reversed(way)) + "mot")


@settings(max_examples=60, deadline=None)
@given(bodies())
def test_what_is_alike_looks_as_it_does_alone(body: str) -> None:
    for theme, said in enumerate(texts(read_page(page_of(body)))):
        for one in said:
            (itself,) = texts(read_page(alone(one.element)))[theme]
            assert one.look == itself.look
