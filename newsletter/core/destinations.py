"""Which network addresses an outbound request may reach.

A name is resolved once and the connection goes to an address that was checked here. Checking a name and then letting a
library resolve it again would leave a gap in which the name's owner can point it inside our network (DNS rebinding).
"""

import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from newsletter.core.i18n import gettext as _
from newsletter.core.targets import FetchError

# Host and port in, textual addresses out; raises OSError when the name has none.
Resolver = Callable[[str, int], Sequence[str]]

# The IANA special-purpose registry, spelled out: what `ipaddress.is_global` answers differs between Python releases.
CLOSED_IPV4 = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, also the metadata service of one cloud
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, with the metadata service of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved and broadcast
    )
)
# Of IPv6 only global unicast is open; everything else is loopback, local, multicast or unassigned.
GLOBAL_UNICAST = ip_network("2000::/3")
CLOSED_IPV6 = tuple(
    ip_network(text)
    for text in (
        "2001::/23",  # IETF protocol assignments; Teredo hides an IPv4 address in it
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 hides an IPv4 address in it
        "3fff::/20",  # documentation
    )
)
NAT64 = ip_network("64:ff9b::/96")


class PrivateAddressError(FetchError):
    """The host is inside a private network, and no setting lets us reach it."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Hosts and networks that may be reached although they are private; built from the setting `fetch_allow`."""

    hosts: frozenset[str]
    networks: tuple[IPv4Network | IPv6Network, ...]

    @classmethod
    def parse(cls, entries: Sequence[str]) -> "Allowed":
        """Entries are host names, addresses or networks in CIDR notation."""
        hosts: set[str] = set()
        networks: list[IPv4Network | IPv6Network] = []
        for entry in entries:
            try:
                networks.append(ip_network(entry.strip("[]"), strict=False))
            except ValueError:
                hosts.add(entry.rstrip(".").lower())
        return cls(frozenset(hosts), tuple(networks))

    def covers(self, host: str, address: IPv4Address | IPv6Address) -> bool:
        return host.rstrip(".").lower() in self.hosts or any(address in network for network in self.networks)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether the address belongs to the open internet. IPv4 inside an IPv6 address counts as what it reaches."""
    address = _reached(address)
    if isinstance(address, IPv4Address):
        return not any(address in network for network in CLOSED_IPV4)
    return address in GLOBAL_UNICAST and not any(address in network for network in CLOSED_IPV6)


def resolve_checked(host: str, port: int, allowed: Allowed, resolver: Resolver, timeout: float) -> list[str]:
    """Addresses of `host` that may be connected to, in the resolver's order; `timeout` in seconds.

    One private address among public ones refuses the host: an honest host has no such mix, and picking the good ones
    would let the next lookup decide. Raises PrivateAddressError, OSError when there is no such host, TimeoutError.
    """
    found = list(dict.fromkeys(_within(timeout, lambda: resolver(host, port))))
    if not found:
        raise OSError("no address")
    for text in found:
        address = ip_address(text)
        if not allowed.covers(host, _reached(address)) and not is_public(address):
            raise PrivateAddressError(
                _(
                    "%(host)s is at the private address %(address)s, which outbound requests may not reach. "
                    "If it is yours, add %(host)s to NEWSLETTER_FETCH_ALLOW.",
                    host=host,
                    address=text,
                )
            )
    return found


def system_resolver(host: str, port: int) -> list[str]:
    """Addresses as the machine resolves names: its hosts file first, then DNS."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _reached(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _within(timeout: float, lookup: Callable[[], Sequence[str]]) -> Sequence[str]:
    """Run a lookup in a thread of its own: the system's resolver knows no timeout and may wait half a minute."""
    answers: list[Sequence[str]] = []
    errors: list[OSError] = []

    def run() -> None:
        try:
            answers.append(lookup())
        except (OSError, UnicodeError) as error:  # UnicodeError: a label that no resolver takes
            errors.append(error if isinstance(error, OSError) else OSError(str(error)))

    thread = threading.Thread(target=run, daemon=True, name="resolve")
    thread.start()
    thread.join(max(timeout, 0))
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError("the name was not resolved in time")
    return answers[0]
