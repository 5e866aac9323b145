"""What stands about a site: the administrator's word first, then what the citizen decided."""

from typing import Final

from agent.consent.permissions import Permission
from agent.consent.site_store import Decision, SiteStore
from agent.host.settings.policy import Policy, Ruling
from agent.origin import Origin

_RULED: Final = {Ruling.ALLOWED: Permission.ALLOWED, Ruling.FORBIDDEN: Permission.BLOCKED}
_DECIDED: Final = {
    Decision.ALLOWED: Permission.ALLOWED,
    Decision.THIS_TIME: Permission.ALLOWED,
    Decision.BLOCKED: Permission.BLOCKED,
}
_KEPT: Final = {Permission.ALLOWED: Decision.ALLOWED, Permission.BLOCKED: Decision.BLOCKED}


class PolicyPermissions:
    """Permissions on disk, under a policy. What is decided against the policy has no effect."""

    def __init__(self, policy: Policy, store: SiteStore) -> None:
        """Put the two together.

        Args:
            policy: of this computer.
            store: of the citizen's decisions.

        """
        self._policy = policy
        self._store = store

    def find(self, site: Origin) -> Permission | None:
        """Look up what was said about a site; None when it has to be asked about."""
        ruling = self._policy.decision(site)
        return _RULED.get(ruling) or _DECIDED.get(self._store.decision(site))

    def remember(self, site: Origin, permission: Permission) -> None:
        """Keep an answer for good."""
        self._store.remember(site, _KEPT[permission])

    def allow_for_now(self, site: Origin) -> None:
        """Keep a yes for a quarter of an hour."""
        self._store.remember(site, Decision.THIS_TIME)

    def forget(self, site: Origin) -> None:
        """Ask about the site again next time."""
        self._store.forget(site)
