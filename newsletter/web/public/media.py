"""Pictures that issues show. An address names its content, so it may be kept for ever."""

import re

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from newsletter.articles import pictures
from newsletter.core.urls import MEDIA_TYPES
from newsletter.web.context import installation
from newsletter.web.static_files import FOREVER

blueprint = Blueprint("media", __name__)

KEY = re.compile(r"[0-9a-f]{64}")
# Opened by itself a picture is a document of our origin: nothing in it may run.
ALONE = "default-src 'none'; sandbox"


@blueprint.get("/media/<key>.<ending>")
def media(key: str, ending: str) -> Response:
    if not KEY.fullmatch(key):
        raise NotFound
    with installation().database.reading() as session:
        found = pictures.file_of(session, key)
    if found is None or MEDIA_TYPES[found[1]] != ending:
        raise NotFound
    data, content_type = found
    response = Response(data, content_type=content_type)
    response.headers["Cache-Control"] = FOREVER
    response.headers["Content-Security-Policy"] = ALONE
    # Mail programs on the web load it into pages of theirs.
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.set_etag(key)
    response.make_conditional(request)
    return response
