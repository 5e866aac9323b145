"""One request of one site, every popup that waits for its reply, and the questions meanwhile.

Pages run out of patience, close their popup and open another with the same request: that one
joins the request under way. When the last popup has gone, the request is cancelled.
"""

import asyncio
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum, unique
from typing import Any, Final, TypeAlias

from agent.errors import AgentError, ErrorCode
from agent.origin import Origin
from agent.web.hipki.fields import RequestFields
from agent.web.hipki.functions import MAX_NAME
from agent.web.hipki.long_texts import PIECE

ANSWER_SECONDS: Final = 120.0
"""How long a question waits for the citizen; it holds one of the browser's connections."""
THINKING_SECONDS: Final = 0.5
"""How long a question must have been shown before a yes counts, against double clicks."""


@unique
class PopupAnswer(StrEnum):
    """What the citizen may answer in one of our pages."""

    ONCE = "once"
    ALWAYS = "always"
    NEVER = "never"
    CANCEL = "cancel"


class PopupQuestion:
    """A question to the citizen, shown in one popup or in several at once.

    Attributes:
        shown: the JSON object that the page gets.
        choice: the place of what was chosen, from 0, once there is an answer.

    """

    def __init__(
        self, kind: str, about: dict[str, Any], answers: frozenset[PopupAnswer], choices: int = 1
    ) -> None:
        """Start the clock: a yes counts from now on, after a moment.

        Args:
            kind: "site", "blind", "pin" or "card", for the page that shows it.
            about: further fields of the JSON object that the page gets.
            answers: that are accepted, beside cancelling.
            choices: among how many things of ``about`` an answer chooses.

        """
        self.shown = {"kind": kind, **about}
        self.choice = 0
        self._answers = answers | {PopupAnswer.CANCEL}
        self._choices = choices
        self._asked = time.monotonic()
        self._answered = asyncio.Event()
        self._answer = PopupAnswer.CANCEL

    def answer(self, answer: PopupAnswer, choice: int = 0) -> bool:
        """Accept an answer; return False for one that is not offered or comes too soon."""
        too_soon = time.monotonic() - self._asked < THINKING_SECONDS
        if answer not in self._answers or (too_soon and answer is not PopupAnswer.CANCEL):
            return False
        if not 0 <= choice < self._choices:
            return False
        if not self._answered.is_set():
            self._answer, self.choice = answer, choice
            self._answered.set()
        return True

    async def wait(self) -> PopupAnswer:
        """Wait for the answer.

        Raises:
            AgentError: ``user_cancelled``: nobody gave one in two minutes.

        """
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._answered.wait()
        except TimeoutError as error:
            raise AgentError("nobody answered", code=ErrorCode.USER_CANCELLED) from error
        return self._answer


class Conversation:
    """A request under way, whose state popups follow."""

    def __init__(self, name: str, work: Callable[[], Awaitable[str]]) -> None:
        """Start the work.

        Args:
            name: of the function that the page asks for, as it was read here: a text can be made
                that the popup's script would read as another request.
            work: returns the reply, and never raises; in it :func:`current` is this conversation.

        """
        self.followers = 0
        self._name = name[:MAX_NAME]
        self._question: PopupQuestion | None = None
        self._windows = 0
        self._reply: str | None = None
        self._changed = asyncio.Event()
        self.task = asyncio.create_task(self._run(work))

    async def ask(self, question: PopupQuestion) -> PopupAnswer:
        """Show a question in every popup of this conversation and wait for the answer.

        Raises:
            AgentError: ``user_cancelled``.

        """
        self._question = question
        self._change()
        try:
            return await question.wait()
        finally:
            self._question = None
            self._change()

    @contextmanager
    def asking_in_window(self) -> Iterator[None]:
        """Tell every popup, while the context lasts, that a window asks the citizen."""
        self._windows += 1
        self._change()
        try:
            yield
        finally:
            self._windows -= 1
            self._change()

    def answer(self, answer: PopupAnswer, choice: int = 0) -> bool:
        """Answer the question that is shown; return whether one is shown and accepts it."""
        return self._question is not None and self._question.answer(answer, choice)

    async def follow(self) -> AsyncIterator[dict[str, Any]]:
        """Yield each state for the popup: a question, a window asks, at work; last the reply."""
        while True:
            changed = self._changed
            yield self._state()
            if self._reply is not None:
                return
            await changed.wait()

    def _state(self) -> dict[str, Any]:
        if self._reply is not None:
            return {"reply": self._reply}
        if self._question is not None:
            return {"question": {**self._question.shown, "func": self._name}}
        return {"window": True} if self._windows else {"working": True}

    def _change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _run(self, work: Callable[[], Awaitable[str]]) -> None:
        _current.set(self)
        self._reply = await work()
        self._change()


_current: ContextVar[Conversation | None] = ContextVar("_current", default=None)


def current() -> Conversation | None:
    """Return the conversation whose work is calling; None outside of any."""
    return _current.get()


Key: TypeAlias = bytes


class Conversations:
    """The requests under way, by site, function and fields."""

    def __init__(self) -> None:
        self._under_way: dict[Key, Conversation] = {}
        # The key of this process keeps anybody from guessing a PIN by the digest of its request.
        self._secret = secrets.token_bytes(32)

    def key(self, site: Origin, name: str, fields: RequestFields) -> Key:
        """Return the same key for the same request of the same site: 32 bytes."""
        values = sorted(fields.values.items())
        long = {each: text for each, text in values if isinstance(text, str) and len(text) > PIECE}
        lengths = {each: len(text) for each, text in long.items()}
        others = [(each, value) for each, value in values if each not in long]
        canonical = json.dumps([str(site), name, others, lengths], sort_keys=True)
        digest = hashlib.blake2b(canonical.encode(), key=self._secret, digest_size=32)
        for text in long.values():
            for at in range(0, len(text), PIECE):
                digest.update(text[at : at + PIECE].encode())
        return digest.digest()

    @contextmanager
    def join(
        self, key: Key, name: str, work: Callable[[], Awaitable[str]]
    ) -> Iterator[Conversation]:
        """Join the request under way, or start it; it is cancelled when the last popup leaves."""
        conversation = self._under_way.get(key)
        if conversation is None:
            conversation = self._start(key, name, work)
        conversation.followers += 1
        try:
            yield conversation
        finally:
            conversation.followers -= 1
            if not conversation.followers:
                self._forget(key, conversation)
                conversation.task.cancel()

    def _start(self, key: Key, name: str, work: Callable[[], Awaitable[str]]) -> Conversation:
        conversation = self._under_way[key] = Conversation(name, work)
        # The same request after the reply is another request.
        conversation.task.add_done_callback(lambda _: self._forget(key, conversation))
        return conversation

    def _forget(self, key: Key, conversation: Conversation) -> None:
        if self._under_way.get(key) is conversation:
            del self._under_way[key]
