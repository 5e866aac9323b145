"""Which driver speaks to which card: the ATR is a hint, probing is the proof."""

from agent.cards import gppki, hicos
from agent.cards.card import CardDriver
from agent.cards.memory import CardMemory
from agent.transport.base import Connection


class Registry:
    """All drivers, with one shared memory of cards seen."""

    def __init__(self, memory: CardMemory | None = None) -> None:
        self.memory = memory or CardMemory()
        gen2 = gppki.GppkiDriver(self.memory)
        gen1 = hicos.HicosDriver(self.memory)
        # Probing asks the applet first: a gen1 card refuses its class byte and nothing else
        # happens, while a foreign card might understand the other question.
        self._probing: tuple[CardDriver, ...] = (gen2, gen1)
        self._by_atr: dict[bytes, CardDriver] = {
            gppki.ATR: gen2,  # historical bytes CHTGPKIJ
            hicos.ATR: gen1,  # historical bytes CHTMOICA
        }

    def by_atr(self, atr: bytes) -> CardDriver | None:
        """Find the driver that the ATR promises; every verb of it proves the card again.

        Where the proof fails (``OtherGenerationError``), :meth:`probe` has the last word.
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
