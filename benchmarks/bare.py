"""The page that sign-ups are measured beside: Flask, one form field read, a few words answered.

    NEWSLETTER_PORT=8001 python -m benchmarks.bare waitress|granian

It runs on the very server that `newsletter up` (waitress) or `newsletter web` (granian) starts, with the same options;
only the application is another one.
"""

import logging
import sys
from typing import Any

from flask import Flask, request

from newsletter.cli import roles
from newsletter.cli.embedded import web
from newsletter.cli.embedded.listening import listen
from newsletter.core.settings import load_settings
from newsletter.web import app as service

app = Flask("benchmarks.bare")


@app.post("/")
def take() -> str:
    return f"<!doctype html><title>Thank you</title><p>A message is on its way to {len(request.form['email'])} letters."


@app.get("/readyz")
def ready() -> str:
    return "ready"


def main(server: str) -> None:
    if server == "waitress":
        service.create_app = lambda *_given, **_named: app  # type: ignore[assignment, return-value]
        logging.getLogger("waitress").setLevel(logging.ERROR)
        settings = load_settings()
        web.serve(settings, listen(settings))
        return
    become = roles._become

    def become_this(module: str, *arguments: str) -> Any:
        become(module, *arguments[:-1], "benchmarks.bare:app")

    roles._become = become_this
    assert roles.web.callback
    roles.web.callback(workers=1)


if __name__ == "__main__":
    main(sys.argv[1])
