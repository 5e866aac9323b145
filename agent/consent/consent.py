"""Who answers for the citizen: they themselves in a window, or whoever started the agent."""

from collections.abc import Callable
from typing import Final, Protocol

from agent.consent.joining import OtherWindowError
from agent.consent.permissions import Permission, Permissions, keep_answer
from agent.consent.questions import (
    AllowBlind,
    AllowSite,
    LastAttempt,
    Prompter,
    Scope,
    SiteAnswer,
    UnaskedError,
)
from agent.consent.site_leave import SiteLeaves
from agent.errors import AgentError, ErrorCode, PinError
from agent.origin import Origin

_REFUSED: Final = {
    Scope.CARD: ErrorCode.ORIGIN_BLOCKED,
    Scope.BLIND: ErrorCode.BLIND_NOT_ALLOWED,
}


class Consent(Protocol):
    """Asks the citizen, or answers in their place. Awaiting it may take as long as they do.

    It also remembers: once :meth:`allow_site` has returned, :meth:`is_allowed` says for how long.
    """

    def is_allowed(self, site: Origin) -> bool:
        """Return whether ``site`` is allowed without asking anybody."""

    async def allow_site(
        self, site: Origin, *, attempts_unknown: bool = False, blind: bool = False
    ) -> None:
        """Return when ``site`` may go on.

        Args:
            site: which.
            attempts_unknown: as in :class:`AllowSite`; a yes then gives leave for one PIN.
            blind: whether it wants signatures over what cannot be shown, so that both may be
                asked at once; :meth:`allow_blind` still has the last word.

        Raises:
            AgentError: ``origin_not_allowed``, ``origin_blocked``, ``user_cancelled``,
                ``blind_not_allowed``.

        """

    async def allow_blind(self, site: Origin) -> None:
        """Return when ``site``, which is allowed, may have signed what cannot be shown.

        Raises:
            AgentError: ``blind_not_allowed``, ``user_cancelled``.

        """

    def take_leave(self, site: Origin) -> bool:
        """Take the leave to send one PIN of the page's without a further question.

        It is meant for a card whose PIN attempts are not known. From any thread.

        Returns:
            Whether there was one; :meth:`give_back_leave` returns it where no PIN was sent.

        """

    def give_back_leave(self, site: Origin) -> None:
        """Return the leave that was taken; from any thread."""

    async def allow_last_attempt(self, question: LastAttempt) -> None:
        """Return when the citizen wants an attempt to be spent that may be one of the last.

        Raises:
            AgentError: ``pin_last_attempt``, ``user_cancelled``.

        """

    def is_blocked(self, site: Origin) -> bool:
        """Return whether the citizen, or an administrator, said no for good; from any thread."""

    def is_blind_refused(self, site: Origin) -> bool:
        """Return whether the citizen said no for good to what :meth:`allow_blind` asks.

        False where an administrator did, so that they could say nothing else.
        """

    def has_windows(self) -> bool:
        """Return whether questions are put in windows, as far as that is known."""

    async def decide_again(
        self, site: Origin, said: SiteAnswer, *, attempts_unknown: bool = False, blind: bool = False
    ) -> None:
        """Return when ``site`` may go on, after the citizen was asked whatever they said before.

        Args:
            site: about which.
            said: on a page of ours; counts where no window can be shown.
            attempts_unknown: as of :meth:`allow_site`, of the window.
            blind: whether that page spoke of :meth:`is_blind_refused`, so that a yes covers it.

        Raises:
            AgentError: ``origin_not_allowed``, ``origin_blocked``, ``user_cancelled``, ``busy``,
                ``rate_limited``.

        """


