"""The entry point for a WSGI server: `granian --interface wsgi newsletter.web.wsgi:app`."""

from newsletter.core.settings import load_settings
from newsletter.web.app import create_app

app = create_app(load_settings())
