"""What the citizen has said about each site."""

from enum import Enum, auto
from typing import Protocol

from agent.consent.questions import SiteAnswer
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


def keep_answer(permissions: Permissions, site: Origin, answer: SiteAnswer) -> None:
    """Keep what the citizen answered, for as long as the answer says; cancelling keeps nothing."""
    match answer:
        case SiteAnswer.THIS_TIME:
            permissions.allow_for_now(site)
        case SiteAnswer.ALWAYS:
            permissions.remember(site, Permission.ALLOWED)
        case SiteAnswer.NEVER:
            permissions.remember(site, Permission.BLOCKED)
        case SiteAnswer.CANCEL:
            pass
