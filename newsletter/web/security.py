"""Headers of every answer. What a page may do is said here, and a page that needs more says so by name.

The policy forbids inline script and inline style, frames, and every other host. A form of ours on another site
is governed by the policy of that site, so nothing is opened for it here.
"""

from flask import Flask, Response, g, make_response, request

POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "script-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
# A mail in a frame: its own styles and remote pictures, but no script, no form, no access to our origin.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "img-src https: http: data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"
ONE_YEAR = 31_536_000


def allow(directive: str, *sources: str) -> None:
    """Widen the policy of the page that is being made: `allow("img-src", "https:")`."""
    g.setdefault("allowed", {})[directive] = " ".join(sources)


def keep_private() -> None:
    """For a page behind a token: stored nowhere, indexed nowhere, and its address told to nobody."""
    g.private = True


def as_mail(html: str, *, readable: bool = False) -> Response:
    """A mail's HTML as a document for a frame of ours. It came from outside or from articles: nothing in it runs.

    `readable`: the page around the frame may look into it, to keep the place that was scrolled to. That gives nothing
    to the mail, which has no script to use it with.
    """
    response = make_response(html)
    policy = MAIL_POLICY.replace("sandbox ", "sandbox allow-same-origin ", 1) if readable else MAIL_POLICY
    response.headers["Content-Security-Policy"] = policy
    response.headers["Cache-Control"] = "no-store"
    return response


def set_up_headers(app: Flask) -> None:
    app.after_request(_protect)


def _policy() -> str:
    policy = dict(POLICY)
    for directive, sources in g.get("allowed", {}).items():
        policy[directive] = " ".join(part for part in (policy.get(directive, ""), sources) if part and part != "'none'")
    return "; ".join(f"{directive} {sources}" for directive, sources in policy.items())


def _protect(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _policy())
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Permissions-Policy"] = PERMISSIONS
    headers.setdefault("Referrer-Policy", "same-origin")
    if request.is_secure:
        headers["Strict-Transport-Security"] = f"max-age={ONE_YEAR}"
    if g.get("private"):
        headers["Cache-Control"] = "no-store"
        headers["Referrer-Policy"] = "no-referrer"
        headers["X-Robots-Tag"] = "noindex, nofollow"
    elif request.blueprint and request.blueprint.split(".")[0] == "admin":
        headers["Cache-Control"] = "no-store"
        headers["X-Robots-Tag"] = "noindex, nofollow"
    elif "Cache-Control" not in headers:
        headers["Cache-Control"] = "no-cache"
        response.vary.add("Accept-Language")
    return response
