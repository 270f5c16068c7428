"""A user who is limited to one newsletter sees and changes that one, whatever address they guess.

The first tests walk over every route of the desk, so a new one that forgets to ask fails here.
"""

import re
from collections.abc import Iterator

import pytest
from werkzeug.routing import Rule

from newsletter.accounts.models import Role
from newsletter.accounts.permissions import Permission
from newsletter.articles.models import Placement
from newsletter.core.clock import utc_now
from newsletter.newsletters import queries as newsletters
from newsletter.web.admin.guard import DECLARED, REACH, Reach
from tests.functional.conftest import House
from tests.support.staff import TOKEN, Staff

# What everybody who is signed in may open: their own account, and pages that show what is theirs.
SHARED = {
    "account",
    "add_feed",
    "be_present",
    "change_keys",
    "change_language",
    "desk",
    "export_feeds",
    "feeds",
    "import_feeds",
    "keys",
    "moving",
    "newsletters",
    "revoke_all_sessions",
    "revoke_session",
}
BOTH = 5  # rows with these ids, of either kind, exist in the newsletter that is not theirs


@pytest.fixture
def two(house: House) -> House:
    """`depeche` and `gazette`, each with articles, an issue that was sent, a draft, readers and a feed of its own."""
    house.add_newsletter("gazette", "La Gazette", language="fr")
    for slug, name in (("depeche", "Dépêche"), ("gazette", "Gazette")):
        house.add_readers(slug, f"{slug}-a", f"{slug}-b")
        house.send_digest(slug, f"{name} un", f"{name} deux")
        house.__dict__.setdefault("feeds", {})[slug] = house.add_feed(f"https://{slug}.example/flux", slug, title=name)
    return house


def limited(house: House, role: Role, only: str = "depeche") -> Staff:
    return Staff(house.reader()).come_in(house.staff_link(role, f"{role}-{only}@news.example", only=only))


def rules(house: House) -> Iterator[tuple[Rule, str, object]]:
    """(rule, name of the view, view) of the desk."""
    for rule in house.app.url_map.iter_rules():
        if rule.endpoint.startswith("admin."):
            yield rule, rule.endpoint.removeprefix("admin."), house.app.view_functions[rule.endpoint]


def others(house: House) -> list[tuple[str, str, str]]:
    """(view, method, address) of every page that is not the user's, with whatever ids the other newsletter has."""
    found = []
    adapter = house.app.url_map.bind("localhost")
    for rule, name, view in rules(house):
        if view.__dict__[DECLARED] is None or view.__dict__[REACH] is Reach.SHARED:
            continue
        for method in sorted((rule.methods or set()) & {"GET", "POST", "PUT", "DELETE"}):
            for number in range(1, BOTH + 1):
                if "issue_id" in rule.arguments and number not in other_issues(house):
                    continue
                if "feed_id" in rule.arguments and number != house.__dict__["feeds"]["gazette"]:
                    continue
                values = dict.fromkeys(rule.arguments, number) | {"slug": "gazette"}
                chosen = {key: value for key, value in values.items() if key in rule.arguments}
                found.append((name, method, adapter.build(rule.endpoint, chosen, method=method)))
    return sorted(set(found))


def other_issues(house: House) -> list[int]:
    """Ids of the issues of `gazette`, as an owner's list of them shows."""
    if not hasattr(house, "other_issues"):
        owner = Staff(house.reader()).come_in(house.staff_link(Role.OWNER, "finder@news.example"))
        owner.get("/admin/newsletters/gazette/issues")
        house.__dict__["other_issues"] = [int(found) for found in re.findall(r"/admin/issues/(\d+)", owner.page)]
    found: list[int] = house.__dict__["other_issues"]
    assert found
    return found


def test_every_route_refuses_what_belongs_to_another_newsletter(two: House):
    """With the most that a limited user may have: each lesser role has less."""
    person = limited(two, Role.EDITOR)
    person.get("/admin/account")
    asked = others(two)
    names = {name for name, _method, _address in asked}
    assert len(names) > 40
    assert {"feed", "change_feed"} <= names
    for name, method, address in asked:
        if method == "GET":
            answer = person.client.get(address)
        else:
            answer = person.client.open(address, method=method, data={"csrf_token": person._token, "do": "save"})
        assert answer.status_code in (403, 404), f"{method} {address} ({name}) answers {answer.status_code}"
        if method == "GET":
            assert "Gazette" not in answer.get_data(as_text=True), f"{address} tells what it refuses"


