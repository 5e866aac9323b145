"""One transaction on a card: whether it may be tried once more, and what the log says of it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

import structlog

from agent.cards.card import Card
from agent.errors import AgentError, CardError, ErrorCode, SharingViolationError
from agent.transport.observed import ObservedConnection

T = TypeVar("T")
_log = structlog.get_logger(__name__)

DOUBTS: Final = frozenset(
    {
        ErrorCode.BAD_REQUEST,
        ErrorCode.CARD_ERROR,
        ErrorCode.CARD_MUTE,
        ErrorCode.CERTIFICATE_EXPIRED,
        ErrorCode.CERTIFICATE_NOT_YET_VALID,
        ErrorCode.KEY_NOT_FOUND,
        ErrorCode.OTHER_RECIPIENT,
        ErrorCode.UNSUPPORTED_CARD,
    }
)
"""How it shows that something was misread, or that the card is not what it was."""


@dataclass(slots=True)
class CardAttempt:
    """One transaction on a card, as the log tells of it when it fails.

    Attributes:
        operation: what the log calls it.
        reader: where the card is.
        number: of the card, as the attempt before this one read it; None for the first attempt.
        connection: to the card, once it is open.
        card: likewise.

    """

    operation: str
    reader: str
    number: str | None = None
    connection: ObservedConnection | None = None
    card: Card | None = None
    begun_at: float = field(default_factory=time.monotonic)

    @property
    def last_progress(self) -> float:
        """When the card answered last, or this began; a time.monotonic()."""
        connection = self.connection
        return self.begun_at if connection is None else connection.answered_at

    def may_read_again(self, error: AgentError) -> bool:
        """Return whether the same transaction may go better: nothing was spent, all may be new."""
        if self.card is not None and self.card.pin_sent:
            return False
        # Another program's reset while the card was opened is over when it is noticed.
        return error.code in DOUBTS or isinstance(error, SharingViolationError)

    def require_number(self, before: str | None) -> None:
        """Refuse a number that was read once and is another one than before.

        What is remembered, and how many attempts are left, is found by the number.

        Args:
            before: the number that this card had in earlier operations; None where none was read.

        Raises:
            CardError: it is another one.

        """
        known = {before, self.number} - {None}
        if self.card is not None and known and self.card.serial not in known:
            raise CardError("the card's number was read differently twice")

    def log(self, error: AgentError, decision: str) -> None:
        """Write what failed, where, and what was decided; commands by their headers only."""
        connection = self.connection
        answer = connection.status_word if connection is not None else None
        _log.warning(
            "a card operation failed",
            operation=self.operation,
            reader=self.reader,
            command=connection.commands if connection is not None else 0,
            header=connection.header if connection is not None else "",
            status_word="" if answer is None else f"{answer:04X}",
            code=str(error.code),
            detail=error.detail,
            decision=decision,
        )


async def until_silent(
    answer: asyncio.Future[T], attempt: Callable[[], CardAttempt | None], silence: float
) -> T:
    """Wait for a future, as long as a card goes on answering.

    Args:
        answer: what is waited for; it is cancelled where it did not come.
        attempt: gives the newest on the card's reader.
        silence: seconds without an answer of the card.

    Raises:
        TimeoutError: there was such a silence.

    """
    asked_at = time.monotonic()
    try:
        while not answer.done():
            newest = attempt()
            progress = asked_at if newest is None else max(asked_at, newest.last_progress)
            left = progress + silence - time.monotonic()
            if left <= 0:
                raise TimeoutError
            await asyncio.wait((answer,), timeout=left)
        return answer.result()
    finally:
        answer.cancel()
        del answer  # an error in it knows this frame, and would keep what the page sent
