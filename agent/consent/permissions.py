"""What the citizen has said about each site."""

from enum import Enum, auto
from typing import Protocol

from agent.origin import Origin


class Permission(Enum):
    """What a site may do; unknown ones have to be asked about."""

    ALLOWED = auto()
    BLOCKED = auto()


class Permissions(Protocol):
    """Where the answers are kept."""

    def find(self, site: Origin) -> Permission | None:
        """Look up what was said about a site; None when it has to be asked about."""

    def remember(self, site: Origin, permission: Permission) -> None:
        """Keep an answer for good."""

    def allow_for_now(self, site: Origin) -> None:
        """Keep a yes for a quarter of an hour."""

    def forget(self, site: Origin) -> None:
        """Ask about the site again next time."""
