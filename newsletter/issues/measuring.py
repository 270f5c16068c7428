"""An issue and what is measured of it: its links as readers follow them, as staff see them, and as they are tried."""

from dataclasses import replace
from typing import Final, NamedTuple

from newsletter.core.templating import RenderedMail
from newsletter.core.urls import Links
from newsletter.delivery.slots import SLOT_CLICKER, SLOT_OPENER
from newsletter.newsletters.models import Measure
from newsletter.tracking.rewriting import LinkBook, resolve, rewrite

NO_ISSUE: Final = 0  # in the links of a message that is only tried

# Shown by nothing, read out by nothing, and 1 pixel where a program shows it all the same.
_PIXEL: Final = (
    '<img src="{}" width="1" height="1" alt="" role="presentation" style="display:block;width:1px;height:1px;border:0">'
)
_END: Final = "</body>"


class Measures(NamedTuple):
    """What is measured of an issue."""

    clicks: Measure = Measure.OFF
    opens: Measure = Measure.OFF


def as_sent(html: str, issue_id: int, measures: Measures, links: Links) -> str:
    """A piece as readers get it: an address of ours for each mark, with a slot behind it where readers are known."""
    whose = SLOT_CLICKER if measures.clicks is Measure.READER else ""
    return resolve(html, lambda number: links.click(issue_id, number) + whose)


def with_pixel(mail: RenderedMail, issue_id: int, measures: Measures, links: Links) -> RenderedMail:
    """The mail with the picture that tells of its opening, where that is wanted and there is any HTML."""
    if measures.opens is Measure.OFF or not mail.html:
        return mail
    whose = SLOT_OPENER if measures.opens is Measure.READER else ""
    pixel = _PIXEL.format(links.pixel(issue_id) + whose)
    before, end, after = mail.html.rpartition(_END)
    html = f"{before}{pixel}{end}{after}" if end else f"{mail.html}{pixel}\n"
    return replace(mail, html=html)


def as_tried(mail: RenderedMail, measures: Measures, links: Links) -> RenderedMail:
    """A mail with real addresses as readers would get it, with links that stand for nobody."""
    html = mail.html
    if measures.clicks is not Measure.OFF:
        html = as_sent(rewrite(html, LinkBook(links.site_url), follow=True), NO_ISSUE, measures, links)
    return with_pixel(replace(mail, html=html), NO_ISSUE, measures, links)
