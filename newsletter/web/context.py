"""What a view may ask of the process that serves it."""

from pathlib import Path
from typing import cast

from flask import Flask, current_app, request

from newsletter.core.installation import Installation
from newsletter.core.ratelimit import network_of


class WebApp(Flask):
    """The Flask application and what it serves. `mailbox`: directory of the local mailbox, None when there is none."""

    installation: Installation
    mailbox: Path | None


def app() -> WebApp:
    return cast(WebApp, current_app)


def installation() -> Installation:
    """The installation behind the request: database, signer, vault, links and settings."""
    return app().installation


def caller_network() -> str:
    """The network that the caller is counted and remembered by; empty for loopback."""
    return network_of(request.remote_addr or "")
