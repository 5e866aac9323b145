"""What stands about a site: the administrator's word first, then what the citizen decided."""

from collections.abc import Callable
from typing import Final

from agent.consent.permissions import Permission
from agent.consent.questions import Scope
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

    def __init__(
        self,
        policy: Policy,
        store: SiteStore,
        blind: Callable[[Origin], Ruling] = lambda _: Ruling.SILENT,
    ) -> None:
        """Put the two together.

        Args:
            policy: of this computer.
            store: of the citizen's decisions.
            blind: what policy and settings decide about a site's signatures over what cannot be
                shown.

        """
        self._rulings = {Scope.CARD: policy.decision, Scope.BLIND: blind}
        self._store = store

    def find(self, site: Origin, scope: Scope = Scope.CARD) -> Permission | None:
        """Look up what was said about a site; None when it has to be asked about."""
        ruling = self._rulings[scope](site)
        return _RULED.get(ruling) or _DECIDED.get(self._store.decision(site, scope))

    def is_ruled(self, site: Origin, scope: Scope) -> bool:
        """Return whether an administrator decided, so that no answer has an effect."""
        return self._rulings[scope](site) is not Ruling.SILENT

    def remember(self, site: Origin, permission: Permission, scope: Scope = Scope.CARD) -> None:
        """Keep an answer for good."""
        self._store.remember(site, _KEPT[permission], scope)

    def allow_for_now(self, site: Origin, scope: Scope = Scope.CARD) -> None:
        """Keep a yes for a quarter of an hour."""
        self._store.remember(site, Decision.THIS_TIME, scope)

    def forget(self, site: Origin) -> None:
        """Ask about the site again next time, whatever it wants."""
        self._store.forget(site)
