"""The entry point for a WSGI server: `granian --interface wsgi newsletter.web.wsgi:app`."""

from newsletter.core import logs
from newsletter.core.settings import load_settings
from newsletter.web.app import create_app

settings = load_settings()
logs.set_up(settings.log_level)
app = create_app(settings)
