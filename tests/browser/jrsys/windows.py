"""The agent's windows as a test's citizen sees them: answered at once, or left standing."""

import asyncio
from queue import Queue
from typing import Any, TypeVar, cast

from agent.consent.questions import (
    AllowSite,
    ChooseCard,
    EnterPin,
    LastAttempt,
    Prompt,
    SiteAnswer,
)
from agent.errors import AgentError, ErrorCode
from agent.secret import SecretBytes

A = TypeVar("A")
PIN = "123456"
WRONG_PIN = "654321"
SECONDS = 20.0


class Windows:
    """Stands for the windows; a browser's test works it from another thread.

    Attributes:
        asked: every question so far.
        site: the answer about a site.
        pin: what is typed; None closes the window.
        agrees: whether an attempt may be spent.
        holds: the kind of window that is left standing: until this is another, or whoever waits
            gives up.
        opened: the windows of that kind.
        closed: those of them that were given up.

    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget everything: the next test's citizen says yes and knows the PIN."""
        self.asked: list[Prompt[Any]] = []
        self.site = SiteAnswer.ALWAYS
        self.pin: str | None = PIN
        self.agrees = True
        self.holds: type[Prompt[Any]] | None = None
        self.opened: Queue[Prompt[Any]] = Queue()
        self.closed: Queue[Prompt[Any]] = Queue()

    def kinds(self) -> list[str]:
        """Return the questions' kinds, in their order."""
        return [type(each).__name__ for each in self.asked]

    def last(self) -> Prompt[Any]:
        """Return the newest question."""
        return self.asked[-1]

    def can_ask(self) -> bool:
        """Tell that windows can be shown."""
        return True

    def pin_unasked(self) -> ErrorCode:
        """Tell that no window opens."""
        return ErrorCode.WINDOW_UNAVAILABLE

    async def ask(self, prompt: Prompt[A]) -> A:
        """Answer, or stand open until cancelled."""
        self.asked.append(prompt)
        if self._is_held(prompt):
            await self._stand(prompt)
        return cast("A", self._answer(prompt))

    async def _stand(self, prompt: Prompt[Any]) -> None:
        self.opened.put(prompt)
        try:
            while self._is_held(prompt):  # noqa: ASYNC110  # another thread changes that
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            self.closed.put(prompt)
            raise

    def _is_held(self, prompt: Prompt[Any]) -> bool:
        return self.holds is not None and isinstance(prompt, self.holds)

    def _answer(self, prompt: object) -> object:
        match prompt:
            case AllowSite():
                return self.site
            case LastAttempt():
                return self.agrees
            case ChooseCard():
                return prompt.cards[0]
            case EnterPin():
                if self.pin is None or prompt.was_wrong:
                    raise AgentError("closed", code=ErrorCode.USER_CANCELLED)
                return SecretBytes.from_text(self.pin)
            case _:
                return SiteAnswer.ALWAYS
