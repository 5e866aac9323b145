"""A card on which one command goes wrong, in one of the ways of :mod:`tests.faults.kinds`.

It answers behind every door that a virtual card has: in this process, and the socket of vpcd.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from agent.virtualcard.card import VirtualCard
from agent.virtualcard.model import CardData
from agent.virtualcard.operating_system import INS_VERIFY

LATEST = 60.0  # seconds; a test that forgets to release an answer fails instead of hanging

NAMELESS_ATR: Final = bytes.fromhex("3B8B80010031C1640840213000900057")
"""There are such cards; which of the generations they belong to has to be asked."""

Follow = Callable[[bytes], bytes | None]
"""Answers a later command of the same fault; None once the fault is over."""
Fault = Callable[["FaultyCard", bytes, Random], bytes]
"""Answers the command that goes wrong."""


@dataclass(frozen=True, slots=True)
class Said:
    """One command by its instruction byte, and what the reader got; None if nothing."""

    ins: int
    answer: bytes | None


class FaultyCard(VirtualCard):
    """A virtual card with at most one fault on order.

    Attributes:
        said: every command since :meth:`listen`.
        is_holding: whether an answer is held back.
        held: told when an answer is held back; :meth:`release` lets it go.
        kill_daemon: ends the daemon that the card is served through.

    """

    def __init__(self, data: CardData, *, nameless: bool = False) -> None:
        super().__init__(data)
        self._nameless = nameless
        self.said: list[Said] = []
        self.is_holding = False
        self.held: Callable[[], object] = lambda: None
        self.kill_daemon: Callable[[], None] = lambda: None
        self._released = threading.Event()
        self._fault: Fault | None = None
        self._at = 0
        self._random: Random | None = None
        self._follow: Follow | None = None

    @property
    def atr(self) -> bytes:
        """The Answer To Reset; that of a third kind of card for a nameless one."""
        return NAMELESS_ATR if self._nameless else super().atr

    @property
    def is_pulled(self) -> bool:
        """Whether the card has left its reader by itself, and has had no power since."""
        return self._pulled.is_set()

    def is_like(self, data: CardData, nameless: bool) -> bool:
        """Return whether this card may stand for another one."""
        return self.data.serial == data.serial and self._nameless is nameless

    def listen(self) -> None:
        """Forget what was said, and what went wrong."""
        self.said = []  # a command that is under way still writes to the list before
        self._fault = self._follow = None

    def arm(self, fault: Fault, at: int, seed: str) -> None:
        """Let the command with number ``at`` from now on, the first being 1, go wrong."""
        self.listen()
        self._released.clear()
        self._fault, self._at = fault, at
        self._random = Random(seed)  # noqa: S311  # noise, the same each time

    def follow(self, follow: Follow) -> None:
        """Go on with the fault at the next command."""
        self._follow = follow

    def release(self) -> None:
        """Let a held answer go; from any thread."""
        self._released.set()

    def hold(self) -> None:
        """Wait until the answer is let go."""
        self.is_holding = True
        self.held()
        self._released.wait(LATEST)
        self.is_holding = False

    def carry_out(self, command: bytes) -> bytes:
        """Do what a card without a fault does."""
        return super().process(command)

    def process(self, command: bytes) -> bytes:
        """Answer one command, wrongly if it is its turn."""
        ins = command[1] if len(command) > 1 else 0
        said = self.said
        said.append(Said(ins, None))
        number = len(said)
        answer = self._disturbed(command, number)
        if answer is None:
            answer = self.carry_out(command)
        said[number - 1] = Said(ins, answer)
        return answer

    def _disturbed(self, command: bytes, number: int) -> bytes | None:
        fault, follow = self._fault, self._follow
        if fault is not None and self._random is not None and number == self._at:
            return fault(self, command, self._random)
        if follow is None:
            return None
        answer = follow(command)
        if answer is None:
            self._follow = None
        return answer

    @property
    def verifies(self) -> list[bytes | None]:
        """What every VERIFY was answered, in their order."""
        return [said.answer for said in self.said if said.ins == INS_VERIFY]