class AlwaysAllow:
    """``--consent allow``: whoever started the agent has said yes to everything.

    Only an administrator's policy is stronger than that.
    """

    def __init__(
        self,
        forbidden: Callable[[Origin], bool] = lambda _: False,
        forbidden_blind: Callable[[Origin], bool] = lambda _: False,
    ) -> None:
        """Remember who is not allowed in spite of it.

        Args:
            forbidden: whether the policy forbids a site.
            forbidden_blind: whether a site is forbidden signatures over what cannot be shown.

        """
        self._forbidden = forbidden
        self._forbidden_blind = forbidden_blind

    def is_allowed(self, site: Origin) -> bool:
        """Allow every site that is not forbidden."""
        return not self._forbidden(site)

    async def allow_site(
        self, site: Origin, *, attempts_unknown: bool = False, blind: bool = False
    ) -> None:
        """Allow every site that is not forbidden.

        Raises:
            AgentError: ``origin_blocked``: it is.

        """
        del attempts_unknown, blind
        if self._forbidden(site):
            raise AgentError("forbidden by the policy", code=ErrorCode.ORIGIN_BLOCKED)

    async def allow_blind(self, site: Origin) -> None:
        """Allow it to every site that it is not forbidden.

        Raises:
            AgentError: ``blind_not_allowed``: it is.

        """
        if self._forbidden_blind(site):
            raise AgentError("forbidden by the policy", code=ErrorCode.BLIND_NOT_ALLOWED)

    def take_leave(self, site: Origin) -> bool:
        """Give leave, always."""
        del site
        return True

    def give_back_leave(self, site: Origin) -> None:
        """Do nothing: there is always one more."""

    async def allow_last_attempt(self, question: LastAttempt) -> None:
        """Spend it."""

    def is_blocked(self, site: Origin) -> bool:
        """Return whether the policy forbids ``site``."""
        return self._forbidden(site)

    def is_blind_refused(self, site: Origin) -> bool:
        """Tell that the citizen decided nothing."""
        del site
        return False

    def has_windows(self) -> bool:
        """Tell that there are none."""
        return False

    async def decide_again(
        self, site: Origin, said: SiteAnswer, *, attempts_unknown: bool = False, blind: bool = False
    ) -> None:
        """Keep no answer; errors as of :meth:`allow_site`."""
        del said, attempts_unknown, blind
        await self.allow_site(site)


class Refuse:
    """``--consent deny``: nobody is allowed."""

    def __init__(self, reason: str) -> None:
        """Remember why, for the log and the page.

        Args:
            reason: one English clause, such as "refused on the command line".

        """
        self._reason = reason

    def is_allowed(self, site: Origin) -> bool:
        """Allow no site."""
        del site
        return False

    async def allow_site(
        self, site: Origin, *, attempts_unknown: bool = False, blind: bool = False
    ) -> None:
        """Refuse.

        Raises:
            AgentError: ``origin_not_allowed``, always.

        """
        del site, attempts_unknown, blind
        raise AgentError(self._reason, code=ErrorCode.ORIGIN_NOT_ALLOWED)

    async def allow_blind(self, site: Origin) -> None:
        """Refuse.

        Raises:
            AgentError: ``blind_not_allowed``, always.

        """
        del site
        raise AgentError(self._reason, code=ErrorCode.BLIND_NOT_ALLOWED)

    def take_leave(self, site: Origin) -> bool:
        """Give none."""
        del site
        return False

    def give_back_leave(self, site: Origin) -> None:
        """Do nothing: none was given."""

    async def allow_last_attempt(self, question: LastAttempt) -> None:
        """Refuse.

        Raises:
            PinError: ``pin_last_attempt``, always.

        """
        raise PinError(
            self._reason,
            code=ErrorCode.PIN_LAST_ATTEMPT,
            attempts_left=question.attempts_left,
        )

    def is_blocked(self, site: Origin) -> bool:
        """Tell that nobody decided anything for good."""
        del site
        return False

    def is_blind_refused(self, site: Origin) -> bool:
        """Tell that the citizen decided nothing."""
        del site
        return False

    def has_windows(self) -> bool:
        """Tell that there are none."""
        return False

    async def decide_again(
        self, site: Origin, said: SiteAnswer, *, attempts_unknown: bool = False, blind: bool = False
    ) -> None:
        """Refuse; errors as of :meth:`allow_site`."""
        del said, attempts_unknown, blind
        await self.allow_site(site)


