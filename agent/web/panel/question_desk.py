"""The questions that pages of the panel ask the citizen, one page for each.

A page is let in once, by a token that the agent gives to the browser that it opens itself; from
then on a key says which question it may see and answer, and nothing else. A page that goes away
has cancelled, as a window that is closed has; where no page ever comes (there is no browser, or it
does not trust the agent's certificate) nobody was asked, and a window may ask instead.
"""

import asyncio
import hmac
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

import structlog

from agent.consent.page import QuestionPage, closing_answer, is_cautious, takes
from agent.consent.questions import Prompt, unshown, view_of
from agent.consent.wire import LOOK, READING_SECONDS, decode_answer
from agent.errors import AgentError, ErrorCode, RateLimitedError
from agent.secret import SecretBytes, wipe

A = TypeVar("A")
ANSWER_SECONDS: Final = 180.0
"""How long a page waits for the citizen: hearing takes longer than reading does."""
MORE_TIMES: Final = 10
"""How often they may have that time anew (WCAG 2.2 §2.2.1)."""
ARRIVE_SECONDS: Final = 20.0
"""How long the browser may take to show the page; it may have to start first."""
LEAVE_SECONDS: Final = 3.0
"""How long a page may be away, as it is while it is loaded anew."""
THINKING_SECONDS: Final = 0.5
"""How long a page must have been shown before a yes counts, against double clicks."""
PULSE: Final = 15.0
"""Seconds after which an empty line says that we are still there."""
_SECRET_SIZE: Final = 32  # bytes
_MAX_TEXT: Final = 128  # characters of what a page sends back

_log = structlog.get_logger(__name__)


