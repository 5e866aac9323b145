"""A hand that puts virtual cards into the readers of a real PC/SC daemon."""

import time

import pytest

from agent.transport.pcsc import PcscProvider
from agent.transport.pcsc_connection import PcscConnection
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.pcscd import PrivatePcscd
from agent.virtualcard.vpcd import VpcdConnection


class TidyProvider(PcscProvider):
    """A provider that closes what its test forgot: a handle on a reader outlives the test."""

    def __init__(self) -> None:
        super().__init__()
        self._opened: list[PcscConnection] = []

    def open(self, reader: str) -> PcscConnection:
        """Connect, and remember it."""
        connection = super().open(reader)
        self._opened.append(connection)
        return connection

    def close(self) -> None:
        """Close everything."""
        super().close()
        for connection in self._opened:
            connection.close()


class PcscRig:
    """A PC/SC provider, and the readers of a private daemon."""

    def __init__(self, pcscd: PrivatePcscd) -> None:
        self.pcscd = pcscd
        self.provider = TidyProvider()
        self.names = pcscd.readers
        self._doors: dict[int, VpcdConnection] = {}

    def insert(self, slot: int, card: VirtualCard) -> None:
        """Put a card in, no quicker than a hand could."""
        self._await_removal(slot)
        door = VpcdConnection(card, "127.0.0.1", self.pcscd.ports[slot])
        door.start()
        self._doors[slot] = door

    def await_card(self) -> None:
        """Wait until the daemon has seen the card in the first reader."""
        states = self.provider.readers()
        for _ in range(20):
            if states[0].present:
                return
            states = self.provider.wait(states, 5)
        pytest.fail("the daemon does not see the card")

    def remove(self, slot: int) -> None:
        """Pull the card out, if there is one."""
        door = self._doors.pop(slot, None)
        if door is not None:
            door.remove()

    def close(self) -> None:
        """Empty both readers, and wait until the daemon knows."""
        self.provider.close()
        for slot in (0, 1):
            self.remove(slot)
        for slot in (0, 1):
            self._await_removal(slot)

    def _await_removal(self, slot: int) -> None:
        """Wait until the daemon has seen the last card go.

        It looks every 400 milliseconds, takes a card that was exchanged in between for the old
        one, and if a reset failed meanwhile it never sees the new one.
        """
        name = self.names[slot]
        deadline = time.monotonic() + 2
        while self.pcscd.process_id is not None and time.monotonic() < deadline:
            log = self.pcscd.log()
            inserted = log.count(f"Card inserted into {name}")
            if log.count(f"Card Removed From {name}") >= inserted:
                return
            time.sleep(0.01)
