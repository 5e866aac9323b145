"""The person at this computer needs nobody's permission to use their own card."""

from agent.consent.consent import Consent
from agent.consent.questions import LastTry
from agent.origin import LOCAL_USER, Origin


class LocalUserConsent:
    """Stands before another consent: knows the owner, and asks about everybody else.

    The PIN is asked for all the same, and so is a last try.
    """

    def __init__(self, others: Consent) -> None:
        """Put the owner before ``others``."""
        self._others = others

    def is_allowed(self, site: Origin) -> bool:
        """Return whether ``site`` is allowed without asking anybody."""
        return site == LOCAL_USER or self._others.is_allowed(site)

    async def allow_site(self, site: Origin) -> None:
        """Return when ``site`` may go on; errors as of the other consent."""
        if site != LOCAL_USER:
            await self._others.allow_site(site)

    async def allow_try(self, question: LastTry) -> None:
        """Return when the citizen wants one of the last tries spent; errors likewise."""
        await self._others.allow_try(question)
