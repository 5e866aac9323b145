"""The visitor's address where a proxy stands in front; only trusted proxies are believed.

Anybody can send ``X-Forwarded-For``. The last entry is what the proxy itself saw, so that the list
is read from its end, and only as far as proxies of ours go.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import islice
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network

_HEADER: Final = "X-Forwarded-For"
_MAX_HOPS: Final = 16  # between a visitor and us; more are nobody's real way


def parse_networks(texts: Sequence[str]) -> tuple[IpNetwork, ...]:
    """Return networks such as ``10.0.0.0/8``, ``::1`` or one address alone.

    Raises:
        ValueError: one of them is none; the text is for the operator.

    """
    return tuple(map(_parse_network, texts))


def _parse_network(text: str) -> IpNetwork:
    try:
        return ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no network such as 10.0.0.0/8 ({error})") from error


def parse_peer(text: str) -> IpAddress | None:
    """Return the address in a peer's name, with or without a port; None where there is none."""
    host = text.strip().partition("%")[0]
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:  # IPv6 has more of them
        host = host.partition(":")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped


def visitor_address(peer: str, forwarded: Sequence[str], trusted: Sequence[IpNetwork]) -> str:
    """Return the address of whoever asks.

    Args:
        peer: who is connected to us.
        forwarded: the values of ``X-Forwarded-For``, in their order.
        trusted: the networks of the operator's own proxies.

    """
    hops = [hop for value in forwarded for hop in value.split(",")]
    address = parse_peer(peer)
    for hop in islice(reversed(hops), _MAX_HOPS):
        if address is None or not any(address in network for network in trusted):
            break
        before = parse_peer(hop)
        if before is None:  # nothing that a proxy of ours would have written
            break
        address = before
    return peer if address is None else str(address)


def believing(trusted: Sequence[IpNetwork]) -> Middleware:
    """Return the middleware that gives a request the address of its visitor as ``remote``."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        forwarded = request.headers.getall(_HEADER, [])
        if trusted and forwarded and request.remote:
            remote = visitor_address(request.remote, forwarded, trusted)
            request = request.clone(remote=remote)
        return await handler(request)

    return middleware