def test_a_page_without_a_newsletter_is_closed_unless_it_declares_to_show_what_is_theirs(two: House):
    assert {name for _rule, name, view in rules(two) if view.__dict__.get(REACH) is Reach.SHARED} == SHARED


def test_pages_that_are_shared_show_their_own_newsletter_only(two: House):
    person = limited(two, Role.EDITOR)
    adapter = two.app.url_map.bind("localhost")
    for rule, name, view in rules(two):
        if view.__dict__.get(REACH) is Reach.SHARED and "GET" in (rule.methods or ()) and not rule.arguments:
            assert person.get(adapter.build(f"admin.{name}")).status_code == 200
            assert "azette" not in person.page, name
    assert "Dépêche" in person.page


def test_their_own_newsletter_is_open_to_them_by_the_role_they_have_for_it(two: House):
    opened = {
        "/admin/newsletters/depeche/issues": (200, 200, 200),
        "/admin/newsletters/depeche/articles/new": (200, 200, 403),
        "/admin/newsletters/depeche/subscribers/new": (200, 403, 403),
        "/admin/newsletters/depeche/settings": (403, 403, 403),
        "/admin/deliverability": (403, 403, 403),
        "/admin/feeds": (200, 200, 200),
        "/admin/relays": (403, 403, 403),
    }
    for at, role in enumerate((Role.EDITOR, Role.AUTHOR, Role.ANALYST)):
        person = limited(two, role)
        assert {path: person.get(path).status_code for path in opened} == {
            path: statuses[at] for path, statuses in opened.items()
        }


def test_another_newsletter_and_one_that_does_not_exist_are_refused_in_the_same_words(two: House):
    person = limited(two, Role.EDITOR)
    pairs = (
        ("newsletters/gazette/issues", "newsletters/nothing/issues"),
        (f"issues/{other_issues(two)[0]}", "issues/999"),
        (f"feeds/{two.__dict__['feeds']['gazette']}", "feeds/999"),
    )
    for pair in pairs:
        said = set()
        for path in pair:
            assert person.get(f"/admin/{path}").status_code == 404
            said.add(TOKEN.sub("", person.page))
        assert len(said) == 1, pair


def test_ids_of_another_newsletter_are_refused_under_the_name_of_their_own(two: House):
    """A reader, an article or a run of `gazette`, asked for as if it were of `depeche`."""
    person, owner = limited(two, Role.EDITOR), Staff(two.reader()).come_in(two.staff_link())
    for kind in ("subscribers", "articles", "runs"):
        owner.get(f"/admin/newsletters/gazette/{kind}")
        ids = set(re.findall(rf"/admin/newsletters/gazette/{kind}/(\d+)", owner.page))
        assert ids, kind
        for number in ids:
            assert person.get(f"/admin/newsletters/depeche/{kind}/{number}").status_code == 404, kind


def test_an_article_that_another_newsletter_has_too_is_not_theirs_alone_to_change(two: House):
    owner, person = Staff(two.reader()).come_in(two.staff_link()), limited(two, Role.EDITOR)
    owner.get("/admin/newsletters/gazette/articles")
    number = re.search(r"/admin/newsletters/gazette/articles/(\d+)", owner.page)
    assert number
    with two.installation.database.unit() as session:
        into = newsletters.by_slug(session, "depeche").id
        session.add(Placement(newsletter_id=into, article_id=int(number[1]), placed_at=utc_now()))
    path = f"/admin/newsletters/depeche/articles/{number[1]}"
    assert person.get(path).status_code == 200
    assert person.post(path, title="Faux titre", body="Faux texte.").status_code == 422
    assert "La Gazette" not in person.page
    owner.get(path)
    assert owner.post(path, title="Titre juste", body="Un texte juste.").status_code == 200


def test_a_permission_covers_every_view_that_declares_one(two: House):
    for _rule, name, view in rules(two):
        declared = view.__dict__.get(DECLARED, "nothing")
        assert declared is None or (isinstance(declared, Permission) and isinstance(view.__dict__[REACH], Reach)), name


def test_who_is_at_an_issue_is_told_to_those_who_may_see_it(two: House):
    theirs, strange = other_issues(two), limited(two, Role.EDITOR)
    strange.get("/admin/")
    assert strange.post(f"/admin/presence/issue/{theirs[0]}").status_code == 404
    assert strange.post("/admin/presence/nothing/1").status_code == 404
    own = limited(two, Role.EDITOR, "gazette")
    own.get("/admin/")
    assert own.post(f"/admin/presence/issue/{theirs[0]}").status_code == 200
