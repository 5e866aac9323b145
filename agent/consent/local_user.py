"""The person at this computer needs nobody's permission to use their own card."""

from typing import Final

from agent.consent.consent import Consent
from agent.consent.questions import LastAttempt, SiteAnswer
from agent.origin import LOCAL_USER, SELF_TEST, Origin

_OWN: Final = frozenset({LOCAL_USER, SELF_TEST})
"""What only the citizen can start: their own commands, and the self-tests on our own pages."""


class LocalUserConsent:
    """Allows what the citizen started themselves, and hands every other site on.

    The PIN is asked for all the same, and so is an attempt that is known to be one of the last.
    """

    def __init__(self, others: Consent) -> None:
        """Remember who decides about everybody else."""
        self._others = others

    def is_allowed(self, site: Origin) -> bool:
        """Return whether ``site`` is allowed without asking anybody."""
        return site in _OWN or self._others.is_allowed(site)

    async def allow_site(
        self, site: Origin, *, attempts_unknown: bool = False, blind: bool = False
    ) -> None:
        """Return when ``site`` may go on; errors as of the other consent."""
        if site not in _OWN:
            unknown = attempts_unknown
            await self._others.allow_site(site, attempts_unknown=unknown, blind=blind)

    async def allow_blind(self, site: Origin) -> None:
        """Return when ``site`` may have signed what cannot be shown; errors likewise."""
        if site not in _OWN:
            await self._others.allow_blind(site)

    def take_leave(self, site: Origin) -> bool:
        """Give leave to what the citizen started: they typed the PIN into a page of ours."""
        return site in _OWN or self._others.take_leave(site)

    def give_back_leave(self, site: Origin) -> None:
        """Return the leave that was taken."""
        if site not in _OWN:
            self._others.give_back_leave(site)

    async def allow_last_attempt(self, question: LastAttempt) -> None:
        """Return when the citizen wants one of the last attempts spent; errors likewise."""
        await self._others.allow_last_attempt(question)

    def is_blocked(self, site: Origin) -> bool:
        """Return whether the citizen, or an administrator, said no to ``site`` for good."""
        return site not in _OWN and self._others.is_blocked(site)

    def is_blind_refused(self, site: Origin) -> bool:
        """Return whether the citizen said no for good to what cannot be shown."""
        return site not in _OWN and self._others.is_blind_refused(site)

    def has_windows(self) -> bool:
        """Return whether questions are put in windows, as far as that is known."""
        return self._others.has_windows()

    async def decide_again(
        self, site: Origin, said: SiteAnswer, *, attempts_unknown: bool = False, blind: bool = False
    ) -> None:
        """Return when ``site`` may go on, after the citizen was asked; errors likewise."""
        if site not in _OWN:
            unknown = attempts_unknown
            await self._others.decide_again(site, said, attempts_unknown=unknown, blind=blind)
