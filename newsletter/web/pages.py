"""Jinja as the pages use it: templates from the top-level directory, sentences from the catalogue, dates as readers write them."""

from pathlib import Path

from flask import Flask
from jinja2 import FileSystemLoader, StrictUndefined

import newsletter
from newsletter.core import i18n
from newsletter.web import words
from newsletter.web.bars import bar_parts

TEMPLATES = Path(newsletter.__file__).parents[1] / "templates" / "web"


def set_up_pages(app: Flask) -> None:
    app.jinja_loader = FileSystemLoader(TEMPLATES)
    environment = app.jinja_env
    environment.undefined = StrictUndefined
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(i18n.gettext, i18n.ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.globals.update(bar_parts=bar_parts, word=words.word)
