"""The log in words: each action that the code records, who acts, and what an event's details say."""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from newsletter.accounts.models import Role
from newsletter.core.i18n import gettext as _
from newsletter.core.i18n import ngettext
from newsletter.issues.models import Trigger
from newsletter.web.admin.formats import role_word

SHOWN_APART = ("changed", "texts", "places", "before", "after")
SHORT = 160


def actions() -> dict[str, str]:
    """What was done, by the name of the action. A test compares them with the names in the code."""
    return {
        "user.created": _("Invited somebody"),
        "user.signed_in": _("Signed in"),
        "user.password_set": _("Chose a password"),
        "user.password_asked": _("A new password was asked for"),
        "user.link_sent": _("Sent a link to come in"),
        "user.rights_changed": _("Changed somebody's rights"),
        "user.disabled": _("Closed an account"),
        "user.enabled": _("Opened an account again"),
        "user.sessions_ended": _("Signed somebody out everywhere"),
        "session.revoked": _("Signed one of their browsers out"),
        "session.revoked_all": _("Signed out everywhere"),
        "newsletter.created": _("Created a newsletter"),
        "newsletter.changed": _("Changed a newsletter"),
        "newsletter.rules": _("Changed what digests hold"),
        "newsletter.look": _("Changed the look of mails"),
        "newsletter.form": _("Changed the sign-up form"),
        "newsletter.measuring_changed": _("Changed what is measured"),
        "schedule.added": _("Added a rhythm"),
        "schedule.changed": _("Changed a rhythm"),
        "schedule.paused": _("Paused a rhythm"),
        "schedule.resumed": _("Resumed a rhythm"),
        "schedule.removed": _("Removed a rhythm"),
        "topic.added": _("Added a topic"),
        "topic.renamed": _("Renamed a topic"),
        "topic.removed": _("Removed a topic"),
        "domain.rotation_begun": _("Made new signing keys"),
        "domain.rotation_finished": _("Put the new signing keys to use"),
        "domain.rotation_abandoned": _("Dropped the new signing keys"),
        "article.added": _("Added an article"),
        "article.changed": _("Changed an article"),
        "article.filed": _("Filed an article under another topic"),
        "article.withdrawn": _("Withdrew an article"),
        "article.put_back": _("Put an article back"),
        "article.placed": _("Placed an article"),
        "feed.added": _("Added a feed"),
        "feed.polled": _("Had a feed read at once"),
        "feed.paused": _("Paused a feed"),
        "feed.resumed": _("Resumed a feed"),
        "feed.removed": _("Removed a feed"),
        "issue.composed": _("Composed an issue"),
        "issue.written": _("Changed the texts of an issue"),
        "issue.added": _("Put an article into an issue"),
        "issue.dropped": _("Took an article out of an issue"),
        "issue.moved": _("Moved an article in an issue"),
        "issue.refreshed": _("Composed an issue again"),
        "issue.articles_changed": _("An article of an issue was changed at its source"),
        "issue.review_begun": _("Put an issue up for approval"),
        "issue.approved": _("Approved an issue"),
        "issue.overruled": _("Overruled what was found about an issue"),
        "issue.stopped": _("Stopped an issue for what was found"),
        "issue.scheduled": _("Scheduled an issue"),
        "issue.pulled_back": _("Pulled an issue back"),
        "issue.sent": _("Sent an issue"),
        "issue.paused": _("Paused an issue"),
        "issue.resumed": _("Let an issue go on"),
        "issue.cancelled": _("Cancelled an issue"),
        "issue.breaking": _("Sent breaking news"),
        "issue.corrected": _("Sent a correction"),
        "issue.narrowed": _("Chose who gets an issue"),
        "issue.tested": _("Sent a proof of an issue"),
        "issue.undone": _("Undid a step of an issue"),
        "issue.redone": _("Redid a step of an issue"),
        "issue.slowed": _("Slowed an issue down"),
        "issue.at_full_speed": _("Let an issue leave as fast as possible"),
        "issue.resent": _("Sent an issue again to those it missed"),
        "segment.added": _("Made a segment"),
        "segment.changed": _("Changed a segment"),
        "segment.removed": _("Removed a segment"),
        "subscriber.added": _("Added a subscriber"),
        "subscriber.ended": _("Ended a subscription"),
        "subscriber.paused": _("Paused a subscription"),
        "subscriber.resumed": _("Ended the break of a subscription"),
        "subscriber.asked_again": _("Sent a confirmation again"),
        "subscribers.bulk_started": _("Began to change many subscriptions"),
        "subscribers.bulk_done": _("Changed many subscriptions"),
        "subscribers.bulk_undone": _("Asked to undo a change of many subscriptions"),
        "subscribers.bulk_put_back": _("Undid a change of many subscriptions"),
        "subscribers.imported": _("Brought a file of readers"),
        "address.blocked": _("Blocked an address"),
        "address.unblocked": _("Unblocked an address"),
        "lane.limited": _("Changed the limits of a lane"),
        "lane.paused": _("Paused a lane"),
        "lane.slowed": _("Slowed a lane down"),
        "lane.resumed": _("Resumed a lane"),
        "relay.created": _("Added a relay"),
        "relay.changed": _("Changed a relay"),
        "relay.removed": _("Removed a relay"),
        "relay.warm_up_moved": _("Moved a warm-up on"),
        "relay.warm_up_ended": _("Ended a warm-up"),
        "relay.warm_up_set": _("Set a warm-up by hand"),
        "mailbox.added": _("Added a mailbox for bounces"),
        "mailbox.changed": _("Changed a mailbox for bounces"),
        "mailbox.removed": _("Removed a mailbox for bounces"),
        "webhook.added": _("Added a webhook"),
        "webhook.removed": _("Removed a webhook"),
        "bounces.applied": _("Applied bounces that were held"),
        "bounces.discarded": _("Discarded bounces that were held"),
    }


