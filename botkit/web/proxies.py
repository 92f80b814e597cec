"""Who really asked: the address of the client behind the proxies that are trusted."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

__all__ = ["client_address"]

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(peer: str, forwarded_for: Sequence[str], trusted: Sequence[_Network]) -> str:
    """The address of the client: the peer's, unless the peer is a trusted proxy.

    ``X-Forwarded-For`` is read from its end, where our own proxies write; the first address that is no
    trusted proxy is the client. What stands before it was written by the client and proves nothing.

    :param forwarded_for: the header's values, in order.
    """
    address = peer
    hops = [hop.strip() for value in forwarded_for for hop in value.split(",")]
    while _is_trusted(address, trusted) and hops:
        hop = hops.pop()
        if _parse(hop) is None:
            break  # not an address: whoever wrote it is not one of our proxies
        address = hop
    return address


def _is_trusted(address: str, trusted: Sequence[_Network]) -> bool:
    parsed = _parse(address)
    return parsed is not None and any(parsed in network for network in trusted)


def _parse(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None
