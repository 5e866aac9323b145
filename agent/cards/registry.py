"""Choose the driver for a card: by its ATR first, by probing where that fails."""

from agent.cards.card import CardDriver
from agent.cards.citizen import gen1, gen2
from agent.cards.citizen.card import CitizenDriver
from agent.cards.memory import CardMemory
from agent.transport.base import Connection


class Registry:
    """All drivers, which share one memory of the cards seen."""

    def __init__(self, memory: CardMemory | None = None) -> None:
        self.memory = memory or CardMemory()
        first = CitizenDriver(gen1.Gen1Card, self.memory)
        second = CitizenDriver(gen2.Gen2Card, self.memory)
        # Probing asks for applets by their names first, which every card understands alike: a gen1
        # card refuses the class byte and nothing else happens. What a foreign card makes of gen1's
        # question, in a class of its own, nobody knows: it comes last, after every other driver.
        self._probing: tuple[CardDriver, ...] = (second, first)
        self._by_atr: dict[bytes, CardDriver] = {
            gen2.ATR: second,
            gen1.ATR: first,
        }

    def by_atr(self, atr: bytes) -> CardDriver | None:
        """Return the driver for an ATR; None for one that is not known.

        Opening the card checks the choice: after an ``OtherGenerationError`` use :meth:`probe`.
        """
        return self._by_atr.get(atr)

    def probe(self, connection: Connection) -> CardDriver | None:
        """Find the driver by asking the card; return None for a card that no driver knows.

        Raises:
            TransportError: the card is gone or cannot be used.

        """
        for driver in self._probing:
            if driver.probe(connection):
                return driver
        return None