def subjects() -> dict[str, str]:
    """What an event is about, by its name in the record."""
    return {
        "user": _("Staff"),
        "newsletter": _("Newsletters"),
        "schedule": _("Rhythms"),
        "topic": _("Topics"),
        "domain": _("Sending domains"),
        "article": _("Articles"),
        "feed": _("Feeds"),
        "issue": _("Issues"),
        "subscription": _("Subscriptions"),
        "subscriber": _("Subscribers"),
        "segment": _("Segments"),
        "bulk": _("Changes of many at once"),
        "reader_file": _("Files of readers"),
        "lane": _("Lanes"),
        "relay": _("Relays"),
        "mailbox": _("Mailboxes"),
        "webhook": _("Webhooks"),
        "bounces": _("Bounces"),
    }


def actors() -> dict[str, str]:
    """What acts by itself."""
    return {
        "schedule": _("the schedule"),
        "preflight": _("the look before sending"),
        "brake": _("the brake"),
        "source": _("the source of an article"),
        "reputation": _("the watch on domains"),
        "warm-up": _("the warm-up"),
        "first start": _("the first start"),
        "sign-in page": _("somebody on the sign-in page"),
    }


def action_in_words(action: str) -> str:
    return actions().get(action, action)


def actor_in_words(actor: str) -> str:
    if actor.startswith("command"):
        return _("the command line%(who)s", who=actor.removeprefix("command"))
    return actors().get(actor, actor)


