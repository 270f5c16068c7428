"""What a page of subscribers was asked to look for, read from its address or its form."""

from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from newsletter.core.errors import NotFoundError
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.core.ids import LARGEST_ID
from newsletter.issues import narrowed
from newsletter.newsletters.models import Newsletter
from newsletter.subscriptions import queries
from newsletter.subscriptions.models import SubscriptionStatus
from newsletter.subscriptions.queries import SubscriptionRow
from newsletter.subscriptions.search import Find, Part
from newsletter.subscriptions.segments import queries as segments
from newsletter.subscriptions.segments.names import check
from newsletter.subscriptions.segments.reading import read_rule

MAX_TEXT = 320
MAX_TICKED = 1000


def find_in(values: MultiDict[str, str], newsletter_id: int) -> Find:
    """`q`, `status` and any number of `id`; what makes no sense is as if it were not there."""
    ids = sorted({number for number in values.getlist("id", type=int) if 0 < number <= LARGEST_ID})[:MAX_TICKED]
    status = values.get("status")
    return Find(
        newsletter_id,
        text=values.get("q", "").strip()[:MAX_TEXT],
        status=SubscriptionStatus(status) if status in set(SubscriptionStatus) else None,
        ids=tuple(ids),
    )


def find_or_segment(session: Session, values: MultiDict[str, str], newsletter: Newsletter) -> Find:
    """The same, or the readers of the segment that is named: NotFoundError when it is gone, RefusedError when its rule
    asks for what is gone.
    """
    if "segment" not in values:
        return find_in(values, newsletter.id)
    number = values.get("segment", type=int) or 0
    found = segments.by_id(session, newsletter.id, number if 0 < number <= LARGEST_ID else 0)
    rule = read_rule(found.rule)
    check(rule, narrowed.names(session, newsletter, [rule]))
    return Find(newsletter.id, part=Part(found.id, found.name, rule))


def in_words(find: Find) -> str:
    """Whom a search means."""
    if find.part:
        return _("Readers of the segment “%(name)s”", name=find.part.name)
    if find.ids:
        return ngettext("%(num)s reader who was ticked", "%(num)s readers who were ticked", len(find.ids))
    who = tab_words()[find.status] if find.status else _("All readers")
    if not find.text:
        return who
    if find.domain is not None:
        return _("%(who)s, of the domain %(domain)s", who=who, domain=find.domain)
    return _("%(who)s whose address or name begins with “%(text)s”", who=who, text=find.text)


def tab_words() -> dict[str, str]:
    """Subscribers by status, in the plural."""
    return {
        "active": _("Subscribed"),
        "pending": _("Awaiting"),
        "paused": _("On pause"),
        "ended": _("Gone"),
    }


def row(session: Session, newsletter: Newsletter, subscription_id: int) -> SubscriptionRow:
    """A subscription of a newsletter; NotFoundError when it is another's."""
    found = queries.by_id(session, subscription_id) if subscription_id <= LARGEST_ID else None
    if found is None or found.newsletter_id != newsletter.id:
        raise NotFoundError(_("This subscription does not exist."))
    return found
