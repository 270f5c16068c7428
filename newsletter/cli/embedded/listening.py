"""Takes the web server's address before anything else is done, so that a busy port is one clear line."""

import errno
import os
import socket

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _
from newsletter.core.settings import Settings

BACKLOG = 1024


def listen(settings: Settings) -> socket.socket:
    """A socket that listens where the settings say; RefusedError when that cannot be."""
    host, port = settings.host, settings.port
    try:
        return socket.create_server((host, port), backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            text = _(
                "Port %(port)s is busy: another program listens on it. Set NEWSLETTER_PORT to a free one.", port=port
            )
        else:
            # A host that has no address comes without a system error; the text of the others repeats the address.
            number = error.errno or 0
            text = _(
                "Cannot listen on %(host)s port %(port)s: %(reason)s. Set NEWSLETTER_HOST and NEWSLETTER_PORT.",
                host=host,
                port=port,
                reason=os.strerror(number) if number > 0 else error.strerror,
            )
        raise RefusedError(text) from None
