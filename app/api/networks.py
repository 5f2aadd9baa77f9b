"""Which network a call or a connection comes from: the unit in which strangers are counted."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.types import Scope

# Providers give each customer at least a /64 (RFC 6177), so single IPv6 addresses cost an attacker nothing.
IPV6_PREFIX_BITS = 64


def network_of_call(scope: Scope) -> str:
    """The network of the caller, as the connection or a proxy that is trusted by name tells it."""
    client = scope.get("client")
    return network_of(client[0]) if client else ""


def is_in(address: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Whether the address is in one of the networks; what is no address is in none."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in one for one in networks)


def network_of(address: str) -> str:
    """An IPv4 address as it is, an IPv6 address by its /64. What is no address (a socket file) is one network: ''."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> (128 - IPV6_PREFIX_BITS) << (128 - IPV6_PREFIX_BITS)))
