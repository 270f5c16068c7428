"""Taking articles in, changing them, taking them back."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.articles import hand, pictures, stories
from newsletter.articles.changes import says_something_else
from newsletter.articles.draft import MAX_ALT, MAX_NAME, MAX_TITLE, ArticleDraft
from newsletter.articles.models import Article, Placement
from newsletter.core.errors import ConflictError, RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.tokens import hash_token

MAX_BODY = 400_000
KEPT = ("published_at", "author", "source_name", "url", "url_key")  # a source that tells less takes nothing back


def add_article(
    session: Session,
    draft: ArticleDraft,
    *,
    newsletter_id: int,
    topic_id: int | None,
    now: datetime,
    translation_of: int | None = None,
    feed_id: int | None = None,
    actor: str = "",
    user_id: int | None = None,
) -> tuple[Article, bool]:
    """Offer an article to a newsletter; False beside it when the newsletter had it already.

    The same address, or the same title and text without one, is the same article: it becomes no second row, though it
    may be placed in a further newsletter. What was withdrawn comes back by an editor only, and as new. One that tells
    the story of another one gets its `story_id`. `feed_id`: the feed it came from; None: an editor. `actor`: whose
    hand it was, for the log; empty: nobody's. RefusedError when something is too long.
    """
    _check(draft)
    stories.take_turn(session)
    article = _known(session, draft) if translation_of is None else None
    placed = session.get(Placement, (article.id, newsletter_id)) if article is not None else None
    before: dict[str, object] = {}
    action = "article.added"
    if article is None:
        article = Article(first_seen_at=now, updated_at=now, translation_of=translation_of, **_columns(draft))
        session.add(article)
        session.flush()
        stories.take_in(session, article, now=now)
        pictures.ask(session, article, now=now)
    if placed is None:
        placement = Placement(
            article_id=article.id, newsletter_id=newsletter_id, topic_id=topic_id, placed_at=now, feed_id=feed_id
        )
        session.add(placement)
        session.flush()
        after = hand.told(article) | {"topic": hand.topic_name(session, topic_id)}
    elif placed.withdrawn_at is not None and feed_id is None:
        action = "article.put_back"
        before = {"withdrawn_at": placed.withdrawn_at, "topic": hand.topic_name(session, placed.topic_id)}
        after = {"withdrawn_at": None, "topic": hand.topic_name(session, topic_id)}
        placed.withdrawn_at = None
        placed.placed_at = now
        placed.topic_id = topic_id
    else:
        return article, False
    if actor:
        hand.record(session, action, article.id, newsletter_id, before, after, actor=actor, user_id=user_id, now=now)
    return article, True


def change_article(
    session: Session,
    article: Article,
    draft: ArticleDraft,
    *,
    actor: str,
    now: datetime,
    user_id: int | None = None,
    version: datetime | None = None,
) -> None:
    """Replace what an article says, and record who did; issues that have left keep what they said. `version`: the
    `updated_at` that the editor saw; ConflictError when it is another one by now.
    """
    _check(draft)
    session.refresh(article, with_for_update={"key_share": True})
    if version is not None and version != article.updated_at:
        raise ConflictError(_("This article has changed since you opened it. Look at both texts."))
    before = hand.told(article)
    columns = _columns(draft)
    if draft.url == article.url:
        columns.pop("url_key")  # a page may call itself by another address than the one it was read from
    for name, value in columns.items():
        setattr(article, name, value)
    article.updated_at = article.edited_at = now
    # Of no newsletter: the text is the same in all that have it.
    after = hand.told(article)
    hand.record(session, "article.changed", article.id, None, before, after, actor=actor, user_id=user_id, now=now)
    stories.refresh(article)
    pictures.ask(session, article, now=now)
    session.flush()


def revise_article(session: Session, article: Article, draft: ArticleDraft, *, now: datetime) -> bool:
    """Take over what the source now says; False when it says nothing new.

    `revised_at` is set when the words changed by more than white space or a typing error, since that is what readers
    who had the article may want to know. A date or an author that the source no longer tells is kept. An article that
    an editor has changed stays as the editor left it. RefusedError when something is too long.
    """
    if article.edited_at is not None:
        return False
    _check(draft)
    before = (article.title, article.summary, article.body_text)
    columns = _columns(draft)
    if draft.url == article.url:
        columns.pop("url_key")  # a page may call itself by another address than the one it was read from
    changed = {
        name: value
        for name, value in columns.items()
        if value != getattr(article, name) and not (value is None and name in KEPT)
    }
    if "body_html" not in changed:
        changed.pop("body_markdown", None)  # the body is what it was made of still
    if not changed:
        return False
    for name, value in changed.items():
        setattr(article, name, value)
    article.updated_at = now
    title, summary, text = before
    if (
        says_something_else(title, article.title, stray=0)
        or says_something_else(text, article.body_text)
        or says_something_else(summary, article.summary)
    ):
        article.revised_at = now
    stories.refresh(article)
    pictures.ask(session, article, now=now)
    session.flush()
    return True


def file_under(
    session: Session,
    article_id: int,
    newsletter_id: int,
    topic_id: int | None,
    *,
    actor: str,
    now: datetime,
    user_id: int | None = None,
) -> None:
    """Set the topic of an article in a newsletter, and record who did."""
    placed = session.get(Placement, (article_id, newsletter_id), with_for_update=True)
    if placed is None or placed.topic_id == topic_id:
        return
    before = {"topic": hand.topic_name(session, placed.topic_id)}
    after = {"topic": hand.topic_name(session, topic_id)}
    placed.topic_id = topic_id
    session.flush()
    hand.record(
        session, "article.filed", article_id, newsletter_id, before, after, actor=actor, user_id=user_id, now=now
    )


def withdraw(
    session: Session, article_id: int, newsletter_id: int, *, actor: str, now: datetime, user_id: int | None = None
) -> None:
    """Take an article out of what the next issues may hold, and record who did. Twice is the same as once."""
    placed = session.get(Placement, (article_id, newsletter_id), with_for_update=True)
    if placed is None or placed.withdrawn_at is not None:
        return
    placed.withdrawn_at = now
    session.flush()
    before, after = {"withdrawn_at": None}, {"withdrawn_at": now}
    hand.record(
        session, "article.withdrawn", article_id, newsletter_id, before, after, actor=actor, user_id=user_id, now=now
    )


def _known(session: Session, draft: ArticleDraft) -> Article | None:
    if draft.canonical_url:
        same = Article.url_key == hash_token(draft.canonical_url)
    else:
        same = (Article.content_hash == _content_hash(draft)) & Article.url_key.is_(None)
    return session.scalars(select(Article).where(same).order_by(Article.id).limit(1)).first()


def _columns(draft: ArticleDraft) -> dict[str, object]:
    return {
        "language": draft.language,
        "title": draft.title,
        "summary": draft.summary,
        "body_html": draft.body_html,
        "body_text": draft.body_text,
        "body_markdown": draft.markdown,
        "author": draft.author,
        "source_name": draft.source_name,
        "url": draft.url,
        "url_key": hash_token(draft.canonical_url) if draft.canonical_url else None,
        "image_url": draft.image_url,
        "image_alt": draft.image_alt,
        "content_hash": _content_hash(draft),
        "published_at": draft.published_at,
    }


def _content_hash(draft: ArticleDraft) -> str:
    return hash_token(f"{draft.title}\n{draft.body_text}")


def _check(draft: ArticleDraft) -> None:
    if not draft.title.strip():
        raise RefusedError(_("Give the article a title."))
    if len(draft.title) > MAX_TITLE:
        raise RefusedError(_("The title is too long: %(count)d characters at most.", count=MAX_TITLE))
    if len(draft.body_text) > MAX_BODY or len(draft.body_html) > 2 * MAX_BODY:
        raise RefusedError(_("The article is too long: %(count)d characters at most.", count=MAX_BODY))
    if max(len(draft.author or ""), len(draft.source_name or "")) > MAX_NAME or len(draft.image_alt) > MAX_ALT:
        raise RefusedError(_("The author, the source or the description of the image is too long."))
