"""What the usual mail providers ask a sender to publish, by the host of their relay; from their own documentation."""

from dataclasses import dataclass

UNKNOWN = "PROVIDER"


@dataclass(frozen=True, slots=True)
class Provider:
    """`spf`: the term for the record of the bounce domain; `exchanger`: the host that takes bounces for it, PROVIDER
    where the provider takes none or names one of its own for each customer.
    """

    name: str
    spf: str
    exchanger: str = UNKNOWN


NOBODY = Provider("", f"include:{UNKNOWN}")
# The end of the relay's host, and whose it is.
_BY_HOST = {
    "ovh.net": Provider("OVHcloud", "include:mx.ovh.com", "mx1.mail.ovh.net"),
    "ovh.ca": Provider("OVHcloud", "include:mx.ovh.com", "mx1.mail.ovh.net"),
    "ovhcloud.com": Provider("OVHcloud", "include:mx.ovh.com", "mx1.mail.ovh.net"),
    "brevo.com": Provider("Brevo", "include:spf.brevo.com"),
    "sendinblue.com": Provider("Brevo", "include:spf.brevo.com"),
    "mailjet.com": Provider("Mailjet", "include:spf.mailjet.com"),
    "amazonaws.com": Provider("Amazon SES", "include:amazonses.com", "feedback-smtp.REGION.amazonses.com"),
    "sendgrid.net": Provider("SendGrid", "include:sendgrid.net", "mx.sendgrid.net"),
    "mailgun.org": Provider("Mailgun", "include:mailgun.org", "mxa.mailgun.org"),
    "postmarkapp.com": Provider("Postmark", "include:spf.mtasv.net"),
    "gandi.net": Provider("Gandi", "include:_mailcust.gandi.net", "spool.mail.gandi.net"),
    "infomaniak.com": Provider("Infomaniak", "include:spf.infomaniak.ch", "mta-gw.infomaniak.ch"),
    "gmail.com": Provider("Google Workspace", "include:_spf.google.com", "smtp.google.com"),
    "google.com": Provider("Google Workspace", "include:_spf.google.com", "smtp.google.com"),
    "office365.com": Provider("Microsoft 365", "include:spf.protection.outlook.com"),
    "outlook.com": Provider("Microsoft 365", "include:spf.protection.outlook.com"),
    "scaleway.com": Provider("Scaleway", "include:_spf.tem.scaleway.com"),
    "sparkpostmail.com": Provider("SparkPost", "include:sparkpostmail.com", "smtp.sparkpostmail.com"),
    "resend.com": Provider("Resend", "include:amazonses.com", "feedback-smtp.REGION.amazonses.com"),
    "ionos.com": Provider("IONOS", "include:_spf-eu.ionos.com", "mx00.ionos.fr"),
    "ionos.fr": Provider("IONOS", "include:_spf-eu.ionos.com", "mx00.ionos.fr"),
    "zoho.com": Provider("Zoho", "include:zoho.com", "mx.zoho.com"),
    "zoho.eu": Provider("Zoho", "include:zoho.eu", "mx.zoho.eu"),
}


def of_host(host: str) -> Provider:
    """Whose relay a host is; NOBODY for one that is not known."""
    labels = host.lower().rstrip(".").split(".")
    return _BY_HOST.get(".".join(labels[-2:]), NOBODY)
