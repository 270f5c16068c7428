"""A look is worn by what leaves, never stops an issue, and can be put back; what was frozen stays as it was."""

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.accounts.models import AuditEvent
from newsletter.core.errors import ConflictError, RefusedError
from newsletter.core.templating import TEMPLATES
from newsletter.issues import contents, dressing, wardrobe
from newsletter.issues.content import HOUSE, Dress
from newsletter.issues.models import Block, IssueStatus, Variant
from newsletter.issues.wardrobe import Fitting
from newsletter.newsletters import form_changes, queries
from newsletter.newsletters.look import Look, Pictures, Tints
from newsletter.newsletters.models import Newsletter
from newsletter.newsletters.sign_up_form import SignUpForm, Texts, read_form
from tests.support.newsroom import Newsroom

OWN = (TEMPLATES / "email" / "parts" / "own.mjml").read_text("utf-8")
RED = Look(light=Tints(accent="#8a1c1c", link="#8a1c1c"), footer="Écrit à Lomé.")


def wear(newsroom: Newsroom, newsletter: Newsletter, dress: Dress, **options: int) -> int:
    """Try a dress on and save it; the id of what was saved."""
    links = newsroom.here.links
    with newsroom.database.unit() as session:
        found = queries.by_id(session, newsletter.id)
        fitting = wardrobe.fit(session, found, dress, links=links, now=newsroom.now)
        return wardrobe.save(session, found, fitting, actor="akouvi", now=newsroom.now, **options).id


def spoil(newsroom: Newsroom, newsletter: Newsletter, **columns: object) -> None:
    """What no service of ours would write."""
    with newsroom.database.unit() as session:
        session.execute(update(Newsletter).where(Newsletter.id == newsletter.id).values(**columns))


def html_of(session: Session, issue_id: int) -> dict[str, str]:
    """The mail of each variant, by language and edition."""
    rows = session.scalars(select(Variant).where(Variant.issue_id == issue_id)).all()
    return {
        f"{row.language}:{row.edition}": "".join(block.html for block in contents.blocks_of(session, row))
        for row in rows
    }


def test_an_issue_leaves_in_the_look_of_its_newsletter_in_every_language(newsroom: Newsroom, gazette: Newsletter):
    wear(newsroom, gazette, Dress(RED))
    newsroom.reader(gazette, "ama@poste.example")
    newsroom.reader(gazette, "john@poste.example", language="en")
    issue = newsroom.draft_issue(gazette)
    newsroom.freeze(issue)
    with newsroom.database.reading() as session:
        mails = html_of(session, issue.id)
    assert set(mails) == {"fr:full", "en:full"}
    assert all("#8a1c1c" in html and "Lomé" in html for html in mails.values())


def test_own_mjml_is_worn_too(newsroom: Newsroom, gazette: Newsletter):
    wear(newsroom, gazette, Dress(template=OWN.replace("#f3f3f0", "#f0f3f1")))
    issue = newsroom.outgoing(gazette, "ama@poste.example")
    with newsroom.database.reading() as session:
        assert all("#f0f3f1" in html for html in html_of(session, issue.id).values())


def test_what_was_frozen_stays_as_it_was(newsroom: Newsroom, gazette: Newsletter):
    issue = newsroom.outgoing(gazette, "ama@poste.example")
    query = select(Block.key, Block.html, Block.text, Block.web_html).where(Block.issue_id == issue.id)
    with newsroom.database.reading() as session:
        before = session.execute(query.order_by(Block.id)).all()
    wear(newsroom, gazette, Dress(RED))
    with newsroom.database.reading() as session:
        assert session.execute(query.order_by(Block.id)).all() == before


@pytest.mark.parametrize(
    "columns",
    [
        {"look_template": "<!-- block: frame --><mjml></mjml>"},
        {"look_template": OWN.replace("{{ unsubscribe_url }}", "https://x.example/")},
        {"look": {"light": {"accent": "no colour"}}},
        {"look": {"logo": 3}},
    ],
)
def test_a_broken_look_never_stops_an_issue(newsroom: Newsroom, gazette: Newsletter, columns: dict[str, object]):
    spoil(newsroom, gazette, **columns)
    issue = newsroom.outgoing(gazette, "ama@poste.example")
    assert newsroom.issue(issue).audience == 1
    assert newsroom.issue(issue).status is IssueStatus.SENDING
    with newsroom.database.reading() as session:
        (html,) = html_of(session, issue.id).values()
        failed = queries.by_id(session, gazette.id).look_failed
    assert html.count("<html") == html.count("</html>") == 1
    assert "#14518c" in html
    if "look_template" in columns:
        assert failed is not None
        assert failed["issue"] == issue.number


