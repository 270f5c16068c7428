"""Jinja as the pages use it: sentences of the catalogue, dates as readers write them."""

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Flask, request
from flask.globals import request_ctx
from jinja2 import FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from newsletter.core import i18n
from newsletter.core.templating import TEMPLATES
from newsletter.newsletters.models import Newsletter
from newsletter.web import wishes, words
from newsletter.web.bars import bar_parts
from newsletter.web.charts import chart_points


def set_up_pages(app: Flask) -> None:
    app.jinja_loader = FileSystemLoader(TEMPLATES / "web")
    environment = app.jinja_env
    environment.undefined = StrictUndefined
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.add_extension("jinja2.ext.i18n")
    # Sentences are filled before they are escaped, so that a value can never bring markup along.
    environment.install_gettext_callables(i18n.gettext, i18n.ngettext, newstyle=False)  # type: ignore[attr-defined]
    environment.globals.update(bar_parts=bar_parts, word=words.word, day=day, moment=moment, clock=clock, marked=marked)
    environment.globals.update(answering=answering)
    environment.globals.update(chart_points=chart_points, next_run=wishes.next_run, hour_choices=wishes.hour_choices)


def answering() -> str:
    """What this page answers: "" a visit, "form" what was sent, "form here" where a visit would be answered too."""
    if request.method != "POST":
        return ""
    adapter = request_ctx.url_adapter
    return "form here" if adapter is not None and adapter.test(method="GET") else "form"


def marked(sentence: str, *, em: Mapping[str, str] = {}, strong: Mapping[str, str] = {}) -> Markup:
    """A translated sentence whose `%(name)s` are filled with emphasised values. Sentence and values are escaped."""
    values = {name: Markup("<em>{}</em>").format(value) for name, value in em.items()}
    values |= {name: Markup("<strong>{}</strong>").format(value) for name, value in strong.items()}
    return escape(sentence) % values


def day(at: datetime, of: Newsletter) -> str:
    """The day where the newsletter is at home: "Mercredi 13 septembre 2023"."""
    return i18n.format_date(at, zone=ZoneInfo(of.timezone))


def moment(at: datetime, of: Newsletter) -> str:
    """Day and hour where the newsletter is at home, inside a sentence."""
    return i18n.format_datetime(at, zone=ZoneInfo(of.timezone))


def clock(at: datetime) -> str:
    """Day and hour of this machine."""
    return i18n.format_datetime(at.astimezone())
