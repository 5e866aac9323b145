"""What the citizen has said about each site."""

from enum import Enum, auto
from typing import Protocol

from agent.consent.questions import AllowBlind, AllowSite, Scope, SiteAnswer
from agent.origin import Origin


class Permission(Enum):
    """What a site may do; unknown ones have to be asked about."""

    ALLOWED = auto()
    BLOCKED = auto()


class Permissions(Protocol):
    """Where the answers are kept."""

    def find(self, site: Origin, scope: Scope = Scope.CARD) -> Permission | None:
        """Look up what was said about a site; None when it has to be asked about."""

    def is_ruled(self, site: Origin, scope: Scope) -> bool:
        """Return whether an administrator decided, so that no answer has an effect."""

    def remember(self, site: Origin, permission: Permission, scope: Scope = Scope.CARD) -> None:
        """Keep an answer for good."""

    def allow_for_now(self, site: Origin, scope: Scope = Scope.CARD) -> None:
        """Keep a yes for a quarter of an hour."""

    def forget(self, site: Origin) -> None:
        """Ask about the site again next time, whatever it wants."""


def keep_answer(
    permissions: Permissions, question: AllowSite | AllowBlind, answer: SiteAnswer
) -> None:
    """Keep what the citizen answered, for as long as the answer says; cancelling keeps nothing."""
    site, scopes = question.site, question.scopes
    match answer:
        case SiteAnswer.THIS_TIME:
            for scope in scopes:
                permissions.allow_for_now(site, scope)
        case SiteAnswer.ALWAYS:
            for scope in scopes:
                permissions.remember(site, Permission.ALLOWED, scope)
        case SiteAnswer.NEVER:
            permissions.remember(site, Permission.BLOCKED, scopes[0])
        case SiteAnswer.CANCEL:
            pass
