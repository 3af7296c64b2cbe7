"""Which addresses a service may be at.

A definition names a service, and only configuration says where that is. What configuration does not decide is what a
host's name stands for at the moment of a call: whoever answers for the name could point it at this machine, at the
network behind it, or at a cloud's metadata. So a name is looked up once for each call, every address it stands for is
judged, and the call goes to the address that was judged.
"""

import ipaddress
from collections.abc import Sequence
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PRIVATE: Final = "private"
"""The word for all networks that are not the public one: this machine, private ranges."""

_NEVER_BY_A_WORD: Final = tuple(
    ipaddress.ip_network(text) for text in ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "100.100.100.200/32")
)
"""Where clouds keep what their machines are: only a network that is named itself allows them."""


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """The networks among the texts, `private` left out.

    Raises:
        ValueError: a text is neither a network nor `private`.
    """
    return tuple(ipaddress.ip_network(text) for text in texts if text != PRIVATE)


def literal(host: str) -> Address | None:
    """The address a host is written as; None for a name. Odd ways to write one (`0x7f.1`) count as names."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_own(host: str) -> bool:
    """Whether a host is this machine by its name."""
    return host == "localhost" or host.endswith(".localhost")


def fault(address: Address, host: str, networks: Sequence[str]) -> str | None:
    """What speaks against connecting to an address; None when nothing does.

    Args:
        address: The address.
        host: The service's host as it was configured. One that is written as an address allows that address.
        networks: Networks that are allowed besides the public one.
    """
    bare = _unwrapped(address)
    if any(bare.version == network.version and bare in network for network in parse_networks(networks)):
        return None
    if bare.is_multicast or bare.is_unspecified or (bare.version == 4 and bare.is_reserved):
        return "is no address of a service"
    if any(bare.version == network.version and bare in network for network in _NEVER_BY_A_WORD):
        return "is where a cloud keeps what its machines are, or of a link only"
    if PRIVATE in networks or bare.is_global:
        return None
    if literal(host) == bare or (is_own(host) and bare.is_loopback):
        return None  # whoever configured the service wrote this very address
    return "is not public"


def _unwrapped(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one, in each of the ways there are to put it there."""
    if isinstance(address, ipaddress.IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inside is None and address in _NAT64:
            inside = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return inside or address
    return address


_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
