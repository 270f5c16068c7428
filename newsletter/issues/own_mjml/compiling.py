"""MJML of a newsletter's own, compiled in a process of its own with little time and memory."""

import json
from typing import Final

from newsletter.core.apart import Child, serve
from newsletter.core.errors import RefusedError
from newsletter.core.i18n import current_locale, use_locale
from newsletter.core.i18n import gettext as _
from newsletter.core.templating import mjml_to_html

SECONDS: Final = 10.0  # a digest of thirty stories takes some 50 ms
MEMORY: Final = 800_000_000  # octets of address space
MOST_BYTES: Final = 2_000_000  # of HTML, before it is cut into pieces


def compile_apart(mjml: str, *, seconds: float = SECONDS) -> str:
    """As `mjml_to_html`; RefusedError too where it takes too long, too much, or gives too much."""
    with Child("newsletter.issues.own_mjml.compiling", seconds=seconds) as child:
        try:
            answer = json.loads(child.ask(current_locale().encode(), mjml.encode()))
        except TimeoutError:
            raise RefusedError(_("This MJML takes more than %(count)d seconds to compile.", count=seconds)) from None
        except (OSError, EOFError, ValueError):
            raise RefusedError(_("This MJML cannot be compiled.")) from None
    if "error" in answer:
        raise RefusedError(answer["error"])
    html = str(answer["html"])
    if len(html) > MOST_BYTES:
        raise RefusedError(_("This MJML becomes more than %(count)d kB of HTML.", count=MOST_BYTES // 1000))
    return html


def answer(locale: bytes, mjml: bytes) -> bytes:
    """The child's side: HTML, or the error in words."""
    with use_locale(locale.decode()):
        try:
            return json.dumps({"html": mjml_to_html(mjml.decode())}).encode()
        except RefusedError as error:
            words = str(error)
        except BaseException:  # noqa: BLE001 - a panic of the compiler is one too
            words = _("This MJML cannot be compiled.")
    return json.dumps({"error": words}).encode()


if __name__ == "__main__":
    serve(answer, messages=2, memory=MEMORY)
