"""The interface between the code that knows what commands mean and the code that carries them.

A :class:`CardProvider` is a source of readers (PC/SC, or virtual cards in this process); a
:class:`Connection` carries command APDUs to one card. Bytes and status words only: ``61xx``,
``6Cxx``, retries and tracing sit above (:mod:`agent.transport.chaining`), so that every provider
gets them. All providers pass one contract test suite.

Everything here blocks: call it from a reader's own thread, never from the event loop.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ReaderState:
    """The state of one reader at one moment.

    Attributes:
        name: as the provider names it: printable, unique among the readers present, at most 127
            bytes UTF-8.
        present: whether a card is in it.
        atr: the card's Answer To Reset (ISO 7816-3 §8), 2 to 33 bytes; empty without a card.
        insertion: changes whenever a card was put in or pulled out, also when the same kind of
            card came back between two looks; compare for equality only.
        mute: a card is there but answers nothing (wrong way round, dirty contacts).

    """

    name: str
    present: bool = False
    atr: bytes = b""
    insertion: int = 0
    mute: bool = False


class Connection(Protocol):
    """One card, powered; made by :meth:`CardProvider.open`. Not thread-safe."""

    @property
    def reader(self) -> str:
        """The name of the reader that the card is in."""

    @property
    def atr(self) -> bytes:
        """The card's Answer To Reset, 2 to 33 bytes."""

    @property
    def protocol(self) -> str:
        """``"T=0"`` or ``"T=1"``."""

    def transmit(self, command: bytes | bytearray) -> tuple[bytes, int]:
        """Send one command APDU as it is; return the response data and the status word.

        Args:
            command: 4 to 261 bytes (short APDU). It is not kept, logged or copied further than
                the layer below does; a caller may wipe it afterwards.

        Raises:
            CardRemovedError: the card or reader went away; the connection cannot be used any more.
            TransportError: any other failure between the agent and the card.

        """

    def features(self) -> bytes | None:
        """Ask the reader, not the card, for its features (see :mod:`agent.transport.part10`).

        Returns:
            Its answer, empty where it has none; None where it could not be asked now.

        Raises:
            CardRemovedError, TransportError: as :meth:`transmit`.

        """

    def begin(self) -> None:
        """Begin a transaction: no other program's command reaches the card until :meth:`end`.

        Blocks while another program holds one. The card may have been reset by others before.

        Raises:
            CardRemovedError, TransportError: as :meth:`transmit`.

        """

    def end(self, *, reset: bool) -> None:
        """End the transaction, with ``reset`` powering the card down to its state after ATR.

        Does not raise when the card is gone.
        """

    def reset(self) -> None:
        """Warm-reset the card: it forgets selection, PIN state and secure channel.

        Raises:
            CardRemovedError, TransportError: as :meth:`transmit`.

        """

    def close(self) -> None:
        """Disconnect from the card; may be called twice; never raises.

        The card stays as it is, unless a transaction was left open: that one ends with a reset.
        """


class CardProvider(Protocol):
    """A source of readers.

    Its methods are for one monitor thread, but any thread may call :meth:`open` and
    :meth:`cancel`.
    """

    @property
    def kind(self) -> str:
        """``"pcsc"`` or ``"virtual"``: what ``--provider`` calls it."""

    def readers(self) -> tuple[ReaderState, ...]:
        """Return the readers as they are now, in the provider's own order, without waiting.

        Raises:
            ServiceUnavailableError: there is no PC/SC service.

        """

    def wait(self, known: tuple[ReaderState, ...], timeout: float) -> tuple[ReaderState, ...]:
        """Block until something differs from ``known``, or ``timeout`` seconds have passed.

        Returns the new states (equal to ``known`` after a timeout or a :meth:`cancel`). A card
        that came and went in between shows as a changed ``insertion``.

        Raises:
            ServiceUnavailableError: the service went away; call :meth:`readers` to come back.

        """

    def cancel(self) -> None:
        """Make a blocked :meth:`wait` return at once; from any thread; does nothing without one."""

    def open(self, reader: str) -> Connection:
        """Connect to the card in ``reader``, shared with other programs.

        Raises:
            NoReaderError: no reader of that name. NoCardError: it is empty.
            MuteCardError: what is in it answers nothing.
            SharingViolationError: another program has it for itself.
            ServiceUnavailableError, TransportError: as named.

        """

    def close(self) -> None:
        """Release everything; a blocked :meth:`wait` returns; may be called twice."""
