"""Style and script by the hash of their content. A browser keeps a file for a year and asks anew when it changed."""

import hashlib
from functools import cache
from pathlib import Path

from flask import Flask, Response, request, url_for

FOLDER = Path(__file__).parent / "static"
FOREVER = "public, max-age=31536000, immutable"


@cache
def fingerprint(name: str) -> str:
    """Twelve hexadecimal digits of a static file's content."""
    return hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()[:12]


def static_file(name: str) -> str:
    """Address of a static file in its present form."""
    return url_for("static", filename=name, v=fingerprint(name))


def set_up_static_files(app: Flask) -> None:
    app.add_template_global(static_file)
    app.after_request(_keep)


def _keep(response: Response) -> Response:
    if request.endpoint == "static" and response.status_code in (200, 304):
        name = (request.view_args or {}).get("filename", "")
        response.headers["Cache-Control"] = FOREVER if request.args.get("v") == fingerprint(name) else "no-cache"
    return response
