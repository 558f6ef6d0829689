"""From a host's name to the addresses that may be connected to.

Rule: what is looked up is what is connected to. A name that leads to this host, to the cloud's
metadata service or anywhere else that is not the public internet is refused, unless the region
file allows that network; and nobody looks the name up a second time (DNS rebinding).
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from engine.core.fault import Category, Fault, FaultError

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
Network = IPv4Network | IPv6Network
UNKNOWN_HOST = Fault(Category.UNAVAILABLE, "host-unknown", "the server's name cannot be resolved")
NOT_ALLOWED = Fault(
    Category.FORBIDDEN,
    "address-not-allowed",
    "the server's name leads to an address that is not public; `allow` has to name it",
)
_NAT64 = ip_network("64:ff9b::/96")
_GLOBAL = ip_network("2000::/3")  # all IPv6 addresses of the internet (RFC 4291, 2.4; IANA)


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


def may_be_asked(text: str, allowed: Sequence[Network]) -> bool:
    """Tell whether an address is public, or in a network that is allowed."""
    try:
        address = _plain(ip_address(text.partition("%")[0]))
    except ValueError:
        return False
    if any(address in network for network in allowed if network.version == address.version):
        return True
    if isinstance(address, IPv6Address) and address not in _GLOBAL:
        return False  # site-local ones, and those that wrap an IPv4 address in ways of their own
    return address.is_global and not address.is_multicast


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 one only wraps."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


async def look_up(host: str, port: int) -> Sequence[str]:
    """Ask the host's resolver. FaultError `host-unknown`."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FaultError(UNKNOWN_HOST) from error
    return list(dict.fromkeys(str(one[4][0]) for one in found))


async def resolved(
    host: str, port: int, allowed: Sequence[Network], lookup: Lookup = look_up
) -> list[str]:
    """Return the addresses to try. FaultError `host-unknown` or `address-not-allowed`."""
    found = [one for one in await lookup(host, port) if may_be_asked(one, allowed)]
    if not found:
        raise FaultError(NOT_ALLOWED)
    return found
