"""An issue in blocks: what is previewed is what workers send, the archive has each language, staff see every form."""

import email
import email.policy
from collections.abc import Sequence

import pytest
from sqlalchemy import event, select, update

from newsletter.articles.models import Article, Picture, PictureStatus
from newsletter.core.errors import NotFoundError
from newsletter.delivery.personalise import Recipient
from newsletter.delivery.slots import fill_for_nobody
from newsletter.issues import archive, preview, variants
from newsletter.issues.contents import IssueContents, blocks_of
from newsletter.issues.models import Block, Issue, IssueArticle, IssueStatus, Variant
from newsletter.issues.typesetting import assemble
from newsletter.newsletters.models import Edition, Newsletter
from tests.support.newsroom import Newsroom

READER = Recipient(1, "ama@poste.example", "Ama", "https://news.example/u/T", "https://news.example/p/T")
KEY = "ab" * 32


def lay(
    newsroom: Newsroom,
    newsletter: Newsletter,
    issue: Issue,
    wanted: Sequence[tuple[str, Edition, Sequence[int]]],
) -> list[int]:
    """Blocks and variants of an issue, the first of each language public; ids of the variants."""
    made: dict[str, Block] = {}
    laid: list[Variant] = []
    with newsroom.database.unit() as session:
        found = session.get_one(Issue, issue.id)
        found.status, found.frozen_at = IssueStatus.SENDING, newsroom.now
        for place, (language, edition, articles) in enumerate(wanted):
            setter = preview.typesetter(
                session, found, newsletter, language=language, edition=edition, links=newsroom.here.links
            )
            held = setter.set(articles)
            for key in held.keys:
                if key not in made:
                    block = setter.block(key)
                    made[key] = Block(
                        issue_id=issue.id, key=key, html=block.html, text=block.text, web_html=block.web_html
                    )
                    session.add(made[key])
            session.flush()
            variant = Variant(
                issue_id=issue.id,
                key=f"{place:064}",
                language=language,
                edition=edition,
                articles=list(articles),
                blocks=[made[key].id for key in held.keys],
                subject=held.subject,
                preheader=held.preheader,
                public=language not in {other.language for other in laid},
                readers=10 * (place + 1),
            )
            session.add(variant)
            laid.append(variant)
        session.flush()
        return [variant.id for variant in laid]


@pytest.mark.parametrize("edition", Edition)
def test_what_workers_send_is_what_the_preview_showed(newsroom: Newsroom, edition: Edition) -> None:
    gazette = newsroom.newsletter()
    articles = [newsroom.article(gazette, f"Nouvelle {number}").id for number in range(4)]
    issue = newsroom.draft_issue(gazette)
    picked = articles[1:]
    with newsroom.database.reading() as session:
        found = session.get_one(Issue, issue.id)
        shown = preview.preview(
            session,
            found,
            language="fr",
            links=newsroom.here.links,
            edition=edition,
            picked=picked,
            reader=READER,
        )
    (variant,) = lay(newsroom, gazette, issue, [("fr", edition, picked)])
    with newsroom.database.reading() as session:
        prepared = IssueContents(newsroom.here).prepared(session, variant)
        again = variants.mail_of(session, issue.id, variant, newsroom.here.links, reader=READER)
    message = email.message_from_bytes(prepared.write(READER, 5)[1], policy=email.policy.default)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert text.get_content().replace("\r\n", "\n") == shown.text
    assert (html.get_content().replace("\r\n", "\n") if html else "") == shown.html
    assert message.is_multipart() is (edition is not Edition.TEXT)
    assert message["Subject"] == shown.subject
    assert again == shown
    assert "Nouvelle 0" not in shown.text
    assert READER.unsubscribe_url in shown.text


