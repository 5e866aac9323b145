"""Requests for windows, as tests make them, and a citizen who answers as the test says."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from agent.consent.questions import (
    Act,
    AllowBlind,
    AllowSite,
    CardFacts,
    ChooseCard,
    DocumentFacts,
    EnterPin,
    LastAttempt,
    Locked,
    Prompt,
    Purpose,
)
from agent.errors import AgentError, ErrorCode
from agent.origin import Origin
from agent.secret import SecretBytes

A = TypeVar("A")
SITE = Origin.parse("https://portal.example")
OTHER = Origin.parse("https://other.example:8443")
CARD = CardFacts("Ankong Virtual Reader 0", "gen2", "TP00000000000001", "王測試", virtual=True)
DOCUMENT = DocumentFacts("升級為金質會員.txt", bytes(range(32)))
SIGNING = Purpose(Act.SIGN, "SHA-256", (DOCUMENT,), 1)
ALLOW = AllowSite(SITE)
PIN = EnterPin(SITE, SIGNING, CARD, 3, was_wrong=False, min_length=6, max_length=8)
PDF = DocumentFacts("租賃契約.pdf", bytes(range(32)), "我同意續租一年\n臺北市", 12, 12)
"""A whole file, which can be looked at."""
VIEWED = EnterPin(
    SITE, Purpose(Act.SIGN, "SHA-256", (PDF,), 1, view="ab" * 16), CARD, 3, False, 6, 8
)
LAST = LastAttempt(SITE, 1, CARD, pin_given=False)
LOCKED = Locked(SITE, CARD)
BLIND = AllowBlind(SITE)
TOKEN = CardFacts("Stub reader 00 00 (Stub)", "pkcs11", "1", "王測試")
KEYPAD = EnterPin(
    SITE, SIGNING, TOKEN, None, was_wrong=False, min_length=4, max_length=12, keypad=True
)
OTHER_CARD = CardFacts("Ankong Virtual Reader 1", "gen1", "TP00000000000002", None, virtual=True)
CHOOSE = ChooseCard(SITE, (CARD, OTHER_CARD))
ALL = (ALLOW, AllowSite(SITE, blind=True), BLIND, PIN, LAST, LOCKED, CHOOSE)
THINKING = 20.0  # seconds; far more than whatever closes a window takes

Answer = Callable[[Prompt[Any]], Any]


def types(pin: str) -> Answer:
    """Answer with a PIN."""
    return lambda _: SecretBytes.from_text(pin)


def says(answer: Any) -> Answer:
    """Answer with anything else."""
    return lambda _: answer


def refuses(code: ErrorCode = ErrorCode.USER_CANCELLED) -> Answer:
    """End with an error."""

    def refuse(_: Prompt[Any]) -> Any:
        raise AgentError("as the test says", code=code)

    return refuse


class Citizen:
    """A prompter that answers from a list, and remembers what it was asked and what it typed."""

    def __init__(self, answers: Iterable[Answer] = ()) -> None:
        self.answers = list(answers)
        self.has_answers = bool(self.answers)
        self.asked: list[Prompt[Any]] = []
        self.typed: list[SecretBytes] = []
        self.cancelled = 0
        self.is_asked = asyncio.Event()

    def can_ask(self) -> bool:
        """Tell that there is somebody."""
        return True

    def pin_unasked(self) -> ErrorCode:
        """Tell that no window opens."""
        return ErrorCode.WINDOW_UNAVAILABLE

    async def shown(self) -> None:
        """Return when a window is shown; TimeoutError where none is."""
        await asyncio.wait_for(self.is_asked.wait(), THINKING)

    async def ask(self, prompt: Prompt[A]) -> A:
        """Answer; think until the window is closed where the test gives no answers at all.

        Raises:
            AssertionError: asked once more than the test has answers, or not closed in time.

        """
        self.asked.append(prompt)
        self.is_asked.set()
        if not self.answers:
            assert not self.has_answers, f"one window too many: {prompt}"
            try:
                await asyncio.sleep(THINKING)
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            raise AssertionError(f"nothing closed {prompt}")
        answer = self.answers.pop(0)(prompt)
        if isinstance(answer, SecretBytes):
            self.typed.append(answer)
        return cast("A", answer)
