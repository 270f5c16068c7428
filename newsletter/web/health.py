"""For the machines that watch the service: alive, ready, figures."""

import socket
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import Forbidden

from newsletter.core.database import Database
from newsletter.core.settings import relay_url
from newsletter.web.context import installation
from newsletter.web.metrics import meters

blueprint = Blueprint("health", __name__)

RELAY_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
PATIENCE = 1.0  # seconds
# This machine, and the networks that are routed nowhere (RFC 1918, 3927, 4193, 4291).
NEAR = tuple(
    ip_network(block)
    for block in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
)


@blueprint.get("/healthz")
def alive() -> Response:
    """200 while this process answers; a slow database must not restart the web server."""
    return _answer({"status": "ok"}, 200)


@blueprint.get("/readyz")
def ready() -> Response:
    """200 when database, broker and relay can be reached, 503 with the same three words when one cannot."""
    checks = {
        "database": _database_answers(installation().database),
        "broker": installation().broker.reachable(),
        "relay": _relay_answers(relay_url(installation().settings)),
    }
    good = all(checks.values())
    body = {"status": "ready" if good else "not ready"} | {
        name: "ok" if fine else "unreachable" for name, fine in checks.items()
    }
    return _answer(body, 200 if good else 503)


@blueprint.get("/metrics")
def figures() -> Response:
    """Prometheus text, for callers on this machine and on private networks only.

    What a reverse proxy passed on, while NEWSLETTER_TRUSTED_PROXIES names none, came from who knows where: refused.
    """
    forwarded = "X-Forwarded-For" in request.headers and not installation().settings.trusted_proxies
    if forwarded or not _is_near(request.remote_addr or ""):
        raise Forbidden
    return Response(generate_latest(meters(current_app).registry), content_type=CONTENT_TYPE_LATEST)


def _answer(body: dict[str, str], status: int) -> Response:
    response = jsonify(body)
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response


def _is_near(address: str) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return any(ip in network for network in NEAR)


def _database_answers(database: Database) -> bool:
    try:
        with database.reading() as session:
            session.execute(text("SELECT 1 FROM alembic_version"))
    except SQLAlchemyError:
        return False
    return True


def _relay_answers(url: str) -> bool:
    """Whether something listens where mail is handed over. No SMTP is spoken: each probe would be a line in a log."""
    parts = urlsplit(url)
    if not parts.hostname:
        return False
    try:
        socket.create_connection((parts.hostname, parts.port or RELAY_PORTS[parts.scheme]), timeout=PATIENCE).close()
    except (OSError, KeyError):
        return False
    return True
