"""Answers about sites that a test gives itself, without a disk."""

from agent.consent.permissions import Permission
from agent.origin import Site


class MemoryPermissions:
    """Answers that last as long as the test."""

    def __init__(self) -> None:
        self._answers: dict[Site, Permission] = {}

    def find(self, site: Site) -> Permission | None:
        return self._answers.get(site)

    def remember(self, site: Site, permission: Permission) -> None:
        self._answers[site] = permission

    def allow_for_now(self, site: Site) -> None:
        self.remember(site, Permission.ALLOWED)

    def forget(self, site: Site) -> None:
        self._answers.pop(site, None)
