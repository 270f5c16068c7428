"""What a reader may say to being measured by name, as fields of the preferences, and what is measured, in sentences."""

from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from newsletter.core.i18n import gettext as _
from newsletter.newsletters.models import Measure, Newsletter
from newsletter.subscriptions.models import Measuring
from newsletter.tracking.following import COUNTED_FOR


@dataclass(frozen=True, slots=True)
class Answer:
    """One of the answers: `value` in the form, and what it means."""

    value: str
    label: str
    said: Measuring | None
    chosen: bool


def name_of(newsletter: Newsletter) -> str:
    """The name of the field."""
    return f"n{newsletter.id}-measuring"


def answers(newsletter: Newsletter, said: Measuring | None) -> list[Answer]:
    """What a reader may answer; nothing where the newsletter measures nobody by name. An answer that says no more than
    what was said before leaves it as it was.
    """
    clicks, opens = newsletter.clicks is Measure.READER, newsletter.opens is Measure.READER
    nothing = _("Nothing by my name: what I do is only counted")
    links = _("The links that I follow")
    if clicks and opens:
        everything = _("The links that I follow, and whether I open messages")
        offered = [(Measuring.AGREED, everything), (None, links), (Measuring.REFUSED, nothing)]
    elif opens:
        silent = Measuring.REFUSED if said is Measuring.REFUSED else None
        offered = [(Measuring.AGREED, _("Whether I open messages")), (silent, nothing)]
    elif clicks:
        silent = Measuring.AGREED if said is Measuring.AGREED else None
        offered = [(silent, links), (Measuring.REFUSED, nothing)]
    else:
        offered = []
    return [Answer(item or "", label, item, item is said) for item, label in offered]


def sent(newsletter: Newsletter, said: Measuring | None, form: MultiDict[str, str]) -> Answer | None:
    """The answer that a form gives; None when it gives none of those that there are."""
    given = form.get(name_of(newsletter))
    return next((answer for answer in answers(newsletter, said) if answer.value == given), None)


def sentences(newsletter: Newsletter) -> list[str]:
    """What a newsletter measures, to its readers."""
    found = []
    if newsletter.clicks is Measure.ANONYMOUS:
        found.append(_("How often each link is followed, and not by whom."))
    if newsletter.clicks is Measure.READER:
        days = COUNTED_FOR.days
        found.append(
            _("Which links you follow, for %(days)s days at most. You can object to it in your preferences.", days=days)
        )
    if newsletter.opens is not Measure.OFF:
        found.append(_("How often an issue is opened, by a picture of one dot that is the same for everybody."))
    if newsletter.opens is Measure.READER:
        found.append(_("Whether you open messages, only if you agreed to it in your preferences."))
    return found
