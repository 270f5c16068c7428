"""Posts as WordPress's REST API lists them: the whole text, with author, picture and categories."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit, urlunsplit

RELATION: Final = "https://api.w.org/"  # of the link that names the interface, on every page and in a header
PER_PAGE: Final = 50
EMBEDDED: Final = "author,wp:featuredmedia,wp:term"
NOWHERE: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class Post:
    """Texts are markup. `identity` is what the site's RSS feed calls the post too; dates are ISO 8601 in UTC."""

    identity: str
    url: str | None
    title: str
    summary_html: str | None
    content_html: str | None
    author: str
    published: str
    updated: str
    image_url: str
    image_alt: str
    categories: tuple[str, ...]


def posts_address(root: str) -> str:
    """Where the latest posts are listed. `root`: of the interface, `/wp-json/`, or `/?rest_route=/` on sites without
    speaking addresses.
    """
    asked = {"per_page": str(PER_PAGE), "_embed": EMBEDDED}
    parts = urlsplit(root)
    if "rest_route=" in parts.query:
        query = urlencode({"rest_route": "/wp/v2/posts"} | asked, safe="/,:")
        return urlunsplit(parts._replace(query=query, fragment=""))
    path = parts.path.rstrip("/") + "/wp/v2/posts"
    return urlunsplit(parts._replace(path=path, query=urlencode(asked, safe=",:"), fragment=""))


def read_posts(found: Any) -> list[Post]:
    """ValueError for what is no list of posts. One that is protected by a password has nothing to read."""
    if not isinstance(found, list) or not found or not all(isinstance(item, dict) and "id" in item for item in found):
        raise ValueError("no list of posts")
    return [_post(item) for item in found if not _of(item, "content").get("protected")]


def _post(item: Mapping[str, Any]) -> Post:
    embedded = _of(item, "_embedded")
    link = _text(item.get("link"))
    picture = next(_objects(embedded.get("wp:featuredmedia")), NOWHERE)
    terms = embedded.get("wp:term")
    groups = terms if isinstance(terms, list) else []
    return Post(
        identity=_text(_of(item, "guid").get("rendered")) or link or str(item["id"]),
        url=link or None,
        title=_text(_of(item, "title").get("rendered")),
        summary_html=_text(_of(item, "excerpt").get("rendered")) or None,
        content_html=_text(_of(item, "content").get("rendered")) or None,
        author=", ".join(name for each in _objects(embedded.get("author")) if (name := _text(each.get("name")))),
        published=_utc(item.get("date_gmt")),
        updated=_utc(item.get("modified_gmt")),
        image_url=_text(picture.get("source_url")),
        image_alt=_text(picture.get("alt_text")),
        categories=tuple(name for group in groups for term in _objects(group) if (name := _text(term.get("name")))),
    )


def _utc(value: Any) -> str:
    """The interface gives moments in UTC without saying so."""
    text = _text(value)
    return f"{text}Z" if text else ""


def _of(item: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = item.get(name)
    return found if isinstance(found, dict) else NOWHERE


def _objects(found: Any) -> Iterator[Mapping[str, Any]]:
    yield from (item for item in (found if isinstance(found, list) else []) if isinstance(item, dict))


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
