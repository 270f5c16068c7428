"""Every page of the desk says who may open it, and no page of it can run what is not ours."""

import re
from pathlib import Path

from flask import Flask

from newsletter.accounts.permissions import Permission
from newsletter.web.admin import VIEWS, blueprint
from newsletter.web.admin.guard import DECLARED

TEMPLATES = sorted((Path(__file__).parents[2] / "templates" / "web" / "admin").glob("*.html"))
OPEN = {"sign_in", "submit_sign_in", "sign_out", "password", "submit_password", "lost_password", "ask_for_password"}


def views() -> dict[str, object]:
    """Every view of the desk, by name."""
    app = Flask("doors")
    app.register_blueprint(blueprint)
    return {name.removeprefix("admin."): view for name, view in app.view_functions.items() if name.startswith("admin.")}


def test_every_route_declares_a_permission_or_that_it_is_open():
    undeclared = {name for name, view in views().items() if not hasattr(view, DECLARED)}
    assert not undeclared
    assert len(views()) > 30
    assert len(VIEWS) > 10


def test_only_the_way_in_is_open_to_anyone():
    assert {name for name, view in views().items() if getattr(view, DECLARED) is None} == OPEN


def test_what_changes_something_asks_for_more_than_reading():
    own_account = {"change_keys", "change_language", "revoke_session", "revoke_all_sessions"}
    posts = {
        name
        for name, view in views().items()
        if getattr(view, DECLARED) is Permission.READ
        and re.match(r"(add|change|create|end|send|withdraw|pause|resume)", name)
    }
    assert posts <= own_account


def test_no_template_of_the_desk_has_script_or_style_inside():
    for path in TEMPLATES:
        text = path.read_text("utf-8")
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", text), path.name


def test_every_form_that_posts_carries_the_token():
    for path in TEMPLATES:
        for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", path.read_text("utf-8"), re.DOTALL):
            assert "{{ csrf() }}" in form, f"{path.name}: {form[:80]}"
