"""Where providers report bounces and complaints to. What is not theirs is turned away unread; the rest is written down
before they hear that it was taken, and read later.
"""

import logging

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from newsletter.core.clock import utc_now
from newsletter.feedback import tools, webhooks
from newsletter.feedback.providers import ForgedError, Request, UncertainError
from newsletter.web.context import installation
from newsletter.web.security import keep_private

log = logging.getLogger(__name__)

blueprint = Blueprint("hooks", __name__)


@blueprint.post("/hooks/<provider>/<token>")
def take(provider: str, token: str) -> Response:
    keep_private()
    request.max_content_length = webhooks.LARGEST
    here = installation()
    with here.database.reading() as session:
        door = webhooks.find(session, provider, token, here.vault)
    if door is None:
        raise NotFound
    body = request.get_data(cache=False)
    asked = Request({name.lower(): value for name, value in request.headers.items()}, body)
    now = utc_now()
    try:
        sameness = webhooks.verify(door, asked, fetch=tools.fetch_plainly, now=now)
    except ForgedError as error:
        with here.database.unit() as session:
            webhooks.turn_away(session, door, str(error))
        return _say(403, "not accepted")
    except UncertainError as error:
        log.warning("a webhook of %s cannot be verified now: %s", provider, error)
        return _say(503, "try again later")
    with here.database.unit() as session:
        webhooks.take(session, door, body, sameness, now=now)
    return _say(200, "taken")


@blueprint.get("/hooks/<provider>/<token>")
def look(provider: str, token: str) -> Response:
    """Some providers ask first whether anybody is there."""
    keep_private()
    with installation().database.reading() as session:
        if webhooks.find(session, provider, token, installation().vault) is None:
            raise NotFound
    return _say(200, "reports are posted here")


def _say(status: int, words: str) -> Response:
    return Response(words + "\n", status=status, content_type="text/plain; charset=utf-8")
