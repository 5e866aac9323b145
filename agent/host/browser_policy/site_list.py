"""The list of sites that an administrator lets reach the agent: one origin in each line."""

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from agent.domain import registrable_domain
from agent.errors import BadRequestError
from agent.harmless import shortened
from agent.origin import OriginPattern

MAX_LIST: Final = 256 * 1024
"""Bytes of a list that is read."""
MAX_SITES: Final = 1000
_SHOWN: Final = 80  # characters of a line that is quoted
_INSIDE: Final = (".local", ".internal", ".lan", ".intranet", ".corp", ".home.arpa")
"""Ends of names that no public site has."""
_Address = IPv4Address | IPv6Address


class UnfitSiteError(BadRequestError):
    """A line of the list is no site that a policy may name; the detail says which and why."""


@dataclass(frozen=True, slots=True)
class SiteDoubt:
    """Something about a site that the administrator should have meant.

    Attributes:
        kind: ``wide`` where strangers have names below it too, ``inside`` where it lies in the
            organisation's own network.
        site: as it stands in the list.

    """

    kind: str
    site: str


def pattern_text(pattern: OriginPattern) -> str:
    """Return a pattern as it stands in lists and in the agent's own policy."""
    text = str(pattern.origin)
    return text.replace("://", "://*.", 1) if pattern.below else text


def read_sites(raw: bytes) -> tuple[OriginPattern, ...]:
    """Read a list: one origin such as ``https://portal.example`` or ``https://*.gov.tw`` a line.

    Empty lines, and what stands behind a ``#``, say nothing. A site named twice counts once.

    Args:
        raw: UTF-8, with or without a byte order mark, or UTF-16 with one, as Windows writes it.

    Raises:
        UnfitSiteError: a line is no origin, is of this computer, or of plain http, whose pages
            others on the network can change.
        BadRequestError: it is no text, names no site, or more than :data:`MAX_SITES`.

    """
    found: dict[OriginPattern, None] = {}
    for number, line in enumerate(_text(raw).splitlines(), 1):
        site = line.partition("#")[0].strip()
        if site:
            found[_pattern(site, number)] = None
    if not found:
        raise BadRequestError("the list names no site", said=("cli.error.sites_none", {}))
    if len(found) > MAX_SITES:
        raise BadRequestError(
            f"more than {MAX_SITES} sites", said=("cli.error.sites_many", {"limit": MAX_SITES})
        )
    return tuple(found)


def doubts_about(sites: Sequence[OriginPattern]) -> Iterator[SiteDoubt]:
    """Yield what an administrator should look at twice.

    Blocks for a tenth of a second at first.

    Raises:
        OSError: the list of public suffixes is missing: the installation is broken.

    """
    for each in sites:
        host = each.origin.host
        address = _address(host)
        if each.below and registrable_domain(host) is None:
            yield SiteDoubt("wide", pattern_text(each))
        elif address.is_private if address is not None else _is_inside(host):
            yield SiteDoubt("inside", pattern_text(each))


def _is_inside(host: str) -> bool:
    return "." not in host or host.endswith(_INSIDE)


def _text(raw: bytes) -> str:
    is_wide = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = raw.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequestError("the list is no text", said=("cli.error.sites_text", {})) from error
    if "\0" in text:
        raise BadRequestError("the list is no text", said=("cli.error.sites_text", {}))
    return text


def _pattern(site: str, number: int) -> OriginPattern:
    try:
        pattern = OriginPattern.parse(site)
    except ValueError as error:
        raise _unfit("no_origin", site, number) from error
    if pattern.origin.is_local:
        raise _unfit("no_origin", site, number)
    if _is_here(pattern, site, number):
        raise _unfit("here", site, number)
    if pattern.origin.scheme != "https":
        raise _unfit("http", site, number)
    return pattern


def _is_here(pattern: OriginPattern, site: str, number: int) -> bool:
    """Return whether a site is of this computer.

    Raises:
        UnfitSiteError: it is an address that browsers write in another way, or refuse.

    """
    host = pattern.origin.host
    if host.startswith("[") or _ends_in_number(host):
        address = _address(host)
        if address is None:
            raise _unfit("address", site, number)
        inner = getattr(address, "ipv4_mapped", None) or address
        return bool(inner.is_loopback or inner.is_unspecified)
    # Whoever owns a name below localhost is on this computer (RFC 6761, 6.3).
    return host.rpartition(".")[2] == "localhost"


def _ends_in_number(host: str) -> bool:
    """Return whether browsers take a host for an IPv4 address (URL Standard, 3.6)."""
    last = host.rpartition(".")[2]
    digits = last[2:] if last.startswith("0x") else ""
    return last.isdecimal() or (last.startswith("0x") and set(digits) <= set("0123456789abcdef"))


def _address(host: str) -> _Address | None:
    """Return the address that a host is, if it is one as browsers write it; else None."""
    bare = host[1:-1] if host.startswith("[") else host
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    is_ours = str(address) == bare and isinstance(address, IPv6Address) == (bare != host)
    return address if is_ours else None


def _unfit(why: str, site: str, number: int) -> UnfitSiteError:
    facts = {"line": number, "site": shortened(site, _SHOWN)}
    return UnfitSiteError(
        f"line {number}: {site[:_SHOWN]!r}: {why}", said=(f"cli.error.site_{why}", facts)
    )