def test_the_archive_has_every_language_and_asks_for_one(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    article = newsroom.article(gazette, "Le pont rouvre")
    newsroom.article(gazette, "The bridge reopens", language="en", translation_of=article.id)
    issue = newsroom.draft_issue(gazette)
    forms = [(language, Edition.FULL, [article.id]) for language in ("fr", "en", "ee")]
    lay(newsroom, gazette, issue, [*forms, ("fr", Edition.LIGHT, [article.id])])
    with newsroom.database.reading() as session:
        english = archive.read(session, gazette.id, issue.number, language="en")
        ewe = archive.read(session, gazette.id, issue.number, language="ee")
        other = archive.read(session, gazette.id, issue.number, language="de")
    assert english.languages == ("fr", "en", "ee")
    assert (english.language, ewe.language, other.language) == ("en", "ee", "fr")
    assert "The bridge reopens" in english.html
    assert 'lang="fr"' in ewe.html  # an article without a translation
    assert "style=" not in english.html + ewe.html
    assert english.html.count("<section") == english.html.count("</section>")


def test_staff_see_every_form_the_largest_first_and_none_of_another_issue(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    articles = [newsroom.article(gazette, f"Nouvelle {number}").id for number in range(5)]
    issue = newsroom.draft_issue(gazette)
    forms = [("fr", Edition.FULL, articles), ("fr", Edition.TEXT, articles[:1]), ("en", Edition.LIGHT, articles[2:])]
    ids = lay(newsroom, gazette, issue, forms)
    with newsroom.database.reading() as session:
        rows = variants.page(session, issue.id)
        assert [(row.id, row.readers) for row in rows] == [(ids[2], 30), (ids[1], 20), (ids[0], 10)]
        assert rows[2].headlines == ["Nouvelle 0", "Nouvelle 1", "Nouvelle 2"]
        assert (rows[2].more, rows[1].more) == (2, 0)
        assert [row.id for row in variants.page(session, issue.id, skip=1, limit=1)] == [ids[1]]
        assert variants.mail_of(session, issue.id, ids[1], newsroom.here.links).html == ""
        with pytest.raises(NotFoundError):
            variants.mail_of(session, issue.id + 1, ids[0], newsroom.here.links)


def test_a_picture_is_shown_from_our_own_address_or_not_at_all(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    article = newsroom.article(gazette, image_url="https://elsewhere.example/pont.jpg", image_alt="Le pont")
    issue = newsroom.draft_issue(gazette)

    def html() -> str:
        with newsroom.database.reading() as session:
            found = session.get_one(Issue, issue.id)
            return preview.preview(session, found, language="fr", links=newsroom.here.links).html

    assert "<img" not in html()
    with newsroom.database.unit() as session:
        picture = session.scalar(select(Picture)) or Picture(
            url_key="x", source_url="x", status=PictureStatus.READY, created_at=newsroom.now
        )
        picture.status, picture.key, picture.content_type = PictureStatus.READY, KEY, "image/jpeg"
        picture.width, picture.height = 1072, 536
        session.add(picture)
        session.flush()
        session.execute(update(Article).where(Article.id == article.id).values(picture_id=picture.id))
    shown = html()
    assert f'src="https://news.example/media/{KEY}.jpg" alt="Le pont" width="536" height="268"' in shown
    assert "elsewhere.example" not in shown


def test_sections_of_the_rules_are_headings_of_the_issue(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    articles = [newsroom.article(gazette, f"Nouvelle {number}").id for number in range(3)]
    issue = newsroom.draft_issue(gazette)
    with newsroom.database.unit() as session:
        found = session.get_one(Issue, issue.id)
        found.rules = {"sections": [{"key": "pol", "title": "Politique"}], "updated": "mark"}
        session.execute(
            update(IssueArticle)
            .where(IssueArticle.issue_id == issue.id, IssueArticle.article_id.in_(articles[1:]))
            .values(section="pol")
        )
        session.execute(update(Article).where(Article.id == articles[1]).values(revised_at=newsroom.now))
    with newsroom.database.reading() as session:
        found = session.get_one(Issue, issue.id)
        mail = preview.preview(session, found, language="fr", links=newsroom.here.links, picked=articles)
    assert "POLITIQUE\n---------" in mail.text
    assert mail.text.count("Mis à jour") == 1
    assert "Mis à jour\u00a0: Nouvelle 1" in mail.text


def test_variants_of_an_issue_share_the_blocks_they_are_read_from(newsroom: Newsroom) -> None:
    gazette = newsroom.newsletter()
    articles = [newsroom.article(gazette, f"Nouvelle {number}").id for number in range(6)]
    issue = newsroom.draft_issue(gazette)
    ids = lay(newsroom, gazette, issue, [("fr", Edition.FULL, articles), ("fr", Edition.FULL, articles[:1])])
    contents = IssueContents(newsroom.here)
    statements: list[str] = []
    event.listen(newsroom.database.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    with newsroom.database.reading() as session:
        contents.prepared(session, ids[0])
        assert sum("FROM blocks" in statement for statement in statements) == 1
        second = contents.prepared(session, ids[1])
        assert sum("FROM blocks" in statement for statement in statements) == 1
        assert contents.prepared(session, ids[1]) is second
        variant = session.get_one(Variant, ids[1])
        mail = assemble(blocks_of(session, variant), subject=variant.subject, preheader=variant.preheader)
    assert fill_for_nobody(mail.subject) == "Nouvelle 0"