class AskedPage:
    """One question in one page.

    Attributes:
        page: what it says.
        token: lets the page in, once.
        key: of the page that was let in.
        arrived: set once it was.

    """

    def __init__(
        self,
        prompt: Prompt[Any],
        page: QuestionPage,
        seconds: float,
        view: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Begin with a page that has not come yet.

        Args:
            prompt: the question.
            page: what it says.
            seconds: for the answer.
            view: shows the documents that the question names.

        """
        self.page = page
        self.token = secrets.token_urlsafe(_SECRET_SIZE)
        self.key = secrets.token_urlsafe(_SECRET_SIZE)
        self.arrived = asyncio.Event()
        self._prompt = prompt
        self._seconds = seconds
        self._view = view
        self._more = MORE_TIMES
        self._deadline = time.monotonic() + seconds
        self._shown_at: float | None = None
        self._answer: asyncio.Future[bytearray] = asyncio.get_running_loop().create_future()
        self._changed = asyncio.Event()
        self._end = ""
        self._streams = 0

    def let_in(self) -> None:
        """Note that the page has come; the time for the answer begins."""
        self._deadline = time.monotonic() + self._seconds
        self.arrived.set()
        self._watch_absence()

    def show(self) -> dict[str, Any]:
        """Return what the page needs beside its words."""
        if self._shown_at is None:
            self._shown_at = time.monotonic()
        return {"left": self._left, "more": self._more}

    def answer(self, answer: bytes, typed: bytearray | None) -> None:
        """Take an answer; ``typed`` is a PIN, the caller's to wipe.

        Raises:
            AgentError: ``bad_request``: it is none of this question's; ``busy``: too soon, or the
                question has ended.

        """
        if not takes(self._prompt, answer, typed):
            raise AgentError("no answer to this question", code=ErrorCode.BAD_REQUEST)
        shown = self._shown_at
        too_soon = shown is None or time.monotonic() - shown < THINKING_SECONDS
        if self._answer.done() or (too_soon and not is_cautious(answer)):
            raise AgentError("not now", code=ErrorCode.BUSY)
        if answer == LOOK:
            self._look()
            return
        self._settle(bytearray(answer) + (typed or b""))

    def _look(self) -> None:
        """Show the documents, and leave time to read them."""
        self._deadline = max(self._deadline, time.monotonic() + READING_SECONDS)
        self._change()
        self._view(str(view_of(self._prompt)))

    def more_time(self) -> None:
        """Give the whole time anew.

        Raises:
            AgentError: ``rate_limited``: that was done ten times.

        """
        if not self._more:
            raise RateLimitedError("no more time", self._deadline - time.monotonic())
        self._more -= 1
        self._deadline = time.monotonic() + self._seconds
        self._change()

    async def wait(self) -> bytearray:
        """Wait for the answer, as it would come through a window's pipe.

        Raises:
            AgentError: ``timeout``.

        """
        while (left := self._deadline - time.monotonic()) > 0:
            await asyncio.wait((self._answer,), timeout=left)
            if self._answer.done():
                return self._answer.result()
        self.end("timeout")
        raise AgentError("nobody answered the page", code=ErrorCode.TIMEOUT)

    def end(self, why: str) -> None:
        """Tell the page that the question has ended; of several reasons the first counts."""
        self._end = self._end or why
        self._change()

    def wipe(self) -> None:
        """Wipe an answer that nobody took."""
        if self._answer.done() and not self._answer.cancelled():
            wipe(self._answer.result())

    async def follow(self) -> AsyncIterator[dict[str, Any]]:
        """Yield how much time is left, at first and after each change; last, why it ended."""
        with self._followed():
            while not self._end:
                changed = self._changed
                yield {"left": self._left, "more": self._more}
                try:
                    async with asyncio.timeout(PULSE):
                        await changed.wait()
                except TimeoutError:
                    continue
            yield {"ended": self._end}

    @contextmanager
    def _followed(self) -> Iterator[None]:
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1
            self._watch_absence()

    @property
    def _left(self) -> int:
        return max(0, round(self._deadline - time.monotonic()))

    def _watch_absence(self) -> None:
        if not self._streams and not self._answer.done():
            asyncio.get_running_loop().call_later(LEAVE_SECONDS, self._close_if_left)

    def _close_if_left(self) -> None:
        if not self._streams:
            self.close()

    def close(self) -> None:
        """Answer as closing a window does, where there is no answer yet."""
        self._settle(bytearray(closing_answer(self._prompt)))

    def _settle(self, raw: bytearray) -> None:
        if self._answer.done():
            wipe(raw)
            return
        self._answer.set_result(raw)
        self.end("answered")

    def _change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class QuestionDesk:
    """The pages that ask now; belongs to one event loop."""

    def __init__(
        self,
        open_page: Callable[[str], bool],
        seconds: float = ANSWER_SECONDS,
        view: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Begin with none.

        Args:
            open_page: opens an address in the citizen's browser and returns whether that worked;
                may block.
            seconds: how long a page waits for the citizen.
            view: shows the documents that a question names.

        """
        self._view = view
        self._open_page = open_page
        self._seconds = seconds
        self._port: int | None = None
        self._asked: list[AskedPage] = []

    def listening(self, port: int | None) -> None:
        """Note where the panel is; None for nowhere."""
        self._port = port

    async def ask(self, prompt: Prompt[A], page: QuestionPage) -> A:
        """Open a page and wait for the answer; cancelling the task ends it.

        Raises:
            AgentError: the prompt's own code when no page can be shown, ``user_cancelled``,
                ``origin_blocked``, ``timeout``.

        """
        port = self._port
        if port is None:
            raise unshown(prompt, "the panel has no port")
        asked = AskedPage(prompt, page, self._seconds, self._view)
        self._asked.append(asked)
        try:
            # In the fragment: it goes to no server, no log and no Referer.
            address = f"https://localhost:{port}/panel/question.html#token={asked.token}"
            await self._until_arrived(prompt, asked, self._opened(address))
            return decode_answer(prompt, await asked.wait())
        finally:
            self._asked.remove(asked)
            asked.end("withdrawn")
            asked.wipe()

    def _opened(self, address: str) -> asyncio.Future[bool]:
        """Open a page; return whether that worked, once that is known.

        In a thread of its own that nobody waits for: a browser that $BROWSER names is waited for
        until it is closed.
        """
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[bool] = loop.create_future()

        def open_page() -> None:
            works = False
            try:
                works = self._open_page(address)
            finally:
                with suppress(RuntimeError):  # the loop has ended meanwhile
                    loop.call_soon_threadsafe(opened.set_result, works)

        threading.Thread(target=open_page, name="question's browser", daemon=True).start()
        return opened

    @staticmethod
    async def _until_arrived(
        prompt: Prompt[A], asked: AskedPage, opened: asyncio.Future[bool]
    ) -> None:
        arriving = asyncio.ensure_future(asked.arrived.wait())
        try:
            async with asyncio.timeout(ARRIVE_SECONDS):
                await asyncio.wait((arriving, opened), return_when=asyncio.FIRST_COMPLETED)
                if not arriving.done() and not opened.result():
                    raise unshown(prompt, "no browser can be opened here")
                await arriving
        except TimeoutError as error:
            _log.warning("the browser did not show the page of a question; a window asks")
            raise unshown(prompt, "the browser did not show the page") from error
        finally:
            arriving.cancel()

    def let_in(self, token: str) -> str:
        """Return the key for the page that brings this token.

        Raises:
            AgentError: ``origin_not_allowed``: no question has it. A second one with it ends the
                question: one of the two is not the page that the agent opened.

        """
        for asked in self._asked:
            if _same(asked.token, token):
                if asked.arrived.is_set():
                    _log.warning("a question's token came twice: the question is cancelled")
                    asked.close()
                    break
                asked.let_in()
                return asked.key
        raise AgentError("no question has this token", code=ErrorCode.ORIGIN_NOT_ALLOWED)

    def find(self, key: str) -> AskedPage | None:
        """Return the question of the page with this key."""
        for asked in self._asked:
            if asked.arrived.is_set() and _same(asked.key, key):
                return asked
        return None


def _same(ours: str, given: str) -> bool:
    if len(given) > _MAX_TEXT:
        return False
    return hmac.compare_digest(ours.encode(), given.encode("utf-8", "surrogatepass"))


def secret_of(octets: list[int] | None) -> SecretBytes | None:
    """Make a PIN of its characters' numbers, 0 to 255, and wipe the list.

    As numbers it never was a text of Python's, which cannot be wiped.
    """
    if octets is None:
        return None
    secret = SecretBytes(bytearray(octets))
    octets[:] = [0] * len(octets)
    return secret
