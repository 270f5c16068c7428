"""The providers whose reports are understood, by the word in the address that they report to."""

from typing import Final

from newsletter.feedback.providers.brevo import Brevo
from newsletter.feedback.providers.mailgun import Mailgun
from newsletter.feedback.providers.mailjet import Mailjet
from newsletter.feedback.providers.postmark import Postmark
from newsletter.feedback.providers.resend import Resend
from newsletter.feedback.providers.sendgrid import SendGrid
from newsletter.feedback.providers.ses import Ses
from newsletter.feedback.providers.shared import Fetch, ForgedError, Provider, Reading, Request, UncertainError
from newsletter.feedback.providers.sparkpost import SparkPost

PROVIDERS: Final[dict[str, Provider]] = {
    "ses": Ses(),
    "sendgrid": SendGrid(),
    "mailgun": Mailgun(),
    "postmark": Postmark(),
    "brevo": Brevo(),
    "mailjet": Mailjet(),
    "sparkpost": SparkPost(),
    "resend": Resend(),
}

__all__ = ["PROVIDERS", "Fetch", "ForgedError", "Provider", "Reading", "Request", "UncertainError"]
