"""How each browser spells a site in its policies.

Tried with Chromium 156 and Firefox 153: without a port a pattern of Chromium means every port, so
the usual one is named; ``[*.]agency.example`` and Firefox's ``*.agency.example`` mean the name
itself too. Firefox's list of domains knows neither scheme nor port. Its list of pop-ups knows no
patterns, and what it says of an origin holds for all names below it; but below a public suffix
such as ``gov.tw`` it holds for nobody.
"""

from typing import Final

from agent.domain import registrable_domain
from agent.origin import OriginPattern

_HTTPS: Final = 443


def in_chromium(site: OriginPattern) -> str:
    """Return a pattern such as ``https://[*.]agency.example:443``."""
    origin = site.origin
    any_name = "[*.]" if site.below else ""
    return f"{origin.scheme}://{any_name}{origin.host}:{origin.port or _HTTPS}"


def in_firefox(site: OriginPattern) -> str:
    """Return a domain such as ``*.agency.example``; an address of IPv6 has no brackets there."""
    host = site.origin.host.strip("[]")
    return f"*.{host}" if site.below else host


def for_popups_in_firefox(site: OriginPattern) -> str | None:
    """Return an origin; None where Firefox has no way to say it.

    Blocks for a tenth of a second at first.

    Raises:
        OSError: the list of public suffixes is missing: the installation is broken.

    """
    origin = site.origin
    return None if site.below and registrable_domain(origin.host) is None else str(origin)
