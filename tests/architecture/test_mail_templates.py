"""Every mail is complete: a subject, text beside HTML, and no address of another host."""

import re

import pytest

from newsletter.core.templating import TEMPLATES, environment

MAILS = sorted(path.name for path in (TEMPLATES / "email").iterdir() if path.is_dir() and path.name != "parts")


@pytest.mark.parametrize("mail", MAILS)
def test_each_mail_has_a_subject_and_text_beside_html(mail):
    names = {path.name for path in (TEMPLATES / "email" / mail).iterdir()}
    # The subject of an issue is made of its stories.
    assert {"body.txt", "body.mjml"} | ({"subject.txt"} if mail != "digest" else set()) <= names


@pytest.mark.parametrize("path", sorted((TEMPLATES / "email").rglob("*.*")), ids=lambda path: str(path.name))
def test_each_template_can_be_read_and_names_no_host(path):
    source = path.read_text("utf-8")
    environment().parse(source)
    assert re.findall(r"(?:https?:)?//[a-z]", source) == []