def fields() -> dict[str, str]:
    """What is called otherwise on the pages than in the record; the others stand as they are."""
    return {
        "name": _("Name"),
        "rights": _("Rights"),
        "subject": _("Subject"),
        "introduction": _("Introduction"),
        "from_address": _("Sender's address"),
        "from_name": _("Sender's name"),
        "reply_to": _("Answers go to"),
        "language": _("Language"),
        "timezone": _("Time zone"),
        "publisher": _("Publisher"),
        "description": _("Description"),
        "postal_address": _("Postal address"),
        "schedule": _("Main rhythm"),
        "rule": _("Rule"),
        "rules": _("Rules"),
        "review": _("Review"),
        "approvers": _("Approvers"),
        "place": _("Place"),
        "email": _("Address"),
        "newsletter": _("Newsletter"),
        "slug": _("Short name"),
        "reason": _("Reason"),
        "why": _("Reason"),
        "send_at": _("Leaves at"),
        "title": _("Title"),
        "summary": _("Summary"),
        "body": _("Text"),
        "author": _("Author"),
        "source_name": _("Source"),
        "url": _("Address of the article"),
        "image_url": _("Address of the picture"),
        "image_alt": _("Description of the picture"),
        "published_at": _("Published on"),
        "topic": _("Topic"),
        "withdrawn_at": _("Withdrawn on"),
        "article": _("Article"),
        "articles": _("Articles"),
        "trigger": _("Composed by"),
        "resend_unknown": _("Broken connections sent again"),
        "per_second": _("Messages a second"),
        "per_day": _("Messages a day (UTC)"),
        "concurrency": _("Messages under way at once"),
        "relay_id": _("Relay"),
        "domain": _("Domain"),
    }


def changes(details: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(field, before, after) of what an event changed."""
    words = fields()
    pairs = [*_pairs(details.get("changed")), *_pairs(details.get("texts"))]
    if isinstance(places := details.get("places"), list) and len(places) == 2:
        pairs.append(("place", places))
    if "before" in details and "after" in details:
        pairs.append((str(details.get("provider") or "name"), [details["before"], details["after"]]))
    return [(words.get(name, name), value(name, two[0]), value(name, two[1])) for name, two in pairs]


def remarks(details: Mapping[str, Any], told: Collection[str] = ()) -> list[tuple[str, str]]:
    """(field, value) of what else an event says, without the fields that are `told` already."""
    words = fields()
    shown = [(name, item) for name, item in details.items() if name not in SHOWN_APART and name not in told]
    if isinstance(listed := details.get("changed"), list):  # as it was kept once: names only
        shown.append(("changed", listed))
    return [(words.get(name, name), value(name, item)) for name, item in shown if item not in (None, "", [], {})]


def triggers() -> dict[str, str]:
    """What made an issue be composed."""
    return {Trigger.BUTTON: _("a button"), Trigger.COMMAND: _("a command"), Trigger.SCHEDULE: _("its rhythm")}


def value(name: str, item: Any) -> str:
    if item in (None, "", [], {}):
        return "–"
    if name == "rights" and isinstance(item, dict):
        return ", ".join(_right(where, str(role)) for where, role in item.items())
    if name in ("body", "summary") and isinstance(item, dict):
        return ngettext(
            "%(num)s character (fingerprint %(fingerprint)s)",
            "%(num)s characters (fingerprint %(fingerprint)s)",
            int(item.get("characters") or 0),
            fingerprint=item.get("fingerprint"),
        )
    if name == "relay_id" and not item:
        return _("all")
    if name == "trigger":
        return triggers().get(str(item), str(item))
    if isinstance(item, bool):
        return _("yes") if item else _("no")
    if isinstance(item, list) and all(not isinstance(part, list | dict) for part in item):
        text = ", ".join(str(part) for part in item)
    elif isinstance(item, list | dict):
        text = json.dumps(item, ensure_ascii=False, sort_keys=True)
    else:
        text = str(item)
    return text if len(text) <= SHORT else text[:SHORT] + "…"


def _right(where: str, role: str) -> str:
    word = role_word(Role(role)) if role in set(Role) else role
    return word if where == "*" else f"{where}{_(': ')}{word}"


def _pairs(found: Any) -> Iterator[tuple[str, list[Any]]]:
    if isinstance(found, dict):
        for name, two in found.items():
            if isinstance(two, list) and len(two) == 2:
                yield str(name), two
