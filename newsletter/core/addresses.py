"""E-mail addresses: read once, kept as typed for sending, compared in one canonical form."""

import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from newsletter.core.errors import RefusedError
from newsletter.core.i18n import gettext as _

MAX_CHARACTERS = 254  # RFC 5321 section 4.5.3.1.3: a path of 256 octets with its angle brackets
MAX_LOCAL_OCTETS = 64  # RFC 5321 section 4.5.3.1.1

GMAIL = {"gmail.com", "googlemail.com"}


class AddressError(RefusedError):
    """The text is no address that mail can be sent to."""


@dataclass(frozen=True, slots=True)
class Address:
    """`email` as it was typed, with an ASCII domain; `key` is equal for two spellings of one mailbox."""

    email: str
    key: str
    domain: str

    @property
    def mailbox(self) -> str:
        """The mailbox behind the address as far as an abuser can vary it: without `+tag`, at Gmail without dots.

        For counting only: to most servers these are different mailboxes, and each is a subscriber of its own.
        """
        local, _at, domain = self.key.rpartition("@")
        local = local.partition("+")[0] or local
        return f"{local.replace('.', '')}@gmail.com" if domain in GMAIL else f"{local}@{domain}"

    @property
    def masked(self) -> str:
        """Enough for its owner to know it, too little for anyone else: `k•••••@poste.example`."""
        return mask(self.email)


def parse_address(text: str) -> Address:
    """Read an address that a person typed.

    The local part keeps its case: some servers tell `Ama` from `ama`. The key lowers it, since two rows for one reader
    would mail that reader twice. Dots and `+tag` stay: to most servers they make another mailbox.
    """
    text = text.strip()
    if not text:
        raise AddressError(_("Enter an e-mail address."))
    if len(text) > MAX_CHARACTERS:
        raise AddressError(_("This address is too long: %(count)d characters at most.", count=MAX_CHARACTERS))
    try:
        # Domains that resolve only inside a network are refused; `.test` is let through, it harms nobody and serves
        # rehearsals.
        found = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise AddressError(_("This is not an e-mail address. It looks like name@example.org.")) from None
    local = unicodedata.normalize("NFC", found.local_part)
    if len(local.encode()) > MAX_LOCAL_OCTETS or unicodedata.normalize("NFKC", local) != local:
        raise AddressError(_("This is not an e-mail address. It looks like name@example.org."))
    domain = found.ascii_domain.lower()
    email = f"{local}@{domain}"
    return Address(email=email, key=key_of(email), domain=domain)


def key_of(email: str) -> str:
    """The canonical form of an address that `parse_address` has read."""
    return email.lower()


def mask(email: str) -> str:
    local, _at, domain = email.rpartition("@")
    return f"{local[:1]}•••••@{domain}"
