"""Answers about sites that a test gives itself, without a disk."""

from agent.consent.permissions import Permission
from agent.origin import Origin


class MemoryPermissions:
    """Answers that last as long as the test."""

    def __init__(self) -> None:
        self._answers: dict[Origin, Permission] = {}

    def find(self, site: Origin) -> Permission | None:
        return self._answers.get(site)

    def remember(self, site: Origin, permission: Permission) -> None:
        self._answers[site] = permission

    def allow_for_now(self, site: Origin) -> None:
        self.remember(site, Permission.ALLOWED)

    def forget(self, site: Origin) -> None:
        self._answers.pop(site, None)
