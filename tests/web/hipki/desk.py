"""Stands in for the windows that a popup's questions are asked in."""

import asyncio
from queue import Empty, Queue
from typing import Any, TypeVar, cast

import pytest

from agent.consent.questions import Prompt, unshown
from agent.consent.queue import PromptQueue
from agent.errors import AgentError, ErrorCode
from agent.virtualcard.card import VirtualCard
from tests.web.hipki.rig import SECONDS, Rig

A = TypeVar("A")
WINDOW = {"window": True}


class Desk:
    """A prompter: its windows stay open until the test answers or somebody closes them."""

    def __init__(self) -> None:
        self.asked: Queue[Prompt[Any]] = Queue()
        self.closed: Queue[Prompt[Any]] = Queue()
        self.answers: Queue[Any] = Queue()
        self.opens = True

    def can_ask(self) -> bool:
        return True

    def pin_unasked(self) -> ErrorCode:
        """Tell that no window opens."""
        return ErrorCode.WINDOW_UNAVAILABLE

    async def ask(self, prompt: Prompt[A]) -> A:
        if not self.opens:
            raise unshown(prompt, "no window opens")
        self.asked.put(prompt)
        try:
            while self.answers.empty():  # noqa: ASYNC110  # it is filled by another thread
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            self.closed.put(prompt)
            raise
        answer = self.answers.get()
        if isinstance(answer, AgentError):
            raise answer
        return cast("A", answer)

    def seen(self) -> Prompt[Any]:
        """Wait for the next window."""
        return self.asked.get(timeout=SECONDS)

    def nothing_more(self) -> None:
        with pytest.raises(Empty):
            self.asked.get(timeout=0.3)


def asking(card: VirtualCard, desk: Desk, **settings: Any) -> Rig:
    turns = PromptQueue(desk, lambda _: None)
    return Rig(card, consent="ask", prompter=turns, **settings)


def until_window(popup: Any) -> None:
    while popup.state() != WINDOW:
        pass
