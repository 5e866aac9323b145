"""The two ways to a faulty card: in this process, and through a real pcscd."""

import threading
from dataclasses import replace
from typing import Protocol

from agent.transport.base import CardProvider
from agent.transport.pcsc import PcscProvider
from agent.virtualcard.model import CardData
from agent.virtualcard.pcscd import PrivatePcscd
from agent.virtualcard.provider import READER_NAME, VirtualProvider
from tests.faults.card import FaultyCard
from tests.pcsc.rig import PcscRig


class Door(Protocol):
    """Where one card lies in one reader."""

    @property
    def reader(self) -> str:
        """The name of the reader."""

    def lay(self, data: CardData, *, nameless: bool = False) -> FaultyCard:
        """Put a card in the reader and return it; no driver knows a nameless one by its ATR."""

    def provider(self) -> CardProvider:
        """Return the readers, for one agent, which closes them."""

    def is_pulled(self) -> bool:
        """Return whether the card is out of the reader, or the reader is gone."""

    def put_back(self) -> None:
        """Put the card into the reader again; may take a second."""

    def abandon(self) -> None:
        """Make sure that nothing of a cell that died is left for the next one."""


class VirtualDoor:
    """A reader in this process; a new card and a new reader each time."""

    reader = READER_NAME.format(0)

    def __init__(self) -> None:
        self._provider = VirtualProvider()
        self._card: FaultyCard | None = None

    def lay(self, data: CardData, *, nameless: bool = False) -> FaultyCard:
        """Put a card in a new reader."""
        self._card = FaultyCard(replace(data), nameless=nameless)
        self._provider = VirtualProvider()
        self._provider.insert(self.reader, self._card)
        return self._card

    def provider(self) -> CardProvider:
        """Return the reader."""
        return self._provider

    def is_pulled(self) -> bool:
        """Return whether the reader is empty."""
        return not self._provider.readers()[0].present

    def put_back(self) -> None:
        """Put the card back."""
        if self._card is not None:
            self._provider.insert(self.reader, self._card)

    def abandon(self) -> None:
        """Do nothing: the next card gets a new reader."""


class PcscDoor:
    """A reader of a real pcscd, in which one card stays from cell to cell: a hand takes time."""

    def __init__(self, pcscd: PrivatePcscd) -> None:
        self._pcscd = pcscd
        self._rig = PcscRig(pcscd)
        self._card: FaultyCard | None = None
        self._killing = threading.Lock()

    @property
    def reader(self) -> str:
        """The name of the first reader."""
        return self._pcscd.readers[0]

    def lay(self, data: CardData, *, nameless: bool = False) -> FaultyCard:
        """Put a card in the reader, unless it is there already."""
        card = self._card
        if card is None or not card.is_like(data, nameless) or self.is_pulled():
            self.abandon()
            card = self._card = FaultyCard(replace(data), nameless=nameless)
            card.kill_daemon = self._kill
            self.put_back()
        return card

    def provider(self) -> CardProvider:
        """Return a new client of the daemon."""
        return PcscProvider()

    def is_pulled(self) -> bool:
        """Return whether the daemon or the card is gone."""
        with self._killing:  # the agent notices a kill before the daemon has quite ended
            is_gone = self._pcscd.process_id is None
        return is_gone or self._card is None or self._card.is_pulled

    def _kill(self) -> None:
        with self._killing:
            self._pcscd.halt(kill=True)

    def put_back(self) -> None:
        """Start the daemon if it is gone, and put the card back."""
        self._rig.remove(0)
        if self._pcscd.process_id is None:
            self._pcscd.restart()
        if self._card is not None:
            self._rig.insert(0, self._card)

    def abandon(self) -> None:
        """Start the daemon anew, with an empty reader."""
        self._rig.remove(0)
        self._card = None
        self._pcscd.restart()
