"""The web application: blueprints, headers, languages and errors put together."""

from datetime import timedelta
from pathlib import Path

from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map

from newsletter.core.ids import LARGEST_ID
from newsletter.core.installation import Installation, open_installation
from newsletter.core.settings import Settings
from newsletter.web import health, metrics
from newsletter.web.admin import blueprint as admin
from newsletter.web.context import WebApp
from newsletter.web.errors import set_up_errors
from newsletter.web.language import set_up_languages
from newsletter.web.pages import set_up_pages
from newsletter.web.public import BLUEPRINTS
from newsletter.web.public.following import set_up_following
from newsletter.web.security import set_up_headers
from newsletter.web.static_files import set_up_static_files

# A sign-up form holds an address; nothing a reader sends is longer. Staff pages raise it for their articles.
LARGEST_BODY = 64 * 1024


class IdConverter(IntegerConverter):
    """A number in an address. A larger one than any id leads nowhere: no database is asked for what it cannot hold."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=LARGEST_ID)


def create_app(settings: Settings, installation: Installation | None = None, *, mailbox: Path | None = None) -> WebApp:
    """The WSGI application.

    `installation`: what the process holds already; opened from the settings when None.
    `mailbox`: directory of the local mailbox to show under /mailbox/, None when mail leaves this machine.
    """
    app = WebApp("newsletter.web", template_folder=None, static_folder="static", static_url_path="/static")
    app.installation = installation or open_installation(settings)
    app.mailbox = mailbox
    secure = settings.site_url.startswith("https://")
    app.config.update(
        SECRET_KEY=app.installation.key("web session"),
        MAX_CONTENT_LENGTH=LARGEST_BODY,
        MAX_FORM_MEMORY_SIZE=None,  # the whole body is limited already
        SESSION_COOKIE_NAME="desk",
        SESSION_COOKIE_PATH="/admin",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=secure,
        PERMANENT_SESSION_LIFETIME=timedelta(days=14),
        # Staff pages ask for it in their before_request. Public forms have no cookie that another site could borrow.
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session lives
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined] # the default provider has it
    app.url_map.strict_slashes = False
    app.url_map.converters["int"] = IdConverter
    CSRFProtect(app)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    set_up_languages(app)
    set_up_pages(app)
    set_up_static_files(app)
    set_up_headers(app)
    set_up_errors(app)
    metrics.set_up_metrics(app)
    set_up_following(app)
    for blueprint in (*BLUEPRINTS, health.blueprint, admin):
        app.register_blueprint(blueprint)
    return app
