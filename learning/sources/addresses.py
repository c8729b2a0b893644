"""Which addresses pages may be fetched from. Fails closed: what isn't surely a public host that was named is refused.

A name is resolved once, all that it stands for is checked, and what was checked is connected to (`fetching.py`): a name
that means something else a moment later (DNS rebinding) changes nothing.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from bot.errors import SourceUnreadable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]

PORTS = {"http": 80, "https": 443}
UNICAST = ipaddress.IPv6Network("2000::/3")
NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32",  # protocol assignments, 6to4 relays, Azure's host
            "2001::/23", "2002::/16", "3fff::/20",  # Teredo and the like, 6to4: they lead to an IPv4 address
        ),
    )
)  # fmt: skip
"""That `is_global` of some Pythons takes for public. Metadata services are link-local, private, or named here."""


def resolve(host: str, port: int) -> Sequence[str]:
    """What the system says that a name stands for. Raises OSError."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def is_public(address: Address) -> bool:
    """True for what anybody on the internet may be: not private, shared, loopback, link-local, multicast, reserved."""
    if isinstance(address, ipaddress.IPv6Address) and address not in UNICAST:
        return False  # also IPv4 addresses in IPv6 clothes: ::ffff:127.0.0.1, 64:ff9b::7f00:1
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    return not any(address in network for network in NOT_PUBLIC if network.version == address.version)


@dataclass(frozen=True)
class Hosts:
    """The hosts that the operator named: `help.example.com`, or with a port of their own `help.example.com:8443`."""

    named: frozenset[str]
    resolve: Resolve = resolve
    may_connect: Callable[[Address], bool] = is_public

    def check(self, url: httpx.URL) -> None:
        """Raises SourceUnreadable for an address that wasn't named, or that is more than an address."""
        if url.scheme not in PORTS:
            raise SourceUnreadable(f"{url.scheme or 'no scheme'}: only http and https are fetched")
        if url.userinfo:
            raise SourceUnreadable("a user name or password stands in it")
        name = name_in(url)
        wanted = name if url.port in (None, PORTS[url.scheme]) else f"{name}:{url.port}"
        if wanted not in self.named:
            raise SourceUnreadable(
                f"the host {wanted!r} is not named (--host, or MENTEE_INGEST_HOSTS), so nothing is fetched from there"
            )

    def address(self, url: httpx.URL) -> str:
        """What to connect to. Raises SourceUnreadable when any of what the name stands for is not public."""
        try:
            found = self.resolve(name_in(url), url.port or PORTS[url.scheme])
            addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in found]
        except (OSError, UnicodeError, ValueError) as problem:
            raise SourceUnreadable(f"the name {name_in(url)!r} can't be resolved") from problem
        refused = [address for address in addresses if not self.may_connect(address)]
        if refused or not addresses:
            raise SourceUnreadable(f"{name_in(url)} is not on the public internet: nothing was connected to")
        return str(addresses[0])


def name_in(url: httpx.URL) -> str:
    """The host's name as it goes over the wire."""
    return url.raw_host.decode("ascii", "replace")
