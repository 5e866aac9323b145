"""Answers about sites that a test gives itself, without a disk."""

from agent.consent.permissions import Permission
from agent.consent.questions import Scope
from agent.origin import Origin


class MemoryPermissions:
    """Answers that last as long as the test."""

    def __init__(self) -> None:
        self._answers: dict[tuple[Origin, Scope], Permission] = {}
        self.ruled: set[tuple[Origin, Scope]] = set()

    def find(self, site: Origin, scope: Scope = Scope.CARD) -> Permission | None:
        return self._answers.get((site, scope))

    def is_ruled(self, site: Origin, scope: Scope) -> bool:
        return (site, scope) in self.ruled

    def remember(self, site: Origin, permission: Permission, scope: Scope = Scope.CARD) -> None:
        self._answers[site, scope] = permission

    def allow_for_now(self, site: Origin, scope: Scope = Scope.CARD) -> None:
        self.remember(site, Permission.ALLOWED, scope)

    def forget(self, site: Origin) -> None:
        for scope in Scope:
            self._answers.pop((site, scope), None)
