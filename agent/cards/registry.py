"""Which driver speaks to which card: the ATR is a hint, probing is the proof."""

from agent.cards.card import CardDriver
from agent.cards.citizen import gen1, gen2
from agent.cards.citizen.card import CitizenDriver
from agent.cards.memory import CardMemory
from agent.transport.base import Connection


class Registry:
    """All drivers, with one shared memory of cards seen."""

    def __init__(self, memory: CardMemory | None = None) -> None:
        self.memory = memory or CardMemory()
        first = CitizenDriver(gen1.Gen1Card, self.memory)
        second = CitizenDriver(gen2.Gen2Card, self.memory)
        # Probing asks the applet first: a gen1 card refuses its class byte and nothing else
        # happens, while a foreign card might understand the other question.
        self._probing: tuple[CardDriver, ...] = (second, first)
        self._by_atr: dict[bytes, CardDriver] = {
            gen2.ATR: second,
            gen1.ATR: first,
        }

    def by_atr(self, atr: bytes) -> CardDriver | None:
        """Find the driver that the ATR promises; opening it proves the card again.

        Where the proof fails (``OtherGenerationError``), :meth:`probe` decides.
        """
        return self._by_atr.get(atr)

    def probe(self, connection: Connection) -> CardDriver | None:
        """Ask the card which it is; None for one that no driver knows.

        Raises:
            TransportError: the card is gone or cannot be had.

        """
        for driver in self._probing:
            if driver.probe(connection):
                return driver
        return None