def test_a_failed_look_is_forgotten_once_another_is_saved(newsroom: Newsroom, gazette: Newsletter):
    spoil(newsroom, gazette, look_template="nothing")
    newsroom.outgoing(gazette, "ama@poste.example")
    wear(newsroom, gazette, Dress(RED))
    with newsroom.database.reading() as session:
        assert queries.by_id(session, gazette.id).look_failed is None


def test_what_does_not_fit_is_not_saved(newsroom: Newsroom, gazette: Newsletter):
    with pytest.raises(RefusedError, match="unsubscribe_url"):
        wear(newsroom, gazette, Dress(template=OWN.replace("{{ unsubscribe_url }}", "https://x.example/")))
    heavy = OWN.replace("<!-- block: card -->\n", f"<!-- block: card -->\n<mj-text><p>{'x ' * 6_000}</p></mj-text>\n")
    heavy = heavy.replace("<!-- block: lead -->\n", f"<!-- block: lead -->\n<mj-text><p>{'x ' * 6_000}</p></mj-text>\n")
    with newsroom.database.reading() as session:
        found = queries.by_id(session, gazette.id)
        fitting = wardrobe.fit(session, found, Dress(template=heavy), links=newsroom.here.links, now=newsroom.now)
        assert fitting.weight < 90_000  # what is too heavy becomes a line
        assert found.look is None


def test_a_look_is_put_back_and_the_oldest_are_forgotten(newsroom: Newsroom, gazette: Newsletter):
    first = wear(newsroom, gazette, Dress(RED))
    second = wear(newsroom, gazette, HOUSE, seen=first)
    with newsroom.database.reading() as session:
        found = queries.by_id(session, gazette.id)
        assert found.look is None
        kept = wardrobe.dress_kept(session, found, first, newsroom.here.links)
        assert [item.id for item in wardrobe.history(session, gazette.id)] == [second, first]
    wear(newsroom, gazette, kept, seen=second)
    with newsroom.database.unit() as session:
        found = queries.by_id(session, gazette.id)
        for _time in range(wardrobe.KEPT):
            wardrobe.save(session, found, Fitting(HOUSE, 0), actor="akouvi", now=newsroom.now)
    with newsroom.database.reading() as session:
        assert len(wardrobe.history(session, gazette.id)) == wardrobe.KEPT
        with pytest.raises(RefusedError):
            wardrobe.find(session, gazette.id, first)


def test_nobody_overwrites_the_look_of_another_and_each_is_recorded(newsroom: Newsroom, gazette: Newsletter):
    first = wear(newsroom, gazette, Dress(RED))
    wear(newsroom, gazette, Dress(Look(pictures=Pictures.NONE)), seen=first)
    with pytest.raises(ConflictError):
        wear(newsroom, gazette, Dress(RED), seen=first)
    with newsroom.database.reading() as session:
        looks = select(AuditEvent).where(AuditEvent.action == "newsletter.look").order_by(AuditEvent.id)
        events = session.scalars(looks).all()
        assert [event.details["after"]["look"] for event in events][-1] == {"pictures": "none"}
        assert events[-1].details["before"]["look"]["footer"] == "Écrit à Lomé."


def test_the_look_of_another_newsletter_cannot_be_put_back(newsroom: Newsroom, gazette: Newsletter):
    other = newsroom.newsletter("autre")
    theirs = wear(newsroom, other, Dress(RED))
    with newsroom.database.reading() as session, pytest.raises(RefusedError):
        wardrobe.dress_kept(session, queries.by_id(session, gazette.id), theirs, newsroom.here.links)


def test_the_house_s_mjml_begins_in_the_colours_of_the_look():
    text = dressing.starting_text(Look(light=Tints(link="#1a5c3a", sheet="#fffaf0")))
    assert "#1a5c3a" in text
    assert "#fffaf0" in text
    assert "#14518c" not in text


def test_each_wording_of_the_consent_is_kept(newsroom: Newsroom, gazette: Newsletter):
    said = ("J’accepte de recevoir la Gazette.", "J’accepte de recevoir la Gazette du soir.")
    ids = []
    for text in said:
        with newsroom.database.unit() as session:
            found = queries.by_id(session, gazette.id)
            asked = SignUpForm({"fr": Texts(consent=text)})
            form_changes.change_form(session, found, asked, actor="akouvi", now=newsroom.now)
            ids.append(read_form(found.form).wordings["fr"])
    other = newsroom.newsletter("autre")
    with newsroom.database.reading() as session:
        assert [form_changes.wording(session, gazette.id, item) for item in ids] == list(said)
        assert form_changes.wording(session, other.id, ids[0]) is None
