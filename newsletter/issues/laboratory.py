"""A message is written as readers get it, passes a mail server, and is looked at where it arrives.

Without a database: what is tried comes as values, so that no transaction waits for a network.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from newsletter.core.errors import RefusedError
from newsletter.core.nameservers import Ask, nameservers
from newsletter.delivery.personalise import Prepared, Recipient
from newsletter.issues.preflight import arrival
from newsletter.issues.preflight.arrival import Expected
from newsletter.issues.preflight.findings import Finding, Level, all_of, found, merged
from newsletter.mail import domain_records, rig
from newsletter.mail.dkim import DkimKey, dns_record
from newsletter.mail.domain_records import KeyState
from newsletter.mail.transport import Envelope, OutcomeKind, Relay, Timeouts, Transport

log = logging.getLogger(__name__)

NOBODY: Final = 0  # the subscription and the delivery of what is only tried
READER: Final = "reader@example.org"
DNS_SECONDS: Final = 3.0
QUICK: Final = Timeouts(connect=5, greeting=5, command=10, data=10, block=10, dot=20)


@dataclass(frozen=True, slots=True)
class Specimen:
    """A form of an issue that is tried: as the engine would write it, for a reader who does not exist."""

    prepared: Prepared
    reader: Recipient

    def write(self) -> tuple[Envelope, bytes]:
        return self.prepared.write(self.reader, NOBODY)


def try_out(specimens: Sequence[Specimen], keys: Sequence[DkimKey], *, now: datetime) -> tuple[list[Finding], bytes]:
    """Send each specimen over loopback and look at what arrives; the findings, and the first message."""
    records = dict(dns_record(key) for key in keys)
    findings: list[Finding] = []
    first = b""
    try:
        with rig.running() as server, _transport(server.port) as transport:
            for specimen in specimens:
                envelope, message = specimen.write()
                first = first or message
                findings += _pass(specimen, envelope, message, server, transport, records, now)
    except OSError as error:
        log.warning("the laboratory cannot run: %s", error)
        findings.append(found("lab_closed", Level.NOTICE))
    except (ValueError, RefusedError) as error:
        findings.append(found("cannot_be_written", Level.FATAL, message=str(error)))
    return merged(findings), first


def published(keys: Sequence[DkimKey], *, ask: Ask | None = None) -> list[Finding]:
    """Whether the keys stand in DNS as they sign. A name server that does not answer proves nothing."""
    asking = ask or nameservers(altogether=DNS_SECONDS)
    states = {name: domain_records.key_state(name, record, asking) for name, record in map(dns_record, keys)}
    missing = [name for name, state in states.items() if state not in (KeyState.PUBLISHED, KeyState.UNKNOWN)]
    return [
        *all_of("dkim_not_published", Level.WARNING, missing),
        *([found("dns_silent", Level.NOTICE)] if KeyState.UNKNOWN in states.values() else []),
    ]


def _pass(
    specimen: Specimen,
    envelope: Envelope,
    message: bytes,
    server: rig.Rig,
    transport: Transport,
    records: Mapping[str, str],
    now: datetime,
) -> list[Finding]:
    server.arrived.clear()
    outcome = transport.send(envelope, message)
    if outcome.kind is OutcomeKind.REJECTED:
        return [found("lab_refused", Level.FATAL, outcome.detail)]
    if outcome.kind is not OutcomeKind.SENT:
        return [found("lab_closed", Level.NOTICE)]  # this machine's trouble, not the message's
    expected = Expected(
        sender=envelope.sender,
        recipient=envelope.recipient,
        message=message,
        domain=specimen.prepared.sender_domain,
        unsubscribe_url=specimen.reader.unsubscribe_url,
    )
    arrived = server.arrived[-1] if server.arrived else None
    return arrival.check(expected, arrived, records.get, now=now)


def _transport(port: int) -> Transport:
    return Transport(Relay("127.0.0.1", port), helo="localhost", timeouts=QUICK)
