"""The registrable domain of a host: the part of its name that somebody has registered.

Whoever owns ``evil.example`` may call a host ``www.gov.tw.evil.example``. The Public Suffix List
(https://publicsuffix.org) tells where a registrable domain begins. Its private section counts, as
it does for browsers' cookies: two names below ``github.io`` belong to two people.

The first call reads the list and takes a tenth of a second: it belongs in no event loop.
"""

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from agent.origin import Origin

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


def registrable_domain(host: str) -> str | None:
    """Return the end of a host that is registrable (URL Standard §3.2).

    Blocks for a tenth of a second at first.

    Args:
        host: as in :class:`~agent.origin.Origin`; with a dot at its end, the result has one too.

    Returns:
        None for an address, a single label, a public suffix, and for what is no host name.

    Raises:
        OSError: the list is missing: the installation is broken.

    """
    name = host.removesuffix(".")
    labels = name.split(".")
    if len(labels) == 1 or "" in labels or _is_address(name, labels[-1]):
        return None
    found = _public_suffixes().privatesuffix(name)
    return None if found is None else found + host[len(name) :]


@lru_cache(maxsize=4096)
def group_of(site: Origin) -> str:
    """Return under which name a site is counted: its registrable domain, or else all of its host.

    Blocks for a tenth of a second at first.

    Raises:
        OSError: the list is missing: the installation is broken.

    """
    host = site.host.removesuffix(".")
    return registrable_domain(host) or host


def split_display_host(site: Origin) -> tuple[str, str]:
    """Split a host as it is shown before its registrable domain.

    Blocks for a tenth of a second at first.

    Returns:
        What its owner may call as they like, with the dot at its end, or ""; and the domain. Where
        a host has no registrable domain, all of it is in the second text.

    Raises:
        OSError: the list is missing: the installation is broken.

    """
    shown = site.display_host
    domain = registrable_domain(site.host)
    if domain is None:
        return "", shown
    # A label in its own letters is another text, but one label still.
    labels = shown.split(".")
    first = len(labels) - len(domain.split("."))
    return "".join(f"{label}." for label in labels[:first]), ".".join(labels[first:])


def _is_address(name: str, last_label: str) -> bool:
    """Return whether a host is an IP address: in brackets, or its last label is a number."""
    return name.startswith("[") or last_label.isdecimal()


@cache
def _public_suffixes() -> "PublicSuffixList":
    from publicsuffixlist import PublicSuffixList  # noqa: PLC0415  # most commands show no site

    return PublicSuffixList()
