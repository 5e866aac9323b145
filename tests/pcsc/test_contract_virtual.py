"""Virtual cards in this process keep the contract of all providers."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from agent.errors import NoReaderError
from agent.virtualcard.card import VirtualCard
from agent.virtualcard.provider import VirtualProvider
from tests.pcsc.contract import ProviderContract


class VirtualRig:
    def __init__(self) -> None:
        self.provider = VirtualProvider(2)
        first, second = (state.name for state in self.provider.readers())
        self.names = (first, second)

    def insert(self, slot: int, card: VirtualCard) -> None:
        self.provider.insert(self.names[slot], card)

    def remove(self, slot: int) -> None:
        with suppress(NoReaderError):  # a closed provider has none
            self.provider.remove(self.names[slot])


@pytest.fixture
def rig() -> Iterator[VirtualRig]:
    rig = VirtualRig()
    yield rig
    rig.provider.close()


class TestVirtualProvider(ProviderContract):
    """The in-process door."""
