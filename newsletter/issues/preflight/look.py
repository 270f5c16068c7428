"""Looking at a message before it leaves, without a network and without a database."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from newsletter.delivery import slots
from newsletter.issues.preflight import legible, links, pictures, programs, seen, structure, titles, unfilled
from newsletter.issues.preflight.findings import Finding, merged
from newsletter.issues.preflight.page import read_page


@dataclass(frozen=True, slots=True)
class Copy:
    """A form of an issue, with the marks of `delivery.slots`; `html` is empty for one that is text only. `values` are a
    sample reader's, by mark.
    """

    subject: str
    preheader: str
    html: str
    text: str
    values: Mapping[str, str] = field(default_factory=dict)

    def parts(self) -> dict[str, str]:
        """What is filled, by name."""
        return {"subject": self.subject, "preheader": self.preheader, "html": self.html, "text": self.text}


def look(copy: Copy) -> list[Finding]:
    """Everything that can be said of a message by looking at it, the worst first."""
    filled = fill(copy)
    findings = [*unfilled.check(copy.parts(), copy.values), *titles.check(filled.subject, filled.preheader)]
    page = read_page(filled.html)
    leave_by = copy.values.get(slots.SLOT_UNSUBSCRIBE, slots.SLOT_UNSUBSCRIBE)
    findings += links.leaving(page, filled.text, leave_by, html=bool(filled.html))
    if filled.html:
        by_day, by_night = seen.texts(page)
        findings += [
            *links.check(page),
            *pictures.check(page),
            *structure.check(page, filled.html, filled.text, by_day),
            *legible.check(by_day, by_night),
            *programs.check(page),
        ]
    return merged(findings)


def addresses(copy: Copy) -> tuple[list[str], list[str]]:
    """(links, pictures) of a message on the web, each once."""
    page = read_page(fill(copy).html)
    return links.addresses(page), pictures.addresses(page)


def fill(copy: Copy) -> Copy:
    """The message as the sample reader gets it; a mark without a value stays as it is."""
    html = _fill(copy.html, copy.values, html=True)
    subject, preheader, text = (_fill(part, copy.values) for part in (copy.subject, copy.preheader, copy.text))
    return Copy(subject, preheader, html, text, copy.values)


def _fill(text: str, values: Mapping[str, str], *, html: bool = False) -> str:
    known = {mark: values.get(mark, mark) for mark in slots.split(text)[1::2]}
    return slots.fill(text, known, html=html)
