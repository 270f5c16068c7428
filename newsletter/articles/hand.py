"""What people did to articles by hand, for the log: each field that differs, before and after. A body and a
summary, which may be its beginning, stand there by their length and a fingerprint: that tells that they changed, and
whether two are the same.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import String, column, select, table
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.articles.models import Article

# Rooms meet through ids: of the other room's table, what a topic is called.
_TOPICS: Final = table("topics", column("id"), column("name", String()))
FIELDS = ("language", "title", "author", "source_name", "url", "image_url", "image_alt", "published_at")
FINGERPRINT = 12  # hexadecimal digits


def told(article: Article) -> dict[str, Any]:
    """What an article says."""
    fields = {name: getattr(article, name) for name in FIELDS}
    summary = _digest(article.summary, article.summary) if article.summary else None
    return fields | {"summary": summary, "body": _digest(article.body_text, article.body_html)}


def _digest(text: str, written: str) -> dict[str, Any]:
    found = hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()
    return {"characters": len(text), "fingerprint": found[:FINGERPRINT]}


def topic_name(session: Session, topic_id: int | None) -> str | None:
    """What a topic is called; None for none."""
    if topic_id is None:
        return None
    found: str | None = session.scalar(select(_TOPICS.c.name).where(_TOPICS.c.id == topic_id))
    return found


def record(
    session: Session,
    action: str,
    article_id: int,
    newsletter_id: int | None,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    actor: str,
    user_id: int | None,
    now: datetime,
) -> None:
    """Append what somebody did; nothing where nothing differs."""
    changed = {
        name: two for name, two in audit.changes(before, after).items() if any(item not in (None, "") for item in two)
    }
    if not changed:
        return
    audit.record(
        session,
        actor=actor,
        user_id=user_id,
        action=action,
        subject="article",
        subject_id=article_id,
        now=now,
        newsletter_id=newsletter_id,
        changed=changed,
    )
