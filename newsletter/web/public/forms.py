"""The sign-up form as it may arrive: from our page, from a snippet on any site, from a script."""

from datetime import datetime, timedelta

from flask_wtf import FlaskForm
from wtforms import EmailField, HiddenField, StringField

from newsletter.core.tokens import Signer

PURPOSE = "sign-up form"
LIFETIME = timedelta(hours=24)


class SubscribeForm(FlaskForm):  # type: ignore[misc] # Flask-WTF ships no types
    """Fields of the public form.

    No CSRF token: the form stands on other sites too, it acts in nobody's name (there is no cookie to borrow), and it
    does nothing until the owner of the address confirms. What an abuser could do with it is bounded by counters.
    """

    class Meta:
        csrf = False

    email = EmailField()
    newsletter = StringField()
    website = StringField()  # no person sees it: whoever fills it is a machine
    t = HiddenField()  # when our page was made, signed; absent in a snippet

    def filled_by_machine(self) -> bool:
        return bool(self.website.data)


def stamp(signer: Signer, now: datetime) -> str:
    """The moment a form is shown, signed, to travel inside it."""
    return signer.sign(PURPOSE, int(now.timestamp()))


def is_stale(signer: Signer, stamped: str | None, now: datetime) -> bool:
    """Whether a form was kept longer than a day, or carries a stamp that is not ours. Without a stamp it is fresh."""
    if not stamped:
        return False
    numbers = signer.read(PURPOSE, stamped, 1)
    return numbers is None or now.timestamp() - numbers[0] > LIFETIME.total_seconds()
