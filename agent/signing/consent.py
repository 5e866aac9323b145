"""Who answers for the citizen: a flag for now, windows where there are some."""

from typing import Protocol

from agent.errors import AgentError, ErrorCode, PinError
from agent.signing.sites import Site


class Consent(Protocol):
    """Asks the citizen, or answers in their place. Awaiting it may take as long as they do.

    It also remembers: once :meth:`allow_site` has returned, :meth:`stands` says for how long.
    """

    def stands(self, site: Site) -> bool:
        """Tell whether ``site`` is allowed without asking anybody."""

    async def allow_site(self, site: Site) -> None:
        """Return when ``site`` may go on.

        Raises:
            AgentError: ``origin_not_allowed``, ``origin_blocked``, ``user_cancelled``.

        """

    async def allow_try(self, site: Site, attempts_left: int) -> None:
        """Return when the citizen wants one of the card's last PIN tries to be spent.

        Args:
            site: who asks.
            attempts_left: 1 or 2, before this one.

        Raises:
            AgentError: ``pin_last_attempt``, ``user_cancelled``.

        """


class AlwaysAllow:
    """``--consent allow``: whoever started the agent has said yes to everything."""

    def stands(self, site: Site) -> bool:
        """Allow every site."""
        del site
        return True

    async def allow_site(self, site: Site) -> None:
        """Allow every site."""

    async def allow_try(self, site: Site, attempts_left: int) -> None:
        """Spend it."""


class Refuse:
    """``--consent deny``, and ``ask`` where there is no window to ask in: nobody is allowed."""

    def __init__(self, reason: str) -> None:
        """Remember why, for the log and the page.

        Args:
            reason: one English clause, such as "no window can be shown here".

        """
        self._reason = reason

    def stands(self, site: Site) -> bool:
        """Allow no site."""
        del site
        return False

    async def allow_site(self, site: Site) -> None:
        """Refuse.

        Raises:
            AgentError: ``origin_not_allowed``, always.

        """
        del site
        raise AgentError(self._reason, code=ErrorCode.ORIGIN_NOT_ALLOWED)

    async def allow_try(self, site: Site, attempts_left: int) -> None:
        """Refuse.

        Raises:
            PinError: ``pin_last_attempt``, always.

        """
        del site
        raise PinError(self._reason, code=ErrorCode.PIN_LAST_ATTEMPT, attempts_left=attempts_left)