class Ask:
    """``--consent ask``: what was decided stands, and the citizen is asked about the rest."""

    def __init__(
        self,
        permissions: Permissions,
        prompter: Prompter,
        *,
        leaves: SiteLeaves | None = None,
        confirm_unknown: bool = True,
    ) -> None:
        """Put the answers and the way of asking together.

        Args:
            permissions: what was answered before.
            prompter: shows the windows.
            leaves: what a yes in them covers; None for nothing but what is asked here.
            confirm_unknown: whether a PIN of a page's needs leave where the card's attempts are
                not known; otherwise there is always leave.

        """
        self._permissions = permissions
        self._prompter = prompter
        self._leaves = (leaves or SiteLeaves()) if confirm_unknown else None

    def is_allowed(self, site: Origin) -> bool:
        """Return whether ``site`` is allowed without asking anybody."""
        return self._permissions.find(site) is Permission.ALLOWED

    async def allow_site(
        self, site: Origin, *, attempts_unknown: bool = False, blind: bool = False
    ) -> None:
        """Return when ``site`` may go on.

        Raises:
            AgentError: ``origin_blocked``, ``user_cancelled``; ``origin_not_allowed`` where no
                window can be shown; ``blind_not_allowed``, before anything is asked about a site
                that could not have what it wants; and what else a prompter raises.

        """
        permission = self._permissions.find(site)
        if permission is Permission.BLOCKED:
            raise AgentError("blocked before", code=ErrorCode.ORIGIN_BLOCKED)
        if permission is Permission.ALLOWED:
            return
        question = AllowSite(site, attempts_unknown, blind and not self._has_blind(site))
        try:
            self._settle(question, await self._ask(question))
        except OtherWindowError:
            if not self.is_allowed(site):
                raise

    async def allow_blind(self, site: Origin) -> None:
        """Return when ``site``, which is allowed, may have signed what cannot be shown.

        Raises:
            AgentError: ``user_cancelled``; ``blind_not_allowed`` where they said no for good, or
                no window can be shown; and what else a prompter raises.

        """
        if not self._has_blind(site):
            question = AllowBlind(site)
            self._settle(question, await self._prompter.ask(question))

    def _has_blind(self, site: Origin) -> bool:
        permission = self._permissions.find(site, Scope.BLIND)
        if permission is Permission.BLOCKED:
            raise AgentError("refused before", code=ErrorCode.BLIND_NOT_ALLOWED)
        return permission is Permission.ALLOWED

    def take_leave(self, site: Origin) -> bool:
        """Take the leave that a yes of the last ten minutes gave, if it did."""
        return self._leaves is None or self._leaves.take(site)

    def give_back_leave(self, site: Origin) -> None:
        """Return the leave that was taken."""
        if self._leaves is not None:
            self._leaves.give_back(site)

    async def allow_last_attempt(self, question: LastAttempt) -> None:
        """Return when the citizen wants an attempt to be spent that may be one of the last.

        Raises:
            AgentError: ``pin_last_attempt``: they do not, or no window can be shown; and what
                else a prompter raises.

        """
        if not await self._prompter.ask(question):
            raise PinError(
                "the citizen said no",
                code=ErrorCode.PIN_LAST_ATTEMPT,
                attempts_left=question.attempts_left,
            )

    def is_blocked(self, site: Origin) -> bool:
        """Return whether the citizen, or an administrator, said no to ``site`` for good."""
        return self._permissions.find(site) is Permission.BLOCKED

    def is_blind_refused(self, site: Origin) -> bool:
        """Return whether the citizen said no for good to what cannot be shown."""
        is_refused = self._permissions.find(site, Scope.BLIND) is Permission.BLOCKED
        return is_refused and not self._permissions.is_ruled(site, Scope.BLIND)

    def has_windows(self) -> bool:
        """Return whether questions are put in windows, as far as that is known."""
        return self._prompter.can_ask()

    async def decide_again(
        self, site: Origin, said: SiteAnswer, *, attempts_unknown: bool = False, blind: bool = False
    ) -> None:
        """Return when ``site`` may go on; what is said in a window counts, or else ``said``.

        Raises:
            AgentError: ``origin_blocked``, ``user_cancelled``; and what else a prompter raises.

        """
        question = AllowSite(site, attempts_unknown, blind and self.is_blind_refused(site))
        if said is not SiteAnswer.CANCEL and self.has_windows():
            try:
                said = await self._ask(question)
            except UnaskedError:
                pass  # what was said on the page counts
            except OtherWindowError:
                if not self.is_allowed(site):
                    raise
                return
        self._settle(question, said)

    async def _ask(self, question: AllowSite) -> SiteAnswer:
        """Ask about a site; a yes gives the leave that the window speaks of."""
        leaves = self._leaves if question.attempts_unknown else None
        asked_at = 0.0 if leaves is None else leaves.now()
        asked = AllowSite(question.site, leaves is not None, question.blind)
        answer = await self._prompter.ask(asked)
        if leaves is not None:
            leaves.keep_answer(asked, answer, asked_at)
        return answer

    def _settle(self, question: AllowSite | AllowBlind, answer: SiteAnswer) -> None:
        keep_answer(self._permissions, question, answer)
        if answer is SiteAnswer.NEVER:
            scope = Scope.CARD if Scope.CARD in question.scopes else Scope.BLIND
            raise AgentError("refused for good", code=_REFUSED[scope])
        if answer is SiteAnswer.CANCEL:
            raise AgentError("cancelled", code=ErrorCode.USER_CANCELLED)
        for scope in question.scopes:
            if self._permissions.find(question.site, scope) is Permission.BLOCKED:
                raise AgentError("an administrator said no meanwhile", code=_REFUSED[scope])
