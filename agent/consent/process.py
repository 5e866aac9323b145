"""The windows as a short-lived process: one request into its standard input, one answer out.

The process ends when the answer is given or when its standard input closes, whichever comes
first; so no window outlives its question, and none outlives the agent.
"""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import structlog

from agent.consent.questions import EnterPin, Prompt, UnaskedError, unshown, view_of
from agent.consent.standby import Standby
from agent.consent.window_process import NotTakenError, WindowProcess
from agent.consent.wire import NO_DISPLAY, NO_TOOLKIT, decode_answer, encode_request
from agent.errors import AgentError, ErrorCode
from agent.seldom import SeldomLog
from agent.words.language import SYSTEM

A = TypeVar("A")
ANSWER_SECONDS: Final = 120.0
"""How long a window waits for the citizen."""
PROMPT_ARGUMENT: Final = "--prompt"
"""The first argument that turns the installed program into a prompt process."""
_NO_WINDOW: Final = "no window can be shown here"
_REASONS: Final = {
    NO_DISPLAY: "there is no display",
    NO_TOOLKIT: "Python's tkinter is not installed; ankong doctor names its package",
}

_log = structlog.get_logger(__name__)
_seldom = SeldomLog(__name__)


def prompt_command() -> tuple[str, ...]:
    """Find how the prompt process is started: the installed program itself, or this checkout's."""
    if getattr(sys, "frozen", False):
        return sys.executable, PROMPT_ARGUMENT
    # -P: what happens to be called "tray" in the folder that we run in is not ours.
    return sys.executable, "-P", "-m", "tray.prompt.process"


def has_display() -> bool:
    """Return whether a window could be opened here: always, but for Unix without X."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY"))


class ProcessPrompter:
    """Asks each question in a process of its own: one that waits already, or a new one."""

    def __init__(  # noqa: PLR0913  # what a window needs of the agent
        self,
        command: Sequence[str],
        language: Callable[[], str] = lambda: SYSTEM,
        standby: Standby | None = None,
        seconds: float = ANSWER_SECONDS,
        view: Callable[[str], None] = lambda _: None,
        *,
        administrator: Callable[[], str] = str,
    ) -> None:
        """Remember how.

        Args:
            command: that starts the prompt process.
            language: that the citizen chose, as a BCP 47 tag or "system".
            standby: has one ready; None for none.
            seconds: how long a window waits for the citizen.
            view: shows the documents that a question names.
            administrator: returns the line that the administrator has us show; empty for none.

        """
        self._command = tuple(command)
        self._language = language
        self._standby = standby
        self._seconds = seconds
        self._view = view
        self._administrator = administrator

    def can_ask(self) -> bool:
        """Return whether there is a display."""
        return has_display()

    def pin_unasked(self) -> ErrorCode:
        """Tell that a window is missing, not the page's PIN."""
        return EnterPin.unshown

    async def ask(self, prompt: Prompt[A]) -> A:
        """Show a window and wait for the answer; cancelling the task closes it.

        Raises:
            AgentError: ``unshown`` of the prompt when no window can be opened, ``user_cancelled``,
                ``origin_blocked``, ``timeout``.

        """
        if not has_display():
            raise _no_window(prompt, _REASONS[NO_DISPLAY])
        request = encode_request(prompt, self._language(), self._administrator())
        ready = None if self._standby is None else self._standby.take()
        if ready is not None:
            try:
                return await self._ask_in(ready, prompt, request)
            except NotTakenError:
                _log.warning("a window that was ready did not open", status=ready.status)
        try:
            window = await WindowProcess.start(self._command)
        except OSError as error:
            raise _no_window(prompt, f"its program cannot be started: {error}") from error
        return await self._ask_in(window, prompt, request)

    def _look(self, prompt: Prompt[A]) -> None:
        view = view_of(prompt)
        if view is not None:
            self._view(view)

    async def _ask_in(self, window: WindowProcess, prompt: Prompt[A], request: bytes) -> A:
        try:
            answer = await window.converse(request, self._seconds, lambda: self._look(prompt))
        except TimeoutError as error:
            raise AgentError("nobody answered the window", code=ErrorCode.TIMEOUT) from error
        finally:
            await window.end()
        if not answer:
            raise _failure(prompt, window.status)
        return decode_answer(prompt, answer)


def _failure(prompt: Prompt[A], status: int | None) -> AgentError:
    if status in _REASONS:
        return _no_window(prompt, _REASONS[status])
    _log.warning("a window ended without an answer", status=status)
    return AgentError("the window ended without an answer")


def _no_window(prompt: Prompt[A], reason: str) -> UnaskedError:
    """Log why, though not at each request of a page that asks all the time."""
    _seldom.note(_NO_WINDOW, reason=reason)
    return unshown(prompt, _NO_WINDOW)
